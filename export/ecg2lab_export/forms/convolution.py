"""The forms in which a window graph can hold an S4 convolution, and which of them is the faster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from ecg2lab_export.forms import recurrent, spectral
from ecg2lab_export.graphs.builder import GraphBuilder
from ecg2lab_export.network.fusion import FusionNetwork, S4Layer

Form = Literal["spectral", "recurrent"]
Convolution = Callable[[GraphBuilder, str, S4Layer], str]
"""Appends y = conv(u, k) + D·u of a layer, u given by its name, to a graph: (B·L, H) → (B·L, H)."""

FORMS: dict[Form, Convolution] = {"spectral": spectral.add_spectral, "recurrent": recurrent.add_recurrence}
_COST_OF_A_RECURRENT_MULTIPLICATION = 5.5
"""Against one of the spectral form, on ONNX Runtime: its products are tiny, one per channel, and turn the activations
around. Over 25 sizes the choice so made costs 7 % of time at worst (`python -m experiments form-choice`)."""


def by_speed(network: FusionNetwork) -> tuple[Form, ...]:
    """All forms, the one first that is expected to be faster for this window and state size."""
    window, states = network.window, max(layer.realisation.states for layer in network.layers)
    directions = 1 if network.causal else 2
    chunks = _COST_OF_A_RECURRENT_MULTIPLICATION * recurrent.multiplications(window, states, directions)
    first: Form = "spectral" if spectral.plan_for(window).multiplications <= chunks else "recurrent"
    return (first, *(form for form in FORMS if form != first))
