"""The command line as a person or a program meets it: a process, its output, its exit code."""

import os
import subprocess
import sys


def ecg2lab_command(*arguments, cwd=None):
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "ecg2lab", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, errors="replace", env=environment, cwd=cwd, timeout=120
    )


def succeeded(result):
    assert result.returncode == 0, result.stderr
    return result.stdout


def refused(result, code=1):
    """The refusal: exactly one line on stderr, and no traceback."""
    assert result.returncode == code, (result.returncode, result.stdout, result.stderr)
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    return lines[0]
