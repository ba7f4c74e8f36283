"""Rule 2: one writer for each account; whoever comes next settles and never repeats."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from scheduler.writers import AccountReader, AccountWriter
from sigma.bootstrap import House
from sigma.domain.orders import OrderStatus
from tests.orders.stage import KITE, Stage, eventually


@contextmanager
def working(house: House, account_id: int) -> Iterator[AccountWriter]:
    """Run a writer and a reader of an account, as a worker does."""
    reader = AccountReader(house, account_id)
    writer = AccountWriter(house, account_id, reader.nudge)
    reader.start()
    writer.start()
    try:
        yield writer
    finally:
        for thread in (writer, reader):
            thread.end()
        for thread in (writer, reader):
            thread.join(10)
            assert not thread.is_alive()


def test_of_two_workers_one_holds_the_lease_and_each_order_is_sent_once(stage: Stage) -> None:
    number = stage.account().id
    stage.waits(sync_active=0.1, sync_after_send=0.05)
    with ExitStack() as ends:
        houses = [stage.another_house() for _ in range(2)]
        for house in houses:
            ends.callback(house.close)
        writers = [ends.enter_context(working(house, number)) for house in houses]
        orders = [stage.order(quantity=quantity) for quantity in (1, 2, 3, 4)]
        for writer in writers:
            writer.wake()
        for order in orders:
            eventually(lambda order=order: stage.get(order).status is OrderStatus.FILLED)
        holders = {stage.command(order).holder for order in orders}
    assert len(holders) == 1
    assert len(stage.requests("place")) == 4


def test_a_worker_that_ends_gives_its_lease_to_the_one_that_waits(stage: Stage) -> None:
    number = stage.account().id
    first, second = stage.another_house(), stage.another_house()
    try:
        with working(first, number):
            order = stage.order()
            eventually(lambda: stage.get(order).status is OrderStatus.FILLED)
            with working(second, number) as waiting:
                assert second.leases.acquire(number, hung_after_s=30) is None
                del waiting
        with working(second, number):
            later = stage.order(quantity=1)
            eventually(lambda: stage.get(later).status is OrderStatus.FILLED)
    finally:
        first.close()
        second.close()
    assert len(stage.requests("place")) == 2


def test_a_writer_that_stops_says_why_and_keeps_the_lease(stage: Stage) -> None:
    number = stage.account(KITE).id
    house = stage.another_house()

    class Broken(AccountWriter):
        def _send(self, *_: object) -> None:
            raise KeyError("a bug of ours")

    try:
        reader = AccountReader(house, number)
        writer = Broken(house, number, reader.nudge)
        writer.start()
        eventually(lambda: "WRITES_STOPPED" in set(stage.desk.events()["kind"]))
        assert "a bug of ours" in writer.stopped_because
        assert stage.house.leases.acquire(number, hung_after_s=30) is None
        writer.end()
        writer.join(10)
        assert not writer.is_alive()
    finally:
        house.close()
