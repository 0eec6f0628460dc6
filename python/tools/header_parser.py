"""Reads the public C headers: functions, enums, structures, callbacks and constants.

This is no C parser. It understands the regular style of include/tensorgrad/*.h: one declaration
per semicolon, functions marked TG_API, `typedef struct {...} name;`, `typedef enum {...} name;`,
`typedef ret (*name)(...);`, and `#define NAME value`. Anything else in a header is an error that
names the file and the line, so that a new construct cannot be overlooked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

HEADERS_AFTER = "tensorgrad.h"  # the umbrella: includes only

_TOKEN = re.compile(r"[A-Za-z_]\w*|\d\w*|\.\.\.|[-*(),\[\]{}=;]")
_FUNCTION_POINTER = re.compile(
    r"^(?P<ret>.*?)\(\*\s*(?P<name>\w+)\s*\)\s*\((?P<params>.*)\)$", re.S
)


class HeaderError(Exception):
    """A header holds something that this reader does not know."""


@dataclass(frozen=True)
class Param:
    """One parameter or structure member: its type in normal form, and its name ("" if unnamed)."""

    type: str
    name: str
    callback: Callback | None = None


@dataclass(frozen=True)
class Callback:
    """A pointer to a function."""

    result: str
    params: tuple[Param, ...]

    def normal(self) -> str:
        """The type in normal form, without parameter names."""
        return f"{self.result} (*)({normal_params(self.params)})"


@dataclass(frozen=True)
class Function:
    """A function marked TG_API."""

    name: str
    result: str
    params: tuple[Param, ...]
    doc: str
    header: str


@dataclass(frozen=True)
class Struct:
    """A structure whose members are public."""

    name: str
    members: tuple[Param, ...]


@dataclass
class Headers:
    """Everything that the headers declare, in the order of the files and of the lines in them."""

    functions: dict[str, Function] = field(default_factory=dict)
    enums: dict[str, dict[str, int]] = field(default_factory=dict)
    structs: dict[str, Struct] = field(default_factory=dict)
    callbacks: dict[str, Callback] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    opaque: list[str] = field(default_factory=list)
    constants: dict[str, int] = field(default_factory=dict)
    initialisers: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """MAJOR.MINOR.PATCH."""
        return ".".join(str(self.constants[f"TG_VERSION_{p}"]) for p in ("MAJOR", "MINOR", "PATCH"))

    def enum_values(self) -> dict[str, int]:
        """All enumerators of all enums."""
        return {name: value for values in self.enums.values() for name, value in values.items()}


def normal_type(tokens: list[str]) -> str:
    """Tokens of a type as one string, the same however the header was formatted."""
    return " ".join(tokens).replace("* ", "*")


def normal_params(params: tuple[Param, ...]) -> str:
    """Parameter types without names; "void" for none."""
    return ", ".join(p.type for p in params) or "void"


def split_commas(text: str) -> list[str]:
    """Splits at the commas that lie outside parentheses and braces."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        if c in "({":
            depth += 1
        elif c in ")}":
            depth -= 1
        elif c == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    parts.append(text[start:])
    return [p.strip() for p in parts if p.strip()]


def parse_param(text: str) -> Param:
    """One `type name`, or a pointer to a function."""
    match = _FUNCTION_POINTER.match(text.strip())
    if match:
        callback = Callback(
            normal_type(_TOKEN.findall(match["ret"])), parse_params(match["params"])
        )
        return Param(callback.normal(), match["name"], callback)
    tokens = _TOKEN.findall(text)
    words = [t for t in tokens if t not in ("*", "const")]
    if len(words) == 2 and tokens[-1] == words[-1]:
        return Param(normal_type(tokens[:-1]), tokens[-1])
    if len(words) == 1:
        return Param(normal_type(tokens), "")
    raise HeaderError(f"cannot read the declaration '{' '.join(text.split())}'")


def parse_params(text: str) -> tuple[Param, ...]:
    """A parameter list; () for `void`."""
    if text.strip() == "void":
        return ()
    return tuple(parse_param(part) for part in split_commas(text))


def parse_members(text: str) -> tuple[Param, ...]:
    """The members of a structure; `double a, b;` gives two, `int64_t a[3];` an `int64_t[3]`."""
    members: list[Param] = []
    for declaration in filter(None, (part.strip() for part in text.split(";"))):
        array = re.fullmatch(r"(\w+)\s+(\w+)\[(\w+)\]", declaration)
        if array:
            members.append(Param(f"{array[1]}[{array[3]}]", array[2]))
            continue
        first, *more = split_commas(declaration)
        members.append(parse_param(first))
        base = members[-1].type.rstrip("*").strip()
        for declarator in more:
            tokens = _TOKEN.findall(declarator)
            members.append(Param(normal_type([base, *tokens[:-1]]), tokens[-1]))
    return tuple(members)


def parse_integer(text: str) -> int | None:
    """A C integer constant, or None."""
    if text in ("INT64_MAX", "INT64_MIN"):
        return 2**63 - 1 if text == "INT64_MAX" else -(2**63)
    match = re.fullmatch(r"\(?(-?(?:0[xX][0-9a-fA-F]+|\d+))[uUlL]*\)?", text)
    return int(match[1], 0) if match else None


def clean_doc(comment: str) -> str:
    """The text of a `/** ... */` comment without its frame."""
    lines = [re.sub(r"^\s*\*\s*", "", line).rstrip() for line in comment[3:-2].split("\n")]
    return "\n".join(line.strip() if i == 0 else line for i, line in enumerate(lines)).strip()


class _Reader:
    """Reads one header into a Headers."""

    def __init__(self, headers: Headers, path: Path) -> None:
        self.headers = headers
        self.path = path
        self.doc = ""

    def read(self) -> None:
        text = self.path.read_text(encoding="utf-8")
        position = 0
        while position < len(text):
            position = self.read_one(text, position)

    def error(self, text: str, position: int, message: str) -> HeaderError:
        return HeaderError(f"{self.path}:{text.count(chr(10), 0, position) + 1}: {message}")

    def read_one(self, text: str, position: int) -> int:
        """Reads what stands at position and returns where the next thing begins."""
        if text[position].isspace():
            return position + 1
        if text.startswith("/*", position):
            end = text.index("*/", position) + 2
            is_doc = text.startswith("/**", position) and not text.startswith("/**<", position)
            self.doc = clean_doc(text[position:end]) if is_doc else ""
            return end
        if text.startswith("//", position):
            return text.index("\n", position)
        if text[position] == "#":
            return self.read_directive(text, position)
        end = self.declaration_end(text, position)
        try:
            self.read_declaration(
                re.sub(r"/\*.*?\*/|//[^\n]*", " ", text[position:end], flags=re.S)
            )
        except (HeaderError, ValueError) as error:
            raise self.error(text, position, str(error)) from None
        self.doc = ""
        return end + 1

    def declaration_end(self, text: str, position: int) -> int:
        """The semicolon that ends the declaration at position."""
        depth = 0
        for match in re.compile(r"/\*.*?\*/|//[^\n]*|[{};]", re.S).finditer(text, position):
            if match[0] == ";" and depth == 0:
                return match.start()
            depth += {"{": 1, "}": -1}.get(match[0], 0)
        raise self.error(text, position, "a declaration without its semicolon")

    def read_directive(self, text: str, position: int) -> int:
        end = position
        while True:  # joined lines
            end = text.find("\n", end)
            if end < 0:
                end = len(text)
                break
            if text[end - 1] != "\\":
                break
            end += 1
        line = text[position:end].replace("\\\n", " ")
        if re.match(r"#\s*ifdef\s+__cplusplus", line):
            return self.skip_cplusplus(text, end)
        match = re.match(r"#\s*define\s+(\w+)(?!\()\s+(.+)", line)
        if match:
            self.read_constant(match[1], match[2].split("/*")[0].strip())
        return end

    def skip_cplusplus(self, text: str, position: int) -> int:
        """Skips to the #else or #endif of an `#ifdef __cplusplus`."""
        depth = 1
        for match in re.compile(r"^[ \t]*#\s*(if|else|endif)\w*.*$", re.M).finditer(text, position):
            depth += {"if": 1, "endif": -1, "else": 0}[match[1]]
            if depth == 0 or (depth == 1 and match[1] == "else"):
                return match.end()
        raise self.error(text, position, "#ifdef __cplusplus without #endif")

    def read_constant(self, name: str, value: str) -> None:
        number = parse_integer(value)
        if number is not None:
            self.headers.constants[name] = number
        init = re.fullmatch(r"\{\s*sizeof\((\w+)\)\s*,(.*)\}", value, re.S)
        if init and name.endswith("_INIT"):
            values = re.sub(r"'(.)'", lambda m: str(ord(m[1])), init[2])
            self.headers.initialisers[init[1]] = tuple(split_commas(values))

    def read_declaration(self, text: str) -> None:
        text = text.strip()
        if text.startswith("TG_API"):
            self.read_function(text)
        elif text.startswith("typedef"):
            self.read_typedef(text[len("typedef") :].strip())
        else:
            raise HeaderError(f"cannot read '{' '.join(text.split())[:60]}'")

    def read_function(self, text: str) -> None:
        match = re.fullmatch(r"TG_API\s+(?:TG_NODISCARD\s+)?(.*?)(\btg_\w+)\s*\((.*)\)", text, re.S)
        if not match:
            raise HeaderError(f"cannot read the function '{' '.join(text.split())[:60]}'")
        name = match[2]
        if name in self.headers.functions:
            raise HeaderError(f"{name} is declared twice")
        self.headers.functions[name] = Function(
            name=name,
            result=normal_type(_TOKEN.findall(match[1])),
            params=parse_params(match[3]),
            doc=self.doc,
            header=self.path.name,
        )

    def read_typedef(self, text: str) -> None:
        enum = re.fullmatch(r"enum\s*\w*\s*\{(.*)\}\s*(\w+)", text, re.S)
        struct = re.fullmatch(r"struct\s*\w*\s*\{(.*)\}\s*(\w+)", text, re.S)
        opaque = re.fullmatch(r"struct\s+(\w+)\s+(\w+)", text)
        callback = _FUNCTION_POINTER.match(text)
        if enum:
            self.headers.enums[enum[2]] = self.read_enumerators(enum[1])
        elif struct:
            self.headers.structs[struct[2]] = Struct(struct[2], parse_members(struct[1]))
        elif opaque:
            self.headers.opaque.append(opaque[2])
        elif callback:
            self.headers.callbacks[callback["name"]] = Callback(
                normal_type(_TOKEN.findall(callback["ret"])), parse_params(callback["params"])
            )
        else:
            alias = parse_param(text)
            self.headers.aliases[alias.name] = alias.type

    @staticmethod
    def read_enumerators(text: str) -> dict[str, int]:
        values: dict[str, int] = {}
        following = 0
        for item in split_commas(text):
            name, _, value = (part.strip() for part in item.partition("="))
            number = parse_integer(value) if value else following
            if number is None:
                raise HeaderError(f"the value of {name} is no number: '{value}'")
            values[name] = number
            following = number + 1
        return values


def read_headers(folder: Path) -> Headers:
    """Reads every header in the folder except the umbrella, in the order of their names."""
    paths = sorted(p for p in folder.glob("*.h") if p.name != HEADERS_AFTER)
    if not paths:
        raise HeaderError(f"{folder}: no headers there")
    headers = Headers()
    for path in paths:
        _Reader(headers, path).read()
    return headers


def normalised_declarations(headers: Headers) -> list[str]:
    """One line for all that a caller's compiled code depends on, in an order that does not change
    when a declaration moves to another place or header. Parameter names are left out; the names
    and the order of members are in."""
    lines = [f"opaque {name}" for name in headers.opaque]
    lines += [f"alias {name} = {type_}" for name, type_ in headers.aliases.items()]
    lines += [f"callback {name} = {c.normal()}" for name, c in headers.callbacks.items()]
    lines += [
        f"constant {name} = {value}"
        for name, value in headers.constants.items()
        if not name.startswith("TG_VERSION_")
    ]
    for name, values in headers.enums.items():
        lines.append(f"enum {name} {{" + ", ".join(f"{k} = {v}" for k, v in values.items()) + "}")
    for struct in headers.structs.values():
        members = "; ".join(f"{m.type} {m.name}" for m in struct.members)
        lines.append(f"struct {struct.name} {{{members}}}")
    for function in headers.functions.values():
        lines.append(f"{function.result} {function.name}({normal_params(function.params)})")
    return sorted(lines)


def abi_hash(headers: Headers) -> int:
    """64-bit FNV-1a over the normalised declarations, each ended by a newline."""
    value = 0xCBF29CE484222325
    for byte in "".join(line + "\n" for line in normalised_declarations(headers)).encode():
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value
