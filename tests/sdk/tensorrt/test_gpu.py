"""On a real GPU with a real TensorRT: parity with the golden outputs, threads, latency."""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import msgspec
import numpy as np
import pytest

import ecg2lab
from ecg2lab.backends.tensorrt import build as tensorrt_build
from ecg2lab.backends.tensorrt.build import Options, build_engine
from ecg2lab.backends.tensorrt.cuda_driver import Gpu
from ecg2lab.backends.tensorrt.package import installed_packages
from ecg2lab.bundle import GOLDEN, WINDOW_GRAPH
from ecg2lab.errors import BackendError, MissingExtraError

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module", autouse=True)
def gpu():
    try:
        packages, device = installed_packages(), Gpu()
    except (BackendError, MissingExtraError) as error:
        pytest.skip(f"no GPU with TensorRT here: {error}")
    return packages[0], device


@pytest.fixture
def loaded(opened):
    build_engine(opened, lambda: opened.member(WINDOW_GRAPH), Options("fp32"))
    with ecg2lab.load(opened, backend="tensorrt") as engine:
        yield engine


def test_fp32_agrees_with_the_golden_outputs(loaded, opened):
    golden = opened.tensors(GOLDEN)
    checks = tensorrt_build.golden_checks(opened, loaded._backend._session, golden, "fp32")
    assert all(check.passed for check in checks)


def test_fp16_is_close_to_fp32(opened, loaded, inputs):
    """As close as the gate saw, times what the build allows for other windows; the build itself checks golden ones."""
    build_cli = pytest.importorskip("ecg2lab_export.build_cli", reason="fp16 needs the extra 'export'")
    build_engine(opened, build_cli.graph_maker(opened, "fp16"), Options("fp16"))
    with ecg2lab.load(opened, backend="tensorrt", precision="fp16") as reduced:
        difference = np.abs(reduced.run(*inputs) - loaded.run(*inputs)).max()
    assert 0 < difference <= tensorrt_build.golden_tolerances(opened, "fp16").logits


def test_the_record_lists_the_layers(opened):
    record = build_engine(opened, lambda: opened.member(WINDOW_GRAPH), Options("fp32")).engine.record
    assert record.summary is not None
    assert record.summary.precisions.keys() <= {"fp32", "int64", "int32", "bool"}
    assert msgspec.to_builtins(record)["golden_error"] <= 1e-4


def test_any_number_of_windows_and_any_threads_give_the_answers_of_onnx_runtime(loaded, engine, inputs):
    expected = engine.run(*inputs)
    parts = [slice(start, start + count) for count in range(1, 10) for start in range(10 - count)] * 3
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda part: loaded.run(*(array[part] for array in inputs)), parts))
    for part, answer in zip(parts, answers, strict=True):
        np.testing.assert_allclose(answer, expected[part], rtol=0, atol=1e-4)


def test_latency_is_reported(loaded, inputs, record_property, capsys):
    """A figure for whoever looks, no limit: a time limit in a test fails on busy days only."""
    one = [array[:1] for array in inputs]
    times = []
    for _ in range(200):
        start = time.perf_counter()
        loaded.run(*one)
        times.append(time.perf_counter() - start)
    median = statistics.median(times) * 1e3
    record_property("median_ms", median)
    with capsys.disabled():
        print(f"\n{loaded.info.device}: {median:.3f} ms a window, median of {len(times)}")  # noqa: T201
