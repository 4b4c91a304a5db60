"""The ECG that the writers write: samples, and what a file may say of its patient."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import numpy as np


class Ecg(NamedTuple):
    """(leads, n) millivolt, and facts. Names and numbers of the patient are invented."""

    samples: np.ndarray
    fs: int
    leads: tuple[str, ...]
    age: int = 59
    sex: str = "female"
    birth: date = date(1960, 3, 14)
    acquired: date = date(2020, 1, 31)
    patient_id: str = "SECRET-4711"
    name: str = "Secretname"

    def counts(self, millivolts_per_count: float) -> np.ndarray:
        """As an ADC of 16 bits would store it."""
        return np.round(self.samples / millivolts_per_count).astype("<i2")

    def only(self, *leads: str) -> Ecg:
        """Some leads, in this order."""
        return self._replace(samples=self.samples[[self.leads.index(lead) for lead in leads]], leads=leads)
