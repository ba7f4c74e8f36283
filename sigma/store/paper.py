"""Books of paper accounts: one row a book, one an order, one an execution; each a value as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, bindparam, or_, select, update

from sigma.domain.errors import Conflict
from sigma.domain.instruments import Kind
from sigma.domain.orders import OrderRequest, OrderStatus, OrderType, Product, Side, Validity, Variety
from sigma.domain.paper import (
    PaperBook,
    PaperFill,
    PaperLot,
    PaperOrder,
    PaperPosition,
    PaperState,
    PaperTaken,
    PaperTerms,
)
from sigma.store.database import Database, Link
from sigma.store.desk_schema import paper_books, paper_fills, paper_orders
from sigma.store.schema import accounts
from sigma.store.statements import adding, missing, putting

_BOOK = select(paper_books).where(paper_books.c.account_id == bindparam("account"))
_ORDERS = select(paper_orders.c.body).where(
    paper_orders.c.account_id == bindparam("account"),
    or_(paper_orders.c.working, paper_orders.c.session_date >= bindparam("day")),
)
_FILLS = (
    select(paper_fills.c.body)
    .where(paper_fills.c.account_id == bindparam("account"), paper_fills.c.session_date >= bindparam("day"))
    .order_by(paper_fills.c.id)
)
_ALL_FILLS = select(paper_fills.c.body).where(paper_fills.c.account_id == bindparam("account")).order_by(paper_fills.c.id)
_OWNER = select(accounts.c.user_id).where(accounts.c.id == bindparam("account"))
_SAVE = (
    update(paper_books)
    .where(paper_books.c.account_id == bindparam("account"), paper_books.c.version == bindparam("was"))
    .values(body=bindparam("new"), version=paper_books.c.version + 1)
)


class SqlPaperTurn:
    """One change of a book within a write unit; implements ports.paper.PaperTurn."""

    def __init__(self, link: Link, account_id: int, state: PaperState, version: int) -> None:
        self._link, self._account_id, self._version = link, account_id, version
        self.state = state

    def put(self, state: PaperState) -> None:
        """Store what differs from the state as it was."""
        before = self.state
        if state.book != before.book:
            values = {"account": self._account_id, "was": self._version, "new": asdict(state.book)}
            if self._link.write(_SAVE, values).rowcount != 1:
                raise Conflict(f"The paper book of account {self._account_id} was changed meanwhile.", hint="Try again.")
            self._version += 1
        known = {order.number: order for order in before.orders}
        changed = [_order_row(self._account_id, order) for order in state.orders if known.get(order.number) != order]
        if changed:
            self._link.write(putting(self._link.dialect, paper_orders, "account_id", "broker_order_id"), changed)
        listed = {fill.fill_id for fill in before.fills}
        new = [_fill_row(self._account_id, fill) for fill in state.fills if fill.fill_id not in listed]
        if new:
            self._link.write(paper_fills.insert(), new)
        self.state = state


class SqlPaperBooks:
    """All paper books; implements ports.paper.PaperBooks. Safe to use from several threads and processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self, account_id: int, day: date) -> PaperState | None:
        """Return a book with the orders that work or are shown on `day` or later, and the executions since; None: no book."""
        with self._database.read() as link:
            row = link.first(_BOOK, {"account": account_id})
            return None if row is None else _state(link, row, day)

    @contextmanager
    def change(self, account_id: int, day: date) -> Iterator[SqlPaperTurn]:
        """Hold the book's lock until the end of the block, which commits; an exception changes nothing.

        Raises
        ------
        NotFound
            The account has no book.
        """
        with self._database.write() as link:
            row = link.first(_BOOK.with_for_update(), {"account": account_id})
            if row is None:
                raise missing("Paper book of account", account_id)
            yield SqlPaperTurn(link, account_id, _state(link, row, day), row.version)

    def open(self, account_id: int, book: PaperBook) -> bool:
        """Store a first book; False, and nothing changed, when there is one."""
        with self._database.write() as link:
            owner = link.first(_OWNER, {"account": account_id})
            if owner is None:
                raise missing("Account", account_id)
            row = {"account_id": account_id, "user_id": owner.user_id, "body": asdict(book), "version": 1}
            return link.write(adding(link.dialect, paper_books, "account_id"), row).first() is not None

    def fills(self, account_id: int) -> tuple[PaperFill, ...]:
        """Return every execution that an account ever had, oldest first."""
        with self._database.read() as link:
            return tuple(_fill(row.body) for row in link.all(_ALL_FILLS, {"account": account_id}))


