"""SHA-256, by instructions of its own and without, and CRC-32 equal the standard library's at every length."""

import hashlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg2lab._native import _core


def test_both_equal_the_standard_library_at_every_length_around_a_block():
    longest = bytes((i * i * 31 + i) % 251 for i in range(100_003))
    for length in (*range(260), 4095, 4096, 100_003):
        require_equal(longest[:length])


@given(st.binary(max_size=2000))
def test_both_equal_the_standard_library_on_any_content(content):
    require_equal(content)


def require_equal(content):
    assert _core.sha256(content) == _core.sha256_portable(content) == hashlib.sha256(content).hexdigest()
    assert _core.crc32(content) == zlib.crc32(content)


@pytest.mark.slow
def test_a_length_in_bits_beyond_32_bits():
    """The length stands in the last block as 64 bits: 2^29 bytes are 2^32 bits."""
    content = bytes(2**29 + 1)
    assert _core.sha256(content) == hashlib.sha256(content).hexdigest()
