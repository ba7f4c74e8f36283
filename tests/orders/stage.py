"""One installation on one simulated exchange, in one process: services are called where a worker would call them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

from sigma.bootstrap import House, make_clock
from sigma.cli import exchange as control
from sigma.desk import Desk
from sigma.domain.accounts import Account
from sigma.domain.errors import BrokerUnavailable
from sigma.domain.orders import Command, CommandKind, CommandState, Order, OrderStatus, OrderType, Product, Side, Source
from sigma.infra.clock import SimulatedClock
from sigma.ports.infra import Lease
from sigma.ports.probe import NoProbe, Probe
from sigma.services.orders.send import Sender
from sigma.services.orders.settle import SyncReport
from sigma.simulator.model import PlaceRequest, SimOrder
from sigma.simulator.server import SimulatorServer

T = TypeVar("T")
KITE, SMART = "kite", "smart"
CLIENTS = {KITE: "AB1234", SMART: "A100001"}
BROKERS = {KITE: "zerodha", SMART: "angelone"}
# Short, but with time for every answer that will come, on a busy machine too.
WAITS = {"orders.call_timeout": 1.5, "orders.send_window": 1.5, "orders.visibility_delay": 0.5, "orders.absence_gap": 0.1}
# How long a place that never came may still come: nothing counts as absent before.
SURELY_NS = 4_500_000_000
PRICE = 1500.0


def eventually(look: Callable[[], T | None], seconds: float = 20) -> T:
    """Return the first true answer of `look`; fail when it does not come in time."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)
    return found


class Died(BaseException):
    """Stands for the death of the process: nothing of ours catches it."""


@dataclass
class DeathAt:
    """A probe that ends the sender at one point, once."""

    point: str = ""

    def reached(self, point: str) -> None:
        if point == self.point:
            self.point = ""
            raise Died(point)


class BoundLease:
    """The lease of a holder with a name of its own, so that one process can play two holders."""

    def __init__(self, lease: Lease, holder: str) -> None:
        self._lease, self.holder = lease, holder

    def touch(self) -> None:
        self._lease.touch()

    def release(self) -> None:
        self._lease.release()


