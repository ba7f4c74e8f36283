"""When an account's lists are read anew: after executions and logins, on schedule, and not while a book waits."""

from __future__ import annotations

import pytest

from sigma.domain.accounts import Account
from sigma.domain.errors import BrokerUnavailable, RateLimited
from sigma.domain.times import ist_date
from sigma.services.upkeep import Upkeep
from tests.services.rooms import FRIDAY, Rooms
from tests.store.values import fill, order

ALL = ["positions", "funds", "holdings"]


TODAY = ist_date(FRIDAY)


def upkeep_of(rooms: Rooms, account: Account) -> Upkeep:
    return Upkeep(rooms.store, rooms.clock, rooms.connections, rooms.settings, rooms.portfolio, rooms.openings, account.id)


@pytest.fixture
def account(rooms: Rooms) -> Account:
    made = rooms.connected()
    with rooms.store.begin() as tx:
        assert tx.ledger.put_openings(made.id, TODAY, [], taken_at=rooms.clock.now())
    rooms.alpha.calls.clear()
    return made


@pytest.fixture
def upkeep(rooms: Rooms, account: Account) -> Upkeep:
    return upkeep_of(rooms, account)


def never() -> bool:
    return False


def calls(rooms: Rooms) -> list[str]:
    """What the broker was asked since the last look."""
    seen = list(rooms.alpha.calls)
    rooms.alpha.calls.clear()
    return seen


def execute(rooms: Rooms, account: Account, number: int) -> None:
    """Let an execution be stored, as a page, the worker or a restore may do it."""
    with rooms.store.begin() as tx:
        made = tx.orders.add(order(account.id))
        assert tx.orders.add_fill(fill(made.id, account.id, fill_id=str(number)))


def test_the_lists_are_read_once_at_the_start_and_then_left_alone(rooms: Rooms, upkeep: Upkeep) -> None:
    assert upkeep.step(never) is None
    assert calls(rooms) == ALL
    rooms.clock.pass_by(3600)
    assert upkeep.step(never) is None
    assert calls(rooms) == []


def test_an_account_without_a_login_is_not_asked(rooms: Rooms) -> None:
    lonely = rooms.account("new")
    assert upkeep_of(rooms, lonely).step(never) is None
    assert calls(rooms) == []


def test_an_execution_and_a_new_login_are_each_a_reason(rooms: Rooms, account: Account, upkeep: Upkeep) -> None:
    upkeep.step(never)
    calls(rooms)
    rooms.clock.pass_by(10)
    execute(rooms, account, 1)
    assert upkeep.step(never) is None
    assert calls(rooms) == ALL
    rooms.clock.pass_by(10)
    rooms.sessions.connect(rooms.user, "ann", {"request_token": "token-of-ann"})
    calls(rooms)
    upkeep.step(never)
    assert calls(rooms) == ALL


def test_many_executions_are_one_round_at_most_each_few_seconds(rooms: Rooms, account: Account, upkeep: Upkeep) -> None:
    upkeep.step(never)
    calls(rooms)
    for number in range(3):
        rooms.clock.pass_by(1)
        execute(rooms, account, number)
        assert upkeep.step(never) == pytest.approx(4 - number)
    assert calls(rooms) == []
    rooms.clock.pass_by(2.5)
    assert upkeep.step(never) is None
    assert calls(rooms) == ALL


def test_a_book_that_waits_goes_first_and_the_rest_is_read_afterwards(rooms: Rooms, upkeep: Upkeep) -> None:
    assert upkeep.step(lambda: bool(rooms.alpha.calls)) == 0
    assert calls(rooms) == ALL[:1]
    assert upkeep.step(never) is None
    assert calls(rooms) == ALL[1:]


def test_a_list_that_cannot_be_read_is_asked_for_later_each_time_and_the_others_not_again(rooms: Rooms, upkeep: Upkeep) -> None:
    rooms.alpha.failures = [BrokerUnavailable("away")] * 2
    assert upkeep.step(never) == 5
    assert upkeep.step(never) == 5, "it is not asked again at once"
    assert calls(rooms) == ALL[:1]
    rooms.clock.pass_by(5)
    assert upkeep.step(never) == 10
    rooms.clock.pass_by(10)
    assert upkeep.step(never) is None
    assert calls(rooms) == [ALL[0], *ALL]
    assert rooms.clock.waits == [], "the reader's thread never sleeps here"


def test_what_failed_before_all_lists_were_read_is_forgotten(rooms: Rooms, account: Account, upkeep: Upkeep) -> None:
    for number in (1, 2):
        rooms.clock.pass_by(60)
        execute(rooms, account, number)
        rooms.alpha.failures = [BrokerUnavailable("away")]
        assert upkeep.step(never) == 5
        rooms.clock.pass_by(5)
        assert upkeep.step(never) is None


def test_a_list_that_fails_does_not_bring_the_others_again_though_all_are_overdue(rooms: Rooms, upkeep: Upkeep) -> None:
    rooms.settings.set("portfolio.refresh_every", 60, user_id=rooms.user)
    upkeep.step(lambda: bool(rooms.alpha.calls))
    rooms.alpha.failures = [BrokerUnavailable("away")]
    upkeep.step(never)
    rooms.clock.pass_by(5)
    assert upkeep.step(never) == 60
    assert calls(rooms) == ["positions", "funds", "funds", "holdings"]


def test_a_broker_that_asks_for_patience_gets_it(rooms: Rooms, upkeep: Upkeep) -> None:
    rooms.alpha.failures = [RateLimited("slow down", retry_after=42)]
    assert upkeep.step(never) == 42


def test_the_schedule_is_off_until_it_is_set(rooms: Rooms, upkeep: Upkeep) -> None:
    upkeep.step(never)
    calls(rooms)
    rooms.settings.set("portfolio.refresh_every", 90, user_id=rooms.user)
    rooms.clock.pass_by(60)
    assert upkeep.step(never) == pytest.approx(30)
    assert calls(rooms) == []
    rooms.clock.pass_by(30)
    assert upkeep.step(never) == 90
    assert calls(rooms) == ALL


def test_what_is_read_is_stored_with_its_time(rooms: Rooms, account: Account, upkeep: Upkeep) -> None:
    rooms.clock.pass_by(7)
    upkeep.step(never)
    lists = rooms.portfolio.funds, rooms.portfolio.positions, rooms.portfolio.holdings
    assert {read(account.id, refresh=False).taken_at for read in lists} == {rooms.clock.now()}
