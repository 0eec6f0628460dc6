"""Operators and operations against NumPy, which computes in the same dtypes."""

from __future__ import annotations

import operator

import pytest

import tensorgrad as tg

np = pytest.importorskip("numpy")

RNG = np.random.default_rng(7)
ARITHMETIC = [operator.add, operator.sub, operator.mul, operator.truediv]
COMPARISONS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]
SHAPES = [
    ((), ()),
    ((3,), ()),
    ((2, 3), (3,)),
    ((2, 1), (1, 3)),
    ((0, 3), (1, 3)),
    ((2, 3), (2, 3)),
]


def equal(x, expected, tolerance=0.0):
    """Same shape, and elements equal or within a relative tolerance."""
    got = x.detach().numpy()
    expected = np.asarray(expected)
    assert got.shape == expected.shape
    np.testing.assert_allclose(
        got.astype(np.float64), expected.astype(np.float64), rtol=tolerance, atol=0
    )


@pytest.mark.parametrize("op", ARITHMETIC)
@pytest.mark.parametrize("shapes", SHAPES)
def test_arithmetic_broadcasts(op, shapes):
    for kind in (np.float32, np.float64):
        a, b = (RNG.uniform(1, 2, shape).astype(kind) for shape in shapes)
        equal(op(tg.tensor(a), tg.tensor(b)), op(a, b))


@pytest.mark.parametrize("op", [*ARITHMETIC, *COMPARISONS])
@pytest.mark.parametrize("scalar", [2.0, 3, -1.5])
def test_float_tensor_with_a_number(op, scalar):
    a = RNG.uniform(1, 4, (2, 3)).astype(np.float32)
    x = tg.tensor(a)
    equal(op(x, scalar), op(a, np.float32(scalar)))
    if op not in COMPARISONS:
        equal(op(scalar, x), op(np.float32(scalar), a))
        assert op(x, scalar).dtype is op(scalar, x).dtype is tg.float32
    else:
        equal(op(scalar, x), op(scalar, a))
        assert op(x, scalar).dtype is tg.bool


def test_power():
    a = RNG.uniform(1, 2, (4,))
    x = tg.tensor(a)
    equal(x**2, a**2, 1e-15)
    equal(x**2.5, a**2.5, 1e-15)
    equal(2**x, 2**a, 1e-15)
    equal(2.5**x, 2.5**a, 1e-15)
    equal(x**x, a**a, 1e-15)
    equal(tg.pow(2.0, x), 2**a, 1e-15)
    equal(tg.pow(x, 3), a**3, 1e-15)
    assert (tg.tensor([2, 3]) ** 2).tolist() == [4, 9]
    assert (2 ** tg.tensor([2, 3])).tolist() == [4, 8]
    with pytest.raises(ArithmeticError):
        tg.tensor([2]) ** -1


@pytest.mark.parametrize("dtype", [tg.int64, tg.int32, tg.uint8])
def test_int_keeps_an_integer_tensor_integer(dtype):
    for x in (tg.tensor([5, 6], dtype=dtype), tg.tensor(5, dtype=dtype)):
        for result in (x + 1, 1 + x, x - 1, 7 - x, x * 2, 2 * x, x + True):
            assert result.dtype is dtype
        assert (x + 1).reshape(-1)[0].item() == 6
        assert (7 - x).reshape(-1)[0].item() == 2
        assert (x + (-1)).reshape(-1)[0].item() == 4
        assert (x / 2).dtype is tg.float32
        assert (x + 0.5).dtype is tg.float32


def test_bool_tensor_with_numbers():
    x = tg.tensor([True, False])
    assert (x + 1).dtype is tg.int64
    assert (x + 1).tolist() == [2, 1]
    assert (x * 0.5).dtype is tg.float32
    assert (x + True).dtype is tg.bool
    assert (x + x).tolist() == [True, False]
    assert (x == True).tolist() == [True, False]  # noqa: E712


def test_float_never_widens():
    assert (tg.ones(2) + 1.5).dtype is tg.float32
    assert (tg.ones(2, dtype=tg.float64) + 1.5).dtype is tg.float64
    assert (tg.ones(2) + tg.tensor(1.5, dtype=tg.float64)).dtype is tg.float32
    assert (tg.ones(2) + tg.ones(2, dtype=tg.float64)).dtype is tg.float64


