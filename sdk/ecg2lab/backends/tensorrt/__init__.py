"""TensorRT: runs an engine that `ecg2lab build` compiled. No engine is built here.

TensorRT for RTX leaves a last step to the GPU that runs the engine; its result is kept beside the engine, so that only
the first start after `ecg2lab build --compute-capability` takes it.
"""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from ecg2lab.backends import Request
from ecg2lab.backends.tensorrt.cache import EngineCache
from ecg2lab.backends.tensorrt.cuda_driver import Gpu
from ecg2lab.backends.tensorrt.package import installed_packages
from ecg2lab.backends.tensorrt.record import keys_for
from ecg2lab.backends.tensorrt.session import Session
from ecg2lab.bundle import Bundle
from ecg2lab.bundle.network_outputs import Outputs
from ecg2lab.errors import OutputError


class TensorRtBackend:
    """Runs the engine of a bundle's window graph on the GPU; the engine is looked for in this user's cache.

    Raises
    ------
    MissingExtraError
        If TensorRT is not installed.
    BackendError
        If there is no GPU, or no engine for it has been built.
    """

    name, caution = "tensorrt", ""

    def __init__(self, bundle: Bundle, request: Request) -> None:
        packages = installed_packages()
        gpu = Gpu()
        self.precision = request.precision or bundle.manifest.precision
        keys = [key for package in packages for key in keys_for(bundle, self.precision, package, gpu)]
        cache = EngineCache()
        stored = cache.find(keys, bundle.source)
        package = next(package for package in packages if package.name == stored.record.key.package)
        plan, kernels = cache.load(stored), cache.read_kernels(stored)
        self._session = Session(package, gpu, plan, bundle, kernels)
        if self._session.new_kernels:
            with suppress(OutputError):  # a cache that only can be read costs time at the next start, no answer
                cache.write_kernels(stored, self._session.new_kernels)
        self.provider = package.name
        self.device = f"{gpu.name} (compute capability {gpu.compute_capability})"
        self.versions = {package.name: package.version, "cuda driver": gpu.driver}

    @classmethod
    def probe(cls) -> str:
        """What it would run on here, once `ecg2lab build` has made an engine."""
        packages, gpu = installed_packages(), Gpu()
        listed = ", ".join(f"{package.name} {package.version}" for package in packages)
        return f"{gpu.name} (compute capability {gpu.compute_capability}, driver {gpu.driver}), {listed}"

    def run(
        self, signal: NDArray[np.float32], continuous: NDArray[np.float32], categorical: NDArray[np.int64]
    ) -> Outputs:
        """(B leads L), (B features), (B categories) → (B n), (B F)."""
        return self._session.run(signal, continuous, categorical)
