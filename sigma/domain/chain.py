"""Contracts on one underlying: expiries, and the options of an expiry by strike."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from sigma.domain.errors import InvalidInput
from sigma.domain.instruments import Exchange, Listing, OptionType


class Cycle(StrEnum):
    """How an expiry recurs."""

    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"


@dataclass(frozen=True, slots=True)
class Expiry:
    """A day on which contracts on an underlying expire: a month's last one is its monthly one, any other a weekly one."""

    day: date
    exchange: Exchange
    cycle: Cycle
    futures: bool
    options: bool


@dataclass(frozen=True, slots=True)
class Strike:
    """The call and the put of one strike (rupees); None where only the other is listed."""

    strike: Decimal
    call: Listing | None
    put: Listing | None


@dataclass(frozen=True, slots=True)
class OptionChain:
    """All options on an underlying that expire together, by strike, lowest first."""

    underlying: str
    expiry: Expiry
    strikes: tuple[Strike, ...]

    def atm(self, spot: Decimal) -> Strike:
        """Return the strike at the money: the one nearest to `spot` (rupees), of two equally near the lower.

        Raises
        ------
        InvalidInput
            `spot` is no price.
        """
        return self.strikes[self._nearest(spot)]

    def around(self, spot: Decimal, strikes: int) -> OptionChain:
        """Return the strike at the money with so many on either side, fewer at the ends.

        Raises
        ------
        InvalidInput
            `spot` is no price, or `strikes` is negative.
        """
        if strikes < 0:
            raise InvalidInput(f"{strikes} is no number of strikes.", hint="Write 0 for the one at the money alone.")
        middle = self._nearest(spot)
        return OptionChain(self.underlying, self.expiry, self.strikes[max(0, middle - strikes) : middle + strikes + 1])

    def _nearest(self, spot: Decimal) -> int:
        if not spot.is_finite() or spot <= 0:
            raise InvalidInput(f"{spot} is no price to look for strikes around.")
        above = bisect_left(self.strikes, spot, key=lambda each: each.strike)
        near = [place for place in (above - 1, above) if 0 <= place < len(self.strikes)]
        return min(near, key=lambda place: abs(self.strikes[place].strike - spot))


def by_strike(options: Iterable[Listing]) -> tuple[Strike, ...]:
    """Return options as calls and puts by strike, lowest first."""
    pairs: dict[Decimal, dict[OptionType, Listing]] = {}
    for option in options:
        if option.strike is not None and option.option_type is not None:
            pairs.setdefault(option.strike, {})[option.option_type] = option
    return tuple(Strike(strike, pair.get(OptionType.CALL), pair.get(OptionType.PUT)) for strike, pair in sorted(pairs.items()))


def monthly(days: Sequence[date]) -> frozenset[date]:
    """Return those of some expiries that are their month's last."""
    last: dict[tuple[int, int], date] = {}
    for day in sorted(days):
        last[day.year, day.month] = day
    return frozenset(last.values())
