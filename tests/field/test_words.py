"""Names, units, encodings and facts as files in the field write them."""

import gzip
from datetime import date

import binary_files
import edfio
import numpy as np
import pydicom
import pytest
import text_files

import ecg2lab

BIRTHS = [(1900, 1, 1), (1901, 1, 1), (1899, 12, 30), (1800, 1, 1), (1753, 1, 1), (1970, 1, 1), (1980, 1, 1)]
WITH_BIRTH = {
    "DICOM": binary_files.dicom, "EDF+": binary_files.edf, "SCP-ECG": binary_files.scp, "ISHNE": binary_files.ishne,
    "aECG": text_files.aecg, "MUSE": text_files.muse, "Philips": text_files.philips, "Mortara": text_files.mortara,
}  # fmt: skip


def born(ecg, form, day, age):
    """A file with this birth date; its stated age, where the format has one, is what its writer made of it."""
    own = ecg._replace(birth=date(*day), age=min(max(age, 0), 999))
    if form == "EDF+" and day[0] < 1900:
        pytest.skip("edfio writes no such date")
    return WITH_BIRTH[form](own)


@pytest.mark.parametrize("day", BIRTHS)
@pytest.mark.parametrize("form", WITH_BIRTH)
def test_a_stand_in_for_a_birth_date_gives_no_age(ecg, read, form, day):
    completed = ecg.acquired.year - day[0] - ((ecg.acquired.month, ecg.acquired.day) < day[1:])
    assert read(born(ecg, form, day, completed)).subject.given() == {"sex": "female"}


@pytest.mark.parametrize("form", ["DICOM", "SCP-ECG", "MUSE", "Philips", "Mortara"])
def test_an_age_that_does_not_come_from_the_stand_in_counts(ecg, read, form):
    assert read(born(ecg, form, (1900, 1, 1), 63)).subject.given() == {"age": 63, "sex": "female"}


@pytest.mark.parametrize("form", ["aECG", "EDF+", "ISHNE"])
@pytest.mark.parametrize("day", [date(1970, 1, 1), date(1980, 1, 1)])
def test_the_day_of_a_clock_that_was_never_set_gives_no_age(ecg, read, form, day):
    own = ecg._replace(acquired=day, birth=date(1950, 5, 5))
    if form == "EDF+" and day.year < 1985:
        pytest.skip("EDF has no such start date")
    assert read(WITH_BIRTH[form](own)).subject.given() == {"sex": "female"}


@pytest.mark.parametrize(
    ("form", "old", "new"),
    [
        ("MUSE", "<Gender>FEMALE</Gender>", "<Gender>FEMALE</Gender><Gender>MALE</Gender>"),
        ("MUSE", "<PatientAge>59</PatientAge>", "<PatientAge>59</PatientAge><PatientAge>95</PatientAge>"),
        ("Mortara", "<SUBJECT LAST", '<SUBJECT GENDER="Male" LAST_NAME="B"/><SUBJECT LAST'),
        (
            "aECG",
            '<administrativeGenderCode code="F"/>',
            '<administrativeGenderCode code="F"/><administrativeGenderCode code="M"/>',
        ),
    ],
)
def test_xml_that_contradicts_itself_states_nothing(ecg, read, form, old, new):
    text = WITH_BIRTH[form](ecg).decode()
    assert old in text
    assert read(text.replace(old, new).encode()).subject is None


def test_two_ages_of_a_wfdb_header_state_nothing(tmp_path, files):
    text = (files / "two.hea").read_text().replace("#Sex: Male\n", "#Age: 36\n")
    (tmp_path / "two.hea").write_text(text)
    (tmp_path / "two.dat").write_bytes((files / "two.dat").read_bytes())
    assert ecg2lab.read(tmp_path / "two.hea").subject is None


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        (
            "<samplingrate>500</samplingrate>",
            "<samplingrate>250</samplingrate>",
            "its sampling rate (samplingrate) twice",
        ),
        ("<signalresolution>", "<resolution>5</resolution><signalresolution>", "its resolution twice, and differently"),
    ],
)
def test_philips_a_rate_or_resolution_that_is_stated_twice_and_differently(ecg, refusal, where, value, message):
    text = text_files.philips(ecg, form="base64").decode("utf-16")
    text = text.replace("<parsedwaveforms ", '<parsedwaveforms samplespersecond="500" ').replace(where, value)
    assert message in refusal(text.encode("utf-16"))


