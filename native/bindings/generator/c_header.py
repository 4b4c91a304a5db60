"""What ecg2lab.h declares, with its comments: enumerations, structs, calls and callbacks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pycparser import c_ast, c_parser

HEADER = Path(__file__).parents[2] / "include" / "ecg2lab.h"
PREFIX = "ecg2lab_"
STANDARD_TYPES = "typedef unsigned long size_t; typedef int int32_t; typedef long int64_t; typedef short int16_t; "
"""What the header takes from the C library; before its first line, so that lines keep their numbers."""


@dataclass(frozen=True)
class Type:
    """`base` is a C type, or one of the header's without its prefix; `stars` counts the pointers to it."""

    base: str
    stars: int


@dataclass(frozen=True)
class Named:
    """A field, or a parameter."""

    name: str
    type: Type
    comment: str = ""


@dataclass(frozen=True)
class Struct:
    """`fields` is empty where the header does not show them."""

    name: str
    fields: tuple[Named, ...]
    comment: str


@dataclass(frozen=True)
class Code:
    """A constant of an enumeration, without prefix."""

    name: str
    value: int
    comment: str


@dataclass(frozen=True)
class Enumeration:
    """Its codes, in the header's order."""

    name: str
    codes: tuple[Code, ...]
    comment: str


@dataclass(frozen=True)
class Call:
    """A function, or a type of functions that the library calls."""

    name: str
    result: Type
    parameters: tuple[Named, ...]


@dataclass(frozen=True)
class Header:
    """All of it; `structs` and `enumerations` by name without prefix."""

    abi_version: int
    enumerations: dict[str, Enumeration]
    structs: dict[str, Struct]
    callbacks: dict[str, Call]
    calls: tuple[Call, ...]

    @property
    def filled_by_caller(self) -> set[str]:
        """Structs with an `_init`."""
        return {call.name.removesuffix("_init") for call in self.calls if call.name.endswith("_init")}


class Comments:
    """The comments of a C file by line, and the file without them."""

    def __init__(self, text: str) -> None:
        self._after: dict[int, str] = {}  # by the line whose code they follow
        self._before: dict[int, str] = {}  # by the line before which they end
        for found in re.finditer(r"/\*(.*?)\*/", text, re.DOTALL):
            first = text.count("\n", 0, found.start()) + 1
            last = text.count("\n", 0, found.end()) + 1
            words = " ".join(line.strip().lstrip("*").strip() for line in found[1].splitlines()).strip()
            code_before = text[text.rfind("\n", 0, found.start()) + 1 : found.start()].strip()
            if code_before:
                self._after[first] = words
            else:
                self._before[last + 1] = words
        self.code = re.sub(r"/\*.*?\*/", lambda found: "\n" * found[0].count("\n"), text, flags=re.DOTALL)

    def of(self, line: int) -> str:
        """Of what is declared in this line."""
        words = self._after.get(line) or self._before.get(line, "")
        return "" if words.startswith("----") else words


def read_header(path: Path = HEADER) -> Header:
    """Parse the header; a declaration of a kind that bindings cannot take ends the program."""
    text = path.read_text(encoding="utf-8")
    comments = Comments(text)
    plain = re.sub(r'^ *#.*|ECG2LAB_API|extern "C" \{', "", comments.code, flags=re.MULTILINE)
    plain = re.sub(r"^\}\s*$(?!.*;)", "", plain, flags=re.MULTILINE)  # the end of extern "C"
    reader = _Reader(comments)
    for declaration in c_parser.CParser().parse(STANDARD_TYPES + plain).ext:
        reader.take(declaration)
    version = re.search(r"#define ECG2LAB_ABI_VERSION (\d+)", text)
    assert version is not None
    return Header(int(version[1]), reader.enumerations, reader.structs, reader.callbacks, tuple(reader.calls))


class _Reader:
    def __init__(self, comments: Comments) -> None:
        self.comments = comments
        self.enumerations: dict[str, Enumeration] = {}
        self.structs: dict[str, Struct] = {}
        self.callbacks: dict[str, Call] = {}
        self.calls: list[Call] = []

    def take(self, declaration: c_ast.Node) -> None:
        if not declaration.name.startswith(PREFIX):
            return
        name, comment = declaration.name.removeprefix(PREFIX), self.comments.of(_first_line(declaration))
        kind = declaration.type
        if isinstance(kind, c_ast.FuncDecl):
            self.calls.append(_call(name, kind))
        elif isinstance(kind, c_ast.PtrDecl) and isinstance(kind.type, c_ast.FuncDecl):
            self.callbacks[name] = _call(name, kind.type)
        elif isinstance(kind.type, c_ast.Enum):
            self.enumerations[name] = Enumeration(name, self._codes(name, kind.type), comment)
        elif isinstance(kind.type, c_ast.Struct):
            fields = tuple(
                Named(field.name, _type(field.type), self.comments.of(field.coord.line))
                for field in kind.type.decls or ()
            )
            self.structs[name] = Struct(name, fields, comment)
        else:
            raise SystemExit(f"ecg2lab.h, line {declaration.coord.line}: no binding is made of {declaration.name}")

    def _codes(self, enumeration: str, kind: c_ast.Enum) -> tuple[Code, ...]:
        codes = []
        for item in kind.values.enumerators:
            number = item.value
            sign = -1 if isinstance(number, c_ast.UnaryOp) and number.op == "-" else 1
            constant = number.expr if isinstance(number, c_ast.UnaryOp) else number
            comment = self.comments.of(item.coord.line)
            codes.append(Code(_short(item.name, enumeration), sign * int(constant.value), comment))
        return tuple(codes)


def _short(name: str, enumeration: str) -> str:
    """Without the prefix, and without the enumeration's own first words: ECG2LAB_LEAD_FLAT of lead_verdict is FLAT."""
    words = name.removeprefix(PREFIX.upper()).split("_")
    for word in enumeration.upper().split("_"):
        if len(words) == 1 or words[0] != word:
            break
        words = words[1:]
    return "_".join(words)


def _first_line(declaration: c_ast.Node) -> int:
    """Of a declaration whose name may stand at its end."""
    lines = [declaration.coord.line]
    inner = getattr(declaration.type, "type", None)
    if isinstance(inner, (c_ast.Struct, c_ast.Enum)):
        lines.append(inner.coord.line)
    return min(lines)


def _call(name: str, kind: c_ast.FuncDecl) -> Call:
    parameters = [Named(item.name or "", _type(item.type)) for item in kind.args.params]
    parameters = [item for item in parameters if item.type != Type("void", 0)]
    return Call(name, _type(kind.type), tuple(parameters))


def _type(node: c_ast.Node) -> Type:
    stars = 0
    while isinstance(node, c_ast.PtrDecl):
        node, stars = node.type, stars + 1
    return Type(" ".join(node.type.names).removeprefix(PREFIX), stars)
