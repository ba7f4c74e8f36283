"""Days that people changed, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time

import pytest
from sqlalchemy.exc import DBAPIError

from sigma.domain.days import SessionDay, SessionKind
from sigma.domain.instruments import Exchange
from sigma.store import SqlStore

DAY = date(2026, 12, 31)
SPECIAL = SessionDay(DAY, Exchange.NSE, SessionKind.SPECIAL, time(18), time(19, 15), "Muhurat, शुभ")
CLOSED = SessionDay(date(2026, 12, 1), Exchange.MCX, SessionKind.CLOSED)
COMPLETE = SessionDay(DAY, Exchange.NSE, SessionKind.COMPLETE)


def test_days_come_back_as_they_were_stored_and_in_order(store: SqlStore) -> None:
    with store.begin() as tx:
        tx.calendar.put([SPECIAL, COMPLETE, CLOSED])
    with store.read() as tx:
        assert tx.calendar.list() == [CLOSED, SPECIAL, COMPLETE]


def test_a_row_takes_the_place_of_the_one_with_its_key(store: SqlStore) -> None:
    other = SessionDay(DAY, Exchange.NSE, SessionKind.CLOSED)
    with store.begin() as tx:
        tx.calendar.put([SPECIAL, COMPLETE])
        tx.calendar.put([other])
        assert tx.calendar.list() == [other, COMPLETE]


def test_every_change_raises_the_revision_a_removal_too(store: SqlStore) -> None:
    seen = []
    with store.begin() as tx:
        seen.append(tx.calendar.revision())
        tx.calendar.put([SPECIAL, CLOSED])
        seen.append(tx.calendar.revision())
        assert tx.calendar.remove(Exchange.NSE, DAY, False) == SPECIAL
        seen.append(tx.calendar.revision())
        tx.calendar.put([SPECIAL])
        seen.append(tx.calendar.revision())
        assert tx.calendar.list() == [CLOSED, SPECIAL]
    assert seen == sorted(set(seen))
    assert seen[0] == 0


def test_what_is_not_there_or_was_removed_cannot_be_removed(store: SqlStore) -> None:
    with store.begin() as tx:
        tx.calendar.put([SPECIAL])
        assert tx.calendar.remove(Exchange.NSE, DAY, True) is None
        assert tx.calendar.remove(Exchange.BSE, DAY, False) is None
        assert tx.calendar.remove(Exchange.NSE, DAY, False) == SPECIAL
        assert tx.calendar.remove(Exchange.NSE, DAY, False) is None
        assert tx.calendar.list() == []


def test_the_database_itself_refuses_words_that_are_none_of_ours(store: SqlStore, raw: Callable[[str], None]) -> None:
    with store.begin() as tx:
        tx.calendar.put([SPECIAL])
    with pytest.raises(DBAPIError):
        raw("UPDATE calendar_days SET kind = 'SHUT'")
    with pytest.raises(DBAPIError):
        raw("UPDATE calendar_days SET exchange = 'NYSE'")
