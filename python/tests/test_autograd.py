"""Gradients, their rules, and the same ones from PyTorch."""

from __future__ import annotations

import asyncio

import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F


def test_the_first_gradient():
    w = tg.tensor(0.5, requires_grad=True, dtype=tg.float64)
    b = tg.tensor(0.1, requires_grad=True, dtype=tg.float64)
    loss = (w * 2 + b - 5) ** 2
    loss.backward()
    assert w.grad.item() == pytest.approx(-15.6, rel=1e-15)
    assert b.grad.item() == pytest.approx(-7.8, rel=1e-15)


def test_gradients_add_up_in_the_live_tensor():
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    (w * 3.0).sum().backward()
    g = w.grad
    (w * w).sum().backward()
    assert g.tolist() == w.grad.tolist() == [5.0, 7.0]
    g.zero_()
    assert w.grad.tolist() == [0.0, 0.0]
    w.grad = None
    assert w.grad is None
    assert g.tolist() == [0.0, 0.0]


def test_setting_the_gradient():
    w = tg.ones(2, requires_grad=True)
    g = tg.tensor([1.0, 2.0])
    w.grad = g
    assert w.grad.data_ptr() == g.data_ptr()
    w.sum().backward()
    assert w.grad.tolist() == [2.0, 3.0]
    del w.grad
    assert w.grad is None
    with pytest.raises(TypeError, match="the gradient must be a Tensor, got float"):
        w.grad = 1.0
    for wrong in (tg.ones(3), tg.ones(2, dtype=tg.float64)):
        with pytest.raises(tg.TensorgradError):
            w.grad = wrong
    assert w.grad is None


def test_leaves_and_results():
    x = tg.ones(2)
    assert x.requires_grad_() is x
    y = x * 2.0
    assert (x.is_leaf, y.is_leaf, y.requires_grad, x.grad_fn) == (True, False, True, None)
    assert "mul" in y.grad_fn
    assert not y.detach().requires_grad
    assert y.detach().data_ptr() == y.data_ptr()
    assert not tg.detach(y).requires_grad
    x.requires_grad = False
    assert not x.requires_grad
    with pytest.raises(TypeError, match="requires_grad"):
        tg.tensor([1]).requires_grad_()
    with pytest.raises(tg.StateError):
        y.requires_grad_(False)


def test_backward_of_several_elements_needs_a_gradient():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(ValueError, match=r"\[2\]"):
        (x * x).backward()
    (x * x).backward(tg.tensor([1.0, 10.0]))
    assert x.grad.tolist() == [2.0, 40.0]
    with pytest.raises(ValueError):
        (x * x).backward(tg.ones(3))
    with pytest.raises(TypeError):
        (x * x).backward(2.0)


def test_backward_twice():
    x = tg.tensor(3.0, requires_grad=True)
    y = x * x
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 12.0
    with pytest.raises(tg.StateError):
        y.backward()
    assert x.grad.item() == 12.0


def test_backward_without_a_graph():
    with pytest.raises(tg.StateError):
        tg.ones(()).backward()


def test_create_graph_is_refused():
    x = tg.tensor(3.0, requires_grad=True)
    with pytest.raises(ValueError, match=r"tensorgrad\.autograd\.grad"):
        (x * x).backward(create_graph=True)


def test_backward_of_several_roots():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    tg.autograd.backward([x.sum(), x * x], [None, tg.tensor([1.0, 1.0])])
    assert x.grad.tolist() == [3.0, 5.0]
    with pytest.raises(ValueError, match="1 grad_tensors for 2 tensors"):
        tg.autograd.backward([x.sum(), x.sum()], [None])


def test_grad():
    x, y = tg.tensor(2.0, requires_grad=True), tg.tensor(3.0, requires_grad=True)
    z = x * x * y
    gx, gy = tg.autograd.grad(z, [x, y])
    assert (gx.item(), gy.item()) == (12.0, 4.0)
    assert x.grad is None
    (g,) = tg.autograd.grad(x * x, x, tg.tensor(5.0))
    assert g.item() == 20.0
    with pytest.raises(TypeError, match=r"grad: inputs\[0\] must be a Tensor"):
        tg.autograd.grad(x * y, [2.0])
    with pytest.raises(tg.StateError):
        tg.autograd.grad(x * x, [y])
    assert tg.autograd.grad(x * x, [y, x], allow_unused=True)[0] is None


