"""How much variation hides of what is planted in simulated ECGs, before any network reads them.

Gradient boosting reads each latent from the waves of the beat, which no noise, electrode or cart has touched but for a
small error; the ideal observer then answers from what was read instead of from the truth. The loss of AUROC is what the
spread of people and their findings (`ecg2lab_training.simulation`, `spread` and `findings`) cost; a network loses to
noise besides.
"""

from __future__ import annotations

import numpy as np
import typer
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor  # type: ignore[import-untyped, unused-ignore]

from ecg2lab_training.measures import curves
from ecg2lab_training.simulation import beat, hospital, observer, population, truth
from ecg2lab_training.simulation.population import Visit, Visits
from ecg2lab_training.simulation.questions import QUESTIONS

Floats = NDArray[np.float64]
LATENTS = ("filtration", "heart_failure", "lung_disease", "potassium", "calcium", "anaemia")
WAVES = ("septum", "free wall", "base", "right atrium", "left atrium", "ST", "T", "U")
READING = {"mV": 0.006, "width_s": 0.0004, "qt_s": 0.004, "pr_s": 0.003}
"""Error of a measure: that of an averaged beat, by eye."""


def main(blocks: int = 6, seed: int = 3) -> None:
    """Print how well each latent is read, and what that costs the ideal observer, over 1,024 patients a block."""
    drawn = [hospital.draw(seed, n * population.BLOCK) for n in range(blocks)]
    visits = population.join([block.visits for block in drawn])
    features = np.array([_features(visits.one(row), np.random.default_rng([1, row])) for row in range(len(visits))])
    held_out = visits.patient >= 2 * blocks * population.BLOCK // 3
    read = {name: _read(name, visits, features, held_out) for name in LATENTS}
    for name, values in read.items():
        correlation = np.corrcoef(values[held_out], getattr(visits, name)[held_out])[0, 1]
        typer.echo(f"{name:16} correlation {correlation:.3f}")
    charted = {name: np.concatenate([b.vital_signs[name] for b in drawn]) for name in drawn[0].vital_signs}
    ideal = np.concatenate([truth.probabilities(block) for block in drawn])[held_out]
    guess = observer.probabilities(Visits(**(vars(visits) | read)), charted, QUESTIONS)[held_out]
    _report(ideal, guess, np.concatenate([truth.labels(block) for block in drawn])[held_out])


def _features(visit: Visit, rng: np.random.Generator) -> list[float]:
    """Waves of the patient's beat, as measured, and what the chart says of the patient."""
    drawn = beat.draw(visit, rng)
    waves = {wave.name: wave for wave in (*drawn.atrial, *drawn.ventricular, *drawn.repolarisation)}
    row: list[float] = []
    for name in WAVES:
        absent = name not in waves or ("atrium" in name and visit.fibrillation)
        dipole = np.full(3, np.nan) if absent else waves[name].dipole + rng.normal(0, READING["mV"], 3)
        row += [*dipole, float(np.linalg.norm(dipole))]
    widths = [waves[name].rise if name in waves else np.nan for name in ("T", "free wall")]
    row += [width + rng.normal(0, READING["width_s"]) for width in widths]
    row += [row[3] / row[7], drawn.qtc + rng.normal(0, READING["qt_s"])]  # septum over free wall
    row.append(np.nan if visit.fibrillation else drawn.atrial[0].time + rng.normal(0, READING["pr_s"]))
    return [*row, visit.age, visit.male, visit.heart_rate, visit.fibrillation]


def _read(name: str, visits: Visits, features: Floats, held_out: NDArray[np.bool_]) -> Floats:
    """Read a latent by gradient boosting that was fitted on the other patients."""
    values = getattr(visits, name)
    values = np.log(values) if name == "filtration" else values
    model = HistGradientBoostingRegressor(max_iter=250, learning_rate=0.06, max_leaf_nodes=16, random_state=0)
    found: Floats = model.fit(features[~held_out], values[~held_out]).predict(features)
    if name == "filtration":
        return np.exp(found)
    return found if name in ("potassium", "calcium") else np.maximum(found, 0)  # the others begin at health


def _report(ideal: Floats, guess: Floats, labels: Floats) -> None:
    areas = []
    for question, p, g, y in zip(QUESTIONS, ideal.T, guess.T, labels.T, strict=True):
        if question.lab.planted == "ecg" and (y == 1).sum() >= 30:
            areas.append((curves.auroc(p, y), curves.auroc(g, y)))
            typer.echo(f"{question.name:28} ideal {areas[-1][0]:.3f}  as read {areas[-1][1]:.3f}")
    first, second = np.mean(areas, axis=0)
    typer.echo(f"{len(areas)} labels planted in the ECG: ideal {first:.4f}, as read {second:.4f}")
