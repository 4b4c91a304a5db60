"""The export as a whole: which form it takes, what a bundle says, and that no half-written one is ever left."""

import errno
import hashlib
import json
import os
import resource
import subprocess
import sys

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from ecg2lab import bundle as bundles
from ecg2lab import contract as contracts
from ecg2lab.bundle import Bundle
from ecg2lab.cli import inspect
from ecg2lab.errors import BackendError, BundleError, CheckpointError, ContractError, OutputError, ParityError
from ecg2lab.proof import parity
from ecg2lab.system import cpu
from ecg2lab_export import cli, export
from ecg2lab_export.forms import window_graph
from ecg2lab_export.network import cardiolab
from ecg2lab_export.proof import proving as proof

pytestmark = pytest.mark.slow


@pytest.fixture
def out(tmp_path):
    return tmp_path / "folder" / "x.ecg2lab"


def spoil(monkeypatch, *forms):
    """Let these forms of the window graph compute 1.0001 times what they should."""
    for form in forms:

        def larger(graph, u, layer, right=window_graph.FORMS[form]):
            return graph.add("Mul", right(graph, u, layer), graph.constant(1.0001))

        monkeypatch.setitem(window_graph.FORMS, form, larger)


def test_the_faster_form_is_taken_and_the_manifest_names_it(contract_case, out):
    report = export(contract_case.checkpoint, out)
    assert report.form == Bundle.open(out).manifest.form == "spectral"
    assert not {"spectral", "recurrent"} & set(report.left_out)


def test_where_the_faster_form_fails_its_proof_the_other_is_taken_and_said_so(contract_case, out, monkeypatch):
    spoil(monkeypatch, "spectral")
    report = export(contract_case.checkpoint, out)
    assert report.passed
    assert report.form == Bundle.open(out).manifest.form == "recurrent"
    assert "kernel, spectral on onnxruntime" in report.left_out["spectral"]
    assert "error 0.0001 exceeds 2e-06" in report.left_out["spectral"]
    assert {c.form for c in report.checks if c.quantity == "logits"} <= {"native", "recurrent", "step"}


@pytest.mark.parametrize("form", ["spectral", "recurrent"])
def test_a_form_that_was_asked_for_is_never_replaced(contract_case, out, monkeypatch, form):
    spoil(monkeypatch, form)
    with pytest.raises(ParityError, match=f"{form} on onnxruntime.*no bundle was written"):
        export(contract_case.checkpoint, out, form=form)
    assert not out.parent.exists()


def test_where_no_form_passes_nothing_is_written(contract_case, out, monkeypatch):
    spoil(monkeypatch, "spectral", "recurrent")
    with pytest.raises(ParityError, match="no bundle was written"):
        export(contract_case.checkpoint, out)
    assert not out.parent.exists()


@pytest.mark.parametrize("form", ["spectral", "recurrent"])
def test_a_form_that_was_asked_for_is_taken(contract_case, out, form):
    assert export(contract_case.checkpoint, out, form=form).form == Bundle.open(out).manifest.form == form


def test_a_causal_model_has_a_step_and_a_bidirectional_one_says_why_not(contract_case, out):
    report = export(contract_case.checkpoint, out)
    opened = Bundle.open(out)
    if opened.manifest.causal:
        assert opened.member("step.onnx")
        assert opened.manifest.step.most_samples == 31
    else:
        assert opened.manifest.step is None
        assert report.left_out["step"] == "the model is bidirectional, so each output waits for the whole window"
        with pytest.raises(BundleError, match=r"has no step\.onnx"):
            opened.member("step.onnx")


def test_an_fp32_export_says_why_each_gate_was_not_passed(contract_case, out, monkeypatch):
    """In proof, card, `inspect` and on the screen; the bundle is written all the same. Plain C++ measures int8 here."""
    monkeypatch.setattr(cpu, "features", lambda: ("avx2", "fma"))
    app = typer.Typer()
    cli.register(app)
    app.command("inspect")(inspect.run)
    arguments = ["export", str(contract_case.checkpoint), "--out", str(out), "--max-auroc-loss", "0"]
    shown = [CliRunner().invoke(app, x, env={"COLUMNS": "80"}) for x in (arguments, ["inspect", str(out)])]
    opened = Bundle.open(out)
    refused = parity.recorded(opened).refused
    assert (set(refused), opened.manifest.gates) == ({"fp16", "bf16", "int8"}, {})
    for name, reason in refused.items():
        assert reason.startswith(f"{name} loses more than 0 AUROC on generated windows, no patients (512 windows): ")
        assert "no bundle was written" not in reason
        assert f": {reason}." in opened.member("card.md").decode()
        for result in shown:
            assert result.exit_code == 0
            assert reason.replace(" ", "") in "".join(result.stdout.split())
            assert max(map(len, result.stdout.splitlines())) <= max(80, len(f"wrote {out} (99.99 MB), spectral form"))


