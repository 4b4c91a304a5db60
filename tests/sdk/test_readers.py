"""WFDB files: what is read, and what is refused."""

import shutil

import numpy as np
import pytest
import wfdb

import ecg2lab
from ecg2lab.recording.leads import STANDARD


def write_record(folder, samples, names=STANDARD, units="mV", fs=500, comments=()):
    wfdb.wrsamp(
        "record", fs=fs, units=[units] * len(names), sig_name=list(names), p_signal=samples.T, fmt=["16"] * len(names),
        comments=list(comments), write_dir=str(folder),
    )  # fmt: skip
    return folder / "record.hea"


@pytest.fixture
def samples():
    return np.random.default_rng(1).standard_normal((12, 2000)).clip(-3, 3)


def test_a_real_record_has_its_leads_rate_age_and_sex(records):
    recording = ecg2lab.read(records / "HR06000.hea")
    assert recording.leads == STANDARD
    assert (recording.fs, recording.duration_s) == (500, 10)
    assert (recording.subject.age, recording.subject.sex) == (59, "female")
    assert recording.samples[1, 0] == pytest.approx(-0.02)  # the header's first value of lead II: -20 at 1000/mV


@pytest.mark.parametrize("name", ["HR06000.hea", "HR06000.mat", "HR06000"])
def test_header_signal_file_and_bare_name_are_one_record(records, name):
    np.testing.assert_array_equal(ecg2lab.read(records / name).samples, ecg2lab.read(records / "HR06000.hea").samples)


@pytest.mark.parametrize(("unit", "factor"), [("uV", 1000.0), ("mV", 1.0), ("V", 0.001), ("mv", 1.0)])
def test_the_headers_unit_is_obeyed(tmp_path, samples, unit, factor):
    read = ecg2lab.read(write_record(tmp_path, samples * factor, units=unit))
    np.testing.assert_allclose(read.samples, samples, atol=2e-4)  # 16-bit quantisation of ±3 mV


def test_leads_are_read_by_name_whatever_their_order(tmp_path, samples):
    order = np.random.default_rng(2).permutation(12)
    read = ecg2lab.read(write_record(tmp_path, samples[order], names=[STANDARD[i] for i in order]))
    back = [read.leads.index(name) for name in STANDARD]
    np.testing.assert_allclose(read.samples[back], samples, atol=2e-4)


def test_channels_that_are_no_leads_are_left_out_and_named(tmp_path, samples):
    both = np.vstack([samples, samples[:1]])
    assert ecg2lab.read(write_record(tmp_path, both, names=(*STANDARD, "PLETH"))).ignored == ("PLETH",)


def test_age_and_sex_that_are_not_stated_are_not_invented(tmp_path, samples):
    path = write_record(tmp_path, samples, comments=["Age: NaN", "Sex: Unknown", "Dx: age 50"])
    assert ecg2lab.read(path).subject is None


def test_a_lead_in_no_voltage_is_refused(tmp_path, samples):
    with pytest.raises(ecg2lab.RecordingError, match="'NU', which is no voltage"):
        ecg2lab.read(write_record(tmp_path, samples, units="NU"))


def test_a_record_without_ecg_leads_is_refused(tmp_path, samples):
    with pytest.raises(ecg2lab.RecordingError, match="channels: ABP, PLETH"):
        ecg2lab.read(write_record(tmp_path, samples[:2], names=("ABP", "PLETH")))


def test_a_missing_signal_file_is_named(tmp_path, records):
    shutil.copy(records / "HR06000.hea", tmp_path)
    with pytest.raises(ecg2lab.RecordingError, match=r"HR06000\.mat"):
        ecg2lab.read(tmp_path / "HR06000.hea")


