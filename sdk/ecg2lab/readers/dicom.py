"""DICOM ECG waveforms (12-lead, general, ambulatory, general 32-bit), parsed by pydicom.

The package is asked for bytes, lengths and codes only. The calibration is ours, since the package ignores the unit;
so are all texts, which are never decoded by its validators: their warnings quote the value.
"""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab.errors import RecordingError
from ecg2lab.readers import subject as subjects
from ecg2lab.readers.byte_fields import decoded
from ecg2lab.readers.channels import Channel, check_size, lead_of, no_lead, to_recording
from ecg2lab.readers.content import Content
from ecg2lab.readers.lead_codes import lead_name
from ecg2lab.readers.units import printable, require_millivolts
from ecg2lab.recording import Recording
from ecg2lab.system.extras import require

_ECG_CLASSES = tuple(f"1.2.840.10008.5.1.4.1.1.9.1.{last}" for last in (1, 2, 3, 4))
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_ITEMS, _MOST_ITEMS = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00"), 20_000
"""How an item begins, in either byte order; each takes the package some hundred times its 8 bytes, and time."""
_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_TYPES = {"SS": "i2", "SL": "i4"}
_LEAD_CODE = re.compile(r"(?:5\.6\.3-9-|2:)(\d{1,3})", re.ASCII)
_AGE = re.compile(r"(\d{3})([DWMY])", re.ASCII)
_KEYWORDS = (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID", "PatientAge", "PatientSex",
    "PatientBirthDate", "AcquisitionDateTime", "StudyDate", "AccessionNumber", "ManufacturerModelName",
    "WaveformSequence",
)  # fmt: skip


def read_dicom(content: Content) -> Recording:
    """Read the one original multiplex group; median beats beside it are left alone.

    Raises
    ------
    RecordingError
        If it is damaged, no ECG waveform, or lacks rate, sensitivity or unit of a lead.
    MissingExtraError
        If pydicom is not installed.
    """
    require("formats", "pydicom")
    if _DEFLATED in content.data:
        raise RecordingError("it is a deflated DICOM file; save it in an uncompressed transfer syntax")
    if sum(map(content.data.count, _ITEMS)) > _MOST_ITEMS:
        raise RecordingError("it has more sequence items than any ECG")
    try:
        return _read(content)
    except RecordingError:
        raise
    except Exception:  # the package raises whatever its parsing meets
        raise RecordingError("it is a damaged or incomplete DICOM file; send it again") from None


def _read(content: Content) -> Recording:
    import pydicom

    dataset = pydicom.dcmread(io.BytesIO(content.data), specific_tags=list(_KEYWORDS))
    kind = _text(dataset, "SOPClassUID")
    if not kind:
        raise RecordingError("it does not say what kind of DICOM object it is: damaged or cut short; send it again")
    if kind not in _ECG_CLASSES:
        raise RecordingError("it is a DICOM object of another kind than an ECG waveform")
    order = ">" if _text(dataset.file_meta, "TransferSyntaxUID") == _BIG_ENDIAN else "<"
    began = _text(dataset, "AcquisitionDateTime") or _text(dataset, "StudyDate")
    age = _AGE.fullmatch(_text(dataset, "PatientAge") or "")
    return to_recording(
        _channels(_rhythm(dataset), order),
        "DICOM",
        content.name,
        patient_id=_text(dataset, "PatientID"),
        order_id=_text(dataset, "AccessionNumber"),
        acquired=began,
        device=_text(dataset, "ManufacturerModelName"),
        study_uid=_text(dataset, "StudyInstanceUID"),
        series_uid=_text(dataset, "SeriesInstanceUID"),
        sop_uid=_text(dataset, "SOPInstanceUID"),
        subject=subjects.subject(
            stated=subjects.years(age[1], age[2]) if age else None,
            birth=subjects.day(_text(dataset, "PatientBirthDate")),
            acquired=subjects.day((began or "")[:8]),
            sex=subjects.sex(_text(dataset, "PatientSex")),
        ),
    )


def _text(dataset: Any, keyword: str) -> str | None:
    """A text as stored, not validated."""
    element = dataset.get_item(keyword)
    value: Any = element.value if element is not None else None
    text = decoded(value) if isinstance(value, bytes) else str(value)
    return text.strip(" \0") or None if value is not None else None


def _rhythm(dataset: Any) -> Any:
    groups = [
        group
        for group in dataset.get("WaveformSequence") or ()
        if "MEDIAN" not in (_text(group, "MultiplexGroupLabel") or "").upper()
        and (_text(group, "WaveformOriginality") or "ORIGINAL") == "ORIGINAL"
    ]
    if len(groups) != 1:
        raise RecordingError(f"it has {len(groups)} original waveform groups; exactly one can be read")
    return groups[0]


def _channels(group: Any, order: str) -> list[Channel]:
    definitions = list(group.get("ChannelDefinitionSequence") or ())
    rate = float(group.get("SamplingFrequency") or 0)
    if not definitions or rate <= 0:
        raise RecordingError("the file does not state its channels or its sampling rate")
    counts = _counts(group, len(definitions), order)
    return [_channel(definition, counts[:, row], rate) for row, definition in enumerate(definitions)]


def _counts(group: Any, channels: int, order: str) -> NDArray[np.float64]:
    """(samples, channels), NaN where padded."""
    kind = _text(group, "WaveformSampleInterpretation") or "none"
    if kind not in _TYPES:
        raise RecordingError(f"its samples are of type {printable(kind)}; SS and SL are read")
    dtype = np.dtype(order + _TYPES[kind])
    samples, announced = int(group.get("NumberOfWaveformSamples") or 0), int(group.get("NumberOfWaveformChannels") or 0)
    check_size(samples * channels)
    raw = bytes(group.get("WaveformData") or b"")
    if announced != channels or samples < 1 or len(raw) != samples * channels * dtype.itemsize:
        raise RecordingError(
            f"it announces {samples} samples of {announced} channels, describes {channels} channels and has "
            f"{len(raw)} bytes: damaged or cut short"
        )
    counts = np.frombuffer(raw, dtype).reshape(samples, channels).astype(np.float64)
    padding = bytes(group.get("WaveformPaddingValue") or b"")
    if len(padding) == dtype.itemsize:
        # It stands where acquisition was suspended, hence in all channels; in one alone it is a sample: some write 0.
        counts[(counts == np.frombuffer(padding, dtype)[0]).all(axis=1)] = np.nan
    return counts


def _channel(definition: Any, counts: NDArray[np.float64], rate: float) -> Channel:
    name = _name(definition)
    if lead_of(name) is None:
        return no_lead(name)
    sensitivity = definition.get("ChannelSensitivity")
    if not sensitivity:
        raise RecordingError(f"the file does not state the sensitivity of lead {printable(name)}")
    units = definition.get("ChannelSensitivityUnitsSequence") or ()
    unit = require_millivolts(_text(units[0], "CodeValue") if units else None, name)
    correction = definition.get("ChannelSensitivityCorrectionFactor")
    scale = float(sensitivity) * (1.0 if correction is None else float(correction)) * unit
    return Channel(name, counts, scale, rate, offset_mv=float(definition.get("ChannelBaseline") or 0) * unit)


def _name(definition: Any) -> str:
    """By its code, which is the standard's; else by its label."""
    sources = definition.get("ChannelSourceSequence") or ()
    code = _LEAD_CODE.fullmatch((_text(sources[0], "CodeValue") if sources else None) or "")
    if code:
        return lead_name(int(code[1]))
    meaning = _text(sources[0], "CodeMeaning") if sources else None
    return _text(definition, "ChannelLabel") or meaning or "?"
