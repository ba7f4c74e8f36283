"""What the adapters' tests build: contexts with a fixed clock, accounts of both brokers pointed at a raw server."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from sigma.adapters.angelone import KIT as ANGELONE
from sigma.adapters.zerodha import KIT as ZERODHA
from sigma.domain.accounts import BrokerSession
from sigma.domain.errors import NotFound
from sigma.domain.instruments import BrokerInstrument
from sigma.domain.orders import Order, OrderMode, OrderRequest, OrderStatus, OrderType, Product, Side, Source
from sigma.ports.broker import AdapterContext, Authenticator, Broker, BrokerKit

KITS: dict[str, BrokerKit] = {"zerodha": ZERODHA, "angelone": ANGELONE}
# Friday, 20 November 2026, 10:30 IST.
NOW = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
CREDENTIALS = {
    "zerodha": {"api_key": "plantedapikey1", "api_secret": "plantedsecret2"},
    "angelone": {
        "api_key": "plantedapikey1",
        "client_code": "A100001",
        "pin": "7391",
        "totp_secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    },
}
TOKENS = {
    "zerodha": {"access_token": "plantedaccess3"},
    "angelone": {"jwt": "plantedjwt4", "refresh": "plantedrefresh5", "feed": "plantedfeed6"},
}
_NAMES = {
    ("zerodha", "NSE:INFY"): BrokerInstrument("zerodha", "NSE:INFY", "INFY", "408065", "NSE", "1594"),
    ("angelone", "NSE:INFY"): BrokerInstrument("angelone", "NSE:INFY", "INFY-EQ", "1594", "NSE", "1594"),
}


@dataclass
class FixedClock:
    """A wall clock that stands, and the machine's boot clock."""

    moment: datetime = NOW
    boot_id: str = "test"
    asleep_ns: int = 0

    def now(self) -> datetime:
        return self.moment

    def boot_ns(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) + self.asleep_ns

    def wait(self, seconds: float) -> None:
        raise AssertionError(f"an adapter waits for nothing, and wanted {seconds} s")


@dataclass
class RecordingProbe:
    points: list[str] = field(default_factory=list)

    def reached(self, point: str) -> None:
        self.points.append(point)


class OneInstrument:
    """An InstrumentLookup that knows INFY on NSE, at both brokers."""

    def broker_instrument(self, broker: str, listing: str) -> BrokerInstrument:
        if (broker, listing) not in _NAMES:
            raise NotFound(f"{listing} is not in the master of {broker}.")
        return _NAMES[broker, listing]

    def listing_by_symbol(self, broker: str, exchange_code: str, symbol: str) -> str | None:
        return next((name.listing for name in _NAMES.values() if (name.broker, name.symbol) == (broker, symbol)), None)

    def listing_by_token(self, broker: str, exchange_code: str, token: str) -> str | None:
        return next((name.listing for name in _NAMES.values() if (name.broker, name.token) == (broker, token)), None)


def context(url: str, **changes: object) -> AdapterContext:
    """Return a context for a server at `url`, quick to give up."""
    plain = {"clock": FixedClock(), "instruments": OneInstrument(), "url": url, "timeout_s": 2.0}
    return AdapterContext(**(plain | changes))  # type: ignore[arg-type]


def session(broker: str) -> BrokerSession:
    """Return a login whose tokens are planted values."""
    return BrokerSession("CLIENT", TOKENS[broker], NOW, NOW)


def account(broker: str, url: str, **changes: object) -> Broker:
    """Return a logged-in account at `url`."""
    return KITS[broker].broker(CREDENTIALS[broker], session(broker), context(url, **changes))


def login(broker: str, url: str, **changes: object) -> Authenticator:
    """Return the login of an account at `url`."""
    return KITS[broker].authenticator(CREDENTIALS[broker], context(url, **changes))


def wanted(**changes: object) -> OrderRequest:
    """Return a request for five INFY at 1200, with changes."""
    plain: dict[str, object] = {
        "listing": "NSE:INFY",
        "side": Side.BUY,
        "quantity": 5,
        "order_type": OrderType.LIMIT,
        "product": Product.CNC,
        "price": Decimal("1200"),
    }
    return OrderRequest(**(plain | changes))  # type: ignore[arg-type]


def order(request: OrderRequest | None = None, broker_order_id: str | None = "151220000000000") -> Order:
    """Return the order as our store would hold it."""
    plan = request or wanted()
    tag, auto, person = "TAG0000000000001", OrderMode.AUTO, Source.PERSON
    return Order(1, 1, 1, plan, OrderStatus.OPEN, tag, auto, person, NOW, NOW, broker_order_id)
