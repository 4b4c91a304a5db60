"""What a recording may be that no model was trained on: faults of all leads at once, exchanged leads, a wrong rate.

A distortion takes a recording's samples (12, n) in millivolt, in the order of `LEADS`, and its rate, and gives others.
Unlike `corruptions`, which the quality gate should name one by one, these are for whoever judges what passed the gate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab_bench.measuring.workload import LEADS

Samples = NDArray[np.float64]
_LIMB = ("I", "II", "III", "aVR", "aVL", "aVF")
_CHEST = ("V1", "V2", "V3", "V4", "V5", "V6")


class Recorded(NamedTuple):
    """Samples, and the rate that is stated."""

    samples: Samples
    rate_hz: float


class Distortion(NamedTuple):
    """One of them."""

    name: str
    strength: str
    apply: Callable[[Recorded, np.random.Generator], Recorded]


def all_distortions() -> list[Distortion]:
    """Every one in every strength."""
    return [
        *(Distortion("white noise", f"{mv:g} mV rms", _added(_noise, mv)) for mv in (0.02, 0.05, 0.1, 0.2)),
        *(Distortion("baseline, 0.3 Hz", f"{mv:g} mV", _added(_wander, mv)) for mv in (0.25, 0.5, 1.0)),
        *(Distortion("mains, 50 Hz", f"{mv:g} mV", _added(_mains, mv)) for mv in (0.05, 0.1, 0.2)),
        *(Distortion("clipped", f"at {mv:g} mV", _each(_clipped, mv)) for mv in (0.6, 0.3)),
        *(Distortion("amplitude", f"× {factor:g}", _each(_scaled, factor)) for factor in (0.5, 2.0)),
        *(Distortion("rate", f"stated as {factor:g} ×", _restated(factor)) for factor in (0.5, 2.0)),
        Distortion("arm electrodes exchanged", "", _leads("-I", "III", "II", "aVL", "aVR", "aVF", *_CHEST)),
        Distortion("V1 and V2 exchanged", "", _leads(*_LIMB, "V2", "V1", *_CHEST[2:])),
        Distortion("names of all leads in reverse", "", _leads(*reversed((*_LIMB, *_CHEST)))),
    ]


def _added(
    make: Callable[[Recorded, np.random.Generator], Samples], size: float
) -> Callable[[Recorded, np.random.Generator], Recorded]:
    """Add so much to each electrode's lead; the four that follow from I and II follow from them still."""

    def apply(own: Recorded, rng: np.random.Generator) -> Recorded:
        return Recorded(own.samples + _as_electrodes_would(size * make(own, rng)), own.rate_hz)

    return apply


def _as_electrodes_would(added: Samples) -> Samples:
    row = {lead: added[LEADS.index(lead)] for lead in ("I", "II", *_CHEST)}
    one, two = row["I"], row["II"]
    row |= {"III": two - one, "aVR": -(one + two) / 2, "aVL": one - two / 2, "aVF": two - one / 2}
    return np.stack([row[lead] for lead in LEADS])


def _noise(own: Recorded, rng: np.random.Generator) -> Samples:
    return rng.standard_normal(own.samples.shape)


def _wander(own: Recorded, rng: np.random.Generator) -> Samples:
    return _sines(own, rng, 0.3)


def _mains(own: Recorded, rng: np.random.Generator) -> Samples:
    return _sines(own, rng, 50.0 if own.rate_hz > 100 else 49.0)  # at 100 Hz, 50 Hz would be a constant sign


def _sines(own: Recorded, rng: np.random.Generator, frequency_hz: float) -> Samples:
    """One amplitude, another phase in each lead."""
    time = np.arange(own.samples.shape[1]) / own.rate_hz
    return np.asarray(np.sin(2 * np.pi * (frequency_hz * time + rng.uniform(size=(len(LEADS), 1)))))


def _each(change: Callable[[Samples, float], Samples], size: float) -> Callable[..., Recorded]:
    return lambda own, _: Recorded(change(own.samples, size), own.rate_hz)


def _clipped(samples: Samples, limit_mv: float) -> Samples:
    return np.clip(samples, -limit_mv, limit_mv)


def _scaled(samples: Samples, factor: float) -> Samples:
    return samples * factor


def _restated(factor: float) -> Callable[..., Recorded]:
    return lambda own, _: Recorded(own.samples, own.rate_hz * factor)


def _leads(*order: str) -> Callable[..., Recorded]:
    """By what is recorded in place of I, II, III, aVR, aVL, aVF, V1 … V6; `-` for inverted."""
    return lambda own, _: Recorded(_reordered(own.samples, order), own.rate_hz)


def _reordered(samples: Samples, order: Sequence[str]) -> Samples:
    by_name = dict(zip((*_LIMB, *_CHEST), order, strict=True))
    names = [by_name[lead] for lead in LEADS]
    sign = np.array([-1.0 if name.startswith("-") else 1.0 for name in names])
    return samples[[LEADS.index(name.lstrip("-")) for name in names]] * sign[:, None]
