"""The exchanges' own lists of shares, which carry the ISIN (wire.md E): NSE's EQUITY_L.csv and BSE's list of scrips.

They name no listing of ours: they say name and ISIN of those that brokers' masters brought. NSE's list has no token and no
ETF; a row of BSE's has BSE's token, the scrip code.
"""

from __future__ import annotations

from dataclasses import dataclass

from sigma.domain.instruments import Exchange
from sigma.ports.broker import AdapterContext
from sigma.ports.masters import MasterFile

NSE_URL = "https://nsearchives.nseindia.com/content/equities/EQUITY_L.csv"


@dataclass(frozen=True)
class ExchangeList:
    """One exchange's list of shares: a MasterSource. What reads it is loaded with the first use.

    Parameters
    ----------
    symbol, isin, name, series, token : str
        Which columns hold what; an empty series or token: none does.
    urls : tuple of str
        Public addresses; none for BSE, whose site gives the file to people only.
    """

    title: str
    exchange: Exchange
    symbol: str
    isin: str
    name: str
    series: str = ""
    token: str = ""
    urls: tuple[str, ...] = ()
    names: bool = False

    def download(self, context: AdapterContext) -> MasterFile:
        """Return the list, downloaded."""
        from sigma.adapters.masters import downloads

        return self.read(downloads(self.urls, context, self.title))

    def read(self, data: bytes) -> MasterFile:
        """Return the rows of the list; BrokerUnavailable when it is another file."""
        from sigma.adapters.exchanges.lists import read

        return read(self, data)


NSE = ExchangeList(
    title="NSE's list of shares",
    exchange=Exchange.NSE,
    symbol="SYMBOL",
    isin="ISIN NUMBER",
    name="NAME OF COMPANY",
    series="SERIES",
    urls=(NSE_URL,),
)
BSE = ExchangeList(
    title="BSE's list of scrips",
    exchange=Exchange.BSE,
    symbol="Security Id",
    isin="ISIN No",
    name="Security Name",
    token="Security Code",  # noqa: S106 - a column's name
)
