"""The webhook over real sockets: what is answered, and that refused messages leave nothing behind."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sigma.domain.signals import SignalStatus
from sigma.domain.strategies import ShareState
from sigma.engines.signal_fields import FIELDS
from sigma.infra.serving import listen
from tests.engines.test_signal_text import JSON_VALUES
from tests.gateway.intake_house import HEADER, IntakeHouse

PROBLEM = {"code", "message", "hint", "correlation_id"}
CLEAR = {400, 401, 413, 422, 429}


def problem(answer: httpx.Response, status: int) -> dict[str, str]:
    """Return the answer's problem after checking its form."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body.keys() == PROBLEM
    assert all(isinstance(value, str) for value in body.values())
    assert body["message"]
    assert body["correlation_id"] == answer.headers["X-Correlation-Id"]
    return body  # type: ignore[no-any-return]


@pytest.mark.parametrize("path", ["/webhook/tradingview", "/webhook"])
def test_a_message_is_answered_with_the_ids_of_its_signal_and_order(house: IntakeHouse, gateway: httpx.Client, path: str) -> None:
    answer = gateway.post(path, json=house.message())
    (signal,), (order,) = house.stored(), house.orders()
    assert answer.status_code == 201
    ids = {"id": signal.id, "alert_id": signal.id, "order_id": order.id, "order_ids": [order.id]}
    assert answer.json() == ids | {"status": "accepted", "message": ""}
    assert signal.correlation_id == order.correlation_id == answer.headers["X-Correlation-Id"]
    again = gateway.post(path, json=house.message())
    assert again.status_code == 200
    assert again.json() == ids | {"status": "deduped", "message": f"the same message as signal {signal.id}"}


def test_text_plain_and_the_header_are_accepted(house: IntakeHouse, gateway: httpx.Client) -> None:
    body = f"Alert on INFY:\n{json.dumps(house.message(secret=None))}"
    answer = gateway.post("/webhook", content=body, headers={"content-type": "text/plain; charset=utf-8", HEADER: house.secret})
    assert answer.status_code == 201, answer.text


def test_a_marked_message_is_stored_and_makes_no_order(house: IntakeHouse, gateway: httpx.Client) -> None:
    answer = gateway.post("/webhook", json=house.message(symbol="NSE:NIFTY 50"))
    (signal,) = house.stored()
    assert answer.status_code == 201
    body = answer.json()
    assert (body["id"], body["order_id"], body["order_ids"], body["status"]) == (signal.id, None, [], "marked")
    assert "index" in body["message"]
    assert signal.status is SignalStatus.MARKED
    assert not house.orders()


def test_a_message_of_an_auto_strategy_is_answered_with_the_order_of_each_account(
    house: IntakeHouse, gateway: httpx.Client
) -> None:
    house.strategy("ORB", {"main": 1, "huf": 2})
    answer = gateway.post("/webhook", json=house.message(strategy="orb", client_order_id="x1"))
    assert answer.status_code == 201, answer.text
    orders = house.orders()
    assert [order.request.quantity for order in orders] == [5, 10]
    assert {(order.mode.value, order.strategy) for order in orders} == {("AUTO", "ORB")}
    assert answer.json()["order_id"] == orders[0].id
    assert answer.json()["order_ids"] == [order.id for order in orders]
    again = gateway.post("/webhook", json=house.message(strategy="orb", client_order_id="x1")).json()
    assert (again["status"], again["order_ids"]) == ("deduped", [order.id for order in orders])


def test_an_exit_without_a_quantity_is_accepted_where_a_strategy_has_accounts(house: IntakeHouse, gateway: httpx.Client) -> None:
    marked = gateway.post("/webhook", json=house.message(order_action="EXIT_LONG", quantity=None, strategy="ORB"))
    assert (marked.status_code, marked.json()["status"]) == (201, "marked")
    assert "no strategy 'ORB'" in marked.json()["message"]
    house.strategy("ORB", {"main": 1})
    body = house.message(order_action="EXIT_LONG", quantity=None, strategy="ORB", comment="again")
    accepted = gateway.post("/webhook", json=body).json()
    assert (accepted["status"], accepted["order_id"], accepted["order_ids"]) == ("accepted", None, [])
    assert [share.state for share in house.shares(accepted["id"])] == [ShareState.PENDING]


def test_the_form_of_meta_signal_and_hints_is_taken(house: IntakeHouse, gateway: httpx.Client) -> None:
    message = {
        "meta": {"secret": house.secret, "platform": "TRADINGVIEW", "version": "6.1"},
        "signal": {"strategy_name": "S", "symbol": "NSE:INFY", "side": "ENTRY_LONG", "order_action": "BUY", "qty": "14"},
        "hints": {"stop_type": "SL", "stop_price": 1480, "tp_enabled": True},
    }
    answer = gateway.post("/webhook", json=message)
    assert answer.status_code == 201, answer.text
    (signal,) = house.stored()
    assert signal.hints == {"stop_type": "SL", "stop_price": "1480", "tp_enabled": "true"}
    assert house.secret not in signal.raw
    assert house.orders()[0].request.quantity == 14


