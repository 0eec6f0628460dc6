"""What PyTorch says of sorting, order statistics, search and counting.

Positions are those of a stable sort. Where PyTorch leaves them open, they are taken from its stable
sort, or not compared.
"""

import torch
from registry import INF, NAN, corner, op, tensor

FLAT = -(2**31)  # TG_FLAT: the dim of all elements together


def topk(x, k, dim, largest, sorted):
    """The beginning of the stable order."""
    torch.topk(x, k, dim, largest, sorted)  # refuses what it refuses
    values, at = torch.sort(x, dim=dim, descending=largest, stable=True)
    return (values.narrow(dim, 0, k), at.narrow(dim, 0, k)) if x.dim() else (values, at)


def kthvalue(x, k, dim, keepdim):
    """The k-th of the stable order."""
    torch.kthvalue(x, k, dim, keepdim)
    values, at = torch.sort(x, dim=dim, stable=True)
    if x.dim() == 0:
        return values, at
    pair = values.narrow(dim, k - 1, 1), at.narrow(dim, k - 1, 1)
    return pair if keepdim else tuple(v.squeeze(dim) for v in pair)


def quantiles(function):
    """Quantiles of one dim, or of all elements."""
    return lambda x, q, dim, keepdim, interpolation: function(
        x, q, None if dim == FLAT else dim, keepdim, interpolation=interpolation or "linear"
    )


def bincount(x, weights, minlength):
    """Of the weights' dtype also without elements."""
    y = torch.bincount(x, weights, minlength)
    if weights is None:
        return y
    return y.to(torch.float32 if weights.dtype == torch.float32 else torch.float64)


op(
    "sort",
    lambda x, dim, descending, stable: tuple(
        torch.sort(x, dim=dim, descending=descending, stable=True)
    ),
)
op(
    "argsort",
    lambda x, dim, descending, stable: torch.argsort(
        x, dim=dim, descending=descending, stable=True
    ),
    first=False,
)
op("topk", topk)
op("kthvalue", kthvalue)
op("median", lambda x: torch.median(x))
op("nanmedian", lambda x: torch.nanmedian(x))
op("median_dim", lambda x, dim, keepdim: tuple(torch.median(x, dim, keepdim)))
op("nanmedian_dim", lambda x, dim, keepdim: tuple(torch.nanmedian(x, dim, keepdim)))
op(
    "mode", lambda x, dim, keepdim: tuple(torch.mode(x, dim, keepdim)), special=False
)  # NaN in no fixed place
op("quantile", quantiles(torch.quantile), special=False, resize=False)  # ties: not its stable sort
op("nanquantile", quantiles(torch.nanquantile), special=False, resize=False)
op(
    "searchsorted",
    lambda sorted_sequence, values, right: torch.searchsorted(sorted_sequence, values, right=right),
    first=False,
)
op(
    "isin",
    lambda x, test_elements, invert: torch.isin(x, test_elements, invert=invert),
    first=False,
)
op("unique", lambda x: torch.unique(x, return_inverse=True, return_counts=True), first=False)
op(
    "unique_consecutive",
    lambda x: torch.unique_consecutive(x, return_inverse=True, return_counts=True),
    first=False,
)


def histogram(x, weight, bins, min, max, density):
    """The range of the data if min and max are equal."""
    y = torch.histogram(
        x, bins, range=None if min == max else (min, max), weight=weight, density=density
    )
    return y.hist, y.bin_edges


op("histogram", histogram, first=False)
op(
    "unique_dim",
    lambda x, dim: torch.unique(x, return_inverse=True, return_counts=True, dim=dim),
    first=False,
    special=False,
)
op(
    "unique_consecutive_dim",
    lambda x, dim: torch.unique_consecutive(x, return_inverse=True, return_counts=True, dim=dim),
    first=False,
)
op("bincount", bincount, first=False)
op("histc", lambda x, bins, min, max: torch.histc(x, bins, min, max), first=False)

# ---- Corners ----

MIXED = [2.0, NAN, -INF, 2.0, INF, -0.0, 0.0, NAN]
for name in ("sort", "argsort"):
    for descending in (False, True):
        corner(name, MIXED, attrs={"dim": 0, "descending": descending})
        corner(
            name, [[3.0, 1.0], [1.0, 3.0], [1.0, 1.0]], attrs={"dim": 0, "descending": descending}
        )
        corner(name, tensor([3, -1, 3, 0], "i64"), attrs={"descending": descending})
        corner(name, tensor([3, -1, 3, 0], "i32"), attrs={"descending": descending})
        corner(name, tensor([3, 255, 3, 0], "u8"), attrs={"descending": descending})
        corner(name, [True, False, True, False], attrs={"descending": descending})
for k in (1, 2, 5, 8):
    for largest in (False, True):
        corner("topk", MIXED, attrs={"k": k, "largest": largest})
    corner("kthvalue", MIXED, attrs={"k": k})
