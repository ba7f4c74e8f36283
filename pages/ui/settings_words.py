"""What is said of a setting: its group, its range, and who changed it last."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from pages.ui.rows import rows
from sigma.domain import show
from sigma.domain.settings import SettingScope, SettingSpec, Value

UNITS = {"s": "s", "h": "hours", "/s": "per second", "/min": "per minute"}


@dataclass(frozen=True, slots=True)
class Group:
    """The settings whose names begin alike: those for every day, and those that are folded away."""

    name: str
    everyday: tuple[SettingSpec, ...]
    advanced: tuple[SettingSpec, ...]

    @property
    def title(self) -> str:
        """The group as a heading."""
        return _words(self.name)


@dataclass(frozen=True, slots=True)
class Change:
    """When a setting was changed last (UTC), by whom, and what it was before."""

    at: datetime
    by: str
    before: str


def grouped(specs: Iterable[SettingSpec], text: str = "") -> list[Group]:
    """Return the settings that match a search, by the first word of their names; groups with everyday ones come first."""
    found: dict[str, list[SettingSpec]] = {}
    for spec in specs:
        if matches(spec, text):
            found.setdefault(spec.name.partition(".")[0], []).append(spec)
    groups = [
        Group(name, tuple(one for one in each if not one.advanced), tuple(one for one in each if one.advanced))
        for name, each in found.items()
    ]
    return sorted(groups, key=lambda group: not group.everyday)


def matches(spec: SettingSpec, text: str) -> bool:
    """Say whether a setting's name or help holds every word of a search."""
    told = f"{spec.name} {spec.name.replace('_', ' ')} {spec.help}".casefold()
    return all(word in told for word in text.casefold().split())


def label(spec: SettingSpec) -> str:
    """Return a setting's name as people read it, its group left out."""
    return _words(spec.name.partition(".")[2])


def value_words(spec: SettingSpec, value: Value) -> str:
    """Return a value with its unit; an empty text is said so."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if value == "":
        return "empty"
    return " ".join(filter(None, (_number(value), UNITS.get(spec.unit, spec.unit))))


def limits(spec: SettingSpec) -> str:
    """Return what values a setting takes; empty for one that takes any."""
    if spec.choices:
        return " or ".join(spec.choices)
    if spec.low is None or spec.high is None:
        return ""
    low = spec.low if spec.off_below is None else spec.off_below
    off = "" if spec.off_below is None else ", 0 switches it off"
    return f"{_number(low)} to {value_words(spec, spec.high)}{off}"


def facts(spec: SettingSpec, change: Change | None, now: datetime) -> str:
    """Return in one line a setting's default, range, scope and last change."""
    scope = "for the whole installation" if spec.scope is SettingScope.SYSTEM else "yours alone"
    said = [f"Default {value_words(spec, spec.default)}", limits(spec), scope]
    if change is not None:
        said.append(f"changed {show.when(change.at, now)} IST by {change.by}, was {change.before or 'empty'}")
    return " · ".join(filter(None, said))


def last_changes(events: pd.DataFrame, by: str) -> dict[str, Change]:
    """Return the last change of each setting by its name; `events` are one person's, newest first."""
    found: dict[str, Change] = {}
    for row in rows(events):
        found.setdefault(str(row.detail["name"]), Change(row.at, by, str(row.detail["before"])))
    return found


def account_options(accounts: Sequence[str], value: str) -> list[str]:
    """Return what a setting that names an account offers: none, each account, and a stored name that is no account any more."""
    return ["", *accounts, *([value] if value and value not in accounts else [])]


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
