"""Reading data, and what the library says about itself."""

from __future__ import annotations

import os
import struct

from . import _capi as c
from ._dtype import code_of
from ._pack import pack_int, pack_int64
from ._tensor import Tensor
from ._wrap import check, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._dtype import dtype as DType

__all__ = [
    "build_info",
    "get_num_threads",
    "live_tensors",
    "read_csv",
    "set_num_threads",
]


def read_csv(
    path: str | os.PathLike[str],
    dtype: DType | None = None,
    *,
    columns: Sequence[str] | None = None,
    header: bool = True,
    separator: str = ",",
    missing_as_nan: bool = False,
    max_rows: int = 0,
) -> Tensor:
    """The numbers of a CSV file as a tensor [rows, columns], float32 unless dtype is float64.

    columns: names of those wanted, in this order; None: all. header=False: the first row is data,
    and columns are named "0", "1", .... max_rows 0: all. IOError_ (an OSError) if the file cannot
    be read; FormatError (a ValueError) names file, line and column of what is malformed.
    """
    options = c.tg_csv_options.init()
    options.no_header, options.missing_as_nan = not header, missing_as_nan
    options.max_rows = pack_int64(max_rows, "max_rows")
    if not isinstance(separator, str) or len(separator) != 1 or ord(separator) > 127:
        raise ValueError(f"read_csv: separator must be one ASCII character, got {separator!r}")
    options.separator = ord(separator)
    names = _strings(columns)
    table = struct.pack(f"{len(names)}P", *(s.address for s in names))
    if columns is not None:
        if not names:
            raise ValueError("read_csv: columns is empty: leave it out to read all")
        pointers = _Buffer(table)
        options.columns, options.n_columns = pointers.address, len(names)
    return wrap(c.tg_read_csv(os.fsencode(path), code_of(dtype), options))


class _Buffer:
    """Bytes at an address that stays the same as long as this object lives."""

    def __init__(self, content: bytes) -> None:
        from ctypes import addressof, create_string_buffer

        self._memory = create_string_buffer(content)  # with a final zero
        self.address = addressof(self._memory)


def _strings(columns: Sequence[str] | None) -> list[_Buffer]:
    """C strings of the column names."""
    if isinstance(columns, str):
        raise TypeError("read_csv: columns must be a list of names, got one string")
    names = []
    for name in columns or ():
        if not isinstance(name, str) or "\0" in name:
            raise TypeError(f"read_csv: a column's name must be a string without NUL, got {name!r}")
        names.append(_Buffer(name.encode()))
    return names


def build_info() -> str:
    """One line per fact: version, compiler, CPU level, BLAS, threads, warnings."""
    return c.tg_build_info().decode("utf-8", "replace")


def live_tensors() -> int:
    """Tensors that exist now in the whole process, those held by graphs included."""
    return c.tg_live_tensors()


def get_num_threads() -> int:
    """How many threads kernels and BLAS may use."""
    return c.tg_num_threads()


def set_num_threads(n: int) -> None:
    """Sets how many threads kernels and BLAS may use: 1 to 1024."""
    check(c.tg_set_num_threads(pack_int(n, "n")))
