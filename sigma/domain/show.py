"""How values read to a person: Indian grouping, IST, words for states. Doors add the colours of their own medium."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import SupportsFloat

from sigma.domain.accounts import SessionState
from sigma.domain.money import decimal_from, indian
from sigma.domain.orders import OrderStatus
from sigma.domain.times import to_ist

MISSING = "—"
CRORE, LAKH = Decimal(10_000_000), Decimal(100_000)


class Tone(StrEnum):
    """What a text is coloured by; the words are the names of the pages' theme colours."""

    WAITS = "violet"
    MOVES = "blue"
    GOOD = "green"
    BAD = "red"
    STOPPED = "orange"
    UNSURE = "yellow"
    OVER = "gray"


@dataclass(frozen=True, slots=True)
class Chip:
    """A glyph with its word, and the tone it is drawn in: never told by colour alone."""

    text: str
    tone: Tone


STATUS_CHIPS: dict[OrderStatus, Chip] = {
    OrderStatus.WAITING: Chip("◔ Waiting", Tone.WAITS),
    OrderStatus.APPROVED: Chip("› Approved", Tone.MOVES),  # noqa: RUF001 - the glyph of pages.md
    OrderStatus.SENDING: Chip("» Sending", Tone.MOVES),
    OrderStatus.SENT: Chip("» Sent", Tone.MOVES),
    OrderStatus.OPEN: Chip("○ Open", Tone.MOVES),
    OrderStatus.TRIGGER_PENDING: Chip("◇ Trigger pending", Tone.MOVES),
    OrderStatus.PARTIALLY_FILLED: Chip("◑ Part filled", Tone.GOOD),
    OrderStatus.UNKNOWN: Chip("? Unknown, checking", Tone.UNSURE),
    OrderStatus.FILLED: Chip("● Filled", Tone.GOOD),
    OrderStatus.CANCELLED: Chip("– Cancelled", Tone.OVER),  # noqa: RUF001
    OrderStatus.REJECTED: Chip("✕ Rejected", Tone.BAD),
    OrderStatus.EXPIRED: Chip("– Expired", Tone.OVER),  # noqa: RUF001
    OrderStatus.FAILED: Chip("✕ Not placed", Tone.BAD),
    OrderStatus.REJECTED_RISK: Chip("✕ Risk stopped", Tone.STOPPED),
}
UNSETTLED_CHIP = Chip("? Unsettled, needs you", Tone.UNSURE)
SESSION_CHIPS: dict[SessionState, Chip] = {
    SessionState.CONNECTED: Chip("● Connected", Tone.GOOD),
    SessionState.EXPIRED: Chip("✕ Expired", Tone.BAD),
    SessionState.ERROR: Chip("✕ Error", Tone.BAD),
    SessionState.NEVER: Chip("○ Never connected", Tone.OVER),
}
SIDE_TONES = {"BUY": Tone.MOVES, "SELL": Tone.STOPPED}