def test_a_precision_that_was_asked_for_and_did_not_pass_leaves_no_bundle(contract_case, out):
    with pytest.raises(ParityError, match=r"bf16 loses more than 0 AUROC on .*; no bundle was written$"):
        export(contract_case.checkpoint, out, precision="bf16", max_auroc_loss=0)
    assert not out.parent.exists()


def test_a_precision_that_this_cpu_lacks_is_refused_before_any_work(contract_case, out, monkeypatch):
    monkeypatch.setattr(cpu, "features", lambda: ("avx2", "fma"))
    stages = []
    with pytest.raises(BackendError, match="int8 needs a CPU with VNNI"):
        export(contract_case.checkpoint, out, precision="int8", tell=stages.append)
    assert not stages
    assert not out.parent.exists()


def test_golden_outputs_of_the_bundle_are_the_float64_logits(contract_case, out, contract):
    from safetensors.numpy import load

    export(contract_case.checkpoint, out, contract=contract)
    golden = load(Bundle.open(out).member("golden.safetensors"))
    network = cardiolab.read(contract_case.checkpoint)
    expected = network.logits(golden["signal"], golden["continuous"], golden["categorical"])
    assert golden["logits"].dtype == np.float64
    np.testing.assert_array_equal(golden["logits"], expected)
    for column, feature in enumerate(contract.continuous):
        assert (golden["continuous"][:, column] >= feature.minimum).all()
        assert (golden["continuous"][:, column] <= feature.maximum).all()


def test_golden_inputs_reach_the_ends_of_what_preprocessing_delivers(contract_case, out, contract):
    """Zeros, noise at the clip limits, steps between them, one sample alone, leads that stay at the limit."""
    from safetensors.numpy import load

    export(contract_case.checkpoint, out, contract=contract)
    signal = load(Bundle.open(out).member("golden.safetensors"))["signal"]
    clip = contract.preprocessing.clip_mv
    assert np.abs(signal).max() == clip
    zeros, clipped, steps, single, rails = signal[-5:]
    assert not zeros.any()
    assert (np.abs(clipped) == clip).all()
    assert set(np.unique(steps)) <= {-clip, 0, clip}
    assert ((single != 0).sum(axis=1) == 1).all()
    assert (np.ptp(rails, axis=1) == 0).all()
    assert (np.abs(rails) == clip).all()


def test_exporting_twice_gives_the_same_bytes(contract_case, tmp_path, contract):
    for name in ("a", "b"):
        export(contract_case.checkpoint, tmp_path / f"{name}.ecg2lab", contract=contract)
    assert (tmp_path / "a.ecg2lab").read_bytes() == (tmp_path / "b.ecg2lab").read_bytes()


def test_the_bundle_says_what_it_is(contract_case, out, contract):
    export(contract_case.checkpoint, out, contract=contract, synthetic_weights=True)
    manifest = Bundle.open(out).manifest
    assert manifest.contract == contract
    assert manifest.lineage.checkpoint_sha256 == hashlib.sha256(contract_case.checkpoint.read_bytes()).hexdigest()
    assert manifest.causal == ("causal" in str(contract_case.checkpoint))
    assert [manifest.network[size] for size in ("hidden", "state_size", "layers")] == [32, 8, 2]
    assert manifest.notice == "synthetic weights, not for clinical use"
    assert (manifest.opset, manifest.form, manifest.precision) == (17, "spectral", "fp32")


def test_each_stage_is_told(contract_case, out):
    told = []
    export(contract_case.checkpoint, out, tell=told.append)
    assert told[0] == "reading the checkpoint"
    assert "building and proving the spectral form" in told
    assert told[-1] == "writing the bundle"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: {"targets": c["targets"][:9]}, "10 targets, the contract 9"),
        (lambda c: {"continuous": c["continuous"][:9]}, "10 continuous features, the contract 9"),
        (lambda c: {"categorical": c["categorical"][:1]}, "2 categorical features, the contract 1"),
        (lambda c: {"signal": c["signal"] | {"window_samples": 500}}, "250 samples a window, the contract 500"),
        (lambda c: {"signal": c["signal"] | {"leads": c["signal"]["leads"][:8]}}, "12 leads, the contract 8"),
        (
            lambda c: {
                "categorical": [
                    c["categorical"][0],
                    c["categorical"][1] | {"categories": ["a", "b", "c", "d", "e", "f"]},
                ]
            },
            "5 categories of race, the contract 6",
        ),
    ],
)
def test_a_contract_of_another_network_is_refused(contract_case, out, contract, change, message):
    plain = json.loads(contracts.encode(contract))
    other = contracts.decode(json.dumps(plain | change(plain)))
    with pytest.raises(ContractError, match=message):
        export(contract_case.checkpoint, out, contract=other)
    assert not out.exists()


