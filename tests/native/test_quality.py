"""The quality gate: which leads are refused and why, against a plain reading of the rules."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg2lab._native import _core
from ecg2lab.errors import QualityError, RecordingError

RATE, WINDOW, CLIP = 100.0, 250, 3.0
LEADS = ("I", "V1", "V6")


def note(lead, *, missing=0, clipped=0, empty=False, flat=False, peak=1.5, gap=0):
    return (lead, missing, clipped, False, empty, flat, peak, gap)


def judge(notes, *, prepared=1000, recorded=5000, rate=500.0, window=WINDOW):
    _core.require_quality(notes, prepared, recorded, rate, RATE, window, CLIP)


def test_a_good_recording_passes():
    judge([note(lead) for lead in LEADS])


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"empty": True, "gap": 5000, "missing": 5000, "peak": 0}, "without any value (all NaN)"),
        ({"gap": 1250, "missing": 1250}, "without values for 2.5 s or longer"),
        ({"flat": True, "peak": 0}, "flat: every sample is the same"),
        ({"clipped": 2501}, "mostly beyond ±3 mV (is the unit right?)"),
    ],
)
def test_each_fault_names_its_leads(fault, said):
    for names in (("V1",), ("I", "V6")):
        notes = [note(lead, **fault) if lead in names else note(lead) for lead in LEADS]
        with pytest.raises(QualityError) as refusal:
            judge(notes)
        leads = "lead V1" if len(names) == 1 else "leads I, V6"
        assert str(refusal.value) == f"{leads} {said}; check the electrodes and record again"


@pytest.mark.parametrize(
    "almost", [{"gap": 1249, "missing": 4000}, {"clipped": 2500}, {"missing": 4999}, {"peak": 0.01}]
)
def test_a_fault_just_below_its_limit_passes(almost):
    judge([note("I", **almost), note("V1")])


def test_a_recording_too_short_is_refused_before_anything_else():
    with pytest.raises(RecordingError, match=r"too short: 2\.49 s, and the model needs 2\.5 s"):
        judge([note("I", empty=True)], prepared=249)
    judge([note("I")], prepared=250)


@pytest.mark.parametrize("peak", [0.0, 0.049, 0.04999])
def test_a_recording_too_small_in_every_lead_is_refused(peak):
    assert _core.SMALLEST_ECG_MV == 0.05
    with pytest.raises(QualityError, match="this is no ECG, or its unit is not the one given"):
        judge([note(lead, peak=peak) for lead in LEADS])
    judge([note("I", peak=peak), note("V1", peak=0.05)])


@settings(max_examples=300)
@given(st.lists(st.fixed_dictionaries({
    "empty": st.booleans(), "flat": st.booleans(), "gap": st.integers(0, 5000), "clipped": st.integers(0, 5000),
}), min_size=1, max_size=4))  # fmt: skip
def test_the_first_fault_that_any_lead_has_is_the_one_that_is_said(faults):
    names = [f"V{i + 1}" for i in range(len(faults))]
    rules = [
        ("without any value", lambda f: f["empty"]),
        ("without values for", lambda f: f["gap"] >= 1250),
        ("flat", lambda f: f["flat"]),
        ("mostly beyond", lambda f: f["clipped"] > 2500),
    ]
    notes = [note(name, **fault) for name, fault in zip(names, faults, strict=True)]
    for said, rule in rules:
        bad = [name for name, fault in zip(names, faults, strict=True) if rule(fault)]
        if bad:
            with pytest.raises(QualityError, match=f"leads? {', '.join(bad)} {said}"):
                judge(notes)
            return
    judge(notes)


@given(st.floats(0, 0.0499), st.floats(0.1, 50))
def test_numbers_in_sentences_are_written_as_python_writes_them(peak, clip):
    with pytest.raises(QualityError) as refusal:
        judge([note("I", peak=peak)])
    assert f"more than {peak:.2g} mV" in str(refusal.value)
    with pytest.raises(QualityError) as refusal:
        _core.require_quality([note("I", clipped=4000)], 1000, 5000, 500.0, RATE, WINDOW, clip)
    assert f"±{clip:g} mV" in str(refusal.value)


def test_the_gate_counts_gaps_at_the_recordings_own_rate():
    """A window is 2.5 s: 625 samples at 250 Hz, 5000 at 2000 Hz."""
    for rate in (250.0, 2000.0):
        limit = int(2.5 * rate)
        judge([note("I", gap=limit - 1)], rate=rate)
        with pytest.raises(QualityError, match="without values for"):
            judge([note("I", gap=limit)], rate=rate)
