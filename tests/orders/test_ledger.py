"""The ledger against the exchange: what it says of a day's positions is what the broker says."""

from __future__ import annotations

import random

import pytest

from sigma.domain.orders import Product
from sigma.domain.portfolio import Holding, Position
from tests.orders.stage import KITE, PRICE, SMART, Stage, eventually

BOTH = pytest.mark.parametrize("account", [KITE, SMART])
Units = dict[tuple[str, Product], int]


def adopt(stage: Stage, account: str) -> None:
    """Let the worker's keeper of lists read them once."""
    stage.house.upkeep(stage.account(account).id).step(lambda: False)


def ledger(stage: Stage, account: str) -> Units:
    with stage.house.store.read() as tx:
        return dict(stage.house.ledger.positions(tx, stage.account(account).id))


def broker(stage: Stage, account: str) -> Units:
    """Return what the broker's two lists say together: shares owned this morning, and what the day did."""
    number, found = stage.account(account).id, Units()
    positions: tuple[Position, ...] = stage.house.portfolio.positions(number, refresh=True).rows
    holdings: tuple[Holding, ...] = stage.house.portfolio.holdings(number, refresh=True).rows
    for row in positions:
        if row.listing and row.product and not (row.product is Product.CNC and row.quantity < 0):
            found[row.listing, row.product] = found.get((row.listing, row.product), 0) + row.quantity
    for held in holdings:  # sales of the day are off the holdings already
        if held.listing:
            found[held.listing, Product.CNC] = found.get((held.listing, Product.CNC), 0) + held.total
    return {key: units for key, units in found.items() if units}


def a_day(stage: Stage, account: str, chance: random.Random, orders: int) -> None:
    """Buy and sell at random in two products; delivery never sells more than is held."""
    for _ in range(orders):
        product = chance.choice(["MIS", "CNC"])
        held = ledger(stage, account).get(("NSE:INFY", Product.CNC), 0)
        side = chance.choice(["BUY", "SELL"])
        quantity = chance.randint(1, 5)
        if product == "CNC" and side == "SELL" and held < quantity:
            side = "BUY"
        order = stage.order(account, side=side, quantity=quantity, product=product)
        eventually(lambda: stage.send(account))  # the broker takes so many a second
        assert stage.settled(order, account).filled_quantity == quantity


@BOTH
def test_after_a_random_day_the_ledger_is_what_the_broker_says(stage: Stage, account: str) -> None:
    adopt(stage, account)
    a_day(stage, account, random.Random(account), 10)
    assert ledger(stage, account) == broker(stage, account)


@BOTH
def test_openings_adopted_late_in_the_day_are_those_of_the_morning(stage: Stage, account: str) -> None:
    before = broker(stage, account)
    held = before.get(("NSE:INFY", Product.CNC), 0)
    if held >= 2:
        stage.executed(account, side="SELL", quantity=2, product="CNC")
    stage.executed(account, side="BUY", quantity=3)
    adopt(stage, account)
    with stage.house.store.read() as tx:
        found = tx.ledger.openings(stage.account(account).id, stage.desk.now().date())
    assert found is not None
    assert {(line.listing, line.product): line.quantity for line in found} == before


@BOTH
def test_over_night_the_next_list_takes_over(stage: Stage, account: str) -> None:
    adopt(stage, account)
    stage.executed(account, side="BUY", quantity=3, product="CNC")
    stage.executed(account, side="SELL", quantity=2)
    before = ledger(stage, account)
    stage.overnight()
    stage.hold(PRICE)
    without = {key: units for key, units in before.items() if key[1] is not Product.MIS}
    assert ledger(stage, account) == without
    adopt(stage, account)
    assert ledger(stage, account) == without == broker(stage, account)


def test_the_day_is_worth_what_the_broker_says_less_charges(stage: Stage) -> None:
    adopt(stage, KITE)
    stage.executed(KITE, side="BUY", quantity=10)
    stage.executed(KITE, side="SELL", quantity=4)
    stage.hold(PRICE + 20)
    position = next(
        row
        for row in stage.house.portfolio.positions(stage.account(KITE).id, refresh=True).rows
        if (row.listing, row.product) == ("NSE:INFY", Product.MIS)
    )
    with stage.house.store.read() as tx:
        book = stage.house.ledger.day(
            tx,
            user_id=stage.user_id,
            account_id=stage.account(KITE).id,
            strategy="",
            prices={"NSE:INFY": position.last_price},
            now=stage.desk.now(),
        )
    assert book.charges > 0
    assert "NSE:INFY" not in book.missing
    assert round(book.realised + book.open - position.pnl, 2) == _of_holdings(stage, position)


def _of_holdings(stage: Stage, position: Position) -> object:
    """Return what the shares held of the same listing gained since the session began."""
    with stage.house.store.read() as tx:
        lines = tx.ledger.openings(stage.account(KITE).id, stage.desk.now().date()) or ()
    return round(
        sum((position.last_price - line.reference_price) * line.quantity for line in lines if line.listing == position.listing), 2
    )


def test_the_desk_tells_the_day_and_its_round_trips(stage: Stage) -> None:
    adopt(stage, KITE)
    bought = stage.executed(KITE, side="BUY", quantity=10)
    sold = stage.executed(KITE, side="SELL", quantity=4)
    trips = stage.desk.orders.round_trips(KITE)
    (trip,) = trips.to_dict("records")
    assert (trip["account"], trip["side"], trip["quantity"]) == (KITE, "BUY", 4)
    assert (trip["entry_order_id"], trip["exit_order_id"]) == (bought.id, sold.id)
    assert stage.desk.orders.round_trips(SMART).empty
    day = stage.desk.day(KITE)
    assert day.missing == ()
    assert day.charges > 0
    assert day.total == day.realised + day.open - day.charges
    assert stage.desk.day(strategy="no such").total == 0
