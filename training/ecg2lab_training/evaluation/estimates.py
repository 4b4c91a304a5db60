"""Numbers with intervals and curves with bands, as evaluation.json holds them: to four digits where there are many."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import groupby

import msgspec
import numpy as np
from numpy.typing import NDArray

from ecg2lab_training.measures import agreement, bootstrap, calibration_curve, decision_curve

Numbers = tuple[float, ...]


def number(value: float) -> float | None:
    """A number, or None for NaN, which JSON does not have."""
    return None if math.isnan(value) else float(value)


def brief(value: float) -> float:
    """Four significant digits."""
    return float(f"{value:.4g}")


def _briefly(values: Iterable[float]) -> Numbers:
    return tuple(map(brief, values))


class Struct(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Immutable; what has no value is null, never NaN."""


class Estimate(Struct, frozen=True, kw_only=True):
    """A number with its 95 % interval."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    """low and high: None where too few rounds have a value."""

    @classmethod
    def of(cls, value: float, rounds: NDArray[np.float64]) -> Estimate:
        """An area with the 95 % percentile interval of its rounds of a bootstrap: (R)."""
        if math.isnan(value):
            return cls()
        low, high = bootstrap.interval(rounds) or (None, None)
        return cls(value=float(value), low=low, high=high)

    @classmethod
    def measured(cls, one: bootstrap.Estimate) -> Estimate:
        """What a measure gives with an interval of its own."""
        low, high = one.interval or (None, None)
        return cls(value=one.value, low=low, high=high)

    def briefly(self) -> Estimate:
        """To four digits."""
        value, low, high = (x if x is None else brief(x) for x in (self.value, self.low, self.high))
        return Estimate(value=value, low=low, high=high)


class Agreement(Struct, frozen=True, kw_only=True):
    """Calibration intercept and slope."""

    intercept: Estimate
    """0 if probabilities are right on average."""
    slope: Estimate | None
    """1 if they are neither too extreme nor too moderate; None if the classes are separated or all alike."""

    @classmethod
    def of(cls, one: agreement.Agreement | None) -> Agreement | None:
        """As measured; None where a class has too few cases."""
        if one is None:
            return None
        slope = None if one.slope is None else Estimate.measured(one.slope).briefly()
        return cls(intercept=Estimate.measured(one.intercept).briefly(), slope=slope)


class Curve(Struct, frozen=True, kw_only=True):
    """Smooth calibration curve."""

    grid: Numbers
    """Probabilities of the model, from its 1st to its 99th percentile."""
    frequency: Numbers
    low: Numbers
    high: Numbers
    """low and high: 95 % interval of each point by itself."""
    average_error: float
    """Mean of |frequency - probability| over the cases."""
    largest_error: float

    @classmethod
    def of(cls, one: calibration_curve.CalibrationCurve | None) -> Curve | None:
        """As measured; None where cases are too few."""
        if one is None:
            return None
        lines = {name: _briefly(getattr(one, name)) for name in ("grid", "frequency", "low", "high")}
        return cls(**lines, average_error=brief(one.average_error), largest_error=brief(one.largest_error))


class NetBenefit(Struct, frozen=True, kw_only=True):
    """Decision curve; flagging nobody has the net benefit 0."""

    thresholds: Numbers
    model: Numbers
    low: Numbers
    high: Numbers
    """low and high: 95 % interval of each point by itself."""
    treat_all: Numbers

    @classmethod
    def of(cls, one: decision_curve.DecisionCurve | None) -> NetBenefit | None:
        """As measured; None with one class."""
        if one is None:
            return None
        return cls(**{name: _briefly(getattr(one, name)) for name in cls.__struct_fields__})

    def better(self) -> tuple[tuple[float, float], ...]:
        """First and last threshold of each range over which the model beats flagging all and flagging nobody.

        It does where the lower end of its interval lies above both.
        """
        rows = zip(self.thresholds, self.low, self.treat_all, strict=True)
        ranges = groupby(rows, key=lambda row: row[1] > max(row[2], 0.0))
        spans = ([row[0] for row in span] for beats, span in ranges if beats)
        return tuple((span[0], span[-1]) for span in spans)
