"""Money, moments, words and JSON come back as they went in, or are refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Connection, Integer, MetaData, Table, func, select
from sqlalchemy.exc import StatementError

from sigma.domain.money import LIMIT, PLACES, from_scaled, to_scaled
from sigma.domain.orders import Side
from sigma.store.database import Database
from sigma.store.types import Json, Money, Utc, Word, Words
from tests.store.values import NOW

SAMPLE = Table(
    "sample",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("money", Money()),
    Column("at", Utc()),
    Column("text", Words()),
    Column("side", Word(Side)),
    Column("json", Json()),
)
EXACT = st.decimals(min_value=-LIMIT + 1, max_value=LIMIT - 1, places=PLACES, allow_nan=False, allow_infinity=False)
AWARE = st.datetimes(min_value=datetime(1900, 1, 2), max_value=datetime(2200, 1, 1)).flatmap(  # noqa: DTZ001
    lambda naive: st.integers(-14 * 60, 14 * 60).map(lambda minutes: naive.replace(tzinfo=timezone(timedelta(minutes=minutes))))
)
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="session")
def database(backend: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Database]:
    url = request.getfixturevalue("server").create() if backend == "postgresql" else None
    made = Database("public", tmp_path_factory.mktemp("types"), url, durable=False)
    with made.write() as link:
        SAMPLE.create(link.connection)
    yield made
    made.close()


@pytest.fixture
def table(database: Database) -> Iterator[Connection]:
    with database.writer.connect() as connection:  # closing it rolls back
        if database.path:
            connection.exec_driver_sql("BEGIN")
        yield connection


def stored(connection: Connection, **values: Any) -> Any:
    connection.execute(SAMPLE.delete())
    connection.execute(SAMPLE.insert(), values)
    return connection.execute(select(SAMPLE)).one()


@QUICK
@given(value=EXACT)
def test_money_comes_back_exactly(table: Connection, value: Decimal) -> None:
    row = stored(table, money=value)
    assert isinstance(row.money, Decimal)
    assert row.money == value


@given(value=EXACT)
def test_scaling_and_unscaling_is_the_identity(value: Decimal) -> None:
    assert from_scaled(to_scaled(value)) == value


@pytest.mark.parametrize(
    ("given_text", "shown"), [("1500", "1500.00"), ("0.05", "0.05"), ("101.0825", "101.0825"), ("-0", "0.00")]
)
def test_money_reads_like_rupees(table: Connection, given_text: str, shown: str) -> None:
    row = stored(table, money=Decimal(given_text))
    assert str(row.money) == shown


@pytest.mark.parametrize(
    "value",
    [
        Decimal("0.000000001"),
        Decimal(LIMIT),
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal("1.00000000000000000000000000001"),
        1.5,
        7,
    ],
)
def test_money_that_does_not_fit_is_refused(table: Connection, value: Any) -> None:
    with pytest.raises((StatementError, ValueError, TypeError)):
        stored(table, money=value)


def test_the_database_sums_and_orders_money(table: Connection) -> None:
    table.execute(SAMPLE.delete())
    table.execute(SAMPLE.insert(), [{"money": Decimal(text)} for text in ("9.10", "10.05", "-1.00000001")])
    total = table.execute(select(func.sum(SAMPLE.c.money, type_=Money()))).scalar_one()
    ordered = table.execute(select(SAMPLE.c.money).where(SAMPLE.c.money > Decimal(0)).order_by(SAMPLE.c.money)).scalars().all()
    assert total == Decimal("18.14999999")
    assert ordered == [Decimal("9.10"), Decimal("10.05")]


@QUICK
@given(moment=AWARE)
def test_moments_come_back_in_utc(table: Connection, moment: datetime) -> None:
    row = stored(table, at=moment)
    assert row.at == moment
    assert row.at.tzinfo is UTC


def test_naive_datetimes_are_refused(table: Connection) -> None:
    with pytest.raises((StatementError, ValueError), match="naive"):
        stored(table, at=NOW.replace(tzinfo=None))


@QUICK
@given(text=st.text(alphabet=st.characters(codec=None)))
def test_any_text_can_be_stored(table: Connection, text: str) -> None:
    row = stored(table, text=text)
    assert len(row.text) == len(text)
    if "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text):
        assert row.text == text


def test_an_unknown_word_is_never_coerced(table: Connection) -> None:
    with pytest.raises((StatementError, ValueError), match="HOLD"):
        stored(table, side="HOLD")
    assert stored(table, side=Side.SELL).side is Side.SELL
    table.exec_driver_sql("UPDATE sample SET side = 'HOLD'")
    with pytest.raises(ValueError, match="HOLD"):
        table.execute(select(SAMPLE.c.side)).all()


def test_json_takes_decimals_moments_and_any_character(table: Connection) -> None:
    value = {"price": Decimal("1.50"), "at": NOW, "text": "\0 \ud800 \N{RUPEE SIGN}", "rows": ({"a": None},)}
    row = stored(table, json=value)
    assert row.json == {"price": "1.50", "at": NOW.isoformat(), "text": "\0 \ud800 \N{RUPEE SIGN}", "rows": [{"a": None}]}


@pytest.mark.parametrize("value", [{"x": float("nan")}, {"x": object()}])
def test_json_refuses_what_would_come_back_as_something_else(table: Connection, value: Any) -> None:
    with pytest.raises((StatementError, ValueError, TypeError)):
        stored(table, json=value)
