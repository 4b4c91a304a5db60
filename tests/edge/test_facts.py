"""Which facts belong to an ECG: by number, authority and time; and that an answer says where each is from."""

import time
from datetime import datetime, timezone

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from ecg2lab.demo import bundle_path
from ecg2lab.edge.config import Facts, decode
from ecg2lab.edge.facts import matching as facts
from ecg2lab.edge.facts import moments
from ecg2lab.edge.facts import table as fact_table
from ecg2lab.edge.facts.matching import Fact, Held, Number, Statement
from ecg2lab.edge.ledger import Ledger
from ecg2lab.errors import ConfigurationError
from ecg2lab.patient import Patient
from ecg2lab.report import hl7 as hl7_report
from ecg2lab.report import words

MIN, DAY = 60.0, 86_400.0
ECG = datetime(2026, 11, 30, 14, 0, tzinfo=timezone.utc).timestamp()
SOURCE = {"patient_id": "7", "acquired": "2026-11-30 15:00:00"}
BERLIN = Facts(zone="Europe/Berlin")


@pytest.fixture(scope="module")
def contract():
    import ecg2lab

    with ecg2lab.load(bundle_path(), threads=1) as engine:
        return engine.contract


@pytest.fixture
def match(contract):
    """`match(held, known=…, source=…, **told)`."""

    def run(held, known=None, source=SOURCE, **told):
        return facts.match(held, Facts(**{"zone": "Europe/Berlin", **told}), source, known or Patient(), contract)

    return run


def vital(offset_s=0.0, value=80.0, name="heart_rate_bpm", authority="", origin="HL7 ORU^R01"):
    return Held(authority, Fact(name, ECG + offset_s, value), origin)


# --- moments


@pytest.mark.parametrize(
    ("acquired", "zone", "utc"),
    [
        ("2026-11-30 15:00:00", "Europe/Berlin", "2026-11-30T14:00:00"),
        ("2026-07-30 15:00:00", "Europe/Berlin", "2026-07-30T13:00:00"),
        ("20261130150000+0500", "Europe/Berlin", "2026-11-30T10:00:00"),
        ("2026-11-30T14:00:00Z", "America/New_York", "2026-11-30T14:00:00"),
        ("2026-11-30 15:00", "Europe/Berlin", "2026-11-30T14:00:00"),
        ("20261130150000.123", "Europe/Berlin", "2026-11-30T14:00:00"),
        ("2026-12-31 23:59:60", "UTC", "2027-01-01T00:00:00"),
        ("2026-10-25 01:59:59", "Europe/Berlin", "2026-10-24T23:59:59"),
        ("2026-10-25 03:00:00", "Europe/Berlin", "2026-10-25T02:00:00"),
        ("2026-03-29 01:59:59", "Europe/Berlin", "2026-03-29T00:59:59"),
        ("2026-03-29 03:00:00", "Europe/Berlin", "2026-03-29T01:00:00"),
    ],
)
def test_a_time_without_zone_is_local(acquired, zone, utc):
    expected = datetime.fromisoformat(utc).replace(tzinfo=timezone.utc).timestamp()
    assert moments.of_ecg({"acquired": acquired}, zone).at == expected


@pytest.mark.parametrize(
    ("acquired", "zone", "why"),
    [
        (None, "UTC", "does not state when it was taken"),
        ("", "UTC", "does not state when it was taken"),
        ("yesterday", "UTC", "does not state when it was taken"),
        ("2026-11-30", "UTC", "no time of day"),
        ("2026-11-30 25:00", "UTC", "no time of day"),
        ("2026-10-25 02:00:00", "Europe/Berlin", "twice or never"),
        ("2026-10-25 02:59:59", "Europe/Berlin", "twice or never"),
        ("2026-03-29 02:30:00", "Europe/Berlin", "twice or never"),
        ("2026-11-01 01:30:00", "America/New_York", "twice or never"),
    ],
)
def test_what_is_not_known_to_a_moment_is_not_guessed(acquired, zone, why):
    moment = moments.of_ecg({"acquired": acquired}, zone)
    assert moment.at is None
    assert why in moment.why