@dataclass
class Stage(AbstractContextManager["Stage"]):
    """What a test acts on: the desk as the person, senders and readers as the worker, the exchange as it really is."""

    home: Path
    server: SimulatorServer
    environment: dict[str, str]
    probe: Probe = field(default_factory=NoProbe)
    house: House = field(init=False)
    desk: Desk = field(init=False)
    exchange: control.Exchange = field(init=False)
    senders: dict[str, Sender] = field(default_factory=dict)
    leases: dict[str, Lease] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.exchange = control.Exchange(self.server.url)
        self.house = self.another_house()
        with self.house.store.read() as tx:
            owner = tx.users.owner()
        self.user_id = owner.id
        self.secret = self.house.signals.rotate_secret(owner.id)
        self.desk = Desk(self.house, owner, Source.PERSON)

    def another_house(self) -> House:
        """Return services of their own on the same data, as another process would have them."""
        return House(self.home, make_clock(self.environment), self.probe, self.environment)

    def __enter__(self) -> Self:
        for account in (KITE, SMART):
            self.connect(account)
        self.hold(PRICE)
        return self

    def __exit__(self, *_: object) -> None:
        for lease in self.leases.values():
            lease.release()
        self.house.close()
        self.exchange.__exit__(None, None, None)

    # -- the person

    def connect(self, account: str) -> None:
        """Log in."""
        self.desk.accounts.connect(account, **self.exchange.login(CLIENTS[account]))

    def order(self, account: str | None = KITE, side: str = "BUY", quantity: int = 5, **more: Any) -> Order:
        """Submit an order; at the market unless a price is given."""
        kind = {"order_type": "LIMIT"} if "price" in more else {}
        return self.desk.orders.submit(account=account, listing="NSE:INFY", side=side, quantity=quantity, **{**kind, **more})

    def executed(self, account: str = KITE, **wanted: Any) -> Order:
        """Return an order that was sent and has executed."""
        order = self.order(account, **wanted)
        self.send(account)
        return self.settled(order, account)

    def resting(self, account: str = KITE, **more: Any) -> Order:
        """Return an order that works at the exchange, too far from the market to execute."""
        order = self.order(account, price=PRICE - 50, **more)
        self.send(account)
        return self.settled(order, account, lambda now: now.status is OrderStatus.OPEN)

    def get(self, order: Order) -> Order:
        """Return the order as it is stored now."""
        return self.desk.orders.get(order.id)

    def orders(self, account: str) -> list[Order]:
        """Return the account's orders as they are stored, adopted ones included."""
        return list(self.house.orders.views.select(user_id=self.user_id, account=account))

    def command(self, order: Order, kind: CommandKind = CommandKind.PLACE) -> Command:
        """Return the order's last command of a kind."""
        return [command for command in self.desk.orders.why(order.id).commands if command.kind is kind][-1]

    def history(self, order: Order) -> list[str]:
        """Return the kinds of the order's history."""
        return [event.kind for event in self.desk.orders.why(order.id).events]

    def account(self, name: str = KITE) -> Account:
        """Return an account as it is stored now."""
        return self.house.accounts.find(self.user_id, name)

    def waits(self, **seconds: float) -> None:
        """Shorten the waits, and set those named (the first underscore stands for the dot)."""
        named = {name.replace("_", ".", 1): value for name, value in seconds.items()}
        for name, value in {**WAITS, **named}.items():
            self.desk.settings.set(name, value)

    # -- the worker

    def sender(self, account: str = KITE) -> Sender:
        """Return the account's sender, which has taken over."""
        if account not in self.senders:
            self.successor(account)
        return self.senders[account]

    def successor(self, account: str = KITE) -> int:
        """Let a new holder take over from a dead one; return how many writes it declared unknown."""
        number = self.account(account).id
        if account not in self.leases:
            lease = self.house.leases.acquire(number, hung_after_s=30)
            assert lease is not None
            self.leases[account] = lease
        lease = BoundLease(self.leases[account], f"{len(self.senders)}@{time.monotonic_ns()}")
        services = self.house.orders
        self.senders[account] = Sender(services.house, services.approval, number, lease, self.house.budget(number))
        return self.senders[account].take_over()

    def send(self, account: str = KITE) -> int:
        """Send what is pending; return how many writes went out."""
        return self.sender(account).run_once().sent

    def die(self, point: str, account: str = KITE) -> None:
        """Send what is pending and die at a point of the way."""
        assert isinstance(self.probe, DeathAt)
        sender = self.sender(account)
        self.probe.point = point
        try:
            sender.run_once()
        except Died:
            return
        raise AssertionError(f"the sender did not come by {point}")

    def sync(self, account: str = KITE) -> SyncReport:
        """Read the book once."""
        return self.desk.sync(account)

    def glance(self, account: str = KITE) -> SyncReport | None:
        """Read the book once; a read that fails is made again by whoever waits for something."""
        try:
            return self.sync(account)
        except BrokerUnavailable:
            return None

    def settled(self, order: Order, account: str = KITE, until: Callable[[Order], bool] | None = None) -> Order:
        """Read the book until the order has ended, or `until` holds."""
        done = until or (lambda now: now.status.final)

        def look() -> Order | None:
            self.glance(account)
            now = self.get(order)
            return now if done(now) else None

        return eventually(look)

    def settles(self, order: Order, kind: CommandKind, account: str = KITE) -> Command:
        """Read the book until the order's last command of a kind is open no more."""

        def look() -> Command | None:
            self.glance(account)
            command = self.command(order, kind)
            return None if command.state in (CommandState.UNKNOWN, CommandState.SENDING) else command

        return eventually(look)

    # -- the exchange

    def fault(self, kind: str, endpoint: str = "place", times: int | None = 1, **args: object) -> None:
        """Inject a fault."""
        self.exchange.post("faults", kind=kind, endpoint=endpoint, times=times, args=args)

    def hold(self, price: float, listing: str = "NSE:INFY", liquidity: int = 100_000) -> None:
        """Keep a price where it is, with so many units on each level."""
        self.exchange.post("price", listing=listing, price=price, hold=True, rebase=True)
        self.exchange.post("liquidity", listing=listing, bid_quantity=liquidity, ask_quantity=liquidity)

    def placed_elsewhere(self, account: str = KITE, quantity: int = 5) -> SimOrder:
        """Let the person buy on the broker's own page."""
        security = self.server.exchange.security("NSE:INFY")
        held = self.server.exchange.account(BROKERS[account], CLIENTS[account])
        assert security is not None
        assert held is not None
        wanted = PlaceRequest(security.listing, Side.BUY, quantity, OrderType.MARKET, Product.MIS)
        return self.server.exchange.place(held, wanted)

    def at_exchange(self, order: Order) -> list[dict[str, Any]]:
        """Return every order at the exchange that was requested with this order's tag."""
        return self.exchange.orders(order.client_order_id)

    def requests(self, endpoint: str) -> list[dict[str, Any]]:
        """Return every write of a kind that arrived at the exchange."""
        return [entry for entry in self.exchange.get("writes") if entry["endpoint"] == endpoint]

    def advance(self, seconds: float) -> None:
        """Move the exchange's clock, and ours with it."""
        self.exchange.post("clock", advance_s=seconds)
        self._follow()

    def overnight(self) -> None:
        """Move on to the next session's morning and log in again."""
        self.exchange.post("roll")
        self._follow()
        for account in (KITE, SMART):
            self.connect(account)

    def _follow(self) -> None:
        assert isinstance(self.house.clock, SimulatedClock)
        self.house.clock.refresh()


def copy_home(template: Path, home: Path) -> Path:
    """Copy a prepared installation, which nobody has open."""
    shutil.copytree(template, home)
    return home
