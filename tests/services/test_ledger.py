"""The ledger on a real store: positions, the day's result and the last loss, from openings and fills alone."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from sigma.domain.accounts import Account
from sigma.domain.ledger import DayResult, Opening
from sigma.domain.orders import CommandKind, CommandState, Product, Side
from sigma.domain.times import ist_date
from tests.services.rooms import FRIDAY, Rooms
from tests.store.values import command, fill, order

TODAY = ist_date(FRIDAY)
DAY = timedelta(days=1)
INFY = "NSE:INFY"
NUMBERS = itertools.count(1)


@pytest.fixture
def account(rooms: Rooms) -> Account:
    return rooms.account()


def execute(
    rooms: Rooms,
    account: Account,
    side: Side,
    quantity: int,
    price: int | str,
    *,
    strategy: str = "",
    at: datetime = FRIDAY,
    product: Product = Product.MIS,
    listing: str = INFY,
) -> None:
    """Store an execution of an order of its own."""
    with rooms.store.begin() as tx:
        made = tx.orders.add(order(account.id, user_id=account.user_id, strategy=strategy))
        assert tx.orders.add_fill(
            fill(
                made.id,
                account.id,
                fill_id=f"F{next(NUMBERS)}",
                side=side,
                quantity=quantity,
                price=Decimal(price),
                listing=listing,
                product=product,
                filled_at=at,
                session_date=ist_date(at),
            )
        )


def open_with(rooms: Rooms, account: Account, quantity: int, price: int, session: date = TODAY, **more: Any) -> None:
    """Adopt one line as a session's openings; none when the quantity is 0."""
    line = Opening(account.id, session, INFY, Product.CNC, quantity, Decimal(price), Decimal(price), FRIDAY)
    with rooms.store.begin() as tx:
        lines = [replace(line, **more)] if quantity else []
        assert tx.ledger.put_openings(account.id, session, lines, taken_at=FRIDAY)


def held(rooms: Rooms, account: Account) -> dict[tuple[str, Product], int]:
    with rooms.store.read() as tx:
        return dict(rooms.ledger.positions(tx, account.id))


def day(rooms: Rooms, account: Account | None = None, strategy: str | None = None, **prices: int) -> DayResult:
    """Return the day's result; prices are given as INFY=1500."""
    with rooms.store.read() as tx:
        return rooms.ledger.day(
            tx,
            user_id=rooms.user,
            account_id=account.id if account else None,
            strategy=strategy,
            prices={f"NSE:{name}": Decimal(price) for name, price in prices.items()},
            now=rooms.clock.now(),
        )


def test_positions_are_the_openings_and_the_fills_since(rooms: Rooms, account: Account) -> None:
    open_with(rooms, account, 10, 1500)
    execute(rooms, account, Side.SELL, 4, 1510, product=Product.CNC)
    execute(rooms, account, Side.BUY, 5, 1510)
    assert held(rooms, account) == {(INFY, Product.CNC): 6, (INFY, Product.MIS): 5}


def test_without_a_list_of_today_the_last_one_and_the_fills_since_count(rooms: Rooms, account: Account) -> None:
    execute(rooms, account, Side.BUY, 99, 1500, at=FRIDAY - 3 * DAY, product=Product.CNC)
    open_with(rooms, account, 10, 1500, TODAY - DAY)
    execute(rooms, account, Side.BUY, 5, 1510, at=FRIDAY - DAY, product=Product.CNC)
    execute(rooms, account, Side.BUY, 7, 1510, at=FRIDAY - DAY)
    execute(rooms, account, Side.BUY, 1, 1520, product=Product.CNC)
    assert held(rooms, account) == {(INFY, Product.CNC): 16}


def test_where_no_list_was_ever_adopted_all_fills_count(rooms: Rooms, account: Account) -> None:
    execute(rooms, account, Side.BUY, 5, 1510, at=FRIDAY - 30 * DAY, product=Product.CNC)
    assert held(rooms, account) == {(INFY, Product.CNC): 5}


def test_a_new_list_is_seen_at_once(rooms: Rooms, account: Account) -> None:
    execute(rooms, account, Side.BUY, 5, 1510, at=FRIDAY - DAY, product=Product.CNC)
    assert held(rooms, account) == {(INFY, Product.CNC): 5}
    open_with(rooms, account, 8, 1500)
    assert held(rooms, account) == {(INFY, Product.CNC): 8}


