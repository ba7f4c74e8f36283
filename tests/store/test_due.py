"""What strategies wait for: orders that are due, and messages whose outcome comes later."""

from __future__ import annotations

from datetime import timedelta

from sigma.domain.orders import OrderMode, OrderStatus
from sigma.domain.signals import SignalStatus
from sigma.store import SqlStore
from tests.store.values import NOW, add_account, add_order, signal


def test_only_an_accounts_waiting_auto_orders_are_due_oldest_first_and_none_before_its_moment(store: SqlStore) -> None:
    mine, other = add_account(store, client_id="A1"), add_account(store, "other", client_id="A2")
    auto = {"mode": OrderMode.AUTO, "status": OrderStatus.WAITING}
    later = add_order(store, mine.id, created_at=NOW + timedelta(seconds=2), **auto)
    first = add_order(store, mine.id, created_at=NOW, **auto)
    opens = add_order(store, mine.id, created_at=NOW, not_before=NOW + timedelta(hours=1), **auto)
    add_order(store, mine.id, mode=OrderMode.MANUAL, status=OrderStatus.WAITING)
    add_order(store, mine.id, mode=OrderMode.AUTO, status=OrderStatus.OPEN)
    add_order(store, other.id, **auto)
    with store.read() as tx:
        assert [order.id for order in tx.orders.due(mine.id, NOW, 10)] == [first.id, later.id]
        assert [order.id for order in tx.orders.due(mine.id, NOW, 1)] == [first.id]
        due = tx.orders.due(mine.id, NOW + timedelta(hours=1), 10)
        assert {order.id for order in due} == {first.id, later.id, opens.id}


def test_what_became_of_a_message_can_be_told_later(store: SqlStore) -> None:
    with store.begin() as tx:
        stored, other = tx.signals.add(signal()), tx.signals.add(signal(dedupe_key="another"))
        tx.signals.judge(stored.id, SignalStatus.IGNORED, "nothing held")
    with store.read() as tx:
        assert (tx.signals.get(stored.id).status, tx.signals.get(stored.id).note) == (SignalStatus.IGNORED, "nothing held")
        assert tx.signals.get(other.id) == other
