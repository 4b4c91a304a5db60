"""The runtime imports numpy and a few small libraries, never torch, scipy or pandas."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "scipy", "pandas", "lightning", "polars", "matplotlib", "onnx", "onnxruntime", "wfdb", "jinja2")


def imported_by(code):
    check = f"{code}; import sys; print(*[m for m in {HEAVY!r} if m in sys.modules])"
    return subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True).stdout.split()


def test_import_of_the_sdk_is_light():
    assert imported_by("import ecg2lab") == []


def test_the_command_line_loads_no_other_river_before_it_is_asked():
    code = "import ecg2lab.cli as c; [p.load()(c.app) for p in c.entry_points(group='ecg2lab.commands')]"
    assert imported_by(code) == []


def test_the_sdk_never_imports_the_rivers_that_import_it():
    code = "import ecg2lab, ecg2lab.cli, sys; print(*[m for m in sys.modules if m.startswith('ecg2lab_')])"
    listed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert listed.split() == []


def test_every_public_name_is_there_and_nothing_else_is():
    import ecg2lab

    assert set(ecg2lab.__all__) <= set(dir(ecg2lab))
    for name in ecg2lab.__all__:
        assert getattr(ecg2lab, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'laod'"):
        _ = ecg2lab.laod
