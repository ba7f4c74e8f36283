"""Strategies as rows of a table: who may trade where, in which state, and what the day came to."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pandas as pd

from pages.ui.badges import Badge, escape
from pages.ui.rows import rows, text
from pages.ui.table import Column
from sigma.domain import show
from sigma.domain.orders import OrderMode
from sigma.domain.risk import KillState
from sigma.domain.show import MISSING, Chip, Tone
from sigma.domain.strategies import OffHours

EVERYTHING = "All"
MODES = {OrderMode.AUTO: Chip("» AUTO", Tone.MOVES), OrderMode.MANUAL: Chip("◔ MANUAL", Tone.WAITS)}
RUNNING, PAUSED = Chip("● Running", Tone.GOOD), Chip("– Paused", Tone.OVER)  # noqa: RUF001 - the dash of the order chips
STOPPED, PARTLY = Chip("✕ Stopped", Tone.BAD), Chip("▲ Part stopped", Tone.STOPPED)
EXITING = Chip("◑ Exiting", Tone.MOVES)
OFF_HOURS: Mapping[OffHours, tuple[str, str]] = {
    OffHours.FAIL: ("Refuse", "What the broker refuses because the market is closed stays refused."),
    OffHours.WAIT: ("Wait for the open", "A linked order is decided anew and sent when the exchange opens."),
    OffHours.AMO: ("After-market order", "A linked after-market order is sent at once, where the broker takes them."),
    OffHours.GTT: ("Resting trigger", "A trigger rests at the broker until its price comes, where the broker has them."),
}
"""What becomes of an order that is refused because the market is closed: its name, and what it means."""
LIVE_HELP = "Since the session began, by its own fills and stored prices, after estimated charges. Live accounts only."
PAPER_HELP = "The same on paper accounts; never added to the money beside it."
COLUMNS: Mapping[str, Column] = {
    "name": Column("Strategy", width=150, pinned=True),
    "mode": Column("Mode", "chip", 96, chips={chip.text: chip.tone for chip in MODES.values()}),
    "places": Column("Accounts", width=230),
    "day_pnl": Column("Day P&L ₹", "gain", 120, help=LIVE_HELP),
    "paper_pnl": Column("Paper P&L ₹", "gain", 120, help=PAPER_HELP),
    "state": Column("State", "chip", 124, chips={c.text: c.tone for c in (RUNNING, PAUSED, STOPPED, PARTLY, EXITING)}),
    "positions": Column("Open", "quantity", 60, help="Positions that are open by its own fills."),
    "description": Column("What it is", width=240),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What is stored of strategies, as the desk gives it.

    Parameters
    ----------
    exiting : collection of str
        Strategies whose positions are being closed now.
    """

    table: pd.DataFrame
    places: pd.DataFrame
    positions: pd.DataFrame
    days: pd.DataFrame
    kills: Sequence[KillState]
    exiting: Collection[str] = ()


def as_rows(seen: Seen, badges: Sequence[Badge]) -> pd.DataFrame:
    """Return strategies indexed by id with the cells that `COLUMNS` names."""
    frame = seen.table.set_index("id", drop=False).rename_axis(None)
    known = {badge.name: badge for badge in badges}
    shares: dict[str, list[tuple[Badge, float]]] = {}
    for row in rows(seen.places):
        if row.account in known:
            shares.setdefault(row.strategy, []).append((known[row.account], row.multiplier))
    own = {name: shares.get(name, []) for name in frame["name"]}
    made = {(row.strategy, bool(row.simulated)): row.total for row in rows(seen.days)}
    paper = {name for name, places in own.items() if any(badge.paper for badge, _ in places)}
    money = {name for name, places in own.items() if not places or any(not badge.paper for badge, _ in places)}
    held = seen.positions["strategy"].value_counts()
    frame["places"] = [", ".join(place(badge, times) for badge, times in own[name]) or MISSING for name in frame["name"]]
    for column, simulated, among in (("day_pnl", False, money), ("paper_pnl", True, paper)):
        totals = [made.get((name, simulated)) for name in frame["name"]]
        frame[column] = pd.Series(
            [total if name in among or total else None for name, total in zip(frame["name"], totals, strict=True)],
            index=frame.index,
            dtype="float64",
        )
    frame["state"] = [
        state(row, [badge.id for badge, _ in own[row.name]], seen.kills, exiting=row.name in seen.exiting).text
        for row in rows(frame)
    ]
    frame["positions"] = [int(held.get(name, 0)) for name in frame["name"]]
    frame["mode"] = [MODES[OrderMode(mode)].text for mode in frame["mode"]]
    return frame


