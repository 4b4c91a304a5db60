"""`ecg2lab demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def run(
    out: Annotated[Path, typer.Option(help="Folder for report.html, report.json and ecg.png.")] = Path("demo-out"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the prediction as JSON instead of a table.")] = False,
    files: Annotated[
        Path | None,
        typer.Option(help="Only write model.ecg2lab, record.hea and record.mat into this folder, to try commands on."),
    ] = None,
) -> None:
    """Answer for a packaged real ECG with the packaged demo model.

    The ECG is a record of PTB-XL; the model was trained on simulated patients: **synthetic weights, not for clinical
    use**.

    For example:

    - `ecg2lab demo --out demo-out`

    - `ecg2lab demo --files .`
    """
    import ecg2lab
    from ecg2lab.demo import RECORD_CREDIT, bundle_path, record_path, write_files
    from ecg2lab.report import ecg_plot, page, terminal
    from ecg2lab.report.screen import console, show_written
    from ecg2lab.system.files import require_folder, write_atomically

    if files is not None:
        for path in write_files(files):
            show_written(path, console())
        return
    require_folder(out)
    recording = ecg2lab.read(record_path())
    with ecg2lab.load(bundle_path()) as engine:
        prediction = engine.predict(recording)
    title = f"Demo: {record_path().stem}"
    written: dict[str, bytes | str] = {
        "report.html": page.html(prediction, recording, title, RECORD_CREDIT),
        "report.json": prediction.to_json() + b"\n",
        "ecg.png": ecg_plot.png(recording, prediction.notice),
    }
    paths = [write_atomically(out / name, content) for name, content in written.items()]
    if as_json:
        typer.echo(prediction.to_json())
        return
    screen = console()
    terminal.show(prediction, title, screen)
    screen.print(f"ECG: {RECORD_CREDIT}", style="dim")
    for path in paths:
        show_written(path, screen)
