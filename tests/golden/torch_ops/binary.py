"""What PyTorch says of operations of two and three tensors, of comparison, logic and bits."""

import torch
from registry import INF, NAN, corner, op, tensor

# ---- Arithmetic ----

op("add", torch.add)
op("sub", torch.sub)
op("mul", torch.mul)
op("div", torch.div)


def _alpha(a, b, alpha):
    return alpha if a.is_floating_point() or b.is_floating_point() else int(alpha)


op("add_alpha", lambda a, b, alpha: torch.add(a, b, alpha=_alpha(a, b, alpha)))
op("sub_alpha", lambda a, b, alpha: torch.sub(a, b, alpha=_alpha(a, b, alpha)))

corner("add", [INF, NAN, -0.0], [-INF, 1.0, -0.0])
corner("add", [True, True, False], [True, False, False])
corner("add", tensor([250, 3], "u8"), tensor([250, 3], "u8"))
corner("add", tensor([1, 2], "i32"), [0.5, 1.5])
corner("add", tensor([1.0, 2.0], "f32"), 0.1)  # 0-d does not widen
corner("add", tensor([1, 2], "i64"), tensor(0.5, "f32"))
corner("add", tensor([1, 200], "u8"), tensor([-1, 5], "i64"))
corner("sub", tensor([3], "u8"), tensor([5], "u8"))
corner("mul", [INF, 0.0, -INF], [0.0, NAN, -1.0])
corner("mul", [True, True, False], [True, False, False])
corner("mul", tensor([65536], "i32"), tensor([65536], "i32"))
corner("div", [1.0, -1.0, 0.0, INF, 1.0, INF, NAN, 0.0], [0.0, 0.0, 0.0, INF, INF, 2.0, 1.0, 5.0])
corner("div", tensor([7, -7, 1, 0], "i64"), tensor([2, 2, 0, 0], "i64"))
corner("div", [True, False], [True, True])
corner("add_alpha", tensor([1, 2], "i64"), tensor([3, 4], "i64"), attrs={"alpha": -3.0})
corner("sub_alpha", tensor([1, 2], "u8"), tensor([3, 4], "u8"), attrs={"alpha": 2.0})

# ---- Division that rounds ----

op("div_trunc", lambda a, b: torch.div(a, b, rounding_mode="trunc"))
# PyTorch has no derivative of floor_divide; ours is 0, as that of its div(rounding_mode="floor").
op("floor_divide", lambda a, b: torch.div(a, b, rounding_mode="floor"))
op("fmod", torch.fmod)
op("remainder", torch.remainder)

_A = [7.0, -7.0, 7.0, -7.0, 1.0, 0.0, -1.0, 1.0, INF, NAN, 5.0, 0.0, -0.0, 1.0, 1e300, 0.3]
_B = [2.0, 2.0, -2.0, -2.0, 0.0, 0.0, INF, -INF, 2.0, 1.0, NAN, 3.0, 3.0, 0.1, 3.0, 0.1]
for _name in ("div_trunc", "floor_divide", "fmod", "remainder"):
    if _name != "fmod":
        corner(_name, _A, _B)
    corner(_name, tensor([7, -7, 7, -7, 6], "i64"), tensor([2, 2, -2, -2, -3], "i64"))
    corner(_name, tensor([7, 255], "u8"), tensor([2, 16], "u8"))
    corner(_name, tensor([7, -7], "i32"), tensor(2, "i64"))
_PAIRS = [p for p in zip(_A, _B) if p[1] != 0.1]
corner("fmod", [p[0] for p in _PAIRS], [p[1] for p in _PAIRS])
corner(
    "fmod",
    [1.0, 0.3],
    [0.1, 0.1],
    expect=[[0.09999999999999995, 0.09999999999999998]],
    grads=[[1.0, 1.0], [-9.0, -2.0]],
    why="the quotient is below 10, to which PyTorch's a / b is rounded",
)

# ---- Powers ----

