"""What a FHIR server says is wrong, without what it may repeat of the patient.

Of its words only technical ones are kept, and the names of elements that were sent; each run of others is an ellipsis.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_ISSUES = 3
_MOST_WORDS = 25
_LONGEST_TEXT = 2000
_CODES = """
    business-rule code-invalid conflict deleted duplicate exception expired extension forbidden incomplete
    informational invalid invariant lock-error login multiple-matches no-store not-found not-supported
    processing required security structure suppressed throttled timeout too-costly too-long transient unknown
    value
"""
"""Of R4's issue types."""
_WORDS = """
    a allowed already an and any are as at attribute authenticate authorized bad be because been both but by can
    cannot canonical cardinality code coding conditional conflict constraint contain contains contents could
    create created data date datetime default delete denied did disabled display does duplicate each element
    elements enabled entity entries entry error exactly exceeded exist exists expected extension failed field
    fields find for format found from fully had has have id identifier identity if in instead integrity invalid
    is it item its json least length limit literal local logical loop many match matched matches matching max
    maximum method min minimum mismatch missing more multiple must no none not null of on one only operation or
    order out parameter parse parsed permission permitted placeholder point post processing profile prohibited
    provide provided put read reason reference references referential relative repeat request require required
    requires resolve resolved resource resources result rule rules save schema search security server set should
    slice slicing specified store string structure such supported system tag target than that the then there
    this timeout to token too transaction type types unable unexpected unknown unmatched unprocessable
    unrecognized unresolved unsupported update uri url urn use used uuid valid validate validation value values
    version violated violation was were when which while with within would write wrong you
"""
CODES, TECHNICAL = frozenset(_CODES.split()), frozenset(_WORDS.split())
"""What is repeated, beside the names of elements."""
_SERVER_CODE = re.compile(r"HAPI-[0-9]{3,5}")
_WORD = re.compile(r"HAPI-[0-9]{3,5}|[^\W\d_]+(?:-[^\W\d_]+)*|\S", re.UNICODE)
_STEP = re.compile(r"([A-Za-z]+)(\[[0-9]{1,2}\])?")


def complaint(outcome: object, sent: bytes) -> str:
    """The errors of an OperationOutcome in a sentence; empty: it is none, or says nothing.

    Parameters
    ----------
    sent
        The resource that it is about, whose names it may repeat.
    """
    if not isinstance(outcome, dict) or outcome.get("resourceType") != "OperationOutcome":
        return ""
    listed = outcome.get("issue")
    issues = [issue for issue in listed if isinstance(issue, dict)] if isinstance(listed, list) else []
    wrong = [issue for issue in issues if issue.get("severity") in ("fatal", "error")] or issues
    if not wrong:
        return ""
    names = frozenset(_names(json.loads(sent)))
    return "; ".join(dict.fromkeys(filter(None, (_said(issue, names) for issue in wrong[:_ISSUES]))))


def _said(issue: dict[str, Any], names: frozenset[str]) -> str:
    code = issue.get("code")
    places = issue.get("expression") or issue.get("location")
    where = [_place(place, names) for place in places if isinstance(place, str)] if isinstance(places, list) else []
    details = issue.get("details")
    text = issue.get("diagnostics") or (details.get("text") if isinstance(details, dict) else None)
    words = _technical(text, names) if isinstance(text, str) else ""
    said = code if isinstance(code, str) and code in CODES else "error"
    at = f" at {', '.join(filter(None, where[:2]))}" if any(where[:2]) else ""
    return f"{said}{at}{': ' if words else ''}{words}"


def _place(path: str, names: frozenset[str]) -> str:
    """A path of elements, up to the first step that is none of them."""
    kept = []
    for step in path.split(".")[:12]:
        parts = _STEP.fullmatch(step)
        if parts is None or parts[1] not in names:
            break
        kept.append(step)
    return ".".join(kept)


def _technical(text: str, names: frozenset[str]) -> str:
    kept: list[str] = []
    for word in _WORD.findall(text[:_LONGEST_TEXT]):
        if word in names or word.lower() in TECHNICAL or _SERVER_CODE.fullmatch(word):
            kept.append(word)
        elif (word.isalnum() or len(word) > 1) and kept[-1:] != ["…"]:
            kept.append("…")
    while kept[-1:] == ["…"]:
        kept.pop()
    said = kept[:_MOST_WORDS]
    return "" if set(said) <= {"…"} else " ".join(said)


def _names(value: object) -> Iterator[str]:
    """Of all elements, and of the types of resources."""
    if isinstance(value, dict):
        yield from value
        kind = value.get("resourceType")
        if isinstance(kind, str):
            yield kind
        for part in value.values():
            yield from _names(part)
    elif isinstance(value, list):
        for part in value:
            yield from _names(part)
