"""Sizes of the S4 fusion network; the defaults are the published ones."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Count = Annotated[int, Meta(ge=1)]
Inputs = Literal["fusion", "ecg", "tabular"]
"""What the network is given; `ecg` and `tabular` are ablations of the same architecture, whose head has zeros for the
other part."""


class Architecture(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Sizes that are a choice."""

    hidden: Count = 512
    state: Annotated[int, Meta(ge=2, multiple_of=2)] = 8
    layers: Count = 4
    bidirectional: bool = True
    embedding_widths: tuple[Count, ...] = (16, 32)
    static_widths: Annotated[tuple[Count, ...], Meta(min_length=1)] = (128, 128, 128)
    dropout: Annotated[float, Meta(ge=0, lt=1)] = 0.2


class Sizes(Architecture, frozen=True, kw_only=True):
    """All sizes: those that are a choice, and those that follow from the data set's contract."""

    targets: int
    leads: int = 12
    window: int = 250
    continuous: int = 10
    categories: tuple[int, ...] = (2, 5)
    inputs: Inputs = "fusion"
