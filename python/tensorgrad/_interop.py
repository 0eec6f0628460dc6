"""NumPy arrays and tensors on the same memory.

Array to tensor: the library is given the array's memory and a function to call when the last
tensor on it has gone; until then the table below holds the array. Tensor to array: the array holds
the Tensor. NumPy is imported only when a tensor becomes an array.
"""

from __future__ import annotations

import ctypes
from itertools import count

from . import _capi as c
from ._dtype import BY_CODE, BY_TYPESTR, NAMES
from ._errors import StateError
from ._pack import pack_size
from ._wrap import wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import numpy

    from ._arith import SupportsArray
    from ._dtype import dtype as DType
    from ._tensor import Tensor  # at run time _tensor.py puts it here

# Arrays whose memory tensors stand on, by the number that the library hands back.
_held: dict[int, object] = {}
_numbers = count(1)

# Called from any thread, possibly as the interpreter ends. A method of dict runs no Python code, so
# no signal handler or tracer can raise in it. Never freed: the library may call it until the end.
_let_go = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(_held.pop)
ctypes.pythonapi.Py_IncRef(ctypes.py_object(_let_go))


def _layout(
    array: SupportsArray, op: str
) -> tuple[int, DType, tuple[int, ...], tuple[int, ...] | None]:
    """Address, dtype, shape and strides in elements (None: row-major) of an array, or an error."""
    interface = array.__array_interface__
    shape = tuple(interface["shape"])
    typestr = interface["typestr"]
    kind = BY_TYPESTR.get(typestr)
    if kind is None:
        swapped = typestr[0] in "<>" and any(typestr[1:] == t[1:] for t in BY_TYPESTR)
        if swapped:
            raise TypeError(
                f"{op}: the array's byte order is not this machine's ({typestr}): use "
                "array.astype(array.dtype.newbyteorder('='))"
            )
        raise TypeError(
            f"{op}: no tensor has the array's dtype ({typestr}); tensors are {NAMES}: use "
            "array.astype"
        )
    data = interface.get("data")
    if data is None:
        raise TypeError(f"{op}: the array gives no address")
    strides = interface.get("strides")
    if strides is None:
        return data[0], kind, shape, None
    return data[0], kind, shape, _element_strides(shape, strides, kind.itemsize, op)


def _element_strides(
    shape: tuple[int, ...], strides: tuple[int, ...], itemsize: int, op: str
) -> tuple[int, ...] | None:
    """Strides in elements. Dims of size 1 may carry any stride: they get 1."""
    if 0 in shape:
        return None
    result = []
    for size, stride in zip(shape, strides):
        if size == 1:
            stride = itemsize
        if stride < 0 or stride % itemsize:
            raise ValueError(
                f"{op}: strides of {stride} bytes are not whole, forward steps of {itemsize}-byte "
                "elements: use array.copy()"
            )
        result.append(stride // itemsize)
    return tuple(result)


def from_numpy(array: SupportsArray) -> Tensor:
    """A tensor on the memory of a NumPy array: no copy, and writes are seen on both sides.

    The array stays alive as long as a tensor stands on its memory. dtype float32, float64, int64,
    int32, uint8 or bool in native byte order; strides of whole elements, none negative; writable.
    TypeError and ValueError say which of these is not so; tensorgrad.tensor(array) copies.
    """
    if not hasattr(array, "__array_interface__") or isinstance(array, Tensor):
        raise TypeError(f"from_numpy: expected a NumPy array, got {type(array).__name__}")
    address, kind, shape, strides = _layout(array, "from_numpy")
    if array.__array_interface__["data"][1]:
        raise ValueError(
            "from_numpy: the array is read-only and tensors can be written: use "
            "tensorgrad.tensor(array), which copies"
        )
    dims, sizes = pack_size(shape)
    steps = None if strides is None else pack_size(strides)[1]
    number = next(_numbers)
    _held[number] = array
    h = c.tg_from_blob(address, kind.code, dims, sizes, steps, _let_go, number)
    if not h:
        del _held[number]  # on failure the library does not call back
    return wrap(h)


def copy_array(array: SupportsArray, op: str) -> Tensor:
    """A tensor with a copy of the array's elements, whatever its layout."""
    order = array.__array_interface__["typestr"][0]
    strides = array.__array_interface__.get("strides")
    if order == _swapped_order() or (strides and min(strides) < 0):
        copied: Any = array  # NumPy's own methods put it right
        array = copied.astype(copied.dtype.newbyteorder("="), order="C")
    address, kind, shape, steps = _layout(array, op)
    dims, sizes = pack_size(shape)
    if steps is None:
        return wrap(c.tg_from_array(kind.code, dims, sizes, address))
    borrowed = wrap(
        c.tg_from_blob(address, kind.code, dims, sizes, pack_size(steps)[1], None, None)
    )
    return borrowed.clone()


def _swapped_order() -> str:
    return ">" if BY_CODE[0].typestr[0] == "<" else "<"


def array_interface(x: Tensor) -> dict[str, Any]:
    """NumPy's description of a tensor's memory."""
    if c.tg_requires_grad(x._h):
        raise AttributeError(_NEEDS_DETACH)
    kind, shape, strides = x.dtype, x.shape, x.stride()
    overlaps = any(stride == 0 and size > 1 for size, stride in zip(shape, strides))
    return {
        "version": 3,
        "shape": shape,
        "typestr": kind.typestr,
        "data": (c.tg_data(x._h) or 0, overlaps),
        "strides": tuple(stride * kind.itemsize for stride in strides),
    }


_NEEDS_DETACH = (
    "numpy: this tensor requires gradients, which an array cannot carry: use x.detach().numpy()"
)


def to_numpy(x: Tensor) -> numpy.ndarray[Any, Any]:
    """The array on x's memory."""
    if c.tg_requires_grad(x._h):
        raise StateError(_NEEDS_DETACH)
    import numpy

    return numpy.asarray(x)


def to_array(x: Tensor, dtype: Any, copy: bool | None) -> Any:
    """numpy.asarray(x, dtype, copy) for the cases that the interface does not serve."""
    array = to_numpy(x)
    if dtype is not None and array.dtype != dtype:
        if copy is False:
            raise ValueError(f"numpy: {x.dtype.name} cannot become {dtype} without a copy")
        return array.astype(dtype)
    return array.copy() if copy else array
