"""The page Chart: is this the moment."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from pages.ui import chart_options
from pages.ui.badges import escape
from pages.ui.chart_bars import MOST_BARS, Picture, Wish, forget, offered, renew, shown, start_of
from pages.ui.chart_now import End, end_of
from pages.ui.clocks import clocks
from pages.ui.dialogs import dialog_open, opens
from pages.ui.every import live
from pages.ui.kill import may_trade
from pages.ui.listing_search import offers
from pages.ui.prices import glance
from pages.ui.session import desk, visitor
from pages.ui.shell import head
from pages.ui.states import broken, empty, stale
from pages.ui.table import dark
from pages.ui.ticket import open_ticket, price_format
from sigma.domain import show
from sigma.domain.errors import SigmaError
from sigma.domain.instruments import Kind, Listing
from sigma.domain.market import Timeframe
from sigma.domain.orders import OrderType, Side

TITLE = "Chart"
EVERY_S = 1
TIMEFRAME, FOLLOW, VIEW, SEARCH = "timeframe", "chart-follow", "chart-view", "chart-search"
OPENED, LOOKED_AT, END = "chart-opened", "chart-listing", "chart-end"
CANDLES, COMPARE = "Candles", "Compare"
MOST_OPENED = 6
HEIGHT, STRIP_HEIGHT = 520, 96
DAILY = frozenset(length.value for length in Timeframe if length.minutes is None)
FIRST = Timeframe.M5.value
LENGTHS = [length.value for length in Timeframe]


def render() -> None:
    """Draw the page."""
    head(TITLE)
    listing = _choose_listing()
    if listing is None:
        empty("No listing is open. Search one above: part of its symbol or name.")
        return
    timeframe, reach, comparing = _choose_bars()
    wishes: list[Wish] = [(visitor().id, text, timeframe, reach) for text in (_opened() if comparing else [listing.text])]
    slot = st.container()  # the price stands above the chart, but the browser has more to do for the chart, so that goes first
    found = {wish[1]: one for wish in wishes if (one := _picture(wish)) is not None}
    if not found:
        return
    _chart(found, listing, timeframe, comparing=comparing)
    glance(listing.text, ask=True)
    with slot:
        live(_now, EVERY_S, listing, tuple(wishes), comparing)


def read(wish: Wish, progress: Any = None) -> pd.DataFrame:
    """Return a wish's bars; what the lake lacks is fetched from the source."""
    _, listing, timeframe, reach = wish
    mine = desk()
    return mine.bars(listing, timeframe, start_of(reach, mine.now()), progress=progress)


def _opened() -> list[str]:
    opened: list[str] = st.session_state.setdefault(OPENED, [])
    return opened


def _choose_listing() -> Listing | None:
    """Draw the tabs of the open listings and the search that opens more; return the one that is looked at."""
    opened, asked = _opened(), st.query_params.get("listing")
    if LOOKED_AT not in st.session_state and asked:
        _open_asked(asked)
    with st.container(horizontal=True, vertical_alignment="center", key="chart-listings"):
        if opened:
            if st.session_state.get(LOOKED_AT) not in opened:
                st.session_state[LOOKED_AT] = opened[-1]
            st.segmented_control("Listing", opened, required=True, key=LOOKED_AT, label_visibility="collapsed")
            told = f"Close {st.session_state[LOOKED_AT]}"
            st.button("", icon=":material/close:", type="tertiary", key="chart-close", help=told, on_click=_close)
        common: dict[str, Any] = {"placeholder": "Open a listing: INFY", "label_visibility": "collapsed", "width": 210}
        typed = st.text_input("Open a listing", key=SEARCH, type="search", live="250ms", **common)
        listing = desk().instruments.get(st.session_state[LOOKED_AT]) if opened else None
        if listing is not None:
            st.query_params["listing"] = listing.text
            _acts(listing)
    offers(typed, "chart-take", _take)
    return listing


def _open_asked(asked: str) -> None:
    """Open what the address asks for."""
    try:
        _show(desk().instruments.get(asked).text)
    except SigmaError as error:
        st.error(f"**{escape(error.message)}** {escape(error.hint)}".strip(), icon=":material/search_off:")


def _show(listing: str) -> None:
    opened = _opened()
    if listing not in opened:
        opened.append(listing)
        del opened[:-MOST_OPENED]
    st.session_state[LOOKED_AT] = listing


def _take(listing: str) -> None:
    """Open a listing, and be ready for the next search."""
    _show(listing)
    st.session_state[SEARCH] = ""


