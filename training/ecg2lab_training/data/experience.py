"""What a contract says of how far experience reaches, by a data set's training and validation folds."""

from __future__ import annotations

from ecg2lab.contract import Contract
from ecg2lab.contract.claims import Experience
from ecg2lab_export.experience import Space
from ecg2lab_training.data.dataset import Dataset
from ecg2lab_training.measures import experience
from ecg2lab_training.measures.decisions import Answered


def of_data_set(contract: Contract, dataset: Dataset, space: Space, chosen: Answered) -> Experience | None:
    """Ranges of the training folds, limits of the validation fold.

    Parameters
    ----------
    contract
        Of the model.
    dataset
        With both.
    space
        Of the features of the training folds.
    chosen
        Answers to the validation fold, with distances from that space.

    Returns
    -------
    Experience or None
        None where the validation fold has too few patients for a limit.
    """
    limits = experience.limits(chosen, len(contract.feature_names))
    if not limits:
        return None
    return Experience(
        features=space.features,
        quantile=experience.QUANTILE,
        trained_on=dataset.called("train"),
        chosen_on=dataset.called("validation"),
        ranges=experience.ranges(contract, dataset.continuous[dataset.rows("train")]),
        limits=limits,
    )
