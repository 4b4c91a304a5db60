"""The HL7 message: the standard's own lengths and tables, and what other people's parsers read in it."""

import base64
import re
from datetime import datetime, timezone

import hl7
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ecg2lab
from ecg2lab.answer.prediction import ErrorNote, Prediction
from ecg2lab.demo import bundle_path, record_path
from ecg2lab.errors import OutputError
from ecg2lab.report import hl7 as writer
from ecg2lab.report.document import Refusal

SENT = datetime(2026, 11, 30, 14, 25, 30, tzinfo=timezone.utc)

# HL7 v2.5.1, chapters 2, 3, 4 and 7: for each field its length, and whether it must be there.
LENGTHS = {
    "MSH": {
        1: (1, True), 2: (4, True), 3: (227, False), 4: (227, False), 5: (227, False), 6: (227, False), 7: (26, True),
        9: (15, True), 10: (20, True), 11: (3, True), 12: (60, True), 15: (2, False), 16: (2, False), 18: (16, False),
    },
    "PID": {1: (4, False), 3: (250, True), 5: (250, True), 7: (26, False), 8: (1, False)},
    "PV1": {1: (4, False), 2: (1, True), 3: (80, False), 19: (250, False)},
    "ORC": {1: (2, True), 2: (427, False), 3: (427, False)},  # as 2.7 has it: an order's number is echoed whole
    "OBR": {
        1: (4, False), 2: (427, False), 3: (427, False), 4: (250, True), 7: (26, False), 18: (60, False),
        22: (26, False), 24: (10, False), 25: (1, False),
    },
    "OBX": {
        1: (4, False), 2: (2, False), 3: (250, True), 5: (99999, False), 6: (250, False), 7: (60, False), 8: (5, False),
        11: (1, True), 14: (26, False), 18: (22, False),
    },
    "NTE": {1: (4, False), 2: (8, False), 3: (65536, False)},
}  # fmt: skip
TABLES = {
    ("MSH", 11): {"P", "D", "T"},
    ("MSH", 12): {"2.5.1"},
    ("MSH", 15): {"AL", "NE", "ER", "SU"},
    ("MSH", 16): {"AL", "NE", "ER", "SU"},
    ("MSH", 18): {"UNICODE UTF-8"},
    ("ORC", 1): {"RE"},
    ("OBR", 25): set("OISAPCRFX"),
    ("OBX", 2): {"NM", "ST", "ED"},
    ("OBX", 11): set("CDFINOPRSUWX"),
}
ORDER = re.compile(r"MSH (PID (PV1 )?)?ORC OBR (NTE )*(OBX (NTE )*)+")


@pytest.fixture(scope="module")
def engine():
    with ecg2lab.load(bundle_path(), threads=1) as engine:
        yield engine


@pytest.fixture(scope="module")
def prediction(engine):
    recording = ecg2lab.read(record_path())
    return engine.predict(recording, ecg2lab.Patient(age=63, sex="female"))


def fields_of(message):
    """Segments as lists of fields by their number in the standard, without another's parser."""
    segments = []
    assert message.endswith(b"\r")
    for line in message.decode().removesuffix("\r").split("\r"):
        name, *fields = line.split("|")
        segments.append((name, ["", "|", *fields] if name == "MSH" else ["", *fields]))
    return segments


def require_standard(message):
    segments = fields_of(message)
    assert ORDER.fullmatch("".join(f"{name} " for name, _ in segments))
    for name, fields in segments:
        assert name == "NTE" or any(fields)
        for number, value in enumerate(fields):
            if number and value:
                assert number in LENGTHS[name], f"{name}-{number} is not in the conformance statement"
            if number in LENGTHS[name]:
                longest, required = LENGTHS[name][number]
                for repetition in value.split("~") if name != "MSH" else [value]:
                    assert len(repetition) <= longest, f"{name}-{number}: {value}"
                assert value or not required, f"{name}-{number} is missing"
            if (name, number) in TABLES and value:
                assert value in TABLES[name, number], f"{name}-{number}: {value}"
    return segments


def observations(segments):
    return [fields for name, fields in segments if name == "OBX"]


