"""NumPy arrays and tensors on the same memory, both ways, and who keeps whom alive."""

from __future__ import annotations

import gc
import sys
import weakref

import pytest

import tensorgrad as tg
from tensorgrad import _capi, _interop

np = pytest.importorskip("numpy")

TYPES = {
    np.float32: tg.float32,
    np.float64: tg.float64,
    np.int64: tg.int64,
    np.int32: tg.int32,
    np.uint8: tg.uint8,
    np.bool_: tg.bool,
}


class Watched(np.ndarray):
    """An array that can be watched by weak references."""


def watched(values):
    array = np.array(values, dtype=np.float64).view(Watched)
    return array, weakref.ref(array)


@pytest.mark.parametrize("kind", TYPES)
def test_from_numpy_shares_memory(kind):
    a = np.arange(6).reshape(2, 3).astype(kind)
    x = tg.from_numpy(a)
    assert x.dtype is TYPES[kind]
    assert x.shape == (2, 3)
    assert x.data_ptr() == a.ctypes.data
    a[0, 0] = 1
    assert x[0, 0].item() == 1
    x[1, 2] = 0
    assert a[1, 2] == 0
    del x


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a.T,
        lambda a: a[:, 1:, ::2],
        lambda a: a[1],
        lambda a: a[..., 0],
        lambda a: a[:0],
        lambda a: a[0, 0, 0:1][None],
        lambda a: a[0, 0, 0, ...],
        lambda a: np.lib.stride_tricks.as_strided(a, (3, 3), (8, 8)),
    ],
)
def test_from_numpy_of_views(view):
    a = np.arange(24.0).reshape(2, 3, 4)
    v = view(a)
    x = tg.from_numpy(v)
    assert x.shape == v.shape
    if v.size:
        assert x.data_ptr() == v.ctypes.data
    np.testing.assert_array_equal(x.numpy(), v)
    assert (x * 2).tolist() == (v * 2).tolist()


def test_array_lives_as_long_as_tensors_on_it():
    a, gone = watched([1.0, 2.0, 3.0])
    references = sys.getrefcount(a)
    x = tg.from_numpy(a)
    assert sys.getrefcount(a) == references + 1
    del x
    assert sys.getrefcount(a) == references
    x = tg.from_numpy(a)
    y = x[1:]
    twice = tg.from_numpy(a)
    del a, x
    gc.collect()
    assert gone() is not None
    assert y.tolist() == [2.0, 3.0]
    del y
    assert gone() is not None
    del twice
    assert gone() is None


def test_array_lives_as_long_as_a_graph_that_saved_it():
    a, gone = watched([1.0, 2.0])
    w = tg.ones(2, dtype=tg.float64, requires_grad=True)
    loss = (w * tg.from_numpy(a)).sum()
    del a
    gc.collect()
    assert gone() is not None
    loss.backward()
    del loss
    assert gone() is None
    assert w.grad.tolist() == [1.0, 2.0]


def test_failure_lets_the_array_go():
    raw = np.zeros(17, dtype=np.uint8)
    a = raw[1:17].view(np.float64)
    assert a.ctypes.data % 8
    references, held = sys.getrefcount(a), len(_interop._held)
    with pytest.raises(tg.ArgumentError, match="align"):
        tg.from_numpy(a)
    assert (sys.getrefcount(a), len(_interop._held)) == (references, held)
    assert tg.tensor(a.copy()).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: np.arange(3.0)[::-1], ValueError, "forward steps"),
        (lambda: np.zeros(3, dtype=">f4"), TypeError, "byte order"),
        (lambda: np.zeros(3, dtype=np.complex64), TypeError, "no tensor has the array's dtype"),
        (lambda: np.zeros(3, dtype=np.complex64), TypeError, "float32, float64, int64"),
        (lambda: np.array(["a"]), TypeError, "no tensor has"),
        (lambda: np.array([None]), TypeError, "no tensor has"),
        (lambda: np.zeros((1,) * 9), ValueError, "at most 8"),
        (lambda: np.zeros(3, dtype=[("a", "f4"), ("b", "i4")])["b"], ValueError, None),
        (lambda: [1.0], TypeError, "expected a NumPy array, got list"),
        (lambda: tg.ones(1), TypeError, "got Tensor"),
        (lambda: np.broadcast_to(np.zeros(1), (3,)), ValueError, "read-only"),
    ],
)
def test_from_numpy_refuses(make, error, text):
    array = make()
    if text is None:  # a field of 8-byte records holds whole 4-byte steps
        assert tg.from_numpy(array).stride() == (2,)
        return
    with pytest.raises(error, match=text):
        tg.from_numpy(array)


def test_read_only_arrays_are_copied_by_tensor():
    a = np.arange(3.0)
    a.flags.writeable = False
    with pytest.raises(ValueError, match=r"read-only.*tensorgrad\.tensor\(array\)"):
        tg.from_numpy(a)
    x = tg.tensor(a)
    x += 1
    assert a.tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    "make",
    [
        lambda a: a,
        lambda a: a[::-1],
        lambda a: a.T,
        lambda a: a[:, ::2],
        lambda a: a.astype(">f8"),
        lambda a: a.astype(">i4"),
        lambda a: np.broadcast_to(a, (2, *a.shape)),
        lambda a: a[:0],
        lambda a: a[1, 1],
    ],
)
def test_tensor_copies_any_array(make):
    array = make(np.arange(12.0).reshape(3, 4))
    x = tg.tensor(array)
    assert x.shape == np.shape(array)
    assert x.tolist() == array.tolist()
    assert len(_interop._held) == 0
    assert tg.tensor(array, dtype=tg.int64).dtype is tg.int64


