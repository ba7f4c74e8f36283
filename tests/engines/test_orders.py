from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma.domain.accounts import Capabilities
from sigma.domain.errors import InvalidOrder, Unsupported
from sigma.domain.instruments import Exchange, Kind, Listing
from sigma.domain.market import Quote
from sigma.domain.orders import OrderRequest, OrderStatus, OrderType, Product, Side, Validity, Variety
from sigma.domain.signals import Signal, SignalStatus
from sigma.engines.orders import EXCHANGE_BAND, copy_of, fit, lateness, suit, whole, within_band
from tests.engines.build import NOW, TODAY, order, request

INFY = Listing(Exchange.NSE, "INFY", Kind.EQUITY, tick_size=Decimal("0.05"), freeze_quantity=1000)
FUTURE = Listing(Exchange.NFO, "NIFTY26NOVFUT", Kind.FUTURE, lot_size=75)
BROKER = Capabilities(
    broker="any",
    title="Any",
    exchanges=frozenset({"NSE"}),
    products=frozenset({Product.CNC}),
    order_types=frozenset({OrderType.LIMIT, OrderType.MARKET}),
    varieties=frozenset({Variety.REGULAR}),
    validities=frozenset({Validity.DAY}),
    market_protection=True,
)


@pytest.mark.parametrize(
    ("side", "price", "trigger", "fitted"),
    [(Side.BUY, "1500.01", "1499.99", ("1500.05", "1499.95")), (Side.SELL, "1500.01", "1499.99", ("1500.00", "1500.00"))],
)
def test_limits_round_towards_trading_and_triggers_towards_firing(
    side: Side, price: str, trigger: str, fitted: tuple[str, str]
) -> None:
    wish = request(side=side, order_type=OrderType.SL, price=Decimal(price), trigger_price=Decimal(trigger))
    done = fit(wish, INFY)
    assert (str(done.price), str(done.trigger_price)) == fitted


@given(st.decimals("0.05", "100000", places=3), st.sampled_from(list(Side)))
def test_fitting_twice_is_fitting_once(price: Decimal, side: Side) -> None:
    once = fit(request(price=price, side=side), INFY) if price >= Decimal("0.05") else None
    assert once is None or fit(once, INFY) == once


@pytest.mark.parametrize(
    ("wish", "listing", "words"),
    [
        (request(quantity=20_001), INFY, "freeze quantity"),
        (request(listing="NFO:NIFTY26NOVFUT", quantity=50), FUTURE, "lot of 75"),
        (request(), Listing(Exchange.NSE, "NIFTY 50", Kind.INDEX), "cannot be traded"),
        (request(side=Side.SELL, price=Decimal("0.01")), INFY, "below one tick"),
    ],
)
def test_what_can_never_be_right_is_said_in_words(wish: object, listing: Listing, words: str) -> None:
    with pytest.raises(InvalidOrder, match=words):
        fit(wish, listing)  # type: ignore[arg-type]


def test_market_orders_get_the_exchange_band_where_the_broker_asks_for_it() -> None:
    market = request(order_type=OrderType.MARKET, price=None)
    assert suit(market, BROKER).market_protection == EXCHANGE_BAND
    assert suit(request(), BROKER).market_protection is None


@pytest.mark.parametrize("wish", [request(product=Product.MIS), request(listing="BSE:INFY"), request(validity=Validity.IOC)])
def test_what_the_broker_lacks_is_refused_with_what_it_has(wish: object) -> None:
    with pytest.raises(Unsupported, match="It takes"):
        suit(wish, BROKER)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": 0},
        {"quantity": -5},
        {"quantity": True},
        {"price": None},
        {"price": Decimal("NaN")},
        {"price": Decimal(-1)},
        {"trigger_price": Decimal(1)},
        {"order_type": OrderType.MARKET},
        {"disclosed_quantity": 11},
    ],
)
def test_a_request_that_contradicts_itself_cannot_be_built(change: dict[str, object]) -> None:
    with pytest.raises(InvalidOrder):
        request(**change)


