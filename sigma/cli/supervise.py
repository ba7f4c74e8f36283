"""Keeps programs running: each is restarted alone when it ends, and all end with the supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from sigma.cli.pulse import Pulse

LAUNCHER = str(Path(__file__).with_name("launch.py"))
POLL_S = 0.05
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Say = Callable[[str, str], None]
"""Told (name of the program, one line): what a program printed, or what the supervisor says of it."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run: a module of ours with its arguments, by this Python.

    Parameters
    ----------
    environment : mapping
        Variables on top of this process's own.
    """

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def command(self) -> list[str]:
        """The command line. ``-P``: a file in the current folder that is called like ours is not run instead."""
        return [sys.executable, "-P", "-m", self.module, *self.arguments]


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds.

    Parameters
    ----------
    first, longest : float
        Wait before the first restart; it doubles with each crash up to the longest.
    steady : float
        A program that ran this long starts again from the first wait.
    grace : float
        What programs get to end in order before they are killed.
    """

    first: float = 1.0
    longest: float = 30.0
    steady: float = 60.0
    grace: float = 15.0


def spawn(program: Program, *, parent: int | None = None) -> subprocess.Popen[str]:
    """Start a program in a process group of its own (Ctrl-C in the terminal reaches the supervisor only)."""
    command = [sys.executable, "-I", "-S", LAUNCHER, str(parent or os.getpid()), *program.command]
    return subprocess.Popen(  # noqa: S603 - our own modules
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **program.environment},
    )


def how_it_ended(code: int) -> str:
    """Return an exit code in words."""
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


class Child:
    """One program under supervision."""

    def __init__(self, program: Program, say: Say, patience: Patience) -> None:
        self.program = program
        self._say = say
        self._patience = patience
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._started = 0.0
        self._due = 0.0
        self._wait = patience.first
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """The running process's id, None between two runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Start the program now, from this thread (on Linux it ends when the thread that started it ends)."""
        self._process = spawn(self.program)
        self._started = time.monotonic()
        self._reader = threading.Thread(target=self._read, args=(self._process,), name=f"read-{self.program.name}", daemon=True)
        self._reader.start()

    def poll(self) -> None:
        """Notice an end, and start again when its time has come."""
        now = time.monotonic()
        if self._process is None:
            if now >= self._due:
                self.restarts += 1
                self.start()
            return
        code = self._process.poll()
        if code is None:
            return
        self._finish_reading()
        if now - self._started >= self._patience.steady:
            self._wait = self._patience.first
        self._say(self.program.name, f"{how_it_ended(code)}; starting again in {self._wait:g} s")
        self._due, self._process = now + self._wait, None
        self._wait = min(self._wait * 2, self._patience.longest)

    def signal(self, number: int) -> None:
        """Send a signal to the program and whatever it started."""
        if self._process is None:
            return
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return

    def ended(self) -> bool:
        """Say whether nothing of it runs any more."""
        return self._process is None or self._process.poll() is not None

    def close(self) -> None:
        """Collect what is left after the end."""
        if self._process is not None:
            self._process.wait()
            self._finish_reading()
            self._process = None

    def _finish_reading(self) -> None:
        if self._reader is not None:
            self._reader.join(timeout=2)

    def _read(self, process: subprocess.Popen[str]) -> None:
        if process.stdout is None:
            return
        with process.stdout as lines:
            for line in lines:
                self._say(self.program.name, line.rstrip("\n"))


class Supervisor:
    """Runs programs until told to stop.

    Use as a context manager, or call `run`, which blocks until SIGINT, SIGTERM or SIGHUP; a second signal kills at once.
    """

    def __init__(self, programs: Sequence[Program], say: Say, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()
        self._say = say
        self._children = {program.name: Child(program, say, self._patience) for program in programs}
        self._pulses: dict[str, Pulse] = {}
        self._blind = False
        self._signals = 0

    def __enter__(self) -> Supervisor:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def child(self, name: str) -> Child:
        """Return one program's state."""
        return self._children[name]

    def add(self, program: Program) -> Child:
        """Start one more program."""
        child = self._children[program.name] = Child(program, self._say, self._patience)
        child.start()
        return child

    def remove(self, name: str) -> None:
        """End one program for good."""
        self._end([self._children.pop(name)])

    def watch(self, name: str, pulse: Pulse) -> None:
        """Kill a program, and start it again, when its pulse says that it has been silent for too long."""
        self._pulses[name] = pulse

    def start(self) -> None:
        """Start everything."""
        for child in self._children.values():
            child.start()

    def poll(self) -> None:
        """Restart what has ended and is due, and kill what has fallen silent."""
        for child in self._children.values():
            child.poll()
        for name, pulse in self._pulses.items():
            if name in self._children:
                self._feel(self._children[name], pulse)

    def _feel(self, child: Child, pulse: Pulse) -> None:
        try:
            silent = pulse.silent_too_long(child.pid)
        except Exception as error:  # whatever it is: the programs that run must not end because one could not be looked at
            if not self._blind:
                self._say(child.program.name, f"its sign of life cannot be read: {error}")
            self._blind = True
            return
        self._blind = False
        if silent:
            self._say(child.program.name, f"gave no sign of life for {silent:.0f} s and is killed")
            child.signal(signal.SIGKILL)

    def run(self) -> None:
        """Start everything and keep it running until a signal, then end all and wait for it."""
        before = {number: signal.signal(number, self._asked) for number in STOPS}
        try:
            self.start()
            while not self._signals:
                self.poll()
                time.sleep(POLL_S)
        finally:
            self.stop()
            for number, handler in before.items():
                signal.signal(number, handler)

    def stop(self) -> None:
        """End all programs in order, kill those that do not within the grace period, and wait for each."""
        self._end(list(self._children.values()))

    def _end(self, children: Sequence[Child]) -> None:
        for child in children:
            child.signal(signal.SIGTERM)
        deadline = time.monotonic() + self._patience.grace
        while not all(child.ended() for child in children):
            if time.monotonic() > deadline or self._signals > 1:
                for child in children:
                    child.signal(signal.SIGKILL)
                break
            time.sleep(POLL_S)
        for child in children:
            child.close()

    def _asked(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1
