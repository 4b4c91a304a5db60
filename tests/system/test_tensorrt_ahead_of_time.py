"""`ecg2lab build` ahead of time with the real TensorRT for RTX, which needs no GPU for it.

See the extra `tensorrt-rtx`; what the engines are made of is in test_tensorrt_layers.py.
"""

import importlib
import json
import os
import subprocess
import sys
from importlib import util

import pytest
from doc_blocks import ROOT, blocks, commands, matches

from ecg2lab.backends.tensorrt.package import TENSORRT_RTX, Package
from ecg2lab.bundle import WINDOW_GRAPH, Bundle
from ecg2lab.demo import bundle_path
from ecg2lab_export import export
from ecg2lab_export.forms.window_graph import FORMS
from ecg2lab_export.network import cardiolab

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(
        util.find_spec("tensorrt_rtx") is None,
        reason="tensorrt_rtx is not installed: pip install 'ecg2lab[tensorrt-rtx]'",
    ),
]
LAYERS = 2


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ECG2LAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module", params=list(FORMS))
def bundle(request, tmp_path_factory, random_network):
    folder = tmp_path_factory.mktemp(request.param)
    network = random_network(0, hidden=32, layers=LAYERS, widths=(128, 128, 128))
    cardiolab.write(network, folder / "m.safetensors")
    export(folder / "m.safetensors", folder / "m.ecg2lab", form=request.param, synthetic_weights=True)
    return folder / "m.ecg2lab"


def command(*arguments):
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1"}
    started = [sys.executable, "-m", "ecg2lab", "build", *map(str, arguments)]
    return subprocess.run(started, capture_output=True, text=True, env=environment, timeout=300)


def test_fp32_of_the_command_line(bundle, cache_folder):
    result = command(bundle, "--compute-capability", "8.9", "--json")
    assert result.returncode == 0, result.stderr
    described = json.loads(result.stdout)
    assert described["key"]["package"] == "tensorrt_rtx"
    assert (described["key"]["compute_capability"], described["key"]["gpu"]) == ("8.9", None)
    assert described["summary"]["precisions"].keys() == {"fp32"}
    # Every product of the network is in it at least once, and something was fused.
    assert described["summary"]["nodes"] > 10 * LAYERS
    assert described["summary"]["fused"] > 0
    assert len(list(cache_folder.rglob("*.plan"))) == 1
    table = command(bundle, "--compute-capability", "8.9").stdout
    assert "was there already" in table
    assert max(map(len, table.splitlines()[:-1])) <= 80


def test_fp16_keeps_the_types_of_the_graph(bundle):
    """Strongly typed: the dense products are computed in float16, and nothing else becomes so by itself."""
    result = command(bundle, "--precision", "fp16", "--compute-capability", "8.9", "--json")
    assert result.returncode == 0, result.stderr
    described = json.loads(result.stdout)
    assert described["key"]["precision"] == "fp16"
    assert described["summary"]["precisions"].keys() == {"fp16", "fp32"}
    assert all(layers >= LAYERS for layers in described["summary"]["precisions"].values())
    assert described["graph_sha256"] != Bundle.open(bundle).manifest.members[WINDOW_GRAPH].sha256


@pytest.mark.parametrize("compute_capability", ["8.7", "7.2", "9.0", "11.0"])
def test_gpus_that_are_not_on_the_list_are_built_for_on_the_device(compute_capability):
    result = command(bundle_path(), "--compute-capability", compute_capability)
    assert result.returncode == 1
    assert "build on the device" in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_page_shows_what_the_command_prints():
    (block,) = (block for block in blocks(ROOT / "docs" / "jetson.md") if block.language == "console")
    ((typed, shown),) = commands(block.text)
    version = Package(TENSORRT_RTX, importlib.import_module(TENSORRT_RTX)).version
    if version not in shown:
        pytest.skip(f"docs/jetson.md shows another version of TensorRT for RTX than {version}")
    arguments = typed.removeprefix("ecg2lab build model.ecg2lab").split()
    assert matches(shown, command(bundle_path(), *arguments).stdout)


def test_what_running_an_engine_needs_is_there():
    """Nothing runs here, but names and enumerations that the run path uses can be looked up."""
    import tensorrt_rtx as module

    used = {
        module.Runtime: ["deserialize_cuda_engine"],
        module.ICudaEngine: [
            "num_io_tensors",
            "get_tensor_name",
            "get_tensor_shape",
            "get_tensor_dtype",
            "get_tensor_profile_shape",
            "create_runtime_config",
            "create_execution_context",
            "create_engine_inspector",
        ],
        module.IExecutionContext: ["set_input_shape", "set_tensor_address", "execute_async_v3"],
        module.IRuntimeConfig: [
            "create_runtime_cache",
            "set_runtime_cache",
            "dynamic_shapes_kernel_specialization_strategy",
        ],
        module.IRuntimeCache: ["serialize", "deserialize"],
        module.EngineInspector: ["get_engine_information"],
        module.DynamicShapesKernelSpecializationStrategy: ["EAGER"],
        module.LayerInformationFormat: ["ONELINE"],
        module.DataType: ["FLOAT", "INT64"],
    }
    assert [f"{of.__name__}.{name}" for of, names in used.items() for name in names if not hasattr(of, name)] == []
    assert "runtime_config" in module.ICudaEngine.create_execution_context.__doc__
