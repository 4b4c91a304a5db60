"""WebGPU without a GPU: SwiftShader, the software Vulkan driver that Debian's chromium brings, computes every shader.

Each case is a process of its own, for a process has one adapter, in an environment with one of the two packages.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from filelock import FileLock

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[3]
CHROMIUM = Path("/usr/lib/chromium")
DRIVERS = "VK_DRIVER_FILES"


PARITY = pytest.StashKey[list[str]]()


def pytest_terminal_summary(terminalreporter):
    """The measured errors, whoever asks for them or not."""
    if rows := terminalreporter.config.stash.get(PARITY, []):
        terminalreporter.section("WebGPU against float64, on SwiftShader")
        for row in rows:
            terminalreporter.line(row)


@pytest.fixture
def parity_rows(pytestconfig):
    return pytestconfig.stash.setdefault(PARITY, [])


class Answer(NamedTuple):
    """What a process printed."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        assert self.code == 0, self.err + self.out
        return json.loads(self.out.strip().splitlines()[-1])


class Machine:
    """A Python with WebGPU, and the drivers that it sees."""

    def __init__(self, python, **environment):
        self.python, self.environment = python, environment

    def with_(self, **environment):
        return Machine(self.python, **{**self.environment, **environment})

    def run(self, *arguments, timeout=300):
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("VK_", "LD_LIBRARY"))}
        quiet = {"COLUMNS": "200", "NO_COLOR": "1", "NODEVICE_SELECT": "1"}  # Mesa complains without a desktop
        environment = {**clean, **quiet, **self.environment}
        done = subprocess.run(
            [self.python, *map(str, arguments)], capture_output=True, text=True, env=environment, timeout=timeout
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def ecg2lab(self, *arguments):
        return self.run("-m", "ecg2lab", *arguments)

    def ask(self, question, *arguments):
        """What a function of `questions.py` returns."""
        return self.run(HERE / "questions.py", question, *arguments)


def environment(name):
    """Made once by `make`, which says what is in it."""
    own = os.path.relpath(sys.prefix, ROOT)
    made = Path(f"{own}-{name}", ".made")
    with FileLock(ROOT / "build" / f"{name}.lock"):
        make = ["make", "--silent", f"VENV={own}", f"PYTHON={sys.executable}", made]
        if not (ROOT / made).exists() and subprocess.run(make, cwd=ROOT, check=False).returncode:
            pytest.skip(f"{made.parent} cannot be made here")
    return ROOT / made.parent / "bin" / "python"


@pytest.fixture(scope="session")
def swiftshader():
    """Its manifest."""
    if not (CHROMIUM / "vk_swiftshader_icd.json").exists():
        pytest.skip("SwiftShader is not here: it comes with Debian's chromium")
    return CHROMIUM / "vk_swiftshader_icd.json"


@pytest.fixture(scope="session", params=["webgpu", "webgpu-plugin"])
def either(request, swiftshader):
    """With the provider built in, and as a plugin."""
    return Machine(environment(request.param), **{DRIVERS: str(swiftshader), "LD_LIBRARY_PATH": str(CHROMIUM)})


@pytest.fixture(scope="session")
def machine(swiftshader):
    """With the provider built in."""
    return Machine(environment("webgpu"), **{DRIVERS: str(swiftshader), "LD_LIBRARY_PATH": str(CHROMIUM)})


@pytest.fixture(scope="session")
def mock_driver(tmp_path_factory):
    """A driver whose adapter WebGPU refuses, as it does those that are too old; chromium has it for its own tests."""
    library = CHROMIUM / "libVkICD_mock_icd.so"
    if not library.exists():
        pytest.skip("this chromium has no mock driver")
    manifest = tmp_path_factory.mktemp("drivers") / "mock.json"
    icd = {"library_path": str(library), "api_version": "1.3.0"}
    manifest.write_text(json.dumps({"file_format_version": "1.0.1", "ICD": icd}))
    return manifest


@pytest.fixture
def faulty(either, tmp_path):
    """`either` behind a Vulkan loader that fails while the file `lost` is in the folder that goes with it."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    loader, faults = tmp_path / "loader", tmp_path / "faults"
    loader.mkdir()
    faults.mkdir()
    library = loader / "libvulkan.so.1"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, HERE / "faulty_loader.c"], check=True)
    real = CHROMIUM / "libvulkan.so.1"
    return either.with_(LD_LIBRARY_PATH=str(loader), REAL_LOADER=str(real), FAULTS=str(faults)), faults
