from __future__ import annotations

from datetime import UTC, datetime

import pyotp
import pytest
from kiteconnect import KiteConnect

from sigma.domain.calendar import weekdays
from sigma.simulator.clock import default_start
from sigma.simulator.server import SimulatorServer
from tests.simulator.conftest import FRIDAY
from tests.simulator.control import Control, eventually


def place(kite: KiteConnect, **more: object) -> str:
    wanted: dict[str, object] = {"order_type": "MARKET", "market_protection": -1, "quantity": 10, **more}
    return str(kite.place_order("regular", "NSE", "INFY", "BUY", product="MIS", tag="T1", **wanted))


def test_the_clock_runs_and_is_set_and_advanced(sim: SimulatorServer, control: Control) -> None:
    first = control.get("clock")
    now = datetime.fromisoformat(first["now"])
    assert now.tzinfo is not None
    assert 0 <= (now - FRIDAY).total_seconds() < 5
    assert first["offset_s"] == pytest.approx((now - datetime.now(UTC)).total_seconds(), abs=2)
    control.post("clock", {"advance_s": 3600})
    assert datetime.fromisoformat(control.get("clock")["now"]) >= datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
    control.post("clock", {"set": "2026-11-20T14:00:00+05:30"})
    assert control.get("clock")["now"].startswith("2026-11-20T08:30:00")
    eventually(lambda: control.get("clock")["now"] > "2026-11-20T08:30:00.01")


def test_answers_carry_the_exchanges_time_in_their_date(sim: SimulatorServer, control: Control) -> None:
    assert control.http.get(f"{sim.url}/_sim/health", timeout=5).headers["Date"].startswith("Fri, 20 Nov 2026 05:00:")


def test_orders_move_on_when_nobody_asks(kite: KiteConnect, sim: SimulatorServer) -> None:
    place(kite)
    account = sim.exchange.account("zerodha", "AB1234")
    assert account is not None
    eventually(lambda: not account.live)


def test_the_truth_lists_every_order_of_every_day(kite: KiteConnect, control: Control) -> None:
    order_id = place(kite)
    before = control.get("orders?client_id=AB1234&tag=T1")
    assert before[0] | {
        "order_id": order_id, "client_id": "AB1234", "broker": "zerodha", "tag": "T1", "listing": "NSE:INFY", "side": "BUY",
        "quantity": 10, "filled": 10, "status": "COMPLETE", "product": "MIS", "order_type": "MARKET",
        "session_date": "2026-11-20",
    } == before[0]  # fmt: skip
    assert before[0]["request_ns"] > 0
    control.post("roll")
    assert control.get("clock")["now"].startswith("2026-11-23T02:30:00")
    after = control.get("orders?client_id=AB1234")
    assert after[0] == before[0]
    assert [order["tag"] for order in after] == ["T1", ""]  # the second one squared the position off
    fills = control.get("fills?client_id=AB1234")
    assert sum(fill["quantity"] * (1 if fill["side"] == "BUY" else -1) for fill in fills) == 0
    assert control.get("orders?client_id=CD5678") == []


def test_writes_are_logged_on_arrival_with_tag_and_order(kite: KiteConnect, control: Control) -> None:
    order_id = place(kite, order_type="LIMIT", price=1300)
    kite.orders()
    kite.cancel_order("regular", order_id)
    first, second = control.get("writes?client_id=AB1234")
    assert (first["endpoint"], first["tag"], first["order_id"], first["outcome"]) == ("place", "T1", order_id, "accepted")
    assert (second["endpoint"], second["order_id"]) == ("cancel", order_id)
    assert first["at_ns"] < second["at_ns"]
    assert control.get("orders")[0]["request_ns"] == first["at_ns"]


def test_accounts_are_listed_with_what_logging_in_needs(control: Control) -> None:
    accounts = {row["client_id"]: row for row in control.get("accounts")}
    assert accounts["AB1234"] | {"broker": "zerodha", "api_key": "kitekey", "api_secret": "kitesecret"} == accounts["AB1234"]
    assert accounts["A100001"]["pin"] == "1234"
    for client_id in ("A100001", "A100002"):
        assert len(pyotp.TOTP(accounts[client_id]["totp_secret"]).now()) == 6  # pyotp refuses secrets below 112 bits
    assert set(accounts) == {"AB1234", "CD5678", "A100001", "A100002"}


def test_an_imposed_price_and_liquidity_meet_resting_orders_at_once(kite: KiteConnect, control: Control) -> None:
    place(kite, order_type="LIMIT", price=1400)
    kite.orders()
    control.post("liquidity", {"listing": "NSE:INFY", "bid_quantity": 2, "ask_quantity": 1})
    control.post("price", {"listing": "NSE:INFY", "price": 1399.9, "hold": True})
    assert kite.orders()[0]["filled_quantity"] == 2
    control.post("liquidity", {"listing": "NSE:INFY", "bid_quantity": None, "ask_quantity": None})
    assert kite.orders()[0]["status"] == "COMPLETE"
    control.post("price", {"listing": "NSE:INFY", "price": None})
    assert kite.ltp("NSE:INFY")["NSE:INFY"]["last_price"] == pytest.approx(1399.9, rel=0.01)


