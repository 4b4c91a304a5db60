"""A site's own recordings: strict tables, the cohort's label rules, the engine's answers, a recalibrated bundle."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

import ecg2lab
from ecg2lab.bundle import CARD, Bundle
from ecg2lab.contract import Calibration, Contract, published
from ecg2lab.errors import DatasetError
from ecg2lab_export import export
from ecg2lab_training.evaluation import evaluate, on_table, site_labels, site_table
from ecg2lab_training.evaluation import site as own_data
from ecg2lab_training.evaluation.cases import Cases
from ecg2lab_training.evaluation.evaluate import Wishes
from ecg2lab_training.evaluation.result import Evaluation
from ecg2lab_training.evaluation.subject import open_subject
from ecg2lab_training.measures import platt

from .conftest import small_contract, target

pytestmark = pytest.mark.slow

FEW = Wishes(rounds=100)


@pytest.fixture
def own_site(site: Path, tmp_path: Path) -> Path:
    """A copy of the site that a test may damage."""
    return Path(shutil.copytree(site, tmp_path / "site"))


def both_sides() -> Contract:
    """Low and high potassium, now and within an hour."""
    names = ("potassium_high_now", "potassium_low_now", "potassium_high_60min", "potassium_low_60min")
    limits = {"high": 5.1, "low": 3.3}
    return published(target(n, "Potassium", "2823-3", "mEq/L", limits[n.split("_")[1]]) for n in names)


def labelled(tmp_path: Path, *values: tuple[str, float]) -> list[float]:
    """Labels of one ECG at noon by `both_sides`, from potassium values at times of that day."""
    (tmp_path / "t.csv").write_text("record,patient_id,time\nr,p,2026-01-01 12:00:00\n")
    lines = [f"p,2026-01-01 {time},potassium,{value},mEq/L" for time, value in values]
    (tmp_path / "l.csv").write_text("\n".join(["patient_id,time,lab,value,unit", *lines]) + "\n")
    table = site_table.read(tmp_path / "t.csv", tmp_path / "l.csv", both_sides())
    return [float(x) for x in site_labels.labels(table, table.rows, both_sides())[0]]


UNKNOWN = float("nan")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([("12:00:00", 5.2)], [1, 0, 1, 0]),  # at the ECG: the window of a forecast is closed
        ([("12:00:00", 5.1)], [0, 0, 0, 0]),  # the limit itself is normal
        ([("11:00:00", 5.2)], [1, 0, UNKNOWN, UNKNOWN]),  # both ends of the window belong to it
        ([("13:00:00", 5.2)], [1, 0, 1, 0]),
        ([("10:59:59", 5.2)], [UNKNOWN] * 4),
        ([("13:00:01", 5.2)], [UNKNOWN] * 4),
        ([("11:50:00", 5.2), ("12:10:00", 4.0)], [1, 0, 0, 0]),  # equally close: the earlier
        ([("11:49:59", 5.2), ("12:10:00", 4.0)], [0, 0, 0, 0]),
        ([("12:10:00", 4.0), ("12:50:00", 5.2)], [0, 0, 1, 0]),  # any abnormal one counts
        ([("12:10:00", 3.0), ("12:50:00", 5.2)], [0, 1, UNKNOWN, UNKNOWN]),  # low and high
        ([("12:00:00", 5.2), ("12:00:00", 4.0)], [1, 0, 1, 0]),  # one moment: the first in the file
    ],
)
def test_label_rules(tmp_path: Path, values: list[tuple[str, float]], expected: list[float]) -> None:
    np.testing.assert_array_equal(labelled(tmp_path, *values), expected)


@pytest.mark.parametrize(
    ("table", "labs", "message"),
    [
        ("patient_id\np\n", None, "t.csv has no column 'record'"),
        ("record\nr\n", None, "t.csv has no column 'patient_id'"),
        ("record,patient_id,age,age\nr,p,1,2\n", None, "the column 'age' twice"),
        ("record,patient_id,pulse\nr,p,60\n", None, "column 'pulse' is not known; columns are record, patient_id"),
        ("record,patient_id\nr,p,60\n", None, "row 2 has 3 cells, the header has 2"),
        ("record,patient_id\n", None, "has no rows"),
        ("record,patient_id\nr,\n", None, "row 2: patient_id is empty"),
        ("record,patient_id,age\nr,p,4\ns,p,old\n", None, "row 3: age is not a number"),
        ("record,patient_id,age\nr,p,inf\n", None, "row 2: age is not a number"),
        ("record,patient_id\nr,p\nr,p\n", None, "row 3: the record of row 2 again"),
        ("record,patient_id,time\nr,p,noon\n", None, "row 2: time does not parse"),
        ("record,patient_id,lab:Potassium\nr,p,4\n", None, r"must be 'lab:NAME \[UNIT\]'"),
        ("record,patient_id,lab:Gold [g/L]\nr,p,4\n", None, "the model has no such lab; it has Potassium, Hemoglobin"),
        ("record,patient_id,lab:Potassium [pints]\nr,p,4\n", None, "unit 'pints' is not known for Potassium"),
        ("record,patient_id,lab:Potassium [mEq/L]\nr,p,<4\n", None, r"row 2: lab:Potassium \[mEq/L\] is not a number"),
        ("record,patient_id\nr,p\n", "patient_id,time,lab,value,unit\n", "row 2: time is missing"),
        ("record,patient_id,time\nr,p,2026-01-01\n", "patient_id,time,lab,value\n", "must have the columns"),
        (
            "record,patient_id,time\nr,p,2026-01-01\n",
            "patient_id,time,lab,value,unit\np,2026-01-01,potassium,4,pints\n",
            "l.csv row 2: unit 'pints' is not known for Potassium",
        ),
        (
            "record,patient_id,time\nr,p,2026-01-01\n",
            "patient_id,time,lab,value,unit\np,2026-01-01,potassium,,mEq/L\n",
            "l.csv row 2: value is not a number",
        ),
        (
            "record,patient_id,time\nr,p,2026-01-01\n",
            "patient_id,time,lab,value,unit\np,2026-01-01T00:00:00+01:00,potassium,4,mEq/L\n",
            "some times have a time zone and some have none",
        ),
        ("record,patient_id\nr,\xff\n", None, "is not a CSV file in UTF-8"),
        ('record,patient_id\nr,"p\n', None, "is not a CSV file in UTF-8"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(tmp_path: Path, table: str, labs: str | None, message: str) -> None:
    (tmp_path / "t.csv").write_bytes(table.encode("latin-1"))
    if labs is not None:
        (tmp_path / "l.csv").write_text(labs)
    with pytest.raises(DatasetError, match=message) as error:
        site_table.read(tmp_path / "t.csv", tmp_path / "l.csv" if labs is not None else None, small_contract())
    assert "\n" not in str(error.value)


def test_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot read .*none.csv"):
        site_table.read(tmp_path / "none.csv", None, small_contract())


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("lab:Potassium [mmol/L]", "5.2", 5.2),
        ("lab:2823-3 [mEq/L]", "5.2", 5.2),
        ("lab:potassium [meq/l]", "5.2", 5.2),
        ("lab:Hemoglobin [g/L]", "120", 12.0),
    ],
)
def test_labs_have_names_codes_and_units(tmp_path: Path, column: str, value: str, expected: float) -> None:
    (tmp_path / "t.csv").write_text(f"record,patient_id,{column}\nr,p,{value}\n")
    row = site_table.read(tmp_path / "t.csv", None, small_contract()).rows[0]
    assert [m.value for m in row.measurements] == pytest.approx([expected])


def test_values_that_nobody_asks_for_are_counted(site: Path, tmp_path: Path) -> None:
    shutil.copy(site / "table.csv", tmp_path / "t.csv")
    extra = "p1,2026-03-01 00:00:00,Gold,1,g/L\nstranger,2026-03-01 00:00:00,potassium,4,mEq/L\n"
    (tmp_path / "l.csv").write_text((site / "labs.csv").read_text() + extra)
    notes = site_table.read(tmp_path / "t.csv", tmp_path / "l.csv", small_contract()).notes
    assert notes == (
        "labs that the model does not know were left out: Gold",
        "1 laboratory values of patients without a recording were left out",
    )


def test_a_model_without_criteria_cannot_be_compared(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("record,patient_id\nr,p\n")
    with pytest.raises(DatasetError, match="does not say which laboratory values"):
        site_table.read(tmp_path / "t.csv", None, ecg2lab.contract.published(ecg2lab.contract.unnamed_targets(2)))


def test_answers_are_those_of_predict(small_bundle: Path, site: Path) -> None:
    """Calibrated probabilities equal the engine's within single precision."""
    subject = open_subject(small_bundle)
    table = site_table.read(site / "table.csv", None, subject.contract)
    cases = on_table.ask(subject, table, site).cases
    engine = ecg2lab.load(small_bundle)
    ours = platt.apply(cases.probabilities(), [t.calibration for t in subject.contract.targets])
    for index in (0, 2, 77):
        row = table.rows[index]
        prediction = engine.predict(ecg2lab.read(site / row.record), ecg2lab.Patient(**row.facts))  # type: ignore[arg-type]
        np.testing.assert_allclose(ours[index], [f.probability for f in prediction.findings], rtol=1e-5)
    assert np.isnan(cases.continuous[:, 0]).all()  # no respiratory rate was given
    assert (cases.categorical[2::3, 0] == -1).all()  # every third has no sex