def test_gradients_of_gradients():
    x = tg.tensor(2.0, requires_grad=True, dtype=tg.float64)
    y = x**4
    derivatives = []
    for _ in range(4):
        (y,) = tg.autograd.grad(y, x, create_graph=True)
        derivatives.append(y.item())
    assert derivatives == pytest.approx([32.0, 48.0, 48.0, 24.0], rel=1e-14)


def test_no_grad():
    x = tg.ones(2, requires_grad=True)
    with tg.no_grad():
        assert not tg.is_grad_enabled()
        assert not (x * 2.0).requires_grad
        with tg.enable_grad():
            assert (x * 2.0).requires_grad
        assert not tg.is_grad_enabled()
        x += 1.0
    assert x.tolist() == [2.0, 2.0]
    with pytest.raises(ZeroDivisionError), tg.no_grad():
        1 / 0
    assert tg.is_grad_enabled()
    mode = tg.no_grad()
    with mode, mode:
        assert not tg.is_grad_enabled()
    assert tg.is_grad_enabled()


def test_modes_as_decorators():
    @tg.no_grad()
    def off(a, *, b):
        """Doc."""
        return tg.is_grad_enabled(), a, b

    assert off(1, b=2) == (False, 1, 2)
    assert off.__doc__ == "Doc."

    @tg.enable_grad()
    def on(depth):
        return tg.is_grad_enabled() and (depth == 0 or on(depth - 1))

    with tg.no_grad():
        assert on(3)

    def values():
        yield 1

    async def later():
        await asyncio.sleep(0)

    for function in (values, later):
        with pytest.raises(TypeError, match="use a with statement"):
            tg.no_grad()(function)


def test_set_grad_enabled():
    with tg.set_grad_enabled(False):
        assert not tg.is_grad_enabled()
    assert tg.is_grad_enabled()
    tg.set_grad_enabled(False)
    assert not tg.is_grad_enabled()
    tg.set_grad_enabled(True)

    @tg.set_grad_enabled(False)
    def off():
        return tg.is_grad_enabled()

    assert tg.is_grad_enabled()
    assert off() is False


def test_in_place_rules():
    x = tg.ones(2, requires_grad=True)
    with pytest.raises(tg.StateError):
        x += 1.0
    assert x.tolist() == [1.0, 1.0]
    y = x * 2.0
    z = y * y
    y += 1.0
    with pytest.raises(tg.StateError, match="mul"):
        z.sum().backward()
    base = tg.zeros(3)
    base[1] = x.sum()
    (base * base).sum().backward()
    assert x.grad.tolist() == [4.0, 4.0]


def test_losses():
    x, t = tg.tensor([1.0, 2.0]), tg.tensor([3.0, 2.0])
    assert F.mse_loss(x, t).item() == 2.0
    assert tg.mse_loss(x, t, reduction="sum").item() == 4.0
    assert F.l1_loss(x, t, reduction="none").tolist() == [2.0, 0.0]
    with pytest.raises(ValueError, match="'none', 'mean' or 'sum', got 'avg'"):
        F.mse_loss(x, t, reduction="avg")
    with pytest.raises(tg.ShapeError):
        F.mse_loss(x, tg.ones(1))
    assert F.linear(x, tg.ones(3, 2)).tolist() == [3.0] * 3
    assert F.linear(x, tg.ones(3, 2), tg.arange(3.0)).tolist() == [3.0, 4.0, 5.0]
    assert F.relu(-x).tolist() == [0.0, 0.0]
    with pytest.raises(TypeError, match="linear: weight must be a Tensor"):
        F.linear(x, 3)


def pair(torch, shape, low=-1.0, high=1.0, seed=0):
    """The same leaf in both libraries."""
    import numpy as np

    a = np.random.default_rng(seed).uniform(low, high, shape)
    return tg.tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)


