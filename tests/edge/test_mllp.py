"""HL7 messages about patients: what is kept of them, what is refused in words, and what a hostile sender achieves."""

import asyncio
import datetime
import socket
import ssl
import subprocess
import threading
import time

import hl7
import hl7.client
import hl7apy.core
import msgspec
import pytest

from ecg2lab.edge import checks, config
from ecg2lab.edge.inputs.mllp import MllpServer
from ecg2lab.errors import ConfigurationError, StoreError

AT = datetime.datetime(2026, 11, 30, 14, 0, tzinfo=datetime.timezone.utc).timestamp()
VITAL_SIGNS = {
    "8867-4": ("heart_rate_bpm", "81", "/min", 81),
    "8480-6": ("systolic_mmhg", "131", "mm[Hg]", 131),
    "8462-4": ("diastolic_mmhg", "72", "mmHg", 72),
    "9279-1": ("respiratory_per_min", "18", "{breaths}/min", 18),
    "59408-5": ("spo2_percent", "97", "%", 97),
    "2708-6": ("spo2_percent", "96.5", "%", 96.5),
    "8310-5": ("temperature_c", "98.6", "[degF]", 37),
    "8302-2": ("height_cm", "70", "[in_i]", 177.8),
    "29463-7": ("weight_kg", "180", "[lb_av]", 81.646627),
    "3141-9": ("weight_kg", "78.4", "kg", 78.4),
    "39156-5": ("bmi", "27.5", "kg/m2", 27.5),
}


def msh(
    kind="ORU^R01^ORU_R01", number="1", charset="", processing="P", version="2.5.1", rest="", sent="20261130141000"
):
    return (
        f"MSH|^~\\&|MONITOR|ICU|ecg2lab|EDGE|{sent}||{kind}|{number}|{processing}|{version}{rest or '||||||' + charset}"
    )


def obx(code="8867-4", value="81", unit="/min", status="F", at="20261130140000+0000", kind="NM", system="LN"):
    return f"OBX|1|{kind}|{code}^name^{system}||{value}|{unit}|||||{status}|||{at}"


def oru(*observations, pid="PID|||7^^^HOSP^MR", obr="OBR|1", **header):
    return "\r".join([msh(**header), pid, obr, *observations]) + "\r"


def adt(*segments, event="A08", pid="PID|||7^^^HOSP^MR||Müller^Eva||19630412|F", **header):
    return "\r".join([msh(f"ADT^{event}^ADT_A01", **header), "EVN||20261130120000+0000", pid, *segments]) + "\r"


class Talk:
    """A sender, written from the protocol."""

    def __init__(self, port, context=None):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self.received = b""

    def put(self, content):
        self.socket.sendall(content)

    def answer(self):
        """The next acknowledgement; empty: it hung up."""
        while b"\x1c\r" not in self.received:
            try:
                part = self.socket.recv(65536)
            except (ConnectionError, ssl.SSLError):
                part = b""
            if not part:
                return b""
            self.received += part
        block, _, self.received = self.received.partition(b"\x1c\r")
        assert block[:1] == b"\x0b"
        return block[1:]

    def ask(self, message):
        self.put(b"\x0b" + (message.encode() if isinstance(message, str) else message) + b"\x1c\r")
        return self.answer()


def msa(answer):
    """Code, number and text of an acknowledgement, as python-hl7 reads it."""
    segment = hl7.parse(answer.decode("latin-1")).segment("MSA")
    return tuple(str(segment(field)) if field < len(segment) else "" for field in (1, 2, 3))


@pytest.fixture
def listening(opened, tmp_path):
    """`listening(facts=…, **mllp)`: a node without workers that listens for messages; `ask` sends it one."""
    servers, talks = [], []

    def listen(facts=None, limits=None, tls=None, **told):
        limits = {"least_free_mb": 0, **(limits or {})}
        node = opened(start=False, facts={"zone": "Europe/Berlin", **(facts or {})}, limits=limits)
        settings = config.decode({"mllp": {**told, **({"tls": tls} if tls else {})}}, "x").mllp
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        server = MllpServer(msgspec.structs.replace(settings, port=port), tmp_path, node)
        server.start()
        servers.append(server)

        def talk(context=None):
            talks.append(Talk(server.port, context))
            return talks[-1]

        server.talk, server.node = talk, node
        server.ask = lambda message: talk().ask(message)
        server.held = lambda number="7": {
            held.fact.name: held.fact.value for held in node.ledger.facts.of(number) if held.fact.kind != "person"
        }
        return server

    yield listen
    for talk in talks:
        talk.socket.close()
    for server in servers:
        server.stop()


@pytest.fixture
def server(listening):
    return listening()


