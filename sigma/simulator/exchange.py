"""The exchange: what every front door calls. One lock around everything; no call sleeps inside it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from sigma.domain.calendar import Calendar
from sigma.domain.instruments import Exchange as Segment
from sigma.domain.market import Level
from sigma.domain.money import RoundTo, round_to_tick
from sigma.domain.times import ist_date, next_ist
from sigma.simulator.accounts import default_accounts
from sigma.simulator.candles import CandleProcess
from sigma.simulator.checks import amo_window, check_change, check_request
from sigma.simulator.clock import SimClock
from sigma.simulator.config import SimConfig
from sigma.simulator.days import exchange_days
from sigma.simulator.depth import Depth, Liquidity
from sigma.simulator.faults import FaultTable
from sigma.simulator.journal import RateBook, WriteEntry
from sigma.simulator.ledger import copies, funds, sold_today
from sigma.simulator.lifecycle import ROLL_AT, Floor, Lifecycle
from sigma.simulator.model import (
    PLAIN,
    Change,
    PlaceRequest,
    Refusal,
    SimAccount,
    SimFill,
    SimFunds,
    SimHolding,
    SimOrder,
    SimPosition,
    State,
    Twist,
)
from sigma.simulator.prices import DayPrices, PriceProcess
from sigma.simulator.securities import Security, Universe
from sigma.simulator.sessions import Sessions
from sigma.simulator.tape import Rows, Tape
from sigma.simulator.triggers import Triggers
from sigma.simulator.turnover import WEIGHT_SALT, Whole, turnover

_BREATH = timedelta(seconds=1)
_FAR = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class SimQuote:
    """A security's market at one moment: prices in rupees, quantities in units, best level first."""

    security: Security
    at: datetime
    prices: DayPrices
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    volume: int
    average_price: Decimal
    open_interest: int


@dataclass(frozen=True, slots=True)
class HeldShares:
    """A holding with what today did to it; `used` shares were sold today, `quantity` is what is left settled and free."""

    holding: SimHolding
    used: int
    last_price: Decimal
    close_price: Decimal

    @property
    def quantity(self) -> int:
        """Settled, unpledged shares not sold today."""
        return max(0, self.holding.quantity - self.used)

    @property
    def t1(self) -> int:
        """Shares on their way that are not sold today."""
        return self.holding.t1 - max(0, self.used - self.holding.quantity)


