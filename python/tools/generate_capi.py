"""Writes what the Python package knows of the C API, from the public headers.

    python3 python/tools/generate_capi.py           writes the files below
    python3 python/tools/generate_capi.py --check   writes nothing; exit 1 if one of them is stale

    python/tensorgrad/_capi.py    ctypes prototypes, constants, structures, ABI hash
    python/tensorgrad/_capi.pyi   their types, for type checkers
    python/tensorgrad/_ops.py     methods and functions for operations of a regular form
    src/base/abi_hash.h           the same hash, which tg_abi_hash() returns

A new operation in a header ops_*.h that takes one tensor, two tensors, or a tensor and a list of
dims gets its Python method and function from here. Others are written by hand in
python/tensorgrad/_tensor.py or _functions.py; python/tests/test_capi.py fails if one is missing.
"""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from header_parser import (
    Callback,
    Function,
    HeaderError,
    Headers,
    abi_hash,
    read_headers,
)
from ops_writer import write_ops

ROOT = Path(__file__).resolve().parents[2]

# Functions called with the interpreter lock held: short, and without a call back into Python that
# waits for another thread. All others release it.
KEEPS_LOCK = frozenset(
    """tg_abi_hash tg_data tg_dtype_is_float tg_dtype_name tg_dtype_of tg_dtype_size tg_error_clear
    tg_error_message tg_error_op tg_error_status tg_generator_free tg_grad tg_grad_enabled
    tg_grad_op tg_is_contiguous tg_is_leaf tg_is_none tg_item tg_item_i64 tg_live_nodes
    tg_live_storages tg_live_tensors tg_ndim tg_none tg_num_threads tg_numel tg_promote_types
    tg_release tg_requires_grad tg_requires_grad_ tg_retain tg_set_grad tg_set_grad_enabled tg_shape
    tg_size tg_status_name tg_strides tg_version tg_version_of""".split()
)

SCALARS = {
    "void": "None",
    "bool": "c_bool",
    "char": "c_byte",
    "int": "c_int",
    "double": "c_double",
    "size_t": "c_size_t",
    "int32_t": "c_int32",
    "uint32_t": "c_uint32",
    "int64_t": "c_int64",
    "uint64_t": "c_uint64",
}
PYTHON_TYPES = {"None": "None", "c_bool": "bool", "c_double": "float"}  # all others: int
PYTHON_CONSTANTS = {
    "true": "True",
    "false": "False",
    "NULL": "None",
    "NAN": 'float("nan")',
    "INFINITY": 'float("inf")',
}


class Types:
    """C types as ctypes expressions and as Python types."""

    def __init__(self, headers: Headers) -> None:
        self.headers = headers
        # Structures that begin with their own size are options; others are plain records.
        self.options = {s.name for s in headers.structs.values() if s.members[0].type == "uint32_t"}

    def scalar(self, c_type: str) -> str | None:
        """ctypes' name for a type that is no pointer; None for pointers."""
        name = self.headers.aliases.get(c_type, c_type)
        return "c_int" if name in self.headers.enums else SCALARS.get(name)

    def argument(self, c_type: str) -> str:
        """ctypes' type for a parameter."""
        scalar = self.scalar(c_type)
        if scalar:
            return scalar
        if c_type == "const char *":
            return "c_char_p"
        struct = self.option_pointer(c_type)
        if struct:
            return f"POINTER({struct})"
        if c_type.endswith("*") or "(*)" in c_type or c_type in self.headers.callbacks:
            return "c_void_p"
        raise HeaderError(f"no ctypes type for '{c_type}'")

    def option_pointer(self, c_type: str) -> str | None:
        """The options structure that a pointer points to, if it does."""
        words = c_type.removeprefix("const ").split()
        return words[0] if len(words) == 2 and words[0] in self.options else None

    def result(self, c_type: str) -> str:
        """ctypes' type for a result."""
        return "POINTER(c_int64)" if c_type == "const int64_t *" else self.argument(c_type)

    def member(self, c_type: str, callback: Callback | None) -> str:
        """ctypes' type for a member of a structure."""
        if c_type.endswith("]"):
            base, count = c_type[:-1].split("[")
            element = "c_char" if base == "char" else self.scalar(base)
            return f"{element} * {self.headers.constants.get(count, count)}"
        return self.callback(callback) if callback else self.argument(c_type)

    def callback(self, callback: Callback) -> str:
        """The ctypes class of a pointer to a function."""
        types = [self.argument(callback.result), *(self.argument(p.type) for p in callback.params)]
        return f"CFUNCTYPE({', '.join(types)})"

    def python(self, ctypes_type: str, is_result: bool) -> str:
        """The Python type that a checker should expect."""
        if ctypes_type == "c_void_p":
            return "int | None" if is_result else "Address"
        if ctypes_type == "c_char_p":
            return "bytes" if is_result else "bytes | None"
        if ctypes_type == "POINTER(c_int64)":
            return "ctypes._Pointer[ctypes.c_int64]"
        if ctypes_type.startswith("POINTER("):
            return f"{ctypes_type[8:-1]} | None"
        return PYTHON_TYPES.get(ctypes_type, "int")


