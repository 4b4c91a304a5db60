"""The same recording in every form gives the same samples and the same answer."""

import json
import subprocess
import sys

import binary_files
import numpy as np
import pydicom.data
import pytest
import text_files
from ecg import Ecg
from forms import FORMS, MICROVOLT

import ecg2lab
from ecg2lab.demo import bundle_path
from ecg2lab.readers.formats import FORMATS
from ecg2lab.recording.leads import LIMB, STANDARD

EIGHT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")


@pytest.fixture(scope="session")
def demo():
    with ecg2lab.load(bundle_path(), threads=1) as engine:
        yield engine


@pytest.fixture(scope="session")
def ecg(recording):
    """The real record of the tests, lasting the 10 s of a window."""
    return Ecg(recording.samples, 500, recording.leads)


def written(folder, content):
    """As a file whose name says nothing of its format."""
    (folder / "recording.bin").write_bytes(content)
    return folder / "recording.bin"


def in_order(recording, leads=STANDARD):
    return recording.samples[[recording.leads.index(lead) for lead in leads]]


def probabilities(engine, recording):
    return [finding.probability for finding in engine.predict(recording).findings]


@pytest.fixture(params=FORMS)
def form(request):
    return FORMS[request.param]


@pytest.mark.quick
def test_samples_are_those_of_the_record_within_half_a_step(ecg, tmp_path, form):
    write, step = form
    read = ecg2lab.read(written(tmp_path, write(ecg)))
    assert (read.fs, set(read.leads)) == (500, set(STANDARD))
    # Half a step, and as much again for the step of 1 µV that the record itself has (BDF and CSV keep it exactly).
    np.testing.assert_allclose(in_order(read), ecg.samples, rtol=0, atol=step / 2 + 1e-9)


def test_the_answer_is_that_of_the_record(demo, ecg, tmp_path, form):
    """To 1e-4 in steps of 1 µV, which are the record's own; to 3e-3 in steps of up to 5 µV, a thirtieth of a P wave."""
    write, step = form
    read = ecg2lab.read(written(tmp_path, write(ecg)))
    original = ecg2lab.Recording(ecg.samples, fs=500, leads=ecg.leads, unit="mV", subject=read.subject)
    tolerance = 1e-4 if step <= MICROVOLT else 3e-3
    np.testing.assert_allclose(probabilities(demo, read), probabilities(demo, original), rtol=0, atol=tolerance)


def test_age_sex_and_patient_id_are_taken_up_and_the_name_is_not(ecg, tmp_path, form, request):
    write, _ = form
    read = ecg2lab.read(written(tmp_path, write(ecg)))
    assert ecg.name not in str(read.source)
    if "EDF, " in request.node.name:  # its patient field has no order
        assert read.subject is None
        return
    assert read.subject.given() == {"age": 59, "sex": "female"}
    if "CSV" not in request.node.name:
        assert read.source["patient_id"] == ecg.patient_id
        assert read.source["acquired"].replace("-", "").startswith("20200131")


@pytest.mark.parametrize("name", [name for name in FORMS if name != "Philips, XLI"])
def test_leads_are_told_by_name_whatever_their_order(ecg, tmp_path, name):
    """But for compressed Philips, whose third to sixth lead is a remainder of the first two."""
    write, step = FORMS[name]
    order = np.random.default_rng(1).permutation(12)
    shuffled = ecg.only(*(STANDARD[place] for place in order))
    read = ecg2lab.read(written(tmp_path, write(shuffled)))
    np.testing.assert_allclose(in_order(read), ecg.samples, rtol=0, atol=step / 2 + 1e-9)


@pytest.mark.parametrize(
    "form", ["MUSE", "DICOM, 1 µV", "SCP, first differences", "aECG, µV", "CSV, mV", "EDF+, mV", "MFER, little-endian"]
)
def test_eight_stored_leads_answer_as_twelve_do(demo, recording, ecg, tmp_path, form):
    """The four others follow from I and II: within the step of 1 to 5 µV in which the form stores them itself."""
    write, _ = FORMS[form]
    eight = ecg2lab.read(written(tmp_path, write(ecg.only(*EIGHT))))
    assert set(eight.leads) == set(EIGHT)
    assert set(demo.predict(eight).recording.derived_leads) == set(LIMB) - {"I", "II"}
    np.testing.assert_allclose(probabilities(demo, eight), probabilities(demo, recording), rtol=0, atol=5e-3)


