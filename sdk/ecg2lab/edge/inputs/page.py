"""The page at `/`, what it asks, and the headers by which a browser holds every answer apart from other pages."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.exceptions import HTTPException
from litestar.handlers.http_handlers import HTTPRouteHandler
from litestar.params import PathParameter
from litestar.types import Message
from litestar.types import Scope as Connection

from ecg2lab.edge.config import SCOPES, Scope
from ecg2lab.edge.drift.monitor import Report
from ecg2lab.edge.ledger import Kept
from ecg2lab.edge.node import Node
from ecg2lab.edge.overview import overview

_FOLDER = Path(__file__).parent.parent / "page"
_MEDIA = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def _digest(name: str) -> str:
    """Of the one script in a file, as a policy names it."""
    script = (_FOLDER / name).read_text(encoding="utf-8").partition("<script>")[2].partition("</script>")[0]
    return f"sha256-{b64encode(sha256(script.encode()).digest()).decode()}"


_NOBODY = "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_NOTHING = f"default-src 'none'; {_NOBODY}"
_PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; "
    f"require-trusted-types-for 'script'; trusted-types 'none'; {_NOBODY}"
)
_DOCUMENT = f"default-src 'none'; style-src 'unsafe-inline'; sandbox; {_NOBODY}"
"""A report by itself: a page that brings its own styles."""
_FRAME = (
    f"default-src 'none'; script-src '{_digest('report.html')}'; style-src 'unsafe-inline'; sandbox allow-scripts; "
    "frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
)
"""A report within the page: of another origin than the page, so that nothing in it reaches the page or its token."""
_FILES = {
    "style.css": _NOTHING,
    "icon.svg": _NOTHING,
    "page.js": _NOTHING,
    "ask.js": _NOTHING,
    "drift.js": _NOTHING,
    "elements.js": _NOTHING,
    "pictures.js": _NOTHING,
    "report.html": _FRAME,
}
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_Identity = Annotated[str, PathParameter(pattern="^[0-9a-f]{40}$", description="Of a recording, as it was answered.")]
_File = Annotated[str, PathParameter(description="Of a file of the page.")]
_Name = Annotated[str, PathParameter(pattern="^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$", description="Of a destination.")]
Work = Callable[..., Awaitable[Any]]


def handlers(
    node: Node,
    work: Work,
    need: Callable[[Scope], Any],
    who: Callable[[Request[Any, Any, Any]], str],
    known: Callable[[Node, str], Kept],
) -> list[HTTPRouteHandler]:
    """Routes of the page.

    Parameters
    ----------
    node
        Is shown.
    work
        Does what waits for the disk beside the event loop.
    need, who, known
        Guard for a scope; name of who asks; a recording by its number, or 404.
    """
    scopes_of = {token.name: token.scopes for token in node.configuration.tokens}

    about = {
        "notice": node.engine.info.notice,
        "mode": node.configuration.mode,
        "meaning": ": nothing leaves this node" if node.configuration.mode == "shadow" else "",
    }

    @get("/", include_in_schema=False)
    async def index() -> Response[bytes]:
        return _file("index.html", _PAGE, about)

    @get("/page/{name:str}", include_in_schema=False)
    async def page(name: _File) -> Response[bytes]:
        if name not in _FILES:
            raise HTTPException(status_code=404, detail="there is no such page here")
        return _file(name, _FILES[name])

    @get("/v1/overview", guards=[need("watch")], summary="What the page shows")
    async def look(request: Request[Any, Any, Any]) -> dict[str, Any]:
        """How the node stands, what came last, what waits, and what was set aside. Names of files, and reasons in the
        words of a receiver, for a token that may `read`, too.
        """
        scopes = scopes_of.get(who(request), SCOPES) if scopes_of else SCOPES
        shown: dict[str, Any] = await work(overview, node, scopes)
        return shown

    @get("/v1/drift", guards=[need("watch")], summary="Whether what comes and what is answered are as they were")
    async def drift() -> Report:
        """Facts, measurements and probabilities of the newest answers, against the first answers of this model and
        against what its contract states.
        """
        report: Report = await work(node.drift.report)
        return report

    @post("/v1/recordings/{identity:str}/again", status_code=202, guards=[need("resend")], summary="Answer again")
    async def answer_again(identity: _Identity, request: Request[Any, Any, Any]) -> dict[str, str]:
        """What was set aside waits for its answer once more. The body is JSON, such as `{}`."""
        _require_json(request)
        if not await work(node.answer_again, known(node, identity), who(request)):
            raise HTTPException(status_code=409, detail="it is not set aside")
        return {"id": identity, "state": "waiting"}

    @post(
        "/v1/recordings/{identity:str}/deliveries/{destination:str}/again",
        status_code=202,
        guards=[need("resend")],
        summary="Send again",
    )
    async def send_again(identity: _Identity, destination: _Name, request: Request[Any, Any, Any]) -> dict[str, str]:
        """The same message under the same number, whatever became of it; one that waits is sent at once. The body is
        JSON, such as `{}`.
        """
        _require_json(request)
        if not await work(node.send_again, known(node, identity), destination, who(request)):
            raise HTTPException(
                status_code=409, detail="nothing of it was ever owed there, or nothing leaves this node"
            )
        return {"id": identity, "destination": destination, "state": "queued"}

    return [index, page, look, drift, answer_again, send_again]


def _require_json(request: Request[Any, Any, Any]) -> None:
    """A form of another server's page cannot send this type, and a script of it is asked for its origin first."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(status_code=415, detail="send JSON (application/json), such as {}")


def _file(name: str, policy: str, about: Mapping[str, str] | None = None) -> Response[bytes]:
    path = _FOLDER / name
    text = path.read_text(encoding="utf-8")
    for place, words in (about or {}).items():
        text = text.replace(f"{{{{ {place} }}}}", escape(words))
    headers = {"Content-Security-Policy": policy, "X-Frame-Options": "SAMEORIGIN" if policy is _FRAME else "DENY"}
    return Response(text.encode(), media_type=_MEDIA[path.suffix], headers=headers)


async def add_headers(message: Message, _: Connection) -> None:
    """Give an answer, whatever it is, the headers that it has not of its own."""
    if message["type"] != "http.response.start":
        return
    headers: list[tuple[bytes, bytes]] = list(message["headers"])
    present: Mapping[bytes, bytes] = {name.lower(): value for name, value in headers}
    is_document = present.get(b"content-type", b"").startswith(b"text/html")
    wanted = {
        **_HEADERS,
        "Content-Security-Policy": _DOCUMENT if is_document else _NOTHING,
        "X-Frame-Options": "DENY",
    }
    headers += [(n.lower().encode(), v.encode()) for n, v in wanted.items() if n.lower().encode() not in present]
    message["headers"] = headers
