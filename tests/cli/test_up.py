"""`sigma up`: worker, gateway and app together, each restarted alone, all gone with Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

import sigma
from sigma.bootstrap import prepare
from sigma.cli.processes import free_port
from tests.cli.conftest import popen, until


class Started:
    """A running `sigma up` and what it has printed."""

    def __init__(self, port: int, web_port: int) -> None:
        self.url, self.app_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{web_port}"
        self.process = popen("up", "--port", str(port), "--web-port", str(web_port))
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(iter(self.process.stdout.readline, ""))

    def printed(self, pattern: str) -> bool:
        return any(re.search(pattern, line) for line in list(self.lines))

    def children(self) -> dict[str, int]:
        """Ids of the processes it runs, by module."""
        found = {}
        for child in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.NoSuchProcess):  # it may end while it is looked at
                words = child.cmdline()
                found |= {words[words.index("-m") + 1]: child.pid} if "-m" in words else {}
        return found

    def end(self, number: int = signal.SIGINT) -> None:
        self.process.send_signal(number)
        self.process.wait(timeout=30)
        self._reader.join(timeout=5)


@contextmanager
def up() -> Iterator[Started]:
    started = Started(free_port(), free_port())
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.end(signal.SIGTERM)


def healthy(started: Started) -> bool:
    try:
        paths = (f"{started.url}/health", f"{started.app_url}/_stcore/health")
        return all(httpx.get(path, timeout=2, trust_env=False).status_code == 200 for path in paths)
    except httpx.HTTPError:
        return False


@pytest.fixture
def ready(empty: Path) -> Path:
    """A home that is prepared, without accounts."""
    prepare(empty)
    return empty


def test_up_runs_all_three_restarts_the_crashed_one_alone_and_ends_with_ctrl_c(ready: Path) -> None:
    with up() as started:
        until(lambda: healthy(started) and started.printed("worker  │ worker: ready"))
        before = started.children()
        assert set(before) == {"scheduler", "sigma.gateway", "pages.web"}
        os.kill(before["scheduler"], signal.SIGKILL)
        until(lambda: started.printed(r"worker  │ was killed by SIGKILL; starting again in 1 s"))
        until(lambda: started.children().get("scheduler", before["scheduler"]) != before["scheduler"])
        after = started.children()
        assert all(after[name] == before[name] for name in ("sigma.gateway", "pages.web"))
        assert started.printed(f"App:     {started.app_url}")
        assert healthy(started)
        started.end()
        assert started.process.returncode == 0
        assert started.lines[-1] == "Nothing of it runs any more.\n"
        assert not [pid for pid in after.values() if psutil.pid_exists(pid)]


def test_a_worker_that_was_stopped_is_killed_and_replaced(ready: Path) -> None:
    with sigma.open(source="CLI") as desk:
        desk.settings.set("worker.heartbeat", 0.2)
        desk.settings.set("worker.hung_after", 5)
    with up() as started:
        until(lambda: started.printed("worker  │ worker: ready"))
        stopped = started.children()["scheduler"]
        os.kill(stopped, signal.SIGSTOP)
        until(lambda: started.printed(r"worker  │ gave no sign of life for [5-9] s and is killed"))
        until(lambda: started.children().get("scheduler", stopped) != stopped)
        assert not psutil.pid_exists(stopped)


def test_each_process_also_runs_alone_under_its_own_id(ready: Path) -> None:
    port = free_port()
    gateway = popen("gateway", "--port", str(port))
    try:
        assert gateway.stdout is not None
        assert f":{port}" in gateway.stdout.readline()
    finally:
        gateway.terminate()
        assert gateway.wait(timeout=30) == 0
    port = free_port()
    web = popen("web", "--port", str(port))
    try:
        assert web.stdout is not None
        assert f":{port}" in web.stdout.readline()
    finally:
        web.terminate()
        assert web.wait(timeout=30) == 0
    worker = popen("worker")
    try:
        assert worker.stdout is not None
        assert "ready" in worker.stdout.readline()
    finally:
        worker.terminate()
        assert worker.wait(timeout=30) == 0


def test_the_simulator_announces_itself_and_says_what_to_export(empty: Path, tmp_path: Path) -> None:
    port, announce = free_port(), tmp_path / "url"
    process = popen("sim", "--port", str(port), "--announce", str(announce), "--start", "2026-11-20T10:00+05:30")
    try:
        until(announce.exists)
        url = announce.read_text().strip()
        assert url == f"http://127.0.0.1:{port}"
        now = httpx.get(f"{url}/_sim/clock", trust_env=False).json()["now"]
        assert now.startswith("2026-11-20T04:30")
    finally:
        process.terminate()
        out, _ = process.communicate(timeout=20)
    assert f"export SIGMA_CLOCK_URL=http://127.0.0.1:{port}" in out
