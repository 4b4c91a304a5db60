"""Our reading of safetensors: what the format's own package writes is read, and no header is believed."""

import json

import numpy as np
import pytest
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ecg2lab._native import _core
from ecg2lab.errors import BundleError


@pytest.fixture
def read():
    return _core.read_tensors


def packed(header, body=b"", length=None):
    """A file with any header: JSON of a dict, or bytes as they are."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + body


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def test_what_the_package_writes_is_read(read):
    random = np.random.default_rng(0)
    written = {
        "signal": random.standard_normal((2, 3, 5)).astype(np.float32),
        "logits": random.standard_normal((2, 7)),
        "categorical": random.integers(0, 5, (2, 2)),
        "half": random.standard_normal(3).astype(np.float16),
        "small": random.integers(-5, 5, 3).astype(np.int8),
        "flags": np.array([True, False, True]),
        "none": np.zeros((0, 4), np.float32),
        "one": np.array(3.5),
        "ä ö": np.zeros(2),
    }
    found = read(save(written, metadata={"by": "test"}), "m")
    assert found.keys() == written.keys()
    for name, array in written.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        np.testing.assert_array_equal(found[name], array)


def test_no_tensors_are_read_too(read):
    assert read(save({}), "m") == {}


def test_arrays_cannot_be_written(read):
    """They are views into the bundle's bytes, which others share."""
    array = read(save({"a": np.zeros(4)}), "m")["a"]
    assert array.base is not None
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


def test_numbers_between_addresses_are_moved(read):
    """A header of odd length is allowed by the format; code that takes addresses would stumble over such an array."""
    header = json.dumps({"a": entry("F64", (2,), (0, 16))}).encode()
    for pad in range(8):
        array = read(packed(header + b" " * pad, np.array([1.5, 2.5]).tobytes()), "m")["a"]
        assert array.flags.aligned
        np.testing.assert_array_equal(array, [1.5, 2.5])


HOSTILE = {
    "empty": b"",
    "only a length": b"\x10\0\0\0\0\0\0\0",
    "length of 2^64": b"\xff" * 8,
    "length beyond the file": packed({}, length=10**6),
    "length into the numbers": packed({"a": entry()}, bytes(8), length=200),
    "cut short": save({"a": np.zeros(4)})[:-1],
    "bytes too many": save({"a": np.zeros(4)}) + b"x",
    "no JSON": packed(b"hello"),
    "no object": packed(b"[]"),
    "null": packed(b"null"),
    "not UTF-8": packed(b'{"\xff": 1}'),
    "deep": packed(b'{"a":' + b"[" * 10**5),
    "same name twice": packed(
        b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},'
        b' "a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}',
        bytes(8),
    ),
    "offsets beyond": packed({"a": entry(offsets=(0, 80))}, bytes(8)),
    "offsets far beyond": packed({"a": entry(offsets=(10**18, 10**18 + 8))}, bytes(8)),
    "offsets backwards": packed({"a": entry(offsets=(8, 0))}, bytes(8)),
    "offsets negative": packed({"a": entry(offsets=(-8, 0))}, bytes(8)),
    "one offset": packed({"a": entry() | {"data_offsets": [0]}}, bytes(8)),
    "offsets of another type": packed({"a": entry() | {"data_offsets": ["0", "8"]}}, bytes(8)),
    "offsets not whole": packed({"a": entry() | {"data_offsets": [0, 8.5]}}, bytes(8)),
    "overlapping": packed({"a": entry(), "b": entry(offsets=(4, 12))}, bytes(12)),
    "same place twice": packed({"a": entry(), "b": entry()}, bytes(8)),
    "a gap": packed({"a": entry(), "b": entry(offsets=(12, 20))}, bytes(20)),
    "not from the start": packed({"a": entry(offsets=(4, 12))}, bytes(12)),
    "shape too small": packed({"a": entry(shape=(1,))}, bytes(8)),
    "shape too large": packed({"a": entry(shape=(3,))}, bytes(8)),
    "shape negative": packed({"a": entry(shape=(-2,))}, bytes(8)),
    "shape negative twice": packed({"a": entry(shape=(-2, -1))}, bytes(8)),
    "shape huge": packed({"a": entry(shape=(2**62, 2**62))}, bytes(8)),
    "shape that overflows to 2": packed({"a": entry(shape=(2**63 + 1, 2))}, bytes(8)),
    "shape huge but empty": packed({"a": entry(shape=(0, 2**70), offsets=(0, 0))}),
    "shape of too many dimensions": packed({"a": entry(shape=(1,) * 100, offsets=(0, 4))}, bytes(4)),
    "shape of another type": packed({"a": entry() | {"shape": "2"}}, bytes(8)),
    "type unheard of": packed({"a": entry("F63")}, bytes(8)),
    "type that is no numpy type": packed({"a": entry("BF16", (4,))}, bytes(8)),
    "type of another size": packed({"a": entry("F64")}, bytes(8)),
    "type object": packed({"a": entry("O", (1,))}, bytes(8)),
    "type missing": packed({"a": {"shape": [2], "data_offsets": [0, 8]}}, bytes(8)),
    "entry is a list": packed({"a": []}, b""),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_header_is_refused_by_name(read, content):
    with pytest.raises(BundleError, match="^m"):
        read(content, "m")


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_the_package_refuses_the_same(content):
    """We are no stricter than the format: nothing above is a file that others would read."""
    with pytest.raises((SafetensorError, KeyError, ValueError)):
        load(content)


def test_every_cut_and_every_flipped_byte_of_a_header_is_refused_or_harmless(read):
    """Only BundleError, whatever byte is wrong; what is still read has the size that its header says."""
    content = save({"a": np.arange(4.0), "b": np.arange(3, dtype=np.float32)})
    body = 8 + int.from_bytes(content[:8], "little")
    damaged = [content[:end] for end in range(len(content))]
    for position in range(body):
        for mask in (0x01, 0x80, 0xFF, 0x10):
            changed = bytearray(content)
            changed[position] ^= mask
            damaged.append(bytes(changed))
    for wrong in damaged:
        try:
            found = read(wrong, "m")
        except BundleError:
            continue
        assert len(wrong) == len(content)
        assert sum(x.nbytes for x in found.values()) == len(content) - body
