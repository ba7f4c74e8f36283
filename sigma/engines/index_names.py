"""Other spellings of an index. One that is its canonical name up to case and blanks needs no line here."""

from __future__ import annotations

from collections.abc import Mapping

from sigma.domain.instruments import Exchange

INDEX_ALIASES: Mapping[tuple[Exchange, str], str] = {
    (Exchange.NSE, "NIFTY"): "NIFTY 50",
    (Exchange.NSE, "NIFTY50"): "NIFTY 50",
    (Exchange.NSE, "BANKNIFTY"): "NIFTY BANK",
    (Exchange.NSE, "NIFTYBANK"): "NIFTY BANK",
    (Exchange.NSE, "FINNIFTY"): "NIFTY FIN SERVICE",
    (Exchange.NSE, "NIFTY FINANCIAL SERVICES"): "NIFTY FIN SERVICE",
    (Exchange.NSE, "MIDCPNIFTY"): "NIFTY MID SELECT",
    (Exchange.NSE, "NIFTY MIDCAP SELECT"): "NIFTY MID SELECT",
    (Exchange.NSE, "NIFTYNXT50"): "NIFTY NEXT 50",
    (Exchange.NSE, "NIFTYNEXT50"): "NIFTY NEXT 50",
    (Exchange.NSE, "INDIAVIX"): "INDIA VIX",
    (Exchange.NSE, "VIX"): "INDIA VIX",
    (Exchange.BSE, "S&P BSE SENSEX"): "SENSEX",
    (Exchange.BSE, "BSE SENSEX"): "SENSEX",
    (Exchange.BSE, "SENSEX50"): "SNSX50",
}

# Charts write indices without blanks; these names no broker's master uses. Only what people type is read with them.
CHART_ALIASES: Mapping[tuple[Exchange, str], str] = {
    (Exchange.NSE, "NIFTYJR"): "NIFTY NEXT 50",
    (Exchange.NSE, "CNXIT"): "NIFTY IT",
    (Exchange.NSE, "CNXAUTO"): "NIFTY AUTO",
    (Exchange.NSE, "CNXPHARMA"): "NIFTY PHARMA",
    (Exchange.NSE, "CNXFMCG"): "NIFTY FMCG",
    (Exchange.NSE, "CNXMETAL"): "NIFTY METAL",
    (Exchange.NSE, "CNXREALTY"): "NIFTY REALTY",
    (Exchange.NSE, "CNXMEDIA"): "NIFTY MEDIA",
    (Exchange.NSE, "CNXENERGY"): "NIFTY ENERGY",
    (Exchange.NSE, "CNXINFRA"): "NIFTY INFRA",
    (Exchange.NSE, "CNXPSUBANK"): "NIFTY PSU BANK",
    (Exchange.NSE, "CNXFINANCE"): "NIFTY FIN SERVICE",
    (Exchange.NSE, "CNX100"): "NIFTY 100",
    (Exchange.NSE, "CNX200"): "NIFTY 200",
    (Exchange.NSE, "CNX500"): "NIFTY 500",
}


def index_names(exchange: Exchange, name: str) -> tuple[str, ...]:
    """Return the canonical index symbols that a name may stand for on an exchange; empty when it is no alias."""
    words = " ".join(name.upper().split())
    found = (table.get((exchange, words)) for table in (INDEX_ALIASES, CHART_ALIASES))
    return tuple(symbol for symbol in found if symbol is not None)
