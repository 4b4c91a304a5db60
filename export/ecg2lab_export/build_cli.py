"""`ecg2lab build`: everything about TensorRT is in the SDK; a lower precision is made here, with export's passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ecg2lab.cli.options import Model
from ecg2lab.errors import BackendError, OutputError
from ecg2lab.system.names import shown

if TYPE_CHECKING:
    from ecg2lab.backends.tensorrt.build import Built
    from ecg2lab.backends.tensorrt.layers import Layer
    from ecg2lab.backends.tensorrt.progress import Tell
    from ecg2lab.backends.tensorrt.record import EngineRecord
    from ecg2lab.bundle import Bundle


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("build")(run)


def run(
    bundle: Model,
    precision: Annotated[
        str | None, typer.Option(help="fp32 or fp16. Default: that of the bundle.", show_default=False)
    ] = None,
    compute_capability: Annotated[
        str | None,
        typer.Option(
            metavar="X.Y",
            help="Build ahead of time, for a desktop GPU of this capability that need not be here.",
            show_default=False,
        ),
    ] = None,
    workspace_mb: Annotated[int, typer.Option(min=1, help="Cap on the memory that a layer may use to work in.")] = 256,
    batch: Annotated[int, typer.Option(min=1, help="The most windows in one call.")] = 4,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Build even if the engine is there already.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Also write the plan to this file, for other programs.", show_default=False)
    ] = None,
    layers: Annotated[bool, typer.Option("--layers", help="Also list each layer, with its types.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the engine's record as JSON.")] = False,
) -> None:
    """Compile a bundle with TensorRT, for the GPU of this machine or ahead of time.

    The engine is kept in your cache (`ECG2LAB_CACHE`, by default `~/.cache/ecg2lab`), where `--backend tensorrt` finds
    it. An engine is a program: it is never loaded from anywhere else. On a GPU it is checked against the bundle's
    golden outputs before it is kept.

    For example:

    - `ecg2lab build model.ecg2lab --precision fp16`

    - `ecg2lab build model.ecg2lab --compute-capability 8.9 --json`
    """
    from ecg2lab.backends.tensorrt.build import Options, build_engine
    from ecg2lab.bundle import Bundle

    opened = Bundle.open(bundle)
    if out is not None and out.exists() and out.samefile(bundle):
        raise OutputError(f"{out} is the model; name another file for the engine")
    built_in = precision or opened.manifest.precision
    graph = graph_maker(opened, built_in)
    options = Options(built_in, compute_capability, workspace_mb, batch, rebuild)
    with _progress() as (tell, waiting):
        built = build_engine(opened, graph, options, tell, waiting)
    copied = _copy(built, out)
    if as_json:
        _print_json(built)
        return
    _show(built)
    if layers and built.engine.record.summary is not None:
        _list(built.engine.record.summary.each)
    if copied:
        typer.echo(f"wrote {shown(copied)}")


def graph_maker(bundle: Bundle, precision: str) -> Callable[[], bytes]:
    """What makes the window graph in a precision: the bundle's own, or one reduced from fp32 after its gate was passed.

    Raises
    ------
    BackendError
        If the precision is not for TensorRT, or the bundle neither carries it nor holds a passed gate for it.
    MissingExtraError
        If the export's packages are needed and missing.
    """
    from ecg2lab.backends.tensorrt.build import PRECISIONS
    from ecg2lab.bundle import WINDOW_GRAPH
    from ecg2lab.system.extras import require

    carried = bundle.manifest.precision
    if precision not in PRECISIONS:
        raise BackendError(f"TensorRT engines are built in {' or '.join(PRECISIONS)}, not in {precision}")
    if precision == carried:
        return lambda: bundle.member(WINDOW_GRAPH)
    if carried != "fp32" or precision not in bundle.manifest.gates:
        raise BackendError(
            f"{bundle.source} carries {carried} and holds no passed gate for {precision}; `ecg2lab export "
            f"CHECKPOINT --precision {precision}` says what it would cost"
        )
    require("export", "onnx")
    return lambda: _in_fp16(bundle.member(WINDOW_GRAPH))


def _in_fp16(graph: bytes) -> bytes:
    import onnx

    from ecg2lab_export.precision.passes import reduce_precision

    reduced: onnx.ModelProto = reduce_precision(onnx.load_from_string(graph), "fp16")
    return bytes(reduced.SerializeToString(deterministic=True))


@contextmanager
def _progress() -> Iterator[tuple[Tell, Callable[[], None]]]:
    """A bar on stderr, if somebody sees it."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from ecg2lab.report.screen import console

    screen = console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task("building", total=1.0)

        def tell(fraction: float, phase: str) -> None:
            bar.update(task, completed=fraction, description=phase)

        def waiting() -> None:
            screen.print("another process is building this engine: waiting for it", soft_wrap=True)

        yield tell, waiting


def _copy(built: Built, out: Path | None) -> Path | None:
    from ecg2lab.backends.tensorrt.cache import EngineCache
    from ecg2lab.system.files import write_atomically

    return None if out is None else write_atomically(out, EngineCache().load(built.engine))


def _print_json(built: Built) -> None:
    import msgspec

    record = msgspec.to_builtins(built.engine.record)
    typer.echo(msgspec.json.encode({"new": built.new, "path": shown(built.engine.path), **record}))


def _show(built: Built) -> None:
    from rich.table import Table

    from ecg2lab.report.screen import console

    record, screen = built.engine.record, console()
    table = Table(box=None, pad_edge=False, show_header=False)
    for row in _rows(record):
        table.add_row(*row)
    screen.print(table)
    verb = "built" if built.new else "was there already:"
    screen.print(f"{verb} {shown(built.engine.path)}", soft_wrap=True)


def _list(layers: tuple[Layer, ...]) -> None:
    for layer in layers:
        types = (", ".join(dict.fromkeys(part)) or "-" for part in (layer.inputs, layer.outputs))
        typer.echo(shown(f"{layer.kind:<15} {' → '.join(types):<20} {layer.name}"))


def _rows(record: EngineRecord) -> Iterator[tuple[str, str]]:
    key, summary = record.key, record.summary
    where = key.gpu or "any GPU of its kind, ahead of time"
    yield "for", f"{where}, compute capability {key.compute_capability}"
    yield "by", f"{key.package} {key.package_version}"
    yield "precision", key.precision
    yield "batch", f"{key.batch} windows"
    size, error = record.plan.size / 1e6, record.golden_error
    yield "size", f"{size:.2f} MB, built in {record.seconds:.1f} s, workspace {record.workspace_mb} MB"
    yield "golden error", "not measured: built ahead of time" if error is None else f"{error:.1e} on logits"
    if summary is None:
        yield "layers", "not listed by this version of TensorRT"
        return
    yield "layers", f"{summary.layers}, of them {summary.fused} fused from several nodes; {summary.nodes} nodes in all"
    yield "of kind", _counted(summary.kinds)
    yield "write", _counted(summary.precisions)


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())
