"""Candles at both doors, through the unmodified official clients, against the very prices that quotes show."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from kiteconnect import KiteConnect
from kiteconnect import exceptions as kite_errors

from sigma.domain.times import to_ist
from sigma.simulator.candles import CANDLE, Candles
from sigma.simulator.exchange import Exchange
from sigma.simulator.prices import PriceProcess
from sigma.simulator.securities import Security
from tests.simulator.conftest import FRIDAY
from tests.simulator.control import Control

INFY, NIFTY = 408065, 256265
OPEN = datetime(2026, 11, 20, 3, 45, tzinfo=UTC)


def plain(moment: datetime) -> datetime:
    return to_ist(moment).replace(tzinfo=None)


def security(exchange: Exchange, listing: str) -> Security:
    found = exchange.security(listing)
    assert found is not None
    return found


def minutes(exchange: Exchange, listing: str, begin: datetime, now: datetime) -> Candles:
    return exchange.candles.candles(security(exchange, listing), 1, begin, now, now)


@pytest.mark.parametrize("listing", ["NSE:INFY", "BSE:TCS", "NSE:NIFTY 50", "NFO:NIFTY26DECFUT", "NFO:NIFTY26DEC25050CE"])
def test_todays_candles_are_made_of_the_prices_that_quotes_show(exchange: Exchange, listing: str) -> None:
    one, now = security(exchange, listing), OPEN + timedelta(minutes=75, seconds=20)
    exchange.set_clock(now)
    rows = minutes(exchange, listing, OPEN, now)
    assert len(rows) > 30
    fresh = PriceProcess(exchange.universe, exchange.calendar, 7, FRIDAY.date())
    for row in rows[:: len(rows) // 12]:
        begin = datetime.fromtimestamp(int(row["opens_at"]), UTC)
        seconds = range(min(60, int((now - begin).total_seconds()) + 1))
        seen = [float(fresh.last(one, begin + timedelta(seconds=second))) for second in seconds]
        assert (row["open"], row["close"], row["high"], row["low"]) == (seen[0], seen[-1], max(seen), min(seen))


def test_a_session_before_the_first_one_ends_where_that_one_begins(exchange: Exchange) -> None:
    one = security(exchange, "NSE:INFY")
    days = exchange.candles.candles(one, None, OPEN - timedelta(days=400), FRIDAY, FRIDAY)
    assert len(days) > 240
    assert days["close"][-2] == float(one.base_price)
    jumps = np.abs(np.log(days["open"][1:] / days["close"][:-1]))
    assert float(jumps.max()) < 0.02
    assert float(np.std(np.log(days["close"][1:] / days["close"][:-1]))) < 0.03


def test_the_past_is_the_same_on_each_day_that_it_is_asked_for(exchange: Exchange) -> None:
    later = Exchange(7, FRIDAY)
    later.set_clock(FRIDAY + timedelta(days=3))
    begin, end = OPEN - timedelta(days=7), OPEN + timedelta(hours=1)
    for listing in ("NSE:INFY", "NSE:NIFTY 50"):
        before = minutes(exchange, listing, begin, end)
        one = security(later, listing)
        after = later.candles.candles(one, 1, begin, end, later.now())
        assert before[:-1].tolist() == after[: len(before) - 1].tolist()


def test_what_a_tester_imposes_is_in_the_candles_and_stays_there(exchange: Exchange) -> None:
    one = security(exchange, "NSE:INFY")
    exchange.set_price(one, Decimal("1460.00"), hold=True)
    exchange.set_clock(FRIDAY + timedelta(minutes=3))
    exchange.release_price(one)
    exchange.set_clock(FRIDAY + timedelta(days=4))
    rows = exchange.candles.candles(one, 1, FRIDAY + timedelta(minutes=1), FRIDAY + timedelta(minutes=2), exchange.now())
    assert [row[1:5] for row in rows.tolist()] == [(1460.0, 1460.0, 1460.0, 1460.0)] * 2


def test_longer_candles_are_made_of_the_minutes(exchange: Exchange) -> None:
    one, begin = security(exchange, "NFO:NIFTY26DEC25050CE"), OPEN - timedelta(days=2)
    singles = exchange.candles.candles(one, 1, begin, FRIDAY, FRIDAY)
    for length in (3, 15, 60):
        rows = exchange.candles.candles(one, length, begin, FRIDAY, FRIDAY)
        for row in rows:
            inside = (singles["opens_at"] >= row["opens_at"]) & (singles["opens_at"] < row["opens_at"] + 60 * length)
            part = singles[inside]
            assert (row["open"], row["close"]) == (part["open"][0], part["close"][-1])
            assert (row["high"], row["low"], row["volume"]) == (part["high"].max(), part["low"].min(), part["volume"].sum())
        assert rows["volume"].sum() == singles["volume"].sum()


def test_thin_securities_have_minutes_without_a_candle_and_indices_no_volume(exchange: Exchange) -> None:
    now = OPEN + timedelta(hours=5)
    assert 100 < len(minutes(exchange, "NFO:NIFTY26DEC25050CE", OPEN, now)) < 250
    index = minutes(exchange, "NSE:NIFTY 50", OPEN, now)
    assert (len(index), int(index["volume"].sum())) == (301, 0)
    share = minutes(exchange, "NSE:INFY", OPEN, now)
    assert (len(share), int(share["volume"].min()) > 0) == (301, True)


def test_a_year_of_minutes_is_one_session_after_another(exchange: Exchange) -> None:
    rows = minutes(exchange, "NSE:INFY", FRIDAY - timedelta(days=365), FRIDAY)
    assert rows.dtype == CANDLE
    assert len(rows) > 85_000
    assert bool(np.all(np.diff(rows["opens_at"]) > 0))
    assert bool(np.all((rows["high"] >= rows["open"]) & (rows["low"] <= rows["close"])))


def test_kite_gives_candles_stamped_with_their_opening_the_forming_one_included(kite: KiteConnect) -> None:
    rows = kite.historical_data(INFY, plain(FRIDAY - timedelta(minutes=30)), plain(FRIDAY + timedelta(minutes=1)), "15minute")
    assert [f"{row['date']:%H:%M%z}" for row in rows] == ["10:00+0530", "10:15+0530", "10:30+0530"]
    assert rows[0].keys() == {"date", "open", "high", "low", "close", "volume"}
    days = kite.historical_data(NIFTY, "2026-11-18", "2026-11-20", "day", oi=True)
    assert [f"{row['date']:%d %H:%M}" for row in days] == ["18 00:00", "19 00:00", "20 00:00"]
    assert days[0]["oi"] == 0
    assert kite.historical_data(INFY, "2026-11-21", "2026-11-22", "minute") == []


def test_kite_refuses_unknown_tokens_words_and_long_spans(kite: KiteConnect) -> None:
    for token, begin, end, interval, words in (
        (1, "2026-11-18", "2026-11-20", "day", "invalid token"),
        (INFY, "2026-11-18", "2026-11-20", "7minute", "invalid interval"),
        (INFY, "2026-09-18", "2026-11-20", "minute", "exceeds max limit: 60 days"),
        (INFY, "yesterday", "2026-11-20", "minute", "invalid from date"),
        (INFY, "2026-11-20", "2026-11-18", "minute", "from date"),
    ):
        with pytest.raises(kite_errors.InputException, match=words):
            kite.historical_data(token, begin, end, interval)


def test_smartapi_gives_candles_in_rupees_and_open_interest_apart(api: Any) -> None:
    span = {"interval": "FIFTEEN_MINUTE", "fromdate": "2026-11-20 10:00", "todate": "2026-11-20 10:31"}
    rows = api.getCandleData({"exchange": "NSE", "symboltoken": "1594", **span})["data"]
    assert [row[0] for row in rows] == ["2026-11-20T10:00:00+05:30", "2026-11-20T10:15:00+05:30", "2026-11-20T10:30:00+05:30"]
    assert all(1000 < price < 2000 for row in rows for price in row[1:5])
    interest = api.getOIData({"exchange": "NSE", "symboltoken": "1594", **span})["data"]
    assert interest[0] == {"time": "2026-11-20T10:00:00+05:30", "oi": 0}


def test_smartapi_refuses_unknown_tokens_words_and_long_spans(api: Any) -> None:
    good = {"exchange": "NSE", "symboltoken": "1594", "interval": "ONE_MINUTE"}
    span = {"fromdate": "2026-11-18 09:15", "todate": "2026-11-20 15:30"}
    for wrong, code in (
        ({"symboltoken": "0"}, "AB1018"),
        ({"interval": "ONE_YEAR"}, "AB1004"),
        ({"fromdate": "2026-10-01 09:15"}, "AB1004"),
        ({"todate": "soon"}, "AB1004"),
    ):
        answer = api.getCandleData(good | span | wrong)
        assert (answer["status"], answer["errorcode"]) == (False, code)


def test_both_doors_tell_the_same(kite: KiteConnect, api: Any) -> None:
    rows = kite.historical_data(INFY, "2026-11-18 09:15:00", "2026-11-19 15:30:00", "60minute")
    span = {"interval": "ONE_HOUR", "fromdate": "2026-11-18 09:15", "todate": "2026-11-19 15:30"}
    others = api.getCandleData({"exchange": "NSE", "symboltoken": "1594", **span})["data"]
    assert [[row[name] for name in ("open", "high", "low", "close", "volume")] for row in rows] == [row[1:] for row in others]


def test_candles_keep_to_three_a_second_when_reads_are_limited(kite: KiteConnect, control: Control) -> None:
    control.post("config", {"read_rate_enforced": True})

    def asked(many: int, ask: Callable[[], object]) -> int:
        refused = 0
        for _ in range(many):
            try:
                ask()
            except kite_errors.NetworkException:
                refused += 1
        return refused

    assert asked(12, lambda: kite.historical_data(INFY, "2026-11-20", "2026-11-20", "day")) > 0
