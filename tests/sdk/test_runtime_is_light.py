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


def test_a_first_answer_imports_only_what_it_needs():
    """Each of these takes longer to import than the answer takes to compute; `bench run --scenario start` has times."""
    code = (
        "import ecg2lab, numpy; from ecg2lab.demo import bundle_path; "
        "leads = 'I II III aVR aVL aVF V1 V2 V3 V4 V5 V6'.split(); "
        "x = numpy.random.default_rng(0).standard_normal((12, 5000)); "
        "engine = ecg2lab.load(bundle_path()); recording = ecg2lab.Recording(x, fs=500, leads=leads, unit='mV')\n"
        "try: engine.predict(recording, ecg2lab.Patient(age=63))\n"
        "except ecg2lab.QualityError: pass\n"
        "import sys; slow = ['numpy.ma', 'importlib.metadata', 'zipfile', 'typer', 'rich', 'asyncio']; "
        "print(*[m for m in slow + ['ecg2lab.stream', 'ecg2lab.answer.explain'] if m in sys.modules])"
    )
    assert imported_by(code) == []


def test_the_version_is_that_of_the_distribution():
    from importlib.metadata import version

    import ecg2lab

    assert ecg2lab.__version__ == version("ecg2lab")


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
