"""Closed forms of what combines elements: reductions, norms, losses, matrix functions.

See closed_forms.py.
"""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
from closed_forms import INF, ndtr, sigmoid
from exact_cases import add
from mpmath import mp, mpf

# ---- Reductions ----

EXP = np.frompyfunc(lambda x: mp.exp(x), 1, 1)
LOG = np.frompyfunc(lambda x: mp.log(x), 1, 1)
ABS = np.frompyfunc(abs, 1, 1)
ROWS = [[0.3, -1.2, 2.5, 0.7], [1e-3, -40.0, 3.0, 1.5]]
APART = [[700.0, 699.5, -700.0], [-1e5, -1e5 - 1.0, -1e5 - 50.0], [1e300, 1.0, -1e300]]
LEVEL = [[1e6 + 0.25, 1e6 + 0.5, 1e6 - 0.125, 1e6], [1.0, 1 + 1e-7, 1 - 1e-7, 1 + 3e-7]]


def softmax(x: np.ndarray) -> np.ndarray:
    """Along the last dim."""
    e = EXP(x)
    return e / e.sum(-1, keepdims=True)


def power_sum(x: np.ndarray, p: float) -> np.ndarray:
    """The vector norm along the last dim."""
    if p in (INF, -INF):
        return np.array([(max if p > 0 else min)(ABS(row)) for row in x], object)
    return np.array(
        [mp.power(sum(mp.power(abs(v), p) for v in row), 1 / mpf(p)) for row in x], object
    )


def variance(x: np.ndarray, correction: float) -> np.ndarray:
    """Along the last dim."""
    d = x - x.sum(-1, keepdims=True) / x.shape[-1]
    return (d * d).sum(-1) / (x.shape[-1] - mpf(correction))


def reductions() -> None:
    """What combines elements."""
    last, dims = {"dim": 1}, {"dims": [1]}
    wide = (2e-15, 1e-14)
    for x in (ROWS, APART):
        add(
            "logsumexp",
            lambda x, dims: LOG(EXP(x).sum(-1)),
            x,
            attrs=dims,
            tol=wide,
            source="exact",
        )
        add("log_softmax", lambda x, dim: LOG(softmax(x)), x, attrs=last, tol=wide)
        add("logcumsumexp", lambda x, dim: LOG(np.cumsum(EXP(x), -1)), x, attrs=last, tol=wide)
    wide = (2e-15, 1e-14)
    add(
        "log_softmax",
        lambda x, dim: LOG(softmax(x)),
        [[40.0, 0.0, 1.0], [0.0, 37.0, 0.0]],
        attrs=last,
        tol=wide,
    )
    for x in (ROWS, APART[:2], [[0.0, -700.0, -300.0], [0.0, 1e-10, -1e-10]]):
        # Ones as the gradient give zeros: what is left of p(1 - sum p) is rounding.
        add("softmax", lambda x, dim: softmax(x), x, attrs=last, tol=(4e-15, 1e-14), wrt=[])
    add("softmin", lambda x, dim: softmax(-x), ROWS, attrs=last, tol=(4e-15, 1e-14), wrt=[])
    norm = lambda x, p, dims: power_sum(x, p)  # noqa: E731
    for p in (1.0, 2.0, 3.0, 0.5, -1.0, 2.5, INF, -INF):
        add("vector_norm", norm, ROWS, attrs={"p": p, "dims": [1]}, tol=wide, source="exact")
    for p, rtol in ((2.0, 2e-15), (3.0, 2e-14)):  # 1/3 is rounded: that times ln y counts
        spread = [[1e-3, 3e-3, -2e-3], [1e60, -3e60, 2e60]]
        add(
            "vector_norm",
            norm,
            spread,
            attrs={"p": p, "dims": [1]},
            tol=(rtol, rtol),
            source="exact",
        )
    for x in (ROWS, LEVEL):
        for correction in (1.0, 0.0):
            attrs = {"dims": [1], "correction": correction}
            var = lambda x, dims, correction: variance(x, correction)  # noqa: E731
            std = lambda x, dims, correction: np.array(  # noqa: E731
                [mp.sqrt(v) for v in variance(x, correction)], object
            )
            # Two passes: about n rounding errors of the mean, which count for little in d².
            loose = (4e-15, 1e-14) if x is ROWS else (1e-14, 1e-8)
            add("var", var, x, attrs=attrs, tol=loose)
            add("std", std, x, attrs=attrs, tol=loose)
    mean = lambda x, dims: x.sum(-1) / x.shape[-1]  # noqa: E731
    for x in (ROWS, LEVEL):
        add("mean", mean, x, attrs=dims)
        add("sum", lambda x, dims: x.sum(-1), x, attrs=dims)
        add("cumsum", lambda x, dim: np.cumsum(x, -1), x, attrs=last)
        add("prod", lambda x, dims: x.prod(-1), x, attrs=dims, source="exact")
        add("cumprod", lambda x, dim: np.cumprod(x, -1), x, attrs=last, tol=wide)
    add(
        "prod",
        lambda x, dims: x.prod(-1),
        [[0.0, 2.5, -1.5], [1e-200, 1e200, 3.0]],
        attrs=dims,
        source="exact",
    )