@pytest.mark.parametrize("options", [{"precision": "int3"}, {"precision": "FP32"}, {"form": "x"}, {"form": "step"}])
def test_what_is_not_available_is_refused_by_name(contract_case, out, options):
    with pytest.raises(BackendError, match=f"{next(iter(options.values()))!r} is not available"):
        export(contract_case.checkpoint, out, **options)


def test_a_layer_that_cannot_be_realised_is_refused(random_network, tmp_path, out):
    """A pole at 1: C̃ = C (I − Āᴸ) is zero there whatever C is."""
    import dataclasses

    network = random_network(0, layers=1, length=60)
    layer = network.layers[0]
    none = np.zeros_like(layer.system.w)
    still = layer.system._replace(w=none, p=none, q=none)
    cardiolab.write(
        dataclasses.replace(network, layers=(dataclasses.replace(layer, system=still),)), tmp_path / "x.safetensors"
    )
    with pytest.raises(CheckpointError):
        export(tmp_path / "x.safetensors", out)
    assert not out.parent.exists()


def test_a_damaged_bundle_is_never_written(contract_case, out, monkeypatch):
    """What was packed is read back before it is written."""
    right = bundles.pack
    monkeypatch.setattr(bundles, "pack", lambda contents: right(contents)[:-1])
    with pytest.raises(BundleError):
        export(contract_case.checkpoint, out)
    assert not out.exists()


@pytest.mark.parametrize("call", ["fsync", "replace", "open"])
@pytest.mark.parametrize("older", [True, False])
def test_a_full_disk_leaves_no_half_written_bundle(contract_case, out, monkeypatch, call, older):
    if older:
        out.parent.mkdir()
        out.write_bytes(b"an older bundle")
    right = getattr(os, call)

    def full(*arguments, **options):
        if call == "open" and not str(arguments[0]).endswith("/new"):
            return right(*arguments, **options)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OutputError, match=r"cannot write .*x\.ecg2lab: No space left on device"):
        export(contract_case.checkpoint, out)
    monkeypatch.undo()
    assert [p.name for p in out.parent.iterdir()] == ([out.name] if older else [])
    assert not older or out.read_bytes() == b"an older bundle"


def test_a_disk_that_fills_up_midway_leaves_an_older_bundle_as_it_was(contract_case, tmp_path):
    """A real short write: the process may not write files beyond 64 kB, and the kernel stops it inside the bundle."""
    out = tmp_path / "x.ecg2lab"
    out.write_bytes(b"an older bundle")

    def limit():
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, 65_536))

    command = [sys.executable, "-m", "ecg2lab", "export", str(contract_case.checkpoint), "--out", str(out)]
    ended = subprocess.run(command, capture_output=True, text=True, preexec_fn=limit, timeout=120)
    assert ended.returncode == 1, ended.stderr
    assert ended.stderr.strip().splitlines()[-1].startswith("error: OutputError: cannot write")
    assert "Traceback" not in ended.stderr
    assert out.read_bytes() == b"an older bundle"
    assert [p.name for p in tmp_path.iterdir()] == ["x.ecg2lab"]


def test_the_proof_is_made_of_what_the_bundle_holds(contract_case, out, monkeypatch):
    """The graph that was proved is byte for byte the one that is written, as are the golden inputs."""
    seen = {}
    right = proof.prove

    def noted(forms, form, golden):
        proved = right(forms, form, golden)
        seen["graph"] = proved.graphs.window.SerializeToString(deterministic=True)
        seen["weights"], seen["golden"] = forms.native, golden.tensors()
        return proved

    monkeypatch.setattr(proof, "prove", noted)
    export(contract_case.checkpoint, out)
    from safetensors.numpy import load

    opened = Bundle.open(out)
    assert opened.member("window.onnx") == seen["graph"]
    for member, arrays in (("weights.safetensors", seen["weights"]), ("golden.safetensors", seen["golden"])):
        stored = load(opened.member(member))
        assert stored.keys() == arrays.keys()
        for name, array in arrays.items():
            np.testing.assert_array_equal(stored[name], array)


def test_the_report_that_is_returned_is_the_one_in_the_bundle(contract_case, out):
    report = export(contract_case.checkpoint, out)
    assert parity.recorded(Bundle.open(out)) == report
