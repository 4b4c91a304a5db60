"""Building and running, on a pretended GPU; see `pretended_tensorrt`."""

import gc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from safetensors.numpy import load, save

import ecg2lab
from ecg2lab import selftest
from ecg2lab.backends.tensorrt import TensorRtBackend
from ecg2lab.backends.tensorrt.build import Options, build_engine, golden_tolerances
from ecg2lab.backends.tensorrt.cache import EngineCache
from ecg2lab.bundle import GOLDEN, WINDOW_GRAPH, Bundle
from ecg2lab.errors import BackendError, BundleError, MissingExtraError, OutputError, ParityError


def build(opened, **changes):
    options = Options(precision="fp32")._replace(**changes)
    return build_engine(opened, lambda: opened.member(WINDOW_GRAPH), options)


def plans(folder):
    return sorted(folder.rglob("*.plan"))


@pytest.mark.parametrize("largest", [1, 2, 4])
def test_the_engine_answers_as_onnx_runtime_for_any_number_of_windows(tensorrt, opened, engine, inputs, largest):
    build(opened, largest_batch=largest)
    with ecg2lab.load(opened, backend="tensorrt") as loaded:
        for count in range(1, 10):
            part = [array[:count] for array in inputs]
            # the same float32 graph; only the batch, and so the order of summation, may differ
            np.testing.assert_allclose(loaded.run(*part), engine.run(*part), rtol=0, atol=1e-5)


def test_many_threads_share_an_engine(tensorrt, opened, engine, inputs):
    build(opened)
    expected = engine.run(*inputs)
    with ecg2lab.load(opened, backend="tensorrt") as loaded, ThreadPoolExecutor(8) as pool:
        rows = [np.arange(9)[start : start + 3] for start in range(7)] * 20
        answers = list(pool.map(lambda wanted: loaded.run(*(array[wanted] for array in inputs)), rows))
    for wanted, answer in zip(rows, answers, strict=True):
        np.testing.assert_allclose(answer, expected[wanted], rtol=0, atol=1e-5)


def test_the_engine_says_what_really_runs(tensorrt, opened):
    build(opened)
    with ecg2lab.load(opened, backend="tensorrt") as loaded:
        info = loaded.info
    assert (info.backend, info.provider, info.precision) == ("tensorrt", "tensorrt", "fp32")
    assert info.device == "Fake Orin (compute capability 8.7)"
    assert info.versions["tensorrt"] == "10.3.0"
    assert info.versions["cuda driver"] == "12.6"


def test_selftest_measures_the_engine_where_one_is_built(tensorrt, opened):
    assert "ecg2lab build" in selftest.run(opened).left_out[f"{opened.manifest.form} on tensorrt"]
    build(opened)
    checks = [check for check in selftest.run(opened).checks if check.backend == "tensorrt"]
    assert checks
    assert all(check.passed for check in checks)


def test_selftest_measures_an_fp16_engine_of_an_fp32_bundle_where_one_is_built(tensorrt, opened):
    """Its gate was passed, so `load` would run it; it is held to the limit by which it was accepted."""
    name = f"{opened.manifest.form}, fp16"
    assert "ecg2lab build" in selftest.run(opened).left_out[f"{name} on tensorrt"]
    build(opened)  # one of fp32 is no substitute
    assert "built for precision fp32, here is fp16" in selftest.run(opened).left_out[f"{name} on tensorrt"]
    build(opened, precision="fp16")
    report = selftest.run(opened)
    limits = golden_tolerances(opened, "fp16")
    for check in report.checks:
        assert check.form != name or check.tolerance == getattr(limits, check.quantity)
    assert {check.case for check in report.checks if check.form == name} == {"batch 1", "batch 9"}
    assert report.passed
    assert "tensorrt" not in " ".join(report.left_out)


def test_selftest_finds_an_fp16_engine_that_computes_otherwise(tensorrt, opened, monkeypatch):
    build(opened, precision="fp16")
    right = TensorRtBackend.run

    def wrong(self, *inputs):
        outputs = right(self, *inputs)
        return outputs._replace(logits=outputs.logits + np.float32(1))

    monkeypatch.setattr(TensorRtBackend, "run", wrong)
    failed = {check.form for check in selftest.run(opened).checks if not check.passed}
    assert failed == {f"{opened.manifest.form}, fp16"}


def test_selftest_asks_for_no_engine_of_a_precision_without_a_gate(tensorrt, bundle, doctored):
    report = selftest.run(Bundle.open(doctored(bundle, {}, gates={})))
    assert not [name for name in report.left_out if "fp16" in name]


@pytest.mark.slow
def test_closing_gives_memory_and_streams_back(tensorrt, driver, opened):
    build(opened)
    loaded = ecg2lab.load(opened, backend="tensorrt")
    assert len(driver.memory) == 5  # inputs and outputs
    loaded.close()
    gc.collect()
    assert (driver.memory, driver.streams, driver.contexts) == ({}, {}, [])


