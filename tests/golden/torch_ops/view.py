"""What PyTorch says of copies, views, joining, repeating and padding."""

import torch
import torch.nn.functional as F
from registry import INF, NAN, corner, op, tensor, without


def cast(x, dtype):
    return x.to(dtype)


def squeeze(x, dims):
    return torch.squeeze(x, dims) if dims else torch.squeeze(x)


def index(x, *rest, items):
    return x[items] if items else x[()]


def put_part(x, value, items):
    y = x.clone()
    y[items] = value
    return y


def as_strided(x, size, stride, offset):
    return torch.as_strided(x.contiguous(), size, stride, offset)


def repeat_interleave(x, repeats_tensor=None, *, repeats, dim):
    given = repeats if repeats_tensor is None else repeats_tensor
    return torch.repeat_interleave(x, given, dim=dim[0] if dim else None)


def pad(x, pads, mode, value):
    if mode == 0:
        return F.pad(x, pads, value=value)
    # PyTorch pads so only the last dims, behind a batch and channels.
    name = ("reflect", "replicate", "circular")[mode - 1]
    n = len(pads) // 2
    lead = max(0, n + 2 - x.ndim)
    wide = x.reshape((1,) * lead + tuple(x.shape))
    return F.pad(wide, pads, mode=name).reshape(
        [
            s + (pads[2 * k] + pads[2 * k + 1] if k < n else 0)
            for s, k in zip(x.shape, range(x.ndim - 1, -1, -1))
        ]
    )


op("cast", cast)
op("clone", lambda x: x.clone())
op("contiguous", lambda x: x.contiguous())
op("copy", lambda x, src: (x + 0).copy_(src))
op("fill", lambda x, value: x.clone().fill_(value))
op("reshape", lambda x, shape: x.reshape(shape))
op("view", lambda x, shape: x.view(shape))
op("flatten", lambda x, start_dim, end_dim: torch.flatten(x, start_dim, end_dim))
op("unflatten", lambda x, dim, sizes: torch.unflatten(x, dim, sizes))
op("permute", lambda x, dims: x.permute(dims))
op("transpose", lambda x, dim0, dim1: x.transpose(dim0, dim1))
op("t", lambda x: x.t())
op("movedim", lambda x, source, destination: torch.movedim(x, source, destination))
op("expand", lambda x, shape: x.expand(shape))
op("squeeze", squeeze)
op("unsqueeze", lambda x, dim: x.unsqueeze(dim))
op("select", lambda x, dim, index: x.select(dim, index))
op("narrow", lambda x, dim, start, length: x.narrow(dim, start, length))
op("slice", lambda x, dim, start, end, step: torch.ops.aten.slice(x, dim, start, end, step))
op("index_part", index)
op("index_part_put", put_part)
op("diagonal", lambda x, offset, dim1, dim2: torch.diagonal(x, offset, dim1, dim2))
op(
    "diagonal_scatter",
    lambda x, src, offset, dim1, dim2: torch.diagonal_scatter(x, src, offset, dim1, dim2),
)
op("diag_embed", lambda x, offset, dim1, dim2: torch.diag_embed(x, offset, dim1, dim2))
op("diag", lambda x, diagonal: torch.diag(x, diagonal))
op("as_strided", as_strided, resize=False)
op("unfold_dim", lambda x, dim, size, step: x.unfold(dim, size, step))
op("flip", lambda x, dims: torch.flip(x, dims or list(range(x.ndim))))
op("roll", lambda x, shifts, dims: torch.roll(x, shifts, dims))
op("rot90", lambda x, k, dims: torch.rot90(x, k, dims or [0, 1]))
op("repeat", lambda x, repeats: x.repeat(repeats))
op("repeat_interleave", repeat_interleave)
op("pad", pad)
op("cat", lambda *xs, dim: torch.cat(xs, dim))
op("stack", lambda *xs, dim: torch.stack(xs, dim))
without("strided_add", "the gradient of as_strided and unfold_dim")

