"""evaluation.json: what was measured. The table, the figures' captions and the model card are made from it alone."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from ecg2lab.contract import Calibration, Criterion
from ecg2lab.errors import DatasetError
from ecg2lab_training.evaluation.estimates import Agreement, Curve, Estimate, NetBenefit, Struct
from ecg2lab_training.evaluation.forecasts import Forecast, Forecasts
from ecg2lab_training.files import indented
from ecg2lab_training.measures.reliability import Reliability

FILE = "evaluation.json"


class AtPrevalence(Struct, frozen=True, kw_only=True):
    """Predictive values where the abnormality is that frequent."""

    prevalence: float
    source: Literal["these records", "stated"]
    ppv: float | None
    npv: float | None


class Decision(Struct, frozen=True, kw_only=True):
    """What *flagged* is worth on these records, with all their windows and facts."""

    threshold: float
    """On the calibrated probability."""
    rule: str
    chosen_on: str | None
    """The patients that it was chosen on, in words; None: not stated."""
    sensitivity: Estimate
    specificity: Estimate
    ppv: Estimate
    npv: Estimate
    """All with the interval of the bootstrap."""
    predictive_values: tuple[AtPrevalence, ...]


class Conformal(Struct, frozen=True, kw_only=True):
    """What *unsure* is worth on these records, with all their windows and facts."""

    error: float
    """Share of either class whose set may lack the true answer."""
    coverage_positive: Estimate
    """Share of the positives whose set holds *abnormal*."""
    coverage_negative: Estimate
    unsure: Estimate
    """Share of the labelled records that are not flagged and unsure."""


class TargetResult(Struct, frozen=True, kw_only=True):
    """One target."""

    name: str
    criterion: Criterion | None
    positives: int
    negatives: int
    prevalence: float | None
    auroc: Estimate
    auprc: float | None
    calibration: Calibration | None
    before: Reliability | None
    """Without the calibration."""
    after: Reliability | None
    """With it."""
    agreement: Agreement | None
    """With the calibration, as are the curve and the net benefit."""
    curve: Curve | None
    net_benefit: NetBenefit | None
    decision: Decision | None
    conformal: Conformal | None = None
    """None: the contract has no set for this target."""
    baseline: float | None = None
    """AUROC of the tabular baseline."""
    planted: str | None = None
    """Of simulated patients: where the label shows, "ecg", "tabular" or "nowhere"."""
    ideal: float | None = None
    """AUROC of an ideal observer on the same records."""
    gap: Estimate | None = None
    """Ideal observer less model."""
    forecast: Forecast | None = None
    """Beside the last value before the ECG; None: no forecast, or such values are not known."""


class Calibrated(Struct, frozen=True, kw_only=True):
    """Calibration over all targets."""

    mean_ece: float | None
    """Mean of the targets' ECE."""
    mean_ece_by_chance: float | None
    pooled_ece: float | None
    """ECE of all targets' answers joined end to end."""
    pooled_ece_by_chance: float | None
    mean_brier: float | None


class Medians(Struct, frozen=True, kw_only=True):
    """Over the targets that have each: calibrated probabilities."""

    targets: int
    """That have an intercept."""
    intercept: float | None
    slope: float | None
    average_error: float | None
    """Of the smooth curve."""


class Overall(Struct, frozen=True, kw_only=True):
    """All targets together."""

    macro_auroc: Estimate
    targets: int
    """That have an AUROC; the others lack positives or negatives."""
    before: Calibrated
    after: Calibrated
    medians: Medians
    calibration_from: str
    """Where the calibration was fitted, in words."""


class GroupTarget(Struct, frozen=True, kw_only=True):
    """One target in a subgroup."""

    positives: int
    negatives: int
    auroc: Estimate
    agreement: Agreement | None
    sensitivity: Estimate | None
    specificity: Estimate | None
    """Both at the threshold that all patients have; None: there is no decision."""


class Group(Struct, frozen=True, kw_only=True):
    """One subgroup."""

    attribute: str
    value: str
    records: int
    patients: int
    macro_auroc: Estimate
    targets: dict[str, GroupTarget]
    """The same for all subgroups of an attribute, but for those with too few patients, which have none."""


class Windows(Struct, frozen=True, kw_only=True):
    """Probabilities averaged over the first windows alone."""

    windows: int
    records: int
    """That are long enough."""
    macro_auroc: Estimate


