"""Dialogs of the Groups page: a new group, its name and description, and what leaves."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.ui.badges import escape
from pages.ui.confirm import Question, ask
from pages.ui.dialogs import close_dialog, pressed, show_dialog
from pages.ui.session import desk
from sigma.domain.errors import SigmaError
from sigma.domain.groups import LONGEST_DESCRIPTION, LONGEST_NAME, Group

CHOSEN, GO = "groups-chosen", "groups-go"
"""Where the page keeps which group it shows, and which one it is to show next."""


def new() -> None:
    """Ask for a new group."""
    show_dialog("New group", _new, icon=":material/create_new_folder:")


def _new() -> None:
    name = st.text_input("Name", max_chars=LONGEST_NAME, placeholder="Core holdings", key="group-new-name", live=True)
    about = st.text_area("Description", max_chars=LONGEST_DESCRIPTION, placeholder="What it is for", key="group-new-about")
    st.caption("Listings are added afterwards: by search, or from a CSV file.")
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button("Cancel", key="group-new-keep", on_click=close_dialog)
        acted = pressed("Make group", key="go_group_make", type="primary", disabled=not (name or "").strip())
    if not acted:
        return
    try:
        made = desk().groups.add(name, description=about or "")
    except SigmaError as error:
        trouble(error)
        return
    st.session_state[GO] = made.id
    st.toast(f"{escape(made.name)} was made.", icon=":material/check:")
    close_dialog()


def details(group: Group) -> None:
    """Ask for another name or description."""
    show_dialog(f"Name and description of {escape(group.name)}", _details, group, icon=":material/edit:")


def _details(group: Group) -> None:
    key = f"{group.id}:{group.version}"
    name = st.text_input("Name", value=group.name, max_chars=LONGEST_NAME, key=f"group-name:{key}", live=True)
    about = st.text_area("Description", value=group.description, max_chars=LONGEST_DESCRIPTION, key=f"group-about:{key}")
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button("Cancel", key=f"group-keep:{key}", on_click=close_dialog)
        acted = pressed("Save", key=f"go_group_save:{key}", type="primary", disabled=not (name or "").strip())
    if not acted:
        return
    try:
        after = desk().groups.update(group.id, new_name=name, description=about or "", version=group.version)
    except SigmaError as error:
        trouble(error)
        return
    st.toast(f"{escape(after.name)} was changed.", icon=":material/check:")
    close_dialog()


def delete(group: Group) -> None:
    """Ask before a group is deleted."""

    def do() -> str:
        desk().groups.remove(group.id, version=group.version)
        return f"{escape(group.name)} was deleted."

    body = f"It holds {listings_words(len(group.members))}. Nothing is sold or cancelled; *More*, *Download CSV* keeps a copy."
    ask(Question(f"Delete {escape(group.name)}?", body, "Keep group", "Delete group"), f"group-delete:{group.id}", do)


def take(group: Group, listings: Sequence[str]) -> None:
    """Ask before listings leave a group."""
    what = escape(listings[0]) if len(listings) == 1 else listings_words(len(listings))

    def do() -> str:
        desk().groups.take(group.id, *listings)
        return f"{what} {'was' if len(listings) == 1 else 'were'} taken out of {escape(group.name)}."

    body = f"{', '.join(map(escape, listings))}: weight, quantity and note there are lost. Nothing is sold."
    key = f"group-take:{group.id}:{','.join(listings)}"
    ask(Question(f"Take {what} out of {escape(group.name)}?", body, "Keep", "Take out"), key, do)


def listings_words(count: int) -> str:
    """Return a number of listings in words: ``1 listing``, ``12 listings``."""
    return f"{count} listing{'s' * (count != 1)}"


def trouble(error: SigmaError) -> None:
    """Say what was refused and what to do."""
    st.error(f"**{escape(error.message)}** {escape(error.hint)}".strip(), icon=":material/error:")
