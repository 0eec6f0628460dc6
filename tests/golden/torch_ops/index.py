"""What PyTorch says of indexing, gathering, scattering, masks, triangles and grids."""

import torch
import torch.nn.functional as F
from registry import INF, NAN, corner, op, tensor, without

REDUCE = ("sum", "prod", "mean", "amax", "amin")


def index(x, *rest, items):
    return x[items]


def index_put(x, *rest, items, accumulate):
    # The tensors after x are the value and those of the list, which `items` has one place early.
    given = [v for v in items if isinstance(v, torch.Tensor)] + list(rest)
    value, tensors = given[0], iter(given[1:])
    items = tuple(next(tensors) if isinstance(v, torch.Tensor) else v for v in items)
    y = x.clone()
    if not any(isinstance(v, torch.Tensor) for v in items):
        y[items] = y[items] + value if accumulate else value
        return y
    if not accumulate:
        y[items] = value
        return y
    # accumulate=True takes index tensors only: let each element have its position
    at = torch.arange(x.numel()).reshape(x.shape)[items]
    return x.reshape(-1).index_put((at,), value.expand(at.shape), accumulate=True).reshape(x.shape)


def used(src, index):
    """What of src is scattered: PyTorch has no gradient if there is more."""
    if src.ndim != index.ndim or any(n > m for n, m in zip(index.shape, src.shape)):
        return src
    return src[tuple(slice(n) for n in index.shape)]


def scatter(x, index, src=None, *, dim, value):
    return x.scatter(dim, index, value if src is None else used(src, index))


def scatter_reduce(x, index, src, dim, reduce, include_self):
    part = used(src, index)
    return x.scatter_reduce(dim, index, part, REDUCE[reduce], include_self=include_self)


def take_along_dim(x, index, dim):
    size = x.shape[dim[0]] if dim else x.numel()
    if index.numel() and (index.min() < -size or index.max() >= size):
        raise IndexError("PyTorch takes the remainder")
    return torch.take_along_dim(x, index, dim[0] if dim else None)


op("index", index)
op("index_put", index_put)
# (its backward refuses sizes of 0)
op("index_select", lambda x, index, dim: x.index_select(dim, index), resize=False)
op(
    "index_add",
    lambda x, index, src, dim, alpha: x.index_add(dim, index, src, alpha=alpha),
    resize=False,
)
op("index_copy", lambda x, index, src, dim: x.index_copy(dim, index, src))
op("index_fill", lambda x, index, dim, value: x.index_fill(dim, index, value), resize=False)
op("gather", lambda x, index, dim: x.gather(dim, index))
op("take", lambda x, index: torch.take(x, index))
op("put", lambda x, index, src, accumulate: x.put(index, src, accumulate))
op("take_along_dim", take_along_dim)
# (what goes beyond an empty index breaks its backward)
op("scatter", scatter, resize=False)
op(
    "scatter_add",
    lambda x, index, src, dim: x.scatter_add(dim, index, used(src, index)),
    resize=False,
)
# Of ties PyTorch counts the element that it leaves out, and divides products by zeros.
op("scatter_reduce", scatter_reduce, special=False, resize=False)
op("select_scatter", lambda x, src, dim, index: torch.select_scatter(x, src, dim, index))
op(
    "slice_scatter",
    lambda x, src, dim, start, end, step: torch.slice_scatter(x, src, dim, start, end, step),
)
op("masked_fill", lambda x, mask, value: x.masked_fill(mask, value))
op("masked_fill_tensor", lambda x, mask, value: x.masked_fill(mask, value))
op("masked_select", lambda x, mask: torch.masked_select(x, mask))
op("masked_scatter", lambda x, mask, src: torch.masked_scatter(x, mask, src))
op("nonzero", lambda x: torch.nonzero(x))
op("tril", lambda x, diagonal: torch.tril(x, diagonal))
op("triu", lambda x, diagonal: torch.triu(x, diagonal))
op("one_hot", lambda index, num_classes: F.one_hot(index, num_classes))
without("index_at", "index, once its tensors are one")
without("index_at_put", "index_put, once its tensors are one")
without("index_at_add", "index_put with accumulate, once its tensors are one")
without("scatter_combine", "scatter_reduce of products and extremes")

