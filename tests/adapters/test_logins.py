"""Logging in: what is sent, when a session dies, and what a refused login is called."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import struct
from datetime import UTC, datetime
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma.adapters.angelone import auth as angelone
from sigma.adapters.zerodha import auth as zerodha
from sigma.domain.errors import BrokerUnavailable, InvalidInput, RateLimited, SessionExpired, Unsupported
from tests.adapters import raw_server
from tests.adapters.house import CREDENTIALS, KITS, NOW, context, login, session
from tests.adapters.raw_server import RawServer, http, js

pytestmark = pytest.mark.filterwarnings("ignore:ssl.OP_NO:DeprecationWarning")

KITE_PROFILE = js(200, {"status": "success", "data": {"user_id": "AB1234", "user_name": "A", "email": "a@b"}})
SMART_PROFILE = js(200, {"status": True, "message": "", "errorcode": "", "data": {"clientcode": "A100001", "name": "A"}})
SMART_TOKENS = js(
    200,
    {"status": True, "message": "", "errorcode": "", "data": {"jwtToken": "jjjj", "refreshToken": "rrrr", "feedToken": "ffff"}},
)


def _kite_session(**more: object) -> bytes:
    return js(200, {"status": "success", "data": {"access_token": "fresh", "refresh_token": "", "login_time": ""} | more})


@pytest.mark.parametrize(
    ("obtained", "dies"),
    [
        (datetime(2026, 11, 19, 19, 30, tzinfo=UTC), datetime(2026, 11, 20, 0, 30, tzinfo=UTC)),  # 01:00 IST
        (datetime(2026, 11, 20, 5, 0, tzinfo=UTC), datetime(2026, 11, 21, 0, 30, tzinfo=UTC)),  # 10:30 IST
        (datetime(2026, 11, 20, 0, 30, tzinfo=UTC), datetime(2026, 11, 21, 0, 30, tzinfo=UTC)),  # 06:00 IST
    ],
)
def test_a_kite_token_dies_at_the_next_six_in_the_morning(obtained: datetime, dies: datetime) -> None:
    assert zerodha.expiry(obtained) == dies


def test_a_smartapi_session_dies_at_midnight_in_india() -> None:
    assert angelone.expiry(NOW) == datetime(2026, 11, 20, 18, 30, tzinfo=UTC)
    assert angelone.expiry(datetime(2026, 11, 20, 18, 30, tzinfo=UTC)) == datetime(2026, 11, 21, 18, 30, tzinfo=UTC)


def test_kite_gets_the_checksum_and_then_the_profile_call() -> None:
    with RawServer([_kite_session(), KITE_PROFILE]) as server:
        made, profile = login("zerodha", server.url).connect({"request_token": "token7"})
        form = parse_qs(server.requests[0].body.decode())
        assert form["checksum"] == [hashlib.sha256(b"plantedapikey1token7plantedsecret2").hexdigest()]
        assert "authorization" not in server.requests[0].headers
        assert server.requests[1].headers["authorization"] == "token plantedapikey1:fresh"
    assert (made.client_id, made.tokens, profile.name) == ("AB1234", {"access_token": "fresh"}, "A")


def test_a_login_answer_that_the_client_cannot_digest_is_a_login_all_the_same() -> None:
    """Without `login_time` the client raises KeyError, after it has spent the request token."""
    answer = js(200, {"status": "success", "data": {"access_token": "fresh"}})
    with RawServer([answer, KITE_PROFILE]) as server:
        assert login("zerodha", server.url).connect({"request_token": "token7"})[0].tokens == {"access_token": "fresh"}


def test_kite_renews_where_it_gave_a_refresh_token() -> None:
    with RawServer([_kite_session(refresh_token="again"), KITE_PROFILE, _kite_session(access_token="newer")]) as server:
        door = login("zerodha", server.url)
        made, _ = door.connect({"request_token": "token7"})
        assert made.tokens["refresh_token"] == "again"
        assert door.renew(made).tokens == {"access_token": "newer", "refresh_token": "again"}
        assert server.requests[2].path == "/session/refresh_token"


def test_kite_s_own_login_page_is_named_without_an_address_of_ours() -> None:
    assert login("zerodha", "").login_url() == "https://kite.zerodha.com/connect/login?api_key=plantedapikey1&v=3"


def test_smartapi_gets_client_pin_and_code_and_no_old_bearer() -> None:
    with RawServer([SMART_TOKENS, SMART_PROFILE]) as server:
        made, profile = login("angelone", server.url).connect({"pin": "7391", "otp": "864209"})
        first, second = server.requests
    assert json.loads(first.body) == {"clientcode": "A100001", "password": "7391", "totp": "864209"}
    assert "authorization" not in first.headers
    assert second.headers["authorization"] == "Bearer jjjj"
    assert made.tokens == {"jwt": "jjjj", "refresh": "rrrr", "feed": "ffff"}
    assert profile.client_id == made.client_id == "A100001"


def test_smartapi_s_renewal_keeps_what_the_client_forgets() -> None:
    with RawServer([SMART_TOKENS]) as server:
        renewed = login("angelone", server.url).renew(session("angelone"))
        assert json.loads(server.requests[0].body) == {"refreshToken": "plantedrefresh5"}
    assert renewed.tokens == {"jwt": "jjjj", "refresh": "rrrr", "feed": "ffff"}
    with pytest.raises(Unsupported):
        login("angelone", "http://127.0.0.1:9").renew(type(renewed)("C", {"jwt": "j"}, NOW, NOW))


def test_a_ready_token_may_come_with_its_bearer_word() -> None:
    with RawServer([SMART_PROFILE]) as server:
        made, _ = login("angelone", server.url).connect({"access_token": "Bearer jjjj"})
        assert server.requests[0].headers["authorization"] == "Bearer jjjj"
    assert made.tokens == {"jwt": "jjjj"}


REFUSED = [
    (
        "zerodha",
        js(403, {"status": "error", "message": "Token is invalid", "data": None, "error_type": "TokenException"}),
        SessionExpired,
    ),
    ("zerodha", js(400, {"status": "error", "message": "Missing", "data": None, "error_type": "InputException"}), InvalidInput),
    ("zerodha", js(429, {"status": "error", "message": "Slow", "data": None, "error_type": "NetworkException"}), RateLimited),
    ("zerodha", js(200, {"status": "success", "data": {}}), BrokerUnavailable),
    ("angelone", js(200, {"status": False, "message": "Invalid totp", "errorcode": "AB1050", "data": None}), SessionExpired),
    ("angelone", js(200, {"status": False, "message": "Invalid password", "errorcode": "AB1000", "data": None}), SessionExpired),
    ("angelone", js(200, {"status": False, "message": "Blocked", "errorcode": "AB1006", "data": None}), InvalidInput),
    ("angelone", http(403, "Access denied because of exceeding access rate", "text/plain"), RateLimited),
    ("angelone", js(200, {"status": True, "message": "", "errorcode": "", "data": {}}), BrokerUnavailable),
]
NOWHERE = [
    (broker, answer, BrokerUnavailable) for broker in sorted(KITS) for answer in (raw_server.reset, http(504, "x", "text/html"))
]


@pytest.mark.parametrize(("broker", "answer", "error"), REFUSED + NOWHERE)
def test_a_refused_login_has_the_right_name_and_is_not_repeated(broker: str, answer: object, error: type[Exception]) -> None:
    given = {"request_token": "token7", "pin": "7391", "otp": "864209"}
    with RawServer([answer]) as server:
        with pytest.raises(error) as caught:
            login(broker, server.url).connect(given)
        logins = [request for request in server.requests if request.method == "POST"]
        assert len(logins) == 1
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("second", [raw_server.reset, http(504, "x", "text/html"), js(200, {"status": True, "data": {}})])
def test_a_login_without_a_readable_profile_is_none(second: object) -> None:
    with RawServer([SMART_TOKENS, second]) as server, pytest.raises(BrokerUnavailable, match="profile"):
        login("angelone", server.url).connect({"pin": "7391", "otp": "864209"})


@pytest.mark.parametrize("broker", sorted(KITS))
def test_an_account_without_its_credentials_says_which_are_missing(broker: str) -> None:
    with pytest.raises(InvalidInput, match="api_key"):
        KITS[broker].authenticator({}, context(""))
    with pytest.raises(InvalidInput, match="api_key"):
        KITS[broker].broker({}, session(broker), context(""))


def test_automatic_login_needs_what_it_types() -> None:
    door = KITS["angelone"].authenticator({"api_key": "k", "client_code": "A"}, context(""))
    with pytest.raises(InvalidInput, match="pin and totp_secret"):
        door.auto_login()


def _rfc6238(key: bytes, moment: int) -> str:
    digest = hmac.new(key, struct.pack(">Q", moment // 30), hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"


@given(st.binary(min_size=1, max_size=40), st.integers(0, 4_000_000_000))
def test_the_one_time_code_is_the_standard_s_for_secrets_of_any_length(key: bytes, moment: int) -> None:
    """80-bit secrets are common, and pyotp takes none below 112 bits."""
    secret = base64.b32encode(key).decode().rstrip("=")
    assert angelone.one_time_code(secret, datetime.fromtimestamp(moment, UTC)) == _rfc6238(key, moment)


def test_the_one_time_code_is_that_of_the_standard_s_own_table() -> None:
    secret = base64.b32encode(b"12345678901234567890").decode()
    assert angelone.one_time_code(secret, datetime(2005, 3, 18, 1, 58, 29, tzinfo=UTC)) == "081804"
    assert CREDENTIALS["angelone"]["totp_secret"]
