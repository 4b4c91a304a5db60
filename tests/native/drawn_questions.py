"""Recordings and patients that hypothesis draws: real ECGs in every form, spoilt ones, and facts of all kinds."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from drawn_models import RANGES
from hypothesis import strategies as st

from ecg2lab.recording.leads import STANDARD

RATES = st.sampled_from([500.0] * 8 + [360.0, 257.5, 1000.0, 100.0, 333.3333, 99.9, 2000.1, np.inf, np.nan])
BLANKS = ["", " ", "\t", "\u00a0", "\x1f", "\u3000", "\x85", "\v"]
"""Of ASCII, which a name may stand between, and others, which make it another name."""
ODD_NAMES = ["", " ", "x", "V10", "a'b", 'a"b', "Ⅰ", "ııı", "aVR\u0301", "\x01", "Vx", "v3r", "心"]
FACTS = (*RANGES, "temperature_c")


class Samples(NamedTuple):
    """What a caller hands in."""

    samples: np.ndarray  # (leads, n)
    leads: list[str]
    fs: float
    unit: str
    calibration: dict[str, list[float]]


@st.composite
def recordings(draw, ecgs):
    """Most are good enough for an answer: what is odd about one is odd about one lead, and not in every recording."""
    names, millivolt = draw(st.sampled_from(ecgs))
    rows = draw(st.permutations(range(len(names))))
    if draw(st.booleans()):
        rows = [row for row in rows if names[row] not in ("III", "aVR", "aVL", "aVF")]  # they follow from I and II
    rows = rows[: draw(st.sampled_from([12, 12, 12, 7, 1]))]
    begin, length = draw(st.integers(0, 500)), draw(st.sampled_from([4000, 2600, 2600, 1300, 500, 40]))
    samples = millivolt[rows, begin : begin + length].copy()
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        draw(st.sampled_from(SPOILERS))(draw, samples)
    leads = [draw(spellings(names[row])) for row in rows]
    odd = draw(st.integers(0, len(leads) - 1))
    match draw(st.integers(0, 15)):
        case 1:
            leads[odd] = draw(st.sampled_from([*ODD_NAMES, *STANDARD]))
        case 2:
            leads[odd] = draw(st.sampled_from(BLANKS)) + leads[odd] + draw(st.sampled_from(BLANKS))
    return in_unit(draw, samples * draw(st.sampled_from([1, 1, 1, 1, 0.7, 3, 0.001, 1000])), leads, draw(RATES))


def spellings(name):
    return st.sampled_from([name, name.lower(), name.upper(), f" {name}"])


def _run(draw, samples):
    """One lead, and a part of its samples."""
    row = draw(st.integers(0, len(samples) - 1))
    begin = draw(st.integers(0, samples.shape[1] - 1))
    return row, slice(begin, begin + draw(st.sampled_from([1, 10, 100, 2000, 5000])))


def gap(draw, samples):
    samples[_run(draw, samples)] = np.nan


def empty(draw, samples):
    samples[_run(draw, samples)[0]] = np.nan


def flat(draw, samples):
    row, part = _run(draw, samples)
    samples[row, part] = samples[row, part.start]


def every_other(draw, samples):
    samples[_run(draw, samples)[0], ::2] = np.nan


def infinite(draw, samples):
    row, part = _run(draw, samples)
    samples[row, part.start] = np.inf


def noisy(draw, samples):
    row, part = _run(draw, samples)
    samples[row, part] += np.random.default_rng(0).normal(0, 0.3, samples[row, part].size)


def repeated(draw, samples):
    samples[_run(draw, samples)[0]] = samples[0]


SPOILERS = [gap, empty, flat, every_other, infinite, noisy, repeated]


def in_unit(draw, millivolt, leads, fs):
    """The same recording as other numbers; sometimes with a calibration that cannot be meant."""
    whole = np.isfinite(millivolt).all() and np.abs(millivolt).max() < 30
    kind = draw(st.sampled_from(["float64", "float32", "int16"] if whole else ["float64", "float32"]))
    unit = draw(st.sampled_from(["mV", "uV", "V", "adc"]))
    if unit == "adc":
        gain = draw(st.sampled_from([[200.0], list(np.linspace(100, 400, len(leads)))]))
        baseline = draw(st.sampled_from([[0.0], [3.0], list(np.arange(len(leads), dtype=float))]))
        odd = draw(st.integers(0, 30))
        counts = millivolt * np.array(gain)[:, None] + np.array(baseline)[:, None]
        gain = {0: [0.0], 1: [np.nan], 2: None, 3: [-1.0], 4: [*gain, np.inf][-len(gain) :]}.get(odd, gain)
        baseline = {5: [np.inf], 6: [np.nan]}.get(odd, baseline)
        calibration = {"gain": gain, "baseline": baseline} if gain else {"baseline": baseline}
        return Samples(counts.astype(kind), leads, fs, unit, calibration)
    numbers = millivolt * {"mV": 1, "uV": 1e3, "V": 1e-3}[unit]
    calibration = draw(st.sampled_from([{}] * 20 + [{"gain": [200.0]}, {"baseline": [1.0]}, {"baseline": [0.0]}]))
    return Samples(numbers.astype(kind), leads, fs, unit, calibration)


USUAL = {"age": (40, 100), "diastolic_mmhg": (50, 90), "temperature_c": (10, 60)}
"""Of ages some are below a model's minimum, and some beyond a top code; others see `within`."""


def within(name):
    low, high = RANGES[name]
    return low + (high - low) * 0.2, low + (high - low) * 0.4


@st.composite
def patients(draw):
    """Facts by name: mostly measurements, some none, some beyond float32, some missing; or age and sex alone."""
    facts: dict[str, Any] = {}
    if draw(st.integers(0, 3)) == 0:
        return {"age": draw(st.floats(65, 120)), "sex": draw(st.sampled_from(["female", "male"]))}
    names = FACTS if draw(st.booleans()) else draw(st.lists(st.sampled_from(FACTS), unique=True))
    for name in names:
        facts[name] = draw(st.floats(*USUAL.get(name) or within(name)))
    if facts and draw(st.integers(0, 4)) == 0:
        name = draw(st.sampled_from(sorted(facts)))
        low, high = RANGES.get(name, (10, 60))
        facts[name] = float(draw(st.sampled_from([low, high, low - 1, high + 0.5, -1.0, 0.0, 1e39, -1e39, np.inf])))
    if "temperature_c" in facts and draw(st.integers(0, 9)):
        facts.pop("temperature_f", None)
    sex, race = (
        draw(st.sampled_from(["female", "male", None])),
        draw(st.sampled_from(["white", "asian", "other", None])),
    )
    return facts | ({"sex": sex} if sex else {}) | ({"race": race} if race else {})
