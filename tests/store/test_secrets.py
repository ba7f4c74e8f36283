"""The key: made once, checked at every start, changed only on purpose; secrets never in clear."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from sigma.domain.accounts import AuthMode
from sigma.domain.errors import ConfigError, Conflict
from sigma.store import SecretCipher, SqlStore, load_cipher, new_key, open_store, rotate
from sigma.store.database import Database
from sigma.store.secrets import erase_unreadable, read_key_file, write_key_file
from tests.store.conftest import Place
from tests.store.values import add_account, session

PLANTED = "planted-api-secret-5551234"
VALID_KEY = "A" * 43 + "="


def with_secrets(place: Place) -> int:
    with place.open() as store:
        on = add_account(store)
        with store.begin() as tx:
            tx.accounts.put_secret(on.id, "api_secret", PLANTED)
            tx.accounts.put_session(on.id, session())
    return on.id


def stored_bytes(place: Place, store: SqlStore) -> bytes:
    if place.url is None:
        return b"".join(path.read_bytes() for path in place.home.iterdir() if path.name != "key")
    with store.database.read() as link:
        tables = ("account_secrets", "account_sessions", "secret_check")
        rows = [link.connection.exec_driver_sql(f"SELECT * FROM {table}").all() for table in tables]  # noqa: S608
    return repr(rows).encode()


def test_secrets_are_never_in_clear_in_the_database(place: Place) -> None:
    on = with_secrets(place)
    with place.open() as store:
        found = stored_bytes(place, store)
        with store.read() as tx:
            assert tx.accounts.secrets(on) == {"api_secret": PLANTED}
    assert b"gAAAAA" in found
    for planted in (PLANTED, "planted-session-token", "AB1234"):
        assert planted.encode() not in found


def test_a_cipher_shows_no_key(here: Place) -> None:
    cipher = here.cipher
    assert cipher.keys[0] not in repr(cipher)
    assert str(here.home / "key") in repr(cipher)


def test_the_key_file_is_made_on_the_first_run_and_kept(here: Place) -> None:
    keys = {here.cipher.keys for _ in range(3)}
    assert len(keys) == 1
    assert (here.home / "key").stat().st_mode & 0o777 == 0o600


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    found: list[tuple[str, ...]] = []
    start = threading.Barrier(6)

    def load() -> None:
        start.wait()
        found.append(load_cipher(tmp_path / "home", environ={}).keys)

    threads = [threading.Thread(target=load) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1


def test_a_key_from_the_environment_goes_before_the_file_and_makes_none(place: Place) -> None:
    key = new_key()
    cipher = load_cipher(place.home, url=place.url, environ={"SIGMA_KEY": f" {key} "})
    assert cipher.keys == (key,)
    assert not (place.home / "key").exists()
    assert "SIGMA_KEY" in repr(cipher)


def test_a_lost_key_is_told_and_no_new_one_is_made(place: Place) -> None:
    with_secrets(place)
    (place.home / "key").unlink()
    with pytest.raises(ConfigError, match="is gone") as told:
        load_cipher(place.home, url=place.url, environ={})
    assert told.value.code == "LOST_KEY"
    assert not (place.home / "key").exists()


def test_a_wrong_key_is_told_at_the_start_and_changes_nothing(place: Place) -> None:
    on, right = with_secrets(place), place.cipher
    with pytest.raises(ConfigError, match="is not the one") as told:
        open_store(place.home, url=place.url, cipher=SecretCipher([new_key()]))
    assert told.value.code == "WRONG_KEY"
    with open_store(place.home, url=place.url, cipher=right) as store, store.read() as tx:
        assert tx.accounts.secrets(on) == {"api_secret": PLANTED}


@pytest.mark.parametrize("left", [None, "another"])
def test_what_a_lost_key_encrypted_can_be_erased_and_entered_anew(place: Place, left: str | None) -> None:
    on = with_secrets(place)
    with place.open() as store, store.begin() as tx:
        tx.accounts.save(replace(tx.accounts.get(on), auth_mode=AuthMode.AUTO))
    (place.home / "key").unlink()
    other = SecretCipher([new_key()]) if left else None
    database = Database("sigma", place.home, place.url, durable=True)
    with database.write() as link:
        assert erase_unreadable(link, other) == 2
    database.close()
    with open_store(place.home, url=place.url, cipher=other or place.cipher) as store, store.begin() as tx:
        assert tx.accounts.secrets(on) == {}
        assert tx.accounts.session(on) is None
        assert tx.accounts.get(on).auth_mode is AuthMode.MANUAL
        tx.accounts.put_secret(on, "api_secret", PLANTED)
        assert tx.accounts.secrets(on) == {"api_secret": PLANTED}


def test_credentials_that_the_key_opens_are_not_erased(place: Place) -> None:
    on = with_secrets(place)
    with place.open() as store:
        with store.database.write() as link, pytest.raises(Conflict, match="nothing is lost"):
            erase_unreadable(link, place.cipher)
        with store.read() as tx:
            assert tx.accounts.secrets(on) == {"api_secret": PLANTED}


def test_another_key_is_taken_while_there_are_no_secrets(place: Place) -> None:
    with place.open():
        pass
    with open_store(place.home, url=place.url, cipher=SecretCipher([new_key()])) as store:
        on = add_account(store)
        with store.begin() as tx:
            tx.accounts.put_secret(on.id, "api_key", "x")
        with store.read() as tx:
            assert tx.accounts.secrets(on.id) == {"api_key": "x"}


def test_a_process_with_an_outdated_key_cannot_store_what_nobody_else_could_read(place: Place) -> None:
    with place.open() as old:
        on = add_account(old)
        with open_store(place.home, url=place.url, cipher=SecretCipher([new_key()])) as new, new.begin() as tx:
            tx.accounts.put_secret(on.id, "api_key", "x")
        with pytest.raises(ConfigError, match="is not the one"), old.begin() as tx:
            tx.accounts.put_secret(on.id, "api_secret", "y")
        with pytest.raises(ConfigError, match="is not the one"), old.read() as tx:
            tx.accounts.secrets(on.id)


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        ("", 0o600, "empty"),
        ("short", 0o600, "no valid key"),
        (VALID_KEY, 0o644, "by others"),
        ("\N{RUPEE SIGN}", 0o600, "cannot be read"),
    ],
)
def test_a_key_file_that_cannot_be_used_is_told(tmp_path: Path, content: str, mode: int, words: str) -> None:
    path = tmp_path / "key"
    path.write_text(content, encoding="utf-8")
    path.chmod(mode)
    with pytest.raises(ConfigError, match=words):
        load_cipher(tmp_path, environ={})


def test_rotation_encrypts_everything_under_the_new_key(place: Place) -> None:
    on, old, fresh = with_secrets(place), place.cipher, new_key()
    with place.open() as store:
        assert rotate(store, fresh) == 2
        with store.read() as tx:
            assert tx.accounts.secrets(on) == {"api_secret": PLANTED}
    assert place.cipher.keys == (fresh,)
    with pytest.raises(ConfigError, match="is not the one"):
        open_store(place.home, url=place.url, cipher=old)
    with place.open() as store, store.read() as tx:
        assert tx.accounts.secrets(on) == {"api_secret": PLANTED}
        assert tx.accounts.session(on) == session()


def test_rotation_of_a_key_from_the_environment_writes_no_file(place: Place) -> None:
    first, second = new_key(), new_key()
    with open_store(place.home, url=place.url, cipher=SecretCipher([first])) as store:
        on = add_account(store)
        with store.begin() as tx:
            tx.accounts.put_secret(on.id, "api_key", "x")
        assert rotate(store, second) == 1
    assert not (place.home / "key").exists()
    with open_store(place.home, url=place.url, cipher=SecretCipher([second, first])) as store, store.read() as tx:
        assert tx.accounts.secrets(on.id) == {"api_key": "x"}


def test_a_rotation_that_fails_leaves_a_readable_database(here: Place) -> None:
    on, fresh = with_secrets(here), new_key()
    with here.open() as store:
        with store.database.write() as link:
            link.connection.exec_driver_sql("UPDATE account_sessions SET token = 'damaged'")
        with pytest.raises(ConfigError):
            rotate(store, fresh)
    assert len(here.cipher.keys) == 2  # both are in the file until a rotation succeeded
    with here.open() as store, store.begin() as tx:
        assert tx.accounts.secrets(on) == {"api_secret": PLANTED}
        tx.accounts.erase_session(on)
    with here.open() as store:
        rotate(store, fresh)
    assert here.cipher.keys == (fresh,)


def test_a_key_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "key"
    keys = [new_key(), new_key()]
    write_key_file(path, keys)
    assert list(read_key_file(path).keys) == keys
    assert os.listdir(tmp_path) == ["key"]
    assert path.stat().st_mode & 0o777 == 0o600
