"""A backup made while others write is whole; what comes back sends nothing before the books are compared."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from sigma.domain.errors import ConfigError, InvalidInput
from sigma.domain.orders import LIVE, CommandKind, CommandState, OrderMode, OrderStatus
from sigma.domain.people import SignIn
from sigma.store import migrate
from sigma.store.backup import backup, restore
from sigma.store.restored import Calmed
from tests.store.conftest import Place
from tests.store.values import LATER, NOW, OWNER, account, add_account, add_order, command, full_command, listing, order, report

# Writes pairs of rows in one unit for as long as it lives.
WRITER = """
import sys
from pathlib import Path
from sigma.store import load_cipher, open_store
home = Path(sys.argv[1])
store = open_store(home, cipher=load_cipher(home, environ={}))
number = 0
while True:
    number += 1
    with store.begin() as tx:
        tx.journal.put_setting(None, "one", str(number))
        tx.journal.put_setting(None, "two", str(number))
    if number == 1:
        print("ready", flush=True)
"""


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups" / "sigma.zip"


@pytest.fixture
def fresh(tmp_path: Path) -> Place:
    return Place(tmp_path / "fresh", None)


def test_a_backup_holds_both_databases_and_no_key(here: Place, target: Path) -> None:
    here.cipher  # noqa: B018 (makes the key)
    assert backup(here.home, target, at=NOW) == target
    assert target.stat().st_mode & 0o777 == 0o600
    assert sorted(zipfile.ZipFile(target).namelist()) == ["manifest.json", "market.db", "sigma.db"]
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_a_backup_made_while_another_process_writes_is_of_one_moment(here: Place, target: Path, fresh: Place) -> None:
    arguments = [sys.executable, "-c", WRITER, str(here.home)]
    seen = []
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        for number in range(5):
            backup(here.home, target, at=NOW)
            restore(target, fresh.home, at=LATER.replace(second=number), replace=True)
            with fresh.open() as store, store.read() as tx:
                seen.append(tx.journal.settings(None))
        writer.kill()
    assert all(each["one"] == each["two"] for each in seen)
    assert len({each["one"] for each in seen}) == 5


def test_what_was_stored_comes_back(here: Place, target: Path, fresh: Place) -> None:
    with here.open() as store, here.market() as market:
        on = add_account(store)
        made = add_order(store, on.id)
        with store.begin() as tx:
            tx.accounts.put_secret(on.id, "api_key", "x")
        market.replace_master("zerodha", [listing()], [], report(), NOW)
        backup(here.home, target, at=NOW, with_key=True)
    told = restore(target, fresh.home, at=LATER)
    assert (told.made_at, told.calmed, told.kept, told.key_restored) == (NOW, Calmed(0, 0, 0, 0), None, True)
    with fresh.open() as store, fresh.market() as market, store.read() as tx:
        assert tx.orders.get(made.id) == made
        assert tx.accounts.secrets(on.id) == {"api_key": "x"}
        assert tx.journal.events()[0].kind == "RESTORED"
        assert market.listing("NSE:INFY") == listing()
    assert {path.stat().st_mode & 0o777 for path in fresh.home.iterdir()} == {0o600}


def test_without_its_key_a_restored_database_says_so(here: Place, target: Path, fresh: Place) -> None:
    with here.open() as store:
        on = add_account(store)
        with store.begin() as tx:
            tx.accounts.put_secret(on.id, "api_key", "x")
    backup(here.home, target, at=NOW)
    restore(target, fresh.home, at=LATER)
    with pytest.raises(ConfigError, match="key"):
        fresh.open()


def test_nothing_restored_is_sent_before_the_books_are_compared(here: Place, target: Path, fresh: Place) -> None:
    with here.open() as store:
        on = add_account(store)
        made = {status: add_order(store, on.id, status=status, approved_at=NOW) for status in OrderStatus}
        with store.begin() as tx:
            place = tx.commands.add(command(made[OrderStatus.APPROVED].id, on.id))
            sending = tx.commands.add(command(made[OrderStatus.SENDING].id, on.id, state=CommandState.SENDING, boot_id="boot"))
            unknown = tx.commands.add(full_command(made[OrderStatus.OPEN].id, on.id))
            cancel = tx.commands.add(command(made[OrderStatus.OPEN].id, on.id, kind=CommandKind.CANCEL))
            done = tx.commands.add(command(made[OrderStatus.FILLED].id, on.id, state=CommandState.ANSWERED))
    backup(here.home, target, at=NOW)
    told = restore(target, fresh.home, at=LATER)
    assert told.calmed == Calmed(orders_waiting=1, orders_unknown=5, commands_withdrawn=2, commands_unknown=2)
    with fresh.open() as store, store.read() as tx:
        for status, was in made.items():
            now = tx.orders.get(was.id)
            if status is OrderStatus.APPROVED:
                assert now == replace(
                    was,
                    status=OrderStatus.WAITING,
                    stale_reason="restored from backup",
                    approved_at=None,
                    updated_at=LATER,
                    version=2,
                )
            elif status in {*LIVE, OrderStatus.SENDING}:
                assert now == replace(was, status=OrderStatus.UNKNOWN, updated_at=LATER, version=2)
            else:
                assert now == was
            changed = now != was
            assert [(each.kind, each.status) for each in tx.orders.events(was.id)] == (
                [("RESTORED", now.status)] if changed else []
            )
        assert [tx.commands.get(each.id).state for each in (place, cancel)] == [CommandState.WITHDRAWN] * 2
        assert tx.commands.get(done.id) == done
        for each in (sending, unknown):
            now_unknown = tx.commands.get(each.id)
            assert now_unknown.state is CommandState.UNKNOWN
            assert (now_unknown.boot_id, now_unknown.absent_reads, now_unknown.look_alikes) == ("", (), ())
        assert tx.commands.pending(on.id) == []


def test_what_waited_for_no_person_waits_for_one_and_a_cut_order_through_its_slices(
    here: Place, target: Path, fresh: Place
) -> None:
    with here.open() as store:
        on = add_account(store)
        due = add_order(store, on.id, status=OrderStatus.WAITING, mode=OrderMode.AUTO)
        whole = add_order(store, on.id, status=OrderStatus.APPROVED, slices=1)
        piece = add_order(store, on.id, status=OrderStatus.APPROVED, parent_id=whole.id, slice_no=1)
    backup(here.home, target, at=NOW)
    assert restore(target, fresh.home, at=LATER).calmed.orders_waiting == 1
    with fresh.open() as store, store.read() as tx:
        now = tx.orders.get(due.id)
        assert (now.status, now.mode, now.stale_reason) == (OrderStatus.WAITING, OrderMode.MANUAL, "restored from backup")
        assert tx.orders.get(whole.id) == whole
        assert tx.orders.get(piece.id).status is OrderStatus.WAITING


def test_an_installation_is_replaced_only_when_asked_and_then_kept_aside(here: Place, target: Path) -> None:
    with here.open() as store:
        add_order(store)
    backup(here.home, target, at=NOW)
    with here.open() as store:
        add_order(store)
    with pytest.raises(ConfigError, match="already"):
        restore(target, here.home, at=LATER)
    told = restore(target, here.home, at=LATER, replace=True)
    assert told.kept is not None
    assert sorted(path.name for path in told.kept.iterdir()) == ["market.db", "sigma.db"]
    with here.open() as store, store.read() as tx:
        assert len(tx.orders.list()) == 1
    assert not [path for path in here.home.iterdir() if path.name.startswith(".restore")]


def test_a_restored_database_has_nobody_signed_in_and_keeps_the_passwords(here: Place, target: Path, fresh: Place) -> None:
    with here.open() as store, store.begin() as tx:
        tx.users.set_password_hash(OWNER, "hash")
        tx.sign_ins.add(SignIn("sha256:one", OWNER, NOW, LATER))
    backup(here.home, target, at=NOW)
    restore(target, fresh.home, at=NOW)
    with fresh.open() as store, store.read() as tx:
        assert tx.sign_ins.get("sha256:one") is None
        assert tx.users.password_hash(OWNER) == "hash"
    with here.open() as store, store.read() as tx:
        assert tx.sign_ins.get("sha256:one") is not None


def test_an_installation_in_use_is_not_replaced(here: Place, target: Path) -> None:
    backup(here.home, target, at=NOW)
    with here.open() as store:
        made = add_order(store)
        with pytest.raises(ConfigError, match="in use"):
            restore(target, here.home, at=LATER, replace=True)
        with store.read() as tx:
            assert tx.orders.list() == [made]


@pytest.mark.parametrize("damage", ["nothing there", "no archive", "cut short", "other bytes", "no manifest", "newer"])
def test_a_damaged_backup_changes_nothing(here: Place, target: Path, fresh: Place, damage: str) -> None:
    backup(here.home, target, at=NOW)
    with zipfile.ZipFile(target) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    if damage == "other bytes":
        parts["sigma.db"] = parts["market.db"]
    if damage == "newer":
        parts["manifest.json"] = parts["manifest.json"].replace(b'"format": 1', b'"format": 2')
    if damage == "no manifest":
        del parts["manifest.json"]
    with zipfile.ZipFile(target, "w") as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    if damage == "no archive":
        target.write_text("hello")
    if damage == "cut short":
        target.write_bytes(target.read_bytes()[:5000])
    if damage == "nothing there":
        target.unlink()
    with pytest.raises((InvalidInput, ConfigError), match=target.name):
        restore(target, fresh.home, at=LATER)
    assert not migrate.is_current(fresh.home)
    assert list(fresh.home.iterdir()) == []


def test_a_damaged_database_is_not_backed_up(here: Place, target: Path) -> None:
    with here.open() as store, store.begin() as tx:
        for number in range(300):
            tx.orders.add(order(risk_note="x" * 400, external_id=str(number)))
    path = here.home / "sigma.db"
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 8192] = b"\xff" * 8192
    path.write_bytes(content)
    with pytest.raises((InvalidInput, ConfigError), match="damaged"):
        backup(here.home, target, at=NOW)
    assert list(target.parent.iterdir()) == []


def test_a_backup_of_nothing_or_to_nowhere_or_of_a_key_elsewhere_is_told(here: Place, target: Path, fresh: Place) -> None:
    with pytest.raises(ConfigError, match=r"sigma\.db"):
        backup(fresh.home, target, at=NOW)
    with pytest.raises(ConfigError, match="cannot be written"):
        backup(here.home, target.parent / "none" / "sigma.zip", at=NOW)
    with pytest.raises(ConfigError, match="SIGMA_KEY"):
        backup(here.home, target, at=NOW, with_key=True)
    assert account().id == 0
