"""The one GPU that a process has on WebGPU, and the graphs that run on it.

ONNX Runtime makes one WebGPU device for a process and takes no two calls on it at once (its issue 32561): so calls wait
for each other here, whatever engine they come from, and a second adapter is refused. A device that was lost stays lost
as long as any session holds it: all are dropped together, and each is opened anew by its next call.
"""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray

from ecg2lab.backends.onnxruntime import Tensor, first_line, forked_from, tensors_of
from ecg2lab.backends.webgpu import vulkan
from ecg2lab.backends.webgpu.adapter import Adapter, preferred
from ecg2lab.backends.webgpu.package import PROVIDER, Package
from ecg2lab.errors import BackendError, DeviceLostError, ParityError

ON_CPU = frozenset(("Cast", "Concat", "Div", "Gather", "Mod", "Shape", "Slice", "Split", "Squeeze", "Sub", "Unsqueeze"))
"""Operators that may run on the CPU: our graphs use them on whole numbers too (codes, shapes, indices), for which
WebGPU has no kernels. On floating point it has them all."""


class Device:
    """An adapter in use, from the first graph that is opened until the process ends.

    Parameters
    ----------
    adapters
        Lists those that the machine shows: anew for each session, since cards come and go.
    """

    lock = threading.RLock()
    _in_use: tuple[Adapter, int] | None = None
    """And the process that began."""
    graphs: ClassVar[WeakSet[WebGpuGraph]] = WeakSet()

    def __init__(self, package: Package, adapter: Adapter, adapters: Callable[[], Sequence[Adapter]]) -> None:
        self.package, self.adapter, self._adapters = package, adapter, adapters

    def open_session(self, graph: bytes) -> Any:
        """On this adapter and no other; the lock is held.

        Raises
        ------
        BackendError
            If another adapter is in use, or the GPU cannot be had, or a node would compute on the CPU.
        """
        in_use = Device._in_use
        if in_use is not None and not in_use[0].is_same(self.adapter):
            raise BackendError(
                f"this process has begun with {in_use[0].name!r}, and ONNX Runtime's WebGPU keeps to one adapter for a "
                f"process; take {self.adapter.name!r} in another process"
            )
        with self._selected() as options:
            Device._in_use = (self.adapter, os.getpid())
            try:
                session = self.package.open_session(graph, software=self.adapter.software, options=options)
            except BackendError as error:
                raise BackendError(self._why_not(str(error))) from None
        if session.get_providers()[0] != PROVIDER:
            raise BackendError(f"ONNX Runtime could not start {PROVIDER} on {self.adapter.name}")
        _require_on_gpu(session)
        return session

    @contextmanager
    def _selected(self) -> Iterator[dict[str, str]]:
        """Options with which ONNX Runtime, which takes the fastest of what it sees, takes this adapter."""
        shown = self._adapters()
        if not any(self.adapter.is_same(other) for other in shown):
            raise BackendError(f"{self.adapter.name!r} is not there any more; `ecg2lab devices` lists what is")
        if len(shown) == 1:
            yield {}
        elif self.adapter.api.startswith("Vulkan"):
            with vulkan.shown_only(self.adapter) as options:
                yield options
        elif preferred(shown).is_same(self.adapter):
            yield {}
        elif preferred(shown, low_power=True).is_same(self.adapter):
            yield {"powerPreference": "low-power"}
        else:
            raise BackendError(
                f"ONNX Runtime takes {preferred(shown).name!r} here and cannot be told to take {self.adapter.name!r}; "
                "choose it for this program in the operating system's graphics settings"
            )

    def _why_not(self, reason: str) -> str:
        if "WebGPU adapter" in reason:
            return (
                f"WebGPU refuses {self.adapter.described}: the driver is too old or lacks what WebGPU needs; update it "
                f"({_words(reason)})"
            )
        return f"WebGPU cannot load the graph on {self.adapter.described}: {_words(reason)}"

    @staticmethod
    def is_foreign() -> bool:
        """Whether this process was forked off one with a device, whose driver does not live on in it."""
        return Device._in_use is not None and Device._in_use[1] != os.getpid()

    @staticmethod
    def require_own_process() -> None:
        """Refuse a process that was forked off; asked before the lock, which another thread may have held then."""
        if Device.is_foreign():
            raise forked_from("WebGPU")


