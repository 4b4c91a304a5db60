"""The files of one model in a repository, by their paths inside its folder."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from ecg2lab import bundle as bundles
from ecg2lab import contract as contracts
from ecg2lab._native import _core
from ecg2lab.bundle import Bundle
from ecg2lab.bundle.golden import read_golden
from ecg2lab.errors import BundleError
from ecg2lab.proof.parity import why_no_step
from ecg2lab_export.triton import config
from ecg2lab_export.triton.golden import Measured, archive, first_window, measure, measure_steps
from ecg2lab_export.triton.readme import readme
from ecg2lab_export.triton.settings import Settings

RECORD, CONTRACT, README = "ecg2lab.json", "contract.json", "README.md"
CLIENT, GOLDEN = "client.py", "golden.npz"
GRAPH = f"1/{config.MODEL_FILE}"
"""A repository's version is a folder; ours is always 1, because config.pbtxt speaks of all versions at once."""
Files = dict[str, bytes]


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What was written: the client reads the model from it, and `--replace` what may be removed."""

    schema_version: int = 1
    model: str
    variant: str
    """onnx, tensorrt or stream."""
    bundle: str
    """File name."""
    bundle_digest: str
    notice: str
    ecg2lab: str
    logit_error: float
    """On the golden inputs, with ONNX Runtime where this was written."""
    logit_limit: float
    """For a server."""
    feature_error: float | None = None
    feature_limit: float | None = None
    """None: the bundle gives no features."""
    files: dict[str, str]
    """SHA-256 of every other file of the folder."""


def onnx_folder(bundle: Bundle, settings: Settings) -> Files:
    """The window graph on ONNX Runtime."""
    return _window_folder(bundle, settings, settings.name, "onnx", config.onnx_model(bundle, settings))


def tensorrt_folder(bundle: Bundle, settings: Settings, name: str) -> Files:
    """The window graph, compiled by TensorRT on the server.

    Raises
    ------
    BundleError
        If the bundle is not of full precision.
    """
    precision = bundle.manifest.precision
    if precision != "fp32":
        raise BundleError(
            f"{bundle.source} carries {precision}; TensorRT within ONNX Runtime would choose each layer's precision "
            "itself, past the bundle's gate: export with --precision fp32, or leave --tensorrt out"
        )
    return _window_folder(bundle, settings, name, "tensorrt", config.tensorrt_model(bundle, settings, name))


def stream_folder(bundle: Bundle, settings: Settings, name: str) -> Files:
    """The step graph, fed in chunks.

    Raises
    ------
    BundleError
        If the bundle has none.
    """
    step = bundle.manifest.step
    if step is None:
        raise BundleError(f"{bundle.source} has no step graph: {why_no_step(bundle)}; leave --stream out")
    golden = read_golden(bundle)
    text = config.stream_model(bundle, settings, name, step.state_size)
    files = _common(bundle, settings, name, "stream", text)
    files |= {GRAPH: bundle.member(bundles.STEP_GRAPH), GOLDEN: archive(golden)}
    return _sealed(bundle, name, "stream", files, measure_steps(bundle, golden))


def _window_folder(bundle: Bundle, settings: Settings, name: str, variant: str, text: str) -> Files:
    golden = read_golden(bundle)
    files = _common(bundle, settings, name, variant, text) | {
        GRAPH: bundle.member(bundles.WINDOW_GRAPH),
        CLIENT: Path(__file__).with_name(CLIENT).read_bytes(),
        GOLDEN: archive(golden),
        # one window, raw and row-major; Triton repeats it to fill a batch
        **{f"warmup/{key}": array.tobytes() for key, array in first_window(golden).items()},
    }
    return _sealed(bundle, name, variant, files, measure(bundle, golden))


def _common(bundle: Bundle, settings: Settings, name: str, variant: str, text: str) -> Files:
    trained = {bundles.EXPERIENCE: bundle.member(bundles.EXPERIENCE)} if bundle.contract.experience else {}
    return trained | {
        "config.pbtxt": text.encode(),
        config.LABELS: _labels(bundle),
        CONTRACT: contracts.encode(bundle.contract),
        bundles.CARD: bundle.member(bundles.CARD),
        README: readme(bundle, settings, name, variant).encode(),
    }


def _sealed(bundle: Bundle, name: str, variant: str, files: Files, measured: Measured) -> Files:
    """Add the record of what the folder holds."""
    record = Record(
        model=name,
        variant=variant,
        bundle=Path(bundle.source).name,
        bundle_digest=bundle.digest,
        notice=bundle.manifest.notice,
        ecg2lab=_core.version,
        **measured._asdict(),
        files={path: hashlib.sha256(content).hexdigest() for path, content in sorted(files.items())},
    )
    return {**files, RECORD: msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"}


def _labels(bundle: Bundle) -> bytes:
    """One target's name in each line, in the order of the logits; a contract holds printable names only."""
    return "".join(f"{name}\n" for name in bundle.contract.target_names).encode()
