"""From the cardiac dipole over time to the leads on the skin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecg2lab_training.simulation.beat import Beat
from ecg2lab_training.simulation.rhythm import Rhythm
from ecg2lab_training.simulation.waves import Wave, rotation

Array = NDArray[np.float64]

# Lead vectors of I, II, V1 … V6 over Frank's x, y, z: Dower, Machado, Osborne, "On deriving the electrocardiogram from
# vectorcardiographic leads", Clinical Cardiology 3 (1980) 87-95, doi 10.1002/clc.1980.3.2.87.
DOWER = np.array(
    [
        [0.632, -0.235, 0.059],
        [0.235, 1.066, -0.132],
        [-0.515, 0.157, -0.917],
        [0.044, 0.164, -1.387],
        [0.882, 0.098, -1.277],
        [1.213, 0.127, -0.601],
        [1.125, 0.127, -0.086],
        [0.831, 0.076, 0.230],
    ]
)

LEADS = ("I", "II", "III", "aVR", "aVF", "aVL", "V1", "V2", "V3", "V4", "V5", "V6")
"""Order of the headers of MIMIC-IV-ECG."""

REACH = 5  # standard deviations within which a wave is drawn: at its edge it is 4e-6 of its height
BEFORE, AFTER = 0.40, 0.75  # s around an R peak in which its waves are drawn


def trajectory(beat: Beat, rhythm: Rhythm, samples: int, rate: float) -> Array:
    """Dipole of a whole recording.

    Returns
    -------
    ndarray (3, samples) in mV
    """
    margin = int((BEFORE + AFTER + 2) * rate)  # beats beyond both ends reach in
    padded = np.zeros((samples + 2 * margin, 3))
    reach = np.arange(-int(BEFORE * rate), int(AFTER * rate))
    centres = np.floor(rhythm.peaks * rate).astype(int)
    times = (centres[:, None] + reach) / rate - rhythm.peaks[:, None]  # (beats reach) s
    beats = _beats(beat, rhythm, times)
    for centre, dipole in zip(centres, beats, strict=True):
        start = margin + centre + reach[0]
        padded[start : start + reach.size] += dipole
    return np.ascontiguousarray(padded[margin : margin + samples].T)


def _beats(beat: Beat, rhythm: Rhythm, times: Array) -> Array:
    """All waves of all beats: (beats reach 3). Breathing swings their size and sways the heart."""
    at_r = np.zeros(len(rhythm.peaks))
    at_t_end = np.array([beat.t_end(interval) for interval in rhythm.intervals])
    waves = [(wave, at_r) for wave in beat.ventricular]
    waves += [(wave, at_t_end) for wave in beat.repolarisation]
    if not rhythm.fibrillation:
        waves += [(wave, at_r) for wave in beat.atrial]
    drawn = _sum(waves, times)
    if rhythm.ventricular.any():
        early = rhythm.ventricular
        drawn[early] = _sum([(wave, at_r[early]) for wave in beat.ectopic], times[early])
    breath = np.sin(2 * np.pi * rhythm.breathing * rhythm.peaks)
    turns = np.stack([(1 + beat.swing * b) * rotation(np.array([0, 0, beat.sway * b])) for b in breath])  # (b 3 3)
    return drawn @ turns.transpose(0, 2, 1)


def _sum(waves: list[tuple[Wave, Array]], times: Array) -> Array:
    """Waves, each from an origin of its own in each beat: (beats reach 3). A wave is drawn only where it is not 0."""
    drawn = np.zeros((*times.shape, 3))
    for wave, origin in waves:
        peak = origin + wave.time
        first = np.searchsorted(times[0], peak.min() - REACH * wave.rise)
        last = np.searchsorted(times[0], peak.max() + REACH * wave.fall)
        offset = times[:, first:last] - peak[:, None]
        width = np.where(offset < 0, wave.rise, wave.fall)
        drawn[:, first:last] += np.exp(-0.5 * (offset / width) ** 2)[..., None] * wave.dipole
    return drawn


def fibrillatory(beat: Beat, samples: int, rate: float, rng: np.random.Generator) -> Array:
    """Waves of fibrillating atria, 5-8 Hz with a wandering phase, strongest to the front: (3, samples)."""
    time = np.arange(samples) / rate
    wander = np.cumsum(rng.normal(0, 0.08, size=samples)) / np.sqrt(rate / 100)
    phase = 2 * np.pi * rng.uniform(5, 8) * time + wander
    wave = np.sin(phase) + 0.3 * np.sin(2 * phase + 1)
    return beat.flutter * np.array([[0.2], [0.6], [-0.8]]) * wave


def independent_leads(dipole: Array, vectors: Array = DOWER) -> Array:
    """Dipole (3, n), seen by lead vectors (8, 3) → eight independent leads (8, n)."""
    return np.einsum("ld,dn->ln", vectors, dipole, optimize=False)


def twelve_leads(independent: Array) -> Array:
    """Eight independent leads → twelve, in the order `LEADS`; limb leads by Einthoven and Goldberger."""
    i, ii, *chest = independent
    return np.stack([i, ii, ii - i, -(i + ii) / 2, ii - i / 2, i - ii / 2, *chest])