def test_without_a_configured_zone_it_is_that_of_the_machine(monkeypatch):
    for zone, hour in (("Asia/Tokyo", 6), ("UTC", 15)):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        at = moments.of_ecg({"acquired": "2026-11-30 15:00:00"}, None).at
        assert datetime.fromtimestamp(at, timezone.utc).hour == hour
        assert moments.in_words(at, None) == "2026-11-30 15:00"
    monkeypatch.undo()
    time.tzset()


@given(st.datetimes(datetime(1950, 1, 1), datetime(2080, 1, 1)), st.sampled_from(["", "+0000", "-0930", "+1400"]))
@settings(max_examples=200, deadline=None)
def test_what_hl7_writes_is_read_as_python_reads_it(moment, offset):
    text = moment.strftime("%Y%m%d%H%M%S").rjust(14, "0") + offset
    read = moments.of_hl7(text, "UTC")
    expected = datetime.strptime(text if offset else f"{text}+0000", "%Y%m%d%H%M%S%z")
    assert read.at == expected.timestamp()


@given(st.text(max_size=30))
@settings(max_examples=300, deadline=None)
def test_no_text_is_more_than_refused_as_a_time(text):
    for read in (moments.of_hl7(text, "UTC"), moments.of_fhir(text, "UTC")):
        assert read is None or read.day is not None
    moments.of_ecg({"acquired": text}, "UTC")


# --- windows


@pytest.mark.parametrize("mode", ["nearest", "strict"])
@pytest.mark.parametrize(
    ("offset", "taken"),
    [
        (-30 * MIN, True), (-30 * MIN - 1, False), (-1, True), (0, True), (1, "later"), (30 * MIN, "later"),
        (30 * MIN + 1, False),
    ],
)  # fmt: skip
def test_vital_signs_are_taken_within_the_window(match, mode, offset, taken):
    found = match([vital(offset)], mode=mode)
    assert bool(found.facts) == (taken is True or (taken == "later" and mode == "nearest"))


@pytest.mark.parametrize(("minutes", "taken"), [(5, False), (10, True), (60, True)])
def test_the_window_can_be_said(match, minutes, taken):
    assert bool(match([vital(-10 * MIN)], minutes=minutes).facts) == taken


@pytest.mark.parametrize("name", ["height_cm", "weight_kg"])
@pytest.mark.parametrize(
    ("offset", "taken"), [(-30 * DAY, True), (-30 * DAY - 1, False), (2 * DAY, True), (31 * DAY, False)]
)
def test_height_and_weight_are_taken_within_days(match, name, offset, taken):
    assert bool(match([vital(offset, 100.0, name)]).facts) == taken


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ({-20 * MIN: 70, -5 * MIN: 80, 10 * MIN: 90}, 80),
        ({-20 * MIN: 70, 10 * MIN: 90}, 90),
        ({-10 * MIN: 70, 10 * MIN: 90}, 70),  # at the same distance the earlier
        ({-31 * MIN: 70, 29 * MIN: 90}, 90),
    ],
)
def test_of_several_the_nearest_in_time_is_taken(match, values, kept):
    held = [vital(offset, value) for offset, value in values.items()]
    for order in (held, held[::-1]):
        assert match(order).facts == {"heart_rate_bpm": kept}


@given(st.lists(st.tuples(st.integers(-3600, 3600), st.integers(30, 200)), max_size=8, unique_by=lambda pair: pair[0]))
@settings(max_examples=100, deadline=None)
def test_the_nearest_is_that_of_a_plain_search(contract, pairs):
    """Whatever the order in which they came."""
    held = [vital(offset, value) for offset, value in pairs]
    near = sorted((abs(offset), offset, value) for offset, value in pairs if abs(offset) <= 1800)
    expected = {"heart_rate_bpm": near[0][2]} if near else {}
    for order in (held, held[::-1], sorted(held)):
        assert facts.match(order, BERLIN, SOURCE, Patient(), contract).facts == expected


# --- who


def test_the_same_number_of_two_authorities_is_nobodys(match):
    held = [vital(value=60.0, authority="A"), vital(value=90.0, authority="B")]
    found = match(held)
    assert found.facts == {}
    assert "several authorities" in found.notes[0]
    assert match(held, authority="B").facts == {"heart_rate_bpm": 90}
    stated = {**SOURCE, "patient_authority": "A"}
    assert match(held, source=stated, authority="B").facts == {"heart_rate_bpm": 60}
    assert match(held, source={**SOURCE, "patient_authority": "urn:a"}, authorities={"urn:a": "A"}).facts == {
        "heart_rate_bpm": 60
    }


