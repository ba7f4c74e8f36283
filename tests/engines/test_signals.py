"""The parser: both forms with all their aliases, and a clear refusal of everything else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma.domain.errors import InvalidInput, InvalidOrder
from sigma.domain.orders import OrderType, Product, Side
from sigma.domain.signals import ParsedSignal
from sigma.engines.signal_fields import FIELDS
from sigma.engines.signals import dedupe_key, fired_at, lateness, parse
from tests.engines.test_signal_text import JSON_VALUES, caught

NOW = datetime(2026, 11, 20, 9, 45, tzinfo=UTC)
BAR = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def parsed(payload: dict[str, Any]) -> ParsedSignal:
    return parse(payload, default_exchange="NSE", now=NOW)


def flat(**changes: Any) -> dict[str, Any]:
    """The smallest message, changed; a change to None takes the key out."""
    message = {"secret": "s", "symbol": "NSE:INFY", "order_action": "BUY", "quantity": 5} | changes
    return {key: value for key, value in message.items() if value is not None}


def nested() -> dict[str, Any]:
    return {
        "secret": "…",
        "platform": "TRADINGVIEW",
        "strategy_name": "TV-01",
        "symbol": "NSE:INFY",
        "exchange": "NSE",
        "interval": "15",
        "bar_time": "2026-11-20T09:30:00Z",
        "trade_details": {
            "order_action": "BUY",
            "quantity": 5,
            "price": 1500,
            "order_type": "LIMIT",
            "product": "CNC",
            "trade_type": "delivery",
            "comment": "breakout",
            "order_id": "Long",
        },
    }


def test_the_nested_form_is_read() -> None:
    assert parsed(nested()) == ParsedSignal(
        listing="NSE:INFY",
        side=Side.BUY,
        quantity=5,
        order_type=OrderType.LIMIT,
        product=Product.CNC,
        price=Decimal(1500),
        strategy="TV-01",
        platform="TRADINGVIEW",
        action="BUY",
        interval="15",
        bar_time=BAR,
        external_id="Long@2026-11-20T09:30:00.000000Z",
        comment="breakout",
    )


def test_the_flat_form_means_the_same() -> None:
    message = nested()
    assert parsed(message.pop("trade_details") | message) == parsed(nested())


def test_every_alias_means_what_its_name_means() -> None:
    message = {
        "meta": {"secret": "…", "platform": "TRADINGVIEW", "version": "1.0"},
        "strategy": "TV-01",
        "ticker": "INFY",
        "exchange": "NSE",
        "interval": 15,
        "timestamp": BAR.timestamp(),
        "tradeDetails": {
            "orderAction": "buy",
            "order_contracts": "5.0",
            "order_price": "1500.00",
            "orderType": "limit",
            "trade_type": "cash_and_carry",
            "order_comment": "breakout",
            "order_id": "Long",
        },
    }
    assert parsed(message) == parsed(nested())


def test_comment_and_alert_message_are_both_kept() -> None:
    assert parsed(flat(order_comment="a", order_alert_message="b")).comment == "a | b"


def test_defaults_are_a_market_order_for_the_day() -> None:
    signal = parsed(flat())
    assert (signal.order_type, signal.product, signal.price, signal.strategy) == (OrderType.MARKET, Product.MIS, None, "")


def test_a_price_alone_makes_no_limit_order_but_is_kept_as_reference() -> None:
    signal = parsed(flat(price=1500.5))
    assert (signal.order_type, signal.price, signal.ref_price) == (OrderType.MARKET, None, Decimal("1500.5"))
    assert "reference" in signal.notes[0]


@pytest.mark.parametrize(
    ("given", "kind", "price", "trigger"),
    [
        ({"order_type": "LIMIT", "price": "99.95"}, OrderType.LIMIT, Decimal("99.95"), None),
        ({"order_type": "sl", "price": 100, "trigger_price": 99.5}, OrderType.SL, Decimal(100), Decimal("99.5")),
        ({"order_type": "SL-M", "trigger_price": 99}, OrderType.SL_M, None, Decimal(99)),
        ({"order_type": "slm", "trigger_price": 99, "price": 98}, OrderType.SL_M, None, Decimal(99)),
    ],
)
def test_order_types_take_their_prices(
    given: dict[str, Any], kind: OrderType, price: Decimal | None, trigger: Decimal | None
) -> None:
    signal = parsed(flat(**given))
    assert (signal.order_type, signal.price, signal.trigger_price) == (kind, price, trigger)


@pytest.mark.parametrize(
    ("given", "product"),
    [
        ({"trade_type": "cash_and_carry"}, Product.CNC),
        ({"trade_type": "cnc"}, Product.CNC),
        ({"trade_type": "Delivery"}, Product.CNC),
        ({"trade_type": "intraday"}, Product.MIS),
        ({"trade_type": "mis"}, Product.MIS),
        ({"trade_type": "delivery", "product": "MIS"}, Product.MIS),
        ({"product": "nrml"}, Product.NRML),
        ({"product": "MTF"}, Product.MTF),
    ],
)
def test_trade_type_names_a_product_and_an_explicit_product_beats_it(given: dict[str, Any], product: Product) -> None:
    assert parsed(flat(**given)).product is product


@pytest.mark.parametrize("quantity", [10, 10.0, "10", " 10 ", "10.0", "1e1", Decimal("10.00")])
def test_a_whole_quantity_is_taken_however_it_is_written(quantity: Any) -> None:
    assert parsed(flat(quantity=quantity)).quantity == 10


NO_NUMBERS = ["abc", "1,000", "1_000", "\u0665", "NaN", "inf", "9" * 70, "", None, True, [5], {"a": 5}]
NOT_WHOLE = [0, -1, 10.5, "10.5", "-5", "0", float("nan"), float("inf"), 10**11, "1e400", "1e-400", "1e9999"]


@pytest.mark.parametrize("quantity", NO_NUMBERS + NOT_WHOLE)
def test_a_quantity_that_is_no_positive_whole_number_is_refused(quantity: Any) -> None:
    with pytest.raises((InvalidInput, InvalidOrder), match="uantity"):
        parsed(flat(quantity=quantity))


@pytest.mark.parametrize(
    "price", [0, -1, "0", "-0.05", 100_000_000, "1e12", "1e4000", "NaN", float("nan"), float("inf"), "12,5", "abc", False]
)
@pytest.mark.parametrize("kind", ["MARKET", "LIMIT"])
def test_an_absurd_price_is_refused_whatever_the_order_type(price: Any, kind: str) -> None:
    with pytest.raises((InvalidInput, InvalidOrder), match="price"):
        parsed(flat(price=price, order_type=kind))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"order_type": "LIMIT"}, "Limit price is missing"),
        ({"order_type": "SL", "price": 5}, "Trigger price is missing"),
        ({"order_type": "SL-M"}, "Trigger price is missing"),
        ({"trigger_price": 5}, "makes no sense"),
        ({"order_action": None}, "order_action is missing"),
        ({"quantity": None}, "quantity is missing"),
        ({"symbol": None}, "symbol is missing"),
        ({"symbol": "NSE:"}, "symbol is missing"),
        ({"symbol": "NASDAQ:AAPL"}, "no exchange that we know"),
        ({"exchange": "BSE"}, "Let both say the same"),
        ({"ticker": "TCS"}, "Send one of them"),
        ({"order_contracts": 6}, "Send one of them"),
        ({"order_action": "EXIT"}, "must say the side"),
        ({"order_action": "CLOSE"}, "must say the side"),
        ({"order_action": "LONG"}, "Known: BUY, SELL"),
        ({"order_action": "BYU"}, "Did you mean BUY?"),
        ({"product": "DELIVERY"}, "Known: CNC"),
        ({"product": "CNCC"}, "Did you mean CNC?"),
        ({"trade_type": "swing"}, "CASH_AND_CARRY"),
        ({"order_type": "LMT"}, "Did you mean LIMIT?"),
        ({"comment": ["x"]}, "must be a text or a number"),
        ({"strategy": "x" * 500}, "500 letters"),
        ({"strategy": "a\nb"}, "cannot be shown"),
        ({"trade_details": "BUY 5"}, "must be an object"),
        ({"meta": "x"}, "meta must be an object"),
        ({"meta": {"secrets": "x"}}, "Did you mean secret?"),
    ],
)
def test_what_is_wrong_is_said(changes: dict[str, Any], told: str) -> None:
    with pytest.raises((InvalidInput, InvalidOrder)) as refused:
        parsed(flat(**changes))
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("quantty", "quantity"),
        ("qty", "quantity"),
        ("side", "order_action"),
        ("stopPrice", "trigger_price"),
        ("passphrase", "secret"),
    ],
)
@pytest.mark.parametrize("inside", [True, False])
def test_an_unknown_key_is_named_with_the_nearest_known_one(key: str, near: str, inside: bool) -> None:
    message = nested()
    (message["trade_details"] if inside else message)[key] = "1"
    with pytest.raises(InvalidInput, match=key) as refused:
        parsed(message)
    assert refused.value.hint == f"Did you mean {near}?"
    assert refused.value.code == "UNKNOWN_KEY"


def test_an_unknown_key_like_no_other_gets_the_list() -> None:
    with pytest.raises(InvalidInput) as refused:
        parsed(flat(zzz=1))
    assert all(name in refused.value.hint for name in FIELDS)


@pytest.mark.parametrize(
    ("given", "listing"),
    [
        ({"symbol": "INFY"}, "NSE:INFY"),
        ({"symbol": "bse:infy"}, "BSE:INFY"),
        ({"symbol": "INFY", "exchange": "bse"}, "BSE:INFY"),
        ({"symbol": None, "ticker": "INFY", "exchange": "BSE"}, "BSE:INFY"),
        ({"symbol": None, "ticker": "BSE:INFY"}, "BSE:INFY"),
        ({"symbol": "NSE:INFY", "ticker": "INFY", "exchange": "NSE"}, "NSE:INFY"),
        ({"symbol": "NSE:M&M"}, "NSE:M&M"),
        ({"symbol": "NSE:NIFTY 50"}, "NSE:NIFTY 50"),
    ],
)
def test_a_symbol_is_taken_with_its_exchange_wherever_that_stands(given: dict[str, Any], listing: str) -> None:
    assert parsed(flat(**given)).listing == listing


def test_the_default_exchange_is_the_callers() -> None:
    assert parse(flat(symbol="INFY"), default_exchange="BSE", now=NOW).listing == "BSE:INFY"


@pytest.mark.parametrize("given", [{"symbol": "NSE_DL:INFY"}, {"symbol": "INFY", "exchange": "NSE_DLY"}])
def test_a_delayed_feed_is_the_same_exchange_with_a_note(given: dict[str, Any]) -> None:
    signal = parsed(flat(**given))
    assert signal.listing == "NSE:INFY"
    assert "delayed" in signal.notes[0]


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-20T09:30:00Z",
        "2026-11-20T09:30:00z",
        "2026-11-20T15:00:00+05:30",
        1795167000,
        "1795167000",
        1795167000000,
        "1795167000000.0",
    ],
)
def test_a_bar_time_is_read_from_iso_seconds_and_milliseconds(written: Any) -> None:
    assert parsed(flat(bar_time=written)).bar_time == BAR


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("2026-11-20T09:30:00", "no time with a zone"),
        ("2026-11-20", "no time with a zone"),
        ("soon", "no time with a zone"),
        ("1e4000", "no time with a zone"),
        (10**30, "no time with a zone"),
        ("0001-01-01T00:00:00+14:00", "no time with a zone"),
        ("1999-12-31T23:59:59Z", "absurd"),
        (0, "absurd"),
        ("2026-11-21T09:45:01Z", "absurd"),
    ],
)
def test_an_unreadable_or_absurd_bar_time_is_refused(written: Any, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        parsed(flat(bar_time=written))


def test_the_senders_own_id_needs_a_bar_time_unless_it_is_a_client_order_id() -> None:
    assert parsed(flat(order_id="Long")).external_id == ""
    assert parsed(flat(order_id="Long", bar_time=BAR.isoformat())).external_id == "Long@2026-11-20T09:30:00.000000Z"
    assert parsed(flat(order_id="Long", bar_time=BAR.isoformat(), client_order_id="abc")).external_id == "abc"


def test_an_explicit_id_is_the_same_within_strategy_listing_and_action_only() -> None:
    signal = parsed(flat(client_order_id="abc", comment="first"))
    again = parsed(flat(client_order_id="abc", comment="other text", quantity=9))
    key = dedupe_key(signal, "NSE:INFY", "x")
    assert key.explicit
    assert dedupe_key(again, "NSE:INFY", "y") == key
    for changes in ({"strategy": "other"}, {"order_action": "SELL"}, {"client_order_id": "abd"}):
        assert dedupe_key(parsed(flat(client_order_id="abc") | changes), "NSE:INFY", "x") != key
    assert dedupe_key(signal, "BSE:INFY", "x") != key


def test_without_an_id_the_whole_content_is_the_key() -> None:
    signal = parsed(flat())
    assert not dedupe_key(signal, "NSE:INFY", "x").explicit
    assert dedupe_key(signal, "NSE:INFY", "x") == dedupe_key(signal, "NSE:INFY", "x")
    assert dedupe_key(signal, "NSE:INFY", "x") != dedupe_key(signal, "NSE:INFY", "y")


def test_a_signal_is_late_by_its_bar_time_and_says_by_how_much() -> None:
    limit = timedelta(minutes=15)
    assert lateness(None, NOW, limit) == ""
    assert lateness(NOW - limit, NOW, limit) == ""
    assert lateness(NOW + timedelta(hours=1), NOW, limit) == ""
    late = lateness(NOW - timedelta(minutes=47), NOW, limit)
    assert late == "late: its bar time 20 Nov 14:28:00 IST was 47 min before it came (allowed: 15 min)"


ODD = st.one_of(
    JSON_VALUES,
    st.sampled_from(["BUY", "NSE:INFY", "5", "LIMIT", "{{close}}", "NaN", "1e400", "\ud800", "2026-11-20T09:30:00Z"]),
)


@given(
    st.dictionaries(
        st.sampled_from([*FIELDS, "secret", "meta", "trade_details", "tradeDetails", "test"]) | st.text(max_size=12),
        ODD,
        max_size=8,
    )
)
def test_any_payload_gives_a_sensible_signal_or_a_refusal(payload: dict[str, Any]) -> None:
    check(caught(lambda: parsed(payload)))


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), ODD, max_size=3))
def test_a_right_message_with_odd_fields_gives_a_sensible_signal_or_a_refusal(odd: dict[str, Any]) -> None:
    check(caught(lambda: parsed(flat() | odd)))


def check(outcome: object) -> None:
    if isinstance(outcome, InvalidInput | InvalidOrder):
        assert outcome.message
        assert str(outcome).encode()
        return
    assert isinstance(outcome, ParsedSignal)
    assert outcome.quantity is not None or outcome.exits or outcome.amount is not None
    assert 0 < (outcome.quantity or 1) <= 10_000_000_000
    assert outcome.side is not None or (outcome.exits and outcome.quantity is None)
    for price in (outcome.price, outcome.ref_price, outcome.trigger_price):
        assert price is None or 0 < price < 100_000_000
    assert (outcome.price is not None) == outcome.order_type.has_price
    assert outcome.bar_time is None or outcome.bar_time.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("interval", "minutes_ago", "fired_minutes_ago"),
    [
        ("15", 15, 0),
        ("15", 40, 25),
        ("60", 30, 0),
        ("1D", 375, 0),
        ("D", 375, 0),
        ("30S", 1, 0.5),
        ("", 20, 20),
        ("soon", 20, 20),
        ("5", 0, 0),
    ],
)
def test_a_bar_counts_from_its_close_and_never_from_after_the_receipt(
    interval: str, minutes_ago: int, fired_minutes_ago: float
) -> None:
    opened = NOW - timedelta(minutes=minutes_ago)
    assert fired_at(opened, interval, NOW) == NOW - timedelta(minutes=fired_minutes_ago)
    assert fired_at(None, interval, NOW) is None


def test_an_alert_at_the_close_of_a_long_bar_is_not_late() -> None:
    opened, received = NOW - timedelta(minutes=60), NOW + timedelta(seconds=2)
    assert lateness(fired_at(opened, "60", received), received, timedelta(minutes=15)) == ""
    assert lateness(fired_at(opened, "5", received), received, timedelta(minutes=15)).startswith("late")


def test_a_time_with_seconds_is_when_an_alert_fired_and_no_bars_opening() -> None:
    fired = NOW - timedelta(minutes=20, seconds=7)
    assert fired_at(fired, "1D", NOW) == fired
    assert lateness(fired_at(fired, "1D", NOW), NOW, timedelta(minutes=15)).startswith("late")
