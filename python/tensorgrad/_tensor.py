"""The Tensor class: lifetime, properties, data, reductions of several forms, gradients.

A Tensor owns one reference of a C tensor and gives it back when it goes. Its operators come from
_arith, its views from _views, the operations of a regular form from _ops, which is generated.
"""

from __future__ import annotations

from ctypes import byref, c_void_p, create_string_buffer
from typing import NamedTuple

from . import _arith, _interop, _ops, _views, _wrap
from . import _capi as c
from ._dtype import BY_CODE, float32
from ._errors import failure, require
from ._pack import number, pack_dims, pack_int
from ._views import TensorViews
from ._wrap import check, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    import builtins
    from typing import Any, NoReturn, TypeVar

    import numpy

    from ._arith import Operand
    from ._dtype import dtype as DType
    from ._pack import Dims

    Self = TypeVar("Self", bound="Tensor")

NONE = c.tg_none()


class MinMax(NamedTuple):
    """The result of max and min along a dim."""

    values: Tensor
    indices: Tensor


class Tensor(TensorViews):
    """Numbers of one dtype in up to 8 dims, with the operations and gradients of libtensorgrad.

    Made by tensorgrad.tensor, zeros, from_numpy and their like. Methods have PyTorch's names and
    order of arguments. Errors are TensorgradError and, by kind, ValueError, TypeError, IndexError.
    """

    __slots__ = ("__weakref__", "_h")

    def __new__(cls, *args: object, **kwargs: object) -> Tensor:
        """Refused: tensorgrad.tensor(data) makes tensors."""
        raise TypeError("Tensor() is not for making tensors: use tensorgrad.tensor(data)")

    def __del__(self, _release: Any = c.tg_release) -> None:
        """Gives the reference back."""
        _release(self._h)

    # ---- Properties

    @property
    def shape(self) -> tuple[builtins.int, ...]:
        """The sizes of the dims."""
        return tuple(c.tg_shape(self._h)[: c.tg_ndim(self._h)])

    @property
    def ndim(self) -> builtins.int:
        """The number of dims."""
        return c.tg_ndim(self._h)

    @property
    def dtype(self) -> DType:
        """The element type."""
        return BY_CODE[c.tg_dtype_of(self._h)]

    @property
    def requires_grad(self) -> builtins.bool:
        """Whether gradients are wanted: of leaves marked so and of what was recorded from them."""
        return c.tg_requires_grad(self._h)

    @requires_grad.setter
    def requires_grad(self, on: builtins.bool) -> None:
        self.requires_grad_(on)

    @property
    def is_leaf(self) -> builtins.bool:
        """True unless this is the result of a recorded operation."""
        return c.tg_is_leaf(self._h)

    @property
    def grad_fn(self) -> str | None:
        """The name of the operation that this is the recorded result of; None for a leaf."""
        return c.tg_grad_op(self._h).decode() or None

    @property
    def grad(self) -> Tensor | None:
        """The gradient that backward added up, live: the next backward adds into it. None if there
        is none. May be set to a tensor of the same shape and dtype, or to None."""
        h = c.tg_grad(self._h)
        if h:
            return wrap(h)
        c.tg_error_clear()  # an old error is not about this; ask again
        h = c.tg_grad(self._h)
        if not h and c.tg_error_status():
            raise failure()
        return None

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            require(value, "grad", "the gradient")
        check(c.tg_set_grad(self._h, NONE if value is None else value._h))

    @grad.deleter
    def grad(self) -> None:
        check(c.tg_set_grad(self._h, NONE))

    @property
    def _version(self) -> builtins.int:
        """How often the memory was written in place; views share it."""
        return c.tg_version_of(self._h)

    def size(self, dim: builtins.int | None = None) -> Any:
        """The shape, or the size of one dim."""
        shape = self.shape
        if dim is None:
            return shape
        dim = pack_int(dim, "dim")
        if not -len(shape) <= dim < len(shape):
            raise IndexError(f"size: dim {dim} of a tensor with {len(shape)} dims")
        return shape[dim]

    def stride(self, dim: builtins.int | None = None) -> Any:
        """The strides in elements, or that of one dim."""
        strides = tuple(c.tg_strides(self._h)[: c.tg_ndim(self._h)])
        if dim is None:
            return strides
        dim = pack_int(dim, "dim")
        if not -len(strides) <= dim < len(strides):
            raise IndexError(f"stride: dim {dim} of a tensor with {len(strides)} dims")
        return strides[dim]

    def dim(self) -> builtins.int:
        """The number of dims."""
        return c.tg_ndim(self._h)

    def numel(self) -> builtins.int:
        """The number of elements."""
        return c.tg_numel(self._h)

    def element_size(self) -> builtins.int:
        """Bytes of one element."""
        return self.dtype.itemsize

    def is_contiguous(self) -> builtins.bool:
        """True if the elements lie in row-major order without gaps."""
        return c.tg_is_contiguous(self._h)

    def is_floating_point(self) -> builtins.bool:
        """True for the dtypes that can require gradients."""
        return self.dtype.is_floating_point

    def data_ptr(self) -> builtins.int:
        """The address of element 0; 0 without elements."""
        return c.tg_data(self._h) or 0

    # ---- Data

    def item(self) -> builtins.int | builtins.float | builtins.bool:
        """The one element as a Python number; ShapeError if there is not exactly one."""
        code = c.tg_dtype_of(self._h)
        if c.tg_numel(self._h) != 1:
            c.tg_item(self._h)  # says what is wrong
            raise failure()
        if code == c.TG_F32 or code == c.TG_F64:
            return c.tg_item(self._h)
        value = c.tg_item_i64(self._h)
        return value != 0 if code == c.TG_BOOL else value

    def tolist(self) -> Any:
        """Nested lists of Python numbers; a number for a 0-d tensor."""
        shape = self.shape
        if not shape:
            return self.item()
        if 0 in shape:
            return _empty_lists(shape)
        kind = self.dtype
        if not kind.format:
            return self.to(float32).tolist()
        size = self.numel() * kind.itemsize
        buffer = create_string_buffer(size)
        check(c.tg_copy_to(self._h, buffer, size))
        return memoryview(buffer).cast("B").cast(kind.format, shape).tolist()  # type: ignore[call-overload]

    def numpy(self) -> numpy.ndarray[Any, Any]:
        """A NumPy array on the same memory, which it keeps alive. Read-only for expanded tensors.

        Writes through the array are seen here, but not counted: a graph that saved the tensor does
        not notice them. Raises StateError if this requires gradients: use x.detach().numpy().
        """
        return _interop.to_numpy(self)

    @property
    def __array_interface__(self) -> dict[str, Any]:
        """How NumPy reads the memory without copying."""
        return _interop.array_interface(self)

    def __array__(self, dtype: Any = None, copy: builtins.bool | None = None) -> Any:
        """What numpy.asarray uses where the array interface is not offered."""
        return _interop.to_array(self, dtype, copy)

    def __bool__(self) -> builtins.bool:
        """The truth of the one element."""
        if c.tg_numel(self._h) != 1:
            raise ValueError(
                f"a tensor of shape {list(self.shape)} has no single truth value: use any() or "
                "all()"
            )
        return self.item() != 0

    def __float__(self) -> builtins.float:
        """The one element."""
        return float(self.item())

    def __int__(self) -> builtins.int:
        """The one element, truncated."""
        return int(self.item())

    def __index__(self) -> builtins.int:
        """The one element of an integer tensor, so that it can index lists."""
        value = self.item() if c.tg_numel(self._h) == 1 else None
        if type(value) is not int:
            raise TypeError("only integer tensors of one element can be an index")
        return value

    def __contains__(self, value: Operand) -> builtins.bool:
        """Whether any element equals value."""
        return bool(self.eq(value).any())

    def __repr__(self) -> str:
        """The elements as NumPy prints them, with dtype and shape."""
        return _format(self)

    def __format__(self, spec: str) -> str:
        """Formats a 0-d tensor as its number: f"{loss:.3f}"."""
        if spec and c.tg_ndim(self._h) == 0:
            return format(self.item(), spec)
        return format(repr(self), spec)

    def __copy__(self) -> Tensor:
        """Another object for the same tensor."""
        return wrap(c.tg_retain(self._h))

    def __deepcopy__(self, memo: dict[builtins.int, Any]) -> Tensor:
        """A copy in new memory that requires gradients as this does; leaves only."""
        if not self.is_leaf:
            raise RuntimeError("deepcopy: only leaves can be copied; use x.detach().clone()")
        result = self.detach().clone().requires_grad_(self.requires_grad)
        memo[id(self)] = result
        return result

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        """Refused: a pickle runs code when it is read."""
        raise TypeError("tensors are not pickled: save x.detach().numpy() with numpy.save")

    # ---- Reductions and the like (the regular ones are in _ops)

    def max(self, dim: Any = None, keepdim: builtins.bool = False) -> Any:
        """max(): the largest element. max(dim): (values, indices) along dim, the first of equals.
        max(other): the larger of each pair, as maximum."""
        if dim is None:
            return wrap(c.tg_max(self._h))
        if isinstance(dim, Tensor):
            return self.maximum(dim)
        return _along(c.tg_max_dim, self, dim, keepdim)

    def min(self, dim: Any = None, keepdim: builtins.bool = False) -> Any:
        """min(): the smallest element. min(dim): (values, indices) along dim, the first of equals.
        min(other): the smaller of each pair, as minimum."""
        if dim is None:
            return wrap(c.tg_min(self._h))
        if isinstance(dim, Tensor):
            return self.minimum(dim)
        return _along(c.tg_min_dim, self, dim, keepdim)

    def argmax(self, dim: builtins.int | None = None, keepdim: builtins.bool = False) -> Tensor:
        """Position (int64) of the first largest along dim; None: in the flattened tensor."""
        return _position(c.tg_argmax, self, dim, keepdim)

    def argmin(self, dim: builtins.int | None = None, keepdim: builtins.bool = False) -> Tensor:
        """Position (int64) of the first smallest along dim; None: in the flattened tensor."""
        return _position(c.tg_argmin, self, dim, keepdim)

    def var(
        self, dim: Dims = None, *, correction: builtins.float = 1, keepdim: builtins.bool = False
    ) -> Tensor:
        """The variance: squares from the mean over (n - correction)."""
        count, dims = (0, None) if dim is None else pack_dims(dim)
        return wrap(c.tg_var(self._h, count, dims, number(correction, "correction"), bool(keepdim)))

    def std(
        self, dim: Dims = None, *, correction: builtins.float = 1, keepdim: builtins.bool = False
    ) -> Tensor:
        """The square root of var."""
        count, dims = (0, None) if dim is None else pack_dims(dim)
        return wrap(c.tg_std(self._h, count, dims, number(correction, "correction"), bool(keepdim)))

    def softmax(self, dim: builtins.int) -> Tensor:
        """e**x over the sum of e**x along dim."""
        return wrap(c.tg_softmax(self._h, pack_int(dim, "dim")))

    def log_softmax(self, dim: builtins.int) -> Tensor:
        """The logarithm of softmax, computed without overflow."""
        return wrap(c.tg_log_softmax(self._h, pack_int(dim, "dim")))

    def clamp(self, min: builtins.float | None = None, max: builtins.float | None = None) -> Tensor:
        """Limited to [min, max]; None means no limit."""
        return wrap(c.tg_clamp(self._h, *_bounds(min, max, "clamp")))

    def clamp_(
        self: Self, min: builtins.float | None = None, max: builtins.float | None = None
    ) -> Self:
        """clamp in place."""
        if c.tg_clamp_(self._h, *_bounds(min, max, "clamp_")):
            return self
        raise failure()

    def where(self, condition: Tensor, other: Operand) -> Tensor:
        """self where condition (bool) is true, else other."""
        from ._functions import where

        return where(condition, self, other)

    # ---- Gradients

    def requires_grad_(self: Self, requires_grad: builtins.bool = True) -> Self:
        """Marks a leaf as wanting gradients, or not. float32 and float64 only."""
        if c.tg_requires_grad_(self._h, bool(requires_grad)):
            return self
        raise failure()

    def detach(self) -> Tensor:
        """The same elements in the same memory, without history."""
        return wrap(c.tg_detach(self._h))

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: builtins.bool | None = None,
        create_graph: builtins.bool = False,
    ) -> None:
        """Adds the gradient of this into .grad of every leaf it was computed from.

        gradient: the gradient of the final result with respect to this, of the same shape and
        dtype; may be left out for a tensor of one element. retain_graph: keep what the walk needs,
        so that it can be done again. create_graph is refused: .grad carries no history.
        """
        if gradient is None and not retain_graph and not create_graph:
            if c.tg_backward(self._h):
                raise failure()
            return
        from .autograd import backward

        backward((self,), None if gradient is None else (gradient,), retain_graph, create_graph)