def test_a_test_message_is_answered_ok_and_stores_nothing(house: IntakeHouse, gateway: httpx.Client) -> None:
    answer = gateway.post("/webhook/tradingview", json={"test": "tradingview"}, headers={HEADER: house.secret})
    assert (answer.status_code, answer.json()["status"], answer.json()["id"]) == (200, "ok", None)
    assert not house.stored()
    problem(gateway.post("/webhook/tradingview", json={"test": "tradingview"}, headers={HEADER: "wrong"}), 401)


def test_a_wrong_or_missing_secret_is_401(house: IntakeHouse, gateway: httpx.Client) -> None:
    assert "missing" in problem(gateway.post("/webhook", json=house.message(secret=None)), 401)["message"]
    assert "wrong" in problem(gateway.post("/webhook", json=house.message(secret=house.secret + "x")), 401)["message"]
    assert "wrong" in problem(gateway.post("/webhook", json=house.message(), headers={HEADER: "no"}), 401)["message"]
    assert not house.stored()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"symbol": "NSE:NOSUCH"}, "NSE:NOSUCH"),
        ({"quantity": 0}, "quantity"),
        ({"quantity": -5}, "quantity"),
        ({"quantity": 1.5}, "whole number"),
        ({"price": 1e12}, "10 crore"),
        ({"price": "{{close}}"}, "unexpanded placeholder"),
        ({"quantitee": 5}, "quantitee"),
        ({"signal": {}}, "The key 'symbol' is not known"),
        ({"order_action": "EXIT"}, "must say the side"),
    ],
)
def test_what_means_no_order_is_422(house: IntakeHouse, gateway: httpx.Client, changes: dict[str, Any], told: str) -> None:
    assert told in problem(gateway.post("/webhook", json=house.message(**changes)), 422)["message"]
    assert not house.stored()
    assert not house.orders()


def test_malformed_json_is_400_with_position_and_hint(house: IntakeHouse, gateway: httpx.Client) -> None:
    body = problem(gateway.post("/webhook", content=b'{"secret": "x",\n "price": {{close}}}'), 400)
    assert body["code"] == "MALFORMED"
    assert "line 2, column 12" in body["message"]
    assert "{{close}}" in body["hint"]
    problem(gateway.post("/webhook", content=b'{"a": 1} tail', headers={"content-type": "application/json"}), 400)
    problem(gateway.post("/webhook", content=b""), 400)
    assert not house.stored()


def test_a_body_of_five_megabytes_is_413_announced_or_not(house: IntakeHouse, gateway: httpx.Client) -> None:
    large = house.message(comment="x" * 5_000_000)
    assert problem(gateway.post("/webhook", json=large), 413)["code"] == "TOO_LARGE"
    chunks = (b"x" * 65_536 for _ in range(80))
    problem(gateway.post("/webhook", content=chunks), 413)
    assert gateway.post("/webhook", json=house.message()).status_code == 201, "the connection is still good"
    problem(gateway.post("/webhook", json=house.message(comment="x" * 65_536)), 413)
    assert len(house.stored()) == 1


def sent_until_refused(raw: socket.socket, most: int) -> int:
    """Send chunk after chunk; return how many bytes went out before the other side closed."""
    sent, chunk = 0, b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    with contextlib.suppress(ConnectionError):
        while sent < most:
            raw.sendall(chunk)
            sent += len(chunk)
    return sent


