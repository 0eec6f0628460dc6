"""Tensor methods that give another shape, a part, another dtype, or look elements up."""

from __future__ import annotations

from . import _capi as c
from ._arith import TensorArithmetic, int_tensor
from ._dtype import FLOATS, code_of, float32, float64, int32, int64, uint8
from ._dtype import bool_ as bool_dtype
from ._errors import failure, require
from ._pack import many, pack_dims, pack_index, pack_int, pack_int64, sizes
from ._wrap import wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TypeVar, Union

    from ._arith import Operand
    from ._dtype import dtype
    from ._pack import Size
    from ._tensor import Tensor  # at run time _tensor.py puts it here

    Self = TypeVar("Self", bound="TensorViews")
    Number = Union[int, float, bool]


def scalar_like(x: TensorViews, value: Number) -> Tensor:
    """A 0-d tensor of value, exact, in x's dtype if that is integer or float."""
    code = c.tg_dtype_of(x._h)
    if isinstance(value, int) and code not in FLOATS and code != c.TG_BOOL:
        return int_tensor(value, code)
    return wrap(c.tg_scalar(code, value))


def assignable(x: TensorViews, value: Any) -> Tensor:
    """What self[key] = value stores: a Tensor, a number, or whatever tensor() takes."""
    if isinstance(value, Tensor):
        return value
    if hasattr(value, "__array_interface__") and value.__array_interface__["shape"] == ():
        value = value.item()  # one of NumPy's scalars
    if isinstance(value, (int, float)):
        return scalar_like(x, value)
    from ._create import tensor

    return tensor(value)


def fill_value(value: Tensor | Number, op: str) -> float:
    """The number to fill with: these functions take a C double."""
    if isinstance(value, Tensor) and value.requires_grad:
        raise ValueError(f"{op}: a value that requires gradients would lose them here; use where")
    number: object = value.item() if isinstance(value, Tensor) else value
    if not isinstance(number, (int, float)):
        raise TypeError(f"{op}: value must be a number, got {type(value).__name__}")
    if isinstance(number, int) and abs(number) > 2**53:
        raise OverflowError(f"{op}: {number} is not exact in a double; use where or copy_")
    return float(number)


