"""The record that embedding.md makes of the packaged ECG by shell commands is that ECG."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
from doc_blocks import ROOT, blocks

import ecg2lab
from ecg2lab.demo import record_path


def test_the_csv_file_of_the_c_example_is_the_packaged_ecg(tmp_path: Path) -> None:
    (block,) = (b for b in blocks(ROOT / "docs" / "embedding.md") if "> record.csv" in b.text)
    (tmp_path / "sdk").symlink_to(ROOT / "sdk")
    subprocess.run(["bash", "-e", "-c", block.text], cwd=tmp_path, check=True)
    lines = (tmp_path / "record.csv").read_text().splitlines()
    recording = ecg2lab.read(record_path())
    assert lines[:4] == ["sampling_rate_hz,500", "unit,uV", "age,46", "sex,female"]
    assert tuple(lines[4].split(",")) == recording.leads
    samples = np.array([line.split(",") for line in lines[5:]], float)
    np.testing.assert_allclose(samples.T / 1000, recording.samples, atol=1e-9)
