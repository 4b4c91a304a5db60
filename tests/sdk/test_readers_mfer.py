"""MFER: every way of writing it that is read, as another decoder reads it, and what is refused."""

import binary_files
import numpy as np
import pytest
from binary_files import mfer_channel, mfer_definition
from ecg import Ecg

import ecg2lab
from ecg2lab.recording.leads import STANDARD

MICROVOLT = 1e-3


@pytest.fixture(scope="module")
def ecg():
    """Two seconds of noise, in steps of 1 µV."""
    return Ecg(np.random.default_rng(1).integers(-1000, 1000, (12, 1000)) / 1000, 500, STANDARD)


def read(folder, content):
    (folder / "recording.mwf").write_bytes(content)
    return ecg2lab.read(folder / "recording.mwf")


def refusal(folder, content):
    with pytest.raises(ecg2lab.RecordingError) as caught:
        read(folder, content)
    assert "SECRET" not in str(caught.value)
    return str(caught.value)


def replaced(content, old, new):
    assert content.count(old) == 1
    return content.replace(old, new)


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"order": "big"},
        {"microvolts": 5, "sequences": 4},
        {"order": "big", "sequences": 10, "microvolts": 2},
        {"more": {0x0D: (7).to_bytes(2, "little")}},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:Leads .* contain raw ADC samples:UserWarning")  # its words for the pressure
def test_samples_are_those_of_another_decoder(ecg, tmp_path, form):
    """ECGDataKit (Apache 2.0), written from the same standard; its samples that are missing are ours."""
    decoder = pytest.importorskip("ecgdatakit", reason="the decoder ECGDataKit is not installed")
    ours = read(tmp_path, binary_files.mfer(ecg, **form))
    theirs = {lead.label: lead for lead in decoder.FileParser().parse(tmp_path / "recording.mwf").leads}
    for name, samples in zip(ours.leads, ours.samples, strict=True):
        assert (theirs[name].sampling_rate, theirs[name].units) == (500, "mV")
        np.testing.assert_allclose(samples, theirs[name].samples, rtol=0, atol=1e-12)


def test_an_offset_is_added_and_the_null_value_is_missing(ecg, tmp_path):
    samples = ecg.samples.copy()
    samples[0, 10] = -32.768
    content = binary_files.mfer(ecg._replace(samples=samples), more={0x0D: (-3).to_bytes(2, "little", signed=True)})
    first, second = read(tmp_path, content).samples[:2]
    assert np.flatnonzero(np.isnan(first)).tolist() == [10]
    np.testing.assert_allclose(np.delete(first, 10), np.delete(ecg.samples[0], 10) - 0.003, rtol=0, atol=1e-9)
    np.testing.assert_allclose(second, ecg.samples[1], rtol=0, atol=1e-9)


def test_channels_that_are_no_leads_are_named_as_ignored(ecg, tmp_path):
    assert read(tmp_path, binary_files.mfer(ecg)).ignored == ("code 143", "code 4160")


def test_a_lead_may_be_named_by_text_and_a_single_channel_outside_its_attributes(ecg, tmp_path):
    content = binary_files.mfer(ecg, more={0x09: b"\0\0V7\0"})
    assert read(tmp_path, content).leads[0] == "V7"
    one = binary_files.mfer(ecg.only("II"))
    head = one[: one.index(mfer_definition(0x05, b"\3"))]
    alone = head + b"".join(
        mfer_definition(tag, value)
        for tag, value in ((0x09, b"\2"), (0x0C, b"\0\xfa\1"), (0x1E, ecg.counts(MICROVOLT)[1].tobytes()))
    )
    assert read(tmp_path, alone).leads == ("II",)
    np.testing.assert_allclose(read(tmp_path, alone).samples, ecg.samples[1:2], rtol=0, atol=1e-9)


def test_a_dominant_beat_beside_the_rhythm_is_left_alone(ecg, tmp_path):
    content = binary_files.mfer(ecg).removesuffix(b"\x80\0")
    beat = mfer_definition(0x08, b"\x09") + mfer_definition(0x05, b"\1") + mfer_definition(0x1E, b"\0" * 2000)
    assert read(tmp_path, content + beat).duration_s == 2
    again = mfer_definition(0x1E, ecg.counts(MICROVOLT).tobytes() + b"\0" * 4000)
    assert "2 frames of waveforms" in refusal(tmp_path, content + again)


def test_texts_in_utf_16(ecg, tmp_path):
    content = binary_files.mfer(ecg)
    identity = mfer_definition(0x82, ecg.patient_id.encode())
    wide = mfer_definition(0x03, b"UTF-16LE") + mfer_definition(0x82, (ecg.patient_id + "\0\0").encode("utf-16-le"))
    assert read(tmp_path, replaced(content, identity, wide)).source["patient_id"] == ecg.patient_id


@pytest.mark.parametrize(
    ("age", "subject"),
    [
        (b"\xff" * 7, {"sex": "female"}),
        (b"\0\x49\1" + b"\0" * 4, {"age": pytest.approx(329 / 365.2425), "sex": "female"}),
        (b"\0\0\0" + (1960).to_bytes(2, "little") + b"\3\x0e", {"age": 59, "sex": "female"}),
        (b"\x3b\0\0" + (1990).to_bytes(2, "little") + b"\3\x0e", {"sex": "female"}),
        (b"\x3b", {"sex": "female"}),
        (b"", {"sex": "female"}),
    ],
    ids=["unknown", "329 days", "birth date only", "contradiction", "years without days", "empty"],
)
def test_ages(ecg, tmp_path, age, subject):
    content = binary_files.mfer(ecg)
    start = content.index(b"\x83\7")
    content = content[:start] + mfer_definition(0x83, age) + content[start + 9 :]
    assert read(tmp_path, content).subject.given() == subject


