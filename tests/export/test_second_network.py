"""The seam for networks: one that has nothing of the published one goes all the way, known to this file alone.

A small depthwise convolution network: no recurrence, no static branch, four leads at 125 Hz, windows of 2 s, a step for
every second sample.
"""

import json
from dataclasses import dataclass

import msgspec
import numpy as np
import onnx
import pytest
from safetensors.numpy import save_file
from typer.testing import CliRunner

import ecg2lab
from ecg2lab import contract as contracts
from ecg2lab import selftest
from ecg2lab.bundle import Bundle, architectures
from ecg2lab.bundle.network_inputs import CATEGORICAL, CONTINUOUS, LOGITS, SIGNAL
from ecg2lab.cli import app
from ecg2lab.errors import BackendError, BundleError, CheckpointError, ContractError, ParityError
from ecg2lab.proof import parity
from ecg2lab_export import export, registry
from ecg2lab_export.architecture.protocol import Findings, Truth
from ecg2lab_export.graphs.builder import GraphBuilder
from ecg2lab_export.triton import repository
from ecg2lab_export.triton.settings import Settings

NAME = "depthwise-cnn"
LEADS, WINDOW, RATE, TARGETS = ("I", "II", "V2", "V5"), 250, 125.0, 3
CHANNELS, TAPS, STRIDE = 6, 7, 2


