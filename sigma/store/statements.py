"""Statements that several repositories need, built once per table so that SQLAlchemy's cache finds them compiled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NoReturn

from sqlalchemy import ColumnElement, CursorResult, Insert, ScalarSelect, Select, Table, Update, bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from sigma.domain.errors import Conflict, NotFound
from sigma.store.database import Link

_BATCH = 1000
_INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


@cache
def by_id(table: Table, locking: bool) -> Select[Any]:
    """Return the query of one row by `id`; `locking` takes the row's lock (one that foreign keys do not wait for)."""
    query = select(table).where(table.c.id == bindparam("id"))
    return query.with_for_update(key_share=True) if locking else query


@cache
def inserting(table: Table) -> Insert:
    """Return a plain insert that gives the new id back."""
    return insert(table)


@cache
def owned(table: Table, via: Table, reference: str) -> Insert:
    """Return an insert whose `user_id` is that of the row of `via` which the column `reference` names."""
    owner: ScalarSelect[Any] = select(via.c.user_id).where(via.c.id == bindparam("owner_key")).scalar_subquery()
    names: dict[str, Any] = {
        column.name: bindparam(column.name) for column in table.c if column.name not in ("id", "user_id", reference)
    }
    return insert(table).values(names | {"user_id": owner, reference: bindparam("owner_key")})


@cache
def adding(dialect: str, table: Table, *key: str, tell: bool = True) -> Any:
    """Return an insert that does nothing when a row with this unique key exists, and gives back the key when it inserted."""
    statement = _INSERT[dialect](table).on_conflict_do_nothing(index_elements=[table.c[name] for name in key])
    return statement.returning(table.c[key[0]]) if tell else statement


@cache
def putting(dialect: str, table: Table, *key: str, newer: str = "", keep: tuple[str, ...] = ()) -> Any:
    """Return an insert that replaces the row with the same unique key, all but the columns `keep`.

    With `newer` it does so only when that column is not older.
    """
    statement = _INSERT[dialect](table)
    changed = {column.name: statement.excluded[column.name] for column in table.c if column.name not in ("id", *key, *keep)}
    condition: ColumnElement[bool] | None = statement.excluded[newer] >= table.c[newer] if newer else None
    return statement.on_conflict_do_update(index_elements=[table.c[name] for name in key], set_=changed, where=condition)


@cache
def saving(table: Table, *kept: str) -> Update:
    """Return an update of one row that was read as version `was`; `kept` columns never change."""
    names: dict[str, Any] = {
        column.name: bindparam(f"new_{column.name}") for column in table.c if column.name not in ("id", "version", *kept)
    }
    return (
        update(table)
        .where(table.c.id == bindparam("row_id"), table.c.version == bindparam("was"))
        .values(names | {"version": table.c.version + 1})
    )


def add_row(link: Link, table: Table, row: Mapping[str, Any]) -> int:
    """Insert a row (its `id` ignored) and return the id it got."""
    return new_id(link.write(inserting(table), {name: value for name, value in row.items() if name != "id"}))


def add_owned(link: Link, table: Table, via: Table, reference: str, row: Mapping[str, Any]) -> int:
    """Insert a row that belongs to whoever owns `row[reference]`, and return the id it got."""
    values = {name: value for name, value in row.items() if name not in ("id", reference)}
    return new_id(link.write(owned(table, via, reference), values | {"owner_key": row[reference]}))


def new_id(done: CursorResult[Any]) -> int:
    """Return the id that an insert gave."""
    key = done.inserted_primary_key
    if key is None:
        raise RuntimeError("the insert gave no id")
    found: int = key[0]
    return found


def save_row(link: Link, table: Table, row: dict[str, Any], *kept: str) -> bool:
    """Update the row of `row["id"]` if it still has version `row["version"]`; say whether it had."""
    values = {f"new_{name}": value for name, value in row.items() if name not in ("id", "version", *kept)}
    done = link.write(saving(table, *kept), values | {"row_id": row["id"], "was": row["version"]})
    return done.rowcount == 1


def stale(link: Link, table: Table, noun: str, row_id: int, version: int, was: str, word: str) -> NoReturn:
    """Say what a row that could not be saved was read as and what it is now.

    Raises
    ------
    Conflict, NotFound
        Always one of them.
    """
    now = link.first(by_id(table, False), {"id": row_id})
    if now is None:
        raise missing(noun, row_id)
    raise Conflict(
        f"{noun} {row_id} was read as version {version} ({was}), it is version {now.version} ({getattr(now, word)}) now.",
        hint="Read it again and decide anew.",
    )


def missing(noun: str, name: object) -> NotFound:
    """Return the error for a row that is not there."""
    return NotFound(f"There is no {noun.lower()} {name}.")


def breaks(error: IntegrityError, *names: str) -> bool:
    """Say whether the constraint broken is one of `names`: PostgreSQL gives the name, SQLite the columns."""
    said = str(error.orig)
    return any(name in said for name in names)


def batches(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut a list of keys into pieces that fit into one statement."""
    for start in range(0, len(values), _BATCH):
        yield values[start : start + _BATCH]
