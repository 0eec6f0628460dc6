"""Compares every operation with PyTorch on random calls.

    python tests/golden/compare.py --library build/release/lib/libtensorgrad.so
    python tests/golden/compare.py --library ... --family sort --op topk --cases 200 --verbose

Each sample line of an op is called with both float dtypes and four layouts, with other sizes (0
and 1 among them), negative dims and extreme values; outputs, gradients and gradients of gradients
must agree. The corners of torch_ops/ are called as they stand. Exits 1 if anything differs.
"""

from __future__ import annotations

import argparse
import random
import sys
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

import registry
import torch
from calls import Result, corner_array, difference, run_ours, run_torch
from library import DIMS, INT, SHAPE, Library
from samples import Input, Sample, laid_out, read_samples, values

RTOL = {"f64": (1e-9, 1e-8, 1e-7), "f32": (2e-5, 1e-4, 1e-3)}
LAYOUTS = ("contiguous", "transposed", "sliced", "expanded")
KINDS = ("layouts", "negative dims", "special values", "sizes", "corners")
SPECIAL = (np.inf, -np.inf, np.nan, 0.0, -0.0, 1e30, -1e30, 1e-30, 1.0, -1.0)


class Comparison:
    """Counts and failures of a run."""

    def __init__(self, library: Library, verbose: bool) -> None:
        self.library = library
        self.verbose = verbose
        self.kind = ""  # of the calls that follow
        self.compared: Counter[str] = Counter()  # by kind
        self.refused: Counter[str] = Counter()  # by whom
        self.failures: Counter[str] = Counter()

    def summary(self, operations: int) -> str:
        """How many calls were compared, by kind, and refused, by whom."""
        kinds = ", ".join(f"{self.compared[kind]} {kind}" for kind in KINDS)
        refused = ", ".join(f"{n} by {who}" for who, n in sorted(self.refused.items()))
        text = f"{operations} operations, {sum(self.compared.values())} cases compared: {kinds}"
        return f"{text}; refused: {refused or 'none'}"

    def fail(self, ref: registry.Reference, what: tuple, text: str) -> None:
        """Notes and prints a difference; `what` tells the case, written only if needed."""
        self.failures[ref.name] += 1
        if self.failures[ref.name] <= (50 if self.verbose else 3):
            print(f"{ref.name} {' '.join(str(w) for w in what)}: {text}")

    def check(
        self, ref: registry.Reference, what: tuple, ours: Result, theirs: Result, rtol: tuple
    ) -> None:
        """Compares two results."""
        for k, (a, b) in enumerate(zip(ours.outputs, theirs.outputs)):
            text = difference(a, b, rtol[0] * ref.rtol) if b is not None else None
            if text:
                self.fail(ref, what, f"output {k}: {text}")
                return
        for name, a, b, tolerance in (
            ("gradient", ours.grads, theirs.grads, rtol[1]),
            ("second derivative", ours.seconds, theirs.seconds, rtol[2]),
        ):
            for i, (x, y) in enumerate(zip(a, b)):
                text = difference(x, y, tolerance * ref.rtol)
                if text:
                    self.fail(ref, what, f"{name} of input {i}: {text}")
                    return

    def call(
        self,
        ref: registry.Reference,
        what: tuple,
        arrays: list,
        attrs: dict,
        dtype: str,
        order: int,
    ) -> None:
        """One call on both sides."""
        if ref.name not in self.library.info:
            self.fail(ref, what, "the library has no such operation")
            return
        order = min(order, 0 if not ref.first else 1 if not ref.second else 2)
        theirs = run_torch(self.library, ref, arrays, attrs, False, order)
        ours = run_ours(self.library, ref.name, arrays, attrs, False, order)
        if theirs.refused or ours.refused:
            both = theirs.refused and ours.refused
            self.refused["both" if both else "us" if ours.refused else "PyTorch"] += 1
            if ours.refused and not theirs.refused:
                self.fail(ref, what, f"refused here: {ours.refused}")
            elif self.verbose and not ours.refused:
                print(ref.name, *what, "PyTorch refuses:", theirs.refused)
            return
        self.compared[self.kind] += 1
        self.check(ref, what, ours, theirs, RTOL[dtype])

    def corner(self, ref: registry.Reference, number: int) -> None:
        """One corner, with output gradients of one."""
        c = ref.corners[number]
        what = ("corner", number, c.inputs, c.attrs)
        arrays = [corner_array(v) for v in c.inputs]
        order = 0 if not ref.first else 2 if c.second else 1
        ours = run_ours(self.library, ref.name, arrays, c.attrs, True, order)
        if ours.refused:
            self.fail(ref, what, f"refused here: {ours.refused}")
            return
        theirs = Result([None] * len(ours.outputs), [], [])
        if c.expect is None or c.grads is None:
            theirs = run_torch(self.library, ref, arrays, c.attrs, True, order)
            if theirs.refused:
                self.fail(ref, what, f"PyTorch refuses: {theirs.refused}")
                return
        if c.expect is not None:
            theirs.outputs = [
                None if e is None else np.asarray(e, o.dtype)
                for e, o in zip(c.expect, ours.outputs)
            ]
        if c.grads is not None:
            given = [None if e is None else np.asarray(e, np.float64) for e in c.grads]
            theirs.grads = given
            ours.grads = [None if e is None else g for e, g in zip(given, ours.grads)]
            theirs.seconds = []
        self.compared["corners"] += 1
        self.check(ref, what, ours, theirs, RTOL["f64"])


