"""What an answer rests on: how far it moves when a part of its input is taken away (occlusion).

What stands in for the part is neutral, and the same for every model:

- a lead: its own median over the windows, that is, a flat line at its baseline;
- a segment of time: in every lead the straight line from the sample before to the sample after, as the contract fills
  a gap of missing samples;
- a fact about the patient: what the contract imputes when it is not given (median, missing code, missing flag).

An effect is *with the part* minus *without it*: above zero, the part raises the answer. Effects are given on the
probability and on its logit, both calibrated and over all windows as in a finding. They describe the network, not the
patient: what moves the answer need not cause the abnormality.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab.answer.explanation import Effect, Explanation, SegmentEffect
from ecg2lab.contract import Contract, Target
from ecg2lab.errors import BackendError, ContractError, PatientError
from ecg2lab.patient import Patient
from ecg2lab.patient.features import Encode, Features

Window = NDArray[np.float32]  # (leads L)
Run = Callable[[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]], NDArray[np.float32]]


class _Part(NamedTuple):
    """A part of the input, by which its effect is found again."""

    kind: Literal["nothing", "lead", "ECG", "segment", "fact", "patient"]
    name: str = ""
    """Of the lead or the fact."""
    samples: tuple[int, int, int] = (0, 0, 0)
    """Of a segment: its window, its first sample and the one after its last."""


_NOTHING, _ECG, _PATIENT = _Part("nothing"), _Part("ECG"), _Part("patient")


class _Removal(NamedTuple):
    """What is run without a part."""

    windows: range
    """Those that change."""
    signal: Callable[[Window], Window]
    features: Features


def explain(
    run: Run,
    encode: Encode,
    contract: Contract,
    windows: NDArray[np.float32],
    patient: Patient,
    targets: Sequence[int],
    segment_s: float,
    batch: int,
) -> tuple[Explanation, ...]:
    """Take every lead, segment and fact away in turn, and say how far the answers move; see `Engine.explain`.

    Parameters
    ----------
    run, encode
        The bare network, and what makes a patient its inputs.
    windows
        (W, leads, L) millivolt, prepared. W · (leads + facts + 3) windows are run, and one for each segment.
    patient
        All that is known.
    targets
        Positions in the contract.
    segment_s
        Rounded to whole samples; the last segment of a window may be shorter.
    """
    if isinstance(batch, bool) or not isinstance(batch, int) or batch < 1:
        raise ContractError("batch must be a whole number of windows, at least 1")
    step = _segment_samples(segment_s, contract)
    features = encode(patient)
    used = [name for name in patient.given() if name not in (*features.unused, *features.out_of_range)]
    poorer = {_Part("fact", name): _without(patient, (name,), encode) for name in used}
    poorer[_PATIENT] = _without(patient, used, encode)
    every = range(len(windows))
    removals = _of_signal(windows, features, contract.signal.leads, step)
    removals |= {part: _Removal(every, _untouched, rest) for part, rest in poorer.items() if rest is not None}
    logits = _answers(run, windows, removals, batch)
    not_removable = tuple(part.name for part, rest in poorer.items() if rest is None and part != _PATIENT)
    return tuple(
        _explanation(contract, index, _effects(contract.targets[index], index, logits, removals), not_removable)
        for index in targets
    )


def _segment_samples(segment_s: float, contract: Contract) -> int:
    rate = contract.signal.sampling_rate_hz
    shortest, longest = 1 / rate, contract.signal.window_samples / rate
    number = isinstance(segment_s, (int, float)) and not isinstance(segment_s, bool)
    if not (number and shortest <= segment_s <= longest):
        raise ContractError(f"a segment is {shortest:g} s (one sample) to {longest:g} s (one window) long")
    return round(segment_s * rate)


def _without(patient: Patient, names: Sequence[str], encode: Encode) -> Features | None:
    """The patient as if facts had not been given; None if the contract has nothing to put in their place."""
    try:
        return encode(Patient(**{name: fact for name, fact in patient.given().items() if name not in names}))
    except PatientError:
        return None


def _of_signal(
    windows: NDArray[np.float32], features: Features, leads: Sequence[str], step: int
) -> dict[_Part, _Removal]:
    """Nothing, each lead, all leads, each segment."""
    every, length = range(len(windows)), windows.shape[2]
    medians = np.median(windows, axis=(0, 2)).astype(np.float32)  # (leads)
    flat = {_Part("lead", lead): [row] for row, lead in enumerate(leads)} | {_ECG: list(range(len(leads)))}
    segments = [(w, first, min(first + step, length)) for w in every for first in range(0, length, step)]
    return {
        _NOTHING: _Removal(every, _untouched, features),
        **{part: _Removal(every, partial(_flattened, medians, rows), features) for part, rows in flat.items()},
        **{
            _Part("segment", samples=(w, first, end)): _Removal(
                range(w, w + 1), partial(_bridged, medians, first, end), features
            )
            for w, first, end in segments
        },
    }


def _untouched(window: Window) -> Window:
    return window


def _flattened(medians: NDArray[np.float32], leads: list[int], window: Window) -> Window:
    changed: Window = window.copy()
    changed[leads] = medians[leads, None]
    return changed


def _bridged(medians: NDArray[np.float32], first: int, end: int, window: Window) -> Window:
    """A line over samples [first, end). At an edge of the window the nearest value is held, or else the median."""
    before = window[:, first - 1] if first else None
    after = window[:, end] if end < window.shape[1] else None
    start = before if before is not None else after if after is not None else medians
    stop = after if after is not None else start
    weight = np.arange(1, end - first + 1, dtype=np.float32) / np.float32(end - first + 1)
    changed: Window = window.copy()
    changed[:, first:end] = start[:, None] + (stop - start)[:, None] * weight
    return changed


def _answers(
    run: Run, windows: NDArray[np.float32], removals: Mapping[_Part, _Removal], batch: int
) -> dict[_Part, NDArray[np.float64]]:
    """Logits of the windows that each removal changes, (windows, n); a row is made when it is its turn."""
    rows: Iterator[tuple[NDArray[Any], ...]] = (
        (r.signal(windows[index]), r.features.continuous, r.features.categorical)
        for r in removals.values()
        for index in r.windows
    )
    answers = []
    while part := list(islice(rows, batch)):
        signal, continuous, categorical = (np.stack(column) for column in zip(*part, strict=True))
        answers.append(run(signal, continuous, categorical))
    logits = np.concatenate(answers).astype(np.float64)
    if not np.isfinite(logits).all():
        raise BackendError("the network's output cannot be used: it is not finite")
    ends = np.cumsum([len(removal.windows) for removal in removals.values()])
    return dict(zip(removals, np.split(logits, ends[:-1]), strict=True))


def _effects(
    target: Target, index: int, logits: Mapping[_Part, NDArray[np.float64]], removals: Mapping[_Part, _Removal]
) -> dict[_Part, tuple[float, float]]:
    """What each removal takes from the answer, as logit and probability; of nothing the answer itself."""
    base = logits[_NOTHING][:, index]
    whole = _calibrated(base, target)
    effects = {_NOTHING: (whole, sigmoid(whole))}
    for part, removal in removals.items():
        if part == _NOTHING:
            continue
        changed = base.copy()
        changed[removal.windows] = logits[part][:, index]
        without = _calibrated(changed, target)
        effects[part] = whole - without, sigmoid(whole) - sigmoid(without)
    return effects


def _calibrated(logits: NDArray[np.float64], target: Target) -> float:
    """Logit of the mean probability of all windows, calibrated; also where a probability rounds to 0 or 1."""
    mean = float(np.logaddexp.reduce(-np.logaddexp(0, -logits)) - np.logaddexp.reduce(-np.logaddexp(0, logits)))
    return mean if target.calibration is None else target.calibration.slope * mean + target.calibration.intercept


def sigmoid(logit: float) -> float:
    """1 / (1 + e^-logit), without overflow."""
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))


def _explanation(
    contract: Contract, index: int, effects: Mapping[_Part, tuple[float, float]], not_removable: tuple[str, ...]
) -> Explanation:
    def effect(part: _Part) -> Effect:
        logit, probability = effects[part]
        return Effect(part=part.name or part.kind, logit=logit, probability=probability)

    def segment(part: _Part) -> SegmentEffect:
        window, *span = part.samples
        start_s, end_s = ((window * signal.window_samples + at) / signal.sampling_rate_hz for at in span)
        logit, probability = effects[part]
        return SegmentEffect(start_s=start_s, end_s=end_s, logit=logit, probability=probability)

    signal = contract.signal
    logit, probability = effects[_NOTHING]
    return Explanation(
        target=contract.targets[index].name,
        logit=logit,
        probability=probability,
        leads=tuple(effect(_Part("lead", lead)) for lead in signal.leads),
        ecg=effect(_ECG),
        segments=tuple(segment(part) for part in sorted(effects) if part.kind == "segment"),
        facts=tuple(effect(part) for part in effects if part.kind == "fact"),
        patient=effect(_PATIENT) if _PATIENT in effects else None,
        not_removable=not_removable,
    )