@pytest.mark.parametrize("code", VITAL_SIGNS)
def test_a_vital_sign_is_kept_in_our_unit(server, code):
    name, value, unit, kept = VITAL_SIGNS[code]
    answer = server.ask(oru(obx(code, value, unit)))
    assert msa(answer) == ("AA", "1", "1 facts kept")
    assert server.held() == {name: pytest.approx(kept)}
    (held,) = server.node.ledger.facts.of("7")
    assert (held.authority, held.origin, held.fact.at) == ("HOSP", "HL7 ORU^R01", AT)


@pytest.mark.parametrize(
    ("code", "value", "unit", "kept"),
    [
        ("8310-5", "310.15", "K", 37), ("8310-5", "37.0", "Cel", 37), ("8310-5", "98.6", "F", 37),
        ("8310-5", "37", "°C", 37),
        ("8480-6", "16", "kPa", 120.009872), ("8302-2", "1.75", "m", 175), ("8302-2", "1.75", "m^Meter^ISO+", 175),
        ("8302-2", "1750", "mm", 175), ("29463-7", "3250", "g", 3.25), ("29463-7", "2880", "[oz_av]", 81.646627),
        ("29463-7", "180", "X^lbs", 81.646627), ("8867-4", "+81.", "{Beats}/min", 81),
        ("39156-5", "27.5", "kg/m²", 27.5),
    ],
)  # fmt: skip
def test_units_are_converted(server, code, value, unit, kept):
    assert msa(server.ask(oru(obx(code, value, unit), charset="UNICODE UTF-8")))[0] == "AA"
    assert list(server.held().values()) == [pytest.approx(kept)]


@pytest.mark.parametrize(
    ("segment", "why"),
    [
        (obx(unit=""), "it states no unit"),
        (obx(unit="mmol/L"), "its unit is not one of this quantity"),
        (obx("8310-5", "37", "[degF]"), "its value cannot be, in this unit"),
        (obx("59408-5", "0.97", "%"), "its value cannot be, in this unit"),
        (obx("8302-2", "175", "m"), "its value cannot be, in this unit"),
        (obx(value="-81"), "its value cannot be, in this unit"),
        (obx(value="81,5"), "its value is no number"),
        (obx(value="1e2"), "its value is no number"),
        (obx(value="nan"), "its value is no number"),
        (obx(value="٨١"), "its value is no number"),
        (obx(value=""), "its value is no number"),
        (obx(value="81~82"), "it has several values"),
        (obx(value=">^81", kind="SN"), "its value is no single number"),
        (obx(value="^80^-^90", kind="SN"), "its value is no single number"),
        (obx(kind="CE"), "its type is none of a number"),
        (obx(status="R"), "its status is none by which it is taken"),
        (obx(status="I"), "its status is none by which it is taken"),
        (obx(status=""), "its status is none by which it is taken"),
        (obx(at=""), "it does not say when it was measured"),
        (obx(at="20261131"), "it does not say when it was measured"),
        (obx(at="20261130"), "no time of day is stated"),
        (obx(at="20261130250000"), "it does not say when it was measured"),
        (obx(at="20261025023000"), "the local clock shows that time twice or never"),
        (obx(at="20260329023000"), "the local clock shows that time twice or never"),
    ],
)
def test_what_is_no_fact_is_not_kept_and_said(server, segment, why):
    answer = server.ask(oru(obx("8480-6", "131", "mm[Hg]"), segment, charset="UNICODE UTF-8"))
    assert msa(answer) == ("AA", "1", "1 facts kept")
    warning = hl7.parse(answer.decode()).segment("ERR")
    assert str(warning(4)) == "W"
    assert str(warning(8)).startswith(f"OBX 2: {why}")
    assert server.held() == {"systolic_mmhg": 131}


@pytest.mark.parametrize("status", "FCP")
@pytest.mark.parametrize("kind", [("NM", "81"), ("SN", "^81"), ("SN", "=^81"), ("ST", "81")])
def test_what_is_final_corrected_or_preliminary_is_taken(server, status, kind):
    server.ask(oru(obx(value=kind[1], kind=kind[0], status=status)))
    assert server.held() == {"heart_rate_bpm": 81}


def test_which_statuses_are_taken_can_be_said(listening):
    server = listening(statuses=["R"])
    server.ask(oru(obx(value="81", status="R"), obx("9279-1", "18", "/min", status="F")))
    assert server.held() == {"heart_rate_bpm": 81}


@pytest.mark.parametrize("status", "DXW")
def test_what_was_wrong_is_taken_back(server, status):
    server.ask(oru(obx(), obx("9279-1", "18", "/min")))
    assert msa(server.ask(oru(obx(value="", status=status)))) == ("AA", "1", "0 facts kept, 1 withdrawn")
    assert server.held() == {"respiratory_per_min": 18}


