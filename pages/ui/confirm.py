"""Dialogs that ask before anything is destroyed or sent, and say row by row what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from pages.ui.dialogs import close_dialog, pressed, show_dialog
from sigma.domain.errors import SigmaError


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one object: done, or why not."""

    what: str
    done: bool
    words: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """What a dialog asks.

    Parameters
    ----------
    title : str
        Verb and object: "Cancel SELL 1,000 RELIANCE?".
    body : str
        Markdown: account, counts, rupees.
    keep, act : str
        What the two buttons say: they restate what happens.
    typed : str
        What the person must type before `act` works; empty when a click is enough.
    """

    title: str
    body: str
    keep: str
    act: str
    typed: str = ""
    icon: str | None = None


def ask(question: Question, key: str, do: Callable[[], str | Sequence[Outcome]], more: Callable[[], bool] | None = None) -> None:
    """Open a dialog that does something only when the person says so.

    Parameters
    ----------
    key : str
        Identity of what is acted on; it holds the object's id.
    do : callable
        Acts, and returns what to say of it: a sentence (toast), or an outcome for each object (stays in the dialog when one
        was not done). A SigmaError it raises stays in the dialog.
    more : callable
        Draws what else is to be chosen, below the body, and says whether that is complete.
    """
    show_dialog(question.title, _body, question, key, do, more, icon=question.icon)


def _body(question: Question, key: str, do: Callable[[], str | Sequence[Outcome]], more: Callable[[], bool] | None) -> None:
    st.markdown(question.body)
    complete = more is None or more()
    typed = st.text_input(f"Type {question.typed} to go on", key=f"typed:{key}", live=True) if question.typed else ""
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button(question.keep, key=f"keep:{key}", on_click=close_dialog)
        ready = complete and typed.strip() == question.typed
        acted = pressed(question.act, key=f"go_act:{key}", type="primary", disabled=not ready)
    if not acted:
        return
    try:
        result = do()
    except SigmaError as error:
        st.error(f"**{error.message}** {error.hint}".strip(), icon=":material/error:")
        return
    if isinstance(result, str):
        st.toast(result, icon=":material/check:")
        close_dialog()
    outcomes(result)


def outcomes(results: Sequence[Outcome]) -> None:
    """Say row by row what was done and what was not; when all was done, a toast is enough."""
    undone = [one for one in results if not one.done]
    if not undone:
        st.toast(f"{len(results)} done." if len(results) != 1 else f"{results[0].what}: done.", icon=":material/check:")
        close_dialog()
    lines(results)


def lines(results: Sequence[Outcome]) -> None:
    """Say what came of each, a line each."""
    for one in results:
        mark = ":green[✓]" if one.done else ":red[✕]"
        st.markdown(f"{mark} {one.what}{f': {one.words}' if one.words else ''}")
