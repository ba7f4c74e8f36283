from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma.domain.accounts import Capabilities
from sigma.domain.errors import InvalidOrder, Unsupported
from sigma.domain.instruments import Exchange, Kind, Listing
from sigma.domain.orders import OrderType, Product, Side, Validity, Variety
from sigma.domain.signals import Signal, SignalStatus
from sigma.engines.orders import EXCHANGE_BAND, fit, lateness, suit
from tests.engines.build import NOW, order, request

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
        (request(quantity=1001), INFY, "freeze quantity"),
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