@dataclass(frozen=True)
class Convolutions:
    """Depthwise over time, pointwise to more channels, ReLU, mean over the steps, linear."""

    depthwise: np.ndarray  # (leads taps)
    pointwise: np.ndarray  # (channels leads)
    bias: np.ndarray  # (channels)
    head: np.ndarray  # (targets channels)
    head_bias: np.ndarray  # (targets)
    window: int
    leads, continuous_features, categories, targets = len(LEADS), 0, (), TARGETS

    def outputs(self, signal, continuous, categorical):
        """By definition, step by step in float64; this architecture hands out no features."""
        padded = np.pad(signal.astype(np.float64), ((0, 0), (0, 0), (TAPS // 2, TAPS // 2)))
        starts = range(0, self.window, STRIDE)
        filtered = np.stack([(padded[:, :, t : t + TAPS] * self.depthwise).sum(axis=-1) for t in starts], axis=1)
        hidden = np.maximum(filtered @ self.pointwise.T + self.bias, 0)  # (B steps channels)
        return Truth(hidden.mean(axis=1) @ self.head.T + self.head_bias, None)


@dataclass(frozen=True)
class ConvolutionForms:
    """What export asks of it."""

    network: Convolutions
    description = "A depthwise convolution network."
    window_forms, precisions = ("direct",), ()
    native = f"a network of architecture {NAME!r} has no native weights"
    error = 0.0

    @property
    def shape(self):
        n = self.network
        numbers = sum(x.size for x in (n.depthwise, n.pointwise, n.bias, n.head, n.head_bias))
        return {"causal": False, "parameters": numbers, "channels": CHANNELS, "taps": TAPS}

    def window_graph(self, form):
        assert form == "direct"
        n, graph = self.network, GraphBuilder()
        graph_input = graph.input(SIGNAL, "float32", ("batch", n.leads, n.window))
        graph.input(CONTINUOUS, "float32", ("batch", 0))
        graph.input(CATEGORICAL, "int64", ("batch", 0))
        pads = (TAPS // 2, TAPS // 2)
        filters = graph.constant(n.depthwise[:, None])
        x = graph.add("Conv", graph_input, filters, group=n.leads, kernel_shape=(TAPS,), pads=pads, strides=(STRIDE,))
        x = graph.add("Conv", x, graph.constant(n.pointwise[:, :, None]), graph.constant(n.bias), kernel_shape=(1,))
        x = graph.add("Relu", x)  # (B channels steps)
        steps = -(-n.window // STRIDE)
        mean = graph.add("MatMul", x, graph.constant(np.full((steps, 1), 1 / steps)))
        pooled = graph.reshape(mean, (-1, CHANNELS))
        logits = graph.add("Gemm", pooled, graph.constant(n.head.T), graph.constant(n.head_bias * (1 + self.error)))
        return graph.finish({LOGITS: (logits, ("batch", n.targets))}, "depthwise convolutions")

    def step(self):
        return parity.BIDIRECTIONAL

    def findings(self, form):
        return Findings()


class Depthwise:
    """The architecture."""

    name = NAME
    forms = ConvolutionForms

    def recognises(self, tensors):
        return "depthwise" in tensors

    def read(self, tensors):
        keys = ("depthwise", "pointwise", "bias", "head", "head_bias")
        missing = [key for key in keys if key not in tensors]
        if missing:
            raise CheckpointError(f"missing key: {missing[0]}")
        return Convolutions(*(tensors[key].astype(np.float64) for key in keys), int(tensors["window"][0]))

    def realise(self, network):
        return self.forms(network)


@pytest.fixture
def registered(monkeypatch):
    architecture = Depthwise()
    monkeypatch.setitem(registry.ARCHITECTURES, NAME, architecture)
    monkeypatch.setitem(architectures.ARCHITECTURES, NAME, architectures.Architecture(NAME, "Depthwise convolutions"))
    return architecture


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    random = np.random.default_rng(0)
    shapes = {"depthwise": (4, TAPS), "pointwise": (CHANNELS, 4), "bias": (CHANNELS,), "head": (TARGETS, CHANNELS)}
    tensors = {name: random.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}
    tensors["head_bias"] = random.normal(0, 1, TARGETS).astype(np.float32)
    path = tmp_path_factory.mktemp("second") / "second.safetensors"
    save_file(tensors | {"window": np.array([WINDOW])}, path)
    return path


@pytest.fixture(scope="module")
def contract():
    published = contracts.published(contracts.unnamed_targets(TARGETS), name="second network")
    signal = contracts.Signal(leads=LEADS, sampling_rate_hz=RATE, window_samples=WINDOW)
    return msgspec.structs.replace(published, signal=signal, continuous=(), categorical=())


@pytest.fixture
def path(registered, checkpoint, contract, tmp_path):
    export(checkpoint, tmp_path / "second.ecg2lab", contract=contract, synthetic_weights=True)
    return tmp_path / "second.ecg2lab"


def recording():
    time = np.arange(2500) / 250
    rows = [np.sin(2 * np.pi * (1 + i) * time) + 0.2 * np.sin(2 * np.pi * 17 * time) for i in range(len(LEADS))]
    return ecg2lab.Recording(np.array(rows), fs=250, leads=list(LEADS), unit="mV")


def test_its_bundle_says_what_it_is_and_holds_its_proof(path, contract):
    bundle = Bundle.open(path)
    manifest, proof = bundle.manifest, parity.recorded(bundle)
    assert (manifest.architecture, manifest.form, manifest.step, manifest.gates) == (NAME, "direct", None, {})
    assert (manifest.network["channels"], manifest.contract) == (CHANNELS, contract)
    assert {check.form for check in proof.checks} == {"direct"}
    assert proof.left_out == {"native": ConvolutionForms.native, "step": parity.BIDIRECTIONAL}
    assert "weights.safetensors" not in manifest.members
    card = bundle.member("card.md").decode()
    assert "A depthwise convolution network. Input: 4 leads at 125 Hz, windows of 2 s.\n" in card


def test_it_answers_on_onnx_runtime_and_auto_says_so(path, registered, checkpoint):
    """Its logits are those of the definition; its probabilities are of windows that the one pipeline cut."""
    _, network = registry.read(checkpoint)
    with ecg2lab.load(path) as engine:
        assert engine.info.backend == "onnxruntime"
        windows = np.random.default_rng(1).normal(0, 1, (5, len(LEADS), WINDOW)).astype(np.float32)
        nothing = np.zeros((5, 0), np.float32), np.zeros((5, 0), np.int64)
        expected, _ = network.outputs(windows, *nothing)
        np.testing.assert_allclose(engine.run(windows, *nothing), expected, rtol=0, atol=2e-5)
        assert engine.outputs(windows, *nothing).features is None
        with pytest.raises(BackendError, match=f"gives no features: networks of architecture '{NAME}' have none"):
            engine.features(windows, *nothing)
        prediction = engine.predict(recording())
        assert [finding.target for finding in prediction.findings] == ["target_000", "target_001", "target_002"]
        assert prediction.recording.windows == 5


def test_it_streams_by_windows(path):
    with ecg2lab.load(path, backend="onnxruntime") as engine:
        samples = recording().samples
        stream = engine.stream(fs=250, leads=list(LEADS), unit="mV", hop_s=1.0)
        answers = [answer for part in np.array_split(samples, 13, axis=1) for answer in stream.push(part)]
        assert answers
        with pytest.raises(BackendError, match="has no step graph: the model is bidirectional"):
            engine.stream(fs=250, leads=list(LEADS), unit="mV", by="state")


@pytest.mark.parametrize(
    ("backend", "reason"),
    [
        ("native", f"without the native backend: a network of architecture '{NAME}' has no native weights"),
        ("torch", f"the torch backend has no form of architecture '{NAME}'"),
    ],
)
def test_backends_that_have_no_form_of_it_say_so(path, backend, reason):
    with pytest.raises(BackendError, match=reason):
        ecg2lab.load(path, backend=backend)


def test_inspect_and_selftest_know_it(path):
    shown = CliRunner().invoke(app, ["inspect", str(path)], env={"COLUMNS": "200"})
    assert "Depthwise convolutions, bidirectional: channels 6, taps 7, 79 parameters" in shown.stdout
    report = selftest.run(Bundle.open(path))
    assert report.passed
    assert {check.backend for check in report.checks} == {"onnxruntime"}
    tested = CliRunner().invoke(app, ["selftest", str(path), "--json"])
    assert tested.exit_code == 0, tested.output
    assert json.loads(tested.stdout)


def test_a_fault_of_its_graph_is_found(registered, checkpoint, contract, tmp_path):
    class Wrong(ConvolutionForms):
        error = 1e-3

    registered.forms = Wrong
    with pytest.raises(ParityError, match=r"logits, direct on onnxruntime, batch 1: .*no bundle was written"):
        export(checkpoint, tmp_path / "x.ecg2lab", contract=contract)
    assert not (tmp_path / "x.ecg2lab").exists()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"form": "spectral"}, BackendError, "form 'spectral' is not available; one of direct"),
        ({"precision": "bf16"}, BackendError, "this network cannot be reduced to bf16; no bundle was written"),
        ({"contract": None}, ContractError, "the checkpoint has 4 leads, the contract 12"),
    ],
)
def test_what_it_does_not_have_is_refused_by_name(registered, checkpoint, contract, tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        export(checkpoint, tmp_path / "x.ecg2lab", **{"contract": contract} | options)


def test_where_nobody_has_registered_it_its_bundle_was_made_by_a_newer_ecg2lab(path, monkeypatch):
    monkeypatch.delitem(architectures.ARCHITECTURES, NAME)
    bundle = Bundle.open(path)
    for use in (ecg2lab.load, selftest.run):
        with pytest.raises(BundleError, match=f"architecture '{NAME}'.*made by a newer ecg2lab"):
            use(bundle)
    shown = CliRunner().invoke(app, ["inspect", str(path)])
    assert "made by a newer ecg2lab" in str(shown.exception)


def test_triton_takes_no_input_without_columns_so_no_repository_is_written(path, tmp_path):
    with pytest.raises(ContractError, match="takes no facts about the patient.*Triton serves no input without columns"):
        repository.write(path, tmp_path / "repo", Settings(name="second"))
    assert not (tmp_path / "repo").exists()


def test_its_graph_is_of_operators_that_every_graph_may_have(path):
    """What export asserts of the published network's graphs holds for this one: no foreign domain, no control flow."""
    graph = onnx.load_from_string(Bundle.open(path).member("window.onnx"))
    assert {node.op_type for node in graph.graph.node} <= {"Conv", "Relu", "MatMul", "Reshape", "Gemm", "Identity"}
    assert {node.domain for node in graph.graph.node} == {""}
