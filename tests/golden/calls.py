"""One call on both sides: values, gradients, gradients of gradients."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from library import DTYPE, FLOAT, INDEX, Library, LibraryError
from registry import Reference, Typed

TORCH_DTYPES = {
    "f32": torch.float32,
    "f64": torch.float64,
    "i64": torch.int64,
    "i32": torch.int32,
    "u8": torch.uint8,
    "bool": torch.bool,
    "i16": torch.int16,
    "i8": torch.int8,
    "f16": torch.float16,
    "bf16": torch.bfloat16,
}
NUMBERS = ["f32", "f64", "i64", "i32", "u8", "bool", "i16", "i8", "f16", "bf16"]


@dataclass
class Result:
    """What a call gave; gradients are by input, None where there is none."""

    outputs: list[np.ndarray | None] = field(default_factory=list)
    grads: list[np.ndarray | None] = field(default_factory=list)
    seconds: list[np.ndarray | None] = field(default_factory=list)
    refused: str | None = None


@functools.lru_cache(maxsize=4096)
def weights(shape: tuple[int, ...], dtype: Any, k: int, ones: bool) -> np.ndarray:
    """The gradient given to output k: a pattern that tests/ops/test_golden.c knows too.

    Whoever gets it must not write to it: the next caller gets the same array.
    """
    n = int(np.prod(shape, dtype=np.int64))
    pattern = np.ones(n) if ones else ((np.arange(n) * 7 + 3 * k) % 11 - 4.5) / 4.0
    return np.asarray(pattern.reshape(shape), dtype)


@functools.lru_cache(maxsize=4096)
def directions(shape: tuple[int, ...], dtype: Any, i: int) -> np.ndarray:
    """What the gradient of input i is multiplied with before the second derivative."""
    n = int(np.prod(shape, dtype=np.int64))
    return np.asarray((((np.arange(n) * 5 + 2 * i) % 7 - 2.5) / 3.0).reshape(shape), dtype)


def full_attrs(library: Library, op: str, attrs: dict) -> dict:
    """The attributes with defaults filled in, as Python values."""
    return {name: attrs.get(name, default) for name, (_, default) in library.attrs[op].items()}


def for_torch(library: Library, op: str, attrs: dict, inputs: list) -> tuple[dict, list]:
    """Attributes and inputs as the registered functions want them."""
    given = {}
    rest = list(inputs)
    for name, value in full_attrs(library, op, attrs).items():
        kind = library.attrs[op][name][0]
        if kind == DTYPE:
            value = TORCH_DTYPES[value if isinstance(value, str) else NUMBERS[value]]
        elif kind == INDEX:
            n_tensors = sum(1 for v in value if isinstance(v, str))
            tensors, at = rest[1 : 1 + n_tensors], 0
            items = []
            for v in value:
                if isinstance(v, str):
                    items.append(tensors[at])
                    at += 1
                else:
                    items.append(v)
            rest = rest[:1] + rest[1 + n_tensors :]
            value = tuple(items)
        elif kind == FLOAT:
            value = float(value)
        elif library.attrs[op][name][0] == 2:
            value = bool(value)
        given[name] = value
    return given, rest


def run_torch(
    library: Library, ref: Reference, arrays: list, attrs: dict, ones: bool, order: int
) -> Result:
    """The call in PyTorch."""
    result = Result()
    leaves: list[torch.Tensor | None] = []
    for array in arrays:
        if array is None:
            leaves.append(None)
            continue
        # A copy with the same strides: PyTorch warns of read-only memory.
        x = torch.from_numpy(np.array(array))
        if x.is_floating_point() and order > 0:
            x.requires_grad_(True)
        leaves.append(x)
    given, inputs = for_torch(library, ref.name, attrs, leaves)
    try:
        out = ref.function(*inputs, **given)
        out = list(out) if isinstance(out, (tuple, list)) else [out]
        out = [torch.as_tensor(y) if y is not None else None for y in out]
    except (RuntimeError, IndexError, ValueError, TypeError, NotImplementedError) as e:
        result.refused = f"{type(e).__name__}: {str(e).splitlines()[0] if str(e) else ''}"
        return result
    result.outputs = [None if y is None else y.detach().resolve_neg().numpy().copy() for y in out]
    result.grads = [None] * len(arrays)
    result.seconds = [None] * len(arrays)
    roots = [(k, y) for k, y in enumerate(out) if y is not None and y.requires_grad]
    wanted = [i for i, x in enumerate(leaves) if x is not None and x.requires_grad]
    if order == 0 or not roots or not wanted:
        return result
    seeds = [
        torch.from_numpy(weights(tuple(y.shape), np.float64, k, ones)).to(y.dtype).requires_grad_()
        for k, y in roots
    ]
    try:
        grads = torch.autograd.grad(
            [y for _, y in roots],
            [leaves[i] for i in wanted],
            seeds,
            create_graph=order > 1,
            allow_unused=True,
        )
    except RuntimeError as e:
        result.refused = f"gradient: {e}"
        return result
    total = None
    for i, g in zip(wanted, grads):
        if g is None:
            continue
        result.grads[i] = g.detach().numpy().copy()
        if order > 1 and g.requires_grad:
            d = torch.from_numpy(directions(tuple(g.shape), np.float64, i)).to(g.dtype)
            part = (g * d).sum()
            total = part if total is None else total + part
    if total is not None:
        again = torch.autograd.grad(total, [leaves[i] for i in wanted], allow_unused=True)
        for i, h in zip(wanted, again):
            result.seconds[i] = None if h is None else h.detach().numpy(force=True).copy()
    return result


def run_ours(
    library: Library, op: str, arrays: list, attrs: dict, ones: bool, order: int
) -> Result:
    """The same call by name in the library."""
    scope = library.scope_open()
    kept: list = []
    try:
        return call_ours(library, op, arrays, attrs, ones, order, kept)
    except LibraryError as e:
        return Result(refused=f"{e.status}: {e}")
    finally:
        library.scope_close(scope)
        library.error_clear()


def call_ours(
    library: Library, op: str, arrays: list, attrs: dict, ones: bool, order: int, kept: list
) -> Result:
    """run_ours inside its scope; `kept` holds the memory that tensors stand on."""

    def wrap(array: np.ndarray) -> int:
        array = np.asarray(array)  # arithmetic on 0-d arrays gives scalars
        kept.append(array)
        return library.wrap(array)

    result = Result()
    handles = [library.none() if a is None else wrap(a) for a in arrays]
    differentiable = order > 0 and library.info[op].differentiable
    wanted = [
        i for i, a in enumerate(arrays) if differentiable and a is not None and a.dtype.kind == "f"
    ]
    for i in wanted:
        library.requires_grad_(handles[i], True)
    out = library.call(op, handles, attrs)
    result.outputs = [library.read(y) for y in out]
    result.grads = [None] * len(arrays)
    result.seconds = [None] * len(arrays)
    roots = [(k, y) for k, y in enumerate(out) if library.requires_grad(y)]
    if not roots or not wanted:
        return result
    seeds = []
    for k, _ in roots:
        y = result.outputs[k]
        seeds.append(library.requires_grad_(wrap(weights(y.shape, y.dtype, k, ones)), True))
    grads = library.differentiate(
        [y for _, y in roots], seeds, [handles[i] for i in wanted], order > 1
    )
    parts, factors = [], []
    for i, g in zip(wanted, grads):
        if g is None:
            continue
        result.grads[i] = library.read(g)
        if order > 1 and library.requires_grad(g):
            parts.append(g)
            factors.append(wrap(directions(result.grads[i].shape, result.grads[i].dtype, i)))
    if parts:
        again = library.differentiate(parts, factors, [handles[i] for i in wanted], False)
        for i, h in zip(wanted, again):
            result.seconds[i] = None if h is None else library.read(h)
    return result


def corner_array(value: Any) -> np.ndarray | None:
    """An input of a corner."""
    if value is None:
        return None
    if isinstance(value, Typed):
        numpy = {
            "f32": np.float32,
            "f64": np.float64,
            "i64": np.int64,
            "i32": np.int32,
            "u8": np.uint8,
            "bool": np.bool_,
            "i8": np.int8,
            "i16": np.int16,
            "f16": np.float16,
        }[value.dtype]
        return np.asarray(value.values, numpy)
    array = np.asarray(value)
    return array if array.dtype == np.bool_ else array.astype(np.float64)


def difference(ours: np.ndarray | None, theirs: np.ndarray | None, rtol: float) -> str | None:
    """How two results differ; None if they agree. An absent gradient is one of zeros."""
    if ours is None and theirs is None:
        return None
    if ours is None or theirs is None:
        there = theirs if ours is None else ours
        if not np.any(there):
            return None
        return f"absent {'here' if ours is None else 'there'}, else {np.array2string(there)[:200]}"
    if ours.shape != theirs.shape:
        return f"shape {ours.shape}, expected {theirs.shape}"
    if ours.dtype != theirs.dtype:
        return f"dtype {ours.dtype}, expected {theirs.dtype}"
    if ours.dtype.kind != "f":
        if np.array_equal(ours, theirs):
            return None
        return f"{np.array2string(ours)[:300]}, expected {np.array2string(theirs)[:300]}"
    if np.array_equal(ours, theirs):
        return None
    with np.errstate(all="ignore"):
        same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
        finite = np.isfinite(theirs)
        scale = np.max(np.abs(theirs[finite]), initial=0.0)
        near = np.abs(ours - theirs) <= rtol * (np.abs(theirs) + 0.01 * scale) + rtol * 1e-3
        good = same | (near & finite)
    if np.all(good):
        return None
    at = np.unravel_index(int(np.argmin(good)), good.shape) if good.ndim else ()
    return f"at {tuple(int(i) for i in at)}: {ours[at]!r}, expected {theirs[at]!r}"
