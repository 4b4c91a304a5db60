"""The two packages of TensorRT: one interface, and a table of what differs.

`tensorrt` builds only on the GPU that will run the engine (Jetson, data centre). `tensorrt_rtx`, TensorRT for RTX,
also builds without a GPU for the compute capabilities of its own list, compiles the last step on the GPU that runs the
engine, and has no timing cache: its calls are deprecated and do nothing.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass, field
from importlib import util
from typing import Any

from ecg2lab.errors import BackendError, MissingExtraError

TENSORRT, TENSORRT_RTX = "tensorrt", "tensorrt_rtx"
PACKAGES = (TENSORRT, TENSORRT_RTX)
"""In the order of preference on a GPU that both can serve."""
_OLDEST = (10, 0)
"""The first with 64-bit integer inputs, which the window graph has."""
_JETSONS = {
    "5.3": "Jetson TX1 and Nano",
    "6.2": "Jetson TX2",
    "7.2": "Jetson Xavier",
    "8.7": "Jetson Orin",
    "10.1": "Jetson Thor",  # its number until CUDA 13
    "11.0": "Jetson Thor",
}


@dataclass
class Messages:
    """What the library said: errors, and one long message that lists the layers of a new engine."""

    errors: list[str] = field(default_factory=list)
    layers: str = ""

    def why(self) -> str:
        """The first error, on one line; later ones mostly follow from it."""
        return " ".join(self.errors[0].split()) if self.errors else "it gave no reason"


@dataclass(frozen=True)
class Package:
    """An imported package."""

    name: str
    module: Any

    @property
    def version(self) -> str:
        """Of the package, which is also that of its runtime and of the plans that it writes."""
        return str(self.module.__version__)

    @property
    def has_timing_cache(self) -> bool:
        """Whether measured times of kernels can be kept for the next build."""
        return self.name == TENSORRT

    @property
    def compiles_at_load(self) -> bool:
        """Whether kernels are finished on the GPU that runs the engine, and can be kept for the next time."""
        return self.name == TENSORRT_RTX

    @property
    def ahead_of_time(self) -> tuple[str, ...]:
        """Compute capabilities that it builds for without their GPU."""
        listed = getattr(self.module, "ComputeCapability", None)
        if self.name != TENSORRT_RTX or listed is None:
            return ()
        numbers = sorted(int(name[2:]) for name in listed.__members__ if name.startswith("SM"))
        return tuple(f"{number // 10}.{number % 10}" for number in numbers)

    def capability(self, number: str) -> Any:
        """The package's own value for a compute capability of its list."""
        return getattr(self.module.ComputeCapability, "SM" + number.replace(".", ""))

    def make_logger(self) -> tuple[Any, Messages]:
        """A logger for the library, and where its messages are collected. The logger must outlive its users."""
        levels, messages = self.module.ILogger, Messages()

        class Collector(levels):  # type: ignore[misc, valid-type]
            def __init__(self) -> None:
                levels.__init__(self)

            def log(self, severity: Any, message: str) -> None:
                if severity in (levels.INTERNAL_ERROR, levels.ERROR):
                    messages.errors.append(message)
                elif message.startswith("Layers:"):
                    messages.layers = message

        return Collector(), messages


def installed_packages() -> tuple[Package, ...]:
    """Every package of TensorRT that is installed, in the order of `PACKAGES`.

    Raises
    ------
    MissingExtraError
        If there is none.
    BackendError
        If one is broken or too old.
    """
    packages = tuple(_import(name) for name in PACKAGES if util.find_spec(name))
    if not packages:
        raise MissingExtraError(
            "this needs TensorRT, which is not installed: a Jetson gets it from JetPack (docs/jetson.md), a server by "
            "pip install 'ecg2lab[tensorrt]', a desktop GPU by pip install 'ecg2lab[tensorrt-rtx]'"
        )
    return packages


def ahead_of_time_package(compute_capability: str) -> Package:
    """The package that builds for a compute capability without its GPU.

    Raises
    ------
    BackendError
        If none does, or the text is no compute capability.
    MissingExtraError
        If the package that might is not installed.
    """
    if not re.fullmatch(r"[0-9]{1,2}\.[0-9]", compute_capability):
        raise BackendError(f"{compute_capability!r} is no compute capability; one looks like 8.9")
    if compute_capability in _JETSONS:
        raise BackendError(
            f"compute capability {compute_capability} ({_JETSONS[compute_capability]}) cannot be built for ahead of "
            "time: build on the device, with `ecg2lab build` and no --compute-capability"
        )
    if not util.find_spec(TENSORRT_RTX):
        raise MissingExtraError(
            "building ahead of time needs tensorrt_rtx, which is not installed: pip install 'ecg2lab[tensorrt-rtx]'"
        )
    package = _import(TENSORRT_RTX)
    if compute_capability not in package.ahead_of_time:
        raise BackendError(
            f"TensorRT for RTX {package.version} builds ahead of time for {', '.join(package.ahead_of_time)}, not for "
            f"{compute_capability}: build on the device, with `ecg2lab build` and no --compute-capability"
        )
    return package


def _import(name: str) -> Package:
    try:
        package = Package(name, importlib.import_module(name))
    except (ImportError, OSError, RuntimeError) as error:  # a library that it needs is absent or does not fit
        raise BackendError(f"{name} is installed but cannot be imported: {error}") from None
    numbers = tuple(int(number) for number in re.findall(r"\d+", package.version)[:2])
    if name == TENSORRT and numbers < _OLDEST:
        raise BackendError(
            f"TensorRT {package.version} is too old: this needs 10.0 or newer, which JetPack has since 6.1"
        )
    return package
