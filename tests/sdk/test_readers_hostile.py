"""Files made to deceive, or broken on their way: each gets one refusal that names the problem, in bounded memory."""

import logging
import os
import random
import tracemalloc
import zlib
from pathlib import Path

import binary_files
import numpy as np
import pytest
import text_files
from ecg import Ecg

import ecg2lab
from ecg2lab.readers.content import Content, Stated
from ecg2lab.readers.formats import FORMATS, recognise
from ecg2lab.readers.xli import decode_xli
from ecg2lab.recording.leads import STANDARD

EIGHT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
GROWTH_BYTES = 64 * 2**20
"""A second of ECG takes 100 kB in any form; a thousand times as much is a bomb."""


@pytest.fixture(scope="module")
def ecg():
    """Two seconds of noise, in steps of 1 µV."""
    samples = np.random.default_rng(1).integers(-1000, 1000, (12, 1000)) / 1000
    return Ecg(samples, 500, STANDARD)


WRITERS = {
    "edf": binary_files.edf,
    "bdf": binary_files.bdf,
    "dicom": binary_files.dicom,
    "scp": binary_files.scp,
    "scp plain": lambda ecg: binary_files.scp(ecg, None),
    "scp table": lambda ecg: binary_files.scp(ecg, tables=binary_files.standard_table()),
    "ishne": binary_files.ishne,
    "aecg": text_files.aecg,
    "muse": text_files.muse,
    "philips xli": text_files.philips,
    "philips": lambda ecg: text_files.philips(ecg, form="base64"),
    "mortara": text_files.mortara,
    "cardiosoft": text_files.cardiosoft,
    "schiller": text_files.schiller,
    "mfer": binary_files.mfer,
    "csv": text_files.csv,
}


def refusal(folder, content, **stated):
    """The message with which a file is refused; it never quotes the patient."""
    path = folder / "recording"
    path.write_bytes(content)
    with pytest.raises(ecg2lab.RecordingError) as caught:
        ecg2lab.read(path, **stated)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "SECRET" not in message
    assert "Secretname" not in message
    return message.removeprefix(f"{path}: ")


def edited(content, *changes):
    """With some text replaced, in UTF-16 as well."""
    for old, new in changes:
        encoding = "utf-16-le" if content.startswith(b"\xff\xfe") else "latin-1"
        assert old.encode(encoding) in content
        # In the beats that MUSE, CardioSoft and Schiller average, and in the rhythm.
        often = -1 if any(mark in content for mark in (b"<RestingECG>", b"<CardiologyXML>", b"SchillerEDI>")) else 1
        content = content.replace(old.encode(encoding), new.encode(encoding), often)
    return content


