"""A watch wakes within milliseconds of another process's commit."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from sigma.ports.infra import Watch
from sigma.store import SqlStore
from tests.store.conftest import Place
from tests.store.values import OWNER, add_order

# Commits once for each line it is given, and says when (the monotonic clock is the machine's).
COMMITTER = """
import sys, time
from pathlib import Path
from sigma.store import load_cipher, open_store

home, url = Path(sys.argv[1]), sys.argv[2] or None
store = open_store(home, url=url, cipher=load_cipher(home, url=url, environ={}))
print("ready", flush=True)
for line in sys.stdin:
    with store.begin() as tx:
        tx.journal.put_setting(None, "sync.active", line.strip())
    print(time.monotonic(), flush=True)
"""


@pytest.fixture
def watch(store: SqlStore) -> Iterator[Watch]:
    opened = store.watch()
    yield opened
    opened.close()


@pytest.fixture
def other(place: Place) -> Iterator[subprocess.Popen[str]]:
    arguments = [sys.executable, "-c", COMMITTER, str(place.home), place.url or ""]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def test_a_commit_of_another_process_wakes_the_watch_at_once(watch: Watch, other: subprocess.Popen[str]) -> None:
    assert other.stdin is not None
    assert other.stdout is not None
    watch.wait(0)
    delays = []
    for number in range(20):
        other.stdin.write(f"{number}\n")
        other.stdin.flush()
        assert watch.wait(5)
        woken = time.monotonic()
        delays.append(woken - float(other.stdout.readline()))
    assert sorted(delays)[10] < 0.1


def test_a_quiet_watch_waits_its_time_and_says_no(watch: Watch, store: SqlStore) -> None:
    began = time.monotonic()
    assert not watch.wait(0.05)
    assert time.monotonic() - began >= 0.05
    with store.read() as tx:
        tx.users.get(OWNER)
    with store.begin() as tx:
        tx.users.get(OWNER)  # nothing was written
    assert not watch.wait(0.02)


def test_commits_before_the_call_wake_it_and_are_then_forgotten(watch: Watch, store: SqlStore) -> None:
    for _ in range(3):
        add_order(store)
    assert watch.wait(0.5)
    assert [watch.wait(0.1) for _ in range(3)][-1] is False  # PostgreSQL may deliver the later notices a little later
