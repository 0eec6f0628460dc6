"""Closed forms of functions of numbers, and the points at which exact.py evaluates them.

Tolerances are those of outputs and gradients: 1e-15 and 4e-15, more where a comment says why. What
is not compared element by element has the source `closed`.
"""

from __future__ import annotations

from exact_cases import each, pairs
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
    each("asinh", mp.asinh, LARGE, HUGE)
    each("asin", mp.asin, INSIDE, TINY, BELOW_1)
    each("acos", mp.acos, INSIDE, TINY[:6], BELOW_1)
    each("acosh", mp.acosh, ABOVE_1, BIG)
    each("atanh", mp.atanh, INSIDE, TINY, BELOW_1)
    each("sinc", mp.sincpi, ORDINARY, [1e-5, 1e-3, 0.01, 100.25, 1e6 + 0.5], [-1.0, 2.0, 1e6])


def special() -> None:
    """Special functions."""
    each("erf", mp.erf, ORDINARY, TINY, [-6.0, -4.0, 4.0, 6.0])
    each("erfc", mp.erfc, ORDINARY, TINY[:6], [-6.0, 6.0, 10.0, 20.0, 26.0])
    scaled = lambda x: mp.exp(x * x) * mp.erfc(x)  # noqa: E731
    each("erfcx", scaled, ORDINARY, [-20.0, -6.0], TINY[:6])
    each("erfcx", scaled, [0.95, 1.05, 1.75, 3.5, 6.0, 8.9, 9.1], [20.0, 50.0, 100.0, 1e5, 1e16])
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
    each("gelu", gelu, [-1.01, -7.5, *far[1:3]], attrs=tanh_form, tol=(2e-15, 8e-15))  # e^-600
    each("silu", lambda x: x * sigmoid(x), ORDINARY, TINY, LARGE)
    each("mish", lambda x: x * mp.tanh(mp.log1p(mp.exp(x))), ORDINARY, TINY, LARGE)
    each("softplus", softplus, ORDINARY, TINY, LARGE, attrs={"beta": 1.0, "threshold": 20.5})
    each("softplus", softplus, ORDINARY, far, attrs={"beta": 2.0, "threshold": 30.0})
    each("logsigmoid", lambda x: -mp.log1p(mp.exp(-x)), ORDINARY, TINY, LARGE)
    each("softsign", lambda x: x / (1 + abs(x)), ORDINARY, TINY, LARGE, HUGE[1:7])
    shrunk = lambda x: x - mp.tanh(x)  # noqa: E731
    each("tanhshrink", shrunk, ORDINARY, TINY, [-1e-3, 0.02, 1.49, 1.51], LARGE[3:7])
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
    whole = [(-7.0, 1e-5), (7.0, -1e-5), (1.0, 0.1), (-0.9, 0.1)]  # quotients that round up
    pairs("fmod", fmod, modulo[4:5], wrt=[0])  # a step of the difference would cross jumps
    pairs("fmod", fmod, [*modulo[:4], modulo[5], *whole])
    rest = lambda a, b: a - b * mp.floor(a / b)  # noqa: E731
    pairs("remainder", rest, modulo[:4], whole, [(0.3, 5.0), (-8.2, 2.5)])
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


GROUPS = (unary, special, activations, binary)
