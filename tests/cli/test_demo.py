"""`sigma demo`: all of it starts by itself, with a past; an order is approved from beside it; Ctrl-C leaves nothing behind."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil
import pytest

from sigma.cli.demo.history import SESSIONS, beginning
from sigma.cli.processes import free_port
from tests.cli.conftest import clean, popen, until

MOST_SECONDS = 90.0
pytestmark = pytest.mark.timeout(300)


class Demo:
    """A demo that runs, and what it has printed."""

    def __init__(self, home: Path) -> None:
        self.home = home
        more = {"SIGMA_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "SIGMA_KEY": "not a key"}
        self.process = popen("demo", "--home", str(home), *ports(), "--every", "1", **more)
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(iter(self.process.stdout.readline, ""))

    def printed(self, pattern: str) -> re.Match[str] | None:
        return next((found for line in list(self.lines) if (found := re.search(pattern, line))), None)

    def beside(self, *arguments: str) -> str:
        """Run `sigma` in another terminal's shell, prepared as the demo says."""
        command = f". '{self.home / 'env'}' && sigma {' '.join(arguments)}"
        done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=40)
        self._reader.join(timeout=5)


def ports() -> list[str]:
    """Free ports for a demo."""
    return ["--port", str(free_port()), "--web-port", str(free_port())]


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Demo]:
    """A demo in a home of its own, whose surroundings name a real database and a wrong key."""
    clean(monkeypatch)
    started = Demo(tmp_path / "demo")
    yield started
    started.end()


def test_an_alert_is_approved_from_beside_and_ctrl_c_leaves_nothing_behind(demo: Demo) -> None:
    until(lambda: demo.printed(r"order \d+: .*◔ Waiting"), seconds=80)
    waiting = demo.printed(r"order (\d+): .*◔ Waiting")
    assert waiting
    number = waiting[1]
    assert demo.printed(rf"\. {demo.home / 'env'}")
    assert "● Filled" in demo.beside("approve", number, "--account", "zerodha-main", "--wait", "20")
    until(lambda: demo.printed(rf"order {number}: .* on zerodha-main: ● Filled 5/5 at 1,"))
    assert "gateway" in demo.beside("doctor")
    second = popen("demo", "--home", str(demo.home), *ports())
    refused, _ = second.communicate(timeout=30)
    assert second.returncode == 1
    assert "A demo is running in" in refused
    family = psutil.Process(demo.process.pid).children(recursive=True)
    assert len(family) >= 4
    demo.end()
    assert demo.process.returncode == 0
    assert demo.lines[-1] == "The demo has ended; nothing of it runs any more.\n"
    assert not [process for process in family if process.is_running()]
    for name in ("sigma.db", "market.db"):
        with closing(sqlite3.connect(demo.home / name)) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_its_app_is_open_and_its_home_has_a_past_when_the_address_is_printed(demo: Demo) -> None:
    until(lambda: demo.printed(r"App: (http://127\.0\.0\.1:\d+)"), seconds=80)
    address = demo.printed(r"App: (\S+)")
    assert address
    with httpx.Client(base_url=address[1], headers={"Accept": "text/html"}, follow_redirects=True, trust_env=False) as visitor:
        assert visitor.get("/orders").url.path == "/orders"
    orders = json.loads(demo.beside("orders", "--json"))
    assert {"FILLED", "REJECTED", "CANCELLED", "OPEN"} <= {order["status"] for order in orders}
    assert len({order["created_at"][:10] for order in orders}) == SESSIONS + 1
    paper = [order for order in orders if order["account"] == "Paper"]
    assert [(order["listing"], order["simulated"]) for order in paper] == [("NSE:TCS", True)]
    until(lambda: '"FILLED"' in demo.beside("orders", "--account", "Paper", "--json"), seconds=20)
    simulator = (demo.home / "simulator.url").read_text(encoding="utf-8").strip()
    login = httpx.get(f"{simulator}/connect/login", params={"v": "3", "api_key": "kitekey"}, trust_env=False)
    assert f"{address[1]}/connect/zerodha" in login.text + str(login.headers)


def test_ctrl_c_while_it_starts_leaves_nothing_behind(demo: Demo) -> None:
    until(lambda: demo.printed("logging two accounts in"), seconds=40)
    family = psutil.Process(demo.process.pid).children(recursive=True)
    assert family
    demo.end()
    assert demo.process.returncode == 0, demo.lines
    assert demo.lines[-1] == "The demo has ended; nothing of it runs any more.\n"
    assert not [process for process in family if process.is_running()]


def test_a_folder_that_is_not_a_demos_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clean(monkeypatch)
    (tmp_path / "sigma.db").write_text("precious", encoding="utf-8")
    process = popen("demo", "--home", str(tmp_path), *ports())
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "is left alone" in said
    assert [path.name for path in tmp_path.iterdir()] == ["sigma.db"]


@pytest.mark.parametrize(
    ("now", "begins", "shown"),
    [
        ("2026-11-20T11:42+05:30", "2026-11-17T10:00+05:30", "2026-11-20T11:42+05:30"),
        ("2026-11-20T15:10+05:30", "2026-11-17T10:00+05:30", "2026-11-20T10:00+05:30"),
        ("2026-11-22T20:00+05:30", "2026-11-17T10:00+05:30", "2026-11-20T10:00+05:30"),
        ("2026-11-23T09:20+05:30", "2026-11-18T10:00+05:30", "2026-11-23T10:00+05:30"),
    ],
)
def test_a_demo_begins_some_sessions_before_the_day_that_it_shows(now: str, begins: str, shown: str) -> None:
    moments = tuple(datetime.fromisoformat(text).astimezone(UTC) for text in (now, begins, shown))
    assert beginning(moments[0], 3) == moments[1:]
    assert beginning(moments[0], 0) == (moments[2], moments[2])


def test_smoke_holds_every_check_in_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clean(monkeypatch)
    process = popen("demo", "--smoke", TMPDIR=str(tmp_path))
    said, _ = process.communicate(timeout=110)
    assert process.returncode == 0, said
    summary = re.fullmatch(r"smoke: (\d+) checks held in ([\d.]+) s", said.splitlines()[-1])
    assert summary, said
    assert int(summary[1]) == said.count("  ● ") >= 7
    assert float(summary[2]) < MOST_SECONDS
    assert not list(tmp_path.glob("sigma-smoke-*")), "its folder stayed although all held"