def place(badge: Badge, multiplier: float) -> str:
    """Return an account, what restricts it, and its multiplier unless that is 1."""
    off = "" if badge.enabled else " · disabled"
    return f"{badge.text}{off}" + ("" if multiplier == 1 else f" × {times(multiplier)}")  # noqa: RUF001 - the sign of times


def coloured(badge: Badge, multiplier: float = 1) -> str:
    """Return the same in Markdown, the shape in its hue."""
    return f":{badge.hue}[{badge.shape}] {escape(place(badge, multiplier).partition(' ')[2])}"


def times(multiplier: float) -> str:
    """Return a multiplier without needless zeros."""
    return f"{Decimal(str(multiplier)).normalize():f}"


def state(row: Any, accounts: Sequence[int], kills: Sequence[KillState], *, exiting: bool = False) -> Chip:
    """Return whether a strategy runs: what stops it counts before what closes its positions, that before a pause."""
    stops = [kill for kill in kills if kill.on and kill.strategy in ("", row.name)]
    stopped = {kill.account_id for kill in stops}
    if None in stopped or (accounts and stopped.issuperset(accounts)):
        return STOPPED
    if exiting:
        return EXITING
    if not row.enabled:
        return PAUSED
    return PARTLY if stopped & set(accounts) else RUNNING


def columns(frame: pd.DataFrame) -> dict[str, Column]:
    """Return the columns that say something of these rows."""
    empty = {name for name in ("paper_pnl", "description") if not frame[name].replace("", None).notna().any()}
    return {name: column for name, column in COLUMNS.items() if name not in empty}


def narrowed(frame: pd.DataFrame, mode: str, words: str) -> pd.DataFrame:
    """Return the rows of a mode (``All``, ``AUTO``, ``MANUAL``) with these words in name, accounts or description."""
    keep = pd.Series(True, index=frame.index)
    if mode != EVERYTHING:
        keep &= frame["mode"] == MODES[OrderMode(mode)].text
    if words.strip():
        haystack = frame["name"] + " " + frame["places"] + " " + frame["description"]
        keep &= haystack.str.contains(words.strip(), case=False, regex=False)
    return frame[keep]


def counted(found: int, total: int, acting: int) -> str:
    """Return how many there are: ``3 strategies, 1 executes by itself``."""
    what = f"{total} strateg{'y' if total == 1 else 'ies'}"
    shown = what if found == total else f"{found} of {what} shown"
    return f"{shown}, {acting or 'none'} execute{'' if acting > 1 else 's'} by {'themselves' if acting > 1 else 'itself'}"


def lacking(days: pd.DataFrame) -> str:
    """Return in words which results are not known and why; empty when all are."""
    told = [f"{row.strategy} ({row.missing})" for row in rows(days) if text(row.missing)]
    return f"Day P&L is not known without prices or charges of: {'; '.join(dict.fromkeys(told))}." if told else ""


def legs(positions: pd.DataFrame, badges: Mapping[str, Badge]) -> list[str]:
    """Return in Markdown what closes each position: ``● main: SELL 10 NSE:INFY MIS, about ₹15,000.00``."""
    found = []
    for row in rows(positions):
        badge = badges.get(text(row.account))
        side, value = ("SELL" if row.quantity > 0 else "BUY"), show.number(row.value)
        worth = "price not known" if value is None else f"about {show.rupees(value)}"
        where = badge.coloured if badge else escape(text(row.account))
        found.append(f"{where}: {escape(f'{side} {show.quantity(abs(row.quantity))} {row.listing} {row.product}, {worth}')}")
    return found
