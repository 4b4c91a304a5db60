"""Measure the steps on tables with many laboratory rows: `python many_labs.py ROWS FOLDER` prints seconds and memory.

The hospital is as dense as MIMIC-IV: 160 rows for each ECG, five ECGs for each patient, blood drawn in bunches around
the ECG. It has no waveforms. The tables are written by a child process, so that its memory does not count.
"""

from __future__ import annotations

import gzip
import json
import multiprocessing
import re
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

PER_ECG, ECGS_PER_PATIENT, LABS, DRAWS = 160, 5, 32, 5
BATCH_ECGS = 5000
START = np.datetime64("2180-01-01T00:00:00", "ms")
HOUR = 3600


def write(rows: int, folder: Path) -> None:
    """Write the tables of a hospital with so many laboratory rows."""
    import polars as pl

    ecgs = max(rows // PER_ECG, 100)
    generator = np.random.default_rng(0)
    times = START + generator.integers(0, 5 * 365 * 24 * HOUR, ecgs).astype("timedelta64[s]").astype("timedelta64[ms]")
    patient = np.arange(ecgs) // ECGS_PER_PATIENT + 10_000_000
    for place in ("hosp", "ecg"):
        (folder / place).mkdir(parents=True)
    study = np.arange(ecgs) + 40_000_000
    records = pl.DataFrame({"subject_id": patient, "study_id": study, "ecg_time": times, "path": study.astype(str)})
    records.write_csv(folder / "ecg" / "record_list.csv", datetime_format="%Y-%m-%d %H:%M:%S")
    people = pl.DataFrame({"subject_id": np.unique(patient)}).with_columns(
        gender=pl.lit("F"), anchor_age=pl.lit(60), anchor_year=pl.lit(2180), race=pl.lit("WHITE")
    )
    people.write_csv(folder / "hosp" / "patients.csv")
    people.write_csv(folder / "hosp" / "admissions.csv")
    items = pl.DataFrame({"itemid": np.arange(LABS) + 1}).with_columns(
        label=pl.format("Test {}", "itemid"), fluid=pl.lit("Blood")
    )
    items.write_csv(folder / "hosp" / "d_labitems.csv")
    with gzip.open(folder / "hosp" / "labevents.csv.gz", "wb", compresslevel=1) as stream:
        for start in range(0, ecgs, BATCH_ECGS):
            batch = _labs(patient[start : start + BATCH_ECGS], times[start : start + BATCH_ECGS], generator)
            text = batch.write_csv(include_header=start == 0, datetime_format="%Y-%m-%d %H:%M:%S")
            stream.write(text.encode())


def _labs(patient: np.ndarray, times: np.ndarray, generator: np.random.Generator) -> object:
    import polars as pl

    ecg = np.repeat(np.arange(len(patient)), PER_ECG)
    size = len(ecg)
    draws = (
        generator.integers(-2 * HOUR, 8 * HOUR, (len(patient), DRAWS))
        .astype("timedelta64[s]")
        .astype("timedelta64[ms]")
    )
    numbers = np.tile(np.arange(PER_ECG), len(patient))
    value = generator.normal(10, 2, size).round(1)
    columns = {
        "labevent_id": np.arange(size),
        "subject_id": patient[ecg],
        "specimen_id": generator.integers(0, 2**31, size),
        "itemid": numbers % LABS + 1,
        "charttime": times[ecg] + draws[ecg, numbers // LABS],
        "value": value.astype(str),
        "valuenum": value,
        "valueuom": np.full(size, "mg/dL"),
        "ref_range_lower": np.full(size, 8.0),
        "ref_range_upper": np.full(size, 12.0),
        "comments": np.full(size, "___"),
    }
    return pl.DataFrame(columns)


def measure(folder: Path) -> dict[str, float]:
    """Go through the steps on tables, up to the ECGs with their labels and features."""
    from ecg2lab_training.cohort import build, tables
    from ecg2lab_training.cohort.ledger import Ledger

    begun, ledger = time.monotonic(), Ledger()
    with tempfile.TemporaryDirectory(dir=folder.parent) as cache:
        chosen = build.choose(tables.locate(folder), build.Options(), Path(cache), ledger)
    return {
        "ecgs": chosen.ecgs.height,
        "targets": len(chosen.counted),
        "seconds": time.monotonic() - begun,
        "peak_mib": peak_mib(),
    }


def peak_mib() -> float:
    """Most memory since this program began, on Linux; `getrusage` would count that of the process that started it."""
    kib = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(kib[1]) / 1024


def main() -> None:
    """Write the tables unless they are there, then measure."""
    rows, folder = int(sys.argv[1]), Path(sys.argv[2])
    if not folder.exists():
        writer = multiprocessing.get_context("spawn").Process(target=write, args=(rows, folder))
        writer.start()
        writer.join()
    sys.stdout.write(json.dumps({"rows": rows, **measure(folder)}) + "\n")


if __name__ == "__main__":
    main()
