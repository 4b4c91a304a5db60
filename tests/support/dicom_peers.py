"""Carts and archives that speak DICOM, by pynetdicom, and the ECGs that they have."""

from __future__ import annotations

import io
import socket
import threading
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import pydicom
from binary_files import dicom_dataset
from ecg import Ecg
from pydicom.uid import UID, ExplicitVRLittleEndian
from pynetdicom import AE, build_context, evt
from pynetdicom.transport import AssociationSocket, ThreadedAssociationServer

import ecg2lab

VERIFICATION = "1.2.840.10008.1.1"
TWELVE_LEADS, GENERAL, AMBULATORY, GENERAL_32 = (f"1.2.840.10008.5.1.4.1.1.9.1.{last}" for last in (1, 2, 3, 4))
NAMES = ("Secretname", "SECRET-4711")
"""Of the patient: in no log, metric or comment."""


def ecg_dataset(record, *, instance="1.2.3.4", sop_class=TWELVE_LEADS, **attributes):
    """A recording of 12 leads, from a file that `ecg2lab.read` takes."""
    read = ecg2lab.read(record)
    data_set = dicom_dataset(Ecg(read.samples, int(read.fs), tuple(read.leads)))
    data_set.SOPClassUID = data_set.file_meta.MediaStorageSOPClassUID = UID(sop_class)
    data_set.SOPInstanceUID = data_set.file_meta.MediaStorageSOPInstanceUID = UID(instance)
    for keyword, value in attributes.items():
        setattr(data_set, keyword, value)
    return data_set


def as_file(data_set, syntax=ExplicitVRLittleEndian):
    """Its bytes, in a transfer syntax."""
    copy = pydicom.dcmread(io.BytesIO(_written(data_set)))
    copy.file_meta.TransferSyntaxUID = UID(syntax)
    little, implicit = UID(syntax).is_little_endian, UID(syntax).is_implicit_VR
    if not little:
        for group in copy.WaveformSequence:  # OW is of 16 bits; pydicom takes its bytes as they are
            group.WaveformData = np.frombuffer(group.WaveformData, "<i2").byteswap().tobytes()
    return _written(copy, implicit_vr=implicit, little_endian=little)


def _written(data_set, **encoding):
    target = io.BytesIO()
    pydicom.dcmwrite(target, data_set, enforce_file_format=True, **encoding)
    return target.getvalue()


def without_preamble(content):
    """The data set of a file as its bytes are."""
    file = io.BytesIO(content)
    pydicom.filereader.read_preamble(file, False)
    pydicom.filereader.read_dataset(
        file, is_implicit_VR=False, is_little_endian=True, stop_when=lambda tag, *_: tag.group != 2
    )
    return content[file.tell() :]


class _Closing(AssociationSocket):
    """Closed also where it was never connected."""

    def _shutdown_socket(self):
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def end(self):
        if self.socket is not None:
            self._shutdown_socket()


class _Entity(AE):
    def _create_socket(self, *told):
        self.connection = super()._create_socket(*told)
        self.connection.__class__ = _Closing
        return self.connection


class Cart:
    """Sends to a node."""

    def __init__(self, port, *, calling="CART", called="ECG2LAB", tls=None):
        self._port, self._called, self._tls = port, called, tls
        self._entity = _Entity(calling)
        self._entity.acse_timeout = self._entity.dimse_timeout = self._entity.network_timeout = 20

    @contextmanager
    def associated(self, *contexts):
        """An association, whatever became of it."""
        association = self._entity.associate(
            "127.0.0.1", self._port, contexts=list(contexts), ae_title=self._called, tls_args=self._tls
        )
        try:
            yield association
        finally:
            if association.is_established:
                association.release()
            self._entity.connection.end()

    def echo(self):
        """Status; None: no association."""
        with self.associated(build_context(VERIFICATION)) as association:
            return association.send_c_echo().Status if association.is_established else None

    def store(self, data_set, syntax=ExplicitVRLittleEndian):
        """Response; None: no association."""
        with self.associated(build_context(data_set.SOPClassUID, syntax)) as association:
            return association.send_c_store(data_set) if association.is_established else None

    def store_file(self, tmp_path, content):
        """The bytes of a file as they are."""
        path = tmp_path / "sent.dcm"
        path.write_bytes(content)
        meta = pydicom.filereader.read_file_meta_info(path)
        context = build_context(meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID)
        with self.associated(context) as association:
            return association.send_c_store(path) if association.is_established else None


class Archive:
    """Takes what is sent, or answers as it is told."""

    def __init__(self, answer=lambda count, event: 0x0000, *, contexts, ae_title="ARCHIVE", callers=(), tls=None):
        self.stored: list[tuple[str, bytes, str]] = []
        """Instance, data set as it came, and transfer syntax of each request."""
        self._answer = answer
        entity = AE(ae_title)
        entity.require_called_aet, entity.require_calling_aet = True, list(callers)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 20
        self._server = entity.make_server(
            ("127.0.0.1", 0),
            contexts=contexts,
            evt_handlers=[(evt.EVT_C_STORE, self._store)],
            ssl_context=tls,
            server_class=ThreadedAssociationServer,
        )
        entity._servers.append(self._server)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.port = self._server.server_address[1]

    def _store(self, event: Any) -> Any:
        request, content = event.request, event.encoded_dataset(include_meta=False)
        self.stored.append((str(request.AffectedSOPInstanceUID), content, str(event.context.transfer_syntax)))
        return self._answer(len(self.stored), event)

    def data_sets(self):
        """What came, decoded."""
        forms = [(io.BytesIO(content), UID(syntax)) for _, content, syntax in self.stored]
        return [pydicom.filereader.read_dataset(c, form.is_implicit_VR, form.is_little_endian) for c, form in forms]

    def close(self):
        self._server.shutdown()
        for association in self._server.active_associations:
            association.abort()


def encoded(data_set):
    """A data set alone, in explicit little endian."""
    target = pydicom.filebase.DicomBytesIO()
    target.is_implicit_VR, target.is_little_endian = False, True
    pydicom.filewriter.write_dataset(target, data_set)
    return target.getvalue()
