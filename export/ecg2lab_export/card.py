"""The model card: what a reader must know before using a bundle. Every figure comes from the run or the proof."""

from __future__ import annotations

from ecg2lab.bundle import Manifest
from ecg2lab.proof.parity import ParityReport
from ecg2lab_export.checkpoint.run_folder import RunRecord


def model_card(
    manifest: Manifest, description: str, report: ParityReport, run: RunRecord | None, evaluated: str | None
) -> str:
    """Markdown.

    Parameters
    ----------
    manifest
        Of the bundle.
    description
        Of the network.
    report
        Its proof.
    run
        The training run, where the checkpoint comes from one.
    evaluated
        Model card of an evaluation; it takes the place of the run's few figures.
    """
    head = f"# {manifest.contract.name}\n\n**{manifest.notice[0].upper() + manifest.notice[1:]}.**\n"
    measured = [_training(run), _targets(manifest, run)] if evaluated is None else [_sections(evaluated)]
    return "\n".join([head, _network(manifest, description), *measured, _proof(report), _gates(manifest, report)])


def _sections(card: str) -> str:
    """What follows the title of a card."""
    return card[card.index("## ") :]


def _network(manifest: Manifest, description: str) -> str:
    signal, facts = manifest.contract.signal, len(manifest.contract.feature_names)
    seconds = signal.window_samples / signal.sampling_rate_hz
    return (
        f"## Network\n\n{description} Input: {len(signal.leads)} leads at {signal.sampling_rate_hz:g} Hz, windows of "
        f"{seconds:g} s{f', and {facts} facts about the patient' if facts else ''}.\n"
    )


def _training(run: RunRecord | None) -> str:
    if run is None:
        return "## Training\n\nImported from a checkpoint that does not state its training data.\n"
    lines = [f"## Training\n\n{run.training_data}\n"]
    macro = run.metrics.get("macro_auroc_test")
    if macro is not None:
        on = "simulated patients" if run.synthetic_weights else "patients"
        lines.append(f"Macro AUROC on the test fold ({on}): {macro:.3f}.\n")
    return "\n".join(lines)


def _targets(manifest: Manifest, run: RunRecord | None) -> str:
    measured = run.metrics.get("targets", {}) if run else {}
    head = "## Targets\n\n| target | abnormality | when | LOINC | AUROC, test fold |\n|---|---|---|---|---|\n"
    rows = []
    for target in manifest.contract.targets:
        auroc = measured.get(target.name, {}).get("auroc_test")
        c = target.criterion
        meaning = (str(c), c.when, c.loinc or "") if c else ("not stated", "", "")
        rows.append(f"| {target.name} | {' | '.join(meaning)} | {'' if auroc is None else f'{auroc:.3f}'} |")
    return head + "\n".join(rows) + "\n"


def _proof(report: ParityReport) -> str:
    head = (
        f"## Proof\n\nForm {report.form}, {report.precision}, against the checkpoint in float64, on {report.cpu} with "
    )
    head += ", ".join(f"{name} {version}" for name, version in report.versions.items()) + ".\n\n"
    head += "| what | form | backend | case | error | limit |\n|---|---|---|---|---|---|\n"
    rows = [
        f"| {c.quantity} | {c.form} | {c.backend} | {c.case} | {c.error:.2g} | {c.tolerance:.2g} |"
        for c in report.checks
    ]
    without = [f"\nNot measured: {what}: {why}.\n" for what, why in report.left_out.items()]
    return head + "\n".join(rows) + "\n" + "".join(without)


def _gates(manifest: Manifest, report: ParityReport) -> str:
    refused = "".join(f"\nRefused: {precision}: {why}.\n" for precision, why in report.refused.items())
    if not manifest.gates:
        return f"## Reduced precision\n\nNone has passed its gate.\n{refused}"
    head = "## Reduced precision\n\nMeasured against fp32 on the same windows; the limit is on the worst target.\n\n"
    head += "| precision | worst AUROC loss | target | macro | limit | largest logit error | flags that change "
    head += "| outside experience, in fp32 | windows |\n|---|---|---|---|---|---|---|---|---|\n"
    rows = [
        f"| {g.precision} | {g.worst_auroc_loss:.2g} | {g.worst_target} | {g.macro_auroc_loss:.2g} | {g.limit:g} "
        f"| {g.logit_error_max:.2g} | {_share(g.flags_changed)} "
        f"| {_share(g.outside_reduced)}, {_share(g.outside_fp32)} | {g.windows}, {g.data} |"
        for g in manifest.gates.values()
    ]
    return head + "\n".join(rows) + "\n" + refused


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.2%}"
