"""A GPU as WebGPU sees it, and which one a program takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec

from ecg2lab.errors import BackendError

Kind = Literal["discrete", "integrated", "virtual", "software", "unknown"]


class Adapter(msgspec.Struct, frozen=True, kw_only=True):
    """One GPU, or a software that stands in for one."""

    index: int
    name: str
    kind: Kind
    api: str
    """Of the operating system, with its version: Vulkan, Direct3D 12 or Metal."""
    driver: str
    f16: bool | None
    """Whether it stores and computes 16-bit floating point; None: nobody says."""
    memory_bytes: int | None
    """Of the largest heap of its own; None: nobody says."""
    vendor: int = 0
    device: int = 0
    uuid: str = ""
    """Of the card, which tells two of a kind apart; empty: nobody says."""

    @property
    def software(self) -> bool:
        """Whether a CPU does the work."""
        return self.kind == "software"

    def is_same(self, other: Adapter) -> bool:
        """Whatever its place in a listing."""
        return msgspec.structs.replace(self, index=0) == msgspec.structs.replace(other, index=0)

    @property
    def described(self) -> str:
        """With what computes on it."""
        return f"{self.name} ({self.kind}, {self.api}, driver {self.driver or 'unknown'})"

    def __str__(self) -> str:
        return f"{self.index}: {self.described}"


def of_runtime(devices: Iterable[Any], api: str) -> list[Adapter]:
    """Of ONNX Runtime's own list of devices, as Windows and macOS have it; the fastest comes first."""
    found = []
    for device in devices:
        facts = dict(device.metadata)
        kinds: dict[str | None, Kind] = {"1": "discrete", "0": "integrated"}
        kind = kinds.get(facts.get("Discrete"), "unknown")
        # What belongs to an integrated GPU alone says nothing of what it may use.
        memory = facts.get("DxgiVideoMemory", "").removesuffix(" MB") if kind == "discrete" else ""
        adapter = Adapter(
            index=0,
            name=facts.get("Description") or f"{device.vendor} GPU",
            kind=kind,
            api=api,
            driver="",
            f16=None,
            memory_bytes=int(memory) << 20 if memory.isdecimal() else None,
            vendor=device.vendor_id,
            device=device.device_id,
        )
        found.append((int(facts.get("DxgiHighPerformanceIndex", 0)), adapter))
    in_order = [adapter for _, adapter in sorted(found, key=lambda pair: pair[0])]
    return [msgspec.structs.replace(adapter, index=index) for index, adapter in enumerate(in_order)]


def preferred(shown: Sequence[Adapter], low_power: bool = False) -> Adapter:
    """The one that WebGPU takes, which is asked for high performance unless for low power."""
    first = ("integrated", "discrete") if low_power else ("discrete", "integrated")
    order = (*first, "virtual", "unknown", "software")
    return min(shown, key=lambda adapter: order.index(adapter.kind))


def choose(adapters: Sequence[Adapter], wanted: int | str | None, preferred: Adapter) -> Adapter:
    """The adapter of that index, or the one whose name has that text in it, in any case; None: the preferred.

    Raises
    ------
    BackendError
        If there is none, or several; it lists them.
    """
    listed = "; ".join(map(str, adapters))
    if wanted is None:
        return preferred
    if isinstance(wanted, int) or wanted.isdecimal():
        if not 0 <= int(wanted) < len(adapters):
            raise BackendError(f"there is no adapter {wanted} here; there are {listed}")
        return adapters[int(wanted)]
    fitting = [adapter for adapter in adapters if wanted.lower() in adapter.name.lower()]
    if len(fitting) != 1:
        raise BackendError(
            f"{'several adapters have' if fitting else 'no adapter has'} {wanted!r} in the name; there are {listed}"
        )
    return fitting[0]
