"""What waits, as rows of a table: where it came from, what it is worth, what the risk gate says, what one must know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import pandas as pd

from pages.ui.badges import Badge, badge_of
from pages.ui.order_rows import SOURCES
from pages.ui.rows import rows, text
from pages.ui.table import Column
from sigma.domain import show
from sigma.domain.risk import RiskDecision
from sigma.domain.show import SIDE_TONES, Chip, Tone

EVERYTHING = "All"
NO_ACCOUNT = "No account yet"
PASSES, LATE = Chip("✓ Passes", Tone.GOOD), Chip("▲ Late", Tone.UNSURE)
BACK, STOPPED = Chip("▲ Came back", Tone.UNSURE), Chip("✕ Stopped", Tone.STOPPED)
ASKED = Chip("◔ At approval", Tone.OVER)
NEEDS_BROKER = frozenset({"NO_PRICE", "POSITION_UNKNOWN"})
"""Refusals that only say that stored facts do not suffice: the approval asks the broker."""
PLATFORMS = {"TRADINGVIEW": "TradingView"}
RISK_HELP = (
    "What would happen at a yes now, by the facts stored here, on the order's own account or else the one preset for approvals. "
    "The dialog asks again."
)
COLUMNS: Mapping[str, Column] = {
    "listing": Column("Listing", width=176, pinned=True),
    "side": Column("Side", "chip", 60, chips=SIDE_TONES),
    "quantity": Column("Qty", "quantity", 60),
    "order_type": Column("Type", width=64),
    "price": Column("Price ₹", "price", 76),
    "last_price": Column("LTP ₹", "price", 76, help="Last price that is stored; it may be some seconds old."),
    "badge": Column("Account", width=104, help="The account it was meant for. You choose one when you approve it."),
    "risk": Column("Risk", "chip", 110, help=RISK_HELP, chips={c.text: c.tone for c in (PASSES, LATE, BACK, STOPPED, ASKED)}),
    "origin": Column("Source", width=142),
    "age": Column("Age", "age", 54),
    "created_at": Column("Since", "moment", 68, help="When it came, IST."),
    "note": Column("Note", width=300),
    "product": Column("Product", width=70),
    "trigger_price": Column("Trigger ₹", "price", 95),
    "id": Column("Order", "quantity", 70),
}


def as_rows(queue: pd.DataFrame, last_prices: Mapping[str, float], badges: Sequence[Badge], now: datetime) -> pd.DataFrame:
    """Return waiting orders indexed by id with what can be known of them without the risk gate.

    Parameters
    ----------
    queue : DataFrame
        As `desk.orders.queue` gives it.
    last_prices : mapping
        Rupees by listing; a listing without one is missing.
    """
    frame = queue.set_index("id", drop=False).rename_axis(None)
    frame["last_price"] = frame["listing"].map(last_prices).astype("float64")
    frame["badge"] = [badge_of(text(name) or None, badges) for name in frame["account"]]
    frame["came_by"] = [source(row.source, row.platform) for row in rows(frame)]
    frame["origin"] = [" · ".join(filter(None, (row.came_by, row.strategy))) for row in rows(frame)]
    frame["age"] = [(now - at).total_seconds() for at in frame["created_at"]]
    used = frame["price"].fillna(frame["trigger_price"]).fillna(frame["last_price"])
    frame["value"] = used * frame["quantity"]
    return frame


def judged(frame: pd.DataFrame, verdicts: Mapping[int, RiskDecision]) -> pd.DataFrame:
    """Return rows with what would happen at a yes (`risk`) and what to know before (`note`)."""
    shown = frame.copy()
    shown["risk"] = [risk(row, verdicts.get(row.Index)).text for row in rows(frame)]
    shown["note"] = [note(row, verdicts.get(row.Index)) for row in rows(frame)]
    return shown


def source(word: str, platform: str) -> str:
    """Return which way an order came, in a person's words: a message by its platform."""
    return PLATFORMS.get(platform.upper(), platform) if platform else SOURCES.get(word, word)


def risk(row: Any, verdict: RiskDecision | None) -> Chip:
    """Return what would happen at a yes, worst first."""
    if verdict is not None and not verdict.allowed and verdict.code not in NEEDS_BROKER:
        return STOPPED
    if row.late:
        return LATE
    if row.stale_reason:
        return BACK
    return PASSES if verdict is not None and verdict.allowed else ASKED


def note(row: Any, verdict: RiskDecision | None) -> str:
    """Return what stands in the way of a plain yes."""
    stopped = f"Risk: {verdict.text}" if verdict is not None and not verdict.allowed else ""
    return " · ".join(filter(None, (stopped, row.stale_reason or row.late, row.risk_note, "GTT wish" if row.gtt else "")))


def counted(frame: pd.DataFrame) -> dict[str, int]:
    """Return how many came each way, all of them first."""
    return {EVERYTHING: len(frame), **dict(sorted(Counter(frame["came_by"]).items()))}


def narrowed(frame: pd.DataFrame, came_by: str, strategy: str | None, account: str | None, words: str) -> pd.DataFrame:
    """Return the rows that the filters leave."""
    keep = pd.Series(True, index=frame.index)
    if came_by != EVERYTHING:
        keep &= frame["came_by"] == came_by
    if strategy is not None:
        keep &= frame["strategy"] == strategy
    if account is not None:
        keep &= frame["account"].isna() if account == NO_ACCOUNT else frame["account"] == account
    if words.strip():
        haystack = (
            frame["listing"] + " " + frame["origin"] + " " + frame["client_order_id"] + " " + frame["external_id"].fillna("")
        )
        keep &= haystack.str.contains(words.strip(), case=False, regex=False)
    return frame[keep]


def summed(values: Sequence[Decimal | None]) -> str:
    """Return what orders are worth together: ``about ₹41,200.00 in all``, and how many have no known value."""
    known = [value for value in values if value is not None]
    if not known:
        return "value not known"
    unknown = len(values) - len(known)
    rest = f", without {unknown} whose value is not known" if unknown else ""
    return f"about {show.rupees(sum(known, Decimal(0)))}{' in all' if len(values) > 1 else ''}{rest}"
