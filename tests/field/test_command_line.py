"""The command line where it is used: odd names, closed streams, full disks, empty arguments, others' settings."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
from command_line import ecg2lab_command, refused, succeeded

from ecg2lab.demo import bundle_path, record_path
from ecg2lab.system.files import write_atomically

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="names of bytes, shells")]

NAME = os.fsdecode(
    b"[red]x[bold]:smile:[pH] caf\xe9 a\x1b[31mred\x1b]0;title\x07"
    + "\u009b31m\u202e\u2066\u200b\u00ad".encode()
    + b"\nerror: all is well"
)
"""Of a file: markup, a byte that is no UTF-8, escape sequences of seven and eight bits, a turned direction, characters
that nobody sees, and a line of its own."""
MODEL, RECORD, LETTER = f"{NAME}.ecg2lab", f"{NAME}.hea", f"{NAME}.txt"
SHOWN = "[red]x[bold]:smile:[pH] caf? a?[31mred?]0;title??31m?????error: all is well.hea"
MOVES = [chr(code) for code in (*range(10), *range(11, 32), *range(0x7F, 0xA0), 0xAD, 0x200B, 0x202E, 0x2066)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """With a model, a record and a letter of that name, in a folder of that name."""
    made = tmp_path_factory.mktemp("field") / NAME
    made.mkdir()
    shutil.copy(bundle_path(), made / MODEL)
    shutil.copy(record_path().with_suffix(".hea"), made / RECORD)
    shutil.copy(record_path().with_suffix(".mat"), made)
    (made / LETTER).write_text("Dear colleague")
    return made


def raw(*arguments, cwd):
    """What a command wrote, as bytes."""
    environment = {**os.environ, "COLUMNS": "80", "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "ecg2lab", *map(os.fsencode, arguments)]
    return subprocess.run(command, capture_output=True, env=environment, cwd=cwd, timeout=120)


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (0, ("predict", MODEL, RECORD)),
        (1, ("predict", MODEL, RECORD, LETTER, "--json")),
        (1, ("predict", MODEL, RECORD, LETTER, "--format", "fhir")),
        (1, ("predict", MODEL, RECORD, LETTER, "--format", "html", "--out", f"out-{NAME}")),
        (0, ("predict", MODEL, RECORD, "--format", "pdf", "--out", f"out-{NAME}")),
        (1, ("predict", MODEL, RECORD, "--patient", LETTER)),
        (1, ("predict", MODEL, RECORD, "--target", NAME)),
        (1, ("predict", MODEL, RECORD, "--backend", NAME)),
        (2, ("predict", MODEL, RECORD, f"--{NAME}")),
        (2, ("predict", MODEL, RECORD, "--sex", NAME)),
        (2, (NAME,)),
        (0, ("inspect", MODEL)),
        (1, ("inspect", LETTER)),
        (0, ("selftest", MODEL, "--backend", "native")),
        (0, ("stream", MODEL, RECORD, "--speed", "max")),
        (0, ("stream", MODEL, RECORD, "--speed", "max", "--json")),
        (0, ("demo", "--out", f"demo[/nope]{NAME}")),
        (1, ("demo", "--out", LETTER)),
        (1, ("export", LETTER, "--out", f"new-{MODEL}")),
        (1, ("simulate", LETTER)),
        (1, ("simulate", f"hospital-{NAME}", "--patients", "1")),
        (1, ("cohort", ".", "--out", f"data-{NAME}")),
        (1, ("train", LETTER, "--data", NAME, "--out", f"run-{NAME}")),
        (1, ("evaluate", MODEL, LETTER, "--out", f"report-{NAME}")),
        (0, ("triton", MODEL, "--out", f"repository-{NAME}")),
    ],
    ids=lambda given: given if isinstance(given, int) else " ".join(given).replace(NAME, "…"),
)
def test_a_name_is_shown_and_never_acts(folder, code, arguments):
    done = raw(*arguments, cwd=folder)
    assert done.returncode == code, done.stderr
    for output in (done.stdout, done.stderr):
        text = output.decode()
        assert not [move for move in MOVES if move in text], text
        assert "\nerror: all" not in text
        assert "nternal" not in text
        assert "Traceback" not in text


def test_a_record_of_any_name_has_its_answer_under_its_name(folder):
    done = raw("predict", MODEL, RECORD, "--json", "--out", "answers", cwd=folder)
    assert done.returncode == 0
    answer = json.loads((folder / "answers" / f"{NAME}.json").read_bytes())
    assert answer["findings"]
    assert answer["record"] == SHOWN


VERBS = {
    "predict": ("predict", bundle_path(), record_path()),
    "predict --json": ("predict", bundle_path(), record_path(), "--json"),
    "inspect": ("inspect", bundle_path()),
    "demo": ("demo", "--out", "demo"),
    "stream": ("stream", bundle_path(), record_path(), "--speed", "max"),
    "score": ("score", bundle_path(), record_path().parent, "--out", "scores.parquet"),
    "--help": ("--help",),
}


def in_shell(arguments, redirections, cwd):
    """Exit code, and what reached the streams that were not redirected."""
    words = " ".join(f"'{word}'" for word in (sys.executable, "-m", "ecg2lab", *arguments))
    return subprocess.run(
        ["/bin/sh", "-c", f"{words} {redirections}"], capture_output=True, text=True, cwd=cwd, timeout=120
    )


CLOSED = ("<&-", ">&-", "2>&-", "<&- >&- 2>&-", "2>/dev/full")


@pytest.mark.parametrize(
    ("verb", "closed"),
    [*(("demo", each) for each in CLOSED), *((verb, each) for verb in VERBS for each in (">&-", "2>/dev/full"))],
)
def test_a_closed_stream_is_the_null_device(tmp_path, verb, closed):
    done = in_shell(VERBS[verb], closed, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert bool(done.stdout) == (">&-" not in closed.split())
    if verb == "demo":
        assert {path.name for path in (tmp_path / "demo").iterdir()} == {"report.html", "report.json", "ecg.png"}


@pytest.mark.parametrize("verb", ["predict --json", "inspect", "demo", "stream", "score"])
def test_an_answer_that_cannot_be_written_is_an_error(tmp_path, verb):
    done = in_shell(VERBS[verb], ">/dev/full", tmp_path)
    assert refused(done) == "error: cannot read or write: No space left on device"


def test_a_refusal_nobody_hears_is_a_refusal(tmp_path):
    for redirections in ("2>&-", "2>/dev/full", ">/dev/full 2>/dev/full"):
        assert in_shell(("inspect", "nowhere.ecg2lab"), redirections, tmp_path).returncode == 1


def test_a_refusal_that_cannot_be_written_ends_no_other_record(tmp_path):
    letter, out = tmp_path / "letter.txt", tmp_path / "out"
    letter.write_text("Dear colleague")
    (out / "letter.txt.html").mkdir(parents=True)  # where the refusal would go
    (out / "HR06003.html").mkdir()  # and the first answer
    done = ecg2lab_command(
        "predict", bundle_path(), letter, record_path(), letter, record_path(), "--format", "html", "--out", out
    )
    assert done.returncode == 1
    assert [line.split(": ")[1] for line in done.stderr.splitlines()] == [
        "RecordingError",
        "OutputError",
        "OutputError",
        "RecordingError",
    ]
    assert (out / "HR06003-2.html").is_file()
    assert (out / "letter.txt-2.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("demo", "--out", ""), "--out"),
        (("demo", "--out="), "--out"),
        (("predict", bundle_path(), record_path(), "--json", "--out", ""), "--out"),
        (("predict", bundle_path(), record_path(), "--patient", ""), "--patient"),
        (("predict", bundle_path(), ""), "it is empty"),
        (("inspect", ""), "it is empty"),
        (("stream", "", "-"), "it is empty"),
    ],
)
def test_an_empty_argument_is_misuse(tmp_path, arguments, named):
    done = ecg2lab_command(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert named in done.stderr
    assert "is a variable not set?" in " ".join(done.stderr.replace("│", " ").split())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("backend", ["nonsense", "Qt5Agg"])
def test_pictures_do_not_ask_for_the_users_backend(tmp_path, monkeypatch, backend):
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nbackend: nonsense\nfont.size: 40\n")
    monkeypatch.setenv("MPLBACKEND", backend)
    succeeded(ecg2lab_command("demo", "--out", "demo", cwd=tmp_path))


def test_settings_of_matplotlib_that_are_no_text_are_named(tmp_path):
    (tmp_path / "matplotlibrc").write_bytes(b"\xff\xfe\x00")
    done = ecg2lab_command("demo", "--out", "demo", cwd=tmp_path)
    assert done.returncode == 1
    assert "matplotlibrc is no text; remove it" in done.stderr.splitlines()[-1]  # after matplotlib's own words


WRITES = {
    "a file": """
