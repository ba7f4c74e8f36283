from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma.domain.orders import OrderType, Product, Side, Variety
from sigma.domain.times import ist_date
from sigma.simulator.depth import Liquidity
from sigma.simulator.exchange import Exchange
from sigma.simulator.model import Change, Refusal, SimAccount, State
from tests.simulator.conftest import FRIDAY, prompt
from tests.simulator.orders import D, advance, limit, now, request, share


def test_outside_the_session_only_after_market_orders_are_taken(account: SimAccount) -> None:
    exchange = Exchange(7, datetime(2026, 11, 20, 14, 0, tzinfo=UTC), prompt())
    owner = exchange.accounts()[0]
    with pytest.raises(Refusal) as refusal:
        exchange.place(owner, request())
    assert refusal.value.code == "market_closed"
    order = exchange.place(owner, request(variety=Variety.AMO))
    assert now(exchange, owner, order).state is State.AMO_RECEIVED
    assert order.session_date.isoformat() == "2026-11-23"
    exchange.roll()
    assert now(exchange, owner, order).state is State.AMO_RECEIVED
    exchange.set_clock(datetime(2026, 11, 23, 3, 46, tzinfo=UTC))
    assert now(exchange, owner, order).state is State.COMPLETE


def test_shortly_around_the_session_nothing_is_taken() -> None:
    exchange = Exchange(7, datetime(2026, 11, 20, 10, 5, tzinfo=UTC), prompt())
    for variety in Variety:
        with pytest.raises(Refusal) as refusal:
            exchange.place(exchange.accounts()[0], request(variety=variety))
        assert refusal.value.code == "amo_closed"


def test_intraday_positions_are_squared_off_before_the_close(exchange: Exchange, account: SimAccount) -> None:
    exchange.place(account, request(quantity=7))
    waiting = exchange.place(account, limit("1300.00"))
    exchange.set_clock(datetime(2026, 11, 20, 9, 51, tzinfo=UTC))
    assert exchange.positions(account)[0].net == 0
    assert now(exchange, account, waiting).state is State.CANCELLED
    late = exchange.place(account, request())
    assert now(exchange, account, late).state is State.REJECTED


def test_a_day_order_lapses_at_the_close(exchange: Exchange, account: SimAccount) -> None:
    order = exchange.place(account, limit("1300.00", product=Product.CNC))
    exchange.set_clock(datetime(2026, 11, 20, 10, 1, tzinfo=UTC))
    assert now(exchange, account, order).state is State.CANCELLED


def test_overnight_books_empty_and_bought_shares_become_t1_then_settled(exchange: Exchange, account: SimAccount) -> None:
    cash = account.cash
    order = exchange.place(account, request(quantity=10, product=Product.CNC))
    paid = now(exchange, account, order).value
    exchange.roll()
    assert exchange.book(account) == []
    assert exchange.fills(account) == []
    assert exchange.positions(account) == []
    held = next(one for one in exchange.holdings(account) if one.holding.security.symbol == "INFY")
    assert (held.quantity, held.t1) == (40, 10)
    assert held.holding.average_price == (D("1421.3575") * 40 + paid) / 50
    assert account.cash == cash - paid
    exchange.roll()
    held = next(one for one in exchange.holdings(account) if one.holding.security.symbol == "INFY")
    assert (held.quantity, held.t1) == (50, 0)
    assert len(exchange.all_orders()) == 1


def test_derivatives_are_carried_over_and_settled_when_they_expire(exchange: Exchange, account: SimAccount) -> None:
    future = "NFO:NIFTY26NOVFUT"
    exchange.place(account, request(future, quantity=65, product=Product.NRML))
    cash, last = account.cash, exchange.positions(account)[0].average_price
    exchange.roll()
    carried = exchange.positions(account)[0]
    assert (carried.net, carried.overnight, carried.average_price) == (65, 65, last)
    assert account.cash == cash + (carried.close_price - last) * 65
    exchange.roll()  # it expires on the 24th, a holiday, and so after the session before
    assert ist_date(exchange.now()) == date(2026, 11, 25)
    assert exchange.positions(account) == []
    assert exchange.security(future) is None


