"""Converting a position into another product. What became of it is told by the list, and where it went wrong by the bell."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui.badges import Badge, escape
from pages.ui.dialogs import close_dialog, pressed, show_dialog
from pages.ui.session import desk
from sigma.domain import show
from sigma.domain.errors import SigmaError


def convertible(badge: Badge, row: pd.Series) -> tuple[str, ...]:
    """Return the products that a position could have instead; none of a flat one, or one that has no words here."""
    if not row["known"] or pd.isna(row["product"]) or row["quantity"] == 0:
        return ()
    return desk().convertible(badge.name, str(row["listing"]), str(row["product"]))


def convert_position(badge: Badge, listing: str, product: str, held: int, offered: tuple[str, ...]) -> None:
    """Open the dialog that converts one position."""
    title = f"Convert {escape(listing)} {product} on {badge.text}"
    show_dialog(title, _body, badge, listing, product, held, offered, icon=":material/swap_horiz:")


def _body(badge: Badge, listing: str, product: str, held: int, offered: tuple[str, ...]) -> None:
    key = f"{badge.id}:{listing}:{product}"
    side = "long" if held > 0 else "short"
    st.markdown(f"{show.quantity(abs(held))} held {side} in {product}. Nothing is bought or sold; the margin changes.")
    new = st.segmented_control("Into", offered, default=offered[0], required=True, key=f"convert-new:{key}")
    units = int(st.number_input("Units", 1, abs(held), abs(held), step=1, key=f"convert-units:{key}"))
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button("Keep as it is", key=f"convert-keep:{key}", on_click=close_dialog)
        label = f"Convert {show.quantity(units)} into {new}"
        acted = pressed(label, key=f"go_conversion:{key}", type="primary")
    if not acted:
        return
    try:
        desk().convert(badge.name, listing, units, old=product, new=str(new))
    except SigmaError as error:
        st.error(f"**{escape(error.message)}** {escape(error.hint)}".strip(), icon=":material/error:")
        return
    st.toast(f"The conversion of {escape(listing)} is on its way.", icon=":material/swap_horiz:")
    close_dialog()
