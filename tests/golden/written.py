"""Values as the golden files write them."""

from __future__ import annotations

from typing import Any

import numpy as np

NAMES = {
    "float32": "f32",
    "float64": "f64",
    "int64": "i64",
    "int32": "i32",
    "uint8": "u8",
    "bool": "bool",
    "int16": "i16",
    "int8": "i8",
    "float16": "f16",
}


def number(value: Any) -> str:
    """A value as text that reads back the same."""
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int):
        return str(value)
    text = repr(float(value))
    return text[:-2] if text.endswith(".0") else text


def array_text(array: np.ndarray) -> str:
    """dtype, shape and values."""
    shape = "[" + ",".join(str(s) for s in array.shape) + "]"
    return " ".join([NAMES[array.dtype.name], shape, *(number(v) for v in array.reshape(-1))])
