"""`desk.instruments`: the instrument table."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pandas as pd

from sigma.desk import frames
from sigma.desk.cells import FLAG, MAYBE_WHOLE, NUMBER, TEXT, THING, facts, frame
from sigma.desk.masters import MastersDesk
from sigma.desk.words import amount, word
from sigma.domain.chain import Cycle, OptionChain, Strike
from sigma.domain.instruments import Exchange, Kind, Listing
from sigma.domain.money import to_float

CHAIN = {
    "strike": NUMBER,
    "call": TEXT,
    "put": TEXT,
    "call_lot": MAYBE_WHOLE,
    "put_lot": MAYBE_WHOLE,
    "call_freeze": MAYBE_WHOLE,
    "put_freeze": MAYBE_WHOLE,
    "expiry": THING,
}
EXPIRIES = {"expiry": THING, "cycle": TEXT, "exchange": TEXT, "futures": FLAG, "options": FLAG}
AT_BROKERS = {
    "broker": TEXT,
    "symbol": TEXT,
    "token": TEXT,
    "exchange_code": TEXT,
    "valid_from": THING,
    "valid_to": THING,
}


class InstrumentsDesk(MastersDesk):
    """Listings, under one name whichever broker they are reached through (``NSE:INFY``)."""

    def get(self, text: str) -> Listing:
        """Return the listing that a text means: ``NSE:INFY``, ``INFY``, ``NIFTY``, ``NSE:M_M``, ``NSE:NIFTY1!``."""
        return self._house.instruments.resolve(text, self._user_id)

    def find(self, text: str, *, exchange: str | None = None, kind: str | None = None, limit: int = 50) -> pd.DataFrame:
        """Return listings with all words of `text` in symbol or name, the likeliest first; columns: frames.LISTINGS."""
        where = None if exchange is None else word(Exchange, exchange, "exchange")
        what = None if kind is None else word(Kind, kind, "kind")
        return frames.listings(self._house.instruments.find(text, exchange=where, kind=what, limit=limit))

    def of_broker(
        self,
        broker: str,
        symbol: str | None = None,
        token: str | None = None,
        exchange: str | None = None,
        *,
        on: date | None = None,
    ) -> Listing:
        """Return the listing that a broker's symbol or token means; `on` is the trading date of a token (today)."""
        return self._house.instruments.of_broker(broker, symbol, token, exchange, on=on)

    def at_brokers(self, listing: str) -> pd.DataFrame:
        """Return how each broker names a listing; columns: AT_BROKERS (contracts are valid up to their expiry)."""
        rows = self._house.instruments.at_brokers(listing, self._user_id)
        return frame(AT_BROKERS, [facts(AT_BROKERS, row) for row in rows])

    def expiries(self, underlying: str, kind: str | None = None) -> pd.DataFrame:
        """Return the expiries of contracts on an underlying, from today on; `kind` is weekly or monthly; columns: EXPIRIES."""
        cycle = None if kind is None else word(Cycle, kind, "kind of expiry")
        name, exchange = self._house.instruments.underlying(underlying, self._user_id)
        rows = self._house.instruments.contracts.expiries(name, exchange, cycle)
        return frame(EXPIRIES, [facts(EXPIRIES, row, expiry=row.day) for row in rows])

    def chain(
        self, underlying: str, expiry: date | None = None, *, around: Decimal | float | str | None = None, strikes: int = 10
    ) -> pd.DataFrame:
        """Return the options of an expiry (the nearest) by strike; with `around` (rupees) so many on either side of it.

        Columns: CHAIN. ``attrs`` holds underlying, expiry and cycle.
        """
        found = self._chain(underlying, expiry)
        found = found if around is None else found.around(amount(around, "price"), strikes)
        table = frame(CHAIN, [_pair(row, found.expiry.day) for row in found.strikes])
        table.attrs = {"underlying": found.underlying, "expiry": found.expiry.day, "cycle": found.expiry.cycle.value}
        return table

    def atm(self, underlying: str, spot: Decimal | float, expiry: date | None = None) -> Strike:
        """Return call and put at the money: of the strike nearest to `spot` (rupees), of two equally near the lower."""
        return self._chain(underlying, expiry).atm(amount(spot, "price"))

    def futures(self, underlying: str) -> pd.DataFrame:
        """Return the futures on an underlying, the nearest first; columns: frames.LISTINGS."""
        return frames.listings(
            self._house.instruments.contracts.futures(*self._house.instruments.underlying(underlying, self._user_id))
        )

    def warning(self) -> str:
        """Say that the table is missing or old; empty when it is fit for use."""
        return self._house.instruments.warning()

    def _chain(self, underlying: str, expiry: date | None) -> OptionChain:
        name, exchange = self._house.instruments.underlying(underlying, self._user_id)
        return self._house.instruments.contracts.chain(name, exchange, expiry)


def _pair(row: Strike, expiry: date) -> dict[str, object]:
    call, put = row.call, row.put
    return {
        "strike": to_float(row.strike),
        "call": call and call.text,
        "put": put and put.text,
        "call_lot": call and call.lot_size,
        "put_lot": put and put.lot_size,
        "call_freeze": call and call.freeze_quantity,
        "put_freeze": put and put.freeze_quantity,
        "expiry": expiry,
    }