def test_each_target_is_one_number_under_a_code_of_its_own(prediction):
    seen = observations(require_standard(writer.message(prediction, sent=SENT)))
    assert len(seen) == len(prediction.findings)
    assert [int(fields[1]) for fields in seen] == list(range(1, len(seen) + 1))
    codes = [fields[3].split("^")[0] for fields in seen]
    assert len(set(codes)) == len(codes)
    assert max(map(len, codes)) <= 20
    for fields, finding in zip(seen, prediction.findings, strict=True):
        code, text, system = fields[3].split("^")
        assert (code, system) == (finding.code, "99E2L")
        assert text.startswith(finding.criterion.lab)
        assert text.endswith(", estimated")
        assert finding.criterion.loinc not in fields[3], "it would be filed as a measured value"
        assert fields[2] == "NM"
        assert re.fullmatch(r"[0-9]+(\.[0-9]+)?", fields[5])
        assert float(fields[5]) == pytest.approx(100 * finding.probability, abs=0.05)
        assert fields[6] == "%^percent^UCUM"
        assert (fields[8:9] == ["A"]) == (finding.verdict == "flagged")
        assert fields[7] == ("" if finding.decision_threshold is None else fields[7])
        assert bool(fields[7]) == (finding.decision_threshold is not None)


def test_notes_say_what_must_be_read_beside_the_numbers(prediction):
    notes = [fields[3] for name, fields in fields_of(writer.message(prediction, sent=SENT)) if name == "NTE"]
    assert prediction.notice in notes
    assert any(prediction.engine.bundle_digest in note for note in notes)
    for fact in prediction.patient.imputed:
        assert any(fact in note for note in notes)
    for finding in prediction.findings:
        if finding.reason:
            assert f"{finding.verdict}: {finding.reason}" in notes


@given(st.floats(0, 1), st.floats(0.001, 0.999))
def test_number_and_range_never_contradict_the_decision(prediction, probability, threshold):
    finding = msgspec.structs.replace(
        prediction.findings[0], probability=probability, decision_threshold=threshold, detected=probability >= threshold
    )
    (fields,) = observations(fields_of(writer.message(msgspec.structs.replace(prediction, findings=(finding,)))))
    assert (float(fields[5]) >= float(fields[7].removeprefix("<"))) == (probability >= threshold)
    assert float(fields[5]) == pytest.approx(100 * probability, abs=0.05)


@pytest.mark.parametrize("close", [1e-3, 1e-6, 1e-9])
def test_a_probability_just_below_its_threshold_is_written_below_it(prediction, close):
    finding = msgspec.structs.replace(
        prediction.findings[0], probability=0.12 - close, decision_threshold=0.12, detected=False
    )
    (fields,) = observations(fields_of(writer.message(msgspec.structs.replace(prediction, findings=(finding,)))))
    assert float(fields[5]) < float(fields[7].removeprefix("<"))


HOSTILE = "Ö|B^C~D\\E&F\r\nMSH|^~\\&|x\x0b\x1c"


def test_what_stands_in_a_source_cannot_become_a_segment_or_a_field(prediction):
    stated = {"patient_id": HOSTILE, "order_id": HOSTILE, "acquired": "2026-11-30 14:25"}
    message = writer.message(msgspec.structs.replace(prediction, source=stated), sent=SENT)
    segments = require_standard(message)
    assert [name for name, _ in segments].count("MSH") == 1
    assert b"\x0b" not in message
    assert b"\x1c" not in message
    read = hl7.parse(message.decode())
    assert read.unescape(str(read["PID"][0][3][0][0][0])) == "Ö|B^C~D\\E&F??MSH|^~\\&|x??"


def test_other_parsers_read_the_same_numbers(prediction):
    message = writer.message(prediction, fields={"patient_id": "123", "visit_number": "V1"}, sent=SENT).decode()
    ours = [fields[5] for fields in observations(fields_of(message.encode()))]
    assert [str(segment[5]) for segment in hl7.parse(message).segments("OBX")] == ours
    parser = pytest.importorskip("hl7apy.parser")
    read = parser.parse_message(message, find_groups=True)
    group = read.oru_r01_patient_result.oru_r01_order_observation
    assert [o.obx.obx_5.value for o in group.oru_r01_observation] == ours
    assert read.validate()
    assert read.oru_r01_patient_result.oru_r01_patient.pid.pid_3.pid_3_1.value == "123"


