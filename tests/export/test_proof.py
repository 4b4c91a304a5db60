"""The proof: it fails when anything is wrong, and then no file is written."""

import dataclasses

import msgspec
import numpy as np
import onnx
import pytest
from typer.testing import CliRunner

from ecg2lab import selftest
from ecg2lab.bundle import Bundle
from ecg2lab.cli import app
from ecg2lab.errors import BackendError, BundleError, ParityError
from ecg2lab.proof import parity
from ecg2lab.proof.parity import Check, ParityReport, Tolerances
from ecg2lab.stream.step import StepGraph
from ecg2lab_export import export
from ecg2lab_export.architecture.contract_fit import default_contract
from ecg2lab_export.forms import kernel_proof, window_graph
from ecg2lab_export.forms.fusion_forms import FusionForms
from ecg2lab_export.network import cardiolab, dplr
from ecg2lab_export.network.realisation import balanced, realise_system, to_real_basis
from ecg2lab_export.proof import proving as proof
from ecg2lab_export.proof.golden import make_golden
from ecg2lab_export.proof.proving import Graphs
from ecg2lab_export.triton import repository
from ecg2lab_export.triton.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture
def out(tmp_path):
    return tmp_path / "folder" / "x.ecg2lab"


def graphs_of(network, form="spectral"):
    forms = FusionForms(network)
    step = forms.step()
    return Graphs(form, forms.window_graph(form), None if isinstance(step, str) else step)


def prove(network, form="spectral"):
    return proof.prove(FusionForms(network), form, make_golden(network, default_contract(network))).report


@pytest.mark.parametrize("form", ["spectral", "recurrent"])
def test_an_export_passes_its_own_proof_and_carries_it(parity_case, out, form):
    report = export(parity_case.checkpoint, out, form=form)
    assert report.passed
    causal = "causal" in str(parity_case.checkpoint)
    kernels = {check.form for check in report.checks if check.quantity == "kernel"}
    logits = {check.form for check in report.checks if check.quantity == "logits"}
    steps = {"step"} if causal else set()
    assert kernels == {"realisation in float64", "scan", "cascade", form} | steps
    assert logits == {form, "native"} | steps
    assert ("step" in report.left_out) == (not causal)
    assert parity.recorded(Bundle.open(out)) == report


def test_it_names_every_layer_batch_and_chunking(data_folder):
    network = cardiolab.read(data_folder / "parity" / "causal-small" / "checkpoint.ckpt")
    cases = {(check.form, check.case) for check in prove(network).checks}
    assert {(form, f"layer {i}") for form in ("spectral", "scan") for i in range(2)} <= cases
    assert {("spectral", "batch 1"), ("spectral", "batch 9")} <= cases
    assert {("step", f"layer {i}, {n} samples a step") for i in range(2) for n in (1, 31)} <= cases
    assert {("step", f"{n} samples a step") for n in (1, 7, 12, 17, 250)} <= cases


def c_tilde_as_c(system):
    a_bar, b_bar = dplr.discretise(system)
    return balanced(*to_real_basis(a_bar, b_bar, dplr.complete(system.c)), system.length)


def directions_exchanged(system):
    real = realise_system(system)
    return dataclasses.replace(real, **{key: np.ascontiguousarray(getattr(real, key)[::-1]) for key in "abc"})


def a_little_faster(system):
    return realise_system(system._replace(log_dt=system.log_dt + 1e-4))


def c_one_percent_larger(system):
    real = realise_system(system)
    return dataclasses.replace(real, c=real.c * 1.01)


def rounded_too_early(system):
    """The realisation rounded before, not after, the blocks are formed, and off by thirty roundings."""
    real = realise_system(system)
    return dataclasses.replace(real, a=real.a.astype(np.float32).astype(np.float64) * (1 + 2e-6))


def one_tap_late(system):
    real = realise_system(system)
    return dataclasses.replace(real, b=np.einsum("dhnm,dhm->dhn", real.a, real.b))


WRONG = [c_tilde_as_c, directions_exchanged, a_little_faster, c_one_percent_larger, rounded_too_early, one_tap_late]