class WebGpuGraph:
    """A graph on the GPU; safe to share between threads.

    Raises
    ------
    BackendError
        As `Device.open_session`.
    """

    backend, provider = "webgpu", PROVIDER

    def __init__(self, graph: bytes, device: Device) -> None:
        self._graph, self._on = graph, device
        self._session: Any = None
        adapter = device.adapter
        self.provider = f"{PROVIDER} ({adapter.api})"
        self.device = f"{adapter.name}, a software adapter" if adapter.software else adapter.name
        self.versions = device.package.versions | {"driver": adapter.driver or "unknown"}
        self._proof: Callable[[], None] = lambda: None
        device.require_own_process()
        with Device.lock:
            self._session = device.open_session(graph)
            self.tensors: Mapping[str, Tensor] = tensors_of(self._session)
            Device.graphs.add(self)

    def prove_by(self, proof: Callable[[], None]) -> None:
        """Let it compute what is known, now and before the first answer of each new device; the proof may refuse."""
        proof()
        self._proof = proof

    def run(self, outputs: Sequence[str], feed: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        """Those outputs for these inputs.

        Raises
        ------
        DeviceLostError
            If the GPU failed. The next call of any graph makes a new device.
        BackendError
            If it cannot, or in a process that was forked off.
        ParityError
            If a new device computes wrong.
        """
        Device.require_own_process()
        with Device.lock:
            if self._session is None:
                self._reopen()
            try:
                return self._call(outputs, feed)
            except BackendError:
                raise
            except Exception as error:  # the runtime's exception classes are not public
                reason = _words(first_line(error))
            # Only here is the exception gone, whose frames would hold the session.
            _drop_all()
        raise DeviceLostError(f"the GPU failed or was lost ({self.device}): {reason}; the next call makes a new device")

    def _reopen(self) -> None:
        self._session = self._on.open_session(self._graph)
        try:
            self._proof()
        except ParityError:
            self._session = None
            raise

    def _call(self, outputs: Sequence[str], feed: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        binding = self._session.io_binding()
        for name, array in feed.items():
            binding.bind_cpu_input(name, np.ascontiguousarray(array))  # copied to the device here
        for name in outputs:
            binding.bind_output(name, "gpu", 0)
        self._session.run_with_iobinding(binding)
        arrays: list[NDArray[np.float32]] = binding.copy_outputs_to_cpu()
        if not all(np.isfinite(array).all() for array in arrays):
            raise BackendError(
                f"{self.device} computed values that are not finite; take a bundle in fp32, or backend 'native'"
            )
        return arrays

    def __del__(self) -> None:
        if Device.is_foreign():
            _NEVER_FREED.append(self._session)
            return
        with Device.lock:  # a session is not freed while another computes
            self._session = None


_NEVER_FREED: list[Any] = []
"""Sessions of the process that this one was forked off."""


def _after_fork() -> None:
    Device.lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _words(reason: str) -> str:
    """What the driver said, without the place in the runtime's sources."""
    return reason.rpartition(" was false. ")[2].rstrip(". ")


def _drop_all() -> None:
    """Free the device, which goes with the last session that holds it."""
    for graph in list(Device.graphs):
        graph._session = None
    gc.collect()


def _require_on_gpu(session: Any) -> None:
    """Refuse a graph that the CPU would compute in part.

    Raises
    ------
    BackendError
        Naming the nodes.
    """
    parts = [part for part in session.get_provider_graph_assignment_info() if part.ep_name != PROVIDER]
    nodes = [node for part in parts for node in part.get_nodes()]
    strangers = sorted({f"{node.op_type} {node.name}".strip() for node in nodes if node.op_type not in ON_CPU})
    if strangers:
        raise BackendError(f"WebGPU has no kernels for {', '.join(strangers)}: the CPU would compute in its stead")
