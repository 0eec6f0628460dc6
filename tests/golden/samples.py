"""The sample lines of the op blocks in src/ops, and inputs made from them.

tests/support/samples.h describes the language; here are its values in NumPy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from library import DIMS, DTYPE, FLOAT, INDEX, INTS, ROOT, SHAPE, TEXT, Library


@dataclass
class Input:
    """One input of a sample line."""

    kind: str
    shape: tuple[int, ...] = ()
    bound: int = 0
    contiguous: bool = False


@dataclass
class Sample:
    """A sample line, parsed."""

    op: str
    text: str
    inputs: list[Input]
    attrs: dict[str, Any]


def parse_item(text: str) -> Any:
    """An item of an index list."""
    if text == "...":
        return Ellipsis
    if text == "none":
        return None
    if text == "t":
        return "t"
    if ":" not in text:
        return int(text)
    parts = [int(p) if p else None for p in text.split(":")]
    return slice(*parts)


def parse_value(kind: int, text: str) -> Any:
    """An attribute's value."""
    if kind == FLOAT:
        return float(text)
    if kind in (TEXT, DTYPE):
        return text
    if kind == INDEX:
        return [parse_item(p) for p in text.split(",")] if text else []
    if kind in (DIMS, SHAPE, INTS):
        return [int(p) for p in text.split(",")] if text else []
    return int(text)


def parse_line(library: Library, op: str, line: str) -> Sample:
    """One line."""
    left, _, right = line.partition("|")
    inputs = []
    for word in left.split():
        if word == "none":
            inputs.append(Input("n"))
            continue
        match = re.fullmatch(r"([^\[]?)\[([\d,]*)\](?:<(\d+))?(@c)?", word)
        if not match:
            raise ValueError(f"{op}: cannot read '{word}' in '{line}'")
        shape = tuple(int(s) for s in match[2].split(",") if s)
        inputs.append(Input(match[1] or "x", shape, int(match[3] or 0), bool(match[4])))
    attrs = {}
    for word in right.split():
        name, _, value = word.partition("=")
        attrs[name] = parse_value(library.attrs[op][name][0], value)
    return Sample(op, line, inputs, attrs)


def read_samples(library: Library) -> dict[str, list[Sample]]:
    """All sample lines of the source tree, by operation."""
    found: dict[str, list[Sample]] = {}
    for path in sorted((ROOT / "src" / "ops").glob("*.c")):
        for name, body in re.findall(
            r"^TG_SAMPLES\((\w+),(.*?)\);$", path.read_text(), re.DOTALL | re.MULTILINE
        ):
            for line in re.findall(r'((?:"[^"]*"\s*)+)', body):
                text = "".join(re.findall(r'"([^"]*)"', line))
                found.setdefault(name, []).append(parse_line(library, name, text))
    return found


def values(given: Input, rng: np.random.Generator) -> np.ndarray:
    """Random values of an input's kind, contiguous; floats are f64."""
    u = rng.random(given.shape)
    kind = given.kind
    if kind == "b":
        return np.asarray(u < 0.5)
    if kind == "i":
        return np.asarray(np.floor(u * given.bound), np.int64)
    if kind == "+":
        return np.asarray(0.5 + u)
    if kind == ">":
        return np.asarray(1.2 + 1.8 * u)
    if kind == "%":
        return np.asarray(0.05 + 0.9 * u)
    x = np.asarray(4.0 * u - 2.0)
    if kind in "spw":
        n, m = given.shape[-2:]
        eye = np.eye(n, m)
        if kind == "w":
            return x + 4.0 * eye
        mirror = np.swapaxes(x, -1, -2)
        if kind == "p":
            return np.matmul(x, mirror) + eye
        return (x + mirror) * 0.25 + eye * (3.0 * np.arange(n))
    return x


def laid_out(array: np.ndarray, layout: str) -> np.ndarray:
    """The same values (but for `expanded`) with other strides."""
    if array.ndim == 0 or layout == "contiguous":
        return np.ascontiguousarray(array) if array.ndim else array
    if layout == "transposed":
        return np.ascontiguousarray(array.T).T
    if layout == "sliced":
        wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1] + 1), array.dtype)
        part = wide[..., 1::2]
        part[...] = array
        return part
    if array.shape[0] == 0:
        return array
    return np.broadcast_to(array[:1].copy(), array.shape)
