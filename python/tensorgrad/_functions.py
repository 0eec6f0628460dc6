"""Functions of tensors whose form is their own; _ops, which is generated, has the regular ones."""

from __future__ import annotations

from . import _capi as c
from ._errors import require
from ._pack import pack_int, pack_tensors
from ._tensor import NONE, Tensor
from ._wrap import wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from ._arith import Operand
    from ._pack import Dims, Size

__all__ = [
    "add",
    "argmax",
    "argmin",
    "cat",
    "clamp",
    "cross_entropy",
    "detach",
    "div",
    "eq",
    "flatten",
    "gather",
    "ge",
    "gt",
    "index_select",
    "is_tensor",
    "l1_loss",
    "le",
    "linear",
    "log_softmax",
    "lt",
    "masked_fill",
    "max",
    "min",
    "mse_loss",
    "mul",
    "narrow",
    "ne",
    "numel",
    "permute",
    "pow",
    "reshape",
    "scatter_add",
    "select",
    "softmax",
    "squeeze",
    "stack",
    "std",
    "sub",
    "transpose",
    "unsqueeze",
    "var",
    "where",
]

_REDUCTIONS = {"none": c.TG_REDUCE_NONE, "mean": c.TG_REDUCE_MEAN, "sum": c.TG_REDUCE_SUM}


def _reduction(name: str, op: str) -> int:
    try:
        return _REDUCTIONS[name]
    except (KeyError, TypeError):
        raise ValueError(f"{op}: reduction must be 'none', 'mean' or 'sum', got {name!r}") from None


def is_tensor(obj: object) -> bool:
    """True for a Tensor."""
    return isinstance(obj, Tensor)


def numel(input: Tensor) -> int:
    """The number of elements."""
    require(input, "numel")
    return input.numel()


def detach(input: Tensor) -> Tensor:
    """The same elements in the same memory, without history."""
    require(input, "detach")
    return input.detach()


# ---- Arithmetic and comparison


def add(input: Tensor, other: Operand, *, alpha: float = 1) -> Tensor:
    """Returns input + alpha * other; broadcasts and promotes."""
    require(input, "add")
    return input.add(other, alpha=alpha)


def sub(input: Tensor, other: Operand, *, alpha: float = 1) -> Tensor:
    """Returns input - alpha * other; broadcasts and promotes."""
    require(input, "sub")
    return input.sub(other, alpha=alpha)


def mul(input: Tensor, other: Operand) -> Tensor:
    """Returns input * other, by elements; broadcasts and promotes."""
    require(input, "mul")
    return input * other


def div(input: Tensor, other: Operand) -> Tensor:
    """Returns input / other, true division: integers give float32."""
    require(input, "div")
    return input / other


def pow(input: Tensor | float, exponent: Operand) -> Tensor:
    """Returns input ** exponent, by elements. One of the two may be a number."""
    if not isinstance(input, Tensor):
        require(exponent, "pow", "exponent, where input is none,")
    return input**exponent  # type: ignore[operator]


def eq(input: Tensor, other: Operand) -> Tensor:
    """Returns input == other, by elements; bool."""
    require(input, "eq")
    return input.eq(other)


def ne(input: Tensor, other: Operand) -> Tensor:
    """Returns input != other, by elements; bool."""
    require(input, "ne")
    return input.ne(other)


def lt(input: Tensor, other: Operand) -> Tensor:
    """Returns input < other, by elements; bool."""
    require(input, "lt")
    return input < other


def le(input: Tensor, other: Operand) -> Tensor:
    """Returns input <= other, by elements; bool."""
    require(input, "le")
    return input <= other


def gt(input: Tensor, other: Operand) -> Tensor:
    """Returns input > other, by elements; bool."""
    require(input, "gt")
    return input > other


def ge(input: Tensor, other: Operand) -> Tensor:
    """Returns input >= other, by elements; bool."""
    require(input, "ge")
    return input >= other


def where(condition: Tensor, input: Operand, other: Operand) -> Tensor:
    """Returns input where condition (bool) is true, else other; all three broadcast.

    The branch that is not taken gets gradient 0.
    """
    from ._create import tensor

    require(condition, "where", "condition")
    a = input if isinstance(input, Tensor) else tensor(input)
    b = other if isinstance(other, Tensor) else tensor(other)
    return wrap(c.tg_where(condition._h, a._h, b._h))


def clamp(input: Tensor, min: float | None = None, max: float | None = None) -> Tensor:
    """Returns input limited to [min, max]; None means no limit."""
    require(input, "clamp")
    return input.clamp(min, max)


# ---- Shapes and parts


def cat(tensors: Iterable[Tensor], dim: int = 0) -> Tensor:
    """Joins along an existing dim; the other sizes must agree. Dtypes are promoted."""
    kept, handles = pack_tensors(tensors, "cat", "tensors")
    return wrap(c.tg_cat(handles, len(kept), pack_int(dim, "dim")))


def stack(tensors: Iterable[Tensor], dim: int = 0) -> Tensor:
    """Joins tensors of equal shape along a new dim."""
    kept, handles = pack_tensors(tensors, "stack", "tensors")
    return wrap(c.tg_stack(handles, len(kept), pack_int(dim, "dim")))


