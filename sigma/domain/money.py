"""Money and prices: Decimal for anything that can become an order, and the only doors to and from float."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, InvalidOperation
from enum import StrEnum

ZERO = Decimal(0)
PLACES = 8
SCALE: int = 10**PLACES
LIMIT = 90_000_000_000  # rupees: what a scaled 64-bit integer holds, rounded down


class RoundTo(StrEnum):
    """Which neighbour on the tick grid a price goes to."""

    UP = "UP"
    DOWN = "DOWN"
    NEAREST = "NEAREST"


_ROUNDING = {RoundTo.UP: ROUND_CEILING, RoundTo.DOWN: ROUND_FLOOR, RoundTo.NEAREST: ROUND_HALF_EVEN}


def decimal_from(value: str | int | float | Decimal) -> Decimal:
    """Return an exact Decimal of a number as it was written; a float by its shortest text (0.1 is 0.1).

    Raises
    ------
    ValueError
        The text is no number, or the number is not finite.
    """
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is not a number")
    text = float.__repr__(value) if isinstance(value, float) else str(value).strip().replace(",", "")
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a number") from None
    if not number.is_finite():
        raise ValueError(f"{value!r} is not a finite number")
    return number


def to_float(value: Decimal) -> float:
    """Return the float nearest to `value`, for bars, indicators and pictures only."""
    return float(value)


def from_float(value: float, places: int) -> Decimal:
    """Return the Decimal of a float that stands for a price on a grid of so many decimals (a tick of a feed)."""
    return Decimal(f"{value:.{places}f}")


def round_to_tick(price: Decimal, tick: Decimal, to: RoundTo = RoundTo.NEAREST) -> Decimal:
    """Return the price on the grid of `tick` rupees nearest to `price` in the wanted direction (idempotent)."""
    if tick <= 0:
        raise ValueError(f"tick size must be positive, was {tick}")
    steps = (price / tick).quantize(Decimal(1), rounding=_ROUNDING[to])
    return (steps * tick).quantize(tick)


def on_tick(price: Decimal, tick: Decimal) -> bool:
    """Say whether `price` lies on the grid of `tick` rupees."""
    return price % tick == 0


def indian(value: Decimal | float, places: int = 2) -> str:
    """Return `value` with Indian grouping: 1204711.7 becomes ``12,04,711.70``."""
    number = Decimal(repr(value)) if isinstance(value, float) else value
    sign, digits = ("-", f"{-number:.{places}f}") if number < 0 else ("", f"{number:.{places}f}")
    whole, _, fraction = digits.partition(".")
    head, tail = whole[:-3], whole[-3:]
    groups = [tail]
    while head:
        groups.insert(0, head[-2:])
        head = head[:-2]
    return sign + ",".join(groups) + (f".{fraction}" if fraction else "")


def to_scaled(value: Decimal) -> int:
    """Return `value` rupees as a whole number of 1/100,000,000 rupees.

    Raises
    ------
    TypeError
        It is no Decimal: a float would smuggle in an error, an int hides what was meant.
    ValueError
        It is not finite, has more than eight decimals, or is 9,000 crore or more.
    """
    if not isinstance(value, Decimal):
        raise TypeError(f"money must be a Decimal, was {value!r}")
    if not value.is_finite() or abs(value) >= LIMIT:
        raise ValueError(f"money must be finite and below {LIMIT:,} rupees, was {value}")
    over, under = value.as_integer_ratio()
    scaled, rest = divmod(over * SCALE, under)
    if rest:
        raise ValueError(f"money is kept to {PLACES} decimals, {value} has more: round it first")
    return scaled


def from_scaled(scaled: int) -> Decimal:
    """Return the rupees of a scaled integer, with two decimals or as many more as it needs."""
    places = PLACES
    while places > 2 and scaled % 10 == 0:
        scaled, places = scaled // 10, places - 1
    return Decimal(scaled).scaleb(-places)
