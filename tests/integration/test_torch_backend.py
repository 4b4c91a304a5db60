"""PyTorch as a reference: it answers as the graph does, on whatever model, and says what it cannot do."""

import sys
import threading

import numpy as np
import pytest

import ecg2lab
from ecg2lab import selftest
from ecg2lab.bundle import Bundle
from ecg2lab.bundle.golden import read_golden
from ecg2lab.proof.parity import LOGIT_TOLERANCE, logit_error


@pytest.mark.parametrize("name", ["bundle", "causal_bundle"])
def test_it_gives_the_golden_logits(name, request):
    bundle = Bundle.open(request.getfixturevalue(name))
    golden = read_golden(bundle)
    with ecg2lab.load(bundle, backend="torch", threads=1) as engine:
        found = engine.run(golden["signal"], golden["continuous"], golden["categorical"])
        assert "torch" in engine.info.versions
        assert (engine.info.provider, engine.info.precision) == ("cpu", "fp32")
    assert logit_error(found, golden["logits"]) <= LOGIT_TOLERANCE


@pytest.mark.parametrize("name", ["bundle", "causal_bundle"])
def test_it_gives_the_answer_of_the_native_engine(name, request, recording):
    path, answers = request.getfixturevalue(name), []
    for backend in ("native", "torch"):
        with ecg2lab.load(path, backend=backend) as engine:
            assert engine.info.backend == backend
            prediction = engine.predict(recording, ecg2lab.Patient(age=63, sex="female", temperature_c=37.2))
            answers.append([finding.probability for finding in prediction.findings])
    np.testing.assert_allclose(answers[1], answers[0], rtol=0, atol=1e-6)


def test_threads_share_an_engine(bundle):
    golden = read_golden(Bundle.open(bundle))
    inputs = golden["signal"], golden["continuous"], golden["categorical"]
    with ecg2lab.load(bundle, backend="torch", threads=2) as engine:
        expected, found = engine.run(*inputs), []
        threads = [threading.Thread(target=lambda: found.append(engine.run(*inputs))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for logits in found:
        np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-6)
    assert len(found) == 4


def test_another_precision_is_refused_by_name(bundle):
    with pytest.raises(ecg2lab.BackendError, match="precision 'bf16' is not in this bundle"):
        ecg2lab.load(bundle, backend="torch", precision="bf16")


def test_without_pytorch_the_extra_is_named(bundle, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr("ecg2lab.system.extras.util.find_spec", lambda name: None)
    with pytest.raises(
        ecg2lab.MissingExtraError, match=r"torch, which is not installed: pip install 'ecg2lab\[train\]'"
    ):
        ecg2lab.load(bundle, backend="torch")


def test_the_self_test_leaves_it_out(bundle):
    report = selftest.run(Bundle.open(bundle), 1)
    assert "torch" not in {check.backend for check in report.checks} | set(report.left_out)
