"""The README's figures: of the demo model by the card in its bundle, of speed by the results that are kept.

A block of figures stands between `<!-- figures: NAME, … -->` and `<!-- end of figures -->`.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

from ecg2lab.bundle import CARD, Bundle
from ecg2lab.demo import bundle_path
from ecg2lab_bench.measuring.results import COMMIT, Measurement, Results, read
from ecg2lab_bench.report.page import markdown_table, milliseconds, ratio_figure, table

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
KEPT = ROOT / "bench" / "results"
_BLOCK = re.compile(r"(<!-- figures: (\w+)[^\n]*-->\n).*?(<!-- end of figures -->)", re.DOTALL)
FORMS = {
    "spectral, ONNX Runtime": "spectral form, ONNX Runtime",
    "recurrent, ONNX Runtime": "recurrent form, ONNX Runtime",
    "depthwise Conv, ONNX Runtime": "depthwise convolution, the plain export, ONNX Runtime",
    "FFT, PyTorch": "PyTorch eager, FFT, kernels cached",
}


def render(text: str) -> str:
    """A page with its blocks of figures as they have to be."""
    return _BLOCK.sub(lambda block: f"{block[1]}\n{BLOCKS[block[2]]()}\n\n{block[3]}", text)


def make(page: Path = README) -> None:
    """Write the figures of a page anew."""
    page.write_text(render(page.read_text(encoding="utf-8")), encoding="utf-8")


def demo() -> str:
    """What the model card says of the packaged model."""
    card = Bundle.open(bundle_path()).member(CARD).decode()
    ecgs = _of(card, r"Evaluated on (\d+) ECGs")
    targets, macro, low, high = _of(card, r"Macro AUROC over (\d+) targets: (\S+) \[(\S+), (\S+)\]").split()
    tabular = _of(card, r"Without the ECG .*: (\S+) \[")
    ideal, planted, reached = _of(
        card, r"ideal observer .* reaches (\S+) over the (\d+) targets .* the model (\S+):"
    ).split()
    channels, parameters = _of(card, r"layers of (\d+) channels, .*?([\d,]+) parameters").split()
    ntprobnp, potassium, hemoglobin = (_auroc(card, target) for target in SHOWN)
    chance = ", ".join(_auroc(card, target, interval=True) for target in NOWHERE)
    return _fill(
        f"The network has {channels} channels, {parameters} parameters. On the {ecgs} simulated ECGs of the test fold "
        f"the macro AUROC over {targets} targets is {macro} (95 % interval {low} to {high}); NT-proBNP {ntprobnp}, "
        f"potassium > 5.1 mEq/L {potassium}, hemoglobin < 12 g/dL {hemoglobin}; gradient boosting without the ECG "
        f"reaches {tabular}. Over the {planted} targets planted in the ECG an ideal observer reaches {ideal}, the "
        f"network {reached}. Platelets and magnesium are planted nowhere: {chance}; each interval stands for itself, "
        "`make study` judges the four together."
    )


SHOWN = ("nt_probnp_high_now", "potassium_high_now", "hemoglobin_low_now")
NOWHERE = ("platelet_count_low_now", "platelet_count_high_now", "magnesium_low_now", "magnesium_high_now")


def _of(card: str, pattern: str) -> str:
    """The groups of a pattern, which has to be in the card."""
    match = re.search(pattern, card)
    if match is None:
        raise ValueError(f"the card of the packaged bundle has nothing like {pattern}")
    return " ".join(match.groups())


def _auroc(card: str, target: str, interval: bool = False) -> str:
    figures = r"([\d.]+ \[[^\]]+\])" if interval else r"([\d.]+) \["
    return _of(card, rf"\| {target} \|[^|]*\|[^|]*\| {figures}")


def speed() -> str:
    """The published size, one window on one thread, by the kept results; of a busy machine the ratios alone."""
    engine, forms = read(KEPT / "engine.json"), read(KEPT / "graph-forms.json")
    rows = [*_native(engine), *_forms(forms)]
    busy = any(_load(run) > run.machine.usable_cpus for run in (engine, forms))
    shown = table(("", "× floor"), (row[::2] for row in rows)) if busy else table(("", "ms", "× floor"), rows)
    return f"{_setting(engine, forms, busy)}\n\n{markdown_table(shown)}"


def _native(results: Results) -> Iterator[tuple[str, ...]]:
    for m in results.of("full-size"):
        if m.subject == "bare" and m.batch == 1:
            yield _row("native engine, the default on a CPU", m)


def _forms(results: Results) -> Iterator[tuple[str, ...]]:
    for m in results.measurements:
        if m.subject == "form" and m.batch == 1 and m.implementation in FORMS:
            yield _row(FORMS[m.implementation], m)


def _row(name: str, m: Measurement) -> tuple[str, ...]:
    return name, milliseconds(m.timing.p50_ms), ratio_figure(m.ratio)


def _load(run: Results) -> float:
    return run.machine.load_average[0] if run.machine.load_average else 0.0


def _setting(engine: Results, forms: Results, busy: bool) -> str:
    machine = engine.machine
    network = next(model for model in engine.models if model.key == "full-size")
    versions = (run.machine.versions for run in (engine, forms))
    code = " and ".join(dict.fromkeys(each.get(COMMIT, each["ecg2lab"]) for each in versions))
    warning = ". The machine was busy, so that its milliseconds would say nothing" if busy else ""
    return _fill(
        f"Medians of the published size ({network.hidden} channels, {network.targets} targets, random weights), one "
        f"window, one thread of {machine.cpu} ({machine.simd[-1].upper()}, {machine.usable_cpus} CPUs, load average at "
        f"the start {_load(engine):.1f} and {_load(forms):.1f}), ONNX Runtime {machine.versions['onnxruntime']}, "
        f"{engine.created[:10]}, code of {code}{warning}:"
    )


def _fill(text: str) -> str:
    return textwrap.fill(text, width=120, break_long_words=False, break_on_hyphens=False)


BLOCKS: dict[str, Callable[[], str]] = {"demo": demo, "speed": speed}
