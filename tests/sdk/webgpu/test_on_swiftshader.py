"""Real shaders of every graph on SwiftShader, whose time says nothing; the errors are listed when the run ends."""

import importlib.util
import json
from ctypes.util import find_library
from pathlib import Path

import numpy as np
import pytest

from ecg2lab.bundle import Bundle
from ecg2lab.demo import bundle_path
from ecg2lab.proof.parity import LOGIT_TOLERANCE

pytestmark = pytest.mark.system

WEBGPU = ("--backend", "webgpu", "--allow-software")
SOFTWARE = "a software adapter"


@pytest.fixture(scope="module")
def exported(made_once, data_folder):
    """`exported(name, **options)`: a small checkpoint of the authors in another form or precision."""

    def make(name, **options):
        def write(folder):
            from ecg2lab_export import export  # not where the SDK's tests run without it

            checkpoint = data_folder / "parity" / name / "checkpoint.ckpt"
            export(checkpoint, folder / "x.ecg2lab", synthetic_weights=True, **options)

        return made_once(f"webgpu-{name}-{'-'.join(options.values())}", write) / "x.ecg2lab"

    return make


@pytest.fixture
def proving(machine, data_folder, tmp_path):
    """What an export proves there, whose other needs are those of this environment."""
    borrowed = tmp_path / "borrowed"
    borrowed.mkdir()
    for name in ("onnx", "safetensors", "ml_dtypes", "google"):
        (borrowed / name).symlink_to(Path(importlib.util.find_spec(name).submodule_search_locations[0]))
    checkpoint = data_folder / "parity" / "bidirectional-small" / "checkpoint.ckpt"
    return machine.with_(PYTHONPATH=str(borrowed)).ask("proved", checkpoint, tmp_path / "x.ecg2lab")


@pytest.fixture(scope="module")
def published_size(made_once):
    """Random weights: H 512, N 8, four layers, both directions, 204 targets. No bundle: its proof takes minutes."""

    def write(folder):
        from ecg2lab_bench.synthetic import random_network
        from ecg2lab_export import source
        from ecg2lab_export.forms import window_graph
        from ecg2lab_export.network import cardiolab
        from ecg2lab_export.proof.golden import draw_inputs

        cardiolab.write(random_network(), folder / "x.safetensors")
        exported = source.open_source(folder / "x.safetensors", None, True)
        drawn = draw_inputs(exported.contract, 2)
        np.savez(folder / "windows.npz", **drawn._asdict(), logits=exported.network.outputs(*drawn).logits)
        for form in ("spectral", "recurrent"):
            graph = window_graph.build(random_network(), form)
            (folder / f"{form}.onnx").write_bytes(graph.SerializeToString())

    return made_once("webgpu-published", write)


class TestParity:
    """`ecg2lab selftest` as a user runs it: logits, features and steps against float64."""

    @pytest.fixture
    def proved(self, parity_rows):
        def prove(machine, bundle, what):
            answer = machine.ecg2lab("selftest", bundle, *WEBGPU, "--json").json
            checks = [check for check in answer["checks"] if check["backend"] == "webgpu"]
            assert answer["passed"]
            assert all(check["error"] <= check["tolerance"] for check in checks)
            versions = [f"{name} {version}" for name, version in answer["versions"].items() if "webgpu" in name]
            for form in dict.fromkeys(check["form"] for check in checks):
                worst = max((check for check in checks if check["form"] == form), key=lambda check: check["error"])
                error = f"{worst['error']:.1e} of {worst['tolerance']:.0e}"
                parity_rows.append(f"{what:30} {form:10} {worst['quantity']:9} {error}  {', '.join(versions)}")
            return {check["form"] for check in checks}

        return prove

    def test_the_packaged_demo(self, proved, either):
        assert proved(either, bundle_path(), "demo") == {"spectral"}

    def test_a_causal_model_and_its_steps(self, proved, machine, causal_bundle):
        assert proved(machine, causal_bundle, "causal") == {"spectral", "step"}

    def test_the_recurrent_form(self, proved, machine, exported):
        assert proved(machine, exported("bidirectional-small", form="recurrent"), "recurrent") == {"recurrent"}

    @pytest.mark.parametrize("form", ["spectral", "recurrent"])
    def test_the_published_size(self, machine, published_size, parity_rows, form):
        error = machine.ask("graph_error", published_size / f"{form}.onnx", published_size / "windows.npz").json
        parity_rows.append(f"{'published size':30} {form:10} logits    {error:.1e} of {LOGIT_TOLERANCE:.0e}")
        assert error <= LOGIT_TOLERANCE

    def test_the_proof_of_an_export_has_it_where_it_ran(self, proving):
        """With a software adapter on request only, and called that."""
        heard = proving.json
        (backend,) = heard["with"]
        assert backend.startswith("webgpu, SwiftShader Device (Subzero) (software, Vulkan 1.")
        assert heard["without"] == []


