"""`sigma risk …` and `sigma replay-decision`."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

from tests.cli.conftest import Run, World

LIFTED = ("max-quantity", "max-value", "cooldown", "deny", "short-selling", "entries-until")


def lift(cli: Run, *more: str) -> None:
    given = [part for name in LIFTED for part in (f"--{name}", "none")]
    assert cli("risk", "set", *given, *more, "--yes").code == 0


def test_limits_are_set_one_by_one_and_keep_what_they_do_beyond(cli: Run) -> None:
    try:
        first = cli("risk", "set", "--max-quantity", "10", "--max-value", "50000.50", "--clamp")
        assert first.out.count("lowers the order") == 2
        second = cli(
            "risk", "set", "--max-value", "40000", "--cooldown", "60", "--deny", "TCS, NSE:SBIN", "--short-selling", "no"
        )
        assert second.out.count("lowers the order") == 2
        assert second.out.count("refuses the order") == 3
        assert "NSE:SBIN, NSE:TCS" in second.out
        third = cli("risk", "set", "--max-value", "40000", "--reject", "--entries-until", "15:10")
        assert third.out.count("lowers the order") == 1
        (row,) = json.loads(cli("risk", "show", "--json").out)
        told = {name: row[name] for name in ("max_quantity_per_order", "max_order_value", "cooldown_s", "allow_short_selling")}
        assert told == {"max_quantity_per_order": 10, "max_order_value": 40000.0, "cooldown_s": 60, "allow_short_selling": False}
    finally:
        lift(cli)
    assert "No limits" in cli("risk", "show").out


def test_the_effective_limits_name_their_scopes(cli: Run) -> None:
    try:
        cli("risk", "set", "--max-quantity", "10", "--max-value", "50000")
        cli("risk", "set", "--max-quantity", "4", "--account", "angel")
        mine = {row["limit"]: row for row in json.loads(cli("risk", "effective", "-a", "angel", "--json").out)}
        assert (mine["max_quantity_per_order"]["value"], mine["max_quantity_per_order"]["scopes"]) == ("4", "ACCOUNT")
        assert (mine["max_order_value"]["scopes"], mine["cooldown_s"]["value"]) == ("GLOBAL", "not limited")
        assert "GLOBAL" in cli("risk", "effective").out
    finally:
        lift(cli)
        lift(cli, "--account", "angel")


def test_a_limit_that_makes_no_sense_is_refused_in_words(cli: Run) -> None:
    assert "from 1 to" in cli("risk", "set", "--max-quantity", "0").err
    assert "15:10" in cli("risk", "set", "--entries-until", "tea time").err
    assert "yes, no or none" in cli("risk", "set", "--short-selling", "perhaps").err
    assert "There is no product" in cli("risk", "set", "--products", "CNC,XYZ").err


def test_a_decision_is_replayed_rule_by_rule_and_a_difference_is_an_error(cli: Run, world: World) -> None:
    cli("risk", "set", "--max-quantity", "3")
    try:
        assert cli("orders", "place", "BUY", "4", "NSE:INFY", "-a", "angel", "-y").code == 1
    finally:
        lift(cli)
    with closing(sqlite3.connect(world.home / "sigma.db")) as database:
        ((number, inputs),) = database.execute("SELECT id, inputs FROM risk_decisions ORDER BY id DESC LIMIT 1").fetchall()
        same = cli("replay-decision", str(number))
        assert same.code == 0
        assert "MAX_QUANTITY" in same.out
        assert "Then: refused" in same.out
        assert "Again: refused" in same.out
        database.execute("UPDATE risk_decisions SET inputs = ? WHERE id = ?", (inputs.replace(":3", ":5"), number))
        database.commit()
    differs = cli("replay-decision", str(number))
    assert differs.code == 1
    assert "Again: allowed, 4 units (OK)" in differs.out
    assert "The two differ" in differs.err
    assert "There is no risk decision 99999" in cli("replay-decision", "99999").err