# ---- Normalising and distances ----

SQRT = np.frompyfunc(lambda x: mp.sqrt(x), 1, 1)
OTHERS = [[0.5, 2.2, -1.5, 0.7], [-3.0, 0.1, 0.25, 1.0]]
SCALE, SHIFT = [1.5, -0.5, 0.3, 2.0], [0.1, -0.2, 0.0, 3.0]


def normed(x: np.ndarray, eps: float) -> np.ndarray:
    """Mean 0 and variance 1 along the last dim."""
    mean = x.sum(-1, keepdims=True) / x.shape[-1]
    variance = ((x - mean) ** 2).sum(-1, keepdims=True) / x.shape[-1]
    return (x - mean) / SQRT(variance + mpf(eps))


def normalising() -> None:
    """Norms and distances."""
    tol = (4e-15, 4e-14)
    attrs = {"normalized_shape": [4], "eps": 1e-5}
    add(
        "layer_norm",
        lambda x, w, b, eps, **_: normed(x, eps) * w + b,
        ROWS,
        SCALE,
        SHIFT,
        attrs=attrs,
        tol=tol,
    )
    add(
        "rms_norm",
        lambda x, w, eps, **_: x / SQRT((x * x).sum(-1, keepdims=True) / 4 + mpf(eps)) * w,
        ROWS,
        SCALE,
        attrs=attrs,
        tol=tol,
    )
    unit = lambda x, p, dim: x / power_sum(x, p)[:, None]  # noqa: E731
    for p in (2.0, 1.0, 3.0):
        add("normalize", unit, ROWS, attrs={"p": p, "dim": 1}, tol=tol)
    cosine = lambda a, b, dim: (a * b).sum(-1) / (power_sum(a, 2) * power_sum(b, 2))  # noqa: E731
    add("cosine_similarity", cosine, ROWS, OTHERS, attrs={"dim": 1}, tol=tol)
    for p in (1.0, 2.0, 3.0):
        add(
            "cdist",
            lambda a, b, p: np.stack([power_sum(a - row, p) for row in b], 1),
            ROWS,
            OTHERS,
            attrs={"p": p},
            tol=tol,
        )
        add(
            "pairwise_distance",
            lambda a, b, p, eps: power_sum(a - b + mpf(eps), p),
            ROWS,
            OTHERS,
            attrs={"p": p, "eps": 1e-6},
            tol=tol,
        )
    for op, gate in (
        ("glu", lambda a, b: a * sigmoid(b)),
        ("swiglu", lambda a, b: a * sigmoid(a) * b),
        ("geglu", lambda a, b: a * ndtr(a) * b),
    ):
        given = np.frompyfunc(gate, 2, 1)
        add(
            op,
            lambda x, dim, given=given: given(x[:, :2], x[:, 2:]),
            ROWS,
            attrs={"dim": 1},
            tol=(2e-15, 1e-14),
            source="exact",
        )


# ---- Losses ----


def reduced(values: np.ndarray, reduction: int) -> Any:
    """none, mean, sum, batchmean."""
    if reduction == 0:
        return values
    s = values.sum()
    return (None, s / values.size, s, s / values.shape[0])[reduction]


