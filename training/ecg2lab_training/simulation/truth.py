"""The truth behind the simulated patients: what an ideal observer could know of each label, before any training."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from ecg2lab_training.measures import curves
from ecg2lab_training.simulation import hospital, observer, population
from ecg2lab_training.simulation.hospital import Block
from ecg2lab_training.simulation.population import Floats
from ecg2lab_training.simulation.questions import QUESTIONS

PATIENTS = 20 * population.BLOCK
"""Other patients of the same kind, on whom the observer's AUROC is measured: the error of an area is below 0.01 where
a label has at least 2000 cases."""


def labels(block: Block) -> Floats:
    """Labels of a block's visits by the simulation's own count: (V n), NaN where not known."""
    return np.stack([q.answer(block.draws[q.lab.slug].minutes, block.values[q.lab.slug]) for q in QUESTIONS], axis=1)


def probabilities(block: Block) -> Floats:
    """The ideal observer's probability of each label: (V n)."""
    return observer.probabilities(block.visits, block.vital_signs, QUESTIONS)


def table(block: Block, patients: int) -> pl.DataFrame:
    """Rows of truth.parquet for the patients below number `patients`."""
    kept = block.visits.patient < patients
    columns = {q.name: column[kept] for q, column in zip(QUESTIONS, probabilities(block).T, strict=True)}
    return pl.DataFrame({"study_id": block.study[kept], **columns})


def measure(seed: int, patients: int = PATIENTS) -> dict[str, dict[str, Any]]:
    """Measure the observer on patients who are not recorded: target → planted, ideal_auroc, prevalence."""
    blocks = [hospital.draw(seed, start, stream=1) for start in range(0, patients, population.BLOCK)]
    scores = np.concatenate([probabilities(block) for block in blocks])
    answers = np.concatenate([labels(block) for block in blocks])
    return {
        question.name: {
            "planted": question.lab.planted,
            "ideal_auroc": _rounded(curves.auroc(p, y)),
            "prevalence": _rounded(float(np.nanmean(y))),
        }
        for question, p, y in zip(QUESTIONS, scores.T, answers.T, strict=True)
    }


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 4)
