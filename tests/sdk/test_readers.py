"""WFDB files: what is read, and what is refused."""

import shutil

import numpy as np
import pytest
import wfdb

import ecg2lab
from ecg2lab.leads import STANDARD


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
    with pytest.raises(ecg2lab.RecordingError, match="damaged"):
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
