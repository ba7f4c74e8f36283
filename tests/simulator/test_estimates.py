"""Margin and charge previews through the unmodified official clients, by the simulator's documented rules."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from kiteconnect import KiteConnect
from kiteconnect import exceptions as kite_errors

from sigma.domain.instruments import Kind
from sigma.domain.orders import Product, Side
from sigma.simulator.estimates import Wish, alone, charges, together
from sigma.simulator.exchange import Exchange
from sigma.simulator.model import SimPosition
from sigma.simulator.securities import Security
from sigma.simulator.server import SimulatorServer
from tests.simulator.conftest import raw
from tests.simulator.control import Control


def order(symbol: str = "INFY", **more: Any) -> dict[str, Any]:
    plain = {"exchange": "NSE", "tradingsymbol": symbol, "transaction_type": "BUY", "variety": "regular", "product": "CNC"}
    return plain | {"order_type": "LIMIT", "quantity": 10, "price": 1450, "trigger_price": 0} | more


def of(exchange: Exchange, kind: Kind, number: int = 0) -> Security:
    rows = [one for one in exchange.universe if one.kind is kind and (kind is not Kind.OPTION or one.option_type == "CE")]
    first = rows[0]
    return [one for one in rows if (one.underlying, one.expiry) == (first.underlying, first.expiry)][number]


def wish(security: Security, side: Side = Side.BUY, product: Product = Product.NRML, lots: int = 1, price: int = 100) -> Wish:
    return Wish(security, side, security.lot * lots, product, Decimal(price))


def test_shares_need_their_value_for_delivery_and_a_fifth_of_it_for_the_day(exchange: Exchange) -> None:
    share = exchange.security("NSE:INFY")
    assert share is not None
    spot = exchange.last_price
    assert alone(wish(share, product=Product.CNC, lots=10), spot).total == 1000
    assert alone(wish(share, product=Product.MIS, lots=10), spot).total == 200
    assert alone(wish(share, Side.SELL, Product.CNC, 10), spot).total == 0


def test_a_contract_needs_span_and_exposure_and_a_bought_option_its_premium(exchange: Exchange) -> None:
    future, option = of(exchange, Kind.FUTURE), of(exchange, Kind.OPTION)
    needed = alone(wish(future), exchange.last_price)
    assert needed.total == 100 * future.lot * Decimal("0.12")
    assert needed.exposure == needed.total * Decimal("0.20")
    bought = alone(wish(option), exchange.last_price)
    assert (bought.premium, bought.span) == (100 * option.lot, 0)


def test_a_short_option_that_a_bought_one_covers_needs_half(exchange: Exchange) -> None:
    sold, bought = wish(of(exchange, Kind.OPTION), Side.SELL, lots=2), wish(of(exchange, Kind.OPTION, 1))
    spot = exchange.last_price
    naked, covered = together([sold], [], spot), together([sold, bought], [], spot)
    assert naked.total == alone(sold, spot).total
    assert covered.total - covered.premium == naked.total * Decimal("0.75"), "one of its two lots is covered"


def test_what_closes_a_position_needs_nothing(exchange: Exchange) -> None:
    future = of(exchange, Kind.FUTURE)
    held = SimPosition(future, Product.NRML, day_buy=future.lot)
    leaving, more = wish(future, Side.SELL), wish(future, Side.SELL, lots=3)
    assert together([leaving], [held], exchange.last_price).total == 0
    assert (
        together([more], [held], exchange.last_price).total == alone(wish(future, Side.SELL, lots=2), exchange.last_price).total
    )
    assert together([leaving, leaving], [held], exchange.last_price).total == alone(leaving, exchange.last_price).total


@pytest.mark.parametrize(
    ("kind", "side", "product", "tax", "stamp"),
    [
        (Kind.FUTURE, Side.SELL, Product.NRML, "0.0005", "0"),
        (Kind.FUTURE, Side.BUY, Product.NRML, "0", "0.00002"),
        (Kind.OPTION, Side.SELL, Product.NRML, "0.0015", "0"),
        (Kind.OPTION, Side.BUY, Product.MIS, "0", "0.00003"),
    ],
)
def test_charges_are_those_of_the_year(
    exchange: Exchange, kind: Kind, side: Side, product: Product, tax: str, stamp: str
) -> None:
    asked = wish(of(exchange, kind), side, product)
    paid = charges(asked)
    assert (paid.tax, paid.stamp) == (asked.turnover * Decimal(tax), asked.turnover * Decimal(stamp))
    assert paid.gst == (paid.brokerage + paid.exchange + paid.sebi) * Decimal("0.18")


def test_the_official_kite_client_gets_margins_and_a_contract_note(kite: KiteConnect) -> None:
    (row,) = kite.order_margins([order()])
    assert (row["type"], row["tradingsymbol"], row["total"], row["var"], row["leverage"]) == ("equity", "INFY", 14500, 14500, 1)
    assert row["charges"]["transaction_tax"] == pytest.approx(14.5)
    basket = kite.basket_order_margins([order(), order("TCS", product="MIS", price=3000)])
    assert (basket["initial"]["total"], basket["final"]["total"], len(basket["orders"])) == (20500, 20500, 2)
    compact = kite.basket_order_margins([order()], mode="compact")
    assert "charges" not in compact
    assert compact["orders"] == [{"type": "equity", "total": 14500}]
    (note,) = kite.get_virtual_contract_note([order(order_id="1", average_price=1500)])
    assert (note["price"], note["quantity"], note["transaction_type"]) == (1500, 10, "BUY")
    parts = note["charges"]
    told = sum(
        parts[name] for name in ("transaction_tax", "exchange_turnover_charge", "sebi_turnover_charge", "brokerage", "stamp_duty")
    )
    assert parts["total"] == pytest.approx(told + parts["gst"]["total"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"tradingsymbol": "NOSUCH"},
        {"product": "NRML"},
        {"quantity": 0.5},
        {"transaction_type": "HOLD"},
        {"variety": "odd"},
        {"price": "much"},
    ],
)
def test_what_kite_does_not_understand_is_an_input_exception(kite: KiteConnect, wrong: dict[str, Any]) -> None:
    with pytest.raises(kite_errors.InputException):
        kite.order_margins([order(**wrong)])


def test_a_contract_note_needs_id_and_price_and_every_list_something(kite: KiteConnect) -> None:
    for params in ([order(average_price=1500)], [order(order_id="1")], [order(order_id="1", average_price=0)], []):
        with pytest.raises(kite_errors.InputException):
            kite.get_virtual_contract_note(params)
    for body in ("{}", "no json", "[1]"):
        assert raw(kite, "POST", "/margins/orders", data=body).status_code == 400


def test_the_official_smartapi_client_gets_margin_and_charges(api: Any) -> None:
    position = {"exchange": "NSE", "qty": 10, "price": 1450, "productType": "DELIVERY", "token": "1594", "tradeType": "BUY"}
    data = api.getMarginApi({"positions": [position | {"orderType": "LIMIT"}]})["data"]
    assert data["totalMarginRequired"] == 14500
    assert data["marginComponents"]["marginBenefit"] == 0
    asked = {"product_type": "INTRADAY", "transaction_type": "SELL", "quantity": "10", "price": "1450", "exchange": "NSE"}
    note = api.estimateCharges({"orders": [asked | {"symbol_name": "INFY-EQ", "token": "1594"}]})["data"]
    groups = {group["name"]: group for group in note["summary"]["breakup"]}
    assert groups.keys() == {"Angel One Brokerage", "External Charges", "Taxes"}
    assert note["summary"]["total_charges"] == pytest.approx(sum(group["amount"] for group in groups.values()), abs=0.001)
    assert groups["Taxes"]["breakup"][0] == {"name": "Security Transaction Tax", "amount": 3.625, "msg": "", "breakup": []}
    assert [one["trade_value"] for one in note["charges"]] == [14500]


def test_smartapi_refuses_more_than_fifty_and_what_it_does_not_know(api: Any) -> None:
    good = {
        "exchange": "NSE",
        "qty": 1,
        "price": 0,
        "productType": "DELIVERY",
        "token": "1594",
        "tradeType": "BUY",
        "orderType": "MARKET",
    }
    for positions in (
        [],
        [good] * 51,
        [good | {"token": "0"}],
        [good | {"productType": "ODD"}],
        [good | {"orderType": "ODD"}],
        "x",
    ):
        assert api.getMarginApi({"positions": positions})["status"] is False
    assert api.getMarginApi({"positions": [good] * 50})["status"] is True


def test_previews_have_rate_limits_of_their_own(sim: SimulatorServer, control: Control, kite: KiteConnect) -> None:
    control.post("config", {"read_rate_enforced": True})

    def until_refused() -> None:
        for _ in range(500):
            kite.order_margins([order()])

    with pytest.raises(kite_errors.NetworkException):
        until_refused()
    assert control.get("writes") == []
