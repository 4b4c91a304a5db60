"""The gate that a reduced precision has to pass: how far logits, AUROC and decisions are from those of fp32."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import onnx

from ecg2lab.backends import native
from ecg2lab.backends.onnxruntime import import_runtime, make_session
from ecg2lab.bundle import Gate, ReducedPrecision
from ecg2lab.bundle.network_inputs import CATEGORICAL, CONTINUOUS, FEATURES, LOGITS, SIGNAL
from ecg2lab.contract import Contract
from ecg2lab.errors import BackendError, ParityError
from ecg2lab.proof.parity import REDUCED_LOGIT_TOLERANCE
from ecg2lab.system import cpu
from ecg2lab_export.architecture.protocol import Weights
from ecg2lab_export.experience import Space
from ecg2lab_export.precision import auroc_loss, decisions_moved
from ecg2lab_export.precision.auroc_loss import LARGEST_AUROC_LOSS, TargetLoss
from ecg2lab_export.precision.calibration import CalibrationSet
from ecg2lab_export.precision.decisions_moved import LARGEST_CHANGE, Computed, DecisionsMoved
from ecg2lab_export.precision.passes import as_computed_on_devices, reduce_precision

LARGEST_LOGIT_ERROR = 0.1
"""Of the median window of a target. An offset common to all windows costs no AUROC, but moves every decision; this much
moves a probability by 0.025 at most."""
_BATCH = 32
_NAMED = 3


@dataclass(frozen=True)
class Measurement:
    """What was found; `gate` decides on it."""

    precision: ReducedPrecision
    data: CalibrationSet
    losses: tuple[TargetLoss, ...]
    logit_error_max: float
    logit_error_median: float
    decisions: DecisionsMoved
    runtime: str
    """What computed the reduced precision."""

    @property
    def measured(self) -> tuple[TargetLoss, ...]:
        """Targets that have an AUROC, the greatest loss first."""
        measured = (x for x in self.losses if x.basis is not None)
        return tuple(sorted(measured, key=lambda x: x.loss, reverse=True))

    def gate(self, limit: float = LARGEST_AUROC_LOSS) -> Gate:
        """Decide, by the worst target: a mean over two hundred would hide one that is lost.

        Parameters
        ----------
        limit
            Greatest AUROC loss of a target.

        Raises
        ------
        ParityError
            Naming the worst targets with their figures; also if no target could be measured, a logit moves by
            more than `LARGEST_LOGIT_ERROR`, or too many decisions change (`DecisionsMoved.refusal`).
        """
        if not self.measured:
            raise ParityError(
                f"the gate of {self.precision} cannot measure an AUROC on {self.data.origin}: the fp32 probabilities "
                "are 0 or 1 throughout; give other calibration windows"
            )
        if not self.measured[0].loss <= limit:
            raise ParityError(self._refusal(limit))
        furthest = max(self.losses, key=lambda x: x.logit_error)
        if not furthest.logit_error <= LARGEST_LOGIT_ERROR:
            raise ParityError(
                f"{self.precision} moves the logit of {furthest.target} by {furthest.logit_error:.2g} in the median "
                f"window, more than {LARGEST_LOGIT_ERROR:g}"
            )
        if not self.logit_error_max <= REDUCED_LOGIT_TOLERANCE:  # a failure in few windows hides from AUROC and median
            raise ParityError(
                f"{self.precision} moves a logit by {self.logit_error_max:.2g} in one of {len(self.data)} windows, "
                f"more than {REDUCED_LOGIT_TOLERANCE:g}"
            )
        moved = self.decisions.refusal()
        if moved is not None:
            raise ParityError(f"{self.precision}: {moved} on {self.data.origin} ({len(self.data)} windows)")
        bases = [x.basis for x in self.losses]
        return Gate(
            precision=self.precision,
            windows=len(self.data),
            data=self.data.origin,
            data_sha256=self.data.sha256,
            targets_by_labels=bases.count("labels"),
            targets_expected=bases.count("expected"),
            targets_unmeasured=tuple(x.target for x in self.losses if x.basis is None),
            worst_auroc_loss=self.measured[0].loss,
            worst_target=self.measured[0].target,
            macro_auroc_loss=float(np.mean([x.loss for x in self.measured])),
            limit=limit,
            logit_error_max=self.logit_error_max,
            logit_error_median=self.logit_error_median,
            decision_limit=LARGEST_CHANGE,
            flags_changed=self.decisions.flags_changed,
            outside_fp32=self.decisions.outside_fp32,
            outside_reduced=self.decisions.outside_reduced,
            runtime=self.runtime,
            cpu=cpu.name(),
        )

    def _refusal(self, limit: float) -> str:
        failed = [x for x in self.measured if not x.loss <= limit]
        named = ", ".join(f"{x.target} {x.loss:.2g} (of {x.auroc:.3f}, {_BASES[x.basis]})" for x in failed[:_NAMED])
        more = f" and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
        return (
            f"{self.precision} loses more than {limit:g} AUROC on {self.data.origin} ({len(self.data)} windows): "
            f"{named}{more}"
        )


class Decisions(NamedTuple):
    """On several precisions."""

    granted: dict[ReducedPrecision, Gate]
    refused: dict[ReducedPrecision, ParityError | BackendError]
    """With what the gate, or this CPU, says against them."""


def decide(
    window: onnx.ModelProto,
    precisions: Sequence[ReducedPrecision],
    data: CalibrationSet,
    contract: Contract,
    limit: float,
    tell: Callable[[str], None],
    weights: Weights | None = None,
    space: Space | None = None,
) -> Decisions:
    """Send a window graph through the gate of each precision.

    Parameters
    ----------
    window
        In fp32.
    precisions
        To be tried.
    data, contract, weights, space
        As for `measure`.
    limit
        Greatest AUROC loss of a target.
    tell
        Told each stage.
    """
    granted: dict[ReducedPrecision, Gate] = {}
    refused: dict[ReducedPrecision, ParityError | BackendError] = {}
    if not precisions:
        return Decisions({}, {})
    tell(f"answering in fp32 for {len(data)} windows")
    reference = outputs(window, data)
    for precision in precisions:
        tell(f"measuring {precision} on {len(data)} windows")
        try:
            reduced = reduce_precision(window, precision)
            granted[precision] = measure(reference, reduced, precision, data, contract, weights, space).gate(limit)
        except (ParityError, BackendError) as error:
            refused[precision] = error
    return Decisions(granted, refused)


_BASES = {"labels": "by labels", "expected": "expected", None: ""}


def measure(
    reference: onnx.ModelProto | Computed,
    reduced: onnx.ModelProto,
    precision: ReducedPrecision,
    data: CalibrationSet,
    contract: Contract,
    weights: Weights | None = None,
    space: Space | None = None,
) -> Measurement:
    """Run both graphs on the same windows.

    Parameters
    ----------
    reference
        The window graph in fp32, or its `outputs` on these windows where several precisions are measured.
    reduced
        As `passes.reduce_precision` gave it.
    precision
        Of that graph.
    data
        Windows, and labels if there are any.
    contract
        Of the model: names and calibration of the targets.
    weights
        Of the bundle. Where this CPU lacks 8-bit products, the native engine computes them in plain C++: slower, to the
        same sums.
    space
        Of features, if the contract says how far experience reaches.

    Raises
    ------
    BackendError
        If this CPU lacks the precision, and there are no weights.
    ParityError
        If a logit is not finite: an activation was beyond the range of the precision.
    """
    exact = outputs(reference, data) if isinstance(reference, onnx.ModelProto) else reference
    if weights is not None and not cpu.computes(precision):
        short, runtime = _native_outputs(weights, precision, data, contract), "ecg2lab native, plain C++"
    else:
        cpu.require(precision)
        short, runtime = outputs(as_computed_on_devices(reduced, precision), data), _runtime(precision)
    for name, answers in (("fp32", exact.logits), (precision, short.logits)):
        broken = int((~np.isfinite(answers)).any(axis=1).sum())
        if broken:
            raise ParityError(f"{name} gives logits that are not finite for {broken} of {len(data)} windows")
    error = np.abs(short.logits - exact.logits)
    losses = auroc_loss.losses(exact.logits, short.logits, data.labels, contract.targets)
    moved = decisions_moved.measure(exact, short, contract, space)
    return Measurement(precision, data, losses, float(error.max()), float(np.median(error)), moved, runtime)


def outputs(graph: onnx.ModelProto, data: CalibrationSet) -> Computed:
    """What a window graph gives, on one thread."""
    session = make_session(graph.SerializeToString(), threads=1)
    names = [name for name in (LOGITS, FEATURES) if name in {output.name for output in graph.graph.output}]
    starts = range(0, len(data), _BATCH)
    parts = [session.run(names, data.feed(slice(start, start + _BATCH))) for start in starts]
    logits, *features = (np.concatenate(each).astype(np.float64) for each in zip(*parts, strict=True))
    return Computed(logits, features[0] if features else None)


def _native_outputs(
    weights: Weights, precision: ReducedPrecision, data: CalibrationSet, contract: Contract
) -> Computed:
    engine = native.make_engine(weights, contract, precision=precision, instruction_set="portable")
    inputs = data.feed(slice(None))
    arrays = (np.ascontiguousarray(inputs[name]) for name in (SIGNAL, CONTINUOUS, CATEGORICAL))
    return Computed(*(each.astype(np.float64) for each in engine.run(*arrays)))


def _runtime(precision: ReducedPrecision) -> str:
    runtime = f"onnxruntime {import_runtime().__version__}"
    return f"{runtime}, float16 rounding emulated in float32" if precision == "fp16" else runtime
