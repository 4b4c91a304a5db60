"""What TensorRT for RTX makes of the window graph, layer by layer, for each GPU that it builds for without having it.

docs/jetson.md, *What becomes of the network*, says what is held here. Nothing is run: parity is for `pytest -m gpu`.
"""

import json
import re
from functools import lru_cache
from typing import NamedTuple

import onnx
import pytest
from random_networks import make_network

from ecg2lab.backends.tensorrt.build import Options
from ecg2lab.backends.tensorrt.compile import Recipe, compile_graph
from ecg2lab.backends.tensorrt.layers import Layer, summarise
from ecg2lab.backends.tensorrt.package import TENSORRT_RTX, Package
from ecg2lab.backends.tensorrt.progress import silent
from ecg2lab.backends.tensorrt.record import Batch
from ecg2lab.bundle import WINDOW_GRAPH, Bundle
from ecg2lab.bundle.network_inputs import CATEGORICAL, CONTINUOUS, SIGNAL
from ecg2lab.demo import bundle_path
from ecg2lab.errors import BackendError
from ecg2lab_export.forms import window_graph
from ecg2lab_export.precision.passes import reduce_precision

pytestmark = pytest.mark.system
module = pytest.importorskip(
    TENSORRT_RTX, reason="tensorrt_rtx is not installed: pip install 'ecg2lab[tensorrt-rtx]'", exc_type=ImportError
)

PACKAGE = Package(TENSORRT_RTX, module)
TURING = "7.5"
GPUS = [capability for capability in PACKAGE.ahead_of_time if capability != TURING]
GRAPHS = ("demo", *window_graph.FORMS)
"""The packaged one, and both forms at the published size: 512 channels, four layers, 204 targets."""
PRECISIONS = ("fp32", "fp16")
WINDOWS = 64
AMPLE_MB = 1024

MOVES = {"Reshape", "Identity", "Concat"}
"""Operators that may be in no layer: they compute nothing, and strides and offsets do their work."""
KINDS = {"shape_call", "kgen", "gemm", "runtime_fusion", "runtime_function"}
"""Sizes; generated kernels; products, alone or with what follows them. No reformatting, no plugin, no fallback."""
MULTIPLY = {"gemm", "runtime_fusion"}
TYPES = {onnx.TensorProto.FLOAT: "fp32", onnx.TensorProto.FLOAT16: "fp16", onnx.TensorProto.INT64: "int64"}


@lru_cache
def window(name: str, precision: str) -> onnx.ModelProto:
    if precision == "fp16":
        return reduce_precision(window(name, "fp32"), "fp16")
    if name == "demo":
        return onnx.load_from_string(Bundle.open(bundle_path()).member(WINDOW_GRAPH))
    return window_graph.build(make_network(0, hidden=512, layers=4, targets=204, widths=(128, 128, 128)), name)


def compiled(graph, capability, windows=WINDOWS, megabytes=AMPLE_MB):
    recipe = Recipe(capability, Batch(1, 1, windows), megabytes * 2**20)
    return compile_graph(PACKAGE, graph.SerializeToString(), recipe, silent)


class Inspected(NamedTuple):
    """A graph and the engine that was built of it."""

    precision: str
    nodes: dict[str, onnx.NodeProto]
    """By the names that TensorRT's listing uses."""
    types: dict[str, set[str]]
    """Of what a node reads and writes."""
    layers: tuple[Layer, ...]
    listing: str
    inputs: tuple[onnx.ValueInfoProto, ...]

    @classmethod
    def of(cls, name, precision, capability):
        graph = window(name, precision)
        listing = compiled(graph, capability).layers
        inferred = onnx.shape_inference.infer_shapes(graph, strict_mode=True).graph
        tensors = {v.name: TYPES[v.type.tensor_type.elem_type] for v in (*inferred.input, *inferred.value_info)}
        tensors |= {v.name: TYPES[v.type.tensor_type.elem_type] for v in inferred.output}
        tensors |= {constant.name: TYPES[constant.data_type] for constant in inferred.initializer}
        nodes = {node.name or f"node_of_{node.output[0]}": node for node in graph.graph.node}
        assert len(nodes) == len(graph.graph.node)
        types = {name: {tensors[value] for value in (*node.input, *node.output)} for name, node in nodes.items()}
        return cls(precision, nodes, types, summarise(listing).each, listing, tuple(graph.graph.input))

    def named(self, *operators):
        return {name for name, node in self.nodes.items() if node.op_type in operators}

    def chain(self, name, *operators):
        """A node, that which reads its output, and so on."""
        names = [name]
        for operator in operators:
            written = self.nodes[names[-1]].output[0]
            names += [x for x in self.named(operator) if written in self.nodes[x].input]
        assert len(names) == 1 + len(operators), names
        return set(names)

    def layer(self, names):
        """The one that computes all of these nodes, be it with others."""
        return next((layer for layer in self.layers if names <= {*layer.nodes}), None)