ENCODINGS = {
    "GB2312": "心电", "GBK": "心電", "Shift_JIS": "心電", "EUC-KR": "심전도", "Big5": "心電", "EUC-JP": "心電",
    "ISO-8859-1": "Élec", "windows-1252": "Élec", "windows-1251": "ЭКГ", "KOI8-R": "ЭКГ", "ISO-8859-15": "Élec",
    "UTF-8": "心电",
}  # fmt: skip
XML = {"aECG": text_files.aecg, "MUSE": text_files.muse, "Mortara": text_files.mortara}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("form", XML)
def test_xml_in_the_encoding_that_it_declares(clean, ecg, read, form, encoding):
    text = XML[form](ecg).decode().replace(ecg.patient_id, ENCODINGS[encoding])
    for declared in ("UTF-8", "ISO-8859-1"):
        text = text.replace(f'encoding="{declared}"', f'encoding="{encoding}"')
    whole = read(text.encode(encoding))
    assert whole.source["patient_id"] == ENCODINGS[encoding]
    np.testing.assert_allclose(whole.samples, clean, rtol=0, atol=1e-9)


@pytest.mark.parametrize("declared", ["", ' encoding="UTF-8"', ' encoding="UTF-16"', ' encoding="utf8"'])
@pytest.mark.parametrize("stored", ["utf-8", "latin-1"])
def test_xml_that_is_not_in_the_encoding_that_it_declares(ecg, read, declared, stored):
    """.NET writes UTF-16 into the declaration of what it then stores otherwise."""
    text = text_files.mortara(ecg).decode().replace(ecg.patient_id, "Müller").replace(' encoding="UTF-8"', declared)
    assert read(text.encode(stored)).source["patient_id"] == "Müller"


def test_xml_a_letter_that_the_encoding_lacks_costs_that_letter(clean, ecg, read):
    text = text_files.mortara(ecg).decode().replace('"UTF-8"', '"GB2312"').encode("gb18030")
    whole = read(text.replace(ecg.name.encode(), b"\xff\xfe"))
    np.testing.assert_allclose(whole.samples, clean, rtol=0, atol=1e-9)


def test_xml_an_encoding_that_nobody_knows_is_named(ecg, refusal):
    text = text_files.mortara(ecg).replace(b'"UTF-8"', b'"EBCDIC-X"')
    assert "declares an encoding that is not known; save it in UTF-8" in refusal(text)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig"])
def test_csv_as_spreadsheets_save_it(clean, ecg, read, encoding):
    text = text_files.csv(ecg).decode()
    mark = "\ufeff" if encoding == "utf-16-le" else ""
    np.testing.assert_allclose(read((mark + text).encode(encoding)).samples, clean, rtol=0, atol=1e-9)


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_csv_with_decimal_commas(clean, ecg, read, delimiter):
    text = text_files.csv(ecg, delimiter=delimiter).decode().replace(".", ",")
    np.testing.assert_allclose(read(text.encode()).samples, clean, rtol=0, atol=1e-9)


def test_csv_with_decimal_commas_in_quotes(clean, ecg, read):
    lines = ["# fs: 500", "# unit: mV", ",".join(ecg.leads)]
    lines += [",".join(f'"{value:.3f}"'.replace(".", ",") for value in row) for row in clean.T]
    with pytest.raises(ecg2lab.RecordingError, match="no number"):  # commas both ways: nothing says which is which
        read("\n".join(lines).encode())


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;"])
def test_csv_with_the_line_for_spreadsheets(clean, ecg, read, first):
    text = f"{first}\r\n".encode() + text_files.csv(ecg, delimiter=";").replace(b"\n", b"\r\n")
    np.testing.assert_allclose(read(text).samples, clean, rtol=0, atol=1e-9)


@pytest.mark.parametrize("rate", ["500", "500 Hz", "500hz", "0.5 kHz", "0.5kHz", "500 sps", "5e2", "500.0 1/s"])
def test_csv_rates_in_words(ecg, read, rate):
    assert read(text_files.csv(ecg).replace(b"500 Hz", rate.encode())).fs == 500


@pytest.mark.parametrize("rate", ["fast", "500 rpm", "-500", "0", "500 Hz 250 Hz"])
def test_csv_a_rate_that_is_none_is_quoted(ecg, refusal, rate):
    assert "is no number of hertz" in refusal(text_files.csv(ecg).replace(b"500 Hz", rate.encode()))


