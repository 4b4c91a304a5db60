"""How a bundle comes to its precision: fp32 as it was proved, a reduced one past its gate."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple, get_args

from msgspec.structs import replace

from ecg2lab.bundle import Gate, ReducedPrecision
from ecg2lab.errors import BackendError
from ecg2lab.proof.parity import FEATURES, IN_FULL, KERNEL, LOGITS, REDUCED, Check, ParityReport, Tolerances
from ecg2lab_export.architecture.protocol import Forms, Weights
from ecg2lab_export.precision.gate import Decisions
from ecg2lab_export.precision.passes import as_computed_on_devices, reduce_precision
from ecg2lab_export.proof import proving
from ecg2lab_export.proof.proving import Graphs, Proved

Decide = Callable[..., Decisions]
"""`gate.decide`, knowing the windows and the limit."""


class Reached(NamedTuple):
    """What the bundle will hold."""

    graphs: Graphs
    report: ParityReport
    gates: dict[ReducedPrecision, Gate]
    """That were passed."""


Strategy = Callable[[Proved, Forms, Decide], Reached]
"""From a proof in fp32 to what the bundle will hold."""


def of(precision: str) -> Strategy:
    """The way to a precision.

    Raises
    ------
    BackendError
        If there is none.
    """
    if precision not in _STRATEGIES:
        raise BackendError(f"precision {precision!r} is not available; one of {', '.join(_STRATEGIES)}")
    return _STRATEGIES[precision]


def _in_full(proved: Proved, forms: Forms, decide: Decide) -> Reached:
    """As it was proved; all reduced precisions that pass their gate are granted, and why others do not is said."""
    decisions = decide(proved.graphs.window, forms.precisions, weights=_weights(forms))
    refused = {precision: str(error) for precision, error in decisions.refused.items()}
    return Reached(proved.graphs, replace(proved.report, refused=refused), decisions.granted)


def _reduced(proved: Proved, forms: Forms, decide: Decide, *, precision: ReducedPrecision) -> Reached:
    """The precision must pass its gate; then its golden outputs, edge cases among them, as a device computes them.

    They are held to the limit for a single window. Once they passed, the limits that are recorded for `selftest` are
    four times the largest errors found here, so that it notices a machine that computes otherwise.
    """
    if precision not in forms.precisions:
        raise BackendError(f"this network cannot be reduced to {precision}; no bundle was written")
    decisions = decide(proved.graphs.window, (precision,), weights=_weights(forms))
    if precision in decisions.refused:
        error = decisions.refused[precision]
        raise type(error)(f"{error}; no bundle was written")
    graphs = proved.graphs.changed(partial(reduce_precision, precision=precision))
    computed = graphs.changed(partial(as_computed_on_devices, precision=precision))
    outputs = list(proving.by_graphs(computed, proved.golden, REDUCED))
    if not isinstance(forms.native, str):
        outputs += proving.by_native(forms.native, proved.golden, precision, REDUCED)
    kernels = [check for check in proved.report.checks if check.quantity == KERNEL]
    proving.report(graphs.form, precision, outputs, proved.report.left_out).require()
    limits = Tolerances(
        _limit(outputs, LOGITS, decisions.granted[precision].logit_error_max), _limit(outputs, FEATURES)
    )
    outputs = [replace(check, tolerance=getattr(limits, check.quantity)) for check in outputs]
    report = proving.report(graphs.form, precision, [*kernels, *outputs], proved.report.left_out)
    return Reached(graphs, report, decisions.granted)


def _limit(checks: list[Check], quantity: Literal["logits", "features"], found: float = 0.0) -> float:
    largest = max([found, *(check.error for check in checks if check.quantity == quantity)])
    return float(max(getattr(IN_FULL, quantity), min(4 * largest, getattr(REDUCED, quantity))))


def _weights(forms: Forms) -> Weights | None:
    return None if isinstance(forms.native, str) else forms.native


_STRATEGIES: dict[str, Strategy] = {
    "fp32": _in_full,
    **{precision: partial(_reduced, precision=precision) for precision in get_args(ReducedPrecision)},
}
