"""Chart: what is drawn of bars, how the last one moves, and when the chart is drawn anew."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from hypothesis import given
from hypothesis import strategies as some
from streamlit.testing.v1 import AppTest

from pages import chart
from pages.ui import chart_options
from pages.ui.chart_bars import MOST_BARS, MOST_KEPT, PAUSE, SETTLE, Picture, Pictures, due, offered, picture, start_of
from pages.ui.chart_now import Bar, End, end_of
from sigma.desk.bars import BARS
from sigma.domain.instruments import Kind
from sigma.domain.market import Timeframe
from tests.orders.conftest import FRIDAY, server, stage, template
from tests.orders.stage import Stage
from tests.pages.signed_in import opened

__all__ = ["server", "stage", "template"]
OPENING = datetime(2026, 11, 20, 3, 45, tzinfo=UTC)
STEP = timedelta(minutes=5)
COLOURS = ("#006B70", "#B42318")
PRICES = some.floats(1, 5000, allow_nan=False).map(lambda price: round(price, 2))


@pytest.fixture(autouse=True)
def _no_pictures() -> Iterator[None]:
    """Keep nothing of another test's installation."""
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


def frame(count: int, *, price: float = 1500.0, forming: bool = False, volume: int = 500) -> pd.DataFrame:
    """Return five-minute bars from the opening of a Friday on."""
    closes = price + np.arange(count)
    return pd.DataFrame(
        {
            "at": pd.DatetimeIndex([OPENING + STEP * (place + 1) for place in range(count)], dtype="datetime64[us, UTC]"),
            "open": closes - 0.5,
            "high": closes + 1,
            "low": closes - 1,
            "close": closes,
            "volume": np.full(count, volume),
            "open_interest": pd.array([None] * count, dtype="Int64"),
            "forming": [forming and place == count - 1 for place in range(count)],
        }
    ).astype(BARS)


def drawn(app: AppTest, place: int = -1) -> dict[str, object]:
    """Return what the browser is told to draw."""
    found: dict[str, object] = json.loads(app.get("echarts_chart")[place].proto.spec)
    return found


def test_a_bar_stands_at_its_close_in_india_and_closed_hours_have_no_place() -> None:
    bars = frame(2)
    assert chart_options.times(bars["at"], daily=False) == ["20 Nov 2026 09:20", "20 Nov 2026 09:25"]
    assert chart_options.times(bars["at"], daily=True) == ["20 Nov 2026", "20 Nov 2026"]
    assert chart_options.times(frame(0)["at"], daily=False) == []
    axis = chart_options.candles(bars, "NSE:INFY", COLOURS, daily=False)["xAxis"]
    assert axis["type"] == "category"


def test_the_forming_bar_is_drawn_hollow_and_apart_from_the_closed_ones() -> None:
    option = chart_options.candles(frame(3, forming=True), "NSE:INFY", COLOURS, daily=False)
    closed, forming = (one["source"]["place"].tolist() for one in option["dataset"])
    assert (closed, forming) == ([0, 1], [2])
    solid, hollow, _ = option["series"]
    assert (solid["itemStyle"]["color"], solid["itemStyle"]["color0"]) == COLOURS
    assert (hollow["datasetIndex"], hollow["itemStyle"]["color"]) == (1, "transparent")
    assert len(chart_options.candles(frame(3), "NSE:INFY", COLOURS, daily=False)["dataset"]) == 1


def test_prices_from_a_lakh_on_are_drawn_in_lakhs_and_told_in_full() -> None:
    option = chart_options.candles(frame(2, price=120_471.17), "NSE:MRF", COLOURS, daily=False)
    table = option["dataset"][0]["source"]
    assert table["Close"].tolist() == pytest.approx([1.2047117, 1.2047217], rel=1e-6)
    assert table["Close "].tolist() == ["1,20,471.17", "1,20,472.17"]
    assert option["yAxis"][0]["name"] == "₹ lakh"
    assert option["series"][0]["encode"]["tooltip"] == ["Open ", "High ", "Low ", "Close "]


@pytest.mark.parametrize(("volume", "written"), [(900, "%,.0f"), (250_000, "%,.2f L"), (500_000_000, "%,.2f Cr")])
def test_volume_is_told_in_units_lakhs_or_crores(volume: int, written: str) -> None:
    option = chart_options.candles(frame(2, volume=volume), "NSE:INFY", COLOURS, daily=False)
    assert option["series"][-1]["tooltip"]["valueFormatter"] == written


