"""Element types: tensorgrad.float32 and its like."""

from __future__ import annotations

import sys

from . import _capi
from ._capi import tg_promote_types

_ORDER = "<" if sys.byteorder == "little" else ">"


class dtype:
    """An element type. There is one object per type; compare them with `is` or `==`.

    name: "float32"; itemsize: bytes of one element; is_floating_point: whether it can require
    gradients; code: the number of the C API.
    """

    __slots__ = ("code", "format", "is_floating_point", "itemsize", "name", "typestr")

    def __init__(self, name: str, code: int, format: str, typestr: str) -> None:
        self.name = name
        self.code = code
        self.format = format  # of the struct, array and memoryview types; "": they have none
        self.typestr = typestr  # of the array interface
        self.itemsize = int(typestr[2:])
        self.is_floating_point = "f" in typestr

    def __repr__(self) -> str:
        """Such as tensorgrad.float32."""
        return f"tensorgrad.{self.name}"

    def __reduce__(self) -> str:
        """Pickles and copies by name: there is one object per type."""
        return self.name


float32 = dtype("float32", _capi.TG_F32, "f", _ORDER + "f4")
float64 = dtype("float64", _capi.TG_F64, "d", _ORDER + "f8")
int64 = dtype("int64", _capi.TG_I64, "q", _ORDER + "i8")
int32 = dtype("int32", _capi.TG_I32, "i", _ORDER + "i4")
uint8 = dtype("uint8", _capi.TG_U8, "B", "|u1")
bool_ = dtype("bool", _capi.TG_BOOL, "?", "|b1")
# Types to store in: operations compute them as int32 and float32.
int16 = dtype("int16", _capi.TG_I16, "h", _ORDER + "i2")
int8 = dtype("int8", _capi.TG_I8, "b", "|i1")
float16 = dtype("float16", _capi.TG_F16, "", _ORDER + "f2")
bfloat16 = dtype("bfloat16", _capi.TG_BF16, "", "bf2")  # NumPy has no such type

BY_CODE = (float32, float64, int64, int32, uint8, bool_, int16, int8, float16, bfloat16)
BY_TYPESTR = {t.typestr: t for t in BY_CODE}
NAMES = ", ".join(t.name for t in BY_CODE)
FLOATS = frozenset(t.code for t in BY_CODE if t.is_floating_point)

# Ranges of Python ints that a type holds; uint8 also takes the negatives that wrap into it, so that
# x + (-1) means x - 1.
RANGES = {
    int64.code: (-(2**63), 2**63 - 1),
    int32.code: (-(2**31), 2**31 - 1),
    uint8.code: (-255, 255),
    int16.code: (-(2**15), 2**15 - 1),
    int8.code: (-(2**7), 2**7 - 1),
}


def code_of(wanted: dtype | None, default: dtype = float32) -> int:
    """The C code of a dtype argument; None gives the default."""
    if wanted is None:
        return default.code
    if type(wanted) is not dtype:
        raise TypeError(f"dtype must be one of tensorgrad's ({NAMES}), got {wanted!r}")
    return wanted.code


def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The dtype that arithmetic of two tensors with dims gives."""
    return BY_CODE[tg_promote_types(code_of(type1), code_of(type2))]
