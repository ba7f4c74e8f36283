"""Accounts: what may be stored, what a change does, what removing keeps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sigma.domain.accounts import AUTO_CONSENT, AuthMode, SessionState, TradingMode
from sigma.domain.errors import Conflict, InvalidInput, NotFound
from sigma.domain.orders import OrderStatus
from sigma.services.accounts import AccountChange
from tests.engines.build import order
from tests.services.rooms import KEYS, Rooms


@pytest.fixture
def with_environment(tmp_path: Path) -> Iterator[Rooms]:
    made = Rooms(tmp_path / "home", {"ALPHA_KEY": "key-from-outside", "ALPHA_SECRET": " secret-from-outside "})
    yield made
    made.close()


def secrets(rooms: Rooms, account_id: int) -> dict[str, str]:
    with rooms.store.read() as tx:
        return dict(tx.accounts.secrets(account_id))


def test_the_first_account_is_the_default_and_the_second_is_not(rooms: Rooms) -> None:
    first, second = rooms.account("ann"), rooms.account("bob")
    assert (first.is_default, second.is_default) == (True, False)
    assert (first.trading_mode, first.auth_mode, first.client_id) == (TradingMode.NORMAL, AuthMode.MANUAL, None)


def test_a_broker_that_there_is_no_adapter_for_is_refused_by_name(rooms: Rooms) -> None:
    with pytest.raises(NotFound, match="alpha, beta"):
        rooms.accounts.add(rooms.user, "gamma", "ann", KEYS)


def test_a_name_is_taken_once(rooms: Rooms) -> None:
    rooms.account("ann")
    with pytest.raises(Conflict):
        rooms.account("ann")


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "a\x00b"])
def test_a_name_must_be_readable(rooms: Rooms, name: str) -> None:
    with pytest.raises(InvalidInput):
        rooms.accounts.add(rooms.user, "alpha", name, KEYS)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"api_key": "k"}, "api_secret"),
        ({"api_key": "k", "api_secret": " "}, "api_secret"),
        (KEYS | {"password": "hunter2"}, "password"),
        (KEYS | {"pin": "1234"}, "only with auth_mode auto"),
    ],
)
def test_missing_empty_and_unknown_credentials_are_refused_and_nothing_is_stored(
    rooms: Rooms, given: dict[str, str], told: str
) -> None:
    with pytest.raises(InvalidInput, match=told) as refused:
        rooms.accounts.add(rooms.user, "alpha", "ann", given)
    assert "hunter2" not in str(refused.value)
    assert not rooms.accounts.list(rooms.user)


def test_the_environment_stands_in_for_the_first_account_of_a_broker_only(with_environment: Rooms) -> None:
    rooms = with_environment
    first = rooms.accounts.add(rooms.user, "alpha", "ann", {})
    assert secrets(rooms, first.id) == {"api_key": "key-from-outside", "api_secret": "secret-from-outside"}
    with pytest.raises(InvalidInput, match="needs api_key, api_secret"):
        rooms.accounts.add(rooms.user, "alpha", "bob", {})


def test_what_is_given_beats_the_environment(with_environment: Rooms) -> None:
    account = with_environment.accounts.add(with_environment.user, "alpha", "ann", {"api_key": "mine"})
    assert secrets(with_environment, account.id)["api_key"] == "mine"


def test_an_account_is_found_by_name_and_by_id_and_not_by_another_user(rooms: Rooms) -> None:
    account = rooms.account("ann")
    assert rooms.accounts.find(rooms.user, "ann") == account
    assert rooms.accounts.find(rooms.user, account.id) == account
    assert rooms.accounts.find(rooms.user, str(account.id)) == account
    with pytest.raises(NotFound):
        rooms.accounts.find(rooms.user + 1, account.id)
    with pytest.raises(NotFound, match="ann"):
        rooms.accounts.find(rooms.user, "bob")


def test_a_change_is_stored_and_audited_in_words(rooms: Rooms) -> None:
    rooms.account("ann")
    after = rooms.accounts.update(
        rooms.user, "ann", AccountChange(name="ann main", enabled=False, trading_mode=TradingMode.EXIT_ONLY)
    )
    assert (after.name, after.enabled, after.trading_mode) == ("ann main", False, TradingMode.EXIT_ONLY)
    assert rooms.accounts.find(rooms.user, "ann main") == after
    (event,) = rooms.audit("ACCOUNT_CHANGED")
    assert event.text == "ann: name ann → ann main, enabled yes → no, trading_mode NORMAL → EXIT_ONLY"


def test_a_change_to_what_is_already_so_is_no_event(rooms: Rooms) -> None:
    account = rooms.account("ann")
    assert rooms.accounts.update(rooms.user, "ann", AccountChange(enabled=True, is_default=True)) == account
    assert not rooms.audit("ACCOUNT_CHANGED")


def test_there_is_exactly_one_default(rooms: Rooms) -> None:
    rooms.account("ann")
    rooms.account("bob")
    rooms.accounts.update(rooms.user, "bob", AccountChange(is_default=True))
    assert [row.name for row in rooms.accounts.list(rooms.user) if row.is_default] == ["bob"]
    with pytest.raises(Conflict, match="default"):
        rooms.accounts.update(rooms.user, "bob", AccountChange(is_default=False))


def test_credentials_entered_anew_end_the_login_made_with_the_old_ones(rooms: Rooms) -> None:
    account = rooms.connected()
    rooms.accounts.update(rooms.user, "ann", AccountChange(credentials={"api_secret": "another"}))
    assert secrets(rooms, account.id) == {"api_key": "key-of-ann", "api_secret": "another"}
    assert rooms.sessions.status(rooms.user, "ann").state is SessionState.NEVER
    (event,) = rooms.audit("CREDENTIALS_CHANGED")
    assert "another" not in event.text
    assert "another" in rooms.hidden


def test_auto_login_needs_a_broker_that_allows_it_consent_and_both_secrets(rooms: Rooms) -> None:
    rooms.account("ann")
    rooms.account("ben", "beta")
    both = {"pin": "1234", "totp_secret": "JBSWY3DPEHPK3PXP"}

    def change(name: str, consent: bool, credentials: dict[str, str]) -> None:
        wanted = AccountChange(auth_mode=AuthMode.AUTO, consent=consent, credentials=credentials)
        rooms.accounts.update(rooms.user, name, wanted)

    with pytest.raises(InvalidInput, match="does not allow automatic login"):
        change("ann", True, both)
    with pytest.raises(InvalidInput) as asked:
        change("ben", False, both)
    assert asked.value.message == AUTO_CONSENT
    with pytest.raises(InvalidInput, match="totp_secret"):
        change("ben", True, {"pin": "1234"})
    assert rooms.accounts.find(rooms.user, "ben").auth_mode is AuthMode.MANUAL
    assert set(secrets(rooms, rooms.accounts.find(rooms.user, "ben").id)) == {"api_key", "client_code"}
    change("ben", True, both)
    assert rooms.accounts.find(rooms.user, "ben").auth_mode is AuthMode.AUTO
    assert len(rooms.audit("AUTO_LOGIN_CONSENT")) == 1


def test_going_back_to_manual_erases_what_only_auto_login_needs(rooms: Rooms) -> None:
    account = rooms.account("ben", "beta")
    credentials = {"pin": "1234", "totp_secret": "JBSWY3DPEHPK3PXP"}
    rooms.accounts.update(rooms.user, "ben", AccountChange(auth_mode=AuthMode.AUTO, consent=True, credentials=credentials))
    rooms.accounts.update(rooms.user, "ben", AccountChange(auth_mode=AuthMode.MANUAL))
    assert set(secrets(rooms, account.id)) == {"api_key", "client_code"}


def test_an_account_does_not_change_to_another_client(rooms: Rooms) -> None:
    account = rooms.account("ben", "beta")
    with rooms.store.begin() as tx:
        tx.accounts.save(replace(tx.accounts.get(account.id), client_id="AB1234"))
    with pytest.raises(Conflict, match="belongs to client AB1234"):
        rooms.accounts.update(rooms.user, "ben", AccountChange(credentials={"client_code": "ZZ9999"}))


def test_removing_erases_credentials_and_login_and_frees_the_name(rooms: Rooms) -> None:
    account = rooms.connected()
    rooms.accounts.remove(rooms.user, "ann")
    assert not rooms.accounts.list(rooms.user)
    with rooms.store.read() as tx:
        assert not tx.accounts.secrets(account.id)
        assert tx.accounts.session(account.id) is None
    assert rooms.account("ann").id != account.id


def test_removing_the_default_asks_for_the_next_when_several_remain(rooms: Rooms) -> None:
    for name in ("ann", "bob", "cid"):
        rooms.account(name)
    with pytest.raises(Conflict, match="bob, cid"):
        rooms.accounts.remove(rooms.user, "ann")
    rooms.accounts.remove(rooms.user, "ann", next_default="cid")
    assert [row.name for row in rooms.accounts.list(rooms.user) if row.is_default] == ["cid"]


def test_the_only_other_account_becomes_the_default_by_itself(rooms: Rooms) -> None:
    rooms.account("ann")
    rooms.account("bob")
    rooms.accounts.remove(rooms.user, "ann")
    assert rooms.accounts.find(rooms.user, "bob").is_default


def test_an_account_with_orders_at_work_is_not_removed_by_accident(rooms: Rooms) -> None:
    account = rooms.account("ann")
    with rooms.store.begin() as tx:
        tx.orders.add(order(OrderStatus.OPEN, user_id=rooms.user, account_id=account.id))
    with pytest.raises(Conflict, match="1 orders at work"):
        rooms.accounts.remove(rooms.user, "ann")
    rooms.accounts.remove(rooms.user, "ann", force=True)
    assert not rooms.accounts.list(rooms.user)
