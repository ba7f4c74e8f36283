"""`sigma demo --smoke`: the main job and its worst moments, once each, with real processes and nobody at the screen."""

from __future__ import annotations

import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from rich.text import Text

from sigma.cli.demo.command import Stopped, stoppable
from sigma.cli.demo.stage import ACCOUNTS, Home, Stage, end
from sigma.cli.processes import free_port, worker_program
from sigma.cli.state import complain, say
from sigma.cli.supervise import Program, spawn
from sigma.domain.errors import SigmaError
from sigma.domain.orders import Order, OrderStatus

S = OrderStatus
LISTING = "NSE:INFY"
PAGES = ("/", "/orders", "/brokers", "/connect/zerodha?request_token=unknown")
PATIENCE_S = 30.0
POLL_S = 0.03

SETTINGS = {
    "orders.call_timeout": 2.0,
    "orders.send_window": 1.0,
    "orders.visibility_delay": 0.5,
    "orders.absence_gap": 0.2,
    "orders.settle_every": 0.1,
    "sync.active": 0.1,
    "sync.idle": 1.0,
    "sync.after_send": 0.1,
    "worker.scan": 0.1,
    "worker.accounts": 0.2,
    "worker.heartbeat": 0.2,
}
"""Waits made for brokers across the internet, shortened for an exchange on this machine."""


class NotHeld(AssertionError):
    """A check did not hold; its text says what was seen."""


