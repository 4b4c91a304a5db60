"""The tables of the simulated hospital, one block of patients at a time: the columns of MIMIC-IV, in their order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecg2lab_training.data.labs import LABS
from ecg2lab_training.simulation import vitals
from ecg2lab_training.simulation.hospital import MINUTE, Block, Integers, fold
from ecg2lab_training.simulation.laboratory import LAB_MODELS, LabModel
from ecg2lab_training.simulation.population import BLOCK, Floats

RACE_WORDS = ("ASIAN - CHINESE", "BLACK/AFRICAN AMERICAN", "HISPANIC/LATINO - PUERTO RICAN", "OTHER", "WHITE")
RACE_UNKNOWN = 0.04
OTHER_LIMITS = 0.15
"""Share of lab rows that state wider reference limits than the usual ones."""
OTHER_SPELLING = 0.03
"""Share of lab rows that spell their unit in small letters."""
SAME_PATIENT = 0.7
"""Correlation of a patient's values of different days: diseases and habits stay, the day's state does not."""
WITHOUT_NUMBER = 0.01
"""Share of extra lab rows that have words instead of a number."""
OMR_NAMES = {
    "height_cm": ("Height (Inches)", 2.54),
    "weight_kg": ("Weight (Lbs)", 0.45359237),
    "bmi": ("BMI (kg/m2)", 1),
}
"""Feature → name in the table `omr`, and how many of our units one of its units has."""


def tables(block: Block, seed: int, patients: int) -> dict[str, pl.DataFrame]:
    """All tables of a block, without the patients from number `patients` on: path below the hospital → rows."""
    first = block.visits.number == 0
    drawn = {
        "hosp/patients": _patients(block, first),
        "hosp/admissions": _admissions(block),
        "hosp/labevents": _labevents(block),
        "hosp/omr": _omr(block),
        "ed/edstays": _edstays(block),
        "ed/vitalsign": _vitalsign(block),
        "ecg/record_list": _record_list(block),
        "ecg/machine_measurements": _machine_measurements(block),
        "ecg_icd/records_w_diag_icd10": _folds(block, seed),
    }
    kept = block.subject[block.visits.patient < patients].tolist()
    return {name: table.filter(table["subject_id"].is_in(kept)) for name, table in drawn.items()}


def lab_items() -> pl.DataFrame:
    """`hosp/d_labitems`."""
    items = [LABS[model.slug].item for model in LAB_MODELS]
    rows = [(item.itemid, item.label, item.fluid, "Chemistry") for item in items]
    return pl.DataFrame(rows, schema=["itemid", "label", "fluid", "category"], orient="row")


def _year(block: Block) -> Integers:
    return block.ecg_time.astype("datetime64[Y]").astype(np.int64) + 1970


def _text(times: NDArray[np.datetime64]) -> pl.Series:
    """Times as MIMIC-IV writes them."""
    return pl.Series(times.astype("datetime64[us]")).dt.strftime("%Y-%m-%d %H:%M:%S")


def _frame(columns: Mapping[str, Any], order: str) -> pl.DataFrame:
    """A table with all its columns in order; text and whole numbers stand in every row, the other columns are empty."""
    same = {name: value for name, value in columns.items() if isinstance(value, str | int)}
    rows = pl.DataFrame({name: value for name, value in columns.items() if name not in same}, nan_to_null=True)
    cells = (name if name in rows.columns else pl.lit(same.get(name)).alias(name) for name in order.split())
    return rows.select(cells)


def _patients(block: Block, first: NDArray[np.bool_]) -> pl.DataFrame:
    gender = np.where(block.visits.male, "M", "F")
    columns = {
        "subject_id": block.subject[first],
        "gender": gender[first],
        # above 89 MIMIC-IV says 91
        "anchor_age": np.where(block.visits.age > 89, 91, block.visits.age)[first].astype(np.int64),
        "anchor_year": _year(block)[first],
        "anchor_year_group": "2014 - 2016",
    }
    return _frame(columns, "subject_id gender anchor_age anchor_year anchor_year_group dod")


def _races(block: Block) -> NDArray[np.str_]:
    """The word of a patient's race; of some it is not known at any visit."""
    unknown = np.random.default_rng(block.visits.patient[0]).random(BLOCK) < RACE_UNKNOWN
    words = np.array(RACE_WORDS)[block.visits.race]
    return np.where(unknown[block.visits.patient % BLOCK], "UNKNOWN", words)


