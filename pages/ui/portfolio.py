"""What the lists of one account share: how old they are, how they are read from the broker, and how their rows are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import pandas as pd
import streamlit as st

from pages.ui.badges import Badge, badges, escape, reconnect
from pages.ui.clocks import clocks
from pages.ui.session import desk
from pages.ui.states import stale
from sigma.desk import Desk
from sigma.domain import show
from sigma.domain.accounts import SessionState
from sigma.domain.calendar import Hours
from sigma.domain.errors import SessionExpired, SigmaError, StaleData
from sigma.domain.times import ist_date

Read = Callable[[Desk], object]
MAX_AGE = "portfolio.max_age"
LOGGED_OUT = (SessionState.NEVER, SessionState.EXPIRED)


def as_now(badge: Badge) -> Badge:
    """Return an account's badge as it is at this moment."""
    return next((one for one in badges() if one.id == badge.id), badge)


def stored(read: Callable[[], pd.DataFrame]) -> pd.DataFrame | None:
    """Return a stored list; None when it was never read."""
    try:
        return read()
    except StaleData:
        return None


def row_ids(frame: pd.DataFrame) -> list[str]:
    """Return what each row is known by: listing (else the broker's symbol) and product; a second one alike gets a number."""
    seen: Counter[str] = Counter()
    ids = []
    for listing, product in zip(listings(frame), frame["product"], strict=True):
        name = f"{listing} {product}" if isinstance(product, str) else listing
        seen[name] += 1
        ids.append(name if seen[name] == 1 else f"{name} #{seen[name]}")
    return ids


def listings(frame: pd.DataFrame) -> list[str]:
    """Return the listing of each row; where we have no name for it, the broker's own in the same form."""
    return [
        listing if isinstance(listing, str) else f"{exchange}:{symbol}"
        for listing, exchange, symbol in zip(frame["listing"], frame["exchange"], frame["symbol"], strict=True)
    ]


def matching(names: Iterable[str], text: str) -> list[bool]:
    """Say of each name whether it holds every word of what was typed into the search."""
    words = text.casefold().split()
    return [all(word in name.casefold() for word in words) for name in names]


def caption(counted: str, taken_at: datetime, priced_at: datetime | None, now: datetime) -> str:
    """Return what stands above the rows: their count, and how fresh the list and its prices are."""
    priced = [show.freshness("priced", priced_at, now)] if priced_at else []
    return " · ".join([counted, show.freshness("read", taken_at, now), *priced])


def old_words(newest: datetime, now: datetime, hours: Sequence[Hours], max_age_s: float) -> str:
    """Return why a list with prices of the moment `newest` is older than it should be; empty when it is not."""
    begun = any(one.opens_at is not None and one.opens_at <= now for one in hours)
    if begun and ist_date(newest) < ist_date(now):
        return f"Of {show.when(newest, now)} IST, a day that is over. Refresh reads it anew."
    age_s = (now - newest).total_seconds()
    if any(one.open for one in hours) and age_s > max_age_s:
        return f"Last priced {show.when(newest, now)} IST, {show.age(age_s)} ago, while the market is open."
    return ""


def warnings(what: str, frame: pd.DataFrame, badge: Badge) -> None:
    """Say above the rows what is wrong with them: not renewed, too old, unreadable in part, or the login ended."""
    facts = frame.attrs
    refused(what, badge, facts["taken_at"])
    newest = max(facts["taken_at"], facts["priced_at"] or facts["taken_at"])
    if not frame.empty:
        stale(old_words(newest, desk().now(), desk().hours(), float(desk().settings.get(MAX_AGE))))
    if facts["bad"]:
        st.warning(
            f"{len(facts['bad'])} of the broker's rows cannot be read: {escape(facts['bad'][0])}", icon=":material/warning:"
        )
    if badge.state in LOGGED_OUT:
        st.markdown(f":orange[▲] {badge.coloured} is not connected: this is what was read last.")


def never_read(what: str, badge: Badge, read: Read) -> None:
    """Say that an account's list was never read, and offer to read it, or the way to the login."""
    with st.container(border=True, horizontal_alignment="center"):
        st.markdown(f"The {what} of {badge.coloured} were never read.")
        if badge.state in LOGGED_OUT:
            reconnect(badge)
        elif st.button("Read from the broker", type="primary", icon=":material/refresh:", key=f"go_first:{what}:{badge.id}"):
            ask_broker(what, badge, read)
    refused(what, badge, None)


def refresh_button(what: str, badge: Badge) -> bool:
    """Draw the one button that asks the broker for a list of this account, and say whether it was pressed.

    Without a login there is nobody to ask: the way to it stands in the button's place.
    """
    if badge.state in LOGGED_OUT:
        reconnect(badge)
        return False
    told = "Asks the broker now. Otherwise the list is read after each fill and each login."
    return st.button("Refresh", icon=":material/refresh:", key=f"{what}-refresh:{badge.id}", help=told)


def ask_broker(what: str, badge: Badge, read: Read) -> None:
    """Read from the broker while the person waits; a failure is kept for `refused`, and the old rows stay."""
    mine = desk()
    try:
        with st.spinner(f"Asking the broker of {escape(badge.name)} …"):
            read(mine)
    except SigmaError as error:
        st.session_state[_refusal(what, badge)] = (error, mine.now())
        return
    st.session_state.pop(_refusal(what, badge), None)
    st.toast(f"Read from the broker: {escape(badge.name)}.", icon=":material/check:")
    st.rerun()


def refused(what: str, badge: Badge, taken_at: datetime | None) -> None:
    """Say why the broker gave nothing when it was asked last; that stays until the list is newer."""
    kept = st.session_state.get(_refusal(what, badge))
    if kept is None or (taken_at is not None and taken_at > kept[1]):
        return
    error, at = kept
    cure = "Reconnect it." if isinstance(error, SessionExpired) else escape(error.hint)
    told = f"**{escape(error.message)}** Asked at {show.when(at, desk().now())} IST. Nothing was changed. {cure}"
    st.error(clocks(told.strip()), icon=":material/sync_problem:")


def _refusal(what: str, badge: Badge) -> str:
    return f"{what}-refused:{badge.id}"


def gain_tile(label: str, amount: object, badge: Badge, percent: object = None, about: str | None = None) -> None:
    """Draw a sum of rupees won or lost, with the account it is of."""
    part = show.number(percent)
    delta = None if part is None else show.percent(part) if round(part, 2) else 0
    about = about if delta is not None else None
    st.metric(
        marked(label, badge), gained(amount), delta, delta_arrow="off", delta_description=about, border=True, height="stretch"
    )


def gained(amount: object) -> str:
    """Return rupees won or lost in Markdown, in the colour of that."""
    tone, words = show.gain_tone(amount), show.short_gain(amount)
    return words if tone is None else f":{tone}[{words}]"


def marked(label: str, badge: Badge) -> str:
    """Return a tile's label with the mark of the account that it is of."""
    return f":{badge.hue}[{badge.shape}] {escape(label)}"
