"""Triggers and conversions from the command line, on a real worker and the simulated exchange."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.cli.conftest import Run, World, until

ACCOUNT = "zerodha-main"


@pytest.fixture(autouse=True)
def _still_market(world: World) -> Iterator[None]:
    """INFY stands at 1,500 with enough on offer."""
    world.exchange.post("price", listing="NSE:INFY", price=1500.0, hold=True, rebase=True)
    yield
    world.exchange.clear_faults()


def add(cli: Run, *legs: str, side: str = "BUY") -> str:
    """Set a trigger and return its number."""
    asked = [part for leg in legs for part in ("--leg", leg)]
    answer = cli("gtt", "add", side, "5", "NSE:INFY", *asked, "-a", ACCOUNT, "-p", "MIS", "-y")
    assert answer.code == 0, answer.err + answer.out
    found = re.search(r"Trigger (\d+) \(order \d+\) is ACTIVE", answer.out)
    assert found, answer.out
    return found[1]


def test_a_trigger_is_set_listed_changed_and_taken_away(cli: Run) -> None:
    number = add(cli, "1400:1402")
    listed = cli("gtt", "-a", ACCOUNT)
    assert "5 at 1,402.00 when 1,400.00" in listed.out
    assert "Broker GTT (Zerodha)" in listed.out
    assert cli("gtt", "modify", number, "--leg", "1390:1392:7", "-y").code == 0

    def changed() -> bool:
        rows = json.loads(cli("gtt", "list", "--json").out)
        return [row["legs"] for row in rows if str(row["id"]) == number] == ["7 at 1,392.00 when 1,390.00"]

    until(changed)
    gone = cli("gtt", "cancel", number, "-y")
    assert (gone.code, f"Trigger {number}" in gone.out, "DELETED" in gone.out) == (0, True, True)
    rows = json.loads(cli("gtt", "list", "--all", "--json").out)
    assert [row["status"] for row in rows if str(row["id"]) == number] == ["DELETED"]


def test_what_the_broker_refuses_is_said_and_the_command_fails(cli: Run) -> None:
    answer = cli("gtt", "add", "BUY", "5", "NSE:INFY", "--leg", "1499:1499", "-a", ACCOUNT, "-p", "MIS", "-y")
    assert answer.code == 1
    assert "is REJECTED" in answer.out
    assert "too near" in answer.out


@pytest.mark.parametrize("leg", ["1400", "a:b", "1400:1402:5:9"])
def test_a_leg_that_is_none_is_refused(cli: Run, leg: str) -> None:
    assert cli("gtt", "add", "BUY", "5", "NSE:INFY", "--leg", leg, "-a", ACCOUNT, "-y").code == 1


def test_where_no_triggers_are_kept_it_is_said(cli: Run) -> None:
    answer = cli("gtt", "add", "BUY", "5", "NSE:INFY", "--leg", "1400:1402", "-a", "angel", "-y")
    assert (answer.code, "AngelOne keeps no resting triggers" in answer.err) == (1, True)


@pytest.mark.parametrize("account", [ACCOUNT, "angel"])
def test_a_position_is_converted_and_more_than_is_held_is_not(cli: Run, account: str) -> None:
    assert cli("orders", "place", "BUY", "5", "NSE:INFY", "-a", account, "-p", "MIS", "-y").code == 0
    answer = cli("convert", account, "NSE:INFY", "2", "--from", "mis", "--to", "cnc", "-y")
    assert (answer.code, "done" in answer.out) == (0, True), answer.err + answer.out
    too_much = cli("convert", account, "NSE:INFY", "9000", "--from", "mis", "--to", "cnc", "-y")
    assert (too_much.code, "are held in MIS" in too_much.err) == (1, True)


def test_a_person_says_which_trigger_it_is_or_that_there_is_none(cli: Run) -> None:
    number = add(cli, "1400:1402")
    assert "exactly one" in cli("gtt", "resolve", number, "--reason", "seen").err
    refused = cli("gtt", "resolve", number, "--reason", "seen", "--not-placed")
    assert (refused.code, "only one of unknown outcome" in refused.err) == (1, True)
    assert cli("gtt", "cancel", number, "-y").code == 0
