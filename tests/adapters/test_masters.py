"""Both instrument masters, in the form and the scaling they have on the wire (wire.md E)."""

from __future__ import annotations

import json
import socket
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma.adapters.angelone import instruments as angelone
from sigma.adapters.zerodha import instruments as zerodha
from sigma.domain.errors import BrokerUnavailable
from sigma.domain.instruments import Exchange, Kind, MasterRow, OptionType
from sigma.engines.master_frame import rows_of
from sigma.ports.masters import MasterFile
from tests.adapters import raw_server
from tests.adapters.house import KITS, context
from tests.adapters.raw_server import RawServer, http

HEAD = ",".join(zerodha.COLUMNS)
KITE = [
    "779521,3045,SBIN,STATE BANK OF INDIA,0,,0,0.05,1,EQ,NSE,NSE",
    "1,2,ABCLTD-BE,ABC,0,,0,0.05,1,EQ,NSE,NSE",
    "3,4,BAJAJ-AUTO,BAJAJ AUTO,0,,0,0.05,1,EQ,NSE,NSE",
    "5,6,MCDOWELL-N,UNITED SPIRITS,0,,0,0.05,1,EQ,NSE,NSE",
    "128028676,500112,SBIN,STATE BANK OF INDIA,0,,0,0.05,1,EQ,BSE,BSE",
    "256265,1001,NIFTY 50,NIFTY 50,0,,0,0,0,EQ,INDICES,NSE",
    '12,13,ABCLTD26FEBFUT,"ABCLTD",0,2026-02-24,0,0.05,250,FUT,NFO-FUT,NFO',
    "14,15,NIFTY26FEB25000CE,NIFTY,0,2026-02-24,25000,0.05,75,CE,NFO-OPT,NFO",
    "16,17,NIFTY2621025050PE,NIFTY,0,2026-02-10,25050.5,0.05,75,PE,NFO-OPT,NFO",
    "18,19,BLANK,,,,,,,EQ,NSE,NSE",
]


def _smart(**changes: str) -> dict[str, str]:
    plain = {"token": "3045", "symbol": "SBIN-EQ", "name": "SBIN", "expiry": "", "strike": "-1.000000", "lotsize": "1"}
    return plain | {"instrumenttype": "", "exch_seg": "NSE", "tick_size": "5.000000"} | changes


OPTION = {"token": "41362", "name": "NIFTY", "expiry": "24FEB2026", "strike": "2500000.000000", "lotsize": "75"}
CURRENCY = {"name": "USDINR", "instrumenttype": "OPTCUR", "exch_seg": "CDS", "lotsize": "1000"}
SMART = [
    _smart(),
    _smart(token="2", symbol="ABCLTD-BE", name="ABCLTD"),
    _smart(token="4", symbol="BAJAJ-AUTO-EQ", name="BAJAJ-AUTO"),
    _smart(token="500112", symbol="SBIN", exch_seg="BSE"),
    _smart(token="99926000", symbol="Nifty 50", name="NIFTY", instrumenttype="AMXIDX", strike="0.000000", tick_size="0.000000"),
    _smart(**OPTION, symbol="NIFTY24FEB2625000CE", instrumenttype="OPTIDX", exch_seg="NFO"),
    _smart(token="13", symbol="ABCLTD24FEB26FUT", expiry="24FEB2026", lotsize="250", instrumenttype="FUTSTK", exch_seg="NFO"),
    _smart(token="9", symbol="USDINR26FEB83.5CE", expiry="26FEB2026", strike="835000000.000000") | CURRENCY,
]


def _split(master: MasterFile) -> tuple[dict[str, MasterRow], list[str]]:
    return {row.symbol: row for row in rows_of("one", master.rows)}, list(master.bad)


def test_kite_s_dump_is_read_in_rupees() -> None:
    rows, bad = _split(zerodha.read("\n".join([HEAD, *KITE]).encode()))
    assert bad == []
    (share,) = rows_of("zerodha", zerodha.read("\n".join([HEAD, KITE[0]]).encode()).rows)
    assert (share.token, share.exchange_token, share.exchange_code, share.kind) == ("779521", "3045", "NSE", Kind.EQUITY)
    assert (share.series, share.tick_size, share.lot_size, share.isin) == ("EQ", Decimal("0.05"), 1, None)
    assert [rows[name].series for name in ("ABCLTD-BE", "BAJAJ-AUTO", "MCDOWELL-N")] == ["BE", "EQ", "EQ"]
    assert (rows["SBIN"].exchange, rows["SBIN"].series) == (Exchange.BSE, "")
    assert (rows["NIFTY 50"].kind, rows["NIFTY 50"].series) == (Kind.INDEX, "")
    future, call, put = rows["ABCLTD26FEBFUT"], rows["NIFTY26FEB25000CE"], rows["NIFTY2621025050PE"]
    assert (future.kind, future.underlying, future.expiry, future.strike) == (Kind.FUTURE, "ABCLTD", date(2026, 2, 24), None)
    assert (call.strike, call.option_type, call.lot_size) == (Decimal(25000), OptionType.CALL, 75)
    assert (put.strike, put.option_type) == (Decimal("25050.5"), OptionType.PUT)


def test_blank_numbers_do_not_crash_kite_s_dump_as_they_crash_the_client() -> None:
    rows, _ = _split(zerodha.read("\n".join([HEAD, *KITE]).encode()))
    assert (rows["BLANK"].lot_size, rows["BLANK"].tick_size) == (1, 0)


