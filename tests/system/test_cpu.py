"""An older CPU, emulated: what it lacks is seen, and int8 is refused there by name."""

import json
import platform
import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.system
QEMU = shutil.which("qemu-x86_64") or shutil.which("qemu-x86_64-static")
ASK = """
import json
from ecg2lab.system import cpu
from ecg2lab.errors import BackendError
try:
    cpu.require("int8")
    refusal = None
except BackendError as error:
    refusal = str(error)
print(json.dumps({"features": cpu.features(), "refusal": refusal}))
"""


@pytest.mark.skipif(QEMU is None, reason="qemu-user is not installed (make system-packages)")
@pytest.mark.skipif(platform.machine() != "x86_64", reason="emulates an x86 CPU for the x86 build")
@pytest.mark.parametrize(
    ("model", "has", "lacks"),
    [("Nehalem", {"sse4.1"}, {"avx", "avx2", "fma"}), ("Haswell", {"avx2", "fma", "f16c"}, {"avx512f", "avx512vnni"})],
)
def test_an_older_cpu_is_recognised_and_refused_for_int8(model, has, lacks):
    command = [str(QEMU), "-cpu", model, sys.executable, "-c", ASK]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert has <= set(answer["features"])
    assert not lacks & set(answer["features"])
    assert "int8 needs a CPU with VNNI" in answer["refusal"]
