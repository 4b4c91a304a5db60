"""DICOM: carts and archives send ECGs by C-STORE, and ask by C-ECHO whether somebody is there.

What comes is kept as it came, as a file with a preamble (PS3.10), and acknowledged once it is on the disk. Whether it
can be answered turns out later, and is said to the destinations. Only the elements that name an instance are looked at
here: strangers' waveforms are read by a process beside the node.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE, build_context, evt
from pynetdicom.sop_class import Verification

from ecg2lab.edge.association import Limits
from ecg2lab.edge.config import Dicom
from ecg2lab.edge.inputs.dicom_server import AssociationServer
from ecg2lab.edge.node import Node
from ecg2lab.errors import ConfigurationError, Ecg2LabError, OverloadError, RecordingError, StoreError
from ecg2lab.readers.dicom import ECG_CLASSES
from ecg2lab.readers.dicom_elements import TRANSFER_SYNTAXES, parse
from ecg2lab.report.dicom.objects import IMPLEMENTATION, IMPLEMENTATION_NAME

_MEGABYTE = 1 << 20
_SOP_CLASS, _SOP_INSTANCE = 0x0008_0016, 0x0008_0018
_EXPLICIT, _IMPLICIT, _BIG_ENDIAN, _DEFLATED = TRANSFER_SYNTAXES
_LONGEST_PDU = 1 << 16
_HEAD = 1 << 16
"""Bytes of a data set in which its class and number must stand."""
_Reason = tuple[int, int, int]
_SUCCESS, _OUT_OF_RESOURCES, _OTHER_CLASS, _NOT_UNDERSTOOD = 0x0000, 0xA700, 0xA900, 0xC000
_CALLED_UNKNOWN, _CALLING_UNKNOWN, _TOO_MANY, _NO_REASON = (1, 1, 7), (1, 1, 3), (2, 3, 2), (1, 1, 1)
"""Result, source and reason of a rejected association (PS3.8, 9.3.4)."""


class AssociationError(Ecg2LabError):
    """An association was rejected, or ended before its time."""


class ChangedInstanceError(Ecg2LabError):
    """An instance came again under its number with other content."""


class DicomServer:
    """Takes ECGs for a node.

    Parameters
    ----------
    told
        Where it listens, and who may associate.
    base
        Folder from which relative paths start.
    node
        Takes what comes.

    Raises
    ------
    ConfigurationError
        If it cannot listen there.
    """

    def __init__(self, told: Dicom, base: Path, node: Node) -> None:
        self._told, self._node = told, node
        limits = node.configuration.limits
        entity = AE(told.ae_title)
        entity.implementation_class_uid, entity.implementation_version_name = IMPLEMENTATION, IMPLEMENTATION_NAME
        entity.acse_timeout = entity.network_timeout = entity.dimse_timeout = limits.idle_s
        entity.maximum_pdu_size = _LONGEST_PDU
        entity.maximum_associations = 2 * told.associations  # `_requested` rejects before
        contexts = [build_context(sop_class, list(TRANSFER_SYNTAXES)) for sop_class in ECG_CLASSES]
        handlers = [
            (evt.EVT_REQUESTED, self._requested),
            (evt.EVT_C_STORE, self._store),
        ]
        try:
            self._server = AssociationServer(
                entity,
                (told.host, told.port),
                [build_context(Verification, [_IMPLICIT, _EXPLICIT, _BIG_ENDIAN]), *contexts],
                handlers,
                told=told,
                base=base,
                limits=Limits(int(limits.body_mb * _MEGABYTE), limits.idle_s, self._ended),
            )
        except OSError as error:
            raise ConfigurationError(f"dicom: cannot listen on {told.host}:{told.port}: {error.strerror}") from None

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Take associations."""
        self._server.begin()

    def stop(self) -> None:
        """Take no more, and end those that there are: what was not acknowledged is sent again by its sender."""
        self._server.end()

    def _ended(self, why: str) -> None:
        self._node.problems.count("dicom", AssociationError(why))

    def _requested(self, event: Any) -> None:
        """Reject who must not associate. An error is a reason, too: pynetdicom would go on after it."""
        try:
            reason, why = self._objection(event.assoc.requestor)
        except Exception:
            reason, why = _NO_REASON, "a request that cannot be understood"
        if reason is not None:
            self._ended(f"{why}: the association was rejected")
            event.assoc.acse.send_reject(*reason)
            event.assoc.kill()

    def _objection(self, caller: Any) -> tuple[_Reason | None, str]:
        """Why a caller is rejected: it does not call the node by its name, is not listed, or is one too many."""
        if caller.primitive.called_ae_title.strip() != self._told.ae_title:
            return _CALLED_UNKNOWN, "a caller calls the node by another AE title"
        if not self._server.admits(caller.address, caller.primitive.calling_ae_title.strip()):
            return _CALLING_UNKNOWN, "a caller with an AE title that is not listed for its address"
        if len(self._server.active_associations) > self._told.associations:
            return _TOO_MANY, f"more than {self._told.associations} associations at the same time"
        return None, ""

    def _store(self, event: Any) -> Dataset:
        """Keep one instance; success only once it is on the disk. Comments hold nothing about a patient."""
        try:
            self._keep(event)
        except _NotTaken as refusal:
            self._node.problems.count("dicom", RecordingError(refusal.comment))
            return _status(refusal.status, refusal.comment)
        except (OverloadError, StoreError) as error:
            self._node.problems.count("dicom", error)
            return _status(_OUT_OF_RESOURCES, "cannot be taken now: send it again later")
        except Exception as error:
            self._node.problems.count("dicom", error)
            return _status(_NOT_UNDERSTOOD, "cannot be taken")
        return _status(_SUCCESS)

    def _keep(self, event: Any) -> None:
        request, syntax = event.request, str(event.context.transfer_syntax)
        sop_class, instance = str(request.AffectedSOPClassUID), str(request.AffectedSOPInstanceUID)
        content = request.DataSet.getvalue() if request.DataSet is not None else b""
        self._node.require_room()
        _require_same(_named(content, syntax), sop_class, instance)
        name = f"ecg-{hashlib.sha256(instance.encode()).hexdigest()[:16]}.dcm"
        files = {name: _file(content, syntax, sop_class, instance)}
        accepted = self._node.accept(files, {}, origin="dicom", sender=event.assoc.requestor.ae_title.strip())
        if accepted.new and self._node.ledger.has_others_named_as(accepted.number):
            again = "an instance came again under its number with other content: it is taken as another recording"
            self._node.problems.count("dicom", ChangedInstanceError(again))