@given(some.lists(some.integers(5, 9_999_995), min_size=1, max_size=50))
def test_a_price_below_a_lakh_is_told_to_the_paisa(paise: list[int]) -> None:
    bars = frame(len(paise)).assign(**{name: [one / 100 for one in paise] for name in ("open", "high", "low", "close")})
    told = chart_options.candles(bars, "NSE:INFY", COLOURS, daily=False)["dataset"][0]["source"]["Close"]
    assert [f"{price:.2f}" for price in told.tolist()] == [f"{one / 100:.2f}" for one in paise]


def test_an_index_has_no_volume_to_draw() -> None:
    option = chart_options.candles(frame(2, volume=0), "NSE:NIFTY 50", COLOURS, daily=False)
    assert [one["type"] for one in option["series"]] == ["candlestick"]


def test_compared_listings_begin_at_zero_with_the_first_bar_that_all_have() -> None:
    option = chart_options.compared({"A": frame(4, price=100), "B": frame(4, price=200).iloc[1:]}, daily=False)
    table = option["dataset"][0]["source"]
    assert table["A"].round(4).tolist() == [0, 0.9901, 1.9802]
    assert table["B"].round(4).tolist() == [0, 0.4975, 0.995]
    nothing = chart_options.compared({"A": frame(2), "B": frame(0)}, daily=False)
    assert nothing["dataset"][0]["source"].empty


@given(some.lists(some.tuples(PRICES, some.integers(-600, 3600)), max_size=30))
def test_whatever_prices_come_closed_bars_stay_and_the_forming_one_holds_its_prices(heard: list[tuple[float, int]]) -> None:
    begun = end_of(frame(4, forming=True), "5m", "about")
    end, last = begun, begun.closed[-1].at
    assert last is not None
    for price, seconds in heard:
        end = end.heard(price, FRIDAY + timedelta(seconds=seconds))
    assert end.closed[: len(begun.closed)] == begun.closed
    for bar in (*end.closed, *([end.forming] if end.forming else [])):
        assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
    moments = [bar.at for bar in end.closed if bar.at]
    assert moments == sorted(set(moments))


def test_a_price_moves_the_forming_bar_and_one_after_its_close_begins_the_next() -> None:
    end = end_of(frame(3, forming=True), "5m", "about")
    assert end.forming is not None
    closes = end.forming.at
    assert closes is not None
    moved = end.heard(1600.0, closes - timedelta(seconds=1))
    assert moved.forming == Bar(closes, end.forming.open, 1600.0, end.forming.low, 1600.0)
    assert moved.closed == end.closed
    next_one = moved.heard(1590.0, closes + timedelta(seconds=1))
    assert next_one.closed[-1] == moved.forming
    assert next_one.forming == Bar(closes + STEP, 1590.0, 1590.0, 1590.0, 1590.0)


def test_a_price_from_before_the_last_close_and_one_after_the_last_session_move_nothing() -> None:
    end = end_of(frame(3), "5m", "about")
    assert end.heard(1.0, OPENING) is end
    day = End("about", (), Bar(FRIDAY, 1, 1, 1, 1), None)
    assert day.heard(5.0, FRIDAY + timedelta(hours=1)) is day


@given(some.sampled_from(list(Timeframe)), some.integers(0, 40), some.integers(-100_000, 1_000_000))
def test_bars_are_looked_at_again_later_and_soon_after_a_close(length: Timeframe, count: int, seconds: int) -> None:
    now = FRIDAY + timedelta(seconds=seconds)
    bars = frame(count)
    again = due(bars[bars["at"] <= now], length.value, now)
    step = timedelta(minutes=length.minutes) if length.minutes else timedelta(hours=1)
    assert now < again <= now + step + SETTLE


def test_a_bar_that_should_have_closed_is_asked_for_soon_and_a_source_that_is_gone_is_left_in_peace() -> None:
    bars = frame(3, forming=True)
    now = bars["at"].iloc[-1].to_pydatetime() + timedelta(seconds=30)
    assert due(bars, "5m", now) == now + SETTLE
    bars.attrs["stale"] = "Not brought up to date"
    assert due(bars, "5m", now) == now + PAUSE


@pytest.mark.parametrize("length", list(Timeframe))
def test_each_length_offers_its_own_reach_and_begins_at_a_midnight(length: Timeframe) -> None:
    first, reaches = offered(length.value)
    assert first in reaches
    assert f"{start_of(first, FRIDAY):%H:%M}" == "18:30"


