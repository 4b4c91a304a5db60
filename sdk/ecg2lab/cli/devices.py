"""`ecg2lab devices`."""

from __future__ import annotations

from typing import Annotated

import typer


def run(as_json: Annotated[bool, typer.Option("--json", help="Print the same as JSON.")] = False) -> None:
    """List what this machine has to compute on, and what each backend would run on, or why it would not.

    Example: `ecg2lab devices`
    """
    import msgspec

    from ecg2lab import devices
    from ecg2lab.report.screen import console
    from ecg2lab.report.tables import plain_table, print_table

    found = devices.survey()
    if as_json:
        typer.echo(msgspec.json.encode(found))
        return
    screen = console()
    screen.print(f"CPU: {found.cpu}, {found.usable_cpus} usable; {', '.join(found.instruction_sets)}")
    if found.why_no_gpus is not None:
        screen.print(f"GPUs: none, {found.why_no_gpus}")
    for gpu in found.gpus:
        memory = "" if gpu.memory_bytes is None else f", {gpu.memory_bytes >> 20} MB"
        f16 = {True: ", f16", False: ", no f16", None: ""}[gpu.f16]
        screen.print(f"GPU {gpu}{memory}{f16}")
    table = plain_table("Backends", "backend", "runs on")
    for note in found.backends:
        table.add_row(note.backend, note.runs_on or f"no: {note.why_not}")
    print_table(table, screen)
