"""Bars as ECharts options.

100,000 bars: numbers go as one table, times of day as the axis' own list, and bars know their place on it by number, so that the
browser need not look any text up. Volume is a stepped line, which can be thinned to what the screen can show; columns cannot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pages.ui.chart_now import Bar, End
from sigma.domain import show
from sigma.domain.times import IST, to_ist

LAKH, CRORE = 100_000.0, 10_000_000.0
FIRST_LOOK = 160
"""How many bars are in sight before a person zooms."""
Colours = tuple[str, str]
"""Of bars that rise and that fall."""
PRICES = ("Open", "High", "Low", "Close")
_BY_PLACE = {"x": "place", "itemId": "place"}
"""With an id of its own, no bar needs one that is made from its time: a sixth of the drawing."""
_ENCODED = {**_BY_PLACE, "y": ["Open", "Close", "Low", "High"], "tooltip": list(PRICES)}
_GRID = {"left": 8, "right": 8, "top": 16, "bottom": 62, "outerBoundsMode": "same"}
_VOLUME_AXIS = {"show": False, "min": 0, "boundaryGap": [0, "400%"], "axisPointer": {"show": False}}
_TOOLTIP = {"trigger": "axis", "confine": True, "axisPointer": {"type": "cross"}}


def times(at: pd.Series[Any], *, daily: bool) -> list[str]:
    """Return what the time axis says of bars: when they closed, in India; of days and longer ones the last day."""
    local = pd.DatetimeIndex(at).tz_convert(IST).tz_localize(None)
    places, days = pd.factorize(local.normalize())
    texts = np.array([f"{day:%d %b %Y}" for day in days], dtype=str)
    if daily or not len(texts):
        return [str(text) for text in texts[places].tolist()] if len(texts) else []
    clock = np.array([f" {minute // 60:02d}:{minute % 60:02d}" for minute in range(24 * 60)], dtype=str)
    found: list[str] = np.char.add(texts[places], clock[local.hour * 60 + local.minute]).tolist()
    return found


def prices_format(places: int) -> str:
    """Return how a tooltip writes prices below a lakh, where Indian grouping is that of thousands."""
    return f"%,.{places}f"


def scaled(values: NDArray[Any]) -> tuple[NDArray[Any], str]:
    """Return amounts in the unit that a person reads them in (units, lakh, crore) and how a tooltip writes them."""
    most = float(np.nanmax(values, initial=0.0))
    if most < LAKH:
        return values, "%,.0f"
    unit, word = (LAKH, "L") if most < CRORE * 10 else (CRORE, "Cr")
    return values / unit, f"%,.2f {word}"


def candles(frame: pd.DataFrame, name: str, colours: Colours, *, daily: bool, places: int = 2) -> dict[str, Any]:
    """Return the chart of one listing: closed bars, the forming one hollow, volume below where there is any.

    From a lakh on the axis is in lakhs, since ECharts groups by thousands; the tooltip says the price in full.
    """
    plain = {label: frame[label.lower()].to_numpy() for label in PRICES}
    dear = len(frame) > 0 and float(plain["High"].max()) >= LAKH
    table = pd.DataFrame({"place": np.arange(len(frame), dtype=np.int32), **plain})
    encoded: dict[str, Any] = dict(_ENCODED)
    if dear:
        table[list(PRICES)] /= LAKH
        encoded["tooltip"] = [f"{label} " for label in PRICES]  # other columns, the same to read
        for label, values in plain.items():
            table[f"{label} "] = indian(values, places)
    table = table.astype(dict.fromkeys(PRICES, "float32"))  # exact enough for a screen and for two decimals, and half to send
    volume, volume_format = scaled(frame["volume"].to_numpy(dtype="float64"))
    table["Volume"] = volume.astype("float32")
    forming = frame["forming"].to_numpy()
    datasets: list[dict[str, Any]] = [{"source": table[~forming]}]
    common = {"type": "candlestick", "encode": encoded}
    series: list[dict[str, Any]] = [{"name": name, **common, "itemStyle": _filled(colours)}]
    if forming.any():
        datasets.append({"source": table[forming]})
        series.append({"name": "Forming", **common, "datasetIndex": 1, "itemStyle": _hollow(colours)})
    if volume.any():
        series.append(_volume(volume_format))
    option = _based(times(frame["at"], daily=daily), datasets, series)
    option["tooltip"] = {**_TOOLTIP, "valueFormatter": prices_format(places)}
    option["yAxis"] = [_price_axis("₹ lakh" if dear else "₹"), dict(_VOLUME_AXIS)]
    return option


def indian(values: NDArray[Any], places: int) -> NDArray[Any]:
    """Return prices as a person reads them; each price is written once."""
    known, where = np.unique(values, return_inverse=True)
    return np.array([show.price(float(value), places) for value in known], dtype=object)[where]


def compared(frames: Mapping[str, pd.DataFrame], *, daily: bool) -> dict[str, Any]:
    """Return the chart of several listings: percent gained since the first bar that all of them have."""
    closes = pd.DataFrame({name: frame.set_index("at")["close"] for name, frame in frames.items()}).sort_index()
    whole = closes.dropna()
    closes = closes.loc[whole.index.min() :] if len(whole) else whole
    columns = {name: ((closes[name] / whole[name].iloc[:1].sum() - 1) * 100).to_numpy() for name in frames}
    table = pd.DataFrame({"place": np.arange(len(closes), dtype=np.int32), **columns})
    common = {"type": "line", "showSymbol": False, "connectNulls": True, "sampling": "lttb", "lineStyle": {"width": 1.5}}
    series = [{**common, "name": name, "encode": {**_BY_PLACE, "y": name}} for name in frames]
    option = _based(times(pd.Series(closes.index), daily=daily), [{"source": table}], series, first_look=None)
    option["tooltip"] = {**_TOOLTIP, "valueFormatter": "%+.2f%%"}
    option["legend"] = {"top": 0}
    option["grid"] = {**_GRID, "top": 34}
    option["yAxis"] = {"scale": True, "position": "right", "axisLabel": {"formatter": "{value}%"}}
    return option


def strip(end: End, colours: Colours, *, daily: bool, price: str) -> dict[str, Any]:
    """Return the small chart that moves: the last closed bars, the forming one hollow, and a line at its price."""
    bars: Sequence[Bar] = (*end.closed, *((end.forming,) if end.forming else ()))
    labels = [_short(bar, daily=daily) for bar in bars]
    data = [[bar.open, bar.close, bar.low, bar.high] for bar in bars]
    solid: list[Any] = [*data[: len(end.closed)], *(["-"] if end.forming else [])]
    hollow: list[Any] = [*(["-"] * len(end.closed)), *data[len(end.closed) :]]
    line = {
        "symbol": "none",
        "silent": True,
        "data": [{"yAxis": bars[-1].close}] if bars else [],
        "label": {"formatter": price, "position": "end"},
        "lineStyle": {"width": 1},
    }
    common: dict[str, Any] = {"type": "candlestick", "silent": True}
    return {
        "animation": False,
        "grid": {"left": 4, "right": 74, "top": 8, "bottom": 20},
        "xAxis": {"type": "category", "data": labels, "axisTick": {"show": False}},
        "yAxis": {"scale": True, "show": False},
        "series": [
            {**common, "data": solid, "markLine": line, "itemStyle": _filled(colours)},
            {**common, "data": hollow, "itemStyle": _hollow(colours)},
        ],
    }


def _short(bar: Bar, *, daily: bool) -> str:
    if bar.at is None:
        return "now"
    return f"{to_ist(bar.at):%d %b}" if daily else f"{to_ist(bar.at):%H:%M}"


def _filled(colours: Colours) -> dict[str, Any]:
    up, down = colours
    return {"color": up, "color0": down, "borderColor": up, "borderColor0": down, "borderWidth": 1}


def _hollow(colours: Colours) -> dict[str, Any]:
    return {**_filled(colours), "color": "transparent", "color0": "transparent", "borderWidth": 1.5}


def _volume(written: str) -> dict[str, Any]:
    return {
        "name": "Volume",
        "type": "line",
        "step": "middle",
        "sampling": "max",
        "showSymbol": False,
        "silent": True,
        "z": 1,
        "yAxisIndex": 1,
        "encode": {**_BY_PLACE, "y": "Volume"},
        "lineStyle": {"width": 0},
        "areaStyle": {"opacity": 0.25},
        "tooltip": {"valueFormatter": written},
    }


def _price_axis(name: str) -> dict[str, Any]:
    return {"scale": True, "position": "right", "name": name, "boundaryGap": ["22%", "4%"], "axisLabel": {"showMinLabel": False}}


def _based(
    texts: list[str], datasets: list[dict[str, Any]], series: list[dict[str, Any]], first_look: int | None = FIRST_LOOK
) -> dict[str, Any]:
    """Return what all charts have: the axis of times, on which closed hours have no place, and the zoom."""
    begin = max(0, len(texts) - first_look) if first_look else 0
    sight = {"startValue": begin, "endValue": max(0, len(texts) - 1)}
    return {
        "animation": False,
        "grid": dict(_GRID),
        "xAxis": {"type": "category", "data": texts, "axisLabel": {"hideOverlap": True}, "axisTick": {"show": False}},
        "dataset": datasets,
        "dataZoom": [{"type": "inside", **sight}, {"type": "slider", "showDataShadow": False, "brushSelect": False, **sight}],
        "series": series,
    }
