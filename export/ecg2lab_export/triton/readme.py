"""The README.md of one model in a repository: what the server computes, how to start it, how to ask it."""

from __future__ import annotations

from ecg2lab.bundle import Bundle
from ecg2lab_export.triton import config
from ecg2lab_export.triton.settings import Settings

_HEAD = """\
# {name}

**{notice}.** Written by `ecg2lab triton` from the bundle with digest
`{digest}`.

The server computes the **bare network: {computed} of preprocessed windows**. It checks no lead, unit, rate
or signal quality and decides nothing. A logit is no probability until it went through what
`contract.json` says: mean over windows, calibration, decision threshold. ecg2lab does both sides.

| tensor | type | shape | meaning |
|---|---|---|---|
{tensors}

## Serve

```
docker run {options} \\
  {mounts} \\
  nvcr.io/nvidia/tritonserver:YY.MM-py3 \\
  tritonserver --model-repository=/models --model-control-mode=explicit --load-model={name}
```

REPOSITORY is the absolute path of the folder that holds this one; YY.MM is a Triton release.
"""
_ON_CPU = """\
Instances: {instances}, each with {threads} thread(s) on the CPU. Instances × threads should not exceed the
server's cores: more compete with each other.
"""
_ON_GPU = """\
Instances: {instances} on each GPU; a server without a GPU refuses the model. It needs the onnxruntime
backend of June 2024 or newer, which can switch TF32 off.
"""
_ON_TENSORRT = """\
Instances: {instances} on each GPU; a server without a GPU refuses the model.

ONNX Runtime has TensorRT compile the network **on this server, while the model is loaded**: that takes
long the first time, and is short when the engine is found in `{engine_cache}` again. An engine is
executable code: let nobody but the server write to that folder, and bring no engine from elsewhere.
`NVIDIA_TF32_OVERRIDE=0` keeps products in full float32; without it TensorRT may round their factors to
ten bits on GPUs since Ampere.
"""
_ASK = """\
## Ask

```
pip install ecg2lab 'tritonclient[grpc]'
python client.py localhost:8001                                  # does the server compute this model?
python client.py localhost:8001 record.hea --patient facts.json  # probabilities and decisions
```

The first command sends the bundle's golden inputs and compares the outputs with float64: run it after
every change of server, driver or GPU. `client.py` is short; read it before writing a client of your own.
"""
_ASK_STREAM = """\
## Ask

A sequence is one window of {window} samples, in chunks of 1 to {most} samples. Every chunk carries the same
`sequence_id`, `continuous` and `categorical`; the first says `sequence_start=True`, the last
`sequence_end=True`; each waits for the answer to the one before:

```python
server.infer("{name}", inputs, sequence_id=7, sequence_start=first, sequence_end=last)
```

The logits after a chunk are those of all samples since the start; after the last they are the window's,
and only these are what the model was trained to answer with. The server keeps the state, starts every sequence from
zeros, and forgets a sequence after 60 s without a chunk; a later chunk is refused, and the window begins
anew. End every sequence, also one that is given up: an open one holds its place. A `sequence_id` is that
of one stream of one patient, and free for another only after its end.
"""
_FILES = """\
## Files

| file | what it is |
|---|---|
| config.pbtxt | names, types, shapes, batching; `parameters` carry digest, notice and origin |
| 1/model.onnx | the graph, byte for byte that of the bundle |
| labels.txt | targets, in the order of the logits |
| contract.json, card.md | what inputs and outputs mean; the model card |
| experience.safetensors | where `contract.json` has `experience`: from what the distance of a recording is measured |
| golden.npz | inputs with their float64 outputs, for checking a server |
| ecg2lab.json | digests of these files, and the errors that a server must stay below |
"""
_FILES_OF_WINDOWS = """\
| client.py | asks the server |
| warmup/ | a simulated window that the server runs before it counts as ready |
"""


def readme(bundle: Bundle, settings: Settings, name: str, variant: str) -> str:
    """Markdown for one model folder.

    Parameters
    ----------
    bundle
        Where the model comes from.
    settings
        How it is served.
    name
        Of the model.
    variant
        onnx, tensorrt or stream.
    """
    notice = bundle.manifest.notice
    head = _HEAD.format(
        name=name,
        notice=notice[0].upper() + notice[1:],
        digest=bundle.digest,
        computed="logits" if bundle.features is None else "logits and features",
        tensors="\n".join(_tensors(bundle, variant)),
        options=" ".join(_options(settings, variant)),
        mounts=" ".join(_mounts(settings, variant)),
    )
    place = _ON_TENSORRT if variant == "tensorrt" else _ON_GPU if settings.device == "gpu" else _ON_CPU
    where = place.format(instances=settings.instances, threads=settings.threads, engine_cache=settings.engine_cache)
    step = bundle.manifest.step
    if variant == "stream" and step is not None:
        ask = _ASK_STREAM.format(window=bundle.contract.signal.window_samples, most=step.most_samples, name=name)
        return "\n".join((head, where, ask, _FILES))
    return "\n".join((head, where, _ASK, _FILES + _FILES_OF_WINDOWS))


def _tensors(bundle: Bundle, variant: str) -> list[str]:
    """Rows of the table of inputs and outputs; B is the batch."""
    signal, columns = bundle.contract.signal, bundle.contract.static_inputs
    meanings = {
        "signal": f"mV, {signal.sampling_rate_hz:g} Hz, leads {' '.join(signal.leads)}",
        "continuous": ", ".join(columns.continuous),
        "categorical": ", ".join(columns.categorical),
    }
    declared = config.stream_inputs(bundle.contract) if variant == "stream" else config.inputs(bundle.contract)
    rows = []
    for name, (data_type, dims) in declared.items():
        shape = ", ".join(str(size) if size > 0 else "samples" for size in dims)
        rows.append(f"| `{name}` | {data_type.removeprefix('TYPE_')} | (B, {shape}) | {meanings[name]} |")
    rows.append(f"| `logits`, output | FP32 | (B, {len(bundle.contract.targets)}) | in the order of `labels.txt` |")
    if bundle.features is not None:
        rows.append(f"| `features`, output | FP32 | (B, {bundle.features}) | what the network's last layer is given |")
    return rows


def _options(settings: Settings, variant: str) -> list[str]:
    """Of `docker run`."""
    on_gpu = variant == "tensorrt" or settings.device == "gpu"
    return ["--rm", *(["--gpus all", "-e NVIDIA_TF32_OVERRIDE=0"] if on_gpu else []), "-p 8000-8002:8000-8002"]


def _mounts(settings: Settings, variant: str) -> list[str]:
    engines = [f"-v ecg2lab-engines:{settings.engine_cache}"] if variant == "tensorrt" else []
    return ["-v REPOSITORY:/models:ro", *engines]