# float to integer truncates, and saturates where PyTorch is undefined
corner("cast", [2.7, -2.7, 0.5, -0.5], attrs={"dtype": "i64"})
corner(
    "cast",
    [NAN, INF, -INF, 1e300],
    attrs={"dtype": "i64"},
    expect=[[0, 9223372036854775807, -9223372036854775808, 9223372036854775807]],
    why="PyTorch's result is undefined",
)
corner(
    "cast",
    [300.0, -1.0, NAN],
    attrs={"dtype": "u8"},
    expect=[[255, 0, 0]],
    why="PyTorch's result is undefined",
)
corner("cast", [0.0, -0.0, NAN, 0.25], attrs={"dtype": "bool"})
corner("cast", tensor([300, -1, 5], "i64"), attrs={"dtype": "u8"})
corner("cast", [1.0, 2.0], attrs={"dtype": "f32"})
corner("copy", [[1.0, 2.0], [3.0, 4.0]], [5.0, 6.0])
corner("reshape", [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], attrs={"shape": [3, -1]})
corner("expand", [[1.0], [2.0]], attrs={"shape": [3, 2, 2]})
corner("squeeze", [[[1.0]], [[2.0]]], attrs={"dims": [0, 2]})
corner("slice", [1.0, 2.0, 3.0, 4.0, 5.0], attrs={"dim": 0, "start": -4, "end": 100, "step": 2})
corner("select", [[1.0, 2.0], [3.0, 4.0]], attrs={"dim": 1, "index": -1})
corner(
    "as_strided",
    [1.0, 2.0, 3.0, 4.0],
    attrs={"size": [3, 2], "stride": [1, 1], "offset": 0},
    second=True,
)
corner("as_strided", [1.0, 2.0], attrs={"size": [3], "stride": [0], "offset": 1})
corner("unfold_dim", [1.0, 2.0, 3.0, 4.0, 5.0], attrs={"dim": 0, "size": 3, "step": 1})
corner("unfold_dim", 3.0, attrs={"dim": 0, "size": 1, "step": 1})
corner("diagonal", [[1.0, 2.0], [3.0, 4.0]], attrs={"offset": 3})
corner("diag_embed", [[1.0, 2.0], [3.0, 4.0]], attrs={"offset": 1, "dim1": 0, "dim2": 2})
corner("flip", [[1.0, 2.0], [3.0, 4.0]], attrs={"dims": [0, 1]})
corner("roll", [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], attrs={"shifts": [1]})
corner("roll", [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], attrs={"shifts": [1, 2], "dims": [0, 0]})
corner("rot90", [[1.0, 2.0], [3.0, 4.0]], attrs={"k": -1})
corner("repeat", [1.0, 2.0], attrs={"repeats": [2, 3]})
corner("repeat", [1.0, 2.0], attrs={"repeats": [0, 3]})
corner("repeat_interleave", [1.0, 2.0, 3.0], tensor([2, 0, 3], "i64"), attrs={"dim": [0]})
corner("repeat_interleave", [[1.0, 2.0], [3.0, 4.0]], None, attrs={"repeats": 2})
corner("pad", [[1.0, 2.0], [3.0, 4.0]], attrs={"pads": [1, 0, 0, 2], "value": NAN})
corner("pad", [1.0, 2.0, 3.0], attrs={"pads": [-1, 2], "value": 7.0})
corner("pad", [1.0, 2.0, 3.0], attrs={"pads": [2, 2], "mode": 1})
corner("pad", [1.0, 2.0, 3.0], attrs={"pads": [2, 5], "mode": 2})
corner("pad", [1.0, 2.0, 3.0], attrs={"pads": [3, 3], "mode": 3})
corner("cat", [[1.0]], [[2.0]], attrs={"dim": 1})
corner("cat", tensor([], "f64"), [[1.0, 2.0]], attrs={"dim": 1})
corner("cat", tensor([1, 2], "i32"), tensor([0.5], "f32"), attrs={"dim": 0})
corner("stack", 1.0, 2.0, attrs={"dim": -1})
