"""ECGs as WFDB records, in the folders of MIMIC-IV-ECG."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecg2lab_training.simulation import electrocardiogram, hospital
from ecg2lab_training.simulation.population import Visit

DAMAGED = 0.002
"""Share of records whose signal file is cut short, as happens in every archive."""

INVALID = -32768
"""What format 16 writes where there is no value."""


def write(folder: Path, path: str, visit: Visit, seed: int, identity: int) -> None:
    """Draw and write one record.

    Parameters
    ----------
    folder
        Root of the archive.
    path
        Of the record below the root, without extension.
    visit
        What the ECG expresses.
    seed
        Of the simulation.
    identity
        Study number, which with the seed decides all chance of this record; its patient has one heart at all visits.
    """
    heart = np.random.default_rng([seed, 31, hospital.patient_of(identity)])
    samples = electrocardiogram.record(visit, np.random.default_rng([seed, 30, identity]), heart)
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    digital = _digital(samples)
    target.with_suffix(".dat").write_bytes(digital.T.tobytes())
    target.with_suffix(".hea").write_text(_header(target.name, digital))
    if damaged(seed, identity):
        signal = target.with_suffix(".dat")
        signal.write_bytes(signal.read_bytes()[:1000])


def damaged(seed: int, identity: int) -> bool:
    """Whether a record is one of those that are cut short."""
    return zlib.crc32(f"{seed} {identity}".encode()) < DAMAGED * 2**32


def _digital(samples: NDArray[np.float64]) -> NDArray[np.int16]:
    """Steps of the converter, (leads, samples), little-endian."""
    steps = np.rint(samples * electrocardiogram.STEPS_PER_MV)
    return np.where(np.isnan(steps), INVALID, np.clip(steps, -32767, 32767)).astype("<i2")


def _header(name: str, digital: NDArray[np.int16]) -> str:
    """A WFDB header of format 16. The wfdb package takes ten times as long to write one as the ECG takes to draw."""
    rate, gain = electrocardiogram.SAMPLING_RATE, electrocardiogram.STEPS_PER_MV
    lines = [f"{name} {len(digital)} {rate} {digital.shape[1]}"]
    for lead, signal in zip(electrocardiogram.LEADS, digital, strict=True):
        checksum = np.int64(signal.sum(dtype=np.int64)).astype(np.int16)
        lines.append(f"{name}.dat 16 {gain}(0)/mV 16 0 {signal[0]} {checksum} 0 {lead}")
    return "\n".join(lines) + "\n"
