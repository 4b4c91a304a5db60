"""A model's config.pbtxt: what Triton must know to serve it, and what a client may ask it about the model.

Fields are those of `ModelConfig` (github.com/triton-inference-server/common, protobuf/model_config.proto), parameters
of the onnxruntime backend those of its README (github.com/triton-inference-server/onnxruntime_backend).
"""

from __future__ import annotations

from typing import NamedTuple

from ecg2lab._native import _core
from ecg2lab.bundle import Bundle
from ecg2lab.bundle.network_inputs import CATEGORICAL, CONTINUOUS, FEATURES, LOGITS, NEXT_STATE, SIGNAL, STATE
from ecg2lab.contract import Contract
from ecg2lab_export.triton.pbtxt import Message, Value, Word, entries, render
from ecg2lab_export.triton.settings import Settings

MODEL_FILE, LABELS = "model.onnx", "labels.txt"
PREFIX = "ecg2lab_"
"""Of the parameters that say which model this is; backends pass over those that they do not know."""
FLOAT, INTEGER = Word("TYPE_FP32"), Word("TYPE_INT64")
_WORKSPACE_BYTES = 1 << 30
_MOST_SEQUENCES = 256
_LONGEST_IDLE_US = 60_000_000


class Tensor(NamedTuple):
    """An input, as it is declared and as it is warmed up."""

    data_type: Word
    dims: tuple[int, ...]
    """Without the batch."""


def inputs(contract: Contract) -> dict[str, Tensor]:
    """Inputs of the window graph."""
    signal, columns = contract.signal, contract.static_inputs
    return {
        SIGNAL: Tensor(FLOAT, (len(signal.leads), signal.window_samples)),
        CONTINUOUS: Tensor(FLOAT, (len(columns.continuous),)),
        CATEGORICAL: Tensor(INTEGER, (len(columns.categorical),)),
    }


def stream_inputs(contract: Contract) -> dict[str, Tensor]:
    """Inputs of the step graph that a client sends: the signal is a chunk of any length."""
    chunk = Tensor(FLOAT, (len(contract.signal.leads), -1))
    return {**inputs(contract), SIGNAL: chunk}


def onnx_model(bundle: Bundle, settings: Settings) -> str:
    """Window graph on ONNX Runtime, on the CPU or on a GPU."""
    optimization: dict[str, Value] = {}
    if settings.device == "gpu":
        # TF32 keeps ten bits of a product's factors: not the arithmetic that the bundle's proof speaks of.
        accelerator: Message = {"name": "cuda", "parameters": entries({"use_tf32": "0"})}
        accelerators: Message = {"gpu_execution_accelerator": [accelerator]}
        optimization = {"optimization": {"execution_accelerators": accelerators}}
    return render({**_window(bundle, settings, settings.name, settings.device), **optimization})


def tensorrt_model(bundle: Bundle, settings: Settings, name: str) -> str:
    """Window graph on ONNX Runtime, which has TensorRT compile it on the serving GPU when the model is loaded."""
    parameters = {
        "precision_mode": "FP32",
        "max_workspace_size_bytes": str(_WORKSPACE_BYTES),
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": settings.engine_cache,
        # The key of ONNX Runtime's cache leaves the weights out (its issue 6455): two trainings of one network would
        # share an engine, and the second would answer with the weights of the first.
        "trt_engine_cache_prefix": f"{name}_{bundle.digest[:16]}_{settings.max_batch}",
        "trt_force_sequential_engine_build": "1",
        # All shapes are stated, so that the engine is built while loading and never within a request.
        "trt_profile_min_shapes": _profile(bundle.contract, 1),
        "trt_profile_opt_shapes": _profile(bundle.contract, settings.preferred_batches(bundle.contract.signal)[0]),
        "trt_profile_max_shapes": _profile(bundle.contract, settings.max_batch),
    }
    accelerator: Message = {"name": "tensorrt", "parameters": entries(parameters)}
    optimization: Message = {"execution_accelerators": {"gpu_execution_accelerator": [accelerator]}}
    return render({**_window(bundle, settings, name, "gpu"), "optimization": optimization})


