"""Writes what other readers hold contracts to, from the one table of fields that `contract.py` is: `make schema`.

Written are the JSON schema, the table of the native reader, and the table of the documentation. Each holds names,
types, ranges, words and defaults of the fields; the documentation also what they mean.
"""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect as types

from ecg2lab import contract

_ROOT = Path(__file__).parents[3]
NATIVE_TABLE = _ROOT / "native" / "src" / "contract" / "table.inc"
DOCUMENTATION = _ROOT / "docs" / "reference" / "contract.md"
_BEGIN, _END = "<!-- fields: written by `make schema` -->\n", "<!-- end of fields -->\n"


def structs(cls: type = contract.Contract) -> Iterator[types.StructType]:
    """The contract and what it is made of, each once, in the order of their fields."""
    seen: dict[str, types.StructType] = {}

    def visit(kind: types.Type) -> None:
        if isinstance(kind, types.StructType) and kind.cls.__name__ not in seen:
            seen[kind.cls.__name__] = kind
            for field in kind.fields:
                visit(field.type)
        for part in getattr(kind, "types", ()):
            visit(part)
        if item := getattr(kind, "item_type", None):
            visit(item)

    visit(types.type_info(cls))
    return iter(seen.values())


def json_schema() -> str:
    """Of a contract, as the packaged file has it."""
    return json.dumps(contract.json_schema(), indent=1, ensure_ascii=False) + "\n"


def native_table() -> str:
    """C++: for each struct a function that hands every field, with what it is held to, to a reader or a writer."""
    lines = ["// Written by `make schema` from sdk/ecg2lab/contract; clang-format off"]
    for struct in structs():
        if struct.cls is not contract.QualityLimits:
            lines += ["template <typename Visitor>"]
            lines += [f"void visit_fields({struct.cls.__name__}& of, Visitor& visitor) {{"]
            lines += [f"  visitor.{_native_call(field)};" for field in struct.fields] + ["}"]
    lines += [f"inline constexpr StandardLimit kStandardLimits[] = {{{', '.join(_standard_limits())}}};"]
    numbers = ", ".join(f'{{"{name}", "{unit}"}}' for name, unit in contract.NUMBERS.items())
    lines.append(f"inline constexpr KnownNumber kNumbers[] = {{{numbers}}};")
    lines.append(f"inline constexpr std::string_view kCategories[] = {{{_quoted(contract.CATEGORIES)}}};")
    return "\n".join(lines) + "\n"


def _native_call(field: types.Field) -> str:
    kind = _without_none(field.type)
    name, rule = field.encode_name, _native_rule(kind)
    if isinstance(kind, types.LiteralType) and len(kind.values) == 1:
        return f'constant("{name}", {rule})'
    if field.default is msgspec.NODEFAULT:
        return f'required("{name}", of.{name}, {rule})'
    if field.default in (None, ()) or isinstance(kind, types.StructType):
        return f'optional("{name}", of.{name}, {rule})'
    return f'optional("{name}", of.{name}, {rule}, {json.dumps(field.default)})'


def _native_rule(kind: types.Type) -> str:
    match kind:
        case types.VarTupleType():
            return f"ListRule{{{kind.min_length or 0}, {_native_rule(kind.item_type)}}}"
        case types.FloatType() | types.IntType():
            rule = "NumberRule" if isinstance(kind, types.FloatType) else "IntegerRule"
            return f"{rule}{{{', '.join(_or_none(x) for x in (kind.gt, kind.ge, kind.lt, kind.le))}}}"
        case types.StrType():
            return f"TextRule{{{kind.min_length or 0}, {_or_none(kind.max_length)}}}"
        case types.LiteralType() if all(isinstance(value, str) for value in kind.values):
            return f"Words{{{_quoted(kind.values)}}}"
        case types.LiteralType():
            return f"Numbers{{{', '.join(map(str, kind.values))}}}"
        case types.StructType():
            return "StructRule{}"
    raise TypeError(f"the native reader has no rule for {kind}")


