"""What goes wrong with an ECG, made on purpose: each fault in several strengths.

A corruption takes samples (leads, n) in millivolt and gives others; what it draws comes from the generator that it is
handed. Filters are of scipy.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab_bench.measuring.workload import LEADS

Samples = NDArray[np.float64]
_LIMB = 6


class Case(NamedTuple):
    """A recording to be corrupted."""

    samples: Samples  # (12, n) in the order of LEADS
    rate_hz: float
    lead: int
    """The lead that suffers, where it is one."""
    rng: np.random.Generator

    @property
    def length(self) -> int:
        """Samples of a lead."""
        return self.samples.shape[1]

    def seconds(self, duration: float) -> slice:
        """Somewhere, so long."""
        length = min(self.length, round(duration * self.rate_hz))
        begin = int(self.rng.integers(self.length - length + 1))
        return slice(begin, begin + length)


class Corruption(NamedTuple):
    """A fault, and what of it the gate should say."""

    name: str
    strength: str
    expected: frozenset[str]
    """Any of these words counts as detected."""
    one_lead: bool
    """Whether the words must be said of the lead that suffers."""
    apply: Callable[[Case], Samples]


def all_corruptions() -> list[Corruption]:
    """Every fault in every strength."""
    return [
        *_missing(), *_flat(), *_noise(), *_slow(), *_mains(), *_amplitude(), *_leads(), *_spikes(),
    ]  # fmt: skip


def _one(
    name: str, expected: str, strengths: dict[str, float], change: Callable[[Case, float], Samples]
) -> list[Corruption]:
    """Corruptions of one lead: `change` gives the lead's new samples."""

    def applied(strength: float) -> Callable[[Case], Samples]:
        def apply(case: Case) -> Samples:
            samples = case.samples.copy()
            samples[case.lead] = change(case, strength)
            return samples

        return apply

    words = frozenset(expected.split())
    return [Corruption(name, label, words, True, applied(value)) for label, value in strengths.items()]


def _all(
    name: str, expected: str, strengths: dict[str, float], change: Callable[[Case, float], Samples]
) -> list[Corruption]:
    """Corruptions of the whole recording."""
    words = frozenset(expected.split())
    return [
        Corruption(name, label, words, False, lambda case, value=value: change(case, value))  # type: ignore[misc]
        for label, value in strengths.items()
    ]


def _lead(case: Case) -> Samples:
    return np.array(case.samples[case.lead])


def _band(case: Case, low: float, high: float, rms: float) -> Samples:
    """Gaussian noise in a band, of this root mean square; the filter's beginning is left out."""
    signal = import_module("scipy.signal")
    sections = signal.butter(2, [low, min(high, 0.45 * case.rate_hz)], "bandpass", fs=case.rate_hz, output="sos")
    settle = round(2 * case.rate_hz)
    noise = signal.sosfilt(sections, case.rng.standard_normal(case.length + settle))[settle:]
    return np.asarray(noise * (rms / np.sqrt(np.mean(noise**2))))


def _sine(case: Case, frequency_hz: float, amplitude: float) -> Samples:
    time = np.arange(case.length) / case.rate_hz
    return np.asarray(amplitude * np.sin(2 * np.pi * (frequency_hz * time + case.rng.uniform())))


def _missing() -> list[Corruption]:
    def run(case: Case, seconds: float) -> Samples:
        lead = _lead(case)
        lead[case.seconds(seconds)] = np.nan
        return lead

    def scattered(case: Case, share: float) -> Samples:
        lead = _lead(case)
        lead[case.rng.uniform(size=case.length) < share] = np.nan
        return lead

    return [
        *_all("too short", "too_short", {"2.4 s": 2.4}, lambda c, s: c.samples[:, : round(s * c.rate_hz)]),
        *_one("no value", "empty", {"all NaN": np.nan}, lambda c, s: np.full(c.length, s)),
        *_one("NaN run", "gap missing", {"0.5 s": 0.5, "1.5 s": 1.5, "2.5 s": 2.5}, run),
        *_one("scattered NaN", "missing", {"5 %": 0.05, "20 %": 0.2, "60 %": 0.6}, scattered),
    ]


def _flat() -> list[Corruption]:
    def held(case: Case, seconds: float) -> Samples:
        lead, off = _lead(case), case.seconds(seconds)
        lead[off] = lead[off.start]
        return lead

    def limited(case: Case, share: float) -> Samples:
        lead = _lead(case)
        middle = float(np.median(lead))
        return np.clip(lead, middle + share * (lead.min() - middle), middle + share * (lead.max() - middle))

    return [
        *_one("constant", "flat", {"0 mV": 0.0, "0.3 mV": 0.3}, lambda c, s: np.full(c.length, s)),
        *_one("disconnected", "flat", {"2 s": 2, "4 s": 4, "6 s": 6}, held),
        *_one("disconnected, 2 µV noise", "flat", {"all": 0.002}, lambda c, s: s * c.rng.standard_normal(c.length)),
        *_one("saturated", "saturated", {"at 80 %": 0.8, "at 50 %": 0.5, "at 20 %": 0.2}, limited),
    ]


