"""A WebSocket for a bed: samples in, an answer every hop, and a lost connection can go on where it was.

The first message is JSON and opens a stream or resumes one. Then samples come as bytes, and the node says which sample
it expects next after each message. Answers are JSON, one message each, as `ecg2lab stream --json` writes them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence, Set
from contextlib import suppress
from typing import Any

import msgspec
from litestar import WebSocket, websocket
from litestar.exceptions import WebSocketDisconnect

from ecg2lab.edge.access import Denial, admit, deny_stranger
from ecg2lab.edge.node import Node
from ecg2lab.edge.streams.bed import Bed, Facts, Opening, Resumption, read_message
from ecg2lab.edge.streams.beds import Beds
from ecg2lab.errors import Ecg2LabError, OverloadError, RecordingError
from ecg2lab.stream import StreamPrediction

PATH = "/v1/streams"
LARGEST_MESSAGE = 1 << 20
"""Bytes; at 12 leads, 500 Hz and 4 bytes, 43 s of signal."""
_NORMAL, _REFUSED, _FAULT, _TRY_LATER, _SILENT, _TAKEN_OVER = 1000, 1008, 1011, 1013, 4408, 4409
_LOST = (WebSocketDisconnect, OSError, asyncio.TimeoutError)
"""What a connection ends in that is lost, or does not read."""
_Socket = WebSocket[Any, Any, Any]
_Work = Callable[..., Awaitable[Any]]


class _OverError(Exception):
    """A connection has nothing more to say."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


def route(node: Node, names: Set[str], work: _Work) -> Any:
    """The handler.

    Parameters
    ----------
    names
        Of the node, beside its addresses.
    work
        Does a call beside the event loop.
    """
    told = node.configuration
    beds = Beds(node.engine, told.streams.most, told.limits.idle_s, node.metrics.streams)

    @websocket(PATH)
    async def stream(socket: _Socket) -> None:
        """A signal that is still coming in."""
        headers = socket.headers
        denial = deny_stranger(headers.get("host", ""), headers.get("origin"), names)
        if denial is None and told.tokens:
            admitted = admit(headers.get("authorization", ""), "send", told.tokens)
            denial, who = (admitted, "") if isinstance(admitted, Denial) else (None, admitted.name)
        else:
            who = socket.client.host if socket.client else "?"
        if denial is not None:
            await _deny(socket, denial)
            return
        await socket.accept()
        connection = _Connection(socket, node, beds, who, work)
        with suppress(*_LOST):
            await connection.converse()

    return stream


async def _deny(socket: _Socket, denial: Denial) -> None:
    """With the status and in words, where the server can say so before the connection is one."""
    if "websocket.http.response" not in (socket.scope.get("extensions") or {}):
        await socket.close(_REFUSED, denial.message)
        return
    content = msgspec.json.encode({"error": {"type": "HTTPError", "message": denial.message}})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    if denial.status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="ecg2lab"'))
    start: Any = {"type": "websocket.http.response.start", "status": denial.status, "headers": headers}
    body: Any = {"type": "websocket.http.response.body", "body": content, "more_body": False}
    await socket.receive()
    await socket.send(start)
    await socket.send(body)


