"""Tables are found by name and read by batch, and every refusal names file and row."""

from __future__ import annotations

import gzip
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from ecg2lab.errors import DatasetError
from ecg2lab_training.cohort import reading, tables
from ecg2lab_training.cohort.tables import Table, locate

PATIENTS = "subject_id,gender,anchor_age,anchor_year,dod\n1,F,50,2180,\n2,M,60,2181,2190-01-01\n"
LABS = "subject_id,itemid,charttime,valuenum,valueuom,ref_range_lower,ref_range_upper\n"


def table(path: Path, content: str | bytes, stem: str = "patients") -> Table:
    """Write a file and call it a table."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return Table(stem, path)


@pytest.mark.parametrize("form", ["csv", "gz", "parquet", "crlf", "bom"])
def test_every_form_gives_the_same_rows(tmp_path: Path, form: str) -> None:
    path = tmp_path / {"gz": "p.csv.gz", "parquet": "p.parquet"}.get(form, "p.csv")
    content = {
        "gz": gzip.compress(PATIENTS.encode()),
        "crlf": PATIENTS.replace("\n", "\r\n").encode(),
        "bom": b"\xef\xbb\xbf" + PATIENTS.encode(),
    }.get(form, PATIENTS.encode())
    path.write_bytes(content)
    if form == "parquet":
        pl.read_csv(PATIENTS.encode()).write_parquet(path)
    frame = reading.load(Table("patients", path))
    assert frame.columns == ["row", "subject_id", "gender", "anchor_age", "anchor_year"]
    assert frame["row"].to_list() == ([1, 2] if form == "parquet" else [2, 3])  # a csv's header is row 1
    assert frame["subject_id"].to_list() == [1, 2]
    assert frame["anchor_age"].dtype == pl.Float64


@pytest.mark.slow
def test_blocks_of_any_size_give_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = ['18,"a ""quoted""\nline",1,2180\n', '19,"a ""quoted\nline""",1,2180\n']  # after 5 and after 3 marks
    rows = [f'{n},F,"{n}","2180"\n' for n in range(18)] + broken + ["20,M,1,2180"]
    whole = reading.load(table(tmp_path / "whole.csv", "subject_id,gender,anchor_age,anchor_year\n" + "".join(rows)))
    assert whole["subject_id"].to_list() == list(range(21))
    assert whole["gender"][18:20].to_list() == ['a "quoted"\nline', 'a "quoted\nline"']
    for block in range(1, 80):
        monkeypatch.setattr(reading, "BLOCK", block)
        assert reading.load(Table("patients", tmp_path / "whole.csv")).equals(whole)


def test_empty_cells_are_null_and_an_empty_table_has_its_columns(tmp_path: Path) -> None:
    frame = reading.load(table(tmp_path / "labs.csv", LABS + "1,2,,,,,\n", "labevents"))
    assert frame.drop("row", "subject_id", "itemid").row(0) == (None,) * 5
    empty = reading.load(table(tmp_path / "labs2.csv", LABS, "labevents"))
    assert empty.height == 0
    assert empty.schema == frame.schema


def test_times_are_times(tmp_path: Path) -> None:
    frame = reading.load(table(tmp_path / "labs.csv", LABS + "1,2,2180-07-23 14:05:00,1.5,mg/dL,,\n", "labevents"))
    assert frame["charttime"][0] == datetime(2180, 7, 23, 14, 5)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1,2,2180-13-01 00:00:00,1,,,", r"row 3: charttime '2180-13-01 00:00:00' is not a time"),
        ("1,2,yesterday,1,,,", r"row 3: charttime 'yesterday' is not a time"),
        ("1,2,2180-01-01 00:00:00,much,,,", r"row 3: valuenum 'much' is not a number"),
        ("1,2,2180-01-01 00:00:00,inf,,,", r"row 3: valuenum 'inf' is not a number"),
        ("one,2,2180-01-01 00:00:00,1,,,", r"row 3: subject_id 'one' is not a whole number"),
        ("1,2,3,4,5,6,7,8,9", r"cannot be read as csv, from row 2 on"),
    ],
)
def test_cell_of_the_wrong_type_is_named(tmp_path: Path, row: str, message: str) -> None:
    text = LABS + f"1,2,2180-01-01 00:00:00,1,,,\n{row}\n"
    with pytest.raises(DatasetError, match=rf"labevents\.csv.*{message}"):
        reading.load(table(tmp_path / "labevents.csv", text, "labevents"))


def test_row_is_that_of_the_file_in_later_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK", 64)
    text = "subject_id,gender,anchor_age,anchor_year\n" + "1,F,50,2180\n" * 50 + "1,F,old,2180\n"
    with pytest.raises(DatasetError, match=r"row 52: anchor_age 'old'"):
        reading.load(table(tmp_path / "patients.csv", text))


