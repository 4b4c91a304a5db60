"""The Open Inference Protocol over HTTP."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from litestar import MediaType, Request, Response, Router, get, post
from litestar.exceptions import HTTPException
from litestar.params import PathParameter

from ecg2lab.edge.config import Scope
from ecg2lab.edge.inference import json_tensors
from ecg2lab.edge.inference.compression import TooLargeError, decompress
from ecg2lab.edge.inference.description import SERVER
from ecg2lab.edge.inference.json_tensors import Encoded
from ecg2lab.edge.inference.refusals import RequestError, UnknownModelError
from ecg2lab.edge.inference.service import Inference
from ecg2lab.errors import Ecg2LabError, OverloadError

JSON_SIZE = "Inference-Header-Content-Length"
_STATUS: dict[type[Exception], int] = {
    UnknownModelError: 404,
    TooLargeError: 413,
    RequestError: 400,
    OverloadError: 503,
}
_FAULT = "a fault in ecg2lab; please report it"
_NOT_SERVED = "this is not served here: health, metadata and inference of the Open Inference Protocol are"
_Model = Annotated[str, PathParameter(description="Name of the model, as `/v2/models/…` calls it.")]
_Version = Annotated[str, PathParameter(description="`1`.")]


def routes(
    service: Inference,
    most_bytes: int,
    need: Callable[[Scope], Any],
    who: Callable[[Request[Any, Any, Any]], str],
    work: Callable[..., Awaitable[Any]],
    fault: Callable[[Exception], object],
) -> Router:
    """Of one model.

    Parameters
    ----------
    most_bytes
        Of a body, once it is decompressed.
    need
        A guard, by the scope that a token must have.
    who
        Asks.
    work
        Does a call beside the event loop.
    fault
        Is told of an error that is ours.
    """
    guards = [need("send")]

    def both(path: str = "") -> list[str]:
        return [f"/v2/models/{{model:str}}{version}{path}" for version in ("", "/versions/{version:str}")]

    def answer(body: bytes, encoding: str, json_size: int | None) -> Encoded:
        content = decompress(body, encoding, most_bytes)
        request = json_tensors.decode(content, json_size, service.model, service.most_windows)
        return json_tensors.encode(service.model, request, service.infer("rest", request))

    @get("/v2", guards=guards, summary="What serves here")
    async def server() -> dict[str, Any]:
        """Metadata of the server in the Open Inference Protocol."""
        return SERVER

    @get(both(), guards=guards, summary="What the model takes and gives")
    async def metadata(model: _Model, version: _Version = "") -> dict[str, Any]:
        """Names, types and shapes of its tensors. It takes windows that are prepared as its contract says."""
        return service.find(model, version).metadata()

    @get(both("/ready"), guards=guards, summary="Whether the model answers")
    async def ready(model: _Model, version: _Version = "") -> dict[str, Any]:
        """404 where there is no such model."""
        return {"name": service.find(model, version).name, "ready": True}

    @post(both("/infer"), status_code=200, guards=guards, summary="Logits and features of prepared windows")
    async def infer(request: Request[Any, Any, Any], model: _Model, version: _Version = "") -> Response[bytes]:
        """Nothing is kept. The body is JSON; with the binary tensor extension tensors follow it, and the header
        `Inference-Header-Content-Length` says how long the JSON is. It may be compressed (gzip, deflate).
        """
        with service.taken("rest", who(request)):
            service.find(model, version)
            encoding, size = request.headers.get("content-encoding", ""), _size(request.headers.get(JSON_SIZE))
            encoded = await work(answer, await request.body(), encoding, size)
        if encoded.json_size is None:
            return Response(encoded.content, media_type=MediaType.JSON)
        headers = {JSON_SIZE: str(encoded.json_size)}
        return Response(encoded.content, media_type="application/octet-stream", headers=headers)

    def broken(_: Request[Any, Any, Any], error: Exception) -> Response[Any]:
        fault(error)
        return Response({"error": _FAULT}, status_code=500)

    return Router(
        path="/",
        route_handlers=[server, metadata, ready, infer],
        exception_handlers={Ecg2LabError: _refused, OverloadError: _refused, HTTPException: failed, Exception: broken},
        tags=["Open Inference Protocol"],
    )


def _size(header: str | None) -> int | None:
    if header is None:
        return None
    if not re.fullmatch("[0-9]{1,12}", header):
        raise RequestError(f"{JSON_SIZE} must be a number of bytes")
    return int(header)


def serves(path: str) -> bool:
    """Whether errors at this address have the protocol's form."""
    return path == "/v2" or path.startswith("/v2/")


def failed(_: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """An error of HTTP in the protocol's form."""
    message = _NOT_SERVED if error.status_code == 404 else error.detail
    return Response({"error": message}, status_code=error.status_code, headers=error.headers or {})


def _refused(_: Request[Any, Any, Any], error: Ecg2LabError) -> Response[Any]:
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)
    headers = {"Retry-After": "1"} if status == 503 else {}
    return Response({"error": str(error)}, status_code=status, headers=headers)
