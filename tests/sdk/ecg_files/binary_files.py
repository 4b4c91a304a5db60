"""Small writers of binary formats; EDF, BDF and DICOM by libraries that know nothing of our readers."""

from __future__ import annotations

import binascii
import datetime
import io

import edfio
import numpy as np
import pydicom
from ecg import Ecg
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from ecg2lab.readers.lead_codes import lead_name

CODES = {lead_name(code): code for code in range(256)}
TWELVE_LEAD_CLASS = "1.2.840.10008.5.1.4.1.1.9.1.1"


def edf(ecg: Ecg, unit: str = "uV", plus: bool = True) -> bytes:
    """EDF of 1 µV, or EDF+ with annotations."""
    return _edf(edfio.Edf, edfio.EdfSignal, 2**15, ecg, unit, plus)


def bdf(ecg: Ecg, unit: str = "uV", plus: bool = True) -> bytes:
    """BDF of 1/256 µV."""
    return _edf(edfio.Bdf, edfio.BdfSignal, 2**23, ecg, unit, plus)


def _edf(file_class, signal_class, half, ecg: Ecg, unit: str, plus: bool) -> bytes:
    factor = {"uV": 1000.0, "mV": 1.0}[unit]
    limits = (-32768 * factor / 1000, 32767 * factor / 1000)
    signals = [
        signal_class(
            row * factor, ecg.fs, label=f"ECG {lead}", physical_dimension=unit,
            physical_range=limits, digital_range=(-half, half - 1),
        )
        for row, lead in zip(ecg.samples, ecg.leads, strict=True)
    ]  # fmt: skip
    written = file_class(
        signals,
        patient=edfio.Patient(code=ecg.patient_id, sex=ecg.sex[0].upper(), birthdate=ecg.birth, name=ecg.name),
        recording=edfio.Recording(startdate=ecg.acquired, equipment_code="cart"),
        starttime=datetime.time(12, 30),
        annotations=[edfio.EdfAnnotation(1.0, None, "beat")] if plus else None,
        data_record_duration=1,
    )
    target = io.BytesIO()
    written.write(target)
    return target.getvalue()


