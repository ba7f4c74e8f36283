"""A simulator, one account at one broker of it, and the house around an adapter: what the contract suite plays on."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal

from sigma.adapters.angelone import KIT as ANGELONE
from sigma.adapters.zerodha import KIT as ZERODHA
from sigma.domain.accounts import BrokerSession
from sigma.domain.answers import BrokerOrder, WriteAnswer
from sigma.domain.orders import Order, OrderMode, OrderRequest, OrderStatus, OrderType, Outcome, Product, Side, Source
from sigma.ports.broker import AdapterContext, Authenticator, Broker, BrokerKit
from sigma.simulator.config import SimConfig
from sigma.simulator.exchange import Exchange
from sigma.simulator.server import SimulatorServer
from tests.contract.lookup import MasterLookup
from tests.simulator.control import Control, eventually

# Friday, 20 November 2026, 10:30 IST.
FRIDAY = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
KITS = {"zerodha": ZERODHA, "angelone": ANGELONE}
_tags = itertools.count(1)


class SimulatedClock:
    """Wall time of the simulated exchange, boot time of this machine."""

    boot_id = "test"

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def now(self) -> datetime:
        return self._exchange.now()

    def boot_ns(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def wait(self, seconds: float) -> None:
        raise AssertionError(f"an adapter waits for nothing, and wanted {seconds} s")


@dataclass
class RecordingProbe:
    """Keeps the points that were reached."""

    points: list[str] = field(default_factory=list)

    def reached(self, point: str) -> None:
        self.points.append(point)


def new_tag() -> str:
    """Return a client_order_id that no test had before."""
    return f"TAG{next(_tags):013d}"


def buy(quantity: int = 5, listing: str = "NSE:INFY", **changes: object) -> OrderRequest:
    """Return a limit order that rests far below the market, with changes."""
    plain = OrderRequest(listing, Side.BUY, quantity, OrderType.LIMIT, Product.MIS, price=Decimal("1200"))
    return replace(plain, **changes)  # type: ignore[arg-type]


def tracked(request: OrderRequest, broker_order_id: str | None, tag: str = "") -> Order:
    """Return the order as our store would hold it."""
    return Order(
        id=1,
        user_id=1,
        account_id=1,
        request=request,
        status=OrderStatus.OPEN,
        client_order_id=tag,
        mode=OrderMode.AUTO,
        source=Source.PERSON,
        created_at=FRIDAY,
        updated_at=FRIDAY,
        broker_order_id=broker_order_id,
    )


class Stage:
    """One broker's account on a simulator.

    Parameters
    ----------
    credentials : mapping
        What the account stores.
    given : callable
        Returns what a person enters at a login.
    """

    def __init__(self, broker: str, server: SimulatorServer, lookup: MasterLookup) -> None:
        self.kit: BrokerKit = KITS[broker]
        self.name, self.server, self.lookup = broker, server, lookup
        self.control = Control(server.url)
        self.probe = RecordingProbe()
        self.context = AdapterContext(SimulatedClock(server.exchange), lookup, url=server.url, timeout_s=5.0, probe=self.probe)
        mine = [account for account in self.control.get("accounts") if account["broker"] == broker]
        self.account, self.other = mine[0], mine[1]
        self.client_id = str(self.account["client_id"])
        self._broker: Broker | None = None

    def credentials(self, account: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return what the account stores."""
        known = account or self.account
        if self.name == "zerodha":
            return {name: known[name] for name in ("api_key", "api_secret")}
        return {"api_key": known["api_key"], "client_code": known["client_id"]}

    def given(self, account: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return what a person enters at a login."""
        known = account or self.account
        if self.name == "zerodha":
            return dict(self.control.post("approve-login", {"client_id": known["client_id"]}))
        from sigma.adapters.angelone.auth import one_time_code

        return {"pin": known["pin"], "otp": one_time_code(known["totp_secret"], self.context.clock.now())}

    def login(self, **changes: str) -> Authenticator:
        """Return the login of the account."""
        return self.kit.authenticator(self.credentials() | changes, self.context)

    def connect(self) -> BrokerSession:
        """Log in."""
        return self.login().connect(self.given())[0]

    def broker_of(self, session: BrokerSession, **changes: object) -> Broker:
        """Return the account with a session of its own, and with changes to the context."""
        return self.kit.broker(self.credentials(), session, replace(self.context, **changes))  # type: ignore[arg-type]

    @property
    def broker(self) -> Broker:
        """The account, logged in."""
        if self._broker is None:
            self._broker = self.broker_of(self.connect())
        return self._broker

    def placed(self, request: OrderRequest) -> tuple[Order, WriteAnswer]:
        """Place an order that must be accepted."""
        tag = new_tag()
        answer = self.broker.place(request, tag)
        assert answer.outcome is Outcome.ACCEPTED, answer
        return tracked(request, answer.broker_order_id, tag), answer

    def row(self, order: Order, when: Callable[[BrokerOrder], bool] = lambda _: True) -> BrokerOrder:
        """Return the order's row of the book, once `when` holds for it."""

        def look() -> BrokerOrder | None:
            rows = [row for row in self.broker.order_book().rows if row.broker_order_id == order.broker_order_id]
            return rows[0] if rows and when(rows[0]) else None

        return eventually(look)

    def executed(self, tag: str) -> list[dict[str, object]]:
        """Return the orders with this tag that really exist at the exchange."""
        return list(self.control.get(f"orders?client_id={self.client_id}&tag={tag}"))

    def reset(self) -> None:
        """Withdraw faults and imposed depth, hold the price, and log in anew, so that each test starts alike."""
        self._broker = None
        self.control.delete("faults")
        self.control.post("liquidity", {"listing": "NSE:INFY", "bid_quantity": None, "ask_quantity": None})
        self.control.post("price", {"listing": "NSE:INFY", "price": 1450, "hold": True})
        self.probe.points.clear()


def config() -> SimConfig:
    """Settings of the simulator: no delays, no limits in rate."""
    return SimConfig(accept_delay_s=0, step_delay_s=0, order_rate_enforced=False)
