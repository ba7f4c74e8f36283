"""The page Chart with 100,000 bars of a minute, beside a page that does nothing but draw the same bars.

Both are Streamlit's own ECharts element, served by the same server to the same browser, in turns; both begin with the same few
bars in sight. Idle: the script has ended, the chart is drawn, and no frame has taken long for a while. Zooming: the wheel takes
all bars into sight and goes back; told is the longest frame.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from bench.empty import serving
from bench.pages import chromium
from pages.ui.chart_bars import MOST_BARS, start_of
from pages.ui.chart_options import FIRST_LOOK
from sigma.cli.demo.stage import Stage
from tests.e2e.app import cookies, running

LISTING, TIMEFRAME, REACH = "NSE:INFY", "1m", "13M"
LOADS, WHEELS = 7, 22
GOAL_RATIO, GOAL_FRAME_MS = 1.3, 100.0
CANVAS = "[data-testid=stEChartsChart]:has(canvas)"
BARE = """
import pandas as pd
import streamlit as st

st.title("Bare")
bars = pd.read_parquet({file!r})
sight = {{"startValue": len(bars) - {sight}, "endValue": len(bars) - 1}}
st.echarts_chart({{
    "animation": False,
    "tooltip": {{"trigger": "axis"}},
    "dataset": {{"source": bars}},
    "grid": [{{"height": "60%"}}, {{"top": "75%", "height": "12%"}}],
    "xAxis": [{{"type": "category"}}, {{"type": "category", "gridIndex": 1}}],
    "yAxis": [{{"scale": True}}, {{"gridIndex": 1}}],
    "dataZoom": [{{"type": "inside", "xAxisIndex": [0, 1], **sight}}, {{"type": "slider", "xAxisIndex": [0, 1], **sight}}],
    "series": [
        {{"type": "candlestick", "encode": {{"x": "at", "y": ["open", "close", "low", "high"]}}}},
        {{"type": "bar", "xAxisIndex": 1, "yAxisIndex": 1, "encode": {{"x": "at", "y": "volume"}}}},
    ],
}}, height=520)
"""
IDLE = """selector => new Promise(done => {
  const quiet = 400, long = 50;
  let last = performance.now(), end = last;
  const look = () => {
    const now = performance.now(), chart = document.querySelector(selector);
    const busy = !chart || chart.getAttribute('aria-busy') !== 'false' || document.querySelector('[data-testid=stSkeleton]')
      || !document.querySelector('[data-test-script-state=notRunning]');
    if (busy || now - last > long) end = now;
    last = now;
    if (now - end > quiet) done(end); else requestAnimationFrame(look);
  };
  look();
})"""
WATCH = """() => {
  window.frames_taken = [];
  let last = performance.now();
  const step = () => {
    const now = performance.now();
    window.frames_taken.push(now - last);
    last = now;
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}"""


def run() -> list[dict[str, Any]]:
    """Measure and return the rows of bench/results.json."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "home") as stage, chromium() as browser:
        stored(stage, Path(folder) / "bars.parquet")
        bare = BARE.format(file=str(Path(folder) / "bars.parquet"), sight=FIRST_LOOK)
        with serving(stage, bare) as address:
            return measured(browser, stage, address)


def stored(stage: Stage, file: Path) -> None:
    """Bring the bars into the lake, and into a file for the bare page."""
    frame = stage.desk.bars(LISTING, TIMEFRAME, start_of(REACH, stage.now())).tail(MOST_BARS)
    if len(frame) < MOST_BARS:
        raise RuntimeError(f"only {len(frame)} bars there")
    plain = frame[["open", "close", "low", "high", "volume"]].assign(at=frame["at"].dt.strftime("%d %b %Y %H:%M"))
    plain.to_parquet(file)


def measured(browser: Browser, stage: Stage, bare: str) -> list[dict[str, Any]]:
    """Open both pages in turns, then zoom on both."""
    context = browser.new_context(viewport={"width": 1366, "height": 900}, timezone_id="Asia/Kolkata", locale="en-IN")
    context.set_default_timeout(120_000)
    context.add_cookies([{"name": one["name"], "value": one["value"], "url": one["url"]} for one in cookies(stage)])
    page = context.new_page()
    addresses = {"ours": f"{stage.app_url}/chart?listing={LISTING}&timeframe={TIMEFRAME}&reach={REACH}", "peer": bare}
    idle = _turns(LOADS, {name: partial(_load, page, address) for name, address in addresses.items()})
    frames = _turns(2, {name: partial(_zoom, page, address) for name, address in addresses.items()})
    context.close()
    peer = "a bare page with st.echarts_chart, the same bars"
    first = _row("chart_100k_to_idle", idle, peer, f"<= {GOAL_RATIO} x")
    second = _row("chart_100k_zoom_longest_frame", frames, peer, f"< {GOAL_FRAME_MS:g} ms")
    return [first | {"held": first["ratio"] <= GOAL_RATIO}, second | {"held": second["ours"] < GOAL_FRAME_MS}]


def _turns(rounds: int, acts: dict[str, Callable[[], float]]) -> dict[str, float]:
    """Return the median of each act, done in turns; the first round only warms up."""
    taken: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(rounds + 1):
        for name, act in acts.items():
            taken[name].append(act())
    return {name: statistics.median(times[1:]) for name, times in taken.items()}


def _row(name: str, found: dict[str, float], peer: str, goal: str) -> dict[str, Any]:
    row = {"name": name, "ours": found["ours"], "unit": "ms", "peer": peer, "peer_value": found["peer"]}
    return row | {"ratio": found["ours"] / found["peer"], "goal": goal}


def _load(page: Page, address: str) -> float:
    """Return milliseconds from the address to idle, by the page's own clock."""
    page.goto(address)
    return float(page.evaluate(IDLE, CANVAS))


def _zoom(page: Page, address: str) -> float:
    """Return the longest frame while the wheel takes all bars into sight, and goes back."""
    _load(page, address)
    box = page.locator(CANVAS).bounding_box()
    if box is None:
        raise RuntimeError("there is no chart")
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 3)
    page.wait_for_timeout(800)  # before that the wheel scrolls the page
    page.evaluate(WATCH)
    for delta in [480] * WHEELS + [-480] * WHEELS:
        page.mouse.wheel(0, delta)
        page.wait_for_timeout(60)
    page.wait_for_timeout(300)
    frames: list[float] = page.evaluate("() => window.frames_taken")
    return max(frames)
