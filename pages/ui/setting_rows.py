"""One setting: what it is, the widget that changes it, and what came of that. Every change is saved at once, by the core."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from pages.ui.badges import escape
from pages.ui.session import desk
from pages.ui.settings_words import Change, account_options, facts, label, value_words
from sigma.domain.errors import ConfigError, SigmaError
from sigma.domain.settings import SettingSpec, Value

NOT_CHOSEN = "Not chosen"
WIDGETS_WIDTH = 380


def draw(spec: SettingSpec, change: Change | None, accounts: Sequence[str]) -> None:
    """Draw a setting with its widget, which always shows the value in force."""
    value, broken = _value(spec)
    what = f"**{escape(label(spec))}** `{spec.name}`  \n{escape(spec.help)}"
    more = escape(facts(spec, change, desk().now()))
    with st.container(key=f"setting-{spec.name.replace('.', '-')}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"{what}  \n:small[:gray[{more}]]", width="stretch")
            with st.container(horizontal=True, vertical_alignment="center", width=WIDGETS_WIDTH):
                st.session_state[_key(spec)] = value
                _widget(spec, value, accounts)
                if value != spec.default or broken:
                    _reset(spec)
        error = st.session_state.pop(_error(spec), None) or broken
        if error:
            st.error(escape(error), icon=":material/error:")


def _reset(spec: SettingSpec) -> None:
    told = f"Back to {value_words(spec, spec.default)}"
    st.button("Reset", key=f"reset-{spec.name}", type="tertiary", on_click=_save, args=(spec, spec.default), help=told)


def _value(spec: SettingSpec) -> tuple[Value, str]:
    """Return the value in force; for one that is stored and does not fit, the default and why."""
    try:
        return desk().settings.get(spec.name), ""
    except ConfigError as error:
        return spec.default, f"{error.message} Reset puts the default in its place."


def _widget(spec: SettingSpec, value: Value, accounts: Sequence[str]) -> None:
    common: dict[str, Any] = {"key": _key(spec), "on_change": _changed, "args": (spec,), "label_visibility": "collapsed"}
    if spec.kind is bool:
        st.toggle(label(spec), **common)
    elif spec.names_account:
        options = account_options(accounts, str(value))
        st.selectbox(label(spec), options, format_func=lambda name: _account(name, accounts), width=220, **common)
    elif spec.choices:
        st.selectbox(label(spec), list(spec.choices), width=220, **common)
    elif spec.kind in (int, float):
        step, form = (1, "%d") if spec.kind is int else (1.0, "%g")
        low, high = (None if bound is None else spec.kind(bound) for bound in (spec.low, spec.high))
        st.number_input(label(spec), min_value=low, max_value=high, step=step, format=form, width=160, **common)
    else:
        st.text_input(label(spec), width=220, **common)
    if spec.unit:
        st.markdown(spec.unit)


def _account(name: str, accounts: Sequence[str]) -> str:
    if not name:
        return NOT_CHOSEN
    return name if name in accounts else f"{name} (no such account)"


def _changed(spec: SettingSpec) -> None:
    wanted = st.session_state[_key(spec)]
    _save(spec, "" if wanted is None else wanted)


def _save(spec: SettingSpec, value: Value) -> None:
    """Hand a value to the core; what it refuses leaves the old one in force, and the reason beside it."""
    try:
        kept = desk().settings.set(spec.name, value)
    except SigmaError as error:
        st.session_state[_error(spec)] = f"{error.message} {error.hint}".strip()
        return
    st.toast(f"{escape(label(spec))}: {escape(value_words(spec, kept))}.", icon=":material/check:")


def _key(spec: SettingSpec) -> str:
    return f"value-{spec.name}"


def _error(spec: SettingSpec) -> str:
    return f"refused-{spec.name}"
