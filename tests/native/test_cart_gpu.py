"""cart_gpu.c over the ONNX Runtime in the wheel: Python's answer, and what is refused."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from native_tools import CC, DEMO, EXAMPLES, STRICT, completed, succeeded

import ecg2lab
from ecg2lab.demo import record_path
from ecg2lab.errors import BackendError, MissingExtraError
from ecg2lab.system.extras import installed_version

AGE = 63
CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


@pytest.fixture(scope="module")
def runtime():
    """The shared library of the installed wheel."""
    spec = importlib.util.find_spec("onnxruntime")
    libraries = sorted(Path(spec.origin).parent.glob("capi/libonnxruntime.so*")) if spec else []
    if not libraries:
        pytest.skip("no libonnxruntime.so here (pip install onnxruntime)")
    return libraries[0]


@pytest.fixture(scope="module")
def cart(c_package, tmp_path_factory):
    """Compiled with the few declarations beside it, or with the header of a release archive, if one is named."""
    out = tmp_path_factory.mktemp("cart") / "cart_gpu"
    header = os.environ.get("ONNXRUNTIME_INCLUDE", EXAMPLES / "onnxruntime")
    flags = (f"-I{c_package}/include", f"-L{c_package}/lib", f"-Wl,-rpath,{c_package}/lib", "-isystem", header)
    succeeded(CC, "-std=c99", *STRICT, EXAMPLES / "cart_gpu.c", *flags, "-lecg2lab", "-ldl", "-o", out)
    return out


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """A real ECG as an acquisition board delivers it: 16-bit microvolt, one sample of every lead after another."""
    record = ecg2lab.read(record_path())
    samples = np.rint(record.samples * 1000).astype(np.int16)
    path = tmp_path_factory.mktemp("board") / "ecg.i16"
    path.write_bytes(samples.T.tobytes())
    return path, ecg2lab.Recording(samples, fs=record.fs, leads=record.leads, unit="uV")


@pytest.fixture(params=[CPU, pytest.param(CUDA, marks=pytest.mark.gpu)])
def provider(request):
    """Of those that can be had here."""
    if request.param == CUDA:
        try:
            ecg2lab.load(DEMO, backend="onnxruntime-cuda").close()
        except (BackendError, MissingExtraError) as error:
            pytest.skip(f"no GPU with ONNX Runtime's CUDA provider here: {error}")
    return request.param


def test_it_gives_pythons_answer(cart, runtime, board, decided, provider):
    """To 1e-5 in probability: the same graph, whose sums another provider may take in another order."""
    path, recording = board
    for bundle in (DEMO, decided):
        with ecg2lab.load(bundle, backend="onnxruntime", threads=1) as engine:
            theirs = json.loads(engine.predict(recording, ecg2lab.Patient(age=AGE)).to_json())
        ours = json.loads(succeeded(cart, bundle, runtime, path, AGE, provider))
        said, expected = ours["engine"], theirs["engine"]
        version = expected["versions"]["onnxruntime"]
        device = "cpu" if provider == CPU else "cuda:0"
        words = {"backend": "host", "provider": f"ONNX Runtime {version}, {provider}", "device": device}
        assert said == expected | words | {"versions": said["versions"]}
        for mine, expected in zip(ours["findings"], theirs["findings"], strict=True):
            assert mine["verdict"] == expected["verdict"]
            assert numbers(mine) == pytest.approx(numbers(expected), abs=1e-5)
            assert mine["operating_point"] == expected["operating_point"]
        for name in ("recording", "patient"):
            assert ours[name] == theirs[name]
        assert ours["experience"]["distance"] == pytest.approx(theirs["experience"]["distance"], rel=1e-5)


def numbers(finding):
    return [finding[name] for name in ("probability", "lowest", "highest")]


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"age": 3}, 1, "ECG2LAB_ERROR_PATIENT: this model is for patients of 18 years and older"),
        ({"provider": CUDA}, 1, "ONNX Runtime: CUDA execution provider is not enabled"),
        ({"provider": "WordProcessor"}, 1, "ONNX Runtime: Unknown provider name 'WordProcessor'"),
        ({"bundle": "absent"}, 1, "there is no bundle at absent"),
        ({"library": "absent"}, 1, "absent"),
        ({"library": "libm.so.6"}, 1, "OrtGetApiBase"),
        ({"ecg": "/dev/null"}, 1, "ECG2LAB_ERROR_ARGUMENT: recording: sample_count must be between"),
        ({"ecg": "absent"}, 2, "cannot read absent"),
    ],
)
def test_it_says_what_is_wrong(cart, runtime, board, change, code, message):
    if CUDA in change.values() and installed_version("onnxruntime-gpu"):
        pytest.skip("this ONNX Runtime has CUDA")
    given = {"bundle": DEMO, "library": runtime, "ecg": board[0], "age": AGE} | change
    done = completed(cart, *given.values())
    assert done.returncode == code
    assert message in done.stderr
    refused = json.loads(done.stdout)["error"] if done.stdout else None
    assert (refused is not None) == ("age" in change)


@pytest.mark.system
def test_it_computes_on_webgpu(cart, board):
    """Real shaders, on the software GPU of Debian's chromium, with the library of onnxruntime-webgpu's wheel."""
    environment, chromium = Path(f"{sys.prefix}-webgpu"), Path("/usr/lib/chromium")
    libraries = sorted(environment.glob("lib/python*/site-packages/onnxruntime/capi/libonnxruntime.so*"))
    if not libraries:
        pytest.skip(f"there is no {environment.name} here (make {environment.name}/.made)")
    if not (chromium / "vk_swiftshader_icd.json").exists():
        pytest.skip("SwiftShader is not here: it comes with Debian's chromium")
    path, recording = board
    drivers = {"VK_DRIVER_FILES": str(chromium / "vk_swiftshader_icd.json"), "LD_LIBRARY_PATH": str(chromium)}
    command = [cart, DEMO, libraries[0], path, str(AGE), "WebGpuExecutionProvider"]
    ran = subprocess.run(command, capture_output=True, text=True, env=os.environ | drivers, timeout=120)
    assert ran.returncode == 0, ran.stderr
    ours = json.loads(ran.stdout)
    assert ours["engine"]["provider"].endswith("WebGpuExecutionProvider")
    with ecg2lab.load(DEMO, backend="native", threads=1) as engine:
        theirs = json.loads(engine.predict(recording, ecg2lab.Patient(age=AGE)).to_json())
    for mine, expected in zip(ours["findings"], theirs["findings"], strict=True):
        assert mine["verdict"] == expected["verdict"]
        assert numbers(mine) == pytest.approx(numbers(expected), abs=1e-5)
