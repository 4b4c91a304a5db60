"""Preprocessing of a 10-s ECG, each step beside the library function that computes the same.

Everything runs on one thread. The peers are optional: what is not installed is left out by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module, util
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from ecg2lab._native import _core
from ecg2lab.contract import BandPass, Contract, Notch, Preprocessing, published, unnamed_targets
from ecg2lab.recording.preparation import preprocess
from ecg2lab_bench.measuring import workload
from ecg2lab_bench.measuring.results import Struct, Timing
from ecg2lab_bench.measuring.timing import Subject, Tell, silent, timings
from ecg2lab_bench.report.page import Note, milliseconds

Step = Literal[
    "clip and resample",
    "the public call",
    "whole preparation",
    "whole preparation and quality gate",
    "band-pass",
    "notch",
    "whole chain with filters",
]
Signal = NDArray[np.float64]
COLUMNS = ("step", "computed by", "p50 ms", "min ms", "native is\nfaster by")
EXPLANATION = Note(
    "12 leads, 10 s, 500 → 100 Hz, one thread. Native: clip ±3 mV, `kaiser_best`. The public call is "
    "`ecg2lab.preprocess` of float32, its peer the resampler of the same, without a clip. The whole preparation also "
    "maps leads, looks for gaps and reports; its peer is the resampler alone. That of `resample_poly` has 101 weights, "
    "`kaiser_best` 545. Band-pass: Butterworth 0.5-40 Hz of order 4; notch: 50 Hz, quality 30; both zero phase."
)
_BAND, _NOTCH = (0.5, 40.0, 4), (50.0, 30.0)
_FILTERS = Preprocessing(
    band_pass=BandPass(low_hz=0.5, high_hz=40.0, order=4), notch=Notch(frequency_hz=50, quality=30.0)
)


class Row(Struct, frozen=True, kw_only=True):
    """One way to compute one step."""

    step: Step
    implementation: str
    """"native", or the name of the peer."""
    timing: Timing
    speed_up: float | None
    """p50 over that of the native step; None: it is the native step."""


class Table(Struct, frozen=True, kw_only=True):
    """All rows, a native one first for each step."""

    instruction_set: str
    rows: tuple[Row, ...]
    left_out: dict[str, str]
    """Peers that could not be had, and why."""


class _Contender(NamedTuple):
    step: Step
    implementation: str
    call: Callable[[], object]


def measure(budget_s: float, tell: Tell = silent) -> Table:
    """Time every step and its peers in turn.

    Parameters
    ----------
    budget_s
        Seconds for all of them together.
    tell
        Told after each round.
    """
    recording = workload.recording()
    samples = np.ascontiguousarray(recording.samples)
    contenders, left_out = list(_native(samples, recording.leads)), {}
    for name, make in _PEERS.items():
        if util.find_spec(name) is None:
            left_out[name] = f"{name} is not installed"
        else:
            contenders += make(samples)
    subjects = [Subject(None, "preprocessing", c.implementation, 1, c.call) for c in contenders]
    times = timings(subjects, budget_s, tell)
    native = {c.step: t.p50_ms for c, t in zip(contenders, times, strict=True) if c.implementation == "native"}
    measured = [
        Row(
            step=c.step,
            implementation=c.implementation,
            timing=timing,
            speed_up=None if c.implementation == "native" else timing.p50_ms / native[c.step],
        )
        for c, timing in zip(contenders, times, strict=True)
    ]
    measured.sort(key=lambda row: (list(native).index(row.step), row.implementation != "native"))
    return Table(instruction_set=_core.signal_instruction_sets()[0], rows=tuple(measured), left_out=left_out)


def _native(samples: Signal, leads: tuple[str, ...]) -> Iterator[_Contender]:
    plain = published(unnamed_targets(1))
    filtered = msgspec.structs.replace(plain, preprocessing=_FILTERS)
    resampler = _core.Resampler(workload.RATE_HZ, plain.signal.sampling_rate_hz)
    band, notch = _core.BandPass(*_BAND), _core.Notch(*_NOTCH)
    single = samples.astype(np.float32)

    def prepare(contract: Contract, measure_quality: bool = False) -> object:
        return _core.prepare(samples, leads, workload.RATE_HZ, contract.native, (), measure_quality)

    yield _Contender("clip and resample", "native", lambda: resampler.run(samples, 3.0))
    yield _Contender(
        "the public call", "native", lambda: preprocess(single, fs=workload.RATE_HZ, leads=leads, unit="mV")
    )
    yield _Contender("whole preparation", "native", lambda: prepare(plain))
    yield _Contender("whole preparation and quality gate", "native", lambda: prepare(plain, True))
    yield _Contender("band-pass", "native", lambda: band.filter(samples, workload.RATE_HZ))
    yield _Contender("notch", "native", lambda: notch.filter(samples, workload.RATE_HZ))
    yield _Contender("whole chain with filters", "native", lambda: prepare(filtered))


def _scipy(samples: Signal) -> Iterator[_Contender]:
    """The filters of scipy, designed once."""
    signal = import_module("scipy.signal")
    low, high, order = _BAND
    sections = signal.butter(order, [low, high], "bandpass", fs=workload.RATE_HZ, output="sos")
    notch = signal.iirnotch(*_NOTCH, fs=workload.RATE_HZ)
    single = samples.astype(np.float32)

    def resample(x: Signal) -> object:
        return signal.resample_poly(np.clip(x, -3, 3), 1, 5, axis=1)

    def chain() -> object:
        return resample(signal.filtfilt(*notch, signal.sosfiltfilt(sections, samples)))

    yield _Contender("clip and resample", "scipy resample_poly", lambda: resample(samples))
    yield _Contender("the public call", "scipy resample_poly", lambda: signal.resample_poly(single, 1, 5, axis=1))
    yield _Contender("whole preparation", "scipy resample_poly", lambda: resample(samples))
    yield _Contender("band-pass", "scipy sosfiltfilt", lambda: signal.sosfiltfilt(sections, samples))
    yield _Contender("notch", "scipy filtfilt", lambda: signal.filtfilt(*notch, samples))
    yield _Contender("whole chain with filters", "scipy", chain)


def _resampy(samples: Signal) -> Iterator[_Contender]:
    """What the authors used; it computes the same numbers as the native resampler."""
    resample = import_module("resampy").resample
    yield _Contender(
        "clip and resample",
        "resampy kaiser_best",
        lambda: resample(np.clip(samples, -3, 3), 500, 100, axis=1, filter="kaiser_best"),
    )


_PEERS: dict[str, Callable[[Signal], Iterator[_Contender]]] = {"scipy": _scipy, "resampy": _resampy}


def rows(table: Table) -> Iterator[tuple[str, ...]]:
    """Cells under `COLUMNS`."""
    for row in table.rows:
        t = row.timing
        faster = "" if row.speed_up is None else f"{row.speed_up:.1f}"
        yield row.step, row.implementation, milliseconds(t.p50_ms), milliseconds(t.minimum_ms), faster
