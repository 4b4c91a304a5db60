"""What the page shows: how the node stands, what came last, what waits, and what was set aside."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Collection
from typing import Any, get_args

import msgspec

from ecg2lab.edge.config import Destination, Scope
from ecg2lab.edge.node import Node
from ecg2lab.errors import OverloadError
from ecg2lab.patient import Patient

LATEST = 12
"""Recordings and messages that are listed."""
_TIMED = 1000
"""Newest recordings whose times are shown."""
BOUNDS_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0)
"""Upper ends of all bins but the last of the times from arrival to answer."""


def overview(node: Node, scopes: Collection[Scope]) -> dict[str, Any]:
    """As JSON has it. Names of files, and reasons in the words of a receiver, only where `scopes` has `read`."""
    info, counts, survey = node.engine.info, node.ledger.counts(), node.ledger.survey
    return {
        "time": time.time(),
        "model": info.model,
        "notice": info.notice,
        "synthetic_weights": info.synthetic_weights,
        "mode": node.configuration.mode,
        "scopes": sorted(scopes),
        "why_not_ready": _why_not_ready(node),
        "recordings": counts.recordings,
        "latest": _recordings(node, None, "read" in scopes),
        "set_aside": _recordings(node, "set aside", "read" in scopes),
        "destinations": [
            _destination(node, told, counts.destinations.get(told.name, {}), "read" in scopes)
            for told in node.configuration.destinations
        ],
        "seconds": _seconds(survey.seconds(_TIMED)),
        "problems": [problem._asdict() for problem in node.problems.latest()],
        "facts": facts(node),
    }


def _why_not_ready(node: Node) -> str | None:
    try:
        node.require_room()
    except OverloadError as error:
        return str(error)
    return None


def _recordings(node: Node, state: str | None, named: bool) -> list[dict[str, Any]]:
    rows = node.ledger.survey.latest(LATEST, state)
    names = node.ledger.survey.names([row["number"] for row in rows]) if named else {}
    return [{**row, "name": names.get(row["number"])} for row in rows]


def _destination(node: Node, told: Destination, states: dict[str, int], may_read: bool) -> dict[str, Any]:
    survey = node.ledger.survey
    trouble = survey.trouble(told.name)
    aside = survey.messages(told.name, "set aside", LATEST)
    if not may_read:  # a receiver's words may be about a patient
        trouble, aside = trouble and {**trouble, "problem": None}, [{**row, "problem": None} for row in aside]
    return {
        "name": told.name,
        "kind": _kind(told),
        "states": states,
        "oldest": survey.oldest_queued(told.name),
        "trouble": trouble,
        "set_aside": aside,
    }


def _kind(told: Destination) -> str:
    kind = type(told).__struct_config__.tag
    return str(kind)


def _seconds(values: list[float]) -> dict[str, Any]:
    """Times from arrival to answer."""
    ordered, bins = sorted(values), [0] * (len(BOUNDS_S) + 1)
    for value in ordered:
        bins[bisect_left(BOUNDS_S, value)] += 1
    return {
        "n": len(ordered),
        "p50": _quantile(ordered, 0.5),
        "p95": _quantile(ordered, 0.95),
        "bounds": BOUNDS_S,
        "counts": bins,
    }


def _quantile(ordered: list[float], share: float) -> float | None:
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else None


def facts(node: Node) -> list[dict[str, Any]]:
    """Fields of the form: facts that the model uses, as people call them."""
    contract = node.engine.contract
    used = set(contract.feature_names)
    if "bmi" in used:
        used |= {"height_cm", "weight_kg"}
    if "temperature_f" in used:  # people say it in °C, and twice is once too much
        used = used - {"temperature_f"} | {"temperature_c"}
    return [
        {"name": field.name, **_described(field)} for field in msgspec.structs.fields(Patient) if field.name in used
    ]


def _described(field: Any) -> dict[str, Any]:
    about = next(part for part in get_args(field.type) if isinstance(part, msgspec.Meta))
    words = [word for part in get_args(get_args(field.type)[0]) for word in get_args(part)]
    return {"title": about.title, "unit": (about.extra or {})["unit"], "words": words}