def number(value: object) -> Decimal | None:
    """Return a value as a number; None for a missing one (None, NaN, NaT, no number)."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if not isinstance(value, str | float | int | SupportsFloat):  # in this order: the last takes long to ask
        return None
    try:
        return decimal_from(value if isinstance(value, str | int) else float(value))
    except (ValueError, TypeError):
        return None


def moment(value: object) -> datetime | None:
    """Return a value as an aware moment; None for a missing one (None, NaT)."""
    return value if isinstance(value, datetime) and value.tzinfo is not None and value == value else None


def price(value: object, places: int = 2) -> str:
    """Rupees with paise and no sign of the currency, as in a column: ``1,20,471.17``."""
    amount = number(value)
    return MISSING if amount is None else indian(amount, places)


def quantity(value: object) -> str:
    """Whole units: ``10,00,000``."""
    return price(value, 0)


def rupees(value: object) -> str:
    """An amount in full: ``₹4,12,300.00``, ``−₹18,240.50``."""  # noqa: RUF002 - the true minus
    amount = number(value)
    if amount is None:
        return MISSING
    return f"{'−' if amount < 0 else ''}₹{indian(abs(amount))}"  # noqa: RUF001


def short_rupees(value: object) -> str:
    """An amount at a glance: ``₹4.12 L``, ``₹2.85 Cr``, in full below a lakh."""
    amount = number(value)
    if amount is None:
        return MISSING
    sign, size = ("−" if amount < 0 else ""), abs(amount)  # noqa: RUF001
    if size >= CRORE:
        return f"{sign}₹{indian(size / CRORE)} Cr"
    if size >= LAKH:
        return f"{sign}₹{indian(size / LAKH)} L"
    return rupees(amount)


def gain(value: object) -> str:
    """Rupees won (``▲ +754.14``) or lost (``▼ −35,564.03``); zero is plain."""  # noqa: RUF002
    amount = number(value)
    if amount is None:
        return MISSING
    rounded = round(amount, 2)
    if rounded == 0:
        return "0.00"
    return f"▲ +{indian(rounded)}" if rounded > 0 else f"▼ −{indian(-rounded)}"  # noqa: RUF001


def short_gain(value: object) -> str:
    """Rupees won or lost at a glance: ``▲ +₹4.12 L``, ``▼ −₹18,240.50``; zero is plain."""  # noqa: RUF002
    amount = number(value)
    if amount is None:
        return MISSING
    rounded = round(amount, 2)
    if rounded == 0:
        return rupees(0)
    return f"▲ +{short_rupees(rounded)}" if rounded > 0 else f"▼ {short_rupees(rounded)}"


def percent(value: object) -> str:
    """Percent with its sign: ``+0.42%``. The minus is ASCII, since metric deltas read their direction from it."""
    amount = number(value)
    if amount is None:
        return MISSING
    rounded = round(amount, 2)
    return f"{rounded:+.2f}%" if rounded else "0.00%"


def gain_tone(value: object) -> Tone | None:
    """Return the tone of a gain or loss; None for zero and for a missing value."""
    amount = number(value)
    rounded = None if amount is None else round(amount, 2)
    return None if not rounded else Tone.GOOD if rounded > 0 else Tone.BAD


def status_chip(status: object, *, unsettled: bool = False) -> Chip:
    """Return an order status as people see it; a word that is none of ours is shown verbatim."""
    known = next((member for member in OrderStatus if member.value == status), None)
    if known is None:
        return Chip(str(status) if status else MISSING, Tone.OVER)
    return UNSETTLED_CHIP if unsettled and known is OrderStatus.UNKNOWN else STATUS_CHIPS[known]


def session_chip(state: object) -> Chip:
    """Return the state of a login as people see it; an unknown word verbatim."""
    known = next((member for member in SessionState if member.value == state), None)
    return Chip(str(state) if state else MISSING, Tone.OVER) if known is None else SESSION_CHIPS[known]


def when(value: object, now: datetime) -> str:
    """Return a moment in IST: ``14:27:36`` today, else ``19 Nov 14:27`` (with its year when that is another)."""
    at = moment(value)
    if at is None:
        return MISSING
    there, here = to_ist(at), to_ist(now)
    if there.date() == here.date():
        return f"{there:%H:%M:%S}"
    return f"{there:%d %b %H:%M}" if there.year == here.year else f"{there:%d %b %Y %H:%M}"


def age(seconds: float) -> str:
    """Return a duration as a person says it: ``6 s``, ``11 min``, ``3 h``, ``2 days``."""
    for limit, unit_s, name in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{max(0, int(seconds // unit_s))} {name}"
    return f"{int(seconds // 86_400)} days"


def freshness(what: str, at: object, now: datetime) -> str:
    """Return how fresh something is, both ways: ``synced 6 s ago (14:32:04 IST)``."""
    then = moment(at)
    return f"never {what}" if then is None else f"{what} {age((now - then).total_seconds())} ago ({when(then, now)} IST)"
