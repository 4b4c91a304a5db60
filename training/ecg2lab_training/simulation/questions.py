"""The labels that the simulated hospital can answer, and how the truth about them is known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ecg2lab_training.simulation.laboratory import LAB_MODELS, LabModel
from ecg2lab_training.simulation.population import Floats

NOW = 60
"""Prediction: the value closest to the ECG within plus or minus this many minutes."""
HORIZONS = (30, 60, 120)


class Question(NamedTuple):
    """One label: is this lab below or above its limit, now or within some minutes?"""

    lab: LabModel
    side: str  # low | high
    minutes: int | None = None  # None: now

    @property
    def name(self) -> str:
        """Name of the target, as `cohort` gives it."""
        when = "now" if self.minutes is None else f"{self.minutes}min"
        return f"{self.lab.slug}_{self.side}_{when}"

    def answer(self, minutes: Floats, values: Floats) -> Floats:
        """Label from measured values: 0, 1, NaN where not known.

        Parameters
        ----------
        minutes, values
            (V K) of each value; NaN where there is none.
        """
        above = values > self.lab.high
        below = values < self.lab.low
        crossed, other = (above, below) if self.side == "high" else (below, above)
        if self.minutes is None:
            # of two at the same distance the earlier counts; times are whole minutes
            distance = np.where(np.abs(minutes) <= NOW, np.abs(minutes) + 0.5 * (minutes > 0), np.inf)
            nearest = np.take_along_axis(crossed, distance.argmin(axis=1)[:, None], axis=1)[:, 0]
            return np.where(np.isfinite(distance.min(axis=1)), nearest, np.nan)
        inside = (minutes >= 0) & (minutes <= self.minutes)
        some, both = (crossed & inside).any(axis=1), (other & inside).any(axis=1)
        return np.where(inside.any(axis=1) & ~(some & both), some, np.nan).astype(np.float64)


def _questions() -> tuple[Question, ...]:
    questions = []
    for lab in LAB_MODELS:
        for side in ("low", "high"):
            if side == "low" and lab.low == 0:
                continue
            questions.append(Question(lab, side))
            questions += [Question(lab, side, minutes) for minutes in HORIZONS if lab.later]
    return tuple(questions)


QUESTIONS = _questions()


def of_lab(lab: LabModel) -> tuple[Question, ...]:
    """Questions about one lab."""
    return tuple(q for q in QUESTIONS if q.lab is lab)
