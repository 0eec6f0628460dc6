"""Functions that make tensors."""

from __future__ import annotations

from array import array as _array

from . import _capi as c
from ._arith import int_tensor
from ._dtype import bool_, code_of, float32, int64
from ._errors import require
from ._interop import copy_array
from ._pack import number, pack_int64, pack_size, sizes
from ._tensor import Tensor
from ._wrap import wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Union

    from ._dtype import dtype as DType
    from ._pack import Size
    from ._random import Generator

    Number = Union[int, float, bool]

__all__ = [
    "arange",
    "empty",
    "empty_like",
    "eye",
    "full",
    "full_like",
    "linspace",
    "ones",
    "ones_like",
    "rand",
    "randn",
    "tensor",
    "zeros",
    "zeros_like",
]

_EXACT = 2**53  # ints up to here are exact in a double


def finish(y: Tensor, requires_grad: bool) -> Tensor:
    """Marks what was made, if wanted."""
    return y.requires_grad_() if requires_grad else y


def tensor(data: Any, dtype: DType | None = None, requires_grad: bool = False) -> Tensor:
    """A tensor with a copy of data: a number, nested lists of numbers, an array, a Tensor.

    dtype None: that of an array or Tensor; for numbers bool, int64, or float32 if any is a float.
    ValueError for ragged lists, TypeError for what is no number, OverflowError for ints that do not
    fit.
    """
    if isinstance(data, Tensor):
        y = data.detach().clone() if dtype is None else data.detach().to(dtype).clone()
    elif hasattr(data, "__array_interface__"):
        y = copy_array(data, "tensor")
        if dtype is not None and dtype is not y.dtype:
            y = y.to(dtype)
    else:
        y = _from_numbers(data, dtype)
    return finish(y, requires_grad)


def _from_numbers(data: Any, wanted: DType | None) -> Tensor:
    """A tensor of Python numbers in nested lists or tuples."""
    shape: list[int] = []
    flat: list[Any] = [data]
    while flat and isinstance(flat[0], (list, tuple, range)):
        size = len(flat[0])
        for item in flat:
            if not isinstance(item, (list, tuple, range)) or len(item) != size:
                raise ValueError(
                    f"tensor: ragged data: at depth {len(shape)} an item differs in length from "
                    f"the first, which has {size}"
                )
        shape.append(size)
        if len(shape) > c.TG_MAX_DIMS:
            raise ValueError(f"tensor: data is nested deeper than {c.TG_MAX_DIMS} dims")
        flat = [number for item in flat for number in item]
    kinds = {_kind(type(item), item) for item in set_of_types(flat)}
    kind = wanted or (
        float32 if "float" in kinds or not kinds else int64 if "int" in kinds else bool_
    )
    code = code_of(kind)
    dims, packed = pack_size(shape)
    values = _packed(flat, kind)
    address = values.buffer_info()[0]
    if not kind.format:  # 16 bits that Python has no type for
        wide = wrap(c.tg_from_array(c.TG_F32, dims, packed, address))
        return wrap(c.tg_cast(wide._h, code))
    return wrap(c.tg_from_array(code, dims, packed, address))


def set_of_types(items: list[Any]) -> list[Any]:
    """One item of each type."""
    return list({type(item): item for item in items}.values())


def _kind(type_: type, item: Any) -> str:
    """The category of a number, or an error."""
    if issubclass(type_, (list, tuple, range)):
        raise ValueError("tensor: ragged data: numbers and lists at the same depth")
    if issubclass(type_, bool):
        return "bool"
    if isinstance(item, Tensor):
        if item.numel() != 1:
            raise ValueError(f"tensor: a list of tensors of shape {list(item.shape)}: use stack")
        return "float" if item.is_floating_point() else "bool" if item.dtype is bool_ else "int"
    if hasattr(type_, "__array_interface__") and hasattr(item, "dtype"):  # NumPy's scalars
        return {"b": "bool", "i": "int", "u": "int"}.get(item.dtype.kind, "float")
    if hasattr(type_, "__index__"):
        return "int"
    if hasattr(type_, "__float__"):
        return "float"
    raise TypeError(f"tensor: expected numbers or lists of numbers, got {type_.__name__}")


def _packed(flat: list[Any], kind: DType) -> _array[Any]:
    """The numbers as an array of the dtype's C type."""
    if kind.is_floating_point:
        return _array(kind.format or "f", map(float, flat))
    if kind is bool_:
        return _array("B", map(bool, flat))
    try:
        return _array(kind.format, [x if type(x) is int else int(x) for x in flat])
    except OverflowError:
        raise OverflowError(f"tensor: a number does not fit {kind.name}") from None


def zeros(*size: Size, dtype: DType | None = None, requires_grad: bool = False) -> Tensor:
    """Zeros. Takes sizes or one tuple; dtype float32 unless given."""
    return finish(wrap(c.tg_zeros(code_of(dtype), *sizes(size))), requires_grad)


