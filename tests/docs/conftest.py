"""A fresh folder with a model and a record, in which the documentation's commands are typed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ecg2lab.demo import bundle_path, record_path


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder, made the current one; it holds `model.ecg2lab`, `record.hea` and `record.mat`."""
    shutil.copy(bundle_path(), tmp_path / "model.ecg2lab")
    header, samples = record_path(), record_path().with_suffix(".mat")
    (tmp_path / "record.hea").write_text(header.read_text().replace(header.stem, "record"))
    shutil.copy(samples, tmp_path / "record.mat")
    monkeypatch.chdir(tmp_path)
    return tmp_path
