"""What PyTorch says of reductions and scans."""

import torch
from registry import INF, NAN, corner, op, tensor, without

FLAT = -(2**31)  # TG_FLAT: the dim of all elements together


def every(x, dims):
    """The dims of a reduction: none named means all."""
    return dims or list(range(x.dim()))


def over(function):
    """A reduction with PyTorch's names and a list of dims, all if empty."""
    return lambda x, dims, keepdim: function(x, dim=every(x, dims), keepdim=keepdim)


def one_by_one(function):
    """A reduction that PyTorch has for one dim only."""

    def call(x, dims, keepdim):
        todo = sorted((d % max(x.dim(), 1) for d in every(x, dims)), reverse=True)
        for d in todo if x.dim() else []:
            x = function(x, d, keepdim)
        return x if todo and x.dim() + len(todo) > 0 and x is not None else function(x, 0, keepdim)

    return call


def prod(x, dims, keepdim):
    """Product over several dims."""
    if x.dim() == 0:
        return torch.prod(x)
    for d in sorted((d % x.dim() for d in every(x, dims)), reverse=True):
        x = torch.prod(x, d, keepdim=keepdim)
    return x


def truth(function):
    """all and any: bool, also of 0-d."""
    return lambda x, dims, keepdim: function(x != 0, dim=every(x, dims), keepdim=keepdim)


op("sum", over(torch.sum), special=False)  # sums of 1e30 and -1e30 depend on their order
op("nansum", over(torch.nansum), special=False)  # sums of 1e30 and -1e30 depend on their order
op("mean", over(torch.mean), special=False)  # sums of 1e30 and -1e30 depend on their order
op("nanmean", over(torch.nanmean), special=False)  # only NaN: see the corner
op("prod", prod, special=False)  # PyTorch divides: NaN beside infinities
op("amax", over(torch.amax))
op("amin", over(torch.amin))
op(
    "aminmax",
    lambda x, dims, keepdim: (
        over(torch.amin)(x, dims, keepdim),
        over(torch.amax)(x, dims, keepdim),
    ),
)
op("all", truth(torch.all), first=False)
op("any", truth(torch.any), first=False)
op("count_nonzero", lambda x, dims: torch.count_nonzero(x, dim=every(x, dims)), first=False)
op("max_dim", lambda x, dim, keepdim: tuple(torch.max(x, dim, keepdim)))
op("min_dim", lambda x, dim, keepdim: tuple(torch.min(x, dim, keepdim)))
op(
    "argmax",
    lambda x, dim, keepdim: torch.argmax(x, None if dim == FLAT else dim, keepdim),
    first=False,
)
op(
    "argmin",
    lambda x, dim, keepdim: torch.argmin(x, None if dim == FLAT else dim, keepdim),
    first=False,
)
without("sum_to", "the sum over the dims that were broadcast; tested by every op that broadcasts")
without("prod_others", "the gradient of prod; tested by its second derivative")
without("cumsum_back", "the gradient of cumsum; tested by its second derivative")
without("recur", "part of the gradient of cumprod; tested by its second derivative")
without("recur_back", "part of the gradient of cumprod; tested by its first derivative")

op(
    "var",
    lambda x, dims, correction, keepdim: torch.var(
        x, every(x, dims), correction=correction, keepdim=keepdim
    ),
)
op(
    "std",
    lambda x, dims, correction, keepdim: torch.std(
        x, every(x, dims), correction=correction, keepdim=keepdim
    ),
    resize=False,
)  # of equal numbers PyTorch's is rounding
op(
    "var_mean",
    lambda x, dims, correction, keepdim: torch.var_mean(
        x, every(x, dims), correction=correction, keepdim=keepdim
    ),
    special=False,
)
op(
    "std_mean",
    lambda x, dims, correction, keepdim: torch.std_mean(
        x, every(x, dims), correction=correction, keepdim=keepdim
    ),
    special=False,
    resize=False,
)
# PyTorch's slopes, e^(x - y) with the rounded y, add up to 2 for two equal numbers of 1e30.
op("logsumexp", lambda x, dims, keepdim: torch.logsumexp(x, every(x, dims), keepdim), special=False)
op("softmax", lambda x, dim: torch.softmax(x, dim))
op("log_softmax", lambda x, dim: torch.log_softmax(x, dim))
without("softmax_grad", "the gradient of softmax; tested by its second derivative")
without("log_softmax_grad", "the gradient of log_softmax; tested by its second derivative")
op(
    "vector_norm",
    lambda x, p, dims, keepdim: torch.linalg.vector_norm(x, p, every(x, dims), keepdim),
    special=False,
)