def _close() -> None:
    """Close the listing that is looked at; its neighbour is looked at then."""
    opened = _opened()
    place = opened.index(st.session_state[LOOKED_AT])
    del opened[place]
    if opened:
        st.session_state[LOOKED_AT] = opened[min(place, len(opened) - 1)]
    else:
        st.query_params.pop("listing", None)


def _choose_bars() -> tuple[str, str, bool]:
    """Draw what the chart is of; return timeframe, reach, and whether listings are compared."""
    with st.container(horizontal=True, vertical_alignment="center", key="chart-bars"):
        common: dict[str, Any] = {"label_visibility": "collapsed", "required": True}
        words = "A bar is stamped with its close, IST: the one stamped 09:20 closed then."
        timeframe = str(
            st.segmented_control(
                "Timeframe", LENGTHS, default=FIRST, key=TIMEFRAME, bind="query-params", help=words, wrap=True, **common
            )
        )
        reach = _choose_reach(timeframe)
        comparing = False
        if len(_opened()) > 1:
            comparing = st.segmented_control("View", [CANDLES, COMPARE], default=CANDLES, key=VIEW, **common) == COMPARE
        told = "Draws the chart anew, at its end, when a bar has closed. Off: it stays as you zoomed it."
        st.toggle("Follow", value=reach == offered(timeframe)[0], key=f"{FOLLOW}:{timeframe}:{reach}", help=told)
    return timeframe, reach, comparing


def _choose_reach(timeframe: str) -> str:
    """Draw how far back bars go; what is not usual for them stands in the address."""
    usual, reaches = offered(timeframe)
    asked, key = st.query_params.get("reach"), f"chart-reach:{timeframe}"
    first = reaches.index(asked if asked in reaches else usual)
    reach = str(st.selectbox("How far back", reaches, first, key=key, label_visibility="collapsed", width=90))
    if reach != usual:
        st.query_params["reach"] = reach
    else:
        st.query_params.pop("reach", None)
    return reach


def _acts(listing: Listing) -> None:
    if listing.kind is Kind.INDEX or not may_trade():
        return
    st.space("stretch")
    for side, letter in ((Side.BUY, "B"), (Side.SELL, "S")):
        asks = opens(partial(open_ticket, order_type=OrderType.LIMIT.value), None, listing.text, side.value)
        st.button(side.value.title(), key=f"chart-{side.value}:{listing.text}", shortcut=letter, **asks)


def _picture(wish: Wish) -> Picture | None:
    """Return the bars that are drawn, or say why there are none."""
    text, now = wish[1], desk().now()
    with st.skeleton(height=HEIGHT):
        bar = st.empty()

        def tell(done: int, calls: int, words: str) -> None:
            if calls > 1:
                bar.progress(min(1.0, done / calls), text=escape(f"Fetching bars of {text}: {done} of {calls}. {words}"))

        try:
            found = shown(wish, now, lambda: read(wish, tell))
        except SigmaError as error:
            broken(error)
            st.button("Try again", key=f"chart-again:{text}", on_click=forget, args=(wish,))
            return None
        finally:
            bar.empty()
    if found.frame.empty:
        empty(f"{escape(text)} has no bars of {wish[2]} in the last {wish[3]}. Choose a longer time, or other bars.")
        return None
    return found


def _chart(found: dict[str, Picture], listing: Listing, timeframe: str, *, comparing: bool) -> None:
    daily = timeframe in DAILY
    for text, picture in found.items():
        said = picture.frame.attrs.get("stale")
        if said:
            stale(f"**{escape(text)}**: {escape(str(said))} {missing_words(picture)}".strip())
    if comparing:
        frames = {text: one.frame[~one.frame["forming"]] for text, one in found.items()}
        option = chart_options.compared(frames, daily=daily)
        alt = f"Gains of {', '.join(found)} in percent, bars of {timeframe}"
    else:
        (picture,) = found.values()
        option = chart_options.candles(picture.frame, listing.text, _colours(), daily=daily, places=_places(listing))
        alt = f"Bars of {listing.text}, {timeframe}"
    st.echarts_chart(option, height=HEIGHT, key="chart-canvas", alt=alt)
    st.caption(clocks(caption(list(found.values()), desk().now(), comparing=comparing)))