def test_ints_that_do_not_fit():
    with pytest.raises(OverflowError, match="does not fit int32"):
        tg.ones(2, dtype=tg.int32) + 2**40
    with pytest.raises(OverflowError):
        tg.ones(2, dtype=tg.int64) + 2**63
    with pytest.raises(OverflowError):
        tg.ones(2) + 10**400


def test_comparisons_with_ints_are_exact():
    big = 2**53 + 1
    x = tg.tensor([big, big - 1])
    assert (x == big).tolist() == [True, False]
    assert (x > big - 1).tolist() == [True, False]
    y = tg.tensor([2**24 + 1, 2**24], dtype=tg.int32)
    assert (y == 2**24).tolist() == [False, True]
    assert (y < 2**40).tolist() == [True, True]
    u = tg.tensor([0, 255], dtype=tg.uint8)
    assert (u > -1).tolist() == [True, True]
    assert (u == -1).tolist() == [False, False]
    assert (u < 256).tolist() == [True, True]
    assert (u > -1).tolist() == [True, True]
    with pytest.raises(OverflowError, match="compare with a float"):
        x < 2**70


def test_in_place():
    x = tg.tensor([1.0, 2.0])
    same, memory = x, x.data_ptr()
    x += 1
    x -= 0.5
    x *= tg.tensor([2.0, 4.0])
    x /= 2
    x **= 2
    assert x is same
    assert x.data_ptr() == memory
    assert x.tolist() == [2.25, 25.0]
    assert x.add_(1).sub_(1.0).mul_(2).div_(2).pow_(1) is x
    i = tg.tensor([1, 2])
    i += 2**60
    assert i.tolist() == [2**60 + 1, 2**60 + 2]
    with pytest.raises(TypeError):
        i += 0.5
    with pytest.raises(ValueError, match=r"\[2\]"):
        x += tg.ones(3)
    with pytest.raises(ValueError):
        tg.ones(1).add_(tg.ones(2))
    assert x.tolist() == [2.25, 25.0]
    assert x.fill_(3).tolist() == [3.0, 3.0]
    assert i.fill_(2**60 + 1).tolist() == [2**60 + 1] * 2
    assert x.copy_(tg.tensor(1)).tolist() == [1.0, 1.0]
    assert x.zero_().exp_().neg_().abs_().sqrt_().tolist() == [1.0, 1.0]


def test_bool_operators():
    a, b = tg.tensor([True, True, False]), tg.tensor([True, False, False])
    assert (a & b).tolist() == [True, False, False]
    assert (a | b).tolist() == [True, True, False]
    assert (a ^ b).tolist() == [False, True, False]
    assert (~a).tolist() == [False, False, True]
    assert (a & True).tolist() == (True & a).tolist() == a.tolist()
    x = tg.tensor([1, 2, 3])
    for call in (lambda: x & a, lambda: a | x, lambda: ~x, lambda: a & 1, lambda: x ^ True):
        with pytest.raises(TypeError):
            call()
    assert x.logical_and(a).tolist() == [True, True, False]


def test_unary_operators():
    x = tg.tensor([1.0, -2.0])
    assert (-x).tolist() == [-1.0, 2.0]
    assert (+x).tolist() == [1.0, -2.0]
    assert abs(x).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("op", [*ARITHMETIC, operator.pow, operator.matmul])
@pytest.mark.parametrize("other", ["a", None, object(), 1j, [1.0]])
def test_operands_that_are_no_numbers(op, other):
    x = tg.ones(1)
    for call in (lambda: op(x, other), lambda: op(other, x)):
        with pytest.raises(TypeError):
            call()


def test_comparison_with_something_else():
    x = tg.ones(2)
    assert (x == None) is False  # noqa: E711
    assert (x != "a") is True
    with pytest.raises(TypeError):
        x < None
    with pytest.raises(TypeError, match="cannot compare"):
        x.eq("a")
    assert len({x, x, tg.ones(2)}) == 2


