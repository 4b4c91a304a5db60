"""An archive: reports, structured reports and the recordings themselves, by C-STORE.

A delivery is one association. Its instances have the same identifiers at each repeat, so that an archive which has one
already drops it.
"""

from __future__ import annotations

import io
import socket
import ssl
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, build_context
from pynetdicom.dsutils import split_dataset

from ecg2lab import log
from ecg2lab.answer.prediction import EngineInfo, Prediction
from ecg2lab.edge.association import LimitedSocket, Limits
from ecg2lab.edge.config import DicomDestination
from ecg2lab.edge.destinations import Outcome
from ecg2lab.edge.helper import Helper
from ecg2lab.edge.ledger import Kept
from ecg2lab.readers.dicom import ECG_CLASSES
from ecg2lab.readers.dicom_elements import begins_like_dicom
from ecg2lab.report.dicom.objects import IMPLEMENTATION, IMPLEMENTATION_NAME
from ecg2lab.report.document import Refusal

_HEAD = 256
"""Bytes by which a file shows that it is DICOM."""
_NOT_DICOM = "the recording did not come as an ECG in DICOM"
_MOST_ANSWERED = 1 << 20
"""Bytes of a response."""
_DUPLICATE = 0x0111
_REFUSALS = {
    0x0117: "invalid instance",
    0x0122: "SOP class not supported",
    0x0124: "not authorised",
    0x0211: "unrecognised operation",
    0x0212: "mistyped argument",
    0xA900: "data set does not match its SOP class",
    0xC000: "cannot understand it",
}
"""Answers that a repeat would get again; those of A9xx and Cxxx by their first digits."""


class Part(NamedTuple):
    """One instance of a delivery."""

    name: str
    what: Any
    """As `Association.send_c_store` takes it: a data set, or the path of a file that goes as it is."""
    sop_class: str
    syntaxes: tuple[str, ...]
    """Transfer syntaxes in which it can be sent, each in a presentation context of its own."""


class _Entity(AE):  # type: ignore[misc]
    """Ourselves, as we call an archive."""

    connection: LimitedSocket

    def __init__(self, ae_title: str, patience_s: float) -> None:
        super().__init__(ae_title)
        self.limits = Limits(_MOST_ANSWERED, patience_s, log.refused)
        self.implementation_class_uid, self.implementation_version_name = IMPLEMENTATION, IMPLEMENTATION_NAME
        self.acse_timeout = self.dimse_timeout = self.network_timeout = self.connection_timeout = patience_s

    def _create_socket(self, *told: Any) -> Any:
        self.connection = self.limits.limit(super()._create_socket(*told))
        # A command and its data set are two writes, of which the second would wait.
        self.connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.connection


class DicomChannel:
    """An archive."""

    def __init__(self, told: DicomDestination, base: Path) -> None:
        self._told = told
        authority = None if told.authority is None else base / told.authority
        self._tls = ssl.create_default_context(cafile=authority) if told.tls else None
        if self._tls is not None and told.certificate is not None:
            self._tls.load_cert_chain(base / told.certificate, None if told.key is None else base / told.key)

    def write(self, kept: Kept, engine: EngineInfo, helper: Helper) -> bytes:
        """Its objects by what they are; the original is sent from where it lies."""
        told, said = self._told, kept.said
        assert kept.answered is not None
        pdf = helper.draw("pdf", said, kept.files, engine) if "pdf" in told.send else None
        answer = said if "sr" in told.send and isinstance(said, Prediction) else None
        answered = datetime.fromtimestamp(int(kept.answered), timezone.utc).astimezone()
        path = kept.files[0].path if len(kept.files) == 1 else None
        return helper.call(objects, pdf, answer, kept.source, path, engine, kept.id, answered)

    def send(self, kept: Kept, message: bytes) -> Outcome:
        """Store all of it, each on its own; what the archive refused is named."""
        made = msgspec.msgpack.decode(message, type=dict[str, bytes])
        parts = [_own_part(name, content) for name, content in made.items()]
        wrong = []
        if "original" in self._told.send:
            original = _original(kept)
            if isinstance(original, Part):
                parts.append(original)
            elif original.state == "set aside":
                wrong.append(original)
        if not parts:
            return wrong[0] if wrong else Outcome("acknowledged", _why_nothing(kept.said))
        try:
            stored = self._stored(parts)
        except OSError as error:  # no such host
            stored = [Outcome("again", error.strerror or str(error))]
        return _together([*wrong, *stored])

    def _stored(self, parts: Sequence[Part]) -> list[Outcome]:
        """What became of each."""
        entity = _Entity(self._told.calling_ae_title, self._told.retry.acknowledged_s)
        association = self._associated(entity, parts)
        try:
            if not association.is_established:
                return [_no_association(association)]
            stored = [_stored(association, part, number) for number, part in enumerate(parts, 1)]
            if association.is_established:
                association.release()
            return stored
        finally:
            entity.connection.end()

    def _associated(self, entity: _Entity, parts: Sequence[Part]) -> Any:
        told = self._told
        pairs = dict.fromkeys((part.sop_class, syntax) for part in parts for syntax in part.syntaxes)
        return entity.associate(
            _address(told.host, told.port),
            told.port,
            contexts=[build_context(sop_class, syntax) for sop_class, syntax in pairs],
            ae_title=told.called_ae_title,
            tls_args=None if self._tls is None else (self._tls, told.host),
            evt_handlers=entity.limits.handlers(),
        )

    def close(self) -> None:
        """Nothing is open between deliveries."""


