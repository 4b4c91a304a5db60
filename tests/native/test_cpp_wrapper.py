"""ecg2lab.hpp: it compiles without a warning, cart.cpp gives Python's answer, and the wrapper does what it says."""

import os
import shutil

import pytest
from native_tools import CXX, DEMO, EXAMPLES, NATIVE, STRICT, completed, succeeded

import libraries

WARNINGS = (*STRICT, "-Wconversion", "-Wshadow")
CART, WRAPPER = EXAMPLES / "cart.cpp", NATIVE / "tests" / "wrapper.cpp"
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def linked(c_package):
    return (f"-L{c_package}/lib", f"-Wl,-rpath,{c_package}/lib", "-lecg2lab", "-pthread")


def test_it_lies_beside_the_header_of_c(c_package):
    for name in ("ecg2lab.h", "ecg2lab.hpp"):
        assert (c_package / "include" / name).read_bytes() == (NATIVE / "include" / name).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("standard", ["c++20", "c++23"])
def test_newer_standards_take_it_without_a_warning(c_package, standard):
    """C++17 is what all else here is compiled as. Without RTTI, which a program may have switched off."""
    options = (f"-std={standard}", *WARNINGS, "-fno-rtti", f"-I{c_package}/include")
    succeeded(CXX, *options, "-fsyntax-only", WRAPPER)


@pytest.mark.system
@pytest.mark.parametrize("standard", ["c++17", "c++20", "c++2b"])
@pytest.mark.parametrize(
    ("compiler", "target"),
    [("g++-11", None), ("clang", None), ("clang", "x86_64-windows-gnu"), ("clang", "arm-linux-musleabihf")],
)
def test_other_compilers_take_it_without_a_warning(c_package, tmp_path, compiler, target, standard):
    """GCC 11, the oldest that we know of in the field, and Clang with its own library, for 32 bits and Windows too."""
    if compiler == "clang":
        zig = libraries.find_zig() or pytest.skip("no zig here (PyPI: ziglang)")
        command = (zig, "c++", *(() if target is None else ("-target", target)))
    else:
        command = (shutil.which(compiler) or pytest.skip(f"no {compiler} here (Debian: {compiler})"),)
    for program in (CART, WRAPPER):
        options = (f"-std={standard}", *WARNINGS, f"-I{c_package}/include")
        succeeded(*command, *options, "-c", program, "-o", tmp_path / "program.o")


def test_the_example_in_the_header_compiles(c_package, tmp_path):
    lines = (NATIVE / "include" / "ecg2lab.hpp").read_text().split("EXAMPLE")[1].split("#ifndef")[0].splitlines()
    source = tmp_path / "example.cpp"
    source.write_text("\n".join(line.removeprefix("//") for line in lines[1:]) + "\n")
    assert "int main()" in source.read_text()
    succeeded(CXX, "-std=c++17", *WARNINGS, "-fsyntax-only", f"-I{c_package}/include", source)


@pytest.fixture(scope="module")
def cart(c_package, tmp_path_factory):
    out = tmp_path_factory.mktemp("cart") / "cart"
    options = ("-std=c++17", *WARNINGS, f"-I{c_package}/include")
    succeeded(CXX, *options, CART, *linked(c_package), "-o", out)
    return out


def test_the_cart_gives_pythons_answer(cart, cart_answers, engine, data_folder, tmp_path):
    cart_answers.require_pythons_answer([cart], engine, data_folder, tmp_path)


def test_the_cart_says_what_is_wrong(cart, cart_answers, data_folder, tmp_path):
    cart_answers.require_refusals([cart], data_folder, tmp_path)


@pytest.fixture(scope="module")
def wrapper(c_package, tmp_path_factory):
    """Compiled to look for mistakes of memory; its object is beside it."""
    out = tmp_path_factory.mktemp("wrapper") / "wrapper"
    options = ("-std=c++17", *WARNINGS, *SANITIZERS, f"-I{c_package}/include")
    succeeded(CXX, *options, "-c", WRAPPER, "-o", f"{out}.o")
    succeeded(CXX, *SANITIZERS, f"{out}.o", *linked(c_package), "-o", out)
    return out


@pytest.mark.slow
def test_the_wrapper_does_what_it_says(wrapper):
    """Refusals, errors, moves, callbacks that throw, calls that are stopped; nothing is leaked or used too late."""
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    done = completed(wrapper, DEMO, env={**environment, "ASAN_OPTIONS": "detect_leaks=1"})
    assert (done.returncode, done.stdout) == (0, "0 wrong answers\n"), done.stdout + done.stderr


@pytest.mark.slow
def test_no_function_is_shared_with_the_inside_of_the_static_library(wrapper, c_package):
    """Both have a namespace `ecg2lab`: of two inline functions of one name a linker would keep either for both."""
    program = succeeded("nm", "--defined-only", f"{wrapper}.o").splitlines()
    ours = {line.split()[-1] for line in program if "7ecg2lab" in line}
    inside = succeeded("nm", "--defined-only", c_package / "lib" / "libecg2lab.a").splitlines()
    theirs = {line.split()[-1] for line in inside if "7ecg2lab" in line}
    assert len(ours) > 100
    assert len(theirs) > 100
    assert not ours & theirs
