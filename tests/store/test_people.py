"""Users and accounts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from sigma.domain.accounts import AuthMode, TradingMode
from sigma.domain.errors import Conflict, NotFound
from sigma.domain.people import SignIn
from sigma.store import SqlStore
from tests.store.conftest import Place
from tests.store.values import LATER, NOW, OWNER, account, add_account, add_order, fill, session

Raw = Callable[[str], None]


def test_the_first_upgrade_made_the_owner(store: SqlStore) -> None:
    with store.read() as tx:
        owner = tx.users.owner()
        assert (owner.id, owner.name, owner.role, owner.trading_mode, owner.created_at) == (
            OWNER,
            "owner",
            "owner",
            "NORMAL",
            NOW,
        )
        assert tx.users.get(OWNER) == tx.users.by_name("owner") == owner
        with pytest.raises(NotFound, match="user 7"):
            tx.users.get(7)
        with pytest.raises(NotFound, match="nobody"):
            tx.users.by_name("nobody")


def test_user_mode_and_webhook_hash_are_kept(store: SqlStore) -> None:
    with store.begin() as tx:
        assert tx.users.webhook_hash(OWNER) is None
        tx.users.set_trading_mode(OWNER, TradingMode.PAUSED)
        tx.users.set_webhook_hash(OWNER, "hash")
        tx.users.lock(OWNER)
        with pytest.raises(NotFound):
            tx.users.set_trading_mode(7, TradingMode.PAUSED)
        with pytest.raises(NotFound):
            tx.users.set_webhook_hash(7, "hash")
    with store.read() as tx:
        assert tx.users.get(OWNER).trading_mode == "PAUSED"
        assert tx.users.webhook_hash(OWNER) == "hash"
        assert tx.users.webhook_hashes() == {OWNER: "hash"}


def test_a_password_hash_is_kept_and_there_is_none_at_first(store: SqlStore) -> None:
    with store.begin() as tx:
        assert tx.users.password_hash(OWNER) is None
        tx.users.set_password_hash(OWNER, "hash")
        with pytest.raises(NotFound, match="user 7"):
            tx.users.set_password_hash(7, "hash")
        with pytest.raises(NotFound, match="user 7"):
            tx.users.password_hash(7)
    with store.read() as tx:
        assert tx.users.password_hash(OWNER) == "hash"


def test_the_last_event_seen_never_goes_back(store: SqlStore) -> None:
    with store.begin() as tx:
        assert tx.users.events_seen(OWNER) == 0
        tx.users.set_events_seen(OWNER, 2**40)
        tx.users.set_events_seen(OWNER, 12)
        with pytest.raises(NotFound, match="user 7"):
            tx.users.set_events_seen(7, 1)
    with store.read() as tx:
        assert tx.users.events_seen(OWNER) == 2**40


def test_a_sign_in_comes_back_as_it_was_stored_until_it_ends(store: SqlStore) -> None:
    made = SignIn("sha256:one", OWNER, NOW, LATER)
    with store.begin() as tx:
        tx.sign_ins.add(made)
        assert tx.sign_ins.get("sha256:one") == made
        assert tx.sign_ins.get("sha256:two") is None
    with pytest.raises(IntegrityError), store.begin() as tx:
        tx.sign_ins.add(replace(made, created_at=LATER))


def test_a_sign_in_ends_once(store: SqlStore) -> None:
    with store.begin() as tx:
        tx.sign_ins.add(SignIn("sha256:one", OWNER, NOW, LATER))
    with store.begin() as tx:
        assert tx.sign_ins.end("sha256:one")
        assert not tx.sign_ins.end("sha256:one")
    with store.read() as tx:
        assert tx.sign_ins.get("sha256:one") is None


def test_sign_ins_of_a_user_end_together_and_those_of_others_go_on(store: SqlStore, raw: Raw) -> None:
    raw("INSERT INTO users (id, name, role, trading_mode, created_at) VALUES (2, 'other', 'trader', 'NORMAL', '2026-01-01')")
    with store.begin() as tx:
        for name, user in (("a", OWNER), ("b", OWNER), ("c", OWNER), ("d", 2)):
            tx.sign_ins.add(SignIn(name, user, NOW, LATER))
        assert tx.sign_ins.end_all(OWNER, but="b") == 2
        assert [name for name in "abcd" if tx.sign_ins.get(name)] == ["b", "d"]
        assert tx.sign_ins.end_all(OWNER) == 1
        assert [name for name in "abcd" if tx.sign_ins.get(name)] == ["d"]


def test_sign_ins_that_expired_are_erased(store: SqlStore) -> None:
    with store.begin() as tx:
        tx.sign_ins.add(SignIn("old", OWNER, NOW, NOW + timedelta(seconds=1)))
        tx.sign_ins.add(SignIn("new", OWNER, NOW, LATER))
        assert tx.sign_ins.end_expired(NOW) == 0
        assert tx.sign_ins.end_expired(NOW + timedelta(seconds=1)) == 1
        assert tx.sign_ins.get("old") is None
        assert tx.sign_ins.get("new") is not None


def test_an_account_comes_back_as_it_was_stored(store: SqlStore) -> None:
    full = account(
        "full",
        client_id="AB1234",
        is_default=True,
        enabled=False,
        trading_mode=TradingMode.EXIT_ONLY,
        auth_mode=AuthMode.AUTO,
        last_run_at=LATER,
        frozen_reason="two rows with one tag",
        tag_verified=True,
    )
    with store.begin() as tx:
        added = tx.accounts.add(full)
    assert added == replace(full, id=added.id)
    with store.read() as tx:
        assert tx.accounts.get(added.id) == tx.accounts.by_name(OWNER, "full") == added
        assert tx.accounts.list() == tx.accounts.list(OWNER) == [added]
        assert tx.accounts.list(7) == []
        with pytest.raises(NotFound, match="angel") as told:
            tx.accounts.by_name(OWNER, "angel")
        assert "full" in told.value.hint


def test_the_first_account_becomes_the_default_and_later_ones_do_not(store: SqlStore) -> None:
    first, second = add_account(store, "first"), add_account(store, "second")
    assert first.is_default
    assert not second.is_default


def test_setting_another_default_unsets_the_old_one(store: SqlStore) -> None:
    first, second = add_account(store, "first"), add_account(store, "second")
    third = add_account(store, "third", is_default=True)
    with store.begin() as tx:
        assert [each.is_default for each in tx.accounts.list()] == [False, False, True]
        saved = tx.accounts.save(replace(second, is_default=True))
        assert [each.is_default for each in tx.accounts.list()] == [False, True, False]
        assert saved == tx.accounts.get(second.id)
        with pytest.raises(Conflict, match="was read as version 1"):
            tx.accounts.save(replace(first, enabled=False))
        with pytest.raises(Conflict, match="default account"):
            tx.accounts.save(replace(saved, is_default=False))
    assert third.is_default


def test_the_database_itself_refuses_a_second_default(store: SqlStore, raw: Raw) -> None:
    add_account(store, "first")
    add_account(store, "second")
    with pytest.raises(IntegrityError):
        raw("UPDATE accounts SET is_default = true")


def test_two_processes_that_add_a_first_account_leave_one_default(place: Place) -> None:
    stores = [place.open() for _ in range(4)]
    start = threading.Barrier(len(stores))

    def add(number: int) -> None:
        start.wait()
        add_account(stores[number], f"account-{number}", is_default=True)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(len(stores))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with stores[0].read() as tx:
        assert sorted(each.is_default for each in tx.accounts.list()) == [False, False, False, True]
    for store in stores:
        store.close()


def test_names_and_clients_are_unique_among_accounts_that_are_not_removed(store: SqlStore) -> None:
    first = add_account(store, "first", client_id="AB1234")
    second = add_account(store, "second", client_id=None)
    add_account(store, "third", client_id=None)
    for twin in (account("first"), account("fourth", client_id="AB1234")):
        with store.begin() as tx, pytest.raises(Conflict, match=r"first"):
            tx.accounts.add(twin)
    with store.begin() as tx, pytest.raises(Conflict, match="AB1234"):
        tx.accounts.save(replace(second, client_id="AB1234"))
    with store.begin() as tx:
        tx.accounts.remove(first.id)
    assert add_account(store, "first", client_id="AB1234").id != first.id


@pytest.mark.parametrize("change", ["UPDATE accounts SET name = 'same'", "UPDATE accounts SET client_id = 'same'"])
def test_the_database_itself_refuses_twin_accounts(store: SqlStore, raw: Raw, change: str) -> None:
    add_account(store, "first", client_id="AB1234")
    add_account(store, "second", client_id="CD1234")
    with pytest.raises(IntegrityError):
        raw(change)


def test_removing_an_account_erases_its_secrets_and_keeps_its_orders(store: SqlStore) -> None:
    gone = add_account(store)
    kept = add_order(store, gone.id)
    with store.begin() as tx:
        tx.accounts.put_secret(gone.id, "api_key", "secret")
        tx.accounts.put_session(gone.id, session())
        tx.orders.add_fill(fill(kept.id, gone.id))
        tx.accounts.remove(gone.id)
    with store.read() as tx:
        assert tx.accounts.list() == []
        assert tx.accounts.secrets(gone.id) == {}
        assert tx.accounts.session(gone.id) is None
        assert tx.orders.get(kept.id) == kept
        assert len(tx.orders.fills(account_id=gone.id)) == 1
        with pytest.raises(NotFound):
            tx.accounts.get(gone.id)


def test_secrets_are_replaced_and_erased_by_key(store: SqlStore) -> None:
    kept = add_account(store)
    with store.begin() as tx:
        for key, value in (("api_key", "old"), ("api_key", "new"), ("api_secret", "s"), ("pin", "p")):
            tx.accounts.put_secret(kept.id, key, value)
        tx.accounts.erase_secrets(kept.id, ["pin"])
    with store.read() as tx:
        assert tx.accounts.secrets(kept.id) == {"api_key": "new", "api_secret": "s"}
    with store.begin() as tx:
        tx.accounts.erase_secrets(kept.id)
        assert tx.accounts.secrets(kept.id) == {}
        with pytest.raises(NotFound):
            tx.accounts.put_secret(99, "api_key", "x")


def test_a_session_comes_back_as_it_was_stored(store: SqlStore) -> None:
    kept = add_account(store)
    with store.begin() as tx:
        tx.accounts.put_session(kept.id, replace(session(), tokens={"jwt": "old"}))
        tx.accounts.put_session(kept.id, session())
    with store.begin() as tx:
        assert tx.accounts.session(kept.id) == session()
        tx.accounts.erase_session(kept.id)
        assert tx.accounts.session(kept.id) is None