def test_auto_is_not_tensorrt_even_where_an_engine_is_built(tensorrt, opened):
    build(opened)
    with ecg2lab.load(opened) as loaded:
        assert loaded.info.backend == "native"


def test_load_never_compiles(tensorrt, opened):
    with pytest.raises(BackendError, match=r"no engine has been built .* run `ecg2lab build`"):
        ecg2lab.load(opened, backend="tensorrt")
    assert tensorrt.built == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda trt, driver: setattr(driver, "name", b"Other"), "built for Fake Orin, here is Other"),
        (lambda trt, driver: setattr(driver, "capability", (8, 6)), "compute capability 8.7, here is 8.6"),
        (lambda trt, driver: setattr(trt, "__version__", "10.7.0"), "tensorrt 10.3.0, here is 10.7.0"),
    ],
)
def test_an_engine_for_another_machine_is_refused_by_name(tensorrt, driver, opened, change, message):
    build(opened)
    change(tensorrt, driver)
    with pytest.raises(BackendError, match=f"{message}.*run `ecg2lab build`"):
        ecg2lab.load(opened, backend="tensorrt")


def test_an_engine_of_another_bundle_is_not_found(tensorrt, opened, bare_bundle):
    build(opened)
    with pytest.raises(BackendError, match="no engine has been built"):
        ecg2lab.load(bare_bundle, backend="tensorrt")


def test_the_largest_batch_is_preferred(tensorrt, opened):
    build(opened, largest_batch=2)
    build(opened, largest_batch=8)
    build(opened, largest_batch=4)
    with ecg2lab.load(opened, backend="tensorrt") as loaded:
        assert loaded._backend._session._largest == 8


def test_a_second_build_uses_the_first_and_rebuild_does_not(tensorrt, opened):
    first = build(opened)
    again = build(opened)
    assert (first.new, again.new, len(tensorrt.built)) == (True, False, 1)
    assert again.engine == first.engine
    assert build(opened, rebuild=True).new
    assert len(tensorrt.built) == 2


def test_the_network_is_strongly_typed_without_tf32_and_under_its_cap(tensorrt, opened):
    build(opened, workspace_mb=64, largest_batch=3)
    ((network, config),) = tensorrt.built
    assert network.flags == 1 << tensorrt.NetworkDefinitionCreationFlag.STRONGLY_TYPED
    assert "TF32" not in config.flags
    assert config.pools == {"workspace": 64 * 2**20}
    assert [shape[0] for shape in config.profiles[0]["signal"]] == [1, 1, 3]


def test_the_timing_cache_is_carried_to_the_next_build(tensorrt, opened, cache_folder):
    build(opened)
    build(opened, largest_batch=2)
    assert [config.cache.stored for _, config in tensorrt.built] == [b"", b"t"]
    (file,) = (cache_folder / "timing").iterdir()
    file.write_bytes(b"other version")
    build(opened, largest_batch=3)
    assert tensorrt.built[-1][1].cache.stored == b""


def test_a_refused_engine_leaves_no_measured_times(tensorrt, opened, cache_folder):
    """The next build must not begin from what a wrong one measured."""
    tensorrt.error = 1.0
    with pytest.raises(ParityError):
        build(opened)
    assert not (cache_folder / "timing").exists()
    tensorrt.error = 0.0
    build(opened)
    assert tensorrt.built[-1][1].cache.stored == b""


def test_measured_times_are_kept_only_after_the_engine_is(tensorrt, opened, cache_folder, monkeypatch):
    def full(*_):
        raise OutputError("no space left on device")

    monkeypatch.setattr(EngineCache, "store", full)
    with pytest.raises(OutputError):
        build(opened)
    assert not (cache_folder / "timing").exists()


def test_times_that_cannot_be_kept_cost_no_engine(tensorrt, opened, cache_folder):
    (cache_folder).mkdir()
    (cache_folder / "timing").write_bytes(b"in the way of the folder")
    assert build(opened).new
    with ecg2lab.load(opened, backend="tensorrt") as loaded:
        assert loaded.info.backend == "tensorrt"


def test_golden_inputs_that_do_not_fit_are_refused_and_no_engine_is_kept(tensorrt, bundle, doctored, cache_folder):
    golden = load(Bundle.open(bundle).member(GOLDEN)) | {"logits": np.zeros((1, 1))}
    with pytest.raises(BundleError, match=r"golden\.safetensors: logits does not fit the contract"):
        build(Bundle.open(doctored(bundle, {GOLDEN: save(golden)})))
    assert not plans(cache_folder)


def test_the_record_holds_the_proof_and_the_inspector_summary(tensorrt, opened):
    record = build(opened).engine.record
    assert record.golden_error <= 1e-4
    assert (record.summary.layers, record.summary.fused, record.summary.nodes) == (1, 1, 2)
    assert record.summary.precisions == {"fp16": 1}
    assert record.key.gpu == "Fake Orin"