op("pow", torch.pow)
op("float_power", torch.float_power)
op("ldexp", torch.ldexp, special=False)

corner(
    "pow",
    [0.0, 0.0, 0.0, 0.0, 0.0, -2.0, -2.0, NAN, NAN, 1.0, -0.0, -0.0, INF, 2.0, 2.0, INF],
    [0.0, 0.5, 1.0, 2.0, -1.0, 2.0, 0.5, 0.0, 1.0, NAN, 3.0, -1.0, 2.0, INF, -INF, 0.0],
)
corner("pow", tensor([3, -2, 0, 10], "i64"), tensor([4, 3, 0, 18], "i64"))
corner("pow", tensor([2, 3], "u8"), tensor([8, 6], "u8"))
corner("pow", tensor([2, 3], "i64"), [-1.0, 0.5])
corner("float_power", tensor([2, 0], "i64"), tensor([-1, 0], "i64"))
corner("float_power", tensor([2.0], "f32"), tensor([0.5], "f32"))
corner("ldexp", [1.0, -3.0, INF, NAN, 0.0], [3.0, -1.0, 2.0, 1.0, INF])
corner(
    "ldexp",
    [1.5, -3.0],
    tensor([3, -1], "i64"),
    grads=[[8.0, 0.5], None],
    why="PyTorch takes 2^-1 in integers for the gradient, where it is 0",
)
corner("ldexp", tensor([3, 4], "i64"), tensor([3, -1], "i64"))
corner(
    "ldexp",
    [1.5],
    tensor([500], "i64"),
    expect=[[1.5 * 2.0**500]],
    grads=[[2.0**500], None],
    why="PyTorch takes 2^500 in f32, where it is infinite",
)

# PyTorch's exponent of infinities is whatever frexp left; ours is 0.
op("frexp", lambda x: tuple(torch.frexp(x)), special=False)
corner("frexp", [1.0, -3.0, 0.0, -0.0, 0.5, 5e-324, 1e300])
corner("frexp", tensor([8.0, -0.3], "f32"))
corner(
    "frexp",
    [INF, NAN],
    expect=[[INF, NAN], [0, 0]],
    grads=[[1.0, 1.0]],
    why="PyTorch leaves open what the exponent is",
)

# ---- Limits ----

op("maximum", torch.maximum)
op("minimum", torch.minimum)
op("fmax", torch.fmax)
op("fmin", torch.fmin)
op("clamp", lambda x, lo, hi: torch.clamp(x, lo, hi))
op("clamp_tensor", lambda x, lo, hi: torch.clamp(x, lo, hi))

for _name in ("maximum", "minimum", "fmax", "fmin"):
    corner(
        _name, [1.0, 2.0, 3.0, NAN, 1.0, NAN, INF, -INF], [2.0, 2.0, 1.0, 1.0, NAN, NAN, INF, 0.0]
    )
    corner(_name, [True, True, False], [True, False, False])
    corner(_name, tensor([-3], "i32"), tensor([-4], "i64"))
corner("clamp", [-2.0, -1.0, 0.0, 2.0, 3.0, NAN, INF, -INF], attrs={"lo": -1.0, "hi": 2.0})
corner("clamp", [-1.0, 0.0, 1.0, INF, -INF, NAN], attrs={"lo": 0.0})
corner("clamp", [-2.0, 2.0, 2.5, 3.0, NAN], attrs={"lo": 3.0, "hi": 2.0})
_X = [-2.0, 0.0, 1.0, 2.0, 5.0, NAN, INF, -INF]
corner("clamp_tensor", _X, [0.0] * 8, [2.0] * 8)
corner("clamp_tensor", _X, [2.0] * 8, [0.0] * 8)
corner("clamp_tensor", _X, [1.0] * 8, [1.0] * 8)
corner("clamp_tensor", [1.0, 1.0, 3.0, NAN], [NAN, 0.0, NAN, NAN], [2.0, NAN, NAN, 1.0])
corner("clamp_tensor", _X, [0.0] * 8, None)
corner("clamp_tensor", _X, None, [0.0] * 8)
corner(
    "clamp_tensor", tensor([-5, 0, 9], "i64"), tensor([-1, -1, -1], "i64"), tensor([3, 3, 3], "i64")
)