def losses() -> None:
    """Losses."""

    def loss(op: str, function: Callable, x: list, y: list, *more: list, **options: Any) -> None:
        attrs = options.pop("attrs", {})
        options = {"tol": (2e-15, 4e-15), "source": "exact", **options}
        given = np.frompyfunc(lambda *v: function(*v, **attrs), 2 + len(more), 1)
        for reduction in (0, 1):
            add(
                op,
                lambda *v, reduction, **_: reduced(given(*v), reduction),
                x,
                y,
                *more,
                attrs={**attrs, "reduction": reduction},
                **options,
            )

    x, y = [-2.5, -0.3, 0.1, 0.75, 4.0], [0.5, -0.2, 0.3, 2.5, 1.0]
    loss("mse_loss", lambda a, b: (a - b) ** 2, x, y)

    def huber(a: mpf, b: mpf, delta: float) -> mpf:
        d = abs(a - b)
        return d * d / 2 if d <= delta else delta * (d - mpf(delta) / 2)

    def smooth(a: mpf, b: mpf, beta: float) -> mpf:
        d = abs(a - b)
        return d * d / (2 * mpf(beta)) if d < beta else d - mpf(beta) / 2

    loss("huber_loss", huber, x, y, attrs={"delta": 1.3})
    loss("smooth_l1_loss", smooth, x, y, attrs={"beta": 1.3})
    cosh = lambda a, b: mp.log(mp.cosh(a - b))  # noqa: E731
    loss("log_cosh_loss", cosh, x, y)
    loss("log_cosh_loss", cosh, [1e-8, 1e-5, 1e-3, 800.0, -30.0], [0.0] * 5)

    def kl(a: mpf, b: mpf, log_target: bool) -> mpf:
        return mp.exp(b) * (b - a) if log_target else b * (mp.log(b) - a)

    loss("kl_div", kl, [-0.5, -1.5, -3.0], [0.3, 0.2, 0.9], attrs={"log_target": False})
    loss("kl_div", kl, [-0.5, -1.5, -3.0], [-0.3, -2.0, -40.0], attrs={"log_target": True})

    def poisson(a: mpf, b: mpf, log_input: bool, eps: float = 1e-8) -> mpf:
        return mp.exp(a) - b * a if log_input else a - b * mp.log(a + mpf(eps))

    loss("poisson_nll_loss", poisson, x, y, attrs={"log_input": True})
    loss(
        "poisson_nll_loss",
        poisson,
        [0.1, 2.5, 9.0],
        [0.0, 3.0, 8.0],
        wrt=[0],
        attrs={"log_input": False},
    )
    gaussian = lambda a, b, v: (mp.log(v) + (a - b) ** 2 / v) / 2  # noqa: E731
    loss("gaussian_nll_loss", gaussian, x, y, [0.3, 2.0, 0.1, 5.0, 1e5])
    p = [0.3, 0.9, 1e-10, 0.999]
    entropy = lambda a, b: -(b * mp.log(a) + (1 - b) * mp.log1p(-a))  # noqa: E731
    add(
        "binary_cross_entropy",
        lambda a, b, w, reduction: np.frompyfunc(entropy, 2, 1)(a, b),
        p,
        [0.0, 1.0, 0.0, 0.4],
        None,
        attrs={"reduction": 0},
        source="exact",
        wrt=[0],
    )
    logits = lambda a, b: (1 - b) * a + mp.log1p(mp.exp(-a))  # noqa: E731
    for a, b in (
        (x, [0.0, 1.0, 0.25, 0.7, 1.0]),
        ([-700.0, -40.0, 40.0, 700.0, 30.0], [0.0, 0.0, 1.0, 1.0, 0.0]),
    ):
        for reduction in (0, 1):
            add(
                "binary_cross_entropy_with_logits",
                lambda a, b, w, v, reduction: reduced(np.frompyfunc(logits, 2, 1)(a, b), reduction),
                a,
                b,
                None,
                None,
                attrs={"reduction": reduction},
                source="exact",
                wrt=[0],
            )
    margin = lambda a, b: mp.log1p(mp.exp(-a * b))  # noqa: E731
    loss("soft_margin_loss", margin, [-40.0, -0.3, 0.1, 40.0], [1.0, -1.0, 1.0, 1.0], wrt=[0])

    def focal(a: mpf, b: mpf, alpha: float, gamma: float) -> mpf:
        q = sigmoid(a) if b == 1 else sigmoid(-a)
        share = mpf(alpha) if b == 1 else 1 - mpf(alpha)
        return -share * mp.power(1 - q, gamma) * mp.log(q)

    loss(
        "sigmoid_focal_loss",
        focal,
        [-10.0, -0.3, 0.1, 30.0],
        [1.0, 0.0, 1.0, 1.0],
        wrt=[0],
        attrs={"alpha": 0.25, "gamma": 2.0},
    )

    def cross(a: np.ndarray, t: np.ndarray, w: Any, reduction: int, label_smoothing: float) -> Any:
        logs = LOG(softmax(a))
        e = mpf(label_smoothing)
        values = np.array([-(1 - e) * r[k] - e / len(r) * r.sum() for r, k in zip(logs, t)], object)
        return reduced(values, reduction)

    for smoothing in (0.0, 0.1):
        for a in (ROWS, [[40.0, 0.0, 1.0, -3.0], [700.0, -700.0, 699.0, 0.0]]):
            add(
                "cross_entropy",
                cross,
                a,
                [0, 2],
                None,
                tol=(2e-15, 1e-14),
                attrs={"reduction": 1, "label_smoothing": smoothing},
            )
    add(
        "nll_loss",
        lambda a, t, w, reduction: -(a[0, t[0]] + a[1, t[1]]) / 2,
        ROWS,
        [0, 2],
        None,
        attrs={"reduction": 1},
    )