@pytest.mark.parametrize("error", [1e-2, float("nan"), float("inf")])
def test_a_wrong_engine_is_not_kept(tensorrt, opened, cache_folder, error):
    tensorrt.error = error
    with pytest.raises(ParityError, match="it was not kept"):
        build(opened)
    assert plans(cache_folder) == []


def test_an_interrupted_build_leaves_nothing_behind(tensorrt, opened, cache_folder):
    def interrupt(fraction, phase):
        if fraction >= 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_engine(opened, lambda: opened.member(WINDOW_GRAPH), Options("fp32"), interrupt)
    assert plans(cache_folder) == []
    assert build(opened).new


def test_the_library_s_own_reason_is_given_on_one_line(tensorrt, opened):
    with pytest.raises(BackendError, match="tensorrt 10.3.0 cannot build the engine: no tactic fits the workspace$"):
        build(opened, workspace_mb=1)


def test_what_is_no_graph_is_refused(tensorrt, opened):
    with pytest.raises(BackendError, match="cannot read the graph: no graph"):
        build_engine(opened, lambda: b"no graph", Options("fp32"))


@pytest.mark.slow
def test_a_gpu_without_memory_is_named_and_leaves_nothing_allocated(tensorrt, driver, opened):
    build(opened)
    gc.collect()
    driver.out_of_memory_after = driver.allocations + 2
    with pytest.raises(BackendError, match=r"refused cuMemAlloc_v2: .* \(2\)"):
        ecg2lab.load(opened, backend="tensorrt")
    gc.collect()
    assert (driver.memory, driver.streams, driver.contexts) == ({}, {}, [])


def test_a_plan_that_does_not_deserialise_is_named(tensorrt, opened):
    stored = build(opened).engine
    tensorrt.Runtime.deserialize_cuda_engine = lambda self, plan: None
    with pytest.raises(BackendError, match="cannot load the engine: it gave no reason"):
        ecg2lab.load(opened, backend="tensorrt")
    assert stored.path.exists()


def test_without_a_gpu_the_message_says_what_to_do(tensorrt, driver, opened):
    driver.gpus = 0
    with pytest.raises(BackendError, match=r"no NVIDIA GPU here.*Build on the device.*--compute-capability"):
        build(opened)
    with pytest.raises(BackendError, match="no NVIDIA GPU here"):
        ecg2lab.load(opened, backend="tensorrt")


def test_the_compute_capability_of_this_gpu_may_be_named(tensorrt, opened):
    assert build(opened, compute_capability="8.7").engine.record.key.gpu == "Fake Orin"


def test_without_tensorrt_the_extras_are_named(no_tensorrt, opened):
    with pytest.raises(MissingExtraError, match=r"JetPack.*ecg2lab\[tensorrt\].*ecg2lab\[tensorrt-rtx\]"):
        ecg2lab.load(opened, backend="tensorrt")
    with pytest.raises(MissingExtraError, match=r"JetPack.*ecg2lab\[tensorrt\]"):
        build(opened)
    with pytest.raises(MissingExtraError, match=r"ecg2lab\[tensorrt-rtx\]"):
        build(opened, compute_capability="8.9")


def test_an_old_tensorrt_is_refused(tensorrt, opened):
    tensorrt.__version__ = "8.6.2"
    with pytest.raises(BackendError, match=r"TensorRT 8.6.2 is too old.*JetPack.*6.1"):
        build(opened)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"largest_batch": 0}, "a batch has 1 to 1024 windows, not 0"),
        ({"largest_batch": 5000}, "not 5000"),
        ({"workspace_mb": 0}, "a workspace has 1 to"),
        ({"compute_capability": "8.9; rm"}, "no compute capability"),
        ({"compute_capability": "sm_89"}, "no compute capability"),
        ({"compute_capability": "11.0"}, "Jetson Thor.*build on the device"),
    ],
)
def test_bad_options_are_refused(tensorrt, opened, options, message):
    with pytest.raises(BackendError, match=message):
        build(opened, **options)


def test_a_call_that_fails_is_named_and_the_next_one_answers(tensorrt, opened, engine, inputs, monkeypatch):
    build(opened)
    with ecg2lab.load(opened, backend="tensorrt") as loaded:
        context = loaded._backend._session._held.context
        monkeypatch.setattr(context, "execute_async_v3", lambda stream: False)
        with pytest.raises(BackendError, match="TensorRT could not run the engine"):
            loaded.run(*inputs)
        monkeypatch.undo()
        np.testing.assert_allclose(loaded.run(*inputs), engine.run(*inputs), rtol=0, atol=1e-5)
        with pytest.raises(BackendError, match="continuous has values that are not finite"):
            loaded.run(inputs[0], np.full_like(inputs[1], np.nan), inputs[2])
