"""Processes that are forked off one that has loaded a model, and interpreters that end while threads answer.

Each case is a program of its own: a process that hangs or is ended by a signal must not be that of the tests.
"""

import os
import subprocess
import sys
import textwrap

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no process is forked here"),
]
BACKENDS = ("native", "onnxruntime")

BEGIN = """
import gc, os, signal, sys, threading
import ecg2lab
from ecg2lab.demo import bundle_path, record_path

backend, recording = sys.argv[1], ecg2lab.read(record_path())
def load(threads=2):
    return ecg2lab.load(bundle_path(), backend=backend, threads=threads)
def ask(engine):
    return engine.predict(recording).findings[0].probability
def refused(call):
    try:
        call()
    except ecg2lab.BackendError as error:
        assert "forked" in str(error) and "load the bundle" in str(error), error
    else:
        raise AssertionError("it was not refused")
signal.alarm(60)  # which ends what hangs; children have it, too, if they set it
engine = load()
expected = ask(engine)
"""


def run(backend, program, before=""):
    """Run it to its end; returns what it printed."""
    source = before + BEGIN + textwrap.dedent(program)
    command = [sys.executable, "-c", source, backend]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("threads", [1, 2])
def test_an_inherited_engine_is_refused_and_freed_and_another_answers(backend, threads):
    """By another engine in its place, by close, by the collector and at the end of the interpreter."""
    run(
        backend,
        f"""
        engines = [load({threads}) for _ in range(3)]
        stream = engine.stream(fs=recording.fs, leads=recording.leads, unit="mV", by="windows")
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            for each in (engine, *engines):
                refused(lambda: ask(each))
            refused(lambda: stream.push(recording.samples))
            engine = load()
            assert ask(engine) == expected
            engines[0].close()
            del stream, engines[1]
            gc.collect()
            sys.exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert ask(engine) == expected
        """,
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_workers_of_multiprocessing_load_their_own(backend):
    """A pool that forks, whose workers keep an engine each in place of the inherited one, as web servers' do."""
    run(
        backend,
        """
        import multiprocessing

        def begin():
            global engine
            signal.alarm(60)
            engine = load()

        def answer(number):
            return ask(engine)

        with multiprocessing.get_context("fork").Pool(2, begin) as pool:
            assert pool.map(answer, range(6)) == [expected] * 6
            pool.close()
            pool.join()
        process = multiprocessing.get_context("fork").Process(target=refused, args=(lambda: ask(engine),))
        process.start()
        process.join()
        assert process.exitcode == 0
        """,
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_process_forked_in_the_middle_of_answers_loads_and_answers(backend):
    """What other threads held when it was forked off is held for ever there: locks, memories, half a filter."""
    run(
        backend,
        """
        rates = iter(range(300, 2000))
        stop = False
        def keep_asking():
            while not stop:
                odd = ecg2lab.Recording(recording.samples, fs=next(rates), leads=recording.leads, unit="mV")
                try:
                    engine.predict(odd)
                except ecg2lab.Ecg2LabError:
                    pass
        threads = [threading.Thread(target=keep_asking) for _ in range(2)]
        for thread in threads:
            thread.start()
        for _ in range(8):
            child = os.fork()
            if child == 0:
                signal.alarm(60)
                engine = load()
                os._exit(0 if ask(engine) == expected else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        stop = True
        for thread in threads:
            thread.join()
        """,
    )


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("what", ["predict", "stream", "prepare"])
def test_daemon_threads_that_answer_at_the_end_abort_nothing(backend, what):
    run(
        backend,
        f"""
        def keep_asking():
            stream = engine.stream(fs=recording.fs, leads=recording.leads, unit="mV", by="windows")
            while True:
                begun.release()
                if {what!r} == "predict":
                    ask(engine)
                elif {what!r} == "stream":
                    stream.push(recording.samples)
                else:
                    ecg2lab.Recording(recording.samples, fs=500, leads=recording.leads, unit="uV")
        begun = threading.Semaphore(0)
        for _ in range(4):
            threading.Thread(target=keep_asking, daemon=True).start()
        for _ in range(12):
            begun.acquire()
        """,
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_runs_at_the_end_may_still_answer(backend):
    """An exit handler that was registered before the library was imported runs after all that it does at the end."""
    before = 'import atexit\natexit.register(lambda: print("answered", ask(engine) == expected))\n'
    said = run(backend, "", before)
    assert said == "answered True\n"


FLOATS = """
import ctypes, ctypes.util
libm = ctypes.CDLL(ctypes.util.find_library("m"))
answers = set()
for mode in (0x000, 0x400, 0x800, 0xC00):  # of x86
    assert libm.fesetround(mode) == 0
    answers.add(ask(engine))
    answers.add(load().predict(recording).findings[0].probability)
    assert libm.fegetround() == mode
    libm.fesetround(0)
assert answers == {expected}, answers
"""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the codes of rounding modes are those of x86")
def test_the_rounding_mode_of_the_program_changes_no_answer():
    run("native", FLOATS)