# ---- Functions of two numbers ----

op("hypot", torch.hypot, special=False)
op("atan2", torch.atan2)
op("copysign", torch.copysign)
op("nextafter", torch.nextafter, first=False)
op("heaviside", torch.heaviside, first=False)
op("logaddexp", torch.logaddexp, special=False)
op("logaddexp2", torch.logaddexp2, special=False)
op("xlogy", torch.xlogy)
op("xlog1py", torch.special.xlog1py)

corner(
    "hypot",
    [0.0, -0.0],
    [0.0, 0.0],
    expect=[[0.0, 0.0]],
    grads=[[0.0, 0.0], [0.0, 0.0]],
    why="PyTorch gives NaN gradients at the origin",
)
corner("hypot", [3.0, INF, 1.0, 1e200, NAN, 0.0], [4.0, 1.0, NAN, 1e200, INF, -2.0])
corner(
    "atan2",
    [0.0, 0.0, -0.0, 1.0, INF, 0.0, -1.0, NAN],
    [0.0, -0.0, -1.0, 0.0, INF, -1.0, -INF, 1.0],
)
corner(
    "atan2",
    [1e200],
    [1e200],
    expect=[[0.7853981633974483]],
    grads=[[5e-201], [-5e-201]],
    why="PyTorch squares, overflows and gives 0",
)
corner("atan2", tensor([1, 0], "i64"), tensor([1, 0], "i64"))
corner(
    "copysign",
    [7.0, -7.0, 0.0, -0.0, NAN, INF, 2.0, 2.0],
    [-2.0, 2.0, 1.0, 1.0, 1.0, -1.0, -0.0, 0.0],
)
corner("copysign", tensor([3, -3], "i64"), tensor([-1, 1], "i64"))
corner("nextafter", [7.0, -7.0, 0.0, 1.0, INF, NAN], [INF, 0.0, -1.0, 1.0, 0.0, 1.0])
corner("nextafter", tensor([7.0], "f32"), tensor([8.0], "f32"))
corner("heaviside", [7.0, -7.0, 0.0, -0.0, NAN, INF], [2.0, 2.0, 0.5, NAN, 3.0, 1.0])
corner("heaviside", tensor([7, -7, 0], "i64"), tensor([2, 2, 5], "i64"))
for _name in ("logaddexp", "logaddexp2"):
    corner(
        _name, [1.0, -INF, NAN, INF, 800.0, -800.0, INF], [1.0, 0.0, 1.0, 0.0, -800.0, -800.0, INF]
    )
    corner(
        _name,
        [-INF],
        [-INF],
        expect=[[-INF]],
        grads=[[0.0], [0.0]],
        why="PyTorch gives NaN gradients where the sum is 0",
    )
_X = [0.0, 0.0, 0.0, 1.0, 1.0, NAN, 0.0, 0.0, -1.0, 2.0, -0.0]
corner("xlogy", _X, [0.0, NAN, 2.0, 0.0, -1.0, 0.0, -1.0, INF, 0.0, 3.0, 1.0])
corner("xlog1py", _X, [-1.0, NAN, 2.0, -1.0, -2.0, 0.0, -2.0, INF, 0.0, 1e-20, 1.0])

# ---- Integers ----

for _name in (
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "bitwise_left_shift",
    "bitwise_right_shift",
    "gcd",
    "lcm",
):
    op(_name, getattr(torch, _name))
op("bitwise_not", torch.bitwise_not)

for _name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
    corner(_name, [True, True, False, False], [True, False, True, False])
    corner(_name, tensor([-1, 12, 7], "i32"), tensor([255, 10, -8], "i64"))
    corner(_name, tensor([200, 15], "u8"), tensor(300, "i64"))
