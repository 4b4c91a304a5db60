"""A bundle put together: its manifest, and the content of every member."""

from __future__ import annotations

import msgspec

from ecg2lab import bundle as bundles
from ecg2lab.bundle import Lineage, Manifest
from ecg2lab.system.extras import installed_version
from ecg2lab_export.architecture.protocol import Forms
from ecg2lab_export.card import model_card
from ecg2lab_export.checkpoint.tensor_file import OUR_SUFFIX
from ecg2lab_export.experience import encode
from ecg2lab_export.graphs.builder import OPSET
from ecg2lab_export.precision.strategy import Reached
from ecg2lab_export.proof.golden import Golden
from ecg2lab_export.source import Source

_TOOLS = ("ecg2lab", "numpy", "onnx", "onnxruntime")


def assemble(
    source: Source, forms: Forms, reached: Reached, golden: Golden, evaluated: str | None
) -> tuple[Manifest, dict[str, bytes]]:
    """Put together what was proved.

    Parameters
    ----------
    source
        Where the network comes from.
    forms
        Of the network.
    reached
        Graphs and proof in the bundle's precision.
    golden
        Inputs on which the proof was made.
    evaluated
        Model card of an evaluation.
    """
    from safetensors.numpy import save

    manifest = _manifest(source, forms, reached)
    card = model_card(manifest, forms.description, reached.report, source.record, evaluated)
    members = {
        bundles.WINDOW_GRAPH: reached.graphs.window.SerializeToString(deterministic=True),
        bundles.GOLDEN: save(golden.tensors()),
        bundles.PARITY: msgspec.json.format(msgspec.json.encode(reached.report), indent=1) + b"\n",
        bundles.CARD: card.encode(),
    }
    if source.space is not None:
        members[bundles.EXPERIENCE] = encode(source.space)
    if not isinstance(forms.native, str):
        members[bundles.WEIGHTS] = save(dict(forms.native))
    if reached.graphs.step is not None:
        members[bundles.STEP_GRAPH] = reached.graphs.step.graph.SerializeToString(deterministic=True)
    return manifest, members


def _manifest(source: Source, forms: Forms, reached: Reached) -> Manifest:
    step = reached.graphs.step
    return Manifest(
        synthetic_weights=source.synthetic_weights,
        form=reached.graphs.form,
        precision=reached.report.precision,  # type: ignore[arg-type]
        opset=OPSET,
        architecture=source.architecture.name,
        network=forms.shape,
        step=None if step is None else step.shape,
        lineage=Lineage(
            checkpoint_sha256=source.weights_sha256,
            format="ecg2lab" if source.weights.suffix == OUR_SUFFIX else "cardiolab",
            training_data=source.record.training_data if source.record else None,
        ),
        tools={name: installed_version(name) or "?" for name in _TOOLS},
        members={},
        gates=reached.gates,
        contract=source.contract,
    )