def test_wrong_cell_of_parquet_is_named(tmp_path: Path) -> None:
    pl.read_csv(PATIENTS.encode()).with_columns(anchor_age=pl.Series(["50", "old"])).write_parquet(
        tmp_path / "p.parquet"
    )
    with pytest.raises(DatasetError, match=r"p\.parquet, row 2: anchor_age 'old' is not a number"):
        reading.load(Table("patients", tmp_path / "p.parquet"))


def test_nan_of_parquet_is_missing(tmp_path: Path) -> None:
    frame = pl.read_csv(PATIENTS.encode()).with_columns(anchor_age=pl.Series([float("nan"), 60.0]))
    frame.write_parquet(tmp_path / "p.parquet")
    assert reading.load(Table("patients", tmp_path / "p.parquet"))["anchor_age"].to_list() == [None, 60]


@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_truncated_gzip(tmp_path: Path, keep: float) -> None:
    whole = gzip.compress((PATIENTS + "3,F,50,2180,\n" * 500).encode())
    with pytest.raises(DatasetError, match=r"p\.csv\.gz is a truncated or damaged gzip file"):
        reading.load(table(tmp_path / "p.csv.gz", whole[: int(keep * len(whole))]))


def test_flipped_bytes_of_gzip(tmp_path: Path) -> None:
    whole = bytearray(gzip.compress((PATIENTS + "3,F,50,2180,\n" * 500).encode()))
    whole[30] ^= 0xFF
    with pytest.raises(DatasetError, match="truncated or damaged gzip"):
        reading.load(table(tmp_path / "p.csv.gz", bytes(whole)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (PATIENTS.replace("gender", "sex"), "has no column 'gender'"),
        ("", "has no column 'subject_id'"),
        (b"\xff\xfe\x00", "does not begin with a line of column names"),
    ],
)
def test_wrong_columns(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        reading.load(table(tmp_path / "patients.csv", content))


def test_quotation_mark_that_is_never_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK", 100)
    monkeypatch.setattr(reading, "LONGEST_ROW", 400)
    text = PATIENTS + '3,"F,50,2180,\n' + "4,F,50,2180,\n" * 100
    with pytest.raises(DatasetError, match="never closed"):
        reading.load(table(tmp_path / "patients.csv", text))


def test_parquet_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be read as parquet"):
        reading.load(table(tmp_path / "patients.parquet", b"PAR1 not really"))


def required(folder: Path) -> Path:
    """Empty files of all required tables."""
    folder.mkdir()
    for stem, layout in tables.LAYOUT.items():
        if layout.required:
            (folder / f"{stem}.csv").touch()
    return folder


def test_tables_are_found_at_any_depth_but_not_among_the_records(tmp_path: Path) -> None:
    folder = required(tmp_path / "mimic")
    deep = folder / "a" / "b" / "c" / "d" / "e"
    deep.mkdir(parents=True)
    (deep / "omr.csv.gz").touch()
    (folder / "files").mkdir()
    (folder / "files" / "patients.csv").touch()  # beside record_list
    (folder / "machine_measurements.csv").touch()
    found = locate(folder)
    assert found["omr"].path == deep / "omr.csv.gz"
    assert found["patients"].path == folder / "patients.csv"
    (deep / "f").mkdir()
    (deep / "f" / "edstays.csv").touch()
    assert "edstays" not in locate(folder)


@pytest.mark.parametrize("stem", [stem for stem, layout in tables.LAYOUT.items() if layout.required])
def test_missing_table_is_named(tmp_path: Path, stem: str) -> None:
    folder = required(tmp_path / "mimic")
    (folder / f"{stem}.csv").unlink()
    with pytest.raises(DatasetError, match=rf"has no table {stem} \({stem}\.csv or"):
        locate(folder)


def test_table_that_is_there_twice(tmp_path: Path) -> None:
    folder = required(tmp_path / "mimic")
    (folder / "patients.csv.gz").touch()
    with pytest.raises(DatasetError, match=r"table patients is there twice, .*patients\.csv and .*patients\.csv\.gz"):
        locate(folder)


def test_what_wget_makes_of_physionet(tmp_path: Path) -> None:
    hosp = tmp_path / "physionet.org" / "files" / "mimiciv" / "3.1" / "hosp"
    required(tmp_path / "rest")
    hosp.mkdir(parents=True)
    (tmp_path / "rest" / "patients.csv").rename(hosp / "patients.csv")
    assert locate(tmp_path)["patients"].path == hosp / "patients.csv"


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is not a folder"):
        locate(tmp_path / "nowhere")
