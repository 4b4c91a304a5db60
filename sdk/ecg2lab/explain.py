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
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab.contract import Contract, Target
from ecg2lab.errors import BackendError, ContractError, PatientError
from ecg2lab.explanation import BATCH, SEGMENT_S, Effect, Explanation, SegmentEffect
from ecg2lab.features import Encode, Features
from ecg2lab.patient import Patient

Window = NDArray[np.float32]  # (leads L)
Run = Callable[[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]], NDArray[np.float32]]


class _Removal(NamedTuple):
    """One part taken away."""

    windows: range
    """Those that change."""
    signal: Callable[[Window], Window]
    features: Features


class _Parts(NamedTuple):
    """Everything that is taken away, one after the other."""

    segments: list[tuple[int, int, int]]
    """Window, first sample and the one after the last."""
    facts: dict[str, Features]
    """The patient without each fact."""
    all_facts: Features | None
    not_removable: tuple[str, ...]


def explain(
    run: Run,
    encode: Encode,
    contract: Contract,
    windows: NDArray[np.float32],
    patient: Patient,
    targets: Sequence[int],
    segment_s: float = SEGMENT_S,
    batch: int = BATCH,
) -> tuple[Explanation, ...]:
    """Take every lead, segment and fact away in turn, and say how far the answers move.

    Parameters
    ----------
    run
        The bare network, `Engine.run`.
    encode
        From a patient to its inputs.
    contract
        Of the model.
    windows
        (W, leads, L) millivolt, prepared. W · (leads + facts + 3) windows are run, and one for each segment.
    patient
        All that is known.
    targets
        Positions of the targets to explain; several cost no more than one.
    segment_s
        Length of a segment, seconds, rounded to whole samples; the last of a window may be shorter.
    batch
        Windows that are run together; the answer does not depend on it.

    Raises
    ------
    ContractError
        If segment or batch make no sense.
    PatientError
        If the patient does not fit the contract.
    BackendError
        If the network answers with what is not finite.
    """
    if isinstance(batch, bool) or not isinstance(batch, int) or batch < 1:
        raise ContractError("batch must be a whole number of windows, at least 1")
    parts = _parts(encode, contract, windows, patient, segment_s)
    removals = _removals(windows, encode(patient), parts)
    logits = _answers(run, windows, removals, batch)[:, list(targets)].astype(np.float64)
    return tuple(
        _explanation(contract, contract.targets[index], parts, _effects(contract.targets[index], column, removals))
        for index, column in zip(targets, logits.T, strict=True)
    )


def _parts(
    encode: Encode, contract: Contract, windows: NDArray[np.float32], patient: Patient, segment_s: float
) -> _Parts:
    count, _, length = windows.shape
    step = _segment_samples(segment_s, contract)
    features = encode(patient)
    used = [name for name in patient.given() if name not in (*features.unused, *features.out_of_range)]
    facts = {name: _without(patient, (name,), encode) for name in used}
    return _Parts(
        segments=[(w, first, min(first + step, length)) for w in range(count) for first in range(0, length, step)],
        facts={name: features for name, features in facts.items() if features is not None},
        all_facts=_without(patient, used, encode),
        not_removable=tuple(name for name, features in facts.items() if features is None),
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


def _removals(windows: NDArray[np.float32], whole: Features, parts: _Parts) -> list[_Removal]:
    """Nothing, each lead, all leads, each segment, each fact, all facts."""
    every = range(len(windows))
    medians = np.median(windows, axis=(0, 2)).astype(np.float32)  # (leads)
    leads = list(range(len(medians)))
    removals = [_Removal(every, _untouched, whole)]
    removals += [
        _Removal(every, partial(_flattened, medians, rows), whole) for rows in (*([lead] for lead in leads), leads)
    ]
    removals += [
        _Removal(range(w, w + 1), partial(_bridged, medians, first, end), whole) for w, first, end in parts.segments
    ]
    facts = [*parts.facts.values()] + ([] if parts.all_facts is None else [parts.all_facts])
    return removals + [_Removal(every, _untouched, features) for features in facts]


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


def _answers(run: Run, windows: NDArray[np.float32], removals: list[_Removal], batch: int) -> NDArray[np.float32]:
    """Logits of all changed windows, (rows, n); a row is made when it is wanted, so that few are held at once."""
    rows: Iterator[tuple[NDArray[Any], ...]] = (
        (r.signal(windows[index]), r.features.continuous, r.features.categorical)
        for r in removals
        for index in r.windows
    )
    answers = []
    while part := list(islice(rows, batch)):
        signal, continuous, categorical = (np.stack(column) for column in zip(*part, strict=True))
        answers.append(run(signal, continuous, categorical))
    logits = np.concatenate(answers)
    if not np.isfinite(logits).all():
        raise BackendError("the network's output cannot be used: it is not finite")
    return logits


def _effects(target: Target, logits: NDArray[np.float64], removals: list[_Removal]) -> list[tuple[float, float]]:
    """The whole answer, then what each removal takes from it: logit and probability."""
    ends = np.cumsum([len(removal.windows) for removal in removals])
    base = logits[: ends[0]]
    whole = _calibrated(base, target)
    effects = [(whole, sigmoid(whole))]
    for removal, end in zip(removals[1:], ends[1:], strict=True):
        changed = base.copy()
        changed[removal.windows] = logits[end - len(removal.windows) : end]
        without = _calibrated(changed, target)
        effects.append((whole - without, sigmoid(whole) - sigmoid(without)))
    return effects


def _calibrated(logits: NDArray[np.float64], target: Target) -> float:
    """Logit of the mean probability of all windows, calibrated; also where a probability rounds to 0 or 1."""
    mean = float(np.logaddexp.reduce(-np.logaddexp(0, -logits)) - np.logaddexp.reduce(-np.logaddexp(0, logits)))
    return mean if target.calibration is None else target.calibration.slope * mean + target.calibration.intercept


def sigmoid(logit: float) -> float:
    """1 / (1 + e^-logit), without overflow."""
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))


def _explanation(contract: Contract, target: Target, parts: _Parts, effects: list[tuple[float, float]]) -> Explanation:
    """Give the effects, in the order of `_removals`, their names."""
    left = iter(effects)
    logit, probability = next(left)

    def effect(part: str) -> Effect:
        logit, probability = next(left)
        return Effect(part=part, logit=logit, probability=probability)

    def segment(window: int, first: int, end: int) -> SegmentEffect:
        start, rate = window * contract.signal.window_samples, contract.signal.sampling_rate_hz
        logit, probability = next(left)
        return SegmentEffect(
            start_s=(start + first) / rate, end_s=(start + end) / rate, logit=logit, probability=probability
        )

    return Explanation(
        target=target.name,
        logit=logit,
        probability=probability,
        leads=tuple(effect(lead) for lead in contract.signal.leads),
        ecg=effect("ECG"),
        segments=tuple(segment(*place) for place in parts.segments),
        facts=tuple(effect(fact) for fact in parts.facts),
        patient=None if parts.all_facts is None else effect("patient"),
        not_removable=parts.not_removable,
    )
