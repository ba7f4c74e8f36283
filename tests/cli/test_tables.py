"""Tables fit the terminal they are drawn in, drop what matters least first, and say so."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from sigma.cli import tables
from sigma.cli.table import Column, as_json, build, show

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
GOLDEN = Path(__file__).with_name("golden")


def order(number: int, **facts: Any) -> dict[str, Any]:
    """One row as the desk gives it."""
    row: dict[str, Any] = {
        "id": number, "created_at": datetime(2026, 11, 20, 8, 57, 36, tzinfo=UTC), "account": "zerodha-main",
        "listing": "NSE:INFY", "side": "BUY", "quantity": 1000, "filled_quantity": 0, "order_type": "LIMIT", "product": "CNC",
        "price": 1500.0, "trigger_price": None, "average_price": None, "status": "OPEN", "source": "WEBHOOK",
        "strategy": "Supertrend", "broker_order_id": "261120000100001", "broker_reason": None, "risk_note": None,
        "stale_reason": None, "unsettled": False,
    }  # fmt: skip
    return {**row, **facts}


ORDERS = [
    order(12, status="PARTIALLY_FILLED", filled_quantity=400, average_price=1499.95),
    order(11, side="SELL", order_type="MARKET", price=None, status="REJECTED", broker_reason="RMS:Margin Exceeds [CNC]"),
    order(10, account="angel", listing="NFO:NIFTY26NOV25000CE", status="UNKNOWN", unsettled=True, quantity=75),
    order(9, account=None, status="WAITING", quantity=5, broker_order_id=None, stale_reason="late: 20 minutes old"),
    order(8, status="REJECTED_RISK", risk_note="worth 15,00,000.00, more than 1,00,000.00"),
]


def drawn(columns: list[Column], rows: list[dict[str, Any]], width: int) -> str:
    """The table as text without colour."""
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False, color_system=None)
    console.print(build(rows, columns, width=width))
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n") + "\n"


@pytest.mark.parametrize("width", [80, 160])
def test_orders_look_as_agreed(width: int) -> None:
    assert drawn(tables.orders(NOW), ORDERS, width) == (GOLDEN / f"orders_{width}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 160, 250])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert max(cell_len(line) for line in drawn(tables.orders(NOW), ORDERS, width).splitlines()) <= width


def test_what_does_not_fit_is_named() -> None:
    text = " ".join(drawn(tables.orders(NOW), ORDERS, 80).split())
    assert "not shown: " in text
    assert "wider terminal, or --json" in text
    assert "not shown" not in drawn(tables.orders(NOW), ORDERS, 250)


@pytest.mark.parametrize("width", [80, 100, 160])
def test_what_an_order_is_and_where_it_stands_is_never_cut(width: int) -> None:
    text = drawn(tables.orders(NOW), ORDERS, width)
    for words in (
        "14:27:36",
        "NSE:INFY",
        "NFO:NIFTY26NOV25000CE",
        "SELL",
        "400/1,000",
        "◑ Part filled",
        "? Unsettled, needs you",
    ):
        assert words in text


def test_square_brackets_of_a_broker_are_no_markup() -> None:
    assert "[CNC]" in drawn(tables.orders(NOW), ORDERS, 250)


def test_an_empty_list_is_a_sentence() -> None:
    console = Console(file=io.StringIO(), width=80)
    show(console, [], tables.orders(NOW), empty="No orders yet.")
    assert console.file.getvalue() == "No orders yet.\n"  # type: ignore[attr-defined]


def test_json_carries_amounts_moments_and_gaps() -> None:
    rows = [{"price": Decimal("1500.05"), "at": NOW, "day": date(2026, 11, 20), "gap": float("nan"), "none": None, "flag": True}]
    assert json.loads(as_json(rows)) == [
        {"price": "1500.05", "at": "2026-11-20T09:00:00+00:00", "day": "2026-11-20", "gap": None, "none": None, "flag": True}
    ]
