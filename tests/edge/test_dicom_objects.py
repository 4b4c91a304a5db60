"""What becomes of an answer as DICOM: in whose study it stands, what it says, and that it says the same each time."""

import io
import re
import warnings
import zlib
from datetime import datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pydicom
import pytest
from dicom_peers import as_file, ecg_dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

import ecg2lab
from ecg2lab.demo import bundle_path
from ecg2lab.errors import OutputError
from ecg2lab.readers.dicom import ECG_CLASSES
from ecg2lab.readers.dicom_elements import TRANSFER_SYNTAXES
from ecg2lab.report.dicom import document, objects, structured
from ecg2lab.report.dicom.origin import origin

DATA = Path(__file__).parent.parent / "data"
IDENTITY = "0123456789abcdef0123456789abcdef01234567"
ANSWERED = datetime(2026, 11, 30, 23, 30, tzinfo=timezone.utc)
NO_ORIGIN = origin(None, None)


@pytest.fixture(scope="module")
def prediction():
    engine = ecg2lab.load(bundle_path(), threads=1)
    yield engine.predict(ecg2lab.read(DATA / "HR06000.hea"))
    engine.close()


@pytest.fixture
def ecg(data_folder):
    """`ecg(field=value, …)`: the file of a recording that came as DICOM."""

    def made(syntax=ExplicitVRLittleEndian, **fields):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return as_file(ecg_dataset(data_folder / "HR06000.hea", **fields), syntax)

    return made


def read(content):
    return pydicom.dcmread(io.BytesIO(content))


def sr(prediction, whose=NO_ORIGIN, **more):
    told = {"identity": IDENTITY, "answered": ANSWERED, **more}
    return structured.structured_report(prediction, whose, **told)


def pdf(prediction, whose=NO_ORIGIN, content=b"%PDF-1.4", **more):
    told = {"identity": IDENTITY, "answered": ANSWERED, **more}
    return document.encapsulated_pdf(content, prediction.engine, whose, **told)


BOTH = pytest.mark.parametrize("make", [pdf, sr])


@BOTH
def test_it_stands_in_the_study_of_the_ecg(prediction, ecg, make):
    stated = {
        "StudyDate": "20200131",
        "StudyTime": "123000",
        "StudyID": "S1",
        "AccessionNumber": "A1",
        "ReferringPhysicianName": "Doe^Jane",
        "IssuerOfPatientID": "WARD",
        "TimezoneOffsetFromUTC": "+0200",
    }
    whole = read(make(prediction, origin({}, ecg(**stated))))
    for keyword, value in stated.items():
        assert whole[keyword].value == value
    assert (whole.StudyInstanceUID, whole.PatientID, whole.PatientName) == ("1.2.3.5", "SECRET-4711", "Secretname")
    assert (whole.PatientBirthDate, whole.PatientSex) == ("19600314", "F")
    assert whole.SeriesInstanceUID != "1.2.3.6"
    assert (whole.ContentDate, whole.ContentTime) == ("20261201", "013000"), "in the zone of the data set"


@BOTH
@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_it_does_not_matter_how_the_ecg_was_written(prediction, ecg, make, syntax):
    assert make(prediction, origin({}, ecg(syntax))) == make(prediction, origin({}, ecg()))


@BOTH
def test_it_refers_to_the_ecg(prediction, ecg, make):
    whole = read(make(prediction, origin({}, ecg(instance="1.2.3.77"))))
    if make is pdf:
        found = list(whole.SourceInstanceSequence)
    else:
        (study,) = whole.CurrentRequestedProcedureEvidenceSequence
        (series,) = study.ReferencedSeriesSequence
        assert (study.StudyInstanceUID, series.SeriesInstanceUID) == ("1.2.3.5", "1.2.3.6")
        found = list(series.ReferencedSOPSequence)
        assert {item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for item in items(whole, "WAVEFORM")} == {
            "1.2.3.77"
        }
    (item,) = found
    assert (item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID) == ("1.2.840.10008.5.1.4.1.1.9.1.1", "1.2.3.77")


@BOTH
def test_where_there_is_no_study_there_is_one_of_its_own(prediction, make):
    source = {"patient_id": "P-7", "acquired": "2020-01-31 12:30:15"}
    whole = read(make(prediction, origin(source, None)))
    assert whole.StudyInstanceUID == objects.uid(IDENTITY, "study")
    assert (whole.PatientID, whole.StudyDate, whole.StudyTime) == ("P-7", "20200131", "123015")
    assert not {"SourceInstanceSequence", "CurrentRequestedProcedureEvidenceSequence"} & set(whole.dir())


@BOTH
def test_it_is_the_same_each_time(prediction, ecg, make):
    whose = origin({}, ecg())
    assert make(prediction, whose) == make(prediction, whose)
    other = read(make(prediction, whose, identity=IDENTITY[::-1]))
    assert other.SOPInstanceUID != read(make(prediction, whose)).SOPInstanceUID


