"""What demo and smoke run stand on: a home of their own, a simulated exchange, two connected accounts, all our processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from filelock import FileLock, Timeout

from sigma.cli.demo.history import SESSIONS, History, beginning
from sigma.cli.exchange import Exchange, environment
from sigma.cli.processes import LOOPBACK, gateway_program, web_program, worker_program, worker_pulse
from sigma.cli.supervise import Patience, Program, Supervisor, spawn
from sigma.domain.demo import MARKER
from sigma.domain.errors import ConfigError, SigmaError
from sigma.domain.times import IST
from sigma.simulator.clock import machine_now

if TYPE_CHECKING:
    from sigma.desk import Desk

Step = Callable[[str], None]
FOREIGN = ("SIGMA_", "KITE_", "SMARTAPI_", "FYERS_")
"""Variables of a real installation: a demo must see none of them."""

ACCOUNTS = {"zerodha-main": ("zerodha", "AB1234"), "angel": ("angelone", "A100001")}
PAPER = "Paper"
"""The account of a lived-in demo whose money is imaginary even there."""
UP_WITHIN_S = 60.0


class StageFailed(SigmaError):
    """Something of the demo did not start."""

    default_code = "DEMO"


class Home:
    """A folder for demos only: made anew each time, never taken over from anything else.

    Raises
    ------
    ConfigError
        The folder holds something else, or another demo runs in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser().absolute()
        if self.folder.exists() and any(self.folder.iterdir()) and not (self.folder / MARKER).exists():
            hint = "Name an empty one: `sigma demo --home FOLDER`."
            raise ConfigError(f"{self.folder} is not a demo's folder, and is left alone.", hint=hint)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = FileLock(self.folder / "demo.lock", timeout=0)
        try:
            self._lock.acquire()
        except Timeout:
            raise ConfigError(
                f"A demo is running in {self.folder} already.",
                hint="End it, or give this one its own: `sigma demo --home FOLDER`.",
            ) from None
        self._empty()
        (self.folder / MARKER).touch()

    def _empty(self) -> None:
        for path in self.folder.iterdir():
            if path.name == "demo.lock":
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

    def write_environment(self, exchange: str, gateway: str) -> Path:
        """Write the file that makes another terminal part of this demo, and return it."""
        file = self.folder / "env"
        quoted = {"SIGMA_HOME": str(self.folder), "SIGMA_GATEWAY": gateway, **environment(exchange)}
        programs = Path(sys.executable).parent
        lines = [
            "# Makes this terminal part of the demo:  . " + str(file),
            "unset SIGMA_KEY SIGMA_DATABASE_URL SIGMA_REDIS_URL SIGMA_LAKE_URL SIGMA_WEBHOOK_SECRET",
            *(f"export {name}='{value}'" for name, value in quoted.items()),
            f"export PATH='{programs}':\"$PATH\"",
            f"export NO_PROXY='{LOOPBACK},localhost'\"${{NO_PROXY:+,$NO_PROXY}}\"",
        ]
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return file

    def release(self) -> None:
        """Let another demo use the folder."""
        self._lock.release()


