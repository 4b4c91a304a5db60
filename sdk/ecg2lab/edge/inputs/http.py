"""HTTP: recordings in, answers out; what programs and people ask."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Litestar, MediaType, Request, Response, delete, get, post
from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException
from litestar.handlers.base import BaseRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.params import PathParameter, QueryParameter
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from ecg2lab.edge.access import Denial, admit, deny_stranger
from ecg2lab.edge.config import Scope, Token
from ecg2lab.edge.drawing import Drawing
from ecg2lab.edge.inference import rest
from ecg2lab.edge.inputs import http_facts, page, streams
from ecg2lab.edge.ledger import Kept
from ecg2lab.edge.node import Node
from ecg2lab.errors import Ecg2LabError, OverloadError, PatientError, RecordingError, StoreError
from ecg2lab.patient import Patient

_LONGEST_WAIT_S = 60.0
_THREADS = 64
"""Requests that wait for their answer at the same time; further ones wait for them."""
_T = TypeVar("_T")
_AGAIN_S = "30"
_MEDIA = {
    "json": "application/json",
    "fhir": "application/fhir+json",
    "hl7": "x-application/hl7-v2+er7",
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
}
_STATUS: dict[type[Exception], int] = {OverloadError: 503, StoreError: 507, RecordingError: 422, PatientError: 422}
_WORDS = ("sex", "race")
_Wait = Annotated[str | None, QueryParameter(name="wait", description="Answer at once, within so many seconds.")]
_Identity = Annotated[str, PathParameter(pattern="^[0-9a-f]{40}$", description="Of a recording, as it was answered.")]


def application(node: Node) -> Litestar:
    """The ASGI application of a node."""
    drawing = Drawing(node.engine.info, node.configuration.limits.read_s, node.ledger.reading)
    threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="ecg2lab-http")
    computing = ThreadPoolExecutor(node.configuration.workers, thread_name_prefix="ecg2lab-computing")

    async def work(call: Callable[..., _T], *given: Any, **named: Any) -> _T:
        """Do what waits for the disk or for an answer beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(threads, partial(call, *given, **named))

    async def compute(call: Callable[..., _T], *given: Any, **named: Any) -> _T:
        """The same for what computes: no more of it at a time than the node has workers."""
        return await asyncio.get_running_loop().run_in_executor(computing, partial(call, *given, **named))

    def close() -> None:
        computing.shutdown(wait=False, cancel_futures=True)
        threads.shutdown(wait=False, cancel_futures=True)
        drawing.close()

    @post("/v1/recordings", status_code=202, guards=[_need("send")], summary="Take a recording")
    async def send(request: Request[Any, Any, Any], wait: _Wait = None) -> Response[bytes]:
        """One recording: its file or files as parts of a form, or one file as the body. Facts about the patient are
        further parts by their names (`age`, `sex`, …), or one part `facts` in JSON.

        202: it is kept, and will be answered. With `wait` the answer comes at once: 200, or 422 with the refusal.
        """
        node.require_room()  # before a body is taken into memory
        files, facts = await _uploaded(request)
        told = {"origin": "http", "sender": _who(request)}
        if wait is None or wait == "0":
            return _taken((await work(node.accept, files, facts, **told)).id)
        return _answered(await work(node.ask, files, facts, **told, seconds=_seconds(wait)))

    @get("/v1/recordings/{identity:str}", guards=[_need("read")], summary="Read an answer")
    async def read(
        identity: _Identity,
        request: Request[Any, Any, Any],
        form: Annotated[str | None, QueryParameter(name="format", description=f"One of {', '.join(_MEDIA)}.")] = None,
    ) -> Response[bytes]:
        """The answer or refusal; 202 while it waits for its answer."""
        kept = _known(node, identity)
        node.ledger.note(_who(request), "read", identity)
        form = form or _accepted(request.headers.get("accept", ""))
        if form not in _MEDIA:
            raise HTTPException(status_code=400, detail=f"format must be one of {', '.join(_MEDIA)}")
        if form == "json" or kept.answer is None:
            return _answered(kept, refused=200)
        content = await work(drawing.draw, form, kept)
        return Response(content, media_type=_MEDIA[form])

    @get("/v1/recordings/{identity:str}/deliveries", guards=[_need("read")], summary="Where an answer went")
    async def deliveries(identity: _Identity) -> list[dict[str, Any]]:
        """For each destination whether it was acknowledged."""
        return node.ledger.deliveries(_known(node, identity).number)

    @delete("/v1/recordings/{identity:str}", guards=[_need("erase")], summary="Forget a recording")
    async def erase(identity: _Identity, request: Request[Any, Any, Any]) -> None:
        """With its answer, and what is still owed of it."""
        if not await work(node.ledger.erase, identity, _who(request)):
            raise HTTPException(status_code=404, detail="there is no such recording here")

    @get("/v1/counts", guards=[_need("watch")], summary="How much there is")
    async def counts() -> dict[str, Any]:
        """How many recordings are in each state, and for each destination how many messages."""
        return node.ledger.counts()._asdict()

    @get("/metrics", guards=[_need("watch")], summary="What is counted, for Prometheus")
    async def metrics() -> Response[bytes]:
        return Response(node.metrics.text(), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    @get("/v2/health/live", summary="Whether the process runs")
    async def live() -> dict[str, bool]:
        return {"live": True}

    @get("/v2/health/ready", summary="Whether recordings are taken")
    async def ready() -> Response[dict[str, Any]]:
        try:
            node.require_room()
        except OverloadError as error:
            return Response({"ready": False, "why": str(error)}, status_code=503)
        return Response({"ready": True})

    most_bytes = int(node.configuration.limits.body_mb * (1 << 20))
    names = {node.configuration.http.host, "localhost"}
    programs = rest.routes(node.inference, most_bytes, _need, _who, compute, partial(node.problems.count, "inference"))
    return Litestar(
        [
            programs,
            streams.route(node, names, compute),
            *(send, read, deliveries, erase, counts, metrics, live, ready),
            *page.handlers(node, work, _need, _who, _known),
            http_facts.route(node, work, _need, _who),
        ],
        request_max_body_size=most_bytes,
        openapi_config=OpenAPIConfig(
            title="ecg2lab edge node",
            version="1",
            path="/openapi",
            render_plugins=[JsonRenderPlugin()],  # others have a browser ask foreign servers
        ),
        before_send=[page.add_headers],
        before_request=partial(_refuse_strangers, names=names),
        exception_handlers={
            OverloadError: partial(_troubled, node),
            StoreError: partial(_troubled, node),
            Ecg2LabError: _refused,
            HTTPException: _failed,
        },
        state=None,
        on_shutdown=[close],
        opt={"tokens": node.configuration.tokens},
    )


async def _refuse_strangers(request: Request[Any, Any, Any], names: Set[str]) -> Response[Any] | None:
    """Requests that a page of another server has a browser send: by its origin, or by its own name for this node."""
    denial = deny_stranger(request.headers.get("host", ""), request.headers.get("origin"), names)
    return None if denial is None else _problem("HTTPError", denial.message, denial.status, {})


def _need(scope: Scope) -> Any:
    """A guard: who asks must hold a token with this scope, where there are tokens at all."""

    def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        tokens: tuple[Token, ...] = handler.opt["tokens"]
        if not tokens:
            return
        admitted = admit(connection.headers.get("authorization", ""), scope, tokens)
        if isinstance(admitted, Denial):
            headers = {"WWW-Authenticate": 'Bearer realm="ecg2lab"'} if admitted.status == 401 else {}
            raise HTTPException(status_code=admitted.status, detail=admitted.message, headers=headers)
        connection.scope["state"]["who"] = admitted.name

    return guard


def _who(request: Request[Any, Any, Any]) -> str:
    named: str | None = request.scope["state"].get("who")
    return named or (request.client.host if request.client else "?")


async def _uploaded(request: Request[Any, Any, Any]) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Files by name, and facts."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return await _form(request)
    if kind not in ("", "application/octet-stream", "application/dicom", "application/xml", "text/xml", "text/csv"):
        raise HTTPException(
            status_code=415, detail="send a form (multipart/form-data), or a file as application/octet-stream"
        )
    return {request.query_params.get("name", "recording"): await request.body()}, {}


async def _form(request: Request[Any, Any, Any]) -> tuple[dict[str, bytes], dict[str, Any]]:
    files: dict[str, bytes] = {}
    facts: dict[str, Any] = {}
    for name, part in (await request.form()).multi_items():
        if hasattr(part, "filename"):
            if part.filename in files:
                raise RecordingError("two files have the same name")
            files[part.filename] = await part.read()
        elif name == "facts":
            facts.update(_decoded(part))
        else:
            facts[name] = _fact(name, part)
    return files, facts


def _decoded(text: Any) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text if isinstance(text, str | bytes) else msgspec.json.encode(text), type=dict)
    except msgspec.DecodeError:
        raise PatientError("facts must be an object in JSON") from None


