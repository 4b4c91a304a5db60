"""PyTorch checkpoint files, read without running anything from them and without torch.

A checkpoint is a zip archive: `data.pkl` is a pickle that describes tensors, `data/0 …` hold their numbers. Unpickling
can call any function the file names; here every name but a few resolves to an inert record, so nothing can run.

The file may be hostile, so reading it costs no more than its size: members are stored, stand once and do not overlap,
and all tensors together are at most `_COPIES` times as large as the file.
"""

from __future__ import annotations

import io
import math
import pickle
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ecg2lab.errors import CheckpointError
from ecg2lab.system.files import regular_size

_BFLOAT16 = "BFloat16Storage"
_STORAGE_TYPES: dict[str, str] = {
    "ComplexDoubleStorage": "c16",
    "ComplexFloatStorage": "c8",
    "DoubleStorage": "f8",
    "FloatStorage": "f4",
    "HalfStorage": "f2",
    _BFLOAT16: "u2",  # NumPy has no such type: `tensor` widens it
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}
_COPIES = 4
"""Tied weights and averages share storages, and a state space that was drawn on a CPU is saved as views that repeat one
channel by a stride of 0, so a file may describe more numbers than it holds, but not without end."""
_LARGEST_RANK = 32


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


def _inert_class(name: str) -> type[Inert]:
    return type("Inert", (Inert,), {"name": name})