def objects(
    pdf: bytes | None,
    answer: Prediction | None,
    source: dict[str, Any] | None,
    path: Path | None,
    engine: EngineInfo,
    identity: str,
    answered: datetime,
) -> bytes:
    """What goes to an archive, by its name: made in a helper, which reads the file.

    Parameters
    ----------
    pdf, answer
        The report, and the answer that a structured report is made of; None: none is.
    source, path
        Of the recording; None: it says nothing, or has several files.
    engine, identity, answered
        As `ecg2lab.report.dicom` takes them.

    Raises
    ------
    OutputError
        If DICOM has no room for what the recording says of its patient.
    """
    from ecg2lab.report.dicom.document import encapsulated_pdf
    from ecg2lab.report.dicom.origin import origin
    from ecg2lab.report.dicom.structured import structured_report

    whose = origin(source, None if path is None else path.read_bytes())
    made = {}
    if pdf is not None:
        made["pdf"] = encapsulated_pdf(pdf, engine, whose, identity=identity, answered=answered)
    if answer is not None:
        made["sr"] = structured_report(answer, whose, identity=identity, answered=answered)
    return msgspec.msgpack.encode(made)


def _own_part(name: str, content: bytes) -> Part:
    """Explicit where the archive takes it, else in the syntax that all must take."""
    data_set = dcmread(io.BytesIO(content))
    return Part(name, data_set, data_set.SOPClassUID, (ExplicitVRLittleEndian, ImplicitVRLittleEndian))


def _original(kept: Kept) -> Part | Outcome:
    """The recording, if it came as DICOM: also one that could not be answered."""
    path = kept.files[0].path
    try:
        if len(kept.files) > 1 or not _is_dicom(path):
            return Outcome("acknowledged", _NOT_DICOM)
        meta, _ = split_dataset(path)
        needed = (meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID, meta.TransferSyntaxUID)
    except OSError:
        return Outcome("set aside", "original: the recording is not kept any more")
    except Exception:
        return Outcome("set aside", "original: it came without file meta information, and cannot be sent as it is")
    if needed[0] not in ECG_CLASSES:
        return Outcome("acknowledged", _NOT_DICOM)
    return Part("original", path, needed[0], (needed[2],))


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return begins_like_dicom(file.read(_HEAD))


def _stored(association: Any, part: Part, number: int) -> Outcome:
    if not association.is_established:
        return Outcome("again", f"{part.name}: it ended the association")
    try:
        response = association.send_c_store(part.what, msg_id=number)
    except ValueError:
        return Outcome("set aside", f"{part.name}: the archive takes no such objects in this transfer syntax")
    except RuntimeError:
        return Outcome("again", f"{part.name}: it ended the association")
    if "Status" not in response:
        return Outcome("again", f"{part.name}: no response")
    comment = "".join(c for c in str(response.get("ErrorComment") or "") if c.isprintable())[:64]
    return _meaning(part.name, int(response.Status), comment)


def _meaning(name: str, status: int, comment: str) -> Outcome:
    """Of a status (PS3.4, table B.2-1; PS3.7, annex C)."""
    if status in (0x0000, _DUPLICATE, 0x0001, 0x0107, 0x0116) or status >> 12 == 0xB:
        return Outcome("acknowledged", None if status == 0 else f"{name}: 0x{status:04X}")
    family = status & 0xFF00 if status >> 8 == 0xA9 else 0xC000 if status >> 12 == 0xC else status
    said = _REFUSALS.get(family)
    told = f"{name}: 0x{status:04X}{f' {said}' if said else ''}{f': {comment}' if comment else ''}"
    return Outcome("set aside" if said else "again", told)


def _together(outcomes: Sequence[Outcome]) -> Outcome:
    """The delivery's: sent again while anything is to be sent again, and set aside if anything was refused."""
    for state in ("again", "set aside", "acknowledged"):
        said = [outcome.problem for outcome in outcomes if outcome.state == state]
        if said:
            return Outcome(state, "; ".join(filter(None, said)) or None)
    raise AssertionError


def _why_nothing(said: Prediction | Refusal) -> str:
    return f"nothing to send: {'it was refused' if isinstance(said, Refusal) else _NOT_DICOM}"


def _no_association(association: Any) -> Outcome:
    if association.is_rejected:
        answer = association.acceptor.primitive
        return Outcome("again", f"the archive rejected the association: {answer.result_str}, {answer.reason_str}")
    if association.rejected_contexts and not association.accepted_contexts:
        return Outcome("set aside", "the archive takes no such objects in this transfer syntax")
    return Outcome("again", "no association: the archive does not answer, or ended it")


def _address(host: str, port: int) -> Any:
    """As pynetdicom takes it."""
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    return (address[0], *address[2:]) if family == socket.AF_INET6 else address[0]