def caption(found: list[Picture], now: datetime, *, comparing: bool) -> str:
    """Return how many bars are drawn, since when, and how fresh they are."""
    first = found[0].frame
    count = f"{show.quantity(max(len(one.frame) for one in found))} bars"
    since = f"since {show.when(first['at'].iloc[0].to_pydatetime(), now)} IST"
    words = [count, since, show.freshness("drawn", min(one.read_at for one in found), now)]
    if comparing:
        words.append("percent since the first bar that all have")
    elif first["forming"].iloc[-1]:
        words.append("the hollow bar is forming")
    if any(one.cut for one in found):
        words.append(f"only the last {show.quantity(MOST_BARS)}")
    return " · ".join(words)


def missing_words(picture: Picture) -> str:
    """Return for which time the source was not asked; empty when it was for all of it."""
    spans = picture.frame.attrs.get("missing") or []
    if not spans:
        return ""
    first, last = spans[0][0], spans[-1][1]
    told = f"between {show.when(first, picture.read_at)} and {show.when(last, picture.read_at)} IST"
    return f"Drawn from what is stored; not known: {len(spans)} session{'s' * (len(spans) != 1)} {told}."


def _colours() -> chart_options.Colours:
    """Return the theme's colours of what rises and what falls."""
    theme = "dark" if dark() else "light"
    return str(st.get_option(f"theme.{theme}.greenColor")), str(st.get_option(f"theme.{theme}.redColor"))


def _places(listing: Listing) -> int:
    return int(price_format(listing.tick_size).removeprefix("%.").removesuffix("f"))


def _now(listing: Listing, wishes: tuple[Wish, ...], comparing: bool) -> None:
    """Draw the price and the bar that it moves; when a bar has closed, have the chart drawn anew."""
    _follow(wishes)
    last = glance(listing.text)
    end = None if comparing else _end(wishes[0], last)
    places = _places(listing)
    with st.container(horizontal=True, vertical_alignment="center", key="chart-now"):
        with st.container(width=300):
            st.markdown(clocks(price_words(listing.text, last, desk().now(), places)))
            if end is not None and end.forming is not None:
                st.caption(forming_words(end, places))
        if end is not None and (end.closed or end.forming):
            price = show.price(end.forming.close if end.forming else end.closed[-1].close, places)
            option = chart_options.strip(end, _colours(), daily=wishes[0][2] in DAILY, price=price)
            alt = f"The last bars of {listing.text}, now at {price}"
            with st.container(width="stretch", key="chart-strip"):
                st.echarts_chart(option, height=STRIP_HEIGHT, key="chart-end-canvas", alt=alt, renderer="svg")


def price_words(listing: str, last: Any, now: datetime, places: int) -> str:
    """Return the last price in Markdown: how much, how it changed, and when that was."""
    if last is None:
        return f"**{escape(listing)}** :gray[LTP] —"
    change = show.percent(last.change_percent)
    tone = show.gain_tone(last.change_percent)
    coloured = f":{tone}[{'▲' if tone is show.Tone.GOOD else '▼'} {change}]" if tone else change
    price = f"**₹{show.price(last.last_price, places)}**"
    return f"**{escape(listing)}** {price} {coloured} :gray[{show.when(last.at, now)} IST]"


def forming_words(end: End, places: int) -> str:
    """Return the four prices of the forming bar."""
    bar = end.forming
    if bar is None:
        return ""
    told = (
        (word, show.price(value, places)) for word, value in zip("OHLC", (bar.open, bar.high, bar.low, bar.close), strict=True)
    )
    return "Forming: " + " · ".join(f"{word} {value}" for word, value in told)


def _end(wish: Wish, last: Any) -> End:
    """Return the end of the chart as this session knows it, moved by the last price."""
    picture = shown(wish, desk().now(), lambda: read(wish))
    end: End | None = st.session_state.get(END)
    about = (wish, picture.read_at)
    if end is None or end.about != about:
        end = end_of(picture.frame, wish[2], about)
    at = None if last is None else show.moment(last.at)
    if at is not None:
        end = end.heard(float(last.last_price), at)
    st.session_state[END] = end
    return end


def _follow(wishes: tuple[Wish, ...]) -> None:
    """Run the page when a bar has closed and there is something new to draw; a dialog that is open is not disturbed."""
    now = desk().now()
    _, _, timeframe, reach = wishes[0]
    if not st.session_state.get(f"{FOLLOW}:{timeframe}:{reach}") or dialog_open():
        return
    ready = [wish for wish in wishes if shown(wish, now, lambda wish=wish: read(wish)).due <= now]  # type: ignore[misc]
    if any([renew(wish, now, partial(read, wish)) for wish in ready]):
        st.rerun()


__all__ = ["TITLE", "caption", "forming_words", "missing_words", "price_words", "read", "render"]