# Text in a file of a format, what stands there instead, and what the refusal says.
EDITS = [
    # rates, units and gains that are not stated
    ("muse", "<SampleBase>500", "<SampleBase>", r"does not state its sampling rate"),
    ("muse", "<SampleBase>500", "<SampleBase>-500", "no number above zero"),
    ("muse", "<SampleExponent>0", "<SampleExponent>300", "SampleExponent is no small"),
    ("aecg", 'unit="s"', 'unit="fortnight"', "'fortnight', which is none of s, ms, us"),
    ("aecg", '<increment value="0.002"', '<increment value="0"', "no number above zero"),
    ("aecg", '<scale value="1.0" unit="uV"', '<scale value="1.0"', "does not state the unit of lead MDC_ECG_LEAD_I"),
    ("aecg", '<scale value="1.0" unit="uV"', '<scale value="0" unit="uV"', "does not state the scale"),
    ("aecg", '<scale value="1.0" unit="uV"', '<scale value="1.0" unit="mmHg"', "'mmHg', which is no voltage"),
    ("aecg", '<origin value="0" unit="uV"', '<origin value="5"', "does not state the unit"),
    ("aecg", '"RHYTHM"', '"OTHER"', "0 rhythm series"),
    ("aecg", '"TIME_ABSOLUTE"', '"TIME"', "no time sequence"),
    ("philips", "<samplingrate>500", "<samplingrate>", "does not state its sampling rate"),
    ("philips", "<signalresolution>1.0", "<signalresolution>", "does not state its resolution"),
    ("philips", 'durationperchannel="2000"', 'durationperchannel="2000000000"', "announces 12000000000 samples"),
    ("philips", 'durationperchannel="2000"', 'durationperchannel="1e300"', "announces"),
    ("philips", 'durationperchannel="2000"', 'durationperchannel="-1"', "no number above zero"),
    ("philips", 'dataencoding="Base64"', 'dataencoding="Morse"', "stored as Morse"),
    ("philips", 'numberofleads="12"', 'numberofleads="13"', "announces 13 leads and names 12"),
    ("philips xli", 'compression="XLI"', 'compression="ZIP"', "stored as Base64 ZIP"),
    ("philips xli", 'leadlabels="I II III', 'leadlabels="II I III', "do not begin with I, II, III, aVR, aVL, aVF"),
    (
        "philips xli",
        'durationperchannel="2000"',
        'durationperchannel="4000"',
        "has 1000 samples and the file announces 2000",
    ),
    ("philips xli", 'durationperchannel="2000"', 'durationperchannel="20"', "longer than the file announces"),
    ("mortara", 'UNITS_PER_MV="1000"', 'UNITS_PER_MV="0"', "the gain of channel I"),
    ("mortara", 'SAMPLE_FREQ="500"', 'SAMPLE_FREQ=""', "does not state the sampling rate of channel I"),
    ("mortara", 'BITS="16"', 'BITS="24"', "BITS 24; only 16"),
    ("mortara", 'OFFSET="0"', 'OFFSET="7"', "OFFSET, which cannot be understood"),
    ("mortara", 'SAMPLE_FREQ="500"', 'SAMPLE_FREQ="250"', "different sampling rates: I 250 Hz, II 500 Hz"),
    ("mortara", 'DURATION="1000"', 'DURATION="999"', "has 1000 samples and announces 999"),
    ("cardiosoft", '<SampleRate units="Hz">500', '<SampleRate units="Hz">', "does not state its sampling rate"),
    ("cardiosoft", '<SampleRate units="Hz"', '<SampleRate units="ms"', "in unit 'ms'; only Hz"),
    ("cardiosoft", '<Resolution units="uVperLsb">1.0', '<Resolution units="uVperLsb">0', "no number above zero"),
    ("cardiosoft", '<Resolution units="uVperLsb">', "<Resolution>", "does not state the unit of its Resolution"),
    ("cardiosoft", '<Resolution units="uVperLsb">', '<Resolution units="perLsb">', "no voltage for one step"),
    ("cardiosoft", '<Resolution units="uVperLsb">', '<Resolution units="uV">', "no voltage for one step"),
    ("cardiosoft", "CountTotal>1000<", "CountTotal>1001<", "has 1000 samples and announces 1001"),
    ("cardiosoft", "CountTotal>1000<", "CountTotal>99999999<", "announces 1199999988 samples"),
    ("cardiosoft", "<NumberOfLeads>12", "<NumberOfLeads>13", "announces 13 leads and has 12"),
    ("cardiosoft", "<ArrhythmiaResults>", "<Strip/><ArrhythmiaResults>", "that of an exercise test"),
    ("schiller", "ECG_RHYTHMS", "ECG_OTHERS", "0 wavedata of type ECG_RHYTHMS"),
    ("schiller", "ECG_AVERAGES", "ECG_RHYTHM", "2 wavedata of type ECG_RHYTHMS"),
    ("schiller", "<value>500", "<value>", "does not state its sampling rate"),
    ("schiller", "<exponent>1", "<exponent>2", "an exponent other than 1"),
    ("schiller", "<unitperbit>1.0", "<unitperbit>", "does not state its resolution"),
    ("schiller", "<units>UV", "<units>", "in unit '', which is no voltage"),
    ("schiller", "<units>UV", "<units>LSB", "in unit 'LSB', which is no voltage"),
    ("schiller", "COMMASEPARATE", "BASE64", "lead I is stored as 'BASE64'; only COMMASEPARATE"),
    ("schiller", "<samplecount>1000", "<samplecount>999", "has 1000 samples and announces 999"),
    ("schiller", "<samplecount>1000", "<samplecount>", "does not state the number of samples of lead I"),
    ("muse", "<LeadAmplitudeUnits>MICROVOLTS", "<LeadAmplitudeUnits>", "does not state the unit"),
    ("csv", "# fs: 500 Hz\n", "", "its sampling rate is not known"),
    ("csv", "# fs: 500 Hz\n", "# fs: 500\n# rate: 250\n", "state fs twice, and differently"),
    ("csv", "# unit: mV\n", "", "its unit is not known"),
    ("csv", "# unit: mV\n", "# unit: furlong\n", "'furlong', which is no voltage"),
    ("csv", "# unit: mV\n", "# unit: adc\n", "unit adc needs a gain"),
    ("csv", "# unit: mV\n", "# unit: mV\n# gain: 200\n", "gain and baseline belong to unit adc"),
    ("csv", "\n0.000,", "\n0.000,1,", "line 6 has 14 values for 13 columns"),
    ("csv", "\n0.000,", "\n0.000,SECRET-4711", "line 6 has a value that is no number"),
    ("csv", "I,II,III", "I,I,III", "lead I appears twice"),
    ("csv", "II,III", "II (uV),III", "not in the unit stated for all"),
    ("csv", "# fs: 500 Hz", "# fs: 1e9 Hz", "outside 100 to 2000 Hz"),
    # absurd counts and lengths in EDF's header of digits
    ("edf", "2       1       13  ", "-2      1       13  ", "how many data records"),
    ("edf", "2       1       13  ", "99999999 1      13  ", None),
    ("edf", "2       1       13  ", "2       0       13  ", "the duration of a data record"),
    ("edf", "2       1       13  ", "2       1       14  ", "does not fit its number of signals"),
    ("edf", "uV      ", "        ", "does not state the unit of lead ECG I"),
    ("edf", "-32768  ", "32767   ", "no range of lead ECG I that makes sense"),
]


