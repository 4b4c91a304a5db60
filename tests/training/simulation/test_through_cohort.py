"""The simulated hospital through `cohort`: what the tables say is what was planted, counted twice over.

The simulation answers its questions itself, from the values that it drew; the cohort answers them from the tables, by
the published rules. Neither knows the other's code.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ecg2lab_training.cohort.build import Options, build
from ecg2lab_training.data import dataset
from ecg2lab_training.data.dataset import Dataset
from ecg2lab_training.data.labs import slugs_of
from ecg2lab_training.simulation import archive, hospital, truth
from ecg2lab_training.simulation.hospital import Block
from ecg2lab_training.simulation.questions import QUESTIONS

pytestmark = pytest.mark.slow

PATIENTS, SEED = 240, 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hospital, and the data set that comes of it."""
    root = tmp_path_factory.mktemp("through")
    archive.simulate(root / "sim", PATIENTS, SEED)
    build(root / "sim", root / "data", Options(fewest_values=20, fewest_cases=1))
    return root


@pytest.fixture(scope="module")
def data(folder: Path) -> Dataset:
    """The data set."""
    return dataset.read(folder / "data")


@pytest.fixture(scope="module")
def block() -> Block:
    """What was drawn."""
    return hospital.draw(SEED, 0)


@pytest.fixture(scope="module")
def rows(data: Dataset, block: Block) -> np.ndarray:
    """Row of the block for each record of the data set."""
    return np.searchsorted(block.study, data.record_id)


def test_labels_are_those_that_the_simulation_counted(data: Dataset, block: Block, rows: np.ndarray) -> None:
    answers = truth.labels(block)[rows]
    names = [q.name for q in QUESTIONS]
    assert len(data.contract.target_names) > 15
    for column, name in enumerate(data.contract.target_names):
        np.testing.assert_array_equal(data.labels[:, column], answers[:, names.index(name)].astype(np.float32), name)


def test_last_values_of_other_days_are_the_patients_own(data: Dataset, block: Block, rows: np.ndarray) -> None:
    """They correlate with the visit's; those drawn at the visit are what was drawn."""
    assert data.last is not None
    alike = []
    for lab, slug in enumerate(slugs_of(data.contract.target_names)):
        value, minutes = data.last[lab]
        drawn, at = block.values[slug][rows, 0], block.draws[slug].minutes[rows, 0]
        at_visit = at < 0  # NaN: not drawn
        np.testing.assert_array_equal(value[at_visit], drawn[at_visit])
        np.testing.assert_array_equal(minutes[at_visit], -at[at_visit])
        assert (minutes[~at_visit & ~np.isnan(minutes)] >= 24 * 60).all()
        later = ~at_visit & ~np.isnan(block.values[slug][rows, 1]) & ~np.isnan(value)
        alike += list(zip(_ranks(value[later]), _ranks(block.values[slug][rows, 1][later]), strict=True))
    assert len(alike) > 30
    assert np.corrcoef(np.array(alike).T)[0, 1] > 0.4  # three standard errors below 0.7


def _ranks(values: np.ndarray) -> np.ndarray:
    """Places in the order, from 0 to 1."""
    return np.argsort(np.argsort(values)) / max(len(values) - 1, 1)


def test_vital_signs_are_those_that_were_charted(data: Dataset, block: Block, rows: np.ndarray) -> None:
    columns = {
        "temperature_f": "temperature",
        "heart_rate_bpm": "heartrate",
        "respiratory_per_min": "resprate",
        "spo2_percent": "o2sat",
        "systolic_mmhg": "sbp",
        "diastolic_mmhg": "dbp",
    }
    for column, feature in enumerate(data.contract.continuous):
        if feature.name in columns:
            charted = block.vital_signs[columns[feature.name]][rows]
            found = data.continuous[:, column]
            mistyped = np.isnan(found) & ~np.isnan(charted)
            assert mistyped.sum() <= 4  # a share of 0.002 of some 150, twice lost at most
            np.testing.assert_allclose(found[~mistyped], charted[~mistyped], err_msg=feature.name)


def test_body_measures_survive_inches_and_pounds(data: Dataset, block: Block, rows: np.ndarray) -> None:
    by_name = {f.name: data.continuous[:, column] for column, f in enumerate(data.contract.continuous)}
    for name, true, rounding in (
        ("height_cm", block.visits.height_cm, 0.1),
        ("weight_kg", block.visits.weight_kg, 0.1),
        ("bmi", block.visits.bmi, 0.06),
    ):
        known = ~np.isnan(by_name[name])
        assert known.mean() > 0.5
        assert np.abs(by_name[name] - true[rows])[known].max() < rounding


def test_the_ideal_observer_travels_along(folder: Path, data: Dataset, block: Block, rows: np.ndarray) -> None:
    scores = truth.probabilities(block)[rows]
    names = [q.name for q in QUESTIONS]
    assert data.ideal is not None
    for column, name in enumerate(data.contract.target_names):
        np.testing.assert_allclose(data.ideal[:, column], scores[:, names.index(name)], atol=1e-12)
    said = json.loads((folder / "sim" / "truth.json").read_text())["targets"]
    assert data.description.planted == {name: said[name]["planted"] for name in data.contract.target_names}
    assert data.description.synthetic


def test_vital_signs_of_other_hours_are_not_taken(data: Dataset, block: Block, rows: np.ndarray) -> None:
    """Of those who lack a vital sign, none has found one elsewhere."""
    lacking = np.isnan(list(block.vital_signs.values())).all(axis=0)[rows]
    names = [f.name for f in data.contract.continuous]
    assert np.isnan(data.continuous[lacking][:, names.index("systolic_mmhg")]).all()
