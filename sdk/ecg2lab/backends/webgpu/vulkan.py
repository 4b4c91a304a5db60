"""The GPUs that Vulkan shows, asked through ctypes: ONNX Runtime tells neither which there are nor which it took.

Only the loader (`libvulkan.so.1`) is called; structures and numbers are those of the Vulkan 1.1 specification.
"""

from __future__ import annotations

import ctypes
import os
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ecg2lab.backends.webgpu.adapter import Adapter, Kind, preferred
from ecg2lab.errors import BackendError

LOADER = "libvulkan.so.1"
DRIVERS = "VK_DRIVER_FILES"
FIRST = "VK_LOADER_DEVICE_SELECT"
_OLD_DRIVERS = "VK_ICD_FILENAMES"
"""What loaders before 1.3.207 call `DRIVERS`."""
_INSTANCE, _PROPERTIES, _DRIVER, _IDENTITY = 1, 1000059001, 1000196000, 1000071004  # VK_STRUCTURE_TYPE_…
_FEATURES, _FLOAT16, _STORAGE16 = 1000059000, 1000082000, 1000083000
_NO_DRIVER = -9  # VK_ERROR_INCOMPATIBLE_DRIVER
_KINDS: Mapping[int, Kind] = {1: "integrated", 2: "discrete", 3: "virtual", 4: "software"}
_DEVICE_LOCAL = 1
_MEMORY_TYPES = 32
_BYTES = 2048  # more than any of the structures takes


class _Locks:
    """Held by whoever lists adapters, or tells the loader by the environment what to show."""

    environment = threading.RLock()

    @classmethod
    def renew(cls) -> None:
        """In a process that was forked off, where nobody is left to let go."""
        cls.environment = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_Locks.renew)


class _Application(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_uint32),
        ("next", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("version", ctypes.c_uint32),
        ("engine", ctypes.c_char_p),
        ("engine_version", ctypes.c_uint32),
        ("api", ctypes.c_uint32),
    )


class _Creation(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_uint32),
        ("next", ctypes.c_void_p),
        ("flags", ctypes.c_uint32),
        ("application", ctypes.POINTER(_Application)),
        ("layer_count", ctypes.c_uint32),
        ("layers", ctypes.c_void_p),
        ("extension_count", ctypes.c_uint32),
        ("extensions", ctypes.c_void_p),
    )


class _Chained(ctypes.Structure):
    """Any structure of Vulkan that is filled in: its type, the next one, and what it holds."""

    _fields_ = (("type", ctypes.c_uint32), ("next", ctypes.c_void_p), ("held", ctypes.c_uint8 * _BYTES))

    @classmethod
    def of(cls, kind: int, then: _Chained | None = None) -> _Chained:
        return cls(kind, ctypes.cast(ctypes.pointer(then), ctypes.c_void_p) if then is not None else None)

    def unpack(self, layout: str, offset: int = 0) -> tuple[Any, ...]:
        return struct.unpack_from(layout, bytes(self.held), offset)


def adapters() -> list[Adapter]:
    """Every device of every driver, in the loader's order.

    Raises
    ------
    BackendError
        If the loader is not installed, or a driver fails.
    """
    with _Locks.environment, _instance() as instance:
        if instance is None:
            return []
        count = ctypes.c_uint32()
        _require(instance.call("vkEnumeratePhysicalDevices", instance.handle, ctypes.byref(count), None))
        handles = (ctypes.c_void_p * count.value)()
        _require(instance.call("vkEnumeratePhysicalDevices", instance.handle, ctypes.byref(count), handles))
        found = handles[: count.value]
        return [_describe(instance.call, index, ctypes.c_void_p(handle)) for index, handle in enumerate(found)]


@contextmanager
def shown_only(adapter: Adapter) -> Iterator[dict[str, str]]:
    """Let the loader show this adapter alone, or such that WebGPU takes it, whose options are given.

    The environment is changed meanwhile, for the whole process: no other thread lists adapters until it is put back.

    Raises
    ------
    BackendError
        If it is not there any more, or the loader cannot be told.
    """
    with _Locks.environment:
        for manifest in _manifests():
            alone = {DRIVERS: str(manifest), _OLD_DRIVERS: str(manifest)}
            first = alone | {FIRST: f"{adapter.vendor:#x}:{adapter.device:#x}"}
            for narrowed, low_power in ((alone, False), (alone, True), (first, False), (first, True)):
                with _environment(narrowed):
                    shown = adapters()
                    if not any(adapter.is_same(other) for other in shown):
                        break
                    if preferred(shown, low_power).is_same(adapter):
                        yield {"powerPreference": "low-power"} if low_power else {}
                        return
        if not any(adapter.is_same(other) for other in adapters()):
            raise BackendError(f"{adapter.name!r} is not there any more; `ecg2lab devices` lists what is")
    raise BackendError(
        f"ONNX Runtime takes another adapter of the same driver and cannot be told to take {adapter.name!r}: start the "
        f"program so that it is the first of its driver ({FIRST}, MESA_VK_DEVICE_SELECT)"
    )


