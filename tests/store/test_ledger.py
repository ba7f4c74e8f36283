"""Openings, and fills as the ledger reads them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from sigma.domain.errors import NotFound
from sigma.domain.ledger import Opening
from sigma.domain.orders import CommandKind, CommandState, Product, Side
from sigma.domain.portfolio import Conversion
from sigma.store import SqlStore
from tests.store.values import NOW, account, command, fill, order

TODAY, TOMORROW = date(2026, 11, 20), date(2026, 11, 21)


def opening(account_id: int, session: date = TODAY, **changes: object) -> Opening:
    plain = Opening(account_id, session, "NSE:INFY", Product.CNC, 10, Decimal("1500.00"), Decimal("1400.12345678"), NOW)
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_openings_are_known_once_a_session_and_empty_lists_too(store: SqlStore) -> None:
    with store.begin() as tx:
        owner = tx.accounts.add(account()).id
        assert tx.ledger.openings(owner, TODAY) is None
        assert tx.ledger.put_openings(owner, TODAY, [opening(owner)], taken_at=NOW)
        assert tx.ledger.put_openings(owner, TOMORROW, [], taken_at=NOW)
        assert not tx.ledger.put_openings(owner, TODAY, [opening(owner, quantity=99)], taken_at=NOW)
    with store.read() as tx:
        assert tx.ledger.openings(owner, TODAY) == [opening(owner)]
        assert tx.ledger.openings(owner, TOMORROW) == []
        assert tx.ledger.all_openings(owner) == {TODAY: [opening(owner)], TOMORROW: []}
        assert tx.ledger.all_openings(owner, after=TODAY) == {TOMORROW: []}


def test_openings_of_nobody_are_refused(store: SqlStore) -> None:
    with pytest.raises(NotFound), store.begin() as tx:
        tx.ledger.put_openings(99, TODAY, [], taken_at=NOW)


def test_executions_carry_their_orders_strategy_and_come_by_filter(store: SqlStore) -> None:
    with store.begin() as tx:
        owner = tx.accounts.add(account()).id
        made = [tx.orders.add(order(owner, strategy=strategy)) for strategy in ("breakout", "")]
        for number, one in enumerate(made):
            assert tx.orders.add_fill(fill(one.id, owner, fill_id=str(number), filled_at=NOW - timedelta(hours=number)))
    with store.read() as tx:
        late, early = tx.ledger.executions(account_id=owner)[::-1]
        assert (late.strategy, early.strategy, late.order_id) == ("breakout", "", made[0].id)
        assert tx.ledger.executions(strategy="breakout") == [late]
        assert tx.ledger.executions(account_id=owner, since=NOW) == [late]
        assert tx.ledger.executions(account_id=owner, after=late.fill_id) == [early]
        assert tx.ledger.executions(account_id=owner + 1) == []


def test_each_fill_changes_the_mark(store: SqlStore) -> None:
    with store.begin() as tx:
        owner = tx.accounts.add(account()).id
        made = tx.orders.add(order(owner))
        marks = [tx.ledger.fill_mark(owner, NOW)]
        for number, at in enumerate((NOW, NOW - timedelta(days=3))):
            assert tx.orders.add_fill(fill(made.id, owner, fill_id=str(number), filled_at=at))
            marks.append(tx.ledger.fill_mark(owner, NOW))
    assert marks[0] == (0, 0, 0, 0, 0)
    assert marks[1][1:] == marks[2][1:] == (0, 1, 3, made.id)
    assert marks[1][0] < marks[2][0]


def test_conversions_are_those_that_the_broker_made(store: SqlStore) -> None:
    payload = {"listing": "NSE:INFY", "side": "SELL", "quantity": "3", "old": "MIS", "new": "NRML", "overnight": "no"}
    with store.begin() as tx:
        owner = tx.accounts.add(account()).id
        for state in (CommandState.PENDING, CommandState.REFUSED, CommandState.ANSWERED):
            wanted = command(0, owner, kind=CommandKind.CONVERT, payload=payload, state=state)
            tx.commands.add(replace(wanted, order_id=None))
    with store.read() as tx:
        (moved,) = tx.ledger.conversions(owner)
        assert (moved.account_id, moved.conversion) == (owner, Conversion("NSE:INFY", Side.SELL, 3, Product.MIS, Product.NRML))
        assert (moved.moved_at, moved.session_date) == (NOW, TODAY)
        assert tx.ledger.fill_mark(owner, NOW) == (0, 1, 0, 0, 0)
