"""`ecg2lab build` on a pretended GPU; see `pretended_tensorrt`."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import msgspec
import onnx
import pytest
import typer
from typer.testing import CliRunner

import ecg2lab
from ecg2lab import bundle as bundles
from ecg2lab.bundle import WINDOW_GRAPH, Bundle, Gate
from ecg2lab.errors import BackendError, BundleError
from ecg2lab_export import build_cli
from ecg2lab_export.precision import passes

pytestmark = pytest.mark.usefixtures("cache_folder")

GATE = Gate(
    precision="fp16",
    windows=8,
    data="a test",
    data_sha256="0" * 64,
    targets_by_labels=0,
    targets_expected=10,
    worst_auroc_loss=0.0,
    worst_target="target_000",
    macro_auroc_loss=0.0,
    limit=0.002,
    logit_error_max=1e-3,
    logit_error_median=1e-4,
    runtime="a test",
    cpu="a test",
)


@pytest.fixture
def command():
    app = typer.Typer()
    build_cli.register(app)

    def invoke(*arguments):
        result = CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "80"})
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


def with_gates(bundle, path, gates):
    manifest = msgspec.structs.replace(bundle.manifest, gates=gates)
    bundles.write(path, manifest, {name: bundle.member(name) for name in bundle.manifest.members})
    return path


@pytest.fixture
def gated(tmp_path, opened):
    """The bundle with a passed gate for fp16."""
    return with_gates(opened, tmp_path / "gated.ecg2lab", {"fp16": GATE})


@pytest.fixture
def ungated(tmp_path, opened):
    return with_gates(opened, tmp_path / "ungated.ecg2lab", {})


@pytest.fixture
def halved(monkeypatch):
    """In place of the pass: the same graph under another name, so that the bytes differ."""
    asked = []

    def reduce_precision(model, precision):
        asked.append(precision)
        renamed = onnx.ModelProto()
        renamed.CopyFrom(model)
        renamed.graph.name = "reduced"
        return renamed

    monkeypatch.setattr(passes, "reduce_precision", reduce_precision)
    return SimpleNamespace(asked=asked)


def test_the_table_fits_and_says_what_was_built(tensorrt, command, bundle):
    out = command(bundle).stdout
    assert max(len(line) for line in out.splitlines()[:-1]) <= 80
    for words in ("Fake Orin, compute capability 8.7", "tensorrt 10.3.0", "fp32", "1 to 4 windows", "on logits"):
        assert words in out
    assert "1, of them 1 fused from several nodes; 2 nodes" in out
    assert out.splitlines()[-1].startswith("built /")
    assert "was there already: /" in command(bundle).stdout


def test_the_layers_are_listed_when_asked_for(tensorrt, command, bundle):
    *_, place, listed = command(bundle, "--layers").stdout.splitlines()
    assert place.startswith("built /")
    assert listed.split() == ["gemm", "-", "→", "fp16", "a"]


def test_json_is_the_record(tensorrt, command, bundle):
    described = json.loads(command(bundle, "--json", "--batch", 2, "--workspace-mb", 100).stdout)
    assert described["new"]
    assert described["key"]["batch"] == {"least": 1, "tuned": 1, "most": 2}
    assert described["workspace_mb"] == 100
    assert described["plan"]["size"] == os.path.getsize(described["path"])
    (layer,) = described["summary"]["each"]
    assert (layer["kind"], layer["nodes"], layer["outputs"]) == ("gemm", ["p", "q"], ["fp16"])


def test_the_plan_may_be_copied_for_other_programs(tensorrt, command, bundle, tmp_path):
    described = json.loads(command(bundle, "--json", "--out", tmp_path / "deep" / "model.plan").stdout)
    assert (tmp_path / "deep" / "model.plan").stat().st_size == described["plan"]["size"]


def test_a_lower_precision_is_made_from_fp32_where_its_gate_was_passed(tensorrt, command, gated, halved, inputs):
    described = json.loads(command(gated, "--precision", "fp16", "--json").stdout)
    assert halved.asked == ["fp16"]
    assert described["key"]["precision"] == "fp16"
    with ecg2lab.load(gated, backend="tensorrt", precision="fp16") as loaded:
        assert loaded.info.precision == "fp16"
        loaded.run(*inputs)
    with pytest.raises(BackendError, match="precision fp16, here is fp32"):
        ecg2lab.load(gated, backend="tensorrt")


def test_only_tensorrt_takes_another_precision_than_the_bundle_carries(tensorrt, gated):
    with pytest.raises(BackendError, match="'fp16' is not in this bundle, which carries fp32"):
        ecg2lab.load(gated, backend="onnxruntime", precision="fp16")
    with pytest.raises(BackendError, match="nor has it a gate"):
        ecg2lab.load(gated, backend="tensorrt", precision="int8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--precision", "fp16"), "holds no passed gate for fp16; `ecg2lab export"),
        (("--precision", "int8"), "built in fp32 or fp16, not in int8"),
        (("--compute-capability", "8.6"), "tensorrt_rtx"),
    ],
)
def test_what_cannot_be_built_is_refused_by_name(tensorrt, command, ungated, arguments, message):
    with pytest.raises(Exception, match=message) as refusal:
        command(ungated, *arguments)
    assert isinstance(refusal.value, ecg2lab.Ecg2LabError)
    assert tensorrt.built == []


def test_a_batch_of_none_is_misuse(tensorrt, command, bundle):
    assert command(bundle, "--batch", 0).exit_code == 2


def test_a_missing_bundle_is_named(command):
    with pytest.raises(BundleError, match="there is no bundle at nowhere"):
        command("nowhere.ecg2lab")


@pytest.mark.slow
def test_the_verb_is_part_of_the_program(bundle):
    arguments = [sys.executable, "-m", "ecg2lab", "build", str(bundle), "--compute-capability", "8.7"]
    result = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "build on the device" in result.stderr


def test_the_graph_of_the_bundle_is_what_is_compiled(tensorrt, command, bundle):
    described = json.loads(command(bundle, "--json").stdout)
    assert described["graph_sha256"] == Bundle.open(bundle).manifest.members[WINDOW_GRAPH].sha256
