"""Functions of one's own: gradients, contexts, what goes wrong, what is left behind."""

from __future__ import annotations

import gc
import math
import threading
import traceback

import pytest

import tensorgrad as tg
from tensorgrad.autograd import Function, grad, once_differentiable


class Cube(Function):
    @staticmethod
    def forward(ctx, x):
        assert not tg.is_grad_enabled()
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3.0 * x * x


def leaf(*values):
    return tg.tensor(values, dtype=tg.float64, requires_grad=True)


def test_a_function_and_its_gradients_of_every_order():
    x = leaf(1.0, -2.0)
    y = Cube.apply(x * 2.0)
    assert y.grad_fn == "Cube"
    assert y.tolist() == [8.0, -64.0]
    (first,) = grad(y.sum(), x, create_graph=True)
    (second,) = grad(first.sum(), x, create_graph=True)
    (third,) = grad(second.sum(), x)
    assert first.tolist() == [24.0, 96.0]
    assert second.tolist() == [48.0, -96.0]
    assert third.tolist() == [48.0, 48.0]


def test_nothing_is_recorded_without_need():
    assert not Cube.apply(tg.tensor([2.0])).requires_grad
    with tg.no_grad():
        assert not Cube.apply(leaf(2.0)).requires_grad


def test_arguments_of_all_kinds_and_several_outputs():
    seen = []

    class Scale(Function):
        @staticmethod
        def forward(ctx, x, factor, y, *, _unused=None):
            ctx.factor = factor
            ctx.save_for_backward(x, None, y)
            seen.append(ctx.needs_input_grad)
            return x * factor, "text", x * y

        @staticmethod
        def backward(ctx, g, text, h):
            assert text is None
            x, none, y = ctx.saved_tensors
            assert none is None
            seen.append(ctx.needs_input_grad)
            return g * ctx.factor + h * y, None, h * x

    x, y = leaf(1.0, 2.0), tg.tensor([3.0, 4.0], dtype=tg.float64)
    a, text, b = Scale.apply(x, 10.0, y)
    assert text == "text"
    (a.sum() + b.sum()).backward()
    assert x.grad.tolist() == [13.0, 14.0]
    assert seen == [(True, False, False)] * 2
    a, _, _ = Scale.apply(x, 10.0, y.requires_grad_())
    assert seen[-1] == (True, False, True)
    gx, gy = grad(a.sum(), (x, y))  # no gradient of the other output: zeros
    assert (gx.tolist(), gy.tolist()) == ([10.0, 10.0], [0.0, 0.0])