def test_an_authority_that_is_not_said_is_no_contradiction(match):
    assert match([vital()], authority="A").facts
    assert match([vital(authority="A")]).facts
    assert not match([vital(authority="B")], authority="A").facts
    both = [vital(value=60.0, authority="A"), vital(value=90.0)]
    assert match(both, authority="A").facts == {"heart_rate_bpm": 60}
    assert match(both).facts == {}


@pytest.mark.parametrize(("stated", "taken"), [("7", True), (" 7 ", True), ("07", False), ("7a", False), ("", False)])
def test_a_number_is_matched_exactly_after_trimming(tmp_path, contract, stated, taken):
    ledger = Ledger(tmp_path)
    ledger.facts.keep([Statement((Number("7"),), "HL7 ORU^R01", (Fact("heart_rate_bpm", ECG, 80.0),))], "x")
    assert bool(ledger.facts.of(facts.number_in({"patient_id": stated}))) == taken
    ledger.close()


@pytest.mark.parametrize(
    ("known", "held", "contradiction"),
    [
        (Patient(sex="male"), Fact("sex", 0.0, "female"), "sex"),
        (Patient(age=61), Fact("birth", 0.0, "19630412"), "age"),
        (Patient(age=66), Fact("birth", 0.0, "19630412"), "age"),
        (Patient(sex="female"), Fact("sex", 0.0, "female"), None),
        (Patient(age=62), Fact("birth", 0.0, "19630412"), None),
        (Patient(age=64), Fact("birth", 0.0, "19630412"), None),
        (Patient(age=90), Fact("birth", 0.0, "19260412"), None),  # above 89 is a floor
    ],
)
def test_where_the_person_differs_nothing_is_taken(match, known, held, contradiction):
    found = match([Held("", held, "HL7 ADT^A01"), vital()], known)
    if contradiction is None:
        assert found.facts == {"heart_rate_bpm": 80}
        assert found.notes == ()
    else:
        assert found.facts == {}
        said = f"the recording, and what is kept under its patient number, differ in {contradiction}: "
        assert found.notes[0].startswith(said)


def test_age_is_that_at_the_time_of_the_ecg(match):
    held = [
        Held("", Fact("birth", 0.0, "19630412"), "HL7 ADT^A01"),
        Held("", Fact("sex", 0.0, "female"), "HL7 ADT^A01"),
    ]
    for acquired, age in (("2026-04-11", 62), ("2026-04-12 00:00:00", 63), ("19630512 10:00", 30 / 365.2425)):
        found = match(held, source={**SOURCE, "acquired": acquired})
        assert found.facts == {"age": pytest.approx(age), "sex": "female"}
        assert found.origins == {"age": "HL7 ADT^A01, from the birth date", "sex": "HL7 ADT^A01"}
    assert match(held, source={"patient_id": "7"}).facts == {"sex": "female"}


@pytest.mark.parametrize("acquired", [None, "2026-11-30", "2026-10-25 02:30:00"])
def test_without_a_time_no_measurement_is_taken_and_that_is_said(match, acquired):
    found = match([vital(), vital(name="weight_kg")], source={**SOURCE, "acquired": acquired})
    assert found.facts == {}
    assert found.notes[0].startswith("measurements are kept under this patient number, and none was taken: ")


# --- what is known already


def test_what_is_stated_is_never_replaced(match):
    held = [vital(), vital(value=37.0, name="temperature_c"), vital(value=97.0, name="spo2_percent")]
    found = match(held, Patient(heart_rate_bpm=70, temperature_f=99))
    assert found.facts == {"spo2_percent": 97}
    Patient(heart_rate_bpm=70, temperature_f=99, **found.facts)


def test_bmi_follows_from_height_and_weight(match):
    bmi, height = vital(value=27.5, name="bmi"), vital(value=170.0, name="height_cm")
    assert match([bmi]).facts == {"bmi": 27.5}
    assert match([bmi, height], Patient(weight_kg=80)).facts == {"height_cm": 170}


