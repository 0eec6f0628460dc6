"""Statuses of the library as exceptions, and calls with random arguments."""

from __future__ import annotations

import pytest

import tensorgrad as tg
from tensorgrad import _capi, _errors

BUILTINS = {
    "TG_ERR_ARG": ValueError,
    "TG_ERR_SHAPE": ValueError,
    "TG_ERR_DTYPE": TypeError,
    "TG_ERR_INDEX": IndexError,
    "TG_ERR_STATE": RuntimeError,
    "TG_ERR_MEMORY": MemoryError,
    "TG_ERR_NUMERIC": ArithmeticError,
    "TG_ERR_UNSUPPORTED": NotImplementedError,
    "TG_ERR_FORMAT": ValueError,
    "TG_ERR_IO": OSError,
    "TG_ERR_BUSY": RuntimeError,
    "TG_ERR_INTERRUPTED": RuntimeError,
    "TG_ERR_INTERNAL": RuntimeError,
}


def test_every_status_has_its_class():
    statuses = {name for name in vars(_capi) if name.startswith("TG_ERR_")}
    assert statuses == BUILTINS.keys()
    classes = set()
    for name, builtin in BUILTINS.items():
        error = _errors.make_error(getattr(_capi, name), "op", "op: text")
        assert isinstance(error, tg.TensorgradError)
        assert isinstance(error, RuntimeError)
        assert isinstance(error, builtin)
        assert (error.status, error.op, str(error)) == (getattr(_capi, name), "op", "op: text")
        classes.add(type(error))
        assert getattr(tg, type(error).__name__) is type(error)
    assert len(classes) == len(BUILTINS)


def test_an_error_is_forgotten_once_it_is_raised():
    with pytest.raises(tg.ShapeError):
        tg.ones(2) + tg.ones(3)
    assert _capi.tg_error_status() == _capi.TG_OK
    x = tg.ones(2)
    assert x.grad is None
    assert tg.tensor(float("nan")).item() != 0


def test_errors_of_others_do_not_count():
    """An error that other code of this thread left pending is not raised by our calls."""
    assert not _capi.tg_zeros(_capi.TG_F32, 1, b"\xff" * 8)
    assert _capi.tg_error_status() != _capi.TG_OK
    x = tg.ones(2)
    assert (x + 1).tolist() == [2.0, 2.0]
    assert tg.tensor(float("nan")).item() != 0
    assert x.grad is None
    assert _capi.tg_error_status() == _capi.TG_OK


def test_memory_that_is_not_there():
    with pytest.raises(MemoryError) as caught:
        tg.zeros(2**45)
    assert isinstance(caught.value, tg.OutOfMemory)
    assert tg.ones(2).tolist() == [1.0, 1.0]


def test_random_arguments_never_crash(run):
    """20 000 calls of everything public with arguments of every kind, in a child process."""
    code = r"""
import ctypes, inspect, random, warnings
import tensorgrad as tg, tensorgrad.autograd, tensorgrad.optim, tensorgrad.nn.functional as F
warnings.simplefilter("ignore")
draw = random.Random(11)
def arguments():
    t = [tg.ones(2, 3), tg.zeros(0, 2), tg.tensor(1.5, requires_grad=True), tg.arange(4),
         tg.tensor([True, False]), tg.ones(2, 2, dtype=tg.float64).t(), tg.ones(3).expand(2, 3)]
    return t * 8 + [t[:2], tuple(t), [], (), None, ..., True, 0, 1, -1, 2, 3, 2**45, 2**63, -2**63,
        10**30, 1.5, float("nan"), float("inf"), "a", "", b"b", "sum", tg.float64, tg.int64,
        tg.bool, object(), [1, [2]], [[1, 2], [3, 4]], {"a": 1}, slice(1),
        slice(None, None, -1), (0, 1), range(3), (2, 3), 1j, int, lambda *a: None,
        tg.Generator(1), tg.no_grad()]
skip = {"build_info", "set_num_threads", "read_csv", "library_path", "set_grad_enabled"}
calls = [getattr(m, n) for m in (tg, tg.autograd, F) for n in m.__all__ if n not in skip]
calls = [c for c in calls if callable(c)]
skip = {"__class__", "__del__", "__delattr__", "__getattribute__", "__setattr__", "_h"}
methods = [n for n in dir(tg.Tensor) if n not in skip]
kinds = {}
def count(call):
    # How many arguments to give: mostly as many as it takes.
    try:
        most = len(inspect.signature(call).parameters)
    except (TypeError, ValueError):
        most = 2
    return draw.randrange(min(most, 4) + 1) if draw.random() < 0.9 else draw.randrange(6)
for i in range(20000):
    pool = arguments()
    try:
        if draw.random() < 0.5:
            call = draw.choice(calls)
        else:
            x = draw.choice([p for p in pool if type(p) is tg.Tensor])
            call = getattr(x, draw.choice(methods))
        if callable(call):
            call(*(draw.choice(pool) for _ in range(count(call))))
    except ctypes.ArgumentError as error:
        raise AssertionError("ctypes speaks to the user") from error
    except AttributeError as error:
        assert str(error).startswith("numpy: this tensor requires gradients"), error
    except Exception as error:
        kinds[type(error).__name__] = kinds.get(type(error).__name__, 0) + 1
    if not tg.is_grad_enabled():
        tg.set_grad_enabled(True)
assert "InternalError" not in kinds, kinds
print("done")
"""
    done = run(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
