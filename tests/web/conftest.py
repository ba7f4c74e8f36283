"""A web process as it runs for a person, clients that look like a browser, and a real browser."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page

from sigma.bootstrap import prepare
from tests.cli.conftest import clean, until

PASSWORD = "correct horse battery"


class Web:
    """A running web process."""

    def __init__(self, home: Path, *arguments: str, module: str = "pages.web") -> None:
        self.home = home
        command = [sys.executable, "-m", module, "--port", "0", "--home", str(home), *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, text=True, env=dict(os.environ), **pipes)
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def url(self) -> str:
        """Where it listens, once it has said so."""
        return self.lines[0].split()[-1]

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(iter(self.process.stdout.readline, ""))

    def answers(self) -> bool:
        assert self.process.poll() is None, self.lines
        try:
            return bool(self.lines) and httpx.get(f"{self.url}/_stcore/health", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=40)
        self._reader.join(timeout=10)

    def written(self) -> str:
        """Everything that it has printed and logged."""
        return "".join(self.lines) + "".join(log.read_text(encoding="utf-8") for log in (self.home / "logs").iterdir())


@contextmanager
def serving(home: Path, *arguments: str, module: str = "pages.web") -> Iterator[Web]:
    """Serve a home until the block ends."""
    web = Web(home, *arguments, module=module)
    try:
        until(web.answers)
        yield web
    finally:
        web.end()


def visitor(web: Web, **headers: str) -> httpx.Client:
    """Return a client that sends what a browser sends from a page of the app."""
    sent = {"Accept": "text/html", "Origin": web.url, **headers}
    return httpx.Client(base_url=web.url, headers=sent, timeout=30, trust_env=False)


def sign_in(client: httpx.Client, password: str = PASSWORD, **more: str) -> httpx.Response:
    return client.post("/sign-in", data={"name": "owner", "password": password, **more})


def fill_in(page: Page, **values: str) -> None:
    """Fill in the form that a page shows, and send it."""
    for name, value in values.items():
        page.fill(f"input[name={name}]", value)
    page.click("button")


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A web process nobody has asked anything; the owner has not chosen a password."""
    clean(monkeypatch)
    prepare(tmp_path / "home")
    with serving(tmp_path / "home") as web:
        yield web


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A web process whose owner has chosen a password."""
    home = tmp_path_factory.mktemp("web") / "home"
    with pytest.MonkeyPatch.context() as patch:
        clean(patch)
        prepare(home)
        with serving(home) as started, visitor(started) as client:
            assert sign_in(client, again=PASSWORD).status_code == 303
            yield started


@pytest.fixture
def stranger(web: Web) -> Iterator[httpx.Client]:
    """A client that has not signed in."""
    with visitor(web) as client:
        yield client


@pytest.fixture
def owner(web: Web) -> Iterator[httpx.Client]:
    """A client that has signed in."""
    with visitor(web) as client:
        assert sign_in(client).status_code == 303
        yield client


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page of a browser that nobody has used."""
    context = browser.new_context(timezone_id="Asia/Kolkata", locale="en-IN", viewport={"width": 1366, "height": 900})
    yield context.new_page()
    context.close()