@pytest.mark.parametrize(("form", "old", "new", "message"), EDITS)
def test_what_a_file_leaves_out_or_gets_wrong_is_named(ecg, tmp_path, form, old, new, message):
    said = refusal(tmp_path, edited(WRITERS[form](ecg), (old, new)))
    if message:
        assert message in said


def test_two_muse_rhythms_or_none(ecg, tmp_path):
    for old, new, count in (("Median", "Rhythm", 2), ("Rhythm", "Other", 0)):
        assert f"{count} rhythm waveforms" in refusal(tmp_path, edited(text_files.muse(ecg), (old, new)))


def test_cardiosofts_older_spelling_of_its_encoding(ecg, tmp_path):
    content = edited(text_files.cardiosoft(ecg), ('encoding="ISO-8859-1"', 'encoding="ISO8859-1"'))
    (tmp_path / "older").write_bytes(content.replace(b"cart", "Gerät".encode("latin-1")))
    assert ecg2lab.read(tmp_path / "older").source["device"] == "Gerät"


@pytest.mark.parametrize(("form", "tag"), [("cardiosoft", "Gender"), ("schiller", "gender")])
def test_two_sexes_in_xml_are_none(ecg, tmp_path, form, tag):
    content = edited(WRITERS[form](ecg), (f"<{tag}>FEMALE</{tag}>", f"<{tag}>FEMALE</{tag}><{tag}>MALE</{tag}>"))
    (tmp_path / "two").write_bytes(content)
    assert ecg2lab.read(tmp_path / "two").subject is None


def test_a_cardiosoft_file_without_its_strip(ecg, tmp_path):
    content = text_files.cardiosoft(ecg).replace(b"StripData", b"Strips")
    assert "full disclosure only" in refusal(tmp_path, content)
    assert "0 elements StripData" in refusal(tmp_path, content.replace(b"FullDisclosure", b"Other"))


@pytest.mark.parametrize("sample", ["x", "0x1", "--1", "NaN", "1e999", "1 1", ""])
def test_samples_between_commas_that_are_none(ecg, tmp_path, sample):
    first = f"{ecg.counts(1e-3)[0, 0]},{ecg.counts(1e-3)[0, 1]},".encode()
    for write in (text_files.cardiosoft, text_files.schiller):
        content = write(ecg)
        place = content.rindex(first)
        changed_sample = content[:place] + f"{sample},".encode() + content[place + first.index(b",") + 1 :]
        said = refusal(tmp_path, changed_sample)
        assert "the samples of lead I are not all numbers" in said or "samples and announces 1000" in said