def _state(link: Link, row: Row[Any], day: date) -> PaperState:
    values = {"account": row.account_id, "day": day}
    orders = sorted((_order(found.body) for found in link.all(_ORDERS, values)), key=lambda order: order.number)
    return PaperState(_book(row.body), tuple(orders), tuple(_fill(found.body) for found in link.all(_FILLS, values)))


def _order_row(account_id: int, order: PaperOrder) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "broker_order_id": order.broker_order_id,
        "session_date": order.shown_on,
        "working": order.works,
        "body": asdict(order),
    }


def _fill_row(account_id: int, fill: PaperFill) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "fill_id": fill.fill_id,
        "broker_order_id": fill.broker_order_id,
        "session_date": fill.shown_on,
        "body": asdict(fill),
    }


def _money(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _terms(body: Mapping[str, Any]) -> PaperTerms:
    tick, strike, expiry = Decimal(body["tick"]), _money(body["strike"]), _date(body["expiry"])
    return PaperTerms(Kind(body["kind"]), body["lot"], tick, strike, expiry)


def _request(body: Mapping[str, Any] | None) -> OrderRequest | None:
    if body is None:
        return None
    words = {
        "side": Side(body["side"]),
        "order_type": OrderType(body["order_type"]),
        "product": Product(body["product"]),
        "validity": Validity(body["validity"]),
        "variety": Variety(body["variety"]),
    }
    prices = {name: _money(body[name]) for name in ("price", "trigger_price", "market_protection")}
    return OrderRequest(**{**body, **words, **prices})


def _order(body: Mapping[str, Any]) -> PaperOrder:
    request = _request(body["request"])
    if request is None:
        raise ValueError(f"paper order {body['broker_order_id']} was stored without a request")
    return PaperOrder(
        **{
            **body,
            "request": request,
            "before": _request(body["before"]),
            "terms": _terms(body["terms"]),
            "status": OrderStatus(body["status"]),
            "shown_on": date.fromisoformat(body["shown_on"]),
            "placed_at": datetime.fromisoformat(body["placed_at"]),
            "updated_at": datetime.fromisoformat(body["updated_at"]),
            "limit": _money(body["limit"]),
            "valued_at": _money(body["valued_at"]),
            "value": Decimal(body["value"]),
            "charges": Decimal(body["charges"]),
        }
    )


def _fill(body: Mapping[str, Any]) -> PaperFill:
    return PaperFill(
        **{
            **body,
            "side": Side(body["side"]),
            "product": Product(body["product"]),
            "price": Decimal(body["price"]),
            "charges": Decimal(body["charges"]),
            "filled_at": datetime.fromisoformat(body["filled_at"]),
            "session_date": date.fromisoformat(body["session_date"]),
            "shown_on": date.fromisoformat(body["shown_on"]),
        }
    )


def _position(body: Mapping[str, Any]) -> PaperPosition:
    lots = tuple(PaperLot(lot["quantity"], Decimal(lot["price"]), date.fromisoformat(lot["day"])) for lot in body["lots"])
    rupees = ("opening_average", "bought_value", "sold_value", "realised", "mark")
    money = {name: Decimal(body[name]) for name in rupees}
    words = {"product": Product(body["product"]), "terms": _terms(body["terms"]), "lots": lots}
    return PaperPosition(**{**body, **words, **money})


def _book(body: Mapping[str, Any]) -> PaperBook:
    taken = {
        listing: PaperTaken(datetime.fromisoformat(one["at"]), one["bids"], one["asks"]) for listing, one in body["taken"].items()
    }
    return PaperBook(
        **{
            **body,
            "start_cash": Decimal(body["start_cash"]),
            "cash": Decimal(body["cash"]),
            "charges": Decimal(body["charges"]),
            "day": date.fromisoformat(body["day"]),
            "positions": tuple(_position(one) for one in body["positions"]),
            "taken": taken,
        }
    )
