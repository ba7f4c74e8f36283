"""How values read in the terminal: the words of `domain.show` in the terminal's colours."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from rich.text import Text

from sigma.domain import show
from sigma.domain.accounts import TradingMode
from sigma.domain.events import Level
from sigma.domain.show import MISSING, Chip, Tone, moment, number

Word = TypeVar("Word", bound=StrEnum)

__all__ = ["MISSING", "moment", "number"]

STYLES = {
    Tone.WAITS: "magenta",
    Tone.MOVES: "blue",
    Tone.GOOD: "green",
    Tone.BAD: "red",
    Tone.STOPPED: "dark_orange",
    Tone.UNSURE: "yellow",
    Tone.OVER: "dim",
}
_LEVELS = {Level.INFO: "", Level.WARNING: "yellow", Level.ALARM: "bold red"}


def styled(chip: Chip) -> Text:
    """Return a chip in the terminal's colours."""
    return Text(chip.text, STYLES[chip.tone])


def word(value: object) -> str:
    """Return a cell as text; empty for a missing one."""
    return "" if value is None else str(value)


def price(value: object) -> Text:
    """Rupees with paise."""
    return _shown(show.price(value))


def quantity(value: object) -> Text:
    """Whole units."""
    return _shown(show.quantity(value))


def gain(value: object) -> Text:
    """Rupees won (▲ +754.14) or lost (▼, with a minus sign); zero is plain."""
    return _shown(show.gain(value), value)


def percent(value: object) -> Text:
    """Percent with its sign: ``+0.42%``."""
    return _shown(show.percent(value), value)


def rupees(value: object) -> str:
    """Rupees in short: ``₹4.12 L``, ``₹2.85 Cr``, in full below a lakh."""
    return show.short_rupees(value)


def when(value: object, now: datetime) -> Text:
    """A moment in IST: ``14:27:36`` today, else ``19 Nov 14:27`` (with its year when that is another)."""
    return _shown(show.when(value, now))


age = show.age


def side(value: object) -> Text:
    """BUY and SELL, told apart by more than colour: the word is always there."""
    text = word(value)
    return Text(text, {"BUY": "bold blue", "SELL": "bold dark_orange"}.get(text, ""))


def chip(status: object, *, unsettled: bool = False) -> Text:
    """An order's status as pages show it; a word that is none of ours is shown verbatim."""
    return styled(show.status_chip(status, unsettled=unsettled))


def session(state: object) -> Text:
    """The state of an account's login."""
    return styled(show.session_chip(state))


def mode(value: object) -> Text:
    """A trading mode; whatever restricts stands out."""
    text = word(value)
    return Text(text or MISSING, "" if text in ("", TradingMode.NORMAL) else "bold yellow")


def level(value: object) -> Text:
    """How much an event matters."""
    known = _member(Level, value)
    return Text(word(value), "" if known is None else _LEVELS[known])


def yes(value: object) -> Text:
    """A yes or nothing."""
    return Text("yes" if value is True else "")


def plain(value: object) -> Text:
    """Any text as it is; square brackets are no markup."""
    return Text(word(value)) if word(value) else _missing()


def _member(kind: type[Word], value: object) -> Word | None:
    """Return the member of `kind` that a cell names; None for any other word, which is then shown as it is."""
    return next((member for member in kind if member.value == value), None)


def _shown(text: str, value: object = None) -> Text:
    if text == MISSING:
        return _missing()
    tone = show.gain_tone(value)
    return Text(text, STYLES[tone] if tone else "")


def _missing() -> Text:
    return Text(MISSING, "dim")