class Exchange:
    """An exchange with its brokers' back offices.

    Parameters
    ----------
    seed : int
        Same seed and day: same securities, prices and ids.
    start : datetime
        What the exchange's clock shows first.
    """

    def __init__(self, seed: int, start: datetime, config: SimConfig | None = None, calendar: Calendar | None = None) -> None:
        self.lock = threading.RLock()
        self.clock = SimClock(start)
        self.config = config or SimConfig()
        self.calendar = calendar or exchange_days()
        self.universe = Universe(seed, ist_date(start))
        prices = PriceProcess(self.universe, self.calendar, seed, ist_date(start))
        self.candles = CandleProcess(prices, self.calendar, self.lock)
        depth = Depth(prices, self.config)
        accounts = default_accounts(self.universe)
        self._floor = Floor(self.config, self.calendar, self.universe, prices, depth, accounts, Random(seed))
        self._tape = self.universe.day, Tape(prices, depth)
        self._lifecycle = Lifecycle(self._floor, start)
        self.triggers = Triggers(self, self._lifecycle.accept)
        self._floor.watchers.append(self.triggers)
        self.sessions = Sessions(f"simulator-{seed}-{start.isoformat()}")
        self.faults = FaultTable(Random(seed + 7))
        self.rates = RateBook()
        self.writes: list[WriteEntry] = []

    # -- clock and accounts ----------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """Return the exchange's present, UTC."""
        return self.clock.now()

    def catch_up(self, *, force: bool = False) -> datetime:
        """Process everything due by now and return that moment."""
        with self.lock:
            now = max(self.clock.now(), self._lifecycle.reached)
            self._lifecycle.advance(now, force=force)
            return now

    def next_due(self) -> datetime | None:
        """Return when something is due next."""
        with self.lock:
            return self._lifecycle.next_due()

    def set_clock(self, moment: datetime) -> None:
        """Move the clock forward to `moment`, living through what lies between.

        Raises
        ------
        ValueError
            The moment lies before the exchange's present (what has happened cannot be undone), or over a year ahead.
        """
        with self.lock:
            now = self.catch_up()
            if now - _BREATH < moment < now:
                return  # it meant the present
            if moment < now:
                raise ValueError(f"the clock shows {now.isoformat()} and cannot go back to {moment.isoformat()}")
            if moment - now > _FAR:
                raise ValueError(f"{moment.isoformat()} is more than a year away")
            self.clock.set(moment)
            self.catch_up()

    def roll(self) -> datetime:
        """Move the clock to 08:00 IST of the next session day and return that moment."""
        with self.lock:
            now = self.catch_up()
            day = ist_date(now)
            target = next_ist(now, ROLL_AT) + timedelta(hours=2)
            while ist_date(target) == day or not self.calendar.is_session(Segment.NSE, ist_date(target)):
                target += timedelta(days=1)
            self.set_clock(target)
            return target

    def accounts(self) -> list[SimAccount]:
        """Return all accounts."""
        return list(self._floor.accounts)

    def account(self, broker: str, client_id: str) -> SimAccount | None:
        """Return an account by its client id."""
        return next((one for one in self._floor.accounts if one.broker == broker and one.client_id == client_id), None)

    def account_by_key(self, broker: str, api_key: str) -> SimAccount | None:
        """Return an account by its API key."""
        return next((one for one in self._floor.accounts if one.broker == broker and one.api_key == api_key), None)

    def security(self, listing: str) -> Security | None:
        """Return a security by its canonical listing text."""
        return self.universe.get(listing)

    def is_open(self, security: Security) -> bool:
        """Say whether the security's exchange is in its session."""
        return self.calendar.is_open(security.exchange, self.now())

    def takes_amo(self, security: Security) -> bool:
        """Say whether after-market orders of the security are taken now."""
        return amo_window(self.calendar, security.exchange, self.now())

    def listen(self, listener: Callable[[SimOrder], None]) -> None:
        """Have `listener` told of every new look of every order, under the lock: it must neither block nor ask."""
        with self.lock:
            self._floor.listeners.append(listener)

    # -- writes ----------------------------------------------------------------------------------------------------

    def place(
        self,
        account: SimAccount,
        request: PlaceRequest,
        twist: Twist = PLAIN,
        request_ns: int = 0,
        *,
        in_book: Container[str] = frozenset(),
    ) -> SimOrder:
        """Accept an order and return it as it is at that moment; it moves on by itself.

        Parameters
        ----------
        in_book : container of str
            Codes of refusals that this broker does not answer with: it gives an id and rejects in the book.

        Raises
        ------
        Refusal
            The request could never become an order (see `checks.check_request`).
        """
        with self.lock:
            now = self.catch_up()
            security = self.universe.get(request.listing)
            try:
                security = check_request(request, self.universe, self.calendar, now)
            except Refusal as refusal:
                if security is None or refusal.code not in in_book:
                    raise
                twist = replace(twist, reject_message=twist.reject_message or refusal.message)
            order = self._lifecycle.accept(account, security, request, now, request_ns, twist)
            if twist.twin:
                self._lifecycle.accept(account, security, request, now, request_ns, twist)
            return order.look

    def modify(self, account: SimAccount, order_id: str, change: Change) -> SimOrder:
        """Accept a modification of a working order.

        Raises
        ------
        Refusal
            ``unknown_order``, ``final``, ``processing``, ``too_many_modifications``, or as for a new order.
        """
        with self.lock:
            now = self.catch_up()
            order = self._changeable(account, order_id)
            if order.modifications >= self.config.max_modifications:
                raise Refusal("too_many_modifications", f"order {order_id} was modified {order.modifications} times")
            check_change(order, change)
            self._lifecycle.change(order, change, now)
            return order.look

    def cancel(self, account: SimAccount, order_id: str, twist: Twist = PLAIN) -> SimOrder:
        """Accept a cancellation of a working order.

        Raises
        ------
        Refusal
            ``unknown_order``, ``final`` or ``processing``.
        """
        with self.lock:
            now = self.catch_up()
            order = self._changeable(account, order_id)
            self._lifecycle.cancel(order, now, lose_to_fill=twist.fill_instead_of_cancel)
            return order.look

    def _changeable(self, account: SimAccount, order_id: str) -> SimOrder:
        order = self._own(account, order_id)
        if order is None:
            raise Refusal("unknown_order", f"order {order_id} is not in the book of {account.client_id}")
        if order.state.final:
            raise Refusal("final", f"order {order_id} is {order.state}")
        if order.state not in (State.OPEN, State.TRIGGER_PENDING, State.AMO_RECEIVED):
            raise Refusal("processing", f"order {order_id} is being processed ({order.state})")
        return order

    def _own(self, account: SimAccount, order_id: str) -> SimOrder | None:
        return account.book.get(order_id)

    # -- reads -----------------------------------------------------------------------------------------------------

    def book(self, account: SimAccount, twist: Twist = PLAIN) -> list[SimOrder]:
        """Return today's visible orders, oldest first, as they are now."""
        with self.lock:
            now = self.catch_up()
            rows = [] if twist.empty else [order.look for order in account.book.values() if order.visible_at <= now]
        if twist.drop_rows:
            rows = rows[twist.drop_rows :] if twist.drop_oldest else rows[: max(0, len(rows) - twist.drop_rows)]
        return rows

    def order(self, account: SimAccount, order_id: str, *, hidden: bool = False) -> SimOrder | None:
        """Return one order of today; one that is not visible yet only with `hidden`."""
        with self.lock:
            now = self.catch_up()
            order = self._own(account, order_id)
            return order.look if order is not None and (hidden or order.visible_at <= now) else None

    def history(self, account: SimAccount, order_id: str) -> list[SimOrder]:
        """Return the looks of one visible order of today, oldest first; empty when there is none."""
        with self.lock:
            now = self.catch_up()
            order = self._own(account, order_id)
            return list(order.history) if order is not None and order.visible_at <= now else []

    def fills(self, account: SimAccount, order_id: str | None = None, twist: Twist = PLAIN) -> list[SimFill]:
        """Return today's executions of visible orders, oldest first."""
        with self.lock:
            now = self.catch_up()
            visible = {order.order_id for order in account.book.values() if order.visible_at <= now}
            wanted = visible if order_id is None else visible & {order_id}
            return [] if twist.empty else [fill for fill in account.fills if fill.order_id in wanted]

    def holdings(self, account: SimAccount) -> list[HeldShares]:
        """Return what the account holds."""
        with self.lock:
            now = self.catch_up()
            rows = []
            for isin, holding in account.holdings.items():
                day = self._floor.prices.day(holding.security, now)
                rows.append(HeldShares(replace(holding), sold_today(account, isin), day.last, day.close))
            return rows

    def positions(self, account: SimAccount) -> list[SimPosition]:
        """Return what was traded today or carried over, flat ones included."""
        with self.lock:
            self.catch_up()
            return copies(account.positions.values())

    def funds(self, account: SimAccount) -> SimFunds:
        """Return the account's money."""
        with self.lock:
            now = self.catch_up()
            return funds(account, self._floor.last(now), self._floor.view(now))

    def last_price(self, security: Security) -> Decimal:
        """Return the last price in rupees."""
        with self.lock:
            return self._floor.prices.last(security, self.catch_up())

    def price_at(self, security: Security, at: datetime) -> Decimal:
        """Return the last price at a moment, in rupees; called under the lock."""
        return self._floor.prices.last(security, at)

    def day_prices(self, security: Security) -> DayPrices:
        """Return open, high, low, last and the close before, in rupees."""
        with self.lock:
            return self._floor.prices.day(security, self.catch_up())

    def quote(self, security: Security) -> SimQuote:
        """Return the market of a security."""
        with self.lock:
            now = self.catch_up()
            prices = self._floor.prices.day(security, now)
            view = self._floor.depth.view(security, now)
            weight = self._floor.prices.trait(security, now, WEIGHT_SALT)
            volume, interest = turnover(security, prices.close, prices.seconds, weight)
            middle = round_to_tick((prices.high + prices.low + prices.last) / 3, Decimal("0.01"), RoundTo.NEAREST)
            return SimQuote(security, now, prices, view.bids, view.asks, volume, middle, interest)

    def tape(self) -> Tape:
        """Return the tape of the exchange's day, see `market`; contracts change overnight, and with them its rows."""
        with self.lock:
            if self._tape[0] != self.universe.day:
                self._tape = self.universe.day, Tape(self._floor.prices, self._floor.depth)
            return self._tape[1]

    def places(self, tape: Tape, securities: Sequence[Security]) -> Whole:
        """Return where securities are on a tape."""
        with self.lock:
            return tape.places(securities)

    def market(self, tape: Tape, places: Whole) -> Rows:
        """Return the market of many securities now: the rows at `places` of the tape."""
        with self.lock:
            return tape.look(places, self.catch_up())

    # -- what tests impose -----------------------------------------------------------------------------------------

    def set_price(self, security: Security, price: Decimal, *, hold: bool, rebase: bool = False) -> None:
        """Move a price, see `PriceProcess.impose`; resting orders meet it at once."""
        with self.lock:
            now = self.catch_up()
            self._floor.prices.impose(security, price, now, hold=hold, rebase=rebase)
            self.catch_up(force=True)

    def release_price(self, security: Security) -> None:
        """Let a held price walk on."""
        with self.lock:
            self._floor.prices.release(security, self.catch_up())

    def set_liquidity(self, security: Security, liquidity: Liquidity | None) -> None:
        """Impose what each level of depth offers, see `Depth.impose`; resting orders meet it at once."""
        with self.lock:
            self.catch_up()
            self._floor.depth.impose(security, liquidity)
            self.catch_up(force=True)

    def all_orders(self, client_id: str | None = None, tag: str | None = None) -> list[SimOrder]:
        """Return every order ever, over all days."""
        with self.lock:
            self.catch_up()
            return [
                order.look
                for order in self._floor.orders.values()
                if client_id in (None, order.client_id) and tag in (None, order.tag)
            ]

    def all_fills(self, client_id: str | None = None) -> list[SimFill]:
        """Return every execution ever, over all days."""
        with self.lock:
            self.catch_up()
            return [fill for fill in self._floor.fills if client_id in (None, fill.client_id)]
