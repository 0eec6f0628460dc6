"""Making tensors, asking about them, reading them."""

from __future__ import annotations

import copy
import math
import pickle
import weakref

import pytest

import tensorgrad as tg

DTYPES = (tg.float32, tg.float64, tg.int64, tg.int32, tg.uint8, tg.bool)


@pytest.mark.parametrize(
    ("data", "dtype", "shape"),
    [
        (1.5, tg.float32, ()),
        (3, tg.int64, ()),
        (True, tg.bool, ()),
        ([], tg.float32, (0,)),
        ([[], []], tg.float32, (2, 0)),
        ([1, 2, 3], tg.int64, (3,)),
        ([1, 2.5], tg.float32, (2,)),
        ([True, False], tg.bool, (2,)),
        ([True, 2], tg.int64, (2,)),
        ([[1.0, 2.0], (3.0, 4.0)], tg.float32, (2, 2)),
        ([range(3), range(3, 6)], tg.int64, (2, 3)),
        ([[[[[[[[1]]]]]]]], tg.int64, (1,) * 8),
        (2**53 + 1, tg.int64, ()),
        (-(2**63), tg.int64, ()),
    ],
)
def test_tensor_of_numbers(data, dtype, shape):
    x = tg.tensor(data)
    assert x.dtype is dtype
    assert x.shape == shape
    assert x.numel() == math.prod(shape)
    plain = [list(r) for r in data] if shape == (2, 2) or shape == (2, 3) else data
    assert x.tolist() == plain


@pytest.mark.parametrize("dtype", DTYPES)
def test_tensor_of_a_given_dtype(dtype):
    x = tg.tensor([0, 1.0, True], dtype=dtype)
    assert x.dtype is dtype
    assert x.tolist() == [0, 1, 1]
    assert type(x[1].item()) is {"f": float, "b": bool}.get(dtype.typestr[1], int)


@pytest.mark.parametrize(
    ("data", "error", "text"),
    [
        ([[1, 2], [3]], ValueError, "ragged"),
        ([1, [2]], ValueError, "ragged"),
        ([[1], 2], ValueError, "ragged"),
        ("12", TypeError, "got str"),
        ([1, "2"], TypeError, "got str"),
        ([None], TypeError, "got NoneType"),
        ({1: 2}, TypeError, "got dict"),
        (1j, TypeError, "got complex"),
        (2**63, OverflowError, "does not fit int64"),
        ([[[[[[[[[1]]]]]]]]], ValueError, "deeper than 8"),
    ],
)
def test_tensor_refuses(data, error, text):
    with pytest.raises(error, match=text):
        tg.tensor(data)


def test_tensor_refuses_what_a_dtype_cannot_hold():
    with pytest.raises(OverflowError, match="does not fit int32"):
        tg.tensor([2**31], dtype=tg.int32)
    with pytest.raises(OverflowError, match="does not fit uint8"):
        tg.tensor([-1], dtype=tg.uint8)
    with pytest.raises(TypeError, match="dtype must be one of tensorgrad's"):
        tg.tensor(1, dtype="float32")
    with pytest.raises(TypeError, match="requires_grad"):
        tg.tensor([1, 2], requires_grad=True)


def test_tensor_of_tensors():
    x = tg.tensor([1.5, 2.5], requires_grad=True)
    y = tg.tensor(x)
    assert y.tolist() == [1.5, 2.5]
    assert not y.requires_grad
    assert y.data_ptr() != x.data_ptr()
    assert tg.tensor(x, dtype=tg.int64).tolist() == [1, 2]
    assert tg.tensor([x[0], x[1]]).tolist() == [1.5, 2.5]
    assert tg.tensor([tg.tensor(3)]).dtype is tg.int64
    with pytest.raises(ValueError, match="use stack"):
        tg.tensor([x, x])


def test_the_class_makes_no_tensors():
    with pytest.raises(TypeError, match=r"tensorgrad\.tensor\(data\)"):
        tg.Tensor(5)


