"""The package's own rules: typed, documented, clean. Tools that are not installed are skipped."""

from __future__ import annotations

import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import tensorgrad as tg
import tensorgrad.autograd
import tensorgrad.nn.functional
import tensorgrad.optim

PYTHON = Path(__file__).resolve().parents[1]
USER_CODE = """
import tensorgrad as tg

x: tg.Tensor = tg.tensor([1.0, 2.0], requires_grad=True)
y: tg.Tensor = ((2 * x + 1.0 - x) ** 2 / x).sum(0, keepdim=True)
z: tg.Tensor = tg.exp(x @ x) + tg.where(x > 1, x, 0.0) - (x == x).all()
x += 1
g: tg.Tensor | None = x.grad
shape: tuple[int, ...] = x.shape
(d,) = tg.autograd.grad(y, [x], create_graph=True)
kind: tg.dtype = tg.float64
with tg.no_grad():
    x[0, ...] = y.to(kind)

@tg.no_grad()
def half(a: int) -> float:
    return a / 2

opt: tg.optim.Optimizer = tg.optim.SGD([x], lr=half(3))
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Where mypy keeps what it found, for the next test."""
    return f"--cache-dir={tmp_path_factory.mktemp('mypy')}"


def tool(*command: str) -> str:
    if importlib.util.find_spec(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=PYTHON, capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


CHECKED = [".", *(str(p) for p in [PYTHON.parent / "tests" / "golden"] if p.is_dir())]


def test_ruff_finds_nothing():
    assert not tool("ruff", "check", "--no-cache", "--config", "pyproject.toml", *CHECKED)


def test_format_is_ruffs():
    options = ("--no-cache", "--check", "--config", "pyproject.toml")
    assert not tool("ruff", "format", *options, *CHECKED)


def test_mypy_strict_finds_nothing(cache):
    assert not tool("mypy", "--strict", cache)


def test_types_serve_users(tmp_path, cache):
    (tmp_path / "user.py").write_text(USER_CODE)
    command = ["mypy", "--strict", cache]
    assert not tool(*command, str(tmp_path / "user.py"))
    (tmp_path / "wrong.py").write_text("import tensorgrad as tg\ntg.zeros(2) + 'a'\ntg.cat(3)\n")
    found = tool(*command, str(tmp_path / "wrong.py"))
    assert "wrong.py:2" in found
    assert "wrong.py:3" in found


def test_everything_public_is_documented():
    undocumented = []
    modules = (tg, tg.autograd, tg.optim, tg.nn, tg.nn.functional)
    for module in modules:
        assert module.__doc__
        for name in module.__all__:
            thing = getattr(module, name)
            if not callable(thing) and not inspect.ismodule(thing):
                continue
            if not inspect.getdoc(thing):
                undocumented.append(f"{module.__name__}.{name}")
            if inspect.isclass(thing):
                undocumented += [
                    f"{name}.{attribute}"
                    for attribute in dir(thing)
                    if not attribute.startswith("_")
                    and (
                        callable(member := getattr(thing, attribute))
                        or isinstance(member, property)
                    )
                    and not inspect.getdoc(member)
                ]
    assert not undocumented


def test_all_names_exist_and_nothing_else_is_public():
    assert len(tg.__all__) == len(set(tg.__all__))
    for name in tg.__all__:
        getattr(tg, name)
    assert (PYTHON / "tensorgrad" / "py.typed").exists()
