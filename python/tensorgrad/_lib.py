"""Finds libtensorgrad, loads it, checks that it fits, and binds its functions into _capi.

Where it is looked for, in this order:

1. the file that the environment variable TENSORGRAD_LIBRARY names, and then nowhere else;
2. the folder lib/ of this package;
3. beside a source checkout: its build trees, the one built last first;
4. the system's loader, by the name libtensorgrad.so.0.

A library of another version, or with other declarations than those this package was made from, is
not used. If none fits, ImportError lists every path that was tried and what was wrong with it.
"""

from __future__ import annotations

import ctypes
import glob
import os

from . import _capi

SONAME = "libtensorgrad.so.0"
VARIABLE = "TENSORGRAD_LIBRARY"
_SANITIZERS = (b"__asan_init", b"__tsan_init", b"__msan_init")


def _is_sanitized(path: str) -> bool:
    """True for a library that would end a Python process not started for it."""
    with open(path, "rb") as file:
        content = file.read()
    return any(name in content for name in _SANITIZERS)


def build_trees(package: str) -> list[str]:
    """Libraries in the build trees of the checkout that this package lies in; newest first."""
    root = os.path.dirname(os.path.dirname(package))
    if not os.path.isfile(os.path.join(root, "include", "tensorgrad", "base.h")):
        return []
    build = os.path.join(glob.escape(root), "build")
    found: list[str] = []
    for pattern in (
        "lib",
        "*/lib",
        "",
        "*",
        "**",
    ):  # the last only where the usual places are empty
        if not found:
            pattern = os.path.join(build, pattern, "libtensorgrad.so*")
            found = [p for p in glob.glob(pattern, recursive=True) if os.path.isfile(p)]
    return sorted({os.path.realpath(p) for p in found}, key=os.path.getmtime, reverse=True)


def _load(path: str) -> ctypes.CDLL:
    """Loads and checks one library; OSError tells why it cannot be used."""
    library = ctypes.CDLL(path)
    try:
        version_of, hash_of = library.tg_version, library.tg_abi_hash
    except AttributeError:
        raise OSError("this is not libtensorgrad") from None
    version_of.restype, hash_of.restype = ctypes.c_char_p, ctypes.c_uint64
    version, abi_hash = version_of().decode(), hash_of()
    if version != _capi.VERSION:
        raise OSError(f"it is version {version}, this package needs {_capi.VERSION}")
    if abi_hash != _capi.ABI_HASH:
        raise OSError(
            f"its declarations differ from those this package was made from (ABI hash "
            f"{abi_hash:#018x}, expected {_capi.ABI_HASH:#018x}): rebuild the library, or run "
            "python3 python/tools/generate_capi.py"
        )
    return library


def find(package: str) -> tuple[ctypes.CDLL, str]:
    """The library and where it was found."""
    tried: list[str] = []
    named = os.environ.get(VARIABLE)
    if named:
        candidates = [named]
    else:
        candidates = sorted(
            glob.glob(os.path.join(glob.escape(package), "lib", "libtensorgrad.so*"))
        )
        for path in build_trees(package):
            if _is_sanitized(path):
                tried.append(f"{path}: built with a sanitizer; {VARIABLE} loads it all the same")
            else:
                candidates.append(path)
        candidates.append(SONAME)
    for path in candidates:
        try:
            return _load(path), path
        except OSError as error:
            tried.append(f"{path}: {error}")
    origin = f" (the path in {VARIABLE})" if named else ""
    advice = "" if named else f"; build it, or set {VARIABLE} to its path"
    raise ImportError(
        f"tensorgrad: no usable libtensorgrad{origin}{advice}. Tried:\n  " + "\n  ".join(tried)
    )


def _bind() -> tuple[ctypes.CDLL, str]:
    library, path = find(os.path.dirname(os.path.abspath(__file__)))
    keeping = ctypes.PyDLL(library._name, handle=library._handle)
    try:
        _capi.bind(library, keeping)
    except AttributeError as error:
        raise ImportError(f"tensorgrad: {path}: {error}") from None
    return library, path


library, path = _bind()
