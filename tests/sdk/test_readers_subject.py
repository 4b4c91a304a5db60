"""Age and sex: taken where a file states them plainly, never guessed; and what CSV may be told by its caller."""

import warnings
from datetime import date

import binary_files
import pytest
import text_files
from ecg import Ecg

import ecg2lab
from ecg2lab.readers import subject as subjects
from ecg2lab.readers.channels import lead_of
from ecg2lab.readers.numbers import finite, whole


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("63", "YEARS", 63),
        ("063", "Y", 63),
        ("18", "months", 1.5),
        ("6", "WEEKS", 42 / 365.2425),
        ("10", "d", 10 / 365.2425),
        (12, "hours", 0.5 / 365.2425),
        ("0", "years", 0),
        ("90+", "years", 90),
        ("> 89", "years", 90),
        ("120", "years", 120),
    ],
)
def test_ages_of_every_unit_are_years(value, unit, expected):
    assert subjects.years(value, unit) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        ("63", None),
        ("63", "moons"),
        ("old", "years"),
        ("", "years"),
        (None, "years"),
        ("-1", "years"),
        ("121", "years"),
        ("nan", "years"),
        ("90+", "months"),
        ("6_3", "years"),
    ],
)
def test_an_age_that_is_not_plain_is_none(value, unit):
    assert subjects.years(value, unit) is None


@pytest.mark.parametrize(
    ("birth", "acquired", "expected"),
    [
        (date(1960, 3, 14), date(2020, 3, 13), 59),
        (date(1960, 3, 14), date(2020, 3, 14), 60),
        (date(2000, 2, 29), date(2001, 2, 28), 365 / 365.2425),
        (date(2000, 2, 29), date(2001, 3, 1), 1),
        (date(2020, 1, 1), date(2020, 1, 31), 30 / 365.2425),
        (date(2020, 1, 2), date(2020, 1, 1), None),
        (date(1800, 1, 1), date(2020, 1, 1), None),
        (None, date(2020, 1, 1), None),
        (date(2020, 1, 1), None, None),
    ],
)
def test_birth_and_acquisition_give_completed_years_and_days_of_the_first(birth, acquired, expected):
    assert subjects.age_between(birth, acquired) == (None if expected is None else pytest.approx(expected, rel=1e-12))


def test_an_age_and_dates_that_contradict_each_other_are_no_age():
    dates = {"birth": date(1960, 3, 14), "acquired": date(2020, 1, 31)}
    assert subjects.subject(stated=59, **dates).age == 59
    assert subjects.subject(stated=60, **dates).age == 60  # rounded by the cart
    assert subjects.subject(stated=40, **dates) is None
    assert subjects.subject(stated=40, sex="male", **dates).given() == {"sex": "male"}
    centenarian = {"birth": date(1915, 1, 1), "acquired": date(2020, 1, 31)}
    assert subjects.subject(stated=90, **centenarian).age == 90  # de-identified: above 89


@pytest.mark.parametrize("word", ["U", "unknown", "other", "O", "", None, "femal", "2", "weiblich"])
def test_other_words_for_sex_are_not_guessed(word):
    assert subjects.sex(word) is None


@pytest.mark.parametrize(
    ("text", "order", "expected"),
    [
        ("20200131", "ymd", date(2020, 1, 31)),
        ("2020-01-31", "ymd", date(2020, 1, 31)),
        ("01-31-2020", "mdy", date(2020, 1, 31)),
        ("31-01-2020", "mdy", None),
        ("2020-13-01", "ymd", None),
        ("2020-0131", "ymd", None),
        ("00000000", "ymd", None),
        ("", "ymd", None),
        (None, "ymd", None),
    ],
)
def test_dates_are_read_in_the_order_of_their_format(text, order, expected):
    assert subjects.day(text, order) == expected


@pytest.mark.parametrize("text", ["", "nan", "inf", "1e999", "1_000", "١", "0x10", "1" * 5000, "--1", None])
def test_what_python_would_take_for_a_number_need_not_be_one(text):
    assert finite(text) is None
    assert whole(text) is None


