"""The form of meta, signal and hints in both its versions, and exits: what each means, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma.domain.errors import InvalidInput, InvalidOrder
from sigma.domain.orders import OrderType, Product, Side
from sigma.domain.signals import Action, ParsedSignal, Usual
from sigma.engines.signal_fields import SIGNAL_FIELDS
from sigma.engines.signals import parse
from tests.engines.test_signal_text import caught
from tests.engines.test_signals import ODD, check, flat

NOW = datetime(2026, 11, 20, 9, 45, tzinfo=UTC)


EXAMPLE = {
    "meta": {"secret": "…", "platform": "TRADINGVIEW", "version": "1.0"},
    "signal": {
        "strategy_id": "SUPERTREND",
        "strategy_name": "Supertrend",
        "symbol": "NSE:INFY",
        "exchange": "NSE",
        "side": "ENTRY_LONG",
        "order_action": "BUY",
        "order_id": "Long",
        "order_tag": "ST_ENTRY_LONG",
        "position_size": "14",
        "position_size_prev": "0",
        "qty": "14",
        "amount": None,
        "product": "MIS",
        "price": None,
        "ref_price": 1500,
        "timeframe": "5",
        "timestamp": "2026-11-20T05:16:23Z",
    },
    "hints": {
        "order_type": "LIMIT",
        "limit_price": 1499,
        "stop_type": "SL",
        "stop_price": 1480,
        "tp_enabled": True,
        "take_profit": 1540,
        "trail_enabled": False,
        "trail_dist": 10,
        "note": "breakout",
    },
}


def parsed(payload: dict[str, Any], usual: Usual | None = None) -> ParsedSignal:
    return parse(payload, default_exchange="NSE", now=NOW, usual=lambda _: usual or Usual())


def folders(hints: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """The smallest message of the later version, changed; a change to None takes the key out."""
    signal = {"strategy_name": "Supertrend", "symbol": "NSE:INFY", "side": "ENTRY_LONG", "order_action": "BUY", "qty": "14"}
    kept = {key: value for key, value in (signal | changes).items() if value is not None}
    return {"meta": {"secret": "s", "platform": "TRADINGVIEW", "version": "6.0"}, "signal": kept, "hints": hints or {}}


def test_the_whole_example_is_read() -> None:
    assert parsed(EXAMPLE) == ParsedSignal(
        listing="NSE:INFY",
        side=Side.BUY,
        quantity=14,
        order_type=OrderType.LIMIT,
        product=Product.MIS,
        price=Decimal(1499),
        ref_price=Decimal(1500),
        strategy="Supertrend",
        platform="TRADINGVIEW",
        action="ENTRY_LONG",
        interval="5",
        bar_time=datetime(2026, 11, 20, 5, 16, 23, tzinfo=UTC),
        external_id="Long@2026-11-20T05:16:23.000000Z",
        comment="ST_ENTRY_LONG",
        hints={
            "order_type": "LIMIT",
            "limit_price": "1499",
            "stop_type": "SL",
            "stop_price": "1480",
            "tp_enabled": "true",
            "take_profit": "1540",
            "trail_enabled": "false",
            "trail_dist": "10",
            "note": "breakout",
        },
    )


def test_the_first_version_says_buy_or_sell() -> None:
    message = folders(side="SELL", order_action=None) | {"meta": {"secret": "s", "version": "1.0"}}
    assert (parsed(message).side, parsed(message).exits, parsed(message).action) == (Side.SELL, False, "SELL")


@pytest.mark.parametrize(
    ("word", "side", "exits"),
    [
        ("ENTRY_LONG", Side.BUY, False),
        ("ENTRY_SHORT", Side.SELL, False),
        ("EXIT_LONG", Side.SELL, True),
        ("EXIT_SHORT", Side.BUY, True),
        ("CLOSE_LONG", Side.SELL, True),
        ("close_short", Side.BUY, True),
    ],
)
def test_each_side_has_its_direction_in_every_form(word: str, side: Side, exits: bool) -> None:
    for signal in (parsed(folders(side=word, order_action=side.value)), parsed(flat(order_action=word))):
        assert (signal.side, signal.exits, signal.action) == (side, exits, word.upper())


@pytest.mark.parametrize("word", ["EXIT_LONG", "CLOSE_SHORT", "EXIT", "close"])
def test_an_exit_without_a_quantity_means_what_is_held(word: str) -> None:
    signal = parsed(flat(order_action=word, quantity=None))
    assert (signal.quantity, signal.exits, signal.side) == (None, True, Action(word.upper()).side)


def test_a_plain_exit_takes_its_side_from_order_action() -> None:
    assert parsed(folders(side="EXIT", order_action="SELL")).action == "EXIT_LONG"
    assert parsed(folders(side="CLOSE", order_action="BUY")).action == "EXIT_SHORT"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"order_action": "SELL"}, "signal.side is ENTRY_LONG but signal.order_action is SELL"),
        ({"side": "EXIT_LONG", "order_action": "BUY"}, "Let both mean the same"),
        ({"side": "BUY", "order_action": "ENTRY_LONG"}, "Let both mean the same"),
        ({"side": None, "order_action": None}, "order_action is missing"),
        ({"side": "LONG"}, "Known: BUY, SELL"),
        ({"qty": None}, "quantity is missing"),
        ({"qty": None, "amount": 0}, "signal.amount must lie between"),
        ({"qty": None, "side": "EXIT", "order_action": None, "amount": 5000}, "does not say the side"),
        ({"side": "EXIT", "order_action": None}, "must say the side"),
        ({"product": "DELIVERY"}, "Known: CNC"),
        ({"quantitee": 5}, "Did you mean quantity?"),
        ({"qty": {"a": 1}}, "must be a text or a number"),
    ],
)
def test_what_is_wrong_is_said(changes: dict[str, Any], told: str) -> None:
    with pytest.raises((InvalidInput, InvalidOrder)) as refused:
        parsed(folders(**changes))
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ({"signal": "BUY"}, "signal must be an object"),
        ({"hints": [1]}, "hints must be an object"),
        ({"meta": 5}, "meta must be an object"),
        ({"symbol": "NSE:INFY"}, "The key 'symbol' is not known"),
        ({"hints": {"stop": {"a": 1}}}, "hints.stop must be a text or a number"),
        ({"hints": {"order_type": "STOP"}}, "Known: LIMIT"),
        ({"hints": {str(number): 1 for number in range(41)}}, "41 keys"),
    ],
)
def test_a_wrong_folder_is_named(payload: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parsed(folders() | payload)
    assert told in str(refused.value).replace("Known: MARKET, LIMIT", "Known: LIMIT")


def test_an_amount_sizes_only_where_the_quantity_is_missing() -> None:
    assert (parsed(folders(qty=None, amount="25000")).amount, parsed(folders(amount=25000)).amount) == (Decimal(25000), None)


def test_a_messages_own_order_type_beats_that_of_its_hints_and_both_beat_the_strategys() -> None:
    hints = {"order_type": "LIMIT", "limit_price": 1499}
    usual = Usual(OrderType.LIMIT, Product.CNC)
    assert parsed(folders(hints, order_type="MARKET"), usual).order_type is OrderType.MARKET
    assert parsed(folders(hints), usual).price == Decimal(1499)
    said_nothing = parsed(folders(price=1500), usual)
    assert (said_nothing.order_type, said_nothing.price, said_nothing.product) == (
        OrderType.LIMIT,
        Decimal(1500),
        Product.CNC,
    )
    with pytest.raises(InvalidOrder, match="Limit price is missing"):
        parsed(folders(), usual)


def test_an_exit_without_a_price_goes_at_the_market_whatever_is_usual_or_hinted() -> None:
    hints = {"order_type": "LIMIT", "limit_price": 1499}
    signal = parsed(folders(hints, side="EXIT_LONG", order_action="SELL"), Usual(OrderType.LIMIT))
    assert (signal.order_type, signal.price) == (OrderType.MARKET, None)


@given(
    st.dictionaries(st.sampled_from(sorted(SIGNAL_FIELDS)), ODD, max_size=4),
    st.dictionaries(st.text(max_size=8), ODD, max_size=3),
)
def test_any_signal_gives_a_sensible_one_or_a_refusal(odd: dict[str, Any], hints: dict[str, Any]) -> None:
    message = folders(hints)
    check(caught(lambda: parsed(message | {"signal": message["signal"] | odd})))
