"""The shipped tables of charges, and files that are refused."""

from __future__ import annotations

import pytest

from sigma.bootstrap.house import KITS
from sigma.data import charge_texts
from sigma.domain.errors import ConfigError
from sigma.infra.charge_rates import COLUMNS, read_rates, shipped_rates

HEAD = ",".join(COLUMNS)
ROW = "NSE,DELIVERY,2024-10-01,2026-03-31,,20,0.1,0.1,0.00307,0.0001,0.015,18,0,somewhere,"


def test_every_broker_and_paper_has_a_table() -> None:
    assert {*KITS, "paper"} <= set(shipped_rates())


def test_every_row_names_its_source_and_what_is_not_verified() -> None:
    tables = shipped_rates()
    assert all(row.source for table in tables.values() for row in table.rows)
    assert all(row.unverified for row in tables["angelone"].rows)


def test_remarks_and_an_open_end_are_read() -> None:
    table = read_rates("any", f"# a remark\n{HEAD}\n{ROW}\n{ROW.replace('2024-10-01,2026-03-31', '2026-04-01,')}\n")
    assert [row.valid_to is None for row in table.rows] == [False, True]
    assert table.rows[0].brokerage_percent is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "first line"),
        (f"{HEAD}\n{ROW}\n{ROW}", "line 3: an earlier line"),
        (f"{HEAD}\n{ROW.replace('0.015', '-1')}", "below 0"),
        (f"{HEAD}\n{ROW.replace('NSE', 'LSE')}", "LSE"),
        (f"{HEAD}\n{ROW.replace('0.015', 'nothing')}", "not a number"),
        (f"{HEAD}\n{ROW},more", "line 2"),
    ],
)
def test_a_damaged_table_is_an_error_that_names_the_line(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_rates("any", text)


def test_texts_are_by_broker() -> None:
    assert set(charge_texts()) == set(shipped_rates())