def test_a_flipped_sample_in_muse_is_found(ecg, tmp_path):
    content = text_files.muse(ecg)
    place = content.rindex(b"</WaveFormData>") - 100
    flipped = content[:place] + (b"A" if content[place : place + 1] != b"A" else b"B") + content[place + 1 :]
    assert "checksum" in refusal(tmp_path, flipped)


def bomb(kind):
    """A document that grows, or fetches, when its entities are followed."""
    return {
        "billion laughs": '<!DOCTYPE ECG [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;"><!ENTITY c "&b;&b;">]><ECG X="&c;"/>',
        "outside": '<!DOCTYPE ECG [<!ENTITY a SYSTEM "file:///etc/hostname">]><ECG><CHANNEL>&a;</CHANNEL></ECG>',
        "parameter": '<!DOCTYPE ECG [<!ENTITY % a SYSTEM "file:///etc/hostname"> %a;]><ECG/>',
        "undefined": "<!DOCTYPE ECG SYSTEM 'file:///etc/hostname'><ECG>&a;</ECG>",
        "deep": "<ECG>" * 100_000,
        "wide": "<ECG>" + "<a/>" * 700_000 + "</ECG>",
        "attributes": "<ECG " + " ".join(f"a{number}=''" for number in range(700_000)) + "/>",
        "no end": "<ECG",
        "encoding": "<?xml version='1.0' encoding='nonsense'?><ECG/>",
    }[kind].encode()


@pytest.mark.parametrize("kind", ["billion laughs", "outside", "parameter", "undefined"])
def test_xml_that_declares_entities_is_refused_before_they_grow(tmp_path, kind):
    assert "declares or uses XML entities" in refusal(tmp_path, bomb(kind))


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("no end", "no well-formed XML"),
        ("encoding", "declares an encoding that is not known"),
        ("deep", "deeper elements than any ECG"),
        ("wide", "more elements and attributes than any ECG"),
        ("attributes", "more elements and attributes than any ECG"),
    ],
)
def test_xml_that_is_none_or_endless_is_refused(tmp_path, kind, message):
    assert message in refusal(tmp_path, bomb(kind))


def test_xml_of_another_kind_is_named_by_its_root(tmp_path):
    said = refusal(tmp_path, b"<invoice/>")
    assert "its root element is invoice" in said
    for title in ("WFDB", *(form.title for form in FORMATS.values())):
        assert title in said


def test_every_format_has_its_writer_here_and_its_row_in_the_documentation(ecg):
    """So that no reader is added without the attacks of this file, or without saying what it refuses."""
    written = {recognise(Content("", write(ecg), Stated())) for write in WRITERS.values()}
    assert written == set(FORMATS)
    page = (Path(__file__).parents[2] / "docs" / "recordings.md").read_text(encoding="utf-8")
    assert [form.title for form in FORMATS.values() if f"| {form.title}" not in page] == []


@pytest.mark.parametrize(
    "content",
    [b"", b"\0", b"hello", b"\xff" * 1000, b"DICM", b"\0" * 128 + b"DICM", b"ISHNE1.0", b"I,II\n", b"<", b"0       "],
)
def test_fragments_are_refused(tmp_path, content):
    assert refusal(tmp_path, content)


def scp_parts(ecg):
    """Sections of a plain SCP record, to be put together wrongly."""
    count = ecg.samples.shape[1]
    leads = bytes([1, 12]) + (1).to_bytes(4, "little") + count.to_bytes(4, "little") + b"\1"
    samples = ecg.counts(1e-3)[0].tobytes()
    rhythm = (1000).to_bytes(2, "little") + (2000).to_bytes(2, "little") + b"\0\0"
    return {3: leads, 6: rhythm + len(samples).to_bytes(2, "little") + samples}


def changed(section, offset, content):
    return section[:offset] + content + section[offset + len(content) :]


