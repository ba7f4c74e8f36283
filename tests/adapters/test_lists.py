"""Public lists that need no account: Fyers' symbol masters, NSE's and BSE's lists; and files as people save them."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal

import pytest

from bench import masters as big
from sigma.adapters import angelone, exchanges, fyers, masters, zerodha
from sigma.adapters.zerodha import instruments as kite
from sigma.bootstrap import SOURCES, endpoints, reachable
from sigma.domain.errors import BrokerUnavailable
from sigma.domain.instruments import Exchange, Kind
from sigma.engines.master_frame import rows_of
from sigma.ports.masters import MasterSource
from tests.adapters.house import context
from tests.adapters.raw_server import RawServer, http


def row(token: str, details: str, kind: int, isin: str, ticker: str, scrip: str, exchange: int = 10, segment: int = 10) -> str:
    """A line of 21 cells; the last nine are the same in all of these."""
    head = f"{token},{details},{kind},1,{'0.01' if kind == 9 else '0.05'},{isin},0915-1530|1815-1915:,2026-11-20,,{ticker}"
    return f"{head},{exchange},{segment},{scrip},{details},{scrip},-1.0,XX,{token},None,0,0.0"


FYERS = [
    row("101000000003045", "STATE BANK OF INDIA", 0, "INE062A01020", "NSE:SBIN-EQ", "3045"),
    row("101000000010576", "NIPPON INDIA ETF NIFTY BEES", 9, "INF204KB14I2", "NSE:NIFTYBEES-EQ", "10576"),
    row("101000000026000", "NIFTY50-INDEX", 10, "", "NSE:NIFTY50-INDEX", "26000"),
    row("101000000000777", "ABC LTD", 0, "INE000A01020", "NSE:ABCLTD-BE", "777"),
    row("1210000000500112", "STATE BANK OF INDIA", 0, "INE062A01020", "BSE:SBIN-A", "500112", 12),
    row("1011000000041362", "NIFTY 24 NOV", 14, "", "NSE:NIFTY26NOVFUT", "41362", segment=11),
    row("10x", "ODD", 0, "", "NSE:ODD-EQ", "9"),
]
NSE = "\n".join(
    [
        "SYMBOL,NAME OF COMPANY, SERIES, DATE OF LISTING, PAID UP VALUE, MARKET LOT, ISIN NUMBER, FACE VALUE",
        "SBIN,State Bank of India,EQ,01-MAR-1995,1,1,INE062A01020,1",
        "ABCLTD,Abc Ltd,BE,01-MAR-1995,1,1,INE000A01020,1",
        "ODD,Odd Ltd,EQ,01-MAR-1995,1,1,none,1",
    ]
)
BSE = "\n".join(
    [
        "Security Code,Issuer Name,Security Id,Security Name,Status,Group,Face Value,ISIN No,Instrument",
        "500112,STATE BANK OF INDIA,SBIN,State Bank of India,Active,A ,1.00,INE062A01020,Equity,,,,,",
    ]
)


def test_fyers_symbol_master_tells_isins_etfs_and_indices() -> None:
    found = fyers.SOURCE.read("\n".join(FYERS).encode())
    rows = {row.symbol: row for row in rows_of("fyers", found.rows)}
    share, etf, index = rows["SBIN-EQ"], rows["NIFTYBEES-EQ"], rows["NIFTY50"]
    assert (share.token, share.exchange_token, share.isin) == ("101000000003045", "3045", "INE062A01020")
    assert (share.kind, share.series, share.tick_size, share.lot_size) == (Kind.EQUITY, "EQ", Decimal("0.05"), 1)
    assert (etf.kind, etf.tick_size, rows["ABCLTD-BE"].series) == (Kind.ETF, Decimal("0.01"), "BE")
    assert (index.kind, index.isin, index.series) == (Kind.INDEX, None, "")
    assert (rows["SBIN-A"].exchange, rows["SBIN-A"].exchange_token) == (Exchange.BSE, "500112")
    assert found.bad == ("line 7 (ODD-EQ): fytoken is '10x'", "1 rows of exchange 10 segment 11 left out: not supported")
    assert found.covers == {"NSE", "BSE"}
    assert fyers.SOURCE.read(FYERS[0].encode()).covers == {"NSE"}


def test_nse_s_list_tells_isins_by_symbol_and_series() -> None:
    found = exchanges.NSE.read(NSE.encode())
    rows = rows_lists(found.rows)
    assert rows == [("SBIN", "EQ", "", "INE062A01020", "State Bank of India"), ("ABCLTD", "BE", "", "INE000A01020", "Abc Ltd")]
    assert found.bad == ("line 4 (ODD): its ISIN is 'none'",)


def test_bse_s_list_tells_isins_by_scrip_code() -> None:
    found = exchanges.BSE.read(b"\xef\xbb\xbf" + BSE.encode())
    assert rows_lists(found.rows) == [("SBIN", "", "500112", "INE062A01020", "State Bank of India")]


def rows_lists(frame: object) -> list[tuple[object, ...]]:
    return frame.select("symbol", "series", "exchange_token", "isin", "name").rows()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("source", SOURCES.values(), ids=list(SOURCES))
@pytest.mark.parametrize("data", [b"", b"<html>busy</html>", b"a,b,c\n1,2,3", b'a,"b\n1'])
def test_what_is_another_file_is_refused_as_a_whole(source: MasterSource, data: bytes) -> None:
    with pytest.raises(BrokerUnavailable):
        source.read(data)


def test_lists_come_from_their_address_or_from_another_that_is_given() -> None:
    with RawServer([http(200, "\n".join(FYERS[:4]), "text/csv"), http(200, FYERS[4], "text/csv")]) as server:
        given = context("", master_url=f"{server.url}/NSE_CM.csv, {server.url}/BSE_CM.csv")
        assert fyers.SOURCE.download(given).covers == {"NSE", "BSE"}
        assert [request.path for request in server.requests] == ["/NSE_CM.csv", "/BSE_CM.csv"]
    with RawServer([http(503, "busy", "text/html")]) as server, pytest.raises(BrokerUnavailable, match="HTTP 503"):
        exchanges.NSE.download(context("", master_url=server.url))


def test_on_a_simulated_exchange_nothing_is_fetched_from_the_world_unasked() -> None:
    assert reachable({}) == ("fyers", "nse")
    simulated = {"SIGMA_CLOCK_URL": "http://127.0.0.1:1"}
    assert reachable(simulated) == ()
    assert reachable(simulated | {"SIGMA_NSE_MASTER_URL": "http://127.0.0.1:1/list.csv"}) == ("nse",)
    assert endpoints({"SIGMA_BSE_MASTER_URL": "http://x"})["bse"].master_url == "http://x"


def test_a_saved_dump_may_be_in_gzip_and_one_cut_short_is_refused() -> None:
    dump = gzip.compress(",".join(kite.COLUMNS).encode() + b"\n779521,3045,SBIN,STATE BANK,0,,0,0.05,1,EQ,NSE,NSE\n")
    assert zerodha.KIT.read_master(dump).rows["symbol"].to_list() == ["SBIN"]
    with pytest.raises(BrokerUnavailable, match="cut short or damaged"):
        zerodha.KIT.read_master(dump[:-9])


def test_a_file_that_swells_beyond_all_measure_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masters, "MOST_BYTES", 1000)
    with pytest.raises(BrokerUnavailable, match="absurdly large"):
        zerodha.KIT.read_master(gzip.compress(b"x" * 2000))


def test_smartapi_s_list_in_another_layout_is_the_same_list() -> None:
    compact = big.smart(big.table(rows=400), 420)
    spread = json.dumps([*json.loads(compact), 7], indent=1).encode()
    found = angelone.KIT.read_master(spread)
    assert found.rows.equals(angelone.KIT.read_master(compact).rows)
    assert found.bad[0].startswith("row 421 (7)")


def test_thousands_of_odd_rows_are_counted_and_some_named() -> None:
    lines = [",".join(kite.COLUMNS), *[f"x,1,ODD{number},,0,,0,0.05,1,EQ,NSE,NSE" for number in range(1000)]]
    found = zerodha.KIT.read_master("\n".join(lines).encode())
    assert len(found.bad) == masters.MOST_BAD + 1
    assert found.bad[-1] == "and 800 rows more that cannot be read"


def test_masters_of_the_market_s_kinds_are_read_without_a_complaint() -> None:
    table = big.table(rows=3000)
    ours, theirs = zerodha.KIT.read_master(big.kite(table)), angelone.KIT.read_master(big.smart(table, 3000))
    assert (ours.rows.height, ours.bad, theirs.rows.height, theirs.bad) == (3000, (), 3000, ())
    money = ["exchange_token", "exchange", "tick_size", "strike", "expiry", "option_type"]
    tradable = ours.rows.filter(ours.rows["kind"] != "INDEX").select(money).sort(money)
    assert tradable.equals(theirs.rows.filter(theirs.rows["kind"] != "INDEX").select(money).sort(money))


def test_a_name_that_no_database_can_keep_is_mended() -> None:
    line = "779521,3045,SB\0IN,STATE\0BANK,0,,0,0.05,1,EQ,NSE,NSE"
    found = zerodha.KIT.read_master("\n".join([",".join(kite.COLUMNS), line]).encode())
    assert found.rows.select("symbol", "name").rows() == [("SB�IN", "STATE�BANK")]
