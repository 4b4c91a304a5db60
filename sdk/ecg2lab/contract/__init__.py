"""The contract: what a model wants, what it answers, and what its answers mean.

A contract is written once, by training, and travels inside the bundle. Leads, sampling rate, window, clip limit,
feature order and units, targets and thresholds are known from here and from nowhere else. `published()` gives the
input side of Lopez Alcaraz & Strodthoff, Scientific Reports 2025, doi 10.1038/s41598-025-26715-5.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta

from ecg2lab._native import _core
from ecg2lab.contract.claims import Decision, Experience
from ecg2lab.contract.fields import Cutoff, Name, Positive, Strict
from ecg2lab.errors import ContractError
from ecg2lab.system.files import read_regular
from ecg2lab.system.names import shown
from ecg2lab.system.strict_json import encode_canonically, schema_of

SCHEMA_VERSION = 1
SCHEMA_FILE = Path(__file__).parent.parent / "contract.schema.json"

LOINC_PATTERN = r"^[0-9]{1,7}-[0-9](?![\s\S])"
"""Ends with its check digit; `$` would let a line break follow in some dialects."""


CODE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,19}(?![\s\S])"
"""What a message may hold whose identifiers are short: HL7 v2.5.1 gives them 20 characters."""


class Signal(Strict, frozen=True, kw_only=True):
    """The ECG as the network sees it."""

    leads: Annotated[tuple[Name, ...], Meta(min_length=1)]
    """Lead names in the network's order."""
    sampling_rate_hz: Annotated[float, Meta(gt=0, le=10_000)]
    window_samples: Annotated[int, Meta(ge=2, le=1_000_000)]
    """Samples of one window, at `sampling_rate_hz`."""
    unit: Literal["mV"] = "mV"


class BandPass(Strict, frozen=True, kw_only=True):
    """A Butterworth band-pass, run forwards and backwards (zero phase): half the amplitude at both edges."""

    low_hz: Positive
    high_hz: Annotated[float, Meta(gt=0, le=1000)]
    """A recording sampled at no more than twice this is refused."""
    order: Annotated[int, Meta(ge=1, le=10)] = 4
    """Of the low-pass that it is made from: so many second-order sections, each run twice."""


class Notch(Strict, frozen=True, kw_only=True):
    """Takes the mains out, forwards and backwards (zero phase); a recording at twice this rate or less is refused."""

    frequency_hz: Literal[50, 60]
    quality: Annotated[float, Meta(ge=1, le=1000)] = 30.0
    """Frequency over bandwidth."""


class Preprocessing(Strict, frozen=True, kw_only=True):
    """What happens to a signal in millivolt before the network, in this order.

    Filters follow the gaps, which a recursive filter would carry to the end, and precede the clip, which a wandering
    baseline would otherwise reach. They run at the recording's rate: the clip is not linear and precedes the resampler.
    """

    missing_samples: Literal["linear"] = "linear"
    """Runs of NaN: linear interpolation, the nearest value held at both ends."""
    band_pass: BandPass | None = None
    """None, as in the published method: the baseline stays. A filter needs the whole recording: streams refuse it."""
    notch: Notch | None = None
    """None, as in the published method."""
    clip_mv: Positive = 3.0
    """Samples are clipped to plus or minus this."""
    resampler: Literal["kaiser_best"] = "kaiser_best"
    """Windowed-sinc filter of resampy 0.4.3."""


class TopCode(Strict, frozen=True, kw_only=True):
    """Values above `above` are entered as `value`: MIMIC-IV writes every age above 89 as 91."""

    above: float
    value: float


NUMBERS = {
    "respiratory_per_min": "1/min",
    "spo2_percent": "%",
    "age": "y",
    "diastolic_mmhg": "mmHg",
    "heart_rate_bpm": "1/min",
    "systolic_mmhg": "mmHg",
    "temperature_f": "°F",
    "height_cm": "cm",
    "bmi": "kg/m²",
    "weight_kg": "kg",
}
"""Every number that a patient may be described by, in the published order, with the only unit that its name allows."""
CATEGORIES = {"sex": ("female", "male"), "race": ("asian", "black", "hispanic", "other", "white")}
"""Every category, with the published words; a contract may have others, such as one for *unknown*."""