def _standard_limits() -> Iterator[str]:
    limits = contract.QualityLimits()
    for name in limits.__struct_fields__:
        limit: contract.Limit = getattr(limits, name)
        yield f'{{"{name}", {_or_none(limit.warn)}, {_or_none(limit.refuse)}}}'


def documentation() -> str:
    """The page of the reference, its table of fields anew."""
    page = DOCUMENTATION.read_text(encoding="utf-8")
    before, _, rest = page.partition(_BEGIN)
    after = rest.partition(_END)[2]
    rows = ["| field | type and range | default | meaning |", "|---|---|---|---|"]
    for struct in structs():
        meanings = _meanings(struct.cls)
        for field in struct.fields:
            default = _limit(field.default) if isinstance(field.default, contract.Limit) else _default(field)
            cells = f"`{struct.cls.__name__}.{field.encode_name}`", _words(field.type), default
            rows.append(f"| {' | '.join(cells)} | {meanings.get(field.name, '')} |")
    return before + _BEGIN + "\n" + "\n".join(rows) + "\n\n" + _END + after


def _meanings(cls: type) -> dict[str, str]:
    """The text that stands behind each field of a class."""
    (body,) = (node.body for node in ast.parse(inspect.getsource(cls)).body if isinstance(node, ast.ClassDef))
    pairs = pairwise(body)
    return {
        field.target.id: " ".join(text.value.value.split()).replace("|", r"\|")
        for field, text in pairs
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def _words(kind: types.Type) -> str:
    """Type and range of a field."""
    match kind:
        case types.StructType():
            return f"`{kind.cls.__name__}`"
        case types.UnionType():
            return " or ".join(map(_words, sorted(kind.types, key=lambda part: isinstance(part, types.NoneType))))
        case types.VarTupleType():
            return f"list of at least {kind.min_length or 0}: {_words(kind.item_type)}"
        case types.LiteralType():
            return ", ".join(f"`{value}`" for value in kind.values)
        case types.NoneType():
            return "null"
        case types.StrType():
            return _text_range(kind)
        case types.IntType() | types.FloatType():
            bounds = {">": kind.gt, "≥": kind.ge, "<": kind.lt, "≤": kind.le}
            said = ", ".join(f"{sign} {bound}" for sign, bound in bounds.items() if bound is not None)
            return f"{'whole number' if isinstance(kind, types.IntType) else 'number'} {said}".rstrip()
    return type(kind).__name__


_PATTERNS = {
    contract.LOINC_PATTERN: "text, a LOINC code",
    contract.CODE_PATTERN: "1 to 20 letters, digits, `_`, `.` or `-`, a letter or digit first",
}


def _text_range(kind: types.StrType) -> str:
    if kind.pattern:
        return _PATTERNS[kind.pattern]
    return f"text of {kind.min_length or 0} to {kind.max_length} characters" if kind.max_length else "text"


def _default(field: types.Field) -> str:
    if field.default is msgspec.NODEFAULT:
        return "required"
    if isinstance(field.default, msgspec.Struct):
        return "its own"
    return f"`{msgspec.json.encode(field.default).decode()}`"


def _limit(limit: contract.Limit) -> str:
    parts = {"warn": limit.warn, "refuse": limit.refuse}
    return ", ".join(f"{name} {value:g}" for name, value in parts.items() if value is not None) or "never"


def _without_none(kind: types.Type) -> types.Type:
    if not isinstance(kind, types.UnionType):
        return kind
    (other,) = (part for part in kind.types if not isinstance(part, types.NoneType))
    return other


def _or_none(value: Any) -> str:
    return "std::nullopt" if value is None else str(value)


def _quoted(words: Any) -> str:
    return ", ".join(f'"{word}"' for word in words)


FILES = {contract.SCHEMA_FILE: json_schema, NATIVE_TABLE: native_table, DOCUMENTATION: documentation}
"""What is written, and what it holds."""

if __name__ == "__main__":
    for path, content in FILES.items():
        path.write_text(content(), encoding="utf-8")
