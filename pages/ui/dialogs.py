"""Dialogs: opened from the app, never from a part of a page, and open until they are closed.

A part that draws itself again and a press in a dialog are both requests to run a fragment. Requests that wait together are run
together, and a fragment is left out when the one it was opened from runs: the press would be read by nobody. A dialog that the
app opens is nobody's child. The app draws it in each of its runs until it is closed, so that it also survives a run of the
whole page; but the browser takes it away for a moment then, so what runs the whole page by itself waits (`dialog_open`).
ADR 0009 says what was seen of this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any, NoReturn

import streamlit as st

from pages.ui.states import broken
from sigma.domain.errors import SigmaError

_WANTED = "dialog-wanted"


@dataclass(eq=False, slots=True)
class _Wanted:
    """One opening of a dialog; `page` is where it is drawn, None before it was."""

    title: str
    body: Callable[..., None]
    given: tuple[Any, ...]
    layout: Mapping[str, Any]
    first: Callable[[], object] | None
    page: str | None = None
    pressed: set[str] = field(default_factory=set)


def show_dialog(
    title: str, body: Callable[..., None], *given: Any, first: Callable[[], object] | None = None, **layout: Any
) -> NoReturn:
    """Open a dialog in the place of any that is open. The run that asks for it ends here.

    Parameters
    ----------
    title : str
        Markdown.
    body : callable
        A function of a module, called with `given` each time the dialog is drawn. A SigmaError it raises is drawn in its place.
    first : callable
        Called once before the first drawing, for instance to fill widgets in: their keys can be set then, whatever was open.
    layout
        `width`, `position` and `icon` of `st.dialog`.
    """
    st.session_state[_WANTED] = _Wanted(title, body, given, layout, first)
    st.rerun()


def opens(show: Callable[..., object], *given: Any) -> dict[str, Any]:
    """Return what makes a button open a dialog: ``st.button("Edit", key=…, **opens(open_edit, order_id))``.

    It is a callback: it acts on what was drawn when the person pressed, and before any part of the page can end the run.
    """
    return {"on_click": _opened, "args": (show, *given)}


def _opened(show: Callable[..., object], *given: Any) -> None:
    try:
        show(*given)
    except SigmaError as error:
        st.toast(f"{error.message} {error.hint}".strip(), icon=":material/error:")


def draw_wanted(page: str = "") -> None:
    """Draw the dialog that is open. The app calls it in each run, before the page, whose trouble does not close it.

    Parameters
    ----------
    page : str
        What the app draws now; a dialog does not follow to another page.
    """
    wanted: _Wanted | None = st.session_state.get(_WANTED)
    if wanted is None:
        return
    if wanted.page not in (None, page):
        del st.session_state[_WANTED]
        return
    if wanted.page is None:
        wanted.page = page
        if wanted.first is not None:
            wanted.first()
    st.dialog(wanted.title, on_dismiss=partial(_forget, wanted), **wanted.layout)(_drawn(wanted.body))(*wanted.given)


def _drawn(body: Callable[..., None]) -> Callable[..., None]:
    @wraps(body)
    def drawn(*given: Any) -> None:
        try:
            body(*given)
        except SigmaError as error:
            broken(error)

    return drawn


def dialog_open() -> bool:
    """Say whether a dialog is open: a part that would run the whole page without being asked waits until it is closed."""
    return _WANTED in st.session_state


def close_dialog() -> NoReturn:
    """Close the dialog and draw the page anew; also as the callback of a button."""
    st.session_state.pop(_WANTED, None)
    st.rerun()


def pressed(label: str, *, key: str, disabled: bool = False, **look: Any) -> bool:
    """Draw a button of a dialog that does something, and say once for each press that it was pressed.

    A press is kept with the dialog until it is read here, so that it also counts when the run that brought it was ended by
    another one. It goes with the dialog.
    """
    st.button(label, key=key, disabled=disabled, on_click=_press, args=(key,), **look)
    wanted: _Wanted | None = st.session_state.get(_WANTED)
    if wanted is None or key not in wanted.pressed:
        return False
    wanted.pressed.discard(key)
    return not disabled


def _press(key: str) -> None:
    wanted: _Wanted | None = st.session_state.get(_WANTED)
    if wanted is not None:
        wanted.pressed.add(key)


def _forget(wanted: _Wanted) -> None:
    """Take note that the person closed a dialog; one that was opened meanwhile stays."""
    if st.session_state.get(_WANTED) is wanted:
        del st.session_state[_WANTED]