def test_a_repeat_has_the_same_number_and_another_patient_another(prediction):
    def number(at=SENT, **fields):
        return fields_of(writer.message(prediction, fields=fields, sent=at))[0][1][10]

    later = SENT.replace(hour=15)
    assert number(patient_id="1") == number(later, patient_id="1") != number(patient_id="2")
    assert number(control_id="A-7") == "A-7"


def test_the_report_goes_with_it(prediction):
    document = bytes(range(256)) * 3 + b"x"
    *_, last = observations(require_standard(writer.message(prediction, document=document, sent=SENT)))
    assert last[2] == "ED"
    empty, kind, subtype, encoding, content = last[5].split("^")
    assert (empty, kind, subtype, encoding) == ("", "AP", "PDF", "Base64")
    assert base64.b64decode(content, validate=True) == document


def test_a_refusal_is_a_result_that_cannot_be_had(engine):
    refused = Refusal(record="x.hea", error=ErrorNote(type="QualityError", message="lead V1 | flat"))
    segments = require_standard(writer.refusal(refused, engine.info, {"patient_id": "7"}, sent=SENT))
    (fields,) = observations(segments)
    assert fields[3] == "REFUSED^No estimate for this ECG^99E2L"
    assert fields[5] == "lead V1 \\F\\ flat"
    assert fields[11] == "X"
    assert next(fields for name, fields in segments if name == "OBR")[25] == "X"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"control_id": "x" * 21}, "control_id is longer than 20 characters"),
        ({"patient_id": "é" * 200}, "patient_id is longer than 199 characters"),
        ({"observed": "yesterday"}, "observed is no time such as"),
        ({"observed": "2026113014"}, "observed is no time such as"),
        ({"birth_date": "1963-02-01"}, "birth_date is no time such as"),
        ({"result_status": ""}, "result_status must be a code"),
        ({"surname": "x"}, "a message has no 'surname'"),
    ],
)
def test_what_the_standard_has_no_room_for_is_refused_and_not_cut_off(prediction, fields, said):
    with pytest.raises(OutputError, match=said):
        writer.message(prediction, fields=fields)


@pytest.mark.parametrize(
    ("acquired", "observed"),
    [
        ("20261130142530", "20261130142530"),
        ("2026-11-30 14:25:30", "20261130142530"),
        ("2026-11-30T14:25", "202611301425"),
        ("20261130 142530.250", "20261130142530"),
        ("2026-11-30 14:25:30+01:00", "20261130142530+0100"),
        ("20261130142530.5+0100", "20261130142530+0100"),
        ("20261130142530Z", "20261130142530+0000"),
        ("2026-11-30", "20261130"),
        ("2026-11-30 99:99", "20261130"),
        ("30.11.2026", ""),
        ("2026-13-45", ""),
        ("", ""),
    ],
)
def test_the_time_of_the_ecg_is_the_files_own(prediction, acquired, observed):
    message = writer.message(msgspec.structs.replace(prediction, source={"acquired": acquired}), sent=SENT)
    assert next(fields for name, fields in fields_of(message) if name == "OBR")[7] == observed
    require_standard(message)


def test_an_accession_is_echoed_and_an_order_is_placed(prediction):
    for form, accession in (("DICOM", "A1"), ("MUSE", "")):
        stated = {"order_id": "A1", "format": form}
        message = writer.message(msgspec.structs.replace(prediction, source=stated), sent=SENT)
        segments = dict(reversed(fields_of(message)))
        assert segments["OBR"][2] == segments["ORC"][2] == "A1"
        assert segments["OBR"][18] == accession


def test_an_answer_comes_back_from_its_json(prediction):
    assert msgspec.json.decode(prediction.to_json(), type=Prediction).to_json() == prediction.to_json()
