"""The kinds of column that our tables are made of, and how constraints are named."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Index, text

from sigma.store.types import Id, Utc, Word, Words

NAMES = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}


def word_check(column: str, words: type[StrEnum] | tuple[str, ...]) -> str:
    """Return the CHECK expression that keeps a column to its words."""
    return f"{column} IN ({', '.join(repr(str(word)) for word in words)})"


def word(name: str, enum: type[StrEnum], *, nullable: bool = False) -> Column[Any]:
    """Return a column for an enum with its CHECK."""
    return Column(name, Word(enum), CheckConstraint(word_check(name, enum), name=name), nullable=nullable)


def key() -> Column[Any]:
    """Return a primary key."""
    return Column("id", Id, primary_key=True)


def text_column(name: str, *, nullable: bool = False) -> Column[Any]:
    """Return a column of free text."""
    return Column(name, Words(), nullable=nullable)


def moment(name: str, *, nullable: bool = False) -> Column[Any]:
    """Return a column of aware UTC."""
    return Column(name, Utc(), nullable=nullable)


def flag(name: str) -> Column[Any]:
    """Return a yes-or-no column."""
    return Column(name, Boolean(), nullable=False)


def owner() -> Column[Any]:
    """Return the column that says whose row it is."""
    return Column("user_id", Id, ForeignKey("users.id"), nullable=False)


def whole(name: str, *, nullable: bool = False) -> Column[Any]:
    """Return a column of whole numbers."""
    return Column(name, BigInteger(), nullable=nullable)


def refers(name: str, to: str, *, nullable: bool = False) -> Column[Any]:
    """Return a foreign key."""
    return Column(name, Id, ForeignKey(to), nullable=nullable)


def stand_in(name: str, of: str) -> tuple[Column[Any], CheckConstraint]:
    """Return a column that holds `of`, or 0 where that is NULL, so that a unique key counts NULLs as equal."""
    return Column(name, Id, nullable=False), CheckConstraint(f"{name} = coalesce({of}, 0)", name=name)


def unique_where(name: str, condition: str, *columns: Any) -> Index:
    """Return an index that is unique among the rows that meet `condition`."""
    return Index(name, *columns, unique=True, sqlite_where=text(condition), postgresql_where=text(condition))