corner("topk", [1.0, 1.0, 1.0, 0.0], attrs={"k": 2})
for values in (
    [2.0, 2.0, 2.0, 5.0],
    [5.0, 2.0, 2.0, 2.0],
    [1.0, NAN, NAN, 0.0],
    [4.0, 1.0],
    MIXED,
    [NAN, NAN],
):
    corner("median", values)
    corner("nanmedian", values)
    corner("median_dim", values, attrs={"dim": 0})
    corner("nanmedian_dim", values, attrs={"dim": 0})
corner("median", [])
corner("nanmedian", [])
for values in ([2.0, 2.0, 2.0, 5.0], [5.0, 2.0, 5.0, 2.0], [3.0, 1.0, 2.0], [1.0, NAN, NAN, 0.0]):
    corner("mode", values, attrs={"dim": 0})
for how in ("linear", "lower", "higher", "nearest", "midpoint"):
    corner(
        "quantile",
        [1.0, 2.0, 3.0, 4.0],
        [0.0, 0.1, 0.4, 0.5, 0.9, 1.0],
        attrs={"interpolation": how},
    )
    corner(
        "quantile",
        [[1.0, NAN, 2.0], [3.0, 1.0, 2.0]],
        [0.5, 0.75],
        attrs={"interpolation": how, "dim": 1},
    )
    corner(
        "nanquantile",
        [[1.0, NAN, 2.0], [NAN, NAN, NAN]],
        0.5,
        attrs={"interpolation": how, "dim": 1},
    )
corner(
    "quantile",
    [-INF, 1.0, INF],
    0.25,
    expect=[-INF],
    grads=[None, None],
    why="PyTorch subtracts infinities",
)
corner(
    "quantile",
    [-INF, 1.0, INF],
    0.75,
    expect=[INF],
    grads=[None, None],
    why="PyTorch subtracts infinities",
)
corner("quantile", [7.0, 7.0, 7.0, 7.0], [0.1, 0.7])
corner(
    "quantile",
    [-INF, 1.0, INF],
    [0.0, 0.5, 1.0],
    expect=[[-INF, 1.0, INF]],
    grads=[[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]],
    why="PyTorch subtracts an infinite element from itself",
)
for right in (False, True):
    corner(
        "searchsorted",
        [1.0, 2.0, 2.0, 3.0],
        [2.0, 0.0, 4.0, NAN, -INF, INF],
        attrs={"right": right},
    )
    corner("searchsorted", [1.0, 2.0, NAN], [NAN, 3.0, 1.5], attrs={"right": right})
    corner(
        "searchsorted", tensor([1, 3, 3], "i32"), tensor([3, 0, 9], "i32"), attrs={"right": right}
    )
    corner("searchsorted", [1.0, 2.0], 2.0, attrs={"right": right})
corner("isin", [NAN, 1.0, 0.0], [NAN, 1.0, -0.0])
corner("isin", tensor([[1, 2], [3, 4]], "i64"), tensor([4, 1], "i64"), attrs={"invert": True})
for name in ("unique", "unique_consecutive"):
    corner(name, tensor([[3, 3], [1, 3]], "i64"))
    corner(name, [True, False, False])
    corner(name, [NAN, NAN, 1.0, 1.0, 0.0, -0.0])
    corner(name, tensor([], "i64"))
for dim in (0, 1):
    corner("unique_dim", tensor([[1, 2, 2], [1, 2, 2], [0, 3, 3]], "i64"), attrs={"dim": dim})
    corner(
        "unique_consecutive_dim",
        tensor([[1, 2, 2], [1, 2, 2], [0, 3, 3]], "i64"),
        attrs={"dim": dim},
    )
corner("bincount", tensor([1, 1, 3], "i64"), None)
corner("bincount", tensor([1, 1, 3], "i32"), [0.5, 1.0, 2.0], attrs={"minlength": 6})
corner("bincount", tensor([1, 1, 3], "u8"), tensor([1, 2, 3], "i64"))
corner("bincount", tensor([], "i64"), None, attrs={"minlength": 2})
corner("histc", [1.0, 2.0, 1.0, NAN, 3.0], attrs={"bins": 4, "min": 0.0, "max": 3.0})
corner("histc", [1.0, 2.0, 1.0, 3.0], attrs={"bins": 4})
corner("histc", [2.0, 2.0], attrs={"bins": 4})
corner("histc", [2.0, INF], attrs={"bins": 4, "max": 5.0})
corner("histc", [], attrs={"bins": 3})
corner("histogram", [1.0, 2.0, 1.0, 3.0], None, attrs={"bins": 4, "min": 0.0, "max": 3.0})
corner("histogram", [1.0, 2.0, 1.0], [0.5, 1.0, 2.0], attrs={"bins": 4, "density": True})
corner("histogram", [2.0, 2.0], None, attrs={"bins": 4})
