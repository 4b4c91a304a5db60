"""Scenario `edge`: what the edge node costs beyond reading and answering, by clients on loopback.

The loop that it is compared with reads files of the same bytes and predicts, in one process and thread. A node keeps
each recording on the disk before it answers; what that costs is the difference to a node whose folder is in memory.
Every recording has other bytes: none is known already.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import ecg2lab
from ecg2lab.errors import BackendError
from ecg2lab_bench.measuring import machine, models, workload
from ecg2lab_bench.measuring.edge_node import Client, Record, form, served
from ecg2lab_bench.measuring.models import LoadedModel
from ecg2lab_bench.measuring.plan import Plan
from ecg2lab_bench.measuring.results import Model, Struct, Timing
from ecg2lab_bench.measuring.results import Record as Results
from ecg2lab_bench.measuring.timing import Tell, rounds, silent, summarise
from ecg2lab_bench.report.page import (
    Heading,
    Note,
    Page,
    Table,
    machine_lines,
    milliseconds,
    model_lines,
    ratio_figure,
    table,
)

Place = Literal["memory", "disk"]
"""Where a node keeps what it must not forget."""
Call = Callable[[], object]
MEMORY = Path("/dev/shm")
"""Of Linux: a folder without a disk."""
CLIENTS = 4
RECORDINGS, QUICK_RECORDINGS = 10_000, 20
OVERLOAD_S, QUICK_OVERLOAD_S = 60.0, 0.5
_MOST_WAITING = 50
_VISIT = 5
_TOLD: dict[str, Any] = {"workers": 1, "limits": {"least_free_mb": 0, "waiting": 1000}}
COLUMNS = ("", "p50 ms", "p99 ms", "above\nms", "a second", "× loop", "ready s")
_TAKEN, _FULL, _ANSWERED = 202, 503, 200
EXPLANATION = Note(
    "Loop: ecg2lab.read of two WFDB files and Engine.predict, one thread. Above it: p50 of POST /v1/recordings?wait by "
    "one client, less that of the loop; on a disk with fsync of the files and the commits. × loop: recordings a second "
    f"of {CLIENTS} clients, the node with one worker, over the loop's."
)


class Cost(Struct, frozen=True, kw_only=True):
    """A node over one kind of folder, beside the loop."""

    folder: Place
    wait: Timing
    """Of one call with `?wait`."""
    above_ms: float
    """Its p50 less that of the loop."""
    a_second: float
    """Recordings that clients had answered."""
    ratio: float
    """Over the loop's."""
    ready_s: float


class Edge(Struct, frozen=True, kw_only=True):
    """One model."""

    model: Model
    loop: Timing
    costs: tuple[Cost, ...]


class Resident(Struct, frozen=True, kw_only=True):
    """Memory after many recordings, 10⁶ bytes."""

    recordings: int
    node_mb: float
    beside_mb: float
    """Of the processes that read files and draw reports."""


class Overload(Struct, frozen=True, kw_only=True):
    """As much as clients can send, for a while."""

    seconds: float
    taken: int
    refused: int
    lost: int
    """Taken, and without an answer in the end."""
    node_mb: tuple[float, float] | None
    """Resident before and after."""
    recovered_s: float
    """From the last refusal until a recording was taken again."""


class EdgeResults(Results, frozen=True, kw_only=True):
    """Everything about one run."""

    scenario: Literal["edge"] = "edge"
    threads: int
    models: tuple[Edge, ...]
    resident: Resident | None
    """Of the first model; None: not told by this system."""
    overload: Overload


def run(plan: Plan, tell: Tell = silent) -> EdgeResults:
    """Measure each model, then memory and overload with the first.

    Raises
    ------
    BackendError
        If a node does not start, or answers otherwise than it should.
    """
    host = machine.describe()
    with ExitStack() as undo:
        loaded = models.load(plan, undo)
        share = plan.budget_s / len(loaded)
        edges = tuple(_measure(model, plan, share, tell) for model in loaded)
        first = loaded[0].bundle.source
        resident = _resident(first, QUICK_RECORDINGS if plan.quick else RECORDINGS)
        overload = _overload(first, QUICK_OVERLOAD_S if plan.quick else OVERLOAD_S)
    return EdgeResults(threads=plan.threads, machine=host, models=edges, resident=resident, overload=overload)


def _measure(model: LoadedModel, plan: Plan, budget_s: float, tell: Tell) -> Edge:
    with ExitStack() as undo:
        record = Record()
        folder = Path(undo.enter_context(tempfile.TemporaryDirectory()))
        for name, content in record.another().items():
            (folder / name).write_bytes(content)

        def loop() -> None:
            model.engine.predict(ecg2lab.read(folder / "r.hea"), workload.PATIENT)

        told = {**_TOLD, "threads": plan.threads}
        nodes = {name: undo.enter_context(served(model.bundle.source, at, **told)) for name, at in _places().items()}
        clients = {name: node.client() for name, node in nodes.items()}
        calls = [loop, *(_waiting(client, record) for client in clients.values())]
        alone, *asked = [summarise(durations) for durations in _in_turns(calls, budget_s / 2, tell)]
        each = budget_s / 2 / len(calls)
        loop_a_second = _a_second([loop], each)
        costs = []
        for (name, node), timing in zip(nodes.items(), asked, strict=True):
            a_second = _a_second([_waiting(node.client(), record) for _ in range(CLIENTS)], each)
            costs.append(
                Cost(
                    folder=name,
                    wait=timing,
                    above_ms=timing.p50_ms - alone.p50_ms,
                    a_second=a_second,
                    ratio=a_second / loop_a_second,
                    ready_s=node.ready_s,
                )
            )
    return Edge(model=model.describe(), loop=alone, costs=tuple(costs))