class _Instance:
    """A Vulkan instance: what its functions are called through."""

    def __init__(self) -> None:
        try:
            library = ctypes.CDLL(LOADER)
        except OSError:
            raise BackendError(
                f"there is no Vulkan loader ({LOADER}) here: install it (on Debian and Ubuntu: apt install libvulkan1) "
                "and the GPU's Vulkan driver"
            ) from None
        self._lookup = library.vkGetInstanceProcAddr
        self._lookup.restype, self._lookup.argtypes = ctypes.c_void_p, (ctypes.c_void_p, ctypes.c_char_p)
        self.handle = ctypes.c_void_p()

    def call(self, name: str, *arguments: Any) -> int:
        """What the function returns; of one that returns nothing, anything."""
        address = self._lookup(self.handle, name.encode())
        if not address:
            raise BackendError(f"the Vulkan loader is too old: it has no {name}; update it (libvulkan1)")
        return int(ctypes.CFUNCTYPE(ctypes.c_int)(address)(*arguments))


@contextmanager
def _instance() -> Iterator[_Instance | None]:
    """None where no driver is installed."""
    instance = _Instance()
    # Vulkan 1.1, the least that WebGPU runs on.
    application = _Application(0, None, b"ecg2lab", 0, b"ecg2lab", 0, 1 << 22 | 1 << 12)
    creation = _Creation(_INSTANCE, None, 0, ctypes.pointer(application), 0, None, 0, None)
    code = instance.call("vkCreateInstance", ctypes.byref(creation), None, ctypes.byref(instance.handle))
    if code == _NO_DRIVER:
        yield None
        return
    _require(code)
    try:
        yield instance
    finally:
        instance.call("vkDestroyInstance", instance.handle, None)


def _require(code: int) -> None:
    if code < 0:
        raise BackendError(f"Vulkan does not start here (its error {code}): update the GPU's driver")


def _describe(call: Callable[..., int], index: int, handle: ctypes.c_void_p) -> Adapter:
    identity = _Chained.of(_IDENTITY)
    driver = _Chained.of(_DRIVER, identity)
    properties = _Chained.of(_PROPERTIES, driver)
    call("vkGetPhysicalDeviceProperties2", handle, ctypes.byref(properties))
    api, _, vendor, device, kind = properties.unpack("<5I")
    (name,) = properties.unpack("256s", 20)
    driver_name, driver_info = driver.unpack("256s256s", 4)
    storage = _Chained.of(_STORAGE16)
    arithmetic = _Chained.of(_FLOAT16, storage)
    call("vkGetPhysicalDeviceFeatures2", handle, ctypes.byref(_Chained.of(_FEATURES, arithmetic)))
    memory = _Chained()
    call("vkGetPhysicalDeviceMemoryProperties", handle, ctypes.byref(memory))
    return Adapter(
        index=index,
        name=_text(name),
        kind=_KINDS.get(kind, "unknown"),
        api=f"Vulkan {api >> 22}.{api >> 12 & 0x3FF}.{api & 0xFFF}",
        driver=" ".join(filter(None, (_text(driver_name), _text(driver_info)))),
        f16=bool(arithmetic.unpack("<I")[0] and storage.unpack("<I")[0]),
        memory_bytes=_largest_heap(bytes(memory)),
        vendor=vendor,
        device=device,
        uuid=bytes(identity.held[:16]).hex(),
    )


def _largest_heap(properties: bytes) -> int | None:
    """Of those that belong to the device: VkPhysicalDeviceMemoryProperties."""
    start = 4 + 8 * _MEMORY_TYPES
    (count,) = struct.unpack_from("<I", properties, start)
    heaps = [struct.unpack_from("<QI", properties, start + 4 + 16 * heap) for heap in range(count)]
    return max((size for size, flags in heaps if flags & _DEVICE_LOCAL), default=None)


def _text(field: bytes) -> str:
    return field.split(b"\0")[0].decode(errors="replace").strip()


def _manifests() -> list[Path]:
    """Of the drivers, where the loader looks for them."""
    given = os.environ.get(DRIVERS) or os.environ.get(_OLD_DRIVERS)
    if given:
        paths = [Path(part) for part in given.split(os.pathsep) if part]
    else:
        home = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
        shared = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
        settings = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
        system = os.environ.get("XDG_CONFIG_DIRS") or "/etc/xdg"
        bases = (settings, *map(Path, system.split(os.pathsep)), Path("/usr/local/etc"), Path("/etc"), home)
        paths = [base / "vulkan" / "icd.d" for base in (*bases, *map(Path, shared.split(os.pathsep)))]
        paths += [Path(part) for part in os.environ.get("VK_ADD_DRIVER_FILES", "").split(os.pathsep) if part]
    return [file for path in paths for file in (sorted(path.glob("*.json")) if path.is_dir() else [path])]


@contextmanager
def _environment(changes: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
