"""What a part of a page shows instead of rows, or above them: empty, stale, failed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

import streamlit as st

from pages.ui.clocks import clocks
from pages.ui.navigation import link
from pages.ui.session import desk
from sigma.domain import show
from sigma.domain.errors import SigmaError

Value = TypeVar("Value")
_KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Kept(Generic[Value]):
    """Something read for a page: the newest there is, and what kept it from being newer.

    Parameters
    ----------
    value : Value or None
        None only when it could never be read.
    read_at : datetime or None
        When `value` was read, UTC.
    error : SigmaError or None
        Why the last read failed.
    """

    value: Value | None
    read_at: datetime | None
    error: SigmaError | None = None


def kept(part: str, about: object, read: Callable[[], Value]) -> Kept[Value]:
    """Read something for a part of a page; when that fails, what was read before about the same thing stays.

    Parameters
    ----------
    part : str
        The part of the page; one value is kept for each.
    about : object
        What the value depends on (the account, the filters), comparable.
    """
    memory: dict[str, tuple[object, Kept[Value]]] = st.session_state.setdefault(_KEPT, {})
    try:
        found = Kept(read(), desk().now())
    except SigmaError as error:
        before, last = memory.get(part, (None, None))
        return Kept(None, None, error) if last is None or before != about else Kept(last.value, last.read_at, error)
    memory[part] = (about, found)
    return found


def failed(read: Kept[Value]) -> None:
    """Say above the rows why they are not newer, since when, and what to do; draw nothing when all is well."""
    if read.error is None:
        return
    since = f" Shown as of {show.when(read.read_at, desk().now())} IST." if read.read_at else ""
    told = f"**{read.error.message}** Nothing was changed.{since} {read.error.hint}"
    st.error(clocks(told.strip()), icon=":material/sync_problem:")


def broken(error: SigmaError) -> None:
    """Say in place of a part of a page, or of all of it, why it cannot be drawn."""
    st.error(f"**This cannot be shown now: {error.message}** {error.hint}".strip(), icon=":material/sync_problem:")


def stale(words: str) -> None:
    """Say above the rows that they are older than they should be; draw nothing without words."""
    if words:
        st.warning(clocks(words), icon=":material/history:")


def empty(words: str, path: str = "", label: str = "") -> None:
    """Say that there is nothing, naming the account, and offer the one next action."""
    with st.container(border=True, horizontal_alignment="center"):
        st.markdown(words, width="content")
        if path:
            link(path, label)
