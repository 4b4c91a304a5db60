"""What TensorRT tells while it builds and afterwards: phases as one fraction, and the listing of layers as counts."""

import pytest

from ecg2lab.backends.tensorrt.layers import Layer, summarise
from ecg2lab.backends.tensorrt.progress import BuildProgress

ELEVEN = """Layers:
Name: shapes, LayerType: shape_call, Inputs: [], Constants: [], Outputs: [], TacticName: , StreamId: 0, Metadata:
Name: a, LayerType: gemm, Inputs: [ { Name: x, Dimensions: [-1,64], Datatype: Float, Format: (Linear) }], Constants: \
[ { Name: w, Datatype: Float, Format: (Linear) }], Outputs: [ { Name: y, Dimensions: [-1,4], Datatype: Half, Format: \
(Linear) Row major linear format }], TacticName: t, StreamId: 0, Metadata: [ONNX Layer: n1][ONNX Layer: n2]
Name: b, LayerType: kgen, Inputs: [ { Name: y, Datatype: Half }], Constants: [], Outputs: [ { Name: z, Datatype: \
Float, Format: (Linear) }, { Name: q, Datatype: Half }], TacticName: t, StreamId: 0, Metadata: [ONNX Layer: n2]

I/O Tensors:
 Name: signal, IOMode: Input, DataType: Float, Dimensions: [-1,12,250], Location: Device
"""
TEN = """Layers:
Name: conv, LayerType: gemm, Inputs: [ { Name: x, Location: Device, Dimensions: [1,4], Format/Datatype: Row major \
linear FP32 }], Outputs: [ { Name: y, Location: Device, Dimensions: [1,4], Format/Datatype: Row major linear FP16 \
format }], ParameterType: Convolution, TacticName: t, StreamId: 0, Metadata: [ONNX Layer: n1]
Bindings:
x
y
"""


def test_layers_of_tensorrt_11_are_counted():
    found = summarise(ELEVEN)
    assert (found.layers, found.fused, found.nodes) == (3, 1, 2)
    assert found.kinds == {"shape_call": 1, "gemm": 1, "kgen": 1}
    assert found.precisions == {"fp16": 1, "fp32": 1}
    types = {"inputs": ("fp32",), "constants": ("fp32",), "outputs": ("fp16",)}
    assert found.each[1] == Layer(name="a", kind="gemm", nodes=("n1", "n2"), **types)
    assert found.each[2].outputs == ("fp32", "fp16")


def test_layers_of_tensorrt_10_are_counted():
    found = summarise(TEN)
    assert (found.layers, found.fused, found.nodes) == (1, 0, 1)
    assert found.precisions == {"fp16": 1}
    assert (found.each[0].inputs, found.each[0].constants) == (("fp32",), ())


@pytest.mark.parametrize("listing", ["", "Layers:\nconv1\nconv2\nBindings:\nx\n", "rubbish\n" * 3])
def test_a_listing_without_details_gives_no_summary(listing):
    assert summarise(listing) is None


def followed():
    told = []
    return BuildProgress(lambda fraction, phase: told.append((round(fraction, 3), phase))), told


def test_nested_phases_make_one_fraction():
    progress, told = followed()
    progress.phase_start("all", None, 2)
    progress.phase_start("first", "all", 4)
    progress.step_complete("first", 1)
    progress.phase_finish("first")
    progress.step_complete("all", 0)
    progress.phase_start("second", "all", 1)
    progress.step_complete("second", 0)
    progress.phase_finish("second")
    progress.step_complete("all", 1)
    assert [fraction for fraction, _ in told] == [0, 0, 0.25, 0.5, 0.5, 1.0, 1.0]
    assert told[2][1] == "first"


def test_the_fraction_never_falls_and_strange_orders_do_no_harm():
    progress, told = followed()
    progress.step_complete("unknown", 3)
    progress.phase_start("all", None, 3)
    progress.step_complete("all", 2)
    progress.phase_start("once more", None, 0)
    progress.phase_finish("unknown")
    progress.step_complete("once more", 7)
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert max(fractions) <= 1


def test_what_the_listener_raises_stops_the_build_and_comes_out_at_its_end():
    def tell(fraction, phase):
        raise KeyboardInterrupt

    progress = BuildProgress(tell)
    progress.phase_start("all", None, 1)  # nothing may pass through the library that calls
    assert progress.step_complete("all", 0) is False
    with pytest.raises(KeyboardInterrupt):
        progress.raise_again()
