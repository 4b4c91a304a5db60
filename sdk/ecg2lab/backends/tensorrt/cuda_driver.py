"""The little of the CUDA driver that running an engine needs: one GPU, its memory, a stream, copies.

Called through ctypes in the driver's own library, which every machine with a working NVIDIA GPU has. A Python package
for CUDA would have to match the major version of CUDA (12 on JetPack 6, 13 on JetPack 7); these functions have kept
their names and arguments since CUDA 7, and the driver is the only library that a Jetson's image brings for certain.
Signatures: `cuda.h`, CUDA Driver API.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numpy.typing import NDArray

from ecg2lab.errors import BackendError

_LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
_NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING: not ordered with the default stream of others
_NAME_LENGTH = 256
_MAJOR, _MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_…

_handle = ctypes.c_void_p
_address = ctypes.c_ulonglong  # CUdeviceptr
_device = ctypes.c_int
_number = ctypes.POINTER(ctypes.c_int)
_SIGNATURES: dict[str, tuple[Any, ...]] = {
    "cuInit": (ctypes.c_uint,),
    "cuDriverGetVersion": (_number,),
    "cuDeviceGetCount": (_number,),
    "cuDeviceGet": (_number, ctypes.c_int),
    "cuDeviceGetName": (ctypes.c_char_p, ctypes.c_int, _device),
    "cuDeviceGetAttribute": (_number, ctypes.c_int, _device),
    "cuDevicePrimaryCtxRetain": (ctypes.POINTER(_handle), _device),
    "cuCtxPushCurrent_v2": (_handle,),
    "cuCtxPopCurrent_v2": (ctypes.POINTER(_handle),),
    "cuMemAlloc_v2": (ctypes.POINTER(_address), ctypes.c_size_t),
    "cuMemFree_v2": (_address,),
    "cuMemcpyHtoDAsync_v2": (_address, ctypes.c_void_p, ctypes.c_size_t, _handle),
    "cuMemcpyDtoHAsync_v2": (ctypes.c_void_p, _address, ctypes.c_size_t, _handle),
    "cuStreamCreate": (ctypes.POINTER(_handle), ctypes.c_uint),
    "cuStreamSynchronize": (_handle,),
    "cuStreamDestroy_v2": (_handle,),
    "cuGetErrorName": (ctypes.c_int, ctypes.POINTER(ctypes.c_char_p)),
}


def load_library() -> Any:
    """The driver's library; a BackendError if there is none."""
    try:
        return ctypes.CDLL(_LIBRARY)
    except OSError:
        raise BackendError(f"there is no NVIDIA GPU here: its driver ({_LIBRARY}) is not installed") from None


class Gpu:
    """The first GPU that the driver shows; `CUDA_VISIBLE_DEVICES` chooses another.

    Its primary context is the one that TensorRT uses. It must be current in the thread that calls; see `current`.

    Attributes
    ----------
    name
        As the driver says it.
    compute_capability
        Such as "8.7".
    driver
        The newest CUDA that the driver runs, such as "12.6".

    Raises
    ------
    BackendError
        If there is no GPU, or the driver refuses.
    """

    def __init__(self) -> None:
        self._library = load_library()
        for function, arguments in _SIGNATURES.items():
            getattr(self._library, function).argtypes = arguments
        self._context: ctypes.c_void_p | None = None
        self._call("cuInit", 0)
        if self._integer("cuDeviceGetCount") == 0:
            raise BackendError("there is no NVIDIA GPU here, or CUDA_VISIBLE_DEVICES hides it")
        self._device = self._integer("cuDeviceGet", 0)
        name = ctypes.create_string_buffer(_NAME_LENGTH)
        self._call("cuDeviceGetName", name, _NAME_LENGTH, self._device)
        self.name = name.value.decode(errors="replace")
        major, minor = (self._integer("cuDeviceGetAttribute", part, self._device) for part in (_MAJOR, _MINOR))
        self.compute_capability = f"{major}.{minor}"
        version = self._integer("cuDriverGetVersion")  # 1000 major + 10 minor
        self.driver = f"{version // 1000}.{version % 1000 // 10}"

    @contextmanager
    def current(self) -> Iterator[None]:
        """Make the primary context current in this thread, and restore what was current before.

        It is held until the process ends, as CUDA's own runtime holds it: TensorRT's objects live in it too.
        """
        if self._context is None:
            context = _handle()
            self._call("cuDevicePrimaryCtxRetain", ctypes.byref(context), self._device)
            self._context = context
        self._call("cuCtxPushCurrent_v2", self._context)
        try:
            yield
        finally:
            self._call("cuCtxPopCurrent_v2", ctypes.byref(_handle()))

    def allocate(self, size: int) -> int:
        """Address of `size` bytes of device memory, aligned to 256 bytes; `free` gives them back."""
        address = _address()
        self._call("cuMemAlloc_v2", ctypes.byref(address), size)
        return int(address.value)

    def free(self, address: int) -> None:
        """Give device memory back."""
        self._call("cuMemFree_v2", address)

    def create_stream(self) -> int:
        """Handle of a new stream; `destroy_stream` ends it."""
        stream = _handle()
        self._call("cuStreamCreate", ctypes.byref(stream), _NON_BLOCKING)
        return int(stream.value or 0)

    def destroy_stream(self, stream: int) -> None:
        """End a stream."""
        self._call("cuStreamDestroy_v2", stream)

    def copy_in(self, address: int, array: NDArray[Any], stream: int) -> None:
        """Copy a contiguous array to the device; it must live until `wait`."""
        self._call("cuMemcpyHtoDAsync_v2", address, array.ctypes.data, array.nbytes, stream)

    def copy_out(self, array: NDArray[Any], address: int, stream: int) -> None:
        """Copy device memory into a contiguous array, which is filled after `wait`."""
        self._call("cuMemcpyDtoHAsync_v2", array.ctypes.data, address, array.nbytes, stream)

    def wait(self, stream: int) -> None:
        """Return when everything queued in a stream is done; what failed on the way is raised here."""
        self._call("cuStreamSynchronize", stream)

    def _integer(self, function: str, *arguments: Any) -> int:
        result = ctypes.c_int()
        self._call(function, ctypes.byref(result), *arguments)
        return result.value

    def _call(self, function: str, *arguments: Any) -> None:
        code = getattr(self._library, function)(*arguments)
        if code != 0:
            text = ctypes.c_char_p()
            self._library.cuGetErrorName(code, ctypes.byref(text))
            name = (text.value or b"unknown error").decode(errors="replace")
            raise BackendError(f"the CUDA driver refused {function}: {name} ({code})")