corner("bitwise_not", tensor([0, -1, 7], "i64"))
corner("bitwise_not", tensor([0, 255, 7], "u8"))
corner("bitwise_not", [True, False])
for _name in ("bitwise_left_shift", "bitwise_right_shift"):
    corner(
        _name, tensor([-8, -8, -8, 8, 1, 1, -1], "i64"), tensor([63, 64, -1, 3, 62, 0, 200], "i64")
    )
    corner(_name, tensor([-8, -8, 8, 1], "i32"), tensor([31, 32, 3, -5], "i32"))
    corner(_name, tensor([200, 200, 3], "u8"), tensor([1, 8, 7], "u8"))
for _name in ("gcd", "lcm"):
    corner(_name, tensor([-4, 0, 6, 0, -12, 7], "i64"), tensor([6, 0, -4, 5, -18, 1], "i64"))
    corner(_name, tensor([12, 0], "u8"), tensor([18, 7], "u8"))

# ---- Three inputs ----

op("addcmul", lambda x, a, b, value: torch.addcmul(x, a, b, value=value))
op("addcdiv", lambda x, a, b, value: torch.addcdiv(x, a, b, value=value))
op("lerp", torch.lerp)

corner("addcmul", [1.0, INF, 0.0], [2.0, 1.0, INF], [0.5, -1.0, 0.0], attrs={"value": 2.0})
corner("addcdiv", [1.0, 1.0, 1.0], [3.0, 0.0, 3.0], [0.0, 0.0, 3.0], attrs={"value": 0.5})
corner(
    "lerp",
    [1.0, 1.0, 1.0, 0.1, INF, 1.0],
    [3.0, 3.0, 3.0, 0.7, INF, NAN],
    [0.0, 0.5, 2.0, 1.0, 0.3, 0.0],
)

# ---- Comparison ----

for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    op(_name, getattr(torch, _name))
    corner(_name, [NAN, 1.0, NAN, 0.0, INF, -INF], [1.0, NAN, NAN, -0.0, INF, INF])
    corner(_name, tensor([2**53 + 1, 2**53], "i64"), tensor(2**53 + 1, "i64"))
    corner(_name, tensor([255], "u8"), tensor([-1], "i32"))
    corner(_name, tensor([1, 2], "i32"), [1.5, 1.5])
op(
    "isclose",
    lambda a, b, rtol, atol, equal_nan: torch.isclose(
        a, b, rtol=rtol, atol=atol, equal_nan=equal_nan
    ),
)
_A = [1.0, 1.0, INF, INF, NAN, 0.0, 1.0, 1e-9]
_B = [1.000009, 1.1, INF, -INF, NAN, 1e-9, INF, 0.0]
corner("isclose", _A, _B)
corner("isclose", _A, _B, attrs={"equal_nan": 1, "rtol": 0.2, "atol": 0.0})
corner("isclose", _A, _B, attrs={"rtol": 0.0, "atol": 0.0})
corner("isclose", tensor([100, 100], "i64"), tensor([101, 150], "i64"), attrs={"rtol": 0.02})

# ---- Logic and selection ----

for _name in ("logical_and", "logical_or", "logical_xor"):
    op(_name, getattr(torch, _name))
    corner(_name, [NAN, INF, -0.0, 5e-324, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0, 2.0, 0.0])
    corner(_name, tensor([256, 2**32], "i64"), tensor([1, 0], "u8"))
op("logical_not", torch.logical_not)
corner("logical_not", [NAN, INF, -0.0, 5e-324, 0.25, -1.0])
op("where", torch.where)
corner("where", [True, False, True], [1.0, NAN, INF], [NAN, 2.0, 3.0])
corner("where", [True, False], tensor([1, 2], "i64"), tensor([0.5, 1.5], "f32"))
op("where_safe", lambda condition, x, fill: torch.where(condition, x, fill))
corner("where_safe", [True, False, False], [1.0, NAN, INF], attrs={"fill": 2.0})
