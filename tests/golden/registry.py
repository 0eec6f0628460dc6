"""What PyTorch says of each operation: the register that the files in torch_ops/ fill.

    op("leaky_relu", lambda x, slope: F.leaky_relu(x, slope))
    corner("sqrt", [0.0, -1.0, INF, NAN])
    corner("hypot", [0.0], [0.0], expect=[[0.0]], grads=[[0.0], [0.0]], why="PyTorch gives NaN")
    without("cast", "PyTorch does not saturate")

A function gets the inputs as PyTorch tensors (None where absent) and all attributes by the
library's names. It returns the outputs in the library's order, None where PyTorch has none.
"""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

HERE = Path(__file__).resolve().parent
INF = float("inf")
NAN = float("nan")


@dataclass
class Typed:
    """Values with a dtype of the library's: tensor([1, 2], "i64")."""

    values: Any
    dtype: str


@dataclass
class Corner:
    """One call with explicit inputs; `expect` and `grads` where PyTorch is not followed."""

    op: str
    inputs: tuple
    attrs: dict
    expect: list | None
    grads: list | None
    why: str | None
    second: bool


@dataclass
class Reference:
    """An operation in PyTorch."""

    name: str
    family: str
    function: Callable
    first: bool = True  # PyTorch has a first derivative, and it is ours
    second: bool = True
    rtol: float = 1.0  # factor on the tolerance
    special: bool = True  # compare also with infinities and NaN among the inputs
    resize: bool = True  # compare also with other sizes
    corners: list = field(default_factory=list)


OPS: dict[str, Reference] = {}
WITHOUT: dict[str, str] = {}
_family = ""


def op(name: str, function: Callable, **options: Any) -> None:
    """Says which PyTorch function an operation is."""
    if name in OPS or name in WITHOUT:
        raise ValueError(f"{name} is registered twice")
    OPS[name] = Reference(name, _family, function, **options)


def tensor(values: Any, dtype: str) -> Typed:
    """Input values of a corner that are not f64 or bool."""
    return Typed(values, dtype)


def corner(
    name: str,
    *inputs: Any,
    attrs: dict | None = None,
    expect: list | None = None,
    grads: list | None = None,
    why: str | None = None,
    second: bool = False,
) -> None:
    """A call whose result is worth keeping: nested lists of floats (f64) or bools, None, tensor().

    With `expect` (one per output) or `grads` (one per input, None: not looked at) the library
    deviates from PyTorch, and `why` says why. Second derivatives are compared if `second`.
    """
    if (expect is not None or grads is not None) and not why:
        raise ValueError(f"corner of {name}: say why it deviates")
    made = Corner(name, inputs, attrs or {}, expect, grads, why, second)
    OPS[name].corners.append(made)


def without(name: str, why: str) -> None:
    """An operation that has no counterpart."""
    if name in OPS or name in WITHOUT:
        raise ValueError(f"{name} is registered twice")
    WITHOUT[name] = why


def load(families: list[str] | None = None) -> None:
    """Reads torch_ops/<family>.py, all of them or those named."""
    global _family
    sys.path.insert(0, str(HERE))
    # The files import `registry`: that must be this module, also when a script imported it first.
    sys.modules.setdefault("registry", sys.modules[__name__])
    for path in sorted((HERE / "torch_ops").glob("*.py")):
        if families and path.stem not in families:
            continue
        _family = path.stem
        importlib.import_module(f"torch_ops.{path.stem}")
