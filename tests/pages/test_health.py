"""Health: what is broken comes first, says since when both ways, and nothing in its words is markup."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pages.health import counted, line, merged, says, since, taking, waits
from pages.ui.badges import hint
from sigma.domain.health import Check, Mark
from sigma.domain.limits import CallKind
from tests.orders.conftest import server, stage, template
from tests.orders.stage import KITE, SMART, Stage
from tests.pages.signed_in import opened

__all__ = ["server", "stage", "template"]

NOW = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
DEAD = Check(Mark.BAD, "worker", "is silent", "Start it: `sigma up`.", NOW - timedelta(minutes=11))
GOOD = Check(Mark.GOOD, "session", "connected", since=NOW - timedelta(seconds=6), account="huf")


def test_a_line_has_mark_word_thing_account_and_age_both_ways() -> None:
    assert line(DEAD, {}, NOW) == ":red[✕] **Broken** · **worker** is silent :gray[· for 11 min, since 10:19:00 IST]"
    marks = {"huf": ":violet[■] huf"}
    assert line(GOOD, marks, NOW) == ":green[✓] **Well** · **session** :violet[■] huf connected :gray[· 6 s ago (10:29:54 IST)]"


def test_what_has_no_moment_claims_none() -> None:
    plain = Check(Mark.NOTE, "clock", "is not known")
    assert since(plain, NOW) == ""
    assert line(plain, {}, NOW) == ":blue[i] **Note** · **clock** is not known"


def test_brokers_and_peoples_words_are_no_markup() -> None:
    told = line(Check(Mark.BAD, "session", "said **no** [here](x)", account="a*b"), {}, NOW)
    assert "said \\*\\*no\\*\\* \\[here\\]\\(x\\)" in told
    assert "a\\*b" in told
    assert hint("Run `sigma login 'a*b'`, or *wait*.") == "Run `sigma login 'a*b'`, or \\*wait\\*."


def test_an_answer_that_is_stored_by_now_is_told_once_and_the_worst_is_on_top() -> None:
    book = Check(Mark.BAD, "order book", "cannot be read", account="huf")
    old = Check(Mark.BAD, "session", "expired", account="huf")
    assert merged([GOOD], [old, book]) == (book, GOOD)


def test_a_process_says_what_it_does_in_words() -> None:
    assert says({"accounts": 2, "stopped": "", "clock_ms_1": 587, "last_sent": "x"}) == "accounts 2, last sent x"


def test_checks_are_counted_by_how_they_came_out() -> None:
    assert counted([DEAD, GOOD, GOOD]) == "1 broken, 2 well"
    assert counted([]) == "Nothing was looked at"


def test_check_now_asks_every_broker_and_says_what_they_answered(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened("health", stage, monkeypatch)
    assert "brokers never asked" in app.caption[1].value
    assert not any("**order book**" in each.value for each in app.markdown)
    stage.fault("html_504", "book", times=None)
    app.button(key="go_health-check").click().run()
    assert not app.exception
    assert "brokers asked" in app.caption[1].value
    books = [each.value for each in app.markdown if "**order book**" in each.value]
    assert len(books) == 2
    assert all("**Broken**" in told for told in books)
    assert {name for name in (KITE, SMART) if any(name in told for told in books)} == {KITE, SMART}


def test_calls_to_brokers_say_in_words_what_waited_and_what_is_closed() -> None:
    assert (waits(0, 0.0), waits(3, 1.26)) == ("—", "3 (1.3 s)")
    assert (taking(0.0), taking(12.4)) == ("open", "closed for 12 s")


def test_calls_to_brokers_are_shown_by_account_and_limit(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {name: value for name, value in stage.environment.items() if name != "SIGMA_CALL_LIMITS"}
    monkeypatch.setattr(stage, "environment", given)
    house = stage.another_house()
    account = house.accounts.find(stage.user_id, KITE)
    for _ in range(2):
        house.connections.read(account.id, CallKind.QUOTES, lambda broker: broker.quotes(["NSE:INFY"]))
    monkeypatch.setattr(stage, "house", house)
    app = opened("health", stage, monkeypatch)
    assert not app.exception
    assert "Calls to brokers" in [each.value for each in app.subheader]
    table = next(each.value for each in app.dataframe if "words" in each.value)
    row = table[(table["account"] == KITE) & (table["name"] == "quotes")].iloc[0]
    assert (row["words"], row["calls"], row["now"]) == ("1 a second", 2, "open")
    assert row["waits"].startswith("1 (")
    house.close()