def resized(sample: Sample, rng: random.Random) -> Sample:
    """The sample with other sizes: equal ones stay equal, also to the bounds of indices."""
    sizes = sorted({s for i in sample.inputs for s in i.shape if s > 1})
    new = {s: rng.choice((0, 1, 1, 2, 3, 4, 5, 7)) for s in sizes}
    new[0], new[1] = 0, 1
    inputs = [
        Input(i.kind, tuple(new[s] for s in i.shape), new.get(i.bound, i.bound), i.contiguous)
        for i in sample.inputs
    ]
    return Sample(sample.op, sample.text, inputs, sample.attrs)


def negative_dims(library: Library, sample: Sample) -> dict:
    """The attributes with dims counted from the end."""
    ndim = len(sample.inputs[0].shape) if sample.inputs else 0
    attrs = dict(sample.attrs)
    for name, value in attrs.items():
        kind = library.attrs[sample.op][name][0]
        if kind == INT and name.startswith("dim") and 0 <= value < ndim:
            attrs[name] = value - ndim
        elif kind == DIMS:
            attrs[name] = [v - ndim if 0 <= v < ndim else v for v in value]
    return attrs


def make(sample: Sample, dtype: str, layout: str, rng: np.random.Generator) -> list:
    """The inputs of a sample."""
    arrays = []
    for given in sample.inputs:
        if given.kind == "n":
            arrays.append(None)
            continue
        array = values(given, rng)
        if array.dtype == np.float64 and dtype == "f32":
            array = array.astype(np.float32)
        keep = given.kind in "spw" or given.contiguous
        arrays.append(array if keep else laid_out(array, layout))
    return arrays


def sprinkle(arrays: list, sample: Sample, rng: random.Random) -> list:
    """The inputs with extreme values here and there."""
    out = []
    for array, given in zip(arrays, sample.inputs):
        if array is not None and given.kind == "x" and array.size:
            array = np.array(array)
            for _ in range(1 + array.size // 3):
                array.flat[rng.randrange(array.size)] = rng.choice(SPECIAL)
        out.append(array)
    return out


def compare_op(
    run: Comparison, ref: registry.Reference, samples: list[Sample], cases: int, seed: int
) -> None:
    """All calls of one operation."""
    numbers = np.random.default_rng(seed)
    rng = random.Random(seed)
    for sample in samples:
        run.kind, name = "layouts", f"'{sample.text}'"
        for dtype in ("f64", "f32"):
            for layout in LAYOUTS:
                arrays = make(sample, dtype, layout, numbers)
                order = 2 if dtype == "f64" else 1
                run.call(ref, (name, dtype, layout), arrays, sample.attrs, dtype, order)
        attrs = negative_dims(run.library, sample)
        if attrs != sample.attrs:
            run.kind = "negative dims"
            arrays = make(sample, "f64", "contiguous", numbers)
            run.call(ref, (name, attrs), arrays, attrs, "f64", 2)
    has_shape = {k for k, (kind, _) in run.library.attrs.get(ref.name, {}).items() if kind == SHAPE}
    for n in range(cases if samples else 0):
        sample = rng.choice(samples)
        if ref.special and n % 3 == 0:
            run.kind = "special values"
            arrays = sprinkle(make(sample, "f64", "contiguous", numbers), sample, rng)
            run.call(ref, (f"'{sample.text}' special", arrays), arrays, sample.attrs, "f64", 1)
        elif ref.resize and not has_shape & set(sample.attrs):
            run.kind = "sizes"
            other = resized(sample, rng)
            if any(i.kind == "i" and i.bound == 0 and i.shape for i in other.inputs):
                continue
            arrays = make(other, "f64", rng.choice(LAYOUTS), numbers)
            shapes = [i.shape for i in other.inputs]
            run.call(ref, (f"'{sample.text}' as", shapes), arrays, sample.attrs, "f64", 2)
    for number in range(len(ref.corners)):
        run.corner(ref, number)


def main() -> int:
    """Runs the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", required=True)
    parser.add_argument("--family", nargs="*", default=[])
    parser.add_argument("--op", nargs="*", default=[])
    parser.add_argument("--cases", type=int, default=40, help="random calls per operation")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    registry.load(arguments.family)
    library = Library(arguments.library)
    by_op = read_samples(library)
    run = Comparison(library, arguments.verbose)
    chosen = [r for r in registry.OPS.values() if not arguments.op or r.name in arguments.op]
    for ref in chosen:
        compare_op(run, ref, by_op.get(ref.name, []), arguments.cases, arguments.seed)
    if not arguments.family and not arguments.op:
        for name, info in library.info.items():
            if not info.internal and name not in registry.OPS and name not in registry.WITHOUT:
                run.failures[name] += 1
                print(f"{name}: is not registered in tests/golden/torch_ops/")
    live = library.live_tensors()
    print(run.summary(len(chosen)))
    if run.failures:
        print(f"differences: {dict(run.failures)}")
    if live:
        print(f"{live} tensors left over")
    return 1 if run.failures or live else 0


if __name__ == "__main__":
    sys.exit(main())
