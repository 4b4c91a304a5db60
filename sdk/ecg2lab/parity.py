"""What was proved of a bundle: measured errors and their limits, as `parity.json` and `selftest` have them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from ecg2lab.bundle import PARITY, Bundle
from ecg2lab.errors import BundleError, ParityError

Quantity = Literal["kernel", "logits"]
KERNEL: Final = "kernel"
LOGITS: Final = "logits"
STEP, SCAN, CASCADE = "step", "scan", "cascade"


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One measured error and its limit."""

    quantity: Quantity
    """A kernel's error is relative to the channel's largest tap; that of logits is absolute."""
    form: str
    """Of the computation: scan, cascade, spectral, recurrent, step."""
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


def recorded(bundle: Bundle) -> ParityReport:
    """The proof that a bundle carries.

    Raises
    ------
    BundleError
        If it is malformed.
    """
    try:
        return msgspec.json.decode(bundle.member(PARITY), type=ParityReport)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError(f"{bundle.source}: {PARITY} is malformed: {error}") from None
