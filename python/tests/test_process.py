"""Threads, forks, the end of the interpreter, the order of imports."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading

import pytest

import tensorgrad as tg


def train(steps: int, seed: int) -> float:
    """A small fit; its result depends on the seed only."""
    g = tg.Generator(seed)
    x = tg.rand(8, 3, generator=g)
    w = tg.zeros(3, 1, requires_grad=True)
    for _ in range(steps):
        loss = (x @ w - 1).square().mean()
        loss.backward()
        with tg.no_grad():
            w -= 0.1 * w.grad
        w.grad = None
    return loss.item()


def in_threads(count, function):
    results, threads = [None] * count, []
    for i in range(count):

        def work(i=i):
            try:
                results[i] = function(i)
            except BaseException as error:
                results[i] = error

        threads.append(threading.Thread(target=work))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_threads_train_independently():
    found = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        assert in_threads(4, lambda i: train(100, i)) == [train(100, i) for i in range(4)]
    finally:
        sys.setswitchinterval(found)


def test_modes_and_errors_belong_to_threads():
    barrier = threading.Barrier(2)

    def work(i):
        with tg.set_grad_enabled(i == 0):
            barrier.wait()
            try:
                tg.ones(i + 2) + tg.ones(i + 5)
            except tg.ShapeError as error:
                text = str(error)
            barrier.wait()
            return tg.is_grad_enabled(), f"[{i + 2}]" in text

    assert in_threads(2, work) == [(True, True), (False, True)]


def test_threads_share_leaves():
    w = tg.zeros(4, dtype=tg.float64, requires_grad=True)

    def work(i):
        for _ in range(50):
            (w * float(i + 1)).sum().backward()

    assert in_threads(4, work) == [None] * 4
    assert w.grad.tolist() == [50.0 * 10] * 4


def test_release_on_another_thread():
    np = pytest.importorskip("numpy")
    arrays = [np.arange(10.0) for _ in range(50)]
    references = [sys.getrefcount(a) for a in arrays]
    tensors = [tg.from_numpy(a) for a in arrays]

    def work(i):
        while True:
            try:
                tensors.pop()
            except IndexError:
                return

    assert in_threads(4, work) == [None] * 4
    gc.collect()
    assert [sys.getrefcount(a) for a in arrays] == references


ENDS = {
    "globals": "x = tg.ones(3, requires_grad=True); y = (x * 2).sum(); y.backward(); g = x.grad",
    "a graph in a cycle": "class A: pass\na = A(); a.a = a\n"
    "a.x = tg.ones(2, requires_grad=True) * 2",
    "an array held": "import numpy as np; a = np.ones(3); x = tg.from_numpy(a); b = x[1:].numpy()",
    "an optimizer": "w = tg.ones(2, requires_grad=True); o = tg.optim.Adam([w])\n"
    "g = tg.Generator(1)",
    "grad mode off": "m = tg.no_grad(); m.__enter__(); x = tg.ones(1)",
    "a module's global": "import builtins; builtins.keep = tg.ones(3); import numpy as np;"
    "builtins.keep2 = tg.from_numpy(np.ones(2))",
    "a daemon thread at work": "import threading, time\nx = tg.ones(100, 100)\ndef f():\n"
    " while True: (x @ x).sum().item()\n"
    "for i in range(2): threading.Thread(target=f, daemon=True).start()\ntime.sleep(0.2)",
    "sys.exit in a function": "import sys\ndef f():\n x = tg.ones(3)\n sys.exit(0)\nf()",
    "atexit": "import atexit; x = tg.ones(2); atexit.register(lambda: (x + 1).tolist())",
    "__del__ that computes": "class A:\n def __del__(self): (self.x + 1.0).tolist()\na = A(); "
    "a.x = tg.ones(2)",
}


@pytest.mark.parametrize("name", ENDS)
def test_interpreter_ends_quietly(name, run):
    if "numpy" in ENDS[name]:
        pytest.importorskip("numpy")
    for _ in range(3):
        done = run("import tensorgrad as tg\n" + ENDS[name])
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("first", ["tensorgrad", "numpy", "torch"])
def test_order_of_imports(first, run):
    names = ["tensorgrad", "numpy", "torch"]
    for name in names[1:]:
        pytest.importorskip(name)
    names.remove(first)
    code = f"import {first}, {', '.join(names)}\n" + (
        "x = tensorgrad.ones(64, 64); y = torch.ones(64, 64)\n"
        "z = numpy.ones((64, 64))\n"
        "assert (x @ x).tolist() == (y @ y).tolist() == (z @ z).tolist()"
    )
    done = run(code)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_fork_after_use(run):
    code = """
import os, tensorgrad as tg
x = tg.ones(200, 200, requires_grad=True)
(x @ x).sum().backward()
pid = os.fork()
if pid == 0:
    x.grad = None
    (x @ x).sum().backward()
    os._exit(0 if x.grad[0, 0].item() == 400.0 else 1)
assert os.waitpid(pid, 0)[1] == 0
assert (x @ x)[0, 0].item() == 200.0
"""
    done = run(code)
    assert (done.returncode, done.stderr) == (0, "")


def test_many_steps_take_no_more_memory(run):
    code = """
import resource, tensorgrad as tg
w = tg.ones(10, requires_grad=True)
def steps(n):
    for _ in range(n):
        ((w * 2.0 - 1.0) ** 2).sum().backward()
        w.grad = None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
first = steps(2000)
print(steps(20000) - first)
"""
    done = run(code)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 1024  # KiB


def test_a_signal_handler_runs_during_training(run):
    code = """
import os, signal, tensorgrad as tg
seen = []
signal.signal(signal.SIGALRM, lambda *a: seen.append(1))
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
x = tg.ones(20, requires_grad=True)
while len(seen) < 20:
    (x * 2.0).sum().backward()
signal.setitimer(signal.ITIMER_REAL, 0)
print('done')
"""
    assert hasattr(signal, "setitimer")
    done = run(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
