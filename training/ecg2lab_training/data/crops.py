"""Windows of recordings, as the network wants them."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ecg2lab_training.data import imputation
from ecg2lab_training.data.dataset import Dataset, Part


class Batch(NamedTuple):
    """What one training step sees."""

    signal: Tensor  # (B leads L) mV
    continuous: Tensor  # (B features)
    categorical: Tensor  # (B categories)
    labels: Tensor  # (B n) 0, 1, NaN


class Recordings:
    """The recordings of one part of a data set, features imputed; reads signals from disk when asked."""

    def __init__(self, dataset: Dataset, part: Part, features: Collection[str] | None = None) -> None:
        """Impute with the medians of the training folds, what is missing or not among the features."""
        contract = imputation.learn(dataset)
        self.part: Part = part
        self.rows = dataset.rows(part)
        self.patient_id = dataset.patient_id[self.rows]
        self.missing = imputation.count_missing(dataset.continuous[self.rows], dataset.categorical[self.rows])
        self.window = contract.signal.window_samples
        self.labels = dataset.labels[self.rows]  # (records n)
        self._signals = dataset.signals
        dataset = dataset if features is None else imputation.only(dataset, features)
        continuous, categorical = imputation.fill(dataset, contract)
        self._continuous = torch.from_numpy(continuous[self.rows])
        self._categorical = torch.from_numpy(categorical[self.rows])

    def __len__(self) -> int:
        """Count of recordings."""
        return len(self.rows)

    @property
    def last_start(self) -> int:
        """Where the last crop of a recording may start, in samples."""
        return self._signals.shape[2] - self.window

    def crops(self, indices: NDArray[np.int64], starts: NDArray[np.int64]) -> Batch:
        """One crop of each recording, from its start on, in samples."""
        # PyTorch's memory is aligned, NumPy's need not be: sums must not depend on it
        signal = torch.empty(len(indices), self._signals.shape[1], self.window)
        room = signal.numpy()
        for place, row, start in zip(room, self.rows[indices], starts, strict=True):
            place[:] = self._signals[row, :, start : start + self.window]
        return self._batch(signal, indices)

    def label_counts(self, indices: NDArray[np.int64]) -> Tensor:
        """How many of the recordings have a label, for each target: (n)."""
        return torch.from_numpy((~np.isnan(self.labels[indices])).sum(axis=0))

    def windows(self, indices: list[int]) -> list[Batch]:
        """All windows at 0, L, 2L …, each as a batch of the same recordings; a remainder is left out."""
        signals = torch.from_numpy(self._signals[self.rows[indices]])  # (B leads samples)
        starts = range(0, signals.shape[2] - self.window + 1, self.window)
        return [self._batch(signals[:, :, s : s + self.window], indices) for s in starts]

    def _batch(self, signal: Tensor, indices: list[int] | NDArray[np.int64]) -> Batch:
        labels = torch.from_numpy(self.labels[indices])
        return Batch(signal, self._continuous[indices], self._categorical[indices], labels)


def probabilities(
    model: torch.nn.Module, recordings: Recordings, batch_size: int = 64, device: torch.device | None = None
) -> NDArray[np.float64]:
    """Probability of each target for each recording, averaged over its windows: (records n).

    The model is put into evaluation mode and stays in it.
    """
    return window_probabilities(model, recordings, batch_size, device).mean(axis=1)


@torch.no_grad()
def window_probabilities(
    model: torch.nn.Module, recordings: Recordings, batch_size: int = 64, device: torch.device | None = None
) -> NDArray[np.float64]:
    """The same for each window: (records W n)."""
    model.eval()
    answers = []
    for start in range(0, len(recordings), batch_size):
        indices = list(range(start, min(start + batch_size, len(recordings))))
        batches = recordings.windows(indices)
        logits = [model(*(x.to(device) for x in batch[:3])) for batch in batches]  # each (B n)
        answers.append(torch.sigmoid(torch.stack(logits, dim=1).double()).cpu().numpy())
    return np.concatenate(answers)
