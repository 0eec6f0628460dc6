"""Exceptions: one class per status of the C library, each also of the matching builtin kind.

The text is the library's: operation, what came (shapes, dtypes), what was expected, what to do.
"""

from __future__ import annotations

from threading import get_ident

from . import _capi
from . import _lib as _lib  # loads the library
from ._capi import tg_error_clear, tg_error_message, tg_error_op, tg_error_status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


class TensorgradError(RuntimeError):
    """Base of all errors that the library reports.

    status: the C status code (an int); op: the operation that failed, or "".
    """

    status: int = _capi.TG_ERR_INTERNAL
    op: str = ""


class ArgumentError(TensorgradError, ValueError):
    """A bad argument: an option out of range, an unknown name."""


class ShapeError(TensorgradError, ValueError):
    """Shapes that do not fit, or sizes beyond the limits."""


class DTypeError(TensorgradError, TypeError):
    """An element type that the operation does not take."""


class IndexError_(TensorgradError, IndexError):
    """An index or dim out of range."""


class StateError(TensorgradError):
    """A call that the object's state does not allow now."""


class OutOfMemory(TensorgradError, MemoryError):
    """An allocation failed."""


class NumericError(TensorgradError, ArithmeticError):
    """No defined result, such as a division of integers by zero."""


class UnsupportedError(TensorgradError, NotImplementedError):
    """Not available here; an operation without a derivative."""


class FormatError(TensorgradError, ValueError):
    """Malformed file contents."""


class IOError_(TensorgradError, OSError):
    """The system refused to open, read or write."""


class BusyError(TensorgradError):
    """Another thread is using the object."""


class InterruptedError_(TensorgradError):
    """The interrupt check asked to stop."""


class InternalError(TensorgradError):
    """A fault of the library itself: please report it."""


_BY_STATUS: dict[int, type[TensorgradError]] = {
    _capi.TG_ERR_ARG: ArgumentError,
    _capi.TG_ERR_SHAPE: ShapeError,
    _capi.TG_ERR_DTYPE: DTypeError,
    _capi.TG_ERR_INDEX: IndexError_,
    _capi.TG_ERR_STATE: StateError,
    _capi.TG_ERR_MEMORY: OutOfMemory,
    _capi.TG_ERR_NUMERIC: NumericError,
    _capi.TG_ERR_UNSUPPORTED: UnsupportedError,
    _capi.TG_ERR_FORMAT: FormatError,
    _capi.TG_ERR_IO: IOError_,
    _capi.TG_ERR_BUSY: BusyError,
    _capi.TG_ERR_INTERRUPTED: InterruptedError_,
    _capi.TG_ERR_INTERNAL: InternalError,
}


def make_error(status: int, op: str, text: str) -> TensorgradError:
    """The exception for a status."""
    error = _BY_STATUS.get(status, TensorgradError)(text)
    error.status = status
    error.op = op
    return error


# What callbacks raised, by thread, on its way through the library to the call around them.
_raised: dict[int, tuple[int, BaseException]] = {}


def raised_in_callback(error: BaseException) -> int:
    """The status for a callback to return; the call that fails with it raises error."""
    status = error.status if isinstance(error, TensorgradError) else _capi.TG_ERR_INTERNAL
    _raised[get_ident()] = (status, error)
    return status


def failure() -> BaseException:
    """The calling thread's pending error as an exception to raise; the library forgets it."""
    status = tg_error_status()
    if status == _capi.TG_OK:
        return InternalError("a call failed without an error")
    if _raised:
        expected, error = _raised.pop(get_ident(), (_capi.TG_OK, None))
        if error is not None and expected == status:
            tg_error_clear()
            return error
    op = tg_error_op().decode("utf-8", "replace")
    text = tg_error_message().decode("utf-8", "replace")
    tg_error_clear()
    return make_error(status, op, text)


def require(value: object, op: str, name: str = "input") -> None:
    """Raises TypeError unless value is a Tensor."""
    from ._tensor import Tensor

    if not isinstance(value, Tensor):
        not_a_tensor(value, op, name)


def not_a_tensor(value: object, op: str, name: str) -> NoReturn:
    """Raises the TypeError for an argument that should have been a Tensor."""
    raise TypeError(
        f"{op}: {name} must be a Tensor, got {type(value).__name__}; "
        "tensorgrad.tensor(...) makes one"
    )
