"""Logins: whose they may be, what is known of them, and that automatic ones never loop."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from sigma.domain.accounts import Account, AuthMode, SessionState
from sigma.domain.errors import BrokerUnavailable, Conflict, Denied, InvalidInput, RateLimited, SessionExpired
from sigma.domain.events import Level
from sigma.services.accounts import AccountChange
from sigma.services.sessions import SessionsService
from tests.services.fake_kit import A_DAY
from tests.services.rooms import Rooms

SIX_IST_NEXT_DAY = datetime(2026, 11, 21, 0, 30, tzinfo=UTC)


@pytest.fixture
def automatic(rooms: Rooms) -> Account:
    """An account at beta in auto mode whose login has ended."""
    account = rooms.account("ben", "beta")
    secrets = {"pin": "1234", "totp_secret": "JBSWY3DPEHPK3PXP"}
    rooms.accounts.update(rooms.user, "ben", AccountChange(auth_mode=AuthMode.AUTO, consent=True, credentials=secrets))
    rooms.beta.clients["ready"] = "AB1234"
    rooms.sessions.connect(rooms.user, "ben", {"access_token": "ready"})
    rooms.clock.pass_by(A_DAY.total_seconds())
    rooms.beta.calls.clear()
    return rooms.accounts.find(rooms.user, account.id)


def test_connecting_stores_the_login_and_teaches_the_account_its_client(rooms: Rooms) -> None:
    rooms.account()
    status = rooms.sessions.connect(rooms.user, "ann", {"request_token": "token-of-ann"})
    assert (status.state, status.client_id, status.user_name) == (SessionState.CONNECTED, "AB1234", "Person AB1234")
    assert status.expires_at == SIX_IST_NEXT_DAY
    assert rooms.accounts.find(rooms.user, "ann").client_id == "AB1234"
    assert rooms.audit("SESSION_CONNECTED")[0].text == "ann is connected as AB1234 (a person logged in)."


def test_a_login_is_encrypted_at_rest_and_hidden_from_logs(rooms: Rooms) -> None:
    rooms.connected()
    assert {"token-of-ann", "secret-session-1", "key-of-ann", "secret-of-ann"} <= rooms.hidden
    stored = (rooms.home / "sigma.db").read_bytes() + (rooms.home / "sigma.db-wal").read_bytes()
    assert b"secret-session-1" not in stored
    assert b"secret-of-ann" not in stored


def test_a_damaged_login_is_the_error_of_its_account_alone(rooms: Rooms) -> None:
    whole, damaged = rooms.connected("ann"), rooms.account("ben", "beta")
    with closing(sqlite3.connect(rooms.home / "sigma.db")) as raw, raw:
        copied = "insert into account_sessions select ?, user_id, 'not a token', obtained_at, expires_at from account_sessions"
        raw.execute(copied, (damaged.id,))
    assert rooms.sessions.stored(whole).state is SessionState.CONNECTED
    told = rooms.sessions.stored(damaged)
    assert told.state is SessionState.ERROR
    assert "key" in (told.error or "")


def test_another_client_s_login_is_refused_and_nothing_is_stored(rooms: Rooms) -> None:
    account = rooms.connected()
    before = rooms.connections.session(account.id)
    with pytest.raises(Denied, match="login of client CD5678"):
        rooms.sessions.connect(rooms.user, "ann", {"request_token": "token-of-bob"})
    assert rooms.connections.session(account.id) == before
    (event,) = rooms.audit("SESSION_REFUSED")
    assert (event.level, event.detail["code"]) == (Level.WARNING, "OTHER_CLIENT")


def test_the_client_code_entered_says_whose_the_first_login_must_be(rooms: Rooms) -> None:
    rooms.account("ben", "beta")
    with pytest.raises(Denied):
        rooms.sessions.connect(rooms.user, "ben", {"access_token": "token-of-bob"})
    assert rooms.accounts.find(rooms.user, "ben").client_id is None
    assert rooms.sessions.status(rooms.user, "ben").state is SessionState.NEVER


def test_one_client_is_one_account(rooms: Rooms) -> None:
    rooms.connected("ann")
    rooms.account("bob")
    with pytest.raises(Conflict, match="account 'ann' already"):
        rooms.sessions.connect(rooms.user, "bob", {"request_token": "token-of-ann"})
    assert rooms.sessions.status(rooms.user, "bob").state is SessionState.NEVER


def test_a_refused_login_is_an_audit_event_without_what_was_entered(rooms: Rooms) -> None:
    rooms.account()
    with pytest.raises(SessionExpired):
        rooms.sessions.connect(rooms.user, "ann", {"request_token": "planted-wrong-token"})
    (event,) = rooms.audit("SESSION_REFUSED")
    assert event.text == "Login of ann failed: Token … is invalid."
    assert "planted-wrong-token" not in repr(event)


@pytest.mark.parametrize("given", [{}, {"request_token": "  "}, {"pin": "1234"}, {"request_token": "x", "otp": "1"}])
def test_a_login_takes_its_fields_and_no_others(rooms: Rooms, given: dict[str, str]) -> None:
    rooms.account()
    with pytest.raises(InvalidInput, match="takes request_token, or a ready access_token"):
        rooms.sessions.connect(rooms.user, "ann", given)
    assert "connect" not in rooms.alpha.calls


def test_status_asks_the_broker_at_most_once_a_minute_unless_told_to(rooms: Rooms) -> None:
    rooms.connected()
    assert rooms.sessions.status(rooms.user, "ann").state is SessionState.CONNECTED
    assert rooms.alpha.calls.count("profile") == 0
    rooms.clock.pass_by(59)
    rooms.sessions.status(rooms.user, "ann")
    assert rooms.alpha.calls.count("profile") == 0
    rooms.clock.pass_by(2)
    checked = rooms.sessions.status(rooms.user, "ann")
    assert rooms.alpha.calls.count("profile") == 1
    assert checked.checked_at == rooms.clock.now()
    rooms.sessions.status(rooms.user, "ann", refresh=True)
    assert rooms.alpha.calls.count("profile") == 2


def test_an_account_that_was_never_connected_says_so_without_a_call(rooms: Rooms) -> None:
    rooms.account()
    assert rooms.sessions.status(rooms.user, "ann", refresh=True).state is SessionState.NEVER
    assert not rooms.alpha.calls


def test_a_login_dies_at_six_without_a_call(rooms: Rooms) -> None:
    rooms.connected()
    rooms.clock.pass_by((SIX_IST_NEXT_DAY - rooms.clock.now()).total_seconds())
    status = rooms.sessions.status(rooms.user, "ann", refresh=True)
    assert (status.state, status.user_name) == (SessionState.EXPIRED, "Person AB1234")
    assert "profile" not in rooms.alpha.calls


def test_a_login_that_the_broker_refuses_has_expired_for_every_process(rooms: Rooms) -> None:
    account = rooms.connected()
    rooms.alpha.refused.add("secret-session-1")
    assert rooms.sessions.status(rooms.user, "ann", refresh=True).state is SessionState.EXPIRED
    stored = rooms.connections.session(account.id)
    assert stored is not None
    assert stored.expired(rooms.clock.now())
    assert len(rooms.audit("SESSION_EXPIRED")) == 1


@pytest.mark.parametrize("error", [BrokerUnavailable("The network is down."), RateLimited("Too many requests.", retry_after=60)])
def test_a_network_failure_is_an_error_and_no_expiry(rooms: Rooms, error: Exception) -> None:
    account = rooms.connected()
    rooms.alpha.failures = [error] * 5  # type: ignore[list-item]
    status = rooms.sessions.status(rooms.user, "ann", refresh=True)
    assert (status.state, status.error) == (SessionState.ERROR, str(error))
    rooms.alpha.failures.clear()
    rooms.clock.pass_by(60)
    assert rooms.sessions.status(rooms.user, "ann", refresh=True).state is SessionState.CONNECTED
    session = rooms.connections.session(account.id)
    assert session is not None
    assert session.expires_at == SIX_IST_NEXT_DAY


def test_disconnecting_logs_out_and_erases_the_login_but_not_the_credentials(rooms: Rooms) -> None:
    account = rooms.connected()
    assert rooms.sessions.disconnect(rooms.user, "ann").state is SessionState.NEVER
    assert "logout" in rooms.alpha.calls
    assert rooms.connections.session(account.id) is None
    assert rooms.connections.credentials(account.id)["api_key"] == "key-of-ann"


def test_disconnecting_erases_the_login_also_when_the_broker_cannot_be_told(rooms: Rooms) -> None:
    account = rooms.connected()
    rooms.alpha.failures = [BrokerUnavailable("The network is down.")]
    status = rooms.sessions.disconnect(rooms.user, "ann")
    assert status.error is not None
    assert "could not be told" in status.error
    assert rooms.connections.session(account.id) is None


def test_the_login_page_is_the_broker_s_with_the_account_s_key(rooms: Rooms) -> None:
    rooms.account()
    assert rooms.sessions.login_url(rooms.user, "ann") == "https://alpha.example/login?api_key=key-of-ann"


def test_an_ended_auto_login_is_renewed_by_its_refresh_token_first(rooms: Rooms, automatic: Account) -> None:
    rooms.beta.renew_error = None
    assert rooms.sessions.check(automatic).state is SessionState.CONNECTED
    assert rooms.beta.calls[0] == "renew"
    assert "auto_login" not in rooms.beta.calls
    assert len(rooms.audit("SESSION_RENEWED")) == 1


def test_without_a_refresh_token_auto_logs_in_once(rooms: Rooms, automatic: Account) -> None:
    assert rooms.sessions.check(automatic).state is SessionState.CONNECTED
    assert rooms.beta.calls.count("auto_login") == 1


def test_whoever_needs_the_broker_of_an_auto_account_finds_it_renewed(rooms: Rooms, automatic: Account) -> None:
    rooms.connections.broker(automatic.id)
    assert rooms.beta.calls.count("auto_login") == 1


def test_a_failed_auto_login_is_not_tried_again_by_any_process_until_a_person_acts(rooms: Rooms, automatic: Account) -> None:
    rooms.beta.auto_error = SessionExpired("Invalid TOTP.")
    other_process = SessionsService(rooms.store, rooms.clock, rooms.connections, rooms.settings, rooms.events)
    for sessions in (rooms.sessions, other_process, rooms.sessions):
        assert sessions.check(automatic, refresh=True).state is SessionState.EXPIRED
        rooms.clock.pass_by(3600)
    assert rooms.beta.calls.count("auto_login") == 1
    (event,) = rooms.audit("AUTO_LOGIN_FAILED")
    assert event.level is Level.ALARM

    rooms.beta.auto_error = None
    rooms.accounts.update(rooms.user, "ben", AccountChange(credentials={"totp_secret": "KRSXG5CTMVRXEZLU"}))
    rooms.sessions.connect(rooms.user, "ben", {"access_token": "ready"})
    rooms.clock.pass_by(A_DAY.total_seconds())
    assert rooms.sessions.check(automatic).state is SessionState.CONNECTED
    assert rooms.beta.calls.count("auto_login") == 2


def test_an_attempt_that_a_crash_cut_off_counts_as_made(rooms: Rooms, automatic: Account) -> None:
    rooms.beta.auto_error = KeyboardInterrupt()  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        rooms.sessions.check(automatic)
    rooms.beta.auto_error = None
    assert rooms.sessions.check(automatic).state is SessionState.EXPIRED
    assert rooms.beta.calls.count("auto_login") == 1


def test_while_the_network_is_down_nothing_is_risked_and_it_is_renewed_later(rooms: Rooms, automatic: Account) -> None:
    rooms.beta.renew_error = BrokerUnavailable("The network is down.")
    assert rooms.sessions.check(automatic).state is SessionState.EXPIRED
    assert "auto_login" not in rooms.beta.calls
    rooms.beta.renew_error = None
    assert rooms.sessions.check(automatic).state is SessionState.CONNECTED


def test_a_manual_account_is_never_renewed(rooms: Rooms) -> None:
    account = rooms.connected()
    rooms.alpha.renew_error = None
    rooms.clock.pass_by(A_DAY.total_seconds())
    assert rooms.sessions.check(account).state is SessionState.EXPIRED
    assert "renew" not in rooms.alpha.calls


def test_a_refresh_token_that_was_refused_is_not_shown_to_the_broker_again(rooms: Rooms, automatic: Account) -> None:
    rooms.beta.renew_error = SessionExpired("The refresh token is invalid.")
    rooms.beta.auto_error = SessionExpired("Invalid TOTP.")
    for _ in range(5):
        assert rooms.sessions.check(automatic, refresh=True).state is SessionState.EXPIRED
        rooms.clock.pass_by(5)
    assert rooms.beta.calls.count("renew") == 1
