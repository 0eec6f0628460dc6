"""Gradients of several tensors at once, gradients of gradients, and functions of one's own."""

from __future__ import annotations

import ctypes
import struct

from . import _capi as c
from ._errors import failure, not_a_tensor
from ._function import Function, FunctionContext, once_differentiable
from ._pack import pack_tensors
from ._tensor import NONE, Tensor
from ._wrap import check, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Optional, Union

    Tensors = Union[Tensor, Sequence[Tensor]]
    Gradients = Union[Tensor, Sequence[Optional[Tensor]], None]

__all__ = ["Function", "FunctionContext", "backward", "grad", "once_differentiable"]


def _listed(tensors: Tensors) -> Sequence[Tensor]:
    return (tensors,) if isinstance(tensors, Tensor) else tensors


def _seeds(
    gradients: Gradients, count: int, op: str, name: str
) -> ctypes.Array[ctypes.c_char] | None:
    """The handles of the output gradients, None for the default of ones."""
    if gradients is None:
        return None
    listed = (gradients,) if isinstance(gradients, Tensor) else list(gradients)
    if len(listed) != count:
        raise ValueError(f"{op}: {len(listed)} {name} for {count} tensors")
    for i, one in enumerate(listed):
        if one is not None and not isinstance(one, Tensor):
            not_a_tensor(one, op, f"{name}[{i}]")
    handles = struct.pack(f"{count}P", *(NONE if g is None else g._h for g in listed))
    return ctypes.create_string_buffer(handles, len(handles))


def backward(
    tensors: Tensors,
    grad_tensors: Gradients = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
) -> None:
    """Adds the gradients of the sum of tensors into .grad of every leaf they were computed from.

    grad_tensors: the gradient of the final result with respect to each, or None for a tensor of one
    element. On failure no .grad has changed. create_graph is refused: .grad carries no history; use
    grad(..., create_graph=True).
    """
    if create_graph:
        raise ValueError(
            "backward: create_graph=True would give .grad a history, which it never has: use "
            "tensorgrad.autograd.grad(outputs, inputs, create_graph=True)"
        )
    roots, handles = pack_tensors(_listed(tensors), "backward", "tensors")
    seeds = _seeds(grad_tensors, len(roots), "backward", "grad_tensors")
    options = c.tg_backward_options.init()
    options.retain_graph = bool(retain_graph)
    options.grad_outputs = ctypes.addressof(seeds) if seeds is not None else None
    check(c.tg_backward_ex(handles, len(roots), options))


def grad(
    outputs: Tensors,
    inputs: Tensors,
    grad_outputs: Gradients = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Tensor, ...]:
    """The gradients of the sum of outputs with respect to each of inputs; .grad is not touched.

    inputs may be leaves or results. create_graph: the gradients can be differentiated again
    (implies retain_graph). allow_unused: None for an input that no output depends on.
    """
    roots, root_handles = pack_tensors(_listed(outputs), "grad", "outputs")
    wanted, wanted_handles = pack_tensors(_listed(inputs), "grad", "inputs")
    seeds = _seeds(grad_outputs, len(roots), "grad", "grad_outputs")
    options = c.tg_gradients_options.init()
    options.retain_graph = create_graph if retain_graph is None else bool(retain_graph)
    options.create_graph = bool(create_graph)
    options.allow_unused = bool(allow_unused)
    options.grad_outputs = ctypes.addressof(seeds) if seeds is not None else None
    out = (ctypes.c_void_p * max(1, len(wanted)))()
    if c.tg_gradients(root_handles, len(roots), wanted_handles, len(wanted), options, out):
        raise failure()
    # As in PyTorch, the type promises tensors: None appears only where allow_unused asked for it.
    return tuple(wrap(h) if h else None for h in out[: len(wanted)])  # type: ignore[misc]
