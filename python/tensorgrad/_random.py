"""Random numbers from explicit generators; streams do not depend on the number of threads."""

from __future__ import annotations

from ctypes import byref
from operator import index

from . import _capi as c
from ._errors import failure
from ._wrap import check

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Generator", "manual_seed"]

new = object.__new__


def _seed(value: int) -> int:
    """A seed as 64 bits; negative ones count from the top."""
    value = index(value)
    if not -(2**63) <= value < 2**64:
        raise OverflowError(f"a seed has 64 bits, got {value}")
    return value % 2**64


def manual_seed(seed: int) -> None:
    """Seeds the calling thread's default generator."""
    check(c.tg_manual_seed(_seed(seed)))


class Generator:
    """A stream of random numbers: Philox, counter-based. For use by one thread at a time."""

    __slots__ = ("_h",)
    _h: int

    def __init__(self, seed: int = 0) -> None:
        """At the start of the stream of seed."""
        self._h = 0
        self._h = c.tg_generator_new(_seed(seed)) or 0
        if not self._h:
            raise failure()

    def __del__(self, _free: Any = c.tg_generator_free) -> None:
        """Frees the generator."""
        h = getattr(self, "_h", 0)
        if h:
            _free(h)

    def __copy__(self) -> Generator:
        """A generator at the same place of the same stream."""
        other = Generator()
        other.set_state(self.get_state())
        return other

    def __deepcopy__(self, memo: dict[int, Any]) -> Generator:
        """A generator at the same place of the same stream."""
        return self.__copy__()

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickles as seed and state."""
        return _restore, (self.get_state(),)

    def manual_seed(self, seed: int) -> Generator:
        """Starts the stream of another seed. Returns the generator."""
        self.set_state((_seed(seed), 0, 0))
        return self

    def get_state(self) -> tuple[int, int, int]:
        """Seed, stream and position: all that is needed to continue."""
        state = c.tg_generator_state()
        check(c.tg_generator_get_state(self._h, byref(state)))
        return state.seed, state.stream, state.position

    def set_state(self, state: tuple[int, int, int]) -> None:
        """Continues from a saved state."""
        seed, stream, position = (_seed(value) for value in state)
        check(
            c.tg_generator_set_state(self._h, byref(c.tg_generator_state(seed, stream, position)))
        )

    def split(self, index: int) -> Generator:
        """An independent stream of the same seed, named by index; this one does not move."""
        h = c.tg_generator_split(self._h, _seed(index))
        if not h:
            raise failure()
        generator = new(Generator)
        generator._h = h
        return generator


def _restore(state: tuple[int, int, int]) -> Generator:
    """What a pickled Generator is made again with."""
    generator = Generator()
    generator.set_state(state)
    return generator