def _noise() -> list[Corruption]:
    mv = {"0.05 mV rms": 0.05, "0.1 mV rms": 0.1, "0.2 mV rms": 0.2, "0.5 mV rms": 0.5}
    return [
        *_one("muscle, 20-150 Hz", "noise bsqi ksqi", mv, lambda c, s: _lead(c) + _band(c, 20, 150, s)),
        *_one("motion, 1-10 Hz", "bsqi ksqi wander", mv, lambda c, s: _lead(c) + _band(c, 1, 10, s)),
        *_one("muscle alone", "noise bsqi ksqi", {"0.1 mV rms": 0.1}, lambda c, s: _band(c, 20, 150, s)),
        *_one("motion alone", "bsqi ksqi", {"0.2 mV rms": 0.2}, lambda c, s: _band(c, 1, 10, s)),
    ]


def _slow() -> list[Corruption]:
    mv = {"0.5 mV": 0.5, "0.8 mV": 0.8, "1.2 mV": 1.2, "2 mV": 2.0}
    return _one("baseline, 0.3 Hz, peak to peak", "wander", mv, lambda c, s: _lead(c) + _sine(c, 0.3, s / 2))


def _mains() -> list[Corruption]:
    mv = {"0.02 mV": 0.02, "0.04 mV": 0.04, "0.06 mV": 0.06, "0.1 mV": 0.1}
    return [
        *_one("mains, 50.1 Hz", "mains", mv, lambda c, s: _lead(c) + _sine(c, 50.1, s)),
        *_one("mains, 59.9 Hz", "mains", mv, lambda c, s: _lead(c) + _sine(c, 59.9, s)),
    ]


def _amplitude() -> list[Corruption]:
    factors = {"× 1000": 1e3, "× 10": 10.0, "× 5": 5.0, "÷ 5": 0.2, "÷ 10": 0.1, "÷ 1000": 1e-3}
    return _all("unit or gain", "too_large too_small clipped", factors, lambda c, s: c.samples * s)


def _leads() -> list[Corruption]:
    def rows(*order: str) -> Callable[[Case, float], Samples]:
        """Leads by what is recorded in their place, `-` for inverted; chest leads stay."""
        index = [LEADS.index(name.lstrip("-")) for name in order]
        sign = np.array([-1.0 if name.startswith("-") else 1.0 for name in order])
        return lambda case, _: np.vstack([case.samples[index] * sign[:, None], case.samples[_LIMB:]])

    def copied(case: Case, noise_mv: float) -> Samples:
        samples = case.samples.copy()
        samples[case.lead] = samples[case.lead - 1] + noise_mv * case.rng.standard_normal(case.length)
        return samples

    def late(case: Case, seconds: float) -> Samples:
        samples = case.samples.copy()
        samples[2] = np.roll(samples[2], round(seconds * case.rate_hz))
        return samples

    def inverted_chest(case: Case, _: float) -> Samples:
        return np.vstack([case.samples[:_LIMB], case.samples[: _LIMB - 1 : -1]])

    return [
        *_all("copy of another lead", "duplicate", {"exact": 0.0, "5 µV noise": 0.005, "20 µV noise": 0.02}, copied),
        *_all("names II and III exchanged", "limb_algebra", {"": 0}, rows("I", "III", "II", "aVR", "aVL", "aVF")),
        *_all("aVR inverted", "limb_algebra", {"": 0}, rows("I", "II", "III", "-aVR", "aVL", "aVF")),
        *_all("III later than I and II", "limb_algebra", {"4 ms": 0.004, "20 ms": 0.02}, late),
        *_all("arm electrodes exchanged", "arm_reversal", {"": 0}, rows("-I", "III", "II", "aVL", "aVR", "aVF")),
        *_all("right arm and leg exchanged", "arm_reversal", {"": 0}, rows("-III", "-II", "-I", "aVF", "aVL", "aVR")),
        *_all("left arm and leg exchanged", "arm_reversal", {"": 0}, rows("II", "I", "-III", "aVR", "aVF", "aVL")),
        *_all("V1 to V6 in reverse", "arm_reversal", {"": 0}, inverted_chest),
    ]  # fmt: skip


def _spikes() -> list[Corruption]:
    def paced(case: Case, height_mv: float) -> Samples:
        """A spike of 2 ms, falling within as long, 70 times a minute; of another size in every lead."""
        width, every = max(1, round(0.002 * case.rate_hz)), 60 / 70 * case.rate_hz
        shape = np.concatenate([np.ones(width), np.full(width, 0.5)])
        share = case.rng.uniform(0.3, 1, len(LEADS)) * case.rng.choice([-1, 1], len(LEADS))
        one, two = share[:2]
        share[2:_LIMB] = two - one, -(one + two) / 2, one - two / 2, two - one / 2
        samples = case.samples.copy()
        for begin in np.arange(every / 3, case.length - 2 * width, every).astype(int):
            samples[:, begin : begin + 2 * width] += height_mv * (share / np.abs(share).max())[:, None] * shape
        return samples

    return _all("pacemaker spikes", "paced", {"0.3 mV": 0.3, "0.6 mV": 0.6, "1 mV": 1.0, "2 mV": 2.0}, paced)