@pytest.mark.parametrize("form", ["spectral", "recurrent", None])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_realisation_is_refused_and_nothing_is_written(parity_case, out, monkeypatch, wrong, form):
    """Whatever form the window graph has: scan and step are made of the realisation even where the graph is not."""
    if wrong is directions_exchanged and "causal" in str(parity_case.checkpoint):
        wrong = c_tilde_as_c
    monkeypatch.setattr("ecg2lab_export.network.fusion.realise_system", wrong)
    with pytest.raises(ParityError, match=r"kernel, .*layer \d.*no bundle was written"):
        export(parity_case.checkpoint, out, form=form)
    assert not out.parent.exists()


@pytest.mark.parametrize("form", ["spectral", "recurrent"])
def test_a_wrong_convolution_of_either_form_is_refused(parity_case, out, monkeypatch, form):
    """Here the realisation is right, and the graph is made of 1.0001 times its kernel or blocks."""
    right = dict(window_graph.FORMS)

    def larger(graph, u, layer):
        return graph.add("Mul", right[form](graph, u, layer), graph.constant(1.0001))

    monkeypatch.setitem(window_graph.FORMS, form, larger)
    with pytest.raises(ParityError, match=rf"kernel, {form} on onnxruntime, layer \d"):
        export(parity_case.checkpoint, out, form=form)
    assert not out.parent.exists()


@pytest.mark.parametrize("dead", range(3))
def test_an_error_in_a_single_channel_is_seen(random_network, monkeypatch, dead):
    """A 3e-6 error in the smallest kernel must not hide behind the channels with larger ones."""
    network = random_network(1, hidden=3, layers=1, length=60)
    layer = network.layers[0]
    c = layer.system.c * np.array([1, 1, 1])[None, :, None]
    c[:, dead] *= 1e-4
    small = dataclasses.replace(layer, system=layer.system._replace(c=c), d=np.zeros(3))

    def spoiled(system):
        real = realise_system(system)
        rows = real.c.copy()
        rows[:, dead] *= 1 + 3e-6
        return dataclasses.replace(real, c=rows)

    monkeypatch.setattr("ecg2lab_export.network.fusion.realise_system", spoiled)
    report = prove(dataclasses.replace(network, layers=(small,)))
    assert any(not c.passed for c in report.checks if c.form == "realisation in float64")


def test_a_refused_export_leaves_an_older_bundle_as_it_was(parity_case, out, monkeypatch):
    export(parity_case.checkpoint, out)
    before = out.read_bytes()
    monkeypatch.setattr("ecg2lab_export.network.fusion.realise_system", c_tilde_as_c)
    with pytest.raises(ParityError):
        export(parity_case.checkpoint, out)
    assert out.read_bytes() == before
    assert [p.name for p in out.parent.iterdir()] == [out.name]


def floats(graph):
    return [x for x in graph.graph.initializer if x.data_type == onnx.TensorProto.FLOAT]


def changed(graph, index):
    """The graph, one of its float constants 1 % larger; one of zeros 0.01 larger."""
    copy = onnx.ModelProto()
    copy.CopyFrom(graph)
    constant = floats(copy)[index]
    array = onnx.numpy_helper.to_array(constant)
    array = array * np.float32(1.01) if array.any() else array + np.float32(0.01)
    constant.CopyFrom(onnx.numpy_helper.from_array(array, constant.name))
    return copy


TIGHT = Tolerances(1e-5, 1e-5)
"""Half of what an export allows."""


def logits_of(checks):
    """The last layer's constants change no feature."""
    return [check for check in checks if check.quantity == "logits"]


@pytest.mark.parametrize("form", ["spectral", "recurrent"])
def test_every_changed_constant_of_the_window_graph_is_found(random_network, form):
    """Each float constant in turn is made 1 % larger; the logits of the golden inputs must tell."""
    network = random_network(3, hidden=4, state=4, layers=1, length=60)
    right, golden = graphs_of(network, form), make_golden(network, default_contract(network))
    assert all(c.passed for c in proof.by_graphs(right, golden, TIGHT))
    for index, constant in enumerate(floats(right.window)):
        wrong = dataclasses.replace(right, window=changed(right.window, index))
        found = logits_of(proof.by_graphs(wrong, golden, TIGHT))
        assert not any(c.passed for c in found), constant.name


