"""Each file of the field reports has its right value; other instances of each kind are in the files beside this one."""

import numpy as np
import pytest

import ecg2lab


@pytest.mark.parametrize(
    "name",
    ["clean.dcm", "frames250.hea", "suffix.hea", "year.hea", "names.hea", "zero.hea", "gz.hea", "dicom-birth1900.dcm"],
)
def test_these_files_are_the_ecg_itself(clean, name, field):
    read = field(name)
    assert (len(read.leads), read.fs, read.notes) == (12, 500, ())
    np.testing.assert_allclose(read.samples, clean, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["plain.csv", "time-unit.csv", "aecg-utf8.xml", "aecg-gb2312.xml"])
def test_these_files_are_its_first_three_seconds(clean, name, field):
    read = field(name)
    assert (read.fs, read.duration_s) == (500, 3)
    np.testing.assert_allclose(read.samples, clean[:, :1500], rtol=0, atol=1e-9)


def test_a_calibration_mark_is_no_ecg(clean, probabilities, field):
    read = field("philips-calibration.xml")
    assert read.samples.shape == (12, 5300)
    assert read.notes == ("calibration mark from 10.6 to 11 s taken out of all leads",)
    np.testing.assert_allclose(read.samples[:, :5000], clean, rtol=0, atol=2.5e-3)  # in steps of 5 µV
    np.testing.assert_allclose(probabilities(read), probabilities(field("philips-10s.xml")), rtol=0, atol=1e-3)


@pytest.mark.parametrize("name", ["dicom-time-skew.dcm", "dicom-sample-skew.dcm"])
def test_leads_that_begin_late_are_moved_and_named(clean, name, field):
    read = field(name)
    chest = [read.leads.index(f"V{number}") for number in range(1, 7)]
    assert read.notes == ("V1, V2, V3, V4, V5, V6 begin 0.2 s late: missing before",)
    assert np.isnan(read.samples[chest, :100]).all()
    np.testing.assert_allclose(read.samples[chest, 100:5000], clean[chest, 100:], rtol=0, atol=1e-9)
    np.testing.assert_allclose(read.samples[:6, :5000], clean[:6], rtol=0, atol=1e-9)


def test_a_padding_value_in_one_lead_is_missing_there(clean, field):
    read = field("dicom-padding.dcm")
    padded = np.isnan(read.samples)
    assert padded[read.leads.index("V1"), 1000:1060].all()
    assert padded.sum() == 60
    np.testing.assert_allclose(read.samples[~padded], clean[~padded], rtol=0, atol=1.25e-3)  # in steps of 2.5 µV


def test_a_lead_that_is_marked_invalid_has_no_values(engine, field):
    read = field("dicom-status-invalid.dcm")
    assert np.isnan(read.samples).all(axis=1).tolist() == [lead == "V1" for lead in read.leads]
    assert read.notes == ("V1 without values: marked INVALID in the file",)
    with pytest.raises(ecg2lab.QualityError, match="V1"):
        engine.predict(read)


def test_a_stand_in_for_a_birth_date_is_no_age(field):
    assert field("dicom-birth1900.dcm").subject.given() == {"sex": "female"}


def test_a_file_that_contradicts_itself_states_nothing(field):
    assert field("clean.hea").subject.given() == {"age": 63, "sex": "female"}
    assert field("two.hea").subject is None


@pytest.mark.parametrize("stated", [{}, {"fs": 500}])
def test_a_time_column_that_contradicts_the_rate_is_refused(tmp_path, stated, files):
    text = (files / "time-contradiction.csv").read_text()
    path = tmp_path / "times.csv"
    path.write_text(text.replace("# fs: 500\n", "") if stated else text)
    with pytest.raises(ecg2lab.RecordingError, match=r"steps by 4 ms, which is 250 Hz, .* stated as 500 Hz"):
        ecg2lab.read(path, **stated)


def test_what_was_taken_out_is_said_with_the_answer(engine, field):
    answer = engine.predict(field("philips-calibration.xml"))
    assert answer.recording.file_notes == ("calibration mark from 10.6 to 11 s taken out of all leads",)
