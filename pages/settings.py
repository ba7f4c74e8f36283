"""The page Settings: what can I tune. Drawn from the settings there are; a new one needs nothing here."""

from __future__ import annotations

import streamlit as st

from pages.ui import calendar_part
from pages.ui.kill import is_owner, may_trade
from pages.ui.password import password
from pages.ui.session import desk
from pages.ui.setting_rows import draw
from pages.ui.settings_words import Change, Group, grouped, last_changes
from pages.ui.shell import head
from pages.ui.webhook import webhook
from sigma.domain.settings import SETTINGS, SettingScope

TITLE = "Settings"
SEARCH = "settings-search"
PART = "part"
"""Name of the chosen part in the page's address: ``?part=Webhook``."""


def render() -> None:
    """Draw the page."""
    head(TITLE)
    names = ["Settings", "Calendar", *(["Webhook"] if may_trade() else []), "Password"]
    parts = {"Settings": _settings, "Calendar": calendar_part.draw, "Webhook": webhook, "Password": password}
    for name, tab in zip(names, st.tabs(names, key=PART, bind="query-params"), strict=True):
        if tab.open:  # the others are drawn when they are chosen
            with tab:
                parts[name]()


def _settings() -> None:
    specs = [spec for spec in SETTINGS.values() if is_owner() or spec.scope is SettingScope.USER]
    with st.container(horizontal=True, vertical_alignment="center"):
        text = st.text_input(
            "Search", key=SEARCH, type="search", placeholder="Search names and help", label_visibility="collapsed", width=280
        )
    groups = grouped(specs, text or "")
    shown = sum(len(group.everyday) + len(group.advanced) for group in groups)
    st.caption(f"{shown} of {len(specs)} settings" if shown != len(specs) else f"{shown} settings")
    if not groups:
        st.markdown("No setting matches.")
    changes = last_changes(desk().events(kind="SETTING_CHANGED", limit=None), desk().user.name)
    accounts = list(desk().accounts.table()["name"])
    for group in groups:
        _group(group, changes, accounts, unfolded=bool(text))


def _group(group: Group, changes: dict[str, Change], accounts: list[str], *, unfolded: bool) -> None:
    with st.container(border=True, key=f"settings-{group.name}"):
        st.subheader(group.title, anchor=False)
        for spec in group.everyday:
            draw(spec, changes.get(spec.name), accounts)
        if group.advanced:
            label, key = f"Advanced ({len(group.advanced)})", f"advanced-{group.name}-{unfolded}"
            folded = st.expander(label, expanded=unfolded, key=key, on_change="rerun")
            with folded:
                for spec in group.advanced if folded.open else ():  # most settings are advanced, and most visits need none
                    draw(spec, changes.get(spec.name), accounts)
