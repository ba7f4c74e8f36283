"""One logged-in Zerodha account."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial

from sigma.adapters.account import Call, SdkAccount
from sigma.adapters.candles import read_candles, window
from sigma.adapters.rows import Row
from sigma.adapters.zerodha import estimates, mapping, triggers
from sigma.adapters.zerodha.capabilities import BROKER, CAPABILITIES
from sigma.adapters.zerodha.client import kite, needed
from sigma.domain.accounts import BrokerSession, Profile
from sigma.domain.answers import BookRead, BrokerFill, BrokerOrder, WriteAnswer
from sigma.domain.bars import Bars
from sigma.domain.charges import Charges, Margin
from sigma.domain.gtt import BrokerGtt, Gtt
from sigma.domain.instruments import CASH, split_listing
from sigma.domain.market import Quote, Timeframe
from sigma.domain.orders import CommandKind, Order, OrderRequest
from sigma.domain.portfolio import Conversion, Funds, Holding, Position, Rows
from sigma.ports.broker import AdapterContext


class ZerodhaAccount(SdkAccount):
    """A Broker (sigma/ports/broker.py)."""

    capabilities = CAPABILITIES

    def __init__(self, credentials: Mapping[str, str], session: BrokerSession, context: AdapterContext) -> None:
        needed(credentials, "api_key")
        super().__init__(credentials, session, context)
        key, token = credentials["api_key"], session.tokens.get("access_token", "")
        self._reader, self._reads = kite(key, context, self._clean, token=token)
        self._writer, self._writes = kite(key, context, self._clean, token=token, writes=True)
        # What the book said of each order: cancelling one that was placed elsewhere needs its variety and its parent.
        self._seen: dict[str, tuple[str, str | None]] = {}

    def profile(self) -> Profile:
        """Return who is logged in, by a real call."""
        return self._one("the profile", self._reader.profile, mapping.profile)

    def funds(self) -> Funds:
        """Return the equity segment's money."""
        return self._one("the funds", self._reader.margins, mapping.funds)

    def holdings(self) -> Rows[Holding]:
        """Return the shares in demat."""
        return self._rows("holding", self._reader.holdings, partial(mapping.holding, lookup=self._lookup))

    def positions(self) -> Rows[Position]:
        """Return net positions, flat ones of the day included."""
        return self._rows(
            "position", self._reader.positions, partial(mapping.position, lookup=self._lookup), mapping.net_positions
        )

    def quotes(self, listings: Sequence[str]) -> Mapping[str, Quote]:
        """Return quotes by canonical text; unknown listings and unreadable quotes are absent."""
        names = {f"{item.exchange_code}:{item.symbol}": item.listing for item in self._named(listings)}
        if not names:
            return {}
        asked_at = self._clock.now()
        data, _ = self._reads.ask_data("the quotes", lambda: self._reader.quote(list(names)))
        found = {}
        for name, item in data.items() if isinstance(data, dict) else ():
            reader = partial(mapping.quote, listing=names.get(name, ""), asked_at=asked_at)
            found.update({quote.listing: quote for quote in self._logged("quote", [item], reader) if quote.listing})
        return found

    def history(self, listing: str, timeframe: Timeframe, start: datetime, end: datetime) -> Bars:
        """Return bars, see the port. Open interest is asked for where there can be any."""
        first, last = window(self.capabilities, timeframe, start, end)
        name = self._lookup.broker_instrument(BROKER, listing)
        interest = split_listing(listing)[0] not in CASH
        ask = partial(self._reader.historical_data, name.token, oi=interest)
        interval = mapping.INTERVAL[timeframe]
        data, _ = self._reads.ask_data("the bars", lambda: ask(_plain(first), _plain(last), interval))
        return read_candles(self.capabilities.title, data.get("candles") if isinstance(data, dict) else data, timeframe)

    def order_book(self) -> BookRead:
        """Return the day's whole order book; an unreadable row is marked, not lost."""
        return self._book(self._reader.orders, self._book_row, "order_id")

    def _book_row(self, row: Row) -> BrokerOrder:
        order = mapping.order(row, self._lookup)
        self._seen[order.broker_order_id] = (row.word("variety"), order.parent_id)
        return order

    def order_history(self, broker_order_id: str) -> tuple[BrokerOrder, ...]:
        """Return the states one order went through, oldest first."""
        data, _ = self._reads.ask_data("the order's history", lambda: self._reader.order_history(broker_order_id))
        return self._logged("order state", data, partial(mapping.order, lookup=self._lookup))

    def fills(self) -> Rows[BrokerFill]:
        """Return the day's executions."""
        return self._rows("fill", self._reader.trades, partial(mapping.fill, lookup=self._lookup))

    def place(self, request: OrderRequest, tag: str, *, send_by_ns: int | None = None) -> WriteAnswer:
        """Send one new order, once; never raises."""

        def prepare() -> Call:
            params = mapping.place_params(request, self._instrument(request), tag)
            return partial(self._writer.place_order, **params)

        return self._writes.tell(CommandKind.PLACE, prepare, send_by_ns=send_by_ns)

    def modify(self, order: Order, request: OrderRequest, *, send_by_ns: int | None = None) -> WriteAnswer:
        """Send one modification, once; never raises."""

        def prepare() -> Call:
            self._instrument(request)
            params = mapping.modify_params(request, *self._address(order))
            return partial(self._writer.modify_order, **params)

        return self._writes.tell(CommandKind.MODIFY, prepare, send_by_ns=send_by_ns)

    def cancel(self, order: Order, *, send_by_ns: int | None = None) -> WriteAnswer:
        """Send one cancellation, once; never raises."""

        def prepare() -> Call:
            variety, broker_id, parent = self._address(order)
            return partial(self._writer.cancel_order, variety, broker_id, parent_order_id=parent)

        return self._writes.tell(CommandKind.CANCEL, prepare, send_by_ns=send_by_ns)

    def convert(self, conversion: Conversion, *, send_by_ns: int | None = None) -> WriteAnswer:
        """Send one conversion of a position, once; never raises."""

        def prepare() -> Call:
            params = mapping.convert_params(conversion, self._traded(conversion.listing))
            return partial(self._writer.convert_position, **params)

        return self._writes.tell(CommandKind.CONVERT, prepare, send_by_ns=send_by_ns)

    def gtts(self) -> Rows[BrokerGtt]:
        """Return the account's triggers, fired and ended ones as long as Kite lists them."""
        return self._rows("trigger", self._reader.get_gtts, partial(triggers.trigger, lookup=self._lookup))

    def place_gtt(self, gtt: Gtt, *, send_by_ns: int | None = None) -> WriteAnswer:
        """Send one new trigger, once; never raises."""

        def prepare() -> Call:
            return partial(self._writer.place_gtt, **triggers.params(gtt, self._traded(gtt.listing)))

        return self._tell_trigger(prepare, send_by_ns)

    def modify_gtt(self, gtt: Gtt, *, send_by_ns: int | None = None) -> WriteAnswer:
        """Send one modification of a trigger, once; never raises."""

        def prepare() -> Call:
            number = triggers.known_id(gtt)
            return partial(self._writer.modify_gtt, trigger_id=number, **triggers.params(gtt, self._traded(gtt.listing)))

        return self._tell_trigger(prepare, send_by_ns)

    def cancel_gtt(self, gtt: Gtt, *, send_by_ns: int | None = None) -> WriteAnswer:
        """Send one removal of a trigger, once; never raises."""

        def prepare() -> Call:
            return partial(self._writer.delete_gtt, triggers.known_id(gtt))

        return self._tell_trigger(prepare, send_by_ns)

    def _tell_trigger(self, prepare: Callable[[], Call], send_by_ns: int | None) -> WriteAnswer:
        return self._writes.tell(CommandKind.GTT, prepare, send_by_ns=send_by_ns, named=triggers.trigger_id)

    def margin(self, requests: Sequence[OrderRequest]) -> Margin:
        """Return what would be held for orders together, positions considered."""
        params = [estimates.margin_params(one, self._traded(one.listing)) for one in self._some(requests)]
        if len(params) == 1:
            return self._estimate("margin", lambda: self._reader.order_margins(params), estimates.order_margin, estimates.only)
        ask = partial(self._reader.basket_order_margins, params, consider_positions=True)
        return self._estimate("margin", ask, estimates.basket_margin)

    def charges(self, requests: Sequence[tuple[OrderRequest, Decimal]]) -> Charges:
        """Return what orders would cost that trade at the prices given, by a virtual contract note."""
        params = [
            estimates.charge_params(number, one, self._traded(one.listing), price)
            for number, (one, price) in enumerate(self._some(requests), start=1)
        ]
        ask = partial(self._reader.get_virtual_contract_note, params)
        return self._estimate("charges", ask, partial(estimates.contract_note, wanted=len(params)), estimates.noted)

    def _address(self, order: Order) -> tuple[str, str, str | None]:
        broker_id = self._broker_id(order)
        variety, parent = self._seen.get(broker_id, (mapping.VARIETY[order.request.variety], None))
        return variety, broker_id, parent


def _plain(moment: datetime) -> datetime:
    """Return a time on the Indian clock as the client writes it: without a zone."""
    return moment.replace(tzinfo=None)
