"""Scenario `form-choice`: both window forms over sizes of networks, and what it costs to let `forms.by_speed` choose.

Glossary: H channels, N state size, L window, D directions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec
import numpy as np

from ecg2lab.report.tables import print_table
from ecg2lab_bench import machine, synthetic
from ecg2lab_bench.laboratory import Plan
from ecg2lab_bench.report import machine_lines, markdown_table, milliseconds
from ecg2lab_bench.results import Machine, now
from ecg2lab_bench.runtimes import Inputs, on_onnxruntime
from ecg2lab_bench.timing import Subject, Tell, interleave, summarise
from ecg2lab_export.forms import convolution as forms
from ecg2lab_export.forms import window_graph
from ecg2lab_export.forms.convolution import Form
from ecg2lab_export.network.fusion import FusionNetwork

if TYPE_CHECKING:
    from rich.console import Console

COLUMNS = ("H", "N", "L", "D", "spectral\nms", "recurrent\nms", "chosen", "cost")
EXPLANATION = (
    "A network of one layer with random weights on ONNX Runtime, batch 1, p50. chosen: by `forms.by_speed`; cost: its "
    "time over that of the faster form. D: 1 causal, 2 bidirectional."
)
_SHARE_S = 1.0
"""Of timing for each network; a quick run takes the fewest rounds."""


class Size(NamedTuple):
    """Of a network."""

    hidden: int
    state_size: int
    window: int
    directions: int


SIZES = (
    *(Size(64, 8, window, 2) for window in (50, 250, 1000, 2500, 5000, 10000)),
    *(Size(64, states, 1000, 1) for states in (2, 4, 8, 16)),
    *(Size(64, states, 5000, 1) for states in (4, 8, 16, 32)),
    *(Size(256, states, 2500, 2) for states in (4, 8, 16)),
    *(Size(512, 8, window, 2) for window in (50, 250, 1000, 2500, 5000)),
    *(Size(512, states, 1000, 1) for states in (2, 4, 8)),
)
QUICK_SIZES = (Size(16, 4, 50, 2), Size(16, 4, 1000, 1), Size(16, 16, 1000, 2))


class Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One size."""

    hidden: int
    state_size: int
    window: int
    directions: int
    p50_ms: dict[str, float]
    """By form."""
    chosen: str

    @property
    def cost(self) -> float:
        """Time of the chosen form over that of the fastest."""
        return self.p50_ms[self.chosen] / min(self.p50_ms.values())


class ChoiceResults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything about one run."""

    schema_version: Literal[1] = 1
    scenario: Literal["form-choice"] = "form-choice"
    created: str
    """UTC, ISO 8601."""
    threads: int
    machine: Machine
    choices: tuple[Choice, ...]


def run(plan: Plan, tell: Tell | None = None) -> ChoiceResults:
    """Time both forms at every size.

    Parameters
    ----------
    plan
        `quick` takes three small sizes.
    tell
        Told after each size.
    """
    host = machine.describe()
    sizes = QUICK_SIZES if plan.quick else SIZES
    choices = []
    for count, size in enumerate(sizes, start=1):
        choices.append(_choose(size, plan))
        if tell:
            tell(count, plan.budget_s * count / len(sizes))
    return ChoiceResults(created=now(), threads=plan.threads, machine=host, choices=tuple(choices))


def _choose(size: Size, plan: Plan) -> Choice:
    network = synthetic.random_network(
        hidden=size.hidden,
        state_size=size.state_size,
        layers=1,
        window=size.window,
        targets=1,
        causal=size.directions == 1,
    )
    subjects = [_subject(network, form, plan.threads) for form in forms.FORMS]
    samples = interleave(subjects, 0.0 if plan.quick else _SHARE_S)
    times = {s.implementation: summarise(x).p50_ms for s, x in zip(subjects, samples, strict=True)}
    return Choice(**size._asdict(), p50_ms=times, chosen=forms.by_speed(network)[0])


def _subject(network: FusionNetwork, form: Form, threads: int) -> Subject:
    run_it = on_onnxruntime(window_graph.build(network, form).SerializeToString(), threads)
    return Subject(None, "form", form, 1, partial(run_it, _inputs(network)))


def _inputs(network: FusionNetwork) -> Inputs:
    signal = np.random.default_rng(0).standard_normal((1, network.leads, network.window), dtype=np.float32)
    continuous = np.zeros((1, network.continuous_features), dtype=np.float32)
    return signal, continuous, np.zeros((1, len(network.embeddings)), dtype=np.int64)


def encode(results: ChoiceResults) -> bytes:
    """Indented JSON."""
    return msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n"


def show(results: ChoiceResults, console: Console) -> None:
    """Print to a terminal, within 80 columns."""
    from rich.table import Table

    for line in machine_lines(results.machine, results.threads):
        console.print(line, highlight=False)
    table = Table()
    for name in COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for row in _rows(results.choices):
        table.add_row(*row)
    print_table(table, console)
    console.print(f"{_summary(results.choices)} {EXPLANATION}", style="dim", highlight=False)


def markdown(results: ChoiceResults) -> str:
    """The same as a page of Markdown."""
    lines = "\n".join(f"- {line}" for line in machine_lines(results.machine, results.threads))
    titles = tuple(title.replace("\n", " ") for title in COLUMNS)
    table = markdown_table(titles, list(_rows(results.choices)))
    parts = ["# ecg2lab bench: choice of a form", lines, table, _summary(results.choices), EXPLANATION]
    return "\n\n".join(parts) + "\n"


def _rows(choices: Sequence[Choice]) -> Iterator[tuple[str, ...]]:
    for c in choices:
        times = (milliseconds(c.p50_ms[form]) for form in forms.FORMS)
        yield (
            *(str(x) for x in (c.hidden, c.state_size, c.window, c.directions)),
            *times,
            c.chosen,
            f"{c.cost:.2f}",
        )


def _summary(choices: Sequence[Choice]) -> str:
    costs = [choice.cost for choice in choices]
    return f"Worst cost {max(costs):.2f}, mean {np.mean(costs):.3f}."