# ---- Matrices ----

MATRIX = [[4.0, 0.3, -1.2], [0.7, 3.5, 0.9], [-0.4, 1.1, 5.0]]
DEFINITE = [[4.0, 0.5, -1.0], [0.5, 3.0, 0.75], [-1.0, 0.75, 5.0]]
OTHER = [[0.3, -0.7], [1.2, 0.9], [-2.5, 0.1]]


def rows(matrix: Any) -> np.ndarray:
    """An mpmath matrix as an array."""
    return np.array(matrix.tolist(), object)


def factor(a: np.ndarray) -> np.ndarray:
    """Cholesky's factor; it reads the whole matrix, as if made symmetric."""
    a = (a + a.T) / 2
    n = len(a)
    lower = np.full((n, n), mpf(0), object)
    for i in range(n):
        for j in range(i + 1):
            s = a[i, j] - sum((lower[i, k] * lower[j, k] for k in range(j)), mpf(0))
            lower[i, j] = mp.sqrt(s) if i == j else s / lower[j, j]
    return lower


def singular(a: np.ndarray) -> list:
    """Singular values, largest first."""
    return list(mp.svd_r(mp.matrix(a.tolist()), compute_uv=False))


def matrix_norm(a: np.ndarray, ord: str) -> mpf:
    """All orders."""
    if ord in ("nuc", "2", "-2"):
        s = singular(a)
        return {"nuc": sum(s), "2": max(s), "-2": min(s)}[ord]
    if ord == "fro":
        return mp.sqrt((a * a).sum())
    sums = ABS(a).sum(0 if ord.endswith("1") else 1)
    return min(sums) if ord.startswith("-") else max(sums)


def matrices() -> None:
    """Matrix functions, of well-conditioned matrices: normwise 1e-12 and better."""
    tol = (1e-14, 1e-13)
    solved = lambda a, b: rows(mp.lu_solve(mp.matrix(a.tolist()), mp.matrix(b.tolist())))  # noqa
    solve = lambda a, b: np.stack([solved(a, b[:, k : k + 1])[:, 0] for k in range(2)], 1)  # noqa
    det = lambda a: mp.det(mp.matrix(a.tolist()))  # noqa: E731
    inv = lambda a: rows(mp.inverse(mp.matrix(a.tolist())))  # noqa: E731
    add("matmul", lambda a, b: a @ b, MATRIX, OTHER, tol=tol)
    add("mm", lambda a, b: a @ b, MATRIX, OTHER, tol=tol)
    add("mv", lambda a, b: a @ b, MATRIX, [0.3, -1.2, 2.5], tol=tol)
    add("dot", lambda a, b: a @ b, [1.0, 1e-3, -2.5], [0.3, -1.2, 2.5], tol=tol)
    add("outer", np.multiply.outer, [1.0, 1e-3, -2.5], [0.3, -1.2], tol=tol)
    add("trace", lambda a: a.trace(), MATRIX, tol=tol)
    add(
        "einsum",
        lambda a, b, equation: np.einsum(equation, a, b),
        MATRIX,
        OTHER,
        attrs={"equation": "ij,jk->ki"},
        tol=tol,
    )
    add("det", det, MATRIX, tol=tol)
    add("slogdet", lambda a: (mp.sign(det(a)), mp.log(abs(det(a)))), MATRIX, tol=tol)
    add("logdet", lambda a: mp.log(det(a)), MATRIX, tol=tol)
    add("inv", inv, MATRIX, tol=tol)
    add("solve", solve, MATRIX, OTHER, tol=tol)
    add("matrix_power", lambda a, n: a @ a @ a, MATRIX, attrs={"n": 3}, tol=tol)
    add("matrix_power", lambda a, n: inv(a) @ inv(a), MATRIX, attrs={"n": -2}, tol=tol)
    add("cholesky", factor, DEFINITE, tol=tol)
    add("svdvals", lambda a: np.array(singular(a), object), MATRIX, tol=tol)
    for ord in ("fro", "nuc", "2", "-2", "1", "-1", "inf", "-inf"):
        add("matrix_norm", matrix_norm, MATRIX, attrs={"ord": ord}, tol=tol)


GROUPS = (reductions, normalising, losses, matrices)
