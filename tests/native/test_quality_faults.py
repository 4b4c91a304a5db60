"""What the gate says of real ECGs that something was done to."""

import numpy as np
import pytest

import ecg2lab
from ecg2lab.contract import published, unnamed_targets
from ecg2lab.recording.preparation import judge_quality, prepare_signal

CONTRACT = published(unnamed_targets(1))


def judge(names, samples, fs=500.0):
    recording = ecg2lab.Recording(samples, fs=fs, leads=names, unit="mV")
    return judge_quality(prepare_signal(recording, CONTRACT), CONTRACT)


def said(names, samples):
    """Words and leads, whether the gate refuses or not."""
    try:
        note = judge(names, samples)
    except ecg2lab.QualityError as error:
        note = error.quality
    return {(fault.fault, fault.lead) for fault in note.faults}


def test_a_real_ecg_is_accepted_without_a_word(ecg):
    note = judge(*ecg)
    assert (note.verdict, note.faults) == ("accepted", ())
    assert set(note.leads) == set(CONTRACT.signal.leads)


def row(names, lead):
    return names.index(lead)


def held(names, x):
    x[row(names, "V2"), 500:2500] = x[row(names, "V2"), 500]


def rails(names, x):
    lead = x[row(names, "V3")]
    np.clip(lead, lead.min() / 3, lead.max() / 3, out=lead)


def muscle(names, x):
    x[row(names, "V4")] += 0.3 * np.random.default_rng(0).standard_normal(x.shape[1])


def wander(names, x):
    x[row(names, "V5")] += np.sin(2 * np.pi * 0.25 * np.arange(x.shape[1]) / 500)


def hum(names, x):
    x[row(names, "V6")] += 0.1 * np.sin(2 * np.pi * 50 * np.arange(x.shape[1]) / 500)


def nothing_but_noise(names, x):
    x[row(names, "V1")] = 0.2 * np.random.default_rng(1).standard_normal(x.shape[1])


def scattered(names, x):
    x[row(names, "V1"), ::4] = np.nan


def copy(names, x):
    x[row(names, "V5")] = x[row(names, "V4")] + 0.002


def exchanged_names(names, x):
    x[[row(names, "II"), row(names, "III")]] = x[[row(names, "III"), row(names, "II")]]


def arms(names, x):
    x[row(names, "I")] *= -1
    for a, b in (("II", "III"), ("aVR", "aVL")):
        x[[row(names, a), row(names, b)]] = x[[row(names, b), row(names, a)]]


def spikes(names, x):
    x[:, 150::420] += 1.5


def five_times(names, x):
    x *= 5


def a_fifth(names, x):
    x /= 5


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (held, ("flat", "V2")),
        (rails, ("saturated", "V3")),
        (muscle, ("noise", "V4")),
        (wander, ("wander", "V5")),
        (hum, ("mains", "V6")),
        (nothing_but_noise, ("ksqi", "V1")),
        (scattered, ("missing", "V1")),
        (copy, ("duplicate", "V5")),
        (exchanged_names, ("limb_algebra", "III")),
        (arms, ("arm_reversal", "I")),
        (spikes, ("paced", None)),
        (five_times, ("too_large", None)),
        (a_fifth, ("too_small", None)),
    ],
)
def test_what_was_done_is_said_of_the_lead_that_it_was_done_to(ecg, change, expected):
    names, samples = ecg
    changed = samples.copy()
    change(names, changed)
    assert expected in said(names, changed)


def test_a_copy_names_its_model_and_is_refused(ecg):
    names, samples = ecg[0], ecg[1].copy()
    copy(names, samples)
    with pytest.raises(ecg2lab.QualityError, match="lead V5 the same as another lead; check the electrodes") as refusal:
        judge(names, samples)
    (fault,) = (f for f in refusal.value.quality.faults if f.fault == "duplicate")
    assert (fault.lead, fault.other_lead, fault.severity) == ("V5", "V4", "refusal")
    assert fault.message == "lead V5 the same as lead V4"


def test_limb_leads_by_the_wrong_names_are_refused(ecg):
    names, samples = ecg[0], ecg[1].copy()
    exchanged_names(names, samples)
    with pytest.raises(ecg2lab.QualityError, match=r"in contradiction to leads I and II \(Einthoven\)"):
        judge(names, samples)


def test_a_slip_of_the_unit_is_told_from_dead_leads(ecg):
    names, samples = ecg
    with pytest.raises(ecg2lab.QualityError, match=r"the leads vary by less than 0\.05 mV: this is no ECG"):
        judge(names, samples / 1000)
    with pytest.raises(ecg2lab.QualityError, match="flat: every sample is the same"):
        judge(names, np.zeros_like(samples))


def test_a_message_holds_limits_and_no_figure_of_the_patient(ecg):
    names, samples = ecg[0], ecg[1].copy()
    for change in (held, muscle, wander, hum):
        change(names, samples)
    note = judge(names, samples)
    assert note.verdict == "warnings"
    for fault in note.faults:
        assert f"{fault.measured:.2g}" not in fault.message


@pytest.mark.parametrize(("every", "verdict"), [(20, "accepted"), (4, "warnings")])
def test_scattered_gaps_are_borne_up_to_their_limits(ecg, every, verdict):
    names, samples = ecg[0], ecg[1].copy()
    samples[row(names, "V1"), ::every] = np.nan
    assert judge(names, samples).verdict == verdict
    samples[row(names, "V1"), ::2] = samples[row(names, "V1"), ::3] = np.nan
    with pytest.raises(ecg2lab.QualityError, match="lead V1 without values for more than 50 % of the time"):
        judge(names, samples)
