"""A broker in memory behind the broker port: it answers, refuses, is away, on demand, and counts what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal

import numpy as np

from sigma.domain.accounts import AuthMode, BrokerSession, Capabilities, Profile
from sigma.domain.answers import BookRead, BrokerFill, BrokerOrder, WriteAnswer
from sigma.domain.bars import BAR, Bars
from sigma.domain.errors import BrokerError, BrokerUnavailable, InvalidInput, SessionExpired, Unsupported
from sigma.domain.instruments import Exchange, Kind, MasterRow
from sigma.domain.limits import CallKind, CallLimit, Window
from sigma.domain.market import Quote, Timeframe
from sigma.domain.orders import Order, OrderRequest, OrderType, Product, Validity, Variety
from sigma.domain.portfolio import Funds, Holding, Position, Rows
from sigma.domain.times import next_ist
from sigma.engines.master_frame import frame_of
from sigma.ports.broker import AdapterContext, Broker
from sigma.ports.masters import MasterFile


def fake_capabilities(broker: str, **changes: object) -> Capabilities:
    """Return what the fake broker says of itself."""
    wanted: dict[str, object] = {
        "broker": broker,
        "title": broker.title(),
        "exchanges": frozenset({"NSE", "BSE"}),
        "products": frozenset(Product),
        "order_types": frozenset(OrderType),
        "varieties": frozenset(Variety),
        "validities": frozenset(Validity),
        "credentials": ("api_key", "api_secret"),
        "login_fields": ("request_token",),
        "quote_batch": 2,
        "limits": (CallLimit("all calls", frozenset(CallKind), (Window(1000, 1),)),),
    }
    return Capabilities(**(wanted | changes))  # type: ignore[arg-type]


def master_file(rows: Iterable[MasterRow | str]) -> MasterFile:
    """Return rows, and texts for lines that cannot be read, as a master."""
    found = list(rows)
    bad = tuple(row for row in found if isinstance(row, str))
    return MasterFile(frame_of(row for row in found if isinstance(row, MasterRow)), bad)


@dataclass
class FakeKit:
    """A broker's whole offer.

    Parameters
    ----------
    clients : dict
        Client id by request token (or access token): who logs in with what.
    failures : list
        Errors that the next calls raise, one each, first to last.
    """

    capabilities: Capabilities
    clients: dict[str, str] = field(default_factory=lambda: {"token-of-ann": "AB1234", "token-of-bob": "CD5678"})
    failures: list[BrokerError] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    made: int = 0
    logins: int = 0
    auto_error: BrokerError | None = None
    renew_error: BrokerError | None = field(default_factory=lambda: Unsupported("There is no refresh token."))
    rows: list[MasterRow | str] = field(default_factory=list)
    held: tuple[Holding, ...] = ()
    open_positions: tuple[Position, ...] = ()
    bad_rows: tuple[str, ...] = ()
    prices: dict[str, Decimal] = field(default_factory=dict)
    told: Callable[[str, Timeframe, datetime, datetime], Bars] = lambda *_: np.empty(0, BAR)
    slow: Callable[[], None] = lambda: None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def authenticator(self, credentials: Mapping[str, str], context: AdapterContext) -> FakeLogin:
        return FakeLogin(self, credentials, context)

    def broker(self, credentials: Mapping[str, str], session: BrokerSession, context: AdapterContext) -> Broker:
        self.made += 1
        return FakeBroker(self, session, context)

    def master(self, credentials: Mapping[str, str], session: BrokerSession | None, context: AdapterContext) -> MasterFile:
        self.called("master")
        return master_file(self.rows)

    def read_master(self, data: bytes) -> MasterFile:
        """Read symbols, one a line; each is a share of NSE."""
        lines = data.decode().split()
        if not lines:
            raise BrokerUnavailable("This is no master.")
        name = self.capabilities.broker
        return master_file(MasterRow(name, Exchange.NSE, line, line, "NSE", line, Kind.EQUITY, line, "EQ") for line in lines)

    def called(self, what: str) -> None:
        """Count a call, and fail when a failure is due."""
        with self.lock:
            self.calls.append(what)
            failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure

    def session_of(self, client: str, context: AdapterContext) -> BrokerSession:
        """Return a new login of a client, good until 06:00 IST."""
        self.logins += 1
        now = context.clock.now()
        return BrokerSession(client, {"access_token": f"secret-session-{self.logins}"}, now, next_ist(now, time(6)))


@dataclass
class FakeLogin:
    kit: FakeKit
    credentials: Mapping[str, str]
    context: AdapterContext

    def login_url(self) -> str:
        return f"https://{self.kit.capabilities.broker}.example/login?api_key={self.credentials['api_key']}"

    def connect(self, given: Mapping[str, str]) -> tuple[BrokerSession, Profile]:
        self.kit.called("connect")
        token = given.get("request_token") or given.get("access_token")
        if not token:
            raise InvalidInput("A request_token is missing.")
        if token not in self.kit.clients:
            raise SessionExpired(f"Token {token} is invalid.")
        return self._login(self.kit.clients[token])

    def renew(self, session: BrokerSession) -> BrokerSession:
        self.kit.called("renew")
        if self.kit.renew_error is not None:
            raise self.kit.renew_error
        return self.kit.session_of(session.client_id, self.context)

    def auto_login(self) -> tuple[BrokerSession, Profile]:
        self.kit.called("auto_login")
        if self.kit.auto_error is not None:
            raise self.kit.auto_error
        assert {"pin", "totp_secret"} <= set(self.credentials)
        return self._login("AB1234")

    def logout(self, session: BrokerSession) -> None:
        self.kit.called("logout")

    def _login(self, client: str) -> tuple[BrokerSession, Profile]:
        return self.kit.session_of(client, self.context), Profile(client, f"Person {client}")


@dataclass
class FakeBroker:
    kit: FakeKit
    session: BrokerSession
    context: AdapterContext

    @property
    def capabilities(self) -> Capabilities:
        return self.kit.capabilities

    def _read(self, what: str) -> None:
        self.kit.called(what)
        if self.session.tokens["access_token"] in self.kit.refused:
            raise SessionExpired("Incorrect `api_key` or `access_token`.")
        self.kit.slow()

    def profile(self) -> Profile:
        self._read("profile")
        return Profile(self.session.client_id, f"Person {self.session.client_id}")

    def funds(self) -> Funds:
        self._read("funds")
        return Funds(Decimal("100000.50"), Decimal(0), Decimal("100000.50"))

    def holdings(self) -> Rows[Holding]:
        self._read("holdings")
        return Rows(self.kit.held, self.kit.bad_rows)

    def positions(self) -> Rows[Position]:
        self._read("positions")
        return Rows(self.kit.open_positions)

    def quotes(self, listings: Sequence[str]) -> Mapping[str, Quote]:
        self._read(f"quotes {len(listings)}")
        now = self.context.clock.now()
        return {text: Quote(text, self.kit.prices[text], now) for text in listings if text in self.kit.prices}

    def history(self, listing: str, timeframe: Timeframe, start: datetime, end: datetime) -> Bars:
        self._read(f"history {listing} {timeframe}")
        return self.kit.told(listing, timeframe, start, end)

    def order_book(self) -> BookRead:
        raise BrokerUnavailable("This fake has no book.")

    def order_history(self, broker_order_id: str) -> tuple[BrokerOrder, ...]:
        raise Unsupported("This fake has no history.")

    def fills(self) -> Rows[BrokerFill]:
        raise BrokerUnavailable("This fake has no fills.")

    def place(self, request: OrderRequest, tag: str) -> WriteAnswer:
        raise AssertionError("these services write nothing")

    def modify(self, order: Order, request: OrderRequest) -> WriteAnswer:
        raise AssertionError("these services write nothing")

    def cancel(self, order: Order) -> WriteAnswer:
        raise AssertionError("these services write nothing")


AUTO = frozenset({AuthMode.MANUAL, AuthMode.AUTO})
A_DAY = timedelta(days=1)