op("cumsum", lambda x, dim: torch.cumsum(x, dim))
op("cumprod", lambda x, dim: torch.cumprod(x, dim), special=False)  # PyTorch divides by x
op("logcumsumexp", lambda x, dim: torch.logcumsumexp(x, dim), special=False)
op("cummax", lambda x, dim: tuple(torch.cummax(x, dim)))
op("cummin", lambda x, dim: tuple(torch.cummin(x, dim)))

op("diff", lambda x, n, dim: torch.diff(x, n, dim))
op(
    "trapezoid",
    lambda y, x, dx, dim: (
        torch.trapezoid(y, dx=dx, dim=dim) if x is None else torch.trapezoid(y, x, dim=dim)
    ),
    special=False,
)
op(
    "cumulative_trapezoid",
    lambda y, x, dx, dim: (
        torch.cumulative_trapezoid(y, dx=dx, dim=dim)
        if x is None
        else torch.cumulative_trapezoid(y, x, dim=dim)
    ),
)
op(
    "cov",
    lambda x, fweights, aweights, correction: torch.cov(
        x, correction=int(correction), fweights=fweights, aweights=aweights
    ),
)
op(
    "corrcoef", lambda x: torch.corrcoef(x), resize=False, rtol=100.0
)  # of two observations: slopes are rounding
op("renorm", lambda x, p, dim, maxnorm: torch.renorm(x, p, dim, maxnorm), special=False)

# ---- Corners ----

ALL = {"dims": [], "keepdim": False}
corner("sum", [[], []], attrs={"dims": [1]})
corner("sum", [1.0, INF, 2.0])
corner("sum", [1.0, INF, -INF])
corner("sum", tensor([1, 2, 300], "i32"))
corner("nansum", [1.0, NAN, 2.0])
corner("nansum", [NAN, NAN])
corner("nanmean", [1.0, NAN, 2.0])
corner(
    "nanmean",
    [[NAN, NAN], [1.0, NAN]],
    attrs={"dims": [1]},
    expect=[[NAN, 1.0]],
    grads=[[[0.0, 0.0], [1.0, 0.0]]],
    why="PyTorch gives NaN to elements that do not count",
)
corner("mean", [1.0, NAN])
for zeros in ([0.0, 2.0, 4.0], [0.0, 2.0, 0.0], [3.0, 2.0, 4.0], [0.0, 0.0, 0.0], [0.0, INF]):
    corner("prod", zeros, second=INF not in zeros)
corner("prod", [[]], attrs={"dims": [1]})
for name in ("amax", "amin", "aminmax"):
    corner(name, [1.0, 3.0, 3.0, 1.0])
    corner(name, [-0.0, 0.0])
    corner(name, [INF, -INF, INF, -INF])
    corner(name, [1.0, NAN, 3.0])
for name in ("max_dim", "min_dim", "argmax", "argmin"):
    corner(name, [1.0, 3.0, 3.0, 1.0], attrs={"dim": 0})
    corner(name, [5.0, NAN, 9.0, NAN], attrs={"dim": 0})
    corner(name, [[2.0, 2.0], [2.0, 1.0]], attrs={"dim": -2, "keepdim": True})
corner("argmax", [[1.0, 7.0], [7.0, 0.0]])
corner("argmin", [[1.0, 7.0], [0.0, 0.0]], attrs={"keepdim": True})
corner("count_nonzero", [0.0, -0.0, NAN, INF, 1.0])
for name in ("var", "std", "var_mean", "std_mean"):
    corner(name, [1.0, 2.0, 4.0])
    corner(name, [3.0, 3.0, 3.0])
    corner(name, [1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16])
    corner(name, [3.0, 3.0], attrs={"correction": 2.0})
    corner(name, [1.0, NAN, 2.0])
for name in ("var_mean", "std_mean"):
    corner(
        name,
        [1.0, INF, 2.0],
        expect=[NAN, INF],
        grads=[[-INF, NAN, -INF] if name == "var_mean" else [NAN, NAN, NAN]],
        why="the mean is infinite, and PyTorch says NaN",
    )
for name in ("var", "std"):
    corner(name, [1.0, INF, 2.0])
    corner(name, [5.0])
    corner(name, [5.0], attrs={"correction": 0.0})