def _fact(name: str, value: Any) -> Any:
    if name not in Patient.__struct_fields__:
        known = ", ".join(Patient.__struct_fields__)
        raise PatientError(f"a part of the form is neither a file nor a fact; facts are {known}")
    if name in _WORDS:
        return str(value)
    try:
        return float(value)
    except (TypeError, ValueError):
        raise PatientError(f"{name} must be a number") from None


def _known(node: Node, identity: str) -> Kept:
    kept = node.ledger.find(identity)
    if kept is None:
        raise HTTPException(status_code=404, detail="there is no such recording here")
    return kept


def _taken(identity: str) -> Response[bytes]:
    link = f"/v1/recordings/{identity}"
    content = msgspec.json.encode({"id": identity, "state": "waiting", "answer": link})
    return Response(content, status_code=202, media_type=MediaType.JSON, headers={"Location": link})


def _answered(kept: Kept, refused: int = 422) -> Response[bytes]:
    headers = {"ecg2lab-recording": kept.id}
    if kept.state == "waiting":
        return _taken(kept.id)
    if kept.answer is None:
        content = msgspec.json.encode({"error": {"type": "InternalError", "message": kept.problem}})
        return Response(content, status_code=500, media_type=MediaType.JSON, headers=headers)
    status = refused if kept.state == "refused" else 200
    return Response(kept.answer, status_code=status, media_type=MediaType.JSON, headers=headers)


def _accepted(accept: str) -> str:
    """The form that a browser or program asks for."""
    for form, media in _MEDIA.items():
        if media.partition(";")[0] in accept:
            return form
    return "json"


def _seconds(wait: str) -> float:
    try:
        return min(max(float(wait or _LONGEST_WAIT_S), 0.0), _LONGEST_WAIT_S)
    except ValueError:
        return _LONGEST_WAIT_S


def _problem(kind: str, message: str, status: int, headers: Mapping[str, str]) -> Response[Any]:
    return Response({"error": {"type": kind, "message": message}}, status_code=status, headers=dict(headers))


def _troubled(node: Node, request: Request[Any, Any, Any], error: Ecg2LabError) -> Response[Any]:
    node.problems.count("http", error)
    return _refused(request, error)


def _refused(_: Request[Any, Any, Any], error: Ecg2LabError) -> Response[Any]:
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 422)
    headers = {"Retry-After": _AGAIN_S} if status in (503, 507) else {}
    return _problem(type(error).__name__, str(error), status, headers)


def _failed(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    if rest.serves(request.url.path):
        return rest.failed(request, error)
    return _problem("HTTPError", error.detail, error.status_code, error.headers or {})
