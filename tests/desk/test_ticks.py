"""`desk.ticks`, `sigma ticks` and `desk.market_health`: recorded days as people see them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from typer.testing import CliRunner

from sigma.cli.app import app
from sigma.domain.errors import NotFound
from sigma.domain.ticks import blank, microseconds
from sigma.domain.times import ist_date
from tests.orders.stage import KITE, SMART, Stage


@pytest.fixture
def recorded(stage: Stage) -> Stage:
    """Three ticks of the source's feed, written down."""
    stage.desk.settings.set("market.record_ticks", True)
    recorder = stage.house.recorder
    recorder.keep()
    for number, slot in enumerate((0, 1, 0)):
        tick = blank(1)
        tick["slot"], tick["last"] = slot, 1500 + number
        tick["at"] = tick["received"] = microseconds(stage.house.clock.now()) + number * 1_000_000
        recorder.add(stage.account(KITE).id, ("NSE:INFY", "NSE:WIPRO"), tick)
    recorder.flush()
    return stage


def test_recorded_days_are_listed_and_played_in_order(recorded: Stage) -> None:
    day = ist_date(recorded.house.clock.now())
    (row,) = recorded.desk.ticks.days().to_dict("records")
    assert (row["day"], row["account"], row["ticks"]) == (day, KITE, 3)
    heard: list[tuple[str, Decimal]] = []
    played = recorded.desk.ticks.replay(
        str(day), lambda quotes: heard.extend((name, quote.last_price) for name, quote in quotes.items()), speed=0
    )
    assert played == 3
    assert heard == [("NSE:INFY", Decimal("1500.00")), ("NSE:WIPRO", Decimal("1501.00")), ("NSE:INFY", Decimal("1502.00"))]
    with pytest.raises(NotFound, match="Nothing is recorded"):
        recorded.desk.ticks.replay(day, heard.append, account=SMART)  # type: ignore[arg-type]


def test_the_command_lists_and_plays_them(recorded: Stage) -> None:
    day = str(ist_date(recorded.house.clock.now()))

    def said(*words: str) -> str:
        answer = CliRunner(env=recorded.environment).invoke(app, ["ticks", *words])
        return f"{answer.exit_code} {answer.output}"

    assert day in said("list")
    played = said("replay", day, "--speed", "0")
    assert played.startswith("0 ")
    assert played.count("NSE:INFY") == 2
    assert "3 ticks." in played
    assert said("replay", "tomorrow").startswith("1 ")


def test_the_desk_says_how_market_data_stands(stage: Stage) -> None:
    found = stage.desk.market_health()
    assert (found.healthy, found.source, found.reason) == (False, KITE, "the worker does not run")
