"""Fields for what brokers ask: write-only, named in words, hidden while they are typed unless they only say who one is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import streamlit as st

LABELS = {
    "api_key": "API key",
    "api_secret": "API secret",
    "client_code": "Client code",
    "pin": "PIN",
    "otp": "One-time code",
    "totp_secret": "TOTP secret",
    "request_token": "Request token",
    "access_token": "Ready access token",
}
SHOWN = frozenset({"client_code"})
ONE_TIME = "otp"


def label(field: str) -> str:
    """Return what a field is called."""
    return LABELS.get(field) or field.replace("_", " ").capitalize()


def listed(fields: Sequence[str]) -> str:
    """Return fields as a person lists them: ``API key and API secret``."""
    names = [label(field) for field in fields]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def entry(fields: Sequence[str], key: str, placeholder: str = "") -> dict[str, str]:
    """Draw an empty field for each and return what was entered; those left empty are absent.

    Each stroke is sent: a field that hides its text would keep it to itself when the Tab key leaves it for its own button.
    """
    entered = {}
    for field in fields:
        kind: Literal["default", "password"] = "default" if field in SHOWN else "password"
        autocomplete = "one-time-code" if field == ONE_TIME else "off"
        entered[field] = st.text_input(
            label(field),
            key=f"{key}:{field}",
            type=kind,
            autocomplete=autocomplete,
            placeholder=placeholder or None,
            live="0ms",
        )
    return {field: text.strip() for field, text in entered.items() if text and text.strip()}
