"""Reading PyTorch checkpoints: nothing in them runs, what is damaged is refused, tensors equal torch's."""

import builtins
import contextlib
import os
import pickle
import subprocess
import sys
import types
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch

from ecg2lab.errors import CheckpointError
from ecg2lab_export import torch_archive


class Call:
    """Pickles into a call of `function(*arguments)`, and state for whatever comes of it."""

    def __init__(self, function, *arguments, state=None):
        self.function, self.arguments, self.state = function, arguments, state

    def __reduce__(self):
        return (self.function, self.arguments) if self.state is None else (self.function, self.arguments, self.state)


class Storage:
    """Pickled by its persistent identifier, as torch does."""

    def __init__(self, type_name="FloatStorage", key="0", length=4, kind="storage"):
        self.type_name, self.key, self.length, self.kind = type_name, key, length, kind


def archive(path, content, members=None, *, folder="archive", protocol=2, compression=zipfile.ZIP_STORED):
    """Write a checkpoint: `content` pickled, and members below its folder."""
    pickled = path.with_suffix(".pickle")
    if not isinstance(content, bytes):
        with pickled.open("wb") as file:
            pickler = pickle.Pickler(file, protocol)
            pickler.persistent_id = lambda x: (
                (x.kind, getattr(torch, x.type_name), x.key, "cpu", x.length) if isinstance(x, Storage) else None
            )
            pickler.dump(content)
        content = pickled.read_bytes()
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr(f"{folder}/data.pkl", content)
        for name, data in ({"data/0": np.arange(4, dtype="<f4").tobytes()} if members is None else members).items():
            file.writestr(f"{folder}/{name}", data)
    return path


def tensor(storage, offset, size, stride):
    return Call(torch._utils._rebuild_tensor_v2, storage, offset, size, stride, False, OrderedDict())


@pytest.fixture
def checkpoint(tmp_path):
    return tmp_path / "x.ckpt"


def test_tensors_equal_torchs_own(checkpoint):
    """Types, strides, offsets, shared storage, empties, scalars, parameters, buffers of a module."""
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    content = {
        "whole": base,
        "transposed": base.T,
        "cut": base[1:3, ::2],
        "scalar": torch.tensor(2.5),
        "empty": torch.empty(0, 3),
        "double": torch.randn(3, dtype=torch.float64),
        "half": torch.randn(3).half(),
        "long": torch.tensor([-(2**40), 7]),
        "small": torch.tensor([-3, 7], dtype=torch.int8),
        "byte": torch.tensor([200, 7], dtype=torch.uint8),
        "flag": torch.tensor([True, False]),
        "parameter": torch.nn.Parameter(torch.randn(2, 2)),
        "module": torch.nn.Linear(3, 2).state_dict(),
    }
    torch.save(content, checkpoint)
    read = torch_archive.read(checkpoint)
    for name, expected in content.items():
        pairs = expected.items() if name == "module" else [(None, expected)]
        for key, value in pairs:
            found = read[name] if key is None else read[name][key]
            value = value.detach().numpy()
            assert found.dtype == value.dtype
            assert found.shape == value.shape
            np.testing.assert_array_equal(found, value)


def test_parity_checkpoints_equal_torchs_own_reading(parity_case):
    ours = torch_archive.read(parity_case.checkpoint)["state_dict"]
    with torch.serialization.safe_globals([]):
        file = torch.load(parity_case.checkpoint, weights_only=False, pickle_module=_Tolerant)
    assert ours.keys() == file["state_dict"].keys()
    for key, value in file["state_dict"].items():
        np.testing.assert_array_equal(ours[key], value.numpy())


class _Tolerant:
    """A pickle module for `torch.load` that knows torch and has a stand-in for every other class."""

    load = staticmethod(pickle.load)

    class Unpickler(pickle.Unpickler):
        def find_class(self, module, name):
            if module.split(".")[0] in {"torch", "collections"}:
                return super().find_class(module, name)
            return type(name, (dict,), {"__setstate__": lambda *_: None, "append": lambda *_: None})


@pytest.mark.parametrize("protocol", range(6))
def test_no_function_of_the_file_is_called(checkpoint, tmp_path, protocol):
    """Four ways to run code at reading; none may leave its mark."""
    mark = tmp_path / "mark"
    calls = [
        Call(os.system, f"touch {mark}"),
        Call(builtins.eval, f"open({str(mark)!r}, 'w')"),
        Call(builtins.exec, f"open({str(mark)!r}, 'w')"),
        Call(subprocess.Popen, ["touch", str(mark)]),
        Call(builtins.getattr, Path(mark), "touch"),
    ]
    read = torch_archive.read(archive(checkpoint, {"calls": calls}, protocol=protocol))
    assert not mark.exists()
    for inert in read["calls"]:
        assert isinstance(inert, torch_archive.Inert)
    assert "system" in repr(read["calls"][0])