def test_every_changed_constant_of_the_step_graph_is_found(random_network):
    """The same for the step; some constants are those of eight samples at once, so one chunking must tell, not each."""
    network = random_network(3, hidden=4, state=4, layers=1, length=60, directions=1)
    right, golden = graphs_of(network), make_golden(network, default_contract(network))
    assert all(c.passed for c in proof.by_graphs(right, golden, TIGHT))
    for index, constant in enumerate(floats(right.step.graph)):
        wrong = dataclasses.replace(right, step=right.step._replace(graph=changed(right.step.graph, index)))
        assert not all(c.passed for c in proof.by_graphs(wrong, golden, TIGHT)), constant.name


@pytest.mark.parametrize("key", ["a", "b", "c"])
def test_not_a_number_in_the_realisation_never_passes(random_network, key):
    """Comparisons with NaN are false, also in `max`: all checks but the cascade's, made of the poles, must see it."""
    network = random_network(4, hidden=3, layers=1, length=40, directions=1)
    real = realise_system(network.layers[0].system)
    values = getattr(real, key).copy()
    values[-1, 0] = np.nan
    network.layers[0].__dict__["realisation"] = dataclasses.replace(real, **{key: values})
    report = prove(network, form="recurrent")
    assert {c.form for c in report.checks if c.passed} == {"cascade"}


def test_not_a_number_in_the_logits_never_passes(random_network):
    network = random_network(4, hidden=3, layers=1, length=40, directions=1)
    network = dataclasses.replace(network, head_bias=np.where(np.arange(10) == 9, np.nan, network.head_bias))
    graphs = graphs_of(network)
    finite = dataclasses.replace(network, head_bias=np.nan_to_num(network.head_bias))
    golden = make_golden(finite, default_contract(finite))
    for check in logits_of(proof.by_graphs(graphs, golden, TIGHT)):
        assert np.isnan(check.error)
        assert not check.passed


def report_of(*checks):
    return ParityReport(form="spectral", precision="fp32", checks=checks, left_out={}, cpu="x", versions={})


@pytest.mark.parametrize(
    ("error", "passed"), [(0.9e-5, True), (1e-5, True), (1.1e-5, False), (float("nan"), False), (float("inf"), False)]
)
def test_a_check_passes_up_to_its_limit(error, passed):
    check = Check("logits", "spectral", "onnxruntime", "batch 1", error, 1e-5)
    assert check.passed == passed
    report = report_of(Check("kernel", "scan", "native", "layer 0", 0.0, 1e-6), check)
    assert report.passed == passed
    if passed:
        report.require()
    else:
        with pytest.raises(ParityError, match="logits, spectral on onnxruntime, batch 1: error .* exceeds 1e-05"):
            report.require()


def test_the_worst_check_is_named_and_not_a_number_is_the_worst():
    checks = [Check("logits", "spectral", "x", case, error, 1e-5) for case, error in (("a", 2e-5), ("b", 9e-5))]
    with pytest.raises(ParityError, match="on x, b: error 9e-05"):
        report_of(*checks).require()
    nan = Check("kernel", "step", "x", "c", float("nan"), 1.0)
    for order in ([nan, *checks], [*checks, nan]):
        with pytest.raises(ParityError, match="on x, c: error nan"):
            report_of(*order).require()


def test_limits_are_those_of_the_project():
    """Kernels 2e-6 (4e-6 above N = 16), logits 2e-5: absolute, in proportion where the window has one beyond 20."""
    assert [parity.kernel_tolerance(n) for n in (2, 16, 32, 64)] == [2e-6, 2e-6, 4e-6, 4e-6]
    assert parity.LOGIT_TOLERANCE == 2e-5
    truth = np.array([[0.1, -20.0, 3.0], [0.1, -2.0, 40.0]])
    for window, share in ((0, 1), (1, 0.5)):
        for target in range(3):
            found = truth.copy()
            found[window, target] += 3e-5
            assert parity.logit_error(found, truth) == pytest.approx(share * 3e-5)
    assert np.isnan(parity.logit_error(truth * [1, np.nan, 1], truth))


