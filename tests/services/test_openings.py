"""When an account's openings are adopted, and when the lists at hand are not good enough for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from sigma.domain.accounts import Account
from sigma.domain.errors import BrokerUnavailable
from sigma.domain.ledger import Opening
from sigma.domain.orders import Product
from sigma.domain.portfolio import Holding, Position
from sigma.domain.times import ist_date
from sigma.services.upkeep import Upkeep
from tests.services.rooms import FRIDAY, Rooms

TODAY = ist_date(FRIDAY)
INFY = Holding("NSE:INFY", "INFY", "NSE", None, 10, 0, 0, Decimal(1400), Decimal(1520), Decimal(1500))
SOLD = Position(
    "NSE:INFY", "INFY", "NSE", Product.CNC, -2, 0, Decimal(1510), Decimal(1520), None, Decimal(0), Decimal(0), 0, 2
)  # fmt: skip


@pytest.fixture
def account(rooms: Rooms) -> Account:
    rooms.alpha.held = (INFY,)
    made = rooms.connected()
    rooms.alpha.calls.clear()
    return made


@pytest.fixture
def upkeep(rooms: Rooms, account: Account) -> Upkeep:
    return Upkeep(rooms.store, rooms.clock, rooms.connections, rooms.settings, rooms.portfolio, rooms.openings, account.id)


def never() -> bool:
    return False


def adopted(rooms: Rooms, account: Account) -> list[Opening] | None:
    with rooms.store.read() as tx:
        found = tx.ledger.openings(account.id, ist_date(rooms.clock.now()))
    return None if found is None else list(found)


def test_the_first_lists_after_the_market_opened_are_adopted_and_the_next_ones_are_not(
    rooms: Rooms, account: Account, upkeep: Upkeep
) -> None:
    upkeep.step(never)
    assert rooms.alpha.calls == ["positions", "funds", "holdings", "positions"]
    assert adopted(rooms, account) == [
        Opening(account.id, TODAY, "NSE:INFY", Product.CNC, 10, Decimal(1500), Decimal(1400), rooms.clock.now())
    ]
    rooms.alpha.held = (replace(INFY, quantity=50),)
    rooms.settings.set("portfolio.refresh_every", 60, user_id=rooms.user)
    rooms.clock.pass_by(120)
    upkeep.step(never)
    assert [line.quantity for line in adopted(rooms, account) or ()] == [10]


def test_before_the_market_opens_nothing_is_adopted_and_the_lists_are_read_again_then(
    rooms: Rooms, account: Account, upkeep: Upkeep
) -> None:
    rooms.clock.moment = FRIDAY - timedelta(hours=2)
    upkeep.step(never)
    assert adopted(rooms, account) is None
    rooms.clock.pass_by(2 * 3600)
    rooms.alpha.calls.clear()
    upkeep.step(never)
    assert rooms.alpha.calls == ["positions", "funds", "holdings", "positions"]
    assert adopted(rooms, account)


def test_on_a_day_without_a_session_nothing_is_adopted(rooms: Rooms, account: Account, upkeep: Upkeep) -> None:
    rooms.clock.pass_by(24 * 3600)
    upkeep.step(never)
    assert adopted(rooms, account) is None
    assert rooms.openings.adopt(account.id) is False


def test_lists_between_which_delivery_sales_went_on_are_read_again(rooms: Rooms, account: Account, upkeep: Upkeep) -> None:
    left = [(SOLD, 2), (replace(SOLD, quantity=-5), 5)]

    def sells() -> None:
        if rooms.alpha.calls[-1:] == ["holdings"] and left:
            position, sold = left.pop(0)
            rooms.alpha.open_positions, rooms.alpha.held = (position,), (replace(INFY, quantity=10 - sold),)

    rooms.alpha.slow = sells
    upkeep.step(never)
    assert adopted(rooms, account) is None
    for _ in range(4):
        rooms.clock.pass_by(10)
        upkeep.step(never)
    assert [line.quantity for line in adopted(rooms, account) or ()] == [10]


def test_a_broker_that_is_away_is_asked_again(rooms: Rooms, account: Account, upkeep: Upkeep) -> None:
    rooms.alpha.failures = [BrokerUnavailable("away")]
    upkeep.step(never)
    assert adopted(rooms, account) is None
    for _ in range(3):
        rooms.clock.pass_by(60)
        upkeep.step(never)
    assert adopted(rooms, account)


def test_an_account_that_holds_nothing_has_an_empty_list(rooms: Rooms, account: Account, upkeep: Upkeep) -> None:
    rooms.alpha.held = ()
    upkeep.step(never)
    assert adopted(rooms, account) == []
