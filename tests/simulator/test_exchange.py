from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from sigma.domain.orders import OrderType, Product, Side, Validity, Variety
from sigma.simulator.config import SimConfig
from sigma.simulator.depth import Liquidity
from sigma.simulator.exchange import Exchange
from sigma.simulator.model import Change, PlaceRequest, Refusal, SimAccount, State
from tests.simulator.conftest import FRIDAY, prompt
from tests.simulator.orders import D, advance, hold, limit, now, request, share

# -- the way of an order -------------------------------------------------------------------------------------------


def test_an_order_is_accepted_first_and_moves_on_afterwards(exchange: Exchange, account: SimAccount) -> None:
    order = exchange.place(account, request(tag="T1"))
    assert (order.state, order.exchange_order_id, order.filled) == (State.RECEIVED, None, 0)
    assert now(exchange, account, order).state is State.COMPLETE
    states = [look.state for look in exchange.history(account, order.order_id)]
    assert [state for state, _ in itertools.groupby(states)] == [
        State.RECEIVED, State.VALIDATING, State.OPENING, State.OPEN, State.COMPLETE,
    ]  # fmt: skip


def test_each_step_takes_its_delay_on_the_exchanges_clock() -> None:
    exchange = Exchange(7, FRIDAY, SimConfig(accept_delay_s=30, step_delay_s=60))
    account = exchange.accounts()[0]
    order = exchange.place(account, request())
    seen = []
    for seconds in (1, 30, 60, 60):
        advance(exchange, seconds=seconds)
        seen.append(now(exchange, account, order).state)
    assert seen == [State.RECEIVED, State.VALIDATING, State.OPENING, State.COMPLETE]
    stamps = [look.updated_at for look in exchange.history(account, order.order_id)]
    assert (stamps[1] - stamps[0], stamps[2] - stamps[1]) == (timedelta(seconds=30), timedelta(seconds=60))


def test_a_market_order_shows_as_a_limit_order_at_its_protected_price(exchange: Exchange, account: SimAccount) -> None:
    hold(exchange, "1500.00")
    order = now(exchange, account, exchange.place(account, request(market_protection=D(2))))
    assert (order.order_type, order.price, order.requested_type) == (OrderType.LIMIT, D("1530.00"), OrderType.MARKET)
    assert order.average_price == D("1500.00")


def test_thin_depth_fills_in_parts_and_the_rest_fills_when_depth_comes_back(exchange: Exchange, account: SimAccount) -> None:
    hold(exchange, "1500.00")
    exchange.set_liquidity(share(exchange), Liquidity(bid=5, ask=3))
    order = exchange.place(account, limit("1500.00"))
    partly = now(exchange, account, order)
    assert (partly.state, partly.filled, partly.pending) == (State.OPEN, 3, 7)
    advance(exchange, minutes=5)
    assert now(exchange, account, order).filled == 3
    exchange.set_liquidity(share(exchange), Liquidity(bid=5, ask=4))
    assert now(exchange, account, order).filled == 7
    exchange.set_liquidity(share(exchange), None)
    assert now(exchange, account, order).state is State.COMPLETE


def test_a_resting_order_fills_when_a_jump_of_the_clock_passes_its_price(exchange: Exchange, account: SimAccount) -> None:
    low = min(_path(exchange))
    order = exchange.place(account, limit(str(low + D("0.50"))))
    assert now(exchange, account, order).state is State.OPEN
    exchange.set_clock(datetime(2026, 11, 20, 9, 45, tzinfo=UTC))
    done = now(exchange, account, order)
    assert done.state is State.COMPLETE
    assert done.average_price <= low + D("0.50")


def _path(exchange: Exchange) -> list[Decimal]:
    """Prices of the day as another exchange of the same seed has them."""
    other = Exchange(7, FRIDAY, prompt())
    prices = []
    for minute in range(1, 285, 5):
        other.set_clock(FRIDAY + timedelta(minutes=minute))
        prices.append(other.last_price(share(other)))
    return prices


