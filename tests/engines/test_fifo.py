"""First in, first out: the laws of the ledger, and the days on which it is easily wrong."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from sigma.domain.ledger import Execution, Opening
from sigma.domain.money import ZERO
from sigma.domain.orders import Product, Side
from sigma.engines.fifo import Book, Key, begun_anew, extend, high_water, key_of, merged, replay, unclaimed, units
from tests.engines.build import NOW, TODAY

YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
KEY = Key(1, "", "NSE:INFY", Product.NRML)


def fill(number: int, side: Side, quantity: int, price: int | str, **changes: object) -> Execution:
    """An execution of NSE:INFY carried overnight, a minute after the one with the number before."""
    plain = Execution(
        fill_id=number,
        order_id=100 + number,
        account_id=1,
        strategy="",
        listing="NSE:INFY",
        product=Product.NRML,
        side=side,
        quantity=quantity,
        price=Decimal(price),
        session_date=TODAY,
        filled_at=NOW + timedelta(minutes=number),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def opening(quantity: int, price: int, session: date = TODAY, **changes: object) -> Opening:
    plain = Opening(1, session, "NSE:INFY", Product.NRML, quantity, Decimal(price), Decimal(price), NOW)
    return replace(plain, **changes)  # type: ignore[arg-type]


def held(book: Book, key: Key = KEY) -> int:
    return book.chains[key].position.quantity


@st.composite
def days(draw: st.DrawFn) -> list[Execution]:
    """Executions of three sessions, in any order, on several chains."""
    made = []
    for number in range(1, draw(st.integers(1, 25)) + 1):
        later = draw(st.integers(0, 3 * 60))
        session = TODAY + timedelta(days=later // 60)
        at = NOW + timedelta(days=later // 60, minutes=later % 60)
        made.append(
            fill(
                number,
                draw(st.sampled_from(list(Side))),
                draw(st.integers(1, 50)),
                draw(st.integers(1, 500)),
                strategy=draw(st.sampled_from(["", "breakout"])),
                product=draw(st.sampled_from([Product.NRML, Product.MIS])),
                listing=draw(st.sampled_from(["NSE:INFY", "NSE:TCS"])),
                session_date=session,
                filled_at=at,
            )
        )
    return draw(st.permutations(made))


@given(days(), st.data())
@settings(max_examples=200)
def test_a_book_that_grows_is_the_book_made_at_once(executions: list[Execution], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(executions)))
    assert extend(replay(executions[:cut]), executions[cut:]) == replay(executions)


@given(days(), st.data())
def test_the_order_and_repetition_of_news_changes_nothing(executions: list[Execution], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(executions)))
    once = replay(executions)
    assert replay(data.draw(st.permutations(executions + again))) == once
    assert extend(once, again) == once


@given(days())
def test_lots_add_up_to_what_was_bought_and_sold(executions: list[Execution]) -> None:
    net: defaultdict[Key, int] = defaultdict(int)
    for one in executions:
        net[key_of(one)] += one.quantity * one.side.sign
    book = replay(executions)
    assert {key: chain.position.quantity for key, chain in book.chains.items()} == net


@given(days(), st.integers(1, 500))
def test_realised_and_open_are_what_was_paid_and_got(executions: list[Execution], price: int) -> None:
    book = replay(executions)
    for key, chain in book.chains.items():
        cash = sum((-one.price * one.quantity * one.side.sign for one in executions if key_of(one) == key), ZERO)
        gained = sum(((price - lot.price) * lot.quantity for lot in chain.position.lots), ZERO)
        assert chain.position.realised + gained == cash + price * chain.position.quantity
        assert chain.position.realised == sum((trip.gross for trip in chain.trips), ZERO)


@given(days(), st.integers(-50, 50))
def test_with_openings_a_growing_book_is_the_same_too(executions: list[Execution], quantity: int) -> None:
    executions = merged(executions)
    openings = {TODAY: [opening(quantity, 100)], TOMORROW: [opening(5, 110, TOMORROW)]}
    late = [one for one in executions if one.session_date >= TOMORROW]
    early = [one for one in executions if one.session_date < TOMORROW]
    assert extend(replay(early, openings), late) == replay(executions, openings) == extend(replay(late, openings), early)


@given(days(), st.integers(-50, 50))
def test_strategies_and_the_rest_add_up_to_the_account(executions: list[Execution], quantity: int) -> None:
    openings = {TODAY: [opening(quantity, 100)], TOMORROW: [opening(7, 110, TOMORROW)]}
    last = TODAY + timedelta(days=3)
    own = replay(executions, unclaimed(openings, executions))
    assert units(own.positions(last)) == units(replay(merged(executions), openings).positions(last))


def test_the_oldest_lot_is_left_first() -> None:
    book = replay([fill(1, Side.BUY, 10, 100), fill(2, Side.BUY, 10, 110), fill(3, Side.SELL, 15, 120)])
    chain = book.chains[KEY]
    assert [(trip.quantity, trip.entry_price, trip.gross) for trip in chain.trips] == [(10, 100, 200), (5, 110, 50)]
    assert [(lot.quantity, lot.price) for lot in chain.position.lots] == [(5, 110)]
    assert (chain.trips[0].entry_order_id, chain.trips[0].exit_order_id) == (101, 103)


def test_an_order_can_turn_a_position() -> None:
    book = replay([fill(1, Side.SELL, 10, 100), fill(2, Side.BUY, 25, 90)])
    (trip,) = book.trips()
    assert (trip.side, trip.quantity, trip.gross) == (Side.SELL, 10, 100)
    assert held(book) == 15
    assert book.chains[KEY].position.average_price == 90


def test_a_fill_that_comes_late_takes_its_place_in_time() -> None:
    book = replay([fill(2, Side.BUY, 10, 110), fill(3, Side.SELL, 10, 120)])
    late = extend(book, [fill(1, Side.BUY, 10, 100)])
    assert [trip.entry_price for trip in late.trips()] == [100]
    assert [lot.price for lot in late.chains[KEY].position.lots] == [110]


def test_what_a_session_opened_with_is_closed_at_its_reference_price() -> None:
    book = replay([fill(1, Side.SELL, 4, 130)], {TODAY: [opening(10, 120)]})
    assert [(trip.entry_price, trip.gross, trip.entry_order_id) for trip in book.trips()] == [(120, 40, None)]
    assert held(book) == 6


def test_a_list_that_agrees_keeps_the_lots_and_one_that_does_not_replaces_them() -> None:
    bought = fill(1, Side.BUY, 10, 100, session_date=YESTERDAY, filled_at=NOW - timedelta(days=1))
    kept = replay([bought], {TODAY: [opening(10, 105)]})
    assert [lot.price for lot in kept.chains[KEY].position.lots] == [100]
    split = replay([bought], {TODAY: [opening(50, 21)]})
    assert [(lot.quantity, lot.price) for lot in split.chains[KEY].position.lots] == [(50, 21)]
    assert split.chains[KEY].position.realised == 0
    assert held(replay([bought], {TODAY: []})) == 0


def test_intraday_units_end_with_their_session() -> None:
    book = replay([fill(1, Side.BUY, 10, 100, product=Product.MIS)])
    assert units(book.positions(TODAY)) == {("NSE:INFY", Product.MIS): 10}
    assert units(book.positions(TOMORROW)) == {}


def test_a_day_begun_anew_counts_from_the_reference_price() -> None:
    bought = fill(1, Side.BUY, 10, 100, session_date=YESTERDAY, filled_at=NOW - timedelta(days=1))
    book = extend(begun_anew(replay([bought]), TODAY, lambda _key, _lot: Decimal(140)), [fill(2, Side.SELL, 10, 150)])
    assert book.chains[KEY].position.realised == 100


def test_what_a_strategy_holds_is_not_the_rest_s() -> None:
    bought = fill(1, Side.BUY, 4, 100, strategy="breakout", session_date=YESTERDAY, filled_at=NOW - timedelta(days=1))
    assert unclaimed({TODAY: [opening(10, 120)]}, [bought])[TODAY][0].quantity == 6
    (line,) = unclaimed({TODAY: []}, [bought])[TODAY]
    assert (line.quantity, line.reference_price) == (-4, 100)


def test_the_highest_point_is_of_the_way_there() -> None:
    book = replay(
        [fill(1, Side.BUY, 10, 100), fill(2, Side.SELL, 10, 150), fill(3, Side.BUY, 10, 150), fill(4, Side.SELL, 10, 130)]
    )
    assert high_water(book.trips()) == (300, 500)
    assert high_water([]) == (0, 0)


def test_one_execution_alone_is_one_lot() -> None:
    (lot,) = replay([fill(1, Side.SELL, 3, "99.95")]).chains[KEY].position.lots
    assert (lot.quantity, lot.price, lot.order_id) == (-3, Decimal("99.95"), 101)
