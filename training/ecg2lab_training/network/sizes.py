"""Sizes of the S4 fusion network; the defaults are the published ones."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Width = Annotated[int, Meta(ge=1, le=16_384)]
"""Of a layer: thirty times what the published network has, which is more than a graph of a bundle may compute."""
Inputs = Literal["fusion", "ecg", "tabular"]
"""What the network is given; `ecg` and `tabular` are ablations of the same architecture, whose head has zeros for the
other part."""


Rate = Annotated[float, Meta(ge=0, lt=1)]


class Architecture(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Sizes that are a choice."""

    hidden: Width = 512
    state: Annotated[int, Meta(ge=2, le=1024, multiple_of=2)] = 8
    layers: Annotated[int, Meta(ge=1, le=64)] = 4
    bidirectional: bool = True
    embedding_widths: tuple[Width, ...] = (16, 32)
    static_widths: Annotated[tuple[Width, ...], Meta(min_length=1, max_length=64)] = (128, 128, 128)
    dropout: Rate = 0.2
    """Of whole channels, twice in each S4 layer: after its convolution and after its gate."""
    static_dropout: tuple[Rate, ...] = (0.25, 0.25, 0.5)
    """Before each linear layer of the static branch."""

    def __post_init__(self) -> None:
        """Refuse rates that are not one for each layer."""
        if len(self.static_dropout) != len(self.static_widths):
            raise ValueError(
                f"static_dropout names {len(self.static_dropout)} rates for the {len(self.static_widths)} layers of "
                "static_widths"
            )


class Sizes(Architecture, frozen=True, kw_only=True):
    """All sizes: those that are a choice, and those that follow from the data set's contract."""

    targets: int
    leads: int = 12
    window: int = 250
    continuous: int = 10
    categories: tuple[int, ...] = (2, 5)
    inputs: Inputs = "fusion"