corner(
    "var",
    [1.0, 2.0, 4.0],
    attrs={"correction": 3.0},
    grads=[[-INF, -INF, INF]],
    why="PyTorch drops the sign of x - mean where the divisor is 0",
)
corner("logsumexp", [-INF, -INF], expect=[-INF], grads=[[0.0, 0.0]], why="PyTorch gives NaN")
corner("logsumexp", [-INF, 1.0])
corner("logsumexp", [INF, 1.0])
corner("logsumexp", [1000.0, 1000.0])
corner("logsumexp", [1e30, 1e30], expect=[1e30], grads=[[0.5, 0.5]], why="PyTorch has 1 twice")
corner("logsumexp", [1.0, NAN])
corner("logsumexp", [[], []], attrs={"dims": [1]})
for name in ("softmax", "log_softmax"):
    corner(name, [-INF, -INF], attrs={"dim": 0})
    corner(name, [-INF, 1.0], attrs={"dim": 0})
    corner(name, [INF, 1.0], attrs={"dim": 0})
    corner(name, [1e30, 0.0], attrs={"dim": 0})
    corner(name, [1.0, NAN], attrs={"dim": 0})
for p in (1.0, 2.0, 3.0, 0.5, 1.5, -1.0, INF, -INF):
    corner("vector_norm", [0.0, 0.0, 0.0], attrs={"p": p})
    corner("vector_norm", [0.0, 2.0], attrs={"p": p})
    corner("vector_norm", [3.0, -3.0, 1.0], attrs={"p": p})
    corner("vector_norm", [INF, 1.0], attrs={"p": p})
corner("vector_norm", [0.0, -2.0, NAN], attrs={"p": 0.0})
for p in (1.0, 2.0, 3.0, 0.5):
    corner("vector_norm", [NAN, 1.0], attrs={"p": p})
for p in (INF, -INF):
    corner(
        "vector_norm",
        [NAN, 1.0],
        attrs={"p": p},
        expect=[NAN],
        grads=[[NAN, NAN]],
        why="NaN as in amax; PyTorch gives 0",
    )
for p in (0.5, 2.0, 3.0):
    corner("vector_norm", [[], []], attrs={"p": p, "dims": [1]})

D0 = {"dim": 0}
corner("cumsum", [1.0, INF, 2.0, -INF, 1.0], attrs=D0)
corner("cumsum", tensor([1, 2, 3], "i32"), attrs=D0)
corner("cumsum", [True, True, False], attrs=D0)
for zeros in ([2.0, 0.0, 4.0], [2.0, 0.0, 0.0], [0.0, 0.0, 3.0], [2.0, 3.0, 4.0]):
    corner("cumprod", zeros, attrs=D0, second=True)
for name in ("cummax", "cummin"):
    corner(name, [1.0, 1.0, 0.0, 2.0], attrs=D0)
    corner(name, [2.0, 1.0, 1.0, 3.0, 2.0], attrs=D0)
    corner(name, [1.0, NAN, 3.0, NAN, 0.0], attrs=D0)
    corner(name, [0.0, -0.0, INF, -INF], attrs=D0)
corner(
    "logcumsumexp",
    [-INF, -INF, 1.0, 2.0],
    attrs=D0,
    expect=[[-INF, -INF, 1.0, 2.3132616875182228]],
    grads=[[0.0, 0.0, 1.2689414213699951, 0.7310585786300049]],
    why="PyTorch gives NaN to a prefix of -inf",
)
corner("logcumsumexp", [1000.0, -1000.0, 1000.0], attrs=D0)
corner("logcumsumexp", [1.0, NAN, 2.0], attrs=D0)
corner("logcumsumexp", [1.0, INF], attrs=D0)
corner("diff", [True, False, False])
corner("diff", tensor([3, 1], "u8"))
corner("diff", [1.0, INF, INF])
corner("diff", [3.0, 1.0], attrs={"n": 3})
corner("trapezoid", [1.0], None)
corner("trapezoid", [[1.0, 2.0, 4.0], [1.0, 1.0, 1.0]], [0.0, 1.0, 3.0])
corner("cumulative_trapezoid", [[1.0, 2.0, 4.0]], None)
corner("cov", [[1.0, 2.0, 4.0], [0.0, 1.0, 5.0]], tensor([1, 2, 0], "i64"), [0.1, 0.2, 0.3])
corner("cov", [[1.0], [2.0]], None, None)
corner("corrcoef", [[1.0, 1.0], [2.0, 3.0]])
corner("corrcoef", [1.0, 2.0])
for p in (1.0, 2.0, INF):
    corner("renorm", [[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]], attrs={"p": p, "dim": 0, "maxnorm": 1.0})