def test_arrays_as_operands():
    x = tg.tensor([1.0, 2.0])
    a = np.array([3.0, 4.0], dtype=np.float32)
    for result in (x + a, a + x):
        assert isinstance(result, tg.Tensor)
        assert result.tolist() == [4.0, 6.0]
    assert (a - x).tolist() == [2.0, 2.0]
    assert (x @ a).item() == (a @ x).item() == 11.0
    assert (x < a).tolist() == [True, True]
    assert (x * np.float32(2)).dtype is tg.float32
    assert (np.float64(2) * x).tolist() == [2.0, 4.0]
    assert (tg.tensor([1]) + np.int32(1)).dtype is tg.int64
    x += a
    assert x.tolist() == [4.0, 6.0]


UNARY = {
    "neg": np.negative,
    "abs": np.abs,
    "sign": np.sign,
    "square": np.square,
    "sqrt": np.sqrt,
    "rsqrt": lambda a: 1 / np.sqrt(a),
    "reciprocal": np.reciprocal,
    "exp": np.exp,
    "log": np.log,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "relu": lambda a: np.maximum(a, 0),
    "isnan": np.isnan,
    "isfinite": np.isfinite,
    "logical_not": np.logical_not,
}


@pytest.mark.parametrize("name", UNARY)
def test_unary(name):
    a = RNG.uniform(0.1, 3, (3, 4))
    for x in (tg.tensor(a), tg.tensor(a).t()):
        expected = UNARY[name](x.numpy())
        equal(getattr(x, name)(), expected, 4e-15)
        equal(getattr(tg, name)(x), expected, 4e-15)
    if hasattr(tg.Tensor, name + "_"):
        x = tg.tensor(a)
        assert getattr(x, name + "_")() is x
        equal(x, UNARY[name](a), 4e-15)


@pytest.mark.parametrize("name", ["maximum", "minimum", "logical_and", "logical_or", "logical_xor"])
def test_binary_functions(name):
    a, b = RNG.integers(0, 3, (2, 3)), RNG.integers(0, 3, (3,))
    equal(getattr(tg.tensor(a), name)(tg.tensor(b)), getattr(np, name)(a, b))
    equal(getattr(tg, name)(tg.tensor(a), tg.tensor(b)), getattr(np, name)(a, b))


def test_named_arithmetic():
    x, y = tg.tensor([4.0, 9.0]), tg.tensor([2.0, 3.0])
    for name, expected in {
        "add": [6.0, 12.0],
        "sub": [2.0, 6.0],
        "mul": [8.0, 27.0],
        "div": [2.0, 3.0],
        "pow": [16.0, 729.0],
        "eq": [False, False],
        "ne": [True, True],
        "lt": [False, False],
        "le": [False, False],
        "gt": [True, True],
        "ge": [True, True],
    }.items():
        assert getattr(x, name)(y).tolist() == expected
        assert getattr(tg, name)(x, y).tolist() == expected
    assert x.add(y, alpha=2).tolist() == tg.add(x, y, alpha=2).tolist() == [8.0, 15.0]
    assert x.sub(2, alpha=2).tolist() == [0.0, 5.0]


REDUCTIONS = ["sum", "mean", "prod", "amax", "amin", "all", "any", "logsumexp", "var", "std"]


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("dim", [None, 0, -1, (0, 2), [1]])
@pytest.mark.parametrize("keepdim", [False, True])
def test_reductions(name, dim, keepdim):
    a = RNG.uniform(0.5, 1.5, (2, 3, 4))
    axis = tuple(dim) if isinstance(dim, list) else dim
    reference = {
        "logsumexp": lambda: np.log(np.exp(a).sum(axis=axis, keepdims=keepdim)),
        "var": lambda: a.var(axis=axis, ddof=1, keepdims=keepdim),
        "std": lambda: a.std(axis=axis, ddof=1, keepdims=keepdim),
    }.get(name, lambda: getattr(np, name)(a, axis=axis, keepdims=keepdim))
    x = tg.tensor(a)
    equal(getattr(x, name)(dim, keepdim=keepdim), reference(), 1e-13)
    equal(getattr(tg, name)(x, dim, keepdim=keepdim), reference(), 1e-13)


