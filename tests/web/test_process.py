"""`python -m pages.web`: what it refuses at the start, and how it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pages.web.state import arrivals
from sigma.bootstrap import prepare
from sigma.infra.serving import listen
from tests.cli.conftest import clean
from tests.web.conftest import Web


def started(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pages.web", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_letting_everybody_in_is_refused_outside_a_demos_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clean(monkeypatch)
    prepare(tmp_path)
    refused = started("--port", "0", "--home", str(tmp_path), "--demo")
    assert refused.returncode == 2
    assert "refused outside the home of `sigma demo`" in refused.stderr
    assert started("--port", "0", "--demo").returncode == 2


def test_a_taken_port_and_a_missing_installation_are_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clean(monkeypatch)
    with listen("127.0.0.1", 0) as taken:
        refused = started("--port", str(taken.getsockname()[1]), "--home", str(tmp_path))
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "cannot listen" in refused.stderr
    missing = started("--port", "0", "--home", str(tmp_path / "none"))
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)
    assert "sigma db upgrade" in missing.stderr


def test_a_signal_ends_it_in_order(fresh: Web) -> None:
    fresh.process.terminate()
    assert fresh.process.wait(timeout=40) == 0
    assert len(fresh.lines) == 1


def test_pages_and_routes_share_the_arrivals_of_the_process() -> None:
    assert arrivals() is arrivals()