@pytest.mark.parametrize(
    "form",
    [
        "EDF+, mV",
        "DICOM, 1 µV",
        "SCP, second differences",
        "ISHNE",
        "MUSE",
        "Mortara",
        "CardioSoft",
        "MFER, big-endian",
    ],
)
def test_a_rate_of_1000_hz_answers_as_500_does(demo, ecg, tmp_path, form):
    """Interpolated to twice the rate; both are resampled to the model's 100 Hz, far below what differs."""
    fine = ecg2lab.Recording(np.repeat(ecg.samples, 2, axis=1), fs=1000, leads=ecg.leads, unit="mV").samples
    fine[:, 1:-1:2] = (ecg.samples[:, :-1] + ecg.samples[:, 1:]) / 2
    read = ecg2lab.read(written(tmp_path, FORMS[form][0](ecg._replace(samples=fine, fs=1000))))
    assert (read.fs, read.duration_s) == (1000, 10)
    coarse = ecg2lab.read(written(tmp_path, FORMS[form][0](ecg)))
    np.testing.assert_allclose(probabilities(demo, read), probabilities(demo, coarse), rtol=0, atol=1e-2)


def test_median_beats_are_not_read(ecg, tmp_path):
    """They stand before the rhythm in MUSE, after it in DICOM and aECG, with other samples in another length."""
    written_forms = (text_files.muse, binary_files.dicom, text_files.aecg, text_files.cardiosoft, text_files.schiller)
    for content in (write(ecg) for write in written_forms):
        assert ecg2lab.read(written(tmp_path, content)).duration_s == 10


def test_a_real_dicom_file_is_read_as_its_own_library_reads_it(tmp_path):
    """The example that pydicom brings: 12 leads of 10 s at 1000 Hz from a cart, with median beats; in µV there."""
    path = pydicom.data.get_testdata_file("waveform_ecg.dcm")
    read = ecg2lab.read(path)
    theirs = pydicom.dcmread(path).waveform_array(0).T
    assert (read.leads, read.fs, read.subject.given()) == (STANDARD, 1000, {"age": 42, "sex": "female"})
    np.testing.assert_allclose(read.samples, theirs / 1000, rtol=0, atol=1e-9)


def test_the_format_may_be_stated(ecg, tmp_path):
    path = written(tmp_path, text_files.muse(ecg))
    np.testing.assert_array_equal(ecg2lab.read(path, format="muse").samples, ecg2lab.read(path).samples)
    with pytest.raises(ecg2lab.RecordingError, match="unknown format 'gif'; one of wfdb, dicom"):
        ecg2lab.read(path, format="gif")
    for other in {"wfdb", *FORMATS} - {"muse"}:
        with pytest.raises(ecg2lab.RecordingError):
            ecg2lab.read(path, format=other)


def test_a_file_without_suffix_is_read_though_a_header_lies_beside(ecg, tmp_path):
    (tmp_path / "record.hea").write_text("record 1 500 10\nrecord.dat 16 1000/mV 16 0 0 0 0 I\n")
    (tmp_path / "record").write_bytes(binary_files.dicom(ecg))
    assert ecg2lab.read(tmp_path / "record").source["format"] == "DICOM"


@pytest.mark.slow
def test_the_command_line_takes_every_form(ecg, tmp_path):
    """One line of JSON for each file, with the same finding."""
    paths = []
    for number, (write, step) in enumerate(FORMS.values()):
        if step <= MICROVOLT:
            paths.append(tmp_path / f"{number}.bin")
            paths[-1].write_bytes(write(ecg))
    arguments = [
        sys.executable,
        "-m",
        "ecg2lab",
        "predict",
        bundle_path(),
        *paths,
        "--age",
        "59",
        "--sex",
        "female",
        "--json",
    ]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=120)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["record"] for answer in answers] == [str(path) for path in paths]
    first = [answer["findings"][0]["probability"] for answer in answers]
    np.testing.assert_allclose(first, first[0], rtol=0, atol=1e-4)
