"""Reading PyTorch checkpoints: nothing in them runs, what is damaged is refused, tensors equal torch's."""

import builtins
import contextlib
import copyreg
import os
import pickle
import subprocess
import sys
import types
import warnings
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch

from ecg2lab.errors import CheckpointError
from ecg2lab_export.checkpoint import torch_archive


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
        "repeated": base[:1].expand(5, 6),
        "repeated within": base[:, None, :1].expand(4, 3, 2),
        "one number": torch.tensor(1.5).expand(7),
        "overlapping": base.flatten().as_strided((5, 4), (2, 1)),
        "cut": base[1:3, ::2],
        "scalar": torch.tensor(2.5),
        "empty": torch.empty(0, 3),
        "double": torch.randn(3, dtype=torch.float64),
        "half": torch.randn(3).half(),
        "complex": torch.randn(3, dtype=torch.complex64),
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
            assert found.flags.c_contiguous
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
    function = torch_archive._Archive.tensor
    before = dict(vars(function)), function.__defaults__
    state = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\nN}X\x0c\x00\x00\x00__defaults__K\x01K\x02\x86s\x86b."
    with contextlib.suppress(CheckpointError):
        torch_archive.read(archive(checkpoint, state))
    changed = dict(vars(function)), function.__defaults__
    function.__defaults__ = before[1]
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
    ],
)
def test_a_tensor_beyond_its_storage_is_refused(checkpoint, offset, size, stride):
    """Reading it would be reading other memory."""
    path = archive(checkpoint, tensor(Storage(), offset, size, stride))
    with pytest.raises(CheckpointError, match="damaged"):
        torch_archive.read(path)


@pytest.mark.parametrize(("size", "stride"), [((10**10,), (0,)), ((2**62, 4), (0, 0)), ((2, 10**9, 2), (2, 0, 1))])
def test_a_small_file_cannot_claim_a_huge_tensor(checkpoint, size, stride):
    """A stride of 0 repeats one number: 4 bytes would become 40 GB."""
    resource = pytest.importorskip("resource")
    path = archive(checkpoint, tensor(Storage(), 0, size, stride))
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (20 * 2**30, limits[1]))  # so that a failure here harms nobody
    try:
        with pytest.raises(CheckpointError, match="more than 4 times as large as the file"):
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


def test_bfloat16_is_widened_exactly(checkpoint):
    values = torch.tensor([1.0, -3.140625, 1e-30, float("inf"), 0.0]).bfloat16()
    torch.save({"w": values, "cut": values[1::2]}, checkpoint)
    read = torch_archive.read(checkpoint)
    assert read["w"].dtype == np.float32
    np.testing.assert_array_equal(read["w"], values.float().numpy())
    np.testing.assert_array_equal(read["cut"], values.float().numpy()[1::2])


def test_parameters_with_attributes_and_classes_of_their_own_are_plain_tensors(checkpoint):
    parameter = torch.nn.Parameter(torch.arange(3.0))
    parameter._optim = {"lr": 1e-3}
    buffer = torch.nn.Buffer(torch.arange(4.0))
    torch.save({"parameter": parameter, "buffer": buffer}, checkpoint)
    read = torch_archive.read(checkpoint)
    np.testing.assert_array_equal(read["parameter"], np.arange(3))
    np.testing.assert_array_equal(read["buffer"], np.arange(4))


def test_tensors_cannot_multiply_a_storage_without_end(checkpoint):
    """Ties repeat a storage now and then; ten thousand tensors of one storage are a bomb."""
    members = {"data/0": bytes(4 * 2**18)}
    shared = Storage(length=2**18)
    twice = torch_archive.read(archive(checkpoint, [tensor(shared, 0, (2**18,), (1,)) for _ in range(3)], members))
    assert [x.size for x in twice] == [2**18] * 3
    many = archive(checkpoint, [tensor(shared, 0, (2**18,), (1,)) for _ in range(10_000)], members)
    with pytest.raises(CheckpointError, match="repeat the same data until they are more than 4 times as large"):
        torch_archive.read(many)


