"""Configurations parse with Triton's own schema and say what the graph, the contract and the options say."""

import hashlib
import json
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load
from tritonclient.grpc.model_config_pb2 import TYPE_FP32, TYPE_INT64, ModelConfig, ModelInstanceGroup

from ecg2lab import bundle as bundles
from ecg2lab import contract as contracts
from ecg2lab.bundle import Bundle
from ecg2lab.errors import BundleError, ParityError
from ecg2lab_export import export
from ecg2lab_export.triton import pbtxt
from ecg2lab_export.triton.settings import Settings


def test_the_configuration_says_what_the_graph_wants(model, bundle, contract, parsed):
    config = parsed(model)
    assert (config.name, config.backend, config.platform) == ("ward-7", "onnxruntime", "onnxruntime_onnx")
    assert config.default_model_filename == "model.onnx"
    assert config.version_policy.latest.num_versions == 1
    declared = {x.name: (x.data_type, list(x.dims)) for x in (*config.input, *config.output)}
    assert declared == {
        "signal": (TYPE_FP32, [12, 250]),
        "continuous": (TYPE_FP32, [10]),
        "categorical": (TYPE_INT64, [2]),
        "logits": (TYPE_FP32, [len(contract.targets)]),
        "features": (TYPE_FP32, [bundle.features]),
    }
    session = onnxruntime.InferenceSession(model / "1" / "model.onnx", providers=["CPUExecutionProvider"])
    graph = {x.name: ["batch", *declared[x.name][1]] for x in (*session.get_inputs(), *session.get_outputs())}
    assert {x.name: x.shape for x in (*session.get_inputs(), *session.get_outputs())} == graph


def test_batching_instances_and_threads_are_those_asked_for(bundle, tmp_path, parsed, written):
    written(bundle, tmp_path, instances=3, threads=2, max_batch=24, queue_delay_us=1500)
    config = parsed(tmp_path / "m")
    assert config.max_batch_size == 24
    assert config.dynamic_batching.max_queue_delay_microseconds == 1500
    assert list(config.dynamic_batching.preferred_batch_size) == [4, 8, 16, 24]  # a 10-s ECG has four windows
    (group,) = config.instance_group
    assert (group.count, group.kind) == (3, ModelInstanceGroup.KIND_CPU)
    assert config.parameters["intra_op_thread_count"].string_value == "2"
    assert config.parameters["inter_op_thread_count"].string_value == "1"
    assert not config.HasField("optimization")


def test_digest_notice_and_origin_are_told_to_whoever_asks_the_server(model, bundle, parsed):
    told = {key: value.string_value for key, value in parsed(model).parameters.items()}
    assert told["ecg2lab_bundle_digest"] == bundle.digest
    assert told["ecg2lab_notice"] == "synthetic weights, not for clinical use"
    assert told["ecg2lab_synthetic_weights"] == "true"
    assert told["ecg2lab_model"] == bundle.contract.name
    assert (told["ecg2lab_form"], told["ecg2lab_precision"]) == (bundle.manifest.form, "fp32")


@pytest.mark.parametrize(("synthetic", "word"), [(False, "false"), (None, "unstated")])
def test_weights_not_called_synthetic_are_not_called_so(bundle, tmp_path, synthetic, word, parsed, written, changed):
    written(changed(bundle, synthetic_weights=synthetic), tmp_path)
    assert parsed(tmp_path / "m").parameters["ecg2lab_synthetic_weights"].string_value == word


def test_each_preferred_batch_is_warmed_up_with_a_golden_window(model, bundle, parsed):
    config = parsed(model)
    golden = load(bundle.member(bundles.GOLDEN))
    assert [sample.batch_size for sample in config.model_warmup] == [1, 4, 8, 16]
    for sample in config.model_warmup:
        assert sample.inputs.keys() == {"signal", "continuous", "categorical"}
        for declared in config.input:
            warm = sample.inputs[declared.name]
            assert (warm.data_type, warm.dims) == (declared.data_type, declared.dims)
            content = (model / "warmup" / warm.input_data_file).read_bytes()
            dtype = np.int64 if warm.data_type == TYPE_INT64 else np.float32
            window = np.frombuffer(content, dtype).reshape(warm.dims)
            assert np.array_equal(window, golden[declared.name][0])
    assert golden["signal"][0].any()


