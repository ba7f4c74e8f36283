"""The SmartAPI door's bytes and shapes against wire.md B2, D and E: written down here, taken from no table of ours."""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from sigma.domain.instruments import Kind
from tests.simulator.smartapi_client import SmartBench, client, infy, placed, row

SECURE = "/rest/secure/angelbroking"
ORDER_NUMBERS = {"price", "triggerprice", "squareoff", "stoploss", "trailingstoploss", "strikeprice", "averageprice"}
ORDER_KEYS = """
    algoID variety ordertype producttype duration price triggerprice quantity disclosedquantity squareoff stoploss
    trailingstoploss tradingsymbol transactiontype exchange symboltoken ordertag instrumenttype strikeprice optiontype
    expirydate lotsize cancelsize averageprice filledshares unfilledshares orderid text status orderstatus updatetime exchtime
    exchorderupdatetime fillid filltime parentorderid uniqueorderid exchangeorderid
"""
RMS_KEYS = """
    net availablecash availableintradaypayin availablelimitmargin collateral m2munrealized m2mrealized utiliseddebits
    utilisedspan utilisedoptionpremium utilisedholdingsales utilisedexposure utilisedturnover utilisedpayout
"""
HOLDING_KEYS = """
    tradingsymbol exchange isin t1quantity realisedquantity quantity authorisedquantity product collateralquantity
    collateraltype haircut averageprice ltp symboltoken close profitandloss pnlpercentage
"""
POSITION_KEYS = """
    symboltoken producttype buyqty sellqty buyamount sellamount cfbuyqty cfsellqty netqty netprice avgnetprice
    totalbuyavgprice totalsellavgprice netvalue boardlotsize multiplier priceden pricenum genden gennum ltp close realised
    unrealised pnl exchange tradingsymbol
"""
FULL_KEYS = """
    exchange tradingSymbol symbolToken ltp open high low close lastTradeQty exchFeedTime exchTradeTime netChange
    percentChange avgPrice tradeVolume opnInterest lowerCircuit upperCircuit totBuyQuan totSellQuan 52WeekLow 52WeekHigh depth
"""
STAMP = re.compile(r"\d\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d")


class _Recorder(socketserver.ThreadingTCPServer):
    """Keeps the raw request and answers an empty success."""

    daemon_threads = True

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        super().__init__(("127.0.0.1", 0), _Keep)


