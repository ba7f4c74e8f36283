"""Every row of both tables of proven refusals, on real bytes; and everything beside them, which proves nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from sigma.domain.answers import ADDRESS_REFUSED, WriteAnswer
from sigma.domain.instruments import BrokerInstrument
from sigma.domain.orders import Outcome
from sigma.ports.broker import Broker
from tests.adapters.house import OneInstrument, account, order, wanted
from tests.adapters.raw_server import RawServer, http, js

pytestmark = pytest.mark.filterwarnings("ignore:ssl.OP_NO:DeprecationWarning")

ACCEPTED, REFUSED, UNKNOWN = Outcome.ACCEPTED, Outcome.REFUSED, Outcome.UNKNOWN
TIMED_OUT = "Order request timed out. Please check the order book and confirm before placing again."
RATE = "Access denied because of exceeding access rate"
GATEWAY = "<html><head><title>504 Gateway Time-out</title></head><body>504 Gateway Time-out</body></html>"
WRITES: dict[str, Callable[[Broker], WriteAnswer]] = {
    "place": lambda broker: broker.place(wanted(), "TAG0000000000001"),
    "modify": lambda broker: broker.modify(order(), wanted(quantity=6)),
    "cancel": lambda broker: broker.cancel(order()),
}


@dataclass(frozen=True)
class Case:
    """Bytes of an answer, and what they prove."""

    name: str
    answer: bytes
    outcome: Outcome
    session: bool = False
    rate: bool = False
    only: tuple[str, ...] = tuple(WRITES)


def kite(status: int, error_type: object, message: object) -> bytes:
    return js(status, {"status": "error", "message": message, "data": None, "error_type": error_type})


def smart(code: str, message: str = "no", status: int = 200) -> bytes:
    return js(status, {"status": False, "message": message, "errorcode": code, "data": None})


def gateway(code: str, status: int = 200) -> bytes:
    return js(status, {"success": False, "message": "no", "errorCode": code, "data": ""})


ANYWHERE = [
    Case("no content", http(204, b"", None), UNKNOWN),
    Case("200 garbage as JSON", http(200, b"\x00\x17 {{"), UNKNOWN),
    Case("200 not UTF-8", http(200, b'{"status":"\xff"}'), UNKNOWN),
    Case("200 a JSON list", http(200, "[]"), UNKNOWN),
    Case("200 nested without end", http(200, b"[" * 100_000), UNKNOWN),
    Case(
        "headers that nobody can read",
        http(502, "", "text/html", "Retry-After: \u00b2", "Date: Fri, 1 Jan 0001 0:0:0 +2300"),
        UNKNOWN,
    ),
    Case("200 null", http(200, "null"), UNKNOWN),
    Case("200 a JSON text", http(200, '"ok"'), UNKNOWN),
    Case("200 an empty object", http(200, "{}"), UNKNOWN),
    Case("200 HTML", http(200, GATEWAY, "text/html"), UNKNOWN),
    Case("504 HTML", http(504, GATEWAY, "text/html"), UNKNOWN),
    Case("502 without a type", http(502, "bad gateway", None), UNKNOWN),
    Case("429 text", http(429, "Too many requests", "text/plain"), UNKNOWN),
    Case("403 other text", http(403, "Forbidden", "text/plain"), UNKNOWN),
    Case("307", http(307, "", "text/html", "Location: /elsewhere"), UNKNOWN),
    Case("301", http(301, "", "text/html", "Location: http://127.0.0.1:9/"), UNKNOWN),
]
KITE = [
    Case("an id", js(200, {"status": "success", "data": {"order_id": "151220000000000"}}), ACCEPTED),
    Case("a number as id", js(200, {"status": "success", "data": {"order_id": 151220000000000}}), UNKNOWN),
    Case("null as id", js(200, {"status": "success", "data": {"order_id": None}}), UNKNOWN),
    Case("NaN as id", http(200, '{"status":"success","data":{"order_id":NaN}}'), UNKNOWN),
    Case("an empty id", js(200, {"status": "success", "data": {"order_id": " "}}), UNKNOWN),
    Case("no id", js(200, {"status": "success", "data": {}}), UNKNOWN),
    Case("no data", js(200, {"status": "success", "data": None}), UNKNOWN),
    Case(
        "an id with an error",
        js(200, {"status": "success", "data": {"order_id": "1"}, "error_type": "X", "message": ""}),
        UNKNOWN,
    ),
    Case("an id with HTTP 500", js(500, {"status": "success", "data": {"order_id": "1"}}), UNKNOWN),
    Case("an id as text", http(200, '{"status":"success","data":{"order_id":"1"}}', "text/plain"), UNKNOWN),
    Case("InputException 400", kite(400, "InputException", "Invalid `price`."), REFUSED),
    Case("InputException 403", kite(403, "InputException", "Invalid `price`."), REFUSED),
    Case("InputException 500", kite(500, "InputException", "Invalid `price`."), UNKNOWN),
    Case("InputException 200", kite(200, "InputException", "Invalid `price`."), UNKNOWN),
    Case("InputException that timed out", kite(400, "InputException", TIMED_OUT), UNKNOWN),
    Case("MarginException", kite(400, "MarginException", "Insufficient funds. Required margin is 100.00"), REFUSED),
    Case("MarginException that timed out", kite(400, "MarginException", TIMED_OUT), UNKNOWN),
    Case("HoldingException", kite(400, "HoldingException", "Insufficient stock holding"), REFUSED),
    Case(
        "OrderException that refuses", kite(400, "OrderException", "Order cannot be cancelled as it is being processed."), REFUSED
    ),
    Case("OrderException that timed out", kite(400, "OrderException", TIMED_OUT), UNKNOWN),
    Case("OrderException without a word", kite(400, "OrderException", "Something happened"), UNKNOWN),
    Case("OrderException 500", kite(500, "OrderException", "Invalid price"), UNKNOWN),
    Case("GeneralException", kite(400, "GeneralException", "Couldn't find that `order_id`."), UNKNOWN),
    Case("NetworkException 400", kite(400, "NetworkException", TIMED_OUT), UNKNOWN),
    Case("NetworkException 503", kite(503, "NetworkException", "OMS unreachable"), UNKNOWN),
    Case("DataException", kite(502, "DataException", "OMS answer"), UNKNOWN),
    Case("an unknown error type", kite(400, "SurpriseException", "Invalid"), UNKNOWN),
    Case("a null error type", kite(400, None, "Invalid"), UNKNOWN),
    Case("no message", js(400, {"status": "error", "error_type": "InputException"}), UNKNOWN),
    Case("no status", js(400, {"message": "Invalid", "error_type": "InputException"}), UNKNOWN),
    Case("PermissionException", kite(403, "PermissionException", "Your IP is not registered"), REFUSED),
    Case("TokenException", kite(403, "TokenException", "Incorrect `api_key` or `access_token`."), REFUSED, session=True),
    Case("TokenException 401", kite(401, "TokenException", "Incorrect"), REFUSED, session=True),
    Case("429 JSON", kite(429, "NetworkException", "Too many requests"), REFUSED, rate=True),
    Case("403 access rate", http(403, RATE, "text/plain"), UNKNOWN),
]
SMART = [
    Case(
        "an id",
        js(200, {"status": True, "message": "SUCCESS", "errorcode": "", "data": {"orderid": "151220000000000"}}),
        ACCEPTED,
    ),
    Case("a number as id", js(200, {"status": True, "message": "", "errorcode": "", "data": {"orderid": 1}}), UNKNOWN),
    Case("null as id", js(200, {"status": True, "message": "", "errorcode": "", "data": {"orderid": None}}), UNKNOWN),
    Case("no id", js(200, {"status": True, "message": "", "errorcode": "", "data": {}}), UNKNOWN),
    Case("no data", js(200, {"status": True, "message": "", "errorcode": "", "data": None}), UNKNOWN),
    Case("true as text", js(200, {"status": "true", "message": "", "errorcode": "", "data": {"orderid": "1"}}), UNKNOWN),
    Case("false as text", js(200, {"status": "false", "message": "", "errorcode": "AB1009", "data": {"orderid": "1"}}), UNKNOWN),
    Case("an id with HTTP 500", js(500, {"status": True, "message": "", "errorcode": "", "data": {"orderid": "1"}}), UNKNOWN),
    *(
        Case(f"{code} HTTP {status}", smart(code, status=status), REFUSED)
        for code in ("AG7002", "AG8004", "AB1005", "AB1006", "AB1008", "AB1009", "AB1012", "AB1018", "AB2002", "AB4008")
        for status in (200, 400)
    ),
    *(
        Case(code, smart(code), REFUSED, session=True)
        for code in ("AG8001", "AG8002", "AG8003", "AB1010", "AB1011", "AB8050", "AB8051")
    ),
    *(Case(f"gateway {code}", gateway(code), REFUSED, session=True) for code in ("AG8001", "AG8002", "AG8003")),
    Case("gateway 401", gateway("AG8001", 401), REFUSED, session=True),
    Case("gateway AG7002", gateway("AG7002"), REFUSED),
    Case("gateway without a message", js(200, {"success": False, "errorCode": "AG8001", "data": ""}), REFUSED, session=True),
    *(Case(code, smart(code), UNKNOWN) for code in ("AB1000", "AB1004", "AB1023", "AB1050", "AB2000", "AB2001", "AB9999", "")),
    Case("a refusal with HTTP 500", smart("AB1009", status=500), UNKNOWN),
    Case("AB1007 that refuses", smart("AB1007", "AMX Error: insufficient funds"), REFUSED),
    Case("AB1007 that timed out", smart("AB1007", "AMX Error: request timed out, order may be invalid"), UNKNOWN),
    Case("AB1007 alone", smart("AB1007", "AMX Error"), UNKNOWN),
    Case("order not found, of a change", smart("AB1013", "Order not found"), REFUSED, only=("modify", "cancel")),
    Case("order not found, of a new one", smart("AB1013", "Order not found"), UNKNOWN, only=("place",)),
    Case("403 access rate", http(403, RATE, "text/plain"), REFUSED, rate=True),
    Case("429 JSON", smart("AB1023", "Too many requests", 429), UNKNOWN),
]
CASES = [("zerodha", case) for case in ANYWHERE + KITE] + [("angelone", case) for case in ANYWHERE + SMART]


@pytest.mark.parametrize(("broker", "case"), CASES, ids=[f"{broker}-{case.name}" for broker, case in CASES])
def test_an_answer_to_a_write_proves_what_the_table_says_and_no_more(broker: str, case: Case) -> None:
    with RawServer([case.answer]) as server:
        adapter = account(broker, server.url)
        for name in case.only:
            before = len(server.requests)
            answer = WRITES[name](adapter)
            assert answer.outcome is case.outcome, (name, answer)
            assert (answer.session_expired, answer.rate_limited) == (case.session, case.rate)
            assert answer.broker_order_id == ("151220000000000" if case.outcome is ACCEPTED else None)
            assert len(server.requests) == before + 1


def test_a_refusal_for_rate_says_how_long_to_wait_and_the_date_is_kept() -> None:
    body = {"status": "error", "message": "Too many requests", "data": None, "error_type": "NetworkException"}
    with RawServer([js(429, body, "Retry-After: 3")]) as server:
        answer = WRITES["place"](account("zerodha", server.url))
    assert (answer.retry_after, answer.http_status, answer.code) == (3.0, 429, "NetworkException")
    assert answer.server_time == datetime(2026, 11, 20, 5, 0, 7, tzinfo=UTC)


@pytest.mark.parametrize("broker", ["zerodha", "angelone"])
def test_a_lookup_that_fails_is_an_order_not_sent(broker: str) -> None:
    """Writes never raise, not even when our own database does."""

    class Failing(OneInstrument):
        def broker_instrument(self, broker: str, listing: str) -> BrokerInstrument:
            raise OSError("disk full")

    with RawServer() as server:
        adapter = account(broker, server.url, instruments=Failing())
        for name in ("place", "modify") if broker == "angelone" else ("place",):
            answer = WRITES[name](adapter)
            assert (answer.outcome, answer.code) == (Outcome.NOT_SENT, "UNTRANSLATABLE")
            assert "disk full" in answer.text
        assert server.requests == []


@pytest.mark.parametrize(
    ("broker", "answer", "address"),
    [
        ("zerodha", kite(403, "PermissionException", "IP (198.51.100.7) is not allowed to place orders for this app."), True),
        ("zerodha", kite(403, "PermissionException", "No IPs configured for this app."), True),
        ("zerodha", kite(403, "PermissionException", "Insufficient permission for that call."), False),
        ("angelone", gateway("AG7002"), True),
        ("angelone", smart("AG7002"), True),
        ("angelone", gateway("AG8004"), False),
    ],
)
def test_a_refusal_for_the_address_is_told_in_words_behind_the_broker_s_own(broker: str, answer: bytes, address: bool) -> None:
    with RawServer([answer]) as server:
        for write in WRITES.values():
            told = write(account(broker, server.url))
            assert told.outcome is REFUSED
            assert (ADDRESS_REFUSED in told.text) is address
            assert told.code in ("PermissionException", "AG7002", "AG8004")


def test_the_broker_s_own_name_of_an_error_survives_the_client() -> None:
    """The client turns MarginException into GeneralException."""
    with RawServer([kite(400, "MarginException", "Insufficient funds.")]) as server:
        answer = WRITES["place"](account("zerodha", server.url))
    assert (answer.code, answer.text) == ("MarginException", "Insufficient funds.")