def reshape(input: Tensor, shape: Size) -> Tensor:
    """The elements in row-major order with another shape; one size may be -1."""
    require(input, "reshape")
    return input.reshape(shape)


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Dims start_dim to end_dim (both included) become one."""
    require(input, "flatten")
    return input.flatten(start_dim, end_dim)


def permute(input: Tensor, dims: Size) -> Tensor:
    """Dim i of the result is dim dims[i] of input."""
    require(input, "permute")
    return input.permute(dims)


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Swaps two dims."""
    require(input, "transpose")
    return input.transpose(dim0, dim1)


def squeeze(input: Tensor, dim: Size | None = None) -> Tensor:
    """Drops the given dims where they have size 1; None: all of size 1."""
    require(input, "squeeze")
    return input.squeeze(dim)


def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """Inserts a dim of size 1 before position dim."""
    require(input, "unsqueeze")
    return input.unsqueeze(dim)


def select(input: Tensor, dim: int, index: int) -> Tensor:
    """The part at one position of a dim, which is dropped; a view."""
    require(input, "select")
    return input.select(dim, index)


def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """Positions start to start + length of a dim; a view."""
    require(input, "narrow")
    return input.narrow(dim, start, length)


def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """Rows along dim at the positions in index (1-d or 0-d, int64 or int32)."""
    require(input, "index_select")
    return input.index_select(dim, index)


def gather(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """y[i][j] = input[index[i][j]][j] for dim 0, and so on."""
    require(input, "gather")
    return input.gather(dim, index)


def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """A copy of input with y[index[i][j]][j] += src[i][j] for dim 0, and so on."""
    require(input, "scatter_add")
    return input.scatter_add(dim, index, src)


def masked_fill(input: Tensor, mask: Tensor, value: float) -> Tensor:
    """Returns value where mask (bool, broadcast) is true, else input."""
    require(input, "masked_fill")
    return input.masked_fill(mask, value)


# ---- Reductions of several forms


def max(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """max(x): the largest element. max(x, dim): (values, indices). max(x, other): maximum."""
    require(input, "max")
    return input.max(dim, keepdim)


def min(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """min(x): the smallest element. min(x, dim): (values, indices). min(x, other): minimum."""
    require(input, "min")
    return input.min(dim, keepdim)


def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Position (int64) of the first largest along dim; None: in the flattened tensor."""
    require(input, "argmax")
    return input.argmax(dim, keepdim)


def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Position (int64) of the first smallest along dim; None: in the flattened tensor."""
    require(input, "argmin")
    return input.argmin(dim, keepdim)


def var(input: Tensor, dim: Dims = None, *, correction: float = 1, keepdim: bool = False) -> Tensor:
    """The variance: squares from the mean over (n - correction)."""
    require(input, "var")
    return input.var(dim, correction=correction, keepdim=keepdim)


def std(input: Tensor, dim: Dims = None, *, correction: float = 1, keepdim: bool = False) -> Tensor:
    """The square root of var."""
    require(input, "std")
    return input.std(dim, correction=correction, keepdim=keepdim)


def softmax(input: Tensor, dim: int) -> Tensor:
    """e**x over the sum of e**x along dim."""
    require(input, "softmax")
    return input.softmax(dim)


def log_softmax(input: Tensor, dim: int) -> Tensor:
    """The logarithm of softmax, computed without overflow."""
    require(input, "log_softmax")
    return input.log_softmax(dim)


# ---- Layers and losses: tensorgrad.nn.functional has them under these names


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Returns input @ weight.T + bias: input [..., in], weight [out, in], bias [out] or None."""
    require(input, "linear")
    require(weight, "linear", "weight")
    if bias is not None:
        require(bias, "linear", "bias")
    return wrap(c.tg_linear(input._h, weight._h, NONE if bias is None else bias._h))


def mse_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """(input - target)**2, combined as reduction says: "mean", "sum" or "none". No broadcasting."""
    require(input, "mse_loss")
    require(target, "mse_loss", "target")
    return wrap(c.tg_mse_loss(input._h, target._h, _reduction(reduction, "mse_loss")))


def l1_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """|input - target|, combined as reduction says: "mean", "sum" or "none". No broadcasting."""
    require(input, "l1_loss")
    require(target, "l1_loss", "target")
    return wrap(c.tg_l1_loss(input._h, target._h, _reduction(reduction, "l1_loss")))


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Softmax cross entropy of logits.

    input: [C], [N, C] or [N, C, d1, ...]. target: class indices (int64 or int32) of that shape
    without C, or probabilities of input's shape and dtype. weight: [C], one per class. Elements
    whose target is ignore_index count as absent.
    """
    require(input, "cross_entropy")
    require(target, "cross_entropy", "target")
    options = c.tg_cross_entropy_options.init()
    options.reduction = _reduction(reduction, "cross_entropy")
    options.ignore_index = ignore_index
    options.label_smoothing = label_smoothing
    if weight is not None:
        require(weight, "cross_entropy", "weight")
        options.weight = weight._h
    return wrap(c.tg_cross_entropy(input._h, target._h, options))
