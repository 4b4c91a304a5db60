"""Building and running, on a pretended GPU; see `pretended_tensorrt`."""

import gc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from pretended_tensorrt import Engine
from safetensors.numpy import load, save

import ecg2lab
from ecg2lab import selftest
from ecg2lab.backends.tensorrt import build as tensorrt_build
from ecg2lab.backends.tensorrt.build import Options, build_engine, golden_tolerances
from ecg2lab.backends.tensorrt.cache import EngineCache
from ecg2lab.bundle import GOLDEN, WINDOW_GRAPH, Bundle
from ecg2lab.errors import BackendError, BundleError, MissingExtraError, OutputError, ParityError
from ecg2lab.proof.measuring import window_checks


def build(opened, **changes):
    options = Options(precision="fp32")._replace(**changes)
    return build_engine(opened, lambda: opened.member(WINDOW_GRAPH), options)


def plans(folder):
    return sorted(folder.rglob("*.plan"))


def echo(inputs, targets):
    """What the pretended engine answers."""
    return np.repeat(inputs[0][:, 0, :1], targets, axis=1)


@pytest.mark.parametrize("largest", [1, 2, 4])
def test_a_call_is_cut_into_full_batches_and_single_windows(tensorrt, opened, inputs, largest):
    """Only these two sizes reach the GPU, both of them once before the first call; rows come back in their order."""
    build(opened, largest_batch=largest)
    with ecg2lab.load(opened, backend="tensorrt") as loaded:
        assert {*tensorrt.run} == {1, largest}
        for count in range(1, 10):
            tensorrt.run.clear()
            part = [array[:count] for array in inputs]
            np.testing.assert_array_equal(loaded.run(*part), echo(part, len(opened.contract.targets)))
            full, rest = divmod(count, largest)
            last = {0: [], 1: [1]}.get(rest, [largest])
            assert tensorrt.run == [largest] * full + last


def test_threads_take_turns(tensorrt, opened, inputs):
    build(opened)
    expected = echo(inputs, len(opened.contract.targets))
    with ecg2lab.load(opened, backend="tensorrt") as loaded, ThreadPoolExecutor(8) as pool:
        rows = [np.arange(9)[start : start + 3] for start in range(7)] * 20
        answers = list(pool.map(lambda wanted: loaded.run(*(array[wanted] for array in inputs)), rows))
    for wanted, answer in zip(rows, answers, strict=True):
        np.testing.assert_array_equal(answer, expected[wanted])


def test_the_engine_says_what_really_runs(tensorrt, opened):
    build(opened)
    with ecg2lab.load(opened, backend="tensorrt") as loaded:
        info = loaded.info
    assert (info.backend, info.provider, info.precision) == ("tensorrt", "tensorrt", "fp32")
    assert info.device == "Fake Orin (compute capability 8.7)"
    assert info.versions["tensorrt"] == "10.3.0"
    assert info.versions["cuda driver"] == "12.6"


def measured(report):
    """Form, quantity, case, limit and outcome of the checks of engines."""
    checks = [check for check in report.checks if check.backend == "tensorrt"]
    return {(check.form, check.quantity, check.case, check.tolerance, check.passed) for check in checks}


def failed(opened, form, precision):
    """Checks of an engine that computes nothing, each held to the limit by which such an engine is accepted."""
    limits = golden_tolerances(opened, precision)._asdict()
    return {(form, quantity, f"batch {size}", limit, False) for quantity, limit in limits.items() for size in (1, 9)}


def test_selftest_measures_an_engine_where_one_is_built(tensorrt, opened):
    form = opened.manifest.form
    assert "ecg2lab build" in selftest.run(opened).left_out[f"{form} on tensorrt"]
    build(opened)
    assert measured(selftest.run(opened)) == failed(opened, form, "fp32")


def test_selftest_measures_an_fp16_engine_of_an_fp32_bundle_where_one_is_built(tensorrt, opened):
    """Its gate was passed, so `load` would run it."""
    name = f"{opened.manifest.form}, fp16"
    assert "ecg2lab build" in selftest.run(opened).left_out[f"{name} on tensorrt"]
    build(opened)  # one of fp32 is no substitute
    assert "built for precision fp32, here is fp16" in selftest.run(opened).left_out[f"{name} on tensorrt"]
    build(opened, precision="fp16")
    report = selftest.run(opened)
    assert measured(report) == failed(opened, opened.manifest.form, "fp32") | failed(opened, name, "fp16")
    assert "tensorrt" not in " ".join(report.left_out)


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
    config.clear_flag.assert_called_once_with(tensorrt.BuilderFlag.TF32)
    config.set_memory_pool_limit.assert_called_once_with(tensorrt.MemoryPoolType.WORKSPACE, 64 * 2**20)
    (profile,) = config.add_optimization_profile.call_args.args
    sizes = {call.args[0]: [shape[0] for shape in call.args[1:]] for call in profile.set_shape.call_args_list}
    assert sizes == {name: [1, 1, 3] for name in ("signal", "continuous", "categorical")}


def test_batches_that_the_builder_does_not_accept_are_refused(tensorrt, opened, monkeypatch):
    make = tensorrt.Builder.create_builder_config

    def refusing(builder):
        config = make(builder)
        config.add_optimization_profile.return_value = -1
        return config

    monkeypatch.setattr(tensorrt.Builder, "create_builder_config", refusing)
    with pytest.raises(BackendError, match="tensorrt does not accept batches of 1 to 4 for this graph"):
        build(opened)