def test_damaged_records_are_listed_and_left_out(small_bundle: Path, own_site: Path) -> None:
    (own_site / "r3.dat").write_bytes((own_site / "r3.dat").read_bytes()[:100])
    (own_site / "r5.hea").unlink()
    lines = (own_site / "table.csv").read_text().splitlines()
    lines[8] = lines[8].replace(lines[8].split(",")[3], "12.0")  # r7 becomes a child
    (own_site / "table.csv").write_text("\n".join(lines) + "\n")
    found, cases = own_data.on_own_data(open_subject(small_bundle), own_site / "table.csv", None, FEW)
    assert set(found.data.skipped) == {"r3", "r5", "r7"}
    assert all(reason.startswith("row ") for reason in found.data.skipped.values())
    assert found.data.records == len(cases.labels) == 117
    assert any("3 recordings could not be used" in note for note in found.notes)


def test_no_usable_record_or_label_is_refused(small_bundle: Path, own_site: Path) -> None:
    subject = open_subject(small_bundle)
    (own_site / "t.csv").write_text("record,patient_id,lab:Potassium [mEq/L]\nnone,p,4\n")
    with pytest.raises(DatasetError, match="not one of 1 recordings could be used; the first: row 2"):
        own_data.on_own_data(subject, own_site / "t.csv", None, FEW)
    (own_site / "t.csv").write_text("record,patient_id,age\nr0,p,60\n")
    with pytest.raises(DatasetError, match="not one recording has a laboratory value"):
        own_data.on_own_data(subject, own_site / "t.csv", None, FEW)