class _Keep(socketserver.StreamRequestHandler):
    server: _Recorder

    def handle(self) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.rfile.readline()
        length = re.search(rb"Content-Length: (\d+)", head)
        self.server.seen.append(head + self.rfile.read(int(length[1]) if length else 0))
        body = b'{"status":true,"message":"SUCCESS","errorcode":"","data":null}'
        self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Recorder]:
    """A port that only listens."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with _Recorder() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def recorded(recorder: _Recorder, api: Any, call: str, *arguments: Any) -> tuple[str, dict[str, str], bytes]:
    """Return request line, headers and body of what the client sends."""
    getattr(api, call)(*arguments)
    head, _, body = recorder.seen[-1].partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return first, dict(line.split(": ", 1) for line in lines), body


def test_the_client_sends_the_requests_that_wire_md_describes(recorder: _Recorder) -> None:
    api = client(f"http://127.0.0.1:{recorder.server_address[1]}")
    api.setAccessToken("JWT")
    line, headers, _ = recorded(recorder, api, "orderBook")
    assert line == f"GET {SECURE}/order/v1/getOrderBook?%7B%7D HTTP/1.1"
    assert headers["Content-type"] == headers["Accept"] == "application/json"
    assert (headers["X-PrivateKey"], headers["X-UserType"], headers["X-SourceID"]) == ("smartkey", "USER", "WEB")
    assert {"X-ClientLocalIP", "X-ClientPublicIP", "X-MACAddress"} < headers.keys()
    assert headers["Authorization"] == "Bearer JWT"
    line, _, _ = recorded(recorder, api, "getProfile", "R")
    assert line == f"GET {SECURE}/user/v1/getProfile?%7B%22refreshToken%22:%20%22R%22%7D HTTP/1.1"
    line, _, body = recorded(recorder, api, "cancelOrder", "260211000100001", "NORMAL")
    assert (line, body) == (
        f"POST {SECURE}/order/v1/cancelOrder HTTP/1.1",
        b'{"variety": "NORMAL", "orderid": "260211000100001"}',
    )
    line, _, body = recorded(recorder, api, "placeOrderFullResponse", infy(ordertag="T"))
    assert line == f"POST {SECURE}/order/v1/placeOrder HTTP/1.1"
    assert body == (
        b'{"variety": "NORMAL", "tradingsymbol": "INFY-EQ", "symboltoken": "1594", "transactiontype": "BUY", "exchange": "NSE", '
        b'"ordertype": "LIMIT", "producttype": "INTRADAY", "duration": "DAY", "price": "1500.00", "squareoff": "0", '
        b'"stoploss": "0", "quantity": "5", "ordertag": "T"}'
    )
    line, _, body = recorded(recorder, api, "getMarketData", "LTP", {"NSE": ["3045"]})
    assert (line, body) == (f"POST {SECURE}/market/v1/quote HTTP/1.1", b'{"mode": "LTP", "exchangeTokens": {"NSE": ["3045"]}}')


def test_golden_answers_byte_for_byte(bench: SmartBench, api: Any) -> None:
    empty = b'{"status":true,"message":"SUCCESS","errorcode":"","data":null}'
    for path in ("order/v1/getOrderBook?%7B%7D", "order/v1/getTradeBook", "order/v1/getPosition?x=1"):
        assert bench.call(api, "GET", path).content == empty
    reply = bench.call(api, "GET", "order/v1/getOrderBook", headers={"Authorization": "Bearer x"})
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "application/json")
    assert reply.content == b'{"success":false,"message":"Invalid Token","errorCode":"AG8001","data":""}'
    reply = bench.call(api, "POST", "order/v1/cancelOrder", json={"variety": "NORMAL", "orderid": "1"})
    assert reply.content == b'{"status":false,"message":"Order not found","errorcode":"AB1013","data":null}'
    bench.post("price", {"listing": "NSE:SBIN", "price": 870.0, "hold": True, "rebase": True})
    reply = bench.call(api, "POST", "market/v1/quote/", json={"mode": "LTP", "exchangeTokens": {"NSE": ["3045"]}})
    assert reply.content == (
        b'{"status":true,"message":"SUCCESS","errorcode":"","data":{"fetched":[{"exchange":"NSE","tradingSymbol":"SBIN-EQ",'
        b'"symbolToken":"3045","ltp":870.0}],"unfetched":[]}}'
    )


def test_an_order_row_has_the_real_keys_and_the_real_mixture_of_types(bench: SmartBench, api: Any) -> None:
    bench.price("NSE:INFY", "1500")
    for found in (row(api, placed(api)), row(api, placed(api, price="1400")), row(api, placed(api, price="9000"))):
        assert list(found) == ORDER_KEYS.split()
        assert {name for name, value in found.items() if isinstance(value, float)} == ORDER_NUMBERS
        assert all(isinstance(value, float if name in ORDER_NUMBERS else str) for name, value in found.items())
        assert (found["algoID"], found["strikeprice"], found["symboltoken"]) == ("99999", -1.0, "1594")
        assert all(STAMP.fullmatch(found[name]) for name in ("updatetime",))
    assert STAMP.fullmatch(row(api, placed(api))["exchtime"])


def test_funds_are_all_text_and_availablecash_behaves_as_net(api: Any) -> None:
    data = api.rmsLimit()["data"]
    assert list(data) == RMS_KEYS.split()
    assert all(re.fullmatch(r"-?\d+\.\d{4}", value) for value in data.values())
    assert data["availablecash"] == data["net"]
    assert data["m2mrealized"] == "0.0000"


def test_positions_are_all_text(bench: SmartBench, api: Any) -> None:
    bench.price("NSE:INFY", "1500")
    placed(api)
    position = api.position()["data"][0]
    assert position.keys() >= set(POSITION_KEYS.split())
    assert {type(value) for value in position.values()} == {str}
    assert not [name for name, value in position.items() if value == "-0.00"]


def test_holdings_are_numbers_with_an_isin_and_sums(api: Any) -> None:
    rows = api.holding()["data"]
    assert all(list(held) == HOLDING_KEYS.split() for held in rows)
    infosys = next(held for held in rows if held["tradingsymbol"] == "INFY-EQ")
    assert (infosys["realisedquantity"], infosys["t1quantity"], infosys["quantity"]) == (15, 5, 20)
    assert (infosys["averageprice"], infosys["collateralquantity"], infosys["product"]) == (1502.1, None, "DELIVERY")
    pledged = next(held for held in rows if held["tradingsymbol"] == "HDFCBANK-EQ")
    assert (pledged["quantity"], pledged["collateralquantity"]) == (50, 20)
    listed_in_mumbai = next(held for held in rows if held["exchange"] == "BSE")
    assert (listed_in_mumbai["tradingsymbol"], listed_in_mumbai["symboltoken"]) == ("ITC", "500875")
    assert re.fullmatch(r"IN[A-Z0-9]{9}\d", infosys["isin"])
    everything = api.allholding()["data"]
    assert everything["holdings"] == rows
    total = everything["totalholding"]
    assert list(total) == ["totalholdingvalue", "totalinvvalue", "totalprofitandloss", "totalpnlpercentage"]
    assert total["totalprofitandloss"] == pytest.approx(total["totalholdingvalue"] - total["totalinvvalue"], abs=1.01)


def test_an_account_that_holds_nothing_answers_null(bench: SmartBench, api: Any) -> None:
    bench.account().holdings.clear()
    assert api.holding()["data"] is None
    assert api.allholding()["data"] is None


def test_a_trade_has_a_time_without_a_date(bench: SmartBench, api: Any) -> None:
    bench.price("NSE:INFY", "1500")
    placed(api)
    trade = api.tradeBook()["data"][0]
    assert trade.keys() >= {"tradevalue", "fillprice", "fillsize", "orderid", "fillid", "filltime"}
    assert re.fullmatch(r"\d\d:\d\d:\d\d", trade["filltime"])
    assert {type(value) for value in trade.values()} == {str}


def test_a_full_quote_has_five_levels_a_side_and_all_keys(bench: SmartBench, api: Any) -> None:
    data = api.getMarketData("FULL", {"NSE": ["3045", "99926000"], "BSE": ["500112"]})["data"]
    assert [(quote["exchange"], quote["tradingSymbol"]) for quote in data["fetched"]] == [
        ("NSE", "SBIN-EQ"),
        ("NSE", "Nifty 50"),
        ("BSE", "SBIN"),
    ]
    for quote in data["fetched"]:
        assert set(quote) == set(FULL_KEYS.split())
        assert [len(quote["depth"][side]) for side in ("buy", "sell")] == [5, 5]
        assert quote["52WeekLow"] <= quote["low"] <= quote["ltp"] <= quote["high"] <= quote["52WeekHigh"]
        assert STAMP.fullmatch(quote["exchFeedTime"])
    best = data["fetched"][0]["depth"]
    assert best["buy"][0]["price"] < best["sell"][0]["price"]


def test_a_quote_names_what_it_could_not_fetch(api: Any) -> None:
    data = api.getMarketData("OHLC", {"NSE": ["1594", "1", ""], "XXX": ["1594"]})["data"]
    assert [quote["symbolToken"] for quote in data["fetched"]] == ["1594"]
    assert data["fetched"][0].keys() == {"exchange", "tradingSymbol", "symbolToken", "ltp", "open", "high", "low", "close"}
    assert [(lost["exchange"], lost["symbolToken"], lost["errorCode"]) for lost in data["unfetched"]] == [
        ("NSE", "1", "AB1018"),
        ("NSE", "", "AB4018"),
        ("XXX", "1594", "AB1018"),
    ]


def test_fifty_tokens_are_quoted_and_one_more_is_refused(bench: SmartBench, api: Any) -> None:
    master = bench.http.get(f"{bench.url}/OpenAPI_File/files/OpenAPIScripMaster.json", timeout=5).json()
    tokens = [entry["token"] for entry in master if entry["exch_seg"] == "NSE"][:51]
    assert len(api.getMarketData("LTP", {"NSE": tokens[:50]})["data"]["fetched"]) == 50
    assert api.getMarketData("LTP", {"NSE": tokens})["status"] is False
    assert api.getMarketData("DEPTH", {"NSE": tokens[:1]})["status"] is False
    assert api.getMarketData("LTP", ["3045"])["status"] is False


def test_ltp_data_names_the_security_and_five_prices(api: Any) -> None:
    data = api.ltpData("NSE", "SBIN-EQ", "3045")["data"]
    assert data.keys() == {"exchange", "tradingsymbol", "symboltoken", "open", "high", "low", "close", "ltp"}
    assert data["low"] <= data["ltp"] <= data["high"]
    assert api.ltpData("NSE", "SBIN-EQ", "1")["errorcode"] == "AB1018"


def test_search_finds_symbols_by_their_beginning(api: Any) -> None:
    assert api.searchScrip("NSE", "sbin")["data"] == [{"exchange": "NSE", "tradingsymbol": "SBIN-EQ", "symboltoken": "3045"}]
    assert len(api.searchScrip("NFO", "NIFTY")["data"]) == 50
    assert api.searchScrip("NSE", "NOSUCHTHING")["data"] is None


def test_the_master_is_served_without_login_as_text_in_paise_and_without_isin(bench: SmartBench) -> None:
    reply = bench.http.get(f"{bench.url}/OpenAPI_File/files/OpenAPIScripMaster.json", timeout=5)
    assert reply.headers["Content-Type"] == "application/json"
    master = reply.json()
    keys = ["token", "symbol", "name", "expiry", "strike", "lotsize", "instrumenttype", "exch_seg", "tick_size"]
    assert all(list(entry) == keys and {type(value) for value in entry.values()} == {str} for entry in master)
    assert "INE" not in {value[:3] for entry in master for value in entry.values() if len(value) == 12}
    named = {(entry["exch_seg"], entry["symbol"]): tuple(entry.values()) for entry in master}
    assert named["NSE", "SBIN-EQ"] == ("3045", "SBIN-EQ", "SBIN", "", "-1.000000", "1", "", "NSE", "5.000000")
    assert named["BSE", "SBIN"] == ("500112", "SBIN", "SBIN", "", "-1.000000", "1", "", "BSE", "5.000000")
    assert named["NSE", "RCOM-BE"] == ("13187", "RCOM-BE", "RCOM", "", "-1.000000", "1", "", "NSE", "1.000000")
    assert named["NSE", "Nifty 50"] == ("99926000", "Nifty 50", "NIFTY", "", "0.000000", "1", "AMXIDX", "NSE", "0.000000")
    future = named["NFO", "NIFTY24NOV26FUT"]
    assert future[2:] == ("NIFTY", "24NOV2026", "-1.000000", "65", "FUTIDX", "NFO", "5.000000")
    option = named["NFO", "NIFTY24NOV2625000CE"]
    assert option[2:] == ("NIFTY", "24NOV2026", "2500000.000000", "65", "OPTIDX", "NFO", "5.000000")
    assert ("NFO", "NIFTY01DEC2625000PE") in named


def test_tokens_are_the_exchanges_own_save_for_indices_and_unique_in_a_segment(bench: SmartBench) -> None:
    master = bench.http.get(f"{bench.url}/OpenAPI_File/files/OpenAPIScripMaster.json", timeout=5).json()
    served = {(entry["exch_seg"], entry["token"]) for entry in master}
    assert len(served) == len(master) == len(list(bench.exchange.universe))
    for security in bench.exchange.universe:
        own = (security.exchange.value, security.exchange_token)
        assert (own in served) is (security.kind is not Kind.INDEX)


def test_the_master_follows_the_contracts_of_the_day(bench: SmartBench) -> None:
    url = f"{bench.url}/OpenAPI_File/files/OpenAPIScripMaster.json"
    assert any(entry["expiry"] == "24NOV2026" for entry in bench.http.get(url, timeout=5).json())
    bench.post("clock", {"set": "2026-11-25T08:00:00+05:30"})
    assert not any(entry["expiry"] == "24NOV2026" for entry in bench.http.get(url, timeout=5).json())
