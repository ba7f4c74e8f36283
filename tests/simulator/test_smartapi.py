"""The SmartAPI door's gateway: logging in, tokens and their end, keys, limits, addresses, by the unmodified client."""

from __future__ import annotations

import base64
import json
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pyotp
import pytest

from sigma.domain.times import ist
from sigma.simulator.smartapi_auth import totp, totp_valid
from tests.simulator.conftest import FRIDAY
from tests.simulator.smartapi_client import DataException, SmartBench, client, infy

INVALID_TOKEN = {"success": False, "message": "Invalid Token", "errorCode": "AG8001", "data": ""}
EXPIRED = {"success": False, "message": "Token Expired", "errorCode": "AG8002", "data": ""}
RATE = "Access denied because of exceeding access rate"


def test_codes_are_those_of_rfc_6238_and_pyotp() -> None:
    secret = base64.b32encode(b"12345678901234567890").decode()
    published = {59: "287082", 1111111109: "081804", 1234567890: "005924", 2000000000: "279037"}
    for second, code in published.items():
        moment = datetime.fromtimestamp(second, UTC)
        assert totp(secret, moment) == code == pyotp.TOTP(secret).at(moment)


def test_a_code_is_good_one_step_around_a_moment_and_no_further() -> None:
    secret, moment = "JBSWY3DPEHPK3PXP", datetime(2026, 2, 11, 4, 30, 10, tzinfo=UTC)
    worth = {step: totp_valid(secret, totp(secret, moment + timedelta(seconds=30 * step)), [moment]) for step in range(-3, 4)}
    assert worth == {-3: False, -2: False, -1: True, 0: True, 1: True, 2: False, 3: False}


@pytest.mark.parametrize("code", ["", "12345", "abcdef", "\uff11\uff12\uff13\uff14\uff15\uff16", "None"])
def test_what_is_no_code_is_refused(bench: SmartBench, code: str) -> None:
    answer = client(bench.url).generateSession("A100001", "1234", code)
    assert answer == {"status": False, "message": "Invalid totp", "errorcode": "AB1050", "data": None}


def test_login_gives_three_tokens_that_look_like_jwts_and_end_at_midnight(bench: SmartBench) -> None:
    api = client(bench.url)
    user = api.generateSession("A100001", "1234", bench.code(bench.exchange.now()))
    assert user["data"]["clientcode"] == "A100001"
    assert user["data"]["jwtToken"] == f"Bearer {api.access_token}"
    for token in (api.access_token, api.refresh_token, api.feed_token):
        head, claims, signature = token.split(".")
        assert json.loads(base64.urlsafe_b64decode(head + "==")) == {"alg": "HS512"}
        said = json.loads(base64.urlsafe_b64decode(claims + "=="))
        assert said["username"] == "A100001"
        assert said["exp"] == ist(date(2026, 11, 21), time(0, 0)).timestamp()
        assert len(signature) == 86
    assert len({api.access_token, api.refresh_token, api.feed_token}) == 3


def test_the_code_of_the_real_time_is_as_good_as_that_of_the_simulated_time(bench: SmartBench) -> None:
    for moment in (bench.exchange.now(), datetime.now(UTC)):
        assert client(bench.url).generateSession("A100001", "1234", bench.code(moment))["status"] is True
    stale = bench.code(FRIDAY - timedelta(minutes=5))
    assert client(bench.url).generateSession("A100001", "1234", stale)["errorcode"] == "AB1050"


@pytest.mark.parametrize(("code", "pin"), [("A100001", "9999"), ("A100002", "1234"), ("NOBODY", "1234"), ("A100001", "")])
def test_a_wrong_client_code_or_pin_is_refused(bench: SmartBench, code: str, pin: str) -> None:
    answer = client(bench.url).generateSession(code, pin, bench.code(bench.exchange.now()))
    assert (answer["status"], answer["errorcode"], answer["data"]) == (False, "AB1000", None)


def test_logging_in_again_with_the_old_bearer_still_sent_works(bench: SmartBench) -> None:
    api = bench.client()
    first = api.access_token
    assert api.generateSession("A100001", "1234", bench.code(bench.exchange.now()))["status"] is True
    assert api.access_token != first


def test_refreshing_gives_new_tokens_and_a_wrong_refresh_token_is_refused(bench: SmartBench, api: Any) -> None:
    before = api.access_token
    answer = api.generateToken(api.refresh_token)
    assert answer["data"].keys() == {"jwtToken", "refreshToken", "feedToken"}
    assert api.access_token == answer["data"]["jwtToken"] != before
    assert api.getProfile(api.refresh_token)["status"] is True
    assert api.renewAccessToken()["refreshToken"]
    assert api._postRequest("api.token", {"refreshToken": "nonsense"})["errorcode"] == "AB8050"
    assert api._postRequest("api.token", {"refreshToken": before})["errorcode"] == "AB8050"
    bench.post("session/expire", {"client_id": "A100001"})
    assert api._postRequest("api.token", {"refreshToken": api.refresh_token})["errorcode"] == "AB8051"


def test_a_session_dies_at_midnight_in_india_and_a_new_login_revives_it(bench: SmartBench, api: Any) -> None:
    bench.post("clock", {"set": ist(date(2026, 11, 20), time(23, 59, 30)).isoformat()})
    assert api.rmsLimit()["status"] is True
    bench.post("clock", {"set": ist(date(2026, 11, 21), time(0, 0, 1)).isoformat()})
    assert api.rmsLimit() == EXPIRED
    assert bench.client().rmsLimit()["status"] is True