GRID = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
corner("index", GRID, tensor([1, -1, -2], "i64"), attrs={"items": ["t"]}, second=True)
corner("index", GRID, [True, False], attrs={"items": ["t"]})
corner("index", GRID, [[True, False, True], [False, False, True]], attrs={"items": ["t"]})
corner("index", GRID, tensor([0, 0], "i32"), tensor([1, 2], "i64"), attrs={"items": ["t", "t"]})
corner(
    "index",
    [GRID, GRID],
    tensor([0], "i64"),
    tensor([2, 0], "i64"),
    attrs={"items": ["t", slice(None), "t"]},
)
corner("index", [GRID, GRID], tensor([2, 0], "i64"), attrs={"items": [0, slice(None), "t"]})
corner("index", GRID, True, attrs={"items": ["t"]})
corner("index", GRID, tensor([], "i64"), attrs={"items": ["t"]})
corner(
    "index_put",
    [0.0, 0.0, 0.0],
    [1.0, 2.0, 3.0],
    tensor([0, 0, 2], "i64"),
    attrs={"items": ["t"], "accumulate": 1},
    second=True,
)
corner("index_put", [0.0, 0.0, 0.0], 5.0, tensor([0, -1], "i64"), attrs={"items": ["t"]})
# of values on one place the last wins, and all get the gradient
corner("index_put", [9.0, 9.0], [1.0, 2.0, 3.0], tensor([0, 0, 0], "i64"), attrs={"items": ["t"]})
corner("index_select", [1.0, 2.0], tensor([0, 0, 1], "i64"), attrs={"dim": 0}, second=True)
corner(
    "index_add",
    [1.0, 2.0],
    tensor([0, 0], "i64"),
    [3.0, 4.0],
    attrs={"dim": 0, "alpha": 0.5},
    second=True,
)
corner("index_copy", [1.0, 2.0], tensor([1], "i64"), [3.0], attrs={"dim": 0})
corner("index_fill", GRID, tensor([-1], "i64"), attrs={"dim": 1, "value": NAN})
corner("gather", [1.0, 2.0], tensor([0, 0, 1], "i64"), attrs={"dim": 0}, second=True)
corner("scatter", [0.0, 0.0], tensor([0, 0], "i64"), [1.0, 2.0], attrs={"dim": 0})
corner("scatter", GRID, tensor([[2], [0]], "i64"), None, attrs={"dim": 1, "value": 9.0})
corner("scatter_add", [0.0, 0.0], tensor([0, 0], "i64"), [1.0, 2.0], attrs={"dim": 0}, second=True)
for mode in range(5):
    for self_too in (1, 0):
        attrs = {"dim": 0, "reduce": mode, "include_self": self_too}
        corner(
            "scatter_reduce",
            [1.5, 2.0, 3.0],
            tensor([0, 0, 2], "i64"),
            [2.0, 5.0, -1.0],
            attrs=attrs,
            second=True,
        )
        corner("scatter_reduce", [1.5, 2.0], tensor([0, 0], "i64"), [NAN, 5.0], attrs=attrs)
for mode in (3, 4):  # ties are split among all
    corner(
        "scatter_reduce",
        [2.0, 7.0],
        tensor([0, 0], "i64"),
        [2.0, 2.0],
        attrs={"dim": 0, "reduce": mode},
        second=True,
    )
    corner(
        "scatter_reduce",
        [2.0, 7.0],
        tensor([0, 0], "i64"),
        [2.0, 2.0],
        attrs={"dim": 0, "reduce": mode, "include_self": 0},
        grads=[[0.0, 1.0], None, [0.5, 0.5]],
        why="PyTorch counts the element that it leaves out",
    )
corner(
    "scatter_reduce", [0.0, 7.0], tensor([0, 0], "i64"), [3.0, 2.0], attrs={"dim": 0, "reduce": 1}
)
corner(
    "scatter_reduce", [4.0, 7.0], tensor([0, 0], "i64"), [0.0, 2.0], attrs={"dim": 0, "reduce": 1}
)
corner(
    "scatter_reduce", [4.0, 7.0], tensor([0, 0], "i64"), [0.0, 0.0], attrs={"dim": 0, "reduce": 1}
)
corner(
    "scatter_reduce", [0.0, 7.0], tensor([0, 0], "i64"), [0.0, 2.0], attrs={"dim": 0, "reduce": 1}
)
corner("take", GRID, tensor([[0, -1], [5, 0]], "i64"), second=True)
corner("put", GRID, tensor([0, 0], "i64"), [7.0, 8.0], attrs={"accumulate": 1})
corner("take_along_dim", GRID, tensor([[0, -1]], "i64"), attrs={"dim": [1]})
corner("masked_fill", GRID, [True, False, True], attrs={"value": -INF})
corner("masked_fill_tensor", GRID, [True, False, True], 7.0, second=True)
corner("masked_select", GRID, [True, False, True])
corner("masked_scatter", GRID, [True, False, True], [7.0, 8.0, 9.0, 10.0, 11.0])
corner("nonzero", [[0.0, NAN], [-0.0, 2.0]])
corner("nonzero", 3.0)
corner("tril", GRID, attrs={"diagonal": -1})
corner("triu", [[NAN, INF], [NAN, 1.0]], attrs={"diagonal": 1})
corner("one_hot", tensor([[0, 2], [1, 1]], "i64"))
