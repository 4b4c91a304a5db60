"""Experience: how far the features of what a model was trained on reach, and which distance is beyond.

Mean and covariance are those of the training folds; the covariance is shrunk (Ledoit & Wolf, J. Multivariate Analysis
2004, doi 10.1016/S0047-259X(03)00096-4), because features of a network are many and alike. Recordings that the network
was trained on lie nearer than others of the same kind, so the limit is chosen on the validation fold: the quantile of
its distances, in each setting in which a model answers.

Glossary: N recordings, W windows of a recording, F features, P patients.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ecg2lab.contract import Contract
from ecg2lab.contract.claims import Experience, ExperienceLimit, TrainedRange
from ecg2lab.errors import DatasetError
from ecg2lab_export.experience import Space
from ecg2lab_training.measures import conformal, decisions, operating_points
from ecg2lab_training.measures.decisions import Answered, Answers, Setting

Array = NDArray[np.float64]
QUANTILE = 0.99
"""Share of recordings like those of the training folds that lie within the limit."""
MOST_RECORDINGS = 20_000
"""Of the training folds, evenly chosen, that mean and covariance are of: 30 for each of 640 features; one window of
each, for further ones of the same recording tell little."""
_DIGITS = 6


def evenly(rows: NDArray[np.int64], most: int = MOST_RECORDINGS) -> NDArray[np.int64]:
    """At most so many rows, from first to last at even distances."""
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).round().astype(np.int64)]


def learn(features: NDArray[np.floating[Any]]) -> Space:
    """Mean, and inverse root of the shrunk covariance: (N, F).

    Raises
    ------
    DatasetError
        If there are fewer than two, one is not finite, or they do not vary.
    """
    from scipy import linalg  # type: ignore[import-untyped, unused-ignore]
    from sklearn.covariance import LedoitWolf  # type: ignore[import-untyped, unused-ignore]

    if len(features) < 2 or not np.isfinite(features).all() or not np.ptp(features, axis=0).any():
        raise DatasetError("the model's features are not finite or do not vary over the training folds")
    shrunk = LedoitWolf().fit(features.astype(np.float64))
    root = linalg.cholesky(
        shrunk.covariance_, lower=True
    )  # Σ = L Lᵀ, and |(f - mean) L⁻ᵀ|² = (f - mean) Σ⁻¹ (f - mean)ᵀ
    inverse = linalg.solve_triangular(root, np.eye(len(root)), lower=True)
    return Space(shrunk.location_.astype(np.float32), np.ascontiguousarray(inverse.T, dtype=np.float32))


def ranges(contract: Contract, continuous: Array) -> tuple[TrainedRange, ...]:
    """Least and greatest value of each number: (N, features) raw and cleaned, NaN where missing.

    Rounded outwards to three digits: an exact value is that of one person.
    """
    return tuple(
        TrainedRange(
            name=feature.name, minimum=_outwards(np.nanmin(values), -1), maximum=_outwards(np.nanmax(values), 1)
        )
        for feature, values in zip(contract.continuous, continuous.T, strict=True)
        if not np.isnan(values).all()
    )


def _outwards(value: float, direction: Literal[-1, 1]) -> float:
    if value == 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - 2)
    whole = (math.ceil if direction > 0 else math.floor)(round(value / unit, 6))
    return float(f"{whole * unit:.12g}")


def limits(answers: Answered, features: int) -> tuple[ExperienceLimit, ...]:
    """The limit of each setting, by one recording of each patient, as conformal sets are fitted.

    Parameters
    ----------
    answers
        With distances.
    features
        That the model takes of a patient.

    Returns
    -------
    tuple
        None for a setting with fewer than 99 patients, of which no distance would be a bound.
    """
    found: list[ExperienceLimit] = []
    for setting in decisions.in_order(answers):
        own = answers[setting]
        distance = limit(own)
        if distance is not None:
            found.append(_limit(own, setting, distance, features))
    return tuple(found)


def _limit(own: Answers, setting: Setting, distance: float, features: int) -> ExperienceLimit:
    return ExperienceLimit(
        windows=setting.windows,
        facts=setting.facts,
        most_missing=decisions.most_missing(own, setting, features),
        distance=distance,
        patients=len(np.unique(own.patient_id)),
    )


def limit(own: Answers) -> float | None:
    """Distance that a further recording exceeds with a chance of 1 % at most; None: too few patients.

    The k-th greatest of P distances, k = ⌊(P + 1) / 100⌋.
    """
    return None if own.distances is None else _outermost(own.distances, own.patient_id)


def _outermost(distances: Array, patient_id: NDArray[Any]) -> float | None:
    drawn = distances[conformal.one_each(patient_id)]
    k = conformal.rank(len(drawn), 1 - QUANTILE)
    if not k:
        return None
    distance = float(-np.partition(-drawn, k - 1)[k - 1])
    scale = 10.0 ** (_DIGITS - 1 - math.floor(math.log10(distance))) if distance > 0 else 1.0
    return math.ceil(distance * scale) / scale  # upwards: the recording that chose it lies within


def of_folds(
    contract: Contract, space: Space, continuous: Array, chosen: Answered, trained_on: str, chosen_on: str
) -> Experience | None:
    """What a contract says after training: ranges of the training folds, limits of the validation fold.

    Parameters
    ----------
    contract
        Of the model.
    space
        Of the features of the training folds.
    continuous
        (N, features) numbers of the training folds, raw and cleaned; NaN: missing.
    chosen
        Answers to the validation fold, with distances from that space.
    trained_on, chosen_on
        What to call both.

    Returns
    -------
    Experience or None
        None where the validation fold has too few patients for a limit.
    """
    found = limits(chosen, len(contract.feature_names))
    if not found:
        return None
    return Experience(
        features=space.features,
        quantile=QUANTILE,
        trained_on=trained_on,
        chosen_on=chosen_on,
        ranges=ranges(contract, continuous),
        limits=found,
    )


def outside(own: Answers, limit: ExperienceLimit | None) -> float | None:
    """Share of recordings that are too far away; None: there are no distances, or no limit."""
    if own.distances is None or limit is None:
        return None
    return float((own.distances > limit.distance).mean())


def outside_out_of_fold(own: Answers) -> float | None:
    """Share of recordings that are too far away by limits of other patients (`operating_points.deal`).

    None where these are too few.
    """
    if own.distances is None:
        return None
    turn = operating_points.deal(own.patient_id)
    found: list[NDArray[np.bool_]] = []
    for part in range(operating_points.TURNS):
        judged = turn == part
        distance = _outermost(own.distances[~judged], own.patient_id[~judged])
        if distance is None:
            return None
        found.append(own.distances[judged] > distance)
    return float(np.concatenate(found).mean())
