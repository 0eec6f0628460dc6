"""Time per operation from Python, beside PyTorch's in the same run if it is installed.

    python3 python/benchmarks/ops.py

One thread, float32, tensors of one element: what is timed is the way through the binding, the call
and the bookkeeping of graph and memory. The median of several runs of each.
"""

from __future__ import annotations

import importlib.util
import statistics
import sys
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any

try:
    import tensorgrad as tg
except ModuleNotFoundError:  # not installed: the package of this checkout
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    import tensorgrad as tg

RUNS = 15


def cases(lib: Any) -> dict[str, Callable[[], Any]]:
    """What is timed, for tensorgrad or torch."""
    x, y = lib.tensor(2.0), lib.tensor(5.0)
    w, b = lib.tensor(0.5, requires_grad=True), lib.tensor(0.1, requires_grad=True)
    a, c = lib.ones(2, 2), lib.ones(2, 2)

    def step() -> None:
        w.grad = b.grad = None
        ((w * x + b - y) ** 2).backward()

    return {
        "x + y": lambda: x + y,
        "x + y, [2, 2]": lambda: a + c,
        "x * 2.0": lambda: x * 2.0,
        "w * x, recorded": lambda: w * x,
        "x.exp()": x.exp,
        "a.sum(0)": lambda: a.sum(0),
        "a[0, 1:]": lambda: a[0, 1:],
        "(w*x + b - y)**2, forward + backward": step,
    }


def time(function: Callable[[], Any]) -> float:
    """Nanoseconds of one call."""
    timer = timeit.Timer(function)
    calls, _ = timer.autorange()
    calls = max(1, calls // 10)
    return statistics.median(timer.repeat(RUNS, calls)) / calls * 1e9


def main() -> int:
    """Prints the table."""
    torch: Any = None
    if importlib.util.find_spec("torch"):
        torch = importlib.import_module("torch")
    tg.set_num_threads(1)
    print(tg.build_info().rstrip())
    theirs = {}
    if torch is not None:
        torch.set_num_threads(1)
        theirs = cases(torch)
        print(f"PyTorch {torch.__version__}")
    print(f"{'ns per call':<38} {'tensorgrad':>10} {'PyTorch':>10}  times faster")
    for name, function in cases(tg).items():
        ours = time(function)
        row = f"{name:<38} {ours:10.0f}"
        if name in theirs:
            other = time(theirs[name])
            row += f" {other:10.0f}  {other / ours:.1f}"
        print(row)
    return 0


if __name__ == "__main__":
    sys.exit(main())