def test_nested_and_stacked_names_do_not_reach_real_objects(checkpoint, tmp_path):
    """Hand-written opcodes: INST, OBJ, STACK_GLOBAL with a dotted name, and a call of what a call returned."""
    mark = tmp_path / "mark"
    command = f"touch {mark}".encode()
    pickles = [
        b"(S'" + command + b"'\nios\nsystem\n.",
        b"(cos\nsystem\nS'" + command + b"'\no.",
        b"\x80\x04\x8c\x08builtins\x8c\x0beval.__call__\x93\x8c\x01x\x85R.",
        b"cbuiltins\n__import__\n(S'os'\ntR(S'system'\ntR(S'" + command + b"'\ntR.",
    ]
    for number, content in enumerate(pickles):
        path = archive(checkpoint.with_name(f"{number}.ckpt"), content)
        try:
            read = torch_archive.read(path)
        except CheckpointError:
            read = torch_archive.Inert()
        assert isinstance(read, torch_archive.Inert)
        assert not mark.exists()


def test_state_of_the_reader_itself_cannot_be_overwritten(checkpoint):
    """BUILD may set attributes on what a name resolves to: the reader's own functions must not be such a thing."""
    before = dict(vars(torch_archive._rebuild_tensor)), torch_archive._rebuild_tensor.__defaults__
    state = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\nN}X\x0c\x00\x00\x00__defaults__K\x01K\x02\x86s\x86b."
    with contextlib.suppress(CheckpointError):
        torch_archive.read(archive(checkpoint, state))
    changed = dict(vars(torch_archive._rebuild_tensor)), torch_archive._rebuild_tensor.__defaults__
    torch_archive._rebuild_tensor.__defaults__ = before[1]
    assert changed == before


@pytest.fixture
def omegaconf_like(monkeypatch):
    """A module with classes that fill themselves in every way pickle knows; the reader must not need it."""
    module = types.ModuleType("omegaconf_like")

    class Node:
        """REDUCE, then BUILD, APPENDS and SETITEMS."""

        def __reduce_ex__(self, protocol):
            return Node, (1, 2), {"content": 3}, iter([4, 5]), iter([("key", 6), ("other", 7)])

        def append(self, item): ...

        def __setitem__(self, key, item): ...

    class Mapping(dict):
        """NEWOBJ, SETITEM, BUILD."""

    class Sequence(list):
        """NEWOBJ, APPEND."""

    class Group(set):
        """REDUCE with a list, and BUILD."""

    for kind in (Node, Mapping, Sequence, Group):
        kind.__module__, kind.__qualname__ = "omegaconf_like", kind.__name__
        setattr(module, kind.__name__, kind)
    monkeypatch.setitem(sys.modules, "omegaconf_like", module)
    return module


@pytest.mark.parametrize("protocol", range(6))
def test_unknown_classes_become_inert_whatever_fills_them(checkpoint, monkeypatch, omegaconf_like, protocol):
    filled = omegaconf_like.Mapping(a=1, b=2)
    filled.flag = True
    content = {
        "hyper_parameters": omegaconf_like.Node(),
        "mapping": filled,
        "one": omegaconf_like.Mapping(a=1),
        "sequence": omegaconf_like.Sequence([1, 2]),
        "single": omegaconf_like.Sequence([1]),
        "group": omegaconf_like.Group({1, 2}),
        "class": omegaconf_like.Node,
        "epoch": 39,
    }
    archive(checkpoint, content, protocol=protocol)
    monkeypatch.delitem(sys.modules, "omegaconf_like")
    read = torch_archive.read(checkpoint)
    assert read["epoch"] == 39
    for name in ("hyper_parameters", "mapping", "one", "sequence", "single", "group"):
        assert isinstance(read[name], torch_archive.Inert)
        assert "not loaded" in repr(read[name])
    assert issubclass(read["class"], torch_archive.Inert)


def test_big_endian_numbers_are_read(checkpoint):
    members = {"byteorder": b"big", "data/0": np.array([1.5, -2, 3, 4], ">f4").tobytes()}
    found = torch_archive.read(archive(checkpoint, tensor(Storage(), 0, (2, 2), (2, 1)), members))
    assert found.dtype == np.dtype("<f4")
    np.testing.assert_array_equal(found, [[1.5, -2], [3, 4]])


@pytest.mark.parametrize(
    ("offset", "size", "stride"),
    [
        (0, (5,), (1,)),
        (1, (4,), (1,)),
        (0, (2, 3), (2, 1)),
        (4, (), ()),
        (-1, (2,), (1,)),
        (0, (2,), (-1,)),
        (3, (2,), (-1,)),
        (0, (-2,), (1,)),
        (0, (2,), (2**62,)),
        (2**62, (2,), (2**62,)),
        (0, (2, 2), (1,)),
        (0, (2**62, 4), (0, 0)),
    ],
)
def test_a_tensor_beyond_its_storage_is_refused(checkpoint, offset, size, stride):
    """Reading it would be reading other memory."""
    path = archive(checkpoint, tensor(Storage(), offset, size, stride))
    with pytest.raises(CheckpointError, match="damaged"):
        torch_archive.read(path)


