"""How far a model's experience reaches: learnt or kept, with new limits; and the share of recordings beyond."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from ecg2lab.contract import Contract
from ecg2lab.contract.claims import Experience, ExperienceLimit
from ecg2lab_export.experience import Space, limit_of
from ecg2lab_training.data import imputation
from ecg2lab_training.data.dataset import VALIDATION_FOLD, Dataset
from ecg2lab_training.evaluation import on_dataset
from ecg2lab_training.evaluation.cases import Cases
from ecg2lab_training.evaluation.estimates import Estimate, number
from ecg2lab_training.evaluation.result import Outside, Settings
from ecg2lab_training.evaluation.subject import Subject
from ecg2lab_training.measures import bootstrap, experience
from ecg2lab_training.measures.decisions import Answered

NO_FEATURES = "decisions only: its graphs give no features; export it again"
NO_TRAINING_FOLDS = (
    "decisions only: the model does not say how far experience reaches, and the data have no training folds"
)
TOO_FEW_PATIENTS = "too few patients for a limit of experience: 99 are needed"


class Found(NamedTuple):
    """What distances are measured from."""

    space: Space | None
    note: str | None
    """Why there is none."""


def space_of(subject: Subject, data: Dataset | None) -> Found:
    """The model's own space; of a model without one that of the training folds, where there are any."""
    if subject.features is None:
        return Found(None, NO_FEATURES)
    if subject.space is not None:
        return Found(subject.space, None)
    if data is None or not (data.fold < VALIDATION_FOLD).any():
        return Found(None, NO_TRAINING_FOLDS)
    return Found(experience.learn(on_dataset.training_features(subject, data)), None)


class Reach(NamedTuple):
    """What a new contract says."""

    experience: Experience | None
    note: str | None
    """Why there is none, or the old one is kept."""


def with_new_limits(contract: Contract, answers: Answered, chosen_on: str) -> Reach:
    """The contract's experience with limits of other recordings; mean, whitening and ranges are of its training.

    Parameters
    ----------
    contract
        That says how far experience reaches.
    answers
        With distances, in every setting.
    chosen_on
        What to call these recordings.
    """
    limits = experience.limits(answers, len(contract.feature_names))
    if contract.experience is None or not limits:
        return Reach(contract.experience, TOO_FEW_PATIENTS)
    return Reach(replace(contract.experience, quantile=experience.QUANTILE, chosen_on=chosen_on, limits=limits), None)


def on_data_set(contract: Contract, data: Dataset, found: Found, chosen: Answered) -> Reach:
    """What the contract is to say, after the validation fold of a data set."""
    if found.space is None:
        return Reach(None, found.note)
    if contract.experience is not None:
        return with_new_limits(contract, chosen, data.called("validation"))
    numbers, called = data.continuous[data.rows("train")], (data.called("train"), data.called("validation"))
    reach = experience.of_folds(contract, found.space, numbers, chosen, *called)
    return Reach(reach, None if reach else TOO_FEW_PATIENTS)


def share_outside(cases: Cases, contract: Contract, settings: Settings) -> Outside | None:
    """Share of recordings with all windows that are outside experience; None: no limit holds for any.

    Parameters
    ----------
    cases
        With distances, all facts known that there are.
    contract
        With the limits.
    settings
        Of the bootstrap.
    """
    limit = limit_of(contract, cases.windows.shape[1])
    if contract.experience is None or cases.distances is None or limit is None:
        return None
    own = cases.only(_whole(cases, limit))
    if own.distances is None or not len(own.labels):
        return None
    far = own.distances.mean > limit.distance
    beyond = beyond_ranges(contract, own.continuous)
    cells = [cell.astype(np.float32)[:, None] for cell in (far | beyond, np.ones(len(far)))]
    draws = bootstrap.plan(own.patient_id, settings.bootstrap, settings.rounds, settings.seed)
    outside, every = bootstrap.sums(cells, draws)[:, :, 0].astype(np.float64)
    return Outside(
        recordings=len(far),
        share=Estimate.of(float((far | beyond).mean()), outside / every),
        by_distance=number(float(far.mean())),
        by_numbers=number(float(beyond.mean())),
        expected=1 - contract.experience.quantile,
        chosen_on=contract.experience.chosen_on,
    )


def _whole(cases: Cases, limit: ExperienceLimit) -> NDArray[np.bool_]:
    """Which recordings the limit holds for: (N)."""
    missing = imputation.count_missing(cases.continuous, cases.categorical)
    return np.asarray(~np.isnan(cases.windows[:, :, 0]).any(axis=1) & (missing <= limit.most_missing))


def beyond_ranges(contract: Contract, continuous: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether a number that is given lies outside its range in training: (N, features) → (N)."""
    beyond = np.zeros(len(continuous), bool)
    ranges = {one.name: one for one in contract.experience.ranges} if contract.experience else {}
    for feature, values in zip(contract.continuous, continuous.T, strict=True):
        if feature.name in ranges:
            beyond |= (values < ranges[feature.name].minimum) | (values > ranges[feature.name].maximum)
    return beyond
