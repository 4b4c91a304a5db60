"""The report as an Encapsulated PDF (PS3.3, A.45.1)."""

from __future__ import annotations

from datetime import datetime

from pydicom.dataset import FileDataset

from ecg2lab.answer.prediction import EngineInfo
from ecg2lab.report.dicom import objects
from ecg2lab.report.dicom.origin import Origin

SOP_CLASS = "1.2.840.10008.5.1.4.1.1.104.1"
_SERIES = 9101


def encapsulated_pdf(pdf: bytes, engine: EngineInfo, origin: Origin, *, identity: str, answered: datetime) -> bytes:
    """An object that holds a report: in the study of the ECG, or in one of its own where there is none.

    Parameters
    ----------
    pdf
        The report on an answer or refusal.
    engine
        What answered.
    origin
        Whose it is, and from which instance it was made.
    identity
        Of the recording: identifiers are derived from it.
    answered
        When it was answered, with time zone.
    """
    return objects.written(lambda: _document(pdf, engine, origin, identity, answered))


def _document(pdf: bytes, engine: EngineInfo, origin: Origin, identity: str, answered: datetime) -> FileDataset:
    whole = objects.common(SOP_CLASS, "pdf", "DOC", _SERIES, engine, origin, identity)
    objects.timed(whole, answered, origin)
    objects.declare_codes(whole)
    whole.ConversionType = "WSD"
    whole.AcquisitionDateTime = origin.attributes.get("AcquisitionDateTime", "")
    whole.BurnedInAnnotation = "YES"
    if origin.ecg is not None:
        whole.SourceInstanceSequence = [objects.reference(origin.ecg.sop_class, origin.ecg.uid)]
    whole.DocumentTitle = objects.TITLE
    whole.ConceptNameCodeSequence = [objects.own("ECG2LAB", objects.TITLE)]
    whole.MIMETypeOfEncapsulatedDocument = "application/pdf"
    whole.EncapsulatedDocumentLength = len(pdf)
    whole.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    return whole
