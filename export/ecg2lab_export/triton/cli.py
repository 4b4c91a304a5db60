"""`ecg2lab triton`."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from ecg2lab.cli.options import Model
from ecg2lab.system.names import shown
from ecg2lab_export.triton import settings as limits
from ecg2lab_export.triton.settings import Settings


class Device(str, Enum):
    """Where ONNX Runtime computes."""

    cpu = "cpu"
    gpu = "gpu"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("triton")(run)


def run(
    bundle: Model,
    out: Annotated[Path, typer.Option(metavar="REPO", help="The model repository: new, or with other models in it.")],
    name: Annotated[
        str | None, typer.Option(help="Name of the model, in place of that of the file.", show_default=False)
    ] = None,
    device: Annotated[Device, typer.Option(help="Where ONNX Runtime computes.")] = Device.cpu,
    tensorrt: Annotated[bool, typer.Option("--tensorrt", help="Add NAME_tensorrt, for a server with a GPU.")] = False,
    stream: Annotated[bool, typer.Option("--stream", help="Add NAME_stream: a causal model, fed in chunks.")] = False,
    instances: Annotated[
        int, typer.Option(min=1, max=limits.MOST_INSTANCES, help="Copies that answer side by side.")
    ] = Settings.instances,
    threads: Annotated[
        int, typer.Option(min=1, max=limits.MOST_THREADS, help="Threads of each copy, on the CPU.")
    ] = Settings.threads,
    max_batch: Annotated[
        int, typer.Option(min=1, max=limits.LARGEST_BATCH, help="Windows in one call of the network.")
    ] = Settings.max_batch,
    queue_delay_us: Annotated[
        int, typer.Option(min=0, max=limits.LONGEST_DELAY_US, help="Microseconds to wait for a fuller batch.")
    ] = Settings.queue_delay_us,
    engine_cache: Annotated[
        str, typer.Option(metavar="PATH", help="Folder on the server for TensorRT engines.")
    ] = Settings.engine_cache,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace models of the same name that this command wrote.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Write a bundle as models of a Triton model repository, ready to be served.

    The server computes logits of preprocessed windows; the client.py beside each model does the rest.

    For example:

    - `ecg2lab triton model.ecg2lab --out repo`

    - `ecg2lab triton model.ecg2lab --out repo --device gpu --tensorrt`

    - `ecg2lab triton model.ecg2lab --out repo --instances 4 --max-batch 32 --replace`
    """
    from ecg2lab.system.extras import require

    require("export", "onnx", "onnxruntime")
    from ecg2lab.bundle import Bundle
    from ecg2lab_export.triton import repository

    opened = Bundle.open(bundle)
    settings = Settings(
        name=default_name(bundle) if name is None else name,
        device=device.value,
        instances=instances,
        threads=threads,
        max_batch=max_batch,
        queue_delay_us=queue_delay_us,
        engine_cache=engine_cache,
    )
    models = repository.write(opened, out, settings, tensorrt=tensorrt, stream=stream, replace=replace)
    if as_json:
        import msgspec

        written = {"notice": opened.manifest.notice, "bundle_digest": opened.digest, "models": models}
        typer.echo(msgspec.json.encode(written | {"repository": shown(out)}))
        return
    from ecg2lab.report.screen import console, show_written

    screen = console()
    for model in models:
        show_written(out / model, screen)
    screen.print(f"how to serve and ask it: {shown(out / models[0] / 'README.md')}", soft_wrap=True)
    screen.print(opened.manifest.notice.upper(), style="bold yellow")


def default_name(bundle: Path) -> str:
    """The file's name, with an underscore in place of what a model's name cannot hold."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", bundle.stem).strip("_-") or "model"
