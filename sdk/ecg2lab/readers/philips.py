"""Philips Sierra XML (PageWriter, TraceMaster, IntelliSpace ECG): the parsed waveforms, plain or compressed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from ecg2lab._native import _core
from ecg2lab.errors import RecordingError
from ecg2lab.readers import subject as subjects
from ecg2lab.readers.channels import Channel, lead_of, to_recording
from ecg2lab.readers.content import Content
from ecg2lab.readers.deferred import Counts
from ecg2lab.readers.limits import MOST_VALUES, check_size
from ecg2lab.readers.numbers import agreed, count, finite, positive
from ecg2lab.readers.units import printable
from ecg2lab.readers.xli import decode_xli
from ecg2lab.readers.xml_tree import agreed_text, attribute, base64_bytes, text_of
from ecg2lab.recording import Recording
from ecg2lab.recording.leads import LIMB, STANDARD

_MICROVOLT = 1e-3
_LEAD_SETS = ("STD-12", "10-WIRE")
"""Acquisition types whose channels are the standard twelve in order, where no labels are stated."""


def read_philips(content: Content) -> Recording:
    """Read the rhythm leads.

    Raises
    ------
    RecordingError
        If rate, resolution, leads or duration are missing, the encoding is unknown, or the samples are not all there.
    """
    root = content.tree
    waveforms, characteristics = _one(root, "parsedwaveforms"), _one(root, "signalcharacteristics")
    rate = _number(
        "its sampling rate (samplingrate)", waveforms.get("samplespersecond"), text_of(characteristics, "samplingrate")
    )
    names = _names(waveforms, characteristics)
    seconds = positive(waveforms.get("durationperchannel"), "its duration (durationperchannel)") / 1000
    check_size(round(min(seconds * rate, 2.0**62)) * len(names))
    rows = _rows(waveforms, characteristics, names, round(seconds * rate))
    per_count = _MICROVOLT * _number(
        "its resolution",
        waveforms.get("resolution"),
        text_of(characteristics, "resolution"),
        text_of(characteristics, "signalresolution"),
    )
    offset = agreed("its signaloffset", waveforms.get("signaloffset"), text_of(characteristics, "signaloffset"))
    zero = finite(offset or "0")
    if zero is None:
        raise RecordingError("its signaloffset is no number")
    channels = [
        Channel(name, row, per_count, rate, offset_mv=-zero * per_count) for name, row in zip(names, rows, strict=True)
    ]
    return _recording(root, content.name, channels)


def _recording(root: Element, file: str, channels: list[Channel]) -> Recording:
    acquisition, person = root.find("dataacquisition"), root.find("patient/generalpatientdata")
    day, time = (attribute(acquisition, ".", name) or "" for name in ("date", "time"))
    return to_recording(
        channels,
        "Philips XML",
        file,
        patient_id=text_of(person, "patientid") or text_of(person, "MRN"),
        order_id=text_of(root, "orderinfo/ordernumber"),
        acquired=f"{day} {time}",
        device=text_of(acquisition, "machine"),
        subject=subjects.unless_contradicted(
            lambda: subjects.subject(
                stated=subjects.years(agreed_text(person, "age/years"), "years"),
                birth=subjects.day(agreed_text(person, "age/dateofbirth") or agreed_text(person, "dateofbirth")),
                acquired=subjects.day(day),
                sex=subjects.sex(agreed_text(person, "sex")),
            )
        ),
    )


def _number(what: str, *texts: str | None) -> float:
    return positive(agreed(what, *texts), what)


def _one(root: Element, name: str) -> Element:
    elements = list(root.iter(name))
    if len(elements) != 1:
        raise RecordingError(f"it has {len(elements)} elements {name}; exactly one can be read")
    return elements[0]


def _names(waveforms: Element, characteristics: Element) -> list[str]:
    labels = (waveforms.get("leadlabels") or "").split()
    if labels:
        stated = count(waveforms.get("numberofleads") or str(len(labels)), "its numberofleads")
        if stated > len(labels):
            raise RecordingError(f"it announces {stated} leads and names {len(labels)}")
        return labels[:stated]
    leads = text_of(characteristics, "acquisitiontype") or text_of(characteristics, "leadset")
    channels = count(
        text_of(characteristics, "numberchannelsallocated") or text_of(characteristics, "numberchannelsvalid"),
        "its number of channels (numberchannelsallocated)",
    )
    if leads not in _LEAD_SETS or channels > len(STANDARD):
        raise RecordingError("it names no leads (leadlabels), nor a known lead set (acquisitiontype)")
    return list(STANDARD[:channels])


def _rows(waveforms: Element, characteristics: Element, names: list[str], length: int) -> Sequence[Counts]:
    """The counts of each lead."""
    encoding, compression = waveforms.get("dataencoding") or "", _compression(waveforms)
    text, waveforms.text = waveforms.text, None  # the text of all leads goes as soon as it is decoded
    if encoding == "Plain" and not compression:
        flat: NDArray[Any] = _core.parse_numbers(text or "", " ", MOST_VALUES, "its samples")
    elif encoding != "Base64" or compression not in ("", "XLI"):
        raise RecordingError(f"its samples are stored as {printable(encoding)} {printable(compression)}: not known")
    elif compression:
        if tuple(map(lead_of, names[: len(LIMB)])) != LIMB:
            raise RecordingError(
                f"its compressed leads do not begin with {', '.join(LIMB)}: what they mean is not known"
            )
        return decode_xli(base64_bytes(text, "its waveform"), len(names), length)
    else:
        content = base64_bytes(text, "its waveform")
        signed = (waveforms.get("signalsigned") or text_of(characteristics, "signalsigned") or "true").casefold()
        whole_samples = content[: len(content) // 2 * 2]
        flat = np.frombuffer(whole_samples, "<u2" if signed in ("false", "0", "no") else "<i2")
    if len(flat) != len(names) * length:
        raise RecordingError(
            f"it has {len(flat)} samples and announces {len(names)} leads of {length}: "
            "one of the two is wrong; export it again"
        )
    return list(flat.reshape(len(names), length))


def _compression(waveforms: Element) -> str:
    method = (waveforms.get("compression") or waveforms.get("compressmethod") or "").strip()
    flag = (waveforms.get("compressflag") or "").strip().casefold()
    return "" if flag in ("false", "f", "0", "no") or method.casefold() in ("uncompressed", "none") else method
