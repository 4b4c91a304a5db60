"""What is known of the patients: vital signs, body, sex, race, age, folds."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ecg2lab.contract import published, unnamed_targets
from ecg2lab.errors import DatasetError
from ecg2lab_training.cohort import body, demographics, folds, recordings, vitals

CONTRACT = published(unnamed_targets(1))
START = datetime(2180, 1, 31, 23, 50)
ECG = pl.LazyFrame({"ecg": [0], "subject_id": [1], "ecg_time": [START]})
SIGNS = {"temperature": 98.6, "heartrate": 70.0, "resprate": 18.0, "o2sat": 97.0, "sbp": 120.0, "dbp": 70.0}


def signs(*rows: dict[str, Any], rule: vitals.Rule = "paper") -> dict[str, float | None]:
    """Vital signs of the ECG from rows with `minutes`; signs that a row does not name are missing in it."""
    times = [START + timedelta(minutes=row["minutes"]) for row in rows]
    columns = {name: pl.Series([row.get(name) for row in rows], dtype=pl.Float64) for name in SIGNS}
    table = pl.LazyFrame({"row": range(2, len(rows) + 2), "subject_id": 1, "charttime": times, **columns})
    found = vitals.vitals(ECG, table, CONTRACT, rule).collect()
    return found.row(0, named=True) if found.height else {}


def test_every_vital_sign_has_its_feature() -> None:
    found = signs({"minutes": 0, **SIGNS})
    expected = {vitals.FEATURES[name]: value for name, value in SIGNS.items()}
    assert {name: found[name] for name in expected} == expected


def test_vital_signs_are_within_half_an_hour_ends_included() -> None:
    assert signs({"minutes": -30, "sbp": 1.0})["systolic_mmhg"] == 1
    assert signs({"minutes": 30, "sbp": 1.0})["systolic_mmhg"] == 1
    assert signs({"minutes": -31, "sbp": 1.0}, {"minutes": 31, "sbp": 2.0}) == {}


def test_strict_is_not_after_the_ecg() -> None:
    rows = ({"minutes": -20, "sbp": 1.0}, {"minutes": 5, "sbp": 2.0})
    assert signs(*rows)["systolic_mmhg"] == 2
    assert signs(*rows, rule="strict")["systolic_mmhg"] == 1
    assert signs({"minutes": 0, "sbp": 3.0}, rule="strict")["systolic_mmhg"] == 3
    assert signs({"minutes": -30, "sbp": 3.0}, rule="strict")["systolic_mmhg"] == 3
    assert signs({"minutes": 1 / 60, "sbp": 3.0}, rule="strict") == {}


def test_each_vital_sign_on_its_own() -> None:
    found = signs({"minutes": -1, "sbp": 120.0}, {"minutes": 20, "sbp": 90.0, "dbp": 50.0})
    assert (found["systolic_mmhg"], found["diastolic_mmhg"], found["temperature_f"]) == (120, 50, None)


@pytest.mark.parametrize(
    ("name", "outside", "at_limit"),
    [
        ("temperature", 49.9, 50.0),
        ("temperature", 150.1, 150.0),
        ("heartrate", 700.5, 700.0),
        ("resprate", 301.0, 300.0),
        ("o2sat", 100.5, 100.0),
        ("o2sat", -1.0, 0.0),
        ("sbp", 501.0, 500.0),
        ("dbp", 501.0, 500.0),
    ],
)
def test_value_outside_its_limits_is_no_measurement(name: str, outside: float, at_limit: float) -> None:
    feature = vitals.FEATURES[name]
    assert signs({"minutes": 1, name: outside})[feature] is None
    assert signs({"minutes": 1, name: at_limit})[feature] == at_limit
    # limits come first: a farther value takes the place of an absurd one
    assert signs({"minutes": 1, name: outside}, {"minutes": 20, name: SIGNS[name]})[feature] == SIGNS[name]
    assert signs({"minutes": 20, name: outside}, {"minutes": 1, name: SIGNS[name]})[feature] == SIGNS[name]


def measures(*rows: tuple[date | None, str, str | None]) -> dict[str, float | None]:
    """Body measures of the ECG from entries of omr."""
    names = ("chartdate", "result_name", "result_value")
    table = pl.DataFrame(
        list(rows), schema=dict(zip(names, (pl.Date, pl.String, pl.String), strict=True)), orient="row"
    )
    entries = table.with_row_index("row", 2).with_columns(subject_id=pl.lit(1, dtype=pl.Int64))
    found = body.body(ECG, entries.lazy(), CONTRACT).collect()
    return found.row(0, named=True) if found.height else {}


def test_inches_and_pounds() -> None:
    day = date(2180, 1, 31)
    found = measures((day, "Height (Inches)", "70"), (day, "Weight (Lbs)", " 154.3 "), (day, "BMI (kg/m2)", "22.1"))
    assert found["height_cm"] == pytest.approx(177.8)
    assert found["weight_kg"] == pytest.approx(69.99, abs=0.005)
    assert found["bmi"] == 22.1


@pytest.mark.parametrize(
    ("day", "known"),
    [
        (date(2180, 1, 2), True),
        (date(2180, 1, 1), False),  # its midnight is thirty days and most of a day before
        (date(2180, 3, 1), True),  # thirty days after 31 January of a leap year
        (date(2180, 3, 2), False),
    ],
)
def test_entries_stand_at_midnight_within_thirty_days(day: date, known: bool) -> None:
    assert bool(measures((day, "Height (Inches)", "70"))) == known


@pytest.mark.parametrize(
    ("name", "value", "known"),
    [
        ("BMI (kg/m2)", "100", True),
        ("BMI (kg/m2)", "100.1", False),
        ("Weight (Lbs)", "44", False),  # 19.96 kg
        ("Weight (Lbs)", "45", True),
        ("Weight (Lbs)", "882", False),  # 400.1 kg
        ("Height (Inches)", "23.5", False),  # 59.7 cm
        ("Height (Inches)", "158", False),  # 401.3 cm
        ("Height (Inches)", "tall", False),
        ("Height (Inches)", None, False),
        ("Height", "70", False),  # in which unit?
        ("Blood Pressure", "110", False),
    ],
)
def test_limits_of_the_body(name: str, value: str | None, known: bool) -> None:
    found = measures((date(2180, 1, 30), name, value))
    assert any(found.get(feature) is not None for feature in body.FEATURES) == known


def test_closest_midnight_then_the_first_in_the_file() -> None:
    name = "BMI (kg/m2)"
    assert measures((date(2180, 1, 28), name, "1"), (date(2180, 2, 1), name, "2"))["bmi"] == 2
    assert measures((date(2180, 1, 31), name, "1"), (date(2180, 2, 1), name, "2"))["bmi"] == 2  # at ten to midnight
    assert measures((date(2180, 1, 30), name, "1"), (date(2180, 1, 30), name, "2"))["bmi"] == 1


def test_limits_of_the_body_come_first() -> None:
    entries = (date(2180, 1, 31), "Weight (Lbs)", "9000"), (date(2180, 1, 20), "Weight (Lbs)", "150")
    assert measures(*entries)["weight_kg"] == pytest.approx(68.04, abs=0.005)


def test_entries_that_are_no_numbers_are_found() -> None:
    table = pl.DataFrame({"row": [2, 3, 4], "result_name": ["Weight (Lbs)", "Blood Pressure", "Weight (Lbs)"]})
    odd = body.not_numbers(table.with_columns(pl.Series("result_value", ["heavy", "110/70", "150"])))
    assert odd["row"].to_list() == [2]


@pytest.mark.parametrize(
    ("word", "group"),
    [
        ("WHITE", "white"),
        ("WHITE - RUSSIAN", "white"),
        ("white", "white"),
        ("BLACK/CAPE VERDEAN", "black"),
        ("HISPANIC/LATINO - CUBAN", "hispanic"),
        ("HISPANIC OR LATINO", "hispanic"),
        ("ASIAN - CHINESE", "asian"),
        ("PORTUGUESE", "other"),
        ("AMERICAN INDIAN/ALASKA NATIVE", "other"),
        ("OTHER", "other"),
        ("UNKNOWN", None),
        ("UNABLE TO OBTAIN", None),
        ("PATIENT DECLINED TO ANSWER", None),
        ("", None),
        (None, None),
    ],
)
def test_race_is_one_of_five_groups(word: str | None, group: str | None) -> None:
    frame = pl.DataFrame({"race": [word]}, schema={"race": pl.String})
    assert frame.select(demographics.race()).item() == group


def test_race_of_a_patient_is_what_most_stays_say() -> None:
    stays = [(1, "WHITE"), (1, "WHITE - RUSSIAN"), (1, "ASIAN"), (2, "UNKNOWN"), (2, "ASIAN"), (2, "UNKNOWN")]
    stays += [(3, "WHITE"), (3, "BLACK/AFRICAN"), (4, "UNKNOWN")]
    table = pl.DataFrame(stays, schema=("subject_id", "race"), orient="row")
    found = dict(demographics.race_of_patients(table).rows())
    assert found == {1: "white", 2: "asian", 3: "black"}


@pytest.mark.parametrize(
    ("letter", "word"), [("F", "female"), ("M", "male"), (" M", "male"), ("U", None), (None, None)]
)
def test_sex(letter: str | None, word: str | None) -> None:
    frame = pl.DataFrame({"gender": [letter]}, schema={"gender": pl.String})
    assert frame.select(demographics.sex()).item() == word


@pytest.mark.parametrize(
    ("anchor_age", "anchor_year", "anchor", "at_ecg"),
    [
        (50, 2180, 50, 50),
        (50, 2176, 50, 54),
        (88, 2178, 88, 91),
        (89, 2180, 89, 89),
        (90, 2180, 91, 91),
        (91, 2190, 91, 91),
        (20, 2185, 20, 15),
    ],
)
def test_age(anchor_age: float, anchor_year: int, anchor: float, at_ecg: float) -> None:
    frame = pl.DataFrame({"anchor_age": [float(anchor_age)], "anchor_year": [anchor_year], "ecg_time": [START]})
    assert frame.select(demographics.age("anchor")).item() == anchor
    assert frame.select(demographics.age("at-ecg")).item() == at_ecg


def fold_rows(*rows: tuple[int | None, int | None]) -> pl.DataFrame:
    """Rows of the fold table from (patient, fold)."""
    schema = {"subject_id": pl.Int64, "strat_fold": pl.Int64}
    return pl.DataFrame(list(rows), schema=schema, orient="row").with_row_index("row", 2)


def test_given_folds_are_the_patients() -> None:
    found = folds.of_table(fold_rows((1, 3), (2, 19), (1, 3), (3, None), (None, 4)), Path("folds.csv"))
    assert sorted(found.rows()) == [(1, 3), (2, 19)]


def test_patient_in_two_folds_is_refused_with_row() -> None:
    with pytest.raises(DatasetError, match=r"folds\.csv, row 4: patient 1 is in two folds"):
        folds.of_table(fold_rows((1, 3), (2, 19), (1, 4)), Path("folds.csv"))


@pytest.mark.parametrize("fold", [-1, 20])
def test_fold_outside_is_refused_with_row(fold: int) -> None:
    with pytest.raises(DatasetError, match=rf"folds\.csv, row 3: strat_fold {fold} is outside"):
        folds.of_table(fold_rows((1, 3), (2, fold)), Path("folds.csv"))


def people(count: int) -> pl.DataFrame:
    """Patients of both sexes and many ages."""
    numbers = range(1000, 1000 + count)
    return pl.DataFrame(
        {
            "subject_id": numbers,
            "sex": ["female" if n % 3 else None for n in numbers],
            "age": [20.0 + n % 70 for n in numbers],
        }
    )


@pytest.mark.parametrize("count", [1, 20, 92, 1001])
def test_made_folds_differ_by_one_patient_at_most(count: int) -> None:
    found = folds.dealt_out(people(count), seed=1)
    sizes = [(found["fold"] == fold).sum() for fold in range(20)]
    assert sum(sizes) == count == found["subject_id"].n_unique()
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("times", [2, 4])
def test_held_out_folds_may_be_larger(times: int) -> None:
    """They are hands of the same deck: every hand differs by one patient at most."""
    dealt = folds.dealt_out(people(1000), seed=1, held_out=times)
    sizes = [(dealt["fold"] == fold).sum() / (times if fold >= 18 else 1) for fold in range(20)]
    assert max(sizes) - min(sizes) <= 1


def test_made_folds_are_stratified() -> None:
    everyone = people(2000).with_columns((pl.col("age") // 10).alias("decade"))
    dealt = everyone.join(folds.dealt_out(everyone, seed=1), on="subject_id")
    for _, stratum in dealt.group_by("sex", "decade"):
        sizes = [(stratum["fold"] == fold).sum() for fold in range(20)]
        assert max(sizes) - min(sizes) <= 1


def test_made_folds_depend_on_the_seed_and_not_on_the_order() -> None:
    def made(table: pl.DataFrame, seed: int) -> list[tuple[int, int]]:
        return sorted(folds.dealt_out(table, seed).rows())

    assert made(people(100), 1) == made(people(100).reverse(), 1)
    assert made(people(100), 1) != made(people(100), 2)


def listed(**change: Any) -> pl.DataFrame:
    """Two rows of record_list, of which the second differs."""
    rows = [{"row": 2, "subject_id": 1, "study_id": 10, "ecg_time": START, "path": "files/p1/s10/10"}]
    rows.append({"row": 3, "subject_id": 1, "study_id": 11, "ecg_time": START, "path": "files/p1/s11/11"} | change)
    return recordings.listed(pl.DataFrame(rows), Path("record_list.csv"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"study_id": 10}, "its study_id was there before"),
        ({"subject_id": None}, "subject_id is empty"),
        ({"path": None}, "path is empty"),
        ({"path": "../../etc/passwd"}, "leads out of the folder"),
        ({"path": "/etc/passwd"}, "leads out of the folder"),
        ({"path": "C:\\records\\1"}, "leads out of the folder"),
    ],
)
def test_record_that_cannot_be_one(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DatasetError, match=rf"record_list\.csv, row 3: .*{message}"):
        listed(**change)


def described(**patient: Any) -> dict[str, Any]:
    """The first ECG, with a patient of these columns."""
    columns = {"row": 2, "subject_id": 1, "gender": "F", "anchor_age": 50.0, "anchor_year": 2180} | patient
    races = [
        pl.DataFrame({"subject_id": [2], "race": ["white"]}),
        pl.DataFrame({"subject_id": [1, 2], "race": ["asian", "black"]}),
    ]
    frame = recordings.described(listed(), pl.DataFrame([columns]), races, "anchor")
    return frame.with_columns(recordings.why_unusable().alias("why")).row(0, named=True)


def test_patients_are_described() -> None:
    found = described()
    assert (found["sex"], found["age"], found["race"], found["why"]) == ("female", 50, "asian", None)


@pytest.mark.parametrize(
    ("patient", "why"),
    [
        ({"subject_id": 9}, "patient is not in table patients"),
        ({"anchor_age": None}, "no age"),
        ({"anchor_age": 17.0}, "not an adult"),
        ({"anchor_age": 18.0}, None),
    ],
)
def test_patients_that_do_not_count(patient: dict[str, Any], why: str | None) -> None:
    assert described(**patient)["why"] == why


def test_patient_twice_in_the_table() -> None:
    twice = pl.DataFrame({"row": [2, 3], "subject_id": [1, 1], "gender": "F", "anchor_age": 5.0, "anchor_year": 2180})
    with pytest.raises(DatasetError, match="row 3: patient 1 is there twice"):
        recordings.described(
            listed(), twice, [pl.DataFrame(schema={"subject_id": pl.Int64, "race": pl.String})], "anchor"
        )