def test_info_says_adapter_driver_interface_and_precision(either, bundle):
    info = either.ask("info", bundle).json
    assert (info["backend"], info["precision"]) == ("webgpu", "fp32")
    assert info["provider"].startswith("WebGpuExecutionProvider (Vulkan 1.")
    assert "SwiftShader" in info["device"]
    assert SOFTWARE in info["device"]
    assert SOFTWARE in info["notice"]
    assert "SwiftShader" in info["versions"]["driver"]
    assert any("webgpu" in name for name in info["versions"])
    assert any("shaders" in told for told in info["told"])


def test_a_batch_of_any_size(machine, bundle):
    apart = machine.ask("batches", bundle, 1, 2, 3, 65).json
    assert max(apart.values()) < LOGIT_TOLERANCE


def test_engines_and_threads_share_the_device(either, bundle, causal_bundle):
    heard = either.ask("threads", bundle, causal_bundle).json
    assert heard["failures"] == []
    assert heard["answers"] == 16
    assert heard["apart"] < LOGIT_TOLERANCE


@pytest.mark.parametrize(("by", "form"), [("state", "step"), ("windows", "spectral")])
def test_a_stream(machine, causal_bundle, data_folder, by, form):
    heard = machine.ask("streams", causal_bundle, data_folder / "HR06000.hea", by).json
    assert heard["answers"] >= 4
    assert heard["apart"] < LOGIT_TOLERANCE
    assert heard["ran"][:2] == ["webgpu", form]
    assert SOFTWARE in heard["ran"][2]


def test_an_explanation(machine, bundle, data_folder):
    assert machine.ask("explanation", bundle, data_folder / "HR06000.hea").json < 2 * LOGIT_TOLERANCE


def test_a_device_that_is_lost_is_named_and_the_next_call_makes_a_new_one(faulty, bundle):
    machine, faults = faulty
    heard = machine.ask("lost", bundle, faults).json
    assert [kind for kind, _ in heard["said"]] == ["DeviceLostError", "DeviceLostError"]
    assert all("lost" in words and "the next call makes a new device" in words for _, words in heard["said"])
    assert heard["apart"] < LOGIT_TOLERANCE


def test_a_stream_goes_on_where_its_device_was_lost(faulty, causal_bundle, data_folder):
    machine, faults = faulty
    heard = machine.ask("lost_in_mid_stream", causal_bundle, data_folder / "HR06000.hea", faults).json
    assert heard["said"] == "DeviceLostError"
    assert heard["answers"] >= 4
    assert heard["apart"] < LOGIT_TOLERANCE


def test_a_process_that_was_forked_off_is_refused(machine, bundle):
    heard = machine.ask("forked", bundle).json
    assert all(kind == "BackendError" and "forked" in words for kind, words in heard["child"])
    assert heard["parent"] is None


class TestCommands:
    """What a user sees."""

    def test_predict_refuses_a_software_adapter_in_words(self, machine, bundle, data_folder):
        answer = machine.ecg2lab("predict", bundle, data_folder / "HR06000.hea", "--backend", "webgpu", "--json")
        assert answer.code == 1
        assert "software adapter, no GPU" in answer.err
        assert "--allow-software" in answer.err
        assert len(answer.err.strip().splitlines()) == 1

    def test_predict_says_it_in_every_answer_where_it_is_allowed(self, either, bundle, data_folder):
        record = data_folder / "HR06000.hea"
        answer = either.ecg2lab("predict", bundle, record, *WEBGPU, "--json")
        prediction = answer.json
        assert SOFTWARE in prediction["notice"]
        assert SOFTWARE in prediction["engine"]["device"]
        assert answer.err == ""

    def test_devices_lists_adapter_and_backend(self, machine):
        listed = machine.ecg2lab("devices", "--json").json
        assert [(gpu["kind"], gpu["f16"]) for gpu in listed["gpus"]] == [("software", False)]
        backends = {note["backend"]: note for note in listed["backends"]}
        assert backends["native"]["why_not"] is None
        assert "software adapter" in backends["webgpu"]["why_not"]
        shown = machine.ecg2lab("devices").out
        assert "SwiftShader" in shown
        assert "pip install 'ecg2lab[gpu]'" in shown


