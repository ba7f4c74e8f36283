"""How SmartAPI names a security: its instrument master, and the way back from its tokens (wire.md E).

The master is one JSON list of rows whose every value is a string, with strikes and ticks in paise. It carries no ISIN.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import islice

from sigma.domain.instruments import Exchange, Kind
from sigma.simulator.securities import Security

MASTER_PATH = "/OpenAPI_File/files/OpenAPIScripMaster.json"
NO_STRIKE = "-1.000000"
# An index row has neither a strike nor a tick.
_BLANK = "0.000000"
_PAISE = 100
_SEARCH_ROWS = 50


def smart_token(security: Security) -> str:
    """Return the ``symboltoken``: the exchange's own, except for indices (99926000 and so on)."""
    return security.smart_token or security.exchange_token


def smart_symbol(security: Security) -> str:
    """Return the ``tradingsymbol``: ``SBIN-EQ`` on NSE, ``SBIN`` on BSE, ``NIFTY24FEB2625000CE`` for an option."""
    if security.kind is Kind.INDEX:
        return security.smart_symbol
    if security.expiry is not None:
        head = f"{security.name}{security.expiry:%d%b%y}".upper()
        return f"{head}FUT" if security.strike is None else f"{head}{_plain(security.strike)}{security.option_type}"
    return f"{security.symbol}-EQ" if security.exchange is Exchange.NSE and security.series == "EQ" else security.symbol


def smart_name(security: Security) -> str:
    """Return the ``name``: the bare symbol of a share, the underlying of a contract, the short word for an index."""
    if security.kind is Kind.INDEX:
        return security.smart_name
    if security.derivative:
        return security.name
    return security.symbol.removesuffix(f"-{security.series}")


def expiry_text(expiry: date | None) -> str:
    """Return an expiry as ``27FEB2026``, empty without one."""
    return "" if expiry is None else f"{expiry:%d%b%Y}".upper()


@dataclass(frozen=True, slots=True)
class Directory:
    """SmartAPI's table of one trading date: the master, and the way back from its tokens.

    Parameters
    ----------
    by_token : dict
        Securities by (exchange, token).
    indices : frozenset of str
        Listings that are indices; a contract on one is FUTIDX or OPTIDX, any other FUTSTK or OPTSTK.
    """

    by_token: dict[tuple[str, str], Security]
    indices: frozenset[str]

    @classmethod
    def of(cls, securities: Iterable[Security]) -> Directory:
        """Index `securities`."""
        table = {(security.exchange.value, smart_token(security)): security for security in securities}
        return cls(table, frozenset(row.listing for row in table.values() if row.kind is Kind.INDEX))

    def find(self, exchange: str, token: str) -> Security | None:
        """Return the security of a token on an exchange, None when there is none."""
        return self.by_token.get((exchange, token))

    def search(self, exchange: str, text: str) -> list[Security]:
        """Return the securities of `exchange` whose trading symbol starts with `text`, at most fifty."""
        wanted = text.upper()
        rows = (row for (segment, _), row in self.by_token.items() if segment == exchange)
        return list(islice((row for row in rows if smart_symbol(row).upper().startswith(wanted)), _SEARCH_ROWS))

    def instrument_type(self, security: Security) -> str:
        """Return the ``instrumenttype``: AMXIDX, FUTIDX, OPTSTK and the like; empty for a share."""
        if security.kind is Kind.INDEX:
            return "AMXIDX"
        if not security.derivative:
            return ""
        return ("FUT" if security.kind is Kind.FUTURE else "OPT") + ("IDX" if security.underlying in self.indices else "STK")

    def row(self, security: Security) -> dict[str, str]:
        """Return one row of the master."""
        index = security.kind is Kind.INDEX
        strike = NO_STRIKE if security.strike is None else _paise(security.strike)
        return {
            "token": smart_token(security),
            "symbol": smart_symbol(security),
            "name": smart_name(security),
            "expiry": expiry_text(security.expiry),
            "strike": _BLANK if index else strike,
            "lotsize": str(security.lot),
            "instrumenttype": self.instrument_type(security),
            "exch_seg": security.exchange.value,
            "tick_size": _BLANK if index else _paise(security.tick),
        }

    def master(self) -> bytes:
        """Return OpenAPIScripMaster.json as it is served."""
        return json.dumps([self.row(security) for security in self.by_token.values()], separators=(",", ":")).encode()


def _paise(rupees: Decimal) -> str:
    return f"{rupees * _PAISE:.6f}"


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
