"""What the demo's home has lived through before anybody looks: a few sessions, traded on the simulated exchange itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from datetime import time as time_of_day
from decimal import Decimal
from typing import TYPE_CHECKING

from sigma.cli.exchange import Exchange
from sigma.domain.calendar import Calendar
from sigma.domain.instruments import Exchange as Market
from sigma.domain.orders import Order, OrderStatus
from sigma.domain.times import ist, ist_date, to_ist
from sigma.simulator.clock import default_start
from sigma.simulator.days import shipped_days

if TYPE_CHECKING:
    from sigma.desk import Desk

SESSIONS = 3
MORNING = time_of_day(10)
LATEST_START = time_of_day(14, 30)
SETTLED = {OrderStatus.OPEN, *(status for status in OrderStatus if status.final)}
WITHIN_S = 30.0
CLOCK_SEEN_S = 0.35
"""How long other processes take to see that the exchange's clock has jumped."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One order of the past.

    Parameters
    ----------
    percent : Decimal or None
        Limit price against the last one, None for a market order. One far from the market rests.
    cancel : bool
        It is taken back at the end of its batch.
    """

    account: str
    listing: str
    side: str
    quantity: int
    product: str = "CNC"
    percent: Decimal | None = None
    cancel: bool = False


MAIN, SECOND = "zerodha-main", "angel"
FAR, NEAR = Decimal(-4), Decimal("0.5")
PAST: tuple[tuple[time_of_day, tuple[Wish, ...]], ...] = (
    (
        time_of_day(10, 20),
        (
            Wish(MAIN, "NSE:INFY", "BUY", 10),
            Wish(MAIN, "NSE:ITC", "BUY", 40, percent=NEAR),
            Wish(SECOND, "NSE:SBIN", "BUY", 25, "MIS"),
        ),
    ),
    (
        time_of_day(14, 40),
        (Wish(SECOND, "NSE:SBIN", "SELL", 25, "MIS"), Wish(MAIN, "NSE:SBIN", "BUY", 60, percent=FAR, cancel=True)),
    ),
    (
        time_of_day(10, 5),
        (
            Wish(MAIN, "NSE:HDFCBANK", "BUY", 30, "MIS"),
            Wish(SECOND, "NSE:TATAPOWER", "BUY", 100),
            Wish(SECOND, "NSE:COALINDIA", "BUY", 50, percent=FAR, cancel=True),
        ),
    ),
    (
        time_of_day(13, 15),
        (
            Wish(MAIN, "NSE:HDFCBANK", "SELL", 30, "MIS"),
            Wish(MAIN, "NSE:INFY", "SELL", 5),
            Wish(SECOND, "NSE:RELIANCE", "BUY", 900),
        ),
    ),
    (
        time_of_day(11, 30),
        (
            Wish(MAIN, "NSE:RELIANCE", "BUY", 12),
            Wish(SECOND, "NSE:INFY", "BUY", 8, percent=NEAR),
            Wish(MAIN, "NSE:ITC", "SELL", 15),
        ),
    ),
    (time_of_day(14, 55), (Wish(SECOND, "NSE:ITC", "BUY", 20, "MIS"), Wish(MAIN, "NSE:TCS", "BUY", 400))),
)
"""Batches in order; one whose time is not later than that of the batch before it is of the next session.

Two of the orders are rejected: they cost more than their account has.
"""
TODAY = (
    Wish(MAIN, "NSE:SBIN", "BUY", 20, "MIS"),
    Wish(SECOND, "NSE:RELIANCE", "BUY", 6, "MIS"),
    Wish(MAIN, "NSE:INFY", "BUY", 10, percent=FAR),
)


def beginning(now: datetime, sessions: int, calendar: Calendar | None = None) -> tuple[datetime, datetime]:
    """Return when a demo's exchange starts, `sessions` before the day that is shown, and the moment of that day it is shown at.

    A demo that is started shortly before the close is shown in the morning.
    """
    days = calendar or shipped_days()
    shown = default_start(now, days)
    day = ist_date(shown)
    if to_ist(shown).time() > LATEST_START or to_ist(shown).time() < MORNING:
        shown = ist(day, MORNING)
    for _ in range(sessions):
        day -= timedelta(days=1)
        while not days.is_session(Market.NSE, day):
            day -= timedelta(days=1)
    return (ist(day, MORNING) if sessions else shown), shown


class History:
    """Trades the batches of the past, then brings the clock to the moment that is shown.

    Parameters
    ----------
    log_in : callable
        Connects every account; the brokers' logins end each night.
    check : callable
        Raises when something that must run has ended.
    """

    def __init__(self, desk: Desk, exchange: Exchange, log_in: Callable[[], None], check: Callable[[], None]) -> None:
        self._desk = desk
        self._exchange = exchange
        self._log_in = log_in
        self._check = check

    def live(self, shown: datetime) -> None:
        """Trade up to `shown`, and what was done that day."""
        last = time_of_day.min
        for at, wishes in PAST:
            self._go_to(at, new_day=at <= last)
            self._trade(wishes)
            last = at
        self._go_to(to_ist(shown).time(), new_day=True)
        self._trade(TODAY)
        self._desk.bell_seen()  # the past sessions ended, as they do each night

    def _go_to(self, at: time_of_day, *, new_day: bool) -> None:
        if new_day:
            self._exchange.post("roll")
        self._exchange.post("clock", set=ist(ist_date(self._now()), at).isoformat())
        time.sleep(CLOCK_SEEN_S)
        if new_day:
            self._log_in()

    def _now(self) -> datetime:
        return datetime.fromisoformat(self._exchange.get("clock")["now"])

    def _trade(self, wishes: Sequence[Wish]) -> None:
        orders = [(wish, self._submit(wish)) for wish in wishes]
        self._wait([order.id for _, order in orders], SETTLED)
        taken_back = [order.id for wish, order in orders if wish.cancel]
        for number in taken_back:
            self._desk.orders.cancel(number)
        self._wait(taken_back, SETTLED - {OrderStatus.OPEN})

    def _submit(self, wish: Wish) -> Order:
        price = None
        if wish.percent is not None:
            last = Decimal(str(self._desk.quotes([wish.listing])["last_price"].iloc[0]))
            price = (last * (100 + wish.percent) / 100).quantize(Decimal(1))
        return self._desk.orders.submit(
            account=wish.account,
            listing=wish.listing,
            side=wish.side,
            quantity=wish.quantity,
            product=wish.product,
            order_type="MARKET" if price is None else "LIMIT",
            price=price,
        )

    def _wait(self, numbers: Sequence[int], wanted: set[OrderStatus]) -> None:
        """Wait until the orders are settled; one that takes too long is left to its fate, and shown as it is."""
        deadline = time.monotonic() + WITHIN_S
        while time.monotonic() < deadline:
            self._check()
            if all(self._desk.orders.get(number).status in wanted for number in numbers):
                return
            time.sleep(0.03)