@BOTH
def test_its_identifiers_are_uids(prediction, make):
    whole = read(make(prediction))
    uids = [element.value for element in whole.iterall() if element.VR == "UI" and element.value]
    uids += [whole.file_meta.MediaStorageSOPInstanceUID, whole.file_meta.ImplementationClassUID]
    assert all(re.fullmatch(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))+", uid) and len(uid) <= 64 for uid in uids)
    parts = ("study", "pdf", "sr", "series of pdf", "series of sr")
    assert len({objects.uid(IDENTITY, part) for part in parts}) == len(parts)


@BOTH
def test_no_value_is_longer_than_its_kind_allows(prediction, ecg, make):
    longest = {"AE": 16, "CS": 16, "DS": 16, "IS": 12, "LO": 64, "SH": 16, "UI": 64}
    for element in read(make(prediction, origin({}, ecg()))).iterall():
        values = element.value if element.VM > 1 else [element.value]
        for value in values if element.VR in longest else ():
            assert len(str(value)) <= longest[element.VR], element.keyword


def items(whole, kind):
    """Content items of a kind, in the order of the tree."""
    found = [whole] if whole.get("ValueType") == kind else []
    return found + [item for child in whole.get("ContentSequence", ()) for item in items(child, kind)]


def code(item):
    return item.get("CodeValue") or item.LongCodeValue


def test_the_structured_report_says_what_the_answer_says(prediction, ecg):
    whole = read(sr(prediction, origin({}, ecg())))
    groups = [item for item in items(whole, "CONTAINER") if code(item.ConceptNameCodeSequence[0]) == "125007"]
    assert len(groups) == len(prediction.findings)
    for group, finding in zip(groups, prediction.findings, strict=True):
        (number,) = [item for item in group.ContentSequence if item.ValueType == "NUM"]
        name, measured = number.ConceptNameCodeSequence[0], number.MeasuredValueSequence[0]
        assert (code(name), name.CodingSchemeDesignator) == (finding.code, "99E2L")
        assert name.CodeMeaning.startswith(finding.criterion.lab)
        assert name.CodeMeaning.endswith(", estimated")
        assert float(measured.NumericValue) == pytest.approx(100 * finding.probability, abs=0.05)
        assert measured.MeasurementUnitsCodeSequence[0].CodeValue == "%"
        (decision,) = [
            item.ConceptCodeSequence[0]
            for item in group.ContentSequence
            if item.ValueType == "CODE" and code(item.ConceptNameCodeSequence[0]) == "DECISION"
        ]
        assert decision.CodeMeaning == finding.verdict
        assert decision.CodeValue == structured.DECISIONS[finding.verdict]
        limits = [item for item in number.ContentSequence if item.ValueType == "NUM"]
        assert len(limits) == (finding.decision_threshold is not None)
        for limit in limits:
            flagged = measured.NumericValue >= limit.MeasuredValueSequence[0].NumericValue
            assert flagged == (finding.probability >= finding.decision_threshold)


