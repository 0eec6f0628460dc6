"""Neural networks: tensorgrad.nn.functional."""

from . import functional as functional

__all__ = ["functional"]