def stream_model(bundle: Bundle, settings: Settings, name: str, state: int) -> str:
    """Step graph of a causal network; the state stays on the server, one for each sequence.

    Parameters
    ----------
    bundle
        With a step graph.
    settings
        How to serve it.
    name
        Of the model.
    state
        Numbers in the state.
    """
    declared = stream_inputs(bundle.contract)
    carried: Message = {
        "input_name": STATE,
        "output_name": NEXT_STATE,
        "data_type": FLOAT,
        "dims": [state],
        # A state that nobody initialised is whatever lay in memory: another patient's, at worst.
        "initial_state": [{"data_type": FLOAT, "dims": [state], "zero_data": True, "name": "zeros"}],
    }
    batching: Message = {
        "max_sequence_idle_microseconds": _LONGEST_IDLE_US,
        "oldest": {
            "max_candidate_sequences": _MOST_SEQUENCES,
            "max_queue_delay_microseconds": settings.queue_delay_us,
        },
        "state": [carried],
    }
    return render({**_common(bundle, settings, name, settings.device, declared), "sequence_batching": batching})


def _window(bundle: Bundle, settings: Settings, name: str, device: str) -> Message:
    declared = inputs(bundle.contract)
    preferred = settings.preferred_batches(bundle.contract.signal)
    return {
        **_common(bundle, settings, name, device, declared),
        "dynamic_batching": {
            "preferred_batch_size": preferred,
            "max_queue_delay_microseconds": settings.queue_delay_us,
        },
        "model_warmup": [_warm_up(size, declared) for size in sorted({1, *preferred})],
    }


def _common(bundle: Bundle, settings: Settings, name: str, device: str, declared: dict[str, Tensor]) -> Message:
    return {
        "name": name,
        "backend": "onnxruntime",
        "platform": "onnxruntime_onnx",
        "default_model_filename": MODEL_FILE,
        "version_policy": {"latest": {"num_versions": 1}},
        "max_batch_size": settings.max_batch,
        "input": [{"name": key, "data_type": x.data_type, "dims": list(x.dims)} for key, x in declared.items()],
        "output": _outputs(bundle),
        "instance_group": [{"count": settings.instances, "kind": Word(f"KIND_{device.upper()}")}],
        "parameters": entries({key: {"string_value": value} for key, value in _parameters(bundle, settings).items()}),
    }


def _outputs(bundle: Bundle) -> list[Message]:
    logits: Message = {
        "name": LOGITS,
        "data_type": FLOAT,
        "dims": [len(bundle.contract.targets)],
        "label_filename": LABELS,
    }
    if bundle.features is None:
        return [logits]
    return [logits, {"name": FEATURES, "data_type": FLOAT, "dims": [bundle.features]}]


def _parameters(bundle: Bundle, settings: Settings) -> dict[str, str]:
    manifest = bundle.manifest
    synthetic = {True: "true", False: "false", None: "unstated"}[manifest.synthetic_weights]
    described = {
        "model": manifest.contract.name,
        "bundle_digest": bundle.digest,
        "notice": manifest.notice,
        "synthetic_weights": synthetic,
        "form": manifest.form,
        "precision": manifest.precision,
        "version": _core.version,
    }
    threads = {"intra_op_thread_count": str(settings.threads), "inter_op_thread_count": "1", "execution_mode": "0"}
    return threads | {PREFIX + key: value for key, value in described.items()}


def _warm_up(size: int, declared: dict[str, Tensor]) -> Message:
    """Run a window of the bundle's golden inputs before the model counts as ready; the files are in `warmup/`."""
    samples: dict[str, Message | str] = {
        name: {"data_type": x.data_type, "dims": list(x.dims), "input_data_file": name} for name, x in declared.items()
    }
    return {"name": f"batch of {size}", "batch_size": size, "inputs": entries(samples)}


def _profile(contract: Contract, batch: int) -> str:
    """Shapes of a batch, as `trt_profile_*_shapes` wants them."""
    return ",".join(f"{name}:{'x'.join(map(str, (batch, *x.dims)))}" for name, x in inputs(contract).items())
