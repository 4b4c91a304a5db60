"""Bundles whose targets have operating points, without training: the figures are invented, and every kind occurs."""

import msgspec

from ecg2lab import bundle as bundles
from ecg2lab.bundle import Bundle
from ecg2lab.contract.claims import Decision, Measured, OperatingPoint

TOO_FEW = "too few cases: 43 positives and 812 negatives; 100 of each are needed"
WINDOWS = (1, 4, 6)
"""Of a stream; of 10 s in windows that touch, of 2.5 s at 100 Hz and of the parity models."""


def with_points(contract, rule="specificity=0.9"):
    """Most targets decide, every fifth has too few cases, every seventh a bare threshold and every ninth none."""
    return msgspec.structs.replace(
        contract, targets=tuple(_target(t, index, rule) for index, t in enumerate(contract.targets))
    )


def write_with_points(source, path):
    """The bundle of `source` with such a contract, at `path`."""
    opened = Bundle.open(source)
    members = {name: opened.member(name) for name in opened.manifest.members}
    manifest = msgspec.structs.replace(opened.manifest, contract=with_points(opened.contract))
    bundles.write(path, manifest, members)
    return path


def _target(target, index, rule):
    old = target.decision_threshold or 0.1
    if index % 7 == 6 or index % 9 == 8:
        return msgspec.structs.replace(target, decision_threshold=old if index % 7 == 6 else None, decision=None)
    points = tuple(_point(old, index, windows) for windows in WINDOWS)
    threshold = points[0].threshold
    decision = Decision(rule=rule, chosen_on="fold 18", measured_on="fold 19", points=points)
    return msgspec.structs.replace(target, decision_threshold=threshold, decision=decision)


def _point(threshold, index, windows):
    base = 0.02 + 0.5 * threshold
    shared = {
        "windows": windows, "facts": "all", "most_missing": 12, "patients": 2140 - 13 * index, "prevalence": base,
        "positives": round(3000 * base), "negatives": round(3000 * (1 - base)),
    }  # fmt: skip
    if index % 5 == 4:
        return OperatingPoint(**shared, reason=TOO_FEW)
    ppv = min(0.9, 2.2 * base)
    return OperatingPoint(
        **shared,
        threshold=threshold,
        sensitivity=Measured(value=0.41, low=0.35, high=0.47),
        specificity=Measured(value=0.9, low=0.88, high=0.92),
        ppv=Measured(value=ppv, low=0.8 * ppv, high=min(1, 1.15 * ppv)),
        npv=Measured(value=0.95, low=0.94, high=0.96),
    )


def point(**changes):
    """One that decides: of four windows with all facts, unless something else is said."""
    share = Measured(value=0.9, low=0.85, high=0.95)
    fields = {
        "windows": 4, "facts": "all", "most_missing": 12, "threshold": 0.3, "patients": 900, "positives": 200,
        "negatives": 800, "prevalence": 0.2, "sensitivity": share, "specificity": share, "ppv": share, "npv": share,
    }  # fmt: skip
    return OperatingPoint(**(fields | changes))


def decision(*points):
    """Of these operating points."""
    return Decision(rule="specificity=0.9", chosen_on="fold 18", measured_on="fold 19", points=points)
