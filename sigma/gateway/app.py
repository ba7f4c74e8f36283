"""The gateway's HTTP app: takes messages, answers after they are committed, and says whether it is well."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from typing import Any

import structlog
from fastapi import FastAPI, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from sigma import __version__
from sigma.domain.errors import Denied, SigmaError
from sigma.domain.signals import Receipt
from sigma.gateway.errors import Guard, Refusal, correlation_of, problem
from sigma.gateway.health import HEADER, Health
from sigma.gateway.intake import Intake
from sigma.gateway.limits import Failures, read_body, sender_address
from sigma.gateway.postbacks import PostbackDoor
from sigma.gateway.ticks import TickDoor
from sigma.infra.serving import beating
from sigma.ports.clock import Clock
from sigma.ports.storage import Store
from sigma.services.orders.house import SettingValues
from sigma.services.signals import SignalsService, secret_of

log = structlog.get_logger(__name__)


class Answer(BaseModel):
    """What the sender of a message gets: `accepted` (201), `marked` or `ignored` (201, no order), `deduped` or `ok` (200).

    The orders are those that are known by then: an exit of what is held is sized afterwards, and told at the signal.
    """

    id: int | None
    alert_id: int | None
    order_id: int | None
    order_ids: list[int]
    status: str
    message: str


class Problem(BaseModel):
    """Every error."""

    code: str
    message: str
    hint: str
    correlation_id: str


PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": text}
    for status, text in {
        400: "Not JSON: position of the fault and a hint",
        401: "The secret is missing or wrong",
        408: "The message did not arrive in time",
        413: "Larger than 64 KiB",
        422: "JSON, but nothing that could be an order",
        429: "Too many messages, or too many wrong secrets; see Retry-After",
        503: "Not stored; send it again, see Retry-After",
    }.items()
}
KINDS = ("application/json", "text/plain")
BODY = {"requestBody": {"required": True, "content": {kind: {"schema": {"type": "object"}} for kind in KINDS}}}


def create_app(
    signals: SignalsService,
    store: Store,
    settings: SettingValues,
    clock: Clock,
    beat: Callable[[str], object],
    *,
    environment: str = "live",
    ticks: Callable[[Failures], TickDoor] | None = None,
    postbacks: PostbackDoor | None = None,
) -> FastAPI:
    """Return the app. Its writer thread runs from the server's start-up to its shutdown.

    Parameters
    ----------
    beat : callable
        Stores a sign of life of the process named.
    environment : str
        What / and /health tell everyone: ``live`` or ``simulator``.
    ticks : callable, optional
        Makes what serves ``/ws/ticks``, given the count of wrong secrets; without it there is no such address.
    postbacks : PostbackDoor, optional
        What serves ``/postback/{broker}``; without it there is no such address.
    """
    intake = Intake(signals, store, settings, clock)
    door = None if ticks is None else ticks(intake.failures)
    health = Health(store, signals, clock, intake, environment)

    lifespan = partial(_lifespan, intake, beat, door, postbacks)
    app = FastAPI(title="SigmaTrader gateway", version=__version__, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.add_middleware(Guard)
    app.add_exception_handler(HTTPException, _http_problem)

    async def receive(request: Request) -> Response:
        """Take one TradingView message."""
        return await _answered(request, _receive(request, signals, intake), intake)

    async def say_health(request: Request) -> Response:
        """Say whether the gateway is well; details for whoever shows the webhook secret."""
        return await _answered(request, health.answer(request), intake)

    if postbacks is not None:
        _add_postbacks(app, postbacks, intake)
    if door is not None:
        app.add_api_websocket_route("/ws/ticks", door.serve)
    for path in ("/webhook/tradingview", "/webhook"):
        app.add_api_route(
            path,
            receive,
            methods=["POST"],
            status_code=201,
            response_model=Answer,
            responses=PROBLEMS,
            openapi_extra=BODY,
            include_in_schema=path != "/webhook",
        )
    for path in ("/", "/health"):
        app.add_api_route(path, say_health, methods=["GET"], include_in_schema=path == "/health")
        app.add_api_route(path, say_health, methods=["HEAD"], include_in_schema=False)
    return app


def _add_postbacks(app: FastAPI, postbacks: PostbackDoor, intake: Intake) -> None:
    async def receive_postback(request: Request) -> Response:
        """Take a broker's news of an order."""
        return await _answered(request, postbacks.receive(request), intake)

    app.add_api_route("/postback/{broker}", receive_postback, methods=["POST"], responses=PROBLEMS)


@asynccontextmanager
async def _lifespan(
    intake: Intake, beat: Callable[[str], object], door: TickDoor | None, postbacks: PostbackDoor | None, _: FastAPI
) -> AsyncIterator[None]:
    intake.start()
    async with beating(partial(beat, "gateway")), nullcontext() if door is None else door.open():
        yield
    await run_in_threadpool(intake.close)
    if postbacks is not None:
        await run_in_threadpool(postbacks.close)


async def _receive(request: Request, signals: SignalsService, intake: Intake) -> Response:
    intake.failures.refuse_shut(sender_address(request))
    body = await read_body(request)
    payload = signals.read(body, request.headers.get("content-type", ""))
    receipt = await intake.submit(payload, secret_of(payload, request.headers.get(HEADER)), correlation_of(request))
    log.debug("signal", id=receipt.id, status=receipt.status, orders=list(receipt.order_ids))  # the rows are the record
    return _answer(receipt)


def _answer(receipt: Receipt) -> JSONResponse:
    number = receipt.id or None
    answer = Answer(
        id=number,
        alert_id=number,
        order_id=receipt.order_ids[0] if receipt.order_ids else None,
        order_ids=list(receipt.order_ids),
        status=receipt.status,
        message=receipt.message,
    )
    return JSONResponse(answer.model_dump(), 200 if receipt.status in ("deduped", "ok") else 201)


async def _answered(request: Request, work: Any, intake: Intake) -> Response:
    """Await `work` and turn a refusal into its answer; wrong secrets are counted by address."""
    try:
        return await work  # type: ignore[no-any-return]
    except Denied as error:
        address = sender_address(request)
        log.warning("wrong_secret", address=address)
        try:
            intake.failures.count(address)
        except Refusal as refusal:
            return problem(refusal, correlation_of(request))
        return problem(error, correlation_of(request))
    except SigmaError as error:
        log.info("refused", code=error.code, text=error.message)
        return problem(error, correlation_of(request))


async def _http_problem(request: Request, error: Exception) -> Response:
    """Answer what the router turns away (no such path, wrong method)."""
    status = error.status_code if isinstance(error, HTTPException) else 400
    hint = "Messages go by POST to /webhook/tradingview; /health says whether the gateway is well."
    text = "There is nothing at this address." if status == 404 else "This address does not take this kind of request."
    return problem(Refusal(status, {404: "NOT_FOUND", 405: "METHOD"}.get(status, "HTTP"), text, hint), correlation_of(request))
