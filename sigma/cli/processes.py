"""`sigma up | worker | gateway | web | sim`: starting the processes, each by ``python -m``."""

from __future__ import annotations

import errno
import os
import socket
import sys
import threading
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from sigma.cli import exchange
from sigma.cli.pulse import Pulse
from sigma.cli.state import console, desk, say
from sigma.cli.supervise import Program, Supervisor
from sigma.domain.errors import ConfigError

if TYPE_CHECKING:
    from sigma.desk import Desk

LOOPBACK = "127.0.0.1"
GATEWAY_PORT = 8765
WEB_PORT = 8501
SIMULATOR_PORT = 8770
COLOURS = ("cyan", "magenta", "green", "yellow")

Host = Annotated[str, typer.Option(help="Address that the webhook listens on; the default is this machine only.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Port that the webhook listens on.")]
WebPort = Annotated[int, typer.Option("--web-port", min=1, max=65535, help="Port of the app in the browser.")]
OnlyAccount = Annotated[str | None, typer.Option("--account", "-a", help="Serve only this account.")]


def check_free(host: str, port: int, *, otherwise: str) -> None:
    """Say clearly when a port cannot be listened on.

    Raises
    ------
    ConfigError
        It is in use, not allowed, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                hint = f"End that one, or choose another: {otherwise}"
                raise ConfigError(f"Port {port} on {host} is in use by another program.", hint=hint) from None
            raise ConfigError(f"Port {port} on {host} cannot be listened on: {error.strerror}.", hint=otherwise) from None


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def worker_program(account: str | None = None) -> Program:
    """Return the worker: sender, order-book reader, jobs."""
    return Program("worker", "scheduler", ("--account", account) if account else ())


def gateway_program(host: str, port: int) -> Program:
    """Return the gateway: webhook intake and health."""
    return Program("gateway", "sigma.gateway", ("--host", host, "--port", str(port)))


def web_program(port: int, *, demo: bool = False) -> Program:
    """Return the app in the browser; `demo` lets everybody on this machine in."""
    return Program("web", "pages.web", ("--port", str(port), *(["--demo"] if demo else [])))


def worker_pulse(opened: Desk) -> Pulse:
    """Return what notices that the worker has fallen silent, by the heartbeat that it writes."""

    def last_sign(pid: int) -> object | None:
        beats = opened.health()
        mine = beats[(beats["process"] == "worker") & (beats["pid"] == pid)]
        return None if mine.empty else mine["at"].iloc[0]

    return Pulse(last_sign, lambda: float(opened.settings.get("worker.hung_after")))


def become(program: Program) -> NoReturn:
    """Go on as `program`, under this process's id, so that signals reach it."""
    sys.stdout.flush()
    os.execv(program.command[0], program.command)  # noqa: S606 - our own module, no shell


class Prefixed:
    """Prints lines of several programs, each with its name before it."""

    def __init__(self, terminal: Console, names: tuple[str, ...]) -> None:
        self._terminal = terminal
        self._width = max(len(name) for name in names)
        self._colours = dict(zip(names, COLOURS, strict=False))
        self._lock = threading.Lock()

    def __call__(self, name: str, line: str) -> None:
        """Print one line."""
        prefix = f"{name:<{self._width}} │ "
        with self._lock:
            self._terminal.print(Text.assemble((prefix, self._colours.get(name, "")), Text.from_ansi(line)), soft_wrap=True)


def up(host: Host = LOOPBACK, port: Port = GATEWAY_PORT, web_port: WebPort = WEB_PORT, account: OnlyAccount = None) -> None:
    """Run worker, webhook gateway and app together; each is restarted alone when it crashes. Ctrl-C ends all."""
    with desk() as opened:  # a home without a database or key says so here, once, instead of in every restart
        check_free(host, port, otherwise=f"`sigma up --port {port + 1}`")
        check_free(LOOPBACK, web_port, otherwise=f"`sigma up --web-port {web_port + 1}`")
        programs = [worker_program(account), gateway_program(host, port), web_program(web_port)]
        lines = Prefixed(console(), tuple(program.name for program in programs))
        say(f"App:     http://{LOOPBACK}:{web_port}")
        say(f"Webhook: http://{host}:{port}/webhook/tradingview (Ctrl-C ends everything)")
        supervisor = Supervisor(programs, lines)
        supervisor.watch("worker", worker_pulse(opened))
        supervisor.run()
    say("Nothing of it runs any more.")


def worker(account: OnlyAccount = None) -> None:
    """Run the worker alone: it sends what was approved and reads the order books."""
    become(worker_program(account))


def gateway(host: Host = LOOPBACK, port: Port = GATEWAY_PORT) -> None:
    """Run the webhook gateway alone."""
    check_free(host, port, otherwise=f"`sigma gateway --port {port + 1}`")
    become(gateway_program(host, port))


def web(port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the app.")] = WEB_PORT) -> None:
    """Run the app in the browser alone, for this machine only."""
    check_free(LOOPBACK, port, otherwise=f"`sigma web --port {port + 1}`")
    become(web_program(port))


sim = typer.Typer(help="Run the simulated exchange, or play its person.", invoke_without_command=True)


@sim.callback()
def run_simulator(
    ctx: typer.Context,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = SIMULATOR_PORT,
    seed: Annotated[int, typer.Option(help="Same seed and day: same securities and prices.")] = 7,
    start: Annotated[
        str | None, typer.Option(help="First moment of its clock, ISO with zone (default: the last session, 10:00).")
    ] = None,
    announce: Annotated[str | None, typer.Option(help="File to write its address to once it listens.")] = None,
) -> None:
    """Run the simulated exchange: it speaks Kite Connect and SmartAPI on one port of this machine."""
    if ctx.invoked_subcommand is not None:
        return
    if port:
        check_free(LOOPBACK, port, otherwise=f"`sigma sim --port {port + 1}`")
        say("To use it, type in the other terminal:")
        for name, value in exchange.environment(f"http://{LOOPBACK}:{port}").items():
            say(f"  export {name}={value}")
    given = {"--port": str(port), "--seed": str(seed), "--start": start, "--announce": announce}
    arguments = [text for name, value in given.items() if value is not None for text in (name, value)]
    become(Program("sim", "sigma.simulator", tuple(arguments)))


@sim.command()
def code(
    client_id: Annotated[str, typer.Argument(help="A client of the simulator: AB1234, CD5678, A100001, A100002.")],
    url: Annotated[str | None, typer.Option(help="Its address (default: SIGMA_CLOCK_URL).")] = None,
) -> None:
    """Print what a simulated client enters at a login: the request token, or PIN and one-time code."""
    with exchange.Exchange(exchange.known_url(url)) as simulator:
        for field, value in simulator.login(client_id).items():
            say(f"{field} {value}")


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    panel = "Run"
    app.command(rich_help_panel=panel)(up)
    app.command(rich_help_panel=panel)(worker)
    app.command(rich_help_panel=panel)(gateway)
    app.command(rich_help_panel=panel)(web)
    app.add_typer(sim, name="sim", rich_help_panel=panel)
