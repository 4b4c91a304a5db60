"""What `ecg2lab bench run --scenario` can measure: a module each, and a line of the table.

A scenario is a module with `run(plan, tell)`, which gives a record of what was found, and `page(record)`, which shows
it; `pictures(record)`, if it has some, gives them by the name of their file.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

if TYPE_CHECKING:
    from ecg2lab_bench.measuring.plan import Plan
    from ecg2lab_bench.measuring.timing import Tell
    from ecg2lab_bench.report.page import Page

REPORT = "results.md"
ScenarioName = Literal["engine", "native", "graph-forms", "beds", "start", "edge"]
WITH_A_BUNDLE: tuple[ScenarioName, ...] = ("engine", "graph-forms", "beds", "start", "edge")
"""The others draw networks of their own."""


class Scenario(Protocol):
    """Such a module; an experiment is one too."""

    def run(self, plan: Plan, tell: Tell) -> Any:
        """Measure.

        Parameters
        ----------
        plan
            What to run.
        tell
            Told after each round.
        """

    def page(self, results: Any) -> Page:
        """Show."""


@dataclass(frozen=True)
class Outcome:
    """What was found, ready to be read by programs and people."""

    json: bytes
    page: Page
    pictures: dict[str, bytes]
    """By the name of their file."""

    @property
    def files(self) -> dict[str, bytes | str]:
        """What is written for it."""
        from ecg2lab_bench.measuring.results import RESULTS
        from ecg2lab_bench.report.page import markdown

        return {RESULTS: self.json, REPORT: markdown(self.page), **self.pictures}


def scenario_of(name: ScenarioName) -> Scenario:
    """Load a scenario's module, and with it what it needs."""
    return cast(Scenario, import_module(f"{__name__}.{name.replace('-', '_')}"))


def carry_out(scenario: Scenario, plan: Plan, tell: Tell) -> Outcome:
    """Measure, and make the files of it."""
    from ecg2lab_bench.measuring.results import encode

    results = scenario.run(plan, tell)
    pictures, results = scenario.pictures(results) if hasattr(scenario, "pictures") else ({}, results)
    return Outcome(encode(results), scenario.page(results), pictures)
