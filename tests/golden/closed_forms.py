"""The closed forms of the operations, and the points at which exact.py evaluates them.

Tolerances are those of outputs and gradients: 1e-15 and 4e-15 for functions of a number, more where
a comment says why. What is not compared element by element has the source `closed`.
"""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
from exact_cases import add, each, pairs
from mpmath import mp, mpf

INF = float("inf")

# ---- Points ----

ORDINARY = [-2.5, -1.5, -0.75, -0.3, -0.1, 0.1, 0.3, 0.75, 1.5, 2.5]
POSITIVE = [0.1, 0.3, 0.75, 0.9, 1.1, 1.5, 2.5, 7.0]
INSIDE = [-0.95, -0.75, -0.5, -0.1, 0.1, 0.3, 0.5, 0.75, 0.95]
TINY = [-1e-5, 1e-5, -1e-8, 1e-8, -1e-17, 1e-17, -1e-150, 1e-150, 1e-300]
SMALL = [1e-3, 1e-5, 1e-17, 1e-100, 1e-300]
LARGE = [-700.0, -300.0, -40.0, -20.0, -10.0, 10.0, 20.0, 40.0, 300.0, 700.0]
HUGE = [-1e300, -1e100, -1e16, -1e5, 1e5, 1e16, 1e100, 1e300]
BIG = [10.0, 40.0, 300.0, 1e5, 1e16, 1e100, 1e300]
NEAR_1 = [1 - 2.0**-53, 1 - 1e-10, 1 - 1e-3, 1 + 2.0**-52, 1 + 1e-10, 1 + 1e-3]
BELOW_1 = [1 - 2.0**-53, 1 - 1e-10, 1 - 1e-3, -1 + 2.0**-53, -1 + 1e-10]
ABOVE_1 = [1 + 2.0**-52, 1 + 1e-10, 1 + 1e-3, 1.5, 3.0]

# ---- Functions of one number ----


def ndtr(x: mpf) -> mpf:
    """The normal distribution."""
    return mp.erfc(-x / mp.sqrt(2)) / 2


def density(x: mpf) -> mpf:
    """The normal density."""
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def sigmoid(x: mpf) -> mpf:
    """1/(1 + e^-x)."""
    return 1 / (1 + mp.exp(-x))


def lgamma(x: mpf) -> mpf:
    """ln|Γ(x)|."""
    return mp.log(abs(mp.gamma(x))) if x < 0 else mp.re(mp.loggamma(x))


