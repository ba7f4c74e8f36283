"""The laws of a paper book: whatever a person does in random days, it reconciles to the rupee, and a restart changes nothing."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sigma.domain.ledger import Execution
from sigma.domain.money import ZERO
from sigma.domain.orders import Outcome, Product, Side, Validity
from sigma.domain.paper import PaperBook, PaperFill
from sigma.engines.fifo import merged, replay
from sigma.store.store import SqlStore
from tests.adapters.paper_house import CALL, FUTURE, INFY, LISTINGS, PRICES, TCS, PaperStage, add_account, open_books, wish

_names = itertools.count(1)
TIMES = ("09:20", "11:00", "13:45", "15:19", "15:21", "15:40")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    with open_books(tmp_path_factory.mktemp("paper") / "home") as opened:
        yield opened


@dataclass(frozen=True)
class Act:
    """One thing that happens: an order, a price, a look at the market, or time that passes."""

    kind: str
    listing: str = INFY
    side: Side = Side.BUY
    lots: int = 1
    product: Product = Product.MIS
    ticks: int | None = None
    percent: int = 0
    ioc: bool = False


listings = st.sampled_from([INFY, TCS, FUTURE, CALL])
orders = st.builds(
    Act,
    st.just("order"),
    listings,
    st.sampled_from(Side),
    st.integers(1, 8),
    st.sampled_from([Product.MIS, Product.CNC, Product.NRML]),
    st.one_of(st.none(), st.integers(-10, 10)),
    ioc=st.booleans(),
)
prices = st.builds(Act, st.just("price"), listings, lots=st.integers(1, 6), percent=st.integers(-3, 3))
others = st.sampled_from([Act("look"), Act("cancel"), Act("restart"), Act("later"), Act("tomorrow")])
days = st.lists(st.one_of(orders, orders, prices, others), min_size=5, max_size=30)


class Day:
    """Plays acts on a stage."""

    def __init__(self, stage: PaperStage) -> None:
        self.stage, self.hour = stage, 1
        stage.at(TIMES[1])

    def play(self, act: Act) -> None:
        stage = self.stage
        if act.kind == "order":
            self._order(act)
        elif act.kind == "price":
            factor = 1 + Decimal(act.percent) / 100
            stage.quote(
                act.listing, (PRICES[act.listing] * factor).quantize(Decimal(1)), LISTINGS[act.listing].lot_size * act.lots
            )
            stage.advance()
        elif act.kind == "cancel":
            for row in stage.broker.order_book().rows:
                if row.status is not None and row.status.live:
                    stage.broker.cancel(stage.order(row, wish()))
        elif act.kind == "later":
            self._to(self.hour + 1)
        elif act.kind == "tomorrow":
            self._to(len(TIMES))
        else:
            stage.advance()

    def _order(self, act: Act) -> None:
        lot = LISTINGS[act.listing].lot_size
        last = self.stage.quotes[act.listing].last_price
        more = {} if act.ticks is None else {"price": last + act.ticks * LISTINGS[act.listing].tick_size}
        validity = Validity.IOC if act.ioc else Validity.DAY
        units = act.lots * (lot if lot > 1 else 9)
        _, answer = self.stage.send(wish(units, act.listing, act.side, product=act.product, validity=validity, **more))
        assert answer.outcome in (Outcome.ACCEPTED, Outcome.REFUSED), answer
        self.stage.advance()

    def _to(self, hour: int) -> None:
        self.stage.clock.move(seconds=1)
        days_on, self.hour = divmod(hour, len(TIMES))
        self.stage.at(TIMES[self.hour], days=days_on)
        self.stage.advance()


def flows(fills: tuple[PaperFill, ...]) -> Decimal:
    """Return what executions brought in and took out, charges aside."""
    return sum((-fill.side.sign * fill.quantity * fill.price for fill in fills), ZERO)


def reconciles(book: PaperBook, fills: tuple[PaperFill, ...]) -> None:
    """Check the book against its executions alone."""
    on_margin = sum((one.cost for one in book.positions if not one.paid), ZERO)
    charges = sum((fill.charges for fill in fills), ZERO)
    assert book.charges == charges
    assert book.cash == book.start_cash + flows(fills) - charges + on_margin
    net: defaultdict[tuple[str, Product], int] = defaultdict(int)
    for fill in fills:
        net[fill.listing, fill.product] += fill.side.sign * fill.quantity
    held = {one.key: one.quantity for one in book.positions}
    assert {key: units for key, units in net.items() if units} == {key: units for key, units in held.items() if units}
    assert all(units >= 0 for (_, product), units in held.items() if product is Product.CNC)


def as_ledger(fills: tuple[PaperFill, ...]) -> list[Execution]:
    return [
        Execution(
            fill_id=number,
            order_id=number,
            account_id=1,
            strategy="",
            listing=fill.listing,
            product=fill.product,
            side=fill.side,
            quantity=fill.quantity,
            price=fill.price,
            session_date=fill.session_date,
            filled_at=fill.filled_at,
        )
        for number, fill in enumerate(fills, 1)
    ]


def played(store: SqlStore, acts: list[Act], check: bool = True) -> tuple[PaperStage, tuple[PaperFill, ...]]:
    stage = PaperStage(store, add_account(store, f"Paper {next(_names)}"))
    day = Day(stage)
    for act in acts:
        day.play(act)
        if check:
            reconciles(stage.state.book, stage.books.fills(stage.account.id))
    return stage, stage.books.fills(stage.account.id)


quiet = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@quiet
@given(acts=days)
def test_the_book_reconciles_to_the_rupee_after_every_act_of_random_days(store: SqlStore, acts: list[Act]) -> None:
    stage, _ = played(store, acts)
    funds = stage.broker.funds()
    assert funds.total == funds.available + funds.used


@quiet
@given(acts=days)
def test_first_in_first_out_over_the_executions_realises_the_same(store: SqlStore, acts: list[Act]) -> None:
    stage, fills = played(store, acts, check=False)
    book = stage.state.book
    ledger = replay(merged(as_ledger(fills)))
    realised = sum((trip.gross for trip in ledger.trips()), ZERO)
    cost = sum((one.cost for one in book.positions), ZERO)
    assert realised == flows(fills) + cost
    lots = {
        (key.listing, key.product): chain.position.average_price for key, chain in ledger.chains.items() if chain.position.lots
    }
    assert lots == {one.key: one.cost / one.quantity for one in book.positions if one.quantity}


@quiet
@given(acts=days)
def test_no_order_ever_executes_more_than_it_wants_or_worse_than_its_limit(store: SqlStore, acts: list[Act]) -> None:
    stage, fills = played(store, acts, check=False)
    for row in stage.broker.order_book().rows:
        mine = [fill for fill in fills if fill.broker_order_id == row.broker_order_id]
        assert sum(fill.quantity for fill in mine) == row.filled_quantity <= row.quantity
        if row.price is not None:
            assert all((fill.price - row.price) * row.side.sign <= 0 for fill in mine)


def test_the_same_acts_in_one_process_and_in_two_end_in_the_same_book(store: SqlStore) -> None:
    acts = [
        Act("order", INFY, Side.BUY, 4, Product.CNC),
        Act("price", FUTURE, lots=1, percent=1),
        Act("order", FUTURE, Side.SELL, 3, Product.NRML),
        Act("later"),
        Act("order", TCS, Side.BUY, 2, Product.MIS),
        Act("tomorrow"),
        Act("order", INFY, Side.SELL, 2, Product.CNC),
    ]
    one, fills = played(store, acts)
    half = PaperStage(store, add_account(store, f"Paper {next(_names)}"))
    first = Day(half)
    for act in acts[:4]:
        first.play(act)
    restarted = PaperStage(store, half.account, half.clock, quotes=half.quotes)
    restarted.quotes = half.quotes
    second = Day.__new__(Day)
    second.stage, second.hour = restarted, first.hour
    for act in acts[4:]:
        second.play(act)
    assert restarted.state.book == one.state.book
    again = restarted.books.fills(half.account.id)
    assert [(fill.listing, fill.price, fill.quantity, fill.charges) for fill in again] == [
        (fill.listing, fill.price, fill.quantity, fill.charges) for fill in fills
    ]