def test_a_conversion_moves_units_to_the_other_product(rooms: Rooms, account: Account) -> None:
    execute(rooms, account, Side.BUY, 5, 1510)
    payload = {"listing": INFY, "side": "BUY", "quantity": "3", "old": "MIS", "new": "CNC", "overnight": "no"}
    with rooms.store.begin() as tx:
        made = command(0, account.id, kind=CommandKind.CONVERT, payload=payload, created_at=FRIDAY)
        asked = tx.commands.add(replace(made, order_id=None))
    assert held(rooms, account) == {(INFY, Product.MIS): 5}
    with rooms.store.begin() as tx:
        tx.commands.save(replace(asked, state=CommandState.ANSWERED))
    assert held(rooms, account) == {(INFY, Product.MIS): 2, (INFY, Product.CNC): 3}


def test_fills_of_a_transaction_that_is_rolled_back_are_forgotten(rooms: Rooms, account: Account) -> None:
    execute(rooms, account, Side.BUY, 5, 1510)

    def store_and_fail() -> None:
        with rooms.store.begin() as tx:
            made = tx.orders.add(order(account.id))
            gone = fill(made.id, account.id, fill_id="gone", product=Product.MIS, quantity=90, filled_at=FRIDAY)
            assert tx.orders.add_fill(gone)
            assert rooms.ledger.positions(tx, account.id) == {(INFY, Product.MIS): 95}
            raise RuntimeError("rolled back")

    with pytest.raises(RuntimeError, match="rolled back"):
        store_and_fail()
    execute(rooms, account, Side.BUY, 1, 1510)
    assert held(rooms, account) == {(INFY, Product.MIS): 6}


def test_a_fill_of_an_earlier_day_that_is_stored_late_counts(rooms: Rooms, account: Account) -> None:
    execute(rooms, account, Side.SELL, 5, 1510, product=Product.CNC)
    assert held(rooms, account) == {(INFY, Product.CNC): -5}
    execute(rooms, account, Side.BUY, 5, 1500, at=FRIDAY - 2 * DAY, product=Product.CNC)
    assert held(rooms, account) == {}


def test_a_strategy_holds_what_its_own_fills_come_to(rooms: Rooms, account: Account) -> None:
    other = rooms.account("ben", broker="beta")
    execute(rooms, account, Side.BUY, 5, 1510, strategy="breakout")
    execute(rooms, account, Side.BUY, 3, 1510)
    execute(rooms, other, Side.SELL, 2, 1510, strategy="breakout", product=Product.NRML)
    with rooms.store.read() as tx:
        found = rooms.ledger.strategy_positions(tx, rooms.user, "breakout")
    assert found == {(account.id, INFY, Product.MIS): 5, (other.id, INFY, Product.NRML): -2}


def test_the_day_counts_what_was_carried_from_its_reference_price(rooms: Rooms, account: Account) -> None:
    open_with(rooms, account, 10, 1500)
    execute(rooms, account, Side.SELL, 4, 1510, product=Product.CNC)
    found = day(rooms, account, INFY=1490)
    assert (found.realised, found.open, found.missing) == (40, -60, ())


def test_where_nothing_is_known_of_charges_the_result_is_not_known(rooms: Rooms) -> None:
    account = rooms.account("ben", broker="beta")
    execute(rooms, account, Side.BUY, 4, 1500)
    found = day(rooms, account, INFY=1500)
    assert (found.charges, found.missing, found.low_by) == (0, (INFY,), None)


def test_charges_are_counted_once_for_each_order(rooms: Rooms, account: Account) -> None:
    with rooms.store.begin() as tx:
        made = tx.orders.add(order(account.id))
        for number in ("one", "other"):
            part = fill(made.id, account.id, fill_id=number, product=Product.MIS, quantity=50, price=Decimal(1500))
            assert tx.orders.add_fill(part)
    found = day(rooms, account, INFY=1500)
    # 100 at 1,500: brokerage 20, NSE 4.61, SEBI 0.15, stamp 4.50, GST 18 % of 24.76.
    assert found.charges == Decimal("33.72")
    assert found.total == -found.charges


def test_the_way_down_is_counted_from_the_highest_point(rooms: Rooms, account: Account) -> None:
    for number, (side, price) in enumerate([(Side.BUY, 1500), (Side.SELL, 1550), (Side.BUY, 1550), (Side.SELL, 1530)]):
        execute(rooms, account, side, 10, price, strategy="breakout", at=FRIDAY + timedelta(minutes=number))
    execute(rooms, account, Side.BUY, 10, 1530, strategy="breakout", at=FRIDAY + timedelta(minutes=9))
    assert day(rooms, account, INFY=1520).low_by == 200 + 100
    assert day(rooms, account, "breakout", INFY=1600).low_by == 0
    assert day(rooms, strategy="breakout", INFY=1520).low_by == 300


