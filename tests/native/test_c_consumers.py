"""Each way by which a program takes the C library, tried with cart.c: it gives Python's answer."""

import os
import shutil

import pytest
from native_tools import CC, EXAMPLES, NATIVE, ROOT, completed, find_binutils, succeeded

PROJECT = """\
cmake_minimum_required(VERSION 3.20)
project(carts {languages})
{library}
add_executable(cart {cart})
target_link_libraries(cart PRIVATE {target})
"""


def configured(cmake, folder, *options, library, target, languages="C"):
    """Write a project of one program and configure it; returns how that went."""
    text = PROJECT.format(languages=languages, library=library, cart=EXAMPLES / "cart.c", target=target)
    (folder / "CMakeLists.txt").write_text(text)
    return completed(cmake, "-S", folder, "-B", folder / "build", *options)


def built(cmake, folder, *options, **project):
    done = configured(cmake, folder, *options, **project)
    assert done.returncode == 0, done.stderr
    succeeded(cmake, "--build", folder / "build", "--target", "cart", "--parallel", 2)
    return folder / "build" / "cart"


@pytest.fixture
def answers(cart_answers, engine, data_folder, tmp_path):
    """Asserts that a cart gives Python's answer."""

    def assert_answers(program, environment=None):
        cart_answers.require_pythons_answer([program], engine, data_folder, tmp_path, environment)

    return assert_answers


@pytest.mark.slow
@pytest.mark.parametrize("target", ["ecg2lab::ecg2lab", "ecg2lab::static"])
@pytest.mark.parametrize("languages", ["C", "C CXX"])
def test_find_package(c_package, cmake, answers, tmp_path, target, languages):
    """A project in C alone, too: what the C++ inside needs comes with the target."""
    found = "find_package(ecg2lab 0.1 REQUIRED)"
    options = (f"-DCMAKE_PREFIX_PATH={c_package}",)
    answers(built(cmake, tmp_path, *options, library=found, target=target, languages=languages))


@pytest.mark.slow
def test_find_package_refuses_another_version_by_name(c_package, cmake, tmp_path):
    found = "find_package(ecg2lab 7.0 REQUIRED)"
    done = configured(
        cmake, tmp_path, f"-DCMAKE_PREFIX_PATH={c_package}", library=found, target="ecg2lab::ecg2lab", languages="C"
    )
    assert done.returncode != 0
    assert '"7.0"' in done.stderr


@pytest.fixture(scope="module")
def static_package(c_package, tmp_path_factory):
    """The static library alone, with what pkg-config reads."""
    folder = tmp_path_factory.mktemp("static")
    shutil.copytree(c_package / "include", folder / "include")
    shutil.copytree(c_package / "lib" / "pkgconfig", folder / "lib" / "pkgconfig")
    shutil.copy(c_package / "lib" / "libecg2lab.a", folder / "lib")
    return folder


def pkg_config(package, *options):
    if shutil.which("pkg-config") is None:
        pytest.skip("no pkg-config here (Debian: pkg-config)")
    environment = {**os.environ, "PKG_CONFIG_PATH": f"{package}/lib/pkgconfig"}
    return succeeded("pkg-config", *options, "ecg2lab", env=environment).split()


@pytest.mark.system
def test_pkg_config(c_package, answers, tmp_path):
    flags = pkg_config(c_package, "--cflags", "--libs")
    assert pkg_config(c_package, "--modversion")
    succeeded(CC, "-std=c99", EXAMPLES / "cart.c", *flags, "-o", tmp_path / "cart")
    answers(tmp_path / "cart", {**os.environ, "LD_LIBRARY_PATH": f"{c_package}/lib"})


@pytest.mark.system
@pytest.mark.parametrize("whole", [(), ("-static",)], ids=["static library", "static program"])
def test_pkg_config_static_names_all_that_is_needed(static_package, answers, tmp_path, whole):
    """Linked as C, without -lm or -lstdc++ of the program's own."""
    flags = pkg_config(static_package, "--static", "--cflags", "--libs")
    succeeded(CC, "-std=c99", *whole, EXAMPLES / "cart.c", *flags, "-o", tmp_path / "cart")
    answers(tmp_path / "cart")


@pytest.mark.system
def test_the_line_of_the_documentation_for_static_linking(c_package, answers, tmp_path):
    """Where both libraries are installed the file is named, since the linker would take the shared one."""
    lines = (ROOT / "docs" / "embedding.md").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("cc ") and "libecg2lab.a" in line)
    line = line.replace("/opt/ecg2lab", str(c_package)).replace("native/examples", str(EXAMPLES))
    succeeded("sh", "-c", line, cwd=tmp_path)
    needed = succeeded(find_binutils("objdump"), "-p", tmp_path / "cart")
    assert "libecg2lab" not in needed
    answers(tmp_path / "cart")


@pytest.mark.soak
def test_add_subdirectory(cmake, answers, tmp_path):
    """Minutes: it compiles the library. The program's project installs nothing of it that it did not ask for."""
    added = f"add_subdirectory({NATIVE} ecg2lab)"
    answers(built(cmake, tmp_path, library=added, target="ecg2lab::ecg2lab", languages="C CXX"))
    succeeded(cmake, "--install", tmp_path / "build", "--prefix", tmp_path / "installed")
    assert not (tmp_path / "installed" / "include").exists()


@pytest.mark.slow
def test_add_subdirectory_has_the_targets_of_the_package(cmake, tmp_path):
    """Configured only."""
    added = f"add_subdirectory({NATIVE} ecg2lab)\nadd_executable(other {EXAMPLES / 'cart.c'})\n"
    added += "target_link_libraries(other PRIVATE ecg2lab::static)"
    done = configured(cmake, tmp_path, library=added, target="ecg2lab::ecg2lab", languages="C CXX")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("without", ["SHARED", "STATIC"])
def test_one_kind_of_library_is_enough(cmake, tmp_path, without):
    """Configured only: `ecg2lab::ecg2lab` is the one that there is."""
    added = f"set(ECG2LAB_BUILD_{without} OFF)\nadd_subdirectory({NATIVE} ecg2lab)"
    done = configured(cmake, tmp_path, library=added, target="ecg2lab::ecg2lab", languages="C CXX")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_no_kind_of_library_is_refused_by_name(cmake, tmp_path):
    done = completed(cmake, "-S", NATIVE, "-B", tmp_path, "-DECG2LAB_BUILD_SHARED=OFF", "-DECG2LAB_BUILD_STATIC=OFF")
    assert done.returncode != 0
    assert "ECG2LAB_BUILD_SHARED and ECG2LAB_BUILD_STATIC are both OFF" in done.stderr


def test_the_licence_lies_beside_the_library(c_package):
    for name in ("LICENSE", "NOTICE"):
        installed = c_package / "share" / "licenses" / "ecg2lab" / name
        assert installed.read_text() == (ROOT / name).read_text()