def _admissions(block: Block) -> pl.DataFrame:
    count = len(block.visits)
    admitted = block.ecg_time + block.rng.integers(60, 600, count) * MINUTE
    columns = {
        "subject_id": block.subject,
        "hadm_id": block.admission,
        "admittime": _text(admitted),
        "dischtime": _text(admitted + block.rng.integers(1000, 20_000, count) * MINUTE),
        "admission_type": "EW EMER.",
        "insurance": "Other",
        "race": _races(block),
        "hospital_expire_flag": 0,
    }
    order = (
        "subject_id hadm_id admittime dischtime deathtime admission_type admit_provider_id admission_location "
        "discharge_location insurance language marital_status race edregtime edouttime hospital_expire_flag"
    )
    return _frame(columns, order)


def _labevents(block: Block) -> pl.DataFrame:
    parts = []
    for model in LAB_MODELS:
        minutes, values = block.draws[model.slug].minutes, block.values[model.slug]
        row, column = np.nonzero(~np.isnan(minutes))
        parts.append(_lab_rows(block, model, row, minutes[row, column], values[row, column]))
        parts.append(_other_days(block, model))
    return pl.concat(parts).sort("subject_id", "charttime", maintain_order=True)


def _other_days(block: Block, model: LabModel) -> pl.DataFrame:
    """Values of other days, some without a number: no label may come from them, but they resemble the visit's."""
    rows = np.flatnonzero(block.rng.random(len(block.visits)) < 0.5)
    minutes = -block.rng.integers(1 * 24 * 60, 20 * 24 * 60, len(rows)).astype(np.float64)
    amount = block.rng.permutation(block.values[model.slug][:, 0])[: len(rows)]
    spare = model.low + (model.high - model.low) * 0.4
    value = np.where(np.isnan(amount), round(spare, model.digits), amount)
    value = _alike(model, _first_known(block.values[model.slug][rows]), value)
    return _lab_rows(block, model, rows, minutes, np.where(block.rng.random(len(rows)) < WITHOUT_NUMBER, np.nan, value))


def _first_known(values: Floats) -> Floats:
    """Of each row, NaN where there is none: (V, draws) → (V)."""
    return values[np.arange(len(values)), np.argmax(~np.isnan(values), axis=1)]


def _alike(model: LabModel, own: Floats, other: Floats) -> Floats:
    """Move others' values toward the patients' own, so that they correlate by `SAME_PATIENT` and spread as before."""
    scale, back = (np.log, np.exp) if model.logarithmic else (np.asarray, np.asarray)
    near, far = scale(own), scale(other)
    middle = np.nanmean(near)
    mixed = middle + SAME_PATIENT * (near - middle) + math.sqrt(1 - SAME_PATIENT**2) * (far - middle)
    amount = np.maximum(back(mixed), 10.0**-model.digits).round(model.digits)
    return np.where(np.isnan(own), other, amount)


def _lab_rows(block: Block, model: LabModel, row: Integers, minutes: Floats, values: Floats) -> pl.DataFrame:
    item, count = LABS[model.slug].item, len(row)
    spelled = np.where(block.rng.random(count) < OTHER_SPELLING, item.unit.lower(), item.unit)
    wider = block.rng.random(count) < OTHER_LIMITS
    number, beyond = np.isfinite(values), (values < model.low) | (values > model.high)
    columns = {
        "labevent_id": block.study[row] * 1000 + np.arange(count) % 1000,
        "subject_id": block.subject[row],
        "hadm_id": block.admission[row],
        "specimen_id": block.study[row] * 10,
        "itemid": item.itemid,
        "charttime": _text(block.ecg_time[row] + minutes.astype(np.int64) * MINUTE),
        "storetime": _text(block.ecg_time[row] + (minutes.astype(np.int64) + 40) * MINUTE),
        "value": np.where(number, np.array([f"{x:.{model.digits}f}" for x in values.tolist()]), "NOT PERFORMED"),
        "valuenum": values,
        "valueuom": spelled,
        "ref_range_lower": np.where(wider, round(0.95 * model.low, 3), model.low),
        "ref_range_upper": np.where(wider, round(1.05 * model.high, 3), model.high),
        "flag": pl.Series(["abnormal" if x else None for x in beyond.tolist()], dtype=pl.String),
        "priority": "ROUTINE",
    }
    order = (
        "labevent_id subject_id hadm_id specimen_id itemid order_provider_id charttime storetime value valuenum "
        "valueuom ref_range_lower ref_range_upper flag priority comments"
    )
    return _frame(columns, order)


def _omr(block: Block) -> pl.DataFrame:
    measures = vitals.body(block.visits, block.rng)
    parts = []
    for name, (title, factor) in OMR_NAMES.items():
        charted = np.flatnonzero(~np.isnan(measures[name]))
        day = block.ecg_time[charted] + block.rng.integers(-20 * 24 * 60, 20 * 24 * 60, len(charted)) * MINUTE
        columns = {
            "subject_id": block.subject[charted],
            "chartdate": _text(day).str.slice(0, 10),
            "seq_num": 1,
            "result_name": title,
            "result_value": np.array([f"{x / factor:.2f}" for x in measures[name][charted].tolist()], dtype=object),
        }
        parts.append(_frame(columns, "subject_id chartdate seq_num result_name result_value"))
    return pl.concat(parts).sort("subject_id", "chartdate", maintain_order=True)


