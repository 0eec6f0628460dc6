"""What PyTorch says of products, linear algebra and distances."""

import torch
import torch.nn.functional as F
from registry import INF, NAN, corner, op, without

L = torch.linalg


def signs(vectors):
    """The sign of each column's largest element; of several the first counts."""
    if vectors.numel() == 0:
        return vectors.new_ones((*vectors.shape[:-2], 1, vectors.shape[-1]))
    size = vectors.detach().abs()
    large = size >= (1 - 1e-5) * size.amax(-2, keepdim=True)
    first = large.to(torch.int8).argmax(-2, keepdim=True)
    return vectors.detach().gather(-2, first).sign()


def eigh(x, upper):
    w, v = L.eigh(x, UPLO="U" if upper else "L")
    return w, v * signs(v)


def svd(x, full_matrices):
    u, s, vt = L.svd(x, full_matrices=full_matrices)
    sign = signs(u)
    return u * sign, s, vt * sign.mT


# ---- products ----
op("matmul", torch.matmul)
op("mm", torch.mm)
op("bmm", torch.bmm)
op("mv", torch.mv)
op("dot", torch.dot)
op("linear", lambda x, w, b: F.linear(x, w, b))
op("inner", torch.inner)
op("outer", torch.outer)
op("addmm", lambda c, a, b, beta, alpha: torch.addmm(c, a, b, beta=beta, alpha=alpha))
# their backward in PyTorch fails for single rows
op("addmv", lambda c, a, b, beta, alpha: torch.addmv(c, a, b, beta=beta, alpha=alpha), resize=False)
op("addr", lambda c, a, b, beta, alpha: torch.addr(c, a, b, beta=beta, alpha=alpha), resize=False)
op("addbmm", lambda c, a, b, beta, alpha: torch.addbmm(c, a, b, beta=beta, alpha=alpha))
op("baddbmm", lambda c, a, b, beta, alpha: torch.baddbmm(c, a, b, beta=beta, alpha=alpha))
op("einsum", lambda *x, equation: torch.einsum(equation, *x))
op("tensordot", lambda a, b, dims_a, dims_b: torch.tensordot(a, b, (list(dims_a), list(dims_b))))
op("kron", torch.kron)
op("cross", lambda a, b, dim: L.cross(a, b, dim=dim), rtol=10)
op("bilinear", lambda x1, x2, w, b: F.bilinear(x1, x2, w, b))
op("chain_matmul", lambda *x: L.multi_dot(list(x)) if len(x) > 1 else x[0].clone())
op("trace", torch.trace)
# other factors first: infinities meet other ones
op("matrix_power", lambda x, n: L.matrix_power(x, n), special=False)