def test_a_weekend_settles_nothing(exchange: Exchange, account: SimAccount) -> None:
    exchange.place(account, request(quantity=10, product=Product.CNC))
    exchange.set_clock(datetime(2026, 11, 22, 12, 0, tzinfo=UTC))
    held = next(one for one in exchange.holdings(account) if one.holding.security.symbol == "INFY")
    assert held.t1 == 10


def test_the_clock_does_not_go_back(exchange: Exchange) -> None:
    with pytest.raises(ValueError, match="cannot go back"):
        exchange.set_clock(FRIDAY - timedelta(hours=1))


def test_the_same_seed_lives_the_same_day() -> None:
    def life() -> list[tuple[str, str, str]]:
        exchange = Exchange(7, FRIDAY, prompt())
        owner = exchange.accounts()[0]
        exchange.place(owner, request("NSE:SBIN"))
        exchange.roll()
        return [(order.order_id, order.state, str(exchange.last_price(share(exchange)))) for order in exchange.all_orders()]

    assert life() == life()


# -- laws ----------------------------------------------------------------------------------------------------------

steps = st.one_of(
    st.tuples(st.just("place"), st.sampled_from(list(Side)), st.integers(1, 80), st.sampled_from(["CNC", "MIS"]), st.booleans()),
    st.tuples(st.just("cancel"), st.integers(0, 5)),
    st.tuples(st.just("modify"), st.integers(0, 5), st.integers(1, 90)),
    st.tuples(st.just("liquidity"), st.integers(0, 20)),
    st.tuples(st.just("advance"), st.integers(1, 4000)),
    st.tuples(st.just("roll")),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(steps, max_size=14))
def test_nothing_is_ever_overfilled_and_shares_and_money_add_up(moves: list[tuple[object, ...]]) -> None:
    exchange = Exchange(7, FRIDAY, prompt())
    account = exchange.accounts()[0]
    isin, cash = str(share(exchange).isin), account.cash
    for move in moves:
        _do(exchange, account, move)
    orders, fills = exchange.all_orders(account.client_id), exchange.all_fills(account.client_id)
    for order in orders:
        mine = [fill for fill in fills if fill.order_id == order.order_id]
        assert sum(fill.quantity for fill in mine) == order.filled <= order.quantity
        assert order.filled + order.cancelled <= order.quantity
    bought = sum(fill.quantity * fill.side.sign for fill in fills)
    held = account.holdings.get(isin)
    net = sum(position.net for position in account.positions.values())
    assert (held.total if held else 0) + net == 40 + bought
    open_flow = sum(one.day_sell_value - one.day_buy_value for one in account.positions.values())
    assert account.cash + open_flow == cash - sum(fill.quantity * fill.price * fill.side.sign for fill in fills)


def _do(exchange: Exchange, account: SimAccount, move: tuple[object, ...]) -> None:
    kind, *arguments = move
    book = exchange.book(account)
    try:
        if kind == "place":
            side, quantity, product, priced = arguments
            price = exchange.last_price(share(exchange)) if priced else D(0)
            order_type = OrderType.LIMIT if priced else OrderType.MARKET
            wanted = request(side=side, quantity=quantity, product=Product(str(product)), order_type=order_type, price=price)  # type: ignore[arg-type]
            exchange.place(account, wanted)
        elif kind == "cancel" and book:
            exchange.cancel(account, book[int(str(arguments[0])) % len(book)].order_id)
        elif kind == "modify" and book:
            order_id = book[int(str(arguments[0])) % len(book)].order_id
            exchange.modify(account, order_id, Change(quantity=int(str(arguments[1]))))
        elif kind == "liquidity":
            depth = int(str(arguments[0]))
            exchange.set_liquidity(share(exchange), Liquidity(depth, depth))
        elif kind == "advance":
            advance(exchange, seconds=int(str(arguments[0])))
        elif kind == "roll":
            exchange.roll()
    except Refusal:
        return
