"""Baskets from the command line: margin told, orders placed one by one, and nothing done without a yes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Run, World

HEAD = "listing,side,quantity,order_type,product,price"
ACCOUNTS = pytest.mark.parametrize("account", ["zerodha-main", "angel"])


@pytest.fixture(autouse=True)
def _still_market(world: World) -> Iterator[None]:
    world.exchange.post("price", listing="NSE:INFY", price=1500, hold=True, rebase=True)
    yield
    world.exchange.clear_faults()


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Two orders that rest below the market, the sold one first."""
    path = tmp_path / "basket.csv"
    path.write_text(f"{HEAD}\nNSE:INFY,SELL,2,LIMIT,MIS,1600\nNSE:INFY, BUY ,3,LIMIT,CNC,1450\n")
    return str(path)


@ACCOUNTS
def test_margin_is_told_together_with_the_charges(cli: Run, file: str, account: str) -> None:
    answer = cli("orders", "margin", file, "-a", account)
    assert answer.code == 0, answer.err
    assert "Margin   together ₹4,990.00" in answer.out
    assert "Charges  ₹" in answer.out
    (row,) = json.loads(cli("orders", "margin", file, "-a", account, "--json").out)
    assert (row["final_total"], row["orders"], row["reason"]) == (4990.0, 2, "")


def test_margin_that_is_not_known_says_why(cli: Run, world: World, file: str) -> None:
    world.exchange.post("faults", kind="html_504", endpoint="margin")
    answer = cli("orders", "margin", file, "-a", "angel")
    assert answer.code == 0
    assert "Margin   not known: AngelOne did not answer the margin" in answer.out


def test_a_basket_is_placed_after_a_yes_and_what_is_bought_goes_first(cli: Run, file: str) -> None:
    refused = cli("orders", "basket", file, "-a", "zerodha-main", typed="n\n")
    assert refused.code == 1
    assert "Place 2 orders on zerodha-main now?" in refused.out
    assert "Nothing was done" in refused.err
    answer = cli("orders", "basket", file, "-a", "zerodha-main", "--yes", "--json")
    assert answer.code == 0, answer.out + answer.err
    rows = json.loads(answer.out)
    assert [row["side"] for row in rows] == ["BUY", "SELL"]
    assert all(row["done"] and row["order_id"] for row in rows)
    for row in rows:
        cli("cancel", str(row["order_id"]), "-y")


def test_a_dry_run_and_the_queue_send_nothing(cli: Run, file: str) -> None:
    seen = cli("orders", "basket", file, "-a", "angel", "--dry-run")
    assert (seen.code, seen.out.count("would go")) == (0, 2)
    assert "nothing was stored or sent" in seen.out
    waiting = json.loads(cli("orders", "basket", file, "-a", "angel", "--queue", "--json").out)
    assert {row["status"] for row in waiting} == {"WAITING"}
    for row in waiting:
        cli("cancel", str(row["order_id"]), "-y")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no orders"),
        (f"{HEAD}\n", "holds no orders"),
        (f"{HEAD}\nNSE:INFY,BUY,,LIMIT,MIS,1450\n", "Order 1 of the basket lacks quantity"),
        (f"{HEAD},colour\nNSE:INFY,BUY,1,LIMIT,MIS,1450,red\n", "has colour, which no order has"),
        (f"{HEAD}\nNSE:INFY,BUY,1,LIMIT,MIS,1450,more\n", "which no order has"),
        (f"{HEAD}\nNSE:INFY,BUY,1,LIMIT,MIS,cheap\n", "Order 1 of the basket: The price must be a number"),
    ],
)
def test_a_file_that_is_no_basket_is_refused_as_a_whole(cli: Run, tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "basket.csv"
    path.write_text(text)
    answer = cli("orders", "basket", str(path), "-a", "angel", "--yes")
    assert answer.code == 1
    assert words in answer.err
