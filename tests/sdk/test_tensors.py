"""Our reading of safetensors against the format's own package."""

import numpy as np
import pytest
from safetensors.numpy import save

from ecg2lab.errors import BundleError
from ecg2lab.tensors import read


def test_what_the_package_writes_is_read(contract):
    random = np.random.default_rng(0)
    written = {
        "signal": random.standard_normal((2, 3, 5)).astype(np.float32),
        "logits": random.standard_normal((2, 7)),
        "categorical": random.integers(0, 5, (2, 2)),
        "half": random.standard_normal(3).astype(np.float16),
        "none": np.zeros((0, 4), np.float32),
    }
    found = read(save(written, metadata={"by": "test"}), "m")
    assert found.keys() == written.keys()
    for name, array in written.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 8,
        save({"a": np.zeros(4)})[:-1],
        save({"a": np.zeros(4)}).replace(b"F64", b"F63"),
        save({"a": np.zeros(4)}).replace(b"[4]", b"[5]"),
        save({"a": np.zeros(4)}).replace(b"[4]", b"4  "),
    ],
)
def test_damage_is_named(content):
    with pytest.raises(BundleError, match="^m"):
        read(content, "m")
