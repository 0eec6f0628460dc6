"""Writes the golden cases: what PyTorch gives for the sample lines and corners of every operation.

    python tests/golden/generate.py --library build/release/lib/libtensorgrad.so [--family NAME ...]
                                     [--output DIRECTORY]

The format stands in README.md. Samples of which PyTorch gives something else than the library does
(beyond rounding) are not written, but reported, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

import registry
import torch
from calls import Result, corner_array, difference, run_ours, run_torch
from compare import RTOL, make
from library import DIMS, DTYPE, FLOAT, INDEX, INTS, SHAPE, TEXT, Library
from samples import Sample, read_samples
from written import array_text, number

HERE = Path(__file__).resolve().parent
MOST = 2  # sample lines per operation that become cases
MOST_VALUES = 200  # larger cases are left to compare.py


def item_text(item: Any) -> str:
    """An item of an index list."""
    if item is Ellipsis:
        return "..."
    if item is None:
        return "none"
    if isinstance(item, slice):
        parts = [item.start, item.stop, item.step]
        return ":".join("" if p is None else str(p) for p in parts)
    return str(item)


def attr_text(kind: int, value: Any) -> str:
    """An attribute as a sample line writes it."""
    if kind == FLOAT:
        return number(value)
    if kind == INDEX:
        return ",".join(item_text(v) for v in value)
    if kind in (DIMS, SHAPE, INTS):
        return ",".join(str(v) for v in value)
    if kind in (TEXT, DTYPE) and isinstance(value, str):
        return value
    return str(int(value))


def case_lines(
    library: Library,
    ref: registry.Reference,
    source: str,
    arrays: list,
    attrs: dict,
    result: Result,
    ones: bool,
    derived: bool,
    why: str | None,
) -> list[str]:
    """The lines of one case."""
    lines = [f"case {ref.name} {source}"]
    if why:
        lines.append(f"# deviates from PyTorch: {why}")
    for name, value in attrs.items():
        text = attr_text(library.attrs[ref.name][name][0], value)
        if text:
            lines.append(f"attr {name} {text}")
    lines += ["in none" if a is None else f"in {array_text(np.asarray(a))}" for a in arrays]
    lines.append(f"seed {'ones' if ones else 'pattern'}")
    for k, y in enumerate(result.outputs):
        if y is not None:
            lines.append(f"out {k} {array_text(y)}")
    for word, grads in (("grad", result.grads), ("second", result.seconds)):
        if word == "grad" and not derived:
            continue
        if word == "second" and not any(g is not None for g in grads):
            continue
        for i, g in enumerate(grads):
            if arrays[i] is None or arrays[i].dtype.kind != "f":
                continue
            if g is None:
                if word == "grad" and result.outputs and not why:
                    lines.append(f"grad {i} zero")
            else:
                lines.append(f"{word} {i} {array_text(g)}")
    tolerances = [t * ref.rtol for t in RTOL["f64"]]
    lines += ["tol " + " ".join(f"{t:g}" for t in tolerances), "end"]
    return lines


def disagreement(ref: registry.Reference, ours: Result, theirs: Result) -> str | None:
    """What keeps a sample from becoming a case."""
    if ours.refused or theirs.refused:
        return f"refused: {ours.refused or theirs.refused}"
    for tolerance, a, b in zip(
        RTOL["f64"],
        (ours.outputs, ours.grads, ours.seconds),
        (theirs.outputs, theirs.grads, theirs.seconds),
    ):
        for x, y in zip(a, b):
            text = (
                difference(x, y, tolerance * ref.rtol)
                if y is not None or a is not ours.outputs
                else None
            )
            if text:
                return text
    return None


def sample_case(
    library: Library, ref: registry.Reference, sample: Sample
) -> tuple[list[str], str | None]:
    """The case of a sample line, or why there is none."""
    arrays = make(sample, "f64", "contiguous", np.random.default_rng(11))
    # Rounded inputs keep the files short; matrices keep their property to within the rounding.
    arrays = [a if a is None or a.dtype.kind != "f" else np.asarray(np.round(a, 4)) for a in arrays]
    if sum(a.size for a in arrays if a is not None) > MOST_VALUES:
        return [], None
    order = 0 if not ref.first else 2 if ref.second else 1
    if not library.info[ref.name].differentiable:
        order = 0
    theirs = run_torch(library, ref, arrays, sample.attrs, False, order)
    ours = run_ours(library, ref.name, arrays, sample.attrs, False, order)
    if theirs.refused and not ours.refused:
        return [], None  # more than PyTorch takes; compare.py counts these
    problem = disagreement(ref, ours, theirs)
    if problem:
        return [], f"{ref.name} '{sample.text}': {problem}"
    return case_lines(
        library, ref, "sample", arrays, sample.attrs, theirs, False, order > 0, None
    ), None


def corner_case(
    library: Library, ref: registry.Reference, c: registry.Corner
) -> tuple[list[str], str | None]:
    """The case of a corner."""
    arrays = [corner_array(v) for v in c.inputs]
    order = 0 if not ref.first else 2 if c.second else 1
    if not library.info[ref.name].differentiable:
        order = 0
    ours = run_ours(library, ref.name, arrays, c.attrs, True, order)
    if ours.refused:
        return [], f"{ref.name} corner {c.inputs}: {ours.refused}"
    if c.expect is not None and c.grads is not None:
        result = Result([None] * len(ours.outputs), [None] * len(arrays), [])
    else:
        result = run_torch(library, ref, arrays, c.attrs, True, order)
        if result.refused:
            return [], f"{ref.name} corner {c.inputs}: {result.refused}"
    if c.expect is not None:
        result.outputs = [
            None if e is None else np.asarray(e, o.dtype) for e, o in zip(c.expect, ours.outputs)
        ]
    if c.grads is not None:
        result.grads = [None if e is None else np.asarray(e, np.float64) for e in c.grads]
        result.seconds = []
    derived = order > 0 and (
        c.grads is not None or any(g is not None for g in result.grads) or c.why is None
    )
    return case_lines(library, ref, "corner", arrays, c.attrs, result, True, derived, c.why), None


def main() -> int:
    """Writes the files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", required=True)
    parser.add_argument("--family", nargs="*", default=[])
    parser.add_argument("--output", type=Path, default=HERE, help="the directory of the files")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    registry.load(arguments.family)
    library = Library(arguments.library)
    by_op = read_samples(library)
    files: dict[str, list[str]] = {}
    cases, problems = 0, []
    version = torch.__version__.split("+")[0]
    head = f"# What PyTorch {version} gives: written by generate.py, see README.md."
    for ref in registry.OPS.values():
        if ref.name not in library.info:
            problems.append(f"{ref.name}: the library has no such operation")
            continue
        lines = files.setdefault(ref.family, [head])
        made = 0
        for sample in by_op.get(ref.name, []):
            if made == MOST:
                break
            new, problem = sample_case(library, ref, sample)
            problems += [problem] if problem else []
            made += bool(new)
            lines += ["", *new] if new else []
        for corner in ref.corners:
            new, problem = corner_case(library, ref, corner)
            problems += [problem] if problem else []
            lines += ["", *new] if new else []
    for family, lines in files.items():
        cases += sum(line.startswith("case ") for line in lines)
        (arguments.output / f"{family}.txt").write_text("\n".join(lines) + "\n")
    print(f"{cases} cases of {len(registry.OPS)} operations")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
