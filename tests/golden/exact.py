"""Writes exact.txt: closed forms, evaluated with far more digits than a double has.

    python tests/golden/exact.py [--library build/release/lib/libtensorgrad.so] [--op NAME ...]

Inputs are exact doubles, expected outputs and first derivatives the correctly rounded ones. With
--library nothing is written: it shows how far the library is off, in parts of the tolerance.

The source `exact` compares each element relatively, however small it is; `closed` compares with a
share of the largest element, for what adds numbers of different size. Tolerances: 1e-15 is 4 ulp at
most, what the library promises of elementwise functions.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
from mpmath import mp

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import closed_arrays  # noqa: E402
import closed_forms  # noqa: E402
from exact_cases import CASES, Case, evaluate  # noqa: E402
from written import array_text, number  # noqa: E402

DIGITS = 60
INF = float("inf")


def attr_text(value: Any) -> str:
    """An attribute as a sample line writes it."""
    if isinstance(value, list):
        return ",".join(str(v) for v in value)
    return value if isinstance(value, str) else number(value)


def case_lines(case: Case) -> list[str]:
    """The lines of one case."""
    lines = [f"case {case.op} {case.source}"]
    lines += [f"attr {name} {attr_text(value)}" for name, value in case.attrs.items()]
    lines += ["in none" if a is None else f"in {array_text(a)}" for a in case.inputs]
    lines.append("seed ones")
    lines += [f"out {k} {array_text(y)}" for k, y in enumerate(case.results)]
    lines += [f"grad {i} {array_text(g)}" for i, g in case.grads.items()]
    return [*lines, f"tol {case.tol[0]:g} {case.tol[1]:g} 0", "end"]


def off(case: Case, got: np.ndarray, expected: np.ndarray, rtol: float) -> tuple[float, Any]:
    """The largest error in parts of the tolerance, as test_golden.c computes it, and where."""
    if got.shape != expected.shape:
        return INF, (got.shape, expected.shape)
    with np.errstate(all="ignore"):
        scale = np.max(np.abs(expected[np.isfinite(expected)]), initial=0.0)
        least = 2e-323 if case.source == "exact" else rtol * (0.01 * scale + 1e-3)
        ratio = np.abs(got - expected) / (least + rtol * np.abs(expected))
        ratio = np.where(got == expected, 0.0, np.where(np.isfinite(ratio), ratio, INF))
    at = np.unravel_index(int(np.argmax(ratio)), ratio.shape) if ratio.size else ()
    return float(np.max(ratio, initial=0.0)), tuple(int(i) for i in at)


def measure(path: str) -> None:
    """Shows how far the library is off."""
    from calls import run_ours
    from library import Library

    library = Library(path)
    for case in CASES:
        ours = run_ours(library, case.op, case.inputs, case.attrs, True, 1)
        if ours.refused:
            print(f"{case.op} {case.attrs}: refused: {ours.refused}")
            continue
        checked = [
            ("output", k, a, b, case.tol[0])
            for k, (a, b) in enumerate(zip(ours.outputs, case.results))
        ]
        checked += [("gradient", i, ours.grads[i], g, case.tol[1]) for i, g in case.grads.items()]
        for what, k, a, b, rtol in checked:
            worst, at = off(case, np.zeros_like(b) if a is None else a, b, rtol)
            if worst > 0.5:
                got = None if a is None or a.shape != b.shape else a[at]
                inputs = [
                    None if x is None else x[at] if x.shape == b.shape else x.tolist()
                    for x in case.inputs
                ]
                print(
                    f"{'WRONG' if worst > 1 else 'close'} {worst:9.3g} {case.op} {case.attrs} "
                    f"{what} {k} {at}: x = {inputs}, expected {b[at]!r}, got {got!r}"
                )


def main() -> int:
    """Writes the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", help="compare with it, write nothing")
    parser.add_argument("--op", nargs="*", default=[])
    parser.add_argument("--output", type=Path, default=HERE, help="the directory of exact.txt")
    arguments = parser.parse_args()
    mp.dps = DIGITS
    for register in closed_forms.GROUPS + closed_arrays.GROUPS:
        register()
    if arguments.op:
        CASES[:] = [case for case in CASES if case.op in arguments.op]
    for case in CASES:
        evaluate(case)
    if arguments.library:
        measure(arguments.library)
    elif not arguments.op:
        lines = ["# Closed forms, correctly rounded: written by exact.py, see README.md."]
        for case in CASES:
            lines += ["", *case_lines(case)]
        (arguments.output / "exact.txt").write_text("\n".join(lines) + "\n")
    print(f"{len(CASES)} cases of {len({case.op for case in CASES})} operations")
    return 0


if __name__ == "__main__":
    sys.exit(main())