def test_reductions_of_other_forms():
    a = RNG.permutation(24).reshape(2, 3, 4).astype(np.float64)
    x = tg.tensor(a)
    assert x.max().item() == 23
    assert tg.min(x).item() == 0
    values, indices = x.max(1)
    equal(values, a.max(1))
    equal(indices, a.argmax(1))
    result = tg.min(x, -1, keepdim=True)
    equal(result.values, a.min(-1, keepdims=True))
    equal(result.indices, a.argmin(-1)[..., None])
    equal(x.max(tg.full((1,), 9.0)), np.maximum(a, 9))
    equal(x.argmax(0), a.argmax(0))
    equal(x.argmin(-1, keepdim=True), a.argmin(-1)[..., None])
    assert x.argmax().item() == a.argmax()
    assert tg.argmin(x, keepdim=True).shape == (1, 1, 1)
    equal(x.var(correction=0), a.var(), 1e-14)
    equal(tg.std(x, 1, correction=0), a.std(1), 1e-14)
    assert x.clamp(3, 5).max().item() == 5
    assert x.clamp(max=5).min().item() == 0
    assert tg.clamp(x, min=3).min().item() == 3
    assert x.clone().clamp_(1, 2).max().item() == 2
    with pytest.raises(ValueError, match="at least one"):
        x.clamp()
    with pytest.raises(TypeError, match="use maximum and minimum"):
        x.clamp(x)
    e = np.exp(a - a.max(1, keepdims=True))
    equal(x.softmax(1), e / e.sum(1, keepdims=True), 1e-13)
    equal(tg.log_softmax(x, 1).exp(), e / e.sum(1, keepdims=True), 1e-12)


@pytest.mark.parametrize(
    "shapes",
    [
        ((3,), (3,)),
        ((2, 3), (3,)),
        ((3,), (3, 4)),
        ((2, 3), (3, 4)),
        ((5, 2, 3), (3, 4)),
        ((5, 1, 2, 3), (2, 3, 4)),
    ],
)
def test_products(shapes):
    a, b = (RNG.uniform(-1, 1, shape) for shape in shapes)
    x, y = tg.tensor(a), tg.tensor(b)
    for result in (x @ y, x.matmul(y), tg.matmul(x, y)):
        np.testing.assert_allclose(result.numpy(), a @ b, rtol=1e-13, atol=1e-15)
    if len(shapes[0]) == len(shapes[1]) == 1:
        assert tg.dot(x, y).item() == x.dot(y).item()


def test_wrong_dims_are_refused_before_they_are_cut_to_32_bits():
    x = tg.ones(2, 3)
    for call in (
        lambda: x.sum(2**32),
        lambda: x.sum((0, 2**32)),
        lambda: x.transpose(0, 2**32),
        lambda: x.softmax(2**32 + 1),
        lambda: x.argmax(2**32),
        lambda: x.unsqueeze(-(2**32)),
        lambda: tg.cat([x, x], 2**32),
        lambda: x.select(0, 2**64),
        lambda: x.sum(2),
        lambda: x.sum((0,) * 9),
        lambda: x.sum((0, 0)),
    ):
        with pytest.raises((IndexError, OverflowError)):
            call()
    for call in (lambda: x.sum("0"), lambda: x.sum(0.5), lambda: x.transpose(0.0, 1)):
        with pytest.raises(TypeError):
            call()


def test_errors_carry_the_text_of_the_library():
    with pytest.raises(tg.ShapeError, match=r"matmul.*\[2, 3\].*\[2, 3\]") as caught:
        tg.ones(2, 3) @ tg.ones(2, 3)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, tg.TensorgradError)
    assert caught.value.op == "matmul"
    assert caught.value.status == 2
    with pytest.raises(tg.DTypeError, match="mean"):
        tg.tensor([1, 2]).mean()
    for function in (tg.exp, tg.sum, tg.neg):
        with pytest.raises(
            TypeError, match=f"{function.__name__}: input must be a Tensor, got float"
        ):
            function(1.0)
    with pytest.raises(TypeError, match="maximum: other must be a Tensor, got int"):
        tg.ones(1).maximum(1)
