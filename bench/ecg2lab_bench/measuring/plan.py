"""What a run of the laboratory is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

BUDGET_S, QUICK_BUDGET_S = 50.0, 3.0
"""Of timing; loading comes on top."""


@dataclass(frozen=True)
class Plan:
    """What to run."""

    bundle: Path | None = None
    """None: the packaged demo model."""
    full_size: bool = True
    """Whether the network of the published sizes is timed too."""
    threads: int = 1
    backend: str = "auto"
    """As `ecg2lab.load` names it; with the next two, of scenario `engine`."""
    adapter: str | None = None
    allow_software: bool = False
    quick: bool = False
    """Rough figures, soon."""

    @property
    def budget_s(self) -> float:
        """Of timing."""
        return QUICK_BUDGET_S if self.quick else BUDGET_S
