"""Fyers: so far its public symbol masters, which need no account and carry ISINs."""

from __future__ import annotations

from sigma.ports.broker import AdapterContext
from sigma.ports.masters import MasterFile

URLS = ("https://public.fyers.in/sym_details/NSE_CM.csv", "https://public.fyers.in/sym_details/BSE_CM.csv")


class FyersMaster:
    """A MasterSource: one file for each exchange. What reads it is loaded with the first use."""

    title = "Fyers' symbol master"
    names = True
    urls = URLS

    def download(self, context: AdapterContext) -> MasterFile:
        """Return the files of both exchanges."""
        from sigma.adapters.masters import downloads

        return self.read(downloads(URLS, context, self.title))

    def read(self, data: bytes) -> MasterFile:
        """Return the rows of one file (or of several, one behind the other); BrokerUnavailable when it is none."""
        from sigma.adapters.fyers.instruments import read

        return read(data)


SOURCE = FyersMaster()