def test_a_stop_waits_for_its_trigger(exchange: Exchange, account: SimAccount) -> None:
    hold(exchange, "1500.00")
    stop = request(order_type=OrderType.SL_M, trigger_price=D("1510.00"))
    order = exchange.place(account, stop)
    assert now(exchange, account, order).state is State.TRIGGER_PENDING
    hold(exchange, "1510.00")
    done = now(exchange, account, order)
    assert (done.state, done.order_type) == (State.COMPLETE, OrderType.SL_M)


def test_an_ioc_order_that_finds_nothing_is_cancelled(exchange: Exchange, account: SimAccount) -> None:
    hold(exchange, "1500.00")
    order = now(exchange, account, exchange.place(account, limit("1490.00", validity=Validity.IOC)))
    assert (order.state, order.cancelled, order.filled) == (State.CANCELLED, 10, 0)


def test_a_change_is_applied_after_its_steps_and_cancels_end_the_order(exchange: Exchange, account: SimAccount) -> None:
    hold(exchange, "1500.00")
    order = exchange.place(account, limit("1400.00"))
    now(exchange, account, order)
    exchange.modify(account, order.order_id, Change(price=D("1410.00"), quantity=4))
    changed = now(exchange, account, order)
    assert (changed.state, changed.price, changed.quantity, changed.modifications) == (State.OPEN, D("1410.00"), 4, 1)
    assert State.MODIFIED in {look.state for look in exchange.history(account, order.order_id)}
    exchange.cancel(account, order.order_id)
    assert now(exchange, account, order).state is State.CANCELLED
    with pytest.raises(Refusal) as refusal:
        exchange.cancel(account, order.order_id)
    assert refusal.value.code == "final"


def test_a_cancel_on_its_way_can_be_overtaken_by_a_fill() -> None:
    exchange = Exchange(7, FRIDAY, SimConfig(accept_delay_s=0, step_delay_s=0))
    account = exchange.accounts()[0]
    hold(exchange, "1500.00")
    order = exchange.place(account, limit("1400.00"))
    now(exchange, account, order)
    exchange.config.step_delay_s = 60
    exchange.cancel(account, order.order_id)
    hold(exchange, "1400.00")
    advance(exchange, seconds=61)
    assert now(exchange, account, order).state is State.COMPLETE


def test_an_order_still_being_validated_cannot_be_changed_yet() -> None:
    exchange = Exchange(7, FRIDAY, SimConfig(accept_delay_s=60))
    order = exchange.place(exchange.accounts()[0], request())
    with pytest.raises(Refusal) as refusal:
        exchange.cancel(exchange.accounts()[0], order.order_id)
    assert refusal.value.code == "processing"


def test_an_order_takes_so_many_changes_and_no_more(exchange: Exchange, account: SimAccount) -> None:
    order = exchange.place(account, limit("1400.00"))
    now(exchange, account, order)
    for n in range(25):
        exchange.modify(account, order.order_id, Change(price=D(1390 + n % 2)))
        now(exchange, account, order)
    with pytest.raises(Refusal) as refusal:
        exchange.modify(account, order.order_id, Change(price=D(1400)))
    assert refusal.value.code == "too_many_modifications"


def test_the_book_can_lag_the_acceptance(account: SimAccount) -> None:
    exchange = Exchange(7, FRIDAY, SimConfig(accept_delay_s=0, step_delay_s=0, book_visibility_s=30))
    owner = exchange.accounts()[0]
    order = exchange.place(owner, request())
    assert exchange.book(owner) == []
    assert exchange.fills(owner) == []
    advance(exchange, seconds=31)
    assert [row.order_id for row in exchange.book(owner)] == [order.order_id]
    assert len(exchange.fills(owner)) > 0


