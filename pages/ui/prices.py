"""What a listing trades at, for a page that somebody just opened about it."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import streamlit as st

from pages.ui.rows import rows
from pages.ui.session import desk
from sigma.domain.errors import SigmaError

_ASKED = "prices-asked"


def glance(listing: str, *, ask: bool = False) -> Any:
    """Return the last price of a listing that a page is about, None when none is known.

    Parameters
    ----------
    ask : bool
        Ask the source of quotes, once for each listing, where no price is stored; not for a part that draws itself again.
    """
    asked: dict[str, Any] = st.session_state.setdefault(_ASKED, {})
    return last_price(listing, asked if ask else {listing: None, **asked})


def last_price(listing: str, asked: MutableMapping[str, Any]) -> Any:
    """Return the stored last price, else what the source of quotes says, asked once for each listing; None without either.

    Parameters
    ----------
    asked : mapping
        What was answered before, by listing; it grows.
    """
    found = next(rows(desk().last_quotes([listing])), None)
    if found is not None:
        return found
    if listing not in asked:
        try:
            asked[listing] = next(rows(desk().quotes([listing])), None)
        except SigmaError:  # a price is not what the person asked for; those who need one say why there is none
            asked[listing] = None
    return asked[listing]
