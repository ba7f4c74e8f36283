"""`sigma bars`: shown, downloaded, and what is missing."""

from __future__ import annotations

import json

from tests.cli.conftest import Run


def test_bars_are_shown_newest_last_with_their_source(cli: Run) -> None:
    answer = cli("bars", "show", "NSE:INFY", "-t", "1d", "-n", "5")
    assert answer.code == 0
    assert "from zerodha-main" in answer.out
    assert "yes" in answer.out.splitlines()[-2]  # the forming day
    rows = json.loads(cli("bars", "show", "NSE:INFY", "-t", "1d", "-n", "5", "--json").out)
    assert len(rows) == 5
    assert [row["forming"] for row in rows] == [False] * 4 + [True]
    assert rows[0]["open_interest"] is None


def test_a_download_is_told_by_listing_and_then_nothing_is_missing(cli: Run) -> None:
    missing = cli("bars", "gaps", "NSE:WIPRO", "--start", "2026-11-16", "--end", "2026-11-18")
    assert "NOT_FETCHED" in missing.out
    answer = cli("bars", "download", "NSE:WIPRO", "--start", "2026-11-16", "--end", "2026-11-18", "--json")
    assert (answer.code, json.loads(answer.out)) == (0, [{"listing": "NSE:WIPRO", "calls": 1, "bars": 1125, "error": ""}])
    assert cli("bars", "gaps", "NSE:WIPRO", "--start", "2026-11-16", "--end", "2026-11-18").out.strip() == "Nothing is missing."


def test_wrong_words_end_with_a_hint(cli: Run) -> None:
    answer = cli("bars", "show", "NSE:INFY", "-t", "7m")
    assert answer.code == 1
    assert "There is no timeframe '7m'" in answer.err
