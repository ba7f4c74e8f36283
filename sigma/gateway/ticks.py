"""``/ws/ticks``: live ticks for whoever is signed in.

A client says ``{"subscribe": ["NSE:INFY", …]}`` and ``{"unsubscribe": […]}``; it hears ``subscribed`` and ``unknown`` in answer,
``ticks`` (objects with the names in fanout.NAMES: `at` in milliseconds since 1970 UTC, prices in rupees), ``heartbeat`` every
fifteen seconds, ``unavailable`` while its user has no source of market data, and ``refused`` for what cannot be understood.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import orjson
import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from sigma.domain.errors import SigmaError
from sigma.domain.people import User, sign_in_cookie
from sigma.domain.ticks import Ticks, microseconds
from sigma.gateway.errors import Refusal
from sigma.gateway.fanout import Client, Fanout
from sigma.gateway.limits import Failures, sender_address
from sigma.infra.bus import TickSubscriber
from sigma.infra.latest import LatestTables
from sigma.infra.serving import DIRECT
from sigma.ports.clock import Clock
from sigma.services.catalogue import Catalogue
from sigma.services.live import LiveQuotes
from sigma.services.market import MarketService
from sigma.services.orders.house import SettingValues
from sigma.services.people import PeopleService

log = structlog.get_logger(__name__)
LOOK_S = 5.0
BEAT_S = 15.0
LONGEST_MESSAGE = 64 * 1024
SEND_BUFFER = 64 * 1024
"""Bytes that the kernel keeps for a client: a slow one gets the latest soon, not what was true half a minute ago."""
SIGNED_OUT = 4401
OWN_HOSTS = frozenset({"127.0.0.1", "localhost"})


@dataclass(frozen=True)
class TickHouse:
    """What the tick socket needs of the house."""

    people: PeopleService
    market: MarketService
    catalogue: Catalogue
    live: LiveQuotes
    tables: LatestTables
    settings: SettingValues
    clock: Clock
    home: str


@dataclass(eq=False)
class Visitor:
    """A connected client: whose it is, and which account is its user's source of market data now (None: there is none)."""

    websocket: WebSocket
    token: str
    user: User
    client: Client
    source: int | None = None
    wishes: dict[str, None] = field(default_factory=dict)


