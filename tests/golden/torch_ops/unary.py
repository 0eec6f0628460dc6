"""What PyTorch says of elementwise functions of one input."""

from math import isnan

import torch
from registry import INF, NAN, corner, op, tensor

ORDINARY = [-2.5, -1.5, -1.0, -0.5, -0.25, 0.25, 0.5, 1.0, 1.5, 2.5]
EXTREME = [0.0, -0.0, INF, -INF, NAN]

# ---- Arithmetic and rounding ----

for name in ("neg", "abs", "sign", "square", "sqrt", "rsqrt", "reciprocal", "positive"):
    op(name, getattr(torch, name))
    corner(name, [*EXTREME, *ORDINARY])
    corner(name, tensor([0, 1, 2, 3], "u8"))
for name in ("neg", "abs", "sign", "square", "positive"):
    corner(name, tensor([-3, 0, 2], "i64"))
corner("sqrt", [5e-324, 1e308, -1e-300])
corner("reciprocal", [1e308, -1e-308])

for name in ("floor", "ceil", "trunc"):
    op(name, getattr(torch, name))
    corner(name, [*EXTREME, *ORDINARY, 1e300, -4503599627370496.5, 0.9999999999999999])
    corner(name, tensor([-3, 0, 2], "i32"))
op("frac", torch.frac)
corner("frac", [*EXTREME, *ORDINARY, 1e300])
op("round", lambda x, decimals: torch.round(x, decimals=decimals) if decimals else torch.round(x))
corner("round", [*EXTREME, *ORDINARY, 3.5, 4.5, -3.5, 0.49999999999999994])
corner("round", tensor([-3, 0, 2], "i64"))
corner("round", [1.25, 1.35, -1.25, 2.675, *EXTREME], attrs={"decimals": 1})
corner("round", [15.0, 25.0, -35.0, 1249.0, 4.0], attrs={"decimals": -1})
corner(
    "round",
    [1e307],
    attrs={"decimals": 3},
    expect=[[1e307]],
    grads=[[0.0]],
    why="PyTorch's product overflows",
)

op("deg2rad", torch.deg2rad)
op("rad2deg", torch.rad2deg)
for name in ("deg2rad", "rad2deg"):
    corner(name, [*EXTREME, 180.0, -90.0])
    corner(name, tensor([180, 0], "i64"))

# ---- NaN and infinities ----

for name in ("isnan", "isfinite", "isinf", "isposinf", "isneginf", "signbit"):
    op(name, getattr(torch, name))
    corner(name, [*EXTREME[:4], 1.0, -1.0, 5e-324])
    corner(name, tensor([-1, 0, 1], "i32"))
    corner(name, [True, False])
corner("isinf", [NAN])
corner("isposinf", [NAN])
corner("isnan", [NAN])
corner("isfinite", [NAN])


def _nan_to_num(x, nan, posinf, neginf):
    return torch.nan_to_num(
        x, nan, None if isnan(posinf) else posinf, None if isnan(neginf) else neginf
    )


op("nan_to_num", _nan_to_num)
corner("nan_to_num", [*EXTREME, 1.5])
corner("nan_to_num", [*EXTREME, 1.5], attrs={"nan": -1.0, "posinf": 7.0, "neginf": -8.0})
corner("nan_to_num", [*EXTREME, 1.5], attrs={"posinf": INF, "neginf": -INF})
corner("nan_to_num", tensor([1, -2], "i64"))

# ---- Exponentials and logarithms ----

for name in ("exp", "exp2", "expm1"):
    op(name, getattr(torch, name))
    corner(name, [*EXTREME, *ORDINARY, 709.0, 710.0, -745.0, -746.0, 1e-300], second=False)
corner("expm1", [1e-10, -1e-10, -40.0, 1e-5])
for name in ("log", "log2", "log10"):
    op(name, getattr(torch, name))
    corner(name, [*EXTREME, *ORDINARY, 1e300, 1e-300, 8.0, 1000.0])
op("log1p", torch.log1p)
corner("log1p", [*EXTREME, *ORDINARY, -2.0, 1e-10, 1e300])
for name in ("exp", "log", "log1p"):
    corner(name, tensor([0, 1, 3], "i64"))
    corner(name, [True, True])
