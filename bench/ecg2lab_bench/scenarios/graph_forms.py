"""Scenario `graph-forms`: one network's window graph in every form, on every runtime at hand, beside its floor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace

from ecg2lab.bundle import WINDOW_GRAPH
from ecg2lab.errors import MissingExtraError
from ecg2lab_bench.measuring import floors, machine, models, workload
from ecg2lab_bench.measuring.against_floors import measure
from ecg2lab_bench.measuring.floors import Products
from ecg2lab_bench.measuring.libraries import LeftOut
from ecg2lab_bench.measuring.models import BATCHES, LoadedModel
from ecg2lab_bench.measuring.plan import Plan
from ecg2lab_bench.measuring.results import Results
from ecg2lab_bench.measuring.timing import Subject, Tell, silent
from ecg2lab_bench.peers import eager
from ecg2lab_bench.peers.plain_graphs import add_depthwise, add_nothing
from ecg2lab_bench.peers.runtimes import RUNTIMES, Run
from ecg2lab_bench.report import chart
from ecg2lab_bench.report.graph_forms import page as page
from ecg2lab_export.forms import weights, window_graph
from ecg2lab_export.forms.window_graph import FORMS
from ecg2lab_export.network.fusion import FusionNetwork

NOTHING = "no convolution"
"""The network without what the forms differ in: it computes something else, so it has no error."""


class Contender(NamedTuple):
    """A way to compute the network."""

    name: str
    """Form and runtime."""
    run: Run
    graph_mb: float | None = None


def run(plan: Plan, tell: Tell = silent) -> Results:
    """Time the forms of the bundle's network; without a bundle of the full-size one, or else of the demo model.

    Raises
    ------
    BundleError, BackendError
        If the bundle or the number of threads cannot be had.
    """
    host = machine.describe()
    left_out: dict[str, str] = {}
    with ExitStack() as undo:
        full_size = plan.bundle is None and plan.full_size
        model = (models.load_full_size if full_size else models.load_named)(plan, undo)
        timed = list(_subjects(model, plan.threads, undo, left_out))
        return measure("graph-forms", plan, host, [model], timed, left_out, tell)


def pictures(results: Results) -> tuple[dict[str, bytes], Results]:
    """A chart, or in the results why there is none."""
    try:
        return {chart.CHART: chart.png(results)}, results
    except MissingExtraError as error:
        return {}, replace(results, left_out=results.left_out | {chart.CHART: str(error)})


def _subjects(model: LoadedModel, threads: int, undo: ExitStack, left_out: dict[str, str]) -> Iterator[Subject]:
    """Each batch size with its floors first."""
    network = weights.read_network(model.bundle)
    contenders = list(_contenders(model, network, threads, undo, left_out))
    for batch in BATCHES:
        yield from _floors(model, batch, threads, undo, left_out)
        inputs = workload.network_inputs(model.bundle.contract, batch)
        truth = network.logits(*inputs)
        for name, run_it, size in contenders:
            logits = run_it(inputs)  # a refusal comes now, before anything is timed
            if logits.shape != truth.shape:  # seen: OpenVINO 2026.4 answers an int8 graph with no rows
                left_out[name] = f"it gives logits of shape {logits.shape} in place of {truth.shape}"
                continue
            error = None if name.startswith(NOTHING) else float(np.abs(logits - truth).max())
            yield Subject(model.key, "form", name, batch, partial(run_it, inputs), graph_mb=size, error=error)


def _floors(
    model: LoadedModel, batch: int, threads: int, undo: ExitStack, left_out: dict[str, str]
) -> Iterator[Subject]:
    """In float32, and in the bundle's precision if that is reduced."""
    products = Products.of(model.bundle, batch)
    for precision in dict.fromkeys(("fp32", model.bundle.manifest.precision)):
        libraries, missing = floors.candidates(products, threads, undo, precision)
        left_out.update(missing)
        for name, call in libraries.items():
            yield Subject(
                model.key, "floor" if precision == "fp32" else "reduced floor", name, batch, call, products.flops
            )


def _contenders(
    model: LoadedModel, network: FusionNetwork, threads: int, undo: ExitStack, left_out: dict[str, str]
) -> Iterator[Contender]:
    graphs = graphs_of(model, network)
    for runtime, load in RUNTIMES.items():
        for form, graph in graphs.items():
            try:
                yield Contender(f"{form}, {runtime}", load(graph, threads), len(graph) / 1e6)
            except LeftOut as reason:
                left_out[runtime] = str(reason)
    for convolution in eager.CONVOLUTIONS:
        try:
            yield Contender(f"{convolution}, PyTorch", eager.in_eager_mode(network, convolution, threads, undo))
        except LeftOut as reason:
            left_out["PyTorch"] = str(reason)


def graphs_of(model: LoadedModel, network: FusionNetwork) -> dict[str, bytes]:
    """Every window graph that is timed, serialised: in fp32, and as the bundle has it if that is reduced."""
    graphs: dict[str, bytes] = {form: window_graph.build(network, form).SerializeToString() for form in FORMS}
    for name, convolution in (("depthwise Conv", add_depthwise), (NOTHING, add_nothing)):
        graphs[name] = window_graph.build_with(network, convolution, name).SerializeToString()
    manifest = model.bundle.manifest
    if manifest.precision != "fp32":
        graphs[f"{manifest.form} {manifest.precision}"] = model.bundle.member(WINDOW_GRAPH)
    return graphs
