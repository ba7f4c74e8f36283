"""Every fault over a real socket, seen through the official Kite client."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
import requests
from kiteconnect import KiteConnect
from kiteconnect import exceptions as kite_errors

from sigma.simulator.faults import KINDS, NEWS, STREAM
from tests.simulator.control import Control, eventually


def place(kite: KiteConnect, tag: str = "T1") -> str:
    return str(kite.place_order("regular", "NSE", "INFY", "BUY", 10, "MIS", "MARKET", tag=tag, market_protection=-1))


def rest(kite: KiteConnect) -> str:
    order_id = str(kite.place_order("regular", "NSE", "INFY", "BUY", 10, "MIS", "LIMIT", price=1300, tag="T1"))
    kite.orders()
    return order_id


def placed(control: Control, tag: str = "T1") -> list[dict[str, Any]]:
    return list(control.get(f"orders?tag={tag}"))


def written(control: Control) -> list[str]:
    return [entry["outcome"] for entry in control.get("writes")]


@pytest.mark.parametrize(("kind", "committed"), [("drop_after_commit", 1), ("drop_before_commit", 0)])
def test_a_dropped_connection_leaves_the_client_without_an_answer(
    kite: KiteConnect, control: Control, kind: str, committed: int
) -> None:
    control.fault(kind)
    with pytest.raises(requests.ConnectionError):
        place(kite)
    assert len(placed(control)) == committed
    assert len(written(control)) == 1
    assert place(kite, "T2")  # the fault is spent


@pytest.mark.parametrize(("kind", "committed"), [("html_504", 0), ("html_504_after_commit", 1)])
def test_a_gateway_timeout_is_html_whatever_happened(kite: KiteConnect, control: Control, kind: str, committed: int) -> None:
    control.fault(kind)
    with pytest.raises(kite_errors.DataException, match="504 Gateway Time-out") as unclear:
        place(kite)
    assert unclear.value.code == 502  # the client's own code for what is no JSON (wire.md A1)
    assert len(placed(control)) == committed


@pytest.mark.parametrize("commit", [True, False])
def test_a_400_can_be_a_timeout_after_the_order_was_taken(kite: KiteConnect, control: Control, commit: bool) -> None:
    control.fault("http_400_timeout", commit=commit)
    with pytest.raises(kite_errors.OrderException, match="Order request timed out") as unclear:
        place(kite)
    assert unclear.value.code == 400
    assert len(placed(control)) == int(commit)


def test_a_json_429_is_a_network_exception(kite: KiteConnect, control: Control) -> None:
    control.fault("json_429")
    with pytest.raises(kite_errors.NetworkException) as refusal:
        place(kite)
    assert refusal.value.code == 429
    assert placed(control) == []


@pytest.mark.parametrize("kind", ["text_429", "text_403"])
def test_a_plain_text_refusal_looks_like_a_502_to_the_client(kite: KiteConnect, control: Control, kind: str) -> None:
    control.fault(kind)
    with pytest.raises(kite_errors.DataException) as refusal:
        place(kite)
    assert refusal.value.code == 502
    assert placed(control) == []


def test_a_success_can_lack_its_order_id(kite: KiteConnect, control: Control) -> None:
    control.fault("no_order_id")
    with pytest.raises(KeyError):
        place(kite)
    assert len(placed(control)) == 1


def test_an_answer_can_be_garbage_that_calls_itself_json(kite: KiteConnect, control: Control) -> None:
    control.fault("garbage")
    with pytest.raises(kite_errors.DataException):
        place(kite)
    assert len(placed(control)) == 1


def test_an_order_can_be_accepted_long_after_the_client_gave_up(kite: KiteConnect, control: Control) -> None:
    control.fault("late_acceptance", seconds=20)
    kite.timeout = 0.2
    with pytest.raises(requests.ReadTimeout):
        place(kite)
    assert placed(control) == []
    assert control.get("writes")[0]["outcome"] == "pending"
    control.post("clock", {"advance_s": 21})
    (order,) = eventually(lambda: placed(control))
    assert order["placed_at"] >= "2026-11-20T05:00:20"
    eventually(lambda: written(control) == ["late_acceptance: accepted"])


def test_a_slow_answer_comes_after_the_order_was_taken(kite: KiteConnect, control: Control) -> None:
    control.fault("slow", seconds=20)
    kite.timeout = 5
    answers: list[str] = []
    waiting = threading.Thread(target=lambda: answers.append(place(kite)))
    waiting.start()
    (order,) = eventually(lambda: placed(control))
    assert answers == []
    control.post("clock", {"advance_s": 21})
    waiting.join(5)
    assert answers == [order["order_id"]]


def test_an_order_can_stay_out_of_the_book_for_a_while(kite: KiteConnect, control: Control) -> None:
    control.fault("delayed_visibility", seconds=30)
    order_id = place(kite)
    assert kite.orders() == []
    with pytest.raises(kite_errors.GeneralException):
        kite.order_history(order_id)
    control.post("clock", {"advance_s": 31})
    assert [row["order_id"] for row in kite.orders()] == [order_id]


def test_a_book_can_be_truncated_at_either_end_or_empty(kite: KiteConnect, control: Control) -> None:
    ids = [place(kite, f"T{n}") for n in range(3)]
    control.fault("truncated_book", "book", drop=2)
    assert [row["order_id"] for row in kite.orders()] == ids[:1]
    control.fault("truncated_book", "book", drop=1, which="oldest")
    assert [row["order_id"] for row in kite.orders()] == ids[1:]
    control.fault("empty_book", "book")
    assert kite.orders() == []
    assert len(kite.orders()) == 3


def test_a_lost_tag_is_gone_from_the_wire_and_kept_in_the_truth(kite: KiteConnect, control: Control) -> None:
    control.fault("lost_tag")
    order_id = place(kite)
    (row,) = kite.orders()
    assert row["tag"] is None
    assert "tags" not in row
    assert [order["order_id"] for order in placed(control)] == [order_id]


def test_one_request_can_make_two_orders(kite: KiteConnect, control: Control) -> None:
    control.fault("twin_rows")
    order_id = place(kite)
    rows = kite.orders()
    assert [row["tag"] for row in rows] == ["T1", "T1"]
    assert rows[0]["order_id"] == order_id
    assert len(written(control)) == 1
    assert sum(row["quantity"] for row in kite.trades()) == 20


def test_a_cancel_can_lose_to_a_fill(kite: KiteConnect, control: Control) -> None:
    order_id = rest(kite)
    control.fault("cancel_loses_to_fill", "cancel")
    assert kite.cancel_order("regular", order_id) == order_id
    (row,) = kite.orders()
    assert (row["status"], row["filled_quantity"], row["average_price"]) == ("COMPLETE", 10, 1300)


def test_an_order_can_be_rejected_in_the_book(kite: KiteConnect, control: Control) -> None:
    control.fault("reject_in_book", message="17070 : The Price is out of the LPP range")
    place(kite)
    (row,) = kite.orders()
    assert (row["status"], row["status_message"]) == ("REJECTED", "17070 : The Price is out of the LPP range")


def test_an_expired_session_stays_expired_until_the_next_login(kite: KiteConnect, control: Control) -> None:
    control.fault("expired_session", "book")
    for _ in range(2):
        with pytest.raises(kite_errors.TokenException):
            kite.orders()


def test_a_spurious_expiry_answers_so_once(kite: KiteConnect, control: Control) -> None:
    control.fault("expired_session", "place", spurious=True)
    with pytest.raises(kite_errors.TokenException):
        place(kite)
    assert place(kite)


def test_a_cancel_and_a_modify_can_be_taken_and_their_answer_lost(kite: KiteConnect, control: Control) -> None:
    order_id = rest(kite)
    control.fault("drop_after_commit", "modify")
    with pytest.raises(requests.ConnectionError):
        kite.modify_order("regular", order_id, price=1310)
    assert kite.orders()[0]["price"] == 1310
    control.fault("html_504_after_commit", "cancel")
    with pytest.raises(kite_errors.DataException):
        kite.cancel_order("regular", order_id)
    assert kite.orders()[0]["status"] == "CANCELLED"
    assert [entry["endpoint"] for entry in control.get("writes")] == ["place", "modify", "cancel"]


def test_faults_strike_only_whom_they_name_and_so_often_as_told(kite: KiteConnect, control: Control) -> None:
    control.post("faults", {"broker": "angelone", "endpoint": "*", "kind": "json_429", "times": None})
    control.post("faults", {"broker": "zerodha", "endpoint": "place", "kind": "json_429", "client_id": "CD5678"})
    number = control.fault("json_429", "profile", times=2)
    for _ in range(2):
        with pytest.raises(kite_errors.NetworkException):
            kite.profile()
    assert kite.profile()
    assert kite.orders() == []
    assert place(kite)
    struck = {fault["id"]: (fault["struck"], fault["times"]) for fault in control.get("faults")}
    assert struck == {1: (0, None), 2: (0, None), number: (2, 0)}


def test_a_probability_strikes_some_and_the_same_ones_for_one_seed(kite: KiteConnect, control: Control) -> None:
    control.post("faults", {"kind": "json_429", "endpoint": "profile", "probability": 0.5})
    seen = 0
    for _ in range(40):
        try:
            kite.profile()
        except kite_errors.NetworkException:
            seen += 1
    assert seen == control.get("faults")[0]["struck"]
    assert 8 <= seen <= 32


def test_withdrawn_faults_strike_no_more(kite: KiteConnect, control: Control) -> None:
    number = control.fault("json_429", times=None)
    control.delete(f"faults/{number}")
    assert place(kite)
    control.fault("json_429", times=None)
    control.delete("faults")
    assert control.get("faults") == []
    assert place(kite, "T2")


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "no such"},
        {"kind": "slow", "endpoint": "everything"},
        {"kind": "slow", "broker": "upstox"},
        {"kind": "slow", "times": 0},
        {"kind": "slow", "probability": 2},
        {"kind": "slow", "args": {"seconds": -1}},
        {"kind": "slow", "colour": "red"},
        {},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(control: Control, wrong: dict[str, object]) -> None:
    answer = control.http.post(f"{control.url}/_sim/faults", json=wrong, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.parametrize("kind", sorted(KINDS - STREAM - NEWS))
@pytest.mark.parametrize("endpoint", ["holdings", "login"])
def test_any_fault_on_any_endpoint_leaves_the_simulator_answering(
    kite: KiteConnect, control: Control, kind: str, endpoint: str
) -> None:
    control.fault(kind, endpoint, seconds=0)
    try:
        if endpoint == "holdings":
            kite.holdings()
        else:
            token = control.post("approve-login", {"client_id": "AB1234"})["request_token"]
            kite.generate_session(token, "kitesecret")
    except (kite_errors.KiteException, requests.RequestException, KeyError, json.JSONDecodeError):
        control.delete("faults")
    assert control.get("health") == {"status": "ok"}