def test_what_was_corrected_is_replaced(server):
    server.ask(oru(obx(value="181")))
    server.ask(oru(obx(value="81", status="C")))
    assert server.held() == {"heart_rate_bpm": 81}


@pytest.mark.parametrize(
    ("at", "obr", "sent", "kept"),
    [
        ("20261130150000", "OBR|1", "20261130141000", AT),  # the configured zone
        ("20261130160000", "OBR|1", "20261130161000+0200", AT),  # that of the message
        ("20261130090000-0500", "OBR|1", "20261130161000+0200", AT),  # its own
        ("", "OBR|1||||||20261130150000", "20261130141000", AT),
        ("202611301500", "OBR|1", "20261130141000", AT),
        ("20261130150000.25", "OBR|1", "20261130141000", AT),
    ],
)
def test_the_time_is_that_of_the_observation_or_of_the_order(server, at, obr, sent, kept):
    server.ask(oru(obx(at=at), obr=obr, sent=sent))
    assert [held.fact.at for held in server.node.ledger.facts.of("7")] == [kept]


def test_own_codes_stand_for_what_the_configuration_says(listening):
    codes = {"HR": "heart_rate_bpm", "T^LOCAL": "temperature_f", "WT": "weight_kg"}
    server = listening(facts={"codes": codes})
    segments = [obx("HR", "81", "", system="LOCAL"), obx("T", "98.6", "", system="LOCAL"), obx("T", "1", system="X")]
    segments.append("OBX|1|NM|9^x^Y^WT^weight^LOCAL||180|lb|||||F|||20261130140000+0000")
    assert msa(server.ask(oru(*segments)))[2] == "3 facts kept"
    assert server.held() == {
        "heart_rate_bpm": 81, "temperature_c": pytest.approx(37), "weight_kg": pytest.approx(81.646627),
    }  # fmt: skip


def test_what_a_monitor_sends_is_kept(listening):
    """By IHE PCD-01, as monitors of several makers have it: containers without values, none for a probe that is off."""
    server = listening(statuses=["F", "C", "P", "R", ""])
    message = "\r".join([
        "MSH|^~\\&|GATEWAY^00A037FFFE000001^EUI-64||||20261130150100||ORU^R01^ORU_R01|7|P|2.6|||AL|NE||UNICODE UTF-8",
        "PID|||7^^^HOSP^MR||Müller^Eva^^^^^L|||F",
        "PV1||I|^^BED4",
        "OBR|1|1^GATEWAY|1^GATEWAY|182777000^monitoring of patient^SCT|||20261130150000+0100",
        "OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X",
        "OBX|2|NM|147842^MDC_ECG_HEART_RATE^MDC|1.5.1.1|68|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||R",
        "OBX|3|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.22.1.1|98|262688^%^MDC|||||R|||20261130145900+0100",
        "OBX|4|NM|150021^MDC_PRESS_BLD_NONINV_SYS^MDC|1.1.1.1|120|mm[Hg]^mm[Hg]^UCUM|||||F",
        "OBX|5|NM|150022^MDC_PRESS_BLD_NONINV_DIA^MDC|1.1.1.2|80|266016^MDC_DIM_MMHG^MDC|||||",
        "OBX|6|NM|151562^MDC_RESP_RATE^MDC|1.14.1.1|-100|264928^MDC_DIM_RESP_PER_MIN^MDC|||||R",
        "OBX|7|NM|150364^MDC_TEMP_BODY^MDC|1.2.1.1|98.6|266560^MDC_DIM_FAHR^MDC|||||R",
        "OBX|8|NM|188740^MDC_LEN_BODY_ACTUAL^MDC|1.1|0|263441^MDC_DIM_CENTI_M^MDC|||||R",
        "OBX|9|NM|188736^MDC_MASS_BODY_ACTUAL^MDC|1.1|80|263875^MDC_DIM_KILO_G^MDC|||||R",
        "OBX|10|NM|150033^MDC_PRESS_BLD_ART_SYS^MDC|1.1|140|266016^MDC_DIM_MMHG^MDC|||||R",
    ])  # fmt: skip
    answer = server.ask(message)
    assert msa(answer) == ("CA", "7", "7 facts kept")
    assert [str(segment(8)) for segment in hl7.parse(answer.decode()).segments("ERR")] == [
        "OBX 6: its value cannot be, in this unit", "OBX 8: its value cannot be, in this unit",
    ]  # fmt: skip
    assert server.held() == {
        "heart_rate_bpm": 68, "spo2_percent": 98, "systolic_mmhg": 120, "diastolic_mmhg": 80,
        "temperature_c": pytest.approx(37), "weight_kg": 80,
    }  # fmt: skip


