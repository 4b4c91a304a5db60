"""WebGPU: the GPU of any maker, through ONNX Runtime; Vulkan on Linux, Direct3D 12 on Windows, Metal on a Mac."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab.backends import Request
from ecg2lab.backends.onnxruntime import Graph, WindowGraph, prove
from ecg2lab.backends.webgpu import vulkan
from ecg2lab.backends.webgpu.adapter import Adapter, choose, of_runtime, preferred
from ecg2lab.backends.webgpu.device import Device, WebGpuGraph
from ecg2lab.backends.webgpu.package import Package
from ecg2lab.bundle import WINDOW_GRAPH, Bundle
from ecg2lab.bundle.golden import read_golden
from ecg2lab.bundle.network_inputs import CATEGORICAL, CONTINUOUS, SIGNAL
from ecg2lab.bundle.network_outputs import Outputs
from ecg2lab.errors import BackendError

WINDOWS_AT_ONCE = 64
_TENSORS_OF_A_WINDOW = 16
"""As wide as the network and as long as a window, that are in memory together; counted on the published size."""


class WebGpuBackend:
    """Runs the bundle's window graph on one GPU, on which it computes the golden outputs first.

    Raises
    ------
    MissingExtraError
        If nothing that is installed has WebGPU.
    BackendError
        If there is no GPU that can be had, or none but a software adapter, or it cannot compute this bundle.
    ParityError
        If it computes the golden outputs wrong.
    """

    name = "webgpu"

    def __init__(self, bundle: Bundle, request: Request) -> None:
        self.precision: str = bundle.manifest.precision  # `load` lets none pass but the graph's
        self._device = open_device(request)
        adapter = self._device.adapter
        require_precision(adapter, self.precision)
        _require_memory(adapter, bundle)
        request.tell(f"opening {adapter.name}")
        self._window = WindowGraph(self.open_graph(bundle.member(WINDOW_GRAPH)), bundle)
        graph = self._window.graph
        self.provider, self.device, self.versions = graph.provider, graph.device, graph.versions
        self.caution = f"computed on {adapter.name}, a software adapter, not on a GPU" if adapter.software else ""
        self._warm_up(bundle, request)

    @classmethod
    def probe(cls) -> str:
        """What it would run on here."""
        device = open_device(Request())
        return ", ".join((str(device.adapter), *map(" ".join, device.package.versions.items())))

    def open_graph(self, graph: bytes) -> Graph:
        """Another graph of the bundle, where this one runs."""
        return WebGpuGraph(graph, self._device)

    def run(
        self, signal: NDArray[np.float32], continuous: NDArray[np.float32], categorical: NDArray[np.int64]
    ) -> Outputs:
        """(B leads L), (B features), (B categories) → (B n), (B F), at most `WINDOWS_AT_ONCE` together."""
        starts = range(0, len(signal), WINDOWS_AT_ONCE)
        parts = [slice(start, start + WINDOWS_AT_ONCE) for start in starts]
        answers = [self._window.run(signal[part], continuous[part], categorical[part]) for part in parts]
        return answers[0] if len(answers) == 1 else Outputs(*map(np.concatenate, zip(*answers, strict=True)))

    def _warm_up(self, bundle: Bundle, request: Request) -> None:
        """Compile the shaders: for one window and for several, which are golden ones, and for a full batch."""
        golden = read_golden(bundle)
        for count in (1, len(golden[SIGNAL])):
            request.tell(f"compiling shaders for {self.device}: batches of {count}")
            prove(self.run, bundle, self.name, self._device.adapter.described, (count,))
        if not self._device.adapter.software:  # which would take minutes
            request.tell(f"compiling shaders for {self.device}: batches of {WINDOWS_AT_ONCE}")
            self.run(*(_repeated(golden[name], WINDOWS_AT_ONCE) for name in (SIGNAL, CONTINUOUS, CATEGORICAL)))
        one_window = partial(prove, self.run, bundle, self.name, self._device.adapter.described, (1,))
        self._window.graph.prove_by(one_window)


def adapters() -> list[Adapter]:
    """What this machine shows: on Linux to Vulkan, elsewhere to ONNX Runtime.

    Raises
    ------
    BackendError
        If the operating system's interface to GPUs is not installed.
    MissingExtraError
        If ONNX Runtime would have to be asked, and has no WebGPU.
    """
    if sys.platform == "linux":
        return vulkan.adapters()
    return of_runtime(Package().hardware(), "Metal" if sys.platform == "darwin" else "Direct3D 12")


def open_device(request: Request) -> Device:
    """The adapter that is wanted.

    Raises
    ------
    MissingExtraError
        If nothing that is installed has WebGPU.
    BackendError
        If there is no such adapter, or it is a software adapter and none is allowed.
    """
    Device.require_own_process()
    package, shown = Package(), adapters()
    if not shown:
        raise BackendError("no GPU here has a driver for WebGPU; install it, or take backend 'native'")
    adapter = choose(shown, request.adapter, preferred(shown))
    if adapter.software and not request.allow_software:
        raise BackendError(
            f"{adapter.name} is a software adapter, no GPU, and slower than backend 'native', which computes the same. "
            "To try WebGPU on it all the same: --allow-software, or load(allow_software=True)"
        )
    return Device(package, adapter, adapters)


def require_precision(adapter: Adapter, precision: str) -> None:
    """Make sure that an adapter computes graphs of a precision.

    Raises
    ------
    BackendError
        Saying what to take in its place.
    """
    if precision not in ("fp32", "fp16"):
        raise BackendError(f"WebGPU computes in fp32 and fp16, not in {precision}; take a bundle in one of these")
    if precision == "fp16" and adapter.f16 is False:
        raise BackendError(f"{adapter.name} has no 16-bit floating point (f16); take a bundle in fp32")


def _require_memory(adapter: Adapter, bundle: Bundle) -> None:
    window, hidden = bundle.contract.signal.window_samples, bundle.manifest.network.get("hidden", 0)
    if adapter.memory_bytes is None:
        return
    needed = len(bundle.member(WINDOW_GRAPH)) + 4 * _TENSORS_OF_A_WINDOW * WINDOWS_AT_ONCE * window * hidden
    if needed > adapter.memory_bytes:
        raise BackendError(
            f"{adapter.name} has {adapter.memory_bytes >> 20} MB of memory, and {WINDOWS_AT_ONCE} windows of this "
            f"model take about {needed >> 20} MB; take another adapter, or backend 'native'"
        )


def _repeated(array: NDArray[Any], count: int) -> NDArray[Any]:
    return np.resize(array, (count, *array.shape[1:]))