class _Fixed:
    """Something of ours, as a pickle may see it: nothing about it can be changed."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        """Ignore what the BUILD instruction brings."""

    def __setattr__(self, name: str, value: Any) -> None:
        """Ignore."""


class _Callable(_Fixed):
    """One of our functions."""

    __slots__ = ("_function",)
    _function: Callable[..., Any]

    def __init__(self, function: Callable[..., Any]) -> None:
        object.__setattr__(self, "_function", function)

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)


class _StorageType(_Fixed):
    """What the numbers of a storage are."""

    __slots__ = ("name",)
    name: str

    def __init__(self, name: str) -> None:
        object.__setattr__(self, "name", name)


class _Storage(_Fixed):
    """The numbers of one storage, as they are in the file."""

    __slots__ = ("kind", "values")
    values: NDArray[Any]
    kind: str

    def __init__(self, values: NDArray[Any], kind: str) -> None:
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "kind", kind)


class _Ordered(dict[Any, Any]):
    """An ordered dictionary, without the attributes that PyTorch hangs on it."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        """Ignore them."""


_KEYS: dict[bytes, Callable[[list[Any]], Sequence[Any]]] = {
    pickle.SETITEM: lambda stack: stack[-2:-1],
    pickle.SETITEMS: lambda stack: stack[::2],
    pickle.DICT: lambda stack: stack[::2],
    pickle.ADDITEMS: lambda stack: stack,
    pickle.FROZENSET: lambda stack: stack,
}
"""Instructions that hash, and where on the stack they find what they hash."""
_LEFT_OUT = (
    *(pickle.EXT1, pickle.EXT2, pickle.EXT4),  # resolve names without asking
    *(pickle.BYTEARRAY8, pickle.NEXT_BUFFER, pickle.READONLY_BUFFER),  # reserve what they claim, before it is there
)
"""Instructions that PyTorch never writes."""


def _refusing_nested_keys(code: bytes) -> Callable[[Any], None]:
    """Let the instruction hash no tuple within a tuple.

    Hashing descends in C: some ten thousand levels overflow the stack, and a tuple that holds one tuple twice, which
    holds another twice and so on, sixty levels deep, is never finished.
    """
    instruction = pickle._Unpickler.dispatch[code[0]]

    def guarded(unpickler: Any) -> None:
        for key in _KEYS[code](unpickler.stack):
            if isinstance(key, tuple) and any(isinstance(item, tuple) for item in key):
                raise CheckpointError("the checkpoint is damaged: a key is no plain value")
        instruction(unpickler)

    return guarded


def _instructions() -> dict[int, Callable[[Any], None]]:
    table: dict[int, Callable[[Any], None]] = dict(pickle._Unpickler.dispatch)
    for code in _LEFT_OUT:
        del table[code[0]]
    return table | {code[0]: _refusing_nested_keys(code) for code in _KEYS}


class _Unpickler(pickle._Unpickler):
    """Resolves tensors, storages and ordered dictionaries; everything else becomes `Inert`.

    It derives from the unpickler that is written in Python, because that one's instructions can be replaced.
    """

    dispatch = _instructions()

    def __init__(self, file: IO[bytes], archive: _Archive) -> None:
        super().__init__(file)
        self._archive = archive
        self._classes: dict[tuple[str, str], Any] = {
            ("collections", "OrderedDict"): _Callable(lambda: _Ordered()),
            ("torch._utils", "_rebuild_tensor"): _Callable(archive.tensor),
            ("torch._utils", "_rebuild_tensor_v2"): _Callable(archive.tensor),
            ("torch._utils", "_rebuild_parameter"): _Callable(lambda data, *_: data),
            ("torch._utils", "_rebuild_parameter_with_state"): _Callable(lambda data, *_: data),
            ("torch._tensor", "_rebuild_from_type_v2"): _Callable(_rebuild_from_type),
        }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._classes:
            storage = module in {"torch", "torch.storage"} and name in _STORAGE_TYPES
            self._classes[module, name] = _StorageType(name) if storage else _inert_class(f"{module}.{name}")
        return self._classes[module, name]

    def persistent_load(self, pid: Any) -> Any:
        """Numbers of one storage: pid is ('storage', type, key, device, length)."""
        if not (isinstance(pid, tuple) and len(pid) == 5 and pid[0] == "storage" and isinstance(pid[2], str)):
            raise CheckpointError("the checkpoint is damaged: it refers to data that are no storage")
        if isinstance(pid[1], _StorageType):
            return self._archive.storage(pid[2], pid[1].name)
        return _inert_class(str(getattr(pid[1], "name", "?")))()


def _rebuild_from_type(function: Any, _type: Any, arguments: Any, _state: Any) -> Any:
    """A tensor of a class of its own, or one with attributes: the plain tensor that it is besides."""
    return function(*arguments) if isinstance(function, _Callable) else Inert()


class _Archive:
    """The zip member access of one checkpoint."""

    def __init__(self, archive: zipfile.ZipFile, size: int) -> None:
        names = archive.namelist()
        pickles = [n for n in names if n.endswith("/data.pkl") and n.count("/") == 1]
        if not pickles:
            raise CheckpointError("the archive has no data.pkl: it is not a PyTorch checkpoint")
        if len(set(names)) != len(names) or len(pickles) > 1:  # which one counts, readers may see differently
            raise CheckpointError("the checkpoint is damaged: it holds a member twice")
        if sum(member.compress_size for member in archive.infolist()) > size:
            raise CheckpointError("the checkpoint is damaged: its members overlap")
        self._zip = archive
        self._left = _COPIES * size
        self._read: dict[str, bytes] = {}
        self._prefix = pickles[0].removesuffix("data.pkl")
        order = self._member("byteorder") if f"{self._prefix}byteorder" in names else b"little"
        self._order: Literal["<", ">"] = ">" if order == b"big" else "<"
        self.pickle = self._member("data.pkl")

    def _member(self, name: str) -> bytes:
        try:
            member = self._zip.getinfo(self._prefix + name)
        except KeyError:
            raise CheckpointError(f"the checkpoint is damaged: its member {name} is missing") from None
        if member.compress_type != zipfile.ZIP_STORED:  # PyTorch never compresses; a zip bomb does
            raise CheckpointError(f"its member {name} is compressed: it was not written by PyTorch")
        if name not in self._read:
            self._read[name] = self._zip.read(member)
        return self._read[name]

    def storage(self, key: str, kind: str) -> _Storage:
        dtype = np.dtype(_STORAGE_TYPES[kind]).newbyteorder(self._order)
        return _Storage(np.frombuffer(self._member(f"data/{key}"), dtype=dtype), kind)

    def tensor(self, storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> Any:
        """Copy a strided view out of its storage; bounds are checked because the file is not trusted."""
        if isinstance(storage, Inert):  # of a type that is not known: the tensor is not either
            return storage
        values = storage.values
        shape, steps = _counts(size), _counts(stride)
        (start,) = _counts((offset,))
        count = math.prod(shape)
        last = start + sum((n - 1) * s for n, s in zip(shape, steps, strict=True))
        if count and last >= values.size:
            raise CheckpointError("the checkpoint is damaged: a tensor reaches beyond its data")
        # before anything is copied: a view that repeats numbers could be larger than any memory
        self._left -= count * values.itemsize
        if self._left < 0:
            raise CheckpointError(
                f"its tensors repeat the same data until they are more than {_COPIES} times as large as the file"
            )
        view = np.lib.stride_tricks.as_strided(values[start:], shape, [s * values.itemsize for s in steps])
        copied = view.astype(view.dtype.newbyteorder("="), order="C")  # dense, whatever the strides were
        return widened(copied) if storage.kind == _BFLOAT16 else copied


def _counts(numbers: Any) -> tuple[int, ...]:
    """Sizes or strides as the file states them, if they can be such."""
    counts = tuple(numbers)
    plausible = len(counts) <= _LARGEST_RANK and all(isinstance(n, int) and 0 <= n < 2**63 for n in counts)
    if not plausible:
        raise CheckpointError("the checkpoint is damaged: a tensor has an impossible shape")
    return counts


def widened(bits: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Numbers in bfloat16, read as 16-bit integers, as float32: they are its upper half."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def read(path: str | Path) -> Any:
    """Read a PyTorch checkpoint: tensors become NumPy arrays (bfloat16 as float32), what is not known `Inert`.

    Raises
    ------
    CheckpointError
        If the file is missing, is not a zip-format checkpoint, or is damaged.
    """
    path = Path(path)
    try:
        size = regular_size(path)
        with zipfile.ZipFile(path) as archive:
            content = _Archive(archive, size)
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