class ContinuousFeature(Strict, frozen=True, kw_only=True):
    """One number about the patient, in raw units."""

    name: Name
    unit: Name
    minimum: float
    maximum: float
    """A value outside [minimum, maximum] is not a measurement: training drops it, the SDK refuses it."""
    median: float | None = None
    """Of the training set, in place of a missing value; None: the value must be given."""
    top_code: TopCode | None = None


class CategoricalFeature(Strict, frozen=True, kw_only=True):
    """One category of the patient; the network gets its index in `categories`."""

    name: Name
    categories: Annotated[tuple[Name, ...], Meta(min_length=2)]
    missing_code: Annotated[int, Meta(ge=0)] | None = None
    """Code in place of a missing category; None: the category must be given."""


class Criterion(Strict, frozen=True, kw_only=True):
    """The laboratory abnormality that a target stands for, such as potassium > 5.1 mEq/L."""

    lab: Name
    loinc: Annotated[str, Meta(pattern=LOINC_PATTERN)] | None
    unit: str
    """Empty for a dimensionless quantity."""
    comparison: Literal["<", "<=", ">", ">="]
    threshold: float
    setting: Literal["prediction", "forecasting"]
    """prediction: abnormal now. forecasting: abnormal at some moment within the horizon."""
    horizon_min: Annotated[int, Meta(ge=1, le=1_000_000)]
    """Minutes: the value closest within plus or minus this (prediction), or any value in [0, this] (forecasting)."""
    category: Name = "other"

    @property
    def when(self) -> str:
        """The moment that the answer speaks of, in words."""
        return "now" if self.setting == "prediction" else f"within {self.horizon_min} min"

    def __str__(self) -> str:
        return f"{self.lab} {self.comparison} {self.threshold:g} {self.unit}".rstrip()


class Calibration(Strict, frozen=True, kw_only=True):
    """Platt calibration: logit(p) ← slope · logit(p) + intercept, on the mean over windows."""

    slope: Positive
    intercept: float


class Value(Strict, frozen=True, kw_only=True):
    """A laboratory value in place of a probability. No model gives one yet, and every reader refuses it."""

    unit: str
    mean: float
    standard_deviation: Positive
    """Of the training set: what the network gives is (value - mean) / standard_deviation."""
    interval: Cutoff
    """Share of values that lie in the interval which goes with each."""


class Target(Strict, frozen=True, kw_only=True):
    """One output of the network."""

    name: Name
    code: Annotated[str, Meta(pattern=CODE_PATTERN)] | None = None
    """The target in messages whose identifiers are short, different for each. None: the name, or if that is longer than
    20 characters or has others than letters, digits, `_`, `.` and `-`, its beginning and the CRC-32 of the whole."""
    criterion: Criterion | None = None
    """None: an imported checkpoint that did not say what the output means."""
    decision_threshold: Annotated[float, Meta(gt=0, lt=1)] | None = None
    """Calibrated probability from which the target is flagged, of an unknown operating point: contracts of 0.1.0.

    None: see `decision`, which goes before it."""
    calibration: Calibration | None = None
    decision: Decision | None = None
    value: Value | None = None


class Population(Strict, frozen=True, kw_only=True):
    """Whom the model is for."""

    minimum_age: Annotated[float, Meta(ge=0, le=120)] = 18.0
    """Years; a younger patient is refused."""


class Limit(Strict, frozen=True, kw_only=True):
    """From which figure on a fault of the recording counts."""

    warn: float | None = None
    refuse: float | None = None
    """None: never."""


