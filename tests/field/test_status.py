"""What is no signal: calibration marks, padding, lead-off flags, and codes for missing samples."""

import binary_files
import numpy as np
import pytest
import text_files

import ecg2lab

FORMS = {
    "DICOM": binary_files.dicom, "EDF": binary_files.edf, "SCP-ECG": binary_files.scp, "ISHNE": binary_files.ishne,
    "aECG": text_files.aecg, "MUSE": text_files.muse, "Philips": lambda ecg: text_files.philips(ecg, form="base64"),
    "Mortara": text_files.mortara, "CSV": text_files.csv,
}  # fmt: skip


def mark(before=50, top=100, after=50, height=1.0, leads=12):
    levels = np.concatenate([np.zeros(before), np.full(top, height), np.zeros(after)])
    return np.tile(levels, (leads, 1))


def with_parts(ecg, *parts):
    return ecg._replace(samples=np.concatenate(parts, axis=1))


@pytest.mark.parametrize("form", FORMS)
def test_a_mark_after_the_ecg_is_cut_off_in_every_format(clean, ecg, read, form):
    whole = read(FORMS[form](with_parts(ecg, clean, mark(after=350))))  # 11 s, as EDF has whole seconds
    order = [whole.leads.index(lead) for lead in ecg.leads]
    assert whole.samples.shape == (12, 5000)
    np.testing.assert_allclose(whole.samples[order], clean, rtol=0, atol=1e-3)
    assert "calibration mark from 10 to 11 s" in whole.notes[0]


@pytest.mark.parametrize(
    "shape", [{}, {"before": 0}, {"top": 25}, {"top": 250}, {"height": 1.02}, {"before": 100, "after": 5}]
)
def test_a_mark_before_the_ecg_is_cut_off_whatever_its_shape(clean, ecg, read, shape):
    whole = read(text_files.csv(with_parts(ecg, mark(**shape), clean)))
    np.testing.assert_allclose(whole.samples, clean, rtol=0, atol=1e-9)


def test_a_mark_within_the_ecg_is_missing(clean, ecg, read):
    whole = read(text_files.csv(with_parts(ecg, clean[:, :2000], mark(), clean[:, 2000:])))
    assert np.isnan(whole.samples[:, 2000:2200]).all()
    np.testing.assert_allclose(np.delete(whole.samples, np.s_[2000:2200], axis=1), clean, rtol=0, atol=1e-9)


def test_marks_on_both_sides(clean, ecg, read):
    whole = read(text_files.csv(with_parts(ecg, mark(), clean, mark(), mark())))
    np.testing.assert_allclose(whole.samples, clean, rtol=0, atol=1e-9)
    assert len(whole.notes) == 2


def test_a_mark_that_was_recorded_with_noise(clean, ecg, read):
    """Drawn by a calibrator at the amplifier's input: its edges take time, and it wavers by microvolts."""
    drawn = mark(after=100) + np.random.default_rng(1).normal(0, 0.003, (12, 250))
    kernel = np.ones(4) / 4
    drawn = np.array([np.convolve(np.pad(row, (2, 1), mode="edge"), kernel, "valid") for row in drawn])
    whole = read(text_files.csv(with_parts(ecg, clean, drawn)))
    assert 4990 <= whole.samples.shape[1] <= 5000


