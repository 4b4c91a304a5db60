"""What is judged: answers of a model, and what was true, for the same recordings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab_training.data import imputation
from ecg2lab_training.measures import decisions
from ecg2lab_training.measures.decisions import Answers, Facts, Setting
from ecg2lab_training.measures.distances import Distances
from ecg2lab_training.measures.forecasting import Last

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Cases:
    """Recordings with their answers and labels.

    Glossary: N recordings, W windows of the longest one, n targets.
    """

    windows: Array
    """(N, W, n) probability of each window, not calibrated; NaN where a recording has fewer."""
    labels: NDArray[np.float32]
    """(N, n): 0, 1; NaN where unknown."""
    patient_id: NDArray[Any]
    """(N); recordings of one patient share it."""
    continuous: Array
    """(N, features) raw; NaN: missing."""
    categorical: NDArray[np.int64]
    """(N, features) codes; -1: missing."""
    ideal: Array | None = None
    """(N, n) probability after an ideal observer; NaN where it has none; None: the patients are real."""
    last: Last | None = None
    """Last laboratory value before the ECG; None: such values are not known."""
    distances: Distances | None = None
    """From the training folds; None: the model has no space of features, or gives none."""

    @property
    def patients(self) -> int:
        """How many the recordings are of."""
        return len(np.unique(self.patient_id))

    def probabilities(self, windows: int | None = None) -> Array:
        """Mean over the first windows: (N, n), not calibrated.

        Parameters
        ----------
        windows
            How many; NaN for a recording that has fewer. None: all that each recording has.
        """
        if windows is not None:
            return np.asarray(self.windows[:, :windows].mean(axis=1))
        present = ~np.isnan(self.windows)
        return np.where(present, self.windows, 0.0).sum(axis=1) / present.sum(axis=1)

    def answered(self, reduced: Cases) -> dict[Setting, Answers]:
        """The answers by setting.

        Parameters
        ----------
        reduced
            Answers to the same recordings with age and sex alone.
        """
        missing = imputation.count_missing(self.continuous, self.categorical)
        windows: dict[Facts, Array] = {"all": self.windows, "age and sex": reduced.windows}
        distances: dict[Facts, Distances | None] = {"all": self.distances, "age and sex": reduced.distances}
        return decisions.answered(windows, self.labels, self.patient_id, missing, distances)

    def only(self, chosen: NDArray[np.bool_]) -> Cases:
        """The chosen recordings, (N) Booleans."""
        return Cases(
            windows=self.windows[chosen],
            labels=self.labels[chosen],
            patient_id=self.patient_id[chosen],
            continuous=self.continuous[chosen],
            categorical=self.categorical[chosen],
            ideal=None if self.ideal is None else self.ideal[chosen],
            last=None if self.last is None else self.last.take(chosen),
            distances=None if self.distances is None else self.distances.only(chosen),
        )
