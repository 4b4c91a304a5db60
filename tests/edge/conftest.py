"""Nodes and those around them: carts that send, and destinations that take, refuse, or say nothing."""

from __future__ import annotations

import time

import pytest
from edge_peers import Receiver, acknowledge

import ecg2lab
from ecg2lab.demo import bundle_path
from ecg2lab.edge import config
from ecg2lab.edge.node import Node


@pytest.fixture
def record(data_folder):
    """A WFDB record by its files."""
    return {name: (data_folder / name).read_bytes() for name in ("HR06000.hea", "HR06000.mat")}


@pytest.fixture
def configured(tmp_path):
    """`configured(field=value, …)`: a configuration whose state is in a folder of the test's."""

    def configure(**fields):
        return config.decode({"workers": 1, "limits": {"least_free_mb": 0}, **fields}, "edge.json")

    return configure


@pytest.fixture
def opened(configured, tmp_path):
    """`opened(field=value, …)`: a node that works; stopped in the end, as all of them are."""
    nodes = []

    def open_node(start=True, **fields):
        node = Node(ecg2lab.load(bundle_path(), threads=1), configured(**fields), tmp_path)
        nodes.append(node)
        if start:
            node.start()
        return node

    yield open_node
    for node in nodes:
        node.stop()


def until(happened, seconds=20.0):
    """Wait for something; its value."""
    end = time.monotonic() + seconds
    while not (value := happened()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
    return value


@pytest.fixture
def wait_until():
    return until


@pytest.fixture
def receiving():
    """`receiving(answer)`: a receiver, `answer(number, message)` is what it says; None: it hangs up."""
    receivers = []

    def open_receiver(answer=lambda _, message: acknowledge(message)):
        receivers.append(Receiver(answer))
        return receivers[-1]

    yield open_receiver
    for receiver in receivers:
        receiver.close()