class Smoke:
    """The checks. Each raises NotHeld when it does not hold."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.desk = stage.desk
        self.exchange = stage.exchange
        self._alerts = 0

    def checks(self) -> list[tuple[str, Callable[[], None]]]:
        """Return what is checked, in order."""
        filled = [
            (f"an alert goes through the queue to a fill on {name}", partial(self.alert_to_fill, name)) for name in ACCOUNTS
        ]
        return [
            ("the app shows a stranger the sign-in and nothing else", self.stranger_at_the_app),
            ("the app answers whoever has signed in", self.signed_in_at_the_app),
            ("a wrong webhook secret is refused and makes no order", self.wrong_secret),
            *filled,
            ("the same alert twice makes one order", self.same_alert_twice),
            ("a partial fill is kept when the rest is cancelled", self.partial_fill_then_cancel),
            ("a rejection comes back in the exchange's words", self.rejection),
            ("a lost answer is settled to exactly one order", self.lost_answer),
            ("a worker killed after the wire leaves exactly one order", self.killed_after_the_wire),
            ("our ledger and the exchange's tell the same executions", self.ledgers_agree),
        ]

    def stranger_at_the_app(self) -> None:
        """Every page leads to the sign-in, nothing else answers, and a wrong password does not help."""
        with self.browser() as browser:
            for path in PAGES:
                answer = browser.get(path)
                where = answer.headers.get("location", "")
                held(answer.status_code == 303 and where.startswith("/sign-in?"), f"{path} was answered {answer.status_code}")
            held("password" in browser.get("/sign-in").text, "the sign-in asks for no password")
            for path in ("/_stcore/host-config", "/_stcore/metrics", "/static/js/index.js"):
                held(browser.get(path, headers={"Accept": "*/*"}).status_code in (403, 404), f"{path} is open")

    def signed_in_at_the_app(self) -> None:
        """The owner chooses a password, is let in, signs out, is refused with a wrong one, and let in with the right one."""
        password = {"name": "owner", "password": "correct horse"}
        with self.browser() as browser:
            browser.post("/sign-in", data={**password, "again": password["password"]})
            held(browser.get("/orders").status_code == 200, "the owner is not let in after choosing a password")
            browser.post("/sign-out")
            held(browser.get("/orders").status_code == 303, "the app is open after the sign-out")
            wrong = browser.post("/sign-in", data={**password, "password": "wrong"})
            held(wrong.status_code == 401, f"a wrong password was answered {wrong.status_code}")
            browser.post("/sign-in", data=password)
            held("<title>" in browser.get("/").text, "the app does not answer whoever has signed in")

    def browser(self) -> httpx.Client:
        """Return a client that looks like a browser with an open page of the app."""
        headers = {"Accept": "text/html", "Origin": self.stage.app_url}
        return httpx.Client(base_url=self.stage.app_url, headers=headers, timeout=10, trust_env=False)

    def wrong_secret(self) -> None:
        """401, nothing stored."""
        before = len(self.desk.orders.table())
        answer = self.stage.alert(LISTING, "BUY", 1, secret="wrong")  # noqa: S106 - a wrong one on purpose
        held(answer.status_code == 401, f"the webhook answered {answer.status_code}")
        held(len(self.desk.orders.table()) == before, "an order was made")

    def alert_to_fill(self, account: str) -> None:
        """Webhook, queue, approval, broker, fills."""
        order = self.waiting("BUY", 5, product="CNC")
        held(order.id in set(self.desk.orders.queue()["id"]), f"order {order.id} is not in the queue")
        self.desk.orders.approve(order.id, account=account, version=order.version)
        done = self.until(order.id, S.FILLED)
        held(
            done.filled_quantity == 5 and done.average_price is not None, f"filled {done.filled_quantity} at {done.average_price}"
        )
        self.exactly_one(done, 5)

    def same_alert_twice(self) -> None:
        """A repeated delivery gets the first ids."""
        first = self.posted("BUY", 3, order_id="twice")
        again = self.stage.alert(LISTING, "BUY", 3, order_id="twice").json()
        held(again["status"] == "deduped", f"the second delivery was {again['status']}")
        held(again["order_ids"] == first["order_ids"], f"ids {again['order_ids']} instead of {first['order_ids']}")
        self.desk.orders.cancel(first["order_ids"][0])

    def partial_fill_then_cancel(self) -> None:
        """Three of ten are on offer; the rest is cancelled."""
        price = self.exchange.post("price", listing=LISTING, price=1500.0, hold=True, rebase=True)["price"]
        self.exchange.post("liquidity", listing=LISTING, bid_quantity=0, ask_quantity=3)
        order = self.waiting("BUY", 100, product="CNC", order_type="LIMIT", price=price + 1)
        self.desk.orders.approve(order.id, account="zerodha-main")
        part = self.until(order.id, S.PARTIALLY_FILLED)
        self.desk.orders.cancel(order.id)
        ended = self.until(order.id, S.CANCELLED)
        self.exchange.post("liquidity", listing=LISTING, bid_quantity=None, ask_quantity=None)
        held(
            0 < part.filled_quantity <= ended.filled_quantity < 100,
            f"filled {part.filled_quantity}, then {ended.filled_quantity}",
        )
        self.exactly_one(ended, ended.filled_quantity)

    def rejection(self) -> None:
        """Accepted by the broker, refused by the exchange: visible in the book only."""
        words = "RMS:Margin Exceeds, Required: 7510.00, Available: 0.00"
        self.exchange.post("faults", broker="angelone", endpoint="place", kind="reject_in_book", times=1, args={"message": words})
        order = self.waiting("BUY", 5, product="CNC")
        self.desk.orders.approve(order.id, account="angel")
        ended = self.until(order.id, S.REJECTED)
        held(words in ended.broker_reason, f"the reason shown is {ended.broker_reason!r}")

    def lost_answer(self) -> None:
        """The connection drops after the broker has accepted."""
        self.exchange.post("faults", broker="zerodha", endpoint="place", kind="drop_after_commit", times=1)
        order = self.waiting("BUY", 2, product="CNC")
        self.desk.orders.approve(order.id, account="zerodha-main")
        ended = self.until(order.id, S.FILLED)
        told = self.desk.orders.why(order.id).events  # pushed news may have settled the order before its answer was missed
        held(any(event.status is S.UNKNOWN or event.kind == "PLACE_UNKNOWN" for event in told), "the answer was not lost")
        self.exactly_one(ended, 2)

    def killed_after_the_wire(self) -> None:
        """``kill -9`` when the order's bytes have left; a new worker settles it."""
        self.stage.supervisor.remove("worker")
        order = self.waiting("BUY", 4, product="CNC")
        self.desk.orders.approve(order.id, account="angel")
        plain = worker_program()
        doomed = spawn(Program("doomed", plain.module, plain.arguments, {"SIGMA_KILL_AT": "bytes_left:1"}))
        try:
            doomed.communicate(timeout=PATIENCE_S)
        finally:
            end(doomed)
        held(doomed.returncode == -signal.SIGKILL, f"the worker ended with {doomed.returncode}, not by a kill")
        self.stage.supervisor.add(worker_program())
        ended = self.until(order.id, S.FILLED)
        self.exactly_one(ended, 4)

    def ledgers_agree(self) -> None:
        """Every execution of the exchange is in our ledger, once."""
        for name, (_, client_id) in ACCOUNTS.items():
            theirs = sum(row["quantity"] for row in self.exchange.get("fills", client_id=client_id))
            ours = int(self.desk.orders.fills(name)["quantity"].sum())
            held(ours == theirs and ours > 0, f"{name}: {ours} shares here, {theirs} at the exchange")

    def posted(self, side: str, quantity: int, **details: object) -> dict[str, Any]:
        """Post an alert that must be accepted, and return the answer."""
        self._alerts += 1
        details.setdefault("order_id", f"smoke-{self._alerts}")
        answer = self.stage.alert(LISTING, side, quantity, secret=None, **details)
        held(answer.status_code == 201, f"the webhook answered {answer.status_code}: {answer.text[:200]}")
        return dict(answer.json())

    def waiting(self, side: str, quantity: int, **details: object) -> Order:
        """Post an alert and return the order that it put into the queue."""
        order = self.desk.orders.get(self.posted(side, quantity, **details)["order_ids"][0])
        held(order.status is S.WAITING, f"order {order.id} is {order.status}, not waiting")
        return order

    def until(self, order_id: int, status: OrderStatus) -> Order:
        """Return the order once it has this status."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            order = self.desk.orders.get(order_id)
            if order.status is status:
                return order
            self.stage.check()
            if order.status.final or time.monotonic() > deadline:
                said = order.broker_reason or order.risk_note or "no reason given"
                raise NotHeld(f"order {order_id} is {order.status}, not {status} ({said})")
            time.sleep(POLL_S)

    def exactly_one(self, order: Order, filled: int) -> None:
        """Hold that the exchange has one order with our tag, and our fills sum to what it filled."""
        theirs = self.exchange.orders(order.client_order_id)
        held(len(theirs) == 1, f"the exchange has {len(theirs)} orders with tag {order.client_order_id}")
        deadline = time.monotonic() + PATIENCE_S
        while (ours := self._executed(order.id)) != filled and time.monotonic() < deadline:
            time.sleep(POLL_S)  # pushed news tells that an order is filled before the list of executions was read
        held(ours == theirs[0]["filled"] == filled, f"{ours} filled here, {theirs[0]['filled']} there, {filled} expected")

    def _executed(self, order_id: int) -> int:
        """Return the units of an order that our executions sum to."""
        fills = self.desk.orders.fills()
        return int(fills[fills["order_id"] == order_id]["quantity"].sum())


def held(condition: bool, seen: str) -> None:
    """Raise NotHeld unless `condition`; `seen` says what was seen instead."""
    if not condition:
        raise NotHeld(seen)


def run() -> int:
    """Run every check in a home of its own on free ports; return the exit code."""
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="sigma-smoke-"))
    results: dict[str, bool] = {}
    trouble = ""
    try:
        with stoppable(), _stage(folder) as stage:
            say(f"  up after {time.monotonic() - started:.1f} s")
            for name, check in Smoke(stage).checks():
                results[name] = _held(name, check)
    except Stopped:
        trouble = "stopped before the end; nothing of it runs any more"
    except SigmaError as error:
        trouble = str(error)
    return _told(results, trouble, time.monotonic() - started, folder)


def _stage(folder: Path) -> Stage:
    return Stage(Home(folder), free_port(), free_port(), lambda words: say(Text(f"  … {words}", "dim")), SETTINGS, lived=False)


def _told(results: dict[str, bool], trouble: str, seconds: float, folder: Path) -> int:
    """Print the last lines, keep the logs unless all held, and return the exit code."""
    failed = [name for name, well in results.items() if not well]
    if results and not failed and not trouble:
        shutil.rmtree(folder)
        say(f"smoke: {len(results)} checks held in {seconds:.1f} s")
        return 0
    if trouble:
        complain(trouble)
    say(f"logs: {folder / 'logs'}")
    say(f"smoke: {len(failed)} of {len(results)} checks failed in {seconds:.1f} s{': ' if failed else ''}{'; '.join(failed)}")
    return 1


def _held(name: str, check: Callable[[], None]) -> bool:
    began = time.monotonic()
    try:
        check()
    except (NotHeld, SigmaError) as error:
        say(Text.assemble(("  ✕ ", "bold red"), name, f": {error}"))
        return False
    say(Text.assemble(("  ● ", "green"), name, (f"  {time.monotonic() - began:.1f} s", "dim")))
    return True