def test_a_number_that_the_model_does_not_take_for_a_measurement_is_left_out(match, contract):
    beyond = [f for f in contract.continuous if f.name in ("height_cm", "weight_kg", "heart_rate_bpm", "temperature_f")]
    for feature in beyond:
        name, value = feature.name, feature.maximum + 1
        if name == "temperature_f":
            name, value = "temperature_c", (value - 32) / 1.8
        found = match([vital(value=value, name=name), vital(value=97.0, name="spo2_percent")])
        assert found.facts == {"spo2_percent": 97}
        assert "outside the model's range and was not taken" in found.notes[0]


@pytest.mark.parametrize(
    ("offset", "name", "said"),
    [
        (-12 * MIN, "heart_rate_bpm", "HL7 ORU^R01 at 2026-11-30 14:48, 12 min before"),
        (40, "heart_rate_bpm", "HL7 ORU^R01 at 2026-11-30 15:00, 40 s after"),
        (0, "heart_rate_bpm", "HL7 ORU^R01 at 2026-11-30 15:00, at the same time"),
        (-18 * DAY, "weight_kg", "HL7 ORU^R01 at 2026-11-12 15:00, 18 days before"),
        (-DAY, "weight_kg", "HL7 ORU^R01 at 2026-11-29 15:00, 1 day before"),
        (-5 * 60 * MIN, "weight_kg", "HL7 ORU^R01 at 2026-11-30 10:00, 5 h before"),
    ],
)
def test_an_origin_says_what_when_and_how_far(match, offset, name, said):
    assert match([vital(offset, 80.0, name)]).origins == {name: said}


# --- kept for so long


@pytest.fixture
def table(tmp_path):
    ledger = Ledger(tmp_path)
    yield ledger.facts
    ledger.close()


def statement(*said, number="7", authority="", **more):
    return Statement((Number(number, authority),), "HL7 ORU^R01", said, **more)


def test_facts_are_kept_across_restarts(tmp_path):
    for value in (80.0, 90.0):
        ledger = Ledger(tmp_path)
        ledger.facts.keep([statement(Fact("heart_rate_bpm", ECG, value))], "x")
        assert [held.fact.value for held in ledger.facts.of("7")] == [value]
        ledger.close()


def test_each_kind_expires_by_its_age(table):
    said = [Fact("heart_rate_bpm", ECG, 80.0), Fact("weight_kg", ECG, 80.0), Fact("birth", 0.0, "19630412")]
    table.keep([statement(*said)], "x")
    now, told = time.time(), Facts(keep_hours=24, body_days=30, person_days=300)
    for later, left in ((23 * 3600, 3), (25 * 3600, 2), (29 * DAY, 2), (31 * DAY, 1), (299 * DAY, 1), (301 * DAY, 0)):
        table.expire(fact_table.oldest(told, now + later))
        assert table.count() == left
    notes = [row["what"] for row in table._store.read("SELECT what FROM audit")]
    assert notes == ["kept 3 facts", "erased 1 facts by age", "erased 1 facts by age", "erased 1 facts by age"]


def test_a_clock_that_was_put_back_keeps_nothing_for_ever(table, monkeypatch):
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 5000 * DAY)
    table.keep([statement(Fact("heart_rate_bpm", ECG, 80.0))], "x")
    monkeypatch.undo()
    table.expire(fact_table.oldest(Facts(), real()))
    assert table.count() == 1
    table.expire(fact_table.oldest(Facts(), real() + 2 * DAY))
    assert table.count() == 0


def test_a_clock_that_jumps_does_not_change_what_is_matched(match, table, monkeypatch):
    """Only times of measurement and of the ECG count."""
    real = time.time
    for jump in (-3 * DAY, 3 * DAY):
        monkeypatch.setattr(time, "time", lambda jump=jump: real() + jump)
        table.keep([statement(Fact("heart_rate_bpm", ECG - 60, 80.0))], "x")
        assert match(table.of("7")).facts == {"heart_rate_bpm": 80}


def test_a_message_is_kept_whole_or_not_at_all(table):
    broken = Statement((Number("7"),), "x", (Fact("heart_rate_bpm", ECG, 80.0), Fact("heart_rate_bpm", None, 80.0)))
    with pytest.raises(Exception):  # noqa: B017, PT011
        table.keep([statement(Fact("spo2_percent", ECG, 97.0)), broken], "x")
    assert table.count() == 0


