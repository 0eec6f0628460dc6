"""Handles of the C library as Tensor objects."""

from __future__ import annotations

from ._errors import failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._tensor import Tensor  # at run time _tensor.py puts it here

new = object.__new__


def wrap(h: int | None) -> Tensor:
    """The Tensor that owns h, a new reference; raises the pending error for NULL."""
    if h:
        y = new(Tensor)
        y._h = h
        return y
    raise failure()


def check(status: int) -> None:
    """Raises the pending error if an action failed."""
    if status:
        raise failure()
