"""Experiment `form-choice`: both window forms over sizes of networks, and what it costs to let `by_speed` choose.

Glossary: H channels, N state size, L window, D directions.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Literal, NamedTuple

import numpy as np

from ecg2lab_bench import synthetic
from ecg2lab_bench.measuring import machine
from ecg2lab_bench.measuring.plan import Plan
from ecg2lab_bench.measuring.results import Record, Struct
from ecg2lab_bench.measuring.timing import Subject, Tell, silent, timings
from ecg2lab_bench.peers.runtimes import Inputs, on_onnxruntime
from ecg2lab_bench.report.page import Note, Page, machine_lines, milliseconds, table
from ecg2lab_export.forms import window_graph
from ecg2lab_export.forms.window_graph import Form
from ecg2lab_export.network.fusion import FusionNetwork

COLUMNS = ("H", "N", "L", "D", "spectral\nms", "recurrent\nms", "chosen", "cost")
EXPLANATION = Note(
    "A network of one layer with random weights on ONNX Runtime, batch 1, p50. chosen: by `by_speed`; cost: its "
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


class Choice(Struct, frozen=True, kw_only=True):
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


class ChoiceResults(Record, frozen=True, kw_only=True):
    """Everything about one run."""

    scenario: Literal["form-choice"] = "form-choice"
    threads: int
    choices: tuple[Choice, ...]


def run(plan: Plan, tell: Tell = silent) -> ChoiceResults:
    """Time both forms at every size; a quick run takes three small ones."""
    host = machine.describe()
    sizes = QUICK_SIZES if plan.quick else SIZES
    choices = []
    for count, size in enumerate(sizes, start=1):
        choices.append(_choose(size, plan))
        tell(count, plan.budget_s * count / len(sizes))
    return ChoiceResults(threads=plan.threads, machine=host, choices=tuple(choices))


def _choose(size: Size, plan: Plan) -> Choice:
    network = synthetic.random_network(
        hidden=size.hidden,
        state_size=size.state_size,
        layers=1,
        window=size.window,
        targets=1,
        causal=size.directions == 1,
    )
    subjects = [_subject(network, form, plan.threads) for form in window_graph.FORMS]
    timed = timings(subjects, 0.0 if plan.quick else _SHARE_S)
    times = {s.implementation: t.p50_ms for s, t in zip(subjects, timed, strict=True)}
    return Choice(**size._asdict(), p50_ms=times, chosen=window_graph.by_speed(network)[0])


def _subject(network: FusionNetwork, form: Form, threads: int) -> Subject:
    run_it = on_onnxruntime(window_graph.build(network, form).SerializeToString(), threads)
    return Subject(None, "form", form, 1, partial(run_it, _inputs(network)))


def _inputs(network: FusionNetwork) -> Inputs:
    signal = np.random.default_rng(0).standard_normal((1, network.leads, network.window), dtype=np.float32)
    continuous = np.zeros((1, network.continuous_features), dtype=np.float32)
    return signal, continuous, np.zeros((1, len(network.embeddings)), dtype=np.int64)


def page(results: ChoiceResults) -> Page:
    """One table."""
    costs = [choice.cost for choice in results.choices]
    return Page(
        "ecg2lab bench: choice of a form",
        machine_lines(results.machine, results.threads),
        (
            table(COLUMNS, _rows(results)),
            f"Worst cost {max(costs):.2f}, mean {np.mean(costs):.3f}.",
            EXPLANATION,
        ),
    )


def _rows(results: ChoiceResults) -> Iterator[tuple[str, ...]]:
    for c in results.choices:
        sizes = (str(x) for x in (c.hidden, c.state_size, c.window, c.directions))
        yield *sizes, *(milliseconds(c.p50_ms[form]) for form in window_graph.FORMS), c.chosen, f"{c.cost:.2f}"
