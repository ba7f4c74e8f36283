"""Orders, commands, fills, history and risk decisions."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, IntegrityError

from sigma.domain.errors import Conflict, NotFound
from sigma.domain.orders import Command, CommandKind, CommandState, OrderStatus, Source
from sigma.store import SqlStore
from tests.store.values import (
    LATER,
    NOW,
    OWNER,
    add_account,
    add_order,
    command,
    decision,
    fill,
    full_command,
    full_order,
    order,
    order_event,
    signal,
)

Raw = Callable[[str], None]


def fields_left_at_default(value: Any) -> list[str]:
    return [
        each.name
        for each in dataclasses.fields(value)
        if each.name != "version" and each.default is not dataclasses.MISSING and getattr(value, each.name) == each.default
    ]


def test_an_order_comes_back_as_it_was_stored_in_every_field(store: SqlStore) -> None:
    on, parent = add_account(store), add_order(store)
    with store.begin() as tx:
        wanted = full_order(on.id, tx.signals.add(signal()).id, parent.id)
        added = tx.orders.add(wanted)
    assert fields_left_at_default(wanted) == fields_left_at_default(wanted.request) == []
    assert added == replace(wanted, id=added.id)
    with store.read() as tx:
        assert tx.orders.get(added.id) == added


def test_every_field_of_an_order_can_be_saved(store: SqlStore) -> None:
    on, parent, plain = add_account(store), add_order(store), add_order(store)
    with store.begin() as tx:
        changed = replace(full_order(on.id, tx.signals.add(signal()).id, parent.id), id=plain.id)
        saved = tx.orders.save(changed)
    assert saved == replace(changed, version=2)
    with store.read() as tx:
        assert tx.orders.get(plain.id) == saved


def test_an_average_is_kept_to_eight_decimals(store: SqlStore) -> None:
    stored = add_order(store, average_price=Decimal(100) / 3)
    assert stored.average_price == Decimal("33.33333333")
    with store.read() as tx:
        assert tx.orders.get(stored.id) == stored


def test_a_client_order_id_exists_once(store: SqlStore) -> None:
    first = add_order(store)
    with pytest.raises(Conflict, match=first.client_order_id), store.begin() as tx:
        tx.orders.add(order(client_order_id=first.client_order_id))


def test_a_change_of_something_read_before_another_change_is_refused_with_both_versions(store: SqlStore) -> None:
    stored = add_order(store)
    with store.begin() as tx:
        tx.orders.save(replace(stored, status=OrderStatus.APPROVED))
    with (
        pytest.raises(
            Conflict, match=rf"Order {stored.id} was read as version 1 \(CANCELLED\), it is version 2 \(APPROVED\) now"
        ),
        store.begin() as tx,
    ):
        tx.orders.save(replace(stored, status=OrderStatus.CANCELLED))
    with pytest.raises(NotFound), store.begin() as tx:
        tx.orders.save(replace(stored, id=99))


def test_orders_are_found_by_our_and_by_the_brokers_ids(store: SqlStore) -> None:
    on, other = add_account(store, "one"), add_account(store, "two")
    mine = add_order(store, on.id, broker_order_id="B1")
    add_order(store, other.id, broker_order_id="B1")
    with store.begin() as tx:
        assert tx.orders.by_client_id(mine.client_order_id) == mine
        assert tx.orders.by_client_id("nobody") is None
        assert tx.orders.by_client_ids([mine.client_order_id, "nobody"]) == {mine.client_order_id: mine}
        assert tx.orders.by_client_ids([]) == {}
        assert tx.orders.by_broker_ids(on.id, ["B1", "B2"]) == {"B1": mine}
    with store.read() as tx:
        many = [f"X{number}" for number in range(2500)]
        assert tx.orders.by_client_ids([*many, mine.client_order_id]) == {mine.client_order_id: mine}
        with pytest.raises(NotFound, match="order 99"):
            tx.orders.get(99)


def test_orders_are_listed_by_each_filter(store: SqlStore) -> None:
    on = add_account(store)
    with store.begin() as tx:
        cause = tx.signals.add(signal())
    old = add_order(store, created_at=NOW - timedelta(days=1))
    mine = add_order(store, on.id, status=OrderStatus.OPEN, strategy="breakout", signal_id=cause.id)
    other = add_order(store, request=replace(order().request, listing="BSE:INFY"))
    filters: list[tuple[dict[str, Any], list[int]]] = [
        ({}, [other.id, mine.id, old.id]),
        ({"newest_first": False}, [old.id, mine.id, other.id]),
        ({"limit": 1}, [other.id]),
        ({"user_id": OWNER, "since": NOW}, [other.id, mine.id]),
        ({"user_id": 7}, []),
        ({"account_id": on.id}, [mine.id]),
        ({"statuses": [OrderStatus.OPEN, OrderStatus.SENT]}, [mine.id]),
        ({"statuses": []}, []),
        ({"signal_id": cause.id}, [mine.id]),
        ({"strategy": "breakout"}, [mine.id]),
        ({"listing": "BSE:INFY"}, [other.id]),
        ({"until": NOW}, [old.id]),
        ({"since": NOW, "until": NOW + timedelta(microseconds=1)}, [other.id, mine.id]),
        ({"offset": 1}, [mine.id, old.id]),
        ({"offset": 1, "limit": 1, "newest_first": False}, [mine.id]),
        ({"offset": 9}, []),
        ({"limit": 0}, []),
    ]
    with store.read() as tx:
        for wanted, ids in filters:
            assert [each.id for each in tx.orders.list(**wanted)] == ids, wanted


def test_orders_are_found_by_a_part_of_what_names_them(store: SqlStore) -> None:
    on = add_account(store)
    one = add_order(store, on.id, client_order_id="ABCDEFGH00000001", broker_order_id="2611209", tags=("50%_off", 'say "hi"'))
    two = add_order(store, tags=("caf\u00e9", "a/b"), request=replace(order().request, listing="NSE:M&M"))
    plain = add_order(store)
    found = {
        "defgh": [one],
        "261120": [one],
        "m&m": [two],
        "NSE:": [plain, two, one],
        "50%": [one],
        "%_": [one],
        'y "h': [one],
        "A/B": [two],
        "caf\u00e9": [two],
        "_": [one],
        "[": [],
        "\\": [],
        "\0": [],
        "\ud800": [],
        "": [plain, two, one],
    }
    with store.read() as tx:
        for text, wanted in found.items():
            assert tx.orders.list(text=text) == wanted, text


def test_orders_are_counted_by_status_under_every_filter(store: SqlStore) -> None:
    on = add_account(store)
    add_order(store, on.id, status=OrderStatus.FILLED, final_at=NOW - timedelta(seconds=1))
    add_order(store, on.id, status=OrderStatus.FILLED, final_at=NOW, tags=("swing",))
    add_order(store, on.id, status=OrderStatus.OPEN, created_at=NOW - timedelta(days=30))
    add_order(store, status=OrderStatus.WAITING)
    with store.read() as tx:
        assert tx.orders.tally() == {OrderStatus.FILLED: 2, OrderStatus.OPEN: 1, OrderStatus.WAITING: 1}
        assert tx.orders.tally(ended_since=NOW, account_id=on.id) == {OrderStatus.FILLED: 1, OrderStatus.OPEN: 1}
        assert tx.orders.tally(text="swing") == {OrderStatus.FILLED: 1}
        assert tx.orders.tally(user_id=7) == {}
        assert [each.status for each in tx.orders.list(ended_since=LATER)] == [OrderStatus.WAITING, OrderStatus.OPEN]


def test_orders_are_counted_by_where_they_came_from(store: SqlStore) -> None:
    on = add_account(store)
    for strategy in ("ORB", "ORB", ""):
        add_order(store, on.id, strategy=strategy)
    add_order(store, created_at=LATER, request=replace(order().request, gtt=True))
    with store.read() as tx:
        found = {(each.source, each.strategy, each.gtt): each.orders for each in tx.orders.origins()}
        early = sum(each.orders for each in tx.orders.origins(until=LATER))
    webhook = Source.WEBHOOK
    assert found == {(webhook, "ORB", False): 2, (webhook, "", False): 1, (webhook, "", True): 1}
    assert early == 3


def test_two_thousand_orders_are_listed_quickly_by_one_query(store: SqlStore) -> None:
    on = add_account(store)
    with store.begin() as tx:
        for _ in range(2000):
            tx.orders.add(order(on.id))
    asked: list[str] = []
    event.listen(store.database.reader, "before_cursor_execute", lambda *args: asked.append(args[2]))
    with store.read() as tx:
        began = time.process_time()
        assert len(tx.orders.list(user_id=OWNER)) == 2000
        took = time.process_time() - began
    assert len(asked) == 1
    assert took < 1.0


def test_a_signal_with_its_order_costs_little_besides_the_disk(store: SqlStore) -> None:
    on, count = add_account(store), 200

    def receive() -> None:
        with store.begin() as tx:
            cause = tx.signals.add(signal())
            made = tx.orders.add(order(on.id, signal_id=cause.id))
            tx.orders.add_event(order_event(made.id))

    receive()
    began = time.thread_time()
    for _ in range(count):
        receive()
    assert (time.thread_time() - began) / count < 0.004  # 0.4 ms when nobody else uses the machine


def test_history_is_kept_in_order_and_can_neither_be_changed_nor_deleted(store: SqlStore, raw: Raw) -> None:
    made = add_order(store)
    with store.begin() as tx:
        first, second = (
            tx.orders.add_event(order_event(made.id)),
            tx.orders.add_event(order_event(made.id, kind="APPROVED", detail={})),
        )
    with store.read() as tx:
        assert tx.orders.events(made.id) == [first, second]
        assert first == order_event(made.id, id=first.id)
    for statement in ("UPDATE order_events SET text = 'x'", "DELETE FROM order_events"):
        with pytest.raises(DBAPIError, match="append-only"):
            raw(statement)


def test_a_fill_is_stored_once(store: SqlStore) -> None:
    on = add_account(store)
    made = add_order(store, on.id)
    one = fill(made.id, on.id)
    with store.begin() as tx:
        assert tx.orders.add_fill(one)
        assert not tx.orders.add_fill(replace(one, quantity=4))
        assert tx.orders.add_fill(replace(one, fill_id="2", filled_at=NOW - timedelta(seconds=1)))
        assert tx.orders.add_fill(
            replace(one, session_date=one.session_date + timedelta(days=1), filled_at=NOW + timedelta(days=1))
        )
        with pytest.raises(NotFound):
            tx.orders.add_fill(fill(99, on.id))
    with store.read() as tx:
        found = tx.orders.fills(order_id=made.id)
        assert [each.fill_id for each in found] == ["2", one.fill_id, one.fill_id]
        assert found[1] == replace(one, id=found[1].id)
        assert tx.orders.fills(account_id=on.id, since=NOW) == found[1:]
        assert tx.orders.fills(account_id=on.id, until=NOW) == found[:1]
        assert tx.orders.fills(account_id=99) == []


def test_risk_decisions_are_kept_with_their_inputs(store: SqlStore) -> None:
    made = add_order(store)
    with store.begin() as tx:
        stored = tx.orders.add_decision(decision(made.id))
        with pytest.raises(ValueError, match="order"):
            tx.orders.add_decision(replace(decision(made.id), order_id=None))
    with store.read() as tx:
        assert tx.orders.decisions(made.id) == [stored]
        assert stored == replace(decision(made.id), id=stored.id)


def test_a_command_comes_back_as_it_was_stored_in_every_field(store: SqlStore) -> None:
    on = add_account(store)
    made, other = add_order(store, on.id), add_order(store, on.id)
    wanted = full_command(made.id, on.id)
    with store.begin() as tx:
        added = tx.commands.add(wanted)
        plain = tx.commands.add(command(other.id, on.id, kind=CommandKind.MODIFY))
        saved = tx.commands.save(replace(wanted, id=plain.id, order_id=other.id))
    assert fields_left_at_default(wanted) == []
    with store.read() as tx:
        assert tx.commands.get(added.id) == replace(wanted, id=added.id)
        assert tx.commands.get(plain.id) == saved == replace(wanted, id=plain.id, order_id=other.id, version=2)
        with pytest.raises(NotFound):
            tx.commands.get(99)
    with pytest.raises(Conflict, match=r"version 1 \(UNKNOWN\), it is version 2 \(UNKNOWN\)"), store.begin() as tx:
        tx.commands.save(replace(saved, version=1))


def test_commands_are_listed_with_cancels_first(store: SqlStore) -> None:
    on = add_account(store)
    made, other = add_order(store, on.id), add_order(store, on.id)
    with store.begin() as tx:
        place = tx.commands.add(command(made.id, on.id))
        cancel = tx.commands.add(command(made.id, on.id, kind=CommandKind.CANCEL))
        sending = tx.commands.add(command(other.id, on.id, state=CommandState.SENDING))
        done = tx.commands.add(command(other.id, on.id, state=CommandState.ANSWERED))
    with store.read() as tx:
        assert tx.commands.pending(on.id) == [cancel, place]
        assert tx.commands.open(on.id) == [sending]
        assert tx.commands.for_order(other.id) == [sending, done]


CLAIMED = [CommandState.SENDING, CommandState.UNKNOWN]


@pytest.mark.parametrize("second", CLAIMED)
@pytest.mark.parametrize("first", CLAIMED)
@pytest.mark.parametrize(
    ("kinds", "allowed"),
    [
        (("PLACE", "PLACE"), False),
        (("PLACE", "MODIFY"), False),
        (("MODIFY", "MODIFY"), False),
        (("CANCEL", "CANCEL"), False),
        (("MODIFY", "CANCEL"), True),
    ],
)
def test_the_database_allows_one_claimed_write_and_one_claimed_cancel_per_order(
    store: SqlStore, first: CommandState, second: CommandState, kinds: tuple[str, str], allowed: bool
) -> None:
    on = add_account(store)
    made = add_order(store, on.id)

    def claim(waiting: Command) -> None:
        with store.begin() as tx:
            tx.commands.save(replace(waiting, state=second))

    with store.begin() as tx:
        tx.commands.add(command(made.id, on.id, kind=CommandKind(kinds[0]), state=first))
        waiting = tx.commands.add(command(made.id, on.id, kind=CommandKind(kinds[1])))
    if allowed:
        claim(waiting)
    else:
        with pytest.raises(Conflict, match=f"order {made.id} is claimed"):
            claim(waiting)


def test_an_order_cannot_stand_on_an_account_of_somebody_else(store: SqlStore, raw: Raw) -> None:
    raw("INSERT INTO users (id, name, role, trading_mode, created_at) VALUES (2, 'other', 'trader', 'NORMAL', '2026-01-01')")
    theirs = add_account(store, user_id=2)
    with pytest.raises(IntegrityError):
        add_order(store, theirs.id)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE orders SET status = 'LOST'",
        "UPDATE orders SET side = 'HOLD'",
        "UPDATE orders SET quantity = 0",
        "UPDATE orders SET user_id = NULL",
        "UPDATE orders SET signal_id = 99",
        "UPDATE accounts SET trading_mode = 'MAYBE'",
        "UPDATE users SET role = 'god'",
    ],
)
def test_the_database_itself_refuses_what_cannot_be(store: SqlStore, raw: Raw, statement: str) -> None:
    add_order(store, add_account(store).id)
    with pytest.raises(IntegrityError):
        raw(statement)


def test_verdicts_are_counted_from_a_moment_on_and_refusals_come_newest_first_with_their_orders(store: SqlStore) -> None:
    first, second = add_order(store, client_order_id="first"), add_order(store, client_order_id="second")
    with store.begin() as tx:
        user = tx.users.owner().id
        assert (tx.orders.verdicts(user, NOW), tx.orders.refusals(user, NOW, 9)) == ({}, [])
        yesterday = replace(decision(first.id), allowed=False, decided_at=NOW - timedelta(days=1))
        tx.orders.add_decision(yesterday)
        passed = tx.orders.add_decision(replace(decision(first.id), allowed=True, decided_at=NOW))
        stopped = [
            tx.orders.add_decision(replace(decision(one.id), allowed=False, decided_at=LATER)) for one in (first, second, first)
        ]
    with store.read() as tx:
        assert tx.orders.verdicts(user, NOW) == {True: 1, False: 3}
        assert tx.orders.verdicts(user + 1, NOW) == {}
        found = tx.orders.refusals(user, NOW, 2)
        assert [one.id for one, _ in found] == [stopped[2].id, stopped[1].id]
        assert [order.id for _, order in found] == [first.id, second.id]
        assert passed.id not in {one.id for one, _ in found}