def test_creation():
    assert tg.zeros(2, 3).tolist() == [[0.0] * 3] * 2
    assert tg.zeros((2, 3), dtype=tg.int32).dtype is tg.int32
    assert tg.ones([2]).tolist() == [1.0, 1.0]
    assert tg.ones(()).shape == tg.ones(*()).shape == ()
    assert tg.empty(3, 0).shape == (3, 0)
    assert tg.full((2,), 7).tolist() == [7, 7]
    assert tg.full((2,), 7).dtype is tg.int64
    assert tg.full((2,), 0.5).dtype is tg.float32
    assert tg.full((), True).dtype is tg.bool
    assert tg.full((2, 2), 2**62 + 1).tolist() == [[2**62 + 1] * 2] * 2
    assert tg.full(2, 1.5).tolist() == [1.5, 1.5]
    assert tg.arange(4).tolist() == [0, 1, 2, 3]
    assert tg.arange(4).dtype is tg.int64
    assert tg.arange(1, 2, 0.25).tolist() == [1.0, 1.25, 1.5, 1.75]
    assert tg.arange(0, 1, 0.3).numel() == 4
    assert tg.arange(3, 0, -1, dtype=tg.float64).tolist() == [3.0, 2.0, 1.0]
    assert tg.linspace(0, 1, 5).tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert tg.eye(2).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert tg.eye(1, 2, dtype=tg.int64).tolist() == [[1, 0]]
    x = tg.zeros(2, dtype=tg.float64)
    assert tg.ones_like(x).dtype is tg.float64
    assert tg.zeros_like(x, dtype=tg.int32).tolist() == [0, 0]
    assert tg.full_like(x, 3).tolist() == [3.0, 3.0]
    assert tg.empty_like(x, requires_grad=True).requires_grad
    assert tg.ones(2, requires_grad=True).is_leaf


def test_creation_refuses():
    with pytest.raises(ValueError, match="-1"):
        tg.zeros(-1)
    with pytest.raises(ValueError, match="at most 8"):
        tg.zeros((1,) * 9)
    with pytest.raises(OverflowError, match="64 bits"):
        tg.zeros(2**63)
    with pytest.raises(tg.ShapeError):
        tg.zeros(2**40, 2**40)
    with pytest.raises(TypeError, match="size must be an integer, got float"):
        tg.zeros(2.0)
    with pytest.raises(ValueError, match="step"):
        tg.arange(0, 1, 0)
    with pytest.raises(TypeError, match="must be a Tensor, got list"):
        tg.zeros_like([1])


def test_properties():
    x = tg.zeros(2, 3, dtype=tg.float64)
    assert (x.ndim, x.dim(), x.shape, x.size(), x.size(-1)) == (2, 2, (2, 3), (2, 3), 3)
    assert (x.stride(), x.stride(0), x.t().stride()) == ((3, 1), 3, (1, 3))
    assert (x.element_size(), x.numel(), len(x)) == (8, 6, 2)
    assert x.is_contiguous()
    assert not x.t().is_contiguous()
    assert x.is_floating_point()
    assert not x.requires_grad
    assert x.is_leaf
    assert x.grad_fn is None
    assert x.grad is None
    assert x.data_ptr() == x.t().data_ptr() != 0
    assert x._version == 0
    x.add_(1.0)
    assert x._version == x.t()._version == 1
    assert tg.is_tensor(x)
    assert not tg.is_tensor([1])
    for call in (x.size, x.stride):
        with pytest.raises(IndexError, match="dim 2"):
            call(2)


def test_item():
    assert tg.tensor([[2.5]]).item() == 2.5
    assert math.isnan(tg.tensor(math.nan).item())
    assert tg.tensor(2**62 + 1).item() == 2**62 + 1
    assert tg.tensor(True).item() is True
    with pytest.raises(tg.ShapeError, match="item"):
        tg.zeros(2).item()
    x = tg.tensor(2.75)
    assert (float(x), int(x), bool(x)) == (2.75, 2, True)
    assert not tg.tensor(0)
    assert [10, 20, 30][tg.tensor(1)] == 20
    with pytest.raises(TypeError, match="can be an index"):
        [1, 2][x]
    with pytest.raises(ValueError, match=r"\[2\] has no single truth value"):
        bool(tg.zeros(2))


