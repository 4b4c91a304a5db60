"""Last values as the targets see them, of a data set and of a site; what the report says of forecasts beside them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from ecg2lab.contract import published
from ecg2lab.errors import DatasetError
from ecg2lab_training.data import dataset, dataset_writer
from ecg2lab_training.evaluation import last_values, on_dataset, result, site_table
from ecg2lab_training.evaluation.card import card
from ecg2lab_training.evaluation.cases import Cases
from ecg2lab_training.evaluation.result import Evaluation
from ecg2lab_training.measures.forecasting import Last

from .conftest import target
from .many_targets import judge, random_cases, random_contract, with_last_values

NAN = float("nan")
NAMES = ("potassium_high_now", "potassium_low_now", "potassium_high_60min", "potassium_low_60min", "sodium_low_30min")
LIMITS = {"potassium_high": 5.1, "potassium_low": 3.3, "sodium_low": 133.0}
CONTRACT = published(target(n, n.split("_")[0].title(), "2823-3", "mEq/L", LIMITS[n.rsplit("_", 1)[0]]) for n in NAMES)


def seen(*values: float) -> Last:
    """Potassium and sodium before an ECG, as the targets see them."""
    both = np.array(values).reshape(2, -1)
    criteria = [t.criterion for t in CONTRACT.targets]
    return last_values.seen(both, np.full(both.shape, 30.0), criteria, [0, 0, 0, 0, 1])


@pytest.mark.parametrize(
    ("potassium", "high", "low"),
    [
        (6.0, 1, -1),
        (5.1, 0, 0),  # the limit itself is normal
        (4.0, 0, 0),
        (3.3, 0, 0),
        (3.0, -1, 1),
        (NAN, NAN, NAN),
    ],
)
def test_states(potassium: float, high: float, low: float) -> None:
    last = seen(potassium, 140.0)
    np.testing.assert_array_equal(last.state[0], [NAN, NAN, high, low, 0])  # targets of now see none
    np.testing.assert_allclose(last.beyond[0, 2:4], [potassium - 5.1, 3.3 - potassium])


def test_without_a_limit_on_the_other_side_whatever_is_not_beyond_is_normal() -> None:
    assert [seen(4.0, sodium).state[0, 4] for sodium in (120.0, 133.0, 190.0)] == [1, 0, 0]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], None),
        ([("12:00:00", 6.0)], None),  # at the ECG, and after it
        ([("12:30:00", 6.0)], None),
        ([("11:59:00", 6.0), ("11:00:00", 4.0), ("12:30:00", 4.0)], (0.9, 1.0)),
        ([("11:00:00", 4.0), ("11:00:00", 6.0)], (-1.1, 60.0)),  # one moment: the first in the file
    ],
)
def test_of_a_site(tmp_path: Path, values: list[tuple[str, float]], expected: tuple[float, float] | None) -> None:
    (tmp_path / "t.csv").write_text("record,patient_id,time\nr,p,2026-01-01 12:00:00\nq,other,2026-01-01 12:00:00\n")
    lines = [f"p,2026-01-01 {time},potassium,{value},mEq/L" for time, value in values]
    lines.append("other,2026-01-01 12:10:00,sodium,120,mEq/L")
    (tmp_path / "l.csv").write_text("\n".join(["patient_id,time,lab,value,unit", *lines]) + "\n")
    table = site_table.read(tmp_path / "t.csv", tmp_path / "l.csv", CONTRACT)
    last = last_values.of_table(table, table.rows, CONTRACT)
    assert last is not None
    found = (float(last.beyond[0, 2]), float(last.minutes[0, 2]))
    assert found == (pytest.approx(expected) if expected else pytest.approx((NAN, NAN), nan_ok=True))
    assert np.isnan(last.state[1]).all()  # the other patient has none


def test_a_site_without_timed_values_has_none(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("record,patient_id,lab:potassium [mEq/L]\nr,p,6.0\n")
    table = site_table.read(tmp_path / "t.csv", None, CONTRACT)
    assert last_values.of_table(table, table.rows, CONTRACT) is None


@pytest.fixture(scope="module")
def known() -> tuple[Cases, Evaluation]:
    """Eight targets of random answers, six of which are forecasts, and last values that tell something."""
    cases, contract = with_last_values(random_cases(2000, 8), random_contract(8))
    return cases, judge(cases, contract, rounds=100)


def test_every_forecast_has_its_figures_and_no_other_target(known: tuple[Cases, Evaluation]) -> None:
    cases, evaluation = known
    assert cases.last is not None
    for column, t in enumerate(evaluation.targets):
        assert (t.forecast is None) == (t.criterion.setting == "prediction")
        if t.forecast is None:
            continue
        f, state = t.forecast, cases.last.state[:, column]
        labelled = ~np.isnan(cases.labels[:, column])
        counts = [group.positives + group.negatives for group in (f.with_value, f.new_onset, f.no_value)]
        assert counts == [int((labelled & kind).sum()) for kind in (~np.isnan(state), state == 0, np.isnan(state))]
        assert counts[0] + counts[2] == labelled.sum()
        assert f.gain.value == pytest.approx(f.with_value.auroc.value - f.last_value.value)
        assert f.gain.low < f.gain.value < f.gain.high
    gains = [t.forecast.gain.value for t in evaluation.targets if t.forecast]
    assert evaluation.forecasts.macro_gain.value == pytest.approx(np.mean(gains))
    assert evaluation.forecasts.targets == 6


def test_the_answer_given_before_the_ecg_beats_any_model() -> None:
    """Labels that are the last value's own state: its AUROC is 1, no case is new, and every positive was there."""
    cases, contract = with_last_values(random_cases(1000, 4), random_contract(4))
    assert cases.last is not None
    evaluation = judge(dataclasses.replace(cases, labels=cases.last.state.astype(np.float32)), contract, rounds=50)
    for t in evaluation.targets[:3]:
        assert t.forecast.last_value.value == t.forecast.persistence.value == 1
        assert (t.forecast.new_onset.positives, t.forecast.new_onset.auroc.value) == (0, None)
    assert evaluation.forecasts.macro_last_value.value == 1
    assert evaluation.forecasts.macro_new_onset.value is None


