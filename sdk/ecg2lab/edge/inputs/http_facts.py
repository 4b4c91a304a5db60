"""HTTP: facts about patients in FHIR, `POST /v1/facts`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request, Response, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from ecg2lab.edge.inputs.fhir_facts import understand
from ecg2lab.edge.node import Node

_MEDIA = ("application/fhir+json", "application/json")


def route(
    node: Node,
    work: Callable[..., Awaitable[Any]],
    need: Callable[..., Any],
    who: Callable[[Request[Any, Any, Any]], str],
) -> HTTPRouteHandler:
    """The route.

    Parameters
    ----------
    work
        Does something beside the event loop.
    need
        A guard, by scope.
    who
        Asks.
    """

    @post("/v1/facts", status_code=200, guards=[need("send")], summary="Take facts about patients")
    async def take(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        """One Observation of FHIR R4, or a Bundle of Observations and of the Patients that they are of.

        200: what could be kept is on the disk; the answer says what could not, and why. 422: nothing could be kept.
        """
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in _MEDIA:
            raise HTTPException(status_code=415, detail=f"send {_MEDIA[0]}")
        node.require_disk()
        content = await request.body()
        answer: dict[str, Any] = await work(_kept, node, content, f"fhir {who(request)}")
        return Response(answer, status_code=200 if answer["kept"] or answer["withdrawn"] else 422)

    return take


def _kept(node: Node, content: bytes, who: str) -> dict[str, Any]:
    understood = understand(content, node.configuration.facts)
    kept, withdrawn = node.ledger.facts.keep(understood.statements, who)
    problems = [{"entry": entry.number, "why": list(entry.problems)} for entry in understood.entries if entry.problems]
    return {"kept": kept, "withdrawn": withdrawn, "not_kept": problems}
