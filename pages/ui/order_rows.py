"""Orders as rows of a table: what each cell says, and the file that a person takes away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from pages.ui.table import Column
from sigma.domain.orders import OrderStatus, Variety
from sigma.domain.show import SIDE_TONES, STATUS_CHIPS, UNSETTLED_CHIP, Tone, quantity, status_chip

CHIPS = {chip.text: chip.tone for chip in (*STATUS_CHIPS.values(), UNSETTLED_CHIP)}
WISHES = {"GTT": Tone.WAITS, "AMO": Tone.OVER}
COLUMNS: Mapping[str, Column] = {
    "listing": Column("Listing", width=176, pinned=True),
    "chip": Column("Status", "chip", 140, chips=CHIPS),
    "wish": Column("Kind", "chip", 64, chips=WISHES, help="GTT: a trigger that rests at the broker. AMO: for the next session."),
    "side": Column("Side", "chip", 64, chips=SIDE_TONES),
    "done": Column("Filled / qty", "right", 105),
    "price": Column("Price ₹", "price", 95),
    "average_price": Column("Avg ₹", "price", 95),
    "last_price": Column("LTP ₹", "price", 95, help="Last price that is stored; it may be some seconds old."),
    "order_type": Column("Type", width=75),
    "product": Column("Product", width=70),
    "created_at": Column("Time", "moment", 75, help="When the order was made, IST."),
    "reason": Column("Reason", width=260, help="The broker's own words; what the risk gate said begins with Risk:."),
    "origin": Column("Source", width=120),
    "mode": Column("Mode", width=80, help="AUTO: sent without asking. MANUAL: a person said yes."),
    "trigger_price": Column("Trigger ₹", "price", 95),
    "broker_order_id": Column("Broker id", width=110),
}
FORMULA = ("=", "+", "-", "@", "\t", "\r")
SOURCES = {
    "PERSON": "You",
    "NOTEBOOK": "Notebook",
    "CLI": "Command line",
    "WEBHOOK": "Webhook",
    "KILL": "Kill switch",
    "BROKER": "Elsewhere",
}


def as_rows(orders: pd.DataFrame, last_prices: Mapping[str, float], slices: Mapping[int, str] | None = None) -> pd.DataFrame:
    """Return orders indexed by id with the cells that `COLUMNS` names.

    Parameters
    ----------
    orders : DataFrame
        As `desk.orders.table` gives it.
    last_prices : mapping
        Rupees by listing; a listing without one is missing.
    slices : mapping
        For orders that were cut, by id: how far their slices are.
    """
    far = slices or {}
    rows = orders.set_index("id")
    facts: list[dict[str, Any]] = orders.to_dict("records")  # type: ignore[assignment]
    rows["chip"] = [status_chip(row["status"], unsettled=row["unsettled"]).text for row in facts]
    rows["done"] = [f"{quantity(row['filled_quantity'])} / {quantity(row['quantity'])}" for row in facts]
    rows["reason"] = [" · ".join(filter(None, (far.get(row["id"], ""), reason(row)))) for row in facts]
    rows["wish"] = [wish(row) for row in facts]
    rows["origin"] = [origin(row) for row in facts]
    rows["last_price"] = rows["listing"].map(last_prices).astype("float64")
    return rows


def columns(shown: pd.DataFrame) -> Mapping[str, Column]:
    """Return the table's columns; the one of GTT and AMO only where some row is such an order."""
    return COLUMNS if (shown["wish"] != "").any() else {name: one for name, one in COLUMNS.items() if name != "wish"}


def wish(row: Mapping[str, Any]) -> str:
    """Return what sets an order apart from a plain one: GTT, AMO, or nothing."""
    return "GTT" if row["gtt"] else "AMO" if row["variety"] == Variety.AMO else ""


def sliced(slices: pd.DataFrame) -> str:
    """Return how far the slices of an order are: ``3 of 4 slices filled``."""
    filled = int((slices["status"] == OrderStatus.FILLED).sum())
    return f"{filled} of {len(slices)} slices filled"


def reason(row: Mapping[str, Any]) -> str:
    """Return why an order is where it is: the broker's words as they are, ours with what they come from before them."""
    ours = (
        ("", row["broker_reason"]),
        ("Risk: ", row["risk_note"]),
        ("Came back: ", row["stale_reason"]),
        ("", "Cancel is on its way" if row["cancel_wanted"] and not OrderStatus(row["status"]).final else ""),
    )
    return " · ".join(f"{label}{words}" for label, words in ours if words)


def origin(row: Mapping[str, Any]) -> str:
    """Return where an order came from, whether it wishes for a trigger that rests at the broker, and how it was cut."""
    source = SOURCES.get(row["source"], row["source"])
    piece = f"slice {row['slice_no']} of order {row['parent_id']}" if row.get("slice_no") else ""
    cut = f"{row['slices']} slices" if row.get("slices") else piece
    return " · ".join(filter(None, (source, row["strategy"], "GTT" if row["gtt"] else "", cut)))


def as_csv(orders: pd.DataFrame) -> bytes:
    """Return orders as a file for spreadsheets, with the account as a column and times in IST.

    A text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    told = orders.copy()
    for name in told.select_dtypes("datetimetz"):
        told[name] = told[name].dt.tz_convert("Asia/Kolkata").dt.strftime("%Y-%m-%d %H:%M:%S")
    for name in told.select_dtypes("str"):
        told[name] = ["'" + text if isinstance(text, str) and text.startswith(FORMULA) else text for text in told[name]]
    moved = ["account", *(name for name in told.columns if name != "account")]
    return bytes(told[moved].to_csv(index=False).encode("utf-8-sig"))