def test_nothing_in_it_could_be_filed_as_a_measurement(prediction):
    whole = read(sr(prediction))
    schemes = {item.CodingSchemeDesignator for item in whole.iterall() if item.keyword == ""} or set()
    assert "LN" not in schemes | {e.value for e in whole.iterall() if e.keyword == "CodingSchemeDesignator"}
    derivations = [e for e in whole.iterall() if e.keyword == "CodeMeaning" and e.value == "Estimated"]
    assert len(derivations) == len(prediction.findings)
    assert (whole.VerificationFlag, whole.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
    comments = [item.TextValue for item in items(whole, "TEXT")]
    assert prediction.notice in comments


@pytest.mark.parametrize(("probability", "threshold"), [(0.1199, 0.12), (0.12, 0.12), (0.11999999, 0.12), (0.0, 0.0)])
def test_a_number_says_what_was_decided(prediction, probability, threshold):

    finding = msgspec.structs.replace(prediction.findings[0], probability=probability, decision_threshold=threshold)
    said, limit = structured.percents(finding)
    assert (float(said) >= float(limit)) == (probability >= threshold)
    assert len(said) <= 16


def test_the_document_holds_the_report(prediction):
    for content in (b"%PDF-1.4 even", b"%PDF-1.4 odd"):
        whole = read(pdf(prediction, content=content))
        assert whole.EncapsulatedDocument[: whole.EncapsulatedDocumentLength] == content
        assert len(whole.EncapsulatedDocument) % 2 == 0
    assert (whole.Modality, whole.BurnedInAnnotation, whole.MIMETypeOfEncapsulatedDocument) == (
        "DOC",
        "YES",
        "application/pdf",
    )
    assert whole.ConversionType == "WSD"


# What a recording says of its patient.

ALPHABETS = {
    "none": (None, "Secretname^Ann"),
    "Latin-1": ("ISO_IR 100", "Müller^Jörg"),
    "Cyrillic": ("ISO_IR 144", "Люкceмбypг"),
    "Japanese": (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    "Korean": (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
    "UTF-8": ("ISO_IR 192", "Wang^XiaoDong=王^小东"),
    "GB18030": ("GB18030", "Wang^XiaoDong=王^小东"),
}


@BOTH
@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_names_stay_in_every_alphabet(prediction, ecg, make, alphabet):
    characters, name = ALPHABETS[alphabet]
    fields = {} if characters is None else {"SpecificCharacterSet": characters}
    whole = read(make(prediction, origin({}, ecg(**fields, PatientName=name))))
    assert str(whole.PatientName) == name
    assert whole.SpecificCharacterSet == "ISO_IR 192"


@BOTH
@pytest.mark.parametrize("form", ["", "none", "ISO_IR 999", "\\\\", "ISO 2022 IR 87\\ISO_IR 100"])
def test_an_alphabet_that_nobody_knows_is_no_reason_to_fail(prediction, ecg, make, form):
    content = ecg(PatientName="Ann", SpecificCharacterSet="ISO_IR 100").replace(
        b"ISO_IR 100", form.encode()[:10].ljust(10)
    )
    assert str(read(make(prediction, origin({}, content))).PatientName) == "Ann"


WRONG = {
    "StudyDate": "2020.01.31",
    "StudyTime": "noon",
    "PatientBirthDate": "19600314X",
    "PatientSex": "unknown",
    "PatientAge": "59",
    "TimezoneOffsetFromUTC": "CET",
    "AcquisitionDateTime": "yesterday",
}


@BOTH
@pytest.mark.parametrize("keyword", WRONG)
def test_what_the_standard_does_not_allow_is_left_out(prediction, ecg, make, keyword):
    with pydicom.config.disable_value_validation():
        whole = read(make(prediction, origin({}, ecg(**{keyword: WRONG[keyword]}))))
    assert not whole.get(keyword)


@BOTH
@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
@pytest.mark.parametrize("uid", ["", "1.2.x", "9" * 65])
def test_an_identifier_that_is_none_is_not_taken_over(prediction, ecg, make, keyword, uid):
    with pydicom.config.disable_value_validation():
        data_set = pydicom.dcmread(io.BytesIO(ecg()))
        setattr(data_set, keyword, uid)
        target = io.BytesIO()
        pydicom.dcmwrite(target, data_set, enforce_file_format=False)
    whole = read(make(prediction, origin({}, target.getvalue())))
    uids = [element.value for element in whole.iterall() if element.VR == "UI"]
    assert uid not in uids
    assert whole.StudyInstanceUID == (objects.uid(IDENTITY, "study") if keyword == "StudyInstanceUID" else "1.2.3.5")


@pytest.mark.parametrize("number", ["1" * 65, "a\\b", "a\nb"])
def test_a_number_that_dicom_has_no_room_for_is_named_and_not_quoted(number):
    with pytest.raises(OutputError, match="no room for the patient's number") as refused:
        origin({"patient_id": number}, None)
    assert number not in str(refused.value)


def test_a_value_that_is_longer_than_any_is_named(ecg):
    with pytest.raises(OutputError, match="PatientName has more than 1024 bytes"):
        origin({}, ecg(ImplicitVRLittleEndian, PatientName="x" * 5000))


@pytest.mark.parametrize("number", [b"1.7.", b"tall", b"1e99", b"-1.7"])
def test_a_size_that_is_no_number_is_left_out(prediction, ecg, number):
    content = ecg(PatientSize="1.75").replace(b"1.75", number)
    assert "PatientSize" not in read(pdf(prediction, origin({}, content)))


@pytest.mark.parametrize("length", [0, 1, 100, 131, 132, 140, 200, 400])
def test_a_file_that_is_cut_off_within_its_head_says_nothing(ecg, length):
    whose = origin(None, ecg()[:length])
    assert whose.ecg is None
    assert "StudyInstanceUID" not in whose.attributes


def test_a_bomb_does_not_go_off():

    head = b"\0" * 128 + b"DICM" + b"\2\0\x10\0UI\x16\x001.2.840.10008.1.2.1.99"
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    assert origin(None, head + packer.compress(bytes(1 << 28)) + packer.flush()) == NO_ORIGIN


def test_the_conformance_statement_names_what_there_is():
    statement = (DATA.parent.parent / "docs" / "conformance.md").read_text()
    for said in (objects.IMPLEMENTATION, document.SOP_CLASS, structured.SOP_CLASS, *ECG_CLASSES, *TRANSFER_SYNTAXES):
        assert re.search(rf"(?<![0-9.]){re.escape(said)}(?![0-9.])", statement), said
    assert all(code in statement for code in structured.DECISIONS.values())


def test_times_are_of_the_zone_that_is_stated():
    whose = NO_ORIGIN._replace(attributes={"TimezoneOffsetFromUTC": "-0330"})
    assert objects.local(ANSWERED, whose).utcoffset() == timedelta(hours=-3.5)
    assert objects.local(ANSWERED, NO_ORIGIN) == ANSWERED
