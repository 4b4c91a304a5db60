"""Forecasts beside the last laboratory value before the ECG, as evaluation.json holds them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab.contract import Contract
from ecg2lab_training.evaluation.cases import Cases
from ecg2lab_training.evaluation.estimates import Estimate, Struct, number
from ecg2lab_training.measures import bootstrap, curves, forecasting
from ecg2lab_training.measures.forecasting import Area, Last

Array = NDArray[np.float64]
NOT_MEASURED = {
    "data set": "the data set has no last values before the ECG; write it anew with `ecg2lab cohort`",
    "table": "there are no laboratory values with times (--labs)",
}
"""By kind of data: why there is nothing to compare a forecast with."""


class Group(Struct, frozen=True, kw_only=True):
    """The model on some of the cases of one target."""

    positives: int
    negatives: int
    prevalence: float | None
    auroc: Estimate

    @classmethod
    def of(cls, area: Area) -> Group:
        """As measured."""
        cases = area.positives + area.negatives
        return cls(
            positives=area.positives,
            negatives=area.negatives,
            prevalence=area.positives / cases if cases else None,
            auroc=Estimate.of(area.area, area.rounds),
        )


class Forecast(Struct, frozen=True, kw_only=True):
    """One target that is a forecast."""

    with_value: Group
    """Cases with a last value before the ECG."""
    last_value: Estimate
    """AUROC of that value alone, by its distance from the limit, on the same cases."""
    gain: Estimate
    """AUROC of the model less that of the last value."""
    hours: tuple[float, float, float] | None
    """Quartiles of the time from the last value to the ECG, of the labelled cases."""
    new_onset: Group
    """Cases whose last value was normal."""
    no_value: Group
    """Cases without a last value."""
    persistence: Estimate
    """Share of the positives with a last value that were abnormal already."""


class Forecasts(Struct, frozen=True, kw_only=True):
    """All forecasts that have an AUROC among cases with a last value."""

    targets: int
    macro_model: float | None
    macro_last_value: Estimate
    macro_gain: Estimate
    macro_new_onset: Estimate
    """Over those of them that have new onsets, and cases where the value stayed normal."""


class Compared(NamedTuple):
    """Forecasts and their summary."""

    targets: dict[str, Forecast]
    overall: Forecasts


def are_asked(contract: Contract) -> NDArray[np.bool_]:
    """Whether each target is a forecast: (n)."""
    return np.array([t.criterion is not None and t.criterion.setting == "forecasting" for t in contract.targets])


def compare(cases: Cases, contract: Contract, draws: bootstrap.Draws) -> Compared | None:
    """Measure all forecasts; None if last values are not known, or no target is a forecast."""
    chosen = np.flatnonzero(are_asked(contract))
    if cases.last is None or not chosen.size:
        return None
    labels, last = cases.labels[:, chosen], Last(*(values[:, chosen] for values in cases.last))
    measured = forecasting.measure(cases.probabilities()[:, chosen], labels, last, draws)
    hours = np.where(np.isnan(labels), np.nan, last.minutes / 60)
    each = {
        contract.targets[column].name: _forecast(one, own)
        for column, one, own in zip(chosen.tolist(), measured, hours.T, strict=True)
    }
    return Compared(each, _overall(measured))


def _forecast(one: forecasting.Forecast, hours: Array) -> Forecast:
    gain = one.model.area - one.last_value.area
    return Forecast(
        with_value=Group.of(one.model),
        last_value=Estimate.of(one.last_value.area, one.last_value.rounds),
        gain=Estimate.of(gain, one.model.rounds - one.last_value.rounds),
        hours=_quartiles(hours[~np.isnan(hours)]),
        new_onset=Group.of(one.new_onset),
        no_value=Group.of(one.no_value),
        persistence=Estimate.measured(one.persistence),
    )


def _quartiles(values: Array) -> tuple[float, float, float] | None:
    if not values.size:
        return None
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75)).round(2).tolist()
    return low, middle, high


def _overall(measured: list[forecasting.Forecast]) -> Forecasts:
    both = [one for one in measured if not np.isnan(one.model.area)]
    model, model_rounds = _macro([one.model for one in both])
    last, last_rounds = _macro([one.last_value for one in both])
    return Forecasts(
        targets=len(both),
        macro_model=number(model),
        macro_last_value=Estimate.of(last, last_rounds),
        macro_gain=Estimate.of(model - last, model_rounds - last_rounds),
        macro_new_onset=Estimate.of(*_macro([one.new_onset for one in both])),
    )


def _macro(areas: list[Area]) -> tuple[float, Array]:
    """Mean area, and in every round."""
    if not areas:
        return float("nan"), np.empty(0)
    rounds = np.stack([one.rounds for one in areas], axis=1)
    return curves.macro(np.array([one.area for one in areas])), bootstrap.macro(rounds)
