"""How far a build is: TensorRT's nested phases as one fraction."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Tell = Callable[[float, str], None]
"""Called with the fraction that is done and the name of the phase."""


def silent(fraction: float, phase: str) -> None:
    """Tell nothing."""


@dataclass
class _Phase:
    name: str
    steps: int
    done: int = 0


class BuildProgress:
    """Follows phases as TensorRT reports them, and may stop the build.

    A phase runs within a step of its parent. TensorRT may report from several threads, and an exception must not pass
    through it: one that `tell` raises (a pressed Ctrl-C among them) is kept, the build is told to stop, and
    `raise_again` raises it when the build has returned.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._phases: list[_Phase] = []
        self._lock = threading.Lock()
        self._furthest = 0.0
        self._raised: BaseException | None = None

    def phase_start(self, name: str, parent: str | None, steps: int) -> None:
        """A phase of so many steps begins within a step of its parent."""
        with self._lock:
            while self._phases and parent is not None and self._phases[-1].name != parent:
                self._phases.pop()
            if parent is None:
                self._phases.clear()
            self._phases.append(_Phase(name, max(1, steps)))
        self._report(name)

    def step_complete(self, name: str, step: int) -> bool:
        """A step is done; the answer False stops the build."""
        with self._lock:
            for phase in self._phases:
                if phase.name == name:
                    phase.done = min(step + 1, phase.steps)
        self._report(name)
        return self._raised is None

    def phase_finish(self, name: str) -> None:
        """A phase ends, and whatever ran within it."""
        with self._lock:
            names = [phase.name for phase in self._phases]
            if name in names:
                del self._phases[names.index(name) :]

    def raise_again(self) -> None:
        """Raise what `tell` raised during the build."""
        if self._raised is not None:
            raise self._raised

    def _report(self, name: str) -> None:
        try:
            with self._lock:
                # Phases may be added on the way; a bar that runs backwards would only unsettle.
                self._furthest = max(self._furthest, self._fraction())
                fraction = self._furthest
            self._tell(fraction, name)
        except BaseException as error:
            self._raised = self._raised or error

    def _fraction(self) -> float:
        done, weight = 0.0, 1.0
        for phase in self._phases:
            done += weight * phase.done / phase.steps
            weight /= phase.steps
        return min(done, 1.0)


def make_monitor(module: Any, progress: BuildProgress) -> Any:
    """An `IProgressMonitor` of the package's own class."""
    base = module.IProgressMonitor

    class Monitor(base):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            base.__init__(self)

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            progress.phase_start(phase_name, parent_phase, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            return progress.step_complete(phase_name, step)

        def phase_finish(self, phase_name: str) -> None:
            progress.phase_finish(phase_name)

    return Monitor()
