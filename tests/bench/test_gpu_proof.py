"""`make gpu` where there is no GPU, and its verdicts: nothing that did not run on a GPU counts as proved."""

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

import ecg2lab
from ecg2lab.bundle.network_outputs import Outputs
from gpu_proof import __main__ as proof
from gpu_proof import backend as backend_proof
from gpu_proof import extension
from gpu_proof.__main__ import FAILED, NOT_RUN, NOTHING_PROVED, PASSED, Done, Step

BACKEND = Path(proof.__file__).with_name("backend.py")
GPU = ["Pretended GPU, 1.0, 8 MiB"]


def step(code, most_s=60):
    return Step("a step", (sys.executable, "-c", code), most_s)


def latency(outcome):
    return Done("tensorrt: golden outputs and latency", outcome, "", 1.0)


def test_without_a_gpu_it_says_so_by_name_and_proves_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(proof, "gpus", list)
    assert proof.main(tmp_path) == NOTHING_PROVED != 0
    assert list(tmp_path.iterdir()) == []
    out = capsys.readouterr().out
    assert "nothing was proved: there is no GPU here" in out
    assert all(step.name in out for step in proof.steps("python"))


def test_a_gpu_of_any_maker_counts_and_a_software_adapter_does_not(monkeypatch):
    listed = [
        {"name": "Intel Arc", "kind": "integrated", "api": "Vulkan 1.4", "driver": "Mesa"},
        {"name": "SwiftShader", "kind": "software", "api": "Vulkan 1.3", "driver": "SwiftShader driver"},
        {"name": "NVIDIA H1", "kind": "discrete", "api": "Vulkan 1.4", "driver": "NVIDIA"},
    ]

    def run(command, **options):
        text = "NVIDIA H1, 1.0, 8 MiB" if command[0] == "nvidia-smi" else json.dumps({"gpus": listed})
        return subprocess.CompletedProcess(command, 0, text, "")

    monkeypatch.setattr(subprocess, "run", run)
    assert proof.gpus() == ["NVIDIA H1, 1.0, 8 MiB", "Intel Arc, Vulkan 1.4, Mesa"]


def test_every_step_is_in_the_result_with_its_outcome(tmp_path, monkeypatch):
    """The steps of a machine with a GPU, each replaced by one that ends at once."""
    monkeypatch.setattr(proof, "gpus", lambda: GPU)
    planned = [Step(s.name, (sys.executable, "-c", "print('{\"median_ms\": 1.5}')"), 60) for s in proof.steps("python")]
    monkeypatch.setattr(proof, "steps", lambda python: planned)
    assert proof.main(tmp_path / "new") == 0
    (out,) = (tmp_path / "new").iterdir()
    assert out.name.startswith("gpu-pretended-gpu-20")
    result = json.loads(out.read_text())
    assert [(s["name"], s["outcome"]) for s in result["steps"]] == [(s.name, PASSED) for s in planned]
    assert all(s["figures"] == {"median_ms": 1.5} for s in result["steps"])
    assert result["result"] == "computed right on the GPU: webgpu, onnxruntime-cuda, tensorrt, torch"


@pytest.mark.parametrize(
    ("code", "outcome", "why"),
    [
        ("print('{}')", PASSED, ""),
        ("import sys; sys.exit('no such thing')", FAILED, "no such thing"),
        ("import sys; print('no driver'); sys.exit(4)", NOT_RUN, "no driver"),
        ("import sys; sys.exit(\"pip install 'ecg2lab[gpu]'\")", NOT_RUN, "pip install 'ecg2lab[gpu]'"),
        ("print('SKIPPED [1] x: no GPU here'); print('1 skipped in 0.1s')", NOT_RUN, "SKIPPED [1] x: no GPU here"),
        ("print('SKIPPED [1] x: no TensorRT'); print('2 passed, 1 skipped')", PASSED, ""),
        ("import os; os.abort()", FAILED, ""),
    ],
)
def test_what_a_step_comes_to(code, outcome, why):
    done = proof.carry_out(step(code), 100)
    assert (done.outcome, done.why) == (outcome, why)


@pytest.mark.slow
def test_a_step_that_hangs_is_ended_and_a_late_one_is_not_begun():
    assert proof.carry_out(step("import time; time.sleep(60)", most_s=1), 100).why == "it did not end within 1 s"
    assert proof.carry_out(step("print(1)"), 0.5)[1:3] == (NOT_RUN, "the 8 minutes are over")


