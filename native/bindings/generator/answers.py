"""What a program is handed as objects of its own language: the structs that the library fills, field by field."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from c_header import PREFIX, Header, Named, Struct, Type

ROOTS = ("code", "description", "result", "selftest_report", "stream_state")
"""Structs that are copied whole, with all that they point to; the others are the library's own business."""
CODES = {"result.status": "status", "selftest_report.status": "status"}
"""Numbers that are of an enumeration although their comment does not begin with its name."""
PLAIN = {"target.horizon_min", "category.missing_code", "code.code", "code.since", "code.instead"}
"""Numbers that are of none."""


class Kind(Enum):
    """What a member is; `of` of a member says of which struct or enumeration."""

    TEXT = auto()
    TEXTS = auto()
    NUMBER = auto()
    WHOLE = auto()
    FLAG = auto()
    MAYBE_FLAG = auto()
    CODE = auto()
    INNER = auto()
    ONE = auto()
    LIST = auto()
    ARRAY = auto()


@dataclass(frozen=True)
class Member:
    """One field, or a list with the field that counts it."""

    field: str
    kind: Kind
    of: str
    count: str
    comment: str


def answer_structs(header: Header) -> list[Struct]:
    """`ROOTS` and what they are made of, in the header's order."""
    reached: set[str] = set()
    ahead = list(ROOTS)
    while ahead:
        name = ahead.pop()
        if name not in reached:
            reached.add(name)
            ahead += [member.of for member in members(header, header.structs[name]) if member.of in header.structs]
    return [struct for name, struct in header.structs.items() if name in reached]


def members(header: Header, struct: Struct) -> list[Member]:
    """Of a struct that the library fills, without its size and its counts."""
    found = []
    counts: set[str] = set()
    for field, following in zip(struct.fields, [*struct.fields[1:], None], strict=True):
        if field.name == "struct_size" or field.name in counts:
            continue
        count = following.name if following is not None and following.name.endswith("_count") else ""
        kind, of = _kind(header, struct, field, count)
        if kind in (Kind.TEXTS, Kind.LIST, Kind.ARRAY):
            counts.add(count)
        else:
            count = ""
        found.append(Member(field.name, kind, of, count, said(kind, field.comment)))
    return found


def texts_of(header: Header, struct: Struct) -> dict[str, str]:
    """What a struct says through a call: {"json": "result_json"}."""
    takes = {call: [item.type for item in call.parameters] for call in header.calls if call.result == Type("char", 1)}
    calls = [call.name for call, types in takes.items() if types == [Type(struct.name, 1)]]
    return {name.removeprefix(f"{struct.name}_"): name for name in calls}


def word_of(header: Header, member: Member) -> str:
    """The call that says a code in words, whatever number a newer library gives it; empty where there is none.

    A fault's `code` has its `name` beside it.
    """
    names = {call.name for call in header.calls if call.result == Type("char", 1)}
    named = [f"{member.of}_name", f"{member.of.removesuffix('_code')}_name"]
    return (
        next((name for name in named if name in names), "")
        if member.kind is Kind.CODE and member.field != "code"
        else ""
    )


def said(kind: Kind, comment: str) -> str:
    """Without the name of the enumeration, and with true, false and null for 1, 0 and -1."""
    if kind is Kind.CODE:
        return re.sub(rf"^{PREFIX}\w+[;:]? *", "", comment)
    if kind in (Kind.FLAG, Kind.MAYBE_FLAG):
        for number, word in {"-1": "null", "1": "true", "0": "false"}.items():
            comment = re.sub(rf"(?<![\w.-]){number}(?=[: ])", word, comment)
    return comment


def _kind(header: Header, struct: Struct, field: Named, count: str) -> tuple[Kind, str]:
    base, stars = field.type.base, field.type.stars
    simple = {
        Type("char", 1): Kind.TEXT,
        Type("double", 0): Kind.NUMBER,
        Type("size_t", 0): Kind.WHOLE,
        Type("int64_t", 0): Kind.WHOLE,
    }
    if field.type in simple:
        return simple[field.type], ""
    if field.type == Type("int32_t", 0):
        return _number(header, f"{struct.name}.{field.name}", field.comment)
    if field.type == Type("char", 2) and count:
        return Kind.TEXTS, ""
    if base in header.structs and stars == 0:
        return Kind.INNER, base
    if base in header.structs and stars == 2 and count:
        return Kind.LIST, base
    if base in header.structs and stars == 1:
        return (Kind.ARRAY if count else Kind.ONE), base
    raise SystemExit(f"ecg2lab.h: {struct.name}.{field.name} is of a kind that answers.py does not tell")


def _number(header: Header, place: str, comment: str) -> tuple[Kind, str]:
    """By the comment's first words: the name of an enumeration, or what 1, 0 and -1 mean."""
    named = re.match(rf"{PREFIX}(\w+)", comment)
    if named and named[1] in header.enumerations:
        return Kind.CODE, named[1]
    if place in CODES:
        return Kind.CODE, CODES[place]
    if re.match(r"1 .*, 0 .*, -1 ", comment):
        return Kind.MAYBE_FLAG, ""
    if comment.startswith("1: "):
        return Kind.FLAG, ""
    if place in PLAIN:
        return Kind.WHOLE, ""
    raise SystemExit(f"ecg2lab.h: the comment of {place} does not begin with its enumeration, nor with what 1 means")
