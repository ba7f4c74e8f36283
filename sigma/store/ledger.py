"""Openings, and fills as the ledger reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, bindparam, func, insert, select

from sigma.domain.ledger import Execution, Moved, Opening
from sigma.domain.money import ZERO
from sigma.domain.orders import Command, CommandKind, CommandState, Product
from sigma.domain.portfolio import conversion_of
from sigma.domain.times import ist_date
from sigma.store.commands import to_command
from sigma.store.database import Link
from sigma.store.desk_schema import openings
from sigma.store.schema import accounts, commands, fills, orders
from sigma.store.statements import missing
from sigma.store.types import storable

_WHOLE = ""
"""The listing of the row that says that a session's list is whole, also when nothing was held."""
_OPENINGS = select(openings).where(openings.c.account_id == bindparam("account"), openings.c.session_date == bindparam("session"))
_ALL_OPENINGS = select(openings).where(openings.c.account_id == bindparam("account")).order_by(openings.c.session_date)
_SINCE = (fills.c.account_id == bindparam("account"), fills.c.filled_at >= bindparam("since"))
_CONVERTED = (
    commands.c.order_id.is_(None),  # by its index there are few, and none of an order's own writes
    commands.c.account_id == bindparam("account"),
    commands.c.kind == CommandKind.CONVERT,
    commands.c.state == CommandState.ANSWERED,
)
_CONVERSIONS = select(commands).where(*_CONVERTED).order_by(commands.c.id)
_MARK = select(
    select(func.max(fills.c.id)).where(fills.c.account_id == bindparam("account")).scalar_subquery(),
    select(func.count()).select_from(commands).where(*_CONVERTED).scalar_subquery(),
    func.count(),
    func.sum(fills.c.quantity),
    func.sum(fills.c.order_id),
).where(*_SINCE)
_EXECUTIONS = (
    select(fills, orders.c.strategy).join(orders, orders.c.id == fills.c.order_id).order_by(fills.c.filled_at, fills.c.id)
)
_OWNER = select(accounts.c.user_id).where(accounts.c.id == bindparam("account"))


class SqlLedgerRows:
    """The table `openings`, and `fills` with their orders' strategies."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def put_openings(self, account_id: int, session_date: date, found: Sequence[Opening], *, taken_at: datetime) -> bool:
        """Store what an account held when a session began; False (and nothing stored) when that is known already."""
        if self.openings(account_id, session_date) is not None:
            return False
        owner = self._link.first(_OWNER, {"account": account_id})
        if owner is None:
            raise missing("Account", account_id)
        whole = Opening(account_id, session_date, _WHOLE, Product.CNC, 0, ZERO, ZERO, taken_at)
        self._link.write(insert(openings), [_row(one, owner.user_id) for one in (whole, *found)])
        return True

    def openings(self, account_id: int, session_date: date) -> Sequence[Opening] | None:
        """Return what an account held when a session began; None when it was never adopted."""
        rows = self._link.all(_OPENINGS, {"account": account_id, "session": session_date})
        return [_opening(row) for row in rows if row.listing != _WHOLE] if rows else None

    def all_openings(self, account_id: int, *, after: date | None = None) -> Mapping[date, Sequence[Opening]]:
        """Return what an account held when sessions began, by session; of those after a day when it is given."""
        query = _ALL_OPENINGS if after is None else _ALL_OPENINGS.where(openings.c.session_date > after)
        found: dict[date, list[Opening]] = {}
        for row in self._link.all(query, {"account": account_id}):
            lines = found.setdefault(row.session_date, [])
            if row.listing != _WHOLE:
                lines.append(_opening(row))
        return found

    def fill_mark(self, account_id: int, since: datetime) -> tuple[int, ...]:
        """Return numbers that differ after each fill and conversion: the newest fill's id, how many conversions there ever
        were, and count and sums of the fills since a moment.
        """
        row = self._link.first(_MARK, {"account": account_id, "since": since})
        return () if row is None else tuple(int(number or 0) for number in row)

    def conversions(self, account_id: int) -> Sequence[Moved]:
        """Return the changes of product that the broker ever made, oldest first."""
        return [_moved(to_command(row)) for row in self._link.all(_CONVERSIONS, {"account": account_id})]

    def executions(
        self,
        *,
        user_id: int | None = None,
        account_id: int | None = None,
        strategy: str | None = None,
        since: datetime | None = None,
        after: int = 0,
    ) -> Sequence[Execution]:
        """Return fills with their order's strategy, oldest first; `after`: those stored later than the fill of that id."""
        query = _EXECUTIONS.where(fills.c.id > after) if after else _EXECUTIONS
        if user_id is not None:
            query = query.where(fills.c.user_id == user_id)
        if account_id is not None:
            query = query.where(fills.c.account_id == account_id)
        if strategy is not None:
            query = query.where(orders.c.strategy == strategy)
        if since is not None:
            query = query.where(fills.c.filled_at >= since)
        return [_execution(row) for row in self._link.all(query)]


def _row(opening: Opening, user_id: int) -> dict[str, Any]:
    return {
        "user_id": user_id,
        "account_id": opening.account_id,
        "session_date": opening.session_date,
        "listing": opening.listing,
        "product": opening.product,
        "quantity": opening.quantity,
        "reference_price": storable(opening.reference_price),
        "average_price": storable(opening.average_price),
        "taken_at": opening.taken_at,
    }


def _moved(command: Command) -> Moved:
    at = command.claimed_at or command.created_at
    return Moved(command.id, command.account_id, conversion_of(command), ist_date(at), at)


def _opening(row: Row[Any]) -> Opening:
    return Opening(
        row.account_id,
        row.session_date,
        row.listing,
        row.product,
        row.quantity,
        row.reference_price,
        row.average_price,
        row.taken_at,
    )


def _execution(row: Row[Any]) -> Execution:
    return Execution(
        fill_id=row.id,
        order_id=row.order_id,
        account_id=row.account_id,
        strategy=row.strategy,
        listing=row.listing,
        product=row.product,
        side=row.side,
        quantity=row.quantity,
        price=row.price,
        session_date=row.session_date,
        filled_at=row.filled_at,
    )
