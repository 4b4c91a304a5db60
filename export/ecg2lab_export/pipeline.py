"""Checkpoint in, bundle out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from ecg2lab import bundle as bundles
from ecg2lab import contract as contracts
from ecg2lab import cpu
from ecg2lab.bundle import Gate, Lineage, Manifest, ReducedPrecision, StepShape
from ecg2lab.contract import Contract
from ecg2lab.errors import BackendError, CheckpointError, ContractError, OutputError, ParityError
from ecg2lab.extras import installed_version
from ecg2lab.parity import (
    CASCADE,
    KERNEL,
    REDUCED_LOGIT_TOLERANCE,
    STEP,
    Check,
    ParityReport,
    nearest_to_limit,
)
from ecg2lab_export.architecture.contract_fit import check_fit, default_contract
from ecg2lab_export.card import model_card
from ecg2lab_export.checkpoint.run_folder import RunRecord, read_run
from ecg2lab_export.evaluated import read_card
from ecg2lab_export.forms import step_graph, window_graph
from ecg2lab_export.forms.cascade import Cascade, fit_cascade
from ecg2lab_export.forms.convolution import FORMS, Form, by_speed
from ecg2lab_export.forms.weights import weight_tensors
from ecg2lab_export.graphs.builder import OPSET
from ecg2lab_export.network import cardiolab
from ecg2lab_export.network.fusion import Network
from ecg2lab_export.precision import calibration, gate
from ecg2lab_export.precision.auroc_loss import LARGEST_AUROC_LOSS
from ecg2lab_export.precision.calibration import CalibrationSet
from ecg2lab_export.precision.passes import as_computed_on_devices, reduce_precision
from ecg2lab_export.proof import proving as proof
from ecg2lab_export.proof.golden import Golden, make_golden
from ecg2lab_export.proof.proving import Graphs

PRECISIONS = ("fp32", *get_args(ReducedPrecision))
Tell = Callable[[str], None]
"""Told what is being done."""


def export(
    checkpoint: str | Path,
    out: str | Path,
    contract: Contract | str | Path | None = None,
    precision: str = "fp32",
    form: str | None = None,
    synthetic_weights: bool | None = None,
    calibration_set: str | Path | None = None,
    max_auroc_loss: float = LARGEST_AUROC_LOSS,
    evaluation: str | Path | None = None,
    tell: Tell | None = None,
) -> ParityReport:
    """Turn a checkpoint into a bundle, and prove it.

    Parameters
    ----------
    checkpoint
        A Lightning checkpoint of the authors (CardioLab), safetensors in the same key names, or the folder of a
        training run.
    out
        The bundle to write, `X.ecg2lab`.
    contract
        What inputs and outputs mean. Without it, that of the run; for a bare checkpoint the published inputs without
        medians and targets `target_000 …`.
    precision
        Of the dense products: fp32, or one that must pass its gate.
    form
        Of the S4 convolutions in the window graph, "spectral" or "recurrent"; None: the faster one whose proof passes.
    synthetic_weights
        Whether the weights are random or trained on simulated patients, where the checkpoint cannot tell.
    calibration_set
        Windows, perhaps with labels, on which reduced precisions are measured (`calibration.read`); None: those of the
        run, else generated ones.
    max_auroc_loss
        That a reduced precision may cost any target.
    evaluation
        Report of `ecg2lab evaluate` on these weights, whose model card the bundle will carry.
    tell
        Told each stage of the work.

    Returns
    -------
    ParityReport
        The proof, as the bundle carries it.

    Raises
    ------
    CheckpointError, ContractError, DatasetError, BackendError, ParityError, OutputError
        Nothing is written.
    """
    tell = tell or (lambda _: None)
    if precision not in PRECISIONS:
        raise BackendError(f"precision {precision!r} is not available; one of {', '.join(PRECISIONS)}")
    cpu.require(precision)
    if form is not None and form not in FORMS:
        raise BackendError(f"form {form!r} is not available; one of {', '.join(FORMS)}")
    if not 0 <= max_auroc_loss <= 1:
        raise CheckpointError(f"the largest AUROC loss must be between 0 and 1, not {max_auroc_loss:g}")
    tell("reading the checkpoint")
    source = _open(checkpoint, contract, synthetic_weights)
    _refuse_overwriting(out, source.weights, contract, calibration_set)
    windows = source.calibration(calibration_set)
    evaluated = None if evaluation is None else read_card(Path(evaluation), source.weights_sha256)
    with np.errstate(all="ignore"):  # what overflows is not finite, and no proof passes it
        proved = _prove(source, form, tell)
        gates, refused = _gates(proved, windows, max_auroc_loss, source.contract, precision, tell)
        if precision == "fp32":
            report = msgspec.structs.replace(proved.report, refused=refused)
        else:
            report = _reduced(proved, precision, gates)
    tell("writing the bundle")
    manifest = _manifest(source, proved, precision, gates)
    bundles.write(out, manifest, _members(source, proved, report, manifest, precision, evaluated))
    return report


@dataclass(frozen=True)
class _Source:
    """What is exported."""

    network: Network
    contract: Contract
    weights: Path
    run: RunRecord | None
    synthetic_weights: bool | None

    @property
    def weights_sha256(self) -> str:
        """Of the file."""
        return hashlib.sha256(self.weights.read_bytes()).hexdigest()

    def calibration(self, given: str | Path | None) -> CalibrationSet:
        """Given windows, those of the run, or generated ones."""
        if given is not None:
            return calibration.read(given, self.contract)
        if self.run and self.run.calibration:
            return calibration.read(self.run.calibration, self.contract, "windows of the validation fold")
        return calibration.generate(self.contract)


@dataclass(frozen=True)
class _Proved:
    """Graphs in fp32 that passed their proof, and reduced ones that did not yet."""

    graphs: Graphs
    weights: dict[str, NDArray[Any]]
    golden: Golden
    report: ParityReport

    def reduced(self, precision: str) -> Graphs:
        """The same graphs in a precision."""
        if precision == "fp32":
            return self.graphs
        wanted = cast(ReducedPrecision, precision)
        return replace(self.graphs, **{k: reduce_precision(g, wanted) for k, g in self.graphs.models().items()})


def _open(checkpoint: str | Path, contract: Contract | str | Path | None, synthetic: bool | None) -> _Source:
    path = Path(checkpoint)
    run = read_run(path) if path.is_dir() else None
    if run and synthetic not in (None, run.synthetic_weights):
        stated = "synthetic" if run.synthetic_weights else "not synthetic"
        raise CheckpointError(f"{path} states that its weights are {stated}; leave the option out")
    weights = run.weights if run else path
    network = cardiolab.read(weights)
    if isinstance(contract, (str, Path)):
        contract = contracts.read(contract)
    if not isinstance(contract, Contract | None):
        raise ContractError(f"a contract is a Contract or the path of one, not {type(contract).__name__}")
    contract = contract or (run.contract if run else default_contract(network))
    check_fit(network, contract)
    return _Source(network, contract, weights, run, run.synthetic_weights if run else synthetic)


def _refuse_overwriting(out: str | Path, *inputs: object) -> None:
    for given in inputs:
        both = isinstance(given, (str, Path)) and Path(given).exists() and Path(out).exists()
        if both and Path(str(given)).samefile(out):
            raise OutputError(f"{out} is an input of this export; name another file for the bundle")


def _prove(source: _Source, form: str | None, tell: Tell) -> _Proved:
    """Build and prove the wanted form, or the fastest whose proof passes."""
    network = source.network
    tell("realising the state spaces")
    cascades, checks, left_out = _cascades(network)
    weights = weight_tensors(network, cascades)
    golden = make_golden(network, source.contract)
    wanted: tuple[Form, ...] = tuple(f for f in by_speed(network) if form in (None, f))
    for candidate in wanted:
        tell(f"building and proving the {candidate} form")
        graphs = _graphs(network, candidate)
        report = proof.prove(network, graphs, weights, golden)
        report = msgspec.structs.replace(report, checks=report.checks + checks, left_out=report.left_out | left_out)
        if report.passed:
            kept = graphs.without_step() if STEP in report.left_out else graphs
            return _Proved(kept, weights, golden, report)
        worst = nearest_to_limit([check for check in report.checks if not check.passed])
        left_out = {**left_out, candidate: f"{worst.name}: error {worst.error:.2g} exceeds {worst.tolerance:.2g}"}
    raise ParityError("; ".join(left_out[candidate] for candidate in wanted) + "; no bundle was written")


def _cascades(network: Network) -> tuple[dict[int, Cascade], tuple[Check, ...], dict[str, str]]:
    """Cascades that are good enough, with their checks; and why the others are not."""
    good: dict[int, Cascade] = {}
    checks: list[Check] = []
    left_out: dict[str, str] = {}
    for index, layer in enumerate(network.layers):
        fitted = fit_cascade(layer)
        check = proof.fitted_cascade_check(fitted, layer, index, network.state_size)
        if check.passed:
            good[index] = fitted
            checks.append(check)
        else:
            reason = f"error {check.error:.2g} exceeds {check.tolerance:.2g}; chunked blocks take this layer"
            left_out[f"{CASCADE}, layer {index}"] = reason
    return good, tuple(checks), left_out


def _graphs(network: Network, form: Form) -> Graphs:
    window = window_graph.build(network, form)
    if not network.causal:
        return Graphs(form, window, None, None)
    shape = StepShape(most_samples=step_graph.MOST_SAMPLES, state_size=step_graph.state_size(network))
    return Graphs(form, window, step_graph.build(network), shape)


def _gates(
    proved: _Proved, windows: CalibrationSet, limit: float, contract: Contract, precision: str, tell: Tell
) -> tuple[dict[ReducedPrecision, Gate], dict[ReducedPrecision, str]]:
    """Of the precision that was asked for, which must pass; of an fp32 bundle, all that pass, and why others do not."""
    every: tuple[ReducedPrecision, ...] = get_args(ReducedPrecision)
    wanted = [reduced for reduced in every if precision in ("fp32", reduced)]
    decisions = gate.decide(proved.graphs.window, wanted, windows, contract, limit, tell, proved.weights)
    for reduced, error in decisions.refused.items():
        if precision == reduced:
            raise type(error)(f"{error}; no bundle was written")
    return decisions.granted, {reduced: str(error) for reduced, error in decisions.refused.items()}


def _reduced(proved: _Proved, precision: str, gates: Mapping[Any, Gate]) -> ParityReport:
    """Golden logits of the reduced graphs, edge cases among them, as a device computes them.

    They are held to the gate's limit for a single window. Once they passed, the limit that is recorded for `selftest`
    is four times the largest error found here, so that it notices a machine that computes otherwise.
    """
    fp32 = proved.report
    reduced, wanted = proved.reduced(precision), cast(ReducedPrecision, precision)
    graphs = replace(reduced, **{k: as_computed_on_devices(g, wanted) for k, g in reduced.models().items()})
    logits = list(proof.all_logits(graphs, proved.golden, REDUCED_LOGIT_TOLERANCE))
    logits += proof.native_logits(proved.weights, proved.golden, precision, REDUCED_LOGIT_TOLERANCE)
    kernels = [check for check in fp32.checks if check.quantity == KERNEL]
    proof.report(graphs.form, precision, logits, fp32.left_out).require()
    largest = max(gates[precision].logit_error_max, *(check.error for check in logits))
    limit = min(4 * largest, REDUCED_LOGIT_TOLERANCE)
    logits = [msgspec.structs.replace(check, tolerance=limit) for check in logits]
    return proof.report(graphs.form, precision, [*kernels, *logits], fp32.left_out)


def _manifest(
    source: _Source,
    proved: _Proved,
    precision: str,
    gates: dict[ReducedPrecision, Gate],
) -> Manifest:
    network = source.network
    ours = source.weights.suffix == cardiolab.OUR_SUFFIX
    return Manifest(
        synthetic_weights=source.synthetic_weights,
        form=proved.graphs.form,
        precision=precision,  # type: ignore[arg-type]
        opset=OPSET,
        network={
            "causal": network.causal,
            "parameters": network.parameters,
            "hidden": network.hidden,
            "state_size": network.state_size,
            "layers": len(network.layers),
        },
        step=proved.graphs.step_shape,
        lineage=Lineage(
            checkpoint_sha256=source.weights_sha256,
            format="ecg2lab" if ours else "cardiolab",
            training_data=source.run.training_data if source.run else None,
        ),
        tools={name: installed_version(name) or "?" for name in ("ecg2lab", "numpy", "onnx", "onnxruntime")},
        members={},
        gates=gates,
        contract=source.contract,
    )


def _members(
    source: _Source,
    proved: _Proved,
    report: ParityReport,
    manifest: Manifest,
    precision: str,
    evaluated: str | None,
) -> dict[str, bytes]:
    from safetensors.numpy import save

    graphs = proved.reduced(precision)
    members = {
        bundles.WEIGHTS: save(proved.weights),
        bundles.WINDOW_GRAPH: graphs.window.SerializeToString(deterministic=True),
        bundles.GOLDEN: save(proved.golden.tensors()),
        bundles.PARITY: msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n",
        bundles.CARD: model_card(manifest, report, source.run, evaluated).encode(),
    }
    if graphs.step is not None:
        members[bundles.STEP_GRAPH] = graphs.step.SerializeToString(deterministic=True)
    return members