@pytest.mark.parametrize("kind", TYPES)
def test_numpy_shares_memory(kind):
    x = tg.zeros(2, 3, dtype=TYPES[kind])
    a = x.numpy()
    assert a.dtype == kind
    assert a.ctypes.data == x.data_ptr()
    a[1, 1] = 1
    assert x[1, 1].item() == 1
    x[0, 0] = 1
    assert a[0, 0] == 1
    b = np.asarray(x)
    assert b.ctypes.data == x.data_ptr()
    c = np.array(x)
    assert c.ctypes.data != x.data_ptr()


def test_numpy_of_views():
    x = tg.arange(24.0).reshape(2, 3, 4)
    for v in (x.t() if x.ndim == 2 else x.T, x[:, 1:, ::2], x[1, 1, 1], x[:, :0]):
        a = v.numpy()
        assert a.shape == v.shape
        assert a.tolist() == v.tolist()
    e = x[:1].expand(5, 3, 4).numpy()
    assert not e.flags.writeable
    assert e.strides[0] == 0


def test_tensor_lives_as_long_as_arrays_on_it():
    before = _capi.tg_live_storages()
    x = tg.ones(1000)
    a = x.numpy()
    view = a[10:20]
    del x, a
    gc.collect()
    assert _capi.tg_live_storages() == before + 1
    assert view.tolist() == [1.0] * 10
    view[0] = 5
    del view
    assert _capi.tg_live_storages() == before


def test_there_and_back():
    a, gone = watched(range(4))
    references = sys.getrefcount(a)
    b = tg.from_numpy(a).numpy()
    assert b.ctypes.data == a.ctypes.data
    assert sys.getrefcount(a) == references + 1
    del a
    gc.collect()
    b[0] = 9
    assert gone()[0] == 9
    del b
    gc.collect()
    assert gone() is None


def test_gradients_do_not_fit_arrays():
    w = tg.ones(2, requires_grad=True)
    for call in (w.numpy, lambda: np.asarray(w), lambda: np.array(w), (w * 2.0).numpy):
        with pytest.raises(tg.StateError, match=r"use x\.detach\(\)\.numpy\(\)"):
            call()
    assert w.detach().numpy().tolist() == [1.0, 1.0]
    w.sum().backward()
    assert w.grad.numpy().tolist() == [1.0, 1.0]


def test_asarray_with_a_dtype():
    x = tg.tensor([1.5, 2.5])
    assert np.asarray(x, dtype=np.float64).dtype == np.float64
    assert np.asarray(x, dtype=np.int32).tolist() == [1, 2]
    assert x.__array__().ctypes.data == x.data_ptr()
    assert x.__array__(np.dtype("f8")).dtype == np.float64
    assert x.__array__(copy=True).ctypes.data != x.data_ptr()
    with pytest.raises(ValueError, match="without a copy"):
        x.__array__(np.dtype("f8"), copy=False)


def test_numpy_functions_on_tensors():
    x = tg.tensor([1.0, 2.0])
    assert np.stack([x, x]).shape == (2, 2)
    assert np.sum(np.asarray(x)) == 3
    with pytest.raises(TypeError):
        np.sin(x)


def test_training_on_wrapped_arrays_leaves_nothing():
    rng = np.random.default_rng(0)
    data, target = rng.normal(size=(32, 3)), rng.normal(size=(32, 1))
    references = sys.getrefcount(data)
    w = tg.zeros(3, 1, dtype=tg.float64, requires_grad=True)
    for _ in range(5):
        loss = tg.mse_loss(tg.from_numpy(data) @ w, tg.from_numpy(target))
        loss.backward()
        with tg.no_grad():
            w -= 0.1 * w.grad
        w.grad = None
    del loss
    assert sys.getrefcount(data) == references


def test_numpy_is_imported_only_when_needed(run):
    code = (
        "import sys, tensorgrad as tg; x = tg.ones(2) + 1; x.tolist(); repr(x);"
        "assert 'numpy' not in sys.modules; x.numpy(); assert 'numpy' in sys.modules"
    )
    done = run(code)
    assert done.returncode == 0, done.stderr


def test_without_numpy(run):
    code = (
        "import sys; sys.modules['numpy'] = None\n"
        "import tensorgrad as tg\n"
        "x = tg.tensor([[1.0, 2.0]], requires_grad=True)\n"
        "(x @ x.t()).sum().backward()\n"
        "assert x.grad.tolist() == [[2.0, 4.0]]\n"
        "try: x.detach().numpy()\n"
        "except ImportError: print('no numpy')\n"
    )
    done = run(code)
    assert (done.returncode, done.stdout) == (0, "no numpy\n"), done.stderr


def test_other_objects_with_an_array_interface():
    memory = bytearray(16)
    address = np.frombuffer(memory, dtype=np.uint8).ctypes.data

    class Holder:
        __array_interface__ = {
            "version": 3,
            "shape": (2,),
            "typestr": "<f8" if sys.byteorder == "little" else ">f8",
            "data": (address, False),
        }

    holder = Holder()
    gone = weakref.ref(holder)
    x = tg.from_numpy(holder)
    del holder
    assert gone() is not None
    x += 1
    assert np.frombuffer(memory).tolist() == [1.0, 1.0]
    del x
    assert gone() is None


def test_pytorch_through_numpy():
    torch = pytest.importorskip("torch")
    t = torch.arange(3.0)
    x = tg.from_numpy(t.numpy())
    x += 1
    assert t.tolist() == [1.0, 2.0, 3.0]
    back = torch.from_numpy(x.numpy())
    back += 1
    assert x.tolist() == [2.0, 3.0, 4.0]