def test_a_text_stands_for_a_code_that_is_not_there(listening):
    server = listening(facts={"codes": {"Body Height": "height_cm", "Body Weight": "weight_kg"}})
    segments = [
        "OBX|1|NM|^Body Height||1.80|m^Meter^ISO+|||||F",
        "OBX|2|NM|^Body Weight||79|kg^Kilogram^ISO+|||||F",
    ]
    assert msa(server.ask(adt(*segments, event="A01")))[0] == "AA"
    assert server.held() == {"height_cm": 180, "weight_kg": 79}


@pytest.mark.parametrize("event", ["A01", "A04", "A08", "A28", "A31"])
def test_adt_says_who_it_is_and_how_large(server, event):
    body = [obx("8302-2", "170", "cm", status="", at=""), obx("29463-7", "80", "kg", status="F", at="20261129")]
    assert msa(server.ask(adt(*body, event=event)))[:2] == ("AA", "1")
    held = {each.fact.name: each for each in server.node.ledger.facts.of("7")}
    assert {name: each.fact.value for name, each in held.items()} == {
        "birth": "19630412", "sex": "female", "height_cm": 170, "weight_kg": 80,
    }  # fmt: skip
    assert {each.origin for each in held.values()} == {f"HL7 ADT^{event}"}
    assert held["height_cm"].fact.at == AT - 2 * 3600  # of the event
    assert held["weight_kg"].fact.at == AT - 15 * 3600 - 1  # the end of that day in Berlin


@pytest.mark.parametrize(
    ("stated", "kept"),
    [
        ("F", "female"),
        ("M", "male"),
        ("O", None),
        ("U", None),
        ("A", None),
        ("f", "female"),
        ('""', None),
        ("", "male"),
    ],
)
def test_sex_is_female_or_male_or_not_given(server, stated, kept):
    server.ask(adt(pid="PID|||7|||||M"))
    server.ask(adt(pid=f"PID|||7|||||{stated}"))
    assert [each.fact.value for each in server.node.ledger.facts.of("7")] == ([kept] if kept else [])


@pytest.mark.parametrize(("stated", "kept"), [("196304121230", ["19630412"]), ("1963", []), ("196304", []), ("0", [])])
def test_a_birth_date_is_a_day(server, stated, kept):
    server.ask(adt(pid=f"PID|||7||||{stated}"))
    assert [each.fact.value for each in server.node.ledger.facts.of("7")] == kept


def test_all_numbers_of_a_hospital_are_kept_and_no_others(server):
    pid = "PID|||7^^^HOSP^MR~8^^^&1.2.3&ISO^PI~ 9 ~123-45^^^USA^SS~A1^^^^PPN~^^^HOSP^MR||Müller^Eva"
    server.ask(oru(obx(), pid=pid))
    for number, authority in {"7": "HOSP", "8": "1.2.3", "9": ""}.items():
        assert [held.authority for held in server.node.ledger.facts.of(number)] == [authority]
    for number in ("123-45", "A1", "", "Müller", " 9 ", "07"):
        assert server.node.ledger.facts.of(number) == []


def test_an_authority_of_several_names_is_one(listening):
    server = listening(facts={"authorities": {"1.2.3": "HOSP"}})
    server.ask(oru(obx(), pid="PID|||8^^^&1.2.3&ISO^PI"))
    assert [held.authority for held in server.node.ledger.facts.of("8")] == ["HOSP"]


@pytest.mark.parametrize("event", ["A23", "A29"])
def test_a_patient_that_is_deleted_is_forgotten(server, event):
    server.ask(adt(obx()))
    server.ask(oru(obx(), pid="PID|||7^^^OTHER"))
    assert msa(server.ask(adt(event=event))) == ("AA", "1", "0 facts kept, 3 withdrawn")
    assert [held.authority for held in server.node.ledger.facts.of("7")] == ["OTHER"]


def test_several_patients_in_one_message_are_told_apart(server):
    segments = [obx(), "PID|||8^^^HOSP^MR", "OBR|1||||||20261130140000+0000", obx("9279-1", "18", "/min", at="")]
    assert msa(server.ask(oru(*segments)))[2] == "2 facts kept"
    assert (server.held("7"), server.held("8")) == ({"heart_rate_bpm": 81}, {"respiratory_per_min": 18})


def test_a_message_without_vital_signs_is_taken_and_keeps_nothing(server):
    segment = "OBX|1|NM|2823-3^Potassium^LN||5.9|mmol/L|||||F"
    assert msa(server.ask(oru(segment))) == ("AA", "1", "0 facts kept")


