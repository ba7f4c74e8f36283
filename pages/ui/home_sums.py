"""The sums on Home: which accounts are in each, and what each lacks."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import pandas as pd

from pages.ui.badges import Badge, escape
from pages.ui.portfolio import gained
from sigma.desk.state import Overview
from sigma.domain import show
from sigma.domain.money import indian
from sigma.domain.overview import AccountSum
from sigma.domain.show import MISSING

MOST_SHARES = 6
REST = "Rest"
DAY_WITH = (
    "Realised and open gain of the day's positions, and each holding's change since yesterday's close. "
    "Percent of holdings and cash together."
)
DAY_WITHOUT = "Realised and open gain of the day's positions. Percent of the cash."


@dataclass(frozen=True, slots=True)
class Tile:
    """One number at the top of Home.

    Parameters
    ----------
    label : str
        Markdown: what it is, with the marks of the accounts that are in it.
    delta : str, int or None
        With an ASCII minus, by which the arrow is drawn; 0 draws none.
    about : str or None
        What the delta is of.
    tone : str
        The metric's ``delta_color``; ``normal`` goes with the sign.
    """

    key: str
    label: str
    value: str
    delta: str | int | None = None
    about: str | None = None
    tone: str = "normal"
    help: str | None = None


def tiles(overview: Overview, badges: Sequence[Badge], *, holdings: bool, attention: int) -> list[Tile]:
    """Return the tiles; with `holdings` left out there is no tile of their value."""
    total, sums = overview.totals, [each for each in overview.accounts if not each.simulated]
    worth = (total.holdings_value or Decimal(0)) + (total.cash or Decimal(0))
    whole = not total.missing
    part = _part(total.day_pnl, worth) if whole else None
    delta = part or _signed(total.day_pnl)
    label, meaning = _label("Day P&L", sums, "day_pnl", badges), DAY_WITH if holdings else DAY_WITHOUT
    found = [Tile("day", label, gained(total.day_pnl), delta, help=meaning)]
    if holdings:
        changed = _changed(sums) if whole else None
        before = None if changed is None or total.holdings_value is None else total.holdings_value - changed
        today = None if changed is None or before is None else _part(changed, before)
        label = _label("Holdings value", sums, "holdings_value", badges)
        about = None if today is None else "today"
        found.append(Tile("holdings", label, show.short_rupees(total.holdings_value), today, about))
    found.append(Tile("cash", _label("Cash free", sums, "cash", badges), show.short_rupees(total.cash)))
    wants = f"{attention} need{'s' * (attention == 1)} attention" if attention else None
    label = _label("Working orders", sums, "working", badges)
    found.append(Tile("working", label, str(overview.working), wants, None, "orange"))
    return found


def lacking(sums: Iterable[AccountSum]) -> str:
    """Return in Markdown what the sums are without, an account a sentence; empty when they are whole."""
    said = []
    for each in sums:
        if each.simulated:
            said.append(f"Without {escape(each.name)}: imaginary money.")
        elif each.taken_at is None:
            said.append(f"Without {escape(each.name)}: never read.")
        elif each.missing:
            said.append(f"{escape(each.name)} without {escape(', '.join(each.missing))}.")
    return " ".join(said)


def read_when(sums: Iterable[AccountSum], now: datetime) -> str:
    """Return in Markdown when the oldest list was read, and each account whose lists or prices are too old."""
    dated = [(each.taken_at, each) for each in sums if each.taken_at is not None]
    if not dated:
        return "Never read."
    old = [f":orange[▲] {escape(each.name)} is stale, {show.freshness('read', at, now)}." for at, each in dated if each.stale]
    oldest = min(at for at, _ in dated)
    return " ".join(old) or f"Oldest list {show.freshness('read', oldest, now)}."


def by_account(sums: Sequence[AccountSum], marks: Mapping[str, str]) -> pd.DataFrame:
    """Return a row an account, indexed by its name; `marks` are badges by account."""
    table = {
        "account": [marks.get(each.name, each.name) for each in sums],
        "day_pnl": [_number(each.day_pnl) for each in sums],
        "holdings_value": [_number(each.holdings_value) for each in sums],
        "cash": [_number(each.cash) for each in sums],
        "working": [each.working for each in sums],
    }
    return pd.DataFrame(table, index=pd.Index([each.name for each in sums], name="name"))


def shares(overview: Overview, marks: Mapping[str, str]) -> pd.DataFrame:
    """Return the largest holdings and the rest with their part of the whole in percent; rows of two accounts stay two."""
    whole = overview.totals.holdings_value
    if not whole or whole < 0:
        return pd.DataFrame({"listing": [], "account": [], "value": [], "percent": []})
    top = overview.largest[:MOST_SHARES]
    lines = [(share.listing, marks.get(share.account, share.account), share.value) for share in top]
    rest = whole - sum((share.value for share in top), Decimal(0))
    if rest > 0:
        lines.append((REST, MISSING, rest))
    table = {
        "listing": [line[0] for line in lines],
        "account": [line[1] for line in lines],
        "value": [float(line[2]) for line in lines],
        "percent": [float(line[2] / whole * 100) for line in lines],
    }
    return pd.DataFrame(table)


def names_in(text: str) -> list[str]:
    """Return the names of a list as a setting keeps it: with commas between, in quotes where a name has one itself."""
    return [name.strip() for line in csv.reader([text], skipinitialspace=True) for name in line if name.strip()]


def as_list(names: Iterable[str]) -> str:
    """Return names as `names_in` reads them."""
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(list(names))
    return out.getvalue()


def _label(what: str, sums: Iterable[AccountSum], field: str, badges: Sequence[Badge]) -> str:
    """Return a tile's label with the marks of the accounts that are known and so in its sum."""
    inside = {each.name for each in sums if getattr(each, field) is not None}
    return " ".join([*(f":{badge.hue}[{badge.shape}]" for badge in badges if badge.name in inside), escape(what)])


def _changed(sums: Iterable[AccountSum]) -> Decimal | None:
    """Return what holdings gained since yesterday's close: the day's gain without that of positions."""
    parts = [(each.day_pnl, each.positions_pnl) for each in sums]
    known = [day - net for day, net in parts if day is not None and net is not None]
    return sum(known, Decimal(0)) if known else None


def _part(gained: Decimal | None, whole: Decimal) -> str | int | None:
    """Return a gain in percent of a sum; 0 for one that rounds to nothing, None where there is nothing to compare with."""
    if gained is None or whole <= 0:
        return None
    percent = gained / whole * 100
    return show.percent(percent) if round(percent, 2) else 0


def _signed(amount: Decimal | None) -> str | int | None:
    """Return rupees with an ASCII sign; 0 and None have none."""
    if amount is None or not round(amount, 2):
        return None if amount is None else 0
    return f"{'-' if amount < 0 else '+'}{indian(abs(amount))}"


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