def test_the_rest_of_the_report_does_not_depend_on_last_values(known: tuple[Cases, Evaluation]) -> None:
    cases, evaluation = known
    contract = with_last_values(random_cases(2000, 8), random_contract(8))[1]
    without = judge(dataclasses.replace(cases, last=None), contract, rounds=100)
    assert without.forecasts is None
    assert [note for note in without.notes if note not in evaluation.notes] == [
        "forecasts against the last value: not measured, the data set has no last values before the ECG; "
        "write it anew with `ecg2lab cohort`"
    ]
    plain = tuple(replace(t, forecast=None) for t in evaluation.targets)
    assert replace(evaluation, targets=plain, forecasts=None, notes=without.notes) == without


def test_the_card_says_it_or_says_that_it_was_not_measured(known: tuple[Cases, Evaluation]) -> None:
    def section(evaluation: Evaluation) -> str:
        return card(evaluation).split("## Forecasts beside the last laboratory value\n")[1].split("\n## ")[0]

    _, evaluation = known
    asked = [t for t in evaluation.targets if t.forecast]
    text = section(evaluation)
    assert [t.name for t in asked if f"| {t.name} | {t.forecast.with_value.positives}/" in text] == [
        t.name for t in asked
    ]
    bare = replace(evaluation, forecasts=None, targets=tuple(replace(t, forecast=None) for t in evaluation.targets))
    assert "Not measured" in section(bare)
    now = tuple(t for t in bare.targets if t.criterion.setting == "prediction")
    assert "No target is a forecast" in section(replace(bare, targets=now))


def test_round_trips_through_json(known: tuple[Cases, Evaluation], tmp_path: Path) -> None:
    (tmp_path / "e.json").write_bytes(result.encode(known[1]))
    assert result.read(tmp_path / "e.json") == known[1]


@pytest.mark.slow
class TestDataSet:
    """`last_values.npy` beside a data set, or none."""

    @staticmethod
    def sealed(small_path: Path, out: Path, last: np.ndarray) -> Path:
        """The small data set again, with last values (labs, 2, records)."""
        data = dataset.read(small_path)
        out.mkdir()
        np.save(out / dataset.LAST, last)
        (out / dataset.SIGNALS).hardlink_to(small_path / dataset.SIGNALS)
        described = data.description
        info = {"synthetic": True, "description": described.description, "seed": 3, "planted": described.planted}
        table = dataset._table(small_path, dataset.TABLE)
        signals = out / dataset.SIGNALS
        dataset_writer.seal(out, data.contract, table, signals, last=out / dataset.LAST, **info)
        return out

    def test_values_reach_the_targets_of_the_model(self, small_path: Path, tmp_path: Path) -> None:
        rng = np.random.default_rng(0)
        last = np.stack([rng.uniform(2, 15, (3, 1600)), rng.uniform(1, 99, (3, 1600))], axis=1)
        data = dataset.read(self.sealed(small_path, tmp_path / "ds", last))
        rows = data.rows("test")
        found = last_values.of_data_set(data, rows, on_dataset.places(data.contract, data.contract))
        assert found is not None
        np.testing.assert_allclose(found.beyond[:, 1], 12.0 - last[1, 0, rows])  # hemoglobin within 120 min, below 12
        np.testing.assert_array_equal(found.minutes[:, 1], last[1, 1, rows])
        assert np.isnan(found.state[:, [0, 2]]).all()  # asked of now
        less = last_values.of_data_set(data, rows, [None, 1])  # a model with a target that the data set lacks
        assert less is not None
        assert np.isnan(less.state[:, 0]).all()
        np.testing.assert_array_equal(less.state[:, 1], found.state[:, 1])

    def test_of_other_labs_or_records_is_refused(self, small_path: Path, tmp_path: Path) -> None:
        for number, wrong in enumerate(
            (np.zeros((2, 2, 1600)), np.zeros((3, 2, 9)), np.zeros((3, 2, 1600), np.float32))
        ):
            folder = self.sealed(small_path, tmp_path / str(number), wrong)
            with pytest.raises(
                DatasetError, match=r"last_values\.npy is .*, the contract wants float64 \(3, 2, 1600\)"
            ):
                dataset.read(folder)

    def test_a_data_set_without_them_still_opens(self, small_path: Path) -> None:
        data = dataset.read(small_path)
        assert data.last is None
        assert last_values.of_data_set(data, data.rows("test"), [0, 1, 2]) is None