def test_a_drawing_is_kept_until_it_is_due_and_the_oldest_go() -> None:
    kept, wish = Pictures(), (1, "NSE:INFY", "5m", "1M")
    one = Picture(frame(2), FRIDAY, FRIDAY + STEP)
    kept.put(wish, one)
    assert kept.get(wish, None, FRIDAY) is one
    assert kept.get(wish, None, FRIDAY + STEP) is None
    assert kept.get(wish, FRIDAY, FRIDAY + STEP) is one, "who shows it keeps it"
    for number in range(MOST_KEPT):
        kept.put((2, str(number), "5m", "1M"), one)
    assert kept.get(wish, FRIDAY, FRIDAY) is None


def test_a_forming_bar_that_moved_is_no_other_drawing() -> None:
    one = picture(frame(3, forming=True), "5m", FRIDAY)
    moved = one.frame.copy()
    moved.loc[2, "close"] = 1.0
    assert one.same(picture(moved, "5m", FRIDAY))
    assert not one.same(picture(frame(3), "5m", FRIDAY))


def test_at_most_so_many_bars_are_drawn_and_the_caption_says_so() -> None:
    one = picture(frame(2), "5m", FRIDAY)
    cut = Picture(one.frame, one.read_at, one.due, cut=True)
    assert f"only the last {1_00_000:,}".replace("100,000", "1,00,000") in chart.caption([cut], FRIDAY, comparing=False)
    assert MOST_BARS == 100_000


def test_without_a_listing_the_page_says_what_to_do(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened("chart", stage, monkeypatch)
    assert any("No listing is open" in text.value for text in app.markdown)
    assert not app.get("echarts_chart")


def test_a_listing_is_searched_opened_drawn_and_closed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened("chart", stage, monkeypatch)
    app.text_input(key=chart.SEARCH).input("infy").run()
    app.button(key="chart-take:NSE:INFY").click().run()
    assert not app.exception
    assert app.query_params["listing"] in ("NSE:INFY", ["NSE:INFY"])
    assert drawn(app)["series"][1]["name"] == "Forming"  # type: ignore[index]
    assert any("bars · since" in text.value for text in app.caption)
    app.button(key="chart-close").click().run()
    assert any("No listing is open" in text.value for text in app.markdown)


def test_the_address_opens_a_listing_and_a_timeframe(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened("chart", stage, monkeypatch, listing="NSE:TCS", timeframe="1d")
    axis = drawn(app)["xAxis"]
    assert all(":" not in label for label in axis["data"])  # type: ignore[index]
    assert any("TCS" in text.value for text in app.markdown)


def test_an_unknown_listing_in_the_address_is_named(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened("chart", stage, monkeypatch, listing="NSE:NOSUCH")
    assert any("NOSUCH" in error.value for error in app.error)
    assert not app.exception


def test_two_listings_are_compared_in_percent(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened("chart", stage, monkeypatch, listing="NSE:INFY")
    app.text_input(key=chart.SEARCH).input("tcs").run()
    app.button(key="chart-take:NSE:TCS").click().run()
    app.session_state[chart.VIEW] = chart.COMPARE
    app.run()
    assert not app.exception
    assert [one["name"] for one in drawn(app)["series"]] == ["NSE:INFY", "NSE:TCS"]  # type: ignore[attr-defined]


def test_a_source_that_is_not_connected_leaves_what_is_stored_and_says_why(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.desk.bars("NSE:INFY", "5m", start="2026-11-18")
    stage.exchange.post("session/expire", client_id="AB1234")
    app = opened("chart", stage, monkeypatch, listing="NSE:INFY")
    assert any("account 'kite' ended" in warning.value for warning in app.warning)
    assert app.get("echarts_chart")
    empty = opened("chart", stage, monkeypatch, listing="NSE:TCS")
    assert any("no bars of NSE:TCS" in error.value for error in empty.error)
    assert empty.button(key="chart-again:NSE:TCS").label == "Try again"


def test_only_what_can_be_traded_has_order_buttons(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened("chart", stage, monkeypatch, listing="NSE:INFY")
    assert {"Buy", "Sell"} <= {button.label for button in app.button}
    assert stage.desk.instruments.get("NSE:NIFTY 50").kind is Kind.INDEX
    index = opened("chart", stage, monkeypatch, listing="NSE:NIFTY 50")
    assert not {"Buy", "Sell"} & {button.label for button in index.button}


def test_a_run_that_changes_nothing_sends_the_same_drawing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.desk.settings.set("market.bars_refresh", 0)
    app = opened("chart", stage, monkeypatch, listing="NSE:INFY")
    before = drawn(app)
    stage.advance(20)
    app.run()
    assert drawn(app) == before, "a person's zoom lasts until a bar closes"
    stage.advance(400)
    app.run()
    app.run()
    assert len(drawn(app)["xAxis"]["data"]) > len(before["xAxis"]["data"])  # type: ignore[index]