def _empty_lists(shape: tuple[int, ...]) -> list[Any]:
    """tolist of a tensor without elements."""
    if shape[0] == 0 or len(shape) == 1:
        return []
    return [_empty_lists(shape[1:]) for _ in range(shape[0])]


def _format(x: Tensor) -> str:
    """The text of tg_format."""
    buffer = create_string_buffer(1024)
    length = c.tg_format(x._h, buffer, len(buffer))
    if length >= len(buffer):
        buffer = create_string_buffer(length + 1)
        length = c.tg_format(x._h, buffer, length + 1)
    if length < 0:
        raise failure()
    return buffer.value.decode()


def _along(function: Any, x: Tensor, dim: int, keepdim: bool) -> MinMax:
    """Values and indices along a dim."""
    indices = c_void_p()
    values = function(x._h, pack_int(dim, "dim"), bool(keepdim), byref(indices))
    return MinMax(wrap(values), wrap(indices.value))


def _position(function: Any, x: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    """argmax and argmin."""
    if dim is not None:
        return wrap(function(x._h, pack_int(dim, "dim"), bool(keepdim)))
    flat = x.reshape(-1)
    result = wrap(function(flat._h, 0, False))
    return result.reshape((1,) * x.ndim) if keepdim else result


def _bounds(low: float | None, high: float | None, op: str) -> tuple[float, float]:
    """The limits of clamp as doubles."""
    for bound in (low, high):
        if isinstance(bound, Tensor):
            raise TypeError(f"{op}: a limit must be a number; for tensors use maximum and minimum")
    if low is None and high is None:
        raise ValueError(f"{op}: at least one of min and max must be given")
    return (
        float("-inf") if low is None else number(low, f"{op}: min"),
        float("inf") if high is None else number(high, f"{op}: max"),
    )


for _module in (_arith, _interop, _ops, _views, _wrap):
    vars(_module)["Tensor"] = Tensor
del _module
