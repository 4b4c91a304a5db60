"""`ecg2lab bench`: the latency laboratory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ecg2lab.cli.options import Adapter, AllowSoftware, BackendName
from ecg2lab_bench.scenarios import ScenarioName

if TYPE_CHECKING:
    from ecg2lab_bench.measuring.plan import Plan
    from ecg2lab_bench.measuring.timing import Tell
    from ecg2lab_bench.scenarios import Scenario

Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, and nothing else there.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the `ecg2lab` program."""
    bench = typer.Typer(
        help="Measure how long answers take here; for example `ecg2lab bench run`.", no_args_is_help=True
    )
    bench.command("run")(run)
    bench.command("compare")(compare)
    app.add_typer(bench, name="bench")


def run(
    bundle: Annotated[
        Path | None,
        typer.Argument(
            metavar="MODEL", help="In place of the demo model (graph-forms: of the full size).", show_default=False
        ),
    ] = None,
    scenario: Annotated[ScenarioName, typer.Option(metavar="NAME", help="One of those above.")] = "engine",
    quick: Annotated[bool, typer.Option("--quick", help="Seconds in place of minutes; rough.")] = False,
    full_size: Annotated[
        bool | None,
        typer.Option(
            help="Time the network of the published sizes too, with random weights, whose export takes minutes; "
            "default: not with --quick.",
            show_default=False,
        ),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Threads of one call.")] = 1,
    backend: BackendName = "auto",
    adapter: Adapter = None,
    allow_software: AllowSoftware = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for results.json, results.md, pictures.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Time the bare network and whole predictions, beside a floor of dense products measured in the same run.

    A time says little across machines; its ratio to the floor says how much could be gained on this one.

    Scenarios:

    - `engine`: what a user gets, from the bare network to a whole prediction

    - `native`: the native engine at one and two threads, in each precision of this CPU, beside its floor; a whole ECG
      beside the authors' pipeline; preprocessing beside scipy and resampy. `pip install pykeops` adds the authors' own
      way to add up kernels

    - `graph-forms`: the window graph in every form and on every runtime installed, beside plain exports; of MODEL, or
      of the published sizes. `pip install openvino` adds a peer

    - `beds`: live signals, each answered every second, that one core holds

    - `start`: from a fresh Python to the first answer, beside `import numpy`; memory

    - `edge`: what `ecg2lab serve` costs beside a loop that reads and predicts; memory, overload (four minutes)

    For example:

    - `ecg2lab bench run --quick`

    - `ecg2lab bench run model.ecg2lab --threads 2 --out bench-out`

    - `ecg2lab bench run model.ecg2lab --scenario graph-forms`

    - `ecg2lab bench run model.ecg2lab --backend webgpu`
    """
    from ecg2lab.system import extras

    extras.require("bench", "onnx", "onnxruntime", "safetensors")
    from ecg2lab_bench.measuring.plan import Plan
    from ecg2lab_bench.scenarios import WITH_A_BUNDLE, scenario_of

    if bundle is not None and scenario not in WITH_A_BUNDLE:
        raise typer.BadParameter(f"{scenario} takes no MODEL: it draws networks of its own")
    if backend != "auto" and scenario != "engine":
        raise typer.BadParameter(f"{scenario} has backends of its own; --backend is for scenario engine")
    if scenario == "graph-forms" and bundle is not None:
        full_size = False
    plan = Plan(bundle, not quick if full_size is None else full_size, threads, backend, adapter, allow_software, quick)
    report(scenario_of(scenario), plan, out, as_json)


def report(scenario: Scenario, plan: Plan, out: Path | None, as_json: bool) -> None:
    """Carry out a scenario, write its files and print what was found.

    Parameters
    ----------
    scenario
        What to measure.
    plan
        What to run.
    out
        Folder for the files; None: they are not written.
    as_json
        Print JSON in place of tables.
    """
    from ecg2lab.errors import OutputError
    from ecg2lab.system.files import write_atomically
    from ecg2lab_bench.report.page import show
    from ecg2lab_bench.scenarios import carry_out

    if out is not None and out.exists() and not out.is_dir():  # before a minute of work, not after it
        raise OutputError(f"{out} is a file; name a folder")
    ready = "exporting a network of the published sizes (minutes)" if plan.full_size else "getting ready"
    with _progress(plan.budget_s, ready) as tell:
        outcome = carry_out(scenario, plan, tell)
    written = [write_atomically(out / name, content) for name, content in outcome.files.items()] if out else []
    if as_json:
        typer.echo(outcome.json, nl=False)
        return
    from ecg2lab.report.screen import console, show_written

    screen = console()
    show(outcome.page, screen)
    for path in written:
        show_written(path, screen)


def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="results.json, or its folder.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="The run to compare with it.")],
    as_json: Json = False,
) -> None:
    """Show what became faster or slower between two runs, each measured by its own floor.

    Example: `ecg2lab bench compare before after`
    """
    from ecg2lab_bench.measuring.results import read
    from ecg2lab_bench.report import comparison
    from ecg2lab_bench.report.page import show

    both = comparison.compare(read(a), read(b))
    if as_json:
        import msgspec

        typer.echo(msgspec.json.encode(both))
        return
    from ecg2lab.report.screen import console

    show(comparison.page(both), console())


@contextmanager
def _progress(budget_s: float, ready: str) -> Iterator[Tell]:
    """A bar on stderr, drawn between rounds only: a thread that redraws would run into the measurement."""
    from rich.progress import Progress

    from ecg2lab.report.screen import console

    screen = console(stderr=True)
    with Progress(console=screen, auto_refresh=False, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task(ready, total=budget_s)
        bar.refresh()

        def tell(rounds: int, seconds: float) -> None:
            bar.update(task, completed=min(seconds, budget_s), description=f"round {rounds}")
            bar.refresh()

        yield tell