def initial_values(headers: Headers, struct: str) -> list[str]:
    """The keyword arguments of the structure's constructor that its _INIT macro stands for; what is
    NULL there is left out."""
    enums = headers.enum_values()
    values = [PYTHON_CONSTANTS.get(v, v) for v in headers.initialisers[struct]]
    members = headers.structs[struct].members[1:]
    if len(values) != len(members):
        raise HeaderError(
            f"the _INIT of {struct} has {len(values)} values for {len(members)} members"
        )
    given = zip(members, values)
    return [f"{m.name}={enums.get(v, tuple_of(v))}" for m, v in given if v != "None"]


def tuple_of(value: str) -> str:
    """`{1, 2}` as Python writes it, a text as bytes; anything else as it is."""
    if value.startswith('"'):
        return f"b{value}"
    return re.sub(r"\{\s*(.*?)\s*\}", r"(\1)", value)


def write_capi(headers: Headers) -> str:
    """The text of _capi.py."""
    types = Types(headers)
    out = [
        '"""The C API: constants, structures, prototypes.',
        "",
        "Generated by python/tools/generate_capi.py from include/tensorgrad; do not edit.",
        '"""',
        "",
        "from ctypes import (",
        "    CDLL,",
        "    CFUNCTYPE,",
        "    POINTER,",
        "    PyDLL,",
        "    Structure,",
        *(
            f"    {name},"
            for name in sorted({"c_char", "c_char_p", "c_void_p", *SCALARS.values()} - {"None"})
        ),
        "    sizeof,",
        ")",
        "",
        f'VERSION = "{headers.version}"',
        f"ABI_HASH = 0x{abi_hash(headers):016X}",
        "",
    ]
    out += [f"{name} = {value}" for name, value in headers.constants.items()]
    for name, enum in headers.enums.items():
        out += ["", f"# {name}", *(f"{key} = {value}" for key, value in enum.items())]
    for name, callback in headers.callbacks.items():
        out += ["", f"{name} = {types.callback(callback)}"]
    for struct in headers.structs.values():
        out += ["", "", f"class {struct.name}(Structure):", f'    """C: {struct.name}."""', ""]
        out += ["    _fields_ = ["]
        out += [
            f'        ("{m.name}", {types.member(m.type, m.callback)}),' for m in struct.members
        ]
        out += ["    ]"]
        if struct.name in headers.initialisers:
            values = ["size=sizeof(cls)", *initial_values(headers, struct.name)]
            out += [
                "",
                "    @classmethod",
                "    def init(cls):",
                '        """Filled with defaults."""',
            ]
            line = f"        return cls({', '.join(values)})"
            rows = [f"            {v}," for v in values]
            out += [line] if len(line) <= 100 else ["        return cls(", *rows, "        )"]
    out += ["", "", "# name: result, parameters, whether a call keeps the interpreter lock"]
    out += ["PROTOTYPES = {"]
    for function in headers.functions.values():
        arguments = [types.argument(p.type) for p in function.params]
        listed = ", ".join(arguments) + ("," if len(arguments) == 1 else "")
        line = f'    "{function.name}": ({types.result(function.result)}, ({listed}), '
        line += f"{function.name in KEEPS_LOCK}),"
        out += [line] if len(line) <= 100 else wrap_prototype(function, types, arguments)
    out += ["}", "", "", *BIND]
    return "\n".join(out) + "\n"


def wrap_prototype(function: Function, types: Types, arguments: list[str]) -> list[str]:
    """A row of the table that is too long for one line."""
    inner = f"        ({', '.join(arguments)}),"
    if len(inner) > 100:
        rows = [f"            {a}," for a in arguments]
        body = ["        (", *rows, "        ),"]
    else:
        body = [inner]
    return [
        f'    "{function.name}": (',
        f"        {types.result(function.result)},",
        *body,
        f"        {function.name in KEEPS_LOCK},",
        "    ),",
    ]


