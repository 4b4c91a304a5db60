"""`backend="onnxruntime-cuda"`: the GPU by explicit choice or not at all, with a stand-in for a CUDA build.

The stand-in computes on the CPU and says what it was asked; what is marked `gpu` asks the real thing.
"""

import os
import types
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime
import pytest

import ecg2lab
from ecg2lab import selftest
from ecg2lab.backends import onnxruntime as backends
from ecg2lab.backends import onnxruntime_cuda as cuda
from ecg2lab.bundle import Bundle
from ecg2lab.bundle.golden import read_golden
from ecg2lab.errors import BackendError, MissingExtraError, ParityError
from ecg2lab.proof.parity import tolerances

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


class PretendedSession(onnxruntime.InferenceSession):
    """Takes the first provider that it was told to start."""

    starts = True
    node_on_cpu = False
    asked: list

    def __init__(self, model, options, providers, enable_fallback):
        super().__init__(model, options, providers=[CPU])
        assert not enable_fallback
        ((_, given),) = providers
        if self.node_on_cpu and "enable_cuda_graph" in given:
            raise RuntimeError("This session cannot use the graph capture feature as requested by the user")
        type(self).asked = providers

    def get_providers(self):
        (name, _), *_ = self.asked
        return [name, CPU] if self.starts else [CPU]


class OnTheGpu(onnxruntime.OrtValue):
    """A GPU's memory: what is on the host is copied to it when that is asked for, and not before."""

    @classmethod
    def ortvalue_from_numpy(cls, array, device, number):
        return onnxruntime.OrtValue.ortvalue_from_numpy(array.copy(), device, number)


@pytest.fixture
def cuda_build(monkeypatch):
    """An ONNX Runtime that was built with CUDA."""
    runtime = types.SimpleNamespace(
        SessionOptions=onnxruntime.SessionOptions,
        InferenceSession=PretendedSession,
        OrtValue=OnTheGpu,
        RunOptions=onnxruntime.RunOptions,
        get_available_providers=lambda: [CUDA, CPU],
        __version__="1.99",
    )
    for module in (backends, cuda):
        monkeypatch.setattr(module, "import_runtime", lambda extra="onnx": runtime)
    monkeypatch.setattr(PretendedSession, "starts", True)
    monkeypatch.setattr(cuda.CudaWindow, "memory", "cpu")
    return runtime


def golden_of(bundle):
    golden = read_golden(Bundle.open(bundle))
    return [golden[name] for name in ("signal", "continuous", "categorical")], golden["logits"]


def test_it_answers_on_the_provider_that_was_asked_for_and_says_so(cuda_build, bundle):
    inputs, logits = golden_of(bundle)
    with ecg2lab.load(bundle, backend="onnxruntime-cuda", threads=1) as engine:
        assert (engine.info.backend, engine.info.device) == ("onnxruntime-cuda", "cuda:0")
        assert engine.info.provider == f"{CUDA}, CUDA graphs"
        np.testing.assert_allclose(engine.run(*inputs), logits, rtol=0, atol=2e-5)
    # The CPU is not among them, nor rounded operands.
    assert PretendedSession.asked == [(CUDA, {"use_tf32": "0", "enable_cuda_graph": "1"})]


def test_where_a_node_runs_on_the_cpu_there_is_no_cuda_graph_and_none_is_claimed(cuda_build, bundle, monkeypatch):
    monkeypatch.setattr(PretendedSession, "node_on_cpu", True)
    with ecg2lab.load(bundle, backend="onnxruntime-cuda", threads=1) as engine:
        assert engine.info.provider == CUDA
    assert PretendedSession.asked == [(CUDA, {"use_tf32": "0"})]


@pytest.mark.parametrize("count", [1, 3, 4, 5, 64, 65, 130])
def test_a_batch_is_cut_and_filled_up_and_no_row_is_mixed_up(cuda_build, bundle, count):
    (signal, continuous, categorical), _ = golden_of(bundle)
    rows = np.random.default_rng(count).integers(0, len(signal), count)
    inputs = signal[rows], continuous[rows], categorical[rows]
    with (
        ecg2lab.load(bundle, backend="onnxruntime-cuda", threads=1) as engine,
        ecg2lab.load(bundle, backend="onnxruntime", threads=1) as cpu,
    ):
        engine.run(signal, continuous, categorical)  # what fills up is what was left behind
        for windows in (signal[rows], -signal[rows]):
            asked = windows, *inputs[1:]
            np.testing.assert_allclose(engine.run(*asked), cpu.run(*asked), rtol=0, atol=2e-6)


