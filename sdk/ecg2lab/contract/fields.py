"""Types of the contract's fields."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Name = Annotated[str, Meta(min_length=1, max_length=120)]
Sentence = Annotated[str, Meta(min_length=1, max_length=400)]
Positive = Annotated[float, Meta(gt=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Cutoff = Annotated[float, Meta(gt=0, lt=1)]
Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Windows = Annotated[int, Meta(ge=1, le=1_000_000)]
Facts = Literal["all", "age and sex"]
"""What was known beside the ECG: whatever the data set had of the contract's features, or age and sex alone."""


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Immutable; an unknown field is an error, never ignored."""