BIND = '''\
def bind(releasing: CDLL, keeping: PyDLL) -> None:
    """Makes every function above an attribute of this module.

    AttributeError names the function that the library does not have.
    """
    module = globals()
    for name, (result, parameters, keeps_lock) in PROTOTYPES.items():
        try:
            function = (keeping if keeps_lock else releasing)[name]
        except AttributeError:
            raise AttributeError(f"it has no function {name}") from None
        function.restype = result
        function.argtypes = parameters
        module[name] = function'''.split("\n")


def write_stub(headers: Headers) -> str:
    """The text of _capi.pyi."""
    types = Types(headers)
    out = [
        "# Generated by python/tools/generate_capi.py from include/tensorgrad; do not edit.",
        "import ctypes",
        "from collections.abc import Callable",
        "from typing import Any",
        "",
        "# An address: a handle as int, bytes, a ctypes array, byref(...), a callback, None.",
        "Address = Any",
        "",
        "VERSION: str",
        "ABI_HASH: int",
        "PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...], bool]]",
        "",
        "def bind(releasing: ctypes.CDLL, keeping: ctypes.PyDLL) -> None: ...",
        "",
    ]
    constants = {**headers.constants, **headers.enum_values()}
    out += [f"{name}: int" for name in constants]
    out.append("")
    for name in headers.callbacks:
        out.append(f"def {name}(function: Callable[..., object] | int, /) -> Any: ...")
    for struct in headers.structs.values():
        out += ["", f"class {struct.name}(ctypes.Structure):"]
        for m in struct.members:
            kind = (
                "Any"
                if m.callback or m.type.endswith("]")
                else types.python(types.argument(m.type), is_result=True)
            )
            out.append(f"    {m.name}: {kind}")
        if struct.name in headers.initialisers:
            out += ["    @classmethod", f"    def init(cls) -> {struct.name}: ..."]
    out.append("")
    for function in headers.functions.values():
        params = [
            f"{p.name}: {types.python(types.argument(p.type), is_result=False)}"
            for p in function.params
        ]
        listed = ", ".join([*params, "/"] if params else [])
        result = types.python(types.result(function.result), is_result=True)
        line = f"def {function.name}({listed}) -> {result}: ..."
        if len(line) > 100:
            rows = [f"    {p}," for p in [*params, "/"]]
            out += [f"def {function.name}(", *rows, f") -> {result}: ..."]
        else:
            out.append(line)
    return "\n".join(out) + "\n"


def write_hash_header(headers: Headers) -> str:
    """The text of src/base/abi_hash.h."""
    return f"""\
/* abi_hash.h - the hash of the public declarations.
 *
 * Generated by python/tools/generate_capi.py from include/tensorgrad; do not edit. 64-bit FNV-1a
 * over the declarations in normal form; bindings carry the hash that they were made from. */
#ifndef TG__ABI_HASH_H
#define TG__ABI_HASH_H

#define TG__ABI_HASH 0x{abi_hash(headers):016x}ull

#endif
"""


def outputs(headers: Headers, root: Path) -> dict[Path, str]:
    """The files and their texts."""
    package = root / "python" / "tensorgrad"
    return {
        package / "_capi.py": write_capi(headers),
        package / "_capi.pyi": write_stub(headers),
        package / "_ops.py": write_ops(headers),
        root / "src" / "base" / "abi_hash.h": write_hash_header(headers),
    }


def check(files: dict[Path, str], root: Path) -> int:
    """Compares; prints what differs. Returns the exit code."""
    stale = 0
    for path, text in files.items():
        present = path.read_text(encoding="utf-8") if path.exists() else ""
        if present != text:
            stale += 1
            name = str(path.relative_to(root))
            difference = difflib.unified_diff(
                present.splitlines(),
                text.splitlines(),
                name,
                name + " (from the headers)",
                "",
                "",
                1,
            )
            print("\n".join(list(difference)[:40]))
    if stale:
        print(f"{stale} generated file(s) are stale: run python3 python/tools/generate_capi.py")
    return 1 if stale else 0


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Generates the Python view of the C API.")
    parser.add_argument("--check", action="store_true", help="exit 1 if a file is stale")
    parser.add_argument("--root", type=Path, default=ROOT, help="the source tree")
    arguments = parser.parse_args()
    try:
        headers = read_headers(arguments.root / "include" / "tensorgrad")
        missing = KEEPS_LOCK - headers.functions.keys()
        if missing:
            raise HeaderError(f"KEEPS_LOCK lists {', '.join(sorted(missing))}: not in the headers")
        files = outputs(headers, arguments.root)
    except HeaderError as error:
        print(error, file=sys.stderr)
        return 1
    if arguments.check:
        return check(files, arguments.root)
    for path, text in files.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(arguments.root)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
