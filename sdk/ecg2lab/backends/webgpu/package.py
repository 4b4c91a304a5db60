"""Which package brings WebGPU: built into `onnxruntime-webgpu`, or the plugin `onnxruntime-ep-webgpu` beside another.

The only module that knows the difference.
"""

from __future__ import annotations

import os
import re
from importlib import util
from typing import Any

from ecg2lab.backends.onnxruntime import DISTRIBUTIONS, first_line, import_runtime, session_options
from ecg2lab.errors import BackendError, MissingExtraError
from ecg2lab.system.extras import installed_version

PROVIDER = "WebGpuExecutionProvider"
_PLUGIN, _LIBRARY = "onnxruntime-ep-webgpu", "ecg2lab-webgpu"
_BUILT_IN = "onnxruntime-webgpu"
_OLDEST = (1, 24, 4)
"""The first that tells which nodes it gives to which provider, and that the plugin runs with."""
_ALLOW_SOFTWARE = "ORT_WEBGPU_EP_ALLOW_SOFTWARE_ADAPTER"
_INSTALL = "pip install 'ecg2lab[webgpu]'"


class Package:
    """What is installed.

    Raises
    ------
    MissingExtraError
        If nothing that is installed has WebGPU.
    BackendError
        If two packages of ONNX Runtime are installed, or it is too old, or the plugin is of another ABI.
    """

    def __init__(self) -> None:
        if util.find_spec("onnxruntime") is None:
            raise MissingExtraError(f"WebGPU needs ONNX Runtime, which is not installed: {_INSTALL}")
        self.module = import_runtime("webgpu")
        version = str(self.module.__version__)
        self._distribution = next(filter(installed_version, DISTRIBUTIONS), "onnxruntime")
        self.built_in = PROVIDER in self.module.get_available_providers()
        if not self.built_in and util.find_spec(_PLUGIN.replace("-", "_")) is None:
            raise MissingExtraError(
                f"the {self._distribution} {version} that is installed has no WebGPU: pip install {_PLUGIN} adds it"
            )
        if tuple(map(int, re.findall(r"\d+", version)[:3])) < _OLDEST:
            raise BackendError(
                f"ONNX Runtime {version} is too old for WebGPU, which needs {'.'.join(map(str, _OLDEST))}: "
                f"pip install --upgrade {self._distribution}"
            )
        self.versions = {self._distribution: version}
        if not self.built_in:
            self.versions |= {_PLUGIN: installed_version(_PLUGIN) or "unknown"}

    def open_session(self, graph: bytes, *, software: bool, options: dict[str, str]) -> Any:
        """A session on WebGPU and, for what it leaves, the CPU.

        Raises
        ------
        BackendError
            If the provider does not start, or cannot load the graph.
        """
        settings = session_options(self.module, threads=1)
        settings.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
        try:
            if self.built_in:
                providers = [(PROVIDER, options)]
                return self.module.InferenceSession(graph, settings, providers=providers, enable_fallback=0)
            settings.add_provider_for_devices([self._plugged_in(software)], options)
            return self.module.InferenceSession(graph, settings, enable_fallback=0)
        except BackendError:
            raise
        except Exception as error:  # the runtime's exception classes are not public
            reason = first_line(error)
        raise BackendError(reason)

    def hardware(self) -> list[Any]:
        """What ONNX Runtime says of the GPUs that it would take.

        Raises
        ------
        BackendError
            If the plugin cannot be registered, or there is none.
        """
        if not self.built_in:
            self._plugged_in(software=False)
        return [device.device for device in self._devices()]

    def _plugged_in(self, software: bool) -> Any:
        """The plugin's device, of which it takes one; the plugin is registered once for the process."""
        if not self._devices():
            self._register(software)
        devices = self._devices()
        if not devices:
            raise BackendError(
                "ONNX Runtime sees no GPU here, though the operating system shows one; in a container, pass its device "
                f"on, or take the package {_BUILT_IN}"
            )
        return devices[0]

    def _register(self, software: bool) -> None:
        """Once, or again where a software adapter was not allowed before."""
        import onnxruntime_ep_webgpu

        try:
            if software:  # what the plugin warns of in its log is said in every answer
                os.environ[_ALLOW_SOFTWARE] = "1"
                self.module.set_default_logger_severity(4)
            if _registered:
                self.module.unregister_execution_provider_library(_LIBRARY)
                _registered.clear()
            self.module.register_execution_provider_library(_LIBRARY, onnxruntime_ep_webgpu.get_library_path())
            _registered.append(_LIBRARY)
        except Exception as error:  # the runtime's exception classes are not public
            versions = " and ".join(f"{name} {version}" for name, version in self.versions.items())
            raise BackendError(
                f"{versions} do not fit each other: {first_line(error)}; "
                f"pip install --upgrade {self._distribution} {_PLUGIN}"
            ) from None
        finally:
            if software:
                del os.environ[_ALLOW_SOFTWARE]
                self.module.set_default_logger_severity(2)

    def _devices(self) -> list[Any]:
        return [device for device in self.module.get_ep_devices() if device.ep_name == PROVIDER]


_registered: list[str] = []
