"""`selftest`: what the export proved is computed again here; whatever is wrong is found, named, and exit code 1."""

import json

import msgspec
import numpy as np
import onnx
import pytest
from safetensors.numpy import load, save
from typer.testing import CliRunner

from ecg2lab import selftest
from ecg2lab.backends import native
from ecg2lab.bundle import Bundle
from ecg2lab.cli import app
from ecg2lab.errors import BackendError, BundleError, ParityError
from ecg2lab.proof.parity import LOGIT_TOLERANCE, recorded


def changed_graph(content, share=1.01, kind="head"):
    """A graph, one constant 1 % larger: the weight of the dense product of this name."""
    model = onnx.load_from_string(content)
    name = next(node for node in model.graph.node if node.name == kind).input[1]
    constant = next(x for x in model.graph.initializer if x.name == name)
    array = onnx.numpy_helper.to_array(constant) * np.float32(share)
    constant.CopyFrom(onnx.numpy_helper.from_array(array, constant.name))
    return model.SerializeToString()


def changed_weights(content, name, change):
    weights = load(content)
    weights[name] = np.ascontiguousarray(change(weights[name]))
    return save(weights)


@pytest.fixture(params=["bundle", "causal_bundle"])
def either(request):
    return request.getfixturevalue(request.param)


def test_a_sound_bundle_passes(either):
    opened = Bundle.open(either)
    report = selftest.run(opened)
    assert report.passed
    assert (report.form, report.precision) == ("spectral", "fp32")
    cases = {(c.quantity, c.form, c.backend) for c in report.checks}
    expected = {
        ("logits", "native", "native"),
        ("logits", "spectral", "onnxruntime"),
        ("kernel", "scan", "native"),
        ("kernel", "cascade", "numpy"),
    }
    expected |= {("logits", "step", "onnxruntime")} if opened.manifest.step else set()
    expected |= {("logits", f"native, {x}", "native") for x in opened.manifest.gates if native.computes(x)}
    assert cases == expected | {("features", *where) for quantity, *where in expected if quantity == "logits"}
    assert ("step" in report.left_out) == (opened.manifest.step is None)
    assert {"ecg2lab", "numpy", "onnxruntime"} <= set(report.versions)


def in_own_precision(report):
    """Checks but for those of the precisions that the bundle has gates for, which only some CPUs compute."""
    return [check for check in report.checks if not check.form.startswith("native, ")]


def test_limits_are_those_of_the_export(causal_bundle):
    opened = Bundle.open(causal_bundle)
    proved = {(c.form, c.quantity): c.tolerance for c in recorded(opened).checks}
    for check in in_own_precision(selftest.run(opened)):
        assert check.tolerance == proved[check.form, check.quantity]


@pytest.mark.parametrize("kind", ["head", "encoder", "layers.0.value", "layers.1.gate", "static.0"])
def test_a_window_graph_with_one_weight_changed_is_found(bundle, doctored, kind):
    wrong = changed_graph(Bundle.open(bundle).member("window.onnx"), kind=kind)
    report = selftest.run(Bundle.open(doctored(bundle, {"window.onnx": wrong})))
    failed = {check.form for check in report.checks if not check.passed}
    assert failed == {"spectral"}


def test_a_step_graph_with_one_weight_changed_is_found(causal_bundle, doctored):
    wrong = changed_graph(Bundle.open(causal_bundle).member("step.onnx"), kind="layers.1.value")
    report = selftest.run(Bundle.open(doctored(causal_bundle, {"step.onnx": wrong})))
    assert {check.form for check in report.checks if not check.passed} == {"step"}
    with pytest.raises(ParityError, match="logits, step on onnxruntime"):
        report.require()


def test_not_a_number_never_passes(bundle, doctored):
    wrong = changed_graph(Bundle.open(bundle).member("window.onnx"), share=np.nan)
    report = selftest.run(Bundle.open(doctored(bundle, {"window.onnx": wrong})))
    failed = [check for check in report.checks if not check.passed]
    assert {check.form for check in failed} == {"spectral"}
    assert all(np.isnan(check.error) for check in failed)


def test_wide_limits_in_the_file_excuse_nothing(bundle, doctored):
    """Graph and proof exchanged together, digests right: the limit of fp32 is the project's, not the file's."""
    opened = Bundle.open(bundle)
    proof = json.loads(opened.member("parity.json"))
    for check in proof["checks"]:
        check["tolerance"] = 1e9
    contents = {"parity.json": json.dumps(proof).encode(), "window.onnx": changed_graph(opened.member("window.onnx"))}
    report = selftest.run(Bundle.open(doctored(bundle, contents)))
    assert not report.passed
    assert {c.tolerance for c in in_own_precision(report) if c.quantity == "logits"} == {LOGIT_TOLERANCE}


def run_command(*arguments):
    return CliRunner().invoke(app, ["selftest", *map(str, arguments)])


