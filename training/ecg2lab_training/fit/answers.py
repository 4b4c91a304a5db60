"""Answers of a trained model to recordings, with what its features say of them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ecg2lab_export.experience import Space
from ecg2lab_training.data.crops import Recordings
from ecg2lab_training.measures import experience
from ecg2lab_training.measures.distances import Distances
from ecg2lab_training.network.model import FusionModel

_RECORDS = 64  # asked at once


@torch.no_grad()
def window_answers(model: FusionModel, recordings: Recordings, space: Space) -> tuple[NDArray[np.float64], Distances]:
    """Ask about every window.

    Parameters
    ----------
    model
        Put into evaluation mode, in which it stays.
    recordings
        Of one part of a data set.
    space
        Of features, that distances are measured from.

    Returns
    -------
    probabilities
        (records, W, n).
    distances
        Of the same recordings.
    """
    model.eval()
    answers, distances = [], []
    for start in range(0, len(recordings), _RECORDS):
        batches = recordings.windows(list(range(start, min(start + _RECORDS, len(recordings)))))
        logits, features = zip(*(model.outputs(*batch[:3]) for batch in batches), strict=True)  # (B n), (B F)
        answers.append(torch.sigmoid(torch.stack(logits, dim=1).double()).numpy())
        distances.append(Distances.of(space, torch.stack(features, dim=1).numpy()))
    return np.concatenate(answers), Distances.join(distances)


@torch.no_grad()
def training_features(model: FusionModel, recordings: Recordings) -> NDArray[np.float32]:
    """Features of at most `experience.MOST_RECORDINGS`, one window of each, not always the same: (records, F)."""
    model.eval()
    count = recordings.last_start // recordings.window + 1
    rows = experience.evenly(np.arange(len(recordings)))
    starts = np.arange(len(rows)) % count * recordings.window
    parts = [slice(first, first + _RECORDS) for first in range(0, len(rows), _RECORDS)]
    batches = (recordings.crops(rows[part], starts[part]) for part in parts)
    return np.concatenate([model.outputs(*batch[:3])[1].numpy() for batch in batches])