@pytest.fixture(scope="module", params=[(n, p, c) for n in GRAPHS for p in PRECISIONS for c in GPUS], ids="-".join)
def engine(request):
    return Inspected.of(*request.param)


def test_every_node_that_computes_is_in_a_layer_and_none_became_a_constant(engine):
    in_layers = {node for layer in engine.layers for node in layer.nodes}
    assert in_layers <= engine.nodes.keys()
    assert {engine.nodes[name].op_type for name in engine.nodes.keys() - in_layers} <= MOVES
    assert {layer.kind for layer in engine.layers} <= KINDS


def test_no_layer_has_a_type_that_its_nodes_have_not(engine):
    """What is float32 in the graph is so in the engine: halves and integers are where the graph has them."""
    for layer in engine.layers:
        types = {*layer.inputs, *layer.constants, *layer.outputs} - {"fp32"}
        assert types <= set().union(*(engine.types[node] for node in layer.nodes)), layer


def test_each_product_is_computed_once_in_its_type(engine):
    products = engine.named("Gemm", "MatMul")
    for name in products:
        (layer,) = (x for x in engine.layers if name in x.nodes and x.kind in MULTIPLY)
        # of the constants of a product the first are its weights; alpha and beta, two numbers, are always float32
        assert {*layer.inputs, *layer.constants[:1]} == engine.types[name], layer
    half = {name for name in products if engine.types[name] == {"fp16"}}
    assert half == {name for name in products if engine.precision == "fp16" and name.startswith("layers.")}


def test_what_is_fused(engine):
    layers = len(engine.named("LayerNormalization"))
    for index in range(layers):
        both = {f"layers.{index}.value", f"layers.{index}.gate"}
        assert any(x.kind == "gemm" and {*x.nodes} == both for x in engine.layers), "value and gate are one product"
    back = ["Cast"] if engine.named("Cast") else []
    gelus = [engine.chain(name, "Erf", "Add", "Mul", "Mul", *back) for name in engine.named("Div")]
    gates = [engine.chain(name, "Mul", *back, "Add", "LayerNormalization") for name in engine.named("Sigmoid")]
    biases = [engine.chain(f"static.{index}", "Relu") for index in range(2)]
    assert len(gelus) == len(gates) == layers > 0
    assert all(map(engine.layer, [*gelus, *gates, *biases]))


def test_any_number_of_windows_up_to_the_most_fits(engine):
    """The profile as the engine has it: the rest of each shape is fixed, and categories are 64-bit integers."""
    if "I/O Tensors:" not in engine.listing:
        pytest.skip(f"TensorRT for RTX {PACKAGE.version} lists no inputs")
    profiles = re.findall(
        r"Name: (\w+), IOMode: Input, DataType: (\w+).*?MinShape: (.*?), Opt.*?MaxShape: (.*?), F", engine.listing
    )
    assert {name: kind for name, kind, *_ in profiles} == {SIGNAL: "Float", CONTINUOUS: "Float", CATEGORICAL: "Int64"}
    for name, _, least, most in profiles:
        (shape,) = (value.type.tensor_type.shape.dim for value in engine.inputs if value.name == name)
        rest = [size.dim_value for size in shape[1:]]
        assert (json.loads(least), json.loads(most)) == ([1, *rest], [WINDOWS, *rest])


@pytest.mark.skipif(TURING not in PACKAGE.ahead_of_time, reason="this TensorRT for RTX does not list Turing")
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", GRAPHS)
def test_turing_is_built_for_or_refused_for_what_it_lacks(name, precision):
    """1.4, 1.5 and 1.6 build for it, 1.7 does not."""
    graph = window(name, precision)
    if PACKAGE.version < "1.7":
        assert summarise(compiled(graph, TURING).layers).precisions.keys() == {"fp32", precision}
        return
    with pytest.raises(BackendError, match=r"FP32 GEMM is not supported.*so use another backend there$"):
        compiled(graph, TURING)


@pytest.mark.parametrize("name", GRAPHS)
def test_the_default_workspace_is_ample_for_the_default_batch(name):
    """A sixteenth of it does."""
    options = Options("fp32")
    assert compiled(window(name, "fp32"), GPUS[0], options.largest_batch, options.workspace_mb // 16).plan


def test_a_workspace_too_small_for_many_windows_is_refused_with_advice():
    """Since 1.7 the default is."""
    megabytes = 16 if PACKAGE.version < "1.7" else Options("fp32").workspace_mb
    with pytest.raises(BackendError, match=r"OutOfMemory .*; a larger --workspace-mb or a smaller --batch may do$"):
        compiled(window("spectral", "fp32"), GPUS[0], megabytes=megabytes)
