"""Checkpoint in, bundle out."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
from numpy.typing import NDArray

from ecg2lab import bundle as bundles
from ecg2lab import contract as contracts
from ecg2lab.bundle import Lineage, Manifest, NetworkShape
from ecg2lab.contract import Contract
from ecg2lab.errors import CheckpointError, ContractError, OutputError
from ecg2lab.extras import installed_version
from ecg2lab_export import cardiolab, window_graph
from ecg2lab_export.card import model_card
from ecg2lab_export.golden import make_golden
from ecg2lab_export.graph import OPSET
from ecg2lab_export.network import Network
from ecg2lab_export.parity import ParityReport, prove
from ecg2lab_export.realisation import Realisation, realise_system
from ecg2lab_export.run_folder import RunRecord, read_run

FORMS = ("recurrent",)
PRECISIONS = ("fp32",)


def export(
    checkpoint: str | Path,
    out: str | Path,
    contract: Contract | str | Path | None = None,
    precision: str = "fp32",
    form: str | None = None,
    synthetic_weights: bool | None = None,
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
        Of the graph.
    form
        Of the S4 layers; None: the default, `recurrent`.
    synthetic_weights
        Whether the weights are random or trained on simulated patients, where the checkpoint cannot tell.

    Raises
    ------
    CheckpointError, ContractError, ParityError
        Nothing is written.
    """
    if precision not in PRECISIONS:
        raise CheckpointError(f"precision {precision!r} is not available; one of {', '.join(PRECISIONS)}")
    if form not in (None, *FORMS):
        raise CheckpointError(f"form {form!r} is not available; one of {', '.join(FORMS)}")
    path = Path(checkpoint)
    run = read_run(path) if path.is_dir() else None
    if run and synthetic_weights not in (None, run.synthetic_weights):
        stated = "synthetic" if run.synthetic_weights else "not synthetic"
        raise CheckpointError(f"{path} states that its weights are {stated}; leave the option out")
    weights = run.weights if run else path
    _refuse_overwriting(out, weights, contract)
    network = cardiolab.read(weights)
    if isinstance(contract, (str, Path)):
        contract = contracts.read(contract)
    contract = contract or (run.contract if run else default_contract(network))
    check_fit(network, contract)

    with np.errstate(all="ignore"):  # what overflows is not finite, and no proof passes it
        systems = tuple(realise_system(layer.system) for layer in network.layers)
        graph = window_graph.build(network, systems)
        golden = make_golden(network, contract)
        report = prove(network, systems, graph, golden)
    report.require()

    manifest = _manifest(network, contract, weights, run, synthetic_weights)
    bundles.write(out, manifest, _members(network, systems, graph, golden.tensors(), report, manifest, run))
    return report


def _refuse_overwriting(out: str | Path, *inputs: object) -> None:
    for given in inputs:
        both = isinstance(given, (str, Path)) and Path(given).exists() and Path(out).exists()
        if both and Path(str(given)).samefile(out):
            raise OutputError(f"{out} is an input of this export; name another file for the bundle")


def default_contract(network: Network) -> Contract:
    """The published inputs, and targets that nobody has named.

    Raises
    ------
    ContractError
        If the network's inputs are not the published ones.
    """
    published = contracts.published(contracts.unnamed_targets(network.targets), name="imported checkpoint")
    signal = msgspec.structs.replace(published.signal, window_samples=network.window)
    return msgspec.structs.replace(published, signal=signal)


def check_fit(network: Network, contract: Contract) -> None:
    """Refuse a contract that speaks of another network.

    Raises
    ------
    ContractError
        Naming the first size that differs.
    """
    sizes = [
        ("leads", network.leads, len(contract.signal.leads)),
        ("samples a window", network.window, contract.signal.window_samples),
        ("continuous features", network.continuous_features, len(contract.continuous)),
        ("categorical features", len(network.embeddings), len(contract.categorical)),
        ("targets", network.targets, len(contract.targets)),
    ]
    for feature, table in zip(contract.categorical, network.embeddings, strict=False):
        sizes.append((f"categories of {feature.name}", len(table), len(feature.categories)))
    for what, found, wanted in sizes:
        if found != wanted:
            raise ContractError(f"the checkpoint has {found} {what}, the contract {wanted}; give a contract that fits")


def _manifest(
    network: Network, contract: Contract, weights: Path, run: RunRecord | None, synthetic: bool | None
) -> Manifest:
    origin = run.synthetic_weights if run else synthetic
    return Manifest(
        synthetic_weights=origin,
        form="recurrent",
        precision="fp32",
        opset=OPSET,
        network=NetworkShape(
            hidden=network.hidden,
            state_size=network.state_size,
            layers=len(network.layers),
            causal=network.causal,
            parameters=network.parameters,
        ),
        lineage=Lineage(
            checkpoint_sha256=hashlib.sha256(weights.read_bytes()).hexdigest(),
            format="ecg2lab" if weights.suffix == cardiolab.OUR_SUFFIX else "cardiolab",
            training_data=run.training_data if run else None,
        ),
        tools={name: installed_version(name) or "?" for name in ("ecg2lab", "numpy", "onnx", "onnxruntime")},
        members={},
        contract=contract,
    )


def _members(
    network: Network,
    systems: tuple[Realisation, ...],
    graph: onnx.ModelProto,
    golden: dict[str, NDArray[Any]],
    report: ParityReport,
    manifest: Manifest,
    run: RunRecord | None,
) -> dict[str, bytes]:
    from safetensors.numpy import save

    encoded = msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"
    return {
        bundles.WEIGHTS: save(weight_tensors(network, systems)),
        bundles.WINDOW_GRAPH: graph.SerializeToString(deterministic=True),
        bundles.GOLDEN: save(golden),
        bundles.PARITY: encoded,
        bundles.CARD: model_card(manifest, report, run).encode(),
    }


def weight_tensors(network: Network, systems: tuple[Realisation, ...]) -> dict[str, NDArray[Any]]:
    """What a native engine reads: weights in float32, the realised state spaces in float64, BatchNorm folded."""
    out: dict[str, NDArray[Any]] = {
        "encoder.weight": network.encoder_weight,
        "encoder.bias": network.encoder_bias,
        "head.weight": network.head_weight,
        "head.bias": network.head_bias,
    }
    for i, layer in enumerate(network.layers):
        out |= {f"layers.{i}.output.weight": layer.output_weight, f"layers.{i}.output.bias": layer.output_bias}
        out |= {f"layers.{i}.norm.weight": layer.norm_weight, f"layers.{i}.norm.bias": layer.norm_bias}
    out |= {f"embeddings.{i}": table for i, table in enumerate(network.embeddings)}
    for i, block in enumerate(network.static):
        out[f"static.{i}.weight"], out[f"static.{i}.bias"] = block.folded()
    rounded: dict[str, NDArray[Any]] = {name: np.ascontiguousarray(x, dtype=np.float32) for name, x in out.items()}
    for i, (layer, system) in enumerate(zip(network.layers, systems, strict=True)):
        rounded |= {f"layers.{i}.{key}": getattr(system, key) for key in "abc"}
        rounded[f"layers.{i}.d"] = layer.d
    return rounded