class _NotTaken(Exception):
    """Why an instance is not taken."""

    def __init__(self, status: int, comment: str) -> None:
        super().__init__(comment)
        self.status, self.comment = status, comment


def _named(content: bytes, syntax: str) -> tuple[str, str]:
    """Class and number of the instance that a data set holds."""
    head = content
    try:
        if syntax == _DEFLATED:
            head = zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, _HEAD)
        plain = _EXPLICIT if syntax == _DEFLATED else syntax
        elements = parse(_file(head[:_HEAD], plain, "", ""), {_SOP_CLASS, _SOP_INSTANCE}).elements
    except (zlib.error, RecordingError):
        raise _NotTaken(_NOT_UNDERSTOOD, "the data set cannot be read") from None
    found = [elements.get(tag, b"") for tag in (_SOP_CLASS, _SOP_INSTANCE)]
    sop_class, instance = (value.decode("latin-1").strip(" \0") if isinstance(value, bytes) else "" for value in found)
    return sop_class, instance


def _require_same(named: tuple[str, str], sop_class: str, instance: str) -> None:
    """The command says what the data set says."""
    if named[0] != sop_class:
        raise _NotTaken(_OTHER_CLASS, "the data set is of another SOP class than the command")
    if named[1] != instance:
        raise _NotTaken(_OTHER_CLASS, "the data set has another SOP instance UID")


def _file(content: bytes, syntax: str, sop_class: str, instance: str) -> bytes:
    """With a preamble before the data set, which stays as it came; the same for the same instance, whoever sent it."""
    stated = {0x02: sop_class, 0x03: instance, 0x10: syntax, 0x12: IMPLEMENTATION}
    meta = b"\2\0\1\0OB\0\0" + struct.pack("<L", 2) + b"\0\1"
    for element, text in stated.items():
        value = text.encode()
        value += b"\0" * (len(value) % 2)
        meta += struct.pack("<HH2sH", 2, element, b"UI", len(value)) + value
    name = IMPLEMENTATION_NAME.ljust(8).encode()
    meta += struct.pack("<HH2sH", 2, 0x13, b"SH", len(name)) + name
    return b"\0" * 128 + b"DICM" + struct.pack("<HH2sHL", 2, 0, b"UL", 4, len(meta)) + meta + content


def _status(status: int, comment: str = "") -> Dataset:
    said = Dataset()
    said.Status = status
    if comment:
        said.ErrorComment = comment[:64]
    return said
