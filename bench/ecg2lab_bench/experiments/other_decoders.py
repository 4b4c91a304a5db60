"""Packages of others that decode ECG files, each as one short function to millivolt.

What is installed is asked, what is not is named. ecgprocess, which reads CardioSoft, is left out for its licence
(GPL-3.0), and CardioSoftECGXMLReader is on no package index. None reads Schiller XML or our CSV.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab.readers.channels import lead_of
from ecg2lab.readers.lead_codes import lead_name
from ecg2lab.readers.units import millivolts


class Decoded(NamedTuple):
    """What a package makes of a file."""

    rates_hz: dict[str, float]
    leads: dict[str, NDArray[np.float64]]
    """(n,) mV by name, in our spelling; what is no lead in a voltage is not there."""


_LAST_DIGITS = re.compile(r"\d+$")
Signals = Iterable[tuple[str, str, float, Any]]
"""Name, unit, rate and values of each signal."""


class Decoder(NamedTuple):
    """One package."""

    formats: tuple[str, ...]
    """By our names."""
    signals: Callable[[Path], Signals]

    def decode(self, path: Path) -> Decoded:
        """Read a file; whatever the package raises goes on."""
        leads: dict[str, NDArray[np.float64]] = {}
        rates: dict[str, float] = {}
        for name, unit, rate, values in self.signals(path):
            lead, scale = lead_of(name), millivolts(unit)
            if lead and scale and lead not in leads:
                leads[lead], rates[lead] = np.asarray(values, np.float64) * scale, rate
        return Decoded(rates, leads)


def installed(package: str) -> str | None:
    """Its version, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _wfdb(path: Path) -> Signals:
    wfdb, name = import_module("wfdb"), str(path.with_suffix(""))
    header = wfdb.rdheader(name, rd_segments=True)
    segments = filter(None, getattr(header, "segments", None) or [])
    if any(max(segment.samps_per_frame or [1]) > 1 for segment in segments):
        raise ValueError("it averages frames in records of several segments")
    frames = getattr(header, "samps_per_frame", None) or [1] * header.n_sig
    if max(frames) > 1:
        record = wfdb.rdrecord(name, smooth_frames=False)
        columns = record.e_p_signal
    else:
        record = wfdb.rdrecord(name, m2s=True)
        columns = record.p_signal.T
    rates = [record.fs * per_frame for per_frame in frames]
    return zip(record.sig_name, record.units, rates, columns, strict=True)


def _pydicom(path: Path) -> Signals:
    dataset = import_module("pydicom").dcmread(path, force=True)
    groups = dataset.WaveformSequence
    if dataset.original_encoding[1] is False:  # it takes samples for little-endian, whatever the file is
        for group in groups:
            stored = np.frombuffer(group.WaveformData, f">i{group.WaveformBitsAllocated // 8}")
            group.WaveformData = stored.astype(stored.dtype.newbyteorder("<")).tobytes()
    place = max(range(len(groups)), key=lambda place: int(groups[place].NumberOfWaveformSamples))
    for channel, values in zip(groups[place].ChannelDefinitionSequence, dataset.waveform_array(place).T, strict=True):
        unit = channel.ChannelSensitivityUnitsSequence[0].CodeValue
        source = channel.ChannelSourceSequence[0]
        code = _LAST_DIGITS.search(source.CodeValue)
        name = lead_name(int(code[0])) if code else source.CodeMeaning
        yield name, unit, float(groups[place].SamplingFrequency), values


def _pyedflib(path: Path) -> Signals:
    with import_module("pyedflib").EdfReader(str(path)) as file:
        for place, label in enumerate(file.getSignalLabels()):
            yield label, file.getPhysicalDimension(place), file.getSampleFrequency(place), file.readSignal(place)


def _edfio(path: Path) -> Signals:
    edfio = import_module("edfio")
    with path.open("rb") as file:
        read = edfio.read_bdf if file.read(1) == b"\xff" else edfio.read_edf
    for signal in read(path).signals:
        yield signal.label, signal.physical_dimension, signal.sampling_frequency, signal.data


def _ecgdatakit(path: Path) -> Signals:
    for lead in import_module("ecgdatakit").FileParser().parse(str(path)).leads:
        yield lead.label, lead.units, lead.sampling_rate, lead.samples


def _ishneholterlib(path: Path) -> Signals:
    holter = import_module("ishneholterlib").Holter(str(path))
    holter.load_data()
    return [(lead.spec_str(), "mV", holter.sr, lead.data) for lead in holter.lead[: holter.nleads]]


def _sierraecg(path: Path) -> Signals:
    """Counts, and four limb leads restored in any file: where it is not compressed, wrongly."""
    text = path.read_bytes().replace(b"\0", b"")
    resolution = re.search(rb"<(?:signal)?resolution>([0-9.]+)<", text)
    if b"XLI" not in text or resolution is None:
        raise ValueError("only compressed files that state their resolution are compared with sierraecg")
    for lead in import_module("sierraecg").read_file(str(path)).leads:
        yield lead.label, "uV", lead.sampling_freq, lead.samples * float(resolution[1])


DECODERS = {
    "wfdb": Decoder(("wfdb",), _wfdb),
    "pydicom": Decoder(("dicom",), _pydicom),
    "pyedflib": Decoder(("edf",), _pyedflib),
    "edfio": Decoder(("edf",), _edfio),
    "ecgdatakit": Decoder(
        ("wfdb", "dicom", "edf", "scp", "ishne", "mfer", "aecg", "muse", "philips", "mortara"), _ecgdatakit
    ),
    "ishneholterlib": Decoder(("ishne",), _ishneholterlib),
    "sierraecg": Decoder(("philips",), _sierraecg),
}
"""By the package's name."""
