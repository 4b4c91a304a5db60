"""Protocol buffers in text format, as Triton reads a model's configuration: enough to write one, without a library.

The format: https://protobuf.dev/reference/protobuf/textformat-spec/. The tests parse what is written here with Triton's
own schema.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias


class Word(str):
    """Written without quotes: a value of an enumeration."""


Scalar: TypeAlias = str | int | bool
Message: TypeAlias = Mapping[str, "Value"]
Value: TypeAlias = "Scalar | Message | Sequence[Scalar] | Sequence[Message]"

_ESCAPES = {"\\": r"\\", '"': r"\"", "\n": r"\n", "\r": r"\r", "\t": r"\t"}


def render(message: Message) -> str:
    """Write a message: a mapping is a nested message, a sequence a repeated field."""
    return "".join(f"{line}\n" for name, value in message.items() for line in _field(name, value))


def entries(mapping: Mapping[str, Message | str]) -> list[Message]:
    """Write a protobuf map as what it is in text format: repeated messages with a key and a value."""
    return [{"key": key, "value": value} for key, value in mapping.items()]


def _field(name: str, value: Value) -> list[str]:
    if isinstance(value, Mapping):
        inner = [f"  {line}" for key, part in value.items() for line in _field(key, part)]
        return [f"{name} {{", *inner, "}"] if inner else [f"{name} {{ }}"]
    if isinstance(value, str) or not isinstance(value, Sequence):
        return [f"{name}: {_scalar(value)}"]
    if any(isinstance(item, Mapping) for item in value):
        return [line for item in value for line in _field(name, item)]
    return [f"{name}: [{', '.join(_scalar(item) for item in value if not isinstance(item, Mapping))}]"]


def _scalar(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (Word, int)):
        return str(value)
    return f'"{"".join(map(_letter, value))}"'


def _letter(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    return letter if letter >= " " and letter != "\x7f" else f"\\{ord(letter):03o}"