@pytest.mark.parametrize("name", ["II", "ii", " II ", "ECG II", "EKG II", "Lead II", "LEAD_II", "MDC_ECG_LEAD_II"])
def test_a_lead_is_known_under_the_names_that_formats_give_it(name):
    assert lead_of(name) == "II"


@pytest.mark.parametrize("name", ["", "time", "X", "ECG", "EEG Fpz-Cz", "II-V1", "MDC_ECG_LEAD_AVRNEG", "V10", "Pleth"])
def test_other_channels_are_no_leads(name):
    assert lead_of(name) is None


@pytest.mark.parametrize(("stated", "age"), [("018M", 1.5), ("006W", 42 / 365.2425), ("090Y", 90), ("59", None)])
def test_dicom_ages_have_three_digits_and_a_unit(recording, tmp_path, stated, age):
    dataset = binary_files.dicom_dataset(Ecg(recording.samples, 500, recording.leads))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library knows that "59" is no age
        dataset.PatientAge, dataset.PatientBirthDate = stated, ""
    (tmp_path / "ecg").write_bytes(binary_files.dicom_bytes(dataset))
    read = ecg2lab.read(tmp_path / "ecg")
    assert read.subject.age == (None if age is None else pytest.approx(age))
    assert read.subject.sex == "female"


def test_the_file_of_a_child_gives_a_fraction_of_a_year(recording, tmp_path):
    child = Ecg(recording.samples, 500, recording.leads, birth=date(2019, 12, 31), acquired=date(2020, 1, 31))
    (tmp_path / "child").write_bytes(text_files.aecg(child))
    assert ecg2lab.read(tmp_path / "child").subject.age == pytest.approx(31 / 365.2425)


def test_the_caller_may_say_what_a_csv_file_does_not(recording, tmp_path):
    path = tmp_path / "bare.csv"
    path.write_bytes(text_files.csv(Ecg(recording.samples, 500, recording.leads), unit="uV", comments=False))
    read = ecg2lab.read(path, fs=500, unit="uV")
    assert abs(read.samples - recording.samples).max() < 1e-9
    assert read.subject is None
    assert read.ignored == ("time",)
    for stated, message in (({"fs": 500}, "its unit is not known"), ({"unit": "uV"}, "its sampling rate is not known")):
        with pytest.raises(ecg2lab.RecordingError, match=message):
            ecg2lab.read(path, **stated)


def test_the_caller_cannot_overrule_a_file(recording, records, tmp_path):
    said = text_files.csv(Ecg(recording.samples, 500, recording.leads))
    (tmp_path / "said.csv").write_bytes(said)
    assert ecg2lab.read(tmp_path / "said.csv", fs=500, unit="mV").fs == 500
    with pytest.raises(ecg2lab.RecordingError, match="another fs than the caller"):
        ecg2lab.read(tmp_path / "said.csv", fs=250)
    with pytest.raises(ecg2lab.RecordingError, match="another unit than the caller"):
        ecg2lab.read(tmp_path / "said.csv", unit="uV")
    with pytest.raises(ecg2lab.RecordingError, match="states fs itself"):
        ecg2lab.read(records / "HR06000.hea", fs=500)


def test_csv_in_other_spellings(tmp_path):
    """A mark at the beginning, Windows line ends, quotes, units in the header, an empty cell, µ in Latin-1."""
    text = '# sampling rate = 500 Hz\r\n"time";"I (µV)";"II [mV]"\r\n0;1000;0.5\r\n0.002;;NaN\r\n\r\n'
    for number, content in enumerate((b"\xef\xbb\xbf" + text.encode(), text.encode("latin-1"))):
        path = tmp_path / f"{number}"
        path.write_bytes(content)
        read = ecg2lab.read(path)
        assert read.leads == ("I", "II")
        assert read.samples[:, 0].tolist() == [1.0, 0.5]
        assert (read.samples[:, 1] != read.samples[:, 1]).all()
