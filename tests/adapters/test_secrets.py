"""No key, token, PIN or one-time code in any text that leaves an adapter, whatever a broker says back, and no files."""

from __future__ import annotations

import hashlib
import logging
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma.adapters.angelone.auth import one_time_code
from sigma.adapters.transport import Redactor
from sigma.domain.errors import SigmaError
from tests.adapters import raw_server
from tests.adapters.house import CREDENTIALS, KITS, NOW, TOKENS, account, context, login, session
from tests.adapters.raw_server import Echo, RawServer, http, js
from tests.adapters.test_answers import WRITES

pytestmark = pytest.mark.filterwarnings("ignore:ssl.OP_NO:DeprecationWarning")

BROKERS = sorted(KITS)
GIVEN = {"request_token": "plantedrequest7", "pin": "7391xy", "otp": "864209zz"}
# Computed by the client, and so in no list of stored secrets.
CHECKSUM = hashlib.sha256(b"plantedapikey1" + b"plantedrequest7" + b"plantedsecret2").hexdigest()
KITES = {True: "success", False: True}
ECHOES = {
    "a careless page": Echo(lambda request: http(502, f"<html>{request.text}</html>", "text/html")),
    "a careless refusal": Echo(
        lambda request: js(
            400, {"status": "error", "message": request.text, "error_type": "InputException", "data": None, "errorcode": "AB1009"}
        )
    ),
    "a careless envelope": Echo(
        lambda request: js(200, {"status": False, "message": request.text, "errorcode": "AB1012", "data": None})
    ),
    "a careless token error": Echo(
        lambda request: js(403, {"status": "error", "message": request.text, "error_type": "TokenException", "data": None})
    ),
    "a list with a careless row": Echo(
        lambda request: js(200, {"status": KITES.get("kite" in request.text.lower()), "data": [{"text": request.text}]})
    ),
    "no answer": raw_server.reset,
}


def _secrets(broker: str) -> list[str]:
    kept = {**CREDENTIALS[broker], **TOKENS[broker], **GIVEN}
    kept.pop("client_code", None)
    return [*kept.values(), CHECKSUM]


