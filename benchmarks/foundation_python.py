"""The step of benchmarks/foundation.c from Python: (w*x + b - y)**2 forward and backward.

    foundation_python.py tensorgrad | torch

Started by foundation, which alternates it with itself: prints a line when it is ready, and for every
line that it reads the nanoseconds of one step. One thread, float32, tensors of one element.
"""

import importlib
import statistics
import sys
import time
from pathlib import Path

SECONDS = 0.004  # of a slice; one measurement is the median of several
SLICES = 11


def main() -> int:
    """Answers until the input ends."""
    name = sys.argv[1]
    if name == "tensorgrad":
        sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))
    lib = importlib.import_module(name)
    lib.set_num_threads(1)
    x, y = lib.tensor(2.0), lib.tensor(5.0)
    w, b = lib.tensor(0.5, requires_grad=True), lib.tensor(0.1, requires_grad=True)

    def steps(n: int) -> float:
        start = time.perf_counter()
        for _ in range(n):
            ((w * x + b - y) ** 2).backward()
            w.grad = b.grad = None
        return time.perf_counter() - start

    ((w * x + b - y) ** 2).backward()
    if abs(w.grad.item() + 15.6) > 1e-4 or abs(b.grad.item() + 7.8) > 1e-4:
        print("the gradients are wrong")
        return 1
    w.grad = b.grad = None
    n = 4
    while steps(n) < SECONDS:
        n *= 2
    for _ in range(SLICES):
        steps(n)
    python = ".".join(map(str, sys.version_info[:3]))
    print(f"ready {lib.__version__} on Python {python}", flush=True)
    for _ in sys.stdin:
        slices = [steps(n) / n for _ in range(SLICES)]
        print(f"{statistics.median(slices) * 1e9:.1f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
