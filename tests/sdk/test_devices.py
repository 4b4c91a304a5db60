"""`ecg2lab devices`: what a machine has, and for each backend what it would run on or why it would not."""

import json

import pytest
from command_line import ecg2lab_command, succeeded

from ecg2lab import devices
from ecg2lab.backends import BACKENDS
from ecg2lab.backends.webgpu.adapter import Adapter
from ecg2lab.errors import BackendError
from ecg2lab.system import cpu


@pytest.fixture
def no_gpus(monkeypatch):
    def refuse():
        raise BackendError("there is no Vulkan loader")

    monkeypatch.setattr(devices, "adapters", refuse)


def test_every_backend_runs_on_something_or_says_why_not(no_gpus):
    found = devices.survey()
    assert [note.backend for note in found.backends] == list(BACKENDS)
    assert all((note.runs_on is None) != (note.why_not is None) for note in found.backends)
    native = found.backends[0]
    assert native.runs_on.startswith("fp32 on ")
    assert (found.cpu, found.instruction_sets) == (cpu.name(), cpu.features())
    assert (found.gpus, found.why_no_gpus) == ((), "there is no Vulkan loader")


def test_adapters_are_listed_with_what_they_have(monkeypatch):
    facts = {"api": "Vulkan 1.3.0", "driver": "Mesa 24", "memory_bytes": 2**31}
    card = Adapter(index=0, name="Arc", kind="integrated", f16=True, **facts)
    monkeypatch.setattr(devices, "adapters", lambda: [card])
    assert devices.survey().gpus == (card,)
    assert devices.survey().why_no_gpus is None


def test_the_command_in_a_narrow_terminal_and_for_programs():
    shown = succeeded(ecg2lab_command("devices"))
    assert max(map(len, shown.splitlines())) <= 80
    assert all(name in shown for name in BACKENDS)
    found = json.loads(succeeded(ecg2lab_command("devices", "--json")))
    assert [note["backend"] for note in found["backends"]] == list(BACKENDS)
