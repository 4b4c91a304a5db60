"""A hundredth of MIMIC-IV's laboratory rows within a fixed memory, and time that grows with the rows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("many_labs.py")
ROWS = 1_300_000
MOST_MIB = 900
"""Measured: 410 MiB. All rows in memory as text alone would take more than twice this bound."""


def test_a_hundredth_of_the_rows(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), str(ROWS), str(tmp_path / "hospital")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert ran.returncode == 0, ran.stderr
    measured = json.loads(ran.stdout)
    assert measured["targets"] > 0
    assert measured["ecgs"] > 0.8 * ROWS / 160  # one ECG for 160 rows; most have a value nearby
    assert measured["peak_mib"] < MOST_MIB
