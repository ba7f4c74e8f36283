"""What a restored database must not believe: that its last hours are still so."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import delete, select

from sigma.domain.events import Event, Level
from sigma.domain.orders import LIVE, Command, CommandState, Order, OrderEvent, OrderMode, OrderStatus
from sigma.store.commands import SqlCommands, to_command
from sigma.store.database import Database, Link
from sigma.store.journal import SqlJournal
from sigma.store.orders import SqlOrders
from sigma.store.schema import commands, heartbeats, sign_ins

REASON = "restored from backup"
_UNSURE = (CommandState.PENDING, CommandState.SENDING, CommandState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Calmed:
    """How many orders wait for a new approval or are unknown, and how many commands were withdrawn or are unknown."""

    orders_waiting: int
    orders_unknown: int
    commands_withdrawn: int
    commands_unknown: int


def calm(home: Path, at: datetime) -> Calmed:
    """Make sure that nothing is sent because of a restored database before the brokers' books are compared.

    Approved orders wait again, those that waited for no person wait for one, orders in flight or at the broker become
    UNKNOWN, commands that had not left are withdrawn, those that had are UNKNOWN with all waits started anew.
    """
    database = Database("sigma", home, None, durable=True)
    try:
        with database.write() as link:
            return _calm(link, at)
    finally:
        database.close()


def _calm(link: Link, at: datetime) -> Calmed:
    orders, journal = SqlOrders(link), SqlJournal(link)
    states = [_calm_command(link, to_command(row)) for row in link.all(select(commands).where(commands.c.state.in_(_UNSURE)))]
    approved = orders.list(statuses=[OrderStatus.APPROVED], newest_first=False)
    under_way = orders.list(statuses=[OrderStatus.SENDING, *LIVE], newest_first=False)
    approved = [order for order in approved if not order.slices]  # a cut order sends nothing: its slices wait again
    due = [order for order in orders.list(statuses=[OrderStatus.WAITING], newest_first=False) if order.mode is OrderMode.AUTO]
    for order in due:  # it may have gone since the backup
        _record(orders, order, replace(order, mode=OrderMode.MANUAL, stale_reason=REASON, updated_at=at))
    for order in approved:
        _record(orders, order, replace(order, status=OrderStatus.WAITING, stale_reason=REASON, approved_at=None, updated_at=at))
    for order in under_way:
        _record(orders, order, replace(order, status=OrderStatus.UNKNOWN, updated_at=at))
    link.write(delete(heartbeats))  # of processes that are no more
    link.write(delete(sign_ins))  # one that was ended after the backup must not work again
    withdrawn = states.count(CommandState.WITHDRAWN)
    done = Calmed(len(approved), len(under_way), withdrawn, len(states) - withdrawn)
    text = f"restored from a backup: {done.orders_waiting} orders wait for approval again, {done.orders_unknown} are unknown"
    journal.add_event(Event(0, at, Level.WARNING, "RESTORED", text))
    return done


def _calm_command(link: Link, command: Command) -> CommandState:
    if command.state is CommandState.PENDING:
        calmed = replace(command, state=CommandState.WITHDRAWN, text=REASON)
    else:
        # Without a boot of its own, its next sender counts its waits from the start.
        calmed = replace(command, state=CommandState.UNKNOWN, boot_id="", absent_reads=(), look_alikes=())
    SqlCommands(link).save(calmed)
    return calmed.state


def _record(orders: SqlOrders, was: Order, now: Order) -> None:
    orders.save(now)
    text = f"{REASON}: was {was.status}"
    orders.add_event(OrderEvent(0, was.id, now.updated_at, "RESTORED", now.status, text, correlation_id=was.correlation_id))
