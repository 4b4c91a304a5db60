"""`logging.getLogger("ecg2lab")`: what the C library's callback says, and nothing of a patient, at any level."""

import re
import subprocess
import sys

import numpy as np
import pytest

import ecg2lab

# Numbers and words that stand in no sentence of ours.
FACTS = {"age": 73.91625, "systolic_mmhg": 173.91625, "sex": "female", "race": "asian"}
BAD_FACTS = {"temperature_c": 7391.625, "weight_kg": 7391.625, "age": -7391.625}
SOURCE = {"patient_id": "5531", "patient": "Meyer ä 7731", "order": "8842-A", "device": "Kardio 9000"}
SECRETS = re.compile(r"7391|173\.9|73\.9|5531|7731|8842|Meyer|Kardio|\bfemale\b|\basian\b|HR06000")
CHANGES = {
    "good": lambda s: s,
    "flat": lambda s: np.where(np.arange(12)[:, None] == 3, 2.718253, s),
    "clipped": lambda s: s * 7391.625,
    "infinite": lambda s: np.where(s > 1, np.inf, s),
    "short": lambda s: s[:, :200],
}


@pytest.fixture
def lines(caplog):
    """What was said since it was last asked: logger, level, message."""
    caplog.set_level(1)

    def take():
        said = [(r.name, r.levelname, r.getMessage()) for r in caplog.records if r.name.startswith("ecg2lab")]
        caplog.clear()
        return said

    return take


def changed(recording, change):
    return ecg2lab.Recording(change(recording.samples), fs=500, leads=recording.leads, unit="mV", source=SOURCE)


def test_a_load_is_said_in_the_words_of_the_c_library(bundle, lines):
    with ecg2lab.load(bundle, threads=1) as engine:
        (line,) = lines()
    assert line[:2] == ("ecg2lab", "INFO")
    assert re.fullmatch(r"loaded parity test model.*, bundle [0-9a-f]{64}, fp32 on \w+, threads 1", line[2])
    assert engine.info.bundle_digest in line[2]


def test_an_answer_is_nothing_to_log(engine, recording, lines):
    engine.predict(recording, ecg2lab.Patient(age=63))
    assert lines() == []


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_refusals_are_said_once_and_nothing_of_a_patient_is(engine, recording, lines, change):
    ours = changed(recording, change)
    for facts in (FACTS, {**FACTS, **BAD_FACTS}):
        patient = ecg2lab.Patient(**facts)
        try:
            engine.predict(ours, patient)
            expected = []
        except ecg2lab.Ecg2LabError as error:
            expected = [("ecg2lab", "WARNING", f"refused: {error}")]
        said = lines()
        assert said == expected
        answers = engine.predict_many([(ours, patient), (ours, patient)])
        assert sum(isinstance(answer, ecg2lab.Ecg2LabError) for answer in answers) == 2 * len(expected)
        assert lines() == expected * 2
        assert not any(SECRETS.search(line) for _, _, line in said)


def test_a_stream_says_refused_windows_and_nothing_of_a_patient(engine, recording, lines):
    patient = ecg2lab.Patient(**FACTS)
    stream = engine.stream(fs=500, leads=recording.leads, unit="mV", hop_s=2.5, patient=patient, source=SOURCE)
    answers = stream.push(CHANGES["flat"](recording.samples)) + stream.finish()
    said = [line for _, _, line in lines()]
    assert said == [f"refused: {answer.refusal.message}" for answer in answers]
    assert len(said) == 4
    assert not any(map(SECRETS.search, said))


@pytest.mark.slow
def test_who_does_not_listen_sees_nothing_and_pays_nothing():
    """Not even the import of `logging`; and a warning does not go to stderr by itself."""
    code = (
        "import sys; {before}; import ecg2lab, numpy; from ecg2lab.demo import bundle_path; "
        "engine = ecg2lab.load(bundle_path()); {within}; "
        "recording = ecg2lab.Recording(numpy.zeros((2, 5000)), fs=500, leads=['I', 'II'], unit='mV')\n"
        "try: engine.predict(recording)\n"
        "except ecg2lab.RecordingError: print('logging' in sys.modules)\n"
    )
    for before, within, imported in (("0", "0", False), ("import logging", "0", True), ("0", "import logging", True)):
        command = [sys.executable, "-c", code.format(before=before, within=within)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert (done.stdout.strip(), done.stderr) == (str(imported), "")
