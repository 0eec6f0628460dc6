"""Optimizers. One C call updates all parameters."""

from __future__ import annotations

import math

from . import _capi as c
from ._errors import failure
from ._modes import enable_grad
from ._pack import pack_tensors
from ._wrap import check

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, NoReturn

    from ._tensor import Tensor

__all__ = ["SGD", "Adam", "Optimizer"]


class Optimizer:
    """Base of the optimizers: step, zero_grad, lr. Parameters are leaves that require gradients."""

    __slots__ = ("_h", "_params")
    _h: int

    def __init__(self, params: Iterable[Tensor]) -> None:
        """Refused: use SGD or Adam."""
        raise TypeError("Optimizer is a base class: use SGD or Adam")

    def _open(self, params: Iterable[Tensor], create: Any, options: Any) -> None:
        self._h = 0
        name = type(self).__name__
        self._params, handles = pack_tensors(params, name, "params")
        self._h = create(handles, len(self._params), options) or 0
        if not self._h:
            raise failure()

    def __del__(self, _free: Any = c.tg_optimizer_free) -> None:
        """Frees the state; the parameters stay."""
        h = getattr(self, "_h", 0)
        if h:
            _free(h)

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        """Refused: the state is the library's."""
        raise TypeError("optimizers are neither copied nor pickled")

    @property
    def params(self) -> tuple[Tensor, ...]:
        """The parameters."""
        return tuple(self._params)

    @property
    def lr(self) -> float:
        """The learning rate; may be set."""
        value = c.tg_optimizer_lr(self._h)
        if math.isnan(value):
            raise failure()
        return value

    @lr.setter
    def lr(self, value: float) -> None:
        check(c.tg_optimizer_set_lr(self._h, value))

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One update from the present gradients; parameters without one are skipped.

        closure: computes the loss and its gradients first; its result is returned.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        if c.tg_optimizer_step(self._h):
            raise failure()
        return loss

    def zero_grad(self) -> None:
        """Drops the gradients of all parameters."""
        if c.tg_optimizer_zero_grad(self._h):
            raise failure()


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if wanted.

    g = grad + weight_decay * p; buf = momentum * buf + (1 - dampening) * g;
    p -= lr * (g + momentum * buf if nesterov else buf).
    """

    __slots__ = ()

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        """ArgumentError for values out of range, and for a parameter given twice."""
        options = c.tg_sgd_options.init()
        options.lr, options.momentum, options.dampening = lr, momentum, dampening
        options.weight_decay = weight_decay
        options.nesterov, options.maximize = nesterov, maximize
        self._open(params, c.tg_sgd_new, options)


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015), with amsgrad if wanted."""

    __slots__ = ()

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        """ArgumentError for values out of range, and for a parameter given twice."""
        options = c.tg_adam_options.init()
        options.lr, options.eps, options.weight_decay = lr, eps, weight_decay
        options.beta1, options.beta2 = betas
        options.amsgrad, options.maximize = amsgrad, maximize
        self._open(params, c.tg_adam_new, options)
