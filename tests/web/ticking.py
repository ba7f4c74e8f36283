"""The web process with a page whose part draws itself again much faster than a person acts, and now and then the whole page."""

from __future__ import annotations

import argparse
import os
from contextlib import closing
from pathlib import Path

import streamlit as st
from streamlit.runtime import exists

from pages.ui.dialogs import close_dialog, dialog_open, draw_wanted, opens, pressed, show_dialog

EVERY_S = 0.05
MUCH = 100
"""So many elements that one drawing takes longer than a tick: there is always a next one waiting."""
WHOLE_PAGE_AFTER = 40
DONE, TICKS = "done", "ticks"


def ask(number: int) -> None:
    """Open the dialog."""
    show_dialog(f"Number {number}?", _body, number)


def _body(number: int) -> None:
    words = st.text_input("Words", key=f"words:{number}")
    sure = st.checkbox("Sure", key=f"sure:{number}")
    st.button("Not now", key=f"keep:{number}", on_click=close_dialog)
    if pressed("Do it", key=f"go_act:{number}", disabled=not sure):
        st.session_state[DONE].append(words)
        close_dialog()


@st.fragment(run_every=EVERY_S)
def _part() -> None:
    done: list[str] = st.session_state[DONE]
    st.button("New", key="go_new", **opens(ask, len(done)))
    st.text(f"Done: {', '.join(done)}.")
    for place in range(MUCH):
        st.text(f"{place} {st.session_state[TICKS]}")
    st.session_state[TICKS] += 1
    if st.session_state[TICKS] >= WHOLE_PAGE_AFTER and not dialog_open():
        st.session_state[TICKS] = 0
        st.rerun()


def draw() -> None:
    """Draw the page."""
    st.session_state.setdefault(DONE, [])
    st.session_state.setdefault(TICKS, 0)
    draw_wanted()
    _part()


def main() -> None:
    """Serve it, as `python -m pages.web` serves ours."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    parser.add_argument("--home")
    given = parser.parse_args()
    os.environ["SIGMA_HOME"] = given.home
    from pages.web.app import create_app
    from pages.web.state import arrivals, entrance
    from sigma.infra.serving import leave_on_signals, listen, serve

    leave_on_signals()
    with closing(entrance()) as way_in:
        app = create_app(way_in, arrivals(), demo=True, script=Path(__file__))
        serve("web", app, listen("127.0.0.1", given.port), websockets=True)


if __name__ == "__main__":
    (draw if exists() else main)()