def _places() -> dict[Place, Path | None]:
    """Folders within which a node keeps its own."""
    return {**({"memory": MEMORY} if MEMORY.is_dir() else {}), "disk": None}


def _waiting(client: Client, record: Record) -> Call:
    def call() -> None:
        status = client.send(form(record.another()), wait=True)
        if status != _ANSWERED:
            raise BackendError(f"the node answered with {status}")

    return call


def _in_turns(calls: Sequence[Call], budget_s: float, tell: Tell) -> list[list[int]]:
    """Nanoseconds of single calls; each call has its turn, and is made once before it is timed."""
    durations: list[list[int]] = [[] for _ in calls]
    for number in rounds(budget_s, tell):
        for call, taken in zip(calls, durations, strict=True):
            for visit in range(_VISIT + 1):
                begin = time.perf_counter_ns()
                call()
                if visit and number:
                    taken.append(time.perf_counter_ns() - begin)
    return durations


def _a_second(calls: Sequence[Call], seconds: float) -> float:
    """How many calls are done in a second, each kind in a thread of its own."""
    end, done, failed = time.perf_counter() + seconds, Counter[int](), list[BaseException]()

    def repeat(which: int) -> None:
        try:
            while time.perf_counter() < end:
                calls[which]()
                done[which] += 1
        except Exception as error:
            failed.append(error)

    begin = time.perf_counter()
    threads = [threading.Thread(target=repeat, args=(which,)) for which in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return max(done.total(), 1) / (time.perf_counter() - begin)


def _resident(bundle: str, recordings: int) -> Resident | None:
    with served(bundle, **_TOLD) as node:
        record, client = Record(), node.client()
        for _ in range(recordings):
            _waiting(client, record)()
        client.send(form(record.another()), wait=True)
        found = node.resident_mb()
    return None if found is None else Resident(recordings=recordings, node_mb=found[0], beside_mb=found[1])


def _overload(bundle: str, seconds: float) -> Overload:
    with served(bundle, **{**_TOLD, "limits": {"least_free_mb": 0, "waiting": _MOST_WAITING}}) as node:
        record, said = Record(), Counter[int]()
        _waiting(node.client(), record)()
        before = node.resident_mb()

        def flood(client: Client) -> Call:
            return lambda: said.update([client.send(form(record.another()), wait=False)])

        _a_second([flood(node.client()) for _ in range(CLIENTS)], seconds)
        after = node.resident_mb()
        begin, client = time.perf_counter(), node.client()
        while client.send(form(record.another()), wait=False) != _TAKEN:
            time.sleep(0.001)
        recovered = time.perf_counter() - begin
        while (kept := client.get("/v1/counts")[1]["recordings"]).get("waiting"):
            time.sleep(0.01)
    if set(said) - {_TAKEN, _FULL}:
        raise BackendError(f"the node answered with {sorted(said)}")
    return Overload(
        seconds=seconds,
        taken=said[_TAKEN],
        refused=said[_FULL],
        lost=said[_TAKEN] + 2 - kept.get("answered", 0),
        node_mb=None if before is None or after is None else (before[0], after[0]),
        recovered_s=recovered,
    )


def page(results: EdgeResults) -> Page:
    """A table for each model, and what was found with the first."""
    parts: list[str | Table] = []
    for edge in results.models:
        loop = ("loop", milliseconds(edge.loop.p50_ms), milliseconds(edge.loop.p99_ms), "", "", "", "")
        parts += [*model_lines(edge.model), table(COLUMNS, [loop, *map(_row, edge.costs)])]
    parts.append(EXPLANATION)
    setting = machine_lines(results.machine, results.threads)
    return Page("ecg2lab bench: the edge node", setting, (*parts, *_said(results)))


def _row(cost: Cost) -> tuple[str, ...]:
    times = (cost.wait.p50_ms, cost.wait.p99_ms, cost.above_ms)
    return (
        f"?wait, {cost.folder}",
        *map(milliseconds, times),
        f"{cost.a_second:.0f}",
        ratio_figure(cost.ratio),
        f"{cost.ready_s:.2f}",
    )


def _said(results: EdgeResults) -> Iterator[str]:
    resident, overload = results.resident, results.overload
    yield Heading(f"{results.models[0].model.key}: memory and overload")
    if resident is not None:
        yield (
            f"Resident after {resident.recordings} recordings: {resident.node_mb:.0f} MB, and {resident.beside_mb:.0f} "
            "MB in the processes beside it."
        )
    grown = "" if overload.node_mb is None else "{:.0f} MB resident before, {:.0f} MB after.".format(*overload.node_mb)
    yield (
        f"{overload.seconds:.0f} s of more than it can answer: {overload.taken} taken, {overload.refused} refused, "
        f"{overload.lost} lost; taken again {milliseconds(1000 * overload.recovered_s)} ms after the end. {grown}"
    )