def test_within_a_long_stay_only_the_window_is_read(table):
    table.keep([statement(*(Fact("heart_rate_bpm", ECG + 60 * n, 80.0) for n in range(-1440, 1440)))], "x")
    table.keep([statement(Fact("heart_rate_bpm", ECG - 9 * DAY, 70.0), authority="B")], "x")
    held = table.of("7", facts.span(BERLIN, SOURCE))
    assert len([each for each in held if each.authority == ""]) == 61
    assert len(held) == 62  # and that another authority has the number, too
    assert len(table.of("7")) == 2881


def test_what_is_withdrawn_or_forgotten_is_gone(table):
    said = [Fact("heart_rate_bpm", ECG, 80.0), Fact("spo2_percent", ECG, 97.0), Fact("sex", 0.0, "male")]
    table.keep([statement(*said)], "x")
    assert table.keep([statement(withdrawn=(("spo2_percent", ECG),))], "x") == (0, 1)
    assert [held.fact.name for held in table.of("7")] == ["heart_rate_bpm", "sex"]
    assert table.keep([statement(forgotten=True)], "x") == (0, 2)


# --- answers


@pytest.fixture
def answered(opened, record):
    """`answered(facts…, given=…, origin=…, **configuration)`: the answer to a record of patient 7."""

    def answer(*said, given=None, origin="http", acquired=None, subject=None, **fields):
        node = opened(facts={"zone": "Europe/Berlin", **fields})
        if said:
            node.ledger.facts.keep([Statement((Number("7"),), "HL7 ORU^R01", said)], "x")
        head = record["HR06000.hea"].decode().splitlines()
        if acquired != "none":
            head[0] += " 15:00:00 30/11/2026"
        files = {"HR06000.hea": "\n".join([*head, ""]).encode(), "HR06000.mat": record["HR06000.mat"]}
        kept = node.ask(files, given or {}, origin=origin, sender="x", seconds=30)
        assert kept.state == "answered", kept
        return kept

    return answer


def source_with(monkeypatch, **stated):
    """WFDB headers state no patient number: have the engine's node see one."""
    from ecg2lab.edge import answering as module

    real = module.known

    def known(table, told, contract, sent, by, recording):
        recording.source = {**(recording.source or {}), **stated}
        return real(table, told, contract, sent, by, recording)

    monkeypatch.setattr(module, "known", known)


def test_an_answer_says_where_each_fact_is_from(answered, monkeypatch):
    source_with(monkeypatch, patient_id=" 7 ", acquired="2026-11-30 15:00:00")
    held = (Fact("heart_rate_bpm", ECG - 12 * MIN, 80.0), Fact("spo2_percent", ECG - 31 * MIN, 97.0))
    note = answered(*held, given={"age": 63.0}).said.patient
    assert (note.given["heart_rate_bpm"], note.given["age"], note.given["sex"]) == (80, 63, "female")
    assert (note.origins["sex"], note.from_recording) == ("recording", ("sex",))
    assert note.origins["heart_rate_bpm"] == "HL7 ORU^R01 at 2026-11-30 14:48, 12 min before"
    assert note.origins["age"] == "with the recording"
    assert "spo2_percent" in note.imputed
    assert set(note.origins) == set(note.given)


def test_facts_change_the_answer_as_given_ones_do(answered, monkeypatch, data_folder):
    source_with(monkeypatch, patient_id="7", acquired="2026-11-30 15:00:00")
    said = answered(Fact("heart_rate_bpm", ECG, 120.0)).said
    import ecg2lab

    with ecg2lab.load(bundle_path(), threads=1) as engine:
        expected = engine.predict(ecg2lab.read(data_folder / "HR06000.hea"), Patient(heart_rate_bpm=120))
    assert said.findings == expected.findings
    assert said.patient.given == expected.patient.given


def test_of_a_contradiction_the_recordings_word_stays_and_nothing_else_is_taken(answered, monkeypatch):
    source_with(monkeypatch, patient_id="7", acquired="2026-11-30 15:00:00")
    note = answered(Fact("heart_rate_bpm", ECG, 80.0), Fact("sex", 0.0, "male")).said.patient
    assert note.given["sex"] == "female"
    assert "heart_rate_bpm" not in note.given
    assert "differ in sex: nothing kept was taken" in note.notes[0]