@pytest.mark.parametrize(
    ("number", "offset", "content", "message"),
    [
        (6, 0, b"\0\0", "amplitude resolution or sampling interval"),
        (6, 2, b"\0\0", "amplitude resolution or sampling interval"),
        (6, 5, b"\1", "bimodal"),
        (6, 6, b"\xff\xff", "lies beyond its end"),
        (6, 6, b"\2\0", "has 2 bytes and announces 1000 samples"),
        (3, 0, b"\0", "announces 0 leads"),
        (3, 0, b"\x50", "lies beyond its end"),
        (3, 1, b"\1", "reference beat is subtracted"),
        (3, 2, b"\xff\xff\xff\xff", "end before they begin"),
        (3, 6, b"\xff\xff\xff\xff", "announces 4294967295 samples"),
    ],
)
def test_scp_sections_that_contradict_each_other(ecg, tmp_path, number, offset, content, message):
    parts = scp_parts(ecg)
    parts[number] = changed(parts[number], offset, content)
    assert message in refusal(tmp_path, binary_files.scp_record(parts))


@pytest.mark.parametrize("place", [0, 1, 7, 8, 2**31, 2**32 - 1])
def test_scp_pointers_that_lead_in_circles_or_out_of_the_file(ecg, tmp_path, place):
    """At 7 lies section 0, which holds the pointers themselves."""
    record = binary_files.scp_record(scp_parts(ecg), pointers={6: place})
    assert "leads elsewhere" in (said := refusal(tmp_path, record)) or "beyond its end" in said


def test_scp_with_a_section_twice_or_missing(ecg, tmp_path):
    parts = scp_parts(ecg)
    assert "no section 6" in refusal(tmp_path, binary_files.scp_record({3: parts[3]}))
    record = bytearray(binary_files.scp_record(parts))
    record[22 + 50 : 22 + 60] = record[22 + 60 : 22 + 70]  # pointer 5 becomes a second pointer 6
    assert "section 6 twice" in refusal(tmp_path, binary_files.sealed(bytes(record)))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (b"\0\0", "has 0 code tables"),
        (b"\xff\xff", "has 65535 code tables"),
        (b"\1\0\0\0", "table is empty"),
        (b"\1\0\1\0" + bytes([0, 0, 1, 0, 0, 0, 0, 0, 0]), "a code of 0 of 0 bits"),
        (b"\1\0\1\0" + bytes([33, 33, 1, 0, 0, 0, 0, 0, 0]), "a code of 33 of 33 bits"),
        (b"\1\0\1\0" + bytes([1, 1, 0, 9, 0, 0, 0, 0, 0]), "code"),  # switches to a table that is not there
        (b"\1\0\xff\xff", "lies beyond its end"),
    ],
)
def test_scp_code_tables_that_are_none(ecg, tmp_path, table, message):
    assert message in refusal(tmp_path, binary_files.scp(ecg, tables=table))


@pytest.mark.parametrize("form", ["scp", "ishne"])
def test_a_flipped_byte_under_a_checksum_is_found(ecg, tmp_path, form):
    content = bytearray(WRITERS[form](ecg))
    content[120] ^= 4
    assert "checksum" in refusal(tmp_path, bytes(content))


@pytest.mark.parametrize(
    ("offset", "content", "message"),
    [
        (10, b"\xff\xff\xff\xff", "negative length"),
        (10, b"\xff\xff\xff\x7f", "lies beyond its end"),
        (14, b"\xff\xff\xff\x7f", "announces 2147483647 samples"),
        (156, b"\0\0", "announces 0 leads"),
        (156, b"\x0d\0", "announces 13 leads"),
        (206, b"\0\0", "resolution of lead 1"),
        (272, b"\0\0", "does not state its sampling rate"),
    ],
)
def test_ishne_headers_that_contradict_their_file(ecg, tmp_path, offset, content, message):
    header = changed(binary_files.ishne(ecg), offset, content)
    assert message in refusal(tmp_path, changed(header, 8, b"\0\0"))