def test_the_control_api_ends_the_sessions_of_one_client_only(bench: SmartBench, api: Any) -> None:
    other = bench.client("A100002")
    bench.post("session/expire", {"client_id": "A100001"})
    assert api.orderBook() == EXPIRED
    assert other.orderBook()["status"] is True


def test_logging_out_ends_the_session_and_its_refresh_token(bench: SmartBench, api: Any) -> None:
    stays = bench.client()
    assert api.terminateSession("A100002")["errorcode"] == "AB1000"
    assert api.terminateSession("A100001") == {"status": True, "message": "SUCCESS", "errorcode": "", "data": ""}
    assert api.orderBook() == INVALID_TOKEN
    assert api._postRequest("api.token", {"refreshToken": api.refresh_token})["errorcode"] == "AB8050"
    assert stays.orderBook()["status"] is True


def test_profile_names_the_client(api: Any) -> None:
    data = api.getProfile(api.refresh_token)["data"]
    assert data.keys() == {"clientcode", "name", "email", "mobileno", "exchanges", "products", "lastlogintime", "brokerid"}
    assert (data["clientcode"], data["name"]) == ("A100001", "Anil Deshmukh")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"X-PrivateKey": ""}, "AG8004"),
        ({"X-PrivateKey": "wrong"}, "AG8004"),
        ({"X-PrivateKey": "smartkey2"}, "AG8001"),
        ({"Authorization": ""}, "AG8003"),
        ({"Authorization": "token"}, "AG8003"),
        ({"Authorization": "Bearer nonsense"}, "AG8001"),
        ({"Authorization": "Bearer Bearer {jwt}"}, "AG8001"),
        ({"Authorization": "Bearer {refresh}"}, "AG8001"),
        ({"Authorization": "Bearer {other}"}, "AG8001"),
    ],
)
def test_the_gateway_turns_away_with_its_own_envelope_and_http_200(
    bench: SmartBench, api: Any, headers: dict[str, str], code: str
) -> None:
    tokens = {"jwt": api.access_token, "refresh": api.refresh_token, "other": bench.client("A100002").access_token}
    sent = {name: value.format(**tokens) for name, value in headers.items()}
    reply = bench.call(api, "GET", "order/v1/getOrderBook", headers=sent)
    answer = reply.json()
    assert (reply.status_code, answer["success"], answer["errorCode"], answer["data"]) == (200, False, code, "")
    assert list(answer) == ["success", "message", "errorCode", "data"]


def test_a_login_with_an_unknown_key_is_turned_away_at_the_gateway(bench: SmartBench) -> None:
    answer = client(bench.url, "wrong")._postRequest("api.login", {"clientcode": "A100001", "password": "1234", "totp": "0"})
    assert answer == {"success": False, "message": "Invalid API Key", "errorCode": "AG8004", "data": ""}


def test_another_user_type_is_refused(api: Any) -> None:
    api.userType = "ADMIN"
    assert api.orderBook()["errorcode"] == "AB1005"


def test_writes_come_from_registered_addresses_only_and_reads_from_anywhere(bench: SmartBench, api: Any) -> None:
    bench.config(allowed_ips=["203.0.113.9"])
    answer = api.placeOrderFullResponse(infy())
    assert (answer["success"], answer["errorCode"], answer["data"]) == (False, "AG7002", "")
    assert api.cancelOrder("260211000100001", "NORMAL")["errorCode"] == "AG7002"
    assert api.modifyOrder(infy(orderid="260211000100001"))["errorCode"] == "AG7002"
    assert api.orderBook() == {"status": True, "message": "SUCCESS", "errorcode": "", "data": None}
    bench.config(allowed_ips=["127.0.0.1"])
    assert api.placeOrderFullResponse(infy())["status"] is True


def test_the_tenth_write_of_a_second_is_refused_with_403_in_plain_text(bench: SmartBench, api: Any) -> None:
    wanted = {"variety": "NORMAL", "orderid": "1"}
    replies = [bench.call(api, "POST", "order/v1/cancelOrder", json=wanted) for _ in range(60)]
    refused = [reply for reply in replies if reply.status_code == 403]
    assert {reply.status_code for reply in replies} == {200, 403}
    assert {(reply.text, reply.headers["Content-Type"]) for reply in refused} == {(RATE, "text/plain")}
    assert bench.get("breaches")[0]["limit"] == 9
    with pytest.raises(DataException, match=RATE):
        [api.cancelOrder("1", "NORMAL") for _ in range(60)]
    bench.config(order_rate_enforced=False)
    assert api.cancelOrder("1", "NORMAL")["errorcode"] == "AB1013"


def test_read_limits_bind_only_when_they_are_switched_on(bench: SmartBench, api: Any) -> None:
    for _ in range(4):
        assert api.orderBook()["status"] is True
    bench.config(read_rate_enforced=True)
    with pytest.raises(DataException, match=RATE):
        [api.orderBook() for _ in range(4)]
    assert api.rmsLimit()["status"] is True


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff\xfe", b"null"])
def test_a_body_that_is_no_json_object_is_refused_and_places_nothing(bench: SmartBench, api: Any, body: bytes) -> None:
    reply = bench.call(api, "POST", "order/v1/placeOrder", data=body)
    assert (reply.status_code, reply.json()["status"]) == (200, False)
    assert bench.get("orders") == []


def test_an_unknown_path_is_not_found(bench: SmartBench, api: Any) -> None:
    for method, path in (("GET", "order/v1/nothing"), ("GET", "order/v1/placeOrder"), ("POST", "order/v1/getOrderBook")):
        reply = bench.call(api, method, path)
        assert (reply.status_code, reply.json()["status"]) == (404, False)
