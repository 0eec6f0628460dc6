"""Calls with closed forms: what exact.py evaluates, and how.

A function is evaluated at a precision at which nothing cancels, derivatives as central differences
with a step of 2^-100. Both are rounded to double once, at the end.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Callable

import numpy as np
from mpmath import mp, mpf

STEP_BITS = 100  # the step of a central difference is the input times 2^-100


@dataclass
class Case:
    """A call: its function takes object arrays of mpf (or None) and returns one or several."""

    op: str
    source: str
    function: Callable
    inputs: list
    attrs: dict
    tol: tuple[float, float]
    wrt: list[int]  # the inputs whose gradients are looked at
    slope: Callable | None = None  # the derivative, where differences would take too long
    bits: int = 0  # the precision; 0: by bits_for
    elementwise: bool = False
    results: list = field(default_factory=list)
    grads: dict[int, np.ndarray] = field(default_factory=dict)


CASES: list[Case] = []


# ---- Evaluating ----


def bits_for(arrays: list) -> int:
    """A precision at which nothing cancels: 1 + x, e^x - 1 and cosh(x) - 1 keep their digits."""
    sizes = [abs(float(v)) for a in arrays if a is not None for v in a.reshape(-1) if v]
    logs = [abs(float(np.log2(s))) for s in sizes if np.isfinite(s)]
    within = [s for s in sizes if s < 3000]
    return int(200 + 3 * max(logs, default=0) + 5 * max(within, default=0))


def lifted(array: np.ndarray | None) -> np.ndarray | None:
    """The array with elements that are mpf; integers and bools stay."""
    if array is None or array.dtype.kind != "f":
        return array
    return np.array([mpf(float(v)) for v in array.reshape(-1)] + [None], object)[:-1].reshape(
        array.shape
    )


def rounded(values: Any) -> np.ndarray:
    """The nearest doubles."""
    values = np.asarray(values, object)
    flat = [float(v) if isinstance(v, mpf) else float(mp.mpf(v)) for v in values.reshape(-1)]
    return np.array(flat, np.float64).reshape(values.shape)


def several(out: Any) -> list:
    """The outputs as a list."""
    return list(out) if isinstance(out, tuple) else [out]


def total(out: Any) -> Any:
    """What `seed ones` differentiates: the sum of all elements of all outputs."""
    return sum((v for y in several(out) for v in np.asarray(y, object).reshape(-1)), mpf(0))


def difference_quotient(case: Case, i: int, at: int) -> mpf:
    """The derivative of the sum by one element, by a central difference."""
    inputs = [lifted(a) for a in case.inputs]
    x = inputs[i].reshape(-1)[at]
    h = mp.ldexp(min(abs(x), 1) if x else mpf(1), -STEP_BITS)
    ends = []
    for sign in (1, -1):
        moved = list(inputs)
        moved[i] = inputs[i].copy()
        moved[i].reshape(-1)[at] = x + sign * h
        ends.append(total(case.function(*moved, **case.attrs)))
    return (ends[0] - ends[1]) / (2 * h)


def evaluate_arrays(case: Case) -> None:
    """Fills in outputs and gradients, all elements at one precision."""
    bits = case.bits or bits_for(case.inputs)
    with mp.workprec(bits):
        inputs = [lifted(a) for a in case.inputs]
        case.results = [rounded(y) for y in several(case.function(*inputs, **case.attrs))]
    with mp.workprec(bits if case.slope else bits + 3 * STEP_BITS):
        for i in case.wrt:
            x = case.inputs[i]
            if case.slope:
                quotients = [case.slope(v) for v in lifted(x).reshape(-1)]
            else:
                quotients = [difference_quotient(case, i, k) for k in range(x.size)]
            case.grads[i] = rounded(quotients).reshape(x.shape)


def evaluate(case: Case) -> None:
    """Fills in outputs and gradients."""
    if not case.elementwise:
        evaluate_arrays(case)
        return
    # Each element at its own precision: one at 1e300 needs much, and would slow down the others.
    parts = []
    for k in range(case.inputs[0].size):
        inputs = [a[k : k + 1] for a in case.inputs]
        parts.append(replace(case, inputs=inputs, results=[], grads={}))
        evaluate_arrays(parts[-1])
    case.results = [np.concatenate([p.results[0] for p in parts])]
    case.grads = {i: np.concatenate([p.grads[i] for p in parts]) for i in case.wrt}


# ---- Registering ----


def add(
    op: str,
    function: Callable,
    *inputs: Any,
    attrs: dict | None = None,
    tol: tuple[float, float] = (1e-15, 4e-15),
    wrt: list[int] | None = None,
    source: str = "closed",
    **options: Any,
) -> None:
    """A case. Nested lists are f64 arrays, None is an absent input."""
    arrays = [None if a is None else np.asarray(a) for a in inputs]
    arrays = [a if a is None or a.dtype.kind in "ib" else np.asarray(a, np.float64) for a in arrays]
    if wrt is None:
        wrt = [i for i, a in enumerate(arrays) if a is not None and a.dtype.kind == "f"]
    CASES.append(Case(op, source, function, arrays, attrs or {}, tol, wrt, **options))


def each(
    op: str, function: Callable, *lists: list[float], attrs: dict | None = None, **options: Any
) -> None:
    """A function of one number, of each list of points."""
    pairs(op, function, *([(x,) for x in points] for points in lists), attrs=attrs, **options)


def pairs(
    op: str, function: Callable, *lists: list[tuple], attrs: dict | None = None, **options: Any
) -> None:
    """A function of several numbers, of lists of them."""
    options = {"source": "exact", "elementwise": True, **options}

    def arrays(*columns: np.ndarray, **given: Any) -> np.ndarray:
        return np.frompyfunc(lambda *x: function(*x, **given), len(columns), 1)(*columns)

    for points in lists:
        add(op, arrays, *[list(column) for column in zip(*points)], attrs=attrs, **options)
