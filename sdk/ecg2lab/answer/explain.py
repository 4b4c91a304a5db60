"""What an answer rests on: how far it moves when a part of its input is taken away (occlusion).

What stands in for the part is neutral, and the same for every model:

- a lead: its own median over the windows, that is, a flat line at its baseline;
- a segment of time: in every lead the straight line from the sample before to the sample after, as the contract fills
  a gap of missing samples;
- a fact about the patient: what the contract imputes when it is not given (median, missing code, missing flag).

An effect is *with the part* minus *without it*: above zero, the part raises the answer. Effects are given on the
probability and on its logit, both calibrated and over all windows as in a finding. They describe the network, not the
patient: what moves the answer need not cause the abnormality.

The native core makes the inputs and the effects, for the C interface alike; here the backend that was chosen runs them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from ecg2lab._native import _core
from ecg2lab.answer.explanation import Explanation
from ecg2lab.contract import Contract
from ecg2lab.errors import ContractError
from ecg2lab.patient import OutOfRange, Patient

Run = Callable[[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]], NDArray[np.float32]]


def explain(
    run: Run,
    contract: Contract,
    windows: NDArray[np.float32],
    patient: Patient,
    out_of_range: OutOfRange,
    targets: Sequence[int],
    segment_s: float,
    batch: int,
) -> tuple[Explanation, ...]:
    """Take every lead, segment and fact away in turn, and say how far the answers move; see `Engine.explain`.

    Parameters
    ----------
    run
        The bare network.
    windows
        (W, leads, L) millivolt, prepared. W · (leads + facts + 3) windows are run, and one for each segment.
    patient, out_of_range
        All that is known, and what becomes of a number outside its range.
    targets
        Positions in the contract.
    segment_s
        Rounded to whole samples; the last segment of a window may be shorter.
    """
    if isinstance(batch, bool) or not isinstance(batch, int) or batch < 1:
        raise ContractError("batch must be a whole number of windows, at least 1")
    if not isinstance(segment_s, (int, float)) or isinstance(segment_s, bool):
        raise ContractError("a segment is a number of seconds long")
    numbers, words = patient.numbers_and_words()
    try:
        occlusion = _core.Occlusion(
            contract.native, windows, numbers, words, out_of_range == "impute", float(segment_s)
        )
    except ValueError as error:
        raise ContractError(str(error)) from None
    rows = occlusion.rows
    logits = np.concatenate(
        [run(*occlusion.fill(first, min(batch, rows - first), contract.native)) for first in range(0, rows, batch)]
    )
    found = occlusion.explain(np.ascontiguousarray(logits, dtype=np.float32), list(targets))
    return tuple(msgspec.convert(explanation, Explanation, from_attributes=True) for explanation in found)