class QualityLimits(Strict, frozen=True, kw_only=True):
    """When the quality gate warns of a fault, and when it refuses; docs/quality.md defines the figures.

    A limit that is stated replaces both its parts. What has no limit here is always refused: a recording shorter than a
    window, a lead without any value, or without values for as long as a window.
    """

    missing: Limit = Limit(warn=0.1, refuse=0.5)
    """Share of samples without a value."""
    flat: Limit = Limit(warn=0.2, refuse=0.5)
    """Share of seconds in which the lead does not vary: it is disconnected."""
    clipped: Limit = Limit(warn=0.1, refuse=0.5)
    """Share of samples beyond `clip_mv`."""
    too_small: Limit = Limit(warn=0.35, refuse=0.05)
    """Below, mV: usual range of the middle lead in a second."""
    too_large: Limit = Limit(warn=2.5, refuse=20.0)
    """The same, above."""
    saturated: Limit = Limit(warn=0.01)
    """Share of samples at an end of the amplifier's range."""
    noise: Limit = Limit(warn=0.02, refuse=0.1)
    """Between the beats, above 40 Hz and without the mains, mV."""
    wander: Limit = Limit(warn=1.0)
    """Of the baseline, peak to peak, mV."""
    mains: Limit = Limit(warn=0.05)
    """Amplitude at 50 or 60 Hz, mV."""
    bsqi: Limit = Limit(warn=0.4)
    """Below: beats that two detectors agree on. This and the next four are the standard indices."""
    ksqi: Limit = Limit(warn=3.8)
    """Below: kurtosis, from 5 to 40 Hz."""
    ssqi: Limit = Limit()
    """Below: skewness, likewise."""
    psqi: Limit = Limit()
    """Below: share of the power from 5 to 40 Hz that lies under 15 Hz."""
    bassqi: Limit = Limit()
    """Below: share of the power up to 40 Hz that does not lie under 1 Hz."""
    duplicate: Limit = Limit(warn=0.03, refuse=0.002)
    """Below: relative difference from another lead."""
    limb_algebra: Limit = Limit(warn=0.05, refuse=0.5)
    """Relative distance of III, aVR, aVL or aVF from what I and II say."""
    arm_reversal: Limit = Limit(warn=-0.1)
    """Below: correlation of I with V6."""
    paced: Limit = Limit(warn=0.6)
    """Usual height of spikes, mV."""


class StaticInputs(NamedTuple):
    """Columns of the network's two inputs beside the ECG: the features, then their missing flags if it has any."""

    continuous: tuple[str, ...]
    """Name of each column."""
    categorical: dict[str, int]
    """Name of each column, and how many codes it has."""


def _unwritable(value: Any, place: str) -> Iterator[str]:
    """Places of what JSON cannot hold: numbers that are not finite, halves of characters."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _unwritable(part, f"{place}.{name}")
    elif isinstance(value, list | tuple):
        for index, part in enumerate(value):
            yield from _unwritable(part, f"{place}[{index}]")
    elif (isinstance(value, float) and not math.isfinite(value)) or (isinstance(value, str) and not _is_unicode(value)):
        yield place


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


class Contract(Strict, frozen=True, kw_only=True, dict=True):
    """Everything that a program must know of a model to feed it and to read its answers."""

    schema_version: Literal[1] = 1
    name: Name
    signal: Signal
    preprocessing: Preprocessing
    continuous: tuple[ContinuousFeature, ...]
    categorical: tuple[CategoricalFeature, ...]
    missing_flags: Literal["none", "continuous", "categorical"] = "none"
    """Whether the network is told which numbers were missing: one flag for each continuous feature, in their order, 1
    where a median stands in. The flags follow the numbers (continuous) or the categories (categorical)."""
    targets: Annotated[tuple[Target, ...], Meta(min_length=1)]
    population: Population = Population()
    quality: QualityLimits = QualityLimits()
    experience: Experience | None = None
    """None: every recording of good quality counts as one of those that the model knows."""

    def __post_init__(self) -> None:
        """Have it judged, which the native reader alone does."""
        _ = self.native

    @cached_property
    def native(self) -> _core.Contract:
        """The same contract as the native core keeps it.

        Raises
        ------
        ContractError
            If fields are out of range or contradict each other: no such contract can be made.
        """
        values = msgspec.to_builtins(self)
        try:
            text = json.dumps(values, allow_nan=False, ensure_ascii=False).encode()
        except ValueError:
            place = next(_unwritable(values, "$"))
            raise ContractError(
                f"this is not a valid contract: a number is not finite, or a text no Unicode - at `{place}`"
            ) from None
        return _core.Contract.decode(text, "this")

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Continuous, then categorical, in the network's order."""
        return (*(f.name for f in self.continuous), *(f.name for f in self.categorical))

    @property
    def static_inputs(self) -> StaticInputs:
        """What the bare network takes beside the ECG: features and missing flags."""
        numbers = tuple(f.name for f in self.continuous)
        categories = {f.name: len(f.categories) for f in self.categorical}
        flags = tuple(f"{name}_missing" for name in numbers)
        if self.missing_flags == "continuous":
            numbers += flags
        elif self.missing_flags == "categorical":
            categories |= dict.fromkeys(flags, 2)
        return StaticInputs(numbers, categories)

    @cached_property
    def target_names(self) -> tuple[str, ...]:
        """In the network's order."""
        return tuple(t.name for t in self.targets)

    @cached_property
    def _target_positions(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.target_names)}

    @property
    def clinical(self) -> bool:
        """Whether every target says which laboratory abnormality it stands for."""
        return all(t.criterion is not None for t in self.targets)

    def target_index(self, name: str) -> int:
        """Position of a target.

        Raises
        ------
        ContractError
            If there is no target of that name; the message lists the nearest names.
        """
        if not isinstance(name, str):
            raise ContractError(f"a target is given by its name, not by {type(name).__name__}")
        try:
            return self._target_positions[name]
        except KeyError:
            from difflib import get_close_matches

            near = get_close_matches(name, self.target_names, n=3, cutoff=0.5)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise ContractError(f"unknown target {name!r}{hint} (`ecg2lab inspect MODEL` lists all)") from None

    def target_indices(self, names: str | Iterable[str]) -> list[int]:
        """Positions of one target, or of several.

        Raises
        ------
        ContractError
            As `target_index`, and if these are no names.
        """
        if isinstance(names, str):
            return [self.target_index(names)]
        if not isinstance(names, Iterable):
            raise ContractError(f"targets must be a list of names, not {type(names).__name__}")
        return [self.target_index(name) for name in names]


