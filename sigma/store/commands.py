"""Writes to brokers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NoReturn

from sqlalchemy import Row, bindparam, case, func, select
from sqlalchemy.exc import IntegrityError

from sigma.domain.errors import Conflict
from sigma.domain.orders import Command, CommandKind, CommandState, Outcome
from sigma.store.database import Link
from sigma.store.schema import accounts, commands, orders
from sigma.store.statements import add_owned, breaks, by_id, missing, save_row, stale

_OF_ACCOUNT = select(commands).where(commands.c.account_id == bindparam("account_id"))
_PENDING = _OF_ACCOUNT.where(commands.c.state == CommandState.PENDING).order_by(
    case((commands.c.kind == CommandKind.CANCEL, 0), else_=1), commands.c.id
)
_OPEN = _OF_ACCOUNT.where(commands.c.state.in_([CommandState.SENDING, CommandState.UNKNOWN])).order_by(commands.c.id)
_LOST = (
    select(func.count())
    .select_from(commands)
    .where(
        commands.c.account_id == bindparam("account_id"),
        commands.c.created_at >= bindparam("since"),
        commands.c.outcome.in_([Outcome.UNKNOWN, Outcome.NOT_SENT]),
    )
)
_FOR_ORDER = select(commands).where(commands.c.order_id == bindparam("order_id")).order_by(commands.c.id)


def to_command(row: Row[Any]) -> Command:
    """Return the command of a row."""
    return Command(
        id=row.id,
        order_id=row.order_id,
        account_id=row.account_id,
        kind=row.kind,
        state=row.state,
        created_at=row.created_at,
        payload=row.payload,
        holder=row.holder,
        claimed_at=row.claimed_at,
        send_by_ns=row.send_by_ns,
        boot_id=row.boot_id,
        deadline=row.deadline,
        answered_at=row.answered_at,
        outcome=row.outcome,
        code=row.code,
        text=row.text,
        http_status=row.http_status,
        unknown_ns=row.unknown_ns,
        absent_reads=tuple(row.absent_reads),
        look_alikes=tuple(row.look_alikes),
        version=row.version,
    )


def from_command(command: Command) -> dict[str, Any]:
    """Return the row of a command, without `user_id`."""
    return {
        "id": command.id,
        "order_id": command.order_id,
        "account_id": command.account_id,
        "kind": command.kind,
        "state": command.state,
        "created_at": command.created_at,
        "payload": command.payload,
        "holder": command.holder,
        "claimed_at": command.claimed_at,
        "send_by_ns": command.send_by_ns,
        "boot_id": command.boot_id,
        "deadline": command.deadline,
        "answered_at": command.answered_at,
        "outcome": command.outcome,
        "code": command.code,
        "text": command.text,
        "http_status": command.http_status,
        "unknown_ns": command.unknown_ns,
        "absent_reads": command.absent_reads,
        "look_alikes": command.look_alikes,
        "version": command.version,
    }


class SqlCommands:
    """Commands in the database, which itself keeps at most one claimed write (and one claimed cancel) per order."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def add(self, command: Command) -> Command:
        """Store a new command."""
        try:
            via, reference = (accounts, "account_id") if command.order_id is None else (orders, "order_id")
            return replace(command, id=add_owned(self._link, commands, via, reference, from_command(command)))
        except IntegrityError as error:
            self._explain(error, command)

    def get(self, command_id: int) -> Command:
        """Return one command or raise NotFound."""
        row = self._link.first(by_id(commands, self._link.locking), {"id": command_id})
        if row is None:
            raise missing("Command", command_id)
        return to_command(row)

    def save(self, command: Command) -> Command:
        """Store changes; Conflict when someone else stored some, or when another write of the order is claimed."""
        try:
            saved = save_row(
                self._link, commands, from_command(command), "user_id", "order_id", "account_id", "kind", "created_at"
            )
        except IntegrityError as error:
            self._explain(error, command)
        if not saved:
            stale(self._link, commands, "Command", command.id, command.version, command.state.value, "state")
        return replace(command, version=command.version + 1)

    def pending(self, account_id: int) -> Sequence[Command]:
        """Return PENDING commands, cancels first, then by id."""
        return [to_command(row) for row in self._link.all(_PENDING, {"account_id": account_id})]

    def open(self, account_id: int) -> Sequence[Command]:
        """Return SENDING and UNKNOWN commands by id."""
        return [to_command(row) for row in self._link.all(_OPEN, {"account_id": account_id})]

    def for_order(self, order_id: int) -> Sequence[Command]:
        """Return an order's commands by id."""
        return [to_command(row) for row in self._link.all(_FOR_ORDER, {"order_id": order_id})]

    def count_lost(self, account_id: int, *, since: datetime) -> int:
        """Return how many writes wanted at or after `since` got no clear answer, or never left."""
        row = self._link.first(_LOST, {"account_id": account_id, "since": since})
        return 0 if row is None else int(row[0])

    def _explain(self, error: IntegrityError, command: Command) -> NoReturn:
        """Say in words that another write of the order is on its way; any other broken constraint is an error of ours."""
        if breaks(error, "uq_commands_claimed", "UNIQUE constraint failed: commands.order_id"):
            raise Conflict(
                f"Another write of order {command.order_id} is claimed and not settled, so this {command.kind} must wait.",
                hint="Settle that one first.",
            ) from error
        raise error