def test_the_command_shows_form_backend_and_error(either):
    result = run_command(either)
    assert result.exit_code == 0
    for word in ("spectral", "onnxruntime", "scan", "native", "cascade", "passed", "Not measured", "on tensorrt"):
        assert word in result.stdout
    assert "FAILED" not in result.stdout


def test_the_command_as_json(either):
    result = run_command(either, "--json")
    assert result.exit_code == 0
    assert result.stdout.count("\n") == 1
    answer = json.loads(result.stdout)
    assert answer.pop("passed") is True
    assert msgspec.convert(answer, selftest.ParityReport).passed
    assert "spectral on tensorrt" in answer["left_out"]


@pytest.mark.slow
def test_a_failure_is_exit_code_1_and_names_the_check(bundle, doctored, capfd):
    """In a process: the table first, then one line on stderr."""
    import subprocess
    import sys

    path = doctored(bundle, {"window.onnx": changed_graph(Bundle.open(bundle).member("window.onnx"))})
    for option in ([], ["--json"]):
        command = [sys.executable, "-m", "ecg2lab", "selftest", str(path), *option]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert ended.returncode == 1
        complaint = ended.stderr.strip().splitlines()[-1]
        assert complaint.startswith("error: ParityError: logits, spectral on onnxruntime, batch ")
        assert complaint.endswith("; this device does not compute the model as it was proved")
        assert "Traceback" not in ended.stderr
        if option:
            assert json.loads(ended.stdout)["passed"] is False
        else:
            assert "FAILED" in ended.stdout


GOLDEN = {
    "no signal": lambda g: {k: v for k, v in g.items() if k != "signal"},
    "no logits": lambda g: {k: v for k, v in g.items() if k != "logits"},
    "no windows": lambda g: {k: v[:0] for k, v in g.items()},
    "one target": lambda g: g | {"logits": g["logits"][:, :1]},  # would be compared with all of them
    "one row of logits": lambda g: g | {"logits": g["logits"][:1]},
    "a scalar": lambda g: g | {"signal": np.float32(0).reshape(())},
    "another window": lambda g: g | {"signal": g["signal"][:, :, :100]},
    "another type": lambda g: g | {"continuous": g["continuous"].astype(np.float64)},
    "logits in float32": lambda g: g | {"logits": g["logits"].astype(np.float32)},
    "not a number": lambda g: g | {"signal": g["signal"] * np.float32("nan")},
    "logits of infinity": lambda g: g | {"logits": g["logits"] + np.inf},
    "no such category": lambda g: g | {"categorical": g["categorical"] + 99},
}


@pytest.mark.parametrize("change", GOLDEN.values(), ids=GOLDEN)
def test_golden_inputs_that_do_not_fit_are_refused(bundle, doctored, change):
    golden = {
        k: np.ascontiguousarray(v) for k, v in change(load(Bundle.open(bundle).member("golden.safetensors"))).items()
    }
    path = doctored(bundle, {"golden.safetensors": save(golden)})
    with pytest.raises(BundleError, match=r"golden\.safetensors(: \w+)? does not fit the contract"):
        selftest.run(Bundle.open(path))


@pytest.mark.parametrize("name", ["layers.0.a", "layers.0.c", "layers.1.d"])
def test_weights_without_a_state_space_are_refused(bundle, doctored, name):
    weights = load(Bundle.open(bundle).member("weights.safetensors"))
    del weights[name]
    path = doctored(bundle, {"weights.safetensors": save(weights)})
    with pytest.raises(
        BundleError, match=rf"weights\.safetensors cannot run: the weights lack {name}|says layers 2, its weights"
    ):
        selftest.run(Bundle.open(path))


def test_weights_of_another_shape_or_count_are_refused(bundle, doctored):
    content = Bundle.open(bundle).member("weights.safetensors")
    shorter = changed_weights(content, "layers.0.b", lambda b: b[:, :, :-1])
    with pytest.raises(BundleError, match=r"cannot run: weights: layers\.0\.a has shape"):
        selftest.run(Bundle.open(doctored(bundle, {"weights.safetensors": shorter})))
    fewer = save({k: v for k, v in load(content).items() if not k.startswith("layers.")})
    with pytest.raises(BundleError, match=r"says layers 2, its weights\.safetensors 0"):
        selftest.run(Bundle.open(doctored(bundle, {"weights.safetensors": fewer})))


def test_weights_that_are_not_finite_are_refused(bundle, doctored):
    content = Bundle.open(bundle).member("weights.safetensors")
    wrong = changed_weights(content, "layers.1.c", lambda c: c * np.nan)
    with pytest.raises(BundleError, match=r"layers\.1\.c has values that are not finite"):
        selftest.run(Bundle.open(doctored(bundle, {"weights.safetensors": wrong})))


