"""Kite's instrument master: CSV columns, tokens and segments (wire.md E)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from sigma.domain.instruments import Exchange, Kind
from sigma.simulator.kite_wire import number
from sigma.simulator.securities import Security, Universe

COLUMNS = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,"
    "instrument_type,segment,exchange"
)
_SEGMENT_NUMBERS = {Exchange.NSE: 1, Exchange.NFO: 2, Exchange.BSE: 4, Exchange.BFO: 5}
_INDEX_NUMBER = 9


def instrument_token(security: Security) -> int:
    """Return Kite's number of a security: exchange token times 256 plus the segment's number."""
    segment = _INDEX_NUMBER if security.kind is Kind.INDEX else _SEGMENT_NUMBERS[security.exchange]
    return int(security.exchange_token) * 256 + segment


def instrument_type(security: Security) -> str:
    """Return EQ, FUT, CE or PE; ETFs and indices are EQ too."""
    if security.option_type is not None:
        return security.option_type.value
    return "FUT" if security.kind is Kind.FUTURE else "EQ"


def segment(security: Security) -> str:
    """Return the segment's word: NSE, BSE, INDICES, NFO-FUT or NFO-OPT."""
    if security.kind is Kind.INDEX:
        return "INDICES"
    if security.kind is Kind.FUTURE:
        return f"{security.exchange}-FUT"
    return f"{security.exchange}-OPT" if security.kind is Kind.OPTION else security.exchange.value


class KiteMaster:
    """Lookups and the CSV of the day, made once per trading date."""

    def __init__(self, universe: Universe) -> None:
        self._universe = universe
        self._day: date | None = None
        self._tokens: dict[int, Security] = {}
        self._csv: dict[str, bytes] = {}

    def by_token(self, token: int) -> Security | None:
        """Return the security of an instrument token."""
        self._refresh()
        return self._tokens.get(token)

    def csv(self, exchange: str = "") -> bytes | None:
        """Return the master of one exchange, or all of it; None for an unknown exchange.

        `last_price` is 0 as in the real file, and no number is ever blank: the official parser crashes on one [V].
        """
        self._refresh()
        known = {security.exchange.value for security in self._tokens.values()}
        if exchange and exchange not in known:
            return None
        if exchange not in self._csv:
            rows = (row for row in self._tokens.values() if exchange in ("", row.exchange.value))
            self._csv[exchange] = _csv(rows)
        return self._csv[exchange]

    def _refresh(self) -> None:
        if self._day != self._universe.day:
            self._day = self._universe.day
            self._tokens = {instrument_token(security): security for security in self._universe}
            self._csv = {}


def _csv(securities: Iterable[Security]) -> bytes:
    lines = [COLUMNS, *(_line(security) for security in securities)]
    return ("\n".join(lines) + "\n").encode()


def _line(security: Security) -> str:
    index = security.kind is Kind.INDEX
    cells = (
        instrument_token(security), security.exchange_token, security.symbol, _quoted(security.name), 0,
        security.expiry.isoformat() if security.expiry else "", number(security.strike or 0),
        0 if index else number(security.tick), 0 if index else security.lot,
        instrument_type(security), segment(security), security.exchange.value,
    )  # fmt: skip
    return ",".join(str(cell) for cell in cells)


def _quoted(text: str) -> str:
    return f'"{text}"' if "," in text else text
