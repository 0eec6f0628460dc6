"""What all tests share: the package of this checkout, and a count of what a test leaves behind."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

PYTHON = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PYTHON))
sys.path.insert(0, str(PYTHON / "tools"))

import tensorgrad as tg  # noqa: E402
from tensorgrad import _capi, _interop  # noqa: E402

FAILED = pytest.StashKey[bool]()


def counts() -> tuple[int, int, int, int]:
    """Live tensors, graph nodes and storages, and arrays that tensors stand on."""
    return (
        _capi.tg_live_tensors(),
        _capi.tg_live_nodes(),
        _capi.tg_live_storages(),
        len(_interop._held),
    )


@pytest.fixture(autouse=True)
def nothing_stays(request):
    """Every test leaves as many tensors, nodes, storages and held arrays as it found."""
    found = counts()
    assert tg.is_grad_enabled()
    yield
    if request.node.stash.get(FAILED, False):
        return  # its traceback holds tensors
    assert tg.is_grad_enabled()
    assert _capi.tg_error_status() == _capi.TG_OK, "an error was left pending"
    if counts() != found:
        gc.collect()
    left = counts()
    assert all(now <= before for now, before in zip(left, found)), f"{left}, found {found}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Notes whether a test failed, for the fixture above."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.fixture
def run():
    """Runs Python code in a child process; returns it finished, with stdout and stderr as text."""

    def run(code: str, path: Path = PYTHON, **environment: str) -> subprocess.CompletedProcess:
        variables = {**os.environ, "PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"}
        variables.setdefault("TENSORGRAD_LIBRARY", tg.library_path)
        variables.update(environment)
        variables = {name: value for name, value in variables.items() if value is not None}
        return subprocess.run(
            [sys.executable, "-c", code],
            env=variables,
            cwd="/",  # where no package lies: python -c looks there first
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run
