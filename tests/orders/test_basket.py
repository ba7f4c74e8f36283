"""Baskets: looked at together, submitted each by itself, what is bought first."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from sigma.desk.baskets import LEGS, MARGIN
from sigma.domain.errors import Conflict, InvalidOrder, NotFound, Unsupported
from sigma.domain.instruments import Kind
from sigma.domain.orders import OrderStatus
from tests.orders.stage import KITE, SMART, Stage

BOTH = pytest.mark.parametrize("account", [KITE, SMART])


def leg(listing: str = "NSE:INFY", side: str = "BUY", quantity: int = 5, **more: Any) -> dict[str, Any]:
    """Return a row that rests far from the market."""
    return {"listing": listing, "side": side, "quantity": quantity, "order_type": "LIMIT", "price": 1400, **more}


def spread(stage: Stage) -> list[dict[str, Any]]:
    """Return a sold and a bought call of the same expiry, in this order."""
    calls: dict[object, list[Any]] = {}
    for one in stage.server.exchange.universe:
        if one.kind is Kind.OPTION and one.option_type == "CE":
            calls.setdefault((one.underlying, one.expiry), []).append(one)
    sold, bought = next(iter(calls.values()))[:2]
    terms = {"product": "NRML", "price": 900}
    return [leg(sold.listing, "SELL", sold.lot, **terms), leg(bought.listing, "BUY", bought.lot, **terms)]


@BOTH
def test_margin_of_a_basket_is_told_with_its_benefit_and_leaves_no_trace(stage: Stage, account: str) -> None:
    found = stage.desk.orders.margin(spread(stage), account=account)
    assert list(found.columns) == list(MARGIN)
    (row,) = found.to_dict("records")
    assert (row["account"], row["orders"], row["reason"], row["charges_reason"]) == (account, 2, "", "")
    assert row["benefit"] == pytest.approx(row["total"] - row["final_total"])
    assert row["benefit"] > 0
    assert row["charges"] > 0
    assert stage.orders(account) == []
    assert stage.requests("place") == []


@BOTH
def test_margin_that_is_not_known_is_missing_with_its_reason(stage: Stage, account: str) -> None:
    stage.fault("html_504", "margin", times=None)
    (row,) = stage.desk.orders.margin([leg()], account=account).to_dict("records")
    assert pd.isna(row["total"])
    assert pd.isna(row["final_total"])
    assert "did not answer" in row["reason"]


def test_margin_of_stored_orders_is_that_of_the_same_rows(stage: Stage) -> None:
    rows = [leg(product="CNC"), leg("NSE:TCS", price=3000)]
    ids = [stage.desk.orders.submit(account=None, **row).id for row in rows]
    stored, told = stage.desk.orders.margin(ids, account=KITE), stage.desk.orders.margin(rows, account=KITE)
    pd.testing.assert_frame_equal(stored, told)
    with pytest.raises(NotFound):
        stage.desk.orders.margin([99], account=KITE)


@BOTH
def test_a_basket_goes_out_order_by_order_and_what_is_bought_first(stage: Stage, account: str) -> None:
    done = stage.desk.orders.basket(spread(stage), account=account)
    assert list(done.columns) == list(LEGS)
    assert list(done["side"]) == ["BUY", "SELL"]
    assert done["done"].all()
    assert list(done["status"]) == ["APPROVED", "APPROVED"]
    assert stage.send(account) == 2
    sent = [entry["tag"] for entry in stage.requests("place")]
    assert sent == [stage.desk.orders.get(int(number)).client_order_id for number in done["order_id"]]


def test_a_basket_can_wait_in_the_queue_and_a_dry_run_stores_nothing(stage: Stage) -> None:
    seen = stage.desk.orders.basket(spread(stage), account=KITE, dry_run=True)
    assert (list(seen["side"]), list(seen["done"]), seen["order_id"].isna().all()) == (["BUY", "SELL"], [True, True], True)
    assert stage.orders(KITE) == []
    waiting = stage.desk.orders.basket(spread(stage), account=KITE, queue=True)
    assert list(waiting["status"]) == ["WAITING", "WAITING"]
    assert stage.send(KITE) == 0


def test_a_dry_run_tells_what_the_risk_gate_would_say_of_each(stage: Stage) -> None:
    stage.desk.risk.set(max_quantity_per_order=5)
    seen = stage.desk.orders.basket([leg(quantity=6), leg(quantity=5)], account=KITE, dry_run=True)
    came = stage.desk.orders.basket([leg(quantity=6), leg(quantity=5)], account=KITE)
    assert list(seen["done"]) == list(came["done"]) == [False, True]
    assert list(seen["why"]) == list(came["why"])
    assert list(came["status"]) == ["REJECTED_RISK", "APPROVED"]


def test_a_sold_contract_does_not_go_without_the_bought_one_that_hedges_it(stage: Stage) -> None:
    sold, bought = spread(stage)
    stage.desk.risk.set(max_quantity_per_order=bought["quantity"] - 1)
    done = stage.desk.orders.basket([sold, bought, leg("NSE:TCS", "SELL", price=9000)], account=KITE)
    assert list(zip(done["side"], done["done"], strict=True)) == [("BUY", False), ("SELL", False), ("SELL", True)]
    assert "held back" in done.loc[1, "why"]
    assert [order.status for order in stage.orders(KITE)].count(OrderStatus.APPROVED) == 1, "shares are no hedge of one another"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "A basket has 1 to 50 orders"),
        ([leg()] * 51, "A basket has 1 to 50 orders"),
        ([leg(), {"listing": "NSE:INFY", "side": "BUY"}], "Order 2 of the basket lacks quantity"),
        ([leg(colour="red")], "Order 1 of the basket has colour"),
        ([leg(), leg(quantity=2.5)], "Order 2 of the basket: .*whole number"),
        ([leg(), leg(price=None)], "Order 2 of the basket: Limit price is missing"),
        ([leg("NSE:NIFTY 50")], "is an index"),
    ],
)
def test_a_basket_with_an_order_that_could_never_be_is_refused_as_a_whole(
    stage: Stage, rows: list[dict[str, Any]], words: str
) -> None:
    for act in (stage.desk.orders.basket, stage.desk.orders.margin):
        with pytest.raises(InvalidOrder, match=words):
            act(rows, account=KITE)
    assert stage.orders(KITE) == []


def test_a_basket_of_what_the_broker_does_not_take_or_nobody_knows_is_refused_as_a_whole(stage: Stage) -> None:
    with pytest.raises(NotFound):
        stage.desk.orders.basket([leg(), leg("NSE:NOBODY")], account=KITE)
    with pytest.raises(NotFound):
        stage.desk.orders.basket([leg()], account="nobody")
    assert stage.orders(KITE) == []


def test_a_repeated_call_with_the_same_ids_places_nothing_twice(stage: Stage) -> None:
    rows, ids = [leg(), leg("NSE:TCS", price=3000)], [stage.desk.orders.new_id() for _ in range(2)]
    first = stage.desk.orders.basket(rows, account=KITE, ids=ids)
    again = stage.desk.orders.basket(rows, account=KITE, ids=ids)
    assert list(first["order_id"]) == list(again["order_id"])
    assert len(stage.orders(KITE)) == 2
    for wrong in (ids[:1], [ids[0], ids[0]]):
        with pytest.raises(InvalidOrder, match="no id twice"):
            stage.desk.orders.basket(rows, account=KITE, ids=wrong)


def test_one_order_that_fails_does_not_hide_what_became_of_the_others(stage: Stage) -> None:
    taken = stage.order(KITE, price=1400)
    ids = [taken.client_order_id, stage.desk.orders.new_id()]
    done = stage.desk.orders.basket([leg("NSE:TCS", price=3000), leg(quantity=7)], account=KITE, ids=ids)
    assert list(done["done"]) == [False, True]
    assert "belongs to another order" in done.loc[0, "why"]
    assert Conflict.default_code == "CONFLICT"


def test_the_ids_belong_to_their_rows_though_the_bought_ones_go_first(stage: Stage) -> None:
    sold, bought = spread(stage)
    ids = [stage.desk.orders.new_id() for _ in range(2)]
    done = stage.desk.orders.basket([sold, bought], account=KITE, ids=ids)
    found = {
        stage.desk.orders.get(int(number)).client_order_id: side
        for number, side in zip(done["order_id"], done["side"], strict=True)
    }
    assert found == {ids[0]: "SELL", ids[1]: "BUY"}


def test_a_product_that_the_broker_lacks_is_told_before_anything_goes(stage: Stage) -> None:
    with pytest.raises((Unsupported, InvalidOrder)):
        stage.desk.orders.basket([leg(), leg(product="CASH")], account=KITE)
    assert stage.orders(KITE) == []