REJECTED = {
    "no HL7": (b"hello", "it does not begin with MSH"),
    "nothing": (b"", "it does not begin with MSH"),
    "bytes": (bytes(range(14, 255)), "it does not begin with MSH"),
    "a batch": (b"FHS|^~\\&|\rBHS|^~\\&\rMSH|^~\\&|", "it does not begin with MSH"),
    "no separators": (b"MSH|AAAA|a|b|c", "MSH-1 and MSH-2 are no separators"),
    "the same separators": (b"MSH|^^^^|a|b|c", "MSH-1 and MSH-2 are no separators"),
    "no number": (oru(obx(), number="").encode(), "MSH-10 is empty"),
    "another type": (oru(obx(), kind="ORM^O01").encode(), "MSH-9 is neither ADT nor ORU"),
    "another event of ORU": (oru(obx(), kind="ORU^R30").encode(), "this event of ORU is not taken"),
    "a merge": (adt(event="A40").encode(), "this event of ADT is not taken"),
    "another version": (oru(obx(), version="3.0").encode(), "MSH-12 is no version of HL7 v2"),
    "a trial": (oru(obx(), processing="T").encode(), "MSH-11 is not P"),
    "no patient": ((msh() + "\rOBR|1\r").encode(), "it has no PID"),
    "nobody's observation": ((msh() + "\rOBR|1\r" + obx()).encode(), "an OBX stands before PID"),
    "no number of a patient": (oru(obx(), pid="PID|||||Müller^Eva").encode(), "PID-3 has no number of a patient"),
    "a number of the state": (oru(obx(), pid="PID|||1^^^USA^SS").encode(), "PID-3 has no number of a patient"),
    "a number without end": (oru(obx(), pid=f"PID|||{'7' * 201}").encode(), "a number in PID-3 is too long"),
    "a number in no character set": (
        oru(obx(), pid="PID|||7ü").encode("latin-1"), "a number in PID-3 is too long, or cannot be read",
    ),
    "UTF-8 that is none": (oru(obx(), charset="UNICODE UTF-8").encode() + b"NTE|\xff\r", "it is not in the character"),
    "a character set that nobody reads": (oru(obx(), charset="GB 18030-2000").encode(), "MSH-18 states a character"),
    "two character sets": (oru(obx(), charset="ASCII~ISO IR87").encode(), "MSH-18 states several character sets"),
    "no segment": (oru(obx(), "Müller").encode(), "a segment has no name of three letters or digits"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "why"), REJECTED.values(), ids=REJECTED)
def test_what_is_not_understood_is_rejected_with_the_reason(server, content, why):
    talk = server.talk()
    code, number, text = msa(talk.ask(content))
    assert code == "AR"
    assert number in ("", "1")
    assert text.startswith(why)
    assert "ller" not in text
    assert server.node.ledger.facts.count() == 0
    assert msa(talk.ask(oru(obx())))[0] == "AA"  # the connection goes on


def test_the_condition_of_a_rejection_is_coded(server):
    segment = hl7.parse(server.ask(oru(obx(), kind="ORM^O01")).decode()).segment("ERR")
    assert str(segment(3)) == "200^Unsupported message type^HL70357"
    assert str(segment(4)) == "E"


@pytest.mark.parametrize(
    ("charset", "codec"),
    [
        ("", "latin-1"), ("", "utf-8"), ("ASCII", "latin-1"), ("8859/1", "latin-1"), ("8859/15", "iso8859-15"),
        ("UNICODE UTF-8", "utf-8"),
    ],
)  # fmt: skip
def test_names_may_be_in_any_character_set(server, charset, codec):
    assert msa(server.ask(adt(obx(), charset=charset).encode(codec)))[0] == "AA"
    assert server.held() == {"heart_rate_bpm": 81}


@pytest.mark.parametrize(("charset", "codec"), [("8859/1", "latin-1"), ("UNICODE UTF-8", "utf-8")])
def test_a_number_is_read_in_the_character_set_that_is_stated(server, charset, codec):
    server.ask(oru(obx(), pid="PID|||Ü7", charset=charset).encode(codec))
    assert server.held("Ü7") == {"heart_rate_bpm": 81}


def test_a_message_may_have_separators_of_its_own(server):
    message = oru(obx(), pid="PID|||7\\T\\8^^^HOSP^MR").translate(str.maketrans("|^~\\&", "!@#$%"))
    answer = server.ask(message)
    assert msa(answer) == ("AA", "1", "1 facts kept")
    assert answer.startswith(b"MSH|^~\\&|ecg2lab|EDGE|MONITOR|ICU|")
    assert server.held("7%8") == {"heart_rate_bpm": 81}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("7\\T\\8", "7&8"), ("7\\F\\8", "7|8"), ("7\\S\\8", "7^8"), ("7\\R\\8", "7~8"), ("7\\E\\8", "7\\8"),
        ("7\\X38\\", "78"), ("7\\XFC\\", "7ü"), ("7\\.sp\\8", "7 8"), ("7\\Z9\\", "7\\Z9\\"), ("7\\8", "7\\8"),
    ],
)  # fmt: skip
def test_escape_sequences_are_read(server, written, read):
    server.ask(oru(obx(), pid=f"PID|||{written}", charset="8859/1"))
    assert server.held(read) == {"heart_rate_bpm": 81}


