"""A FHIR R4 server, as far as a sender sees one; written from the specification, not from the sender."""

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import NamedTuple
from urllib.parse import parse_qs

FHIR_JSON = "application/fhir+json"


class Request(NamedTuple):
    """What came."""

    method: str
    path: str
    headers: dict
    body: bytes


class FhirServer:
    """Stores what comes, and answers as it is told.

    Parameters
    ----------
    answer
        Called with the number of a request, the request, and what a server would say: status, headers and body. Returns
        what to say, or bytes to send as they are; None: it hangs up.
    certificate
        Files of a certificate and its key.
    """

    def __init__(self, answer=None, certificate=None):
        self.requests, self.stored, self.gone = [], {}, threading.Event()
        """Requests in the order in which they came; resources by type and id."""
        self._answer = answer or (lambda number, request, said: said)
        self._ids, self._turn = count(1), threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._server.server_address[1]
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self.port}/r4"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def _handler(self):
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do(self):
                length = int(self.headers.get("Content-Length", 0))
                request = Request(self.command, self.path, dict(self.headers.items()), self.rfile.read(length))
                with server._turn:
                    server.requests.append(request)
                    number, said = len(server.requests), server._take(request)
                said = server._answer(number, request, said)
                self.close_connection = True
                if isinstance(said, bytes):
                    self.wfile.write(said)
                elif callable(said):
                    said(self.wfile, server.gone)
                elif said is not None:
                    status, headers, body = said
                    self.send_response(status)
                    for name, value in {"Content-Length": str(len(body)), **headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body)

            do_POST = do_PUT = do_GET = do

        return Handler

    def _take(self, request):
        """Store it."""
        bundle = json.loads(request.body)
        if request.path in ("/r4", "/r4/") and bundle["type"] == "transaction":
            return 200, {"Content-Type": FHIR_JSON}, json.dumps(self._transaction(bundle)).encode()
        if request.path.startswith("/r4/Bundle"):
            condition = request.headers.get("If-None-Exist")
            code = request.path.removeprefix("/r4/Bundle").strip("/")
            status, where = self._store(request.method, "Bundle", code, condition, bundle)
            return status, {"Location": f"{self.url}/{where}/_history/1", "Content-Type": FHIR_JSON}, b""
        return 404, {}, b"not here"

    def _transaction(self, bundle):
        """In the order of the specification: where things are is known before references are resolved."""
        places = {}
        for entry in bundle["entry"]:
            request = entry["request"]
            kind, _, code = request["url"].partition("/")
            assert kind == entry["resource"]["resourceType"]
            places[entry["fullUrl"]] = self._place(request["method"], kind, code, request.get("ifNoneExist"))
        answered = []
        for entry in bundle["entry"]:
            kind, code, new = places[entry["fullUrl"]]
            if new or entry["request"]["method"] == "PUT":
                self._keep(kind, code, _resolved(entry["resource"], {u: f"{k}/{c}" for u, (k, c, _) in places.items()}))
            answered.append({"response": {"status": "201 Created" if new else "200 OK", "location": f"{kind}/{code}"}})
        return {"resourceType": "Bundle", "type": "transaction-response", "entry": answered}

    def _store(self, method, kind, code, condition, resource):
        kind, code, new = self._place(method, kind, code, condition)
        if new or method == "PUT":
            self._keep(kind, code, resource)
        return (201 if new else 200), f"{kind}/{code}"

    def _place(self, method, kind, code, condition):
        held = self.stored.get(kind, {})
        if method == "PUT":
            return kind, code, code not in held
        found = [name for name, resource in held.items() if condition and _matches(resource, condition)]
        assert len(found) < 2
        return (kind, found[0], False) if found else (kind, f"s{next(self._ids)}", True)

    def _keep(self, kind, code, resource):
        self.stored.setdefault(kind, {})[code] = {**resource, "id": code}

    def count(self):
        """Of resources, by type."""
        return {kind: len(held) for kind, held in self.stored.items()}

    def close(self):
        self.gone.set()
        self._server.shutdown()
        self._server.server_close()


def _matches(resource, condition):
    ((name, (token,)),) = parse_qs(condition, strict_parsing=True).items()
    system, _, value = token.partition("|")
    held = resource.get("identifier", []) if name == "identifier" else resource.get("meta", {}).get("tag", [])
    held = held if isinstance(held, list) else [held]
    key = "value" if name == "identifier" else "code"
    return any(one.get("system") == system and one.get(key) == value for one in held)


def _resolved(value, places):
    if isinstance(value, dict):
        return {k: places[v] if k == "reference" and v in places else _resolved(v, places) for k, v in value.items()}
    if isinstance(value, list):
        return [_resolved(one, places) for one in value]
    return value


def outcome(text, code="processing", **more):
    """An OperationOutcome."""
    return json.dumps(
        {
            "resourceType": "OperationOutcome",
            "issue": [{"severity": "error", "code": code, "diagnostics": text, **more}],
        }
    ).encode()
