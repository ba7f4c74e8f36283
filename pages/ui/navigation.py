"""The table of pages: a page is one file and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import streamlit as st
from streamlit.navigation.page import Page

OWNER, TRADER, VIEWER = "owner", "trader", "viewer"
EVERYBODY = frozenset({OWNER, TRADER, VIEWER})


@dataclass(frozen=True, slots=True)
class PageSpec:
    """One page of the navigation.

    Parameters
    ----------
    path : str
        The page's address, and the name of its module in ``pages``. The first page answers at ``/`` instead.
    icon : str
        Name of a Material symbol.
    """

    group: str
    path: str
    title: str
    icon: str
    roles: frozenset[str] = EVERYBODY

    def render(self) -> None:
        """Draw the page."""
        import_module(f"pages.{self.path}").render()


PAGES = (
    PageSpec("Trade", "home", "Home", "dashboard"),
    PageSpec("Trade", "queue", "Queue", "inbox"),
    PageSpec("Trade", "orders", "Orders", "receipt_long"),
    PageSpec("Trade", "positions", "Positions", "stacked_line_chart"),
    PageSpec("Trade", "holdings", "Holdings", "account_balance_wallet"),
    PageSpec("Watch", "chart", "Chart", "candlestick_chart"),
    PageSpec("Watch", "groups", "Groups", "folder_special"),
    PageSpec("Watch", "instruments", "Instruments", "search"),
    PageSpec("Automate", "strategies", "Strategies", "smart_toy"),
    PageSpec("Review", "activity", "Activity", "account_tree"),
    PageSpec("Set up", "brokers", "Brokers", "key"),
    PageSpec("Set up", "risk", "Risk", "shield"),
    PageSpec("Set up", "settings", "Settings", "tune"),
    PageSpec("Set up", "health", "Health", "health_and_safety"),
)
_BY_PATH = {spec.path: spec for spec in PAGES}
_DRAWN = "pages-drawn"


def menu(role: str, counts: Mapping[str, int]) -> Page:
    """Draw the navigation for a role and return the page that was asked for.

    Parameters
    ----------
    counts : mapping
        What waits on a page, by its path; a title carries its count.
    """
    drawn: dict[str, Page] = {}
    groups: dict[str, list[Page]] = {}
    for spec in PAGES:
        if role in spec.roles:
            count = counts.get(spec.path, 0)
            title = f"{spec.title} ({count})" if count else spec.title
            icon = f":material/{spec.icon}:"
            drawn[spec.path] = st.Page(spec.render, title=title, icon=icon, url_path=spec.path, default=spec is PAGES[0])
            groups.setdefault(spec.group, []).append(drawn[spec.path])
    st.session_state[_DRAWN] = drawn
    chosen: Page = st.navigation(groups, expanded=True)
    return chosen


def page(path: str) -> Page:
    """Return a page of this run's navigation, for links to it."""
    drawn: dict[str, Page] = st.session_state[_DRAWN]
    return drawn[path]


def go(path: str, **query: str) -> None:
    """Leave for another page, with what it is to show in its address."""
    st.switch_page(page(path), query_params=query)


def link(path: str, label: str, **query: Any) -> None:
    """Draw a link to another page of the navigation."""
    st.page_link(page(path), label=label, icon=f":material/{_BY_PATH[path].icon}:", query_params=query)
