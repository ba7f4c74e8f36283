"""Option chains, futures and expiries of an underlying, from the instrument table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sigma.domain.chain import Cycle, Expiry, OptionChain, by_strike, monthly
from sigma.domain.errors import NotFound
from sigma.domain.instruments import Exchange, Kind, Listing
from sigma.domain.times import ist_date
from sigma.engines.symbols import ChartContract, ContinuousFuture, MonthFuture
from sigma.ports.clock import Clock
from sigma.ports.market_store import MarketStore
from sigma.services.listings import ListingLookup


class Contracts:
    """Contracts by what they are written on: the canonical text of an index or share, or the plain name of a commodity.

    A contract counts until the end of its expiry's day in India.
    """

    def __init__(self, market: MarketStore, clock: Clock, lookup: ListingLookup) -> None:
        self._market = market
        self._clock = clock
        self._lookup = lookup

    def exchanges(self, underlying: str) -> tuple[Exchange, ...]:
        """Return where contracts on an underlying are listed."""
        return tuple(dict.fromkeys(exchange for exchange, _, _ in self._all(underlying)))

    def expiries(self, underlying: str, exchange: Exchange, cycle: Cycle | None = None) -> tuple[Expiry, ...]:
        """Return the expiries from today on, the nearest first."""
        rows = [(kind, day) for where, kind, day in self._all(underlying) if where is exchange]
        last, today = monthly([day for _, day in rows]), ist_date(self._clock.now())
        found = []
        for day in sorted({day for _, day in rows if day >= today}):
            kinds = {kind for kind, other in rows if other == day}
            which = Cycle.MONTHLY if day in last else Cycle.WEEKLY
            found.append(Expiry(day, exchange, which, futures=Kind.FUTURE in kinds, options=Kind.OPTION in kinds))
        return tuple(each for each in found if cycle in (None, each.cycle))

    def futures(self, underlying: str, exchange: Exchange) -> tuple[Listing, ...]:
        """Return the futures that have not expired, the nearest first."""
        key, today = ("futures", underlying, exchange), ist_date(self._clock.now())
        found = self._lookup.cache.get(key, lambda: tuple(self._market.futures(underlying, exchange)) or None)
        return tuple(row for row in found or () if row.expiry is not None and row.expiry >= today)

    def chain(self, underlying: str, exchange: Exchange, expiry: date | None = None) -> OptionChain:
        """Return the options of an expiry, of the nearest when None.

        Raises
        ------
        NotFound
            No options are listed on it, or none with that expiry; the hint names the expiries there are.
        """
        days = [each for each in self.expiries(underlying, exchange) if each.options]
        chosen = next((each for each in days if expiry in (None, each.day)), None)
        if chosen is None:
            what = f"There are no options on {underlying} on {exchange.value}"
            told = ", ".join(each.day.isoformat() for each in days[:6])
            if not days:
                raise NotFound(f"{what}.", hint="Options are listed on indices, some shares, currencies and commodities.")
            raise NotFound(f"{what} that expire on {expiry}.", hint=f"Expiries: {told}{', …' if len(days) > 6 else ''}.")
        key = ("chain", underlying, exchange, chosen.day)
        strikes = self._lookup.cache.get(key, lambda: by_strike(self._market.chain(underlying, exchange, chosen.day)))
        return OptionChain(underlying, chosen, strikes)

    def of_chart(self, contract: ChartContract, underlying: str, exchange: Exchange) -> Listing | None:
        """Return the contract that a chart means, None when it is not listed."""
        if isinstance(contract, ContinuousFuture):
            rows = self.futures(underlying, exchange)
            return rows[contract.place - 1] if len(rows) >= contract.place else None
        if isinstance(contract, MonthFuture):
            rows = self.futures(underlying, exchange)
            wanted = (contract.year, contract.month)
            return next((row for row in rows if row.expiry and (row.expiry.year, row.expiry.month) == wanted), None)
        if not any(each.day == contract.expiry and each.options for each in self.expiries(underlying, exchange)):
            return None
        pair = {each.strike: each for each in self.chain(underlying, exchange, contract.expiry).strikes}.get(contract.strike)
        options = () if pair is None else (pair.call, pair.put)
        return next((row for row in options if row is not None and row.option_type is contract.option_type), None)

    def _all(self, underlying: str) -> Sequence[tuple[Exchange, Kind, date]]:
        return self._lookup.cache.get(("expiries", underlying), lambda: self._market.expiries(underlying) or None) or ()