def test_a_session_can_be_expired(kite: KiteConnect, control: Control) -> None:
    assert control.post("session/expire", {"client_id": "AB1234"}) == {"expired": 1}
    with pytest.raises(Exception, match="Incorrect `api_key` or `access_token`"):
        kite.profile()


def test_shares_can_need_an_authorisation(kite: KiteConnect, control: Control) -> None:
    control.post("authorise", {"client_id": "AB1234", "demat_consent": False})
    assert kite.profile()["meta"] == {"demat_consent": "physical"}
    control.post("authorise", {"client_id": "AB1234", "listing": "NSE:INFY", "quantity": 5})
    assert {row["tradingsymbol"]: row["authorised_quantity"] for row in kite.holdings()}["INFY"] == 5


def test_settings_are_changed_together_or_not_at_all(control: Control) -> None:
    changed = control.post("config", {"step_delay_s": 0.5, "allowed_ips": ["127.0.0.1"], "liquidity_replenish_s": 2})
    assert (changed["step_delay_s"], changed["allowed_ips"]) == (0.5, ["127.0.0.1"])
    answer = control.http.post(f"{control.url}/_sim/config", json={"latency_s": 1, "speed": 3}, timeout=5)
    assert answer.status_code == 400
    assert "speed" in answer.json()["error"]
    assert control.get("config")["latency_s"] == 0


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("clock", {"set": "2026-11-20T09:00:00+05:30"}),
        ("clock", {"set": "2026-11-21T09:00:00"}),
        ("clock", {"set": "tomorrow"}),
        ("clock", {}),
        ("clock", {"advance_s": 1e30}),
        ("clock", {"set": "2099-01-01T09:00:00+05:30"}),
        ("price", {"listing": "NSE:INFY", "price": 1e30}),
        ("faults", {"kind": "slow", "args": {"seconds": 1e30}}),
        ("config", {"step_delay_s": 1e30}),
        ("price", {"listing": "NSE:NOSUCH", "price": 1}),
        ("price", {"listing": "NSE:INFY", "price": 1500.03}),
        ("price", {"listing": "NSE:INFY", "price": 9000, "hold": True}),
        ("price", {"listing": "NSE:INFY", "price": None, "hold": True}),
        ("liquidity", {"listing": "NSE:INFY", "bid_quantity": -1, "ask_quantity": 1}),
        ("liquidity", {"listing": "NSE:INFY", "bid_quantity": 1}),
        ("session/expire", {"client_id": "NOBODY"}),
        ("approve-login", {"client_id": "A100001"}),
        ("config", {"step_delay_s": "fast"}),
        ("config", {"order_rate_enforced": 1}),
        ("redirect-url", {"client_id": "AB1234", "url": "javascript:x"}),
        ("authorise", {"client_id": "AB1234", "listing": "NSE:TITAN", "quantity": 1}),
    ],
)
def test_a_wrong_request_is_a_400_that_says_why(control: Control, path: str, body: dict[str, object]) -> None:
    answer = control.http.post(f"{control.url}/_sim/{path}", json=body, timeout=5)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "nosuch", 404), ("PUT", "clock", 404), ("DELETE", "faults/9", 404)]
)
def test_an_unknown_path_is_a_404(control: Control, method: str, path: str, status: int) -> None:
    assert control.http.request(method, f"{control.url}/_sim/{path}", timeout=5).status_code == status


def test_a_body_that_is_no_object_is_refused(control: Control) -> None:
    for body in (b"{", b"[1]", b"\xff", b"[" * 100_000):
        assert control.http.post(f"{control.url}/_sim/clock", data=body, timeout=5).status_code == 400


def test_a_huge_body_is_refused(sim: SimulatorServer, control: Control) -> None:
    answer = control.http.post(f"{sim.url}/orders/regular", data=b"x" * 4_000_001, timeout=5)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("now", "start"),
    [
        ("2026-11-20T05:30:00+00:00", "2026-11-20T05:30:00+00:00"),
        ("2026-11-22T18:00:00+00:00", "2026-11-20T04:30:00+00:00"),
        ("2026-11-20T02:00:00+00:00", "2026-11-19T04:30:00+00:00"),
        ("2026-11-20T14:00:00+00:00", "2026-11-20T04:30:00+00:00"),
    ],
)
def test_a_demo_starts_inside_the_latest_session(now: str, start: str) -> None:
    assert default_start(datetime.fromisoformat(now), weekdays()) == datetime.fromisoformat(start)
