"""`desk.bars` on real adapters and the simulated exchange: what comes back, and from either broker the same."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import pytest

from sigma.desk import Desk
from sigma.desk.bars import BARS, DOWNLOADS, GAPS, moment
from sigma.domain.errors import InvalidInput, NotFound, StaleData
from sigma.domain.times import IST, to_ist
from tests.orders.stage import SMART, Stage


@pytest.fixture
def desk(stage: Stage) -> Desk:
    return stage.desk


def has_columns(frame: pd.DataFrame, columns: dict[str, str]) -> bool:
    return {name: str(kind) for name, kind in frame.dtypes.items()} == columns and list(frame.columns) == list(columns)


def test_bars_come_as_a_frame_with_the_forming_one_marked(desk: Desk) -> None:
    frame = desk.bars("NSE:INFY", "15m", start=to_ist(desk.now()).date())
    assert has_columns(frame, BARS)
    assert (frame.attrs["listing"], frame.attrs["timeframe"], frame.attrs["stale"]) == ("NSE:INFY", "15m", "")
    assert frame["at"].is_monotonic_increasing
    assert frame["forming"].tolist()[:-1] == [False] * (len(frame) - 1)
    assert bool((frame["high"] >= frame[["open", "close", "low"]].max(axis=1)).all())
    assert f"{frame['at'].iloc[0].tz_convert(IST):%H:%M}" == "09:30"


def test_both_brokers_give_the_same_bars(desk: Desk) -> None:
    span = {"start": "2026-11-16", "end": "2026-11-18"}
    kite = desk.bars("NSE:TCS", "1h", **span)
    desk.settings.set("market.source_account", SMART)
    smart = desk.bars("NSE:TCS", "1h", **span)
    assert (len(kite), smart.attrs["source"]) == (21, SMART)
    pd.testing.assert_frame_equal(kite, smart, check_exact=True)


@pytest.mark.parametrize("length", ["1d", "1w", "1mo"])
def test_days_and_longer_close_with_their_last_session(desk: Desk, length: str) -> None:
    frame = desk.bars("NSE:NIFTY 50", length, start="2026-09-01")
    assert {f"{each.tz_convert(IST):%H:%M}" for each in frame["at"][:-1]} <= {"15:30", "19:00", "19:15"}
    assert bool(frame["forming"].iloc[-1])
    assert len(frame) == len(set(frame["at"]))


def test_a_download_tells_of_each_listing_and_goes_on(desk: Desk) -> None:
    told: list[tuple[int, int, str]] = []
    listings = ["NSE:INFY", "NFO:NIFTY26DECFUT"]
    frame = desk.download_bars(listings, "1m", "2026-11-12", progress=lambda *given: told.append(given))
    assert has_columns(frame, DOWNLOADS)
    assert frame["listing"].tolist() == listings
    assert (frame["bars"] > 1500).all()
    assert told[-1][:2] == (2, 2)
    assert desk.gaps("NSE:INFY", "1m", "2026-11-12").empty
    again = desk.download_bars(listings, "1m", "2026-11-12", to_ist(desk.now()).date() - timedelta(days=1))
    assert again["calls"].tolist() == [0, 0]


def test_gaps_are_a_frame(desk: Desk) -> None:
    frame = desk.gaps("NSE:RELIANCE", "1m", "2026-11-18", "2026-11-18")
    assert has_columns(frame, GAPS)
    assert frame[["bars", "kind"]].to_numpy().tolist() == [[375, "NOT_FETCHED"]]


def test_a_lost_login_shows_what_is_stored_and_says_so(stage: Stage, desk: Desk) -> None:
    whole = desk.bars("NSE:INFY", "5m", start="2026-11-18")
    stage.exchange.post("session/expire", client_id="AB1234")
    stale = desk.bars("NSE:INFY", "5m", start="2026-11-17")
    assert "account 'kite' ended" in stale.attrs["stale"]
    assert stale.attrs["missing"]
    assert len(stale) in (len(whole), len(whole) - 1)
    with pytest.raises(StaleData, match="no bars of NSE:TCS"):
        desk.bars("NSE:TCS", "5m")


def test_wrong_words_say_which_there_are(desk: Desk) -> None:
    for length in ("7m", "1M", ""):
        with pytest.raises(InvalidInput, match="There is no timeframe"):
            desk.bars("NSE:INFY", length)
    with pytest.raises(InvalidInput, match="no date"):
        desk.bars("NSE:INFY", "1D", start="soon")
    with pytest.raises(InvalidInput, match="Since when"):
        desk.gaps("NSE:INFY", "1d", None)
    with pytest.raises(NotFound):
        desk.bars("NSE:NOSUCH", "1d")


def test_times_without_a_zone_are_indian() -> None:
    assert str(moment("2026-11-20")) == "2026-11-19 18:30:00+00:00"
    assert f"{moment(date(2026, 11, 20), last=True):%d %H:%M}" == "20 18:29"
    assert str(moment("2026-11-20T10:15")) == "2026-11-20 04:45:00+00:00"
    assert str(moment("2026-11-20T10:15+00:00")) == "2026-11-20 10:15:00+00:00"
    assert moment(None) is None
