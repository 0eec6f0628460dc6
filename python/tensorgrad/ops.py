"""Every operation of the library by its own name: `tg.ops.softmax(x, dim=-1)`.

The tensors come first, in the library's order (None for an absent optional one); attributes follow
by name, those left out have their defaults. The functions are made from the library's table, so an
operation that is registered there needs nothing here. `tg.ops.names()` lists them, and
`help(tg.ops.softmax)` tells what one takes.

    values, indices = tg.ops.sort(x, dim=0)
    y = tg.ops.call("conv2d", x, w, None, stride=[2, 2])
"""

from __future__ import annotations

import ctypes

from . import _capi as c
from ._dtype import dtype as _dtype
from ._errors import make_error, require
from ._pack import pack_index
from ._tensor import NONE, Tensor
from ._wrap import check, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Union

    Result = Union[Tensor, tuple[Tensor, ...]]

__all__ = ["call", "names"]


class _Operation:
    """What the table says of one operation."""

    def __init__(self, number: int) -> None:
        info = c.tg_op_info()
        check(c.tg_op_describe(number, ctypes.addressof(info)))
        self.name: str = info.name.decode()
        self.maths: str = info.maths.decode()
        self.n_outputs: int = info.n_outputs
        self.internal: bool = info.internal
        self.types: dict[str, int] = {}
        self.words: list[str] = []
        for k in range(info.n_attrs):
            attr, required = c.tg_attr(), ctypes.c_bool()
            check(c.tg_op_attr(number, k, ctypes.addressof(attr), ctypes.addressof(required)))
            name = attr.name.decode()
            self.types[name] = attr.type
            self.words.append(name if required.value else f"{name}={self.default(attr)}")

    @staticmethod
    def default(attr: c.tg_attr) -> str:
        """A default value as text."""
        if attr.type == c.TG_ATTR_FLOAT:
            return repr(attr.f)
        if attr.type == c.TG_ATTR_BOOL:
            return str(bool(attr.i))
        return str(attr.i) if attr.type in (c.TG_ATTR_INT, c.TG_ATTR_DTYPE) else "()"


_table: dict[str, _Operation] = {}


def _operations() -> dict[str, _Operation]:
    """The table, read on first use."""
    if not _table:
        for number in range(c.tg_op_count()):
            operation = _Operation(number)
            _table[operation.name] = operation
    return _table


def names() -> list[str]:
    """The names of all operations that are not internal to gradient rules."""
    return sorted(name for name, operation in _operations().items() if not operation.internal)


def _fill(attr: c.tg_attr, kind: int, value: Any) -> object:
    """Puts a value into a tg_attr; returns what must stay alive."""
    attr.type = kind
    if kind == c.TG_ATTR_FLOAT:
        attr.f = float(value)
    elif kind == c.TG_ATTR_DTYPE:
        attr.i = value.code if isinstance(value, _dtype) else int(value)
    elif kind in (c.TG_ATTR_INT, c.TG_ATTR_BOOL):
        attr.i = int(value)
    elif kind == c.TG_ATTR_TEXT:
        attr.text = str(value).encode()
    elif kind == c.TG_ATTR_INDEX:
        attr.n, packed = pack_index(tuple(value))
        attr.items = ctypes.cast(ctypes.c_char_p(packed), ctypes.c_void_p).value
        return packed
    else:
        listed = [value] if isinstance(value, int) else list(value)
        ints = (ctypes.c_int64 * max(len(listed), 1))(*listed)
        attr.n, attr.ints = len(listed), ctypes.addressof(ints)
        return ints
    return None


def call(name: str, *tensors: Tensor | None, **attributes: Any) -> Result:
    """Calls an operation by name; a tuple if it has several outputs.

    Raises ArgumentError for an unknown operation or attribute, else the operation's own errors.
    """
    operation = _operations().get(name)
    if operation is None:
        raise make_error(c.TG_ERR_ARG, "op_call", f"op_call: there is no operation {name!r}")
    handles = (ctypes.c_void_p * max(len(tensors), 1))()
    for i, x in enumerate(tensors):
        if x is not None:
            require(x, name, f"input {i}")
        handles[i] = NONE if x is None else x._h
    packed = (c.tg_attr * max(len(attributes), 1))()
    kept = []
    for attr, (word, value) in zip(packed, attributes.items()):
        attr.name = word.encode()
        kind = operation.types.get(word)
        if kind is None:
            has = ", ".join(operation.types) or "none"
            raise make_error(c.TG_ERR_ARG, name, f"{name}: has no attribute {word!r}; it has {has}")
        kept.append(_fill(attr, kind, value))
    out = (ctypes.c_void_p * operation.n_outputs)()
    check(
        c.tg_op_call(
            name.encode(),
            ctypes.addressof(handles),
            len(tensors),
            ctypes.addressof(packed),
            len(attributes),
            ctypes.addressof(out),
            operation.n_outputs,
        )
    )
    results = tuple(wrap(h) for h in out)
    return results[0] if len(results) == 1 else results


def __getattr__(name: str) -> Callable[..., Result]:
    """The function of an operation, made on first use."""
    operation = None if name.startswith("__") else _operations().get(name)
    if operation is None:
        raise AttributeError(f"tensorgrad.ops has no operation {name!r}")

    def function(*tensors: Tensor | None, **attributes: Any) -> Result:
        return call(name, *tensors, **attributes)

    function.__name__ = function.__qualname__ = name
    attributes = ", ".join(operation.words)
    function.__doc__ = f"{operation.maths}\n\nAttributes: {attributes or 'none'}."
    globals()[name] = function
    return function


def __dir__() -> list[str]:
    """The names of this module and of the operations."""
    return sorted({*__all__, *names()})