class Stage:
    """Builds everything up on entering, and takes it down on leaving.

    Parameters
    ----------
    port, web_port : int
        Ports of the gateway and of the app.
    lived : bool
        Give the home a past, and let everybody on this machine into the app; else it is empty, and asks for a password.
    settings : mapping
        Settings to change before anything runs.
    step : callable
        Told what is being done.
    accounts : mapping
        Broker and client of each account that is added and logged in, by its name.
    """

    def __init__(
        self,
        home: Home,
        port: int,
        web_port: int,
        step: Step,
        settings: Mapping[str, float] | None = None,
        *,
        lived: bool,
        accounts: Mapping[str, tuple[str, str]] = ACCOUNTS,
    ) -> None:
        self.home = home
        self.port = port
        self.web_port = web_port
        self.url = f"http://{LOOPBACK}:{port}"
        self.app_url = f"http://{LOOPBACK}:{web_port}"
        self._lived = lived
        self._accounts = accounts
        self._step = step
        self._settings = dict(settings or {})
        self.logs = home.folder / "logs"
        self._simulator: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self.supervisor = Supervisor([], self.note, Patience(grace=8))

    exchange: Exchange
    desk: Desk
    secret: str

    def __enter__(self) -> Stage:
        try:
            self._build()
        except BaseException:
            self._take_down()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._take_down()

    def note(self, name: str, line: str) -> None:
        """Keep a line that a process printed, in ``logs/NAME.out``."""
        self.logs.mkdir(mode=0o700, exist_ok=True)
        with self._lock, (self.logs / f"{name}.out").open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def _build(self) -> None:
        isolate(self.home.folder)
        self._step("starting the simulated exchange")
        begin, shown = beginning(machine_now(), SESSIONS if self._lived else 0)
        self._start_exchange(begin)
        self._step("making a home with its databases and key")
        self._prepare()
        self._step("starting worker, gateway and app")
        self.supervisor.add(gateway_program(LOOPBACK, self.port))
        self._step("logging two accounts in")
        for name, (broker, client_id) in self._accounts.items():
            self._add_account(name, broker, client_id)
        self._log_in()
        self.supervisor.add(web_program(self.web_port, demo=self._lived))
        if self._accounts:
            self._step("downloading both instrument lists")
            self.desk.instruments.refresh()
        self.supervisor.add(worker_program())
        self.supervisor.watch("worker", worker_pulse(self.desk))
        self._wait_for("gateway", f"{self.url}/health")
        self.wait_for_worker()
        if self._lived:
            self._step(f"trading {SESSIONS} sessions of the past")
            History(self.desk, self.exchange, self._log_in, self.check).live(shown)
            self.desk.instruments.refresh()
            self._add_paper()
        self._wait_for("app", f"{self.app_url}/_stcore/health")

    def _start_exchange(self, begin: datetime) -> None:
        announce = self.home.folder / "simulator.url"
        arguments = ("--port", "0", "--announce", str(announce), "--start", begin.isoformat())
        self._simulator = spawn(Program("simulator", "sigma.simulator", arguments))
        threading.Thread(target=self._drain, args=(self._simulator,), daemon=True).start()
        self._until("The simulated exchange", lambda: announce.exists() or None)
        self.exchange = Exchange(announce.read_text(encoding="utf-8").strip())
        self.exchange.wait_until_up(UP_WITHIN_S)
        os.environ.update(environment(self.exchange.url))
        self.home.write_environment(self.exchange.url, self.url)

    def _prepare(self) -> None:
        import sigma
        from sigma.bootstrap import prepare

        made = prepare(self.home.folder)
        if made.webhook_secret is None:
            raise StageFailed(f"{self.home.folder} had an owner already.", hint="Give the demo an empty folder: --home FOLDER.")
        self.secret = made.webhook_secret
        self.desk = sigma.open(home=self.home.folder, source="CLI")
        for name, value in self._settings.items():
            self.desk.settings.set(name, value)

    def _add_account(self, name: str, broker: str, client_id: str) -> None:
        simulated = self.exchange.account(client_id)
        known = {**simulated, "client_code": client_id}
        wanted = self.desk.capabilities(broker).credentials
        self.desk.accounts.add(broker, name=name, **{key: known[key] for key in wanted})
        self.exchange.post("redirect-url", client_id=client_id, url=f"{self.app_url}/connect/{broker}")

    def _log_in(self) -> None:
        for name, (_, client_id) in self._accounts.items():
            self.desk.accounts.connect(name, **self.exchange.login(client_id))

    def _add_paper(self) -> None:
        """Add a paper account that has just bought its first shares."""
        self.desk.accounts.add("paper", name=PAPER)
        self.desk.accounts.connect(PAPER)
        self.desk.orders.submit(account=PAPER, listing="NSE:TCS", side="BUY", quantity=10, product="CNC")

    def _drain(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            self.note("simulator", line.rstrip("\n"))

    def _wait_for(self, name: str, url: str) -> None:
        def answers() -> bool | None:
            try:
                return httpx.get(url, timeout=2, trust_env=False).status_code == 200 or None
            except httpx.HTTPError:
                return None

        self._until(f"The {name}", answers)

    def wait_for_worker(self) -> None:
        """Return once the worker that runs now has given its first sign of life."""

        def alive() -> bool | None:
            beats = self.desk.health()
            mine = beats[(beats["process"] == "worker") & (beats["pid"] == self.supervisor.child("worker").pid)]
            return len(mine) > 0 or None

        self._until("The worker", alive)

    def _until(self, what: str, condition: Callable[[], bool | None]) -> None:
        deadline = time.monotonic() + UP_WITHIN_S
        while condition() is None:
            self.check()
            if time.monotonic() > deadline:
                raise StageFailed(f"{what} did not start within {UP_WITHIN_S:g} s.", hint=f"Its words are in {self.logs}.")
            time.sleep(0.05)

    def check(self) -> None:
        """Restart what crashed; raise StageFailed when the simulated exchange is gone: nothing can go on without it."""
        self.supervisor.poll()
        if self._simulator is not None and self._simulator.poll() is not None:
            raise StageFailed("The simulated exchange has ended.", hint=f"Its words are in {self.logs / 'simulator.out'}.")

    def now(self) -> datetime:
        """Return the simulated present, UTC."""
        return self.desk.now()

    def alert(self, listing: str, side: str, quantity: int, *, secret: str | None = None, **details: object) -> httpx.Response:
        """Post a TradingView alert to the webhook and return the answer.

        `details` go into ``trade_details``; ``order_id`` makes two alerts of one bar the same.
        """
        bar = self.now().replace(second=0, microsecond=0)
        message: dict[str, Any] = {
            "secret": secret or self.secret,
            "platform": "TRADINGVIEW",
            "strategy_name": "Supertrend",
            "symbol": listing,
            "interval": "5",
            "bar_time": (bar - timedelta(minutes=bar.minute % 5)).isoformat(),
            "trade_details": {"order_action": side, "quantity": quantity, **details},
        }
        return httpx.post(f"{self.url}/webhook/tradingview", json=message, timeout=10, trust_env=False)

    def _take_down(self) -> None:
        self.supervisor.stop()
        if self._simulator is not None:
            end(self._simulator)
        if "desk" in self.__dict__:
            self.desk.close()
        self.home.release()


def end(process: subprocess.Popen[str], grace_s: float = 5.0) -> None:
    """End a process that `spawn` started, and wait for it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(grace_s)
            return
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def isolate(home: Path) -> None:
    """Make this process (and what it starts) see the demo's home and nothing of a real installation."""
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        del os.environ[name]
    os.environ["SIGMA_HOME"] = str(home)
    known = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = ",".join(filter(None, (f"{LOOPBACK},localhost", known)))


def clock_line(now: datetime) -> str:
    """Return the simulated moment as a person reads it."""
    return f"{now.astimezone(IST):%a %d %b %Y %H:%M:%S} IST (simulated)"
