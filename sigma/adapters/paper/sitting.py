"""One sitting of the paper exchange: a book, looked at once, at one moment and one set of quotes; nothing here does I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from sigma.adapters.paper import money
from sigma.adapters.paper.capabilities import SQUARE_OFF_BEFORE
from sigma.adapters.paper.view import after, view_of
from sigma.domain.calendar import Calendar
from sigma.domain.days import SessionKind
from sigma.domain.errors import ConfigError, NotFound
from sigma.domain.instruments import Exchange, split_listing
from sigma.domain.market import Quote
from sigma.domain.money import ZERO
from sigma.domain.orders import OrderRequest, OrderStatus, OrderType, Product, Side
from sigma.domain.paper import PaperFill, PaperOrder, PaperPosition, PaperRules, PaperState
from sigma.domain.rates import Rates, segment_of
from sigma.domain.times import ist, ist_date, to_ist
from sigma.engines.costs import charges
from sigma.engines.matching import AUTOMATIC, Execution, MarketView, WorkingOrder, match, protected_price

PAISA = Decimal("0.01")
WAITS = "Waits for"


@dataclass(frozen=True, slots=True)
class Market:
    """What is known outside a book.

    Parameters
    ----------
    why : str
        Why there are no quotes; empty when they were given.
    """

    quotes: Mapping[str, Quote]
    calendar: Calendar
    rates: Rates
    rules: PaperRules
    why: str = ""


class Sitting:
    """Works on a book; `state` is what came of it."""

    def __init__(self, state: PaperState, market: Market, now: datetime) -> None:
        self.book, self.market, self.now, self.today = state.book, market, now, ist_date(now)
        self.orders = {order.number: order for order in state.orders}
        self.fills = list(state.fills)

    @property
    def state(self) -> PaperState:
        """The book as it stands."""
        return PaperState(self.book, tuple(self.orders[number] for number in sorted(self.orders)), tuple(self.fills))

    def hold(self) -> PaperState:
        """Let happen what is due: the night, orders' admission and executions, square-off, expiry; return what came of it."""
        if self.today > self.book.day:
            self.book = money.new_day(self.book, self.today, self._settles)
        self._close_over()
        for order in self._working():
            if self._over(order):
                self._end(order, OrderStatus.EXPIRED, "The session is over.")
        self._square_off()
        for order in self._working():
            if self._is_open(order.request.listing):
                self._advance(order)
        self._close_over()
        return self.state

    # -- sessions

    def _settles(self, day: date) -> date:
        """Return when what was traded on `day` is in demat: the next session that is no settlement holiday.

        Beyond the calendar's end nothing settles: shares stay on their way until it is known.
        """
        calendar, following = self.market.calendar, day
        while True:
            try:
                following = calendar.next_session(Exchange.NSE, following)
            except ConfigError:
                return date.max
            row = calendar.table().row(Exchange.NSE, following)
            if row is None or row.kind is not SessionKind.SETTLEMENT_ONLY:
                return following

    def _is_open(self, listing: str) -> bool:
        return self.market.calendar.is_open(split_listing(listing)[0], self.now)

    def _closes(self, listing: str) -> datetime | None:
        """Return when the session of today ends; None on a day without one."""
        hours = self.market.calendar.session(split_listing(listing)[0], self.today)
        return None if hours is None else ist(self.today, hours.closes)

    def _over(self, order: PaperOrder) -> bool:
        """Say whether an order's session is over."""
        if order.shown_on != self.today:
            return order.shown_on < self.today
        closes = self._closes(order.request.listing)
        return closes is None or self.now >= closes

    # -- orders

    def _working(self) -> list[PaperOrder]:
        return [order for _, order in sorted(self.orders.items()) if order.works]

    def _keep(self, order: PaperOrder) -> PaperOrder:
        if order != self.orders.get(order.number):
            order = self.orders[order.number] = replace(order, updated_at=self.now)
        return order

    def _end(self, order: PaperOrder, status: OrderStatus, reason: str = "") -> None:
        rest = 0 if status is OrderStatus.REJECTED else order.pending
        shown = max(order.shown_on, self.today)
        self._keep(replace(order, status=status, cancelled=rest, reason=reason, shown_on=shown, before=None))

    def _advance(self, order: PaperOrder) -> None:
        """Admit an order that is new or changed, and let it meet the market."""
        if not order.admitted:
            admitted = self._admitted(order)
            if admitted is None:
                return
            order = admitted
        quote = self.market.quotes.get(order.request.listing)
        late = self._late(quote)
        if quote is None or late:
            self._keep(replace(order, reason=late))
            return
        waited = order.reason.startswith(WAITS)
        self._match(self._keep(replace(order, reason="") if waited else order), quote)

    def _late(self, quote: Quote | None) -> str:
        """Return why an order does not execute at a quote; empty when it may."""
        if quote is None:
            return f"{WAITS} a price: {self.market.why or 'the market data source has none'}"
        if (self.now - quote.at).total_seconds() > self.market.rules.price_max_age_s:
            return f"{WAITS} a newer price than that of {to_ist(quote.at):%d %b %H:%M:%S}."
        return ""

    def _admitted(self, order: PaperOrder) -> PaperOrder | None:
        """Return the order as the book takes it; None when it was rejected, or a modification of it undone."""
        price = self._value(order)
        problem = self._problem(order, price)
        if not problem:
            waits = order.request.order_type.has_trigger and not order.triggered
            status = OrderStatus.TRIGGER_PENDING if waits else OrderStatus.OPEN
            return self._keep(replace(order, status=status, admitted=True, before=None, valued_at=price))
        if order.before is None:
            self._end(order, OrderStatus.REJECTED, problem)
            return None
        kept = replace(order, request=order.before, before=None, admitted=True, reason=f"Not modified: {problem}")
        self._keep(kept)
        return None

    def _value(self, order: PaperOrder) -> Decimal | None:
        """Return the rupees per unit that an order is valued at; None for a market order without any price."""
        if order.system:
            return ZERO
        if order.request.price is not None or order.request.trigger_price is not None:
            return order.request.price or order.request.trigger_price
        quote = self.market.quotes.get(order.request.listing)
        if quote is None:
            return None
        return protected_price(order.request.side, _protection(order.request), self._view(order, quote))

    def _problem(self, order: PaperOrder, price: Decimal | None) -> str:
        """Return why an order is rejected; empty when it is not."""
        wish = order.request
        if order.system:
            return ""
        if price is None:
            return f"RMS: no price to value a market order of {wish.listing}. {self.market.why}".rstrip()
        if outside := self._outside(wish):
            return outside
        try:
            fees = self._charges(order, max(1, order.pending), price)
        except NotFound as error:
            return f"RMS: {error.message}"
        others = [one for one in self._working() if one.number != order.number and one.admitted]
        if (wish.product, wish.side) == (Product.CNC, Side.SELL):
            free = max(0, money.sellable(self.book, wish.listing, others))
            told = f"RMS: {free} shares of {wish.listing} can be sold, {order.pending} were to be."
            return told if free < order.pending else ""
        takes = money.needed(wish, order.pending, order.terms, price, self.book, others)
        return self._short_of(takes + fees, others) if takes > 0 else ""

    def _short_of(self, takes: Decimal, others: list[PaperOrder]) -> str:
        """Return what money is lacking; empty when there is enough."""
        prices = {listing: quote.last_price for listing, quote in self.market.quotes.items()}
        there = money.funds(self.book, others, prices).available
        if takes <= there:
            return ""
        return f"RMS: margin exceeds: {takes.quantize(PAISA)} rupees are needed, {there.quantize(PAISA)} are available."

    def _outside(self, wish: OrderRequest) -> str:
        quote = self.market.quotes.get(wish.listing)
        if quote is None or wish.price is None:
            return ""
        low, high = quote.lower_circuit, quote.upper_circuit
        if (low is not None and wish.price < low) or (high is not None and wish.price > high):
            return f"The price {wish.price} lies outside the day's limits of {low} to {high}."
        return ""

    # -- executions

    def _view(self, order: PaperOrder, quote: Quote) -> MarketView:
        return view_of(quote, order.terms, self.market.rules, self.book.taken.get(quote.listing))

    def _match(self, order: PaperOrder, quote: Quote) -> None:
        view = self._view(order, quote)
        result = match(_working_order(order), view)
        order = replace(order, triggered=order.triggered or result.order.triggered)
        if order.kind_now is OrderType.MARKET and result.order.price is not None:
            order = replace(order, limit=result.order.price)
        if order.triggered and order.status is OrderStatus.TRIGGER_PENDING:
            order = replace(order, status=OrderStatus.OPEN)
        order = self._keep(order)
        if result.executions:
            taken = after(self.book.taken.get(quote.listing), quote, view, result.view, self.market.rules)
            self.book = replace(self.book, taken={**self.book.taken, quote.listing: taken})
        for execution in result.executions:
            order = self._execute(order, execution)
        if not order.status.final and result.cancelled:
            self._end(order, OrderStatus.CANCELLED, "Nobody was there for all of an IOC order.")

    def _execute(self, order: PaperOrder, execution: Execution, at: datetime | None = None) -> PaperOrder:
        """Book one execution, of now unless `at` is given."""
        at = at or self.now
        wish, number = order.request, self.book.next_number
        value = execution.quantity * execution.price
        filled, total = order.filled + execution.quantity, order.value + value
        charged = self._charges(order, filled, total / filled)
        fill = PaperFill(
            fill_id=str(number),
            broker_order_id=order.broker_order_id,
            listing=wish.listing,
            side=wish.side,
            product=wish.product,
            quantity=execution.quantity,
            price=execution.price,
            filled_at=at,
            session_date=ist_date(at),
            shown_on=self.today,
            charges=charged - order.charges,
        )
        self.fills.append(fill)
        self.book = money.booked(replace(self.book, next_number=number + 1), fill, order.terms)
        status = OrderStatus.FILLED if filled == wish.quantity else order.status
        return self._keep(replace(order, filled=filled, value=total, charges=charged, status=status))

    def _charges(self, order: PaperOrder, quantity: int, price: Decimal) -> Decimal:
        """Return the rupees that an order costs which has executed so many units at this average, charged as a whole."""
        wish = order.request
        if price <= ZERO:
            return ZERO
        segment = segment_of(split_listing(wish.listing)[0], order.terms.kind, wish.product)
        found = charges(wish.side, wish.product, segment, quantity, price, self.market.rates, self.today)
        asked = any(
            one.number != order.number
            and one.filled
            and (one.request.listing, one.request.side, one.request.product) == (wish.listing, wish.side, wish.product)
            for one in self.orders.values()
        )
        return found.total - found.other if asked else found.total  # the depository asks once a day and listing

    # -- what the account does by itself

    def _square_off(self) -> None:
        """Take back intraday orders and close intraday positions shortly before the close."""
        for order in self._working():
            mine = order.request.product is Product.MIS and not order.system and order.shown_on == self.today
            if mine and self._past_cut(order.request.listing):
                self._end(order, OrderStatus.CANCELLED, "Intraday orders are taken back at the square-off time.")
        for position in self.book.positions:
            due = position.product is Product.MIS and position.quantity and self._past_cut(position.listing)
            if due and self._is_open(position.listing) and not self._closing(position):
                self._system_order(position, "Squared off: intraday positions end before the close.")

    def _past_cut(self, listing: str) -> bool:
        closes = self._closes(listing)
        return closes is not None and self.now >= closes - SQUARE_OFF_BEFORE

    def _closing(self, position: PaperPosition) -> bool:
        return any(order.system and (order.request.listing, order.request.product) == position.key for order in self._working())

    def _system_order(self, position: PaperPosition, reason: str) -> PaperOrder:
        number, units = self.book.next_number, position.quantity
        self.book = replace(self.book, next_number=number + 1)
        side = Side.SELL if units > 0 else Side.BUY
        return self._keep(
            PaperOrder(
                broker_order_id=order_id(self.today, number),
                number=number,
                tag="",
                request=OrderRequest(position.listing, side, abs(units), OrderType.MARKET, position.product),
                terms=position.terms,
                status=OrderStatus.SENT,
                shown_on=self.today,
                placed_at=self.now,
                updated_at=self.now,
                reason=reason,
                system=True,
            )
        )

    def _close_over(self) -> None:
        """Close at the last price what may not stay: intraday units after their session, contracts after their last one."""
        for position in self.book.positions:
            if not position.quantity:
                continue
            expiry = position.terms.expiry
            expired = expiry is not None and (self.today > expiry or (self.today == expiry and self._ended(position.listing)))
            day = min(lot.day for lot in position.lots)
            left = position.product is Product.MIS and (day < self.today or self._ended(position.listing))
            quote = self.market.quotes.get(position.listing)
            price = quote.last_price if quote is not None else position.mark
            if (expired or left) and price >= 0:
                words = "Expired: settled at the last price." if expired else "Closed at the last price: its session is over."
                order = self._execute(
                    self._system_order(position, words),
                    Execution(abs(position.quantity), price),
                    self._end_of(position, day) if left else None,
                )
                self._keep(replace(order, reason=words))

    def _end_of(self, position: PaperPosition, day: date) -> datetime:
        """Return when the session of a day ended, not later than now."""
        return min(self.now, ist(day, self.market.calendar.hours(split_listing(position.listing)[0], day).closes))

    def _ended(self, listing: str) -> bool:
        closes = self._closes(listing)
        return closes is None or self.now >= closes


def order_id(day: date, number: int) -> str:
    """Return the id of an account's n-th order, as exchanges write them: the day first."""
    return f"{day:%y%m%d}{number:09d}"


def _protection(request: OrderRequest) -> Decimal:
    return AUTOMATIC if request.market_protection is None else request.market_protection


def _working_order(order: PaperOrder) -> WorkingOrder:
    kind, wish = order.kind_now, order.request
    waits = wish.order_type.has_trigger and not order.triggered
    return WorkingOrder(
        side=wish.side,
        remaining=order.pending,
        order_type=kind,
        price=order.limit if order.limit is not None else wish.price,
        trigger_price=wish.trigger_price if waits else None,
        validity=wish.validity,
        market_protection=_protection(wish),
        triggered=order.triggered,
    )