@pytest.mark.parametrize("number", ["1", "A-7_b.c", "x" * 199, "a\\T\\b", "Ü"])
def test_the_number_of_a_message_comes_back_as_it_is(server, number):
    answer = server.ask(oru(obx(), number=number).encode())
    assert answer.decode().split("\rMSA|AA|")[1].split("|")[0] == number


@pytest.mark.parametrize(
    ("asked", "codes"), [("|||AL|NE", ["CA", "CR"]), ("|||NE|AL", ["AA", "AR"]), ("", ["AA", "AR"])]
)
def test_the_acknowledgement_has_the_mode_that_is_asked_for(server, asked, codes):
    taken = server.ask(oru(obx(), rest=asked))
    rejected = server.ask(oru(obx(), rest=asked, kind="ORM^O01"))
    assert [msa(taken)[0], msa(rejected)[0]] == codes


def test_who_wants_no_acknowledgement_gets_none(server):
    talk = server.talk()
    talk.put(b"\x0b" + oru(obx(), rest="|||NE|NE").encode() + b"\x1c\r")
    assert msa(talk.ask(oru(obx(), number="2")))[1] == "2"
    assert server.held() == {"heart_rate_bpm": 81}


@pytest.mark.parametrize("size", [1, 2, 17, 4096])
def test_parts_may_be_of_any_size(server, size):
    content = b"".join(b"\x0b" + oru(obx(value=str(60 + n)), number=str(n)).encode() + b"\x1c\r" for n in range(3))
    talk = server.talk()
    talk.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for begin in range(0, len(content), size):
        talk.put(content[begin : begin + size])
    assert [msa(talk.answer())[:2] for _ in range(3)] == [("AA", "0"), ("AA", "1"), ("AA", "2")]
    assert server.held() == {"heart_rate_bpm": 62}


@pytest.mark.parametrize(
    "between", [b"", b"\r\n", b"garbage", b"\x1c\r", b"\x1c\r\x1c\r", b"\x1c", b"\x0bMSH|^~\\&|half a message"]
)
def test_what_stands_between_messages_is_left_out(server, between):
    talk = server.talk()
    talk.put(between)
    assert msa(talk.ask(oru(obx())))[0] == "AA"
    talk.put(between)
    assert msa(talk.ask(oru(obx(), number="2")))[:2] == ("AA", "2")


@pytest.mark.parametrize("ended", ["\r", "\n", "\r\n"])
def test_lines_may_end_as_some_senders_end_them(server, ended):
    assert msa(server.ask(oru(obx()).replace("\r", ended)))[0] == "AA"


@pytest.mark.parametrize("sent", [b"", b"garbage without end", b"\x0b", b"\x0bMSH|^~\\&|no end", b"\x1c\r\x1c\r"])
def test_a_connection_that_brings_nothing_is_closed(listening, sent):
    talk = listening(idle_s=0.1).talk()
    talk.put(sent)
    assert talk.answer() == b""


def _drip(talk, content):
    ends = time.monotonic() + 10
    while time.monotonic() < ends:
        talk.put(content)
        time.sleep(0.02)


def test_garbage_does_not_keep_a_connection_open(listening):
    """Nor does a message that never ends."""
    server = listening(limits={"idle_s": 0.2})
    for begin in (b"", b"\x0b"):
        talk = server.talk()
        talk.put(begin or b"\x0bMSH")
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            _drip(talk, b"x")


@pytest.mark.parametrize("ended", [b"\x1c\r", b""])
def test_a_message_beyond_the_limit_is_rejected_and_the_connection_closed(listening, ended):
    server = listening(message_mb=0.01)
    talk = server.talk()
    assert msa(talk.ask(oru(obx())))[0] == "AA"
    talk.put(b"\x0b" + oru(obx(), *["NTE|" + "x" * 1000] * 20, number="9").encode() + ended)
    assert msa(talk.answer()) == ("AR", "9", "it is larger than 0.01 MB")
    assert talk.answer() == b""
    assert msa(server.ask(oru(obx())))[0] == "AA"


def test_who_is_not_on_the_list_is_not_let_in(listening, wait_until):
    server = listening(allow=["10.0.7.0/24", "::1/128"])
    assert server.talk().answer() == b""
    rows = wait_until(lambda: server.node.ledger._store.read("SELECT who, what FROM audit"))
    assert [tuple(row) for row in rows] == [("mllp 127.0.0.1", "was not let in")]


