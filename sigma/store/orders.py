"""Orders and what hangs on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, NoReturn, Unpack

from sqlalchemy import ColumnElement, Select, Text, bindparam, desc, func, or_, select, type_coerce
from sqlalchemy.exc import IntegrityError

from sigma.domain.errors import Conflict
from sigma.domain.orders import FINAL, Fill, Order, OrderEvent, OrderMode, OrderStatus, Origins
from sigma.domain.risk import RiskDecision
from sigma.ports.storage import OwnOrders
from sigma.store.database import Link
from sigma.store.order_rows import (
    from_decision,
    from_fill,
    from_order,
    from_order_event,
    to_decision,
    to_fill,
    to_order,
    to_order_event,
    with_storable_average,
)
from sigma.store.schema import fills, order_events, orders, risk_decisions
from sigma.store.statements import add_owned, add_row, adding, batches, breaks, by_id, missing, save_row, stale
from sigma.store.types import json_text

_FILL_KEY = ("account_id", "exchange", "session_date", "broker_order_id", "fill_id")
_BY_CLIENT = select(orders).where(orders.c.client_order_id == bindparam("client_order_id"))
_BY_CLIENTS = select(orders).where(orders.c.client_order_id.in_(bindparam("ids", expanding=True))).order_by(orders.c.id)
_BY_BROKERS = (
    select(orders)
    .where(orders.c.account_id == bindparam("account_id"), orders.c.broker_order_id.in_(bindparam("ids", expanding=True)))
    .order_by(orders.c.id)
)
_DUE = (
    select(orders)
    .where(
        orders.c.account_id == bindparam("account_id"),
        orders.c.status == OrderStatus.WAITING,
        orders.c.mode == OrderMode.AUTO,
        or_(orders.c.not_before.is_(None), orders.c.not_before <= bindparam("now")),
    )
    .order_by(orders.c.created_at, orders.c.id)
    .limit(bindparam("limit"))
)
_EVENTS = select(order_events).where(order_events.c.order_id == bindparam("order_id")).order_by(order_events.c.id)
_DECISIONS = select(risk_decisions).where(risk_decisions.c.order_id == bindparam("order_id")).order_by(risk_decisions.c.id)
_BEFORE = (
    select(risk_decisions.c.id)
    .where(risk_decisions.c.decided_at < bindparam("since"))
    .order_by(desc(risk_decisions.c.id))
    .limit(1)
    .scalar_subquery()
)
"""The newest decision before a moment. They are stored in the order in which they are taken: no index on the moment is needed."""
_SINCE = (risk_decisions.c.user_id == bindparam("user_id"), risk_decisions.c.id > func.coalesce(_BEFORE, 0))
_VERDICTS = select(risk_decisions.c.allowed, func.count().label("number")).where(*_SINCE).group_by(risk_decisions.c.allowed)
_REFUSALS = (
    select(risk_decisions)
    .where(*_SINCE, risk_decisions.c.allowed.is_(False))
    .order_by(desc(risk_decisions.c.id))
    .limit(bindparam("limit"))
)
_FILLS = select(fills).order_by(fills.c.filled_at, fills.c.id)
_NEWEST_FILL = select(func.max(fills.c.id).label("id")).where(fills.c.account_id == bindparam("account_id"))
_FILL_COUNT = (
    select(func.count())
    .select_from(fills)
    .where(fills.c.account_id.in_(bindparam("ids", expanding=True)), fills.c.filled_at >= bindparam("since"))
)
_BOOKED = func.coalesce(select(func.sum(fills.c.quantity)).where(fills.c.order_id == orders.c.id).scalar_subquery(), 0)
_UNBOOKED = select(orders, (orders.c.filled_quantity - _BOOKED).label("unbooked")).where(
    orders.c.account_id == bindparam("account_id"),
    orders.c.session_date == bindparam("session"),
    orders.c.slices == 0,
    orders.c.filled_quantity > _BOOKED,
)
_USER_OF = select(orders.c.user_id).where(orders.c.id == bindparam("order_id"))
# The rows of one query that a write unit will save; locked in the order of their ids.
_LOCKED = {query: query.with_for_update(key_share=True) for query in (_BY_CLIENT, _BY_CLIENTS, _BY_BROKERS)}


class SqlOrders:
    """Orders in the database."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def add(self, order: Order) -> Order:
        """Store a new order; Conflict when its client_order_id exists."""
        order = with_storable_average(order)
        try:
            return replace(order, id=add_row(self._link, orders, from_order(order)))
        except IntegrityError as error:
            self._explain(error, order)

    def get(self, order_id: int) -> Order:
        """Return one order or raise NotFound."""
        row = self._link.first(by_id(orders, self._link.locking), {"id": order_id})
        if row is None:
            raise missing("Order", order_id)
        return to_order(row)

    def save(self, order: Order) -> Order:
        """Store changes; Conflict when someone else stored some meanwhile."""
        order = with_storable_average(order)
        try:
            saved = save_row(self._link, orders, from_order(order), "user_id", "created_at")
        except IntegrityError as error:
            self._explain(error, order)
        if not saved:
            stale(self._link, orders, "Order", order.id, order.version, order.status.value, "status")
        return replace(order, version=order.version + 1)

    def by_client_id(self, client_order_id: str) -> Order | None:
        """Return the order that carries our id."""
        row = self._link.first(self._locked(_BY_CLIENT), {"client_order_id": client_order_id})
        return None if row is None else to_order(row)

    def by_client_ids(self, client_order_ids: Sequence[str]) -> Mapping[str, Order]:
        """Return orders by our ids."""
        found: dict[str, Order] = {}
        for batch in batches(sorted(set(client_order_ids))):
            for row in self._link.all(self._locked(_BY_CLIENTS), {"ids": batch}):
                found[row.client_order_id] = to_order(row)
        return found

    def by_broker_ids(self, account_id: int, broker_order_ids: Sequence[str]) -> Mapping[str, Order]:
        """Return an account's orders by the broker's ids; of two with one id the newest."""
        found: dict[str, Order] = {}
        for batch in batches(sorted(set(broker_order_ids))):
            for row in self._link.all(self._locked(_BY_BROKERS), {"account_id": account_id, "ids": batch}):
                found[row.broker_order_id] = to_order(row)
        return found

    def list(
        self, *, newest_first: bool = True, limit: int | None = None, offset: int = 0, **filters: Unpack[OwnOrders]
    ) -> Sequence[Order]:
        """Return orders by filter; `offset` skips the first ones."""
        query = select(orders).where(*_meeting(filters))
        if newest_first:
            query = query.order_by(desc(orders.c.created_at), desc(orders.c.id))
        else:
            query = query.order_by(orders.c.created_at, orders.c.id)
        return [to_order(row) for row in self._link.all(query.limit(limit).offset(offset or None))]

    def due(self, account_id: int, now: datetime, limit: int) -> Sequence[Order]:
        """Return an account's WAITING orders of mode AUTO that wait for no later moment than `now`, oldest first."""
        return [to_order(row) for row in self._link.all(_DUE, {"account_id": account_id, "now": now, "limit": limit})]

    def tally(self, **filters: Unpack[OwnOrders]) -> Mapping[OrderStatus, int]:
        """Return how many orders there are in each status, by filter; statuses without one are absent."""
        query = select(orders.c.status, func.count().label("number")).where(*_meeting(filters)).group_by(orders.c.status)
        return {row.status: row.number for row in self._link.all(query)}

    def listings(self, **filters: Unpack[OwnOrders]) -> Sequence[str]:
        """Return what orders are about, by filter: canonical texts, each once."""
        query = select(orders.c.listing).where(*_meeting(filters)).distinct().order_by(orders.c.listing)
        return [row.listing for row in self._link.all(query)]

    def origins(self, **filters: Unpack[OwnOrders]) -> Sequence[Origins]:
        """Return where orders came from, by filter, each once with how many did."""
        ways = (orders.c.source, orders.c.strategy, orders.c.gtt)
        query = select(*ways, func.count().label("orders")).where(*_meeting(filters)).group_by(*ways)
        return [Origins(row.source, row.strategy, row.gtt, row.orders) for row in self._link.all(query)]

    def add_event(self, event: OrderEvent) -> OrderEvent:
        """Append one line of history."""
        return replace(event, id=add_owned(self._link, order_events, orders, "order_id", from_order_event(event)))

    def events(self, order_id: int) -> Sequence[OrderEvent]:
        """Return an order's history, oldest first."""
        return [to_order_event(row) for row in self._link.all(_EVENTS, {"order_id": order_id})]

    def add_fill(self, fill: Fill) -> bool:
        """Store an execution; False when it was known already."""
        owner = self._link.first(_USER_OF, {"order_id": fill.order_id})
        if owner is None:
            raise missing("Order", fill.order_id)
        statement = adding(self._link.dialect, fills, *_FILL_KEY)
        return self._link.write(statement, from_fill(fill) | {"user_id": owner.user_id}).first() is not None

    def fills(
        self,
        *,
        user_id: int | None = None,
        order_id: int | None = None,
        account_id: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Sequence[Fill]:
        """Return executions at or after `since` and before `until`, oldest first."""
        query = _FILLS
        if user_id is not None:
            query = query.where(fills.c.user_id == user_id)
        if order_id is not None:
            query = query.where(fills.c.order_id == order_id)
        if account_id is not None:
            query = query.where(fills.c.account_id == account_id)
        if since is not None:
            query = query.where(fills.c.filled_at >= since)
        if until is not None:
            query = query.where(fills.c.filled_at < until)
        return [to_fill(row) for row in self._link.all(query)]

    def count_fills(self, account_ids: Sequence[int], *, since: datetime) -> int:
        """Return how many executions of these accounts there were at or after `since`."""
        row = self._link.first(_FILL_COUNT, {"ids": list(account_ids), "since": since})
        return 0 if row is None else int(row[0])

    def newest_fill(self, account_id: int) -> int:
        """Return the id of the account's execution that was stored last, 0 without one."""
        row = self._link.first(_NEWEST_FILL, {"account_id": account_id})
        return row.id if row is not None and row.id is not None else 0

    def unbooked(self, account_id: int, session: date) -> Sequence[tuple[Order, int]]:
        """Return a session's orders that have executed more units than their fills say, and how many more; cut ones left out."""
        rows = self._link.all(_UNBOOKED, {"account_id": account_id, "session": session})
        return [(to_order(row), int(row.unbooked)) for row in rows]

    def add_decision(self, decision: RiskDecision) -> RiskDecision:
        """Store a risk decision with its inputs; it must name its order."""
        if decision.order_id is None:
            raise ValueError("a risk decision is stored with the order that it decides")
        return replace(decision, id=add_owned(self._link, risk_decisions, orders, "order_id", from_decision(decision)))

    def decisions(self, order_id: int) -> Sequence[RiskDecision]:
        """Return an order's risk decisions, oldest first."""
        return [to_decision(row) for row in self._link.all(_DECISIONS, {"order_id": order_id})]

    def decision(self, decision_id: int) -> RiskDecision:
        """Return one risk decision or raise NotFound."""
        row = self._link.first(by_id(risk_decisions, False), {"id": decision_id})
        if row is None:
            raise missing("Risk decision", decision_id)
        return to_decision(row)

    def verdicts(self, user_id: int, since: datetime) -> Mapping[bool, int]:
        """Return how many of a user's decisions since a moment allowed their order, and how many did not."""
        rows = self._link.all(_VERDICTS, {"user_id": user_id, "since": since})
        return {bool(row.allowed): int(row.number) for row in rows}

    def refusals(self, user_id: int, since: datetime, limit: int) -> Sequence[tuple[RiskDecision, Order]]:
        """Return the user's newest refusals since a moment, newest first, each with its order."""
        rows = self._link.all(_REFUSALS, {"user_id": user_id, "since": since, "limit": limit})
        return [(to_decision(row), self.get(row.order_id)) for row in rows]

    def _locked(self, query: Select[Any]) -> Select[Any]:
        return _LOCKED[query] if self._link.locking else query

    def _explain(self, error: IntegrityError, order: Order) -> NoReturn:
        """Say in words that the client_order_id is taken; any other broken constraint is an error of ours."""
        if breaks(error, "uq_orders_client_order_id", "orders.client_order_id"):
            raise Conflict(
                f"There is an order with the id {order.client_order_id} already.", hint="It was stored before; read it."
            ) from error
        raise error


def _meeting(filters: OwnOrders) -> Iterator[ColumnElement[bool]]:
    """Give the conditions of a filter."""
    wanted = {
        orders.c.user_id: filters.get("user_id"),
        orders.c.account_id: filters.get("account_id"),
        orders.c.signal_id: filters.get("signal_id"),
        orders.c.strategy: filters.get("strategy"),
        orders.c.listing: filters.get("listing"),
        orders.c.session_date: filters.get("session"),
        orders.c.parent_id: filters.get("parent_id"),
        orders.c.mode: filters.get("mode"),
    }
    yield from (column == value for column, value in wanted.items() if value is not None)
    if (statuses := filters.get("statuses")) is not None:
        yield orders.c.status.in_(statuses)
    if (since := filters.get("since")) is not None:
        yield orders.c.created_at >= since
    if (until := filters.get("until")) is not None:
        yield orders.c.created_at < until
    if (ended_since := filters.get("ended_since")) is not None:
        yield or_(orders.c.status.not_in(FINAL), orders.c.final_at >= ended_since)
    if (approved_since := filters.get("approved_since")) is not None:
        yield orders.c.approved_at >= approved_since
    if filters.get("whole"):
        yield orders.c.slice_no == 0
    if text := filters.get("text"):
        names = (orders.c.listing, orders.c.client_order_id, orders.c.broker_order_id)
        yield or_(*(name.icontains(text, autoescape=True) for name in names), _tagged(text))


def _tagged(text: str) -> ColumnElement[bool]:
    """Return the condition that a tag contains `text`. Tags are kept as JSON: what is outside of all quotes is no tag."""
    escaped = json_text(text)[1:-1].lower().replace("/", "//").replace("%", "/%").replace("_", "/_")
    return func.lower(type_coerce(orders.c.tags, Text)).like(f'%"%{escaped}%"%', escape="/")
