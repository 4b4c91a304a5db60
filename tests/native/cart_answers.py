"""What cart.c prints, held to Python's answer for the same recording and patient, and what it refuses."""

import numpy as np
from native_tools import DEMO, PATIENT, completed

import ecg2lab


def write_csv(path, recording):
    """Write a recording in mV as cart.c reads it, with the facts of `PATIENT`."""
    facts = {"sampling_rate_hz": f"{recording.fs:g}", "unit": "mV", **PATIENT}
    head = [f"{name},{value}" for name, value in facts.items()] + [",".join(recording.leads)]
    rows = [",".join("" if np.isnan(x) else repr(float(x)) for x in row) for row in recording.samples.T]
    path.write_text("\n".join(head + rows) + "\n")


def require_pythons_answer(command, engine, records, tmp_path, environment=None, bundle=DEMO):
    """To 1e-5 in probability: float32 against float64 over four layers, and six digits printed.

    `command` runs the cart in `tmp_path`: its path, after the emulator that it may need. `engine` is of `bundle`.
    """
    for name in ("HR06000", "E07500"):
        recording = ecg2lab.read(records / f"{name}.hea")
        write_csv(tmp_path / "record.csv", recording)
        done = completed(*command, bundle, "record.csv", cwd=tmp_path, env=environment)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        plain = ecg2lab.Recording(recording.samples, fs=recording.fs, leads=recording.leads, unit="mV")
        prediction = engine.predict(plain, ecg2lab.Patient(**PATIENT))
        lines = done.stdout.splitlines()
        assert lines[0] == f"{engine.contract.name} ({prediction.notice})"
        for line, finding in zip(lines[1:], prediction.findings, strict=False):
            target, probability, verdict = line.split(maxsplit=2)
            assert target == finding.target
            assert abs(float(probability) - finding.probability) <= 1e-5
            assert verdict == said_of(finding)
        said = {line.split(": ")[1].split(",")[0] for line in lines if line.startswith("not given")}
        assert said == set(prediction.patient.imputed)
        assert lines[-1].startswith(f"{prediction.recording.windows} windows of 2.5 s")


def said_of(finding):
    """A flag with how often such a flag is right, any other word with its reason."""
    if finding.verdict != "flagged":
        return finding.verdict if finding.reason is None else f"{finding.verdict}: {finding.reason}"
    point = finding.operating_point
    if point is None or point.ppv is None:
        return "flagged: how often such a flag is right is not stated"
    return f"flagged: {100 * point.ppv.value:g} % of such flags are right"


def require_refusals(command, records, tmp_path):
    """The sentence and the exit status: 1 refused, 2 misused. `command` as above."""
    recording = ecg2lab.read(records / "HR06000.hea")
    recording.samples[3] = 0.25
    write_csv(tmp_path / "flat.csv", recording)
    damaged = bytearray(DEMO.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / "damaged.ecg2lab").write_bytes(damaged)
    (tmp_path / "odd.csv").write_text("sampling_rate_hz,500\nI,II\n1,2\n1,x\n")
    for arguments, messages, code in (
        ((DEMO, "flat.csv"), ("ECG2LAB_ERROR_QUALITY: lead aVR flat", "aVR  flat"), 1),
        (("absent", "flat.csv"), ("there is no bundle at absent",), 1),
        (("damaged.ecg2lab", "flat.csv"), ("damaged.ecg2lab",), 1),
        ((".", "flat.csv"), ("it is a folder",), 1),
        ((DEMO, "odd.csv"), ("line 4 is not understood",), 2),
        ((DEMO, "absent"), ("cannot read",), 2),
        ((), ("usage",), 2),
    ):
        done = completed(*command, *arguments, cwd=tmp_path)
        assert done.returncode == code, done.stderr
        for message in messages:
            assert message in done.stderr
