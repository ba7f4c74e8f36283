"""Admissions at once, from several processes' stores: what they let through together never exceeds a limit."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from sigma.domain.accounts import TradingMode
from sigma.domain.instruments import Kind, Listing, split_listing
from sigma.domain.money import ZERO
from sigma.domain.orders import Order, OrderRequest, OrderStatus, OrderType, Product, Side
from sigma.domain.risk import RiskLimits
from sigma.infra.exchange_days import past_of, shipped_days
from sigma.ports.probe import NoProbe
from sigma.services.calendar import CalendarService
from sigma.services.events import EventsService
from sigma.services.ledger import LedgerService
from sigma.services.orders.approve import Approval
from sigma.services.orders.house import OrderHouse
from sigma.services.orders.ledger_look import Facts
from sigma.store import SqlStore
from tests.store.conftest import Place
from tests.store.values import NOW, OWNER, account, order

PROCESSES, EACH = 4, 10
PRICE = Decimal(100)
TODAY = NOW.date()


class StandingClock:
    """Time that does not pass: every admission falls into one minute."""

    boot_id = "a boot"

    def now(self) -> datetime:
        return NOW

    def boot_ns(self) -> int:
        return 1


class AnyListing:
    """An instrument table in which everything is a share."""

    def get(self, text: str) -> Listing:
        return Listing(*split_listing(text), Kind.EQUITY)

    listing = get


@dataclass
class Process:
    """The admissions of one process: a store of its own on the database that all share."""

    store: SqlStore

    def __post_init__(self) -> None:
        clock: Any = StandingClock()
        events, days = EventsService(self.store, clock), shipped_days()
        calendar = CalendarService(self.store, clock, events, days, past_of(days)).calendar
        table: Any = AnyListing()
        absent: Any = None
        house = OrderHouse(self.store, clock, calendar, absent, table, absent, absent, NoProbe(), absent)
        self.approval = Approval(house, LedgerService(clock, calendar, table, {}))

    def admit(self, account_id: int, wanted: OrderRequest, facts: Facts) -> Order:
        with self.store.begin() as tx:
            tx.users.lock(OWNER)
            stored = tx.orders.add(order(account_id, request=wanted))
            return self.approval.admit(tx, stored, tx.accounts.get(account_id), facts)


@pytest.fixture
def processes(place: Place) -> Iterator[list[Process]]:
    with ExitStack() as ends:
        yield [Process(ends.enter_context(place.open())) for _ in range(PROCESSES)]


def at_once(processes: list[Process], act: Callable[[Process, int], Order]) -> list[Order]:
    """Let each process admit its orders, all at the same time."""
    made: list[Order] = []
    failed: list[BaseException] = []
    start = threading.Barrier(len(processes))

    def run(process: Process, first: int) -> None:
        start.wait()
        try:
            made.extend([act(process, first + number) for number in range(EACH)])
        except BaseException as error:  # told in the test's own thread
            failed.append(error)

    threads = [threading.Thread(target=run, args=(process, place * EACH)) for place, process in enumerate(processes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    return made


def test_admissions_at_once_never_exceed_a_limit(processes: list[Process]) -> None:
    with processes[0].store.begin() as tx:
        accounts = [tx.accounts.add(account(name)).id for name in ("first", "second")]
        limits = RiskLimits(
            max_orders_per_minute=9, max_open_positions=4, max_exposure=Decimal(1500), clamp=frozenset({"max_exposure"})
        )
        tx.risk.put_limits(OWNER, limits)

    def act(process: Process, number: int) -> Order:
        wanted = OrderRequest(f"NSE:S{number % 7}", Side.BUY, 5, OrderType.LIMIT, Product.MIS, PRICE)
        return process.admit(accounts[number % 2], wanted, Facts(PRICE, NOW))

    made = at_once(processes, act)
    let_through = [one for one in made if one.status is OrderStatus.APPROVED]
    assert len(made) == PROCESSES * EACH
    assert len(let_through) == 9
    assert len({one.listing for one in let_through}) <= 4
    worth = defaultdict[str, Decimal](lambda: ZERO)
    for one in let_through:
        worth[one.listing] += one.request.quantity * PRICE
    assert max(worth.values()) <= 1500
    with processes[0].store.read() as tx:
        codes = Counter(tx.orders.decisions(one.id)[-1].code for one in made)
        pending = [command for number in accounts for command in tx.commands.pending(number)]
    assert codes["MAX_ORDERS"] + codes["MAX_POSITIONS"] + codes["MAX_EXPOSURE"] == len(made) - 9
    assert len(pending) == 9


def test_exits_at_once_never_close_more_than_is_held(processes: list[Process]) -> None:
    with processes[0].store.begin() as tx:
        number = tx.accounts.add(account(trading_mode=TradingMode.EXIT_ONLY)).id

    def act(process: Process, _: int) -> Order:
        return process.admit(number, OrderRequest("NSE:INFY", Side.SELL, 4, product=Product.MIS), Facts(position=10))

    made = at_once(processes, act)
    let_through = [one.request.quantity for one in made if one.status is OrderStatus.APPROVED]
    assert sorted(let_through) == [2, 4, 4]


def test_positions_on_paper_take_no_room_from_live_ones(processes: list[Process]) -> None:
    process = processes[0]
    with process.store.begin() as tx:
        live, other = (tx.accounts.add(account(name)).id for name in ("live", "other"))
        imaginary = tx.accounts.add(replace(account("imaginary"), broker="paper")).id
        tx.risk.put_limits(OWNER, RiskLimits(max_open_positions=1))
    first, second = (OrderRequest(text, Side.BUY, 1, product=Product.MIS) for text in ("NSE:A", "NSE:B"))
    assert process.admit(imaginary, first, Facts()).status is OrderStatus.APPROVED
    assert process.admit(live, second, Facts()).status is OrderStatus.APPROVED
    assert process.admit(other, first, Facts()).status is OrderStatus.REJECTED_RISK
    assert process.admit(other, second, Facts()).status is OrderStatus.APPROVED
