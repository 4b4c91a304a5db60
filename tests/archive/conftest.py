"""Archives, and commands that score them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest

from ecg2lab.archive import rows, scoring
from ecg2lab.archive import run as running
from ecg2lab.demo import bundle_path

DATA = Path(__file__).parent.parent / "data"
MANY = 300
"""Files: several batches."""


class Command:
    """`ecg2lab score` in a process of its own."""

    def __init__(self, folder, environment=None):
        self._folder, self._environment = folder, environment or {}

    def start(self, archive, out, *options, model=None):
        command = [sys.executable, "-m", "ecg2lab", "score", model or bundle_path(), archive, "--out", out, *options]
        environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", **self._environment}
        return subprocess.Popen(
            list(map(str, command)),
            cwd=self._folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments, code=0, **named):
        """What it printed."""
        with self.start(*arguments, **named) as process:
            output, complaint = process.communicate(timeout=300)
        assert process.returncode == code, (process.returncode, output, complaint)
        assert "Traceback" not in complaint
        return output if code == 0 else complaint.strip()


@pytest.fixture
def command(tmp_path):
    """`command(…)`: commands that are typed in a folder of the test's, with more environment."""

    def make(**environment):
        return Command(tmp_path, environment)

    return make


@pytest.fixture
def score(command):
    """Run the command; its output, or what it complains of."""
    return command().run


def record_of(age):
    """A WFDB header over signals that all of its kind share."""
    return (DATA / "HR06000.hea").read_text().replace("# Age: 59", f"# Age: {age}")


def fill(folder, count, first=0):
    """So many files, every second a recording, of patients of different age."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(DATA / "HR06000.mat", folder)
    for number in range(first, first + count):
        if number % 2:
            (folder / f"n{number:05}.txt").write_text(f"note {number}")
        else:
            (folder / f"n{number:05}.hea").write_text(record_of(18 + number % 70))


@pytest.fixture(scope="session")
def many(made_once):
    """An archive of several batches; read only."""

    def make(folder):
        fill(folder, MANY)
        shutil.copy(DATA / "field" / "files" / "plain.csv", folder / "wait.csv")

    return made_once("many", make)


@pytest.fixture(scope="session")
def scored(many, made_once):
    """Its table, written by one worker without a break."""

    def make(folder):
        Command(folder).run(many, "whole.parquet", "--workers", 1)

    return made_once("scored", make) / "whole.parquet"


@pytest.fixture
def archive(tmp_path):
    """A small one to spoil: a recording of each of a few forms."""
    folder = tmp_path / "archive"
    shutil.copytree(DATA / "field" / "files", folder / "field")
    for name in ("HR06000.hea", "HR06000.mat", "100_3chan.hea", "100_3chan.dat"):
        shutil.copy(DATA / name, folder)
    return folder


def below(pid):
    """Processes that a process has started, and those that they have, by their command lines."""
    parents, lines = {}, {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
            lines[int(status.parent.name)] = status.with_name("cmdline").read_bytes().decode(errors="replace")
        except OSError:  # it is gone
            continue
    found, generation = {}, {pid}
    while generation:
        generation = {child for child, parent in parents.items() if parent in generation}
        found |= {child: lines.get(child, "") for child in generation}
    return found


@pytest.fixture
def workers_of():
    """`workers_of(process)`: its workers, as they are now."""
    return lambda process: [pid for pid, line in below(process.pid).items() if "spawn_main" in line]


@pytest.fixture
def processes_below():
    """Of a process, by command line."""
    return below


@pytest.fixture
def ended():
    """`ended(pid)`: whether a process is no more."""

    def check(pid):
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            return True

    return check


@pytest.fixture
def spoilt(tmp_path, command):
    """Commands whose readers crash over files named crash…, hang over hang…, and wait over wait… for a file `go`."""
    folder = tmp_path / "spoilt"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SPOILT)
    return command(PYTHONPATH=str(folder), GO=str(tmp_path / "go"))


SPOILT = f"""
import os, time
from ecg2lab.readers.content import Content

genuine = Content.of.__func__

def of(cls, path, stated):
    if path.name.startswith("crash"):
        os.kill(os.getpid(), {int(signal.SIGSEGV)})
    if path.name.startswith("hang"):
        time.sleep(3600)
    while path.name.startswith("wait") and not os.path.exists(os.environ["GO"]):
        time.sleep(0.01)
    return genuine(cls, path, stated)

Content.of = classmethod(of)
"""


class Here:
    """Workers that are none: this process scores, and is interrupted after so many batches."""

    engines: ClassVar[dict] = {}

    def __init__(self, task, batches):
        self._root, self._left = task.root, batches
        self._engine = self.engines.setdefault(task.source, scoring.load(task))

    def scored(self, batches):
        for key, batch in batches:
            if self._left == 0:
                raise KeyboardInterrupt
            self._left -= 1
            of_model = rows.of_model(self._engine.info, self._engine.info.notice)
            yield key, [row | of_model for row in scoring.score(self._engine, self._root, batch, lambda *_: None)]

    def close(self):
        pass


OPTIONS = {"backend": "auto", "precision": None, "threads": 1, "adapter": None, "allow_software": False}


@pytest.fixture
def score_here(tmp_path):
    """Score in this process; `batches`: after so many it is interrupted."""

    def score(archive, out="x.parquet", facts=None, batches=-1, model=None, out_of_range="refuse"):
        whole = running.Archive(archive, facts)
        rest = (scoring.Settings(OPTIONS, out_of_range, 30.0), lambda *_: None)
        return running.score(model or bundle_path(), whole, tmp_path / out, lambda task: Here(task, batches), *rest)

    return score