def test_a_cascade_with_one_coefficient_changed_is_found(either, doctored):
    """H and r within 1e-4, a tap of the last layer by 1 %: each moves a kernel beyond 2e-6."""
    content = Bundle.open(either).member("weights.safetensors")
    for name, share in (("0.cascade.h", 1.0001), ("0.cascade.r", 1.0001), ("1.cascade.taps", 1.01)):
        wrong = changed_weights(content, f"layers.{name}", lambda x, share=share: x * np.float32(share))
        report = selftest.run(Bundle.open(doctored(either, {"weights.safetensors": wrong})))
        failed = {(check.form, check.case) for check in report.checks if not check.passed}
        assert ("cascade", f"layer {name[0]}") in failed
        # logits may show it too
        assert {form for form, _ in failed} <= {"cascade", "native", "native, bf16", "native, int8"}


def one_channel(weights):
    """A cascade of one channel, which NumPy would stretch over all."""
    return (
        weights
        | {f"layers.0.cascade.{key}": weights[f"layers.0.cascade.{key}"][:1] for key in ("h", "r")}
        | {"layers.0.cascade.taps": weights["layers.0.cascade.taps"][:, :1]}
    )


CASCADES = {
    "no r": lambda w: {k: v for k, v in w.items() if k != "layers.0.cascade.r"},
    "of float64": lambda w: w | {"layers.0.cascade.h": w["layers.0.cascade.h"].astype(np.float64)},
    "r of fewer sections": lambda w: w | {"layers.0.cascade.r": w["layers.0.cascade.r"][:, :-1]},
    "taps of fewer sections": lambda w: w | {"layers.1.cascade.taps": w["layers.1.cascade.taps"][..., :-2]},
    "of one channel": one_channel,
    "gone without a word": lambda w: {k: v for k, v in w.items() if not k.startswith("layers.1.cascade")},
}


@pytest.mark.parametrize("change", CASCADES.values(), ids=CASCADES)
def test_a_cascade_that_is_malformed_or_missing_is_refused(bundle, doctored, change):
    weights = {
        k: np.ascontiguousarray(v) for k, v in change(load(Bundle.open(bundle).member("weights.safetensors"))).items()
    }
    path = doctored(bundle, {"weights.safetensors": save(weights)})
    with pytest.raises(
        BundleError, match=r"cannot run: (the )?weights.*cascade|has a cascade for 1 layers, its proof for 2"
    ):
        selftest.run(Bundle.open(path))


def test_a_layer_that_the_export_gave_no_cascade_is_said(bundle, doctored):
    opened = Bundle.open(bundle)
    weights = {k: v for k, v in load(opened.member("weights.safetensors")).items() if not k.startswith("layers.1.casc")}
    proof = json.loads(opened.member("parity.json"))
    proof["left_out"]["cascade, layer 1"] = "error 1 exceeds 2e-06; chunked blocks take this layer"
    contents = {"weights.safetensors": save(weights), "parity.json": json.dumps(proof).encode()}
    report = selftest.run(Bundle.open(doctored(bundle, contents)))
    assert report.passed
    assert {check.case for check in report.checks if check.form == "cascade"} == {"layer 0"}
    assert "chunked blocks" in report.left_out["cascade, layer 1"]


def test_where_nothing_can_run_the_model_the_reasons_are_given(bundle, monkeypatch):
    def none(*_, backend, **__):
        raise BackendError(f"no {backend} here")

    monkeypatch.setattr(selftest, "load", none)
    with pytest.raises(BackendError, match="nothing here can run the model: no .* here"):
        selftest.run(Bundle.open(bundle))


def test_a_backend_that_loads_and_then_fails_is_a_failure_not_an_omission(bundle, monkeypatch):
    """What cannot be had here is left out; what breaks while it computes must not be."""
    from ecg2lab.backends.onnxruntime import OnnxRuntimeBackend

    def broken(self, *_):
        broken.calls += 1
        if broken.calls > 1:  # the first call warms up
            raise BackendError("ONNX Runtime failed: out of memory")
        return right(self, *_)

    broken.calls, right = 0, OnnxRuntimeBackend.run
    monkeypatch.setattr(OnnxRuntimeBackend, "run", broken)
    with pytest.raises(BackendError, match="out of memory"):
        selftest.run(Bundle.open(bundle))


def test_inspect_shows_gates_step_and_the_nearest_miss(either):
    result = CliRunner().invoke(app, ["inspect", str(either)], env={"COLUMNS": "80"})
    assert result.exit_code == 0
    opened = Bundle.open(either)
    shown = " ".join(result.stdout.split())
    if opened.manifest.step:
        assert f"up to 31 samples at once, a state of {opened.manifest.step.state_size:,} numbers" in shown
    else:
        assert "none: the model is bidirectional, so each output waits for the whole window" in shown
    assert f"{len(recorded(opened).checks)} checks on" in shown
    for precision in opened.manifest.gates:
        assert precision in shown
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_inspect_refuses_a_proof_that_is_garbage(bundle, doctored):
    result = CliRunner().invoke(app, ["inspect", str(doctored(bundle, {"parity.json": b"{}"}))])
    assert isinstance(result.exception, BundleError)
    assert "malformed" in str(result.exception)
