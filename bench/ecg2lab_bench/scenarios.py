"""What `ecg2lab bench run --scenario` can measure. A new scenario is a function and a line of the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from ecg2lab_bench.results import RESULTS, ScenarioName

if TYPE_CHECKING:
    from rich.console import Console

    from ecg2lab_bench.laboratory import Plan
    from ecg2lab_bench.timing import Tell

REPORT = "results.md"
WITH_A_BUNDLE: tuple[ScenarioName, ...] = ("engine", "graph-forms", "beds", "start")
"""The others draw networks of their own."""


@dataclass(frozen=True)
class Outcome:
    """What a scenario found, ready to be read by programs and people."""

    json: bytes
    markdown: str
    show: Callable[[Console], None]
    pictures: dict[str, bytes] = field(default_factory=dict)
    """By the name of their file."""

    @property
    def files(self) -> dict[str, bytes | str]:
        """What is written for it."""
        return {RESULTS: self.json, REPORT: self.markdown, **self.pictures}


def _engine(plan: Plan, tell: Tell | None) -> Outcome:
    from ecg2lab_bench import laboratory, report, results

    found = laboratory.run(plan, tell)
    return Outcome(results.encode(found), report.markdown(found), partial(report.show, found))


def _native(plan: Plan, tell: Tell | None) -> Outcome:
    from ecg2lab_bench import native_engine, native_report

    found = native_engine.run(plan, tell)
    return Outcome(native_report.encode(found), native_report.markdown(found), partial(native_report.show, found))


def _graph_forms(plan: Plan, tell: Tell | None) -> Outcome:
    from msgspec.structs import replace

    from ecg2lab.errors import MissingExtraError
    from ecg2lab_bench import chart, graph_forms, graph_report, results

    found = graph_forms.run(plan, tell)
    pictures = {}
    try:
        pictures[chart.CHART] = chart.png(found)
    except MissingExtraError as error:
        found = replace(found, left_out=found.left_out | {chart.CHART: str(error)})
    return Outcome(results.encode(found), graph_report.markdown(found), partial(graph_report.show, found), pictures)


def _kernel_forms(plan: Plan, tell: Tell | None) -> Outcome:
    from ecg2lab_bench import kernel_forms, kernel_report

    found = kernel_forms.run(plan, tell)
    return Outcome(kernel_report.encode(found), kernel_report.markdown(found), partial(kernel_report.show, found))


def _form_choice(plan: Plan, tell: Tell | None) -> Outcome:
    from ecg2lab_bench import form_choice

    found = form_choice.run(plan, tell)
    return Outcome(form_choice.encode(found), form_choice.markdown(found), partial(form_choice.show, found))


def _training(plan: Plan, tell: Tell | None) -> Outcome:
    from ecg2lab_bench import training_step

    found = training_step.run(plan, tell)
    return Outcome(training_step.encode(found), training_step.markdown(found), partial(training_step.show, found))


def _beds(plan: Plan, tell: Tell | None) -> Outcome:
    from ecg2lab_bench import beds

    found = beds.run(plan, tell)
    return Outcome(beds.encode(found), beds.markdown(found), partial(beds.show, found))


def _start(plan: Plan, tell: Tell | None) -> Outcome:
    from ecg2lab_bench import start

    found = start.run(plan, tell)
    return Outcome(start.encode(found), start.markdown(found), partial(start.show, found))


SCENARIOS: dict[ScenarioName, Callable[[Plan, Tell | None], Outcome]] = {
    "engine": _engine,
    "native": _native,
    "graph-forms": _graph_forms,
    "kernel-forms": _kernel_forms,
    "form-choice": _form_choice,
    "training": _training,
    "beds": _beds,
    "start": _start,
}
