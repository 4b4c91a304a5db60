"""`ecg2lab export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("export")(run)


def run(
    checkpoint: Annotated[Path, typer.Argument(help="CardioLab .ckpt, .safetensors, or the folder of a training run.")],
    out: Annotated[Path, typer.Option(help="The bundle to write, X.ecg2lab.")],
    contract: Annotated[Path | None, typer.Option(help="JSON: what inputs and outputs mean.")] = None,
    form: Annotated[str | None, typer.Option(help="Of the S4 layers: recurrent.")] = None,
    precision: Annotated[str, typer.Option(help="fp32.")] = "fp32",
    synthetic_weights: Annotated[
        bool | None,
        typer.Option(help="Say of a bare checkpoint whether its weights are random or from simulated patients."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the proof as JSON.")] = False,
) -> None:
    """Turn a checkpoint into a bundle that computes it, and carries the proof.

    Nothing of the checkpoint is executed. Without a contract the targets are called `target_000 …`, all inputs must be
    given, and nothing is ever *detected*.

    For example:

    - `ecg2lab export run/ --out model.ecg2lab`

    - `ecg2lab export epoch=39.ckpt --contract contract.json --out model.ecg2lab`
    """
    from ecg2lab.extras import require

    require("export", "onnx", "onnxruntime", "safetensors")
    import msgspec
    from rich.console import Console
    from rich.table import Table

    from ecg2lab.bundle import Bundle
    from ecg2lab_export import export

    with Console(stderr=True).status("realising, building and proving"):
        report = export(
            checkpoint, out, contract=contract, precision=precision, form=form, synthetic_weights=synthetic_weights
        )
    notice = Bundle.open(out).manifest.notice
    if as_json:
        typer.echo(msgspec.json.encode({"notice": notice, **msgspec.to_builtins(report)}))
        return
    table = Table("check", "error", "limit", box=None, pad_edge=False)
    for check in report.checks:
        table.add_row(check.name, f"{check.error:.1e}", f"{check.tolerance:.1e}")
    console = Console(highlight=False)
    console.print(table)
    console.print(f"wrote {out} ({out.stat().st_size / 1e6:.2f} MB)", soft_wrap=True)
    console.print(notice.upper(), style="bold yellow")