corner("matmul", [[1.0, NAN], [INF, 0.0]], [[0.0], [2.0]])
corner("matmul", [1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
corner("addmm", [[NAN, NAN]], [[1.0]], [[2.0, 3.0]], attrs={"beta": 0.0})
corner("addmm", [[1.0, 2.0]], [[1.0]], [[2.0, 3.0]], attrs={"beta": 0.0, "alpha": 0.0})
corner("baddbmm", [[[NAN]]], [[[2.0]]], [[[3.0]]], attrs={"beta": 0.0})
corner("einsum", [[1.0, 2.0], [INF, 4.0]], attrs={"equation": "ii"})
corner("einsum", [[1.0, 2.0], [NAN, 4.0]], attrs={"equation": "ii->i"})
corner("einsum", [1.0, 2.0], [3.0, 4.0], attrs={"equation": "i,j"})
corner("einsum", [1.0, 2.0], [3.0, 4.0], attrs={"equation": "B,a"})
corner("einsum", [[1.0, 2.0]], [[3.0], [4.0]], attrs={"equation": "...,..."})
corner("einsum", [[1.0, 2.0], [3.0, 4.0]], attrs={"equation": "...->"})
corner("einsum", 2.0, [3.0, 4.0], attrs={"equation": ",i->i"})
corner("kron", [[1.0, 2.0]], 3.0)
corner("trace", [[1.0, INF], [NAN, 4.0]])
corner("matrix_power", [[1.0, 2.0], [3.0, 4.0]], attrs={"n": 0})
corner("matrix_power", [[1.0, 2.0], [3.0, 4.0]], attrs={"n": -1})
corner("cross", [1.0, 0.0, 0.0], [0.0, 1.0, 0.0])

# ---- systems ----
op("solve", L.solve)
op("inv", L.inv)
op(
    "solve_triangular",
    lambda a, b, upper, left, unitriangular: L.solve_triangular(
        a, b, upper=upper, left=left, unitriangular=unitriangular
    ),
)
op("cholesky", lambda x, upper: L.cholesky(x, upper=upper))


def triangle(factor, upper):
    """What is read of a factor: PyTorch's gradients reach the other triangle too."""
    return factor.triu() if upper else factor.tril()


op(
    "cholesky_solve",
    lambda b, factor, upper: torch.cholesky_solve(b, triangle(factor, upper), upper=upper),
    special=False,
)
op(
    "cholesky_inverse",
    lambda factor, upper: torch.cholesky_inverse(triangle(factor, upper), upper=upper),
)
op("lu_factor", lambda x: tuple(L.lu_factor(x)))
op("lu", lambda x: tuple(L.lu(x)))
without("lu_solve", "pivots are no free inputs; test_lu.c solves with them")

corner("inv", [[1.0, 2.0], [3.0, 4.0]])
corner("inv", [[NAN, 1.0], [1.0, 2.0]])
corner("solve", [[0.0, 2.0], [1.0, 0.0]], [3.0, 4.0])
corner("cholesky", [[4.0, 2.0], [2.0, 5.0]])
corner("cholesky", [[4.0, 99.0], [2.0, 5.0]])
corner("cholesky", [[4.0, 2.0], [99.0, 5.0]], attrs={"upper": True})
corner("lu", [[1.0, 2.0], [3.0, 4.0]])

# ---- determinants ----
op("det", torch.det)
op("slogdet", lambda x: tuple(L.slogdet(x)))
op("logdet", torch.logdet)

corner("det", [[1.0, 2.0], [3.0, 4.0]])
corner(
    "det",
    [[1.0, 2.0], [2.0, 4.0]],
    expect=[0.0],
    grads=[[[4.0, -2.0], [-2.0, 1.0]]],
    why="PyTorch gives gradient 0 where the rank is n - 1; the cofactors are not 0",
)
corner("det", [[0.0, 0.0], [0.0, 0.0]], expect=[0.0], grads=[[[0.0, 0.0], [0.0, 0.0]]], why="-0")
corner("slogdet", [[0.0, 1.0], [1.0, 0.0]])
corner(
    "logdet",
    [[0.0, 1.0], [1.0, 0.0]],
    expect=[NAN],
    grads=[[[0.0, 0.0], [0.0, 0.0]]],
    why="the NaN is a constant: no gradient passes it",
)

# ---- decompositions ----
op("qr", lambda x, complete: tuple(L.qr(x, mode="complete" if complete else "reduced")))
op("eigh", eigh, rtol=10)
op("eigvalsh", lambda x, upper: L.eigvalsh(x, UPLO="U" if upper else "L"))
op("svd", svd, rtol=10)
op("svdvals", L.svdvals)
op("pinv", lambda x, rtol: L.pinv(x, rtol=rtol if rtol >= 0 else None))
op("matrix_exp", torch.matrix_exp, special=False)
op("matrix_rank", lambda x, rtol: L.matrix_rank(x, rtol=rtol if rtol >= 0 else None), special=False)
# PyTorch's solver of any rank spreads NaN and fails for empty matrices
op("lstsq", lambda a, b: L.lstsq(a, b).solution, special=False, resize=False)


def matrix_norm(x, ord, dims, keepdim):
    known = {"": "fro", "fro": "fro", "nuc": "nuc"}
    return L.matrix_norm(x, known[ord] if ord in known else float(ord), dims or (-2, -1), keepdim)


op("matrix_norm", matrix_norm, second=False, special=False)

corner("matrix_exp", [[0.0, 1.0], [0.0, 0.0]])
corner("matrix_exp", [[0.0, 30.0], [-30.0, 0.0]])
corner("eigvalsh", [[2.0, 0.0], [0.0, 2.0]])
corner("svdvals", [[2.0, 0.0], [0.0, 2.0]])
corner("matrix_rank", [[1.0, 2.0], [2.0, 4.0]])
corner("matrix_rank", [[0.0, 0.0], [0.0, 0.0]])
corner("matrix_norm", [[0.0, 0.0], [0.0, 0.0]])
corner("matrix_norm", [[NAN, 1.0], [0.0, 2.0]], attrs={"ord": "1"})
corner("pinv", [[1.0, 2.0], [2.0, 4.0]])
corner("pinv", [[0.0, 0.0]])

# ---- distances ----
op("cdist", lambda x1, x2, p: torch.cdist(x1, x2, p=p), second=False, special=False)
op("pdist", lambda x, p: torch.pdist(x, p=p), second=False, special=False, resize=False)
op(
    "pairwise_distance",
    lambda x1, x2, p, eps, keepdim: F.pairwise_distance(x1, x2, p=p, eps=eps, keepdim=keepdim),
    second=False,
    special=False,
)
op("dist", lambda a, b, p: torch.dist(a, b, p=p), second=False, special=False)
op("normalize", lambda x, p, dim, eps: F.normalize(x, p=p, dim=dim, eps=eps), special=False)
op(
    "cosine_similarity",
    lambda x1, x2, dim, eps: F.cosine_similarity(x1, x2, dim=dim, eps=eps),
    rtol=100,
)

corner("cdist", [[1.0, 2.0]], [[1.0, 2.0], [4.0, 6.0]])
corner("cdist", [[1.0, 2.0]], [[1.0, 2.0], [4.0, 6.0]], attrs={"p": 1.0})
corner("cdist", [[1.0, 2.0]], [[1.0, 2.0], [4.0, 6.0]], attrs={"p": 3.0})
corner("cdist", [[1.0, 2.0]], [[1.0, 2.0], [4.0, 7.0]], attrs={"p": INF})
corner("cdist", [[1.0, 2.0]], [[1.0, 2.0], [1.0, 6.0]], attrs={"p": 0.0})
corner(
    "cdist",
    [[1.0, 1.0]],
    [[0.0, 0.0]],
    attrs={"p": INF},
    expect=[[[1.0]]],
    grads=[[[0.5, 0.5]], [[-0.5, -0.5]]],
    why="equal differences share the gradient, as in torch.dist; torch.cdist gives each all of it",
)
corner("dist", [1.0, 1.0], [0.0, 0.0], attrs={"p": INF})
corner("dist", [1.0, 2.0], [1.0, 2.0])
corner("dist", [1.0, 2.0], [1.0, 2.0], attrs={"p": 3.0})
corner("pairwise_distance", [[1.0, 2.0]], [[1.0, 2.0]])
corner("normalize", [[0.0, 0.0]])
corner("normalize", [[3.0, 4.0]])
corner("cosine_similarity", [[0.0, 0.0]], [[3.0, 4.0]])
corner("cosine_similarity", [[1.0, 0.0]], [[3.0, 4.0]])
