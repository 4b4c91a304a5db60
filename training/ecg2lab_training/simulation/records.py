"""ECGs as WFDB records, in the folders of MIMIC-IV-ECG."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np

from ecg2lab_training.simulation import electrocardiogram
from ecg2lab_training.simulation.population import Visit

DAMAGED = 0.002
"""Share of records whose signal file is cut short, as happens in every archive."""


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
        Study number, which with the seed decides all chance of this record.
    """
    import wfdb

    rng = np.random.default_rng([seed, 30, identity])
    samples = electrocardiogram.record(visit, rng)
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    count = len(electrocardiogram.LEADS)
    wfdb.wrsamp(
        target.name,
        fs=electrocardiogram.SAMPLING_RATE,
        units=["mV"] * count,
        sig_name=list(electrocardiogram.LEADS),
        p_signal=samples.T,
        fmt=["16"] * count,
        adc_gain=[electrocardiogram.STEPS_PER_MV] * count,
        baseline=[0] * count,
        write_dir=str(target.parent),
    )
    if damaged(seed, identity):
        signal = target.with_suffix(".dat")
        signal.write_bytes(signal.read_bytes()[:1000])


def damaged(seed: int, identity: int) -> bool:
    """Whether a record is one of those that are cut short."""
    return zlib.crc32(f"{seed} {identity}".encode()) < DAMAGED * 2**32