def test_two_sexes_are_none(ecg, tmp_path):
    """Of a file that contradicts itself it is not known whose it is."""
    content = binary_files.mfer(ecg)
    sex = mfer_definition(0x84, b"\2")
    assert read(tmp_path, replaced(content, sex, sex + sex)).subject.given() == {"age": 59, "sex": "female"}
    assert read(tmp_path, replaced(content, sex, sex + mfer_definition(0x84, b"\1"))).subject is None


INTERVAL = b"\x0b\6\1\xfa" + (2000).to_bytes(4, "little")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({0x0C: b""}, "does not state the resolution of lead I"),
        ({0x0C: b"\0\xfa\0\0"}, "the resolution of lead I (MWF_SEN) is no number above zero"),
        ({0x0C: b"\1\0\1"}, "in a unit that is not read"),
        ({0x0C: b"\0\xfa" + b"\1" * 60}, "the resolution of lead I"),
        ({0x0B: b""}, "does not state the sampling rate of lead I"),
        ({0x0B: b"\2\0\1"}, "the sampling rate of lead I (MWF_IVL)"),
        ({0x0B: b"\1\xfd\4"}, "different sampling rates: I 250 Hz, II 500 Hz"),
        ({0x0A: b"\x09"}, "samples are of type 9"),
        ({0x0A: b"\3"}, "one of the two is wrong"),
        ({0x0D: b"\1"}, "no sample of its type"),
        ({0x06: b"\2"}, "different numbers of sequences"),
        ({0x04: b"\xff\xff\xff\xff"}, "one of the two is wrong"),
        ({0x43: (5_000_000).to_bytes(4, "little")}, "begins 5000000 ns after others"),
        ({0x09: b"\2\0"}, "twice"),
    ],
)
def test_attributes_of_a_lead_that_decide_its_meaning(ecg, tmp_path, more, message):
    assert message in refusal(tmp_path, binary_files.mfer(ecg, more=more))


def test_no_rate_for_any_lead(ecg, tmp_path):
    """The standard's default is 1000 Hz; a rate is stated or there is none."""
    assert "does not state the sampling rate" in refusal(tmp_path, replaced(binary_files.mfer(ecg), INTERVAL, b""))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c[:-4000], "announces 28000 bytes and has"),
        (lambda c: c[: c.index(b"\x1e\x84")], "0 frames of waveforms"),
        (lambda c: replaced(c, b"\5\1\x0e", b"\5\2\xff\xff"), "announces 65535 signals"),
        (lambda c: replaced(c, b"\5\1\x0e", b"\5\1\x0d"), "one of the two is wrong"),
        (lambda c: replaced(c, b"\6\2\1\0", b"\6\2\0\0"), None),
        (lambda c: replaced(c, b"\6\2\1\0", b"\6\4\xff\xff\xff\xff"), "one of the two is wrong"),
        (lambda c: replaced(c, b"\6\2\1\0", b"\6\2\1\0\x0e\2\1\0"), "compressed"),
        (lambda c: c.replace(b"\x1e\x84", b"\x1e\x80", 1), "open length"),
        (lambda c: c.replace(b"\x1e\x84", b"\x1e\x85", 1), "the length of a definition"),
        (lambda c: c[:34] + b"\x3f\xff\xff\xff\xff\xff", "the number of a channel"),
        (lambda c: c[:34] + b"\x3f", "the number of a channel"),
        (lambda c: c[:34] + b"\1", "the length of a definition"),
        (lambda c: c[:34] + b"\2\0" * 200_000, "more than 200000 definitions"),
        (lambda c: c[:34] + (b"\x3f\0\x64" + b"\2\0" * 50) * 5_000, "more than 200000 definitions"),
        (lambda c: c[:34] + b"\x3f\0\4\x09\5\1\0", "its definition 0x09 announces 5 bytes and has 2"),
        (lambda c: c[:34] + b"\0" * 10_000_000, "0 frames of waveforms"),
        (lambda c: c[:34] + mfer_definition(0x1E, b""), "one of the two is wrong"),
    ],
)
def test_definitions_that_contradict_each_other_or_end_early(ecg, tmp_path, change, message):
    content = change(binary_files.mfer(ecg))
    if message is None:  # sequences that are not stated follow from the length
        assert read(tmp_path, content).duration_s == 2
    else:
        assert message in refusal(tmp_path, content)


def test_a_file_without_preamble_is_read_where_its_format_is_stated(ecg, tmp_path):
    path = tmp_path / "recording"
    path.write_bytes(binary_files.mfer(ecg)[34:])
    assert ecg2lab.read(path, format="mfer").leads == STANDARD
    with pytest.raises(ecg2lab.RecordingError, match="in no format that can be read"):
        ecg2lab.read(path)


def test_channel_numbers_of_several_bytes(ecg, tmp_path):
    content = binary_files.mfer(ecg)
    own = mfer_channel(0, {0x09: b"\1\0", 0x0A: b"\0", 0x0C: b"\0\xfa\1\0"})
    assert read(tmp_path, replaced(content, own, b"\x3f\x80\0" + own[2:])).leads[0] == "I"
