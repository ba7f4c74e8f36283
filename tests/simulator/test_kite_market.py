"""Quotes and the instrument master of the Kite door, through the unmodified official client."""

from __future__ import annotations

import gzip
import json
from datetime import date

import pytest
from kiteconnect import KiteConnect
from kiteconnect import exceptions as kite_errors

from tests.simulator.conftest import raw


def test_quotes_come_by_name_or_token_and_unknown_keys_are_absent(kite: KiteConnect) -> None:
    quotes = kite.quote("NSE:INFY", "NSE:NOSUCH", "256265")
    assert quotes.keys() == {"NSE:INFY", "256265"}
    infy = quotes["NSE:INFY"]
    assert str(infy["timestamp"]).startswith("2026-11-20 10:30:")
    assert [len(infy["depth"][side]) for side in ("buy", "sell")] == [5, 5]
    assert infy["lower_circuit_limit"] < infy["last_price"] < infy["upper_circuit_limit"]
    assert kite.ohlc("NSE:INFY")["NSE:INFY"].keys() == {"instrument_token", "last_price", "ohlc"}
    with pytest.raises(kite_errors.InputException):
        kite.quote(*[f"NSE:X{n}" for n in range(501)])


def test_the_master_parses_and_joins_on_exchange_tokens(kite: KiteConnect) -> None:
    rows = {(row["exchange"], row["tradingsymbol"]): row for row in kite.instruments()}
    sbin = rows["NSE", "SBIN"]
    assert (sbin["instrument_token"], sbin["exchange_token"], sbin["segment"]) == (779521, "3045", "NSE")
    assert rows["BSE", "INFY"]["instrument_token"] == 128053508
    assert (rows["NSE", "NIFTY 50"]["instrument_token"], rows["BSE", "SENSEX"]["instrument_token"]) == (256265, 265)
    assert rows["NSE", "NIFTY 50"]["segment"] == "INDICES"
    future = rows["NFO", "NIFTY26NOVFUT"]
    assert (future["expiry"], future["lot_size"], future["segment"]) == (date(2026, 11, 24), 65, "NFO-FUT")
    option = rows["NFO", "NIFTY26NOV25050CE"]
    assert (option["strike"], option["instrument_type"], option["segment"]) == (25050.0, "CE", "NFO-OPT")
    assert option["instrument_token"] == int(option["exchange_token"]) * 256 + 2
    assert {row["exchange"] for row in kite.instruments("NSE")} == {"NSE"}


def test_the_master_has_wire_mds_columns_and_is_compressed_when_asked(kite: KiteConnect) -> None:
    plain = raw(kite, "GET", "/instruments/NSE", stream=True)
    assert plain.headers["content-type"] == "text/csv"
    assert plain.headers["content-encoding"] == "gzip"
    lines = gzip.decompress(plain.raw.read(decode_content=False)).decode().splitlines()
    assert lines[0] == (
        "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,"
        "instrument_type,segment,exchange"
    )
    assert "779521,3045,SBIN,STATE BANK OF INDIA,0,,0,0.05,1,EQ,NSE,NSE" in lines
    with pytest.raises(kite_errors.InputException):
        kite.instruments("XSE")


@pytest.mark.parametrize("name", ["²", "9" * 5000, "", ":", "NSE:", "NSE:²", "\x00"])
def test_an_odd_name_is_just_not_quoted(kite: KiteConnect, name: str) -> None:
    assert kite.ltp("NSE:INFY", name).keys() == {"NSE:INFY"}


def test_an_unknown_path_is_a_404_in_kites_envelope(kite: KiteConnect) -> None:
    answer = raw(kite, "GET", "/gtt/nothing/there")
    assert answer.status_code == 404
    assert json.loads(answer.content) == {
        "status": "error", "message": "Route not found", "data": None, "error_type": "GeneralException",
    }  # fmt: skip
