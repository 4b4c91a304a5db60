"""How the file is read, and what its schema is."""

from __future__ import annotations

import hashlib
import json
import secrets
from pathlib import Path
from typing import Any

import msgspec

from ecg2lab.edge.config.complaints import complaints
from ecg2lab.edge.config.configuration import Configuration
from ecg2lab.errors import ConfigurationError
from ecg2lab.system.files import read_regular
from ecg2lab.system.names import shown
from ecg2lab.system.strict_json import refuse_repeated_keys, schema_of

SCHEMA_FILE = Path(__file__).parent.with_name("edge.schema.json")


def read(path: str | Path) -> tuple[Configuration, Path]:
    """Read a configuration; returns it and the folder that its relative paths start from.

    Raises
    ------
    ConfigurationError
        If it cannot be read, is no JSON, or says what the node cannot do; the message names the field.
    """
    where = Path(path)
    try:
        text = read_regular(where)
        refuse_repeated_keys(text)
        told = msgspec.json.decode(text)
    except OSError as error:
        raise ConfigurationError(f"cannot read {shown(where)}: {error.strerror}") from None
    except (msgspec.DecodeError, ValueError) as error:
        raise ConfigurationError(f"{shown(where)}: {error}") from None
    return decode(told, shown(where)), where.resolve().parent


def decode(told: object, source: str) -> Configuration:
    """A configuration from what its JSON says; `source` is what to call it.

    Raises
    ------
    ConfigurationError
        As `read`.
    """
    try:
        configuration = msgspec.convert(told, Configuration)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{source}: {error}") from None
    wrong = complaints(configuration)
    if wrong:
        raise ConfigurationError(f"{source}: {'; '.join(wrong)}")
    return configuration


def new_token() -> tuple[str, str]:
    """A token that nobody can guess, and its SHA-256 for the configuration."""
    token = secrets.token_urlsafe(32)
    return token, hashlib.sha256(token.encode()).hexdigest()


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the file."""
    return schema_of("ecg2lab edge node", Configuration)


def schema_text() -> str:
    """The schema as published."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"
