"""Strategies and their messages from the command line."""

from __future__ import annotations

import json

from tests.cli.conftest import Run


def test_a_strategy_is_made_tested_and_removed(cli: Run) -> None:
    assert "No account" not in cli("strategies").out
    made = cli("strategies", "add", "Opening", "--account", "zerodha-main", "--account", "angel=0.5", "--product", "CNC")
    assert made.code == 0, made.err
    assert "MANUAL, on zerodha-main, angel x 0.5" in made.out
    (row,) = json.loads(cli("strategies", "--json").out)
    assert (row["name"], row["mode"], row["product"]) == ("Opening", "MANUAL", "CNC")
    text = json.loads(cli("strategies", "payload", "opening", "--form", "SIGNAL_6").out)
    assert text["signal"]["strategy_name"] == "Opening"
    sent = cli("strategies", "test", "opening", "NSE:INFY", "BUY", "-q", "4")
    assert sent.code == 0, sent.err
    assert "accepted" in sent.out
    newest = json.loads(cli("signals", "--json").out)[0]
    assert "zerodha-main: order" in newest["shares"]
    changed = cli("strategies", "set", "opening", "--off-hours", "amo", "--account", "angel")
    assert "on angel" in changed.out
    assert "nobody is there" in cli("strategies", "auto", "opening").err
    assert "AUTO" in cli("strategies", "auto", "opening", "--yes").out
    assert "disabled" in cli("strategies", "disable", "opening").out
    assert cli("strategies", "manual", "opening").code == 0
    assert cli("strategies", "enable", "opening").code == 0
    assert cli("strategies", "remove", "opening", "--yes").code == 0
    assert "There is no strategy" in cli("strategies", "disable", "opening").err
    for order in json.loads(cli("queue", "--json").out):
        assert cli("cancel", str(order["id"]), "--yes").code == 0


def test_what_is_no_account_with_a_multiplier_is_said(cli: Run) -> None:
    answer = cli("strategies", "add", "X", "--account", "zerodha-main=much")
    assert answer.code == 1
    assert "no account with a multiplier" in answer.err
