"""What all objects have in common: identifiers, patient, study, equipment, and how they are written."""

from __future__ import annotations

import io
import uuid
import warnings
from datetime import datetime, timedelta, timezone
from typing import Any

from pydicom import config
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian

from ecg2lab.answer.prediction import EngineInfo
from ecg2lab.report import words
from ecg2lab.report.dicom.origin import Origin

CODING_SCHEME = "99E2L"
"""Our own codes: those of the targets, which the contract in the bundle defines, and of what is said of them."""
TITLE = "Laboratory abnormalities estimated from the 12-lead ECG"
IMPLEMENTATION = f"2.25.{uuid.uuid5(uuid.NAMESPACE_URL, 'urn:x-ecg2lab:dicom').int}"
IMPLEMENTATION_NAME = "ECG2LAB"
_LONGEST_CODE, _LONGEST_MEANING = 16, 64


def uid(identity: str, part: str) -> str:
    """The UID of a part of what is said of a recording: the same for each repeat (PS3.5, B.2).

    Parameters
    ----------
    identity
        Of the recording: at least 32 hexadecimal digits.
    part
        Which part.
    """
    return f"2.25.{uuid.uuid5(uuid.UUID(identity[:32]), part).int}"


def local(answered: datetime, origin: Origin) -> datetime:
    """A time in the zone of the recording's data set, for all times of an object are of one zone."""
    stated = origin.attributes.get("TimezoneOffsetFromUTC")
    if stated is None:
        return answered
    minutes = 60 * int(stated[1:3]) + int(stated[3:])
    offset = timedelta(minutes=-minutes if stated[0] == "-" else minutes)
    return answered.astimezone(timezone(offset)) if abs(offset) < timedelta(days=1) else answered


def coded(value: str, scheme: str, meaning: str) -> Dataset:
    """A code; one of more than 16 characters is a Long Code Value (PS3.3, 8.1)."""
    item = Dataset()
    if len(value) > _LONGEST_CODE:
        item.LongCodeValue = value
    else:
        item.CodeValue = value
    item.CodingSchemeDesignator = scheme
    item.CodeMeaning = text(meaning)[:_LONGEST_MEANING]
    return item


def own(value: str, meaning: str) -> Dataset:
    """A code of our own."""
    return coded(value, CODING_SCHEME, meaning)


def text(words_of_others: object) -> str:
    """In one line, without the character that separates values."""
    return words.clean(words_of_others).replace("\\", "/")


def common(
    sop_class: str, part: str, modality: str, number: int, engine: EngineInfo, origin: Origin, identity: str
) -> FileDataset:
    """An object with the modules of patient, study, series, equipment and SOP instance.

    Parameters
    ----------
    sop_class, modality, number
        Of the object and its series.
    part
        Of the recording's identity; each is a series of its own.
    engine
        What answered.
    origin
        Patient and study.
    identity
        Of the recording.
    """
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, uid(identity, part)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID, meta.ImplementationVersionName = IMPLEMENTATION, IMPLEMENTATION_NAME
    whole = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    whole.SpecificCharacterSet = "ISO_IR 192"
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "ReferringPhysicianName"):
        setattr(whole, keyword, "")  # to be there, if empty
    for keyword in ("StudyDate", "StudyTime", "StudyID", "AccessionNumber"):
        setattr(whole, keyword, "")
    for keyword, value in origin.attributes.items():
        if keyword != "AcquisitionDateTime":
            setattr(whole, keyword, value)
    if "StudyInstanceUID" not in whole:
        whole.StudyInstanceUID = uid(identity, "study")
    whole.SOPClassUID, whole.SOPInstanceUID = sop_class, uid(identity, part)
    whole.Modality, whole.SeriesNumber, whole.InstanceNumber = modality, number, 1
    whole.SeriesInstanceUID = uid(identity, f"series of {part}")
    whole.SeriesDescription = TITLE
    whole.Manufacturer, whole.ManufacturerModelName = "ecg2lab", text(engine.model)[:64]
    whole.DeviceSerialNumber = engine.bundle_digest
    whole.SoftwareVersions = engine.versions["ecg2lab"]
    return whole


def timed(whole: Dataset, answered: datetime, origin: Origin) -> None:
    """Say when the object was made."""
    when = local(answered, origin)
    whole.ContentDate = whole.InstanceCreationDate = f"{when:%Y%m%d}"
    whole.ContentTime = whole.InstanceCreationTime = f"{when:%H%M%S}"


def declare_codes(whole: Dataset) -> None:
    """Say whose codes those of our own are."""
    scheme = Dataset()
    scheme.CodingSchemeDesignator, scheme.CodingSchemeName = CODING_SCHEME, "ecg2lab: targets of models"
    scheme.CodingSchemeResponsibleOrganization = "ecg2lab"
    whole.CodingSchemeIdentificationSequence = [scheme]


def reference(sop_class: str, instance: str) -> Dataset:
    """An item that refers to an instance."""
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, instance
    return item


def written(build: Any) -> bytes:
    """The file of an object (PS3.10) that `build` makes.

    What a recording says of its patient is taken over as it is, also where the standard does not allow it.
    """
    target = io.BytesIO()
    with config.disable_value_validation(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pydicom, which quotes values
        dcmwrite(target, build(), enforce_file_format=True)
    return target.getvalue()
