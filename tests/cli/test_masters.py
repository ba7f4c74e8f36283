"""`sigma instruments …` that fill the table: saved files, the quarantine, and what people say of it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Run

INFY_TOKEN = "1594"
TAIL = "0,1,0.05,{isin},0915-1530:,2026-11-20,,NSE:{symbol}-EQ,10,10,{token},{symbol},{token},-1.0,XX,1,None,0,0.0"


def fyers(symbol: str, token: str, isin: str = "") -> str:
    return f"10100000000{token},{symbol}," + TAIL.format(symbol=symbol, token=token, isin=isin)


def test_a_saved_list_teaches_isins(cli: Run, tmp_path: Path) -> None:
    known = json.loads(cli("instruments", "show", "TCS", "--json").out)["isin"] or "INE467B01029"
    saved = tmp_path / "EQUITY_L.csv"
    head = "SYMBOL,NAME OF COMPANY, SERIES, ISIN NUMBER"
    saved.write_text(f"{head}\nTCS,Tata Consultancy Services Limited,EQ,{known}\n")
    assert "nse: 1 instruments" in cli("instruments", "load", "nse", str(saved)).out
    assert json.loads(cli("instruments", "show", "TCS", "--json").out)["isin"]
    assert "(nothing new)" in cli("instruments", "load", "nse", str(saved)).out
    missing = cli("instruments", "load", "nse", str(tmp_path / "none"))
    assert missing.code == 1
    assert "cannot be read" in missing.err
    assert "Sources: angelone, bse, fyers, nse, zerodha" in cli("instruments", "load", "gamma", str(saved)).err


def test_a_contradiction_is_shown_settled_and_taken_back(cli: Run, tmp_path: Path) -> None:
    saved = tmp_path / "NSE_CM.csv"
    saved.write_text("\n".join([fyers("SBIN", INFY_TOKEN), *(fyers(f"ZZZ{number}", f"99990{number}") for number in range(6))]))
    told = cli("instruments", "load", "fyers", str(saved))
    assert told.code == 0, told.err
    assert "set aside as ambiguous: NSE:SBIN-EQ (token 101000000001594) its token is NSE:INFY elsewhere" in told.out.replace(
        "\n", " "
    )
    (row,) = json.loads(cli("instruments", "quarantine", "fyers", "--json").out)
    key = [row[name] for name in ("source", "exchange_code", "symbol", "token")]
    assert (row["says"], row["elsewhere"], row["present"]) == ("NSE:SBIN", "NSE:INFY", True)
    assert "either which listing the row is, or that it is left out" in cli("instruments", "settle", *key).err
    said = cli("instruments", "settle", *key, "NSE:SBIN", "--note", "as the exchange says")
    assert "SBIN-EQ is NSE:SBIN from the next" in said.out
    assert "as the exchange says" in cli("instruments", "overrides").out
    assert cli("instruments", "load", "fyers", str(saved)).code == 0
    assert cli("instruments", "quarantine").out == "Nothing is set aside.\n"
    assert "SBIN-EQ" in cli("instruments", "quarantine", "--all").out
    assert cli("instruments", "unsettle", *key).code == 0
    assert cli("instruments", "overrides").out == "Nobody settled anything.\n"
    assert "Nobody said what" in cli("instruments", "unsettle", *key).err