def test_a_shorter_recording_has_fewer_windows(small_bundle: Path, own_site: Path) -> None:
    subject = open_subject(small_bundle)
    text = (own_site / "r0.hea").read_text().replace("r0 12 100 1000", "r0 12 100 600")
    kept = (own_site / "r0.dat").read_bytes()[: 600 * 24]
    samples = np.frombuffer(kept, "<i2").reshape(600, 12)
    lines = text.splitlines()
    for index in range(12):  # the header has a checksum for each lead
        parts = lines[index + 1].split()
        parts[6] = str(int(samples[:, index].sum(dtype=np.int64)) % 65536)
        lines[index + 1] = " ".join(parts)
    (own_site / "r0.hea").write_text("\n".join(lines) + "\n")
    (own_site / "r0.dat").write_bytes(kept)
    found, cases = own_data.on_own_data(subject, own_site / "table.csv", None, FEW)
    assert [w.records for w in found.windows] == [120, 120, 119, 119]
    assert np.isfinite(cases.probabilities()).all()


def test_report_names_what_differs_from_training(small_bundle: Path, site: Path) -> None:
    """A bundle whose card states no training population: medians are all that can be compared, and it says so."""
    found, _ = site_report(small_bundle, site)
    assert any("does not state its training population" in sentence for sentence in found.shift)
    assert found.data.dates == ("2026-03-01", "2026-03-05")
    assert {t.name: t.auroc.value is not None for t in found.targets} == {
        "potassium_high_now": True,
        "hemoglobin_low_120min": True,
        "sodium_low_now": False,
    }


