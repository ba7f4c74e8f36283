"""Recording ticks and playing them again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from sigma.domain.answers import BrokerOrder
from sigma.domain.errors import NotFound
from sigma.domain.market import FeedState
from sigma.domain.ticks import Ticks, blank, microseconds
from sigma.domain.times import ist_date
from sigma.services.recorder import TickRecorder, TickReplay
from sigma.store.ticks import ParquetTicks
from tests.services.rooms import Rooms

LISTINGS = ("NSE:INFY", "NSE:M&M")


@dataclass
class Heard:
    """A sink that keeps what it is told, and when."""

    rooms: Rooms
    frames: list[tuple[float, list[tuple[int, float]]]] = field(default_factory=list)
    slots: dict[str, int] = field(default_factory=dict)

    def allot(self, listings: Sequence[str]) -> Mapping[str, int]:
        for listing in listings:
            self.slots.setdefault(listing, 100 + len(self.slots))
        return self.slots

    def ticks(self, ticks: Ticks) -> None:
        self.frames.append(
            (self.rooms.clock.boot_ns() / 1e9, list(zip(ticks["slot"].tolist(), ticks["last"].tolist(), strict=True)))
        )

    def orders_changed(self) -> None:
        raise AssertionError("orders are not recorded")

    def order(self, row: BrokerOrder) -> None:
        raise AssertionError("orders are not recorded")

    def state(self, state: FeedState, why: str) -> None:
        raise AssertionError("states are not recorded")


@pytest.fixture
def archive(rooms: Rooms) -> ParquetTicks:
    return ParquetTicks(rooms.home / "lake" / "ticks")


@pytest.fixture
def recorder(rooms: Rooms, archive: ParquetTicks) -> TickRecorder:
    made = TickRecorder(archive, rooms.settings, rooms.clock)
    rooms.settings.set("market.record_ticks", True, user_id=rooms.user)
    made.keep()
    return made


def say(rooms: Rooms, recorder: TickRecorder, last: float, slot: int = 0, source: int = 7) -> None:
    ticks = blank(1)
    ticks["slot"], ticks["last"] = slot, last
    ticks["at"] = ticks["received"] = microseconds(rooms.clock.now())
    recorder.add(source, LISTINGS, ticks)


def test_nothing_is_recorded_while_the_setting_is_off(rooms: Rooms, archive: ParquetTicks) -> None:
    recorder = TickRecorder(archive, rooms.settings, rooms.clock)
    recorder.keep()
    say(rooms, recorder, 1)
    recorder.flush()
    assert archive.days() == []


def test_a_minute_is_written_at_once_and_a_kill_loses_no_more(
    rooms: Rooms, recorder: TickRecorder, archive: ParquetTicks
) -> None:
    for second in range(130):
        say(rooms, recorder, second)
        recorder.keep()
        rooms.clock.pass_by(1)
    (day,) = archive.days()
    assert (day.day, day.source, day.parts) == (ist_date(rooms.clock.now()), 7, 2)
    assert day.ticks >= 130 - 60


def test_ticks_of_two_sources_and_of_two_days_lie_apart(rooms: Rooms, recorder: TickRecorder, archive: ParquetTicks) -> None:
    rooms.clock.pass_by(13 * 3600 + 29 * 60 + 30)
    for second in range(60):
        say(rooms, recorder, second)
        say(rooms, recorder, second, source=8)
        rooms.clock.pass_by(1)
    recorder.flush()
    assert [(row.source, row.ticks) for row in archive.days()] == [(7, 30), (8, 30)] * 2


def test_a_replay_gives_the_ticks_in_order_at_the_pace_asked_for(
    rooms: Rooms, recorder: TickRecorder, archive: ParquetTicks
) -> None:
    for last, slot, pause in ((1, 0, 0), (2, 1, 4), (3, 0, 0), (4, 1, 6)):
        say(rooms, recorder, last, slot)
        rooms.clock.pass_by(pause)
        recorder.flush() if pause == 4 else None
    recorder.flush()
    heard, began = Heard(rooms), rooms.clock.boot_ns() / 1e9
    replay = TickReplay(archive, rooms.clock)
    assert replay.play(ist_date(rooms.clock.now()), 7, heard, heard.allot, speed=2) == 4
    assert [(round(at - began, 3), frame) for at, frame in heard.frames] == [(0, [(100, 1), (101, 2)]), (2, [(100, 3), (101, 4)])]
    with pytest.raises(NotFound, match="Nothing is recorded"):
        replay.play(ist_date(rooms.clock.now()), 99, heard, heard.allot)
    assert replay.days([99]) == []
    ended = Heard(rooms)
    assert replay.play(ist_date(rooms.clock.now()), 7, ended, ended.allot, speed=0, ended=lambda: bool(ended.frames)) == 2


def test_days_older_than_the_setting_are_deleted(rooms: Rooms, recorder: TickRecorder, archive: ParquetTicks) -> None:
    rooms.settings.set("market.ticks_retention_days", 2, user_id=rooms.user)
    days = []
    for _ in range(5):
        say(rooms, recorder, 1)
        recorder.flush()
        days.append(ist_date(rooms.clock.now()))
        rooms.clock.pass_by(timedelta(days=1).total_seconds())
        recorder.keep()
    assert [row.day for row in archive.days()] == days[-2:]
