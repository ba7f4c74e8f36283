"""Orders from the command line, on a real worker and the simulated exchange: placed, looked at, changed, taken back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

import sigma
from tests.cli.conftest import Run, World, until

PRICE = 1500.0


@pytest.fixture(autouse=True)
def _still_market(world: World) -> Iterator[None]:
    """INFY stands at 1,500 with enough on offer."""
    world.exchange.post("price", listing="NSE:INFY", price=PRICE, hold=True, rebase=True)
    yield
    world.exchange.post("liquidity", listing="NSE:INFY", bid_quantity=None, ask_quantity=None)
    world.exchange.clear_faults()


def number(words: str) -> str:
    """The order's number in what a command printed."""
    found = re.search(r"Order (\d+):", words)
    assert found, words
    return found[1]


def place(cli: Run, *more: str, quantity: str = "5") -> str:
    """Place an order that rests below the market and return its number."""
    wish = ["orders", "place", "buy", quantity, "NSE:INFY", "-a", "zerodha-main", "-t", "limit", "--price", "1450", "-y"]
    answer = cli(*wish, *more)
    assert answer.code == 0, answer.err + answer.out
    return number(answer.out)


def shown(cli: Run, order: str) -> dict[str, Any]:
    """One order as JSON."""
    return dict(json.loads(cli("orders", "show", order, "--json").out))


@pytest.mark.parametrize("account", ["zerodha-main", "angel"])
def test_an_order_is_placed_and_its_fill_shown(cli: Run, account: str) -> None:
    answer = cli("orders", "place", "BUY", "5", "NSE:INFY", "--account", account, "--yes")
    assert answer.code == 0, answer.err
    assert f"BUY 5 NSE:INFY MARKET CNC on {account}  ● Filled 5 of 5 at 1,500." in answer.out
    order = number(answer.out)
    fills = [row for row in json.loads(cli("fills", "-a", account, "--json").out) if str(row["order_id"]) == order]
    assert sum(row["quantity"] for row in fills) == 5
    assert f"Order {order}" in cli("orders", "show", order).out


def test_why_tells_the_chain_in_the_order_it_happened(cli: Run) -> None:
    order = number(cli("orders", "place", "BUY", "5", "NSE:INFY", "-a", "angel", "-y").out)
    told = cli("orders", "why", order).out
    words = ("CLI wants it", "allowed", "goes out now", "PLACE ANSWERED", "5 at 1,500.")
    chain = told[told.index("time (IST)") :].lower()
    places = [chain.index(word.lower()) for word in words]
    assert places == sorted(places), told
    raw = json.loads(cli("orders", "why", order, "--json").out)
    assert raw["order"]["status"] == "FILLED"
    assert raw["commands"][0]["kind"] == "PLACE"


def test_a_resting_order_is_modified_and_cancelled(cli: Run) -> None:
    order = place(cli)
    until(lambda: shown(cli, order)["broker_status"] == "OPEN")
    changed = cli("orders", "modify", order, "--price", "1451", "--yes")
    assert changed.code == 0, changed.err
    until(lambda: shown(cli, order)["price"] == "1451.00")
    gone = cli("cancel", order, "--yes")
    assert gone.code == 0, gone.err
    assert "Cancelled" in gone.out


def test_cancelling_asks_and_says_what_stays(cli: Run, world: World) -> None:
    world.exchange.post("liquidity", listing="NSE:INFY", bid_quantity=0, ask_quantity=2)
    wish = ["orders", "place", "BUY", "50", "NSE:INFY", "-a", "zerodha-main", "-t", "LIMIT", "--price", "1500.5", "-y"]
    order = number(cli(*wish, "--wait", "0").out)
    until(lambda: shown(cli, order)["status"] == "PARTIALLY_FILLED")
    asked = cli("cancel", order, typed="n\n")
    assert asked.code == 1
    assert re.search(r"Cancel BUY 50 NSE:INFY LIMIT at 1,500.50 CNC on zerodha-main\? \d+ already filled stay\.", asked.out)
    assert shown(cli, order)["status"] == "PARTIALLY_FILLED"
    assert "Cancelled" in cli("cancel", order, typed="y\n").out


def test_an_order_waits_in_the_queue_until_it_is_approved_on_a_named_account(cli: Run) -> None:
    queued = cli("orders", "place", "SELL", "2", "INFY", "--queue", "--product", "CNC")
    order = number(queued.out)
    assert "sigma approve" in queued.out
    assert order in [str(row["id"]) for row in json.loads(cli("queue", "--json").out)]
    assert "approve: sigma approve ID --account NAME" in cli("queue").out
    edited = cli("orders", "edit", order, "--quantity", "3")
    assert "SELL 3 NSE:INFY" in edited.out
    approved = cli("approve", order, "--account", "angel")
    assert approved.code == 0, approved.err
    assert "on angel  ● Filled 3 of 3" in approved.out
    again = cli("approve", order, "--account", "angel")
    assert again.code == 1
    assert "not waiting for approval" in again.err


