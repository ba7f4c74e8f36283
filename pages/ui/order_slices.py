"""The orders that one order was cut into, because the exchange takes no more in one."""

from __future__ import annotations

import streamlit as st

from pages.ui.badges import escape
from pages.ui.clocks import clocks
from pages.ui.dialogs import opens, show_dialog
from pages.ui.order_acts import account_of
from pages.ui.order_rows import COLUMNS, as_rows, sliced
from pages.ui.order_story import show_story
from pages.ui.session import desk
from pages.ui.table import live_table
from sigma.domain import show
from sigma.domain.story import progress, title

SHOWN = ("chip", "done", "price", "average_price", "created_at", "reason", "broker_order_id")


def show_slices(order_id: int) -> None:
    """Open the dialog that lists the slices of an order."""
    show_dialog("Slices", _draw, order_id, width="large", icon=":material/view_list:")


def _draw(order_id: int) -> None:
    mine = desk()
    order, slices = mine.orders.get(order_id), mine.orders.slices(order_id)
    st.markdown(f"**{escape(title(order))}** on {account_of(order)}")
    done = " · ".join(filter(None, (sliced(slices), progress(order))))
    st.caption(clocks(f"{done} · read at {show.when(mine.now(), mine.now())} IST"))
    rows = as_rows(slices, {})
    rows["number"] = slices["slice_no"].to_numpy()
    shown = rows.set_index("number", drop=False).rename_axis(None)
    live_table(shown, {name: COLUMNS[name] for name in SHOWN}, key=f"slices:{order_id}", select="")
    with st.container(horizontal=True):
        for number, slice_id in zip(slices["slice_no"], slices["id"], strict=True):
            asks = opens(show_story, int(slice_id))
            st.button(f"Why slice {number}", key=f"slice-why:{slice_id}", type="tertiary", **asks)
