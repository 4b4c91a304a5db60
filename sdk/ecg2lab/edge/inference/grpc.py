"""The Open Inference Protocol over gRPC, at a port of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import grpc
from google.protobuf.message import DecodeError

from ecg2lab.edge.access import Denial, admit
from ecg2lab.edge.config import Configuration, Grpc, Tls
from ecg2lab.edge.inference import grpc_tensors
from ecg2lab.edge.inference.description import SERVER
from ecg2lab.edge.inference.messages import SERVICE, message
from ecg2lab.edge.inference.refusals import RequestError, UnknownModelError
from ecg2lab.edge.inference.service import MOST_REQUESTS, Inference
from ecg2lab.edge.inference.wire import INFER, require_few_fields
from ecg2lab.errors import BackendError, ConfigurationError, Ecg2LabError, OverloadError

_MORE_THREADS = 2
"""Than compute: for questions about the node."""
_CODES: dict[type[Exception], grpc.StatusCode] = {
    UnknownModelError: grpc.StatusCode.NOT_FOUND,
    RequestError: grpc.StatusCode.INVALID_ARGUMENT,
    OverloadError: grpc.StatusCode.UNAVAILABLE,
    BackendError: grpc.StatusCode.INTERNAL,
}
_DENIED = {401: grpc.StatusCode.UNAUTHENTICATED, 403: grpc.StatusCode.PERMISSION_DENIED}
_FAULT = "a fault in ecg2lab; please report it"
_CONFIGURED = "the model is described by ModelMetadata, and has no other configuration here"
_ONE_MODEL = "the node has the one model that it was started with"
_NO_SHARED_MEMORY = "shared memory is not read: send the tensors themselves"
_UNSERVED = {
    "ModelConfig": _CONFIGURED,
    "ModelStatistics": "what is counted is at /metrics over HTTP",
    "RepositoryIndex": _ONE_MODEL,
    "RepositoryModelLoad": _ONE_MODEL,
    "RepositoryModelUnload": _ONE_MODEL,
    "SystemSharedMemoryStatus": _NO_SHARED_MEMORY,
    "SystemSharedMemoryRegister": _NO_SHARED_MEMORY,
    "SystemSharedMemoryUnregister": _NO_SHARED_MEMORY,
    "CudaSharedMemoryStatus": _NO_SHARED_MEMORY,
    "CudaSharedMemoryRegister": _NO_SHARED_MEMORY,
    "CudaSharedMemoryUnregister": _NO_SHARED_MEMORY,
    "TraceSetting": "there is no tracing",
    "LogSettings": "the log is not set from outside",
}
_UNSERVED_STREAM = "ModelStreamInfer"


class _Served(NamedTuple):
    """One call of the protocol."""

    answer: Callable[[Any, str], Any]
    """From its request and who asks."""
    open: bool = False
    """Whether it needs no token."""
    inner: dict[int, Any] | None = None
    """Which fields of its request are messages; None: none."""


class Server:
    """Listens as soon as it is made, and answers until it is stopped.

    Parameters
    ----------
    configuration
        With `grpc`.
    base
        Folder from which relative paths start.
    service
        Answers.
    ready
        Whether the node takes recordings.
    fault
        Is told of an error that is ours.

    Raises
    ------
    ConfigurationError
        If its port or its certificate cannot be used.
    """

    def __init__(
        self,
        configuration: Configuration,
        base: Path,
        service: Inference,
        ready: Callable[[], bool],
        fault: Callable[[Exception], object],
    ) -> None:
        told = configuration.grpc
        assert told is not None
        self._service, self._ready, self._fault = service, ready, fault
        self._tokens = configuration.tokens
        limits = configuration.limits
        self._server = grpc.server(
            ThreadPoolExecutor(configuration.workers + _MORE_THREADS, thread_name_prefix="ecg2lab-grpc"),
            options=[
                ("grpc.max_receive_message_length", int(limits.body_mb * (1 << 20))),
                ("grpc.max_send_message_length", -1),
                ("grpc.max_metadata_size", 16 << 10),
                ("grpc.max_connection_idle_ms", int(limits.idle_s * 1000)),
                ("grpc.so_reuseport", 0),  # else a second node would share the port without a word
            ],
            maximum_concurrent_rpcs=MOST_REQUESTS,
        )
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, self._handlers()),))
        self.port = _listen(self._server, told, base)
        """Where it listens; another than was told if that was 0."""
        self._server.start()

    def stop(self, seconds: float) -> None:
        """Take nothing more; what is being answered has so long."""
        self._server.stop(seconds).wait()

    def _handlers(self) -> dict[str, grpc.RpcMethodHandler]:
        served = {
            "ServerLive": _Served(lambda _told, _who: {"live": True}, open=True),
            "ServerReady": _Served(lambda _told, _who: {"ready": self._ready()}, open=True),
            "ModelReady": _Served(self._model_ready),
            "ServerMetadata": _Served(lambda _told, _who: SERVER),
            "ModelMetadata": _Served(lambda told, _who: self._service.find(told.name, told.version).metadata()),
            "ModelInfer": _Served(self._infer, inner=INFER),
        }
        handlers = {name: grpc.unary_unary_rpc_method_handler(self._call(name, call)) for name, call in served.items()}
        for name, why in _UNSERVED.items():
            handlers[name] = grpc.unary_unary_rpc_method_handler(self._decline(why))
        handlers[_UNSERVED_STREAM] = grpc.stream_stream_rpc_method_handler(
            self._decline("a request is answered by ModelInfer; a signal that is still coming in goes to /v1/streams")
        )
        return handlers

    def _call(self, name: str, call: _Served) -> Callable[[bytes, grpc.ServicerContext], bytes]:
        asked, answered = message(f"{name}Request"), message(f"{name}Response")

        def handle(content: bytes, context: grpc.ServicerContext) -> bytes:
            who = context.peer() if call.open else self._admit(context)
            try:
                require_few_fields(content, call.inner or {})
                said = call.answer(asked.FromString(content), who)
                encoded: bytes = (answered(**said) if isinstance(said, dict) else said).SerializeToString()
                return encoded
            except DecodeError:
                refusal = (grpc.StatusCode.INVALID_ARGUMENT, f"this is no {asked.DESCRIPTOR.name}")
            except Ecg2LabError as error:
                code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), None)
                refusal = (code or grpc.StatusCode.INTERNAL, str(error))
            except Exception as error:
                self._fault(error)
                refusal = (grpc.StatusCode.INTERNAL, _FAULT)
            return _abort(context, *refusal)

        return handle

    def _decline(self, why: str) -> Callable[[Any, grpc.ServicerContext], NoReturn]:
        def handle(_: Any, context: grpc.ServicerContext) -> NoReturn:
            self._admit(context)
            _abort(context, grpc.StatusCode.UNIMPLEMENTED, why)

        return handle

    def _admit(self, context: grpc.ServicerContext) -> str:
        """Who asks: the name of a token that allows to send, or the address where there are no tokens."""
        if not self._tokens:
            return _address(context.peer())
        told = dict(context.invocation_metadata())
        admitted = admit(str(told.get("authorization", "")), "send", self._tokens)
        if isinstance(admitted, Denial):
            _abort(context, _DENIED[admitted.status], admitted.message)
        return admitted.name

    def _model_ready(self, told: Any, _: str) -> dict[str, bool]:
        try:
            self._service.find(told.name, told.version)
        except UnknownModelError:
            return {"ready": False}
        return {"ready": True}

    def _infer(self, told: Any, who: str) -> Any:
        with self._service.taken("grpc", who):
            model = self._service.find(told.model_name, told.model_version)
            request = grpc_tensors.decode(told, model, self._service.most_windows)
            return grpc_tensors.encode(model, request, self._service.infer("grpc", request))


def _abort(context: grpc.ServicerContext, code: grpc.StatusCode, why: str) -> NoReturn:
    context.abort(code, why)
    raise AssertionError("abort raises")


def _address(peer: str) -> str:
    """`ipv4:127.0.0.1:50000`, or an IPv6 address in brackets, without the port."""
    return peer.partition(":")[2].rpartition(":")[0] or peer


def _listen(server: grpc.Server, told: Grpc, base: Path) -> int:
    host = f"[{told.host}]" if ":" in told.host else told.host
    where = f"{host}:{told.port}"
    try:
        if told.tls is None:
            return int(server.add_insecure_port(where))
        return int(server.add_secure_port(where, _credentials(told.tls, base)))
    except (RuntimeError, OSError) as error:
        raise ConfigurationError(f"grpc: cannot listen on {where}: {error}") from None


def _credentials(tls: Tls, base: Path) -> grpc.ServerCredentials:
    pair = (base / tls.key).read_bytes(), (base / tls.certificate).read_bytes()
    clients = None if tls.clients is None else (base / tls.clients).read_bytes()
    return grpc.ssl_server_credentials([pair], root_certificates=clients, require_client_auth=clients is not None)
