"""From a hospital's folder to a data set that opens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from ecg2lab_training import dataset
from ecg2lab_training.cohort.build import Options, build

SMALL = Options(fewest_values=20, fewest_cases=1, workers=1)


def test_whole_hospital(hospital: Callable[..., Path], tmp_path: Path) -> None:
    summary = build(hospital(), tmp_path / "ds", SMALL)
    data = dataset.read(tmp_path / "ds")
    assert summary.records == 80
    assert data.signals.shape == (80, 12, 1000)
    table = pl.read_parquet(tmp_path / "ds" / dataset.TABLE)
    assert data.contract.target_names == ()
    print(table)
