"""No test of engines reads or writes those of whoever runs it."""

import pytest


@pytest.fixture(autouse=True)
def own_cache(cache_folder):
    return cache_folder
