"""The audit trail: written with its cause, read newest first, tied by correlation id."""

from __future__ import annotations

import pytest
import structlog

from sigma.domain.events import Level
from tests.services.rooms import Rooms


def test_an_event_stands_or_falls_with_the_unit_it_tells_of(rooms: Rooms) -> None:
    def fail() -> None:
        with rooms.store.begin() as tx:
            rooms.events.record("TRIED", "This did not happen.", user_id=rooms.user, tx=tx)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not rooms.audit("TRIED")


def test_events_come_newest_first_and_can_be_chosen(rooms: Rooms) -> None:
    account = rooms.account()
    for number in range(3):
        rooms.events.record("SEEN", f"number {number}", account=account, level=Level.WARNING, number=number)
        rooms.clock.pass_by(60)
    assert [event.text for event in rooms.audit("SEEN")] == ["number 2", "number 1", "number 0"]
    assert [event.detail["number"] for event in rooms.events.table(rooms.user, account_id=account.id, limit=2)] == [2, 1]
    assert len(rooms.events.table(rooms.user, kind="SEEN", since=rooms.audit("SEEN")[1].at)) == 2
    assert not rooms.events.table(rooms.user + 1)


def test_what_one_request_caused_carries_its_correlation_id(rooms: Rooms) -> None:
    with structlog.contextvars.bound_contextvars(correlation_id="abc"):
        rooms.account()
    rooms.events.record("LATER", "Outside.", user_id=rooms.user)
    assert rooms.audit("ACCOUNT_ADDED")[0].correlation_id == "abc"
    assert rooms.audit("LATER")[0].correlation_id == ""
