"""The library through ctypes, by name of operation: just what comparing needs."""

from __future__ import annotations

import ctypes as c
import re
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
DTYPES = {
    "f32": (0, np.float32),
    "f64": (1, np.float64),
    "i64": (2, np.int64),
    "i32": (3, np.int32),
    "u8": (4, np.uint8),
    "bool": (5, np.bool_),
    "i16": (6, np.int16),
    "i8": (7, np.int8),
    "f16": (8, np.float16),
}
NUMBER_OF = {np.dtype(numpy).char: number for number, numpy in DTYPES.values()}
BY_NUMBER = {number: (name, numpy) for name, (number, numpy) in DTYPES.items()}
INT, FLOAT, BOOL, DTYPE, DIMS, SHAPE, INDEX, INTS, TEXT = range(9)
INDEX_INT, INDEX_SLICE, INDEX_ELLIPSIS, INDEX_NEWAXIS, INDEX_TENSOR = range(5)
SLICE_END = 2**63 - 1


class IndexItem(c.Structure):
    """tg_index_item"""

    _fields_ = [
        ("kind", c.c_int32),
        ("reserved", c.c_int32),
        ("start", c.c_int64),
        ("end", c.c_int64),
        ("step", c.c_int64),
    ] + (
        [("tensor", c.c_void_p)]
        if re.search(r"tg_tensor \*tensor;", (ROOT / "include/tensorgrad/ops_index.h").read_text())
        else []
    )


class Attr(c.Structure):
    """tg_attr"""

    _fields_ = [
        ("name", c.c_char_p),
        ("type", c.c_int32),
        ("n", c.c_int32),
        ("i", c.c_int64),
        ("f", c.c_double),
        ("ints", c.POINTER(c.c_int64)),
        ("items", c.POINTER(IndexItem)),
        ("text", c.c_char_p),
    ]


class Info(c.Structure):
    """tg_op_info"""

    _fields_ = [
        ("name", c.c_char_p),
        ("maths", c.c_char_p),
        ("n_inputs", c.c_int32),
        ("n_optional", c.c_int32),
        ("n_outputs", c.c_int32),
        ("n_attrs", c.c_int32),
        ("differentiable", c.c_bool),
        ("in_place", c.c_bool),
        ("internal", c.c_bool),
        ("onnx", c.c_char_p),
        ("onnx_opset", c.c_int32),
    ]


class GradientsOptions(c.Structure):
    """tg_gradients_options"""

    _fields_ = [
        ("size", c.c_uint32),
        ("retain_graph", c.c_bool),
        ("create_graph", c.c_bool),
        ("allow_unused", c.c_bool),
        ("grad_outputs", c.POINTER(c.c_void_p)),
    ]