def test_a_small_file_cannot_claim_a_huge_tensor(checkpoint):
    """A stride of 0 repeats one number: 4 bytes would become 40 GB. No tensor is larger than its storage."""
    resource = pytest.importorskip("resource")
    path = archive(checkpoint, tensor(Storage(), 0, (10**10,), (0,)))
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (20 * 2**30, limits[1]))  # so that a failure here harms nobody
    try:
        with pytest.raises(CheckpointError, match="beyond its data"):
            torch_archive.read(path)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


def test_a_compressed_member_is_refused(checkpoint):
    """PyTorch stores without compression; a compressed storage is a bomb of factor 1000."""
    members = {"data/0": bytes(2**20)}
    content = tensor(Storage(length=2**18), 0, (4,), (1,))
    path = archive(checkpoint, content, members, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(CheckpointError, match="compressed"):
        torch_archive.read(path)


def test_a_missing_storage_is_named(checkpoint):
    path = archive(checkpoint, {"w": tensor(Storage(key="7"), 0, (4,), (1,))})
    with pytest.raises(CheckpointError, match="its member data/7 is missing"):
        torch_archive.read(path)


def test_an_unknown_kind_of_persistent_data_is_refused(checkpoint):
    for storage in (Storage(kind="module"), Storage(type_name="BFloat16Storage"), Storage(type_name="Tensor")):
        with pytest.raises(CheckpointError, match="unknown kind"):
            torch_archive.read(archive(checkpoint, {"w": storage}))


def test_a_storage_type_cannot_be_turned_into_objects(checkpoint):
    """BUILD may change what a storage type says of its elements; pointers read from a file would be fatal."""
    start = b"\x80\x02(X\x07\x00\x00\x00storagectorch\nFloatStorage\n}X\x05\x00\x00\x00dtypeX\x01\x00\x00\x00Osb"
    content = start + b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQ."
    with pytest.raises(CheckpointError):
        torch_archive.read(archive(checkpoint, content))


def test_a_truncated_file_is_refused_wherever_it_ends(parity_case, tmp_path):
    content = parity_case.checkpoint.read_bytes()
    path = tmp_path / "cut.ckpt"
    for end in (0, 1, 4, 100, *range(1000, len(content), len(content) // 60), len(content) - 1):
        path.write_bytes(content[:end])
        with pytest.raises(CheckpointError, match=r"cut\.ckpt"):
            torch_archive.read(path)


def test_damage_anywhere_is_refused_or_reads_as_before(parity_case, tmp_path):
    """The zip's check sums cover the contents; the rest may not matter, but never raises anything else."""
    content = parity_case.checkpoint.read_bytes()
    path, random = tmp_path / "damaged.ckpt", np.random.default_rng(0)
    expected = torch_archive.read(parity_case.checkpoint)["state_dict"]
    for position in random.integers(0, len(content), 150):
        damaged = bytearray(content)
        damaged[position] ^= 1 << random.integers(8)
        path.write_bytes(damaged)
        try:
            read = torch_archive.read(path)["state_dict"]
        except CheckpointError:
            continue
        assert read.keys() == expected.keys()
        for key, value in expected.items():
            np.testing.assert_array_equal(read[key], value)


def test_random_pickles_raise_nothing_but_a_refusal(checkpoint):
    random = np.random.default_rng(0)
    good = archive(checkpoint, {"w": tensor(Storage(), 0, (4,), (1,))})
    with zipfile.ZipFile(good) as file:
        content = file.read("archive/data.pkl")
    opcodes = np.frombuffer(b"(.0}]NKMRbcstuaeQqhlod\x81\x85\x86\x87", np.uint8)
    for _ in range(400):
        damaged = bytearray(content)
        for position in random.integers(0, len(content), random.integers(1, 4)):
            damaged[position] = random.choice(opcodes)
        with contextlib.suppress(CheckpointError):
            torch_archive.read(archive(checkpoint, bytes(damaged)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a PyTorch checkpoint"),
        (b"hello", "not a PyTorch checkpoint"),
        (pickle.dumps({"state_dict": {}}), "saved before PyTorch 1.6"),
    ],
)
def test_what_is_no_zip_is_refused_with_a_hint(checkpoint, content, message):
    checkpoint.write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        torch_archive.read(checkpoint)


def test_a_zip_without_a_pickle_or_with_two_is_refused(checkpoint):
    with zipfile.ZipFile(checkpoint, "w") as file:
        file.writestr("a/other", b"")
    with pytest.raises(CheckpointError, match=r"no data\.pkl"):
        torch_archive.read(checkpoint)
    with zipfile.ZipFile(checkpoint, "w") as file:
        file.writestr("a/data.pkl", b"N.")
        file.writestr("b/data.pkl", b"N.")
    with pytest.raises(CheckpointError):
        torch_archive.read(checkpoint)


def test_a_missing_file_and_a_folder_are_refused_by_name(tmp_path):
    with pytest.raises(CheckpointError, match=r"no checkpoint at .*absent\.ckpt"):
        torch_archive.read(tmp_path / "absent.ckpt")
    with pytest.raises(CheckpointError, match="cannot read"):
        torch_archive.read(tmp_path)