def _acts(broker: str, url: str) -> Iterator[Callable[[], object]]:
    adapter, door, logged_in = account(broker, url, timeout_s=0.3), login(broker, url, timeout_s=0.3), session(broker)
    yield from (
        adapter.profile,
        adapter.funds,
        adapter.holdings,
        adapter.positions,
        adapter.order_book,
        adapter.fills,
        lambda: adapter.order_history("1"),
        lambda: adapter.quotes(["NSE:INFY"]),
        *((lambda write=write: write(adapter)) for write in WRITES.values()),
        lambda: door.connect(GIVEN),
        lambda: door.connect({"access_token": next(iter(TOKENS[broker].values()))}),
        lambda: door.renew(logged_in),
        door.auto_login,
        lambda: door.logout(logged_in),
        lambda: KITS[broker].master(CREDENTIALS[broker], logged_in, context(url, timeout_s=0.3)),
    )


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("broker", BROKERS)
def test_a_broker_that_says_everything_back_makes_nobody_see_a_secret(
    broker: str,
    echo: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3", "SmartApi", "kiteconnect", "requests", "smartapi.silent", "logzero"):
        caplog.set_level(logging.DEBUG, logger=name)
    seen: list[str] = []
    with RawServer([ECHOES[echo]]) as server:
        for act in _acts(broker, server.url):
            try:
                seen.append(repr(act()))
            except SigmaError as error:
                seen += [repr(error), str(error), "".join(traceback.format_exception(error))]
        assert len(server.requests) > 10
        carried = "".join(request.text for request in server.requests)
    out, err = capfd.readouterr()
    everything = "\n".join([*seen, caplog.text, *(repr((record.msg, record.args)) for record in caplog.records), out, err])
    secrets = _secrets(broker)
    assert sum(secret in carried for secret in secrets) >= 3, "the test plants nothing"
    assert [secret for secret in secrets if secret in everything] == []
    assert list(tmp_path.iterdir()) == []


def test_the_session_s_own_text_shows_no_token() -> None:
    for broker in BROKERS:
        assert not [token for token in TOKENS[broker].values() if token in repr(session(broker))]


def test_the_one_time_code_of_the_moment_is_taken_out_too() -> None:
    """It is computed, and so in no list of stored secrets."""
    code = one_time_code(CREDENTIALS["angelone"]["totp_secret"], NOW)
    with RawServer([ECHOES["a careless envelope"]]) as server:
        with pytest.raises(SigmaError) as caught:
            login("angelone", server.url).auto_login()
        assert code in server.requests[0].text
    assert code not in str(caught.value)


@given(st.text(min_size=8).filter(lambda text: text.strip() == text), st.text(), st.text())
def test_a_known_secret_never_survives_the_redactor(secret: str, before: str, after: str) -> None:
    shown = Redactor([secret])(before + secret + after, limit=10_000)
    assert secret not in shown or secret in "***" or secret in " ".join((before + "***" + after).split())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET /session/token?api_key=abc&access_token=def HTTP/1.1", "GET /session/token?api_key=***&access_token=*** HTTP/1.1"),
        ('{"jwtToken":"abc","feedToken": "def"}', '{"jwtToken":"***","feedToken": "***"}'),
        ("Authorization: Bearer abc123", "Authorization: *** ***"),
        ("it had token key1:access2 in it", "it had token *** in it"),
        ("Token is invalid or has expired.", "Token is invalid or has expired."),
        ("Invalid Token", "Invalid Token"),
        ("Incorrect `api_key` or `access_token`.", "Incorrect `api_key` or `access_token`."),
        ("eyJhbGciOiJIUzUxMiJ9.eyJ1c2VybmFtZSI6.abc-_1 is over", "*** is over"),
        ("order 1512204321 was not found", "order 1512204321 was not found"),
        ("PIN 4321 is wrong", "PIN *** is wrong"),
        ("code 4321", "code ***"),
    ],
)
def test_what_stands_behind_a_telling_name_is_taken_out_unknown_as_it_is(text: str, shown: str) -> None:
    assert Redactor(["4321"])(text) == shown


def test_a_long_text_is_cut() -> None:
    assert len(Redactor(())("word " * 200)) == 300


CLEAN = """
import os, socket, sys, requests
def refuse(*args, **kwargs):
    raise SystemExit(f"network used: {args}")
socket.socket.connect = refuse
socket.getaddrinfo = refuse
before = requests.get
from tests.adapters.house import KITS, account, login
assert "SmartApi" not in sys.modules and "kiteconnect" not in sys.modules, "a kit imports its SDK before it is used"
for broker in KITS:
    account(broker, "http://127.0.0.1:9")
    login(broker, "http://127.0.0.1:9")
    account(broker, "")
assert "SmartApi.smartConnect" in sys.modules and "kiteconnect" in sys.modules
assert "logzero" not in sys.modules, "the stand-in for logzero stays behind"
assert requests.get is before
assert os.listdir(".") == [], os.listdir(".")
print("clean")
"""


def test_loading_both_clients_and_building_accounts_uses_no_network_and_no_file(tmp_path: Path) -> None:
    root = str(Path(__file__).resolve().parents[2])
    environment = {"PYTHONPATH": root, "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.run(
        [sys.executable, "-c", CLEAN], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.stdout.strip(), run.stderr, run.returncode) == ("clean", "", 0)


def test_a_login_names_no_address_of_the_machine() -> None:
    """The client would send a stranger's public address and this machine's network card."""
    with RawServer([js(200, {"status": True, "message": "", "errorcode": "", "data": None})]) as server:
        account("angelone", server.url).order_book()
        headers = server.requests[0].headers
    assert headers["x-clientpublicip"] == headers["x-clientlocalip"] == "127.0.0.1"
    assert headers["x-macaddress"] == "00:00:00:00:00:00"
