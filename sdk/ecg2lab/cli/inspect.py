"""`ecg2lab inspect`."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from ecg2lab.cli.options import Model


def run(
    bundle: Model,
    as_json: Annotated[bool, typer.Option("--json", help="Print manifest, contract and proof as JSON.")] = False,
) -> None:
    """Say what a bundle is: network, inputs, targets, proof, and where its weights come from.

    Example: `ecg2lab inspect model.ecg2lab`
    """
    from rich.console import Console

    from ecg2lab.bundle import Bundle
    from ecg2lab.proof.parity import STEP, recorded
    from ecg2lab.report import model
    from ecg2lab.report.proof import gates_table, show_left_out
    from ecg2lab.report.tables import print_table

    opened = Bundle.open(bundle)
    proof = recorded(opened)
    if as_json:
        manifest = msgspec.to_builtins(opened.manifest)
        typer.echo(msgspec.json.encode({"digest": opened.digest, "manifest": manifest, "parity": proof}))
        return
    console = Console(highlight=False)
    console.print(model.overview(opened, bundle, proof))
    if opened.manifest.gates:
        print_table(gates_table(opened.manifest.gates), console)
    show_left_out(proof, console, said=(STEP,))
    print_table(model.inputs(opened), console)
    print_table(model.targets(opened), console)
    console.print(opened.manifest.notice.upper(), style="bold yellow")