def test_gradients_that_are_not_materialized():
    class Two(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            return x + 1.0, x + 2.0

        @staticmethod
        def backward(ctx, g, h):
            assert g is None
            return h

    x = leaf(1.0)
    Two.apply(x)[1].backward()
    assert x.grad.tolist() == [1.0]


def test_setup_context():
    class Square(Function):
        @staticmethod
        def forward(x, times):
            return x * x * float(times)

        @staticmethod
        def setup_context(ctx, inputs, output):
            x, ctx.times = inputs
            ctx.save_for_backward(x, output)

        @staticmethod
        def backward(ctx, g):
            x, y = ctx.saved_tensors
            assert y.tolist() == [27.0]
            return g * x * 2.0 * float(ctx.times), None

    x = leaf(3.0)
    Square.apply(x, 3).backward()
    assert x.grad.tolist() == [18.0]


def test_marks():
    class Marked(Function):
        @staticmethod
        def forward(ctx, x):
            y, index = x * 2.0, x * 3.0
            ctx.mark_non_differentiable(index)
            return y, index

        @staticmethod
        def backward(ctx, g, h):
            assert h.tolist() == [0.0]
            return g * 2.0

    x = leaf(1.0)
    y, index = Marked.apply(x)
    assert y.requires_grad and not index.requires_grad
    y.backward()
    assert x.grad.tolist() == [2.0]


class Double_(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        x *= 2.0
        return x

    @staticmethod
    def backward(ctx, g):
        return g * 2.0


def test_in_place():
    w = leaf(1.0, 2.0)
    x = w * 3.0
    y = Double_.apply(x)
    assert y is x
    assert x.grad_fn == "Double_"
    y.sum().backward()
    assert w.grad.tolist() == [6.0, 6.0]
    with pytest.raises(tg.StateError, match="in place on a leaf"):
        Double_.apply(w)
    assert w.tolist() == [1.0, 2.0]


def test_a_returned_input_is_another_tensor():
    class Same(Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 5.0

    x = leaf(1.0)
    y = Same.apply(x)
    assert y is not x and x.is_leaf and not y.is_leaf
    y.backward()
    assert x.grad.tolist() == [5.0]


# ---- What goes wrong


class Mine(Exception):
    pass


def raising(where, make):
    """A function whose forward or backward raises what make() gives."""

    class Raising(Function):
        @staticmethod
        def forward(ctx, x):
            if where == "forward":
                raise make()
            return x * 2.0

        @staticmethod
        def backward(ctx, g):
            raise make()

    return Raising


@pytest.mark.parametrize("kind", [Mine, KeyboardInterrupt, tg.ShapeError])
def test_exceptions_come_back_out(kind):
    x = leaf(1.0)
    made = []

    def make():
        made.append(kind("a text"))
        return made[-1]

    with pytest.raises(kind) as caught:
        raising("forward", make).apply(x)
    assert caught.value is made.pop()
    assert any(f.name == "forward" for f in traceback.extract_tb(caught.value.__traceback__))
    y = raising("backward", make).apply(x)
    for run in (y.backward, lambda: grad(raising("backward", make).apply(x), x)):
        with pytest.raises(kind) as caught:
            run()
        assert caught.value is made.pop()
    assert x.grad is None
    with pytest.raises(tg.ShapeError, match="matmul"):  # nothing of it is left
        tg.matmul(tg.ones(2, 3), tg.ones(2, 3))


def test_errors_of_the_library_come_back_out_too():
    class Wrong(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2.0

        @staticmethod
        def backward(ctx, g):
            return tg.matmul(g, tg.ones(7, 7))

    with pytest.raises(tg.TensorgradError, match="matmul"):
        Wrong.apply(leaf(1.0)).backward()


def test_an_exception_through_two_functions():
    class Outer(Function):
        @staticmethod
        def forward(ctx, x):
            with tg.enable_grad():
                y = raising("backward", lambda: Mine("caught")).apply(x.detach().requires_grad_())
                with pytest.raises(Mine, match="caught"):
                    y.backward()
            return raising("forward", lambda: Mine("inner")).apply(x)

        @staticmethod
        def backward(ctx, g):
            return g

    with pytest.raises(Mine, match="inner"):
        Outer.apply(leaf(1.0))


@pytest.mark.parametrize(
    ("gradients", "kind", "text"),
    [
        (lambda g: (g, g), ValueError, "backward gave 2 gradients for 1 arguments"),
        (lambda g: (), ValueError, "backward gave 0 gradients"),
        (lambda g: tg.ones(3, dtype=tg.float64), ValueError, r"gradient 0 is f64 \[3\]"),
        (lambda g: g.float(), TypeError, r"gradient 0 is f32 \[1\], its input is f64 \[1\]"),
        (lambda g: 1.0, TypeError, "gradient 0 must be a Tensor or None, got float"),
    ],
)
def test_wrong_gradients(gradients, kind, text):
    class Foo(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2.0

        @staticmethod
        def backward(ctx, g):
            return gradients(g)

    x = leaf(1.0)
    with pytest.raises(kind, match="function 'Foo': " + text):
        Foo.apply(x).backward()
    assert x.grad is None


def test_no_gradient_and_gradients_too_many():
    class Foo(Function):
        @staticmethod
        def forward(ctx, x, n):
            return x * 2.0

        @staticmethod
        def backward(ctx, g):
            return None, None, None

    x = leaf(1.0)
    Foo.apply(x, 1).backward()
    assert x.grad is None


def test_missing_methods():
    class Half(Function):
        @staticmethod
        def forward(ctx, x):
            return x

    with pytest.raises(TypeError, match="Half has no backward"):
        Half.apply(leaf(1.0))
    with pytest.raises(TypeError, match="Function has no forward"):
        Function.apply(leaf(1.0))


def test_wrong_forwards():
    class Nothing(Function):
        @staticmethod
        def forward(ctx, x, what):
            if what == "save":
                ctx.save_for_backward(1.0)
            if what == "mark":
                ctx.mark_non_differentiable(x * 2.0)
            if what == "dirty":
                ctx.mark_dirty(x * 2.0)
            if what == "saved":
                ctx.saved_tensors
            return None if what is None else x * 1.0

        @staticmethod
        def backward(ctx, g):
            return g, None

    for what, text in [
        (None, "must give a tensor"),
        ("save", "tensors or None, got float"),
        ("mark", "not one of the outputs"),
        ("dirty", "not one of the arguments"),
        ("saved", "only while backward runs"),
    ]:
        with pytest.raises((TypeError, ValueError, RuntimeError), match=text):
            Nothing.apply(leaf(1.0), what)


def test_changed_saved_tensors_and_second_walks():
    x = leaf(1.0) * 2.0
    y = Cube.apply(x)
    with tg.no_grad():
        x.add_(1.0)
    with pytest.raises(tg.StateError, match="function 'Cube': saved tensor 0 .* by add"):
        y.backward()
    y = Cube.apply(leaf(1.0))
    y.backward(retain_graph=True)
    y.backward()
    with pytest.raises(tg.StateError, match="walked before"):
        y.backward()


def test_once_differentiable():
    class Numeric(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return tg.tensor([math.sin(v) for v in x.tolist()], dtype=x.dtype)

        @staticmethod
        @once_differentiable
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * tg.tensor([math.cos(v) for v in x.tolist()], dtype=x.dtype)

    x = leaf(0.5)
    Numeric.apply(x).backward()
    assert x.grad.tolist() == [math.cos(0.5)]
    with pytest.raises(tg.UnsupportedError, match="function 'Numeric': has no second derivative"):
        grad(Numeric.apply(x), x, create_graph=True)


# ---- What is left behind


def test_nothing_is_left():
    def run():
        class Local(Cube):
            pass

        x = leaf(1.0, 2.0)
        for _ in range(3):
            y = Local.apply(x)
            (g,) = grad(y.sum(), x, create_graph=True)
            g.sum().backward()
        with pytest.raises(Mine):
            raising("backward", Mine).apply(x).sum().backward()
        with pytest.raises(Mine):
            raising("forward", Mine).apply(x)

    from tensorgrad._function import _contexts

    gc.collect()
    before, contexts = tg.live_tensors(), len(_contexts)
    run()
    gc.collect()
    assert tg.live_tensors() == before
    assert len(_contexts) == contexts


def test_threads():
    x = leaf(1.0, 2.0)

    def work():
        for _ in range(50):
            Cube.apply(x).sum().backward()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert x.grad.tolist() == [3.0 * 200, 12.0 * 200]
