"""Grad mode: whether operations are recorded. Each thread has its own."""

from __future__ import annotations

import functools

from ._capi import tg_grad_enabled, tg_set_grad_enabled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    F = TypeVar("F", bound=Callable[..., Any])

__all__ = ["enable_grad", "is_grad_enabled", "no_grad", "set_grad_enabled"]


def is_grad_enabled() -> bool:
    """Whether the calling thread records operations."""
    return tg_grad_enabled()


class _GradMode:
    """A context manager and decorator that sets the mode and restores the one it found."""

    __slots__ = ("_found", "_mode")

    def __init__(self, mode: bool) -> None:
        self._mode = mode
        self._found: list[bool] = []  # one entry per `with` that is open

    def __enter__(self) -> None:
        self._found.append(tg_set_grad_enabled(self._mode))

    def __exit__(self, *exception: object) -> None:
        tg_set_grad_enabled(self._found.pop())

    def __call__(self, function: F) -> F:
        """Decorates a function: the mode is set while it runs."""
        import inspect

        if inspect.isgeneratorfunction(function) or inspect.iscoroutinefunction(function):
            raise TypeError(
                f"{type(self).__name__} cannot decorate {function.__name__}, whose body runs after "
                "the call: use a with statement inside it"
            )
        mode = self._mode

        @functools.wraps(function)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            found = tg_set_grad_enabled(mode)
            try:
                return function(*args, **kwargs)
            finally:
                tg_set_grad_enabled(found)

        return decorated  # type: ignore[return-value]


class no_grad(_GradMode):
    """Nothing is recorded: `with tensorgrad.no_grad():` or `@tensorgrad.no_grad()`."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(False)


class enable_grad(_GradMode):
    """Operations are recorded, also inside no_grad: `with tensorgrad.enable_grad():`."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(True)


class set_grad_enabled(_GradMode):
    """Sets the mode at once; as `with tensorgrad.set_grad_enabled(on):` restores it at the end."""

    __slots__ = ()

    def __init__(self, mode: bool) -> None:
        super().__init__(bool(mode))
        self._found.append(tg_set_grad_enabled(self._mode))

    def __enter__(self) -> None:
        pass

    def __call__(self, function: F) -> F:
        """Decorates a function; the mode set at construction is undone first."""
        tg_set_grad_enabled(self._found.pop())
        return super().__call__(function)