def test_labels_are_the_targets_in_the_order_of_the_logits(model, contract, parsed):
    logits, features = parsed(model).output
    assert not features.label_filename
    assert (model / logits.label_filename).read_text().splitlines() == list(contract.target_names)


def test_contract_card_and_graph_are_those_of_the_bundle(model, bundle):
    assert contracts.read(model / "contract.json") == bundle.contract
    assert (model / "card.md").read_bytes() == bundle.member(bundles.CARD)
    assert (model / "1" / "model.onnx").read_bytes() == bundle.member(bundles.WINDOW_GRAPH)


def test_the_record_names_every_file_and_no_other(model):
    record = json.loads((model / "ecg2lab.json").read_bytes())
    found = {p.relative_to(model).as_posix(): p for p in model.rglob("*") if p.is_file()}
    assert record["files"].keys() == found.keys() - {"ecg2lab.json"}
    assert all(hashlib.sha256(found[name].read_bytes()).hexdigest() == x for name, x in record["files"].items())
    for output in ("logit", "feature"):
        assert 0 < record[f"{output}_error"] <= record[f"{output}_limit"] <= 2e-5
    assert [p.name for p in model.parent.parent.iterdir()] == ["repo"]  # nothing temporary is left


def test_a_gpu_is_asked_for_by_name_and_tf32_is_off(bundle, tmp_path, parsed, written):
    """A group of kind AUTO would fall to the CPU without a word, TF32 would leave the precision that was proved."""
    written(bundle, tmp_path, device="gpu")
    config = parsed(tmp_path / "m")
    assert [group.kind for group in config.instance_group] == [ModelInstanceGroup.KIND_GPU]
    (accelerator,) = config.optimization.execution_accelerators.gpu_execution_accelerator
    assert (accelerator.name, dict(accelerator.parameters)) == ("cuda", {"use_tf32": "0"})


def test_tensorrt_compiles_on_the_server_and_no_plan_is_shipped(bundle, tmp_path, parsed, written):
    assert written(bundle, tmp_path, tensorrt=True, max_batch=12, engine_cache="/var/engines") == ("m", "m_tensorrt")
    config = parsed(tmp_path / "m_tensorrt")
    assert (config.name, config.platform) == ("m_tensorrt", "onnxruntime_onnx")
    assert [group.kind for group in config.instance_group] == [ModelInstanceGroup.KIND_GPU]
    (accelerator,) = config.optimization.execution_accelerators.gpu_execution_accelerator
    told = dict(accelerator.parameters)
    assert accelerator.name == "tensorrt"
    assert (told["precision_mode"], told["trt_engine_cache_enable"]) == ("FP32", "1")
    assert told["trt_engine_cache_path"] == "/var/engines"
    shapes = {bound: told[f"trt_profile_{bound}_shapes"] for bound in ("min", "opt", "max")}
    for bound, batch in (("min", 1), ("opt", 4), ("max", 12)):
        assert shapes[bound] == f"signal:{batch}x12x250,continuous:{batch}x10,categorical:{batch}x2"
    assert not list(tmp_path.rglob("*.plan")) + list(tmp_path.rglob("*.engine"))
    assert parsed(tmp_path / "m").instance_group[0].kind == ModelInstanceGroup.KIND_CPU


def test_two_trainings_of_one_network_never_share_an_engine(bundle, tmp_path, parsed, written, changed):
    """ONNX Runtime's own key leaves the weights out (microsoft/onnxruntime issue 6455)."""
    other = changed(bundle, {bundles.CARD: b"another\n"})
    prefixes = set()
    for index, (source, batch) in enumerate([(bundle, 16), (other, 16), (bundle, 8)]):
        written(source, tmp_path / str(index), tensorrt=True, max_batch=batch)
        config = parsed(tmp_path / str(index) / "m_tensorrt")
        (accelerator,) = config.optimization.execution_accelerators.gpu_execution_accelerator
        prefixes.add(accelerator.parameters["trt_engine_cache_prefix"])
    assert len(prefixes) == 3


def test_tensorrt_may_not_choose_a_precision_past_the_gate(data_folder, tmp_path, written):
    reduced = Bundle.open(data_folder / "released" / "0.1.0" / "bf16.ecg2lab")
    with pytest.raises(BundleError, match="carries bf16"):
        written(reduced, tmp_path / "repo", tensorrt=True)
    assert not list(tmp_path.iterdir())


