"""How values read in the terminal: Indian grouping, IST, chips that say their word also without colour."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import SupportsFloat, TypeVar

from rich.text import Text

from sigma.domain.accounts import SessionState, TradingMode
from sigma.domain.events import Level
from sigma.domain.money import decimal_from, indian
from sigma.domain.orders import OrderStatus
from sigma.domain.times import to_ist

Word = TypeVar("Word", bound=StrEnum)

MISSING = "—"
CRORE, LAKH = Decimal(10_000_000), Decimal(100_000)

CHIPS: dict[OrderStatus, tuple[str, str]] = {
    OrderStatus.WAITING: ("◔ Waiting", "magenta"),
    OrderStatus.APPROVED: ("› Approved", "blue"),  # noqa: RUF001 - as pages show it
    OrderStatus.SENDING: ("» Sending", "blue"),
    OrderStatus.SENT: ("» Sent", "blue"),
    OrderStatus.OPEN: ("○ Open", "blue"),
    OrderStatus.TRIGGER_PENDING: ("◇ Trigger pending", "blue"),
    OrderStatus.PARTIALLY_FILLED: ("◑ Part filled", "green"),
    OrderStatus.UNKNOWN: ("? Unknown, checking", "yellow"),
    OrderStatus.FILLED: ("● Filled", "green"),
    OrderStatus.CANCELLED: ("– Cancelled", "dim"),  # noqa: RUF001
    OrderStatus.REJECTED: ("✕ Rejected", "red"),
    OrderStatus.EXPIRED: ("– Expired", "dim"),  # noqa: RUF001
    OrderStatus.FAILED: ("✕ Not placed", "red"),
    OrderStatus.REJECTED_RISK: ("✕ Risk stopped", "dark_orange"),
}
UNSETTLED_CHIP = ("? Unsettled, needs you", "bold yellow")
_SESSIONS = {
    SessionState.CONNECTED: ("● Connected", "green"),
    SessionState.EXPIRED: ("✕ Expired", "red"),
    SessionState.ERROR: ("✕ Error", "red"),
    SessionState.NEVER: ("○ Never", "dim"),
}
_LEVELS = {Level.INFO: "", Level.WARNING: "yellow", Level.ALARM: "bold red"}


def number(value: object) -> Decimal | None:
    """Return a cell as a number; None for a missing one."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if not isinstance(value, str | SupportsFloat):
        return None
    try:
        return decimal_from(value if isinstance(value, str | int) else float(value))
    except ValueError:
        return None


def moment(value: object) -> datetime | None:
    """Return a cell as an aware moment; None for a missing one."""
    return value if isinstance(value, datetime) else None


def word(value: object) -> str:
    """Return a cell as text; empty for a missing one."""
    return "" if value is None else str(value)


def price(value: object) -> Text:
    """Rupees with paise."""
    amount = number(value)
    return _missing() if amount is None else Text(indian(amount))


def quantity(value: object) -> Text:
    """Whole units."""
    amount = number(value)
    return _missing() if amount is None else Text(indian(amount, 0))


def gain(value: object) -> Text:
    """Rupees won (▲ +754.14) or lost (▼, with a minus sign); zero is plain."""
    amount = number(value)
    if amount is None:
        return _missing()
    rounded = round(amount, 2)
    if rounded == 0:
        return Text("0.00")
    return Text(f"▲ +{indian(rounded)}", "green") if rounded > 0 else Text(f"▼ −{indian(-rounded)}", "red")  # noqa: RUF001


def percent(value: object) -> Text:
    """Percent with its sign: ``+0.42%``."""
    amount = number(value)
    if amount is None:
        return _missing()
    rounded = round(amount, 2)
    style = "green" if rounded > 0 else "red" if rounded < 0 else ""
    return Text(f"{rounded:+.2f}%" if rounded else "0.00%", style)


def rupees(value: object) -> str:
    """Rupees in short: ``₹4.12 L``, ``₹2.85 Cr``, in full below a lakh."""
    amount = number(value)
    if amount is None:
        return MISSING
    sign, size = ("-" if amount < 0 else ""), abs(amount)
    if size >= CRORE:
        return f"{sign}₹{size / CRORE:.2f} Cr"
    if size >= LAKH:
        return f"{sign}₹{size / LAKH:.2f} L"
    return f"{sign}₹{indian(size)}"


def when(value: object, now: datetime) -> Text:
    """A moment in IST: ``14:27:36`` today, else ``19 Nov 14:27`` (with its year when that is another)."""
    at = moment(value)
    if at is None:
        return _missing()
    there, here = to_ist(at), to_ist(now)
    if there.date() == here.date():
        return Text(f"{there:%H:%M:%S}")
    return Text(f"{there:%d %b %H:%M}" if there.year == here.year else f"{there:%d %b %Y %H:%M}")


def age(seconds: float) -> str:
    """A duration as a person says it: ``6 s``, ``11 min``, ``3 h``, ``2 days``."""
    for limit, unit_s, name in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{max(0, int(seconds // unit_s))} {name}"
    return f"{int(seconds // 86_400)} days"


def side(value: object) -> Text:
    """BUY and SELL, told apart by more than colour: the word is always there."""
    text = word(value)
    return Text(text, {"BUY": "bold blue", "SELL": "bold dark_orange"}.get(text, ""))


def chip(status: object, *, unsettled: bool = False) -> Text:
    """An order's status as pages show it; a word that is none of ours is shown verbatim."""
    known = _member(OrderStatus, status)
    if known is None:
        return Text(word(status) or MISSING, "dim")
    label, style = UNSETTLED_CHIP if unsettled and known is OrderStatus.UNKNOWN else CHIPS[known]
    return Text(label, style)


def session(state: object) -> Text:
    """The state of an account's login."""
    known = _member(SessionState, state)
    if known is None:
        return Text(word(state) or MISSING, "dim")
    label, style = _SESSIONS[known]
    return Text(label, style)


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


def _missing() -> Text:
    return Text(MISSING, "dim")