def test_an_ishne_lead_without_contact_has_missing_samples(ecg, tmp_path):
    content = binary_files.ishne(ecg)
    (tmp_path / "holter").write_bytes(changed(content, 522, b"\0\x80"))
    assert np.argwhere(np.isnan(ecg2lab.read(tmp_path / "holter").samples)).tolist() == [[0, 0]]


def without(name):
    def change(dataset):
        group = dataset.WaveformSequence[0]
        target = group if name in group else group.ChannelDefinitionSequence[0]
        del target[name]

    return change


def with_value(name, value):
    def change(dataset):
        group = dataset.WaveformSequence[0]
        setattr(group if name in group else group.ChannelDefinitionSequence[0], name, value)

    return change


def original_median(dataset):
    dataset.WaveformSequence[1].WaveformOriginality = "ORIGINAL"
    dataset.WaveformSequence[1].MultiplexGroupLabel = "RHYTHM 2"


def no_waveform(dataset):
    del dataset.WaveformSequence


def another_class(dataset):
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("ChannelSensitivity"), "does not state the sensitivity of lead I"),
        (without("ChannelSensitivityUnitsSequence"), "does not state the unit of lead I"),
        (without("SamplingFrequency"), "sampling rate"),
        (without("WaveformData"), "0 bytes"),
        (without("ChannelDefinitionSequence"), "does not state its channels"),
        (with_value("ChannelSensitivity", 0), "does not state the sensitivity"),
        (with_value("SamplingFrequency", -500), "sampling rate"),
        (with_value("NumberOfWaveformSamples", 2**32 - 1), "announces 51539607540 samples"),
        (with_value("NumberOfWaveformSamples", 999), "do not fit each other"),
        (with_value("NumberOfWaveformChannels", 13), "do not fit each other"),
        (with_value("WaveformSampleInterpretation", "MB"), "type MB; SB, SS, SL are read"),
        (original_median, "2 groups of rhythm and does not say when each begins"),
        (no_waveform, "it has no waveform"),
        (another_class, "of another kind than an ECG"),
    ],
)
def test_dicom_objects_that_leave_out_what_decides_the_meaning(ecg, tmp_path, change, message):
    dataset = binary_files.dicom_dataset(ecg)
    change(dataset)
    assert message in refusal(tmp_path, binary_files.dicom_bytes(dataset))


def test_a_dicom_file_cut_before_its_class_is_not_called_another_kind(ecg, tmp_path):
    assert "it is cut short" in refusal(tmp_path, binary_files.dicom(ecg)[:140])


def test_a_dicom_file_that_is_deflated_in_name_only(ecg, tmp_path):
    content = binary_files.dicom(ecg).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99")
    content = content.replace(b"UI\x14\x001.2.840.10008.1.2.1.99", b"UI\x16\x001.2.840.10008.1.2.1.99")
    assert "cannot be inflated" in refusal(tmp_path, content)


def test_a_small_dicom_file_does_not_inflate_without_bound(ecg, tmp_path):
    """A gigabyte of zeros in a megabyte: 16 bytes of it are looked at."""
    content = binary_files.dicom(ecg)
    meta = content[: content.index(b"\x08\x00\x16\x00")]
    meta = meta.replace(b"UI\x14\x001.2.840.10008.1.2.1\0", b"UI\x16\x001.2.840.10008.1.2.1.99")
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    bomb = b"".join(packer.compress(bytes(2**20)) for _ in range(256)) + packer.flush()
    assert "inflates to more than 128 MiB" in refusal(tmp_path, meta + bomb)


def test_dicom_items_without_end_are_not_made(ecg, tmp_path):
    """A million empty ones, 16 MB, took the library a minute and a half and 700 MB."""
    content = binary_files.dicom(ecg)
    place = content.index(b"\x00\x54\x00\x01SQ")  # before the waveforms
    items = b"\xfe\xff\x00\xe0\0\0\0\0" * 200_000
    sequence = b"\x40\x00\x60\x02SQ\0\0\xff\xff\xff\xff" + items + b"\xfe\xff\xdd\xe0\0\0\0\0"
    assert "more elements than any ECG" in refusal(tmp_path, content[:place] + sequence + content[place:])


