"""A description of a model on the terminal: network, inputs, targets."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table
from rich.text import Text

from ecg2lab.bundle import Bundle, Manifest, architectures
from ecg2lab.contract import Target
from ecg2lab.proof.parity import ParityReport, nearest_to_limit, why_no_step
from ecg2lab.report.tables import plain_table
from ecg2lab.system.extras import installed_version
from ecg2lab.system.names import shown


def overview(bundle: Bundle, path: Path, proof: ParityReport) -> Table:
    """Network, proof and origin of the weights."""
    m = bundle.manifest
    architecture, s = architectures.of(bundle), m.contract.signal
    kind = "causal" if m.causal else "bidirectional"
    network = f"{architecture.title}, {kind}: {architecture.sizes(m)}, {m.network['parameters']:,} parameters"
    worst = nearest_to_limit(proof.checks)
    measured = f"worst: {worst.name}, error {worst.error:.1e} of {worst.tolerance:.1e}"
    rows = [
        ("File", f"{shown(path.name)}, {bundle.size / 1e6:.2f} MB"),
        ("Digest", bundle.digest),
        ("Network", network),
        ("Window", f"{s.window_samples} samples at {s.sampling_rate_hz:g} Hz, {len(s.leads)} leads"),
        ("Leads", " ".join(s.leads)),
        ("Graph", f"{m.form}, {m.precision}, ONNX opset {m.opset}"),
        ("Step", _step(bundle)),
        ("Proof", f"{len(proof.checks)} checks on {proof.cpu}; {measured}"),
        ("Weights", _origin(m)),
        ("Checkpoint", f"{m.lineage.format}, SHA-256 {m.lineage.checkpoint_sha256[:16]}…"),
        ("Installed", _installed()),
    ]
    table = plain_table(m.contract.name)
    table.show_header = False
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in rows:
        table.add_row(label, Text(value))
    return table


def _step(bundle: Bundle) -> str:
    step = bundle.manifest.step
    if step is None:
        return f"none: {why_no_step(bundle)}"
    return f"up to {step.most_samples} samples at once, a state of {step.state_size:,} numbers"


def _origin(manifest: Manifest) -> str:
    if manifest.lineage.training_data:
        return manifest.lineage.training_data
    return "synthetic, as stated at export" if manifest.synthetic_weights else "training data not stated"


def _installed() -> str:
    names = ("ecg2lab", "onnxruntime", "onnxruntime-gpu")
    return ", ".join(f"{name} {version}" for name in names if (version := installed_version(name)))


def inputs(bundle: Bundle) -> Table:
    """Facts about the patient that the network takes."""
    table = plain_table("\nInputs beside the ECG")
    for header in ("name", "unit", "range", "when missing"):
        table.add_column(header, no_wrap=header == "name")
    for f in bundle.contract.continuous:
        median = "must be given" if f.median is None else f"median {f.median:.4g}"
        table.add_row(f.name, f.unit, f"{f.minimum:g}–{f.maximum:g}", median)
    for c in bundle.contract.categorical:
        code = "must be given" if c.missing_code is None else c.categories[c.missing_code]
        table.add_row(c.name, "", ", ".join(c.categories), code)
    if bundle.contract.missing_flags != "none":
        table.add_row("missing flags", "", "0, 1", "set by ecg2lab, for each number")
    return table


def targets(bundle: Bundle) -> Table:
    """The targets, and the probability from which each is flagged."""
    table = plain_table(f"\n{len(bundle.contract.targets)} targets")
    for header in ("name", "abnormality", "when", "LOINC", "flagged from"):
        table.add_column(header, overflow="fold", no_wrap=header == "name")
    for t in bundle.contract.targets:
        c = t.criterion
        meaning = (str(c), c.when, c.loinc or "") if c else ("not stated", "", "")
        table.add_row(t.name, *meaning, _flagged_from(t))
    return table


def _flagged_from(target: Target) -> str:
    """Each threshold once: there is one for each number of windows and facts that were measured."""
    points = target.decision.points if target.decision else ()
    thresholds = [p.threshold for p in points] if points else [target.decision_threshold]
    return ", ".join(dict.fromkeys(f"{x:.0%}" for x in thresholds if x is not None)) or "never"