# -- what is refused and what is rejected --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (request("NSE:NOSUCH"), "unknown_listing"),
        (request("NSE:NIFTY 50"), "not_tradable"),
        (request(product=Product.NRML), "product"),
        (request(product=Product.MTF), "product"),
        (request("NSE:RCOM-BE", quantity=1), "product"),
        (request("NFO:NIFTY26NOVFUT", quantity=65, product=Product.CNC), "product"),
        (request(quantity=0), "quantity"),
        (request("NFO:NIFTY26NOVFUT", quantity=66, product=Product.NRML), "lot"),
        (request("NFO:NIFTY26NOVFUT", quantity=1820, product=Product.NRML), "freeze"),
        (request(quantity=100_001), "freeze"),
        (request(disclosed_quantity=11), "disclosed"),
        (request(order_type=OrderType.LIMIT), "price"),
        (request(order_type=OrderType.SL_M), "trigger"),
        (request(order_type=OrderType.SL, price=D(1400), trigger_price=D(1401)), "trigger"),
        (limit("1400.03"), "tick"),
        (request(variety=Variety.AMO), "amo_in_session"),
    ],
)
def test_what_can_never_be_an_order_gets_no_id(exchange: Exchange, account: SimAccount, wrong: PlaceRequest, code: str) -> None:
    with pytest.raises(Refusal) as refusal:
        exchange.place(account, wrong)
    assert refusal.value.code == code
    assert exchange.book(account) == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (request("NSE:RELIANCE", quantity=50_000), "Insufficient funds. Required margin is"),
        (limit("1900.00"), "upper circuit limit"),
        (limit("1000.00"), "lower circuit limit"),
        (request(side=Side.SELL, quantity=41, product=Product.CNC), "holding quantity"),
    ],
)
def test_what_the_risk_system_rejects_shows_in_the_book_only(
    exchange: Exchange, account: SimAccount, wrong: PlaceRequest, words: str
) -> None:
    order = exchange.place(account, wrong)
    rejected = now(exchange, account, order)
    assert rejected.state is State.REJECTED
    assert words in rejected.message
    assert rejected.exchange_order_id is None
    assert exchange.funds(account).orders == 0


def test_live_orders_block_money_and_give_it_back(exchange: Exchange, account: SimAccount) -> None:
    before = exchange.funds(account).net
    order = exchange.place(account, limit("1400.00", product=Product.CNC))
    assert exchange.funds(account).net == before - 14_000
    exchange.cancel(account, order.order_id)
    assert exchange.funds(account).net == before


def test_an_exit_needs_no_margin(exchange: Exchange, account: SimAccount) -> None:
    hold(exchange, "1500.00")
    exchange.place(account, request(quantity=3000))
    exchange.set_liquidity(share(exchange), Liquidity(5000, 5000))
    assert exchange.positions(account)[0].net == 3000
    left = exchange.funds(account).net
    order = exchange.place(account, request(side=Side.SELL, quantity=3000))
    assert now(exchange, account, order).state is State.COMPLETE
    assert exchange.funds(account).net > left


def test_shares_can_be_sold_once_and_on_either_exchange(exchange: Exchange, account: SimAccount) -> None:
    sale = request(side=Side.SELL, quantity=30, product=Product.CNC)
    first = exchange.place(account, sale)
    assert now(exchange, account, first).state is State.COMPLETE
    elsewhere = exchange.place(account, request("BSE:INFY", Side.SELL, 11, product=Product.CNC))
    assert now(exchange, account, elsewhere).state is State.REJECTED
    held = next(one for one in exchange.holdings(account) if one.holding.security.symbol == "INFY")
    assert (held.quantity, held.used) == (10, 30)


def test_without_standing_authorisation_a_sale_needs_one(exchange: Exchange, account: SimAccount) -> None:
    account.demat_consent = False
    sale = request(side=Side.SELL, quantity=5, product=Product.CNC)
    rejected = exchange.place(account, sale)
    assert "Authorisation" in now(exchange, account, rejected).message
    account.holdings[str(share(exchange).isin)].authorised = 5
    assert now(exchange, account, exchange.place(account, sale)).state is State.COMPLETE
