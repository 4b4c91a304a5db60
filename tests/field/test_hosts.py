"""Programs that embed the C library in ways that hosts do: `hosts` has them, and says at their tops what is right."""

import os
import re
import sys
from pathlib import Path

import pytest
from native_tools import CC, DEMO, completed

import ecg2lab
from ecg2lab.demo import record_path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="these programs are for Linux"),
]
HOSTS = Path(__file__).parent / "hosts"
UNLINKED = {"unload"}
"""That have the library from `dlopen` alone."""


@pytest.fixture(scope="module")
def host(c_package, tmp_path_factory):
    """Compiles and runs a program: what it printed."""
    out = tmp_path_factory.mktemp("hosts")
    library = out / "libcopy.so"
    library.write_bytes((c_package / "lib" / "libecg2lab.so").read_bytes())
    ecg2lab.read(record_path()).samples.tofile(out / "ecg")
    environment = {**os.environ, "ECG2LAB_DEMO": str(DEMO), "ECG2LAB_ECG": str(out / "ecg")}
    environment |= {"ECG2LAB_LIB": str(library), "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}

    def run(name, *arguments):
        program, lib = out / name, c_package / "lib"
        linked = () if name in UNLINKED else (f"-L{lib}", f"-Wl,-rpath,{lib}", "-lecg2lab")
        options = ("-std=gnu99", "-O1", "-Wall", "-Wno-format-truncation", f"-I{c_package}/include")
        made = completed(CC, *options, HOSTS / f"{name}.c", "-o", program, *linked, "-ldl", "-lm", "-pthread")
        assert (made.returncode, made.stderr) == (0, "")
        done = completed(program, *arguments, env=environment, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def numbers(text):
    return [int(number) for number in re.findall(r"-?\d+(?![\d.])", text)]


def test_a_host_that_traps_invalid_operations_is_answered(host):
    assert host("1_fp_trap") == "ECG2LAB_OK\n"


def test_a_result_keeps_no_threads_and_no_weights_of_a_freed_model(host):
    """What it keeps is a sixth of what a model holds; the rest is room for pages that only the allocator knows of."""
    before, kept, _end = (numbers(line.split(": ")[1]) for line in host("2_result_keeps_model").splitlines())
    assert kept[0] == before[0]
    assert kept[1] - before[1] < 20 * 3000 / 3


def test_results_and_prepared_recordings_show_all_when_their_model_is_gone(host):
    for line in host("results").splitlines():
        model, kept = numbers(line)
        assert kept < model / 3


def test_no_handler_runs_in_a_thread_of_the_library(host):
    assert host("3_signals_in_helpers") == "handler ran in a library thread 0 times\n"


def test_helpers_block_every_signal_and_the_programs_mask_stays(host):
    assert host("signals") == ""


def test_leads_that_share_samples_are_refused(host):
    right, exchanged = host("4_overlapping_strides").splitlines()
    assert "ECG2LAB_OK" in right
    assert "ECG2LAB_ERROR_ARGUMENT [recording: by lead_stride and sample_stride leads share samples" in exchanged


def test_a_hole_in_integers_is_what_nan_is(host):
    said = dict(line.split(": ") for line in host("7_int16_hole").splitlines())
    assert said["float, NaN"].endswith("missing samples counted 600")
    for named in ("int16, -32768", "int16, 32767", "int32, -2^23"):
        assert said[named] == said["float, NaN"]
    assert said["int16, unnamed"].endswith("missing samples counted 0")


def test_the_last_error_stays(host):
    lines = host("5_last_error_lost").splitlines()
    assert "[sampling rate 10 Hz is outside 100 to 2000 Hz]" in lines[0]
    assert lines[1].count("[these samples cannot be used: lead I has infinite samples]") == 2


def test_no_callback_and_no_call_without_a_status_changes_the_last_error(host):
    assert host("last_error") == ""


def test_the_library_is_unloaded(host):
    assert re.findall(r"dlclose (\d+)", host("6_dlclose_pinned")) == ["0", "0"]


def test_the_library_is_unloaded_beside_threads_that_asked_and_live_on(host):
    """What a thread keeps: its message, and what glibc notes of the thread."""
    kept, mapped, _again = host("unload").splitlines()
    assert mapped == "mapped parts after dlclose 0"
    assert int(re.search(r"(-?\d+) bytes", kept).group(1)) < 8192


def test_the_hosts_rounding_mode_changes_nothing(host):
    near, upward, differed = re.search(
        r"nearest (\S+), upward (\S+); .* differed (\d+)", host("8_rounding_mode")
    ).groups()
    assert (near, differed) == (upward, "0")


def test_every_environment_of_floats_gives_the_same_bits_and_stays_the_hosts(host):
    assert host("floats") == ""


def test_a_process_that_is_forked_off_refuses_by_name_frees_and_loads(host):
    assert host("forked") == ""