from ecg2lab.system.files import write_atomically
os.fsync = killed
write_atomically(sys.argv[1] + "/report.json", "half")
""",
    "a folder": """
from ecg2lab_training.files import new_folder
with new_folder(sys.argv[1] + "/hospital") as folder:
    (folder / "half").write_text("half")
    killed()
""",
    "a model repository": """
from ecg2lab_export.triton import repository
with repository._beside(Path(sys.argv[1]) / "repository") as place:
    killed()
""",
}
KILLED = """
import os, signal, sys
from pathlib import Path
def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def left_in(folder):
    return [path.name for path in folder.iterdir() if path.name.endswith(".partial")]


@pytest.mark.parametrize("kind", WRITES)
def test_what_a_killed_command_left_goes_with_the_next(tmp_path, kind):
    killed = subprocess.run([sys.executable, "-c", KILLED + WRITES[kind], tmp_path], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert len(left_in(tmp_path)) == 1
    write_atomically(tmp_path / "next.json", "whole")
    assert left_in(tmp_path) == []


ALIVE = """
import sys
from pathlib import Path
from ecg2lab.system.aside import aside
with aside(Path(sys.argv[1])) as place:
    (place / "new").write_text("half")
    print(place.name, flush=True)
    sys.stdin.read()
    print((place / "new").read_text())
"""


def test_what_a_running_command_makes_is_left_alone(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", ALIVE, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        name = other.stdout.readline().strip()
        foreign = tmp_path / ".ecg2lab-0123456789ab.partial"
        foreign.symlink_to(tmp_path.parent)
        write_atomically(tmp_path / "next.json", "whole")
        assert set(left_in(tmp_path)) == {name, foreign.name}
        said, _ = other.communicate()
    assert said == "half\n"
    assert left_in(tmp_path) == [foreign.name]


ORPHANED = """
import os, signal
from ecg2lab_training.worker_pool import worker_pool
if __name__ == "__main__":
    pool = worker_pool(2)
    print(pool.submit(os.getpid).result(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_workers_end_with_a_command_that_is_killed():
    """Each worker holds the output, whose end is waited for."""
    done = subprocess.run([sys.executable, "-c", ORPHANED], capture_output=True, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert done.stdout
