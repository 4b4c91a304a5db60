"""Scenario `native` on a tiny network: what is timed computes what it says, and every figure stands beside its peer."""

from __future__ import annotations

import io
from contextlib import ExitStack

import numpy as np
import pytest
from rich.console import Console

import ecg2lab
from ecg2lab_bench.measuring import plan, workload
from ecg2lab_bench.measuring.libraries import LeftOut
from ecg2lab_bench.measuring.plan import Plan
from ecg2lab_bench.peers.cauchy import by_keops
from ecg2lab_bench.peers.published_pipeline import PublishedKernel, published_pipeline
from ecg2lab_bench.report.page import markdown, show
from ecg2lab_bench.scenarios import native
from ecg2lab_bench.scenarios.native_results import NativeResults
from ecg2lab_bench.synthetic import export_network, random_network
from ecg2lab_export.network.fusion import StoredNetwork

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def network() -> StoredNetwork:
    return random_network(hidden=8, state_size=4, layers=2, window=50, targets=3)


@pytest.fixture(scope="module")
def found(network: StoredNetwork) -> NativeResults:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "QUICK_BUDGET_S", 0.0)
        patch.setattr(native, "draw", lambda **_: network)
        return native.run(Plan(quick=True))


@pytest.mark.parametrize(("window", "causal"), [(50, False), (51, False), (250, True)])
def test_the_authors_kernel_is_the_published_one(window: int, causal: bool) -> None:
    """In single precision: 1e-6 of the largest tap at N = 8; the documentation measures 2.5e-6 over 512 channels."""
    layer = random_network(hidden=6, layers=1, window=window, causal=causal).layers[0]
    kernel = PublishedKernel(layer.system)().numpy()
    np.testing.assert_allclose(kernel, layer.kernel, rtol=0, atol=3e-6 * np.abs(layer.kernel).max())


def test_keops_adds_up_the_same_terms() -> None:
    try:
        cauchy = by_keops()
    except LeftOut as reason:
        pytest.skip(str(reason))
    layer = random_network(hidden=6, layers=1, window=50).layers[0]
    kernel = PublishedKernel(layer.system, cauchy)().numpy()
    np.testing.assert_allclose(kernel, layer.kernel, rtol=0, atol=3e-6 * np.abs(layer.kernel).max())


@pytest.mark.parametrize("causal", [False, True])
def test_the_authors_pipeline_answers_as_the_engine_does(causal: bool, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """Probabilities averaged over windows, uncalibrated: the same from two ways that share nothing."""
    network = random_network(hidden=8, state_size=4, layers=2, window=250, targets=3, causal=causal)
    leads = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6", "III", "aVR", "aVL", "aVF")
    drawn = workload.recording()
    order = [drawn.leads.index(name) for name in leads]
    recording = ecg2lab.Recording(drawn.samples[order], fs=drawn.fs, leads=leads, unit="mV")
    with ExitStack() as undo, ecg2lab.load(export_network(network, tmp_path / "m.ecg2lab")) as engine:
        prediction = engine.predict(recording, workload.PATIENT)
        from ecg2lab.patient.features import encode

        features = encode(workload.PATIENT, engine.contract)
        inputs = (np.empty(0), features.continuous[None], features.categorical[None])
        probabilities = published_pipeline(network, 1, undo)(recording, inputs)
    np.testing.assert_allclose(probabilities, [x.probability for x in prediction.findings], rtol=0, atol=1e-5)


def test_every_time_stands_beside_its_floor(found: NativeResults) -> None:
    counts = {time.threads for time in found.networks}
    assert {(time.precision, time.batch) for time in found.networks if time.threads == 1} >= {("fp32", 1), ("fp32", 4)}
    for time in found.networks:
        assert time.ratio == time.timing.p50_ms / time.floor_ms
        assert time.threads != 1 or time.against_one_thread == 1
    assert 1 in counts
    assert "native, fp32" in {time.implementation for time in found.whole}
    authors = next(time for time in found.whole if time.implementation == "authors' pipeline, PyTorch")
    assert authors.faster_than["authors' pipeline, PyTorch"] == 1


def test_the_tables_fit_eighty_columns_and_markdown_says_the_same(found: NativeResults) -> None:
    stream = io.StringIO()
    show(native.page(found), Console(file=stream, width=80))
    assert max(map(len, stream.getvalue().splitlines())) <= 80
    page = markdown(native.page(found))
    assert page.startswith("# ecg2lab bench: native engine")
    assert "| fp32 | 1 | 1 |" in page
    assert found.preparation.instruction_set in page
