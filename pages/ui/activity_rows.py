"""What happened on a day as one list: messages, orders, executions and events, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from pages.ui.badges import Badge, badge_of
from pages.ui.order_rows import origin, reason
from pages.ui.rows import rows, text
from sigma.domain import show
from sigma.domain.events import Level
from sigma.domain.show import STATUS_CHIPS, UNSETTLED_CHIP, Chip, Tone, status_chip
from sigma.domain.signals import SignalStatus
from sigma.domain.story import late_in_its_second
from sigma.domain.times import to_ist

SIGNAL, ORDER, FILL, EVENT = "Signal", "Order", "Fill", "Event"
KINDS = {SIGNAL: Tone.WAITS, ORDER: Tone.MOVES, FILL: Tone.GOOD, EVENT: Tone.OVER}
SIGNAL_CHIPS = {
    SignalStatus.ACCEPTED: Chip("● Accepted", Tone.GOOD),
    SignalStatus.DEDUPED: Chip("– Repeat", Tone.OVER),  # noqa: RUF001 - the dash of the order chips
    SignalStatus.MARKED: Chip("▲ No order", Tone.STOPPED),
    SignalStatus.IGNORED: Chip("– Ignored", Tone.OVER),  # noqa: RUF001
}
LEVEL_CHIPS = {
    Level.INFO: Chip("i Info", Tone.OVER),
    Level.WARNING: Chip("▲ Warning", Tone.STOPPED),
    Level.ALARM: Chip("✕ Alarm", Tone.BAD),
}
STATES = {
    chip.text: chip.tone for chip in (*STATUS_CHIPS.values(), UNSETTLED_CHIP, *SIGNAL_CHIPS.values(), *LEVEL_CHIPS.values())
}
COLUMNS = ["at", "time", "kind", "account", "what", "state", "why", "source", "key"]


@dataclass(frozen=True, slots=True)
class Day:
    """What the desk gives of one day, as frames: messages, orders made, executions, events.

    Parameters
    ----------
    origins : DataFrame or None
        Where all orders of the day came from, when `orders` are the newest of them; None when they are all.
    """

    signals: pd.DataFrame
    orders: pd.DataFrame
    fills: pd.DataFrame
    events: pd.DataFrame
    origins: pd.DataFrame | None = None

    @property
    def unread(self) -> int:
        """How many orders of the day there are beside `orders`."""
        return 0 if self.origins is None else max(0, int(self.origins["orders"].sum()) - len(self.orders))


def timeline(day: Day, badges: Sequence[Badge], *, account: str | None = None) -> pd.DataFrame:
    """Return the day's lines, newest first, indexed by kind and id (``Order:5``).

    With an account, of the messages only those that its orders came from.
    """
    signals = day.signals
    if account is not None:
        signals = signals[signals["id"].isin(day.orders["signal_id"].dropna())]
    lines = [
        *(_signal(row) for row in rows(signals)),
        *(_order(row, badges) for row in rows(day.orders)),
        *(_fill(row, badges) for row in rows(day.fills)),
        *(_event(row, badges) for row in rows(day.events)),
    ]
    order = list(KINDS)
    lines.sort(key=lambda line: (line["at"], order.index(line["kind"]), line["key"]), reverse=True)
    return pd.DataFrame(lines, columns=COLUMNS).set_index("key")


def sources(day: Day, lines: pd.DataFrame) -> list[str]:
    """Return where the lines of a day come from, those of orders that were not read among them."""
    ways = () if day.origins is None else (origin(row._asdict()) for row in rows(day.origins))
    return sorted({*lines["source"], *ways} - {""})


def opened(key: str, day: Day) -> tuple[str, str] | None:
    """Return which story a line opens, as a name and value of the page's address; None for an event of no order."""
    kind, _, number = key.partition(":")
    if kind == FILL:
        return "order", str(day.fills.set_index("id").loc[int(number), "order_id"])
    if kind == EVENT:
        return None
    return kind.lower(), number


def moment(at: datetime) -> str:
    """Return a moment in full, in IST."""
    return f"{to_ist(at):%d %b %Y %H:%M:%S} IST"


def _line(kind: str, number: int, at: datetime, **words: str) -> dict[str, Any]:
    return {"key": f"{kind}:{number}", "at": at, "time": f"{to_ist(at):%H:%M:%S}", "kind": kind, **words}


def _signal(row: Any) -> dict[str, Any]:
    size = "" if pd.isna(row.quantity) else f" {show.quantity(row.quantity)}"
    what = f"{text(row.side)}{size} {text(row.listing)} {text(row.strategy)}".strip()
    state = next((chip.text for status, chip in SIGNAL_CHIPS.items() if status.value == row.status), text(row.status))
    why = " · ".join(filter(None, (text(row.note), text(row.shares))))
    said = {"account": show.MISSING, "what": what, "state": state, "why": why, "source": text(row.platform)}
    return _line(SIGNAL, row.id, row.received_at, **said)


def _order(row: Any, badges: Sequence[Badge]) -> dict[str, Any]:
    at = "" if pd.isna(row.price) else f" at {show.price(row.price)}"
    what = f"{row.side} {show.quantity(row.quantity)} {row.listing} {row.order_type} {row.product}{at}"
    chip = status_chip(row.status, unsettled=row.unsettled)
    facts = row._asdict()
    words = {"what": what, "state": chip.text, "why": reason(facts), "source": origin(facts)}
    return _line(ORDER, row.id, row.created_at, account=badge_of(row.account, badges), **words)


def _fill(row: Any, badges: Sequence[Badge]) -> dict[str, Any]:
    what = f"{row.side} {show.quantity(row.quantity)} {row.listing} {row.product} at {show.price(row.price)}"
    said = {"account": badge_of(row.account, badges), "what": what, "state": "", "why": "", "source": text(row.exchange)}
    return _line(FILL, row.id, late_in_its_second(row.filled_at), **said)


def _event(row: Any, badges: Sequence[Badge]) -> dict[str, Any]:
    state = next((chip.text for level, chip in LEVEL_CHIPS.items() if level.value == row.level), text(row.level))
    said = {"account": badge_of(row.account, badges), "what": row.text, "state": state, "why": "", "source": row.kind}
    return _line(EVENT, row.id, row.at, **said)