def site_report(bundle: Path, folder: Path) -> tuple[Evaluation, Cases]:
    """Evaluation with both files."""
    return own_data.on_own_data(open_subject(bundle), folder / "table.csv", folder / "labs.csv", FEW)


def test_recalibration_refits_what_it_can_and_says_what_it_kept(small_bundle: Path, site: Path, tmp_path: Path) -> None:
    subject = open_subject(small_bundle)
    found, cases = site_report(small_bundle, site)
    new = own_data.new_contract(subject, found, cases, FEW, site / "table.csv", site / "labs.csv")
    evaluate.write(tmp_path / "report", found, cases, own_data.files_of(new, small_bundle, subject))
    lineage = json.loads((tmp_path / "report" / "recalibration.json").read_text())
    assert lineage["parent_digest"] == subject.digest
    assert lineage["data_sha256"] == found.data.sha256
    record = lineage["targets"]["potassium_high_now"]
    assert record["refitted"] is True
    assert record["ece_after"] is not None
    assert lineage["targets"]["sodium_low_now"]["refitted"] is False
    assert lineage["targets"]["sodium_low_now"]["reason"].startswith("0 positives and 0 negatives; 20 of each")
    child = Bundle.open(tmp_path / "report" / "recalibrated.ecg2lab")
    old, fresh = subject.contract.targets, child.contract.targets
    assert fresh[0].calibration != old[0].calibration
    assert fresh[2] == old[2]
    assert child.contract.name == "tiny (simulated patients) (recalibrated)"
    assert subject.digest in child.member(CARD).decode()
    recording = ecg2lab.read(site / "r1")
    engine, parent = ecg2lab.load(child), ecg2lab.load(small_bundle)
    assert engine.predict(recording).findings[2] == parent.predict(recording).findings[2]
    assert engine.predict(recording).findings[0] != parent.predict(recording).findings[0]


def test_too_few_cases_are_refused(small_bundle: Path, own_site: Path) -> None:
    lines = (own_site / "table.csv").read_text().splitlines()[:20]
    (own_site / "table.csv").write_text("\n".join(lines) + "\n")
    subject = open_subject(small_bundle)
    found, cases = own_data.on_own_data(subject, own_site / "table.csv", None, FEW)
    with pytest.raises(DatasetError, match="no target can be recalibrated; potassium_high_now: .* 20 of each"):
        own_data.new_contract(subject, found, cases, FEW, own_site / "table.csv", None)


def test_export_makes_the_bundle_anew_from_a_run_and_the_new_contract(
    small_run: Path, site: Path, tmp_path: Path
) -> None:
    subject = open_subject(small_run)
    found, cases = site_report(small_run, site)
    new = own_data.new_contract(subject, found, cases, FEW, site / "table.csv", site / "labs.csv")
    evaluate.write(tmp_path / "report", found, cases, own_data.files_of(new, small_run, subject))
    assert not (tmp_path / "report" / "recalibrated.ecg2lab").exists()
    export(small_run, tmp_path / "new.ecg2lab", contract=tmp_path / "report" / "contract.json")
    assert Bundle.open(tmp_path / "new.ecg2lab").contract == new.contract
    assert new.lineage.parent_digest == subject.digest


def test_after_recalibration_probabilities_agree_with_the_site(small_bundle: Path, site: Path) -> None:
    """A site where potassium is high twice as often as the model says: ECE on patients that did not fit it falls."""
    subject = open_subject(small_bundle)
    first = subject.contract.targets[0]
    wrong = msgspec.structs.replace(first, calibration=Calibration(slope=1.0, intercept=-2.0))
    contract = msgspec.structs.replace(subject.contract, targets=(wrong, *subject.contract.targets[1:]))
    shifted = replace(subject, contract=contract)
    found, cases = own_data.on_own_data(shifted, site / "table.csv", None, FEW)
    new = own_data.new_contract(shifted, found, cases, FEW, site / "table.csv", None)
    record = new.lineage.targets["potassium_high_now"]
    assert record.ece_before is not None
    assert record.ece_after is not None
    assert record.brier_before is not None
    assert record.brier_after is not None
    assert record.ece_after < 0.5 * record.ece_before
    assert record.brier_after < record.brier_before