_PUBLISHED_RANGES = (
    (0, 300), (0, 100), (0, 120), (0, 500), (0, 700), (0, 500), (50, 150), (60, 400), (0, 100), (20, 400),
)  # fmt: skip
"""In the order of `NUMBERS`: outside, the authors treat a value as missing; that of age is ours."""


def published(targets: Iterable[Target], name: str = "published method") -> Contract:
    """Contract of the published method: 12 leads, 100 Hz, 250 samples, ten numbers and two categories.

    Targets stand in the order of the network's outputs. Medians are of a training set and therefore absent here.
    """
    age_code = TopCode(above=89, value=91)
    return Contract(
        name=name,
        signal=Signal(
            leads=("I", "II", "V1", "V2", "V3", "V4", "V5", "V6", "III", "aVR", "aVL", "aVF"),
            sampling_rate_hz=100.0,
            window_samples=250,
        ),
        preprocessing=Preprocessing(),
        continuous=tuple(
            ContinuousFeature(
                name=name, unit=unit, minimum=low, maximum=high, top_code=age_code if name == "age" else None
            )
            for (name, unit), (low, high) in zip(NUMBERS.items(), _PUBLISHED_RANGES, strict=True)
        ),
        categorical=tuple(CategoricalFeature(name=name, categories=words) for name, words in CATEGORIES.items()),
        targets=tuple(targets),
    )


def unnamed_targets(count: int) -> tuple[Target, ...]:
    """Targets `target_000 …` of a checkpoint that came without a contract."""
    return tuple(Target(name=f"target_{index:03d}") for index in range(count))


def decode(text: bytes | str, source: str = "contract") -> Contract:
    """Read a contract from JSON, strictly; errors call it `source`.

    Raises
    ------
    ContractError
        On malformed JSON, an unknown, repeated or missing field, a wrong type or a value out of range.
    """
    try:
        encoded = text.encode() if isinstance(text, str) else bytes(memoryview(text))
    except UnicodeEncodeError:
        raise ContractError(f"{source} is not a valid contract: not UTF-8") from None
    except TypeError:
        raise ContractError(f"{source} is not a valid contract: it is {type(text).__name__}, not text") from None
    _core.Contract.decode(encoded, source)
    return msgspec.json.decode(encoded, type=Contract)


def encode(contract: Contract) -> bytes:
    """Write a contract as indented JSON; equal contracts give equal bytes."""
    return encode_canonically(contract)


def read(path: str | Path) -> Contract:
    """Read a contract file.

    Raises
    ------
    ContractError
        If the file cannot be read or is not a contract.
    """
    try:
        text = read_regular(path)
    except OSError as error:
        raise ContractError(f"cannot read contract {shown(path)}: {error.strerror}") from None
    return decode(text, source=shown(path))


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a contract: the one that every reader, in any language, is tested against."""
    return schema_of("ecg2lab contract", Contract)