def test_a_line_that_cannot_be_read_is_named_and_foreign_exchanges_are_counted() -> None:
    lines = [
        HEAD,
        KITE[0],
        "x,1,ODD,,0,,0,0.05,1,EQ,NSE,NSE",
        "1,1,ODD2,,0,,0,0.05,1,SPOT,NSE,NSE",
        "1,1,A,,0,,0,0,1,EQ,X,NSEIX",
        "1",
    ]
    rows, bad = _split(zerodha.read("\n".join(lines).encode()))
    assert list(rows) == ["SBIN"]
    assert [text.split(":")[0] for text in bad[:2]] == ["line 3 (ODD)", "line 4 (ODD2)"]
    assert "1 rows of exchange 'NSEIX'" in bad[2]


@pytest.mark.parametrize("text", ["", "<html>busy</html>", "a,b,c\n1,2,3"])
def test_what_is_no_dump_is_refused_as_a_whole(text: str) -> None:
    with pytest.raises(BrokerUnavailable):
        zerodha.read(text.encode())


def test_smartapi_s_master_is_scaled_to_rupees() -> None:
    rows, bad = _split(angelone.read(json.dumps(SMART).encode()))
    assert bad == []
    assert (rows["SBIN-EQ"].series, rows["SBIN-EQ"].tick_size, rows["SBIN-EQ"].strike) == ("EQ", Decimal("0.05"), None)
    assert (rows["ABCLTD-BE"].series, rows["BAJAJ-AUTO-EQ"].series) == ("BE", "EQ")
    assert (rows["SBIN"].exchange, rows["SBIN"].series) == (Exchange.BSE, "")
    assert (rows["Nifty 50"].kind, rows["Nifty 50"].token) == (Kind.INDEX, "99926000")
    call, future = rows["NIFTY24FEB2625000CE"], rows["ABCLTD24FEB26FUT"]
    assert (call.strike, call.expiry, call.option_type, call.underlying) == (
        Decimal(25000),
        date(2026, 2, 24),
        OptionType.CALL,
        "NIFTY",
    )
    assert (future.kind, future.strike, future.lot_size) == (Kind.FUTURE, None, 250)
    assert rows["USDINR26FEB83.5CE"].strike == Decimal("83.5")


def test_both_masters_join_on_exchange_and_token() -> None:
    kite, _ = _split(zerodha.read("\n".join([HEAD, KITE[0]]).encode()))
    smart, _ = _split(angelone.read(json.dumps(SMART).encode()))
    assert kite["SBIN"].exchange_token == smart["SBIN-EQ"].exchange_token == "3045"


def test_rows_of_smartapi_that_cannot_be_read_are_named_and_what_is_not_ours_is_counted() -> None:
    odd = [
        _smart(symbol="A-EQ", lotsize="many"),
        _smart(**OPTION, symbol="NIFTYXX", instrumenttype="OPTIDX", exch_seg="NFO"),
        _smart(symbol="B", exch_seg="NCDEX"),
        _smart(symbol="C", exch_seg="NCDEX"),
        _smart(symbol="GOLD", exch_seg="MCX", instrumenttype="COMDTY"),
        _smart(symbol="D", token=""),
    ]
    rows, bad = _split(angelone.read(json.dumps([*odd, _smart()]).encode()))
    assert list(rows) == ["SBIN-EQ"]
    assert [text.split(":")[0] for text in bad] == [
        "row 1 (A-EQ)",
        "row 2 (NIFTYXX)",
        "row 6 (D)",
        "2 rows of exchange NCDEX left out",
        "1 rows of MCX COMDTY left out",
    ]


@pytest.mark.parametrize("text", ["", "{}", "busy", json.dumps(SMART)[:-40], json.dumps(SMART)[:-1], "[", "[1,"])
def test_a_master_that_is_cut_short_is_refused_as_a_whole(text: str) -> None:
    with pytest.raises(BrokerUnavailable):
        angelone.read(text.encode())


@given(st.decimals(min_value="0.05", max_value="999999", places=2))
def test_a_strike_in_paise_is_the_strike_in_rupees(strike: Decimal) -> None:
    row = _smart(**(OPTION | {"strike": f"{strike * 100:.6f}"}), symbol="X24FEB26CE", instrumenttype="OPTSTK", exch_seg="NFO")
    (found,) = rows_of("angelone", angelone.read(json.dumps([row]).encode()).rows)
    assert found.strike == strike


def cut_short(sock: socket.socket) -> None:
    """Send half of a list, then nothing."""
    sock.sendall(http(200, "[", length=99))
    raw_server.close(sock)


@pytest.mark.parametrize("broker", sorted(KITS))
@pytest.mark.parametrize("answer", [raw_server.reset, http(503, "busy", "text/html"), cut_short, http(302, "", "text/html")])
def test_a_master_that_does_not_arrive_is_an_error_of_ours(broker: str, answer: object) -> None:
    with RawServer([answer]) as server, pytest.raises(BrokerUnavailable):
        KITS[broker].master({"api_key": "k"}, None, context(server.url))


@pytest.mark.filterwarnings("ignore:ssl.OP_NO:DeprecationWarning")
def test_the_address_of_the_master_can_be_another_than_the_broker_s() -> None:
    with RawServer([http(200, json.dumps(SMART))]) as server:
        rows, _ = _split(KITS["angelone"].master({}, None, context("http://127.0.0.1:9", master_url=f"{server.url}/list.json")))
        assert (server.requests[0].path, len(rows)) == ("/list.json", len(SMART))
    with RawServer([http(200, "\n".join([HEAD, *KITE]), "text/csv")]) as server:
        rows, _ = _split(KITS["zerodha"].master({"api_key": "k"}, None, context("http://127.0.0.1:9", master_url=server.url)))
        assert (server.requests[0].path, len(rows)) == ("/instruments", len(KITE) - 1)