def ones(*size: Size, dtype: DType | None = None, requires_grad: bool = False) -> Tensor:
    """Ones. Takes sizes or one tuple; dtype float32 unless given."""
    return finish(wrap(c.tg_ones(code_of(dtype), *sizes(size))), requires_grad)


def empty(*size: Size, dtype: DType | None = None, requires_grad: bool = False) -> Tensor:
    """Uninitialised memory. Takes sizes or one tuple; dtype float32 unless given."""
    return finish(wrap(c.tg_empty(code_of(dtype), *sizes(size))), requires_grad)


def _dtype_for(value: Number) -> DType:
    """The dtype that a fill value stands for."""
    if isinstance(value, bool):
        return bool_
    return int64 if isinstance(value, int) else float32


def full(
    size: Size, fill_value: Number, *, dtype: DType | None = None, requires_grad: bool = False
) -> Tensor:
    """Every element is fill_value; dtype bool, int64 or float32 by its type unless given."""
    code = code_of(dtype, _dtype_for(fill_value))
    dims, packed = sizes((size,))
    if isinstance(fill_value, int) and abs(fill_value) > _EXACT and code in (c.TG_I64, c.TG_F64):
        value = int_tensor(fill_value, c.TG_I64)
        y = wrap(c.tg_expand(value._h, dims, packed)).clone()
        y = y if code == c.TG_I64 else wrap(c.tg_cast(y._h, code))
    else:
        y = wrap(c.tg_full(code, dims, packed, number(fill_value, "fill_value")))
    return finish(y, requires_grad)


def _like(
    name: str, input: Tensor, dtype: DType | None, value: Number | None, requires_grad: bool
) -> Tensor:
    """A tensor of input's shape; value None: uninitialised."""
    require(input, name)
    kind = dtype or input.dtype
    if value is None:
        return empty(input.shape, dtype=kind, requires_grad=requires_grad)
    return full(input.shape, value, dtype=kind, requires_grad=requires_grad)


def zeros_like(input: Tensor, *, dtype: DType | None = None, requires_grad: bool = False) -> Tensor:
    """Zeros of input's shape, and dtype unless given."""
    return _like("zeros_like", input, dtype, 0, requires_grad)


def ones_like(input: Tensor, *, dtype: DType | None = None, requires_grad: bool = False) -> Tensor:
    """Ones of input's shape, and dtype unless given."""
    return _like("ones_like", input, dtype, 1, requires_grad)


def empty_like(input: Tensor, *, dtype: DType | None = None, requires_grad: bool = False) -> Tensor:
    """Uninitialised memory of input's shape, and dtype unless given."""
    return _like("empty_like", input, dtype, None, requires_grad)


def full_like(
    input: Tensor,
    fill_value: Number,
    *,
    dtype: DType | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """fill_value in input's shape, and dtype unless given."""
    return _like("full_like", input, dtype, fill_value, requires_grad)


def arange(
    start: Number,
    end: Number | None = None,
    step: Number = 1,
    *,
    dtype: DType | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """start, start + step, ... before end; arange(n) counts from 0.

    dtype int64 if all are ints, else float32, unless given.
    """
    if end is None:
        start, end = 0, start
    whole = all(isinstance(x, int) for x in (start, end, step))
    code = code_of(dtype, int64 if whole else float32)
    first, stop, by = number(start, "start"), number(end, "end"), number(step, "step")
    return finish(wrap(c.tg_arange(code, first, stop, by)), requires_grad)


def linspace(
    start: float,
    end: float,
    steps: int,
    *,
    dtype: DType | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """steps evenly spaced values from start to end, both included."""
    count = pack_int64(steps, "steps")
    first, last = number(start, "start"), number(end, "end")
    return finish(wrap(c.tg_linspace(code_of(dtype), first, last, count)), requires_grad)


def eye(
    n: int, m: int | None = None, *, dtype: DType | None = None, requires_grad: bool = False
) -> Tensor:
    """An n by m matrix (m = n unless given) with ones on the main diagonal."""
    rows = pack_int64(n, "n")
    columns = rows if m is None else pack_int64(m, "m")
    return finish(wrap(c.tg_eye(code_of(dtype), rows, columns)), requires_grad)


def rand(
    *size: Size,
    generator: Generator | None = None,
    dtype: DType | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Uniform in [0, 1), from the generator or the thread's default one."""
    state = None if generator is None else generator._h
    return finish(wrap(c.tg_rand(code_of(dtype), *sizes(size), state)), requires_grad)


def randn(
    *size: Size,
    generator: Generator | None = None,
    dtype: DType | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Standard normal, from the generator or the thread's default one."""
    state = None if generator is None else generator._h
    return finish(wrap(c.tg_randn(code_of(dtype), *sizes(size), state)), requires_grad)
