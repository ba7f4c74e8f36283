"""Leases by account on one host: OS file locks, which die with their process and only then."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import structlog

log = structlog.get_logger(__name__)

PROC = Path("/proc")
START_TICKS = 19
"""Place of the start time in /proc/PID/stat, counted after the process's name (proc(5), field 22)."""
DEATH_DEADLINE_S = 5.0
RECORD_BYTES = 256
"""A record is padded to this length and written at once, so that a reader never sees half of one."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock: a process by pid and start, and when it last said that it lives.

    Parameters
    ----------
    started : str
        What `started_mark` gave: another process that gets the same pid later has another one.
    beat_ns : int
        On the monotonic clock, which stands still while the machine sleeps: nobody looks hung after a suspend.
    """

    pid: int
    started: str
    beat_ns: int

    def process(self) -> psutil.Process | None:
        """Return this very process, None when it is gone (a pid that another one got meanwhile does not count)."""
        try:
            process = psutil.Process(self.pid)
            same = started_mark(process) == self.started and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return process if same else None

    def silent_s(self) -> float:
        """Return seconds since its last heartbeat."""
        return (time.monotonic_ns() - self.beat_ns) / 1e9


def started_mark(process: psutil.Process) -> str:
    """Return when a process started, as the kernel keeps it: in clock ticks since boot, which no change of the clock moves."""
    if not PROC.exists():
        return f"{process.create_time():.3f}"
    try:
        stat = (PROC / str(process.pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        raise psutil.NoSuchProcess(process.pid) from None
    return stat.rpartition(")")[2].split()[START_TICKS]


class FileLease:
    """Implements ports.infra.Lease. The lock ends with `release` or with the process, whatever ends it."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._pid = os.getpid()
        self._started = started_mark(psutil.Process(self._pid))
        self.holder = f"{self._pid}@{self._started}"
        self.touch()

    def touch(self) -> None:
        """Record that the holder lives; without it for long enough, another process may kill this one and take over."""
        record = {"pid": self._pid, "started": self._started, "beat_ns": time.monotonic_ns()}
        os.pwrite(self._file, json.dumps(record).ljust(RECORD_BYTES).encode("ascii"), 0)

    def release(self) -> None:
        """Give the lock back. The record goes first, so that nobody takes this process for the next holder."""
        if self._file >= 0:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = -1


class FileLeases:
    """Implements ports.infra.Leases by one lock file for each account in a folder.

    Parameters
    ----------
    folder : Path
        Made when missing, open to its owner only. It must be on a disk of this machine.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def acquire(self, account_id: int, *, hung_after_s: float) -> FileLease | None:
        """Return the lease of an account, or None while a living process holds it.

        A holder that has been silent for more than `hung_after_s` seconds is killed (SIGKILL, also when it is stopped) and
        the lock taken once it is dead. One that does not die keeps its lock: it is never overtaken.
        """
        path = self._folder / f"account-{account_id}.lock"
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if _locked(file) or self._freed(file, path, hung_after_s):
                return FileLease(file)
        except BaseException:
            os.close(file)
            raise
        os.close(file)
        return None

    def holder(self, account_id: int) -> Holder | None:
        """Return who holds (or last held) an account's lease, None when nobody ever did."""
        try:
            file = os.open(self._folder / f"account-{account_id}.lock", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            return _recorded(file)
        finally:
            os.close(file)

    def _freed(self, file: int, path: Path, hung_after_s: float) -> bool:
        """Kill the holder when it hangs, wait for its death and take the lock; False leaves things as they are."""
        holder = _recorded(file)
        if holder is None or holder.pid == os.getpid() or holder.silent_s() <= hung_after_s:
            return False
        process = holder.process()
        if process is None:
            return False
        log.warning("killing a hung holder", lock=path.name, pid=holder.pid, silent_s=round(holder.silent_s(), 1))
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
        return _until(lambda: _locked(file), DEATH_DEADLINE_S)


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise
    return True


def _recorded(file: int) -> Holder | None:
    text = os.pread(file, RECORD_BYTES, 0).decode("ascii", "replace").strip()
    try:
        record = json.loads(text)
        return Holder(int(record["pid"]), str(record["started"]), int(record["beat_ns"]))
    except (ValueError, KeyError, TypeError) as error:
        if text:
            log.warning("a lock file's record cannot be read", text=text, why=str(error))
        return None


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True
