"""The `sigma demo` command."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import httpx
import typer
from rich.live import Live

from sigma.cli.demo.screen import Lines, instructions, picture
from sigma.cli.demo.stage import Home, Stage
from sigma.cli.processes import GATEWAY_PORT, LOOPBACK, WEB_PORT, WebPort, check_free
from sigma.cli.state import console, say
from sigma.cli.supervise import STOPS

DEFAULT_HOME = Path("~/.sigma-demo")
REFRESH_S = 0.5
SETTINGS = {
    "sync.active": 1.0,
    "sync.after_send": 0.3,
    "sync.idle": 10.0,
    "orders.visibility_delay": 5.0,
    "orders.absence_gap": 2.0,
}
"""Waits that suit an exchange on this machine; the defaults suit real brokers."""

ALERTS: tuple[tuple[str, str, int, dict[str, Any]], ...] = (
    ("NSE:INFY", "BUY", 5, {"product": "CNC"}),
    ("NSE:SBIN", "BUY", 10, {"product": "MIS"}),
    ("NSE:HDFCBANK", "BUY", 4, {"product": "MIS"}),
    ("NSE:INFY", "SELL", 2, {"product": "CNC"}),
    ("NSE:TATAPOWER", "BUY", 25, {"product": "MIS"}),
)


class Stopped(BaseException):
    """A person (or the system) ended the demo. Like KeyboardInterrupt, no broad `except` may take it for trouble."""


def _stop(_number: int, _frame: FrameType | None) -> None:
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)  # nothing may interrupt the taking down
    raise Stopped


@contextmanager
def stoppable() -> Iterator[None]:
    """Within, a signal that asks for the end raises Stopped, once."""
    before = {number: signal.signal(number, _stop) for number in STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def demo(
    smoke: Annotated[bool, typer.Option("--smoke", help="Without a person: run every check once, then end.")] = False,
    home: Annotated[
        Path, typer.Option("--home", help="Folder of the demo; emptied first. A real installation is never touched.")
    ] = DEFAULT_HOME,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the webhook.")] = GATEWAY_PORT,
    web_port: WebPort = WEB_PORT,
    every: Annotated[float, typer.Option(min=0.2, help="Seconds between two alerts.")] = 30.0,
) -> None:
    """Try everything, risk nothing: the app on a simulated exchange, with two accounts, a past, and alerts."""
    if smoke:
        from sigma.cli.demo.smoke import run

        raise typer.Exit(run())
    check_free(LOOPBACK, port, otherwise=f"`sigma demo --port {port + 1}`")
    check_free(LOOPBACK, web_port, otherwise=f"`sigma demo --web-port {web_port + 1}`")
    try:
        with stoppable(), Stage(Home(home), port, web_port, _step, SETTINGS, lived=True) as stage:
            say(f"App: {stage.app_url}")
            if sys.stdout.isatty():
                _live(stage, every)
            else:
                _lines(stage, every)
    except Stopped:
        say("\nThe demo has ended; nothing of it runs any more.")


def _step(words: str) -> None:
    say(f"  {words} …")


class Alerts:
    """Posts an alert whenever it is time."""

    def __init__(self, stage: Stage, every_s: float) -> None:
        self._stage = stage
        self._every_s = every_s
        self._next = 0.0
        self._count = 0
        self._wishes = cycle(ALERTS)
        self.note = ""

    def tick(self) -> bool:
        """Post one when it is due; say whether."""
        left = self._next - time.monotonic()
        if left > 0:
            self.note = f"next alert in {left:.0f} s"
            return False
        self._next = time.monotonic() + self._every_s
        self._count += 1
        listing, side, quantity, details = next(self._wishes)
        try:
            answer = self._stage.alert(listing, side, quantity, order_id=f"demo-{self._count}", **details)
            self.note = f"alert {self._count} posted: {answer.status_code} {answer.json().get('status', '')}"
        except httpx.HTTPError as error:
            self.note = f"alert {self._count} not taken ({type(error).__name__}); the gateway is being restarted"
        return True


def _live(stage: Stage, every: float) -> None:
    terminal = console()
    alerts = Alerts(stage, every)
    with Live(picture(stage, terminal, ""), console=terminal, auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            stage.check()
            alerts.tick()
            live.update(picture(stage, terminal, alerts.note), refresh=True)
            time.sleep(REFRESH_S)


def _lines(stage: Stage, every: float) -> None:
    for line in instructions(stage, []):
        say(line.plain)
    alerts, lines = Alerts(stage, every), Lines(stage)
    while True:
        stage.check()
        if alerts.tick():
            say(alerts.note)
        for change in lines.changes(stage):
            say(change)
        time.sleep(REFRESH_S)


def register(root: typer.Typer) -> None:
    """Add the command to `root`."""
    root.command(rich_help_panel="Run")(demo)
