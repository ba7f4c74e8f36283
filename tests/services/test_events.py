"""The audit trail: written with its cause, read newest first, tied by correlation id."""

from __future__ import annotations

import os

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


def test_the_bell_counts_what_was_not_seen_and_forgets_it_once_it_was(rooms: Rooms) -> None:
    for number in range(33):
        rooms.events.record("TROUBLE", f"number {number}", level=Level.WARNING, user_id=rooms.user)
    bell = rooms.events.bell(rooms.user)
    assert (bell.unseen, len(bell.items), bell.items[0].text) == (33, 30, "number 32")
    rooms.events.mark_seen(rooms.user)
    rooms.events.record("NEWS", "The installation has news.", level=Level.ALARM)
    rooms.events.record("CALM", "Nothing to hear of.", user_id=rooms.user)
    bell = rooms.events.bell(rooms.user)
    assert (bell.unseen, bell.items[0].kind, bell.items[1].text) == (1, "NEWS", "number 32")
    rooms.clock.pass_by(8 * 24 * 3600)
    assert rooms.events.bell(rooms.user).items == ()


def test_what_came_after_the_bell_was_drawn_stays_unseen(rooms: Rooms) -> None:
    rooms.events.record("FIRST", "Drawn.", level=Level.WARNING, user_id=rooms.user)
    drawn = rooms.events.bell(rooms.user).items[0].id
    rooms.events.record("SECOND", "Came meanwhile.", level=Level.WARNING, user_id=rooms.user)
    rooms.events.mark_seen(rooms.user, drawn)
    assert rooms.events.bell(rooms.user).unseen == 1
    rooms.events.mark_seen(rooms.user)
    rooms.events.mark_seen(rooms.user, drawn)
    assert rooms.events.bell(rooms.user).unseen == 0, "what was seen once is not unseen again"


def test_one_persons_bell_is_not_anothers(rooms: Rooms) -> None:
    bob = rooms.another_user()
    rooms.events.record("TROUBLE", "Ann's.", level=Level.WARNING, user_id=rooms.user)
    rooms.events.record("NEWS", "Everybody's.", level=Level.WARNING)
    rooms.events.mark_seen(rooms.user)
    assert [event.kind for event in rooms.events.bell(bob).items] == ["NEWS"]
    assert (rooms.events.bell(bob).unseen, rooms.events.bell(rooms.user).unseen) == (1, 0)


def test_a_process_that_lives_says_so_under_its_name(rooms: Rooms) -> None:
    rooms.events.beat("web", {"people": 2})
    (beat,) = rooms.events.heartbeats()
    assert (beat.process, beat.at, beat.pid, beat.detail) == ("web", rooms.clock.now(), os.getpid(), {"people": 2})
