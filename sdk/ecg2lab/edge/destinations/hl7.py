"""HL7 v2.5.1 over MLLP: one message at a time, kept until its acknowledgement names it."""

from __future__ import annotations

import socket
import ssl
import time
from datetime import datetime, timezone
from pathlib import Path

from ecg2lab.answer.prediction import EngineInfo, Prediction
from ecg2lab.edge.config import Hl7Destination
from ecg2lab.edge.destinations import Outcome
from ecg2lab.edge.helper import Helper
from ecg2lab.edge.identity import control_id
from ecg2lab.edge.ledger import Kept
from ecg2lab.report import hl7

_BEGIN, _END = b"\x0b", b"\x1c\r"
_LONGEST_ACKNOWLEDGEMENT = 1 << 20
_TAKEN, _ERROR, _REJECTED = ("AA", "CA"), ("AE", "CE"), ("AR", "CR")


class Hl7Channel:
    """A connection to one receiver, opened when it is needed and kept."""

    def __init__(self, told: Hl7Destination, base: Path) -> None:
        self._told = told
        authority = None if told.authority is None else base / told.authority
        self._tls = ssl.create_default_context(cafile=authority) if told.tls else None
        self._socket: socket.socket | None = None

    def write(self, kept: Kept, engine: EngineInfo, helper: Helper) -> bytes:
        """The message, with the report in it where that is wanted."""
        told, said = self._told, kept.said
        assert kept.answered is not None
        document = helper.draw("pdf", said, kept.files, engine) if told.pdf else b""
        fields = {
            "control_id": control_id(kept.id),
            "sending_application": told.sending_application,
            "sending_facility": told.sending_facility,
            "receiving_application": told.receiving_application,
            "receiving_facility": told.receiving_facility,
            "patient_authority": told.patient_authority,
            "processing_id": told.processing_id,
            "result_status": told.result_status,
            "abnormal_flag": told.abnormal_flag,
        }
        sent = datetime.fromtimestamp(int(kept.answered), timezone.utc)
        if isinstance(said, Prediction):
            return hl7.message(said, fields=fields, document=document, sent=sent)
        return hl7.refusal(said, engine, kept.source, fields=fields, document=document, sent=sent)

    def send(self, kept: Kept, message: bytes) -> Outcome:
        """Send it; anything but an acknowledgement of this very message is a reason to send it again."""
        try:
            acknowledged = self._asked(message)
        except OSError as error:
            return Outcome("again", f"{self._told.host}:{self._told.port}: {error.strerror or error}")
        code, number, text = _acknowledgement(acknowledged)
        if number != control_id(kept.id):
            self.close()  # what else it says belongs to something else
            return Outcome("again", "the answer was no acknowledgement of this message")
        if code in _TAKEN:
            return Outcome("acknowledged")
        said = f"{code}{': ' if text else ''}{text}"
        return Outcome("set aside" if code in _REJECTED else "again", said)

    def _asked(self, message: bytes) -> bytes:
        """The receiver's answer. A connection that it closed while nothing was sent is opened anew."""
        kept = self._socket is not None
        try:
            connection = self._connected()
            connection.settimeout(self._told.retry.acknowledged_s)
            connection.sendall(_BEGIN + message + _END)
            return self._receive(connection)
        except (ConnectionError, ssl.SSLEOFError):
            self.close()
            if not kept:
                raise
        except OSError:
            self.close()
            raise
        return self._asked(message)

    def _connected(self) -> socket.socket:
        if self._socket is None:
            told = self._told
            plain = socket.create_connection((told.host, told.port), told.retry.acknowledged_s)
            self._socket = self._tls.wrap_socket(plain, server_hostname=told.host) if self._tls else plain
        return self._socket

    def _receive(self, connection: socket.socket) -> bytes:
        received, end = b"", time.monotonic() + self._told.retry.acknowledged_s
        while not received.endswith(_END):
            connection.settimeout(max(end - time.monotonic(), 0.001))
            part = connection.recv(65536)
            if not part:
                raise ConnectionError("it closed the connection without an acknowledgement")
            received += part
            if len(received) > _LONGEST_ACKNOWLEDGEMENT:
                raise OSError("it answered with more than an acknowledgement")
        return received.rpartition(_BEGIN)[2].removesuffix(_END)

    def close(self) -> None:
        """End the connection."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None


def _acknowledgement(message: bytes) -> tuple[str, str, str]:
    """Code, number of the message and text of an MSA segment; empty where there is none."""
    for segment in message.decode("utf-8", "replace").replace("\n", "\r").split("\r"):
        if segment.startswith("MSA") and len(segment) > 4:
            fields = [*segment.split(segment[3]), "", "", ""]
            if fields[1] in (*_TAKEN, *_ERROR, *_REJECTED):
                return fields[1], fields[2], "".join(c for c in fields[3][:200] if c.isprintable())
    return "", "", ""