class _Connection:
    """One connection, of one stream."""

    def __init__(self, socket: _Socket, node: Node, beds: Beds, who: str, work: _Work) -> None:
        self._socket, self._node, self._beds, self._who, self._work = socket, node, beds, who, work
        self._patience_s = node.configuration.limits.idle_s
        self._speaks = node.configuration.mode == "answer"

    async def converse(self) -> None:
        """Until the stream or the connection is over."""
        bed: Bed | None = None
        try:
            bed = await self._begin()
            while not bed.ended:
                await self._go_on(bed)
            await self._close(_NORMAL, "the stream has ended")
        except _OverError as over:
            await self._close(over.code, str(over))
        except _LOST:
            raise
        except Exception as error:
            self._node.problems.count("streams", error)
            await self._close(_FAULT, "a fault in ecg2lab; please report it")
        finally:
            if bed is not None:
                self._beds.release(bed, self)

    async def _begin(self) -> Bed:
        try:
            first = await self._receive()
            if not isinstance(first, str):
                raise RecordingError("the first message must open a stream, or resume one, in JSON")
            told = read_message(first, first=True)
            if isinstance(told, Resumption):
                return await self._resume(told)
            assert isinstance(told, Opening)
            bed = await self._beds.open(told, self._who, self._work)
        except Ecg2LabError as error:
            await self._say({"error": _note(error)})
            raise _OverError(_TRY_LATER if isinstance(error, OverloadError) else _REFUSED, "refused") from None
        bed.holder = self
        self._node.ledger.note(self._who, "opened a stream", self._node.engine.info.bundle_digest)
        await self._greet(bed, [])
        return bed

    async def _resume(self, told: Resumption) -> Bed:
        bed = self._beds.find(told.resume, self._who)
        bed.holder = self  # from now on another connection that held it takes no samples
        try:
            async with bed.turn:
                answers = bed.answers(told.after)
            await self._greet(bed, answers)
        except BaseException:
            self._beds.release(bed, self)
            raise
        return bed

    async def _greet(self, bed: Bed, answers: Sequence[bytes]) -> None:
        greeting = {
            "stream": bed.identity,
            "next": bed.next,
            "mode": self._node.configuration.mode,
            "notice": self._node.engine.info.notice,
            "repeated": len(answers),
        }
        await self._say(greeting)
        for answer in answers:
            await self._send(answer)

    async def _go_on(self, bed: Bed) -> None:
        """One message."""
        message = await self._receive()
        try:
            done: dict[str, Any] = await self._do(bed, message)
        except Ecg2LabError as error:
            done = {"error": _note(error)}
        await self._say({**done, "next": bed.next})

    async def _do(self, bed: Bed, message: str | bytes) -> dict[str, Any]:
        if isinstance(message, bytes):
            await self._answer(bed, bed.take, message)
            return {}
        told = read_message(message, first=False)
        if isinstance(told, Facts):
            async with bed.turn:
                self._require_held(bed)
                bed.set_facts(told.facts)
            return {"facts": "taken"}
        await self._answer(bed, bed.end)
        return {"ended": True}

    async def _answer(self, bed: Bed, call: Callable[..., list[StreamPrediction]], *given: Any) -> None:
        async with bed.turn:
            self._require_held(bed)
            answers = await self._work(self._compute, bed, call, *given)
        for answer in answers:
            await self._send(answer)

    def _compute(self, bed: Bed, call: Callable[..., list[StreamPrediction]], *given: Any) -> list[bytes]:
        """Beside the event loop. In mode `shadow` answers are counted, and leave nothing."""
        with self._node.turn:
            said = call(*given)
        answers = []
        for prediction in said:
            self._node.metrics.streamed(prediction)
            if self._speaks:
                answers.append(prediction.to_json())
                bed.keep(prediction.position.window, answers[-1])
        return answers

    def _require_held(self, bed: Bed) -> None:
        if bed.holder is not self:
            raise _OverError(_TAKEN_OVER, "another connection goes on with this stream")

    async def _receive(self) -> str | bytes:
        try:
            event: Any = await asyncio.wait_for(self._socket.receive(), self._patience_s)
        except asyncio.TimeoutError:
            raise _OverError(_SILENT, f"nothing came for {self._patience_s:g} s") from None
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(detail="over", code=event.get("code") or _NORMAL)
        text: str | None = event.get("text")
        content: bytes | None = event.get("bytes")
        return content or b"" if text is None else text

    async def _say(self, message: dict[str, Any]) -> None:
        await self._send(msgspec.json.encode(message))

    async def _send(self, message: bytes) -> None:
        await self._written(self._socket.send_text(message.decode()))

    async def _close(self, code: int, why: str) -> None:
        await self._written(self._socket.close(code, why))

    async def _written(self, writing: Awaitable[None]) -> None:
        try:
            await asyncio.wait_for(writing, self._patience_s)
        except RuntimeError:  # the server has closed it, as after a message that is too large
            raise ConnectionError("closed") from None


def _note(error: Exception) -> dict[str, str]:
    return {"type": type(error).__name__, "message": str(error)}
