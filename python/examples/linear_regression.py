"""Fits y = B0 + B1 x to calibration data and compares with certified results.

    python3 python/examples/linear_regression.py [data.csv]

The data are the 36 pairs of NIST's Norris set (Statistical Reference Datasets): readings of an
ozone monitor (y) against a standard (x), with coefficients that NIST certifies to 15 digits. The
fit is full-batch gradient descent on the mean squared error, with gradients from the tape. x is
standardised first and the coefficients are converted back. Exits with 1 if fewer than 10 digits
agree.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
try:
    import tensorgrad as tg
except ModuleNotFoundError:  # not installed: the package of this checkout
    sys.path.insert(0, str(HERE.parent))
    import tensorgrad as tg

STEPS = 200
DIGITS_WANTED = 10
NORRIS = HERE.parents[1] / "examples" / "data" / "norris.csv"
CERTIFIED = {
    "B0": -0.262323073774029,
    "B1": 1.00211681802045,
    "R2": 0.999993745883712,
    "residual sd": 0.884796396144373,
}


def fit(x: tg.Tensor, y: tg.Tensor) -> dict[str, float]:
    """The least-squares line through the points, by gradient descent."""
    mean, sd = x.mean(), x.std(correction=0)
    z = (x - mean) / sd
    w = tg.zeros((), dtype=tg.float64, requires_grad=True)
    b = tg.zeros((), dtype=tg.float64, requires_grad=True)
    for _ in range(STEPS):
        loss = ((w * z + b - y) ** 2).mean()
        loss.backward()
        assert w.grad is not None
        assert b.grad is not None
        with tg.no_grad():
            w -= 0.1 * w.grad
            b -= 0.1 * b.grad
        w.grad = b.grad = None

    with tg.no_grad():
        unexplained = ((w * z + b - y) ** 2).sum()
        total = ((y - y.mean()) ** 2).sum()
        slope = w / sd
        return {
            "B0": (b - slope * mean).item(),
            "B1": slope.item(),
            "R2": (1 - unexplained / total).item(),
            "residual sd": math.sqrt(unexplained.item() / (y.numel() - 2)),
        }


def digits(certified: float, fitted: float) -> float:
    """How many digits agree, at most the 15 that are certified."""
    error = abs(fitted - certified) / abs(certified)
    if not math.isfinite(error):
        return 0.0
    return min(15.0, max(0.0, -math.log10(error))) if error > 0 else 15.0


def main() -> int:
    """Reads, fits, prints, compares."""
    path = sys.argv[1] if len(sys.argv) > 1 else NORRIS
    try:
        data = tg.read_csv(path, tg.float64, columns=["x", "y"])
    except tg.TensorgradError as error:
        print(error, file=sys.stderr)
        return 1
    fitted = fit(data[:, 0], data[:, 1])
    print(f"{'y = B0 + B1 x':<13} {'certified':>18}  {'fitted':>19}  digits")
    agreed = 15.0
    for name, certified in CERTIFIED.items():
        agreed = min(agreed, digits(certified, fitted[name]))
        row = f"{certified:19.15g}  {fitted[name]:19.15g}  {digits(certified, fitted[name]):6.1f}"
        print(f"{name:<12} {row}")
    if agreed < DIGITS_WANTED:
        print(f"only {agreed:.1f} digits agree, expected {DIGITS_WANTED}")
        return 1
    print(f"at least {DIGITS_WANTED} digits agree")
    return 0


if __name__ == "__main__":
    sys.exit(main())
