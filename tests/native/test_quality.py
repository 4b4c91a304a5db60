"""The quality gate: which leads are refused and why, against a plain reading of the rules."""

import numpy as np
import pytest
from bare_contract import contract_for
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples

from ecg2lab import quality
from ecg2lab._native import _core
from ecg2lab.contract import Limit, QualityLimits
from ecg2lab.errors import QualityError, RecordingError
from ecg2lab.recording.preparation import judge_quality

LEADS = ("I", "V1", "V6")


def note(lead, *, missing=0, clipped=0, empty=False, flat=False, peak=1.5, gap=0):
    report = _core.LeadReport(
        missing_samples=missing, clipped_samples=clipped, empty=empty, flat=flat, peak_to_peak_mv=peak, longest_gap=gap
    )
    return lead, report


def judge(notes, *, prepared=1000, recorded=5000, rate=500.0, limits=None, **contract):
    leads, reports = zip(*notes, strict=True)
    signal = np.zeros((len(leads), prepared), np.float32)
    contract = contract_for(leads, quality=limits or QualityLimits(), **contract)
    return judge_quality(_core.Prepared(signal, list(reports), recorded, rate), contract)


def test_a_good_recording_passes():
    assert judge([note(lead) for lead in LEADS]) == quality.QualityNote(
        verdict="accepted", faults=(), leads={}, recording={}
    )


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
        refusing = [f.lead for f in refusal.value.quality.faults if f.severity == "refusal"]
        assert sorted(set(refusing)) == sorted(names)


@pytest.mark.parametrize(
    ("almost", "warned"),
    [
        ({"gap": 1249, "missing": 1249}, {"missing"}),
        ({"clipped": 2500}, {"clipped"}),
        ({"clipped": 500}, set()),
        ({"peak": 0.01}, set()),
    ],
)
def test_a_fault_just_below_its_limit_passes(almost, warned):
    found = judge([note("I", **almost), note("V1")])
    assert found.verdict == ("warnings" if warned else "accepted")
    assert {(f.fault, f.severity, f.lead) for f in found.faults} == {(name, "warning", "I") for name in warned}


def test_a_recording_too_short_is_refused_before_anything_else():
    with pytest.raises(RecordingError, match=r"too short: 2\.49 s, and the model needs 2\.5 s"):
        judge([note("I", empty=True)], prepared=249)
    judge([note("I")], prepared=250)


@pytest.mark.parametrize("peak", [0.0, 0.049, 0.04999])
def test_a_recording_too_small_in_every_lead_is_refused(peak):
    """Where nothing was measured the largest lead decides."""
    with pytest.raises(QualityError, match="this is no ECG, or its unit is not the one given"):
        judge([note(lead, peak=peak) for lead in LEADS])
    judge([note("I", peak=peak), note("V1", peak=0.05)])


@examples(300)
@given(st.lists(st.fixed_dictionaries({
    "empty": st.booleans(), "flat": st.booleans(), "gap": st.integers(0, 5000), "clipped": st.integers(0, 5000),
}), min_size=1, max_size=4))  # fmt: skip
def test_the_first_fault_that_any_lead_has_is_the_one_that_is_said(faults):
    names = [f"V{i + 1}" for i in range(len(faults))]
    rules = [
        ("without any value", lambda f: f["empty"]),
        ("without values for", lambda f: f["gap"] >= 1250 and not f["empty"]),
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


@given(st.floats(0.1, 50), st.floats(0.001, 0.499))
def test_numbers_in_sentences_are_written_as_python_writes_them(clip, share):
    with pytest.raises(QualityError) as refusal:
        judge([note("I", clipped=4000)], clip=clip)
    assert f"±{clip:g} mV" in str(refusal.value)
    with pytest.raises(QualityError) as refusal:
        judge([note("I", clipped=4000)], limits=QualityLimits(clipped=Limit(refuse=share)))
    assert f"for more than {100 * share:g} % of the time" in str(refusal.value)


def test_the_gate_counts_gaps_at_the_recordings_own_rate():
    """A window is 2.5 s: 625 samples at 250 Hz, 5000 at 2000 Hz."""
    for rate in (250.0, 257.3, 2000.0):
        limit = int(np.ceil(2.5 * rate))
        judge([note("I", gap=limit - 1)], rate=rate)
        with pytest.raises(QualityError, match="without values for"):
            judge([note("I", gap=limit)], rate=rate)


def test_a_limit_of_none_is_never_reached():
    never = {name: Limit() for name in QualityLimits.__struct_fields__}
    found = judge([note("I", missing=5000, clipped=5000, flat=True, peak=0)], limits=QualityLimits(**never))
    assert found.verdict == "accepted"


def test_a_recording_prepared_for_other_leads_is_refused():
    prepared = _core.prepare(np.ones((1, 1000)), ["I"], 500.0, contract_for(["I"]).native)
    with pytest.raises(ValueError, match="prepared for other leads"):
        judge_quality(prepared, contract_for(["I", "V1"]))
