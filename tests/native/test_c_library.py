"""The installed C library: what it shows, its header, its CMake package, and cart.c against Python's answer."""

import ctypes
import importlib.metadata

import pytest
from native_tools import CC, CXX, EXAMPLES, NATIVE, ROOT, STRICT, succeeded

import ecg2lab
from c_header import read_header


def test_only_our_names_are_visible(c_package):
    """The program around it may have another C++ library, JSON reader or SHA-256."""
    lines = succeeded("nm", "-D", "--defined-only", c_package / "lib" / "libecg2lab.so").splitlines()
    names = {line.split()[-1] for line in lines if line.split()[-2] != "A"}  # A: the name of the version itself
    assert {name.split("@")[0] for name in names} == {f"ecg2lab_{call.name}" for call in read_header().calls}


def test_it_needs_only_the_c_library(c_package):
    listed = succeeded("objdump", "-p", c_package / "lib" / "libecg2lab.so")
    needed = {line.split()[1].split(".")[0] for line in listed.splitlines() if "NEEDED" in line}
    assert needed <= {"libc", "libm", "libpthread", "ld-linux-x86-64", "ld-linux-aarch64"}


@pytest.mark.parametrize("language", ["-std=c99", "-std=c11", "-std=c++11", "-std=c++20"])
def test_the_header_is_plain_c_and_plain_cpp(c_package, tmp_path, language):
    source = tmp_path / ("x.cpp" if "++" in language else "x.c")
    source.write_text("#include <ecg2lab.h>\nint main(void) { return ecg2lab_abi_version() - ECG2LAB_ABI_VERSION; }\n")
    compiler = CXX if "++" in language else CC
    out = tmp_path / "x"
    flags = (f"-I{c_package}/include", f"-L{c_package}/lib", f"-Wl,-rpath,{c_package}/lib")
    succeeded(compiler, language, *STRICT, source, *flags, "-lecg2lab", "-o", out)
    succeeded(out)


def test_the_example_in_the_header_compiles(c_package, tmp_path):
    text = (NATIVE / "include" / "ecg2lab.h").read_text()
    lines = text.split("EXAMPLE")[1].split("*/")[0].splitlines()
    start = next(i for i, line in enumerate(lines) if "#include" in line)
    source = tmp_path / "example.c"
    source.write_text("\n".join(line.removeprefix(" *") for line in lines[start:]) + "\n")
    succeeded(CC, "-std=c99", *STRICT, "-c", source, f"-I{c_package}/include", "-o", tmp_path / "example.o")


@pytest.mark.parametrize(("language", "compiler", "standard"), [("c", CC, "-std=c99"), ("cpp", CXX, "-std=c++17")])
def test_the_examples_in_the_documentation_compile(c_package, tmp_path, language, compiler, standard):
    example = (ROOT / "docs" / "embedding.md").read_text().split(f"```{language}\n")[1].split("```")[0]
    source = tmp_path / f"example.{language}"
    source.write_text(example)
    succeeded(compiler, standard, *STRICT, "-c", source, f"-I{c_package}/include", "-o", tmp_path / "example.o")


def test_the_layouts_of_these_tests_are_the_headers(c_package, c_interface, tmp_path):
    lines = ["#include <ecg2lab.h>", "#include <stdio.h>", "int main(void) {"]
    expected = []
    for struct in c_interface.STRUCTURES:
        name = struct.__name__
        lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
        expected.append(f"{name} {ctypes.sizeof(struct)}")
        for field, _ in struct._fields_:
            lines.append(f'printf("{field} %zu\\n", offsetof({name}, {field}));')
            expected.append(f"{field} {getattr(struct, field).offset}")
    source = tmp_path / "layout.c"
    source.write_text("\n".join([*lines, "return 0; }"]))
    succeeded(CC, "-std=c99", source, f"-I{c_package}/include", "-o", tmp_path / "layout")
    assert succeeded(tmp_path / "layout").splitlines() == expected


@pytest.fixture(scope="module")
def cart(c_package, tmp_path_factory):
    out = tmp_path_factory.mktemp("cart") / "cart"
    flags = (f"-I{c_package}/include", f"-L{c_package}/lib", f"-Wl,-rpath,{c_package}/lib")
    succeeded(CC, "-std=c99", *STRICT, EXAMPLES / "cart.c", *flags, "-lecg2lab", "-o", out)
    return out


def test_the_cart_gives_pythons_answer(cart, cart_answers, engine, decided, data_folder, tmp_path):
    cart_answers.require_pythons_answer([cart], engine, data_folder, tmp_path)
    with ecg2lab.load(decided, backend="native", threads=1) as deciding:
        cart_answers.require_pythons_answer([cart], deciding, data_folder, tmp_path, bundle=decided)


def test_the_cart_says_what_is_wrong(cart, cart_answers, data_folder, tmp_path):
    cart_answers.require_refusals([cart], data_folder, tmp_path)


def test_the_version_is_that_of_the_package(c_package, c_interface):
    library = c_interface.load(c_package / "lib" / "libecg2lab.so")
    assert library.ecg2lab_version().decode() == importlib.metadata.version("ecg2lab")
    header = (c_package / "include" / "ecg2lab.h").read_text()
    assert f"#define ECG2LAB_ABI_VERSION {library.ecg2lab_abi_version()}\n" in header
