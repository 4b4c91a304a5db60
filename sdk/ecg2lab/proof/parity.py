"""What was proved of a bundle: measured errors and their limits, as `parity.json` and `selftest` have them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ecg2lab._native import _core
from ecg2lab.bundle import PARITY, S4_FUSION, Bundle, ReducedPrecision
from ecg2lab.errors import BundleError, ParityError

Quantity = Literal["kernel", "logits", "features"]
KERNEL: Final = "kernel"
LOGITS: Final = "logits"
FEATURES: Final = "features"
STEP, SCAN, CASCADE, NATIVE = "step", "scan", "cascade", "native"
BIDIRECTIONAL = "the model is bidirectional, so each output waits for the whole window"
"""Why it has no step."""
LOGIT_TOLERANCE = _core.LOGITS_IN_FULL
"""Of `logit_error` in fp32."""
REDUCED_LOGIT_TOLERANCE = _core.LOGITS_REDUCED
"""Of any window in a reduced precision: moves a probability by 0.0625 at most."""


class Tolerances(NamedTuple):
    """Of `logit_error` and `feature_error`."""

    logits: float
    features: float


IN_FULL = Tolerances(LOGIT_TOLERANCE, _core.FEATURES_IN_FULL)
"""In fp32."""
REDUCED = Tolerances(REDUCED_LOGIT_TOLERANCE, _core.FEATURES_REDUCED)
"""Of any window in a reduced precision; what that does to the distance from experience, the gate judges."""
_ABSOLUTE_UP_TO = _core.ABSOLUTE_UP_TO
_BEYOND_ROUNDING = 100


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One measured error and its limit."""

    quantity: Quantity
    """A kernel's error is relative to the channel's largest tap; else `logit_error` and `feature_error` say."""
    form: str
    """Of the computation: scan, cascade, spectral, recurrent, step, native (of each layer scan or cascade); and its
    precision, if that is not the bundle's."""
    backend: str
    """What computed it."""
    case: str
    """Which layer, batch size or chunking."""
    error: float
    tolerance: Annotated[float, Meta(gt=0)]

    @property
    def passed(self) -> bool:
        """A NaN never passes."""
        return self.error <= self.tolerance

    @property
    def name(self) -> str:
        """In words."""
        return f"{self.quantity}, {self.form} on {self.backend}, {self.case}"


class ParityReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All checks of one export or one self-test; the truth is the checkpoint in float64."""

    form: str
    """Of the window graph."""
    precision: str
    checks: Annotated[tuple[Check, ...], Meta(min_length=1)]
    left_out: dict[str, str]
    """Forms and backends that were not measured, and why."""
    refused: dict[ReducedPrecision, str] = {}
    """Reduced precisions that the export tried and that did not pass their gate, and why; an fp32 bundle has them."""
    cpu: str
    versions: dict[str, str]

    @property
    def passed(self) -> bool:
        """Whether every check did."""
        return all(check.passed for check in self.checks)

    def require(self, consequence: str = "no bundle was written") -> None:
        """Refuse to go on unless every check passed.

        Raises
        ------
        ParityError
            Naming the worst check.
        """
        failed = [check for check in self.checks if not check.passed]
        if failed:
            worst = nearest_to_limit(failed)
            raise ParityError(f"{worst.name}: error {worst.error:.2g} exceeds {worst.tolerance:.2g}; {consequence}")


def nearest_to_limit(checks: Sequence[Check]) -> Check:
    """The check with the largest error beside its tolerance; one that is not a number comes first."""
    return max(checks, key=lambda c: c.error / c.tolerance if c.error == c.error else float("inf"))


def beyond_rounding(checks: Sequence[Check]) -> bool:
    """Whether float32 cannot carry what was measured, as opposed to it being good, or a mistake.

    Up to a hundred times the limit an export leaves it out and says so; an error larger than this is a mistake.
    """
    worst = nearest_to_limit(checks)
    return worst.tolerance < worst.error <= _BEYOND_ROUNDING * worst.tolerance


def recorded(bundle: Bundle) -> ParityReport:
    """The proof that a bundle carries, which was held to its manifest when it was opened."""
    return msgspec.json.decode(bundle.member(PARITY), type=ParityReport)


def why_no_step(bundle: Bundle) -> str:
    """Why a bundle without a step graph has none.

    Raises
    ------
    BundleError
        If the proof is malformed, or does not say why a causal model has none.
    """
    if not bundle.manifest.causal:
        return BIDIRECTIONAL
    reason = recorded(bundle).left_out.get(STEP)
    if reason is None:
        raise BundleError(f"the proof of {bundle.source} does not say why it has no step; export it again")
    if bundle.manifest.architecture != S4_FUSION:
        return reason
    return f"the model is causal, but float32 cannot carry its state: {reason}"


def kernel_tolerance(state_size: int) -> float:
    """Of a float32 kernel, relative to a channel's largest tap."""
    return 2e-6 if state_size <= 16 else 4e-6


def logit_error(logits: NDArray[Any], truth: NDArray[Any]) -> float:
    """Largest error of a logit, both (B n): absolute, or in proportion where the window has a logit beyond 20.

    float32 holds a logit of 20, a probability of 1 - 2e-9, to 1e-6; beyond, an absolute limit would ask for more than
    it has. All logits of a window are sums over the same activations, so that the largest says how large those are.
    """
    largest = np.abs(truth).max(axis=-1, keepdims=True, initial=0)
    scale = np.maximum(1, largest / _ABSOLUTE_UP_TO)
    return float((np.abs(logits - truth) / scale).max())  # NumPy's maximum lets no NaN pass by


def feature_error(features: NDArray[Any], truth: NDArray[Any]) -> float:
    """Largest error of a feature, both (B F), in proportion to the window's largest."""
    scale = np.abs(truth).max(axis=-1, keepdims=True)
    apart = np.abs(features - truth)
    return float(np.divide(apart, scale, out=apart, where=scale > 0).max())


def tolerances(bundle: Bundle) -> Tolerances:
    """On the golden inputs; for a reduced precision the tightest that the bundle's proof recorded.

    Raises
    ------
    BundleError
        If the proof says nothing of logits, or of features that the bundle gives.
    """
    if bundle.manifest.precision == "fp32":
        return IN_FULL
    return Tolerances(_recorded_limit(bundle, LOGITS), _recorded_limit(bundle, FEATURES))


def _recorded_limit(bundle: Bundle, quantity: Literal["logits", "features"]) -> float:
    limits = [check.tolerance for check in recorded(bundle).checks if check.quantity == quantity]
    if not limits and (quantity == LOGITS or bundle.features is not None):
        raise BundleError(f"the proof of {bundle.source} says nothing of its {quantity}; export it again")
    return float(min([*limits, getattr(REDUCED, quantity)]))