def test_an_endless_body_is_cut_off(house: IntakeHouse, gateway: httpx.Client) -> None:
    with socket.create_connection((gateway.base_url.host, gateway.base_url.port or 0), timeout=20) as raw:
        raw.sendall(b"POST /webhook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert 8_000_000 < sent_until_refused(raw, most=200_000_000) < 50_000_000


def test_a_body_that_does_not_arrive_is_408(gateway: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sigma.gateway.limits.BODY_SECONDS", 0.2)
    with socket.create_connection((gateway.base_url.host, gateway.base_url.port or 0), timeout=20) as raw:
        raw.sendall(b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        answer = b"".join(iter(lambda: raw.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 408")
    assert json.loads(answer.partition(b"\r\n\r\n")[2]).keys() == PROBLEM


def test_what_is_not_there_is_answered_as_json_and_no_software_is_named(gateway: httpx.Client) -> None:
    for method, path, status in (("GET", "/nope", 404), ("GET", "/docs", 404), ("GET", "/redoc", 404), ("GET", "/webhook", 405)):
        answer = gateway.request(method, path)
        problem(answer, status)
        assert "server" not in answer.headers
    schema = gateway.get("/openapi.json").json()
    assert schema["paths"].keys() == {"/webhook/tradingview", "/health"}


def test_a_hundred_equal_messages_at_once_make_one_order(house: IntakeHouse, gateway: httpx.Client) -> None:
    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(lambda _: gateway.post("/webhook", json=house.message()), range(100)))
    assert sorted(answer.status_code for answer in answers) == [200] * 99 + [201]
    assert len({answer.json()["order_id"] for answer in answers}) == 1
    assert len(house.orders()) == 1


def test_different_messages_at_once_make_an_order_each(house: IntakeHouse, gateway: httpx.Client) -> None:
    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(lambda n: gateway.post("/webhook", json=house.message(comment=str(n))), range(200)))
    assert {answer.status_code for answer in answers} == {201}
    assert {answer.json()["order_id"] for answer in answers} == {order.id for order in house.orders()}
    assert len(house.orders()) == 200


def test_the_secret_is_in_no_row_file_log_line_or_answer(
    house: IntakeHouse, gateway: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = house.secret
    answers = [
        gateway.post("/webhook", json=house.message(comment=f"it is {secret}", strategy=secret)),
        gateway.post("/webhook", json=house.message(symbol=f"NSE:{secret}")),
        gateway.post("/webhook", json=house.message(quantity=secret)),
        gateway.post("/webhook", json=house.message() | {secret: 1}),
        gateway.post("/webhook", json=house.message(price=f"{{{{{secret}}}}}")),
        gateway.post("/webhook", content=f'{{"secret": "{secret}", "price": {{{{{secret}}}}}}}'),
        gateway.post("/webhook", content=f'{{"secret": {secret}}}'),
        gateway.post("/webhook", json=house.message(), headers={HEADER: f"{secret}x"}),
        gateway.get("/health", headers={HEADER: secret}),
        gateway.get("/health", headers={HEADER: f"{secret}x"}),
    ]
    assert {answer.status_code for answer in answers} == {201, 200, 400, 401, 422}
    for answer in answers:
        assert secret not in answer.text + str(answer.headers)
    assert secret not in caplog.text
    for path in house.home.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes(), path.name


def test_each_answer_leaves_at_once(house: IntakeHouse) -> None:
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


ODD = st.one_of(JSON_VALUES, st.sampled_from(["", "{{close}}", "NaN", "1e400", "NSE:INFY", "BUY", -1, 0, 10**30, None]))
ODD_KEYS = st.sampled_from([*FIELDS, "trade_details", "meta", "test"]) | st.text(max_size=8)
ANY_TEXT = st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
KINDS = st.sampled_from(["application/json", "text/plain", "application/x-www-form-urlencoded", "text/html", "??"])
LIVELY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@LIVELY
@given(odd=st.dictionaries(ODD_KEYS, ODD, min_size=1, max_size=4))
def test_odd_fields_are_no_500_and_no_order_unless_accepted(
    house: IntakeHouse, gateway: httpx.Client, odd: dict[str, Any]
) -> None:
    before = len(house.orders())
    body = json.dumps(house.message() | odd).encode()
    answer = gateway.post("/webhook", content=body, headers={"content-type": "application/json", HEADER: house.secret})
    if answer.status_code in CLEAR:
        problem(answer, answer.status_code)
        assert len(house.orders()) == before
    else:
        assert answer.status_code in (200, 201), answer.text
        assert len(house.orders()) == before + (answer.json()["status"] == "accepted")


@LIVELY
@given(body=st.binary(max_size=400) | ANY_TEXT, kind=KINDS)
def test_any_bytes_are_a_clear_refusal(house: IntakeHouse, gateway: httpx.Client, body: bytes, kind: str) -> None:
    answer = gateway.post("/webhook", content=body, headers={HEADER: house.secret, "content-type": kind})
    problem(answer, answer.status_code)
    assert answer.status_code in CLEAR
    assert not house.orders()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(junk=st.binary(min_size=1, max_size=200))
def test_junk_on_the_wire_never_stops_the_gateway(house: IntakeHouse, gateway: httpx.Client, junk: bytes) -> None:
    with socket.create_connection((gateway.base_url.host, gateway.base_url.port or 0), timeout=5) as raw:
        raw.sendall(b"POST /webhook HTTP/1.1\r\n" + junk)
        raw.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: raw.recv(65_536), b""))
    assert not answer or answer.split()[1][:1] == b"4"
    assert gateway.get("/").status_code == 200
    assert not house.orders()
