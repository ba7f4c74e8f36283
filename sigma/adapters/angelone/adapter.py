"""One logged-in AngelOne account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial

from sigma.adapters.account import Call, SdkAccount
from sigma.adapters.angelone import estimates, mapping
from sigma.adapters.angelone.capabilities import BROKER, CAPABILITIES
from sigma.adapters.angelone.client import needed, smart_connect
from sigma.adapters.candles import read_candles, window
from sigma.adapters.rows import Row
from sigma.domain.accounts import BrokerSession, Profile
from sigma.domain.answers import BookRead, BrokerFill, BrokerOrder, WriteAnswer
from sigma.domain.bars import Bars
from sigma.domain.charges import Charges, Margin
from sigma.domain.errors import Unsupported
from sigma.domain.market import Quote, Timeframe
from sigma.domain.orders import CommandKind, Order, OrderRequest
from sigma.domain.portfolio import Conversion, Funds, Holding, Position, Rows
from sigma.ports.broker import AdapterContext


class AngelOneAccount(SdkAccount):
    """A Broker (sigma/ports/broker.py)."""

    capabilities = CAPABILITIES

    def __init__(self, credentials: Mapping[str, str], session: BrokerSession, context: AdapterContext) -> None:
        needed(credentials, "api_key")
        super().__init__(credentials, session, context)
        key, token = credentials["api_key"], session.tokens.get("jwt", "")
        self._reader, self._reads = smart_connect(key, context, self._clean, token=token)
        self._writer, self._writes = smart_connect(key, context, self._clean, token=token, writes=True)
        # What the book said of each order: changing one that was placed elsewhere needs its variety.
        self._seen: dict[str, str] = {}

    def profile(self) -> Profile:
        """Return who is logged in, by a real call. The client would put a refresh token into the address: it gets none."""
        return self._one("the profile", lambda: self._reader.getProfile(""), mapping.profile)

    def funds(self) -> Funds:
        """Return the account's money."""
        return self._one("the funds", self._reader.rmsLimit, mapping.funds)

    def holdings(self) -> Rows[Holding]:
        """Return the shares in demat."""
        return self._rows("holding", self._reader.holding, partial(mapping.holding, lookup=self._lookup))

    def positions(self) -> Rows[Position]:
        """Return net positions, flat ones of the day included."""
        return self._rows("position", self._reader.position, partial(mapping.position, lookup=self._lookup))

    def quotes(self, listings: Sequence[str]) -> Mapping[str, Quote]:
        """Return quotes by canonical text; unknown listings and unreadable quotes are absent."""
        names: dict[tuple[str, str], str] = {}
        wanted: dict[str, list[str]] = {}
        for item in self._named(listings):
            names[item.exchange_code, item.token] = item.listing
            wanted.setdefault(item.exchange_code, []).append(item.token)
        if not names:
            return {}
        asked_at = self._clock.now()
        data, _ = self._reads.ask_data("the quotes", lambda: self._reader.getMarketData("FULL", wanted))
        reader = partial(mapping.listed_quote, names=names, asked_at=asked_at)
        rows = data.get("fetched") if isinstance(data, dict) else data
        return {quote.listing: quote for quote in self._logged("quote", rows, reader)}

    def history(self, listing: str, timeframe: Timeframe, start: datetime, end: datetime) -> Bars:
        """Return bars, see the port, without open interest: that is another call. Times go out in whole minutes."""
        first, last = window(self.capabilities, timeframe, start, end)
        name = self._lookup.broker_instrument(BROKER, listing)
        params = mapping.candle_params(name, timeframe, first, last)
        data, _ = self._reads.ask_data("the bars", lambda: self._reader.getCandleData(params))
        return read_candles(self.capabilities.title, data, timeframe)

    def order_book(self) -> BookRead:
        """Return the day's whole order book; an unreadable row is marked, not lost."""
        return self._book(self._reader.orderBook, self._book_row, "orderid")

    def _book_row(self, row: Row) -> BrokerOrder:
        order = mapping.order(row, self._lookup)
        self._seen[order.broker_order_id] = mapping.change_variety(row.word("variety"), order.order_type)
        return order

    def order_history(self, broker_order_id: str) -> tuple[BrokerOrder, ...]:
        """Refuse: SmartAPI has no history of an order."""
        raise Unsupported(f"AngelOne keeps no history of order {broker_order_id}.", hint="See its events here instead.")

    def fills(self) -> Rows[BrokerFill]:
        """Return the day's executions."""
        reader = partial(mapping.fill, lookup=self._lookup, now=self._clock.now())
        return self._rows("fill", self._reader.tradeBook, reader)

    def place(self, request: OrderRequest, tag: str, *, send_by_ns: int | None = None) -> WriteAnswer:
        """Send one new order, once; never raises."""

        def prepare() -> Call:
            # placeOrder itself would turn every refusal into None.
            params = mapping.place_params(request, self._instrument(request), tag)
            return partial(self._writer.placeOrderFullResponse, params)

        return self._writes.tell(CommandKind.PLACE, prepare, send_by_ns=send_by_ns)

    def modify(self, order: Order, request: OrderRequest, *, send_by_ns: int | None = None) -> WriteAnswer:
        """Send one modification, once; never raises."""

        def prepare() -> Call:
            instrument = self._instrument(request)
            params = mapping.modify_params(request, instrument, self._variety(order), self._broker_id(order))
            return partial(self._writer.modifyOrder, params)

        return self._writes.tell(CommandKind.MODIFY, prepare, send_by_ns=send_by_ns)

    def cancel(self, order: Order, *, send_by_ns: int | None = None) -> WriteAnswer:
        """Send one cancellation, once; never raises."""

        def prepare() -> Call:
            return partial(self._writer.cancelOrder, self._broker_id(order), self._variety(order))

        return self._writes.tell(CommandKind.CANCEL, prepare, send_by_ns=send_by_ns)

    def convert(self, conversion: Conversion, *, send_by_ns: int | None = None) -> WriteAnswer:
        """Send one conversion of a position, once; never raises."""

        def prepare() -> Call:
            params = mapping.convert_params(conversion, self._traded(conversion.listing))
            return partial(self._writer.convertPosition, params)

        return self._writes.tell(CommandKind.CONVERT, prepare, send_by_ns=send_by_ns)

    def margin(self, requests: Sequence[OrderRequest]) -> Margin:
        """Return what would be held for orders together; whether AngelOne considers the positions there are is unverified."""
        params = [estimates.margin_params(one, self._traded(one.listing)) for one in self._some(requests)]
        ask = partial(self._reader.getMarginApi, {"positions": params})
        return self._estimate("margin", ask, partial(estimates.margin, wanted=len(params)))

    def charges(self, requests: Sequence[tuple[OrderRequest, Decimal]]) -> Charges:
        """Return what orders would cost that trade at the prices given."""
        params = [estimates.charge_params(one, self._traded(one.listing), price) for one, price in self._some(requests)]
        return self._estimate("charges", partial(self._reader.estimateCharges, {"orders": params}), estimates.charges)

    def _variety(self, order: Order) -> str:
        return self._seen.get(order.broker_order_id or "") or mapping.variety_of(order.request.order_type)
