"""Logs: whole, private, correlated, and without a secret whatever way it comes."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from sigma.domain.errors import ConfigError
from sigma.infra import logging as ours
from sigma.infra.logging import configure_logging, correlated, hide_secrets, redact

PLANTED = "pl4nted-Secret/+=.*value"


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Leave logging as it was found."""
    hidden, pattern = set(ours._hidden), ours._pattern
    ours._hidden, ours._pattern = set(), None
    levels = {name: logging.getLogger(name).level for name in ("", "sigma", "urllib3")}
    yield
    ours._install(logging.getLogger("sigma"), [], "NOTSET")
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()
    ours._hidden, ours._pattern = hidden, pattern


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_each_event_is_a_json_line_with_level_logger_time_and_correlation_id(tmp_path: Path) -> None:
    path = configure_logging(tmp_path, "worker")
    with correlated("abc") as bound:
        structlog.get_logger("sigma.test").info("order sent", order=7, listing="NSE:M&M")
    (line,) = lines(path)
    assert bound == "abc"
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "order sent",
        "order": 7,
        "listing": "NSE:M&M",
        "correlation_id": "abc",
        "level": "info",
        "logger": "sigma.test",
    }


def test_a_new_correlation_id_is_made_when_none_is_given_and_ends_with_the_block() -> None:
    with correlated() as first, correlated() as second:
        assert first != second
    assert "correlation_id" not in structlog.contextvars.get_contextvars()


def test_records_of_other_libraries_go_the_same_way_and_are_redacted(tmp_path: Path) -> None:
    path = configure_logging(tmp_path, "worker", level="DEBUG")
    hide_secrets([PLANTED])
    logging.getLogger("urllib3").debug('"GET /orders?api_key=%s HTTP/1.1" 200', "abcdef")
    logging.getLogger("anything").warning("headers %s", {"Authorization": f"token key:{PLANTED}"})
    texts = path.read_text(encoding="utf-8")
    assert "abcdef" not in texts
    assert PLANTED not in texts
    assert [line["logger"] for line in lines(path)] == ["urllib3", "anything"]


def test_an_exception_s_text_and_trace_are_redacted(tmp_path: Path) -> None:
    path = configure_logging(tmp_path, "worker")
    hide_secrets([PLANTED])
    for log in (structlog.get_logger("sigma.test"), logging.getLogger("elsewhere")):
        try:
            raise ValueError(f"refused {PLANTED}")
        except ValueError:
            log.exception("login failed")
    text = path.read_text(encoding="utf-8")
    assert text.count("ValueError: refused …") == 2
    assert PLANTED not in text


def test_a_registered_value_is_taken_out_wherever_it_stands(tmp_path: Path) -> None:
    path = configure_logging(tmp_path, "worker")
    hide_secrets([PLANTED, "123456", "ab"])
    structlog.get_logger("sigma.test").warning(
        f"otp 123456 {PLANTED}!", deep={"a": [PLANTED, ("x", {"y": PLANTED})]}, odd=Path(PLANTED)
    )
    text = path.read_text(encoding="utf-8")
    assert PLANTED not in text
    assert "123456" not in text
    assert "sigma.test" in text


@pytest.mark.parametrize(
    "key",
    [
        "api_key",
        "api_secret",
        "access_token",
        "jwtToken",
        "password",
        "pin",
        "otp",
        "totp_secret",
        "Authorization",
        "X-PrivateKey",
        "checksum",
    ],
)
def test_a_value_under_a_secret_s_name_is_taken_out(tmp_path: Path, key: str) -> None:
    path = configure_logging(tmp_path, "worker")
    structlog.get_logger("sigma.test").info("seen", **{key: "zzyzx"}, nested={key: 987_654})
    assert "zzyzx" not in path.read_text(encoding="utf-8")
    assert "987654" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer zzyzx.abc-def",
        "token kitekey:zzyzx",
        '{"clientcode": "A1", "password": "zzyzx", "totp": "zzyzx"}',
        "{'jwtToken': 'zzyzx', 'n': 1}",
        '{"access_token":"a\\"zzyzx"}',
        "POST /session/token?api_key=zzyzx&request_token=zzyzx&checksum=zzyzx",
        "pin=zzyzx, otp=zzyzx",
        "got eyJhbGciOi.zzyzx.sig",
        "x-api-key=zzyzx",
    ],
)
def test_what_looks_like_a_secret_is_taken_out_of_running_text(text: str) -> None:
    assert "zzyzx" not in redact(text)


def test_a_secret_beside_a_registered_value_is_still_seen_by_its_shape() -> None:
    hide_secrets(["kitekey"])
    assert redact("token kitekey:zzyzx") == "token …"


@pytest.mark.parametrize(
    "text",
    [
        "NSE:M&M has no quote",
        "the token of NSE:INFY is 408065",
        "spinning=3 helpings=2",
        "opinion: 'pin' is a word",
        "order 12 filled 5 of 5 at 1498.70",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=4, max_size=30),
    st.text(max_size=20),
)
def test_a_hidden_value_never_survives(secret: str, around: str) -> None:
    hide_secrets([secret])
    assert secret.strip() not in redact(f"{around} {secret} {around}").replace(ours.HIDDEN, "\0")


def test_the_file_is_private_and_stays_so_when_it_turns_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "FILE_BYTES", 2000)
    path = configure_logging(tmp_path, "worker")
    for number in range(60):
        structlog.get_logger("sigma.test").info("a line that fills the file", number=number)
    files = sorted(path.parent.iterdir())
    assert len(files) > 2
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)
    assert path.parent.stat().st_mode & 0o077 == 0


def test_without_a_process_name_only_our_logs_are_taken_and_the_root_logger_is_left_alone(tmp_path: Path) -> None:
    root = list(logging.getLogger().handlers)
    path = configure_logging(tmp_path)
    structlog.get_logger("sigma.services").info("ours")
    logging.getLogger("elsewhere").error("not ours")
    assert path.name == "desk.log"
    assert [line["event"] for line in lines(path)] == ["ours"]
    assert logging.getLogger().handlers == root


def test_configuring_again_moves_the_logs_and_doubles_none(tmp_path: Path) -> None:
    first = configure_logging(tmp_path / "one", "worker")
    second = configure_logging(tmp_path / "two", "worker")
    structlog.get_logger("sigma.test").info("once")
    assert not first.exists()
    assert len(lines(second)) == 1


def test_the_console_shows_events_to_people_and_no_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hide_secrets([PLANTED])
    configure_logging(tmp_path, "worker", console=True)
    structlog.get_logger("sigma.test").info("hello", what=PLANTED)
    shown = capsys.readouterr().err
    assert "hello" in shown
    assert PLANTED not in shown


def test_a_log_that_cannot_be_written_is_said_once_and_shows_no_record(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = configure_logging(tmp_path, "worker")
    path.mkdir()
    for _ in range(3):
        logging.getLogger("elsewhere").error("token key:%s", "zzyzx")
    told = capsys.readouterr().err
    assert told.count("cannot be written") == 1
    assert "zzyzx" not in told


def test_a_home_without_room_for_logs_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    with pytest.raises(ConfigError, match="folder for logs"):
        configure_logging(tmp_path, "worker")
