"""What the subjects are fed: a recording, a patient, and inputs of the bare network."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab.contract import Contract
from ecg2lab.patient import Patient
from ecg2lab.patient.features import with_missing_flags
from ecg2lab.recording import Recording

DURATION_S, RATE_HZ = 10.0, 500.0
LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
_BEATS_PER_MIN = 72.0
_WAVES = ((-0.20, 0.025, 0.12), (-0.03, 0.010, -0.10), (0.0, 0.012, 1.0), (0.03, 0.012, -0.20), (0.28, 0.045, 0.30))
"""P, Q, R, S and T as Gaussians: time from R and width in seconds, height in millivolt."""
_GAINS = (0.7, 1.1, -0.6, -0.2, 0.5, 0.9, 1.1, 0.9)
"""Of I, II and V1 … V6."""

PATIENT = Patient(
    age=63,
    sex="female",
    race="white",
    respiratory_per_min=16,
    spo2_percent=97,
    diastolic_mmhg=78,
    systolic_mmhg=128,
    heart_rate_bpm=72,
    temperature_c=36.8,
    height_cm=168,
    weight_kg=70,
)
"""Everything given, so that a model without medians answers too."""


def recording() -> Recording:
    """Ten seconds of twelve leads at 500 Hz: a drawn beat with noise, and limb leads that obey Einthoven's law."""
    t = np.arange(round(DURATION_S * RATE_HZ)) / RATE_HZ
    phase = (t + 0.4) % (60 / _BEATS_PER_MIN) - 0.4  # seconds from the nearest R
    beat = sum(height * np.exp(-0.5 * ((phase - at) / width) ** 2) for at, width, height in _WAVES)
    noise = 0.01 * np.random.default_rng(0).standard_normal((len(_GAINS), t.size))
    first, second, *chest = np.outer(_GAINS, beat) + noise
    limb = [first, second, second - first, -(first + second) / 2, first - second / 2, second - first / 2]
    return Recording(np.stack([*limb, *chest]), fs=RATE_HZ, leads=LEADS, unit="mV")


def network_inputs(contract: Contract, batch: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Seeded inputs of the bare network: (B leads L) mV, (B columns), (B columns)."""
    random = np.random.default_rng(0)
    signal = random.standard_normal((batch, len(contract.signal.leads), contract.signal.window_samples)) / 4
    continuous = np.array([[(f.minimum + f.maximum) / 2 for f in contract.continuous]] * batch)
    categorical = np.zeros((batch, len(contract.categorical)), np.int64)
    nothing_missing = np.zeros_like(continuous)
    return signal.astype(np.float32), *with_missing_flags(continuous, categorical, nothing_missing, contract)


def windows_of(contract: Contract) -> int:
    """How many windows the recording gives."""
    return int(DURATION_S * contract.signal.sampling_rate_hz) // contract.signal.window_samples
