"""Contracts of which a test says only what matters to preprocessing."""

import msgspec

from ecg2lab.contract import BandPass, Notch, Preprocessing, Signal, published, unnamed_targets


def contract_for(leads, *, rate=100.0, clip=3.0, window=250, band=None, notch=None, **more):
    """Of these leads; `band` is (low Hz, high Hz, order), `notch` (Hz, quality)."""
    steps = Preprocessing(
        clip_mv=float(clip),
        band_pass=band and BandPass(low_hz=band[0], high_hz=band[1], order=band[2]),
        notch=notch and Notch(frequency_hz=notch[0], quality=notch[1]),
    )
    signal = Signal(leads=tuple(leads), sampling_rate_hz=float(rate), window_samples=window)
    return msgspec.structs.replace(published(unnamed_targets(1)), signal=signal, preprocessing=steps, **more)