PROGRAMS = {
    "the line": lambda lib, x, y: ((x * 0.5 + y - 2) ** 2).mean(),
    "reflected": lambda lib, x, y: (1 - 2 / (3 + x) + 2**y - x**2 - 4 * y).sum(),
    "powers": lambda lib, x, y: ((x + 3) ** y + (x + 2) ** 2.5).sum(),
    "unary": lambda lib, x, y: (
        x.exp() + (x + 2).log() + x.sin() * y.cos() + x.tanh() + y.sigmoid() + (y + 2).sqrt()
    ).sum(),
    "unary 2": lambda lib, x, y: (
        (x + 2).rsqrt() + (x + 2).reciprocal() + x.abs() + x.neg() + x.square() + y.relu() + abs(-y)
    ).sum(),
    "reductions": lambda lib, x, y: (
        x.sum(0).prod() + x.mean((0, 1)) + y.amax(1).sum() + y.logsumexp(0).sum() + x.var()
    ),
    "std": lambda lib, x, y: (
        x.std(1).sum() + x.std(0, correction=0).sum() + y.max() + x.min(0)[0].sum()
    ),
    "softmax": lambda lib, x, y: (x.softmax(1) * y).sum() + (y.log_softmax(0) * x).sum(),
    "products": lambda lib, x, y: (x @ y.t()).sum() + (x.T @ y).square().sum() + x[0] @ y[1],
    "views": lambda lib, x, y: (
        x.reshape(-1)[1:5] * y.transpose(0, 1).flatten()[:4] + x[0, 0].expand(4) * y[1, 1:].sum()
    ).sum(),
    "parts": lambda lib, x, y: (x[None, ..., ::2] * y[:, :1]).sum() + x[-1].unsqueeze(0).sum(),
    "joins": lambda lib, x, y: (
        (lib.cat([x, y, x], 1) ** 2).sum() + lib.stack([x, y])[1].exp().sum()
    ),
    "choices": lambda lib, x, y: (
        lib.where(x > 0, x, y * 2) + lib.maximum(x, y) + x.clamp(-0.5, 0.5)
        + x.masked_fill(y < 0, 3)
    ).sum(),
    "look-ups": lambda lib, x, y: (
        x.index_select(1, lib.tensor([0, 2, 0])).sum() + y.gather(1, lib.tensor([[1], [0]])).sum()
        + (x.scatter_add(1, lib.tensor([[0, 0, 1], [2, 2, 2]]), y) ** 2).sum()
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    x, tx = pair(torch, (2, 3), seed=1)
    y, ty = pair(torch, (2, 3), seed=2)
    ours, theirs = PROGRAMS[name](tg, x, y), PROGRAMS[name](torch, tx, ty)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-12)
    ours.backward()
    theirs.backward()
    for a, b in ((x, tx), (y, ty)):
        assert a.grad.reshape(-1).tolist() == pytest.approx(b.grad.reshape(-1).tolist(), rel=1e-10)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(
    "options", [{}, {"label_smoothing": 0.1}, {"ignore_index": 2}, {"weight": True}]
)
def test_cross_entropy_is_pytorchs(reduction, options):
    torch = pytest.importorskip("torch")
    x, tx = pair(torch, (4, 3), -3, 3)
    target = [2, 0, 1, 2]
    ours, theirs = dict(options), dict(options)
    if "weight" in options:
        ours["weight"] = tg.tensor([0.2, 0.3, 0.5], dtype=tg.float64)
        theirs["weight"] = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64)
    a = F.cross_entropy(x, tg.tensor(target), reduction=reduction, **ours)
    b = torch.nn.functional.cross_entropy(tx, torch.tensor(target), reduction=reduction, **theirs)
    assert a.reshape(-1).tolist() == pytest.approx(b.reshape(-1).tolist(), rel=1e-12)
    a.sum().backward()
    b.sum().backward()
    assert x.grad.reshape(-1).tolist() == pytest.approx(tx.grad.reshape(-1).tolist(), rel=1e-10)


def test_cross_entropy_with_probabilities():
    torch = pytest.importorskip("torch")
    x, tx = pair(torch, (4, 3))
    t, tt = pair(torch, (4, 3), 0, 1, seed=5)
    F.cross_entropy(x, t).backward()
    torch.nn.functional.cross_entropy(tx, tt).backward()
    for a, b in ((x, tx), (t, tt)):
        assert a.grad.reshape(-1).tolist() == pytest.approx(b.grad.reshape(-1).tolist(), rel=1e-10)