class TickDoor:
    """Lets people in and keeps them supplied.

    Parameters
    ----------
    failures : Failures
        Wrong tokens are counted by address, as wrong webhook secrets are.
    """

    def __init__(self, house: TickHouse, failures: Failures, subscriber: TickSubscriber) -> None:
        self._house = house
        self._failures = failures
        self._subscriber = subscriber
        self._cookie = sign_in_cookie(house.home)
        self._fanout = Fanout()
        self._visitors: set[Visitor] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Hear ticks and look after clients while the block runs."""
        loop = asyncio.get_running_loop()

        def hand(source: int, ticks: Ticks) -> None:
            loop.call_soon_threadsafe(self._take, source, ticks)

        self._subscriber.hand_to(hand)
        self._subscriber.start()
        task = asyncio.create_task(self._look_after())
        try:
            yield
        finally:
            self._subscriber.close()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one connection from its handshake to its end."""
        try:
            token, user = await self._let_in(websocket)
        except Refusal as refusal:
            body = {"code": refusal.code, "message": refusal.message, "hint": refusal.hint}
            await websocket.send_denial_response(JSONResponse(body, refusal.status))
            return
        await websocket.accept()
        transport = websocket.scope["extensions"][DIRECT]["transport"]
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        visitor = Visitor(websocket, token, user, Client(transport))
        self._visitors.add(visitor)
        self._fanout.add(visitor.client)
        try:
            await self._resource(visitor)
            while True:
                await self._heard(visitor, await websocket.receive_text())
        except WebSocketDisconnect:
            log.debug("client_left", user_id=user.id)
        finally:
            self._visitors.discard(visitor)
            self._fanout.drop(visitor.client)

    # -- who it is

    async def _let_in(self, websocket: WebSocket) -> tuple[str, User]:
        """Return the token shown and whose it is; Refusal for anybody else."""
        address = sender_address(websocket)
        self._failures.refuse_shut(address)
        token = self._shown(websocket)
        if not token:
            raise Refusal(401, "SIGNED_OUT", "Sign in first.", "Send the sign-in cookie, or `Authorization: Bearer TOKEN`.")
        user = await run_in_threadpool(self._house.people.visitor, token)
        if user is None:
            log.warning("wrong_sign_in", address=address)
            self._failures.count(address)
            raise Refusal(401, "SIGNED_OUT", "This sign-in is unknown or has ended.", "Sign in again.")
        if len(self._visitors) >= int(self._house.settings.get("gateway.tick_clients")):
            raise Refusal(503, "TOO_MANY_CLIENTS", "Too many clients listen already.", "Close one, or try later.")
        return token, user

    def _shown(self, connection: HTTPConnection) -> str:
        """Return the token of the header; of the cookie only when a page of this machine's own sent it."""
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return token.strip()
        host = connection.headers.get("host", "").rpartition(":")[0] or connection.headers.get("host", "")
        origin = urlsplit(connection.headers.get("origin", ""))
        own = host.lower() in OWN_HOSTS and origin.scheme == "http" and (origin.hostname or "") == host.lower()
        return connection.cookies.get(self._cookie, "") if own else ""

    # -- what it says

    async def _heard(self, visitor: Visitor, text: str) -> None:
        try:
            wish: Any = orjson.loads(text) if len(text) <= LONGEST_MESSAGE else None
        except orjson.JSONDecodeError:
            wish = None
        if not isinstance(wish, dict) or not wish.keys() or not wish.keys() <= {"subscribe", "unsubscribe"}:
            hint = '{"subscribe": ["NSE:INFY"]} or {"unsubscribe": […]}'
            visitor.client.say({"type": "refused", "message": "This cannot be understood.", "hint": hint})
            return
        for texts, act in ((wish.get("unsubscribe", []), self._unsubscribe), (wish.get("subscribe", []), self._subscribe)):
            if not isinstance(texts, list) or not all(isinstance(one, str) for one in texts):
                visitor.client.say({"type": "refused", "message": "Listings are a list of texts.", "hint": ""})
            elif texts:
                await act(visitor, texts)

    async def _subscribe(self, visitor: Visitor, texts: Sequence[str]) -> None:
        found, unknown = await run_in_threadpool(self._resolved, visitor.user.id, texts)
        most = int(self._house.settings.get("gateway.tick_listings"))
        new = [listing for listing in dict.fromkeys(found) if listing not in visitor.wishes]
        room = max(0, most - len(visitor.wishes))
        unknown |= {listing: f"A client may watch {most} listings." for listing in new[room:]}
        visitor.wishes |= dict.fromkeys(new[:room])
        await self._supply(visitor, new[:room])
        left_out = set(new[room:])
        visitor.client.say({"type": "subscribed", "listings": [one for one in dict.fromkeys(found) if one not in left_out]})
        if unknown:
            visitor.client.say({"type": "unknown", "listings": unknown})

    async def _unsubscribe(self, visitor: Visitor, texts: Sequence[str]) -> None:
        found, unknown = await run_in_threadpool(self._resolved, visitor.user.id, texts)
        gone = [listing for listing in dict.fromkeys([*found, *unknown]) if listing in visitor.wishes]
        for listing in gone:
            del visitor.wishes[listing]
        self._fanout.unsubscribe(visitor.client, gone)
        visitor.client.say({"type": "unsubscribed", "listings": gone})

    def _resolved(self, user_id: int, texts: Sequence[str]) -> tuple[list[str], dict[str, str]]:
        found, unknown = [], {}
        for text in texts:
            try:
                found.append(self._house.catalogue.resolve(text, user_id).text)
            except SigmaError as error:
                unknown[text] = error.message
        return found, unknown

    # -- what it gets

    def _take(self, source: int, ticks: Ticks) -> None:
        self._fanout.take(source, self._house.tables.table(source).slots(), ticks)

    async def _supply(self, visitor: Visitor, listings: Sequence[str]) -> None:
        source = visitor.source
        if source is None or not listings:
            return
        known = await run_in_threadpool(self._looked, source, listings)
        if visitor.source == source:
            still = [listing for listing in listings if listing in visitor.wishes]
            self._fanout.subscribe(visitor.client, source, still, known)

    def _looked(self, source: int, listings: Sequence[str]) -> Mapping[str, Ticks]:
        self._house.live.look_at(source, listings)
        return self._house.tables.get(source, listings)

    async def _resource(self, visitor: Visitor) -> None:
        """Follow the user's source of market data, and say when there is none."""
        try:
            source: int | None = (await run_in_threadpool(self._house.market.source, visitor.user.id)).id
        except SigmaError as error:
            source = None
            visitor.client.say({"type": "unavailable", "message": error.message, "hint": error.hint})
        if source != visitor.source:
            self._fanout.unsubscribe(visitor.client, list(visitor.wishes))
            visitor.source = source
            await self._supply(visitor, list(visitor.wishes))

    async def _look_after(self) -> None:
        """Every few seconds: end connections whose sign-in ended, follow sources, keep wishes alive, show life."""
        rounds = 0
        while True:
            await asyncio.sleep(LOOK_S)
            rounds += 1
            try:
                await self._signed_out()
                await self._sources()
                for source, listings in self._fanout.wanted().items():
                    self._fanout.refresh(source, await run_in_threadpool(self._looked, source, listings))
            except SigmaError as error:
                log.warning("clients_not_looked_after", error=str(error))
            if rounds % round(BEAT_S / LOOK_S) == 0:
                at = microseconds(self._house.clock.now()) // 1000
                for visitor in list(self._visitors):
                    if not visitor.client.transport.get_write_buffer_size():
                        visitor.client.say({"type": "heartbeat", "at": at})

    async def _signed_out(self) -> None:
        for token in {visitor.token for visitor in self._visitors}:
            if await run_in_threadpool(self._house.people.visitor, token) is None:
                for visitor in [one for one in self._visitors if one.token == token]:
                    with suppress(RuntimeError):  # it has ended already
                        await visitor.websocket.close(SIGNED_OUT, "You are signed out.")

    async def _sources(self) -> None:
        """Ask for each user's source once, and look closer where it is another one."""
        now: dict[int, int | None] = {}
        for visitor in list(self._visitors):
            user_id = visitor.user.id
            if user_id not in now:
                try:
                    now[user_id] = (await run_in_threadpool(self._house.market.source, user_id)).id
                except SigmaError:
                    now[user_id] = None
            if now[user_id] != visitor.source:
                await self._resource(visitor)
