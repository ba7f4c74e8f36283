"""Previews of margin and charges: the bytes that leave, the vendors' own examples read, and what no amount is made of."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma.adapters.estimates import with_rest
from sigma.adapters.rows import RowError
from sigma.domain.charges import Charges
from sigma.domain.errors import BrokerUnavailable
from sigma.domain.orders import OrderRequest, OrderType, Product, Side
from sigma.ports.broker import Broker
from tests.adapters.house import account, wanted
from tests.adapters.raw_server import RawRequest, RawServer, http, js

pytestmark = pytest.mark.filterwarnings("ignore:ssl.OP_NO:DeprecationWarning")

STOP = wanted(order_type=OrderType.SL, side=Side.SELL, trigger_price=Decimal("1200.50"), product=Product.MIS)
MARKET = wanted(order_type=OrderType.MARKET, price=None)
CHARGED = {
    "transaction_tax": 1.498,
    "transaction_tax_type": "stt",
    "exchange_turnover_charge": 0.051681,
    "sebi_turnover_charge": 0.001498,
    "brokerage": 0.01,
    "stamp_duty": 0.22,
    "gst": {"igst": 0.011372219999999999, "cgst": 0, "sgst": 0, "total": 0.011372219999999999},
    "total": 1.79255122,
}
NEEDED = {
    "type": "equity",
    "tradingsymbol": "INFY",
    "exchange": "NSE",
    "span": 0,
    "exposure": 0,
    "option_premium": 0,
    "additional": 0,
    "bo": 0,
    "cash": 0,
    "var": 1498,
    "pnl": {"realised": 0, "unrealised": 0},
    "leverage": 1,
    "charges": CHARGED,
    "total": 1498,
}
# The vendor's example, as its documentation prints it.
BATCH = {
    "totalMarginRequired": 29612.35,
    "marginComponents": {
        "netPremium": 5060,
        "spanMargin": 0,
        "marginBenefit": 79876.5,
        "deliveryMargin": 0,
        "nonNFOMargin": 0,
        "totOptionsPremium": 10100,
    },
    "marginBreakup": [{"exchange": "NFO", "productType": "INTRADAY", "totalMarginRequired": 19512.35}],
    "optionsBuy": {"totOptionsPremium": 10100, "optionDetails": []},
}


def part(name: str, amount: object, *parts: object) -> dict[str, object]:
    return {"name": name, "amount": amount, "msg": "", "breakup": list(parts)}


NOTE = {
    "summary": {
        "total_charges": 3.0796,
        "trade_value": 16000,
        "breakup": [
            part("Angel One Brokerage", 0.0),
            part(
                "External Charges",
                2.976,
                part("Exchange Transaction Charges", 0.56),
                part("Stamp Duty", 2.4),
                part("SEBI Fees", 0.016),
            ),
            part("Taxes", 0.1036, part("Security Transaction Tax", 0.0), part("GST", 0.1036)),
        ],
    },
    "charges": [],
}


def said(broker: str, data: object) -> bytes:
    if broker == "zerodha":
        return js(200, {"status": "success", "data": data})
    return js(200, {"status": True, "message": "SUCCESS", "errorcode": "", "data": data})


def margin_of(*requests: OrderRequest) -> Callable[[Broker], Any]:
    return lambda broker: broker.margin(requests)


def charges_of(*requests: OrderRequest) -> Callable[[Broker], Any]:
    return lambda broker: broker.charges([(request, Decimal("1450.10")) for request in requests])


def asked(broker: str, data: object, ask: Callable[[Broker], Any]) -> tuple[Any, RawRequest]:
    with RawServer([said(broker, data)]) as server:
        return ask(account(broker, server.url)), server.requests[0]


def test_kite_is_asked_for_one_order_by_itself() -> None:
    found, sent = asked("zerodha", [NEEDED], margin_of(wanted()))
    assert (sent.method, sent.path, sent.headers["content-type"]) == ("POST", "/margins/orders", "application/json")
    assert json.loads(sent.body) == [
        {
            "exchange": "NSE",
            "tradingsymbol": "INFY",
            "transaction_type": "BUY",
            "variety": "regular",
            "product": "CNC",
            "order_type": "LIMIT",
            "quantity": 5,
            "price": 1200,
            "trigger_price": 0,
        }
    ]
    assert (found.total, found.final_total, found.span) == (Decimal(1498), Decimal(1498), None)
    assert found.charges.total == Decimal("1.79255122")


def test_kite_is_asked_for_several_with_the_positions_there_are() -> None:
    answer = {
        "initial": NEEDED | {"total": 2000.5},
        "final": NEEDED | {"span": 12.5, "total": 1500},
        "orders": [],
        "charges": CHARGED,
    }
    found, sent = asked("zerodha", answer, margin_of(STOP, MARKET))
    assert (sent.method, sent.path) == ("POST", "/margins/basket?consider_positions=True")
    first, second = json.loads(sent.body)
    assert (first["order_type"], first["trigger_price"], first["transaction_type"]) == ("SL", 1200.5, "SELL")
    assert (second["order_type"], second["price"], second["trigger_price"]) == ("MARKET", 0, 0)
    assert (found.total, found.final_total, found.benefit, found.span) == (
        Decimal("2000.5"),
        Decimal(1500),
        Decimal("500.5"),
        Decimal("12.5"),
    )


def test_kite_is_asked_for_a_virtual_contract_note_and_its_lines_are_added_up() -> None:
    found, sent = asked("zerodha", [{"charges": CHARGED}, {"charges": CHARGED}], charges_of(wanted(), STOP))
    assert (sent.method, sent.path) == ("POST", "/charges/orders")
    first, second = json.loads(sent.body)
    assert first == {
        "order_id": "1",
        "exchange": "NSE",
        "tradingsymbol": "INFY",
        "transaction_type": "BUY",
        "variety": "regular",
        "product": "CNC",
        "order_type": "LIMIT",
        "quantity": 5,
        "average_price": 1450.1,
    }
    assert (second["order_id"], second["product"]) == ("2", "MIS")
    assert (found.stt, found.brokerage) == (Decimal("2.996"), Decimal("0.02"))
    assert found.total == Decimal("3.58510244")


def test_smartapi_is_asked_for_a_batch_of_positions() -> None:
    found, sent = asked("angelone", BATCH, margin_of(wanted(price=Decimal("1200.50")), MARKET))
    assert (sent.method, sent.path) == ("POST", "/rest/secure/angelbroking/margin/v1/batch")
    first, second = json.loads(sent.body)["positions"]
    assert first == {
        "exchange": "NSE",
        "qty": 5,
        "price": 1200.5,
        "productType": "DELIVERY",
        "token": "1594",
        "tradeType": "BUY",
        "orderType": "LIMIT",
    }
    assert (second["orderType"], second["price"]) == ("MARKET", 0)
    assert (found.final_total, found.benefit) == (Decimal("29612.35"), Decimal("79876.5"))
    assert (found.span, found.exposure, found.option_premium, found.charges) == (None, None, Decimal(10100), None)


def test_smartapi_is_asked_for_charges_in_texts_and_an_unknown_part_is_other() -> None:
    found, sent = asked("angelone", NOTE, charges_of(wanted()))
    assert (sent.method, sent.path) == ("POST", "/rest/secure/angelbroking/brokerage/v1/estimateCharges")
    assert json.loads(sent.body) == {
        "orders": [
            {
                "product_type": "DELIVERY",
                "transaction_type": "BUY",
                "quantity": "5",
                "price": "1450.1",
                "exchange": "NSE",
                "symbol_name": "INFY-EQ",
                "token": "1594",
            }
        ]
    }
    assert (found.transaction, found.stamp, found.sebi, found.gst) == tuple(map(Decimal, ("0.56", "2.4", "0.016", "0.1036")))
    assert (found.total, found.other) == (Decimal("3.0796"), 0)
    strange = {"summary": {"total_charges": 3, "breakup": [part("Angel One Brokerage", 1), part("Clearing", 1.5)]}}
    found, _ = asked("angelone", strange, charges_of(wanted()))
    assert (found.brokerage, found.other, found.total) == (1, 2, 3)


def without(data: dict[str, Any], *path: str, value: object = None) -> dict[str, Any]:
    """Return an answer in which one thing is missing, or is another value."""
    copy = json.loads(json.dumps(data))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    if value is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return copy


BASKET = {"initial": NEEDED, "final": NEEDED, "orders": []}
MANY = (wanted(), STOP)
UNUSABLE = [
    *(
        (broker, f"{name} {json.dumps(data)[:20]}", ask, data)
        for broker in ("zerodha", "angelone")
        for name, ask in (("margin", margin_of(wanted())), ("charges", charges_of(wanted())))
        for data in (None, [], {}, "1500", 1500, [None], [[]], {"total": 1}, [{"total": "much"}], {"summary": []})
    ),
    ("zerodha", "two rows for one order", margin_of(wanted()), [NEEDED, NEEDED]),
    ("zerodha", "zero", margin_of(wanted()), [NEEDED | {"total": 0}]),
    ("zerodha", "negative", margin_of(wanted()), [NEEDED | {"total": -5}]),
    ("zerodha", "a total that is a text", margin_of(wanted()), [NEEDED | {"total": "N/A"}]),
    ("zerodha", "true as total", margin_of(wanted()), [NEEDED | {"total": True}]),
    ("zerodha", "a basket without final", margin_of(*MANY), without(BASKET, "final")),
    ("zerodha", "a basket of nothing", margin_of(*MANY), without(BASKET, "final", "total", value=-1)),
    ("zerodha", "too few lines", charges_of(*MANY), [{"charges": CHARGED}]),
    ("zerodha", "no tax", charges_of(wanted()), [{"charges": without(CHARGED, "transaction_tax")}]),
    ("zerodha", "no gst", charges_of(wanted()), [{"charges": without(CHARGED, "gst")}]),
    ("zerodha", "parts above the total", charges_of(wanted()), [{"charges": CHARGED | {"brokerage": 20}}]),
    ("zerodha", "a negative part", charges_of(wanted()), [{"charges": CHARGED | {"stamp_duty": -0.22}}]),
    ("angelone", "zero", margin_of(wanted()), BATCH | {"totalMarginRequired": 0}),
    ("angelone", "no benefit among several", margin_of(*MANY), without(BATCH, "marginComponents", "marginBenefit")),
    ("angelone", "a negative benefit", margin_of(*MANY), without(BATCH, "marginComponents", "marginBenefit", value=-1)),
    ("angelone", "no summary", charges_of(wanted()), without(NOTE, "summary")),
    ("angelone", "zero charges", charges_of(wanted()), without(NOTE, "summary", "total_charges", value=0.0)),
    ("angelone", "parts above the total", charges_of(wanted()), without(NOTE, "summary", "total_charges", value=1)),
    ("angelone", "a breakup that is none", charges_of(wanted()), without(NOTE, "summary", "breakup", value={"a": 1})),
    ("angelone", "a part without a name", charges_of(wanted()), {"summary": {"total_charges": 1, "breakup": [{"amount": 1}]}}),
]


@pytest.mark.parametrize(("broker", "name", "ask", "data"), UNUSABLE, ids=[f"{one[0]}-{one[1]}" for one in UNUSABLE])
def test_an_answer_of_another_shape_is_told_in_words_and_never_as_an_amount(
    broker: str, name: str, ask: Callable[[Broker], Any], data: object
) -> None:
    with pytest.raises(BrokerUnavailable, match=r"names no (margin|charges) that can be used") as caught:
        asked(broker, data, ask)
    assert not caught.value.retryable


@pytest.mark.parametrize("broker", ["zerodha", "angelone"])
def test_nan_and_endless_nesting_are_no_answer(broker: str) -> None:
    for body in ('{"status":"success","data":[{"total":NaN}]}', b"[" * 100_000):
        with RawServer([http(200, body)]) as server, pytest.raises(BrokerUnavailable):
            account(broker, server.url).margin([wanted()])


DEEP: dict[str, Any] = {"name": "x", "amount": 1, "breakup": []}


def test_a_breakup_is_not_followed_without_end() -> None:
    nested: dict[str, Any] = DEEP
    for _ in range(20):
        nested = DEEP | {"breakup": [nested]}
    with pytest.raises(BrokerUnavailable, match="nested too deep"):
        asked("angelone", {"summary": {"total_charges": 1, "breakup": [nested]}}, charges_of(wanted()))


AMOUNTS = st.decimals(min_value=0, max_value=10**6, places=4)


@given(parts=st.tuples(*[AMOUNTS] * 6), rest=st.decimals(min_value=-5, max_value=100, places=4))
def test_charges_add_up_to_the_brokers_total_or_are_refused(parts: tuple[Decimal, ...], rest: Decimal) -> None:
    known = Charges(*parts)
    total = known.total + rest
    if rest < Decimal("-0.10"):
        with pytest.raises(RowError):
            with_rest(known, total)
        return
    assert with_rest(known, total).total == total