def test_eight_stored_leads_have_it_too(clean, ecg, read):
    eight = with_parts(ecg, clean, mark()).only("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
    assert read(text_files.muse(eight)).samples.shape == (8, 5000)


@pytest.mark.parametrize(
    "other",
    [
        mark(height=0.5),
        mark(top=2000, before=0, after=0),
        mark() * np.eye(12)[:, :1],
        np.zeros((12, 200)),
    ],
    ids=["half a millivolt", "a level for four seconds", "in one lead only", "a flat line"],
)
def test_what_is_no_mark_stays(clean, ecg, read, other):
    assert read(text_files.csv(with_parts(ecg, clean, other))).samples.shape == (12, 5000 + other.shape[1])


@pytest.mark.parametrize("seed", range(4))
def test_no_ecg_is_taken_for_a_mark(ecg, read, seed):
    """Pacing, artefacts of electrodes and loud noise: what obeys Einthoven's law is no mark."""
    chance = np.random.default_rng(seed)

    def steps(leads):
        return np.repeat(chance.choice([0, 1.0], (leads, 50)), 100, axis=1)

    two = np.cumsum(chance.normal(0, 0.05, (2, 5000)), axis=1) + np.repeat(
        chance.choice([0, 1.0], (2, 50)), 100, axis=1
    )
    one, second = two
    limb = [one, second, second - one, -(one + second) / 2, one - second / 2, second - one / 2]
    assert read(text_files.csv(ecg._replace(samples=np.stack([*limb, *steps(6)])))).notes == ()


def padded(ecg, lead, value, code, start=1000, stop=1060, sample=None):
    """DICOM with a padding value, and samples of it (or others) in one lead."""
    counts = ecg.counts(1e-3).copy()
    counts[ecg.leads.index(lead), start:stop] = value if sample is None else sample
    whole = binary_files.dicom_dataset(ecg)
    whole.WaveformSequence[0].add_new("WaveformData", "OW", counts.T.tobytes())
    whole.WaveformSequence[0].add_new("WaveformPaddingValue", "OW", int(code).to_bytes(2, "little", signed=True))
    return binary_files.dicom_bytes(whole)


@pytest.mark.parametrize("value", [-32768, 32767, -20000])
def test_padding_that_no_signal_reaches_is_missing_in_its_lead(ecg, read, value):
    whole = read(padded(ecg, "aVL", value, value))
    missing = np.isnan(whole.samples)
    assert (missing.sum(), missing[4, 1000:1060].all()) == (60, True)


def test_padding_that_the_signal_passes_is_missing_only_where_all_leads_have_it(clean, ecg, read):
    assert not np.isnan(read(padded(ecg, "II", 0, 0)).samples).any()
    counts = np.zeros((12, 60))
    whole = binary_files.dicom_dataset(with_parts(ecg, clean[:, :1000], counts, clean[:, 1060:]))
    whole.WaveformSequence[0].add_new("WaveformPaddingValue", "OW", b"\0\0")
    missing = np.isnan(read(binary_files.dicom_bytes(whole)).samples)
    assert missing[:, 1000:1060].all()


def status(ecg, **marks):
    whole = binary_files.dicom_dataset(ecg)
    for channel, lead in zip(whole.WaveformSequence[0].ChannelDefinitionSequence, ecg.leads, strict=True):
        if lead in marks:
            channel.ChannelStatus = marks[lead]
    return binary_files.dicom_bytes(whole)


@pytest.mark.parametrize("word", ["DISCONNECTED", "INVALID", "UNCALIBRATED"])
def test_dicom_leads_that_are_no_signal_have_no_values(engine, ecg, read, word):
    whole = read(status(ecg, V3=word, V4=word, V5="OK"))
    assert [lead for lead, row in zip(whole.leads, whole.samples, strict=True) if np.isnan(row).all()] == ["V3", "V4"]
    assert whole.notes == (f"V3, V4 without values: marked {word} in the file",)
    with pytest.raises(ecg2lab.QualityError):
        engine.predict(whole)


def test_dicom_test_data_is_no_ecg(ecg, refusal):
    assert "lead II is marked TEST DATA: it is no ECG of a patient" in refusal(status(ecg, II="TEST DATA"))


def test_dicom_a_doubtful_lead_is_read_and_named(clean, ecg, read):
    whole = read(status(ecg, V2="QUESTIONABLE", V6=["UNZEROED", "QUESTIONABLE"]))
    np.testing.assert_allclose(whole.samples, clean, rtol=0, atol=1e-9)
    assert whole.notes == (
        "V2 marked QUESTIONABLE in the file",
        "V6 marked UNZEROED in the file",
        "V6 marked QUESTIONABLE in the file",
    )


def test_dicom_all_leads_off_is_refused(ecg, refusal):
    assert "marks all its leads as no signal (INVALID)" in refusal(status(ecg, **dict.fromkeys(ecg.leads, "INVALID")))


def muse_flag(ecg, lead, flag, value="TRUE"):
    text = text_files.muse(ecg).decode("latin-1")
    start = text.index("<WaveformType>Rhythm")
    name = f"<LeadID>{lead}</LeadID>"
    marked = text[start:].replace(name, f"{name}<{flag}>{value}</{flag}>")
    return (text[:start] + marked).encode("latin-1")


@pytest.mark.parametrize("lead", ["I", "V6"])
def test_muse_a_lead_that_was_off_has_no_values(ecg, read, lead):
    whole = read(muse_flag(ecg, lead, "LeadOff"))
    assert np.isnan(whole.samples[whole.leads.index(lead)]).all()
    assert whole.notes == (f"{lead} without values: marked LeadOff in the file",)
    assert not np.isnan(read(muse_flag(ecg, lead, "LeadOff", "FALSE")).samples).any()


@pytest.mark.parametrize("flag", ["BaselineSway", "ExcessiveACNoise", "MuscleNoise"])
def test_muse_noise_that_the_cart_saw_is_named(clean, ecg, read, flag):
    whole = read(muse_flag(ecg, "V2", flag))
    assert whole.notes == (f"V2 marked {flag} in the file",)
    assert not np.isnan(whole.samples).any()


# Format, its code, and how samples are stored: type, and the count of zero.
CODES = [
    (16, -(2**15), "<i2", 0),
    (61, -(2**15), ">i2", 0),
    (24, -(2**23), "<i4", 0),
    (32, -(2**31), "<i4", 0),
    (80, -(2**7), "u1", 2**7),
    (160, -(2**15), "<u2", 2**15),
]


@pytest.mark.parametrize(("form", "code", "kind", "zero"), CODES)
def test_wfdb_the_code_of_each_format_is_missing(tmp_path, form, code, kind, zero):
    counts = np.arange(1000) % 100
    counts[300:310] = code
    raw = (counts + zero).astype(kind).tobytes()
    if form == 24:
        raw = np.frombuffer(raw, np.uint8).reshape(-1, 4)[:, :3].tobytes()
    (tmp_path / "r.dat").write_bytes(raw)
    (tmp_path / "r.hea").write_text(f"r 1 500 1000\nr.dat {form} 100/mV 16 0 0 0 0 II\n")
    assert np.flatnonzero(np.isnan(ecg2lab.read(tmp_path / "r.hea").samples[0])).tolist() == list(range(300, 310))
