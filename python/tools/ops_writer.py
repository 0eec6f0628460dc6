"""Writes python/tensorgrad/_ops.py: the operations whose prototypes have a regular form.

Three forms, each with its Python method and function:

    tg_tensor *tg_NAME(tg_tensor *x)                   x.NAME(), and x.NAME_() for tg_NAME_
    tg_tensor *tg_NAME(tg_tensor *a, tg_tensor *b)     a.NAME(other), unless tg_NAME_scalar exists;
                                                       a.NAME_(other) for tg_NAME_
    tg_tensor *tg_NAME(tg_tensor *x, int ndims, const int *dims, bool keepdim)
                                                       x.NAME(dim=None, keepdim=False)
"""

from __future__ import annotations

import re
import textwrap

from header_parser import Function, Headers

TENSOR = "tg_tensor *"
FORMS = {
    (TENSOR,): "unary",
    (TENSOR, TENSOR): "binary",
    (TENSOR, "int", "const int *", "bool"): "reduction",
}
# Regular in C, but PyTorch's form of them takes more: python/tensorgrad/_tensor.py.
BY_HAND = frozenset({"tg_copy_", "tg_max", "tg_min"})


def form(function: Function, headers: Headers) -> str | None:
    """Which of the regular forms the function has; None: written by hand."""
    if (
        not function.header.startswith("ops_")
        or function.result != TENSOR
        or function.name in BY_HAND
    ):
        return None
    kind = FORMS.get(tuple(p.type for p in function.params))
    if kind == "binary" and f"{function.name.rstrip('_')}_scalar" in headers.functions:
        return None
    if not function.name.endswith("_"):
        return kind
    return {"unary": "in place", "binary": "in place by another"}.get(kind or "")


def natural(name: str) -> list[tuple[int, int, str]]:
    """Orders log2 before log10, as the linter does."""
    parts = re.findall(r"\d+|\D+", name)
    return [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in parts]


def docstring(text: str, indent: str) -> list[str]:
    """A docstring with the words of the C comment."""
    words = " ".join(text.split())
    first, stop, rest = words.partition(". ")
    summary = first + stop.strip()
    if len(summary) > 94 - len(indent):  # too long for one line: no separate summary
        first_line, *more = textwrap.wrap(words, 96 - len(indent))
        return [f'{indent}"""{first_line}', *(indent + line for line in more), f'{indent}"""']
    if not rest:
        return [f'{indent}"""{summary if summary.endswith(".") else summary + "."}"""']
    body = [indent + line for line in textwrap.wrap(rest, 99 - len(indent))]
    return [f'{indent}"""{summary}', "", *body, f'{indent}"""']


RESULT = """\
        if h:
            y = new(Tensor)
            y._h = h
            return y
        raise failure()"""


def method(function: Function, kind: str, doc: str) -> list[str]:
    """The method of one operation."""
    name = function.name
    python_name = name.removeprefix("tg_")
    head = docstring(doc, "        ")
    if kind == "in place":
        body = f"        if {name}(self._h):\n            return self\n        raise failure()"
        return [f"    def {python_name}(self: Self) -> Self:", *head, *body.split("\n")]
    if kind == "in place by another":
        body = (
            "        if type(other) is not Tensor:\n"
            f'            require(other, "{python_name}", "other")\n'
            f"        if {name}(self._h, other._h):\n"
            "            return self\n"
            "        raise failure()"
        )
        signature = f"    def {python_name}(self: Self, other: Tensor) -> Self:"
        return [signature, *head, *body.split("\n")]
    if kind == "unary":
        signature = f"    def {python_name}(self) -> Tensor:"
        call = f"        h = {name}(self._h)"
    elif kind == "binary":
        signature = f"    def {python_name}(self, other: Tensor) -> Tensor:"
        call = (
            "        if type(other) is not Tensor:\n"
            f'            require(other, "{python_name}", "other")\n'
            f"        h = {name}(self._h, other._h)"
        )
    else:
        signature = (
            f"    def {python_name}(self, dim: Dims = None, keepdim: bool = False) -> Tensor:"
        )
        call = (
            "        if dim is None:\n"
            f"            h = {name}(self._h, 0, None, bool(keepdim))\n"
            "        else:\n"
            f"            h = {name}(self._h, *pack_dims(dim), bool(keepdim))"
        )
    return [signature, *head, *call.split("\n"), *RESULT.split("\n")]


def free_function(function: Function, kind: str, doc: str) -> list[str]:
    """The function of one operation: it checks its first argument and calls the method."""
    name = function.name.removeprefix("tg_")
    parameters, arguments = {
        "unary": ("", ""),
        "binary": (", other: Tensor", "other"),
        "reduction": (", dim: Dims = None, keepdim: bool = False", "dim, keepdim"),
    }[kind]
    return [
        f"def {name}(input: Tensor{parameters}) -> Tensor:",
        *docstring(doc, "    "),
        "    if type(input) is not Tensor:",
        f'        require(input, "{name}")',
        f"    return input.{name}({arguments})",
    ]


def write_ops(headers: Headers) -> str:
    """The text of _ops.py."""
    chosen = [(f, kind) for f in headers.functions.values() if (kind := form(f, headers))]
    docs = {f.name: f.doc or f"x.{f.name[3:].rstrip('_')}() in place" for f, _ in chosen}
    names = [f.name for f, _ in chosen]
    functions = [(f, kind) for f, kind in chosen if not kind.startswith("in place")]
    out = [
        '"""Operations of a regular form: a method and a function each.',
        "",
        "Generated by python/tools/generate_capi.py from include/tensorgrad/ops_*.h; do not edit.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "from . import _lib as _lib  # loads the library",
        "from ._capi import (",
        *(f"    {name}," for name in sorted(names, key=natural)),
        ")",
        "from ._errors import failure, require",
        "from ._pack import pack_dims",
        "",
        "TYPE_CHECKING = False",
        "if TYPE_CHECKING:",
        "    from typing import TypeVar",
        "",
        "    from ._pack import Dims",
        "    from ._tensor import Tensor",
        "",
        '    Self = TypeVar("Self", bound="TensorOps")',
        "",
        "__all__ = [",
        *(
            f'    "{f.name[3:]}",'
            for f, _ in sorted(functions, key=lambda item: natural(item[0].name))
        ),
        "]",
        "",
        "new = object.__new__",
        "",
        "",
        "class TensorOps:",
        '    """Base of Tensor: the methods whose C functions have a regular form."""',
        "",
        "    __slots__ = ()",
        "    _h: int",
    ]
    for function, kind in chosen:
        out += ["", *method(function, kind, docs[function.name])]
    for function, kind in functions:
        out += ["", "", *free_function(function, kind, docs[function.name])]
    return "\n".join(out) + "\n"
