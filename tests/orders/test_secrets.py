"""No secret is readable anywhere afterwards: in no file of the home, no event, no log line, no exception's text."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sigma.bootstrap import open_house
from sigma.domain.errors import SigmaError
from sigma.infra.logging import configure_logging
from tests.orders.stage import KITE, SMART, Stage

PIN, OTP, TOKEN, API_SECRET, API_KEY = "9731", "481516", "PLANTEDREQUESTTOKEN42", "PLANTEDAPISECRET77", "PLANTEDAPIKEY55"
ACCESS, WEBHOOK, TOTP_SECRET = "PLANTEDACCESSTOKEN99", "PLANTEDWEBHOOKSECRET-0123456789", "PLANTEDTOTPSECRETPLANTEDTOTPSECRET"
# A PIN and a one-time code are too short to be sought in binary files, where any four digits occur by chance.
LONG = (TOKEN, API_SECRET, API_KEY, ACCESS, WEBHOOK, TOTP_SECRET)


@pytest.fixture
def logs(stage: Stage) -> Iterator[Path]:
    """Logging as a worker has it, at its most talkative."""
    before = list(logging.root.handlers), logging.root.level
    yield configure_logging(stage.home, "secrets", level="DEBUG")
    for handler in set(logging.root.handlers) - set(before[0]):
        logging.root.removeHandler(handler)
        handler.close()
    logging.root.setLevel(before[1])


def told(act: Callable[[], object]) -> str:
    """Return the whole text of the error that `act` ends in, causes included."""
    with pytest.raises(SigmaError) as caught:
        act()
    texts, error = [], caught.value
    chain: BaseException | None = error
    while chain is not None:
        texts.append(f"{chain!r} {chain} {getattr(chain, 'hint', '')}")
        chain = chain.__cause__ or (None if chain.__suppress_context__ else chain.__context__)
    return " ".join(texts)


def mishaps(stage: Stage) -> list[str]:
    """Go wrong in every way that touches a secret, and return what was said."""
    desk = stage.desk
    desk.accounts.add("zerodha", name="planted-kite", api_key=API_KEY, api_secret=API_SECRET)
    desk.accounts.add("angelone", name="planted-smart", api_key=API_KEY + "2", client_code="A100002")
    said = [
        told(lambda: desk.accounts.connect("planted-kite", request_token=TOKEN)),
        told(lambda: desk.accounts.connect("planted-kite", access_token=ACCESS)),
        told(lambda: desk.accounts.connect("planted-smart", pin=PIN, otp=OTP)),
        told(lambda: desk.accounts.connect(SMART, pin=PIN, otp=OTP)),
        told(lambda: desk.accounts.connect("planted-smart", access_token=ACCESS)),
        told(lambda: desk.accounts.connect("planted-kite", request_token=TOKEN, nonsense=API_SECRET)),
        told(lambda: desk.signals.receive({"secret": WEBHOOK, "symbol": "NSE:INFY", "order_action": "BUY", "quantity": -1})),
        told(lambda: desk.signals.receive(f'{{"secret": "{WEBHOOK}", oops', None)),
    ]
    for kind in ("html_504", "garbage", "text_403"):
        stage.fault(kind, endpoint="login", times=None)
        said.append(told(lambda: desk.accounts.connect("planted-smart", pin=PIN, otp=OTP)))
        said.append(told(lambda: desk.accounts.connect("planted-kite", request_token=TOKEN)))
    stage.server.stop()
    said.append(told(lambda: desk.accounts.connect("planted-smart", pin=PIN, otp=OTP)))
    said.append(told(lambda: desk.accounts.connect("planted-kite", request_token=TOKEN)))
    return said


def test_no_planted_secret_is_in_any_error_event_log_or_file(
    stage: Stage, logs: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    stage.house.signals.set_secret(stage.user_id, WEBHOOK)
    stage.desk.signals.receive({"secret": WEBHOOK, "symbol": "NSE:INFY", "order_action": "BUY", "quantity": 1})
    stage.house.connections.hide([API_SECRET])
    logging.getLogger("urllib3").warning("a library says Authorization: token %s:%s", API_KEY, ACCESS)
    said = mishaps(stage)
    events = stage.desk.events(limit=10_000).to_string()
    output = capfd.readouterr()
    for where, text in [*((f"error {number}", text) for number, text in enumerate(said)), ("events", events)]:
        for secret in (*LONG, PIN, OTP):
            assert secret not in text, f"{secret} is in {where}"
    for where, text in (("stdout", output.out), ("stderr", output.err)):
        for secret in LONG:
            assert secret not in text, f"{secret} is in {where}"
    assert logs.exists()
    stage.house.close()
    for path in stage.home.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        for secret in LONG:
            assert secret.encode() not in content, f"{secret} is readable in {path.name}"
    for secret in (PIN, OTP):
        assert secret not in logs.read_text(), f"{secret} is in the log"


def test_stored_credentials_and_sessions_are_there_but_not_readable(stage: Stage) -> None:
    stage.desk.accounts.add("zerodha", name="planted", api_key=API_KEY, api_secret=API_SECRET)
    stored = stage.house.connections.credentials(stage.account("planted").id)
    assert stored == {"api_key": API_KEY, "api_secret": API_SECRET}
    session = stage.house.connections.session(stage.account(KITE).id)
    assert session is not None
    token = session.tokens["access_token"]
    content = b"".join(path.read_bytes() for path in stage.home.rglob("*") if path.is_file())
    assert API_SECRET.encode() not in content
    assert token.encode() not in content
    assert token not in repr(session)


def test_another_process_reads_the_same_credentials(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in stage.environment.items():
        if name.startswith("SIGMA_"):
            monkeypatch.setenv(name, value)
    other = open_house(stage.home)
    try:
        assert other.connections.credentials(stage.account(KITE).id)["api_key"] == "kitekey"
    finally:
        other.close()