class LibraryError(Exception):
    """A call failed; status and text are the library's."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Library:
    """The loaded library. Tensors are plain handles; scope() frees what was made in it."""

    def __init__(self, path: str) -> None:
        self.dll = c.CDLL(path)
        tensor, size = c.c_void_p, c.c_int64
        for name, result, arguments in (
            ("tg_scope_open", c.c_uint64, []),
            ("tg_scope_close", c.c_int, [c.c_uint64]),
            ("tg_error_clear", None, []),
            ("tg_error_message", c.c_char_p, []),
            ("tg_error_status", c.c_int, []),
            ("tg_none", tensor, []),
            (
                "tg_from_blob",
                tensor,
                [
                    c.c_void_p,
                    c.c_int,
                    c.c_int,
                    c.POINTER(size),
                    c.POINTER(size),
                    c.c_void_p,
                    c.c_void_p,
                ],
            ),
            ("tg_requires_grad_", tensor, [tensor, c.c_bool]),
            ("tg_requires_grad", c.c_bool, [tensor]),
            ("tg_ndim", c.c_int, [tensor]),
            ("tg_shape", c.POINTER(size), [tensor]),
            ("tg_dtype_of", c.c_int, [tensor]),
            ("tg_numel", size, [tensor]),
            ("tg_copy_to", c.c_int, [tensor, c.c_void_p, c.c_size_t]),
            ("tg_op_count", c.c_int, []),
            ("tg_op_describe", c.c_int, [c.c_int, c.POINTER(Info)]),
            ("tg_op_attr", c.c_int, [c.c_int, c.c_int, c.POINTER(Attr), c.POINTER(c.c_bool)]),
            (
                "tg_op_call",
                c.c_int,
                [
                    c.c_char_p,
                    c.POINTER(tensor),
                    c.c_int,
                    c.POINTER(Attr),
                    c.c_int,
                    c.POINTER(tensor),
                    c.c_int,
                ],
            ),
            (
                "tg_gradients",
                c.c_int,
                [
                    c.POINTER(tensor),
                    c.c_int,
                    c.POINTER(tensor),
                    c.c_int,
                    c.POINTER(GradientsOptions),
                    c.POINTER(tensor),
                ],
            ),
            ("tg_live_tensors", size, []),
        ):
            function = getattr(self.dll, name)
            function.restype, function.argtypes = result, arguments
            setattr(self, name[3:], function)
        self.info: dict[str, Info] = {}
        self.attrs: dict[str, dict[str, tuple[int, Any]]] = {}
        for number in range(self.op_count()):
            info = Info()
            self.op_describe(number, info)
            name = info.name.decode()
            self.info[name] = info
            self.attrs[name] = {}
            for k in range(info.n_attrs):
                attr, required = Attr(), c.c_bool()
                self.op_attr(number, k, attr, required)
                default = (
                    attr.f
                    if attr.type == FLOAT
                    else bool(attr.i)
                    if attr.type == BOOL
                    else ""
                    if attr.type == TEXT
                    else attr.i
                    if attr.type in (INT, DTYPE)
                    else []
                )
                self.attrs[name][attr.name.decode()] = (attr.type, default)

    def failure(self) -> LibraryError:
        """The pending error, cleared."""
        error = LibraryError(self.error_status(), self.error_message().decode())
        self.error_clear()
        return error

    def wrap(self, array: np.ndarray) -> int:
        """A tensor on the array's memory, with its strides. The array must stay alive."""
        number = NUMBER_OF[array.dtype.char]
        shape = (c.c_int64 * max(array.ndim, 1))(*array.shape)
        strides = (c.c_int64 * max(array.ndim, 1))(*(s // array.itemsize for s in array.strides))
        handle = self.from_blob(array.ctypes.data, number, array.ndim, shape, strides, None, None)
        if not handle:
            raise self.failure()
        return handle

    def read(self, handle: int) -> np.ndarray:
        """A copy of a tensor."""
        shape = tuple(self.shape(handle)[i] for i in range(self.ndim(handle)))
        array = np.empty(shape, BY_NUMBER[self.dtype_of(handle)][1])
        if self.copy_to(handle, array.ctypes.data, array.nbytes):
            raise self.failure()
        return array

    def attributes(self, op: str, values: dict) -> Any:
        """An array of tg_attr; the lists it points to are kept by it."""
        packed = (Attr * max(len(values), 1))()
        packed.kept = []
        for attr, (name, value) in zip(packed, values.items()):
            kind = self.attrs[op][name][0]
            attr.name, attr.type = name.encode(), kind
            if kind == FLOAT:
                attr.f = value
            elif kind in (INT, BOOL, DTYPE):
                attr.i = DTYPES[value][0] if isinstance(value, str) else int(value)
            elif kind == TEXT:
                attr.text = value.encode()
            elif kind == INDEX:
                items = (IndexItem * max(len(value), 1))()
                for item, entry in zip(items, value):
                    fill_item(item, entry)
                attr.n, attr.items = len(value), items
                packed.kept.append(items)
            else:
                ints = (c.c_int64 * max(len(value), 1))(*value)
                attr.n, attr.ints = len(value), ints
                packed.kept.append(ints)
        return packed

    def call(self, op: str, inputs: list[int], values: dict) -> list[int]:
        """The outputs."""
        packed = self.attributes(op, values)
        n_out = self.info[op].n_outputs
        handles = (c.c_void_p * max(len(inputs), 1))(*inputs)
        out = (c.c_void_p * n_out)()
        if self.op_call(op.encode(), handles, len(inputs), packed, len(values), out, n_out):
            raise self.failure()
        return list(out)

    def differentiate(
        self, outputs: list[int], seeds: list[int], inputs: list[int], create: bool
    ) -> list[int | None]:
        """The gradients of the outputs, weighted by the seeds."""
        given = (c.c_void_p * len(seeds))(*seeds)
        options = GradientsOptions(c.sizeof(GradientsOptions), True, create, True, given)
        out = (c.c_void_p * max(len(inputs), 1))()
        roots = (c.c_void_p * len(outputs))(*outputs)
        leaves = (c.c_void_p * max(len(inputs), 1))(*inputs)
        if self.gradients(roots, len(outputs), leaves, len(inputs), options, out):
            raise self.failure()
        return list(out)[: len(inputs)]


def fill_item(item: IndexItem, entry: Any) -> None:
    """One item of an index list from what Python would write there."""
    if entry is Ellipsis:
        item.kind = INDEX_ELLIPSIS
    elif entry is None:
        item.kind = INDEX_NEWAXIS
    elif isinstance(entry, slice):
        item.kind = INDEX_SLICE
        item.start = entry.start or 0
        item.end = SLICE_END if entry.stop is None else entry.stop
        item.step = 1 if entry.step is None else entry.step
    elif isinstance(entry, str):  # "t": the next of the tensors among the inputs
        item.kind = INDEX_TENSOR
    else:
        item.kind, item.start = INDEX_INT, entry