def test_csv_columns_that_are_no_leads_may_hold_words(clean, ecg, read):
    lines = text_files.csv(ecg).decode().splitlines()
    lines = [line if line.startswith("#") else f"{line},{'beat' if 'time' in line else 'N'}" for line in lines]
    whole = read("\n".join(lines).encode())
    assert whole.ignored == ("time", "beat")
    np.testing.assert_allclose(whole.samples, clean, rtol=0, atol=1e-9)


NAMES = {
    "ECG {}": True, "EKG {}": True, "ECG_{}": True, "ecg-{}": True, "Lead {}": True, "MDC_ECG_LEAD_{}": True,
    "EKG {}-Ref": True, "{}-REF": True, "ECG {} Ref": True, " {} ": True, "{}a": False, "-{}": False, "ECG{}": False,
}  # fmt: skip


@pytest.mark.parametrize("pattern", NAMES)
def test_names_of_leads(ecg, read, pattern):
    text = text_files.csv(ecg).decode().splitlines()
    head = next(place for place, line in enumerate(text) if line.startswith("time"))
    text[head] = "time," + ",".join(pattern.format(lead) for lead in ecg.leads)
    content = "\n".join(text).encode()
    if NAMES[pattern]:
        assert read(content).leads == ecg.leads
    else:
        with pytest.raises(ecg2lab.RecordingError):
            read(content)


def test_electrodes_c1_to_c6_are_the_chest_leads(clean, ecg, read):
    content = text_files.csv(ecg)
    for number in range(1, 7):
        content = content.replace(f",V{number}".encode(), f",C{number}".encode())
    np.testing.assert_allclose(read(content).samples, clean, rtol=0, atol=1e-9)


def test_electrodes_c3_and_c4_alone_are_an_eeg(ecg, read):
    content = text_files.csv(ecg.only("I", "II", "V3", "V4")).replace(b",V3,V4", b",C3,C4")
    whole = read(content)
    assert (whole.leads, whole.ignored) == (("I", "II"), ("time", "C3", "C4"))


def test_leads_as_romance_languages_write_them(ecg, read):
    content = text_files.csv(ecg).replace(b",I,II,III,", b",DI,DII,DIII,")
    assert read(content).leads == ecg.leads


def edf_edited(ecg, *pairs):
    content = binary_files.edf(ecg, plus=False)
    for old, new in pairs:
        assert old in content
        content = content.replace(old, new)
    return content


def test_edf_of_a_recording_that_was_not_ended(clean, ecg, read):
    np.testing.assert_allclose(
        read(edf_edited(ecg, (b"10      1       12  ", b"-1      1       12  "))).samples, clean, rtol=0, atol=1e-3
    )


@pytest.mark.parametrize("unit", ["µV".encode("latin-1"), "µV".encode(), "μV".encode()])
def test_edf_micro_signs(clean, ecg, read, unit):
    np.testing.assert_allclose(read(edf_edited(ecg, (b"uV      ", unit.ljust(8)))).samples, clean, rtol=0, atol=1e-3)


@pytest.mark.parametrize("rest", [b"\0", b"\x1a", bytes(100_000), b"end of file"])
def test_edf_with_bytes_behind(clean, ecg, read, rest):
    np.testing.assert_allclose(read(binary_files.edf(ecg) + rest).samples, clean, rtol=0, atol=1e-3)


def test_edf_of_more_records_than_its_header_states(ecg, refusal):
    content = edf_edited(ecg, (b"10      1       12  ", b"8       1       12  "))
    assert "2 data records more than its header states" in refusal(content)


def test_edf_is_read_as_edfio_reads_it(tmp_path, ecg):
    (tmp_path / "e.edf").write_bytes(binary_files.edf(ecg))
    theirs = {signal.label: signal.data for signal in edfio.read_edf(tmp_path / "e.edf").signals}
    ours = ecg2lab.read(tmp_path / "e.edf")
    for lead, row in zip(ours.leads, ours.samples, strict=True):
        np.testing.assert_allclose(row, theirs[f"ECG {lead}"] / 1000, rtol=0, atol=1e-9)


def test_ishne_generic_leads_say_what_to_do(ecg, refusal):
    content = bytearray(binary_files.ishne(ecg))
    content[158 : 158 + 24] = (1).to_bytes(2, "little") * 12
    content[8:10] = b"\0\0"  # no checksum
    assert "calls all its leads generic" in refusal(bytes(content))


