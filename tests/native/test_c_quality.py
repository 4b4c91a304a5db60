"""The quality gate through the C interface: Python's verdict, faults and figures, to the last bit and word."""

import numpy as np
import pytest
from native_tools import PATIENT

import ecg2lab
from ecg2lab.quality import FAULTS

FIGURES = {"flat_share": "flat", "saturated_share": "saturated", "noise_mv": "noise", "wander_mv": "wander"}
FIGURES |= {"mains_mv": "mains"} | {name: name for name in ("bsqi", "ksqi", "ssqi", "psqi", "bassqi")}


def noisy(record):
    samples = record.samples.copy()
    samples[7] += 0.3 * np.random.default_rng(0).standard_normal(samples.shape[1])
    samples[8, 1000:3000] = samples[8, 1000]
    return samples


def copied(record):
    samples = record.samples.copy()
    samples[9] = samples[8]
    return samples


def small(record):
    return record.samples / 5


def dead(record):
    samples = record.samples.copy()
    samples[[6, 8]] = 0
    return samples


@pytest.mark.parametrize("change", [lambda record: record.samples, noisy, copied, small, dead])
def test_c_says_what_python_says(model, engine, record, change, c_interface):
    samples = change(record)
    recording = ecg2lab.Recording(samples, fs=record.fs, leads=record.leads, unit="mV")
    try:
        note = engine.predict(recording, ecg2lab.Patient(**PATIENT)).recording.quality
    except ecg2lab.QualityError as error:
        note = error.quality
    ours = model.predict(samples, record.leads, record.fs, patient=PATIENT)
    assert ours.quality == note.verdict
    assert ours.status == (c_interface.QUALITY if note.verdict == "refused" else c_interface.OK)
    assert ours.faults == [
        (FAULTS.index(f.fault) + 1, f.fault, f.severity == "refusal", f.lead, f.other_lead, f.measured, f.limit,
         f.message)
        for f in note.faults
    ]  # fmt: skip
    for lead, figures in ours.figures.items():
        measured = {FIGURES[name]: value for name, value in figures.items()}
        assert measured == {name: value for name, value in note.leads[lead].items() if name in FIGURES.values()}


def test_other_faults_have_a_code_of_their_own(model, record, c_interface):
    ours = model.predict(copied(record), record.leads, record.fs, patient=PATIENT)
    assert ours.refusal == 10
    assert ours.leads[record.leads[9]] == c_interface.FAULTY
    assert ours.message.startswith(f"lead {record.leads[9]} the same as another lead")


def test_a_recording_that_was_refused_before_is_not_judged(model, record):
    ours = model.predict(record.samples[:6], record.leads[:6], record.fs, patient=PATIENT)
    assert (ours.quality, ours.faults) == (None, [])


def test_codes_of_the_header_are_those_of_python(c_package):
    header = (c_package / "include" / "ecg2lab.h").read_text()
    for code, name in enumerate(FAULTS, start=1):
        assert f"ECG2LAB_FAULT_{name.upper()} = {code}" in header