class Baseline(Struct, frozen=True, kw_only=True):
    """Gradient boosting on the tabular features, without an ECG."""

    description: str
    macro_auroc: Estimate
    macro_model: float | None
    """Of the model, over the targets that the baseline has."""
    gain: Estimate
    """Macro AUROC of the model less that of the baseline."""
    targets_without: tuple[str, ...]
    """Names of targets whose training labels have one class only."""


class Nowhere(Struct, frozen=True, kw_only=True):
    """A label that shows nowhere must not be predictable."""

    target: str
    low: float | None
    high: float | None
    contains_half: bool | None


class Ideal(Struct, frozen=True, kw_only=True):
    """An ideal observer of simulated patients beside the model, on the same records."""

    targets: int
    """That are planted in the ECG and have both areas."""
    macro_model: float | None
    macro_ideal: float | None
    macro_gap: Estimate
    nowhere: tuple[Nowhere, ...]
    """Intervals with Bonferroni's correction: together they cover with 95 %."""
    nowhere_contains_half: bool | None
    """Whether all do; None: no such target."""


class Outside(Struct, frozen=True, kw_only=True):
    """How many records are outside experience, with all their windows and facts."""

    recordings: int
    """That the limit holds for."""
    share: Estimate
    by_distance: float | None
    by_numbers: float | None
    """Shares: features too far away; a number beyond its range in training."""
    expected: float
    """Share of recordings like those of the training folds that is too far away."""
    chosen_on: str


class NumberSummary(Struct, frozen=True, kw_only=True):
    """One number of a population."""

    quartiles: tuple[float, float, float] | None
    missing: float
    """Share of records."""


class Population(Struct, frozen=True, kw_only=True):
    """Whom the records are of."""

    records: int
    numbers: dict[str, NumberSummary]
    categories: dict[str, dict[str, float]]
    """Shares of the known ones, and of "missing" among all."""
    prevalences: dict[str, float | None]
    """By target, among known labels."""


class Model(Struct, frozen=True, kw_only=True):
    """What was evaluated."""

    name: str
    kind: str
    weights_sha256: str
    digest: str
    synthetic_weights: bool | None
    training_data: str | None
    leads: tuple[str, ...]
    sampling_rate_hz: float
    window_s: float
    features: tuple[str, ...]
    minimum_age: float


class Data(Struct, frozen=True, kw_only=True):
    """On what."""

    kind: Literal["data set", "table"]
    description: str
    synthetic: bool | None
    """None: not stated, as of a table."""
    sha256: str
    part: str
    dates: tuple[str, str] | None = None
    """Of the first and last recording, ISO 8601; None: not stated."""
    records: int
    patients: int
    skipped: dict[str, str] = msgspec.field(default_factory=dict)
    """Records that could not be used, with the reason."""


class Settings(Struct, frozen=True, kw_only=True):
    """How."""

    bootstrap: Literal["patients", "paper"]
    rounds: int
    seed: int
    rule: str
    """Of the thresholds that are judged."""


class Evaluation(Struct, frozen=True, kw_only=True):
    """evaluation.json."""

    schema_version: Literal[2] = 2
    model: Model
    data: Data
    settings: Settings
    overall: Overall
    targets: tuple[TargetResult, ...]
    groups: tuple[Group, ...]
    not_compared: dict[str, dict[str, str]]
    """Attribute → target → why its subgroups are not compared by it."""
    windows: tuple[Windows, ...]
    outside: Outside | None = None
    """None: the model does not say how far experience reaches."""
    baseline: Baseline | None = None
    ideal: Ideal | None = None
    forecasts: Forecasts | None = None
    training_population: Population | None = None
    population: Population
    """Of the records evaluated."""
    shift: tuple[str, ...] = ()
    """What differs from the training population, in sentences."""
    notes: tuple[str, ...] = ()
    """What was left out, and why."""


def encode(evaluation: Evaluation) -> bytes:
    """Indented JSON; equal evaluations give equal bytes."""
    return indented(evaluation)


def read(path: Path) -> Evaluation:
    """Read evaluation.json.

    Raises
    ------
    DatasetError
        If the file cannot be read or is not one.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Evaluation)
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}; `ecg2lab evaluate` writes one") from None
    except msgspec.DecodeError as error:
        raise DatasetError(f"{path} is not an evaluation: {error}") from None