@pytest.mark.parametrize("gain", ["-1000/mV", "-1/uV", "-1000(0)/mV"])
def test_wfdb_a_negative_gain_turns_the_signal(clean, files, tmp_path, gain):
    (tmp_path / "clean.hea").write_text((files / "clean.hea").read_text().replace("1000/mV", gain))
    (tmp_path / "clean.dat").write_bytes((files / "clean.dat").read_bytes())
    np.testing.assert_allclose(ecg2lab.read(tmp_path / "clean.hea").samples, -clean, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    "line",
    [
        "x.y.z 12 500 5000",
        "clean 12 500.0 5000 05/May/2020",
        "clean 12 500/1(0) 5000",
        "clean.hea 12 500 5000 2006",
        "a b 12 500 5000",
    ],
)
def test_wfdb_record_lines(clean, files, tmp_path, line):
    text = (files / "clean.hea").read_text().splitlines()
    (tmp_path / "clean.hea").write_text("\r\n".join([line, *text[1:]]))
    (tmp_path / "clean.dat").write_bytes((files / "clean.dat").read_bytes())
    if line.startswith("a b"):  # a name of two words: what follows cannot be told
        with pytest.raises(ecg2lab.RecordingError, match="no WFDB header"):
            ecg2lab.read(tmp_path / "clean.hea")
        return
    np.testing.assert_allclose(ecg2lab.read(tmp_path / "clean.hea").samples, clean, rtol=0, atol=1e-9)


def test_wfdb_signal_files_that_were_compressed_afterwards(clean, files, tmp_path):
    (tmp_path / "clean.hea").write_text((files / "clean.hea").read_text())
    (tmp_path / "clean.dat.gz").write_bytes(gzip.compress((files / "clean.dat").read_bytes()))
    np.testing.assert_allclose(ecg2lab.read(tmp_path / "clean.hea").samples, clean, rtol=0, atol=1e-9)
    (tmp_path / "clean.dat.gz").write_bytes(gzip.compress((files / "clean.dat").read_bytes())[:-2000])
    with pytest.raises(ecg2lab.RecordingError, match="cannot be decompressed to its end"):
        ecg2lab.read(tmp_path / "clean.hea")


def test_wfdb_one_wrong_checksum_among_right_ones_is_named(files, tmp_path):
    (tmp_path / "clean.hea").write_text((files / "clean.hea").read_text().replace("27909", "27908"))
    (tmp_path / "clean.dat").write_bytes((files / "clean.dat").read_bytes())
    with pytest.raises(ecg2lab.RecordingError, match="the samples of II do not match the checksum"):
        ecg2lab.read(tmp_path / "clean.hea")


@pytest.mark.parametrize("label", ["AVERAGE BEAT", "MEDIAN", "RHYTHM"])
@pytest.mark.parametrize("originality", ["ORIGINAL", "DERIVED"])
def test_dicom_what_is_rhythm_is_told_by_its_length(clean, ecg, read, label, originality):
    whole = binary_files.dicom_dataset(ecg)
    whole.WaveformSequence[0].MultiplexGroupLabel = label
    whole.WaveformSequence[0].WaveformOriginality = originality
    whole.WaveformSequence[1].WaveformOriginality = "ORIGINAL"
    own = read(binary_files.dicom_bytes(whole))
    np.testing.assert_allclose(own.samples, clean, rtol=0, atol=1e-9)
    assert own.notes == (
        ("rhythm marked DERIVED: computed from another recording",) if originality == "DERIVED" else ()
    )


@pytest.mark.parametrize("meta", [True, False])
def test_dicom_without_preamble(clean, ecg, read, meta):
    content = binary_files.dicom(ecg)[132:]
    if not meta:
        content = content[content.index(b"\x08\x00\x16\x00") :]
    np.testing.assert_allclose(read(content).samples, clean, rtol=0, atol=1e-9)


@pytest.mark.parametrize("syntax", ["ImplicitVRLittleEndian", "ExplicitVRBigEndian", "DeflatedExplicitVRLittleEndian"])
def test_dicom_transfer_syntaxes(clean, ecg, read, tmp_path, syntax):
    whole = binary_files.dicom_dataset(ecg)
    uid = getattr(pydicom.uid, syntax)
    whole.file_meta.TransferSyntaxUID = uid
    little, implicit = uid.is_little_endian, uid.is_implicit_VR
    if not little:
        for group in whole.WaveformSequence:
            group.WaveformData = np.frombuffer(group.WaveformData, "<i2").astype(">i2").tobytes()
    pydicom.dcmwrite(tmp_path / "d", whole, implicit_vr=implicit, little_endian=little, enforce_file_format=True)
    np.testing.assert_allclose(ecg2lab.read(tmp_path / "d").samples, clean, rtol=0, atol=1e-9)
