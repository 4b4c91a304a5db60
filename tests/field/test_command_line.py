"""The command line where it is used: odd names, closed streams, full disks, empty arguments, other people's settings."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import ecg2lab_command, refused, succeeded

from ecg2lab.demo import bundle_path, record_path

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="names of bytes, shells")]

NAMES = {
    "no UTF-8": b"caf\xe9",
    "escape sequence": b"a\x1b[31mred\x1b]0;title\x07",
    "8-bit controls": "a\u009b31m".encode(),
    "turned direction": "a\u202egpj.b".encode(),
    "markup": b"[red]x[bold]:smile:[pH]",
    "broken markup": b"[/nope",
    "new line": b"a\nerror: all is well",
}
MOVES = [chr(code) for code in (*range(10), *range(11, 32), *range(0x7F, 0xA0), 0x202E)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """For each name a folder of it with a model, a record and a letter of that name."""
    made = {}
    for kind, name in NAMES.items():
        folder = os.fsencode(tmp_path_factory.mktemp("field")) + b"/" + name
        os.mkdir(folder)
        shutil.copy(bundle_path(), folder + b"/" + name + b".ecg2lab")
        shutil.copy(record_path().with_suffix(".hea"), folder + b"/" + name + b".hea")
        shutil.copy(record_path().with_suffix(".mat"), folder)
        Path(os.fsdecode(folder + b"/" + name + b".txt")).write_text("Dear colleague")
        made[kind] = Path(os.fsdecode(folder)), os.fsdecode(name)
    return made


def raw(*arguments, cwd):
    """What a command wrote, as bytes."""
    environment = {**os.environ, "COLUMNS": "80", "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "ecg2lab", *map(os.fsencode, arguments)]
    return subprocess.run(command, capture_output=True, env=environment, cwd=cwd, timeout=120)


def shows_plainly(result):
    """Text, no traceback, nothing that moves a cursor, colours, or begins a line of its own."""
    for output in (result.stdout, result.stderr):
        text = output.decode()
        assert not [move for move in MOVES if move in text], text
        assert "\nerror: all" not in text
        assert "nternal" not in text
        assert "Traceback" not in text


@pytest.mark.parametrize("kind", NAMES)
def test_a_name_is_shown_and_never_acts(folders, kind):
    folder, name = folders[kind]
    model, record, letter = (f"{name}.{ending}" for ending in ("ecg2lab", "hea", "txt"))
    for arguments in (
        ("predict", model, record),
        ("predict", model, record, letter, "--json"),
        ("predict", model, letter, "--format", "fhir"),
        ("predict", model, record, letter, "--format", "html", "--out", f"out-{name}"),
        ("predict", model, record, "--patient", letter),
        ("predict", model, record, "--target", name),
        ("predict", model, record, f"--{name}"),
        (name,),
        ("inspect", model),
        ("inspect", letter),
        ("stream", model, record, "--speed", "max", "--json"),
        ("demo", "--out", f"demo-{name}"),
        ("demo", "--out", letter),
    ):
        shows_plainly(raw(*arguments, cwd=folder))
    assert (folder / f"out-{name}" / f"{name}.html").exists()
    assert (folder / f"demo-{name}" / "report.html").exists()


@pytest.mark.parametrize("kind", NAMES)
def test_a_record_of_any_name_has_its_answer(folders, kind):
    folder, name = folders[kind]
    done = raw("predict", f"{name}.ecg2lab", f"{name}.hea", "--json", cwd=folder)
    answer = json.loads(done.stdout)
    assert done.returncode == 0
    assert answer["findings"]
    shown = answer["record"]
    assert len(shown) == len(f"{name}.hea")
    assert all(letter == given or letter == "?" for letter, given in zip(shown, f"{name}.hea", strict=True))


VERBS = {
    "predict": ("predict", bundle_path(), record_path()),
    "predict --json": ("predict", bundle_path(), record_path(), "--json"),
    "inspect": ("inspect", bundle_path()),
    "demo": ("demo", "--out", "demo"),
    "stream": ("stream", bundle_path(), record_path(), "--speed", "max"),
    "--help": ("--help",),
}


def in_shell(arguments, redirections, cwd):
    """Exit code, and what reached the streams that were not redirected."""
    words = " ".join(f"'{word}'" for word in (sys.executable, "-m", "ecg2lab", *arguments))
    return subprocess.run(
        ["/bin/sh", "-c", f"{words} {redirections}"], capture_output=True, text=True, cwd=cwd, timeout=120
    )


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_a_closed_stream_is_the_null_device(tmp_path, verb, closed):
    done = in_shell(VERBS[verb], closed, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert bool(done.stdout) == (">&-" not in closed.split() and " >&- " not in closed)
    if verb == "demo":
        assert {path.name for path in (tmp_path / "demo").iterdir()} == {"report.html", "report.json", "ecg.png"}


@pytest.mark.parametrize("verb", VERBS)
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


@pytest.mark.parametrize("backend", ["nonsense", "module://nonsense", "Qt5Agg"])
def test_pictures_do_not_ask_for_the_users_backend(tmp_path, monkeypatch, backend):
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nbackend: nonsense\nfont.size: 40\n")
    monkeypatch.setenv("MPLBACKEND", backend)
    succeeded(ecg2lab_command("demo", "--out", "demo", cwd=tmp_path))


def test_settings_of_matplotlib_that_are_no_text_are_named(tmp_path):
    (tmp_path / "matplotlibrc").write_bytes(b"\xff\xfe\x00")
    assert "matplotlibrc is no text; remove it" in refused(ecg2lab_command("demo", "--out", "demo", cwd=tmp_path))


HALFWAY = """
import os, signal, sys
from ecg2lab.system import files
def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)
os.fsync = killed
files.write_atomically(sys.argv[1], "half")
"""


def left_in(folder):
    return [path.name for path in folder.iterdir() if path.name.endswith(".partial")]


def test_what_a_killed_command_left_goes_with_the_next(tmp_path):
    target = tmp_path / "report.json"
    killed = subprocess.run([sys.executable, "-c", HALFWAY, target], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert len(left_in(tmp_path)) == 1
    succeeded(ecg2lab_command("demo", "--out", tmp_path))
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
        succeeded(ecg2lab_command("demo", "--out", tmp_path))
        assert set(left_in(tmp_path)) == {name, foreign.name}
        said, _ = other.communicate()
    assert said == "half\n"
    assert left_in(tmp_path) == [foreign.name]
