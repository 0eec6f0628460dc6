"""Layers and losses as functions, under PyTorch's names: `import tensorgrad.nn.functional as F`."""

from .._functions import cross_entropy, l1_loss, linear, log_softmax, mse_loss, softmax
from .._ops import relu, sigmoid, tanh

__all__ = [
    "cross_entropy",
    "l1_loss",
    "linear",
    "log_softmax",
    "mse_loss",
    "relu",
    "sigmoid",
    "softmax",
    "tanh",
]