def test_a_member_that_stands_twice_is_refused(checkpoint):
    """Readers differ in which of the two they take."""
    archive(checkpoint, tensor(Storage(), 0, (4,), (1,)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of zipfile, which says so too
        with zipfile.ZipFile(checkpoint, "a") as file:
            file.writestr("archive/data/0", np.ones(4, "<f4").tobytes())
    with pytest.raises(CheckpointError, match="holds a member twice"):
        torch_archive.read(checkpoint)


def test_members_that_overlap_are_refused(checkpoint):
    """Thousands of entries of the directory that point at one content: a bomb without compression."""
    path = archive(checkpoint, "x", {"data/0": bytes(2**16)})
    content = path.read_bytes()
    end = content.rindex(b"PK\x05\x06")
    start = int.from_bytes(content[end + 16 : end + 20], "little")
    last = content[content.rindex(b"PK\x01\x02") : end]
    copies = b"".join(last.replace(b"data/0", f"data/{i}".encode()) for i in range(1, 10))
    directory = content[start:end] + copies
    count = (11).to_bytes(2, "little")
    tail = content[end : end + 8] + count * 2 + len(directory).to_bytes(4, "little") + content[end + 16 :]
    path.write_bytes(content[:start] + directory + tail)
    with zipfile.ZipFile(path) as file:
        assert len(file.namelist()) == 11
    with pytest.raises(CheckpointError, match="its members overlap"):
        torch_archive.read(path)


NESTED_KEYS = {
    "a tuple a million levels deep": b"(I1\nt" + b"\x85" * 1_000_000,
    "a tuple whose hash takes 2^60 steps": b")" + b"2\x86" * 60,
}


@pytest.mark.slow
@pytest.mark.parametrize("key", NESTED_KEYS)
@pytest.mark.parametrize(
    ("before", "after"),
    [(b"}", b"I1\ns."), (b"}(", b"I1\nu."), (b"(", b"I1\nd."), (b"\x8f(", b"\x90."), (b"(", b"\x91.")],
    ids=["SETITEM", "SETITEMS", "DICT", "ADDITEMS", "FROZENSET"],
)
def test_nested_keys_are_refused_before_they_are_hashed(checkpoint, key, before, after):
    """Hashing them would overflow the stack, or never end."""
    path = archive(checkpoint, b"\x80\x04" + before + NESTED_KEYS[key] + after)
    with pytest.raises(CheckpointError, match="no plain value"):
        torch_archive.read(path)


@pytest.mark.slow
def test_deep_nesting_is_read_or_refused_but_never_crashes(checkpoint):
    depth = 1_000_000
    chains = [
        b"]" * depth + b"a" * (depth - 1) + b".",
        b")" + b"\x85" * depth + b".",
        b"cx\ny\n" + b")R" + b"\x85cx\ny\n2R" * 3 + b".",
        b"cx\ny\n0" + b")" + b"".join(b"q\x00cx\ny\nh\x00\x85R" for _ in range(100_000)) + b".",
    ]
    for chain in chains:
        with contextlib.suppress(CheckpointError):
            torch_archive.read(archive(checkpoint, b"\x80\x02" + chain))
    storage_key = (
        b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\n" + NESTED_KEYS["a tuple whose hash takes 2^60 steps"]
    )
    with pytest.raises(CheckpointError, match="no storage"):
        torch_archive.read(archive(checkpoint, b"\x80\x02" + storage_key + b"X\x03\x00\x00\x00cpuK\x04tQ."))


def test_a_pickle_reserves_no_memory_for_what_it_only_claims(checkpoint):
    """A memo of two thousand million entries, a byte array of 2^40 bytes, a string of as many."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (20 * 2**30, limits[1]))
    try:
        for claim in (
            b"N" + b"r\xff\xff\xff\x7f",
            b"\x96" + bytes([0, 0, 0, 0, 0, 1, 0, 0]),
            b"\x8d" + bytes([0] * 5 + [1, 0, 0]),
        ):
            with contextlib.suppress(CheckpointError):
                torch_archive.read(archive(checkpoint, b"\x80\x05" + claim + b"."))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


def test_registered_extensions_are_not_resolved(checkpoint):
    """EXT1 takes a class from a table of the process and asks nobody."""
    copyreg.add_extension("os", "system", 200)
    try:
        with pytest.raises(CheckpointError):
            torch_archive.read(archive(checkpoint, b"\x80\x02\x82\xc8(X\x04\x00\x00\x00truetR."))
    finally:
        copyreg.remove_extension("os", "system", 200)


def test_attributes_of_a_dictionary_cannot_be_replaced(checkpoint):
    """PyTorch hangs `_metadata` on a state_dict; a file may hang another `items` there."""
    content = b"\x80\x02ccollections\nOrderedDict\n)R}X\x05\x00\x00\x00itemsK\x01sb."
    read = torch_archive.read(archive(checkpoint, content))
    assert list(read.items()) == []
    torch.save(torch.nn.Linear(3, 2).state_dict(), checkpoint)
    assert list(torch_archive.read(checkpoint)) == ["weight", "bias"]


@pytest.mark.parametrize("size", [(2**63,), (-1,), ("4",), (4.0,), (1,) * 33, (None,), ((4,),)])
def test_an_impossible_shape_is_refused(checkpoint, size):
    path = archive(checkpoint, tensor(Storage(), 0, size, (1,) * len(size)))
    with pytest.raises(CheckpointError, match="impossible shape"):
        torch_archive.read(path)


def test_a_missing_storage_is_named(checkpoint):
    path = archive(checkpoint, {"w": tensor(Storage(key="7"), 0, (4,), (1,))})
    with pytest.raises(CheckpointError, match="its member data/7 is missing"):
        torch_archive.read(path)


def test_persistent_data_that_are_no_storage_are_refused(checkpoint):
    for storage in (Storage(kind="module"), Storage(key=("0", "1")), Storage(key=0)):
        with pytest.raises(CheckpointError, match="no storage"):
            torch_archive.read(archive(checkpoint, {"w": storage}))


def test_a_tensor_of_an_unknown_type_is_inert_and_harms_no_other(checkpoint):
    content = {"odd": tensor(Storage(type_name="Tensor"), 0, (4,), (1,)), "plain": tensor(Storage(), 0, (4,), (1,))}
    read = torch_archive.read(archive(checkpoint, content))
    assert repr(read["odd"]) == "<not loaded: torch.Tensor>"
    np.testing.assert_array_equal(read["plain"], np.arange(4))


@pytest.mark.parametrize(("attribute", "value"), [("dtype", "O"), ("name", "BoolStorage"), ("kind", "BFloat16Storage")])
def test_a_storage_and_its_type_cannot_be_changed(checkpoint, attribute, value):
    """BUILD may change what a storage says of its elements; pointers read from a file would be fatal."""

    def text(word):
        return b"X" + len(word).to_bytes(4, "little") + word.encode()

    change = b"}" + text(attribute) + text(value) + b"sb"
    kind, rest = b"ctorch\nFloatStorage\n", text("0") + text("cpu") + b"K\x04tQ"
    rebuild = b"\x80\x02ctorch._utils\n_rebuild_tensor\n("
    for storage in (kind + change + rest, kind + rest + change):
        content = rebuild + b"(" + text("storage") + storage + b"K\x00(K\x04t(K\x01ttR."
        found = torch_archive.read(archive(checkpoint, content))
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, np.arange(4))


def test_a_truncated_file_is_refused_wherever_it_ends(parity_case, tmp_path):
    content = parity_case.checkpoint.read_bytes()
    path = tmp_path / "cut.ckpt"
    for end in (0, 1, 4, 100, *range(1000, len(content), len(content) // 60), len(content) - 1):
        path.write_bytes(content[:end])
        with pytest.raises(CheckpointError, match=r"cut\.ckpt"):
            torch_archive.read(path)


@pytest.mark.slow
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