def test_who_is_on_the_list_is_let_in(listening):
    assert msa(listening(allow=["10.0.7.3", "127.0.0.0/8"]).ask(oru(obx())))[0] == "AA"


def test_beyond_so_many_connections_one_more_is_closed(listening):
    server = listening(connections=2)
    talks = [server.talk(), server.talk()]
    assert [msa(talk.ask(oru(obx())))[0] for talk in talks] == ["AA", "AA"]
    assert server.talk().answer() == b""
    talks[0].socket.close()
    ends = time.monotonic() + 10
    while not (answer := _try(server)) and time.monotonic() < ends:
        time.sleep(0.01)
    assert msa(answer)[0] == "AA"


def _try(server):
    try:
        return server.ask(oru(obx()))
    except OSError:
        return b""


def test_what_cannot_be_kept_now_is_an_error_and_not_a_rejection(server, monkeypatch):
    def fail(*_):
        raise StoreError("cannot be kept: disk full")

    monkeypatch.setattr(server.node.ledger.facts._store, "write", fail)
    assert msa(server.ask(oru(obx()))) == ("AE", "1", "cannot be kept: disk full")
    monkeypatch.undo()
    assert msa(server.ask(oru(obx())))[0] == "AA"


def test_a_full_disk_is_an_error(listening):
    server = listening(limits={"least_free_mb": 1e9})
    assert msa(server.ask(oru(obx())))[0] == "AE"


def test_a_fault_of_ours_is_an_error_without_what_was_said(server, monkeypatch):
    monkeypatch.setattr(server.node.ledger.facts, "keep", lambda *_: {}["7 Müller"])
    assert msa(server.ask(oru(obx()))) == ("AE", "1", "a fault; please report it")


def test_it_is_acknowledged_only_once_it_is_on_the_disk(server, monkeypatch):
    """A write that waits holds the acknowledgement back."""
    store, may, real = server.node.ledger.facts._store, threading.Event(), server.node.ledger.facts._store.write
    monkeypatch.setattr(store, "write", lambda work: may.wait(10) and real(work))
    talk = server.talk()
    talk.socket.settimeout(0.2)
    with pytest.raises(TimeoutError):
        talk.ask(oru(obx()))
    may.set()
    talk.socket.settimeout(10)
    assert msa(talk.answer())[0] == "AA"


def test_who_sent_what_is_noted_without_the_patient(server):
    server.ask(adt(obx()))
    (row,) = server.node.ledger._store.read("SELECT who, what, which FROM audit")
    assert tuple(row) == ("mllp 127.0.0.1", "kept 3 facts", None)


def test_it_stops_while_connections_are_open(server):
    talk = server.talk()
    assert msa(talk.ask(oru(obx())))[0] == "AA"
    server.stop()
    assert talk.answer() == b""


def test_python_hl7s_client_is_a_peer(server):
    """Written by other people."""
    with hl7.client.MLLPClient("127.0.0.1", server.port) as client:
        for number in range(3):
            answer = client.send_message(hl7.parse(oru(obx(), number=str(number))))
            parsed = hl7.parse(answer.decode().strip("\x0b\x1c\r"))
            assert (str(parsed.segment("MSA")(1)), str(parsed.segment("MSA")(2))) == ("AA", str(number))
    assert server.held() == {"heart_rate_bpm": 81}


def test_python_hl7s_asynchronous_client_is_a_peer(server):
    from hl7.mllp import open_hl7_connection

    async def talk():
        reader, writer = await open_hl7_connection("127.0.0.1", server.port)
        writer.writemessage(hl7.parse(oru(obx())))
        await writer.drain()
        answer = await reader.readmessage()
        writer.close()
        await writer.wait_closed()
        return answer

    answer = asyncio.run(talk())
    assert str(answer.segment("MSA")(1)) == "AA"


def test_hl7apy_writes_what_is_understood_and_reads_what_is_answered(server):
    message = hl7apy.core.Message("ORU_R01", version="2.5.1")
    message.msh.msh_9, message.msh.msh_10, message.msh.msh_11 = "ORU^R01^ORU_R01", "42", "P"
    result = message.add_group("ORU_R01_PATIENT_RESULT")
    result.add_group("ORU_R01_PATIENT").add_segment("PID").pid_3 = "7^^^HOSP^MR"
    order = result.add_group("ORU_R01_ORDER_OBSERVATION")
    order.add_segment("OBR").obr_7 = "20261130140000+0000"
    for number, (code, (_, value, unit, _)) in enumerate(VITAL_SIGNS.items(), 1):
        segment = order.add_group("ORU_R01_OBSERVATION").add_segment("OBX")
        segment.obx_1, segment.obx_2, segment.obx_3, segment.obx_5 = str(number), "NM", f"{code}^name^LN", value
        segment.obx_6, segment.obx_11 = unit, "F"
    answer = server.ask(message.to_er7())
    assert msa(answer) == ("AA", "42", "11 facts kept")
    assert set(server.held()) == {name for name, *_ in VITAL_SIGNS.values()}
    from hl7apy.parser import parse_message

    assert parse_message(answer.decode()).msa.msa_1.value == "AA"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority, a server and a client."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, cwd=folder)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca")
    for name in ("localhost", "sender"):
        (folder / "san").write_text(f"subjectAltName=DNS:{name}")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", "csr", "-subj", f"/CN={name}")
        openssl(
            "x509", "-req", "-in", "csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "san",
            "-out", f"{name}.pem",
        )  # fmt: skip
    return folder