@pytest.mark.parametrize("shape", [(0,), (2, 0), (0, 2), (2, 0, 3)])
def test_tolist_without_elements(shape):
    numpy = pytest.importorskip("numpy")
    assert tg.zeros(shape).tolist() == numpy.zeros(shape).tolist()


def test_tolist_of_views():
    x = tg.arange(6).reshape(2, 3)
    assert x.t().tolist() == [[0, 3], [1, 4], [2, 5]]
    assert x[:, 1].tolist() == [1, 4]
    assert tg.tensor([1.5]).expand(2, 2).tolist() == [[1.5, 1.5], [1.5, 1.5]]


def test_sequence():
    x = tg.arange(4).reshape(2, 2)
    assert [row.tolist() for row in x] == [[0, 1], [2, 3]]
    _a, b = x
    assert b.tolist() == [2, 3]
    assert 3 in x
    assert 5 not in x
    for call in (len, iter):
        with pytest.raises(TypeError, match="0-d"):
            call(tg.tensor(1.0))


def test_text():
    x = tg.tensor([1.5, -2.0])
    assert "1.5" in repr(x)
    assert "f32" in repr(x)
    assert str(x) == repr(x) == f"{x}"
    assert f"{tg.tensor(3.14159):.2f}" == "3.14"
    assert f"{tg.tensor(7):03d}" == "007"
    assert len(repr(tg.arange(100000))) < 1000
    long = repr(tg.arange(900.0))
    assert long.count(".") == 900
    assert repr(tg.float32) == "tensorgrad.float32"


def test_copies():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    other = copy.copy(x)
    assert other is not x
    assert other.data_ptr() == x.data_ptr()
    deep = copy.deepcopy({"a": x, "b": x})
    assert deep["a"] is deep["b"]
    assert deep["a"].requires_grad
    assert deep["a"].data_ptr() != x.data_ptr()
    assert deep["a"].tolist() == [1.0, 2.0]
    with pytest.raises(RuntimeError, match="only leaves"):
        copy.deepcopy(x * 2.0)
    with pytest.raises(TypeError, match="numpy.save"):
        pickle.dumps(x)


def test_dtypes():
    for dtype in DTYPES:
        assert pickle.loads(pickle.dumps(dtype)) is copy.deepcopy(dtype) is dtype
        assert dtype.itemsize == tg.zeros(1, dtype=dtype).element_size()
    assert (tg.double, tg.long) == (tg.float64, tg.int64)
    assert tg.promote_types(tg.int64, tg.float32) is tg.float32
    assert tg.promote_types(tg.uint8, tg.int32) is tg.int32


def test_conversion():
    x = tg.tensor([2.7, -2.7, 0.0])
    assert x.to(tg.int64).tolist() == x.long().tolist() == [2, -2, 0]
    assert x.int().dtype is tg.int32
    assert x.double().float().dtype is tg.float32
    assert x.bool().tolist() == [True, True, False]
    assert tg.tensor([300]).byte().tolist() == [44]


def test_object_lifetime():
    x = tg.zeros(3)
    view = x[1:]
    gone = weakref.ref(x)
    before = tg.live_tensors()
    del x
    assert gone() is None
    assert tg.live_tensors() <= before
    assert view.tolist() == [0.0, 0.0]


def test_released_in_any_order():
    w = tg.ones(3, requires_grad=True)
    y = (w * 2.0).exp()
    loss = y.sum()
    del w, y
    loss.backward()
    del loss


def test_info():
    assert tg.__version__ in tg.build_info()
    found = tg.get_num_threads()
    tg.set_num_threads(2)
    assert tg.get_num_threads() == 2
    tg.set_num_threads(found)
    for bad in (0, 1025, 2**32 + 1):
        with pytest.raises((ValueError, IndexError)):
            tg.set_num_threads(bad)
    before = tg.live_tensors()
    x = tg.zeros(1)
    assert tg.live_tensors() == before + 1
    del x
