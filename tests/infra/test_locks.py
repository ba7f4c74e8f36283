"""Leases between real processes: they die with their holder, and a hung holder dies before its lease is taken."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from sigma.infra.locks import FileLeases, started_mark

Start = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "locks"


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Starts a process that holds account 1's lease, and ends it after the test."""
    started: list[subprocess.Popen[str]] = []

    def begin(what: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.infra.holder", str(folder), "1", what]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def silent_for(folder: Path, seconds: float) -> None:
    """Return once the holder of account 1 has been silent for so long."""
    deadline = time.monotonic() + seconds + 10
    while True:
        holder = FileLeases(folder).holder(1)
        if holder is not None and holder.silent_s() > seconds:
            return
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def test_one_process_holds_a_lease_and_another_account_s_is_free(folder: Path, start: Start) -> None:
    start("beat")
    leases = FileLeases(folder)
    assert leases.acquire(1, hung_after_s=60) is None
    other = leases.acquire(2, hung_after_s=60)
    assert other is not None
    other.release()


def test_the_lease_dies_with_its_process(folder: Path, start: Start) -> None:
    holder = start("beat")
    holder.kill()
    holder.wait()
    lease = FileLeases(folder).acquire(1, hung_after_s=60)
    assert lease is not None
    lease.release()


@pytest.mark.parametrize("stopped", [True, False], ids=["stopped", "running but silent"])
def test_a_hung_holder_is_killed_before_its_lease_is_taken(folder: Path, start: Start, stopped: bool) -> None:
    holder = start("beat" if stopped else "silent")
    if stopped:
        os.kill(holder.pid, signal.SIGSTOP)
    silent_for(folder, 0.2)
    lease = FileLeases(folder).acquire(1, hung_after_s=0.2)
    assert lease is not None
    assert holder.wait(10) == -signal.SIGKILL
    lease.release()


def test_a_holder_that_beats_is_left_alone(folder: Path, start: Start) -> None:
    holder = start("beat")
    deadline = time.monotonic() + 0.5
    while time.monotonic() < deadline:
        assert FileLeases(folder).acquire(1, hung_after_s=0.3) is None
    assert holder.poll() is None


def test_a_process_that_gave_its_lease_back_is_never_taken_for_the_holder(folder: Path, start: Start) -> None:
    former = start("release")
    assert former.stdout is not None
    assert former.stdout.readline() == "released\n"
    lease = FileLeases(folder).acquire(1, hung_after_s=60)
    assert lease is not None
    assert FileLeases(folder).holder(1) is not None
    assert former.poll() is None
    lease.release()
    assert FileLeases(folder).holder(1) is None


def test_a_process_with_a_dead_holder_s_pid_is_not_killed(folder: Path, start: Start) -> None:
    holder = start("silent")
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        record = {"pid": bystander.pid, "started": "1", "beat_ns": 1}
        path = folder / "account-1.lock"
        path.write_text(json.dumps(record))
        assert FileLeases(folder).acquire(1, hung_after_s=0.1) is None
        assert bystander.poll() is None
        assert holder.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_this_process_does_not_get_its_own_lease_twice_nor_kill_itself(folder: Path) -> None:
    leases = FileLeases(folder)
    lease = leases.acquire(1, hung_after_s=60)
    assert lease is not None
    assert leases.acquire(1, hung_after_s=0) is None
    lease.touch()
    lease.release()
    lease.release()
    again = leases.acquire(1, hung_after_s=60)
    assert again is not None
    assert again.holder == f"{os.getpid()}@{started_mark(psutil.Process())}"
    again.release()


def test_a_record_that_cannot_be_read_kills_nobody(folder: Path, start: Start) -> None:
    holder = start("silent")
    (folder / "account-1.lock").write_text("{half a rec")
    assert FileLeases(folder).acquire(1, hung_after_s=0) is None
    assert holder.poll() is None


def test_lock_files_are_private(folder: Path) -> None:
    lease = FileLeases(folder).acquire(1, hung_after_s=60)
    assert lease is not None
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / "account-1.lock").stat().st_mode & 0o077 == 0
    lease.release()