def test_only_the_golden_outputs_on_a_gpu_prove_something():
    assert proof.verdict(GPU, [latency(PASSED)])[0] == 0
    assert proof.verdict(GPU, [latency(NOT_RUN), Done("selftest", PASSED, "", 1.0)])[0] == NOTHING_PROVED
    assert proof.verdict(GPU, [latency(PASSED), Done("selftest", FAILED, "", 1.0)]) == (1, "failed: selftest")
    assert proof.verdict([], [latency(PASSED)])[0] == NOTHING_PROVED


def test_a_backend_on_the_cpu_proves_nothing(tiny_bundle):
    done = subprocess.run(
        [sys.executable, BACKEND, "onnxruntime", tiny_bundle], capture_output=True, text=True, env=proof.environment()
    )
    assert (done.returncode, done.stdout) == (NOTHING_PROVED, "onnxruntime computes on the CPU here\n")


@pytest.fixture
def pretended_gpu(monkeypatch):
    """ONNX Runtime on the CPU, which says that it is a GPU: `pretended_gpu(error)` adds an error to each output."""
    load = ecg2lab.load

    def pretend(error):
        def on_gpu(bundle, backend, threads=1, allow_software=False):
            if backend == "native":
                return load(bundle, backend="native", threads=1)
            engine = load(bundle, backend="onnxruntime", threads=1)
            monkeypatch.setattr(engine, "info", msgspec.structs.replace(engine.info, device="cuda:0"))
            outputs = engine.outputs
            wrong = lambda *inputs: Outputs(*(x + np.float32(error) for x in outputs(*inputs)))  # noqa: E731
            monkeypatch.setattr(engine, "outputs", wrong)
            return engine

        monkeypatch.setattr(backend_proof.ecg2lab, "load", on_gpu)
        monkeypatch.setattr(backend_proof, "IDLE_S", 0.0)
        monkeypatch.setattr(backend_proof, "MOST_CALLS", 3)

    return pretend


@pytest.mark.parametrize("name", ["onnxruntime-cuda", "tensorrt"])
def test_golden_outputs_within_the_limit_are_the_proof(pretended_gpu, tiny_bundle, capsys, name):
    for error, code in ((0, 0), (1, 1), (np.nan, 1)):
        pretended_gpu(error)
        assert backend_proof.main(name, tiny_bundle) == code
        figures = json.loads(capsys.readouterr().out)
        assert (figures["backend"], figures["device"]) == (name, "cuda:0")
        assert (figures["error"] <= figures["limit"]) == (code == 0)
        assert (figures["feature_error"] <= figures["feature_limit"]) == (code == 0)
        times = figures["milliseconds"]
        if code:
            assert times == {}  # nobody asks how fast a wrong answer is
            continue
        assert times.keys() == {"one window", "16 beds", "one window after 0.0 s of idleness", "a whole ECG"}
        assert all(of.keys() == {name, "native"} for of in times.values())
        assert all(0 < taken["p50"] <= taken["p99"] for of in times.values() for taken in of.values())


def test_a_core_that_is_there_is_not_built(tmp_path, monkeypatch):
    monkeypatch.setattr(subprocess, "run", pytest.fail)
    extension.main(tmp_path)


def test_an_absent_core_is_built_and_put_beside_its_stub(tmp_path, monkeypatch):
    """CMake and compiler stand aside: what they would be asked, and where their module goes."""
    monkeypatch.setitem(sys.modules, "ecg2lab._native._core", None)
    monkeypatch.setattr(extension, "PLACE", tmp_path / "place")
    build, commands = tmp_path / "build", []

    def compiled(command, **options):
        commands.append(command)
        build.mkdir(exist_ok=True)
        (build / "_core.so").write_bytes(b"built")

    monkeypatch.setattr(subprocess, "run", compiled)
    (tmp_path / "place").mkdir()
    extension.main(build)
    assert [command[:2] for command in commands] == [("cmake", "-S"), ("cmake", "--build")]
    assert "-DECG2LAB_PYTHON=ON" in commands[0]
    assert (tmp_path / "place" / "_core.so").read_bytes() == b"built"


def test_the_steps_fit_into_the_time_that_is_said():
    """Each has its own limit, and all together the eight minutes: what comes last gives way."""
    assert proof.LIMIT_S == 480
    assert all(0 < planned.most_s <= proof.LIMIT_S for planned in proof.steps("python"))