@pytest.mark.parametrize("known", [True, False])
def test_with_tls_who_may_connect_is_told_by_certificate(listening, certificates, known):
    told = {name: str(certificates / f"{file}") for name, file in
            {"certificate": "localhost.pem", "key": "localhost.key", "clients": "ca.pem"}.items()}  # fmt: skip
    server = listening(tls=told)
    context = ssl.create_default_context(cafile=certificates / "ca.pem")
    if known:
        context.load_cert_chain(certificates / "sender.pem", certificates / "sender.key")
        talk = server.talk(context)
        assert msa(talk.ask(oru(obx())))[0] == "AA"
        server.stop()
        assert talk.answer() == b""
    else:
        talk = server.talk(context)
        with pytest.raises((ssl.SSLError, AssertionError, OSError)):
            assert talk.ask(oru(obx()))
        assert server.node.ledger.facts.count() == 0
    with pytest.raises((ssl.SSLError, OSError, AssertionError)):  # without TLS
        assert server.ask(oru(obx()))


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"host": "0.0.0.0"}, "that needs mllp.allow, or mllp.tls with clients"),
        (
            {"host": "0.0.0.0", "tls": {"certificate": "a", "key": "b"}},
            "that needs mllp.allow, or mllp.tls with clients",
        ),
        ({"allow": ["10.0.0.0/33"]}, "mllp.allow: '10.0.0.0/33' is no address or network"),
        ({"allow": ["10.0.0.1/24"]}, "mllp.allow: '10.0.0.1/24' is no address or network"),
        ({"statuses": []}, "statuses"),
        ({"message_mb": 65}, "message_mb"),
    ],
)
def test_a_configuration_that_lets_anybody_in_is_refused(told, said):
    with pytest.raises(ConfigurationError, match=said):
        config.decode({"mllp": told}, "x")
    open_to_some = {"host": "0.0.0.0", "allow": ["10.0.0.0/24"]}
    assert config.decode({"mllp": open_to_some}, "x").mllp.host == "0.0.0.0"


def test_what_cannot_be_used_here_is_said_at_once(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = {"port": taken.getsockname()[1], "tls": {"certificate": "none.pem", "key": "none.key"}}
        with pytest.raises(ConfigurationError) as refused:
            checks.require_usable(config.decode({"mllp": told}, "x"), tmp_path)
    assert "mllp: cannot listen on 127.0.0.1:" in str(refused.value)
    assert "mllp.tls: none.pem and none.key cannot be used" in str(refused.value)


@pytest.mark.parametrize("seed", range(3))
def test_damaged_messages_are_answered_or_the_connection_closed(listening, seed):
    """At random: never a fault, and what comes after it is taken."""
    import random

    chance = random.Random(seed)
    server = listening()
    whole = adt(obx(), obx("8302-2", "170", "cm"), charset="UNICODE UTF-8").encode()
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            place = chance.randrange(len(damaged))
            kind = chance.randrange(3)
            if kind == 0:
                damaged[place] = chance.choice(b"|^~\\&\r\x00\xff7A")
            elif kind == 1:
                del damaged[place : place + chance.randint(1, 40)]
            else:
                damaged[place:place] = bytes(chance.choices(b'|^~\\&\r"7', k=chance.randint(1, 40)))
        talk = server.talk()
        said = msa(talk.ask(bytes(damaged)))
        talk.socket.close()
        assert said[0] in ("AA", "AR", "CA", "CR"), said
        assert "fault" not in said[2]
    assert msa(server.ask(oru(obx())))[0] == "AA"


@pytest.mark.parametrize("mark", ["\\", "|", "^", "~", "\r", "&", "\\T\\"])
def test_a_message_that_is_all_separators_costs_little(server, mark):
    """Linear in its length: a second would be seen by nobody, an hour would."""
    code, *_ = msa(server.ask(oru(obx(), pid=f"PID|||{mark * (900_000 // len(mark))}")))
    assert code in ("AA", "AR")
