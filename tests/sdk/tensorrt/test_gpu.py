"""On a real GPU with a real TensorRT: parity with the golden outputs, which are float64, threads, latency."""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest

import ecg2lab
from ecg2lab import selftest
from ecg2lab.backends.tensorrt.build import PRECISIONS, Options, build_engine, golden_checks, golden_tolerances
from ecg2lab.backends.tensorrt.cache import ENVIRONMENT
from ecg2lab.backends.tensorrt.cuda_driver import Gpu
from ecg2lab.backends.tensorrt.package import installed_packages
from ecg2lab.bundle import WINDOW_GRAPH
from ecg2lab.bundle.golden import read_golden
from ecg2lab.bundle.network_inputs import CATEGORICAL, CONTINUOUS, FEATURES, LOGITS, SIGNAL
from ecg2lab.errors import BackendError, MissingExtraError
from ecg2lab.proof.parity import feature_error, logit_error

pytestmark = pytest.mark.gpu

MOST = 64


@pytest.fixture(scope="module", autouse=True)
def gpu():
    try:
        installed_packages()
        Gpu()
    except (BackendError, MissingExtraError) as error:
        pytest.skip(f"no GPU with TensorRT here: {error}")


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    return tmp_path_factory.mktemp("engines")


@pytest.fixture
def cache_folder(engines, monkeypatch):
    """One for all tests here: each engine is built once."""
    monkeypatch.setenv(ENVIRONMENT, str(engines))
    return engines


def build(opened, precision):
    make = partial(opened.member, WINDOW_GRAPH)
    if precision == "fp16":
        build_cli = pytest.importorskip("ecg2lab_export.build_cli", reason="fp16 needs the extra 'export'")
        make = build_cli.graph_maker(opened, precision)
    return build_engine(opened, make, Options(precision, largest_batch=MOST)).engine.record


@pytest.fixture(params=PRECISIONS)
def loaded(request, opened):
    build(opened, request.param)
    with ecg2lab.load(opened, backend="tensorrt", precision=request.param) as engine:
        yield engine


@pytest.fixture
def golden(opened):
    return read_golden(opened)


@pytest.fixture
def require_golden(loaded, opened, golden):
    """Asks for these of the golden windows, and holds the answers to the limits by which an engine is accepted."""
    limits = golden_tolerances(opened, loaded.info.precision)

    def check(rows):
        outputs = loaded.outputs(*(golden[name][rows] for name in (SIGNAL, CONTINUOUS, CATEGORICAL)))
        assert logit_error(outputs.logits, golden[LOGITS][rows]) <= limits.logits
        assert feature_error(outputs.features, golden[FEATURES][rows]) <= limits.features

    return check


def test_the_golden_outputs_pass_as_they_did_when_the_engine_was_built(loaded, opened, golden):
    checks = golden_checks(opened, loaded._backend._session, golden, loaded.info.precision)
    assert all(check.passed for check in checks)


def test_any_number_of_windows_is_answered(require_golden, golden):
    """Up to a full batch, and beyond it; golden windows over and over, so that float64 is at hand for each."""
    rows = np.random.default_rng(0).integers(0, len(golden[SIGNAL]), 2 * MOST + 1)
    for count in (*range(1, MOST + 1), 2 * MOST, 2 * MOST + 1):
        require_golden(rows[:count])


def test_threads_share_an_engine(require_golden, golden):
    rows = np.arange(len(golden[SIGNAL]))
    parts = [rows[start : start + count] for count in rows[1:] for start in range(len(rows) - count)] * 5
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(require_golden, parts))


def test_selftest_passes_with_an_engine_of_each_precision(opened):
    for precision in PRECISIONS:
        build(opened, precision)
    report = selftest.run(opened)
    assert report.passed
    form = opened.manifest.form
    assert {check.form for check in report.checks if check.backend == "tensorrt"} == {form, f"{form}, fp16"}


def test_fp16_is_another_engine_than_fp32(opened, inputs):
    """As close as the gate saw, times what the build allows for other windows."""
    answers = []
    for precision in PRECISIONS:
        build(opened, precision)
        with ecg2lab.load(opened, backend="tensorrt", precision=precision) as engine:
            answers.append(engine.run(*inputs))
    assert 0 < np.abs(answers[0] - answers[1]).max() <= golden_tolerances(opened, "fp16").logits


def test_the_record_lists_the_layers(opened):
    record = build(opened, "fp32")
    assert record.summary is not None
    assert record.summary.precisions.keys() <= {"fp32", "int64", "int32", "bool"}
    assert record.golden_error <= golden_tolerances(opened, "fp32").logits


def test_latency_is_reported(loaded, inputs, record_property, capsys):
    """A figure for whoever looks, no limit: a time limit in a test fails on busy days only."""
    one = [array[:1] for array in inputs]
    times = []
    for _ in range(200):
        start = time.perf_counter()
        loaded.run(*one)
        times.append(time.perf_counter() - start)
    median, info = statistics.median(times) * 1e3, loaded.info
    record_property(f"median_ms_{info.precision}", median)
    with capsys.disabled():
        print(f"\n{info.device}, {info.precision}: {median:.3f} ms a window, median of {len(times)}")  # noqa: T201
