"""Python arguments as the C library wants them: counts, and addresses of arrays.

Arrays are packed into bytes objects, whose address ctypes passes. Packing checks types and ranges;
ctypes itself would cut integers down to their low bits without a word.
"""

from __future__ import annotations

from operator import index
from struct import Struct
from struct import error as _StructError

from . import _capi
from ._errors import ShapeError, not_a_tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Optional, SupportsIndex, Union

    from ._tensor import Tensor

    Dims = Optional[Union[int, Sequence[int]]]
    Size = Union[int, Sequence[int]]

_INT_MAX = 2**31 - 1
_INT64_MAX = 2**63 - 1
_ONE_DIM = {dim: (1, Struct("i").pack(dim)) for dim in range(-8, 8)}
_DIMS = [Struct(f"{n}i") for n in range(9)]
_SIZES = [Struct(f"{n}q") for n in range(9)]
_ITEM = Struct("iiqqqP").pack


def pack_int(value: SupportsIndex, name: str) -> int:
    """A C int; TypeError and IndexError name the argument."""
    value = index(value)
    if not -_INT_MAX <= value <= _INT_MAX:
        raise IndexError(f"{name} is {value}: out of range")
    return value


def pack_int64(value: SupportsIndex, name: str) -> int:
    """A C int64_t; TypeError and OverflowError name the argument."""
    value = index(value)
    if not -_INT64_MAX - 1 <= value <= _INT64_MAX:
        raise OverflowError(f"{name} is {value}: beyond 64 bits")
    return value


def number(value: object, name: str) -> float:
    """A C double; TypeError names the argument."""
    kind = type(value)
    if hasattr(kind, "__float__") or hasattr(kind, "__index__"):
        return float(value)  # type: ignore[arg-type]
    raise TypeError(f"{name} must be a number, got {kind.__name__}")


def pack_dims(dim: Size) -> tuple[int, bytes]:
    """One dim or several as a count and the address of ints."""
    if type(dim) is int:
        try:
            return _ONE_DIM[dim]
        except KeyError:
            raise IndexError(f"dim is {dim}: out of range for any tensor") from None
    dims = tuple(dim) if isinstance(dim, (tuple, list)) else (dim,)
    if len(dims) > _capi.TG_MAX_DIMS:
        raise IndexError(f"{len(dims)} dims given: a tensor has at most {_capi.TG_MAX_DIMS}")
    try:
        return len(dims), _DIMS[len(dims)].pack(*dims)
    except _StructError:
        for one in dims:
            pack_int(_as_index(one, "dim"), "dim")
        raise


def pack_size(size: Sequence[SupportsIndex]) -> tuple[int, bytes]:
    """Sizes as a count and the address of int64s."""
    if len(size) > _capi.TG_MAX_DIMS:
        raise ShapeError(f"{len(size)} sizes given: a tensor has at most {_capi.TG_MAX_DIMS} dims")
    try:
        return len(size), _SIZES[len(size)].pack(*size)
    except _StructError:
        for one in size:
            pack_int64(_as_index(one, "size"), "size")
        raise


def sizes(args: tuple[Size, ...]) -> tuple[int, bytes]:
    """`f(2, 3)` and `f((2, 3))` alike: the packed sizes."""
    if len(args) == 1 and isinstance(args[0], (tuple, list)):
        return pack_size(args[0])
    return pack_size(args)  # type: ignore[arg-type]


def many(args: tuple[Size, ...]) -> Size:
    """`f(0, 1)` and `f((0, 1))` alike: the dims."""
    return args[0] if len(args) == 1 else args  # type: ignore[return-value]


def _as_index(value: object, name: str) -> int:
    try:
        return index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {type(value).__name__}") from None


def pack_tensors(tensors: Iterable[Tensor], op: str, name: str) -> tuple[list[Tensor], bytes]:
    """A list of tensors, which the caller keeps during the call, and an array of their handles."""
    from ._tensor import Tensor

    if isinstance(tensors, Tensor):
        raise TypeError(f"{op}: {name} must be a list or tuple of tensors, got one Tensor")
    try:
        listed = list(tensors)
    except TypeError:
        raise TypeError(
            f"{op}: {name} must be a list or tuple of tensors, got {type(tensors).__name__}"
        ) from None
    for i, one in enumerate(listed):
        if not isinstance(one, Tensor):
            not_a_tensor(one, op, f"{name}[{i}]")
    return listed, Struct(f"{len(listed)}P").pack(*(one._h for one in listed))


def pack_index(key: object) -> tuple[int, bytes]:
    """The expression between brackets as a count and the address of tg_index_items."""
    if isinstance(key, tuple):
        return len(key), b"".join([_pack_item(item) for item in key])
    return 1, _pack_item(key)


def _pack_item(item: object) -> bytes:
    if type(item) is int:
        if not -_INT64_MAX <= item <= _INT64_MAX:
            raise IndexError(f"index {item} is out of range for any tensor")
        return _ITEM(_capi.TG_INDEX_INT, 0, item, 0, 0, 0)
    if isinstance(item, slice):
        return _pack_slice(item)
    if item is Ellipsis:
        return _ITEM(_capi.TG_INDEX_ELLIPSIS, 0, 0, 0, 0, 0)
    if item is None:
        return _ITEM(_capi.TG_INDEX_NEWAXIS, 0, 0, 0, 0, 0)
    if isinstance(item, bool) or not hasattr(item, "__index__"):
        raise _bad_item(item)
    try:
        return _pack_item(int(index(item)))
    except TypeError:
        raise _bad_item(item) from None


def _pack_slice(item: slice) -> bytes:
    start = 0 if item.start is None else item.start
    stop = _capi.TG_SLICE_END if item.stop is None else item.stop
    step = 1 if item.step is None else item.step
    try:
        return _ITEM(_capi.TG_INDEX_SLICE, 0, start, stop, step, 0)
    except _StructError:
        return _ITEM(_capi.TG_INDEX_SLICE, 0, _clip(start), _clip(stop), _clip(step), 0)


def _clip(value: object) -> int:
    """A slice's bound: those beyond 64 bits mean the same as the largest."""
    return max(-_INT64_MAX, min(_INT64_MAX, _as_index(value, "a slice's bound")))


def _bad_item(item: object) -> TypeError:
    return TypeError(
        f"an index must be an int, a slice, ... or None, got {type(item).__name__}; for positions "
        "in a tensor use index_select or gather, for a mask masked_fill or where"
    )
