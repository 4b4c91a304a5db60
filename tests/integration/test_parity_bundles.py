"""The bundles that the SDK's tests open are those that the export makes of the parity checkpoints."""

import runpy

import numpy as np
import pytest

from ecg2lab.bundle import Bundle
from ecg2lab.bundle.golden import read_golden

pytestmark = pytest.mark.slow

NAMES = ("bidirectional-small", "causal-small", "bare-small")


@pytest.fixture(scope="module")
def exported(data_folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("parity")
    runpy.run_path(data_folder / "parity" / "make_bundles.py")["make"](out)
    return out


@pytest.mark.parametrize("name", NAMES)
def test_they_are_what_the_export_makes(exported, data_folder, name):
    """The same contract, form, precision and members, and logits that differ by rounding only; else make them anew."""
    made, stored = (Bundle.open(folder / f"{name}.ecg2lab") for folder in (exported, data_folder / "parity"))
    assert made.contract == stored.contract
    assert made.manifest.members.keys() == stored.manifest.members.keys()
    assert (made.manifest.form, made.manifest.precision) == (stored.manifest.form, stored.manifest.precision)
    golden, old = read_golden(made), read_golden(stored)
    for part in ("signal", "continuous", "categorical"):
        np.testing.assert_array_equal(golden[part], old[part])
    np.testing.assert_allclose(golden["logits"], old["logits"], rtol=0, atol=1e-9)
