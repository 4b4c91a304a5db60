"""The files on which the product was found wanting, and what writes others of their kinds."""

from pathlib import Path

import numpy as np
import pytest
from ecg import Ecg

import ecg2lab

FILES = Path(__file__).parents[1] / "data/field/files"
STANDARD = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")


@pytest.fixture(scope="session")
def files():
    return FILES


@pytest.fixture(scope="session")
def field():
    """Reads one of them by name."""
    return lambda name: ecg2lab.read(FILES / name)


@pytest.fixture(scope="session")
def clean():
    """The ECG of all files, (12, 5000) mV at 500 Hz."""
    return ecg2lab.read(FILES / "clean.hea").samples


@pytest.fixture(scope="session")
def ecg(clean):
    """The same, for the writers of tests/sdk/ecg_files; patient and dates are invented."""
    return Ecg(clean, 500, STANDARD)


@pytest.fixture(scope="session")
def engine():
    from ecg2lab.demo import bundle_path

    with ecg2lab.load(bundle_path(), threads=1) as engine:
        yield engine


@pytest.fixture
def read(tmp_path):
    """Reads bytes as a file whose name says nothing."""

    def read_bytes(content, **stated):
        path = tmp_path / "recording.bin"
        path.write_bytes(content)
        return ecg2lab.read(path, **stated)

    return read_bytes


@pytest.fixture
def refusal(read):
    """The sentence with which bytes are refused."""

    def sentence(content, **stated):
        with pytest.raises(ecg2lab.RecordingError) as caught:
            read(content, **stated)
        text = str(caught.value)
        assert "\n" not in text
        assert "damaged" not in text
        return text

    return sentence


@pytest.fixture(scope="session")
def probabilities(engine):
    def of(recording):
        return np.array([finding.probability for finding in engine.predict(recording).findings])

    return of