@given(batch=st.integers(1, 1024), samples=st.integers(2, 10_000))
def test_preferred_batches_grow_to_the_largest(batch, samples):
    signal = SimpleNamespace(sampling_rate_hz=100.0, window_samples=samples)
    sizes = Settings(name="m", max_batch=batch).preferred_batches(signal)
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == batch
    assert all(1 <= size <= batch for size in sizes)
    assert sizes[0] == min(batch, max(1, round(1000 / samples)))


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 10), st.booleans())
def test_any_text_reads_back_from_a_configuration(text, number, flag):
    message = {
        "name": text,
        "max_batch_size": number,
        "input": [{"name": "x", "dims": [number, 2], "data_type": pbtxt.Word("TYPE_FP32"), "optional": flag}],
        "parameters": pbtxt.entries({text: {"string_value": text}}),
        "dynamic_batching": {},
    }
    config = text_format.Parse(pbtxt.render(message), ModelConfig())
    assert (config.name, config.max_batch_size) == (text, number)
    assert (list(config.input[0].dims), config.input[0].optional) == ([number, 2], flag)
    assert config.parameters[text].string_value == text
    assert config.HasField("dynamic_batching")


@pytest.fixture(scope="module")
def causal(tmp_path_factory, data_folder, contract):
    out = tmp_path_factory.mktemp("causal") / "causal.ecg2lab"
    export(data_folder / "parity" / "causal-small" / "checkpoint.ckpt", out, contract=contract)
    return Bundle.open(out)


@pytest.mark.slow
def test_a_stream_keeps_its_state_on_the_server_and_starts_from_zeros(causal, tmp_path, parsed, written):
    assert written(causal, tmp_path, stream=True, max_batch=8) == ("m", "m_stream")
    config = parsed(tmp_path / "m_stream")
    assert {x.name: list(x.dims) for x in config.input} == {"signal": [12, -1], "continuous": [10], "categorical": [2]}
    assert [x.name for x in config.output] == ["logits", "features"]
    assert config.WhichOneof("scheduling_choice") == "sequence_batching"
    (state,) = config.sequence_batching.state
    assert (state.input_name, state.output_name) == ("state", "next_state")
    size = causal.manifest.step.state_size
    assert (state.data_type, list(state.dims)) == (TYPE_FP32, [size])
    (initial,) = state.initial_state
    assert (initial.data_type, list(initial.dims), initial.WhichOneof("state_data")) == (TYPE_FP32, [size], "zero_data")
    assert initial.name
    assert config.sequence_batching.WhichOneof("strategy_choice") == "oldest"
    assert config.sequence_batching.max_sequence_idle_microseconds == 60_000_000
    assert not config.model_warmup  # a warm-up request belongs to no sequence
    assert (tmp_path / "m_stream" / "1" / "model.onnx").read_bytes() == causal.member(bundles.STEP_GRAPH)


def test_a_bidirectional_model_is_not_streamed(bundle, tmp_path, written):
    with pytest.raises(BundleError, match="no step graph: the model is bidirectional"):
        written(bundle, tmp_path / "repo", stream=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_step_graph_that_misses_the_golden_logits_is_not_served(shift_a_bias, causal, tmp_path, written, changed):
    """The logits are those of the last chunk, after the state went through all before it."""
    written(causal, tmp_path / "good", stream=True)
    record = json.loads((tmp_path / "good" / "m_stream" / "ecg2lab.json").read_bytes())
    assert 0 < record["logit_error"] <= record["logit_limit"] <= 2e-5
    moved = shift_a_bias(causal.member(bundles.STEP_GRAPH))
    with pytest.raises(ParityError, match="golden logits are missed"):
        written(changed(causal, {bundles.STEP_GRAPH: moved}), tmp_path / "repo", stream=True)
    assert [p.name for p in tmp_path.iterdir()] == ["good"]


@pytest.mark.slow
def test_the_readme_of_a_stream_says_what_a_sequence_is(causal, tmp_path, written):
    written(causal, tmp_path, stream=True)
    text = (tmp_path / "m_stream" / "README.md").read_text()
    assert f"one window of 250 samples, in chunks of 1 to {causal.manifest.step.most_samples} samples" in text
    assert "(B, 12, samples)" in text
    assert "client.py" not in text
