"""Databases are made, found current, migrated up and down, and end as the tables say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from sigma.domain.errors import ConfigError
from sigma.store import SecretCipher, migrate, new_key, open_market, open_store, schema
from sigma.store.append_only import append_only_ddl
from sigma.store.database import Database, Link
from tests.store.conftest import Place
from tests.store.first_schema import statements
from tests.store.values import LATER, NOW

# Everything that makes a schema, as PostgreSQL itself writes it.
CATALOGUE = """
SELECT 'column', table_name || '.' || column_name, data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '')
       || coalesce(numeric_precision::text || ',' || numeric_scale::text, '')
  FROM information_schema.columns WHERE table_schema = current_schema() AND table_name <> 'alembic_version'
UNION ALL SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
  FROM pg_constraint WHERE connamespace = current_schema()::regnamespace AND conrelid::regclass::text <> 'alembic_version'
UNION ALL SELECT 'index', indexname, indexdef
  FROM pg_indexes WHERE schemaname = current_schema() AND tablename <> 'alembic_version'
UNION ALL SELECT 'trigger', tgname, pg_get_triggerdef(pg_trigger.oid) FROM pg_trigger
  JOIN pg_class ON pg_class.oid = tgrelid WHERE NOT tgisinternal AND relnamespace = current_schema()::regnamespace
"""
SQLITE_CATALOGUE = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'alembic_version'"


def catalogue(link: Link, name: str) -> list[tuple[str, ...]]:
    """Return what the schema is made of, without the name of the schema and quotes, which SQLite puts around renamed tables."""
    rows = link.connection.exec_driver_sql(SQLITE_CATALOGUE if link.dialect == "sqlite" else CATALOGUE).all()
    return sorted(tuple(re.sub(r"\s+", " ", str(word).replace(f"{name}.", "").replace('"', "")) for word in row) for row in rows)


def test_a_fresh_place_is_made_by_an_upgrade_and_a_second_one_changes_nothing(empty: Place) -> None:
    assert not migrate.is_current(empty.home, empty.url)
    migrate.upgrade(empty.home, empty.url, at=NOW)
    assert migrate.is_current(empty.home, empty.url)
    migrate.upgrade(empty.home, empty.url, at=LATER)
    with empty.open() as store, store.read() as tx:
        assert tx.users.owner().created_at == NOW
        assert tx.users.owner().name == "owner"


def test_a_store_is_not_opened_on_what_was_never_made(empty: Place) -> None:
    for act in (
        lambda: open_store(empty.home, url=empty.url, cipher=SecretCipher([new_key()])),
        lambda: open_market(empty.home, url=empty.url),
    ):
        with pytest.raises(ConfigError, match="no database yet") as told:
            act()
        assert "sigma db upgrade" in told.value.hint
    assert not (empty.home / "sigma.db").exists()


@pytest.mark.parametrize("name", ["sigma", "market"])
def test_a_migration_down_removes_everything_and_up_again_brings_it_back(place: Place, name: str) -> None:
    database = Database(name, place.home, place.url, durable=True)
    with database.read() as link:
        before = catalogue(link, name)
    migrate.downgrade(place.home, place.url, database=name, revision="base")
    with database.read() as link:
        assert catalogue(link, name) == []
    assert not migrate.is_current(place.home, place.url)
    migrate.upgrade(place.home, place.url, at=NOW)
    with database.read() as link:
        assert catalogue(link, name) == before
    database.close()


@pytest.mark.parametrize("branch", migrate.BRANCHES, ids=lambda branch: branch.name)
def test_the_migrated_schema_is_the_schema_of_the_tables(place: Place, empty: Place, branch: migrate.Branch) -> None:
    """When this fails after a change of the tables or of an enum, the change needs a migration."""
    migrated = Database(branch.name, place.home, place.url, durable=True)
    with migrated.read() as link:
        found = catalogue(link, branch.name)
    migrated.close()
    home = empty.home.with_name("made")
    home.mkdir()
    made = Database(branch.name, home, empty.url, durable=True)
    with made.write() as link:
        if empty.url:
            link.connection.exec_driver_sql(f"CREATE SCHEMA {branch.name}")
        for statement in statements(branch.metadata, link.dialect):
            link.connection.exec_driver_sql(statement)
        wanted = catalogue(link, branch.name)
    made.close()
    assert found == wanted


@pytest.mark.parametrize("branch", migrate.BRANCHES, ids=lambda branch: branch.name)
def test_the_head_that_the_program_asks_for_is_the_newest_migration(here: Place, branch: migrate.Branch) -> None:
    database = Database(branch.name, here.home, None, durable=True)
    with database.read() as link:
        script = ScriptDirectory.from_config(migrate.configuration(branch, link.connection))
        assert script.get_heads() == [branch.head]
    database.close()


def test_every_history_table_is_append_only(here: Place) -> None:
    database = Database("sigma", here.home, None, durable=True)
    with database.read() as link:
        triggers = {name for kind, name, _sql in catalogue(link, "sigma") if kind == "trigger"}
    database.close()
    assert triggers == {f"{table}_no_{act}" for table in schema.APPEND_ONLY for act in ("update", "delete")}
    assert len(append_only_ddl("postgresql")) == 1 + 3 * len(schema.APPEND_ONLY)


def test_a_database_of_a_newer_program_is_neither_opened_nor_migrated(place: Place) -> None:
    database = Database("sigma", place.home, place.url, durable=True)
    with database.write() as link:
        link.connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'sigma_9999'")
    with pytest.raises(ConfigError, match="sigma_9999") as told:
        place.open()
    assert "update SigmaTrader" in told.value.hint
    with pytest.raises(ConfigError, match="cannot be migrated"):
        migrate.upgrade(place.home, place.url, at=NOW)
    with database.write() as link:
        link.connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{schema.HEAD}'")  # noqa: S608
    database.close()
    migrate.upgrade(place.home, place.url, at=NOW)


def test_two_processes_may_upgrade_at_once(empty: Place) -> None:
    code = (
        "import sys; from pathlib import Path; from datetime import UTC, datetime; from sigma.store import migrate;"
        "migrate.upgrade(Path(sys.argv[1]), sys.argv[2] or None, at=datetime(2026, 1, 1, tzinfo=UTC))"
    )
    arguments = [sys.executable, "-c", code, str(empty.home), empty.url or ""]
    processes = [subprocess.Popen(arguments) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    with empty.open() as store, store.database.read() as link:
        assert len(link.all(schema.users.select())) == 1


def test_a_home_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be made private"):
        migrate.upgrade(tmp_path / "file", at=NOW)


def test_the_migrations_are_packaged() -> None:
    folder = Path(migrate.__file__).parent / "migrations"
    for branch in migrate.BRANCHES:
        files = {path.name for path in (folder / f"{branch.name}_db").iterdir()}
        assert any(name.startswith(f"{branch.head}_") and name.endswith(".py") for name in files)
        assert {f"{branch.name}_0001.sqlite.sql", f"{branch.name}_0001.postgresql.sql"} <= files