def test_an_old_signal_is_approved_only_knowingly(cli: Run, world: World) -> None:
    message = {"strategy_name": "TV", "symbol": "NSE:INFY", "bar_time": "2026-01-05T04:00:00Z"}
    message["trade_details"] = {"order_action": "BUY", "quantity": 1, "product": "CNC", "order_id": "old"}
    with sigma.open() as desk:
        order = str(desk.signals.receive(message, secret=world.secret).order_ids[0])
    refused = cli("approve", order, "-a", "angel")
    assert refused.code == 1
    assert "late" in refused.err
    assert "● Filled 1 of 1" in cli("approve", order, "-a", "angel", "--late").out
    assert "TV" in cli("signals").out


def test_a_refusal_of_the_exchange_ends_with_one_and_its_words(cli: Run, world: World) -> None:
    words = "RMS:Margin Exceeds [CNC], Required: 7500"
    world.exchange.post("faults", broker="angelone", endpoint="place", kind="reject_in_book", times=1, args={"message": words})
    answer = cli("orders", "place", "BUY", "5", "NSE:INFY", "-a", "angel", "-y")
    assert answer.code == 1
    assert "✕ Rejected" in answer.out
    assert f"broker: {words}" in answer.out
    copied = cli("orders", "requeue", number(answer.out))
    assert "◔ Waiting" in copied.out
    assert cli("cancel", number(copied.out), "-y").code == 0


def test_a_limit_stops_an_order_before_the_broker(cli: Run, world: World) -> None:
    assert cli("risk", "set", "--max-quantity", "10").code == 0
    assert "10" in cli("risk", "set", "--max-value", "5000000").out
    try:
        answer = cli("orders", "place", "BUY", "11", "NSE:INFY", "-a", "angel", "-y")
        assert answer.code == 1
        assert "✕ Risk stopped" in answer.out
        assert "risk: " in answer.out
        assert "10" in cli("risk", "show").out
        tag = shown(cli, number(answer.out))["client_order_id"]
        assert world.exchange.orders(str(tag)) == []
    finally:
        assert "nobody is there" in cli("risk", "set", "--max-quantity", "none").err
        assert cli("risk", "set", "--max-quantity", "none", "--max-value", "none", "--yes").code == 0
    assert "is a number" in cli("risk", "set", "--max-value", "lots").err
    assert "Which limit?" in cli("risk", "set").err


def test_the_kill_switch_blocks_until_it_is_switched_off_with_a_reason(cli: Run) -> None:
    assert "Kill switch ON for all accounts" in cli("kill", "on", "--reason", "too fast").out
    try:
        stopped = cli("orders", "place", "BUY", "1", "NSE:INFY", "-a", "angel", "-y")
        assert stopped.code == 1
        assert "too fast" in cli("risk", "show").out
    finally:
        assert cli("kill", "off", "--reason", "mended", typed="y\n").code == 0
    assert cli("orders", "place", "BUY", "1", "NSE:INFY", "-a", "angel", "-y").code == 0


def test_a_lost_answer_is_said_and_settled(cli: Run, world: World) -> None:
    world.exchange.post("faults", broker="zerodha", endpoint="place", kind="drop_after_commit", times=1)
    answer = cli("orders", "place", "BUY", "2", "NSE:INFY", "-a", "zerodha-main", "-y", "--wait", "0")
    order = number(answer.out)
    until(lambda: shown(cli, order)["status"] == "FILLED")
    assert len(world.exchange.orders(str(shown(cli, order)["client_order_id"]))) == 1


def test_lists_are_filtered_and_wrong_wishes_named(cli: Run) -> None:
    order = place(cli)
    rows = json.loads(cli("orders", "--status", "OPEN", "-a", "zerodha-main", "--json").out)
    assert order in [str(row["id"]) for row in rows]
    assert json.loads(cli("orders", "list", "-a", "angel", "-s", "OPEN", "--json").out) == []
    assert cli("orders", "-a", "angel", "-s", "OPEN").out == "No such orders.\n"
    assert len(json.loads(cli("orders", "-n", "1", "--days", "3", "--json").out)) == 1
    for wrong, words in (
        (["orders", "place", "BUY", "1", "NSE:INFY"], "On which account?"),
        (["orders", "modify", order], "What shall be changed?"),
        (["orders", "modify", order, "--price", "cheap"], "cheap"),
        (["orders", "resolve", order, "--reason", "seen"], "exactly one"),
        (["orders", "resolve", order, "--reason", "seen", "--executed", "2"], "average"),
        (["orders", "resolve", order, "--reason", "seen", "--not-placed", "-y"], "unknown outcome"),
    ):
        answer = cli(*wrong)
        assert answer.code == 1, wrong
        assert words in answer.err
    assert cli("cancel", order, "-y").code == 0


def test_all_positions_are_closed_after_a_question_and_seen_flat(cli: Run) -> None:
    assert cli("orders", "place", "BUY", "5", "NSE:INFY", "-a", "angel", "-p", "MIS", "-y").code == 0
    asked = cli("orders", "close-all", "-a", "angel", typed="n\n")
    assert asked.code == 1
    assert re.search(r"Close \d+ positions of angel at the market\?", asked.out)
    done = cli("orders", "close-all", "-a", "angel", "-y", "--json")
    assert done.code == 0, done.out + done.err
    assert {(row["left"], row["words"]) for row in json.loads(done.out)} == {(0, "flat")}
    assert cli("orders", "close-all", "-y").code != 0