def ndtri(p: mpf) -> mpf:
    """The inverse of ndtr, by Newton's method on its logarithm."""
    if p > 0.5:
        return -ndtri(1 - p)
    if p == 0.5:
        return mpf(0)
    x = mpf(-1) if p > 0.01 else -mp.sqrt(-2 * mp.log(p))
    for _ in range(200):
        step = (mp.log(ndtr(x)) - mp.log(p)) * ndtr(x) / density(x)
        x -= step
        if abs(step) < abs(x) * mp.ldexp(1, -mp.prec // 2 - 8):
            break
    return x


def erfinv(y: mpf) -> mpf:
    """The inverse of erf, by Newton's method."""
    if abs(y) > 0.5:
        return mp.sign(y) * -ndtri((1 - abs(y)) / 2) / mp.sqrt(2)
    x = y * mp.sqrt(mp.pi) / 2
    for _ in range(200):
        step = (mp.erf(x) - y) * mp.sqrt(mp.pi) / 2 * mp.exp(x * x)
        x -= step
        if abs(step) < abs(x) * mp.ldexp(1, -mp.prec // 2 - 8):
            break
    return x


def unary() -> None:
    """Mathematical functions."""
    each("square", lambda x: x * x, ORDINARY)
    each("sqrt", mp.sqrt, POSITIVE, SMALL, BIG)
    each("rsqrt", lambda x: 1 / mp.sqrt(x), POSITIVE, SMALL[:4], BIG[:6])
    each("reciprocal", lambda x: 1 / x, ORDINARY, SMALL[:4], BIG[:6])
    each("deg2rad", mp.radians, ORDINARY, TINY[:8], HUGE)
    each("rad2deg", mp.degrees, ORDINARY, TINY, HUGE)
    each("exp", mp.exp, ORDINARY, TINY, LARGE)
    each("exp2", lambda x: mp.power(2, x), ORDINARY, TINY, LARGE)
    each("expm1", mp.expm1, ORDINARY, TINY, LARGE[5:])
    each("expm1", mp.expm1, LARGE[:5], wrt=[])  # the slope is y + 1
    each("log", mp.log, POSITIVE, SMALL, BIG, NEAR_1)
    each("log2", lambda x: mp.log(x) / mp.log(2), POSITIVE, SMALL, BIG, NEAR_1)
    each("log10", mp.log10, POSITIVE, SMALL, BIG, NEAR_1)
    each("log1p", mp.log1p, [-0.999, *ORDINARY[2:]], TINY, BIG, [-1 + 2.0**-53, -1 + 1e-10])
    each("sigmoid", sigmoid, ORDINARY, TINY, LARGE[:5])
    each("sigmoid", sigmoid, LARGE[5:], wrt=[])  # the slope is y(1 - y)
    each("logit", lambda x: mp.log(x / (1 - x)), [0.1, 0.3, 0.6, 0.9], SMALL, BELOW_1[:3])
    each("logit", lambda x: mp.log(x / (1 - x)), [0.5 + 1e-12, 0.5 - 1e-9, 0.499, 0.501])
    for name in ("sin", "cos", "tan", "sinh", "atan", "asinh"):
        each(name, getattr(mp, name), ORDINARY, TINY)
    for name in ("sin", "cos", "tan"):
        each(name, getattr(mp, name), LARGE, HUGE, [3.141592653589793, 1.5707963267948966, 355.0])
    each("cosh", mp.cosh, ORDINARY, TINY[:8], LARGE)
    each("sinh", mp.sinh, LARGE)
    each("tanh", mp.tanh, TINY, ORDINARY, [-5.0, 4.0], tol=(1e-15, 1e-12))  # the slope is 1 - y²
    each("tanh", mp.tanh, LARGE[2:8], [-18.0, 18.0], wrt=[])
    each("atan", mp.atan, LARGE, HUGE[1:7])
    each("asinh", mp.asinh, LARGE, HUGE[1:7])
    each("asinh", mp.asinh, [-1e300, 1e300], wrt=[])  # x² overflows in the slope
    each("asin", mp.asin, INSIDE, TINY, BELOW_1)
    each("acos", mp.acos, INSIDE, TINY[:6], BELOW_1)
    each("acosh", mp.acosh, ABOVE_1, BIG[:6])
    each("acosh", mp.acosh, BIG[6:], wrt=[])  # x² overflows in the slope
    each("atanh", mp.atanh, INSIDE, TINY, BELOW_1)
    each("sinc", mp.sincpi, ORDINARY, [1e-5, 1e-3, 0.01, 100.25, 1e6 + 0.5], [-1.0, 2.0, 1e6])


def special() -> None:
    """Special functions."""
    each("erf", mp.erf, ORDINARY, TINY, [-6.0, -4.0, 4.0, 6.0])
    each("erfc", mp.erfc, ORDINARY, TINY[:6], [-6.0, 6.0, 10.0, 20.0, 26.0])
    scaled = lambda x: mp.exp(x * x) * mp.erfc(x)  # noqa: E731
    each("erfcx", scaled, ORDINARY, [-20.0, -6.0], TINY[:6])
    # The slope is 2xy - 2/√π, of which little is left.
    each("erfcx", scaled, [6.0, 20.0, 50.0, 100.0, 1e5], wrt=[])
    slope = lambda y: mp.sqrt(mp.pi) / 2 * mp.exp(erfinv(y) ** 2)  # noqa: E731
    each("erfinv", erfinv, INSIDE, TINY[:8], BELOW_1, tol=(1e-15, 1e-14), bits=400, slope=slope)
    each("ndtr", ndtr, ORDINARY, TINY[:6], [-37.0, -20.0, -6.0, 6.0, 8.0])
    far = [-1e5, -100.0, -20.0, -6.0, 6.0, 20.0]
    each("log_ndtr", lambda x: mp.log(ndtr(x)), ORDINARY, far, bits=2000, tol=(1e-15, 4e-14))
    slope = lambda p: 1 / density(ndtri(p))  # noqa: E731
    each(
        "ndtri",
        ndtri,
        [0.1, 0.3, 0.45, 0.6, 0.9],
        BELOW_1[:3],
        SMALL[:3],
        bits=400,
        slope=slope,
        tol=(1e-15, 4e-14),
    )
    # The slope is e^(y²/2), which multiplies the rounding of y by y².
    each("ndtri", ndtri, SMALL[3:], bits=400, slope=slope, tol=(1e-15, 1e-12))
    points = [0.1, 0.5, 0.99, 1.01, 1.25, 1.99, 2.01, 3.5, 7.0, 20.0]
    each("lgamma", lgamma, points, BIG[:6], SMALL[:4], bits=400, slope=lambda x: mp.psi(0, x))
    negative = [-0.1, -1.25, -2.25, -3.9, -10.25]
    near_zero = [-0.5, 1.4, 1.4616321449683622, 1.5]  # of digamma: exact to a part of 1, not of y
    each("lgamma", lgamma, negative, [1 + 1e-10, 2 - 1e-10], bits=400, slope=lambda x: mp.psi(0, x))
    digamma, trigamma = lambda x: mp.psi(0, x), lambda x: mp.psi(1, x)
    each("digamma", digamma, BIG[:6], SMALL[:4], bits=400, slope=trigamma)
    each("digamma", digamma, points, negative, bits=400, slope=trigamma, tol=(2e-15, 4e-15))
    options = {"bits": 400, "slope": trigamma, "tol": (1e-13, 4e-15), "source": "closed"}
    each("digamma", digamma, near_zero, **options)
    for n in (1, 2, 3, 6):
        psi, slope = lambda x, n: mp.psi(n, x), lambda x, n=n: mp.psi(n + 1, x)
        options = {"bits": 400, "slope": slope, "tol": (2e-15, 4e-15)}
        each("polygamma", psi, points, BIG[:3], [1e-5], attrs={"n": n}, **options)
        # Below 0 large parts cancel.
        options["tol"] = (1e-14, 1e-14) if n < 6 else (1e-11, 1e-11)
        each("polygamma", psi, [-0.1], [-1.5, -2.25], attrs={"n": n}, source="closed", **options)
    large = [-40.0, -10.0, -8.1, 7.9, 8.1, 20.0, 100.0]
    first = lambda x: mp.besseli(1, x)  # noqa: E731
    zeroth = lambda x: mp.besseli(0, x)  # noqa: E731
    first_slope = lambda x: zeroth(x) - first(x) / x  # noqa: E731
    scale = lambda x: mp.exp(-abs(x))  # noqa: E731
    for points in (ORDINARY, TINY[:6], large, [300.0, 700.0]):
        each("i0", zeroth, points, bits=400, slope=first)
        each("i1", first, points, bits=400, slope=first_slope)
    # The slopes of i0e and i1e are differences, of which 1/2x of the parts is left.
    for points, rtol in (
        (ORDINARY, 2e-14),
        (TINY[:6], 4e-15),
        (large, 1e-13),
        ([700.0, 1e5], 1e-9),
    ):
        each(
            "i0e",
            lambda x: scale(x) * zeroth(x),
            points,
            bits=400,
            tol=(1e-15, rtol),
            slope=lambda x: scale(x) * (first(x) - mp.sign(x) * zeroth(x)),
        )
        each(
            "i1e",
            lambda x: scale(x) * first(x),
            points,
            bits=400,
            tol=(1e-15, rtol),
            slope=lambda x: scale(x) * (first_slope(x) - mp.sign(x) * first(x)),
        )


def activations() -> None:
    """Activations."""

    def gelu(x: mpf, approximate: bool) -> mpf:
        inner = mp.sqrt(2 / mp.pi) * (x + mpf("0.044715") * x**3)
        return x * sigmoid(2 * inner) if approximate else x * ndtr(x)

    def softplus(x: mpf, beta: float, threshold: float) -> mpf:
        return x if x * beta > threshold else mp.log1p(mp.exp(beta * x)) / beta

    scale, alpha = mpf(1.0507009873554805), mpf(1.6732632423543772)
    far = [-40.0, -20.0, -10.0, -5.0, 5.0, 10.0, 20.0, 40.0]
    points = [-2.5, -1.5, -0.9, *ORDINARY[3:]]  # the slope is 0 near -0.752
    each("gelu", gelu, points, TINY[:8], [-37.0, *far[1:]], attrs={"approximate": False})
    tanh_form = {"approximate": True}
    each("gelu", gelu, points, TINY[:8], far[3:], attrs=tanh_form, tol=(2e-15, 8e-15))
    each("gelu", gelu, far[1:3], attrs=tanh_form, tol=(1e-13, 1e-13))  # e^-500
    each("silu", lambda x: x * sigmoid(x), ORDINARY, TINY, LARGE)
    each("mish", lambda x: x * mp.tanh(mp.log1p(mp.exp(x))), ORDINARY, TINY, LARGE)
    each("softplus", softplus, ORDINARY, TINY, LARGE, attrs={"beta": 1.0, "threshold": 20.5})
    each("softplus", softplus, ORDINARY, far, attrs={"beta": 2.0, "threshold": 30.0})
    each("logsigmoid", lambda x: -mp.log1p(mp.exp(-x)), ORDINARY, TINY, LARGE)
    each("softsign", lambda x: x / (1 + abs(x)), ORDINARY, TINY, LARGE, HUGE[1:7])
    shrunk = lambda x: x - mp.tanh(x)  # noqa: E731
    few = [-1e-3, 1e-5, 1e-8, 0.02]
    options = {"tol": (2e-13, 2e-13), "source": "closed"}  # to a part of x, not of y
    each("tanhshrink", shrunk, ORDINARY, few, LARGE[3:7], **options)
    elu = lambda x, alpha: x if x > 0 else alpha * mp.expm1(x)  # noqa: E731
    celu = lambda x, alpha: x if x > 0 else alpha * mp.expm1(x / alpha)  # noqa: E731
    selu = lambda x: scale * (x if x > 0 else alpha * mp.expm1(x))  # noqa: E731
    each("elu", elu, ORDINARY, TINY, LARGE, attrs={"alpha": 0.7})
    each("celu", celu, ORDINARY, TINY, LARGE, attrs={"alpha": 0.7}, tol=(1e-15, 1e-13))
    each("selu", selu, ORDINARY, TINY, LARGE)
    clipped = lambda x: x * min(max(x + 3, 0), 6) / 6  # noqa: E731
    each("hardswish", clipped, ORDINARY, [-4.0, 4.0, -2.9999999999, 2.9999999999], TINY[:8])
    each("hardsigmoid", lambda x: min(max(x + 3, mpf(0)), 6) / 6, ORDINARY, [-4.0, 4.0])


# ---- Functions of two numbers or more ----


def fmod(a: mpf, b: mpf) -> mpf:
    """The remainder with the sign of a."""
    return a - b * mp.sign(a / b) * mp.floor(abs(a / b))


def binary() -> None:
    """Functions of two and three numbers."""
    ordinary = [(0.3, 0.7), (-1.2, 2.5), (2.5, -0.6), (-0.4, -1.7), (5.5, 3.25)]
    positive = [(0.3, 0.7), (1.2, 2.5), (2.5, -0.6), (7.0, 3.0), (0.9, -40.5)]
    tiny = [(1e-300, 3e-300), (1e-10, 1.0), (-1.0, 1e-17), (1e-160, -1e-158)]
    huge = [(1e300, 3e299), (-1e200, 1e-5), (1e154, -1e155)]
    power = [(1.0000001, 1e7), (1 + 2.0**-52, 1e15), (0.99, 5000.0), (3.0, 600.0), (1e-5, 50.0)]
    each_power = lambda a, b: mp.power(a, b)  # noqa: E731
    pairs("pow", each_power, positive, power)
    pairs("float_power", each_power, positive)
    pairs("hypot", mp.hypot, ordinary, tiny[:3], huge, tol=(1e-15, 4e-15))
    pairs("atan2", mp.atan2, ordinary, tiny, huge[:2])
    near = [(0.0, 1e-10), (1e-10, -1e-10), (30.0, -30.0), (700.0, 700.5), (-1e5, -1e5), (40.0, 3.0)]
    pairs("logaddexp", lambda a, b: mp.log(mp.exp(a) + mp.exp(b)), ordinary, near)
    # Where the sum of the powers is nearly 1: exact to a part of the inputs.
    both = lambda a, b: mp.log(mp.exp(a) + mp.exp(b))  # noqa: E731
    one = [(-0.6931471805599453, -0.6931471805599), (-0.1, -2.3)]
    pairs("logaddexp", both, one, tol=(1e-13, 4e-15), source="closed")
    two = lambda a, b: mp.log(mp.power(2, a) + mp.power(2, b)) / mp.log(2)  # noqa: E731
    pairs("logaddexp2", two, ordinary, near)
    pairs("logaddexp2", two, [(-0.1, -4.0)], tol=(1e-13, 4e-15), source="closed")
    pairs(
        "xlogy",
        lambda a, b: a * mp.log(b),
        positive[:2],
        [(2.0, 1 + 1e-10), (1e-300, 3.0), (1e300, 0.5), (-2.0, 1e-300)],
    )
    pairs(
        "xlog1py",
        lambda a, b: a * mp.log1p(b),
        positive[:4],
        [(2.0, 1e-10), (1e-300, 3.0), (1e300, -1e-8), (-2.0, 1e-200)],
    )
    modulo = [(5.5, 0.7), (-5.5, 0.7), (1e15, 3.7), (7.0, 1e-5), (1e300, 0.3), (0.3, 5.0)]
    pairs("fmod", fmod, modulo, wrt=[0])
    pairs("fmod", fmod, [*modulo[:3], modulo[5]])
    pairs("remainder", lambda a, b: a - b * mp.floor(a / b), modulo[:4], [(0.3, 5.0), (-8.2, 2.5)])
    pairs("ldexp", lambda a, b: a * mp.power(2, b), ordinary, [(1e-300, 900.5), (1e300, -1000.25)])
    pairs("div", lambda a, b: a / b, ordinary, tiny[:3], huge[:1])
    pairs(
        "lerp",
        lambda a, b, w: a + w * (b - a),
        [(0.3, 0.7, 0.25), (-1.2, 2.5, 0.9), (2.5, -0.6, 1.5), (-0.4, -1.7, -0.5)],
        [(1e16, 1.0, 0.0), (1.0, 1e16, 1.0), (1e300, 3.0, 0.5)],
    )
    pairs(
        "addcmul",
        lambda a, b, c, value: a + value * b * c,
        [(0.3, 0.7, 0.25), (1.2, 2.5, 0.9)],
        attrs={"value": 0.5},
    )
    pairs(
        "addcdiv",
        lambda a, b, c, value: a + value * b / c,
        [(0.3, 0.7, 0.25), (1.2, 2.5, 0.9)],
        attrs={"value": 0.5},
    )


# ---- Reductions ----

EXP = np.frompyfunc(lambda x: mp.exp(x), 1, 1)
LOG = np.frompyfunc(lambda x: mp.log(x), 1, 1)
ABS = np.frompyfunc(abs, 1, 1)
ROWS = [[0.3, -1.2, 2.5, 0.7], [1e-3, -40.0, 3.0, 1.5]]
APART = [[700.0, 699.5, -700.0], [-1e5, -1e5 - 1.0, -1e5 - 50.0], [1e300, 1.0, -1e300]]
LEVEL = [[1e6 + 0.25, 1e6 + 0.5, 1e6 - 0.125, 1e6], [1.0, 1 + 1e-7, 1 - 1e-7, 1 + 3e-7]]


def softmax(x: np.ndarray) -> np.ndarray:
    """Along the last dim."""
    e = EXP(x)
    return e / e.sum(-1, keepdims=True)


def power_sum(x: np.ndarray, p: float) -> np.ndarray:
    """The vector norm along the last dim."""
    if p in (INF, -INF):
        return np.array([(max if p > 0 else min)(ABS(row)) for row in x], object)
    return np.array(
        [mp.power(sum(mp.power(abs(v), p) for v in row), 1 / mpf(p)) for row in x], object
    )


def variance(x: np.ndarray, correction: float) -> np.ndarray:
    """Along the last dim."""
    d = x - x.sum(-1, keepdims=True) / x.shape[-1]
    return (d * d).sum(-1) / (x.shape[-1] - mpf(correction))


def reductions() -> None:
    """What combines elements."""
    last, dims = {"dim": 1}, {"dims": [1]}
    wide = (2e-15, 1e-14)
    for x in (ROWS, APART):
        # The slope is e^(x - y): the rounding of y = 1e5 counts.
        wide = (2e-15, 1e-14 if x is ROWS else 1e-11)
        add(
            "logsumexp",
            lambda x, dims: LOG(EXP(x).sum(-1)),
            x,
            attrs=dims,
            tol=wide,
            source="exact",
        )
        add("log_softmax", lambda x, dim: LOG(softmax(x)), x, attrs=last, tol=wide)
        add("logcumsumexp", lambda x, dim: LOG(np.cumsum(EXP(x), -1)), x, attrs=last, tol=wide)
    wide = (2e-15, 1e-14)
    add(
        "log_softmax",
        lambda x, dim: LOG(softmax(x)),
        [[40.0, 0.0, 1.0], [0.0, 37.0, 0.0]],
        attrs=last,
        tol=wide,
    )
    for x in (ROWS, APART[:2], [[0.0, -700.0, -300.0], [0.0, 1e-10, -1e-10]]):
        # Ones as the gradient give zeros: what is left of p(1 - sum p) is rounding.
        add("softmax", lambda x, dim: softmax(x), x, attrs=last, tol=(4e-15, 1e-14), wrt=[])
    add("softmin", lambda x, dim: softmax(-x), ROWS, attrs=last, tol=(4e-15, 1e-14), wrt=[])
    norm = lambda x, p, dims: power_sum(x, p)  # noqa: E731
    for p in (1.0, 2.0, 3.0, 0.5, -1.0, 2.5, INF, -INF):
        add("vector_norm", norm, ROWS, attrs={"p": p, "dims": [1]}, tol=wide, source="exact")
    for p, rtol in ((2.0, 2e-15), (3.0, 2e-14)):  # 1/3 is rounded: that times ln y counts
        spread = [[1e-3, 3e-3, -2e-3], [1e60, -3e60, 2e60]]
        add(
            "vector_norm",
            norm,
            spread,
            attrs={"p": p, "dims": [1]},
            tol=(rtol, rtol),
            source="exact",
        )
    for x in (ROWS, LEVEL):
        for correction in (1.0, 0.0):
            attrs = {"dims": [1], "correction": correction}
            var = lambda x, dims, correction: variance(x, correction)  # noqa: E731
            std = lambda x, dims, correction: np.array(  # noqa: E731
                [mp.sqrt(v) for v in variance(x, correction)], object
            )
            # Two passes: about n rounding errors of the mean, which count for little in d².
            loose = (4e-15, 1e-14) if x is ROWS else (1e-14, 1e-8)
            add("var", var, x, attrs=attrs, tol=loose)
            add("std", std, x, attrs=attrs, tol=loose)
    mean = lambda x, dims: x.sum(-1) / x.shape[-1]  # noqa: E731
    for x in (ROWS, LEVEL):
        add("mean", mean, x, attrs=dims)
        add("sum", lambda x, dims: x.sum(-1), x, attrs=dims)
        add("cumsum", lambda x, dim: np.cumsum(x, -1), x, attrs=last)
        add("prod", lambda x, dims: x.prod(-1), x, attrs=dims, source="exact")
        add("cumprod", lambda x, dim: np.cumprod(x, -1), x, attrs=last, tol=wide)
    add(
        "prod",
        lambda x, dims: x.prod(-1),
        [[0.0, 2.5, -1.5], [1e-200, 1e200, 3.0]],
        attrs=dims,
        source="exact",
    )


# ---- Losses ----


def reduced(values: np.ndarray, reduction: int) -> Any:
    """none, mean, sum, batchmean."""
    if reduction == 0:
        return values
    s = values.sum()
    return (None, s / values.size, s, s / values.shape[0])[reduction]


def losses() -> None:
    """Losses."""

    def loss(op: str, function: Callable, x: list, y: list, *more: list, **options: Any) -> None:
        attrs = options.pop("attrs", {})
        options = {"tol": (2e-15, 4e-15), "source": "exact", **options}
        given = np.frompyfunc(lambda *v: function(*v, **attrs), 2 + len(more), 1)
        for reduction in (0, 1):
            add(
                op,
                lambda *v, reduction, **_: reduced(given(*v), reduction),
                x,
                y,
                *more,
                attrs={**attrs, "reduction": reduction},
                **options,
            )

    x, y = [-2.5, -0.3, 0.1, 0.75, 4.0], [0.5, -0.2, 0.3, 2.5, 1.0]
    loss("mse_loss", lambda a, b: (a - b) ** 2, x, y)

    def huber(a: mpf, b: mpf, delta: float) -> mpf:
        d = abs(a - b)
        return d * d / 2 if d <= delta else delta * (d - mpf(delta) / 2)

    def smooth(a: mpf, b: mpf, beta: float) -> mpf:
        d = abs(a - b)
        return d * d / (2 * mpf(beta)) if d < beta else d - mpf(beta) / 2

    loss("huber_loss", huber, x, y, attrs={"delta": 1.3})
    loss("smooth_l1_loss", smooth, x, y, attrs={"beta": 1.3})
    cosh = lambda a, b: mp.log(mp.cosh(a - b))  # noqa: E731
    loss("log_cosh_loss", cosh, x, y)
    loss("log_cosh_loss", cosh, [1e-8, 1e-5, 1e-3, 800.0, -30.0], [0.0] * 5)

    def kl(a: mpf, b: mpf, log_target: bool) -> mpf:
        return mp.exp(b) * (b - a) if log_target else b * (mp.log(b) - a)

    loss("kl_div", kl, [-0.5, -1.5, -3.0], [0.3, 0.2, 0.9], attrs={"log_target": False})
    loss("kl_div", kl, [-0.5, -1.5, -3.0], [-0.3, -2.0, -40.0], attrs={"log_target": True})

    def poisson(a: mpf, b: mpf, log_input: bool, eps: float = 1e-8) -> mpf:
        return mp.exp(a) - b * a if log_input else a - b * mp.log(a + mpf(eps))

    loss("poisson_nll_loss", poisson, x, y, attrs={"log_input": True})
    loss(
        "poisson_nll_loss",
        poisson,
        [0.1, 2.5, 9.0],
        [0.0, 3.0, 8.0],
        wrt=[0],
        attrs={"log_input": False},
    )
    gaussian = lambda a, b, v: (mp.log(v) + (a - b) ** 2 / v) / 2  # noqa: E731
    loss("gaussian_nll_loss", gaussian, x, y, [0.3, 2.0, 0.1, 5.0, 1e5])
    p = [0.3, 0.9, 1e-10, 0.999]
    entropy = lambda a, b: -(b * mp.log(a) + (1 - b) * mp.log1p(-a))  # noqa: E731
    add(
        "binary_cross_entropy",
        lambda a, b, w, reduction: np.frompyfunc(entropy, 2, 1)(a, b),
        p,
        [0.0, 1.0, 0.0, 0.4],
        None,
        attrs={"reduction": 0},
        source="exact",
        wrt=[0],
    )
    logits = lambda a, b: (1 - b) * a + mp.log1p(mp.exp(-a))  # noqa: E731
    for a, b in (
        (x, [0.0, 1.0, 0.25, 0.7, 1.0]),
        ([-700.0, -40.0, 40.0, 700.0, 30.0], [0.0, 0.0, 1.0, 1.0, 0.0]),
    ):
        for reduction in (0, 1):
            add(
                "binary_cross_entropy_with_logits",
                lambda a, b, w, v, reduction: reduced(np.frompyfunc(logits, 2, 1)(a, b), reduction),
                a,
                b,
                None,
                None,
                attrs={"reduction": reduction},
                source="exact",
                wrt=[0],
            )
    margin = lambda a, b: mp.log1p(mp.exp(-a * b))  # noqa: E731
    loss("soft_margin_loss", margin, [-40.0, -0.3, 0.1, 40.0], [1.0, -1.0, 1.0, 1.0], wrt=[0])

    def focal(a: mpf, b: mpf, alpha: float, gamma: float) -> mpf:
        q = sigmoid(a) if b == 1 else sigmoid(-a)
        share = mpf(alpha) if b == 1 else 1 - mpf(alpha)
        return -share * mp.power(1 - q, gamma) * mp.log(q)

    loss(
        "sigmoid_focal_loss",
        focal,
        [-10.0, -0.3, 0.1, 30.0],
        [1.0, 0.0, 1.0, 1.0],
        wrt=[0],
        attrs={"alpha": 0.25, "gamma": 2.0},
    )

    def cross(a: np.ndarray, t: np.ndarray, w: Any, reduction: int, label_smoothing: float) -> Any:
        logs = LOG(softmax(a))
        e = mpf(label_smoothing)
        values = np.array([-(1 - e) * r[k] - e / len(r) * r.sum() for r, k in zip(logs, t)], object)
        return reduced(values, reduction)

    for smoothing in (0.0, 0.1):
        for a in (ROWS, [[40.0, 0.0, 1.0, -3.0], [700.0, -700.0, 699.0, 0.0]]):
            add(
                "cross_entropy",
                cross,
                a,
                [0, 2],
                None,
                tol=(2e-15, 1e-14),
                attrs={"reduction": 1, "label_smoothing": smoothing},
            )
    add(
        "nll_loss",
        lambda a, t, w, reduction: -(a[0, t[0]] + a[1, t[1]]) / 2,
        ROWS,
        [0, 2],
        None,
        attrs={"reduction": 1},
    )


# ---- Matrices ----

MATRIX = [[4.0, 0.3, -1.2], [0.7, 3.5, 0.9], [-0.4, 1.1, 5.0]]
DEFINITE = [[4.0, 0.5, -1.0], [0.5, 3.0, 0.75], [-1.0, 0.75, 5.0]]
OTHER = [[0.3, -0.7], [1.2, 0.9], [-2.5, 0.1]]


def rows(matrix: Any) -> np.ndarray:
    """An mpmath matrix as an array."""
    return np.array(matrix.tolist(), object)


def factor(a: np.ndarray) -> np.ndarray:
    """Cholesky's factor; it reads the whole matrix, as if made symmetric."""
    a = (a + a.T) / 2
    n = len(a)
    lower = np.full((n, n), mpf(0), object)
    for i in range(n):
        for j in range(i + 1):
            s = a[i, j] - sum((lower[i, k] * lower[j, k] for k in range(j)), mpf(0))
            lower[i, j] = mp.sqrt(s) if i == j else s / lower[j, j]
    return lower


def singular(a: np.ndarray) -> list:
    """Singular values, largest first."""
    return list(mp.svd_r(mp.matrix(a.tolist()), compute_uv=False))


def matrix_norm(a: np.ndarray, ord: str) -> mpf:
    """All orders."""
    if ord in ("nuc", "2", "-2"):
        s = singular(a)
        return {"nuc": sum(s), "2": max(s), "-2": min(s)}[ord]
    if ord == "fro":
        return mp.sqrt((a * a).sum())
    sums = ABS(a).sum(0 if ord.endswith("1") else 1)
    return min(sums) if ord.startswith("-") else max(sums)


def matrices() -> None:
    """Matrix functions, of well-conditioned matrices: normwise 1e-12 and better."""
    tol = (1e-14, 1e-13)
    solved = lambda a, b: rows(mp.lu_solve(mp.matrix(a.tolist()), mp.matrix(b.tolist())))  # noqa
    solve = lambda a, b: np.stack([solved(a, b[:, k : k + 1])[:, 0] for k in range(2)], 1)  # noqa
    det = lambda a: mp.det(mp.matrix(a.tolist()))  # noqa: E731
    inv = lambda a: rows(mp.inverse(mp.matrix(a.tolist())))  # noqa: E731
    add("matmul", lambda a, b: a @ b, MATRIX, OTHER, tol=tol)
    add("mm", lambda a, b: a @ b, MATRIX, OTHER, tol=tol)
    add("mv", lambda a, b: a @ b, MATRIX, [0.3, -1.2, 2.5], tol=tol)
    add("dot", lambda a, b: a @ b, [1.0, 1e-3, -2.5], [0.3, -1.2, 2.5], tol=tol)
    add("outer", np.multiply.outer, [1.0, 1e-3, -2.5], [0.3, -1.2], tol=tol)
    add("trace", lambda a: a.trace(), MATRIX, tol=tol)
    add(
        "einsum",
        lambda a, b, equation: np.einsum(equation, a, b),
        MATRIX,
        OTHER,
        attrs={"equation": "ij,jk->ki"},
        tol=tol,
    )
    add("det", det, MATRIX, tol=tol)
    add("slogdet", lambda a: (mp.sign(det(a)), mp.log(abs(det(a)))), MATRIX, tol=tol)
    add("logdet", lambda a: mp.log(det(a)), MATRIX, tol=tol)
    add("inv", inv, MATRIX, tol=tol)
    add("solve", solve, MATRIX, OTHER, tol=tol)
    add("matrix_power", lambda a, n: a @ a @ a, MATRIX, attrs={"n": 3}, tol=tol)
    add("matrix_power", lambda a, n: inv(a) @ inv(a), MATRIX, attrs={"n": -2}, tol=tol)
    add("cholesky", factor, DEFINITE, tol=tol)
    add("svdvals", lambda a: np.array(singular(a), object), MATRIX, tol=tol)
    for ord in ("fro", "nuc", "2", "-2", "1", "-1", "inf", "-inf"):
        add("matrix_norm", matrix_norm, MATRIX, attrs={"ord": ord}, tol=tol)


GROUPS = (unary, special, activations, binary, reductions, losses, matrices)
