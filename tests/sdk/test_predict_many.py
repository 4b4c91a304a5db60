"""Many recordings, threads and asyncio: each answer is the one that `predict` alone gives."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import ecg2lab
from ecg2lab import engine as engines
from ecg2lab.errors import ContractError, PatientError, QualityError, RecordingError


@pytest.fixture(scope="module")
def engine(bundle):
    with ecg2lab.load(bundle, threads=1) as loaded:
        yield loaded


@pytest.fixture(scope="module")
def recording(records):
    return ecg2lab.read(records / "HR06000.hea")


@pytest.fixture(scope="module")
def questions(recording):
    """Of one to four windows, and patients of whom more or less is known."""
    made = []
    for number in range(40):
        length = 1250 * (1 + number % 4) + number
        samples = recording.samples[:, :length] * (1 + number / 100)
        part = ecg2lab.Recording(samples, fs=500, leads=recording.leads, unit="mV", source={"order_id": str(number)})
        made.append((part, ecg2lab.Patient(age=30 + number, sex="male") if number % 3 else None))
    return made


@pytest.fixture(scope="module")
def alone(engine, questions):
    return [engine.predict(recording, patient) for recording, patient in questions]


def test_together_as_alone_to_the_last_bit(engine, questions, alone):
    assert sum(prediction.recording.windows for prediction in alone) > engines.WINDOWS_AT_ONCE
    assert list(engine.predict_many(questions)) == alone


def test_refusals_stand_in_their_place(engine, questions, alone, recording):
    flat = ecg2lab.Recording(np.zeros((12, 5000)), fs=500, leads=recording.leads, unit="mV")
    child = ecg2lab.Patient(age=5)
    asked = [(flat, None), questions[0], (questions[1][0], child), "no recording", questions[2]]
    found = list(engine.predict_many(asked))
    assert [type(x) for x in found[::2][:2]] == [QualityError, PatientError]
    assert type(found[3]) is RecordingError
    assert [found[1], found[4]] == [alone[0], alone[2]]
    with pytest.raises(QualityError) as refusal:
        engine.predict(flat)
    assert str(found[0]) == str(refusal.value)


def test_recordings_are_taken_as_they_are_needed(engine, recording):
    """A generator that reads files need not be spent before the first answer."""
    taken = []

    def recordings():
        for number in range(100):
            taken.append(number)
            yield recording

    answers = engine.predict_many(recordings())
    assert not taken
    next(answers)
    windows = engine.predict(recording).recording.windows
    assert len(taken) == -(-engines.WINDOWS_AT_ONCE // windows)


def test_nothing_asked_and_only_refusals(engine, recording):
    assert list(engine.predict_many([])) == []
    short = ecg2lab.Recording(recording.samples[:, :600], fs=500, leads=recording.leads, unit="mV")
    assert [type(x) for x in engine.predict_many([short, short])] == [RecordingError] * 2


def test_an_unknown_target_concerns_all(engine, questions):
    with pytest.raises(ContractError, match="unknown target"):
        list(engine.predict_many(questions, targets=["cheese"]))


def test_chosen_targets(engine, questions):
    name = engine.contract.target_names[3]
    assert {len(p.findings) for p in engine.predict_many(questions[:3], targets=[name])} == {1}


def test_a_closed_engine(bundle, questions):
    engine = ecg2lab.load(bundle)
    engine.close()
    with pytest.raises(ecg2lab.BackendError, match="closed"):
        list(engine.predict_many(questions))


def test_asyncio(engine, questions, alone):
    async def ask():
        return await asyncio.gather(*(engine.apredict(*question) for question in questions))

    assert asyncio.run(ask()) == alone


def test_asyncio_passes_refusals_on(engine, recording):
    async def ask():
        await engine.apredict(recording, ecg2lab.Patient(age=5))

    with pytest.raises(PatientError):
        asyncio.run(ask())


def test_the_event_loop_goes_on(engine, recording):
    """Something else gets its turn before the answer is there."""
    order = []

    async def other():
        await asyncio.sleep(0)
        order.append("other")

    async def ask():
        await engine.apredict(recording)
        order.append("answer")

    async def both():
        await asyncio.gather(ask(), other())

    asyncio.run(both())
    assert order == ["other", "answer"]


def test_threads_share_an_engine(bundle, questions, alone):
    with ecg2lab.load(bundle, threads=2) as shared, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda question: shared.predict(*question), questions * 3))
    assert [p.findings for p in found] == [p.findings for p in alone * 3]


def test_findings_by_category(alone):
    groups = alone[0].by_category()
    assert [f for findings in groups.values() for f in findings] == sorted(
        alone[0].findings, key=lambda f: list(groups).index(f.criterion.category)
    )
