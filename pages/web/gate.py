"""Who gets in: every request and websocket of the app passes here first."""

from __future__ import annotations

from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pages.web.state import COOKIE
from sigma.desk.entrance import Entrance
from sigma.domain.errors import SigmaError

HOSTS = frozenset({"127.0.0.1", "localhost"})
OPEN = frozenset({"/sign-in", "/_stcore/health", "/favicon.png"})
CLOSED = ("/_stcore/metrics", "/_stcore/agent", "/_stcore/script-health-check")
CONNECT = "/connect/"
READING = frozenset({"GET", "HEAD"})
POLICY_VIOLATION = 1008


class Gate:
    """Middleware that lets through only a person who has signed in, from a page of this app on this machine.

    Who it is stands in the connection's ``state.visitor``.
    """

    def __init__(self, app: ASGIApp, entrance: Entrance) -> None:
        self._app = app
        self._entrance = entrance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a connection on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        token = connection.cookies.get(COOKIE)
        try:
            visitor = await run_in_threadpool(self._entrance.visitor, token) if token else None
        except SigmaError as error:
            refused: Response | None = unanswered(error)
        else:
            connection.state.visitor = visitor
            refused = refusal(connection, signed_in=visitor is not None)
        if refused is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        else:
            await refused(scope, receive, send)


def refusal(connection: HTTPConnection, *, signed_in: bool) -> Response | None:
    """Return why a connection is not let through, None when it is."""
    path, websocket = connection.url.path, connection.scope["type"] == "websocket"
    host = connection.headers.get("host", "")
    if host.partition(":")[0].lower() not in HOSTS:
        return PlainTextResponse("This app answers on 127.0.0.1 and localhost only.\n", 400)
    if any(path == closed or path.startswith(f"{closed}/") for closed in CLOSED):
        return PlainTextResponse("There is nothing at this address.\n", 404)
    changing = websocket or connection.scope["method"] not in READING
    if changing and connection.headers.get("origin") != f"http://{host}":
        return PlainTextResponse("This request did not come from a page of this app, and nothing was done.\n", 403)
    if signed_in or (path in OPEN and not websocket):
        return None
    if changing or "text/html" not in connection.headers.get("accept", ""):
        return PlainTextResponse("Sign in first.\n", 403)
    return RedirectResponse(f"/sign-in?next={quote(wanted(connection), safe='/')}", 303, {"Cache-Control": "no-store"})


def unanswered(error: SigmaError) -> Response:
    """Return what is said when nobody can tell who it is, for instance while the database cannot be read."""
    return PlainTextResponse(
        f"SigmaTrader cannot show this now. {error}\n", 503, {"Retry-After": "5", "Cache-Control": "no-store"}
    )


def wanted(connection: HTTPConnection) -> str:
    """Return where a visitor wanted to go, with its query; what a broker sent along is not kept in an address."""
    path, query = connection.url.path, connection.url.query
    if path.startswith(CONNECT):
        return "/brokers"
    return f"{path}?{query}" if query else path
