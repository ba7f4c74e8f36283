"""Selling for delivery: no more than is there, and what the depository wants first is told with the broker's link."""

from __future__ import annotations

from decimal import Decimal

import pytest

from sigma.domain.errors import InvalidOrder
from sigma.domain.orders import OrderStatus
from sigma.services.orders import before_wire
from tests.orders.stage import CLIENTS, KITE, PRICE, SMART, Stage

BOTH = pytest.mark.parametrize("account", [KITE, SMART])
INFY = "NSE:INFY"


def held(stage: Stage, account: str) -> int:
    """Return how many shares the account can sell, and see that what is stored says the same as what was read."""
    services = stage.house.orders
    found = before_wire.sellable_of(services.house, stage.account(account), INFY)
    assert found is not None
    assert before_wire.sellable_all(services.house, stage.account(account))[INFY] == found
    return found.quantity


@BOTH
def test_more_than_is_held_is_refused_before_the_wire_with_the_numbers(stage: Stage, account: str) -> None:
    there = held(stage, account)
    assert there > 0
    with pytest.raises(InvalidOrder, match=f"can sell {there} of NSE:INFY for delivery") as told:
        stage.order(account, "SELL", there + 1, product="CNC")
    assert told.value.code == "NOT_SELLABLE"
    assert stage.orders(account) == []


@BOTH
def test_what_is_being_sold_already_and_what_was_sold_today_is_not_sold_twice(stage: Stage, account: str) -> None:
    there = held(stage, account)
    stage.order(account, "SELL", 1, product="CNC")
    assert held(stage, account) == there - 1
    stage.send(account)
    stage.settled(stage.orders(account)[0], account)
    assert held(stage, account) == there - 1
    stage.advance(5)
    stage.desk.holdings(account, refresh=True)
    assert held(stage, account) == there - 1
    with pytest.raises(InvalidOrder, match="can sell"):
        stage.order(account, "SELL", there, product="CNC")


@BOTH
def test_what_was_bought_for_delivery_today_can_be_sold(stage: Stage, account: str) -> None:
    there = held(stage, account)
    stage.executed(account, quantity=3, product="CNC")
    stage.desk.holdings(account, refresh=True)
    assert held(stage, account) == there + 3


def test_a_waiting_order_is_judged_at_its_approval_and_stays_in_the_queue(stage: Stage) -> None:
    order = stage.order(None, "SELL", held(stage, KITE) + 1, product="CNC", queue=True)
    with pytest.raises(InvalidOrder, match="can sell"):
        stage.desk.orders.approve(order.id, account=KITE)
    assert stage.get(order).status is OrderStatus.WAITING


def test_an_intraday_sale_needs_no_holdings(stage: Stage) -> None:
    assert stage.order(KITE, "SELL", held(stage, KITE) + 1, product="MIS").status is OrderStatus.APPROVED


def test_holdings_that_are_not_known_refuse_nothing_and_are_told_of_in_the_preview(stage: Stage) -> None:
    stage.fault("html_504", "holdings", times=None)
    order = stage.order(KITE, "SELL", 1_000_000, product="CNC", queue=True)
    warned = before_wire.warnings(stage.house.orders.house, order.request, stage.account(KITE))
    assert warned == ["What kite can sell of NSE:INFY is not known: its holdings of today could not be read."]
    assert stage.desk.orders.approve(order.id, account=KITE).status is OrderStatus.APPROVED


def test_missing_authorisation_is_told_with_the_broker_s_link_before_and_after_the_refusal(stage: Stage) -> None:
    owner = stage.server.exchange.account("zerodha", CLIENTS[KITE])
    assert owner is not None
    owner.demat_consent = False
    order = stage.order(KITE, "SELL", 1, product="CNC", queue=True)
    (warned,) = before_wire.warnings(stage.house.orders.house, order.request, stage.account(KITE))
    assert "0 are authorised" in warned
    assert "https://kite.zerodha.com/holdings" in warned
    assert warned in stage.desk.orders.preview_of(order.id, account=KITE).warnings
    stage.desk.orders.approve(order.id, account=KITE)
    stage.send()
    assert stage.settled(order).status is OrderStatus.REJECTED
    hint = stage.desk.orders.why(order.id).events[-1]
    assert (hint.kind, "https://kite.zerodha.com/holdings" in hint.text) == ("AUTHORISE", True)


def test_a_limit_outside_the_day_s_band_is_refused_once_the_band_is_known(stage: Stage) -> None:
    (quote,) = stage.house.market.of(stage.account(KITE), [INFY]).values()
    assert quote.upper_circuit is not None
    beyond = quote.upper_circuit + Decimal(10)
    with pytest.raises(InvalidOrder, match=f"price band of {quote.lower_circuit} to {quote.upper_circuit}"):
        stage.order(KITE, price=beyond)
    assert stage.order(KITE, price=PRICE).status is OrderStatus.APPROVED
