"""`python -m ecg2lab_bench.experiments NAME`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated, cast

import typer

from ecg2lab_bench.cli import Json, report
from ecg2lab_bench.experiments import abstention, decoders, gpu_cost, quality, readable_signs, real_normals
from ecg2lab_bench.measuring.plan import Plan
from ecg2lab_bench.scenarios import Scenario

EXPERIMENTS = {
    "kernel-forms": "How exact each form of the recurrence is in float32, on random state spaces; no times.",
    "form-choice": "Spectral against recurrent window graphs over many sizes; what the export's own choice costs.",
    "training-step": "A step of the published size beside its dense products; kernels beside the published way.",
}
app = typer.Typer(help="Experiments whose tables stand in the documentation.", no_args_is_help=True)
app.command("quality")(quality.main)
app.command("real-normals")(real_normals.main)
app.command("readable-signs")(readable_signs.main)
app.command("abstention")(abstention.main)
app.command("decoders")(decoders.main)
app.command("gpu-cost")(gpu_cost.main)


def experiment_of(name: str) -> Scenario:
    """Load an experiment's module."""
    return cast(Scenario, import_module(f"ecg2lab_bench.experiments.{name.replace('-', '_')}"))


def _command(name: str) -> Callable[..., None]:
    def run(
        quick: Annotated[bool, typer.Option("--quick", help="Smaller sizes; rough.")] = False,
        threads: Annotated[int, typer.Option(min=1, max=256, help="Of one call.")] = 1,
        out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for results.json, results.md.")] = None,
        as_json: Json = False,
    ) -> None:
        report(experiment_of(name), Plan(full_size=False, threads=threads, quick=quick), out, as_json)

    return run


for _name, _help in EXPERIMENTS.items():
    app.command(_name, help=_help)(_command(_name))

if __name__ == "__main__":
    app()