def ishne(ecg: Ecg, nanovolts: int = 1000) -> bytes:
    """ISHNE with a checksum; no age, as the format has none."""
    names = ("Vx", "Vy", "Vz", "I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
    n, count = len(ecg.leads), ecg.samples.shape[1]
    fixed = bytearray(512)

    def put(offset, *numbers, size=2):
        for number in numbers:
            fixed[offset - 10 : offset - 10 + size] = int(number).to_bytes(size, "little", signed=True)
            offset += size

    def text(offset, value):
        fixed[offset - 10 : offset - 10 + len(value)] = value.encode()

    put(10, 0, count, 522, 522, size=4)
    put(26, 1)
    text(28, "First")
    text(68, ecg.name)
    text(108, ecg.patient_id)
    put(128, {"male": 1, "female": 2}[ecg.sex], 0)
    put(132, ecg.birth.day, ecg.birth.month, ecg.birth.year)
    put(138, ecg.acquired.day, ecg.acquired.month, ecg.acquired.year)
    put(150, 12, 30, 0, n)
    put(158, *(names.index(lead) + 2 for lead in ecg.leads), *([-9] * (12 - n)))
    put(206, *([nanovolts] * n), *([-9] * (12 - n)))
    put(272, ecg.fs)
    checksum = binascii.crc_hqx(bytes(fixed), 0xFFFF).to_bytes(2, "little")
    return b"ISHNE1.0" + checksum + bytes(fixed) + ecg.counts(nanovolts * 1e-6).T.tobytes()


def mfer(ecg: Ecg, microvolts: int = 1, order: str = "little", sequences: int = 1, more: dict | None = None) -> bytes:
    """MFER: attributes of each channel, a channel of pressure and one of status, which are no leads.

    `more` has definitions, by their tags, that stand in the attributes of the first channel.
    """
    counts = ecg.counts(microvolts / 1000)
    others = np.tile(np.arange(counts.shape[1], dtype="<i2"), (2, 1))
    rows = np.concatenate([counts, others]).reshape(len(counts) + 2, sequences, -1).swapaxes(0, 1)
    wave = rows.astype("<i2" if order == "little" else ">i2").tobytes()

    def number(value, size):
        return value.to_bytes(size, order)

    def day(of):
        return number(of.year, 2) + bytes([of.month, of.day])

    resolution = b"\0" + (-6).to_bytes(1, "big", signed=True) + number(microvolts, 2)
    definitions = [
        (0x40, b"MFR Standard 12 leads ECG".ljust(32, b"\0")),
        (0x01, b"\1" if order == "little" else b"\0"),
        (0x17, b"maker^cart^1^2"),
        (0x08, b"\1"),
        (0x81, ecg.name.encode()),
        (0x82, ecg.patient_id.encode()),
        (0x83, bytes([ecg.age]) + number(0xFFFF, 2) + day(ecg.birth)),
        (0x84, bytes([{"male": 1, "female": 2}[ecg.sex]])),
        (0x85, day(ecg.acquired) + bytes([12, 30, 0]) + number(0, 4)),
        (0x0B, b"\1" + (-6).to_bytes(1, "big", signed=True) + number(1_000_000 // ecg.fs, 4)),
        (0x04, number(counts.shape[1] // sequences, 4)),
        (0x05, number(len(counts) + 2, 1)),
        (0x06, number(sequences, 2)),
        (0x12, number(0x8000, 2)),
    ]
    content = b"".join(mfer_definition(*definition) for definition in definitions)
    for place, lead in enumerate(ecg.leads):
        own = {0x09: number(CODES[lead], 2), 0x0A: b"\0", 0x0C: resolution} | ((more or {}) if place == 0 else {})
        content += mfer_channel(place, own)
    content += mfer_channel(len(counts), {0x09: number(143, 2), 0x0A: b"\0", 0x0C: b"\1\0" + number(1, 2)})
    content += mfer_channel(len(counts) + 1, {0x09: number(4160, 2), 0x0A: b"\4"})
    return content + mfer_definition(0x1E, wave) + b"\x80\0"


def mfer_definition(tag: int, value: bytes) -> bytes:
    """Tag, length and value."""
    size = bytes([len(value)]) if len(value) < 128 else b"\x84" + len(value).to_bytes(4, "big")
    return bytes([tag]) + size + value


def mfer_channel(place: int, definitions: dict[int, bytes]) -> bytes:
    """The attributes of one channel."""
    inner = b"".join(mfer_definition(tag, value) for tag, value in definitions.items())
    return bytes([0x3F, place, len(inner)]) + inner


def scp(ecg: Ecg, differences: int | None = 2, nanovolts: int = 1000, tables: bytes | None = None) -> bytes:
    """SCP-ECG: plain samples (None), or Huffman-coded samples or differences of first or second order."""
    counts = ecg.counts(nanovolts * 1e-6).astype(int)
    coded = [row.astype("<i2").tobytes() if differences is None else huffman(row, differences) for row in counts]
    leads = bytes([len(ecg.leads), 4 | len(ecg.leads) << 3]) + b"".join(
        _u(1, 4) + _u(counts.shape[1], 4) + _u(CODES[lead], 1) for lead in ecg.leads
    )
    rhythm = _u(nanovolts, 2) + _u(1_000_000 // ecg.fs, 2) + bytes([differences or 0, 0])
    rhythm += b"".join(_u(len(lead), 2) for lead in coded) + b"".join(coded)
    sections = {1: _scp_facts(ecg), 3: leads, 6: rhythm}
    if differences is not None:
        sections[2] = _u(19999, 2) if tables is None else tables
    return scp_record(sections)


def scp_record(sections: dict[int, bytes], pointers: dict[int, int] | None = None) -> bytes:
    """Put sections together; `pointers` moves some of them elsewhere."""
    size0 = 16 + 10 * 12
    place, body, table = 7 + size0, b"", {0: (7, size0)}
    for number, content in sorted(sections.items()):
        content += b"\0" * (len(content) % 2)
        section = _scp_section(number, content)
        table[number] = ((pointers or {}).get(number, place), len(section))
        place += len(section)
        body += section
    entries = b""
    for number in range(12):
        start, length = table.get(number, (0, 0))
        entries += _u(number, 2) + _u(length, 4) + _u(start, 4)
    content = _scp_section(0, entries) + body
    checked = _u(len(content) + 6, 4) + content
    return binascii.crc_hqx(checked, 0xFFFF).to_bytes(2, "little") + checked


def sealed(record: bytes) -> bytes:
    """With a checksum that is right, however wrong the rest is."""
    return binascii.crc_hqx(record[2:], 0xFFFF).to_bytes(2, "little") + record[2:]


def _scp_section(number: int, content: bytes) -> bytes:
    checked = _u(number, 2) + _u(len(content) + 16, 4) + bytes([13, 13]) + b"\0" * 6 + content
    return binascii.crc_hqx(checked, 0xFFFF).to_bytes(2, "little") + checked


def _scp_facts(ecg: Ecg) -> bytes:
    def day(value):
        return _u(value.year, 2) + bytes([value.month, value.day])

    tags = {
        0: ecg.name.encode() + b"\0",
        2: ecg.patient_id.encode() + b"\0",
        4: _u(ecg.age, 2) + b"\1",
        5: day(ecg.birth),
        8: bytes([{"male": 1, "female": 2}[ecg.sex]]),
        14: b"\0" * 8 + b"cart\0\0" + b"\0" * 22,
        25: day(ecg.acquired),
        26: bytes([12, 30, 0]),
    }
    return b"".join(bytes([tag]) + _u(len(value), 2) + value for tag, value in tags.items()) + b"\xff\0\0"


def huffman(row: np.ndarray, order: int) -> bytes:
    """Code with the standard's table."""
    values = row if order == 0 else np.concatenate([row[:order], np.diff(row, order)])
    bits = "".join(_code(int(value)) for value in values)
    bits += "0" * (-len(bits) % 8)
    return int("1" + bits, 2).to_bytes(len(bits) // 8 + 1, "big")[1:]


def _code(value: int) -> str:
    if value == 0:
        return "0"
    if abs(value) <= 8:
        return "1" * abs(value) + "0" + ("1" if value < 0 else "0")
    size, prefix = (8, "1" * 9 + "0") if -128 <= value < 128 else (16, "1" * 10)
    return prefix + f"{value % 2**size:0{size}b}"


def standard_table() -> bytes:
    """The standard's table, spelt out as a section 2 of one table."""
    codes = [("0", 1, 0)]
    codes += [("1" * m + "0" + sign, m + 2, value) for m in range(1, 9) for sign, value in (("0", m), ("1", -m))]
    codes += [("1" * 9 + "0", 18, 0), ("1" * 10, 26, 0)]
    entries = b"".join(
        bytes([len(prefix), bits, 1]) + value.to_bytes(2, "little", signed=True) + _u(int(prefix[::-1], 2), 4)
        for prefix, bits, value in codes
    )
    return _u(1, 2) + _u(len(codes), 2) + entries


def _u(number: int, size: int) -> bytes:
    return number.to_bytes(size, "little")


def dicom_dataset(ecg: Ecg, unit: str = "uV", sensitivity: float = 1.0) -> FileDataset:
    """A 12-lead ECG waveform object with a median group beside the rhythm."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = TWELVE_LEAD_CLASS, "1.2.3.4"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    whole = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    whole.SOPClassUID, whole.SOPInstanceUID = TWELVE_LEAD_CLASS, "1.2.3.4"
    whole.StudyInstanceUID, whole.SeriesInstanceUID = "1.2.3.5", "1.2.3.6"
    whole.PatientName, whole.PatientID, whole.PatientAge = ecg.name, ecg.patient_id, f"{ecg.age:03d}Y"
    whole.PatientBirthDate, whole.PatientSex = f"{ecg.birth:%Y%m%d}", ecg.sex[0].upper()
    whole.AcquisitionDateTime, whole.ManufacturerModelName = f"{ecg.acquired:%Y%m%d}123000", "cart"
    factor = {"uV": 1e-3, "mV": 1.0}[unit]
    rhythm = _dicom_group(ecg, "RHYTHM", ecg.counts(sensitivity * factor), unit, sensitivity)
    median = _dicom_group(ecg, "MEDIAN BEAT", ecg.counts(sensitivity * factor)[:, :600] // 2, unit, sensitivity)
    median.WaveformOriginality = "DERIVED"
    whole.WaveformSequence = [rhythm, median]
    return whole


def dicom(ecg: Ecg, unit: str = "uV", sensitivity: float = 1.0) -> bytes:
    """The same as a file."""
    return dicom_bytes(dicom_dataset(ecg, unit, sensitivity))


def dicom_bytes(dataset: FileDataset) -> bytes:
    """As a file."""
    target = io.BytesIO()
    pydicom.dcmwrite(target, dataset, enforce_file_format=True)
    return target.getvalue()


def _dicom_group(ecg: Ecg, label: str, counts: np.ndarray, unit: str, sensitivity: float) -> Dataset:
    group = Dataset()
    group.MultiplexGroupLabel, group.WaveformOriginality = label, "ORIGINAL"
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = counts.shape
    group.SamplingFrequency = ecg.fs
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
    group.ChannelDefinitionSequence = []
    for lead in ecg.leads:
        channel, source, units = Dataset(), Dataset(), Dataset()
        source.CodeValue, source.CodingSchemeDesignator = f"2:{CODES[lead]}", "MDC"
        source.CodeMeaning = f"Lead {lead}"
        units.CodeValue, units.CodingSchemeDesignator, units.CodeMeaning = unit, "UCUM", unit
        channel.ChannelSourceSequence, channel.ChannelSensitivityUnitsSequence = [source], [units]
        channel.ChannelSensitivity, channel.ChannelSensitivityCorrectionFactor = sensitivity, 1
        channel.ChannelBaseline, channel.WaveformBitsStored = 0, 16
        group.ChannelDefinitionSequence.append(channel)
    group.add_new("WaveformData", "OW", counts.T.tobytes())
    return group