def test_a_recurrence_that_float32_cannot_carry_is_left_out_and_said(random_network, tmp_path):
    """Poles that turn 0.3 rad a sample and hardly decay: the window graph is right, scan and step are not."""
    network = random_network(1, length=5000, directions=1, hidden=4, tables=((2, 16), (5, 32)), widths=(8, 8, 8))
    layers = []
    for layer in network.layers:
        s = layer.system
        w = (-1e-3 + 30j) * np.linspace(1, 1.3, s.w.shape[1]) * np.ones_like(s.w)
        p = s.p * 1e-4
        layers.append(dataclasses.replace(layer, system=s._replace(w=w, p=p, q=p.conj())))
    cardiolab.write(dataclasses.replace(network, layers=tuple(layers)), tmp_path / "slow.safetensors")
    report = export(tmp_path / "slow.safetensors", tmp_path / "slow.ecg2lab")
    assert report.passed
    assert "its kernel is wrong by" in report.left_out["step"]
    bundle = Bundle.open(tmp_path / "slow.ecg2lab")
    assert bundle.manifest.step is None
    with pytest.raises(BackendError, match="float32 cannot carry its state: in float32 its kernel is wrong by"):
        StepGraph.of(bundle)
    assert "its kernel is wrong by" in selftest.run(bundle).left_out["step"]
    with pytest.raises(BundleError, match="no step graph: the model is causal, but float32 cannot carry its state"):
        repository.write(bundle, tmp_path / "repo", Settings(name="slow"), stream=True)
    assert not (tmp_path / "repo").exists()
    shown = CliRunner().invoke(app, ["inspect", str(tmp_path / "slow.ecg2lab")], env={"COLUMNS": "200"}).stdout
    assert "none: the model is causal, but float32 cannot carry its state" in shown
    for text in (shown, bundle.member("card.md").decode()):
        assert "bidirectional" not in text


def spoil_recurrence(monkeypatch, which, error):
    """Let the kernel checks of the scan or the step find this error."""
    right = getattr(kernel_proof, which)

    def worse(*arguments):
        yield from (msgspec.structs.replace(check, error=error) for check in right(*arguments))

    monkeypatch.setattr(kernel_proof, which, worse)


RECURRENCES = [("scan_checks", "scan"), ("_step_kernels", "step")]


@pytest.mark.parametrize(("which", "form"), RECURRENCES)
def test_a_recurrence_beyond_its_limit_by_rounding_is_left_out(data_folder, out, monkeypatch, which, form):
    """The one that fails, and not the other; the window graph serves the model."""
    spoil_recurrence(monkeypatch, which, 1e-4)
    report = export(data_folder / "parity" / "causal-small" / "checkpoint.ckpt", out)
    assert report.left_out[form] == "in float32 its kernel is wrong by 0.0001, more than 2e-06"
    assert form not in {check.form for check in report.checks}
    opened = Bundle.open(out)
    assert (opened.manifest.step is None) == (form == "step")


@pytest.mark.parametrize(("which", "form"), RECURRENCES)
@pytest.mark.parametrize("error", [3e-4, 1.0, float("nan"), float("inf")])
def test_a_recurrence_that_is_wrong_is_refused(data_folder, out, monkeypatch, which, form, error):
    """More than a hundred times the limit is no rounding."""
    spoil_recurrence(monkeypatch, which, error)
    with pytest.raises(ParityError, match=f"kernel, {form} on .*no bundle was written"):
        export(data_folder / "parity" / "causal-small" / "checkpoint.ckpt", out)
    assert not out.parent.exists()


def test_a_channel_without_a_kernel_is_exact_not_an_error(random_network):
    """C = 0 and D = 0: a dead channel, as pruning leaves; its error is 0, not 0/0."""
    network = random_network(5, hidden=3, layers=1, length=40, directions=1)
    layer = network.layers[0]
    c, d = layer.system.c.copy(), layer.d.copy()
    c[:, 1], d[1] = 0, 0
    layer = dataclasses.replace(layer, system=layer.system._replace(c=c), d=d)
    prove(dataclasses.replace(network, layers=(layer,))).require()


def test_a_report_survives_json(random_network):
    report = prove(random_network(6, hidden=2, layers=1, length=30))
    assert msgspec.json.decode(msgspec.json.encode(report), type=ParityReport) == report
    assert {"numpy", "onnxruntime"} <= set(report.versions)
    assert report.cpu
