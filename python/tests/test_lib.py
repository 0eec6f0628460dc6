"""Finding and refusing libraries, in child processes."""

from __future__ import annotations

import ctypes.util
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

import tensorgrad as tg
from tensorgrad import _capi, _lib

PYTHON = Path(__file__).resolve().parents[1]


def lone_package(tmp_path: Path) -> Path:
    """A copy of the package outside any checkout; returns the folder to import from."""
    shutil.copytree(PYTHON / "tensorgrad", tmp_path / "tensorgrad")
    return tmp_path


def checkout(tmp_path: Path) -> Path:
    """A copy of the package in what looks like a source tree; returns the tree."""
    shutil.copytree(PYTHON / "tensorgrad", tmp_path / "python" / "tensorgrad")
    header = tmp_path / "include" / "tensorgrad" / "base.h"
    header.parent.mkdir(parents=True)
    header.touch()
    return tmp_path


def edit(path: Path, pattern: str, text: str) -> None:
    changed, count = re.subn(pattern, text, path.read_text(), count=1, flags=re.M)
    assert count == 1
    path.write_text(changed)


def test_named_library_that_is_missing(run):
    done = run("import tensorgrad", TENSORGRAD_LIBRARY="/nowhere/libtensorgrad.so")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()
    assert "ImportError: tensorgrad: no usable libtensorgrad" in done.stderr
    assert "the path in TENSORGRAD_LIBRARY" in done.stderr
    assert last[-1].startswith("  /nowhere/libtensorgrad.so: ")
    assert "cannot open" in last[-1]


def test_named_library_is_the_only_one_tried(run, tmp_path):
    package = lone_package(tmp_path)
    (package / "tensorgrad" / "lib").mkdir()
    shutil.copy(tg.library_path, package / "tensorgrad" / "lib" / "libtensorgrad.so")
    done = run("import tensorgrad", package, TENSORGRAD_LIBRARY="/nowhere/x.so")
    assert done.returncode == 1


def test_every_path_tried_is_listed(run, tmp_path):
    root = checkout(tmp_path)
    places = [
        root / "python" / "tensorgrad" / "lib" / "libtensorgrad.so.0",
        root / "build" / "release" / "lib" / "libtensorgrad.so",
    ]
    for place in places:
        place.parent.mkdir(parents=True)
        place.write_bytes(b"no library")
    done = run("import tensorgrad", root / "python", TENSORGRAD_LIBRARY="")
    if done.returncode == 0:
        pytest.skip("libtensorgrad is installed where the system's loader finds it")
    for place in [*places, "libtensorgrad.so.0"]:
        assert re.search(rf"^  {re.escape(str(place))}: \S", done.stderr, re.M), done.stderr
    assert "set TENSORGRAD_LIBRARY" in done.stderr


@pytest.mark.skipif(_lib._is_sanitized(tg.library_path), reason="sanitized builds are passed over")
def test_package_folder_comes_before_build_trees(run, tmp_path):
    root = checkout(tmp_path)
    inside = root / "python" / "tensorgrad" / "lib" / "libtensorgrad.so"
    beside = root / "build" / "dev" / "lib" / "libtensorgrad.so"
    for place in (inside, beside):
        place.parent.mkdir(parents=True)
        shutil.copy(tg.library_path, place)
    code = "import tensorgrad; print(tensorgrad.library_path)"
    assert run(code, root / "python", TENSORGRAD_LIBRARY="").stdout.strip() == str(inside)
    inside.unlink()
    assert run(code, root / "python", TENSORGRAD_LIBRARY="").stdout.strip() == str(beside)


def test_newest_build_tree_comes_first(tmp_path):
    root = checkout(tmp_path)
    for age, name in enumerate(("new", "old", "older")):
        place = root / "build" / name / "lib" / "libtensorgrad.so.0.1.0"
        place.parent.mkdir(parents=True)
        place.touch()
        (place.parent / "libtensorgrad.so").symlink_to(place)
        os.utime(place, (10**9 - age, 10**9 - age))
    found = _lib.build_trees(str(root / "python" / "tensorgrad"))
    assert [Path(p).parts[-3] for p in found] == ["new", "old", "older"]


def test_sanitized_build_is_passed_over(run, tmp_path):
    root = checkout(tmp_path)
    place = root / "build" / "asan" / "lib" / "libtensorgrad.so"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"\x7fELF ... __asan_init ...")
    done = run("import tensorgrad", root / "python", TENSORGRAD_LIBRARY="")
    if done.returncode == 0:
        pytest.skip("libtensorgrad is installed where the system's loader finds it")
    assert "asan/lib/libtensorgrad.so: built with a sanitizer" in done.stderr


def test_other_declarations_are_refused(run, tmp_path):
    package = lone_package(tmp_path)
    edit(package / "tensorgrad" / "_capi.py", r"^ABI_HASH = .*$", "ABI_HASH = 0x123")
    done = run("import tensorgrad", package)
    assert done.returncode == 1
    assert tg.library_path in done.stderr
    assert f"ABI hash {_capi.ABI_HASH:#018x}, expected 0x0000000000000123" in done.stderr


def test_other_version_is_refused(run, tmp_path):
    package = lone_package(tmp_path)
    edit(package / "tensorgrad" / "_capi.py", r"^VERSION = .*$", 'VERSION = "9.9.9"')
    done = run("import tensorgrad", package)
    assert done.returncode == 1
    assert f"it is version {_capi.VERSION}, this package needs 9.9.9" in done.stderr


def test_other_library_is_refused(run):
    libm = ctypes.util.find_library("m")
    if libm is None:
        pytest.skip("no other shared library known here")
    done = run("import tensorgrad", TENSORGRAD_LIBRARY=libm)
    assert done.returncode == 1
    assert "this is not libtensorgrad" in done.stderr


def test_missing_function_is_named(run, tmp_path):
    package = lone_package(tmp_path)
    edit(package / "tensorgrad" / "_capi.py", r'^    "tg_neg": ', '    "tg_negate": ')
    done = run("import tensorgrad", package)
    assert done.returncode == 1
    assert "it has no function tg_negate" in done.stderr


def test_only_the_standard_library_is_imported(run):
    code = (
        "import sys; before = set(sys.modules); import tensorgrad;"
        "new = {m.split('.')[0] for m in set(sys.modules) - before} - sys.stdlib_module_names;"
        "print(sorted(new))"
    )
    if sys.version_info < (3, 10):
        pytest.skip("sys.stdlib_module_names came with Python 3.10")
    assert run(code).stdout.strip() == "['tensorgrad']"


def test_submodules_load_on_first_use(run):
    code = (
        "import sys, tensorgrad as tg; assert 'tensorgrad.optim' not in sys.modules;"
        "tg.optim.SGD, tg.nn.functional.relu, tg.autograd.grad; assert 'optim' in dir(tg);"
        "print(hasattr(tg, 'nothing'))"
    )
    done = run(code)
    assert done.stdout.strip() == "False", done.stderr
