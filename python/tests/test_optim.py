"""Optimizers: the same steps as PyTorch's, and their rules."""

from __future__ import annotations

import copy
import math

import pytest

import tensorgrad as tg

CASES = [
    ("SGD", {}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.5, "dampening": 0.3, "maximize": True}),
    ("Adam", {}),
    ("Adam", {"lr": 0.1, "betas": (0.8, 0.9), "eps": 1e-4, "weight_decay": 0.01}),
    ("Adam", {"lr": 0.1, "amsgrad": True, "maximize": True}),
]


@pytest.mark.parametrize(("name", "options"), CASES)
def test_steps_are_pytorchs(name, options):
    torch = pytest.importorskip("torch")
    values = [[0.3, -0.4], [1.5, -1.0]]

    def train(lib):
        w = lib.tensor(values, dtype=lib.float64, requires_grad=True)
        b = lib.tensor([0.1, 0.2], dtype=lib.float64, requires_grad=True)
        unused = lib.tensor([7.0], requires_grad=True)
        opt = getattr(lib.optim, name)([w, b, unused], **options)
        for step in range(6):
            opt.zero_grad()
            loss = ((w @ b + step * 0.1 - 1) ** 2).sum()
            loss.backward()
            assert opt.step() is None
        assert unused.tolist() == [7.0]
        return [*w.reshape(-1).tolist(), *b.tolist()]

    assert train(tg) == pytest.approx(train(torch), rel=1e-9)


def test_defaults_are_pytorchs_order():
    w = tg.ones(1, requires_grad=True)
    opt = tg.optim.SGD([w], 0.5, 0.9, 0.1, 0.01)
    assert opt.lr == 0.5
    opt.lr = 0.25
    assert opt.lr == 0.25
    assert opt.params[0] is w
    with pytest.raises(ValueError):
        opt.lr = -1
    assert tg.optim.Adam([w]).lr == 1e-3


def test_zero_grad_and_closure():
    w = tg.tensor([2.0], requires_grad=True)
    opt = tg.optim.SGD([w], lr=0.25)

    def closure():
        opt.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    with tg.no_grad():
        loss = opt.step(closure)
    assert loss.item() == 4.0
    assert w.tolist() == [1.0]
    opt.zero_grad()
    assert w.grad is None
    opt.step()
    assert w.tolist() == [1.0]


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda w: tg.optim.SGD([w], lr=-1), ValueError),
        (lambda w: tg.optim.SGD([w], lr=math.nan), ValueError),
        (lambda w: tg.optim.SGD([w], nesterov=True), ValueError),
        (lambda w: tg.optim.Adam([w], betas=(1.0, 0.9)), ValueError),
        (lambda w: tg.optim.Adam([w], eps=-1e-8), ValueError),
        (lambda w: tg.optim.SGD([w, w]), ValueError),
        (lambda w: tg.optim.SGD([w * 2.0]), tg.TensorgradError),
        (lambda w: tg.optim.SGD([tg.ones(1)]), tg.TensorgradError),
        (lambda w: tg.optim.SGD([]), tg.TensorgradError),
        (lambda w: tg.optim.SGD([1.0]), TypeError),
        (lambda w: tg.optim.SGD(w), TypeError),
        (lambda w: tg.optim.Optimizer([w]), TypeError),
        (lambda w: copy.copy(tg.optim.SGD([w])), TypeError),
    ],
)
def test_refusals(make, error):
    with pytest.raises(error):
        make(tg.ones(2, requires_grad=True))


def test_optimizer_outlives_its_parameters_names():
    w = tg.ones(2, requires_grad=True)
    opt = tg.optim.Adam([w], lr=0.1)
    (w * 3.0).sum().backward()
    del w
    opt.step()
    assert opt.params[0].tolist() == pytest.approx([0.9, 0.9])
