"""Every refusal as JSON ``{code, message, hint, correlation_id}``, and no stack trace in any answer."""

from __future__ import annotations

import math
import secrets

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sigma.domain.errors import Conflict, Denied, InvalidInput, InvalidOrder, NotFound, SigmaError

log = structlog.get_logger(__name__)

MALFORMED = "MALFORMED"
COMMIT_UNKNOWN = "COMMIT_UNKNOWN"
RETRY_AFTER_S = 5.0
STATUS: tuple[tuple[type[SigmaError], int], ...] = (
    (Denied, 401),
    (InvalidOrder, 422),
    (InvalidInput, 422),
    (NotFound, 404),
    (Conflict, 409),
)


class Refusal(SigmaError):
    """A request that the gateway itself turns away.

    Parameters
    ----------
    status : int
        HTTP status.
    retry_after : float or None
        Seconds after which it may be tried again.
    close : bool
        Whether the connection ends with the answer, because the request was not read to its end.
    """

    def __init__(
        self, status: int, code: str, message: str, hint: str = "", *, retry_after: float | None = None, close: bool = False
    ) -> None:
        super().__init__(message, hint=hint, code=code)
        self.status = status
        self.retry_after = retry_after
        self.close = close


def unavailable(message: str, code: str = "UNAVAILABLE") -> Refusal:
    """Return the refusal of a message that was not stored and may be sent again."""
    return Refusal(503, code, message, "Send it again in a few seconds.", retry_after=RETRY_AFTER_S)


def as_refusal(error: Exception) -> Refusal:
    """Return how an error is answered. What is not the sender's fault is 503: the message can come again."""
    if isinstance(error, Refusal):
        return error
    for kind, status in STATUS:
        if isinstance(error, kind):
            return Refusal(400 if error.code == MALFORMED else status, error.code, error.message, error.hint)
    log.error("request_failed", error=type(error).__name__, text=str(error)[:500])
    code = error.code if isinstance(error, SigmaError) else "UNAVAILABLE"
    if code == COMMIT_UNKNOWN:
        return unavailable("Whether the message was stored is not known; sent again within a minute it counts once.", code)
    if isinstance(error, SigmaError) and not code.startswith("DATABASE_"):
        return Refusal(503, code, error.message, error.hint, retry_after=RETRY_AFTER_S)
    # What the database itself says names files and servers: that is for the log.
    return unavailable("The message was not stored: the database cannot be used at the moment.", code)


def problem(error: Exception, correlation_id: str) -> JSONResponse:
    """Return an error as the answer to a request."""
    refusal = as_refusal(error)
    body = {"code": refusal.code, "message": refusal.message, "hint": refusal.hint, "correlation_id": correlation_id}
    headers = {}
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(math.ceil(refusal.retry_after))
    if refusal.close:
        headers["Connection"] = "close"
    return JSONResponse(body, refusal.status, headers)


def correlation_of(request: Request) -> str:
    """Return the id that ties this request's log lines, rows and answer together."""
    return str(request.scope["correlation_id"])


class Guard:
    """Outermost layer of the app: gives each request its correlation id and turns whatever escaped into an answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["correlation_id"] = secrets.token_hex(8)
        started = False

        async def send_named(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message)["X-Correlation-Id"] = scope["correlation_id"]
            await send(message)

        with structlog.contextvars.bound_contextvars(correlation_id=scope["correlation_id"]):
            try:
                await self._app(scope, receive, send_named)
            except ClientDisconnect:
                log.info("sender_left")
            except Exception as error:
                if started:
                    log.error("answer_broke_off", error=type(error).__name__)
                    raise
                await problem(error, scope["correlation_id"])(scope, receive, send_named)
