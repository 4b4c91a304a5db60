"""Experiment `training-step`: a training step beside its dense products, and kernels beside the published way to them.

Glossary: B batch, L window, H channels, D directions. The floor of a step: each S4 layer's product H → 2H over B·L
rows, and the two products of its gradient, by PyTorch, in the faster of two layouts.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ecg2lab.system import extras
from ecg2lab_bench.measuring import machine
from ecg2lab_bench.measuring.libraries import torch_with
from ecg2lab_bench.measuring.plan import Plan
from ecg2lab_bench.measuring.results import Record, Struct, SubjectName, Timing
from ecg2lab_bench.measuring.timing import Subject, Tell, silent, timings
from ecg2lab_bench.report.page import Note, Page, machine_lines, milliseconds, ratio_figure, table

if TYPE_CHECKING:
    import torch

    from ecg2lab_training.network.model import FusionModel

COLUMNS = ("", "calls", "p50\nms", "min\nms", "ratio\nof p50")
STEP, KERNELS = "training step", "kernels and their gradient"
ROWS, CHANNELS = "dense products, (B·L, H)", "dense products, (H, B·L)"
PUBLISHED = "kernels as published, Cauchy sums"
EXPLANATION = Note(
    "Forward and backward. Training step: loss, gradient and AdamW on random input; its ratio is to the faster layout "
    "of the dense products. Kernels: of all layers; the ratio of the published way is to ours. Other work on the "
    "machine shows in p50 more than in the fastest call."
)


class Setting(NamedTuple):
    """What is trained."""

    batch: int
    targets: int = 204
    hidden: int = 512
    layers: int = 4
    window: int = 250


FULL, QUICK = Setting(batch=32), Setting(batch=16)


class Row(Struct, frozen=True, kw_only=True):
    """One thing that was timed."""

    name: str
    timing: Timing
    ratio: float | None
    """p50 over that of what it is compared with."""


class TrainingResults(Record, frozen=True, kw_only=True):
    """Everything about one run."""

    scenario: Literal["training-step"] = "training-step"
    threads: int
    setting: dict[str, int]
    rows: tuple[Row, ...]


def run(plan: Plan, tell: Tell = silent) -> TrainingResults:
    """Time a step of the published size, its floor, and both ways to the kernels; a quick run takes a batch of 16.

    Raises
    ------
    MissingExtraError
        If PyTorch is not installed.
    """
    extras.require("train", "torch")
    host, setting = machine.describe(), QUICK if plan.quick else FULL
    with ExitStack() as undo:
        torch_with(plan.threads, undo)
        subjects = _subjects(setting)
        timed = timings(subjects, plan.budget_s, tell)
    times = {s.implementation: t for s, t in zip(subjects, timed, strict=True)}
    return TrainingResults(threads=plan.threads, machine=host, setting=setting._asdict(), rows=tuple(_rows_of(times)))


def _rows_of(timings: dict[str, Timing]) -> list[Row]:
    floor = min(timings[ROWS].p50_ms, timings[CHANNELS].p50_ms)
    against = {STEP: floor, PUBLISHED: timings[KERNELS].p50_ms}
    return [
        Row(name=name, timing=t, ratio=t.p50_ms / against[name] if name in against else None)
        for name, t in timings.items()
    ]


def _subjects(setting: Setting) -> list[Subject]:
    import torch

    from ecg2lab_training.network.model import FusionModel
    from ecg2lab_training.network.sizes import Sizes

    torch.manual_seed(0)
    sizes = Sizes(
        targets=setting.targets, hidden=setting.hidden, layers=setting.layers, window=setting.window
    )  # the others are the published ones
    model = FusionModel(sizes).train()
    calls: list[tuple[SubjectName, str, Callable[[], object]]] = [
        ("floor", ROWS, _products(setting, rows_first=True)),
        ("bare", STEP, _step(model, setting)),
        ("floor", CHANNELS, _products(setting, rows_first=False)),
        ("form", KERNELS, _backward(*_ours(model))),
        ("form", PUBLISHED, _backward(*_published(model))),
    ]
    return [Subject(None, subject, name, setting.batch, call) for subject, name, call in calls]


def _products(setting: Setting, rows_first: bool) -> Callable[[], object]:
    import torch

    rows, channels = setting.batch * setting.window, setting.hidden
    weight, x, pull = (
        torch.randn(shape) for shape in ((2 * channels, channels), (channels, rows), (2 * channels, rows))
    )
    if rows_first:
        weight, x, pull = weight.T.contiguous(), x.T.contiguous(), pull.T.contiguous()

    def layer() -> object:
        if rows_first:
            return x @ weight, pull @ weight.T, x.T @ pull
        return weight @ x, weight.T @ pull, pull @ x.T

    return lambda: [layer() for _ in range(setting.layers)]


def _step(model: FusionModel, setting: Setting) -> Callable[[], object]:
    import torch

    from ecg2lab_training.fit.loss import focal_loss

    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-6, fused=True)
    signal = torch.randn(setting.batch, 12, setting.window)
    continuous, categorical = torch.randn(setting.batch, 10), torch.zeros(setting.batch, 2, dtype=torch.long)
    labels = torch.randint(0, 2, (setting.batch, setting.targets)).float()

    def step() -> None:
        optimiser.zero_grad()
        torch.autograd.backward(focal_loss(model(signal, continuous, categorical), labels))
        optimiser.step()

    return step


Kernels = tuple[list[Callable[[], Any]], list[Any]]
"""For each layer what computes its kernel (D H L), and the parameter C of it."""


def _ours(model: FusionModel) -> Kernels:
    from ecg2lab_training.network.s4 import S4Layer

    kernels = [layer.kernel for layer in model.layers if isinstance(layer, S4Layer)]
    return list(kernels), [kernel.c for kernel in kernels]


def _published(model: FusionModel) -> Kernels:
    from ecg2lab_bench.peers.published_pipeline import PublishedKernel
    from ecg2lab_training.network.s4 import S4Layer

    kernels = [PublishedKernel(layer.kernel.system()) for layer in model.layers if isinstance(layer, S4Layer)]
    return list(kernels), [kernel._c.requires_grad_() for kernel in kernels]


def _backward(kernels: list[Callable[[], Any]], parameters: list[Any]) -> Callable[[], object]:
    """Kernels of all layers, and the gradient of their C from some pull on the kernels."""
    import torch

    pulls: list[torch.Tensor] = [torch.randn_like(kernel()) for kernel in kernels]
    return lambda: torch.autograd.grad([kernel() for kernel in kernels], parameters, pulls)


def page(results: TrainingResults) -> Page:
    """One table."""
    s = Setting(**results.setting)
    what = f"Batch {s.batch}, H {s.hidden}, {s.layers} layers, L {s.window}, {s.targets} targets."
    return Page(
        "ecg2lab bench: training",
        machine_lines(results.machine, results.threads),
        (table(COLUMNS, map(_cells, results.rows)), what, EXPLANATION),
    )


def _cells(row: Row) -> tuple[str, ...]:
    t = row.timing
    return row.name, str(t.calls), milliseconds(t.p50_ms), milliseconds(t.minimum_ms), ratio_figure(row.ratio)
