"""Ctrl-C: whenever it comes, a command ends with exit code 130, without a traceback and without a half-written file."""

import importlib.metadata
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.slow

START = """
import signal, sys
install = signal.signal

def tell(number, handler):
    install(number, handler)
    if number == signal.SIGINT and handler is not signal.default_int_handler:
        sys.stdout.write("guarded\\n")
        sys.stdout.flush()

signal.signal = tell
from ecg2lab.__main__ import main
main()
"""
"""The entry point, which says when it is ready for an interrupt: until then it is Python that starts, and on a busy
machine that may take long."""


def interrupted(arguments, delay):
    command = [sys.executable, "-c", START, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "guarded\n"
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=60)
    return process.returncode, complaint


@pytest.mark.parametrize(
    "delay",
    [0, 0.1, 0.3, *(pytest.param(s, marks=pytest.mark.soak) for s in (0.02, 0.05, 0.15, 0.2, 0.25, 0.4, 0.5, 0.6))],
)
def test_an_interrupt_in_the_first_moments_is_quiet(tmp_path, delay):
    """While Python imports the command line, while it imports the verb's packages, and in its work."""
    code, complaint = interrupted(["demo", "--out", tmp_path / "out"], delay)
    assert (code, complaint.strip()) == (130, "")


def test_a_script_that_ignores_interrupts_is_not_interrupted():
    """As `nohup` and a shell's `&` have it: the disposition is inherited."""
    ignoring = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    ask = "\nassert signal.getsignal(signal.SIGINT) is signal.SIG_IGN"
    code = f"{ignoring}import sys; sys.argv[1:] = ['--version']\nfrom ecg2lab.__main__ import main\ntry: main()\n"
    code += f"except SystemExit: pass{ask}"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_all_that_comes_before_the_guard_is_small():
    """Both ways to start go through it; what they import before is Python's own and takes a millisecond."""
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="ecg2lab")
    assert script.value == "ecg2lab.__main__:main"
    known = "sys, signal, typing, os, importlib.machinery, importlib.util"  # the last two: an editable installation's
    code = f"import {known}\n"
    code += "had = set(sys.modules); import ecg2lab.__main__; print(*set(sys.modules) - had)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert set(shown.split()) == {"ecg2lab", "ecg2lab.__main__"}


COMMAND = """
import hashlib, sys, tempfile, time
from unittest.mock import patch
from ecg2lab import cli
from ecg2lab.cli import termination

def computes():
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)  # minutes in one call: Python acts on no signal meanwhile

def waits():
    time.sleep(3600)

def begins():
    with tempfile.TemporaryDirectory(dir=sys.argv[1]):
        print("begun", flush=True)
        globals()[sys.argv[2]]()

termination.GRACE_S = float(sys.argv[3])
with patch.object(cli, "app", begins):
    cli.main()
"""


@pytest.mark.parametrize(("how", "grace", "left"), [("computes", 0, 1), ("waits", 3600, 0)])
def test_a_command_is_terminated_whatever_it_does_and_clears_away_what_it_can(tmp_path, how, grace, left):
    command = [sys.executable, "-c", COMMAND, str(tmp_path), how, str(grace)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "begun\n"
        process.terminate()
        assert process.wait(60) == 128 + signal.SIGTERM
    assert len(list(tmp_path.iterdir())) == left


def test_a_process_that_was_forked_off_is_terminated_alone():
    code = """
import os, signal
from ecg2lab.cli import termination

termination.GRACE_S = 0.0
termination.watch()
child = os.fork()
if child == 0:
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except SystemExit as ended:
        os._exit(ended.code)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 128 + signal.SIGTERM
print("goes on")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "goes on\n"), done.stderr
