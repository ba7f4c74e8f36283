"""The official clients' sockets, unmodified, hear from the simulator what its REST doors say."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kiteconnect import KiteConnect

from sigma.simulator.server import SimulatorServer
from tests.simulator.control import Control
from tests.simulator.listening import INFY, NIFTY, TCS
from tests.simulator.smartapi_client import SmartBench, placed

ROOT = Path(__file__).parents[2]
Told = tuple[str, Any]
Start = Callable[..., Iterator[Told]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a module of these tests in its own process and yield what it says; it is ended afterwards."""
    children: list[subprocess.Popen[str]] = []

    def run(module: str, *arguments: str) -> Iterator[Told]:
        code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import runpy; runpy.run_module({module!r}, run_name='__main__')"
        child = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
        children.append(child)
        assert child.stdout is not None
        for line in child.stdout:
            kind, data = json.loads(line)
            yield kind, data

    yield run
    for child in children:
        child.kill()
        child.wait(5)


@pytest.fixture(autouse=True)
def still(control: Control) -> None:
    control.post("config", {"tick_interval_s": 0.05})
    control.post("price", {"listing": "NSE:INFY", "price": 1500, "hold": True, "rebase": True})


@pytest.mark.timeout(60)
def test_kiteticker_hears_every_mode_and_order_news(sim: SimulatorServer, kite: KiteConnect, start: Start) -> None:
    ticks: list[dict[str, Any]] = []
    news: list[dict[str, Any]] = []
    order_id = ""
    arguments = (sim.ws_url, kite.api_key, kite.access_token, str(INFY), str(TCS), str(NIFTY))
    for kind, data in start("tests.simulator.official_kite", *arguments):
        assert kind in ("tick", "order", "ready"), data
        if kind == "tick":
            ticks.append(data)
        elif kind == "order":
            news.append(data)
        elif not order_id:
            order_id = kite.place_order("regular", "NSE", "INFY", "BUY", 2, "MIS", "LIMIT", price=1500)
    quote = kite.quote(["NSE:INFY"])["NSE:INFY"]
    assert {(tick["mode"], tick["instrument_token"]) for tick in ticks} == {
        (mode, token) for mode in ("quote", "full", "ltp") for token in (INFY, TCS, NIFTY)
    }
    infy = [tick for tick in ticks if tick["instrument_token"] == INFY]
    assert {tick["last_price"] for tick in infy} == {1500.0}
    full = next(tick for tick in infy if tick["mode"] == "full")
    assert full["ohlc"] == {name: float(value) for name, value in quote["ohlc"].items()}
    assert [level["price"] for level in full["depth"]["buy"]] == [level["price"] for level in quote["depth"]["buy"]]
    assert [level["price"] for level in full["depth"]["sell"]] == [level["price"] for level in quote["depth"]["sell"]]
    assert not next(tick for tick in ticks if tick["instrument_token"] == NIFTY)["tradable"]
    assert [row["status"] for row in news][-1] == "COMPLETE"
    assert {row["order_id"] for row in news} == {order_id}


def who(api: Any, bench: SmartBench) -> tuple[str, ...]:
    return f"Bearer {api.access_token}", api.api_key, bench.account().client_id, api.feed_token


@pytest.mark.timeout(60)
def test_smartwebsocketv2_hears_every_mode(sim: SimulatorServer, api: Any, bench: SmartBench, start: Start) -> None:
    wanted = {(mode, token) for mode in (1, 2, 3) for token in ("1594", "99926000", "532540")}
    ticks: dict[tuple[int, str], dict[str, Any]] = {}
    for _, tick in start("tests.simulator.official_smartapi", "ticks", sim.ws_url, *who(api, bench)):
        ticks[tick["subscription_mode"], tick["token"]] = tick
        if ticks.keys() >= wanted:
            break
    body = {"mode": "FULL", "exchangeTokens": {"NSE": ["1594"]}}
    quote = bench.call(api, "POST", "market/v1/quote", json=body).json()["data"]["fetched"][0]
    snap = ticks[3, "1594"]
    assert {tick["last_traded_price"] for (_, token), tick in ticks.items() if token == "1594"} == {150000}
    for name, key in (
        ("open_price_of_the_day", "open"), ("high_price_of_the_day", "high"), ("low_price_of_the_day", "low"),
        ("closed_price", "close"), ("upper_circuit_limit", "upperCircuit"), ("lower_circuit_limit", "lowerCircuit"),
        ("52_week_high_price", "52WeekHigh"), ("52_week_low_price", "52WeekLow"),
    ):  # fmt: skip
        assert snap[name] == round(quote[key] * 100), name
    for side in ("buy", "sell"):
        assert [level["price"] for level in snap[f"best_5_{side}_data"]] == [
            round(level["price"] * 100) for level in quote["depth"][side]
        ]
    assert ticks[3, "532540"]["exchange_type"] == 3


@pytest.mark.timeout(60)
def test_smartwebsocketorderupdate_hears_an_order(sim: SimulatorServer, api: Any, bench: SmartBench, start: Start) -> None:
    order_id, codes = "", []
    for _, news in start("tests.simulator.official_smartapi", "orders", sim.ws_url, *who(api, bench)):
        codes.append(news["order-status"])
        if news["order-status"] == "AB00":
            order_id = placed(api, price="1500.00")
        if news["order-status"] == "AB05":
            assert news["orderData"]["orderid"] == order_id
            break
    assert codes[0] == "AB00"
    assert codes[-1] == "AB05"
