"""Limits as people write and read them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import time
from decimal import Decimal
from typing import Any, TypedDict

from sigma.desk.words import amount, whole, word
from sigma.domain.errors import InvalidInput
from sigma.domain.money import indian
from sigma.domain.orders import OrderType, Product
from sigma.domain.risk import CLAMPABLE, LimitValue

Rupees = Decimal | float | str | None
Words = Iterable[str] | None


class LimitWords(TypedDict, total=False):
    """Limits as they may be given; what is left out or None is not limited. domain/risk.py says what each one means.

    Amounts are rupees, times are texts like ``15:10`` on the Indian clock (or `datetime.time`), listings whatever resolves.
    """

    max_quantity_per_order: int | None
    max_order_value: Rupees
    allow_short_selling: bool | None
    max_daily_loss: Rupees
    max_open_positions: int | None
    max_orders_per_minute: int | None
    max_exposure: Rupees
    allow: Words
    deny: Words
    products: Words
    order_types: Words
    entries_until: time | str | None
    square_off_at: time | str | None
    cooldown_s: int | None
    drawdown_caution: Rupees
    drawdown_stop: Rupees


def clock(value: object, what: str) -> time:
    """Return a time of day that a person gave (``15:10``, ``15:10:30``).

    Raises
    ------
    InvalidInput
        It is none.
    """
    if isinstance(value, time):
        return value
    try:
        return time.fromisoformat(str(value).strip())
    except ValueError:
        raise InvalidInput(f"{what} must be a time like 15:10, was {value!r}.", hint="On the Indian clock.") from None


def each(value: object, what: str) -> tuple[str, ...]:
    """Return words that a person gave, one text with commas or several.

    Raises
    ------
    InvalidInput
        They are neither.
    """
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if isinstance(value, Iterable):
        return tuple(str(part) for part in value)
    raise InvalidInput(f"{what} must be words, was {value!r}.", hint="Give a list, or a text with commas.")


def yes(value: object, what: str) -> bool:
    """Return a yes or no.

    Raises
    ------
    InvalidInput
        It is neither True nor False.
    """
    if not isinstance(value, bool):
        raise InvalidInput(f"{what} must be True or False, was {value!r}.")
    return value


def typed_limits(given: LimitWords, resolve: Callable[[str], str]) -> dict[str, Any]:
    """Return limits as the domain has them.

    Parameters
    ----------
    resolve : callable
        Gives the canonical text of a listing, or raises.

    Raises
    ------
    InvalidInput, InvalidOrder, NotFound
        A name is no limit, a value does not fit it, a listing is not known.
    """
    readers: dict[str, Callable[[object, str], object]] = {
        **dict.fromkeys(("max_order_value", "max_daily_loss", "max_exposure", "drawdown_caution", "drawdown_stop"), amount),
        **dict.fromkeys(("max_quantity_per_order", "max_open_positions", "max_orders_per_minute", "cooldown_s"), whole),
        **dict.fromkeys(("entries_until", "square_off_at"), clock),
        **dict.fromkeys(("allow", "deny"), lambda value, what: frozenset(resolve(text) for text in each(value, what))),
        "allow_short_selling": yes,
        "products": lambda value, what: frozenset(word(Product, text, "product") for text in each(value, what)),
        "order_types": lambda value, what: frozenset(word(OrderType, text, "order type") for text in each(value, what)),
    }
    unknown = sorted(set(given) - set(readers))
    if unknown:
        raise InvalidInput(f"There is no limit {', '.join(unknown)}.", hint=f"There are {', '.join(readers)}.")
    return {name: readers[name](value, name) for name, value in given.items() if value is not None}


def clamping(clamp_mode: str, limits: Iterable[str]) -> frozenset[str]:
    """Return which of the limits given lower a quantity: under CLAMP those that can, under REJECT none.

    Raises
    ------
    InvalidInput
        The mode is neither.
    """
    mode = clamp_mode.strip().upper()
    if mode not in ("CLAMP", "REJECT"):
        raise InvalidInput(f"There is no clamp mode {clamp_mode!r}.", hint="CLAMP lowers a quantity, REJECT refuses the order.")
    return CLAMPABLE.intersection(limits) if mode == "CLAMP" else frozenset()


def told(value: LimitValue) -> str:
    """Return a limit as people read it; empty when it is not set."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return f"₹{indian(value)}"
    if isinstance(value, frozenset):
        return ", ".join(sorted(value)) or "none"
    return f"{value:%H:%M} IST" if isinstance(value, time) else indian(Decimal(value), 0)
