"""What is compared of an answer: a row of numbers, made from its JSON."""

from __future__ import annotations

from statistics import median
from typing import Any, Literal, NamedTuple, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from ecg2lab.answer.prediction import Verdict
from ecg2lab.contract import ContinuousFeature, Contract
from ecg2lab.patient import in_words

Kind = Literal["fact", "ecg", "probability"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


class Column(NamedTuple):
    """One number of each answer."""

    kind: Kind
    name: str
    """A feature of the contract, a measurement, or the code of a target."""
    title: str
    unit: str
    words: tuple[str, ...] = ()
    """Of a category, which stands as its place among them."""


class Observed(NamedTuple):
    """What is kept in memory of an answer."""

    number: int
    received: float
    row: NDArray[np.float64]
    """(columns,) NaN: not given or not measured."""
    verdicts: NDArray[np.int8]
    """(targets,) places in `VERDICTS`."""
    points: NDArray[np.int8]
    """(targets,) place of the operating point among the contract's; -1: none held."""
    outside: float
    """1: outside experience; NaN: not judged."""


class _Point(msgspec.Struct):
    windows: int
    facts: str
    most_missing: int


class _Finding(msgspec.Struct):
    probability: float
    verdict: Verdict
    operating_point: _Point | None = None


class _Quality(msgspec.Struct):
    leads: dict[str, dict[str, float]]
    recording: dict[str, float]


class _Recording(msgspec.Struct):
    quality: _Quality | None = None


class _Patient(msgspec.Struct):
    given: dict[str, Any]
    out_of_range: tuple[str, ...] = ()


class _Engine(msgspec.Struct):
    bundle_digest: str


class _Experience(msgspec.Struct):
    distance: float
    outside: bool
    limit: float | None = None


class _Answer(msgspec.Struct):
    """Those fields of `Prediction` that are looked at."""

    findings: tuple[_Finding, ...]
    recording: _Recording
    patient: _Patient
    engine: _Engine
    experience: _Experience | None = None


_DECODER = msgspec.json.Decoder(_Answer)
_ECG = (
    Column("ecg", "noise", "noise between the beats", "mV"),
    Column("ecg", "wander", "wander of the baseline", "mV"),
    Column("ecg", "amplitude", "usual range of the middle lead", "mV"),
    Column("ecg", "distance", "distance from the training folds", ""),
)


class Observer:
    """Makes rows of the answers of one model."""

    def __init__(self, contract: Contract, digest: str) -> None:
        self._contract, self._digest = contract, digest
        facts = [Column("fact", f.name, in_words(f.name), f.unit) for f in contract.continuous]
        facts += [Column("fact", f.name, in_words(f.name), "", f.categories) for f in contract.categorical]
        codes = contract.native.target_codes
        self.codes: tuple[str, ...] = tuple(codes)
        targets = [
            Column("probability", code, f"{t.criterion}, {t.criterion.when}" if t.criterion else t.name, "")
            for code, t in zip(codes, contract.targets, strict=True)
        ]
        self.columns: tuple[Column, ...] = (*facts, *_ECG, *targets)
        self._points: list[dict[tuple[int, str, int], int]] = [
            {(p.windows, p.facts, p.most_missing): place for place, p in enumerate(t.decision.points)}
            if t.decision
            else {}
            for t in contract.targets
        ]

    def observe(self, number: int, received: float, answer: bytes) -> Observed | None:
        """The row of an answer; None: it is of another model, or was written by another version."""
        try:
            said = _DECODER.decode(answer)
        except msgspec.DecodeError:
            return None
        if said.engine.bundle_digest != self._digest or len(said.findings) != len(self.codes):
            return None
        probabilities = [finding.probability for finding in said.findings]
        points = [self._place(places, f) for places, f in zip(self._points, said.findings, strict=True)]
        experience = said.experience
        judged = experience is not None and experience.limit is not None
        return Observed(
            number,
            received,
            np.array([*self._facts(said.patient), *_measured(said), *probabilities], dtype=np.float64),
            np.array([VERDICTS.index(finding.verdict) for finding in said.findings], dtype=np.int8),
            np.array(points, dtype=np.int8),
            float(experience.outside) if judged and experience is not None else np.nan,
        )

    def _place(self, places: dict[tuple[int, str, int], int], finding: _Finding) -> int:
        point = finding.operating_point
        return -1 if point is None else places.get((point.windows, point.facts, point.most_missing), -1)

    def _facts(self, patient: _Patient) -> list[float]:
        given = {name: value for name, value in patient.given.items() if name not in patient.out_of_range}
        numbers = [_number(feature, given) for feature in self._contract.continuous]
        words = [
            float(f.categories.index(given[f.name])) if given.get(f.name) in f.categories else np.nan
            for f in self._contract.categorical
        ]
        return numbers + words


def _number(feature: ContinuousFeature, given: dict[str, Any]) -> float:
    """As the network is given it: in its unit, by its code at the top."""
    value = given.get(feature.name)
    if value is None and feature.name == "temperature_f" and "temperature_c" in given:
        value = given["temperature_c"] * 9 / 5 + 32
    if value is None and feature.name == "bmi" and {"height_cm", "weight_kg"} <= given.keys():
        value = given["weight_kg"] / (given["height_cm"] / 100) ** 2
    if not isinstance(value, (int, float)) or not feature.minimum <= value <= feature.maximum:
        return np.nan
    top = feature.top_code
    return float(top.value if top is not None and value > top.above else value)


def _measured(said: _Answer) -> list[float]:
    """In the order of `_ECG`."""
    quality = said.recording.quality
    distance = np.nan if said.experience is None else said.experience.distance
    if quality is None:
        return [np.nan, np.nan, np.nan, distance]
    return [_middle(quality, "noise"), _middle(quality, "wander"), quality.recording.get("too_small", np.nan), distance]


def _middle(quality: _Quality, name: str) -> float:
    """Of the leads that have it."""
    values = [lead[name] for lead in quality.leads.values() if name in lead]
    return median(values) if values else np.nan