@pytest.mark.parametrize(("bar_minutes_ago", "late"), [(20, True), (5, False), (-600, True), (None, True)])
def test_a_signal_s_age_counts_from_its_bar_unless_that_lies_ahead(bar_minutes_ago: int | None, late: bool) -> None:
    now = NOW + timedelta(minutes=16)
    bar = None if bar_minutes_ago is None else now - timedelta(minutes=bar_minutes_ago)
    signal = Signal(1, 1, NOW if bar is None or bar_minutes_ago != 5 else now, SignalStatus.ACCEPTED, "{}", "k", bar_time=bar)
    assert bool(lateness(order(), signal, now, timedelta(minutes=15))) is late


def test_the_age_of_a_repeat_counts_from_the_opening_that_it_waited_for() -> None:
    signal = Signal(1, 1, NOW, SignalStatus.ACCEPTED, "{}", "k")
    opens, allowed = NOW + timedelta(hours=17), timedelta(minutes=15)
    waited = order(generation=1, not_before=opens)
    assert lateness(waited, signal, opens + timedelta(minutes=14), allowed) == ""
    assert "repeat was 16 min ago" in lateness(waited, signal, opens + timedelta(minutes=16), allowed)


def test_a_modification_cannot_be_cut_into_slices() -> None:
    assert whole(request(quantity=1000), INFY).quantity == 1000
    with pytest.raises(InvalidOrder, match="freeze quantity"):
        whole(request(quantity=1001), INFY)


def test_an_order_above_the_freeze_quantity_fits_for_it_is_cut_later_and_a_resting_trigger_does_not() -> None:
    assert fit(request(quantity=1001), INFY).quantity == 1001
    with pytest.raises(InvalidOrder, match="freeze quantity"):
        fit(request(quantity=1001, gtt=True), INFY)


BAND = Quote("NSE:INFY", Decimal(1500), NOW, lower_circuit=Decimal(1350), upper_circuit=Decimal(1650))


@pytest.mark.parametrize("price", [1350, 1500, 1650])
def test_prices_within_the_day_s_band_pass(price: int) -> None:
    within_band(request(price=Decimal(price)), BAND, TODAY)


@pytest.mark.parametrize(
    "wish",
    [
        request(price=Decimal("1349.95")),
        request(price=Decimal("1650.05"), side=Side.SELL),
        request(order_type=OrderType.SL_M, price=None, trigger_price=Decimal(1700)),
    ],
)
def test_prices_outside_the_day_s_band_are_refused_with_both_numbers(wish: OrderRequest) -> None:
    with pytest.raises(InvalidOrder, match="band of 1350 to 1650"):
        within_band(wish, BAND, TODAY)


@pytest.mark.parametrize(
    ("wish", "quote"),
    [
        (request(price=Decimal(9000)), None),
        (request(price=Decimal(9000)), replace(BAND, lower_circuit=None, upper_circuit=None)),
        (request(price=Decimal(9000)), replace(BAND, at=NOW - timedelta(days=1))),
        (request(price=Decimal(9000), variety=Variety.AMO), BAND),
    ],
)
def test_a_band_that_is_not_known_or_of_another_day_refuses_nothing(wish: OrderRequest, quote: Quote | None) -> None:
    within_band(wish, quote, TODAY)


def test_a_copy_has_the_wish_for_what_is_left_and_nothing_of_what_became_of_it() -> None:
    ended = order(
        OrderStatus.REJECTED,
        filled_quantity=4,
        average_price=Decimal(1),
        broker_order_id="B1",
        broker_reason="closed",
        slice_no=2,
        approved_at=NOW,
        strategy="swing",
        reduce_only=True,
    )
    copy = copy_of(ended, NOW, client_order_id="X" * 16)
    assert (copy.status, copy.request.quantity, copy.parent_id, copy.generation) == (OrderStatus.WAITING, 6, ended.id, 1)
    assert (copy.strategy, copy.reduce_only, copy.account_id) == ("swing", True, ended.account_id)
    left = (copy.filled_quantity, copy.average_price, copy.broker_order_id, copy.broker_reason, copy.slice_no, copy.approved_at)
    assert left == (0, None, None, "", 0, None)