def test_an_open_part_without_a_price_is_named(rooms: Rooms, account: Account) -> None:
    open_with(rooms, account, 10, 1500)
    found = day(rooms, account)
    assert (found.missing, found.low_by) == ((INFY,), None)
    with rooms.store.read() as tx:
        assert rooms.ledger.open_listings(tx, user_id=rooms.user, account_id=account.id) == {INFY}


def test_before_the_market_opens_nothing_carried_has_moved(rooms: Rooms, account: Account) -> None:
    execute(rooms, account, Side.BUY, 10, 1500, at=FRIDAY - DAY, product=Product.CNC)
    rooms.clock.moment = FRIDAY.replace(hour=1)
    assert day(rooms, account, INFY=1400).open == 0
    rooms.clock.moment = FRIDAY
    assert day(rooms, account, INFY=1400).open == -1000


def test_what_a_strategy_carried_counts_from_yesterdays_close(rooms: Rooms, account: Account) -> None:
    execute(rooms, account, Side.BUY, 10, 1400, at=FRIDAY - DAY, product=Product.CNC, strategy="breakout")
    assert day(rooms, account, "breakout", INFY=1510).open == 1100
    open_with(rooms, account, 10, 1500)
    assert day(rooms, account, "breakout", INFY=1510).open == 100
    assert day(rooms, account, "", INFY=1510).open == 0
    assert day(rooms, account, INFY=1510).open == 100


def test_a_user_s_day_is_that_of_all_live_accounts(rooms: Rooms, account: Account) -> None:
    open_with(rooms, account, 10, 1500)
    open_with(rooms, rooms.account("ben", broker="beta"), 5, 1500)
    assert day(rooms, INFY=1510).open == 150


def test_the_last_loss_is_that_of_the_scope_and_listing(rooms: Rooms, account: Account) -> None:
    for number, (side, price) in enumerate([(Side.BUY, 1500), (Side.SELL, 1490), (Side.BUY, 1490), (Side.SELL, 1500)]):
        execute(rooms, account, side, 5, price, strategy="breakout", at=FRIDAY + timedelta(minutes=number))
    rooms.clock.pass_by(600)

    def last(**scope: Any) -> datetime | None:
        wanted = {"user_id": rooms.user, "account_id": account.id, "strategy": None, "listing": INFY, "now": rooms.clock.now()}
        with rooms.store.read() as tx:
            return rooms.ledger.last_loss(tx, **{**wanted, **scope})

    lost = FRIDAY + timedelta(minutes=1)
    assert last() == last(strategy="breakout") == last(account_id=None) == lost
    assert last(strategy="other") is None
    assert last(listing="NSE:TCS") is None
    assert last(now=FRIDAY) is None
    assert last(account_id=None, simulated=True) is None


def test_round_trips_come_newest_first_and_by_strategy(rooms: Rooms, account: Account) -> None:
    for number, (side, price) in enumerate([(Side.BUY, 1500), (Side.SELL, 1490), (Side.BUY, 1490), (Side.SELL, 1500)]):
        execute(rooms, account, side, 5, price, strategy="breakout", at=FRIDAY + timedelta(minutes=number))
    with rooms.store.read() as tx:
        found = rooms.ledger.round_trips(tx, user_id=rooms.user)
        assert [trip.gross for trip in found] == [50, -50]
        assert len(rooms.ledger.round_trips(tx, user_id=rooms.user, since=FRIDAY + timedelta(minutes=2))) == 1
        assert rooms.ledger.round_trips(tx, user_id=rooms.user, strategy="other") == []


@pytest.mark.parametrize("seed", range(4))
def test_a_ledger_that_was_asked_all_along_says_what_a_new_one_says(rooms: Rooms, account: Account, seed: int) -> None:
    chance = random.Random(seed)
    open_with(rooms, account, 10, 1500, TODAY - DAY)
    for number in range(12):
        at = FRIDAY - chance.choice([0, 0, 1, 2]) * DAY - timedelta(seconds=chance.randrange(3600))
        strategy = chance.choice(["", "breakout"])
        product = chance.choice([Product.CNC, Product.MIS])
        side, quantity = chance.choice(list(Side)), chance.randint(1, 20)
        execute(rooms, account, side, quantity, 1500 + number, at=at, strategy=strategy, product=product)
        day(rooms, account, INFY=1500)
    asked = everything(rooms, account)
    rooms.ledger = rooms.another_ledger()
    assert everything(rooms, account) == asked


def everything(rooms: Rooms, account: Account) -> tuple[object, ...]:
    return held(rooms, account), *(day(rooms, account, strategy, INFY=1500) for strategy in (None, "", "breakout"))