def _edstays(block: Block) -> pl.DataFrame:
    count = len(block.visits)
    columns = {
        "subject_id": block.subject,
        "hadm_id": block.admission,
        "stay_id": block.stay,
        "intime": _text(block.ecg_time - block.rng.integers(5, 240, count) * MINUTE),
        "outtime": _text(block.ecg_time + block.rng.integers(130, 900, count) * MINUTE),
        "gender": np.where(block.visits.male, "M", "F"),
        "race": _races(block),
        "arrival_transport": "AMBULANCE",
        "disposition": "ADMITTED",
    }
    return _frame(columns, "subject_id hadm_id stay_id intime outtime gender race arrival_transport disposition")


def _vitalsign(block: Block) -> pl.DataFrame:
    """The charted values, in one row or in two; and rows of other hours, which no rule may take."""
    count, rng = len(block.visits), block.rng
    charted = vitals.mistype(block.vital_signs, rng)
    apart = rng.random(count) < 0.3
    early = {name: np.where(apart & (n < 3), np.nan, x) for n, (name, x) in enumerate(charted.items())}
    late = {name: np.where(apart & (n < 3), x, np.nan) for n, (name, x) in enumerate(charted.items())}
    other = vitals.chart(block.visits.take(rng.permutation(count)), rng)
    everyone, some = np.arange(count), np.flatnonzero(apart)
    rows = (
        (everyone, rng.integers(-28, 1, count), early),
        (some, rng.integers(-28, 29, len(some)), late),
        (everyone, rng.integers(-200, -40, count), other),
        (everyone, rng.integers(40, 125, count), other),
    )
    return pl.concat([_vital_rows(block, *part) for part in rows]).sort("subject_id", "charttime", maintain_order=True)


def _vital_rows(block: Block, row: Integers, minutes: Integers, signs: dict[str, Floats]) -> pl.DataFrame:
    columns = {
        "subject_id": block.subject[row],
        "stay_id": block.stay[row],
        "charttime": _text(block.ecg_time[row] + minutes * MINUTE),
        **{name: x[row] for name, x in signs.items()},
    }
    order = "subject_id stay_id charttime temperature heartrate resprate o2sat sbp dbp rhythm pain"
    return _frame(columns, order)


def _record_list(block: Block) -> pl.DataFrame:
    columns = {
        "subject_id": block.subject,
        "study_id": block.study,
        "file_name": block.study,
        "ecg_time": _text(block.ecg_time),
        "path": block.paths,
    }
    return _frame(columns, "subject_id study_id file_name ecg_time path")


def _machine_measurements(block: Block) -> pl.DataFrame:
    columns = {
        "subject_id": block.subject,
        "study_id": block.study,
        "cart_id": 6_000_000 + block.visits.patient % 40,
        "ecg_time": _text(block.ecg_time),
        "report_0": np.where(block.visits.fibrillation, "Atrial fibrillation", "Sinus rhythm"),
        "bandwidth": "0.005-150 Hz",
        "filtering": "60 Hz notch Baseline filter",
        "rr_interval": np.rint(60_000 / block.visits.heart_rate).astype(np.int64),
    }
    reports = " ".join(f"report_{number}" for number in range(18))
    intervals = "rr_interval p_onset p_end qrs_onset qrs_end t_end p_axis qrs_axis t_axis"
    return _frame(columns, f"subject_id study_id cart_id ecg_time {reports} bandwidth filtering {intervals}")


def _folds(block: Block, seed: int) -> pl.DataFrame:
    number = np.array([fold(seed, patient) for patient in block.visits.patient.tolist()])
    columns = {
        "file_name": [f"mimic-iv-ecg/{path}" for path in block.paths],
        "study_id": block.study,
        "subject_id": block.subject,
        "ecg_time": _text(block.ecg_time),
        "ed_stay_id": block.stay,
        "hosp_hadm_id": block.admission,
        "gender": np.where(block.visits.male, "M", "F"),
        "age": block.visits.age,
        "ecg_taken_in_ed": "True",
        "fold": number,
        "strat_fold": number,
    }
    order = (
        "file_name study_id subject_id ecg_time ed_stay_id ed_hadm_id hosp_hadm_id ed_diag_ed ed_diag_hosp "
        "hosp_diag_hosp all_diag_hosp all_diag_all gender age anchor_year anchor_age dod ecg_no_within_stay "
        "ecg_taken_in_ed ecg_taken_in_hosp ecg_taken_in_ed_or_hosp fold strat_fold"
    )
    return _frame(columns, order)