class TestAdapters:
    """Which one, with two drivers."""

    @pytest.fixture
    def two(self, machine, mock_driver, swiftshader):
        return machine.with_(VK_DRIVER_FILES=f"{mock_driver}:{swiftshader}")

    def test_a_driver_that_webgpu_refuses_is_not_replaced_by_another(self, two, bundle):
        kind, words = two.ask("refusal", bundle, "allow_software=true").json
        assert kind == "BackendError"
        assert "WebGPU refuses Vulkan Mock Device" in words
        assert "update it" in words

    @pytest.mark.parametrize("adapter", ["1", '"swiftshader"'])
    def test_the_adapter_of_that_index_or_name_is_taken(self, two, bundle, adapter):
        assert two.ask("refusal", bundle, "allow_software=true", f"adapter={adapter}").json is None

    def test_a_second_adapter_needs_another_process(self, two, bundle):
        heard = two.ask("second_adapter", bundle, "SwiftShader", "Mock").json
        assert "SwiftShader" in heard["first"]
        assert "another process" in heard["second"][1]


class TestRefusals:
    """By name, with what to do."""

    def refused(self, machine, bundle, *options):
        return machine.ask("refusal", bundle, "allow_software=true", *options).json

    @pytest.mark.skipif(find_library("vulkan") is not None, reason="this machine has a Vulkan loader of its own")
    def test_no_loader(self, machine, bundle):
        kind, words = self.refused(machine.with_(LD_LIBRARY_PATH=""), bundle)
        assert kind == "BackendError"
        assert "apt install libvulkan1" in words

    def test_no_driver(self, machine, bundle, tmp_path):
        kind, words = self.refused(machine.with_(VK_DRIVER_FILES=str(tmp_path / "none.json")), bundle)
        assert kind == "BackendError"
        assert "has a driver for WebGPU; install it" in words

    def test_an_adapter_that_is_not_there(self, machine, bundle):
        for adapter in ("7", '"Radeon"'):
            kind, words = self.refused(machine, bundle, f"adapter={adapter}")
            assert kind == "BackendError"
            assert "SwiftShader" in words

    def test_16_bits_on_an_adapter_without(self, machine, exported):
        kind, words = self.refused(machine, exported("bidirectional-small", precision="fp16"))
        assert kind == "BackendError"
        assert "no 16-bit floating point" in words

    def test_a_graph_with_a_node_that_webgpu_has_not(self, machine, bundle, tmp_path):
        """No bundle has one: a bundle's operators are on a list, which may grow."""
        import onnx

        graph = onnx.load_from_string(Bundle.open(bundle).member("window.onnx"))
        (last,) = (node for node in graph.graph.node if "logits" in node.output)
        last.output[list(last.output).index("logits")] = "before"
        graph.graph.node.append(onnx.helper.make_node("Hardmax", ["before"], ["logits"], "stranger"))
        (tmp_path / "window.onnx").write_bytes(graph.SerializeToString())
        kind, words = machine.ask("graph", tmp_path / "window.onnx").json
        assert kind == "BackendError"
        assert "no kernels for Hardmax stranger" in words

    def test_a_driver_that_computes_wrong(self, either, bundle, doctored):
        """The other way round: golden outputs that are not the model's."""
        from safetensors.numpy import load, save

        golden = load(Bundle.open(bundle).member("golden.safetensors"))
        moved = doctored(bundle, {"golden.safetensors": save(golden | {"logits": golden["logits"] + 1e-3})})
        kind, words = self.refused(either, moved)
        assert kind == "ParityError"
        assert "does not compute the model" in words

    def test_two_packages_of_onnx_runtime(self, machine, bundle, tmp_path):
        other = tmp_path / "onnxruntime-1.30.0.dist-info"
        other.mkdir()
        (other / "METADATA").write_text("Metadata-Version: 2.1\nName: onnxruntime\nVersion: 1.30.0\n")
        kind, words = self.refused(machine.with_(PYTHONPATH=str(tmp_path)), bundle)
        assert kind == "BackendError"
        assert "pip uninstall onnxruntime onnxruntime-webgpu" in words

    def test_a_plugin_of_another_abi(self, either, bundle, tmp_path):
        if "plugin" not in str(either.python):
            pytest.skip("it has no plugin")
        package = tmp_path / "onnxruntime_ep_webgpu"
        package.mkdir()
        (package / "__init__.py").write_text("def get_library_path():\n    return 'libm.so.6'\n")
        kind, words = self.refused(either.with_(PYTHONPATH=str(tmp_path)), bundle)
        assert kind == "BackendError"
        assert "do not fit each other" in words
        assert "pip install --upgrade onnxruntime onnxruntime-ep-webgpu" in words


def test_the_questions_are_json(machine, bundle):
    """A process that dies of a signal has no answer."""
    answer = machine.ask("refusal", bundle)
    assert json.loads(answer.out)[0] == "BackendError"
