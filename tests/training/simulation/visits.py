"""Simulated patients by their number."""

from __future__ import annotations

from ecg2lab_training.simulation import population
from ecg2lab_training.simulation.population import Visits


def draw(patients: int, seed: int, stream: int = 0) -> Visits:
    """All visits of the first `patients` patients."""
    blocks = [population.block(seed, stream, start) for start in range(0, patients, population.BLOCK)]
    visits = population.join(blocks)
    return visits.take(visits.patient < patients)
