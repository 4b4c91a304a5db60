"""Calibrations and decision thresholds of a contract, fitted on labelled answers."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from ecg2lab.contract import Contract
from ecg2lab_training.measures import platt, thresholds


def decide(
    contract: Contract,
    probabilities: NDArray[np.float64],
    labels: NDArray[np.floating[Any]],
    rule: thresholds.Rule,
    refit: bool = True,
) -> Contract:
    """Return the contract with calibrations and thresholds fitted on labelled answers.

    Parameters
    ----------
    contract
        Of the model.
    probabilities
        (N, n), not calibrated.
    labels
        (N, n): 0, 1, NaN. A target without both classes gets neither calibration nor threshold, and one that these
        cases do not show to be better than chance gets no threshold.
    rule
        Of the thresholds.
    refit
        Whether the calibrations are fitted anew; else those of the contract stay.
    """
    columns = zip(contract.targets, probabilities.T, labels.T, strict=True)
    calibrations = [platt.fit(p, y) if refit else target.calibration for target, p, y in columns]
    calibrated = platt.apply(probabilities, calibrations)
    targets = zip(contract.targets, calibrations, calibrated.T, labels.T, strict=True)
    return replace(
        contract,
        targets=tuple(
            replace(target, calibration=calibration, decision_threshold=thresholds.choose(p, y, rule))
            for target, calibration, p, y in targets
        ),
    )