@pytest.mark.parametrize(("origin", "said"), [("http", "with the recording"), ("folder", "sidecar")])
def test_what_came_with_it_goes_before_all_others(answered, monkeypatch, origin, said):
    source_with(monkeypatch, patient_id="7", acquired="2026-11-30 15:00:00")
    note = answered(Fact("heart_rate_bpm", ECG, 80.0), given={"heart_rate_bpm": 90.0}, origin=origin).said.patient
    assert note.given["heart_rate_bpm"] == 90
    assert note.origins["heart_rate_bpm"] == said


def test_what_was_not_taken_is_said_in_every_report(answered, monkeypatch):
    source_with(monkeypatch, patient_id="7", acquired="")
    said = answered(Fact("heart_rate_bpm", ECG, 80.0), given={"age": 63.0}).said
    note = said.patient.notes[0]
    assert note.startswith("measurements are kept under this patient number")
    assert ("Not taken", note) in words.inputs(said)
    assert f"NTE|4|L|{note}".encode() in hl7_report.message(said)


def test_reports_say_the_origin(answered, monkeypatch):
    source_with(monkeypatch, patient_id="7", acquired="2026-11-30 15:00:00")
    said = answered(Fact("heart_rate_bpm", ECG - 12 * MIN, 80.0), given={"age": 63.0}).said
    rows = dict(words.inputs(said))
    assert "heart rate 80/min (HL7 ORU^R01 at 2026-11-30 14:48, 12 min before)" in rows["Given"]
    assert "age 63 years (with the recording)" in rows["Given"]
    message = hl7_report.message(said).decode()
    assert "heart_rate_bpm 80: HL7 ORU\\S\\R01 at 2026-11-30 14:48, 12 min before" in message
    from ecg2lab.report.document import deidentified

    assert b"2026-11-30" not in deidentified(said).to_json()


def test_what_comes_to_be_known_later_changes_no_answer(opened, record, monkeypatch):
    source_with(monkeypatch, patient_id="7", acquired="2026-11-30 15:00:00")
    node = opened(facts={"zone": "Europe/Berlin"})
    told = {"origin": "http", "sender": "x", "seconds": 30}
    first = node.ask(record, {}, **told)
    node.ledger.facts.keep([statement(Fact("heart_rate_bpm", ECG, 80.0))], "x")
    assert node.ask(record, {}, **told) == first._replace(files=node.ask(record, {}, **told).files)


def test_what_cannot_be_looked_up_is_answered_later(opened, record, monkeypatch, wait_until):
    from ecg2lab.errors import StoreError

    source_with(monkeypatch, patient_id="7", acquired="2026-11-30 15:00:00")
    node, calls, real = opened(), [], fact_table.FactTable.of

    def of(table, number, between=None):
        calls.append(number)
        if len(calls) == 1:
            raise StoreError("cannot be read")
        return real(table, number, between)

    monkeypatch.setattr(fact_table.FactTable, "of", of)
    node.accept(record, {}, origin="http", sender="x")
    wait_until(lambda: node.ledger.counts().recordings == {"answered": 1})
    assert calls == ["7", "7"]


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"zone": "Europe/Nowhere"}, "no time zone that this machine has"),
        ({"zone": "../../etc/passwd"}, "zone"),
        ({"mode": "any"}, "mode"),
        ({"minutes": 0}, "minutes"),
        ({"codes": {"HR": "heart_rate"}}, "codes"),
    ],
)
def test_a_configuration_that_means_nothing_is_refused(told, said):
    with pytest.raises(ConfigurationError, match=said):
        decode({"facts": told}, "x")


def test_the_node_erases_what_is_too_old_by_itself(opened):
    node = opened(start=False, facts={"keep_hours": 1e-6, "body_days": 1, "person_days": 1e-9})
    said = (Fact("heart_rate_bpm", ECG, 80.0), Fact("weight_kg", ECG, 80.0), Fact("sex", 0.0, "male"))
    node.ledger.facts.keep([statement(*said)], "x")
    time.sleep(0.01)
    node._upkeep.look()
    assert [held.fact.name for held in node.ledger.facts.of("7")] == ["weight_kg"]


@pytest.mark.parametrize("number", ["7' OR '1'='1", "7%", "7*", "7\x00", "٧", "7" * 5000])
def test_a_number_is_text_and_nothing_else(table, number):
    table.keep([statement(Fact("heart_rate_bpm", ECG, 80.0))], "x")
    assert table.of(number) == []
