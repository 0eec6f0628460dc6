"""Tensors with reverse-mode automatic differentiation: the Python face of libtensorgrad.

    import tensorgrad as tg

    w = tg.tensor(0.5, requires_grad=True)
    b = tg.tensor(0.1, requires_grad=True)
    loss = (w * 2.0 + b - 5.0) ** 2
    loss.backward()
    print(w.grad.item(), b.grad.item())  # -15.6 -7.8

Names and orders of arguments are PyTorch's. Only the standard library is needed; NumPy is used
where it is there. tensorgrad.autograd, optim, nn and ops load on first use.
"""

from __future__ import annotations

from . import _errors, _functions, _lib, _ops
from ._capi import VERSION as __version__
from ._create import (
    arange,
    empty,
    empty_like,
    eye,
    full,
    full_like,
    linspace,
    ones,
    ones_like,
    rand,
    randn,
    tensor,
    zeros,
    zeros_like,
)
from ._data import build_info, get_num_threads, live_tensors, read_csv, set_num_threads
from ._dtype import (
    bfloat16,
    dtype,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    promote_types,
    uint8,
)
from ._dtype import bool_ as bool
from ._errors import (
    ArgumentError,
    BusyError,
    DTypeError,
    FormatError,
    IndexError_,
    InternalError,
    InterruptedError_,
    IOError_,
    NumericError,
    OutOfMemory,
    ShapeError,
    StateError,
    TensorgradError,
    UnsupportedError,
)
from ._functions import *  # noqa: F403
from ._interop import from_numpy
from ._modes import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from ._ops import *  # noqa: F403
from ._random import Generator, manual_seed
from ._tensor import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from . import autograd as autograd
    from . import nn as nn
    from . import ops as ops
    from . import optim as optim
__all__ = [
    "ArgumentError",
    "BusyError",
    "DTypeError",
    "FormatError",
    "Generator",
    "IOError_",
    "IndexError_",
    "InternalError",
    "InterruptedError_",
    "NumericError",
    "OutOfMemory",
    "ShapeError",
    "StateError",
    "Tensor",
    "TensorgradError",
    "UnsupportedError",
    "__version__",
    "arange",
    "autograd",
    "bfloat16",
    "bool",
    "build_info",
    "double",
    "dtype",
    "empty",
    "empty_like",
    "enable_grad",
    "eye",
    "float16",
    "float32",
    "float64",
    "from_numpy",
    "full",
    "full_like",
    "get_num_threads",
    "int8",
    "int16",
    "int32",
    "int64",
    "is_grad_enabled",
    "library_path",
    "linspace",
    "live_tensors",
    "long",
    "manual_seed",
    "nn",
    "no_grad",
    "ones",
    "ones_like",
    "ops",
    "optim",
    "promote_types",
    "rand",
    "randn",
    "read_csv",
    "set_grad_enabled",
    "set_num_threads",
    "tensor",
    "uint8",
    "zeros",
    "zeros_like",
]
__all__ += _functions.__all__
__all__ += _ops.__all__

double = float64
long = int64
library_path = _lib.path

# The classes belong here, not to the modules that happen to hold them.
for _class in (Tensor, Generator, dtype, no_grad, enable_grad, set_grad_enabled):
    _class.__module__ = "tensorgrad"
for _name in dir(_errors):
    _class = getattr(_errors, _name)
    if isinstance(_class, type) and issubclass(_class, TensorgradError):
        _class.__module__ = "tensorgrad"
del _class, _name


def __getattr__(name: str) -> ModuleType:
    """Loads a submodule on first use."""
    if name in ("autograd", "nn", "ops", "optim"):
        import importlib

        return importlib.import_module(f"tensorgrad.{name}")
    raise AttributeError(f"module 'tensorgrad' has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
