"""`ecg2lab stream`: replays and raw samples, lines, JSON and the live table, interrupts."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import ecg2lab
from ecg2lab.recording.leads import STANDARD

pytestmark = pytest.mark.slow

RECORD = Path(__file__).parent.parent / "data" / "HR06000.hea"
ENVIRONMENT = {**os.environ, "COLUMNS": "80", "LINES": "24", "NO_COLOR": "1", "PYTHONWARNINGS": "ignore"}
RAW = ("--fs", "500", "--leads", ",".join(STANDARD), "--unit", "adc", "--gain", "1000")


def command(*arguments):
    return [sys.executable, "-m", "ecg2lab", "stream", *map(str, arguments)]


def run(*arguments, **options):
    return subprocess.run(command(*arguments), capture_output=True, env=ENVIRONMENT, timeout=120, **options)


def answers(done):
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def refused(done, code=1):
    """The refusal: exactly one line on stderr, and no traceback."""
    assert done.returncode == code, (done.stdout, done.stderr)
    (line,) = done.stderr.decode().strip().splitlines()
    return line


def test_a_replayed_record_is_answered_as_the_stream_answers(bundle, engine, recording):
    found = answers(run(bundle, RECORD, "--hop", 0.5, "--speed", "max", "--json"))
    stream = engine.stream(fs=500, leads=STANDARD, unit="mV", hop_s=0.5, patient=recording.subject)
    expected = stream.push(recording.samples) + stream.finish()
    assert [a["position"]["window"] for a in found] == list(range(16))
    for ours, theirs in zip(found, expected, strict=True):
        assert [f["probability"] for f in ours["findings"]] == [f.probability for f in theirs.findings]
        assert ours["notice"] == "synthetic weights, not for clinical use"


def test_facts_are_options_as_in_a_file(bundle, tmp_path):
    (tmp_path / "p.json").write_text('{"age": 70, "temperature_c": 38.5}')
    by_file = answers(run(bundle, RECORD, "--speed", "max", "--json", "--patient", tmp_path / "p.json"))
    by_options = answers(run(bundle, RECORD, "--speed", "max", "--json", "--age", 70, "--temperature-c", 38.5))
    assert by_options[0]["patient"]["given"] == by_file[0]["patient"]["given"]
    assert [a["findings"] for a in by_options] == [a["findings"] for a in by_file]


def test_lines_say_when_and_what(bundle):
    done = run(bundle, RECORD, "--speed", "max")
    lines = done.stdout.decode().splitlines()
    assert len(lines) == 8
    assert lines[3].startswith("SYNTHETIC WEIGHTS, NOT FOR CLINICAL USE: 3.00 to 5.50 s, ")
    assert all("s behind: flagged: " in line for line in lines)


def test_each_line_can_be_cut_out_alone(bundle, pointed, recording):
    """With its notice, its window, and the moment of each probability; so can a refused one."""
    counts = np.round(recording.samples * 1000).T.astype("<f4")
    counts[2500:, 7] = np.nan
    for model, samples in ((bundle, counts), (pointed, counts[:2500])):
        done = run(model, "-", *RAW, "--type", "float32", input=samples.tobytes())
        for line in done.stdout.decode().splitlines():
            assert re.match(r"SYNTHETIC WEIGHTS, NOT FOR CLINICAL USE: \d+\.\d\d to \d+\.\d\d s, ", line)
            assert not re.search(r"(?<!now)(?<!min) \d+%, right in", line)
    assert "refused: lead V2" in run(bundle, "-", *RAW, "--type", "float32", input=counts.tobytes()).stdout.decode()


@pytest.mark.parametrize(("sample_type", "dtype"), [("int16", "<i2"), ("float32", "<f4"), ("float64", "<f8")])
def test_raw_samples_on_standard_input_are_the_record(bundle, sample_type, dtype, recording):
    counts = np.round(recording.samples * 1000).T.astype(dtype)
    found = answers(run(bundle, "-", *RAW, "--type", sample_type, "--json", input=counts.tobytes()))
    expected = answers(run(bundle, RECORD, "--speed", "max", "--json"))
    assert len(found) == len(expected) == 8
    assert found[0]["recording"] == expected[0]["recording"]
    assert found[0]["patient"]["given"] == {}  # raw samples know no patient


def test_an_answer_comes_before_the_input_ends(bundle, recording):
    """Through a pipe that stays open: nothing is held back in a buffer."""
    counts = np.round(recording.samples[:, :2500] * 1000).T.astype("<i2").tobytes()
    with subprocess.Popen(
        command(bundle, "-", *RAW, "--json"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT
    ) as process:
        process.stdin.write(counts)
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["position"]["window"] == 0
        process.stdin.close()
        assert process.wait(60) == 0


def test_a_replay_takes_the_time_of_the_record_over_the_speed(bundle):
    began = time.monotonic()
    assert run(bundle, RECORD, "--speed", 5).returncode == 0
    assert time.monotonic() - began >= 10 / 5


def test_refusals_are_answers_and_only_refusals_are_no_success(bundle, recording):
    counts = np.round(np.tile(recording.samples, 2) * 1000).T
    counts[6000:, 7] = np.nan
    found = answers(run(bundle, "-", *RAW, "--type", "float32", "--json", input=counts.astype("<f4").tobytes()))
    assert {a["refusal"] is None for a in found} == {True, False}
    assert found[-1]["refusal"] == {
        "type": "QualityError",
        "message": "lead V2 without any value (all NaN); check the electrodes and record again",
    }
    assert "no answer: all 18 windows" in refused(run(bundle, "-", *RAW, input=bytes(240000)))


def test_what_cannot_be_streamed_is_one_line(bundle, tmp_path):
    assert "1.2 s of signal hold no whole window" in refused(run(bundle, "-", *RAW, input=bytes(600 * 24)))
    assert "0 s of signal hold no whole window" in refused(run(bundle, "-", *RAW, input=b""))
    assert "ended within a sample: 23 of 24 bytes" in refused(run(bundle, "-", *RAW, input=bytes(23)))
    assert "there is no recording" in refused(run(bundle, tmp_path / "none.hea"))
    assert "not a whole number of samples" in refused(run(bundle, RECORD, "--hop", 0.333))
    assert "unknown lead" in refused(run(bundle, "-", "--fs", 500, "--leads", "I,Q", "--unit", "mV", input=b""))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("-", "--fs", 500, "--unit", "mV"), "--leads"),
        ((RECORD, "--unit", "mV"), "a record says its own"),
        ((RECORD, "--speed", 0), "above 0"),
        ((RECORD, "--speed", "nan"), "above 0"),
        ((RECORD, "--speed", "fast"), "above 0"),
    ],
)
def test_misuse(bundle, arguments, complaint):
    done = run(bundle, *arguments)
    assert done.returncode == 2
    assert complaint in " ".join(done.stderr.decode().replace("│", " ").split())


def test_an_interrupt_in_the_middle_of_a_replay_is_130_and_quiet(bundle):
    with subprocess.Popen(
        command(bundle, RECORD, "--json"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT
    ) as process:
        assert process.stdout.readline().startswith(b"{")
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=60)
    assert (process.returncode, complaint.strip()) == (130, b"")


def in_terminal(*arguments, interrupt_at=None, columns=80, rows=24):
    """Run in a pseudo-terminal of 80 columns and 24 rows; give exit code and everything that was drawn."""
    main, side = pty.openpty()
    environment = {**ENVIRONMENT, "TERM": "xterm", "COLUMNS": str(columns), "LINES": str(rows)}
    process = subprocess.Popen(command(*arguments), stdin=side, stdout=side, stderr=side, env=environment)
    os.close(side)
    drawn = b""
    while True:
        try:
            content = os.read(main, 65536)
        except OSError:  # the other side has closed
            break
        drawn += content
        if not content:
            break
        if interrupt_at is not None and interrupt_at in drawn:
            process.send_signal(signal.SIGINT)
            interrupt_at = None
    os.close(main)
    return process.wait(60), drawn.decode()


def test_the_live_table_fits_the_terminal_and_the_last_one_stays(bundle):
    code, drawn = in_terminal(bundle, RECORD, "--speed", "max")
    assert code == 0
    assert "SYNTHETIC WEIGHTS, NOT FOR CLINICAL USE" in drawn
    assert "7.00 to 9.50 s" in drawn
    last = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", drawn[drawn.rindex("Laboratory value") :])
    lines = [line.rstrip() for line in last.splitlines()]
    assert max(map(len, lines)) <= 80
    assert all(re.search(r" (▲ +\d+%.* [▁▂▃▄▅▆▇█]{8} +\?|○ +\d+%.* [▁▂▃▄▅▆▇█]{8})$", x) for x in lines[1:11])
    assert "◇ outside experience  ▲ flagged  ◐ unsure  ○ not flagged  – no decision" in last
    assert "?: threshold of unknown operating point" in last
    assert drawn.rstrip().endswith("\x1b[?25h")  # the cursor is back


def test_a_target_without_a_threshold_is_shown_without_a_decision():
    """The packaged model has such targets."""
    from ecg2lab.demo import bundle_path, record_path

    code, drawn = in_terminal(bundle_path(), record_path(), "--speed", "max", rows=60)
    assert code == 0
    assert re.search(r" – +\d+% ", re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", drawn))


def test_a_flag_says_how_often_such_a_flag_of_one_window_is_right(pointed, recording):
    """In a line and in the table, as the answer says it."""
    done = run(pointed, RECORD, "--speed", "max", "--hop", 7)
    with ecg2lab.load(pointed) as engine:
        stream = engine.stream(fs=500, leads=STANDARD, unit="mV", hop_s=7, patient=recording.subject)
        first, *_ = stream.push(recording.samples) + stream.finish()
    points = [f.operating_point for f in first.findings if f.detected and f.operating_point]
    assert {point.windows for point in points} == {1}
    shares = {f"right in {point.ppv.value:.0%}" for point in points}
    line = done.stdout.decode().splitlines()[0]
    assert shares
    assert all(share in line for share in shares)
    _, drawn = in_terminal(pointed, RECORD, "--speed", "max", "--hop", 7)
    assert re.search(r"▲ +\d+%.* \d+%\s*$", re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", drawn), re.MULTILINE)


@pytest.mark.parametrize("columns", [40, 50, 69])
def test_a_narrow_terminal_gets_a_compact_table_with_what_is_flagged_first(columns):
    from ecg2lab.demo import bundle_path, record_path

    code, drawn = in_terminal(bundle_path(), record_path(), "--speed", "max", "--hop", 7, columns=columns)
    assert code == 0
    last = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", drawn[drawn.rindex("SYNTHETIC WEIGHTS, NOT FOR CLINICAL USE") :])
    lines = [line.rstrip() for line in last.splitlines()]
    assert max(map(len, lines)) <= columns
    answers = [line for line in lines if "%" in line]
    assert re.fullmatch(r"Hemoglobin < 12.*( ▲ \d\d%){4}", answers[0])  # now, and within 30, 60, 120 minutes
    flagged = ["▲" in line for line in answers]
    assert flagged == sorted(flagged, reverse=True)
    assert any(flagged)
    assert len(lines) <= 24
    assert re.search(r"… and \d+ more", last)


def test_an_interrupted_table_gives_the_cursor_back(bundle):
    code, drawn = in_terminal(bundle, RECORD, interrupt_at=b"0.00 to 2.50 s")
    assert code == 130
    assert "\x1b[?25h" in drawn
    assert "Traceback" not in drawn


def test_the_demo_model_streams_the_packaged_record():
    from ecg2lab.demo import bundle_path, record_path

    found = answers(run(bundle_path(), record_path(), "--hop", 1, "--speed", "max", "--json"))
    assert len(found) == 8
    assert ecg2lab.read(record_path()).duration_s == 10


def test_the_example_of_the_docs_runs(capsys):
    page = (Path(__file__).parents[2] / "docs" / "streaming.md").read_text(encoding="utf-8")
    exec(page.split("```python\n")[1].split("```")[0], {})
    ends = [float(line.split()[0]) for line in capsys.readouterr().out.splitlines()]
    assert ends == [2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5][: len(ends)]
    assert len(ends) >= 7