def test_a_truncated_signal_file_is_refused(tmp_path, records):
    shutil.copy(records / "HR06000.hea", tmp_path)
    content = (records / "HR06000.mat").read_bytes()
    (tmp_path / "HR06000.mat").write_bytes(content[: len(content) // 2])
    with pytest.raises(ecg2lab.RecordingError, match="has 2499 samples of each signal and the header announces 5000"):
        ecg2lab.read(tmp_path / "HR06000.hea")


@pytest.mark.parametrize("name", ["../secret.dat", "/etc/hostname", "s3://bucket/x.dat"])
def test_a_header_cannot_open_files_elsewhere(tmp_path, samples, name):
    path = write_record(tmp_path, samples)
    path.write_text(path.read_text().replace("record.dat", name))
    with pytest.raises(ecg2lab.RecordingError):
        ecg2lab.read(path)


@pytest.mark.parametrize("text", ["", "\n", "garbage", "record 12 500\n", "record x y z\n" * 3, "# comment only\n"])
def test_a_malformed_header_is_refused(tmp_path, text):
    (tmp_path / "record.hea").write_text(text)
    with pytest.raises(ecg2lab.RecordingError):
        ecg2lab.read(tmp_path / "record.hea")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere.hea", "there is no recording"),
        (".", "is a folder"),
        ("text.txt", "no format"),
        ("alone.dat", "no header"),
    ],
)
def test_what_is_no_record_is_named(tmp_path, name, message):
    (tmp_path / "text.txt").write_text("hello")
    (tmp_path / "alone.dat").write_bytes(b"1234")
    with pytest.raises(ecg2lab.RecordingError, match=message):
        ecg2lab.read(tmp_path / name)


def edited(tmp_path, records, *replacements):
    """The real record with another header."""
    shutil.copy(records / "HR06000.mat", tmp_path)
    text = (records / "HR06000.hea").read_text()
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "HR06000.hea").write_text(text, encoding="utf-8")
    return tmp_path / "HR06000.hea"


@pytest.mark.parametrize(
    ("micro", "encoding"),
    [("\u00b5V", "utf-8"), ("\u00b5V", "latin-1"), ("\u03bcV", "utf-8"), ("uV", "ascii"), ("UV", "ascii")],
)
def test_microvolts_are_microvolts_in_every_spelling(tmp_path, records, micro, encoding):
    """The package drops letters outside ASCII: µV would be read as V, a million times too large."""
    path = edited(tmp_path, records, ("/mv", "/uV"))
    path.write_bytes(path.read_text().replace("/uV", f"/{micro}").encode(encoding))
    real = ecg2lab.read(records / "HR06000.hea").samples
    np.testing.assert_allclose(ecg2lab.read(path).samples, real / 1000, rtol=1e-12)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("HR06000 12 500 5000", "HR06000 12", "does not state its sampling rate"),
        ("HR06000 12 500 5000", "HR06000 12 nan 5000", "does not state its sampling rate"),
        ("HR06000 12 500 5000", "HR06000 12 -500 5000", "does not state its sampling rate"),
        ("HR06000 12 500 5000", "HR06000/2 12 500 5000", "announces 2 segments and names 12"),
        ("HR06000 12 500 5000", "HR06000 13 500 5000", "announces 13 signals and describes 12"),
        ("1000.0(0)/mv 16 0 10 ", "0(0)/mv 16 0 10 ", "does not state the gain of lead I: its unit"),
        ("23323", "23324", "the samples of I do not match the checksum in the header"),
    ],
)
def test_a_header_that_leaves_out_what_decides_the_meaning_is_refused(tmp_path, records, old, new, message):
    with pytest.raises(ecg2lab.RecordingError, match=message):
        ecg2lab.read(edited(tmp_path, records, (old, new)))


def test_a_gain_without_a_unit_is_per_millivolt_as_the_standard_says(tmp_path, records):
    path = edited(tmp_path, records, ("/mv", ""))
    np.testing.assert_array_equal(ecg2lab.read(path).samples, ecg2lab.read(records / "HR06000.hea").samples)


def test_a_flipped_bit_in_the_samples_is_found(tmp_path, records):
    path = edited(tmp_path, records)
    content = bytearray((tmp_path / "HR06000.mat").read_bytes())
    content[50_000] ^= 4
    (tmp_path / "HR06000.mat").write_bytes(content)
    with pytest.raises(ecg2lab.RecordingError, match="checksum"):
        ecg2lab.read(path)


@pytest.mark.parametrize(("stated", "age"), [("300", 90), ("", None), ("121", None), ("47", 47), ("60 years", 60)])
def test_age_is_read_from_its_own_line_and_300_means_above_89(tmp_path, records, stated, age):
    """PTB-XL writes 300 for every age above 89."""
    path = edited(tmp_path, records, ("# Age: 59", f"# Age: {stated}\n# 12"))
    assert ecg2lab.read(path).subject.age == age


def test_two_ages_are_no_age(tmp_path, records):
    assert ecg2lab.read(edited(tmp_path, records, ("# Age: 59", "# Age: 59\n# Age: 20"))).subject is None