class TensorViews(TensorArithmetic):
    """Base of Tensor: views, indexing, conversion."""

    __slots__ = ()

    # ---- Shapes: views where the strides allow it

    def reshape(self, *shape: Size) -> Tensor:
        """The elements in row-major order with another shape; one size may be -1.

        A view where the strides allow it, else a copy. Takes sizes or one tuple.
        """
        return wrap(c.tg_reshape(self._h, *sizes(shape)))

    def view(self, *shape: Size) -> Tensor:
        """reshape that never copies: ShapeError where the strides do not allow a view."""
        return wrap(c.tg_view(self._h, *sizes(shape)))

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        """Dims start_dim to end_dim (both included) become one."""
        first, last = pack_int(start_dim, "start_dim"), pack_int(end_dim, "end_dim")
        return wrap(c.tg_flatten(self._h, first, last))

    def permute(self, *dims: Size) -> Tensor:
        """Dim i of the result is dim dims[i] of self."""
        return wrap(c.tg_permute(self._h, *pack_dims(many(dims))))

    def transpose(self, dim0: int, dim1: int) -> Tensor:
        """Swaps two dims."""
        return wrap(c.tg_transpose(self._h, pack_int(dim0, "dim0"), pack_int(dim1, "dim1")))

    def t(self) -> Tensor:
        """The transpose of a matrix; a tensor of fewer dims as it is."""
        dims = c.tg_ndim(self._h)
        if dims > 2:
            raise ValueError(f"t: takes at most 2 dims, got {dims}; use transpose or permute")
        return self.transpose(0, 1) if dims == 2 else self.permute(*range(dims))

    @property
    def T(self) -> Tensor:
        """All dims in reverse order."""
        return self.permute(tuple(reversed(range(c.tg_ndim(self._h)))))

    @property
    def mT(self) -> Tensor:
        """The last two dims swapped."""
        return self.transpose(-2, -1)

    def expand(self, *size: Size) -> Tensor:
        """Repeats dims of size 1 without copying and adds dims at the left; -1 keeps a size."""
        return wrap(c.tg_expand(self._h, *sizes(size)))

    def expand_as(self, other: Tensor) -> Tensor:
        """expand to the shape of other."""
        require(other, "expand_as", "other")
        return self.expand(other.shape)

    def squeeze(self, dim: Size | None = None) -> Tensor:
        """Drops the given dims where they have size 1; None: all of size 1."""
        if dim is None:
            return wrap(c.tg_squeeze(self._h, 0, None))
        count, dims = pack_dims(dim)
        if count == 0:  # to the library, no dims means all of them
            return self.view(c.tg_shape(self._h)[: c.tg_ndim(self._h)])
        return wrap(c.tg_squeeze(self._h, count, dims))

    def unsqueeze(self, dim: int) -> Tensor:
        """Inserts a dim of size 1 before position dim."""
        return wrap(c.tg_unsqueeze(self._h, pack_int(dim, "dim")))

    # ---- Parts

    def select(self, dim: int, index: int) -> Tensor:
        """The part at one position of a dim, which is dropped; a view."""
        return wrap(c.tg_select(self._h, pack_int(dim, "dim"), pack_int64(index, "index")))

    def narrow(self, dim: int, start: int, length: int) -> Tensor:
        """Positions start to start + length of a dim; a view."""
        first, count = pack_int64(start, "start"), pack_int64(length, "length")
        return wrap(c.tg_narrow(self._h, pack_int(dim, "dim"), first, count))

    def __getitem__(self, key: Any) -> Tensor:
        """self[key] with ints, slices (step at least 1), ... and None: a view."""
        return wrap(c.tg_index(self._h, *pack_index(key)))

    def __setitem__(self, key: Any, value: Operand) -> None:
        """self[key] = value, broadcast and converted; gradients reach what self was made of."""
        count, items = pack_index(key)
        source = assignable(self, value)
        if not c.tg_index_put_(self._h, count, items, source._h):
            raise failure()

    def __iter__(self) -> Iterator[Tensor]:
        """The parts along dim 0."""
        if c.tg_ndim(self._h) == 0:
            raise TypeError("iteration over a 0-d tensor")
        return (self.select(0, i) for i in range(c.tg_size(self._h, 0)))

    def __len__(self) -> int:
        """The size of dim 0."""
        if c.tg_ndim(self._h) == 0:
            raise TypeError("len() of a 0-d tensor")
        return c.tg_size(self._h, 0)

    # ---- Look-ups

    def index_select(self, dim: int, index: Tensor) -> Tensor:
        """Rows along dim at the positions in index (1-d or 0-d, int64 or int32)."""
        require(index, "index_select", "index")
        return wrap(c.tg_index_select(self._h, pack_int(dim, "dim"), index._h))

    def gather(self, dim: int, index: Tensor) -> Tensor:
        """y[i][j] = self[index[i][j]][j] for dim 0, and so on."""
        require(index, "gather", "index")
        return wrap(c.tg_gather(self._h, pack_int(dim, "dim"), index._h))

    def scatter_add(self, dim: int, index: Tensor, src: Tensor) -> Tensor:
        """A copy of self with y[index[i][j]][j] += src[i][j] for dim 0, and so on."""
        require(index, "scatter_add", "index")
        require(src, "scatter_add", "src")
        return wrap(c.tg_scatter_add(self._h, pack_int(dim, "dim"), index._h, src._h))

    def scatter_add_(self: Self, dim: int, index: Tensor, src: Tensor) -> Self:
        """scatter_add in place."""
        require(index, "scatter_add_", "index")
        require(src, "scatter_add_", "src")
        if c.tg_scatter_add_(self._h, pack_int(dim, "dim"), index._h, src._h):
            return self
        raise failure()

    def masked_fill(self, mask: Tensor, value: Tensor | Number) -> Tensor:
        """value where mask (bool, broadcast) is true, else self."""
        require(mask, "masked_fill", "mask")
        return wrap(c.tg_masked_fill(self._h, mask._h, fill_value(value, "masked_fill")))

    def masked_fill_(self: Self, mask: Tensor, value: Tensor | Number) -> Self:
        """masked_fill in place."""
        require(mask, "masked_fill_", "mask")
        if c.tg_masked_fill_(self._h, mask._h, fill_value(value, "masked_fill_")):
            return self
        raise failure()

    def fill_(self: Self, value: Number) -> Self:
        """Every element becomes value."""
        if isinstance(value, int) and abs(value) > 2**53:  # a double cannot carry it
            return self.copy_(scalar_like(self, value))
        if c.tg_fill_(self._h, fill_value(value, "fill_")):
            return self
        raise failure()

    def copy_(self: Self, src: Tensor) -> Self:
        """Every element becomes that of src, broadcast and converted."""
        require(src, "copy_", "src")
        if c.tg_copy_(self._h, src._h):
            return self
        raise failure()

    # ---- Conversion

    def to(self, dtype: dtype) -> Tensor:
        """The elements converted; floats to integers truncate and saturate."""
        return wrap(c.tg_cast(self._h, code_of(dtype)))

    def float(self) -> Tensor:
        """to(float32)."""
        return self.to(float32)

    def double(self) -> Tensor:
        """to(float64)."""
        return self.to(float64)

    def long(self) -> Tensor:
        """to(int64)."""
        return self.to(int64)

    def int(self) -> Tensor:
        """to(int32)."""
        return self.to(int32)

    def byte(self) -> Tensor:
        """to(uint8)."""
        return self.to(uint8)

    def bool(self) -> Tensor:
        """to(bool): whether an element is not 0."""
        return self.to(bool_dtype)
