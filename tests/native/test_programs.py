"""The programs of native/tests: mistakes, allocations that fail, many threads, C++; `make sanitize` watches them."""

import os
from pathlib import Path

import pytest
from native_tools import CC, CXX, DEMO, NATIVE, completed, succeeded

import ecg2lab

pytestmark = pytest.mark.slow

# One in so many of a load's 6,000 allocations and of the others' 800: all of them take a minute, and with sanitizers
# twenty.
STEPS = (401, 29) if "ECG2LAB_PROGRAMS" in os.environ else (101, 1)


@pytest.fixture(scope="module")
def programs(c_package, tmp_path_factory):
    """Where they lie built; those built with sanitizers may stand in."""
    if "ECG2LAB_PROGRAMS" in os.environ:
        return Path(os.environ["ECG2LAB_PROGRAMS"])
    out = tmp_path_factory.mktemp("programs")
    options = ("-O1", "-DECG2LAB_STATIC", f"-I{c_package}/include")
    library = (c_package / "lib" / "libecg2lab.a", "-pthread", "-lm")
    for source in ("tests/callers.cpp", "tests/failing_allocations.cpp", "tests/wrapper.cpp"):
        succeeded(CXX, "-std=c++20", *options, NATIVE / source, *library, "-o", out / Path(source).stem)
    for source in ("tests/mistakes.c", "examples/cart.c"):
        program = out / Path(source).stem
        succeeded(CC, "-std=c99", *options, "-c", NATIVE / source, "-o", f"{program}.o")
        succeeded(CXX, f"{program}.o", *library, "-o", program)
    return out


@pytest.fixture(scope="module")
def run(programs):
    """Runs one of them; what a sanitizer finds, leaks among it, is another exit status than its own."""
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    environment["ASAN_OPTIONS"] = "detect_leaks=1"

    def call(name, *arguments):
        command = [programs / name, *map(str, arguments)]
        done = completed(*command, env=environment)
        return done.returncode, done.stdout + done.stderr

    return call


def test_every_mistake_is_refused_and_leaves_nothing_behind(run, decided, tmp_path):
    for bundle in (DEMO, decided):
        assert run("mistakes", bundle, tmp_path / "scratch.ecg2lab") == (0, "0 wrong answers\n")


@pytest.mark.parametrize("steps", [STEPS, pytest.param((1, 1), marks=pytest.mark.soak, id="each")])
def test_every_allocation_may_fail(run, decided, steps):
    """Of a model with operating points, which a description and a result point to."""
    code, said = run("failing_allocations", decided, *steps)
    assert (code, said.splitlines()[-1]) == (0, "0 mistakes"), said
    assert said.count("an answer: about") == said.count("a stream: about") == 2


def test_callers_in_many_threads_get_their_own_answers(run):
    assert run("callers", DEMO) == (0, "0 wrong answers\n")


def test_the_wrapper_for_cpp_does_what_it_says(run):
    assert run("wrapper", DEMO) == (0, "0 wrong answers\n")


def test_the_cart_leaves_nothing_behind(run, record, cart_answers, tmp_path):
    good, flat, odd = tmp_path / "good.csv", tmp_path / "flat.csv", tmp_path / "odd.csv"
    cart_answers.write_csv(good, record)
    samples = record.samples.copy()
    samples[3] = 0.25
    cart_answers.write_csv(flat, ecg2lab.Recording(samples, fs=record.fs, leads=record.leads, unit="mV"))
    odd.write_text("sampling_rate_hz,500\nI,II\n1,2\n1,x\n")
    for arguments, code in (((DEMO, good), 0), ((DEMO, flat), 1), ((good, good), 1), ((DEMO, odd), 2), ((), 2)):
        assert run("cart", *arguments)[0] == code