op("sigmoid", torch.sigmoid)
corner("sigmoid", [*EXTREME, *ORDINARY, 700.0, -700.0, 40.0])
op("logit", lambda x, eps: torch.logit(x, None if eps < 0 else eps))
corner("logit", [0.0, 1.0, 0.5, 0.25, 0.75, -0.1, 1.1, NAN, INF, -INF, 1e-300, 0.50000001])
corner("logit", [0.0, 1.0, 0.25, 0.75, 0.2, 0.8, -5.0, 5.0, NAN], attrs={"eps": 0.25})
corner("logit", [0.0, 1.0, 0.5, -1.0], attrs={"eps": 0.0})

# ---- Trigonometric and hyperbolic ----

for name in ("sin", "cos", "tan", "atan", "sinh", "cosh", "tanh", "asinh"):
    op(name, getattr(torch, name))
    corner(name, [*EXTREME, *ORDINARY, 30.0, -30.0, 1e-10], second=name != "tanh")
for name in ("asin", "acos", "acosh", "atanh"):
    op(name, getattr(torch, name))
    corner(name, [*EXTREME, *ORDINARY, 1e-10, 0.999, -0.999, 3.0, -3.0])

# ---- Special functions ----

op("erf", torch.erf)
op("erfc", torch.erfc)
op("erfcx", torch.special.erfcx, special=False)  # the slope is 0 at infinity, NaN in PyTorch
op("ndtr", torch.special.ndtr)
op("log_ndtr", torch.special.log_ndtr, special=False)  # a slope of -inf at -1e30
for name in ("erf", "erfc", "erfcx", "ndtr", "log_ndtr"):
    corner(name, [*ORDINARY, 0.0, -0.0, 5.0, -5.0, 1e-10])
for name in ("erf", "erfc", "ndtr"):
    corner(name, [INF, -INF, NAN, 10.0, 26.0, -10.0])
corner("erfcx", [NAN, 10.0, 26.0, 1e10])
corner("erfcx", [INF], expect=[[0.0]], grads=[[-0.0]], why="2xy is NaN in PyTorch's slope")
corner("log_ndtr", [INF, NAN, 10.0, -10.0, -100.0])
op("erfinv", torch.erfinv)
corner("erfinv", [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 0.999999, 1e-12, 1.5, NAN])
op("ndtri", torch.special.ndtri)
corner("ndtri", [0.0, 1.0, 0.5, 0.25, 0.75, 1e-12, 0.999999, 1.5, -0.5, NAN])
op("lgamma", torch.lgamma)
corner("lgamma", [0.25, 0.5, 1.0, 2.0, 3.5, 100.0, 1e10, -0.5, -1.5, -2.25, INF, NAN])
corner("lgamma", [0.0, -1.0, -2.0])
op("digamma", torch.digamma)
corner("digamma", [0.25, 0.5, 1.0, 2.0, 3.5, 100.0, 1e10, -0.5, -1.5, -2.25, INF, NAN])
op("polygamma", lambda x, n: torch.polygamma(n, x))
for n in (0, 1, 2, 3, 5):
    corner("polygamma", [0.25, 0.5, 1.0, 2.0, 3.5, 100.0, -0.5, -1.5, -2.25, NAN], attrs={"n": n})
# i0 and i1 of infinity are NaN in PyTorch, slopes of i1 and i1e at NaN are 1/2.
op("i0", torch.i0, special=False)
op("i1", torch.special.i1, special=False)
op("i0e", torch.special.i0e)
op("i1e", torch.special.i1e, special=False)
for name in ("i0", "i1", "i0e", "i1e"):
    corner(name, [*ORDINARY, 0.0, 7.9, 8.1, -8.1, 40.0])
corner(
    "i0",
    [INF, -INF, NAN],
    expect=[[INF, INF, NAN]],
    grads=[[INF, -INF, NAN]],
    why="PyTorch gives NaN at infinity",
)
corner("i1", [INF, -INF], expect=[[INF, -INF]], grads=[None], why="PyTorch gives NaN at infinity")
op("sinc", torch.sinc, rtol=20.0)  # its slope loses digits near 0
corner("sinc", [-2.5, -1.5, -0.5, -0.25, 0.25, 0.5, 1.5, 2.5, 0.0, -0.0, NAN, INF])
corner(
    "sinc",
    [1.0, -2.0],
    expect=[[0.0, 0.0]],
    grads=[[-1.0, -0.5]],
    why="PyTorch's sin(πx) is not quite 0 at integers",
)
