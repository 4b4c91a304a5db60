"""PyTorch checkpoint files, read without running anything from them and without torch.

A checkpoint is a zip archive: `data.pkl` is a pickle that describes tensors, `data/0 …` hold their numbers. Unpickling
can call any function the file names; here every name but four resolves to an inert record, so nothing can run.
"""

from __future__ import annotations

import io
import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ecg2lab.errors import CheckpointError

_STORAGE_TYPES: dict[str, str] = {
    "DoubleStorage": "f8",
    "FloatStorage": "f4",
    "HalfStorage": "f2",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}


class Inert:
    """Stands for an object of a class that the file names and that is not loaded: OmegaConf's, for instance.

    It takes whatever the pickle gives it and does nothing with it.
    """

    name: ClassVar[str] = "?"

    def __init__(self, *arguments: Any, **_: Any) -> None:
        self.arguments = arguments

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, item: Any) -> None:
        """Ignore a list item."""

    def extend(self, items: Any) -> None:
        """Ignore list items."""

    def add(self, item: Any) -> None:
        """Ignore a set item."""

    def __repr__(self) -> str:
        return f"<not loaded: {self.name}>"


class _Callable:
    """One of our functions, as a pickle may see it: it can be called, and nothing about it can be changed."""

    __slots__ = ("_function",)
    _function: Callable[..., Any]

    def __init__(self, function: Callable[..., Any]) -> None:
        object.__setattr__(self, "_function", function)

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)

    def __setstate__(self, state: Any) -> None:
        """Ignore what the BUILD instruction brings."""

    def __setattr__(self, name: str, value: Any) -> None:
        """Ignore."""


class _Storage:
    def __init__(self, dtype: str) -> None:
        self.dtype = dtype


class _Unpickler(pickle.Unpickler):
    """Resolves tensors, storages and ordered dictionaries; everything else becomes `Inert`."""

    def __init__(self, file: IO[bytes], archive: _Archive) -> None:
        super().__init__(file)
        self._archive = archive

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) in {("torch._utils", "_rebuild_tensor_v2"), ("torch._utils", "_rebuild_tensor")}:
            return _Callable(_rebuild_tensor)
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return _Callable(_rebuild_parameter)
        if module in {"torch", "torch.storage"} and name in _STORAGE_TYPES:
            return _Storage(_STORAGE_TYPES[name])
        return type("Inert", (Inert,), {"name": f"{module}.{name}"})

    def persistent_load(self, pid: Any) -> Any:
        """Numbers of one storage: pid is ('storage', type, key, device, length)."""
        if not (isinstance(pid, tuple) and len(pid) == 5 and pid[0] == "storage" and isinstance(pid[1], _Storage)):
            kind = getattr(pid[1], "name", "?") if isinstance(pid, tuple) and len(pid) == 5 else "?"
            raise CheckpointError(f"the checkpoint holds data of an unknown kind ({kind}); save it in float32")
        return self._archive.storage(str(pid[2]), pid[1].dtype)


class _Archive:
    """The zip member access of one checkpoint."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        pickles = [n for n in archive.namelist() if n.endswith("/data.pkl") and n.count("/") == 1]
        if len(pickles) != 1:
            raise CheckpointError("the archive has no data.pkl: it is not a PyTorch checkpoint")
        self._zip = archive
        self._prefix = pickles[0].removesuffix("data.pkl")
        order = self._member("byteorder") if f"{self._prefix}byteorder" in archive.namelist() else b"little"
        self._order: Literal["<", ">"] = ">" if order == b"big" else "<"
        self.pickle = self._member("data.pkl")

    def _member(self, name: str) -> bytes:
        try:
            member = self._zip.getinfo(self._prefix + name)
        except KeyError:
            raise CheckpointError(f"the checkpoint is damaged: its member {name} is missing") from None
        if member.compress_type != zipfile.ZIP_STORED:  # PyTorch never compresses; a zip bomb does
            raise CheckpointError(f"its member {name} is compressed: it was not written by PyTorch")
        return self._zip.read(member)

    def storage(self, key: str, dtype: str) -> NDArray[Any]:
        return np.frombuffer(self._member(f"data/{key}"), dtype=np.dtype(dtype).newbyteorder(self._order))


def _rebuild_tensor(storage: NDArray[Any], offset: int, size: Any, stride: Any, *_: Any) -> NDArray[Any]:
    """Copy a strided view out of its storage; bounds are checked because the file is not trusted."""
    whole = (int(offset), *map(int, size), *map(int, stride))
    last = int(offset) + sum((int(n) - 1) * int(s) for n, s in zip(size, stride, strict=True))
    count = math.prod(map(int, size))
    beyond = count and (last >= storage.size or count > storage.size)  # a stride of 0 would repeat without end
    if min(whole, default=0) < 0 or beyond:
        raise CheckpointError("the checkpoint is damaged: a tensor reaches beyond its data")
    byte_strides = [int(s) * storage.itemsize for s in stride]
    view = np.lib.stride_tricks.as_strided(storage[int(offset) :], tuple(map(int, size)), byte_strides)
    return view.astype(view.dtype.newbyteorder("="))


def _rebuild_parameter(data: NDArray[Any], *_: Any) -> NDArray[Any]:
    return data


def read(path: str | Path) -> Any:
    """Read a PyTorch checkpoint: tensors become NumPy arrays, unknown classes `Inert`.

    Raises
    ------
    CheckpointError
        If the file is missing, is not a zip-format checkpoint, or is damaged.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            content = _Archive(archive)
            return _Unpickler(io.BytesIO(content.pickle), content).load()
    except FileNotFoundError:
        raise CheckpointError(f"there is no checkpoint at {path}") from None
    except zipfile.BadZipFile:
        raise CheckpointError(
            f"{path} is not a PyTorch checkpoint in zip format; one saved before PyTorch 1.6 must be saved again"
        ) from None
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}") from None
    except Exception as error:  # a damaged pickle can fail in any way
        raise CheckpointError(f"{path} is damaged: {type(error).__name__} while reading it") from None
