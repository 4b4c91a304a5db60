"""What the SDK's tests share: where real records lie, and an engine of the parity checkpoint."""

import pytest

import ecg2lab


@pytest.fixture(scope="session")
def records(data_folder):
    return data_folder


@pytest.fixture(scope="session")
def engine(bundle):
    with ecg2lab.load(bundle, threads=1) as loaded:
        yield loaded
