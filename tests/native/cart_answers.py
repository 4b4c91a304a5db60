"""What cart.c prints, held to Python's answer for the same recording and patient."""

import subprocess
from pathlib import Path

import numpy as np

import ecg2lab
from ecg2lab import demo as demo_package

DEMO = Path(demo_package.__file__).with_name("demo.ecg2lab")
PATIENT = {"age": 63, "sex": "female", "temperature_c": 37.2, "systolic_mmhg": 128}


def write_csv(path, recording):
    """Write a recording in mV as cart.c reads it, with the facts of `PATIENT`."""
    facts = {"sampling_rate_hz": f"{recording.fs:g}", "unit": "mV", **PATIENT}
    head = [f"{name},{value}" for name, value in facts.items()] + [",".join(recording.leads)]
    rows = [",".join("" if np.isnan(x) else repr(float(x)) for x in row) for row in recording.samples.T]
    path.write_text("\n".join(head + rows) + "\n")


def require_pythons_answer(command, engine, records, tmp_path, environment=None):
    """To 1e-5 in probability: float32 against float64 over four layers, and six digits printed.

    `command` runs the cart in `tmp_path`: its path, after the emulator that it may need.
    """
    for name in ("HR06000", "E07500"):
        recording = ecg2lab.read(records / f"{name}.hea")
        write_csv(tmp_path / "record.csv", recording)
        done = subprocess.run(
            [*map(str, command), str(DEMO), "record.csv"], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        known = ecg2lab.Recording(recording.samples, fs=recording.fs, leads=recording.leads, unit="mV")
        prediction = engine.predict(known, ecg2lab.Patient(**PATIENT))
        lines = done.stdout.splitlines()
        assert lines[0] == f"{engine.contract.name} ({prediction.notice})"
        for line, finding in zip(lines[1:], prediction.findings, strict=False):
            target, probability, verdict = line.split(maxsplit=2)
            assert target == finding.target
            assert abs(float(probability) - finding.probability) <= 1e-5
            assert verdict == ("detected" if finding.detected else "not detected")
        said = {line.split(": ")[1].split(",")[0] for line in lines if line.startswith("not given")}
        assert said == set(prediction.patient.imputed)
        assert lines[-1].startswith(f"{prediction.recording.windows} windows of 2.5 s")