def test_dicom_padding_is_missing_only_where_all_channels_have_it(ecg, tmp_path):
    """Some writers state a padding value of 0, which each lead crosses at every beat."""
    samples = ecg.samples.copy()
    samples[:, 10] = 0
    samples[3, 20] = 0
    dataset = binary_files.dicom_dataset(ecg._replace(samples=samples))
    dataset.WaveformSequence[0].add_new("WaveformPaddingValue", "OW", b"\0\0")
    (tmp_path / "padded").write_bytes(binary_files.dicom_bytes(dataset))
    assert set(np.argwhere(np.isnan(ecg2lab.read(tmp_path / "padded").samples))[:, 1].tolist()) == {10}


def test_a_compressed_lead_cannot_grow_beyond_what_is_announced():
    """LZW turns a run into ever longer entries: here 1 kB into 300 kB, refused at 1.4 kB."""
    run = text_files.lzw(bytes(300_000))
    block = len(run).to_bytes(4, "little") + b"\0" * 4 + run
    with pytest.raises(ecg2lab.RecordingError, match="longer than the file announces"):
        decode_xli(block, 1, 100)


def test_what_is_no_regular_file_is_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "record.hea")
    for path in (tmp_path / "pipe", tmp_path / "record.hea", "/dev/zero"):
        with pytest.raises(ecg2lab.RecordingError, match="no regular file"):
            ecg2lab.read(path)
    with pytest.raises(ecg2lab.RecordingError, match="is a folder"):
        ecg2lab.read(tmp_path)


def test_a_wfdb_header_that_points_at_a_pipe_or_announces_too_much(tmp_path):
    os.mkfifo(tmp_path / "pipe.dat")
    (tmp_path / "a.hea").write_text("a 1 500 10\npipe.dat 16 1000/mV 16 0 0 0 0 I\n")
    (tmp_path / "b.hea").write_text("b 1 500 999999999999\nb.dat 0 1000/mV 16 0 0 0 0 I\n")
    (tmp_path / "c.hea").write_text("c 1 500 1000\nc.dat 16x999999999 1000/mV 16 0 0 0 0 I\n")
    for name, message in (("a", "no regular file"), ("b", "announces"), ("c", "in which format")):
        with pytest.raises(ecg2lab.RecordingError, match=message):
            ecg2lab.read(tmp_path / f"{name}.hea")


def test_a_file_without_end_is_not_read(tmp_path):
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(2**40)  # sparse: occupies nothing
    with pytest.raises(ecg2lab.RecordingError, match="larger than 128 MiB"):
        ecg2lab.read(tmp_path / "huge")


def damaged(content, chance):
    """One of the accidents that files meet: cut, flipped, overwritten, or a piece missing."""
    data, kind = bytearray(content), chance.randrange(4)
    place = chance.randrange(len(data) if chance.random() < 0.5 else min(len(data), 3000))
    if kind == 0:
        return bytes(data[:place])
    if kind == 1:
        data[place] ^= 1 << chance.randrange(8)
    elif kind == 2:
        data[place : place + 4] = chance.choice((b"\xff", b"\0", b"\x7f", b"9", b"-")) * 4
    else:
        del data[place : place + chance.randrange(1, 200)]
    return bytes(data)


@pytest.mark.parametrize("form", WRITERS)
def test_whatever_happened_to_a_file_it_is_read_or_refused_in_bounded_memory(ecg, tmp_path, form, caplog):
    """No other exception, no warning (they are errors here), nothing of the patient in message or log."""
    short = ecg._replace(samples=ecg.samples[:, :500])
    chance, content, path = random.Random(form), WRITERS[form](short), tmp_path / "file"
    caplog.set_level(logging.DEBUG)
    messages = []
    tracemalloc.start()
    try:
        for _ in range(30):
            broken = damaged(content, chance)
            # Under a wrong checksum nothing else would be looked at.
            path.write_bytes(binary_files.sealed(broken) if form.startswith("scp") and len(broken) > 2 else broken)
            try:
                ecg2lab.read(path)
            except ecg2lab.RecordingError as error:
                messages.append(str(error))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert messages
    assert peak < GROWTH_BYTES
    for secret in (ecg.patient_id, ecg.name):
        assert secret not in " ".join(messages)
        assert secret not in caplog.text
