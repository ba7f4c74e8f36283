"""The entrance: one house for everybody, and everybody's desk their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sigma
from sigma.bootstrap import prepare
from sigma.desk.entrance import Entrance
from sigma.domain.errors import ConfigError, Denied, NotFound
from sigma.domain.people import Role, User
from sigma.store import load_cipher, open_store

GOOD = "three quiet horses"
HERE = "127.0.0.1"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new installation."""
    for name in [name for name in os.environ if name.startswith("SIGMA_")]:
        monkeypatch.delenv(name)
    return prepare(tmp_path / "home").home


@pytest.fixture
def entrance(home: Path) -> Iterator[Entrance]:
    with sigma.entrance(home, process="") as opened:
        yield opened


def second_user(home: Path) -> User:
    """Return another person of the installation."""
    with open_store(home, cipher=load_cipher(home, environ={})) as store:
        with store.database.write() as link:
            link.connection.exec_driver_sql(
                "INSERT INTO users (name, role, trading_mode, created_at) VALUES ('bob', 'trader', 'NORMAL', '2026-01-01')"
            )
        with store.read() as tx:
            return tx.users.by_name("bob")


def test_the_first_run_from_claim_to_sign_out(entrance: Entrance) -> None:
    assert entrance.needs_owner
    first = entrance.claim(GOOD, address=HERE)
    assert not entrance.needs_owner
    token = entrance.sign_in("owner", GOOD, address=HERE)
    entrance.change_password(token, GOOD, "four loud engines")
    assert entrance.visitor(first) is None
    visitor = entrance.visitor(token)
    assert visitor is not None
    assert visitor.role is Role.OWNER
    entrance.sign_out(token)
    assert entrance.visitor(token) is None
    with pytest.raises(Denied):
        entrance.sign_in("owner", GOOD, address=HERE)


def test_a_desk_that_is_closed_leaves_the_others_open(entrance: Entrance) -> None:
    visitor = entrance.visitor(entrance.sign_in_owner())
    assert visitor is not None
    with entrance.desk(visitor) as desk:
        assert desk.user == visitor
    assert entrance.desk(visitor).accounts.table().empty
    assert entrance.needs_owner


def test_nothing_of_another_user_is_seen_at_a_desk(home: Path, entrance: Entrance) -> None:
    bob = second_user(home)
    owner = entrance.visitor(entrance.claim(GOOD, address=HERE))
    assert owner is not None
    mine, theirs = entrance.desk(owner), entrance.desk(bob)
    mine.accounts.add("zerodha", name="zerodha-main", api_key="kitekey", api_secret="kitesecret")
    mine.settings.set("instruments.default_exchange", "BSE")
    assert not mine.events(kind="PASSWORD_CHOSEN").empty
    assert not mine.accounts.table().empty
    for table in (theirs.accounts.table(), theirs.events(), theirs.orders.table(), theirs.signals.table()):
        assert table.empty
    assert theirs.settings.get("instruments.default_exchange") == "NSE"
    with pytest.raises(NotFound):
        theirs.holdings("zerodha-main", refresh=False)
    with pytest.raises(Denied):
        theirs.settings.set("sign_in.lasts_hours", 1)


def test_a_restored_installation_has_nobody_signed_in(home: Path, tmp_path: Path) -> None:
    from sigma.bootstrap import backup, restore

    with sigma.entrance(home, process="") as before:
        token = before.claim(GOOD, address=HERE)
        backup(tmp_path / "backup.zip", home, with_key=True)
    restore(tmp_path / "backup.zip", tmp_path / "restored")
    with sigma.entrance(tmp_path / "restored", process="") as after:
        assert after.visitor(token) is None
        assert after.sign_in("owner", GOOD, address=HERE)


def test_without_an_installation_it_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no installation"):
        sigma.entrance(tmp_path / "nothing")


def test_a_notebook_s_desk_says_whose_it_is(home: Path) -> None:
    with sigma.open(home) as desk:
        assert (desk.user.name, desk.user.role) == ("owner", Role.OWNER)


def test_importing_sigma_brings_no_password_library_along() -> None:
    code = "import sigma, sys; raise SystemExit('argon2' in sys.modules or 'sigma.bootstrap' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
