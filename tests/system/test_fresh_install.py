"""The sdist, built by this machine's own compiler, in a fresh environment: what a user of the bare runtime gets."""

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
from scikit_build_core.build import build_sdist

pytestmark = pytest.mark.system

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sdist")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return folder / build_sdist(str(folder))


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory):
    """What a Jetson does, with its Python and its compiler."""
    folder = tmp_path_factory.mktemp("wheel")
    build = f"--config-settings=build-dir={folder / 'build'}"
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", build, "--wheel-dir", folder, sdist], check=True
    )
    return next(folder.glob("ecg2lab-*.whl"))


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", wheel], check=True)
    return python


def run(python, *arguments, cwd):
    return subprocess.run([python, *arguments], capture_output=True, text=True, cwd=cwd, timeout=120)


def test_the_sdist_holds_what_is_built_and_tested_and_nothing_that_was_built(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
    assert {"native/CMakeLists.txt", "native/include/ecg2lab.h", "sdk/ecg2lab/demo/demo.ecg2lab", "LICENSE"} <= names
    assert not [name for name in names if name.startswith((".venv", "build/", "dist/")) or name.endswith(".so")]


def test_the_wheel_holds_the_four_packages_and_what_the_demo_needs(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for package in ("ecg2lab", "ecg2lab_export", "ecg2lab_training", "ecg2lab_bench"):
        assert f"{package}/__init__.py" in names
    for needed in (
        "ecg2lab/demo/demo.ecg2lab",
        "ecg2lab/demo/ATTRIBUTION.md",
        "ecg2lab/contract.schema.json",
        "ecg2lab/report/base.html.j2",
        "ecg2lab/report/page.html.j2",
        "ecg2lab/py.typed",
    ):
        assert needed in names
    assert any(name.startswith("ecg2lab/_native/_core.") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "native/", ".."))]


def test_the_bare_runtime_preprocesses_and_inspects(python, tmp_path):
    code = (
        "import numpy as np, ecg2lab; x = ecg2lab.preprocess(np.zeros((12, 5000)), fs=500, unit='mV', "
        "leads='I II III aVR aVL aVF V1 V2 V3 V4 V5 V6'.split()); print(x.shape)"
    )
    result = run(python, "-c", code, cwd=tmp_path)
    assert result.stdout == "(12, 1000)\n", result.stderr
    bundle = run(
        python, "-c", "from ecg2lab.demo import bundle_path; print(bundle_path())", cwd=tmp_path
    ).stdout.strip()
    result = run(python, "-m", "ecg2lab", "inspect", bundle, cwd=tmp_path)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (("demo",), "report"),
        (("train", "demo", "--data", "x", "--out", "y"), "train"),
        (("simulate", "x"), "train"),
        (("export", "x.ckpt", "--out", "y.ecg2lab"), "export"),
        (("bench", "run"), "bench"),
    ],
)
def test_a_command_whose_extra_is_missing_says_which(python, tmp_path, arguments, extra):
    result = run(python, "-m", "ecg2lab", *arguments, cwd=tmp_path)
    assert result.returncode == 1
    assert f"pip install 'ecg2lab[{extra}]'" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_the_installed_runtime_is_small(python, tmp_path):
    """At most 80 MB with its dependencies, without the installers and the bytecode that Python writes at will."""
    code = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    site = Path(run(python, "-c", code, cwd=tmp_path).stdout.strip())
    installers = {"pip", "setuptools", "pkg_resources", "_distutils_hack"}
    files = (f.relative_to(site) for f in site.rglob("*") if f.is_file())
    counted = (f for f in files if f.parts[0].split("-")[0] not in installers and "__pycache__" not in f.parts)
    assert sum((site / f).stat().st_size for f in counted) < 80e6
