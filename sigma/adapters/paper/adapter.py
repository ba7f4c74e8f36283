"""One paper account as a broker: writes go into its book and wait there for the worker to match them; reads show the book."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from sigma.adapters.paper import checks, money, shown
from sigma.adapters.paper.capabilities import CAPABILITIES
from sigma.adapters.paper.checks import Refused
from sigma.adapters.paper.matcher import asked
from sigma.adapters.paper.sitting import order_id
from sigma.domain.accounts import BrokerSession, Profile
from sigma.domain.answers import BookRead, BrokerFill, BrokerOrder, WriteAnswer
from sigma.domain.bars import Bars
from sigma.domain.charges import Charges, Margin
from sigma.domain.errors import BrokerUnavailable, ConfigError, SigmaError, Unsupported
from sigma.domain.gtt import BrokerGtt, Gtt
from sigma.domain.instruments import Kind, split_listing
from sigma.domain.market import Quote, Timeframe
from sigma.domain.money import ZERO
from sigma.domain.orders import Order, OrderRequest, OrderStatus, Outcome, Side
from sigma.domain.paper import PaperOrder, PaperState, PaperTerms
from sigma.domain.portfolio import Conversion, Funds, Holding, Position, Rows
from sigma.domain.rates import segment_of
from sigma.domain.times import ist_date
from sigma.engines.costs import charges
from sigma.ports.broker import AdapterContext
from sigma.ports.paper import PaperPlace

logger = logging.getLogger(__name__)
T = TypeVar("T")
_NO_TRIGGERS = "A paper account keeps no resting triggers (GTT)."
Change = Callable[[PaperState], tuple[PaperState, str]]
"""Returns the book after a write, and the id of the order that it was about."""


def place_of(context: AdapterContext) -> PaperPlace:
    """Return what the house gives to a paper account; ConfigError when it gave nothing."""
    if context.paper is None:
        raise ConfigError("A paper account was asked for where there are no paper books.")
    return context.paper


def profile_of(place: PaperPlace) -> Profile:
    """Return whose paper account it is."""
    return Profile(f"PAPER{place.account_id}", place.owner or "Paper", "", tuple(sorted(CAPABILITIES.exchanges)))


class PaperAccount:
    """A Broker (sigma/ports/broker.py)."""

    capabilities = CAPABILITIES

    def __init__(self, session: BrokerSession, context: AdapterContext) -> None:
        self._place, self._clock, self._probe = place_of(context), context.clock, context.probe

    def _state(self) -> PaperState:
        state = self._place.books.load(self._place.account_id, ist_date(self._clock.now()))
        if state is None:
            raise BrokerUnavailable("This paper account has no book yet.", hint="Connect it.", retryable=False)
        return state

    def _prices(self, listings: Sequence[str]) -> Mapping[str, Quote]:
        """Return the quotes there are; a price that is missing is the last one that the book knows."""
        return asked(self._place, sorted(set(listings)))[0]

    # -- reads

    def profile(self) -> Profile:
        """Return whose account it is."""
        self._state()
        return profile_of(self._place)

    def funds(self) -> Funds:
        """Return the account's money."""
        state = self._state()
        quotes = self._prices([one.listing for one in state.book.positions if one.quantity])
        prices = {listing: quote.last_price for listing, quote in quotes.items()}
        return money.funds(state.book, [order for order in state.working if order.admitted], prices)

    def holdings(self) -> Rows[Holding]:
        """Return the shares that the account had when the day began; what was sold since is a position, as brokers show it."""
        held = [one for one in self._state().book.positions if one.opening_settled + one.opening_t1]
        quotes = self._prices([one.listing for one in held])
        return Rows(tuple(shown.holding(one, self._place.listing(one.listing), quotes.get(one.listing)) for one in held))

    def positions(self) -> Rows[Position]:
        """Return net positions, flat ones of the day included."""
        open_now = [one for one in self._state().book.positions if money.day_net(one) or one.bought or one.sold]
        quotes = self._prices([one.listing for one in open_now])
        return Rows(tuple(shown.position(one, quotes.get(one.listing)) for one in open_now))

    def quotes(self, listings: Sequence[str]) -> Mapping[str, Quote]:
        """Return the canonical source's quotes by canonical text; unknown listings are absent."""
        if len(listings) > CAPABILITIES.quote_batch:
            told = f"Paper gives {CAPABILITIES.quote_batch} quotes at once, {len(listings)} were asked for."
            raise Unsupported(told, hint="Ask in parts.")
        known = [text for text in dict.fromkeys(listings) if self._place.listing(text) is not None]
        if not known:
            return {}
        try:
            return self._place.quotes(known)
        except SigmaError as error:
            raise BrokerUnavailable(error.message, hint=error.hint) from None

    def history(self, listing: str, timeframe: Timeframe, start: datetime, end: datetime) -> Bars:
        """Refuse: paper has no bars of its own."""
        raise Unsupported("A paper account gives no bars.", hint="They come from the canonical source.")

    def order_book(self) -> BookRead:
        """Return the day's whole order book."""
        asked_at, state = self._clock.now(), self._state()
        now = self._clock.now()
        return BookRead(tuple(shown.order(order) for order in state.orders), (), asked_at, now, now)

    def order_history(self, broker_order_id: str) -> tuple[BrokerOrder, ...]:
        """Refuse: only the last state of an order is kept."""
        raise Unsupported("A paper account keeps no history of an order's states.")

    def fills(self) -> Rows[BrokerFill]:
        """Return the day's executions."""
        return Rows(tuple(shown.fill(one) for one in self._state().fills))

    def margin(self, requests: Sequence[OrderRequest]) -> Margin:
        """Return what orders would take by themselves, and together with what is held and at work; rupees."""
        wanted = [(request, self._estimable(request)) for request in self._some(requests)]
        state, now = self._state(), self._clock.now()
        quotes = self._prices([request.listing for request in requests])
        orders = [order for order in state.working if order.admitted]
        before, total, fees, premium = money.blocked(orders, state.book.positions), ZERO, Charges(), ZERO
        for request, terms in wanted:
            price = checks.price_of(request, terms, quotes.get(request.listing), self._place.rules)
            alone = money.margin_of(request.side, request.product, terms, request.quantity, price)
            total += alone
            premium += alone if terms.kind is Kind.OPTION and request.side is Side.BUY else ZERO
            fees += self._charges(request, terms, price)
            made = PaperOrder("", 0, "", request, terms, OrderStatus.OPEN, state.book.day, now, now)
            orders.append(replace(made, admitted=True, valued_at=price))
        together = money.blocked(orders, state.book.positions) - before
        return Margin(total=total, final_total=together, option_premium=premium, charges=fees)

    def charges(self, requests: Sequence[tuple[OrderRequest, Decimal]]) -> Charges:
        """Return what orders would cost that execute at the prices given (rupees)."""
        some = self._some(requests)
        return sum((self._charges(request, self._estimable(request), price) for request, price in some), Charges())

    def _some(self, requests: Sequence[T]) -> Sequence[T]:
        if not 0 < len(requests) <= CAPABILITIES.preview_batch:
            raise Unsupported(f"Paper estimates 1 to {CAPABILITIES.preview_batch} orders at once, not {len(requests)}.")
        return requests

    def _estimable(self, request: OrderRequest) -> PaperTerms:
        try:
            return checks.terms(self._place, request)
        except Refused as refused:
            raise BrokerUnavailable(str(refused), code="BROKER_REFUSED", retryable=False) from None

    def _charges(self, request: OrderRequest, terms: PaperTerms, price: Decimal) -> Charges:
        segment = segment_of(split_listing(request.listing)[0], terms.kind, request.product)
        day = ist_date(self._clock.now())
        return charges(request.side, request.product, segment, request.quantity, price, self._place.rates, day)

    # -- writes

    def place(self, request: OrderRequest, tag: str, *, send_by_ns: int | None = None) -> WriteAnswer:
        """Put one new order into the book, once; never raises."""

        def prepare() -> Change:
            made = self._new(request, tag)

            def change(state: PaperState) -> tuple[PaperState, str]:
                number = state.book.next_number
                order = replace(made, number=number, broker_order_id=order_id(ist_date(made.placed_at), number))
                book = replace(state.book, next_number=number + 1)
                return replace(state, book=book, orders=(*state.orders, order)), order.broker_order_id

            return change

        return self._write(prepare, send_by_ns)

    def _new(self, request: OrderRequest, tag: str) -> PaperOrder:
        """Return the order that a wish becomes, after the checks that need no money and no price."""
        terms, now = checks.terms(self._place, request), self._clock.now()
        day = checks.session(self._place.calendar, request, now)
        return PaperOrder("", 0, tag, request, terms, OrderStatus.SENT, day, now, now)

    def modify(self, order: Order, request: OrderRequest, *, send_by_ns: int | None = None) -> WriteAnswer:
        """Change one order of the book, once; never raises. The next look at the market admits the change or undoes it."""

        def prepare() -> Change:
            broker_id = checks.broker_id(order)
            checks.terms(self._place, request)
            return lambda state: _changed(state, broker_id, lambda found: checks.modified(found, request), self._clock.now())

        return self._write(prepare, send_by_ns)

    def cancel(self, order: Order, *, send_by_ns: int | None = None) -> WriteAnswer:
        """Take one order out of the book, once; never raises."""

        def prepare() -> Change:
            broker_id = checks.broker_id(order)
            return lambda state: _changed(state, broker_id, checks.cancelled, self._clock.now())

        return self._write(prepare, send_by_ns)

    def convert(self, conversion: Conversion, *, send_by_ns: int | None = None) -> WriteAnswer:
        """Change the product of open units, once; never raises."""

        def prepare() -> Change:
            if conversion.new not in CAPABILITIES.products:
                raise Refused(f"The product {conversion.new} is not offered.")

            def change(state: PaperState) -> tuple[PaperState, str]:
                book = money.converted(state.book, conversion)
                if isinstance(book, str):
                    raise Refused(f"Not converted: {book}.")
                left = money.funds(book, [one for one in state.working if one.admitted], {}).available
                if left < 0:
                    raise Refused(f"RMS: margin exceeds: {-left:.2f} rupees are lacking.")
                return replace(state, book=book), ""

            return change

        return self._write(prepare, send_by_ns)

    def gtts(self) -> Rows[BrokerGtt]:
        """Refuse: a paper account keeps no triggers."""
        raise Unsupported(_NO_TRIGGERS, hint="See the account's capabilities.")

    def place_gtt(self, gtt: Gtt, *, send_by_ns: int | None = None) -> WriteAnswer:
        """Refuse: a paper account keeps no triggers."""
        return WriteAnswer(Outcome.NOT_SENT, code=Unsupported.default_code, text=_NO_TRIGGERS)

    def modify_gtt(self, gtt: Gtt, *, send_by_ns: int | None = None) -> WriteAnswer:
        """Refuse: a paper account keeps no triggers."""
        return WriteAnswer(Outcome.NOT_SENT, code=Unsupported.default_code, text=_NO_TRIGGERS)

    def cancel_gtt(self, gtt: Gtt, *, send_by_ns: int | None = None) -> WriteAnswer:
        """Refuse: a paper account keeps no triggers."""
        return WriteAnswer(Outcome.NOT_SENT, code=Unsupported.default_code, text=_NO_TRIGGERS)

    def _write(self, prepare: Callable[[], Change], send_by_ns: int | None) -> WriteAnswer:
        """Make one change of the book and say what is known of it: before the commit nothing has happened."""
        put = False
        try:
            change = prepare()
            now = self._clock.now()
            with self._place.books.change(self._place.account_id, ist_date(now)) as turn:
                after, broker_id = change(turn.state)
                if send_by_ns is not None and self._clock.boot_ns() >= send_by_ns:
                    return WriteAnswer(Outcome.NOT_SENT, code="LATE", text="It was too late to send.")
                self._probe.reached("bytes_left")
                put = True
                turn.put(after)
        except Refused as refused:
            return WriteAnswer(Outcome.REFUSED, code=refused.code, text=str(refused), server_time=self._clock.now())
        except SigmaError as error:
            outcome = Outcome.UNKNOWN if put else Outcome.NOT_SENT
            return WriteAnswer(outcome, code=error.code, text=error.message)
        except Exception as error:  # whatever it is: a writer must be told what is known, and nothing else
            logger.exception("the paper book could not be written")
            outcome = Outcome.UNKNOWN if put else Outcome.NOT_SENT
            return WriteAnswer(outcome, code="PAPER_BROKE", text=f"{type(error).__name__}: {error}")
        self._probe.reached("answer_arrived")
        return WriteAnswer(Outcome.ACCEPTED, broker_order_id=broker_id or None, server_time=now)


def _changed(
    state: PaperState, broker_id: str, change: Callable[[PaperOrder], PaperOrder], now: datetime
) -> tuple[PaperState, str]:
    """Return the book with one order changed; Refused when it is not there or over."""
    found = next((order for order in state.orders if order.broker_order_id == broker_id), None)
    if found is None:
        raise Refused(f"There is no order {broker_id} in today's book.")
    if not found.works:
        raise Refused(f"Order {broker_id} is {found.status} already.")
    fresh = replace(change(found), updated_at=now)
    return replace(state, orders=tuple(fresh if one is found else one for one in state.orders)), broker_id
