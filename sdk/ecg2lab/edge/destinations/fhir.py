"""A FHIR R4 server: each answer as one transaction, or as one stored bundle."""

from __future__ import annotations

import json
import re
import ssl
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ecg2lab.answer.prediction import EngineInfo
from ecg2lab.edge.config import FhirDestination
from ecg2lab.edge.destinations import Outcome
from ecg2lab.edge.destinations.http_request import Answer, ask
from ecg2lab.edge.destinations.operation_outcome import complaint
from ecg2lab.edge.fhir_message import collection, condition_of, find_patients, root, transaction
from ecg2lab.edge.helper import Helper
from ecg2lab.edge.ledger import Kept
from ecg2lab.report.fhir import encode

_FHIR_JSON = "application/fhir+json"
_LARGEST_ANSWER = 4 << 20
_LONGEST_PAUSE_S = 3600.0
_LARGEST_TOKEN = 16 << 10
_NOT_NOW = (408, 409, 421, 425, 429)
"""Beside 5xx: another time the same may be taken. 409 is how servers say that two requests met."""
_NOT_THERE = (404, 405)
_STORED = re.compile(r"(^|/)Bundle/[A-Za-z0-9.-]{1,64}(/|$)")
_REPLIES = ("transaction-response", "batch-response")
_NO_ANSWER = Outcome("again", "its answer is none of a FHIR server")


class FhirChannel:
    """A server."""

    def __init__(self, told: FhirDestination, base: Path) -> None:
        self._told, self._base = told, urlsplit(told.url)
        self._token_file = None if told.token_file is None else base / told.token_file
        authority = None if told.authority is None else base / told.authority
        self._tls = ssl.create_default_context(cafile=authority) if self._base.scheme == "https" else None

    def write(self, kept: Kept, engine: EngineInfo, helper: Helper) -> bytes:
        """The bundle, with the report in it where that is wanted."""
        told = self._told
        document = helper.draw("pdf", kept.said, kept.files, engine) if told.pdf else b""
        bundle = collection(kept, engine, patient_system=told.patient_system, document=document)
        if told.find_patients:
            find_patients(bundle)
        if told.as_ == "transaction":
            bundle = transaction(bundle, own_ids=told.own_ids)
        elif not told.own_ids:  # to a repeat with an id of ours some servers say that theirs is another
            del bundle["id"]
        return encode(bundle)

    def send(self, kept: Kept, message: bytes) -> Outcome:
        """Send it; only what can be no one else's answer is an acknowledgement."""
        told = self._told
        method, path, headers = self._request(kept)
        try:
            token = "" if self._token_file is None else read_token(self._token_file)
        except (OSError, ValueError) as error:
            return Outcome("again", f"token_file: {getattr(error, 'strerror', None) or error}")
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            answer = ask(
                self._base,
                method,
                path,
                headers,
                message,
                tls=self._tls,
                seconds=told.retry.acknowledged_s,
                most=_LARGEST_ANSWER,
            )
        except OSError as error:
            return Outcome("again", f"{self._base.netloc}: {_reason(error)}")
        except (HTTPException, ValueError):
            return Outcome("again", f"{self._base.netloc}: what it answered is not HTTP")
        return meaning(answer, message, as_transaction=told.as_ == "transaction")

    def _request(self, kept: Kept) -> tuple[str, str, dict[str, str]]:
        headers = {
            "Content-Type": _FHIR_JSON,
            "Accept": _FHIR_JSON,
            "Prefer": "return=minimal",
            "User-Agent": "ecg2lab",
            "Connection": "close",
        }
        name = root(kept.id)
        if self._told.as_ == "transaction":
            return "POST", "", headers
        if self._told.own_ids:
            return "PUT", f"/Bundle/{name}", headers
        return "POST", "/Bundle", {**headers, "If-None-Exist": condition_of(name.urn)}

    def close(self) -> None:
        """Nothing is open between messages."""


def read_token(path: Path) -> str:
    """The token as its file has it now: whoever renews it writes it there.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If there is none in it.
    """
    with open(path, "rb") as file:
        token = file.read(_LARGEST_TOKEN).strip()
    if not token or not all(33 <= letter <= 126 for letter in token):
        raise ValueError("no token is in it: one word of printable ASCII")
    return token.decode("ascii")


def meaning(answer: Answer, message: bytes, *, as_transaction: bool) -> Outcome:
    """What an answer says of a message."""
    resource = _decoded(answer.body)
    if answer.status not in (200, 201):
        return _failure(answer.status, resource, message, answer.pause_s)
    if as_transaction:
        return _of_transaction(resource, message)
    stored = answer.status == 201 or _STORED.search(answer.location) or _kind(resource) == "Bundle"
    return Outcome("acknowledged") if stored else _NO_ANSWER


def _of_transaction(reply: object, message: bytes) -> Outcome:
    """Every entry must have been stored; a server that took it for a batch may have refused some."""
    if _kind(reply) != "Bundle":
        return _NO_ANSWER
    assert isinstance(reply, dict)
    entries = reply.get("entry")
    if reply.get("type") not in _REPLIES or not isinstance(entries, list):
        return _NO_ANSWER
    responses = [entry.get("response") if isinstance(entry, dict) else None for entry in entries]
    stated = [_status(response) for response in responses]
    if None in stated or len(stated) != len(json.loads(message)["entry"]):
        return _NO_ANSWER
    for status, response in zip(stated, responses, strict=True):
        if status is not None and not 200 <= status < 300:
            said = response.get("outcome") if response else None
            return _failure(status, said or {"resourceType": "OperationOutcome"}, message, 0.0)
    return Outcome("acknowledged")


def _status(response: object) -> int | None:
    """Of an entry of the reply, which states it as `201 Created`."""
    stated = response.get("status") if isinstance(response, dict) else None
    known = isinstance(stated, str) and re.match(r"[1-5][0-9]{2}\b", stated, re.ASCII)
    return int(known[0]) if known else None


def _failure(status: int, outcome: object, message: bytes, pause_s: float) -> Outcome:
    """What a status means that is no success."""
    said = complaint(outcome, message)
    called = f"{status} {_phrase(status)}".rstrip()
    problem = f"{called}{': ' if said else ''}{said}"
    if status in (401, 403):
        return Outcome("again", f"{called}: it does not accept the token of token_file")
    if status in _NOT_THERE and _kind(outcome) != "OperationOutcome":
        return Outcome("again", f"{called}: no FHIR server is there; set url to its base")
    if status in _NOT_NOW or status >= 500:
        return Outcome("again", problem, min(pause_s, _LONGEST_PAUSE_S))
    if 400 <= status < 500:
        return Outcome("set aside", problem)
    if 300 <= status < 400:
        return Outcome(
            "again", f"{called}: it sends elsewhere, where nothing is sent; set url to the server's own base"
        )
    return Outcome("again", f"{called}: that says nothing of what was sent")


def _phrase(status: int) -> str:
    """Ours, never the server's."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _decoded(body: bytes) -> object:
    """JSON; None: it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _kind(resource: object) -> Any:
    return resource.get("resourceType") if isinstance(resource, dict) else None


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate cannot be trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or 'it ended'}"
    return error.strerror or str(error) or type(error).__name__