def test_a_provider_that_does_not_start_is_refused(cuda_build, bundle, monkeypatch):
    """As without a driver: ONNX Runtime then goes on with the CPU, and says so in its own log only."""
    monkeypatch.setattr(PretendedSession, "starts", False)
    with pytest.raises(BackendError, match=r"ONNX Runtime 1\.99 could not start its CUDAExecutionProvider"):
        ecg2lab.load(bundle, backend="onnxruntime-cuda")


def test_a_build_without_it_is_refused_with_the_extra_to_install(cuda_build, bundle):
    cuda_build.get_available_providers = lambda: [CPU]
    with pytest.raises(BackendError, match=r"has no CUDAExecutionProvider: pip uninstall it.*'ecg2lab\[gpu\]'"):
        ecg2lab.load(bundle, backend="onnxruntime-cuda")


def test_without_any_build_the_extra_is_named(bundle, monkeypatch):
    monkeypatch.setattr("ecg2lab.system.extras.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"'ecg2lab\[gpu\]'"):
        ecg2lab.load(bundle, backend="onnxruntime-cuda")


def test_a_process_that_was_forked_off_is_refused(cuda_build, bundle, monkeypatch):
    inputs, _ = golden_of(bundle)
    with ecg2lab.load(bundle, backend="onnxruntime-cuda", threads=1) as engine:
        monkeypatch.setattr(os, "getpid", lambda: 0)
        with pytest.raises(BackendError, match="forked from one that uses CUDA"):
            engine.run(*inputs)


def test_a_gpu_that_computes_wrong_answers_nobody(cuda_build, bundle, monkeypatch):
    run = cuda.CudaWindow.run
    wrong = lambda self, outputs, feed: [array + 1e-3 for array in run(self, outputs, feed)]  # noqa: E731
    monkeypatch.setattr(cuda.CudaWindow, "run", wrong)
    with pytest.raises(ParityError, match="cuda:0 does not compute the model: logits"):
        ecg2lab.load(bundle, backend="onnxruntime-cuda")
    checks = selftest.run(Bundle.open(bundle), only="onnxruntime-cuda").checks
    assert [check.passed for check in checks if check.backend == "onnxruntime-cuda"] == [False]


def test_another_precision_than_the_bundles_is_refused(cuda_build, bundle):
    with pytest.raises(BackendError, match="precision 'fp16' is not in this bundle"):
        ecg2lab.load(bundle, backend="onnxruntime-cuda", precision="fp16")


def test_the_default_never_is_the_gpu(cuda_build, bundle):
    with ecg2lab.load(bundle) as engine:
        assert engine.info.backend == "native"
    with ecg2lab.load(bundle, backend="onnxruntime", threads=1) as engine:
        assert (engine.info.provider, engine.info.device) == (CPU, "cpu")


@pytest.mark.parametrize("starts", [True, False])
def test_the_selftest_measures_it_or_says_why_not(cuda_build, bundle, monkeypatch, starts):
    monkeypatch.setattr(PretendedSession, "starts", starts)
    report = selftest.run(Bundle.open(bundle))
    assert report.passed
    assert ("onnxruntime-cuda" in {check.backend for check in report.checks}) == starts
    assert ("spectral on onnxruntime-cuda" in report.left_out) != starts


@pytest.fixture
def real(bundle):
    try:
        engine = ecg2lab.load(bundle, backend="onnxruntime-cuda")
    except (BackendError, MissingExtraError) as error:
        pytest.skip(f"no GPU with ONNX Runtime's CUDA provider here: {error}")
    with engine:
        yield engine


@pytest.mark.gpu
def test_a_real_gpu_computes_the_golden_outputs(real, bundle):
    inputs, logits = golden_of(bundle)
    np.testing.assert_allclose(real.run(*inputs), logits, rtol=0, atol=tolerances(Bundle.open(bundle)).logits)
    assert real.info.provider.startswith(CUDA)


@pytest.mark.gpu
def test_batches_and_threads_on_a_real_gpu(real, bundle):
    """Other windows in turn, each size that is captured and those between, from several threads."""
    (signal, continuous, categorical), _ = golden_of(bundle)
    limit = tolerances(Bundle.open(bundle)).logits

    def apart(count):
        rows = np.random.default_rng(count).integers(0, len(signal), count)
        asked = signal[rows] * (1 + count % 3), continuous[rows], categorical[rows]
        return np.abs(real.run(*asked) - cpu.run(*asked)).max()

    with ecg2lab.load(bundle, backend="native", threads=1) as cpu, ThreadPoolExecutor(4) as pool:
        assert max(pool.map(apart, [1, 3, 4, 16, 17, 64, 65, 130] * 3)) < 2 * limit
