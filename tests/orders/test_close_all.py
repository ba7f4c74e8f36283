"""Closing positions: orders on their listings are taken back, each is offset in its product, and the broker lists it flat."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sigma.domain.errors import BrokerError, NotFound
from sigma.domain.gtt import GttStatus
from sigma.domain.orders import OrderStatus, Source
from tests.orders.stage import KITE, PRICE, SMART, Stage

BOTH = pytest.mark.parametrize("account", [KITE, SMART])


@pytest.fixture(autouse=True)
def no_pause(stage: Stage) -> None:
    """The simulated lists do not lag: what has just executed is closed at once."""
    stage.desk.settings.set("kill.retry_after", 0)


@contextmanager
def worker(stage: Stage, account: str, *, triggers: bool = False) -> Iterator[None]:
    """Send and read as the worker does, until the block ends."""
    stop, sender = threading.Event(), stage.sender(account)

    def work() -> None:
        while not stop.wait(0.02):
            sender.run_once()
            stage.glance(account)
            if triggers:
                stage.desk.gtt.sync(account)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def positions(stage: Stage, account: str) -> dict[tuple[str, str], int]:
    """Return what is open at the broker."""
    frame = stage.desk.positions(account, refresh=True)
    rows = zip(frame["listing"], frame["product"], frame["quantity"], strict=True)
    return {(listing, product): int(units) for listing, product, units in rows if units}


@BOTH
def test_every_position_is_closed_in_its_own_product_and_seen_flat(stage: Stage, account: str) -> None:
    stage.executed(account, quantity=5, product="MIS")
    stage.executed(account, quantity=7, product="CNC")
    entry = stage.resting(account, quantity=9)
    with worker(stage, account):
        rows = stage.desk.orders.close_all(account, seconds=30)
    assert dict(zip(rows["product"], rows["quantity"], strict=True)) == {"MIS": 5, "CNC": 7}
    assert list(rows["done"]) == [True, True]
    assert list(rows["left"]) == [0, 0]
    assert positions(stage, account) == {}
    assert stage.get(entry).status is OrderStatus.CANCELLED
    exits = [stage.desk.orders.get(int(number)) for number in rows["order_id"]]
    assert all(one.reduce_only and one.tags == ("close",) and one.source is Source.PERSON for one in exits)


def test_a_short_position_is_bought_back(stage: Stage) -> None:
    stage.executed(KITE, side="SELL", quantity=4)
    with worker(stage, KITE):
        row = stage.desk.orders.close(KITE, "NSE:INFY", "MIS", seconds=30).iloc[0]
    assert (row["quantity"], row["left"], row["words"]) == (-4, 0, "flat")


def test_one_position_is_closed_and_the_others_and_their_orders_stay(stage: Stage) -> None:
    stage.executed(KITE, quantity=5, product="MIS")
    stage.executed(KITE, quantity=7, product="CNC")
    other = stage.resting(KITE, quantity=1, product="CNC")
    with worker(stage, KITE):
        assert list(stage.desk.orders.close(KITE, "NSE:INFY", "MIS", seconds=30)["done"]) == [True]
    assert positions(stage, KITE) == {("NSE:INFY", "CNC"): 7}
    assert stage.get(other).status is OrderStatus.OPEN
    with pytest.raises(NotFound, match="no open position"):
        stage.desk.orders.close(KITE, "NSE:INFY", "MIS")


def test_triggers_that_rest_on_the_listing_are_removed_first(stage: Stage) -> None:
    stage.executed(KITE, quantity=5, product="CNC")
    stop = {"trigger": PRICE - 50, "price": PRICE - 55}
    gtt = stage.desk.gtt.add(account=KITE, listing="NSE:INFY", side="SELL", legs=[stop], quantity=5, product="CNC")
    stage.send()
    stage.desk.gtt.sync(KITE)
    assert stage.desk.gtt.get(gtt.id).status is GttStatus.ACTIVE
    with worker(stage, KITE, triggers=True):
        rows = stage.desk.orders.close_all(KITE, seconds=30)
    assert list(rows["words"]) == ["flat"]
    assert not stage.desk.gtt.get(gtt.id).status.resting


def test_an_account_without_positions_has_no_rows(stage: Stage) -> None:
    assert stage.desk.orders.close_all(KITE).empty


def test_what_is_not_closed_in_time_is_told_with_where_its_order_is(stage: Stage) -> None:
    stage.executed(KITE, quantity=5)
    row = stage.desk.orders.close_all(KITE, seconds=0).iloc[0]
    assert (bool(row["done"]), row["left"]) == (False, 5)
    assert f"order {row['order_id']} is APPROVED" in row["words"]


def test_an_exit_that_the_broker_refuses_is_told_in_its_words(stage: Stage) -> None:
    stage.executed(KITE, quantity=5)
    stage.fault("reject_in_book")
    with worker(stage, KITE):
        row = stage.desk.orders.close_all(KITE, seconds=30).iloc[0]
    assert (bool(row["done"]), row["left"]) == (False, 5)
    assert "is REJECTED" in row["words"]


def test_positions_that_cannot_be_read_are_an_error_and_nothing_is_done(stage: Stage) -> None:
    stage.executed(KITE, quantity=5)
    entry = stage.resting(KITE)
    stage.fault("html_504", "positions", times=None)
    with pytest.raises(BrokerError):
        stage.desk.orders.close_all(KITE)
    assert not stage.get(entry).cancel_wanted


def test_closing_twice_at_once_turns_no_position(stage: Stage) -> None:
    stage.executed(KITE, quantity=5)
    threads = [threading.Thread(target=stage.desk.orders.close_all, args=(KITE,), kwargs={"seconds": 20}) for _ in range(2)]
    with worker(stage, KITE):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert positions(stage, KITE) == {}


@BOTH
def test_waiting_orders_are_approved_each_by_itself(stage: Stage, account: str) -> None:
    good, gone, big = (stage.order(None, quantity=quantity, queue=True) for quantity in (1, 2, 3))
    stage.desk.orders.cancel(gone.id)
    stage.desk.risk.set(max_quantity_per_order=2)
    rows = stage.desk.orders.approve_each([good.id, gone.id, big.id], account=account).set_index("order_id")
    assert list(rows["done"]) == [True, False, False]
    assert "not waiting for approval" in rows.loc[gone.id, "words"]
    assert "exceeds the limit" in rows.loc[big.id, "words"]