def kept(config):
    """Of the timing cache that a build began from."""
    return config.set_timing_cache.call_args.args[0].kept


def test_the_timing_cache_is_carried_to_the_next_build(tensorrt, opened, cache_folder):
    build(opened)
    build(opened, largest_batch=2)
    assert [kept(config) for _, config in tensorrt.built] == [b"", b"t"]
    (file,) = (cache_folder / "timing").iterdir()
    file.write_bytes(b"other version")
    build(opened, largest_batch=3)
    assert kept(tensorrt.built[-1][1]) == b""


def test_a_refused_engine_leaves_no_measured_times(tensorrt, opened, cache_folder):
    """The next build must not begin from what a wrong one measured."""
    tensorrt.error = 1.0
    with pytest.raises(ParityError):
        build(opened)
    assert not (cache_folder / "timing").exists()
    tensorrt.error = 0.0
    build(opened)
    assert kept(tensorrt.built[-1][1]) == b""


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
    tensorrt.error = 5e-5
    record = build(opened).engine.record
    assert record.golden_error == tensorrt.error
    assert (record.summary.layers, record.summary.fused, record.summary.nodes) == (1, 1, 2)
    assert record.summary.precisions == {"fp16": 1}
    assert record.key.gpu == "Fake Orin"


@pytest.mark.parametrize("error", [1e-2, float("nan"), float("inf")])
def test_a_wrong_engine_is_not_kept(tensorrt, opened, cache_folder, error):
    tensorrt.error = error
    with pytest.raises(ParityError, match="it was not kept"):
        build(opened)
    assert plans(cache_folder) == []


def test_the_golden_outputs_decide_whether_an_engine_is_kept(tensorrt, opened, cache_folder, monkeypatch):
    """Without what stands in for them: this engine computes nothing."""
    monkeypatch.setattr(tensorrt_build, "window_checks", window_checks)
    with pytest.raises(ParityError, match=r"the engine's .* are off by .* the limit for fp32 is 0\.0001"):
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
    with pytest.raises(
        BackendError, match=r"10\.3\.0 cannot build the engine: OutOfMemory: no tactic fits; a larger .*"
    ):
        build(opened, workspace_mb=1)


def test_what_is_no_graph_is_refused(tensorrt, opened):
    with pytest.raises(BackendError, match="cannot read the graph: no graph"):
        build_engine(opened, lambda: b"no graph", Options("fp32"))


@pytest.mark.slow
def test_a_gpu_without_memory_is_named_and_leaves_nothing_allocated(tensorrt, driver, opened):
    build(opened)
    gc.collect()
    driver.out_of_memory_after = 2
    with pytest.raises(BackendError, match=r"refused cuMemAlloc_v2: .* \(2\)"):
        ecg2lab.load(opened, backend="tensorrt")
    gc.collect()
    assert (driver.memory, driver.streams, driver.contexts) == ({}, {}, [])


def test_a_plan_that_does_not_deserialise_is_named(tensorrt, opened):
    stored = build(opened).engine
    tensorrt.Runtime.return_value.deserialize_cuda_engine = lambda plan: None
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


def test_an_engine_of_other_tensors_is_refused(tensorrt, opened, monkeypatch):
    """One whose categories are numbers, as if the graph had been another."""
    build(opened)
    monkeypatch.setattr(Engine, "get_tensor_dtype", lambda engine, name: tensorrt.DataType.FLOAT)
    with pytest.raises(BackendError, match="does not fit the contract at 'categorical'; run `ecg2lab build`"):
        ecg2lab.load(opened, backend="tensorrt")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("set_input_shape", "TensorRT does not accept 4 windows"),
        ("execute_async_v3", "TensorRT could not run the engine"),
    ],
)
def test_a_call_that_fails_is_named_and_the_next_one_answers(tensorrt, opened, inputs, monkeypatch, call, message):
    build(opened)
    with ecg2lab.load(opened, backend="tensorrt") as loaded:
        monkeypatch.setattr(Engine, call, lambda *arguments: False)
        with pytest.raises(BackendError, match=message):
            loaded.run(*inputs)
        monkeypatch.undo()
        np.testing.assert_array_equal(loaded.run(*inputs), echo(inputs, len(opened.contract.targets)))
        with pytest.raises(BackendError, match="continuous has values that are not finite"):
            loaded.run(inputs[0], np.full_like(inputs[1], np.nan), inputs[2])


@pytest.mark.parametrize(
    ("call", "answer", "message"),
    [
        ("create_execution_context", None, "tensorrt cannot make ready to run the engine"),
        ("set_tensor_address", False, "tensorrt does not accept memory for 'signal'"),
    ],
)
def test_an_engine_that_cannot_be_made_ready_is_named_and_leaves_nothing(
    tensorrt, driver, opened, monkeypatch, call, answer, message
):
    build(opened)
    monkeypatch.setattr(Engine, call, lambda *arguments: answer)
    with pytest.raises(BackendError, match=message):
        ecg2lab.load(opened, backend="tensorrt")
    gc.collect()
    assert (driver.memory, driver.streams, driver.contexts) == ({}, {}, [])
