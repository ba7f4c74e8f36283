"""First in, first out: the laws of the ledger, and the days on which it is easily wrong."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from sigma.domain.ledger import Execution, Moved, Opening
from sigma.domain.money import ZERO
from sigma.domain.orders import Product, Side
from sigma.domain.portfolio import Conversion
from sigma.engines.fifo import Book, Happened, begun_anew, extend, high_water, key_of, merged, replay, units
from sigma.engines.lots import Key
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


def moved(number: int, quantity: int, old: Product, new: Product, side: Side = Side.BUY, **changes: object) -> Moved:
    """A conversion, at the same minute as the execution of that number."""
    what = Conversion("NSE:INFY", side, quantity, old, new)
    return replace(Moved(number, 1, what, TODAY, NOW + timedelta(minutes=number)), **changes)  # type: ignore[arg-type]


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
                strategy=draw(st.sampled_from(["", "breakout", "reversal"])),
                product=draw(st.sampled_from([Product.NRML, Product.MIS])),
                listing=draw(st.sampled_from(["NSE:INFY", "NSE:TCS"])),
                session_date=session,
                filled_at=at,
            )
        )
    return draw(st.permutations(made))


@st.composite
def eventful(draw: st.DrawFn) -> list[Happened]:
    """Executions as in `days`, and conversions among them."""
    made: list[Happened] = list(draw(days()))
    for number in range(1, draw(st.integers(0, 4)) + 1):
        later = draw(st.integers(0, 3 * 60))
        at = NOW + timedelta(days=later // 60, minutes=later % 60)
        old, new = draw(st.permutations([Product.NRML, Product.MIS]))
        side, session = draw(st.sampled_from(list(Side))), TODAY + timedelta(days=later // 60)
        made.append(moved(number, draw(st.integers(1, 50)), old, new, side, session_date=session, moved_at=at))
    return draw(st.permutations(made))


def by_account(book: Book) -> dict[Key, int]:
    """Return open units by chain, whosever they are."""
    found: defaultdict[Key, int] = defaultdict(int)
    for key, chain in book.chains.items():
        found[key._replace(strategy="")] += chain.position.quantity
    return {key: units for key, units in found.items() if units}


@given(eventful(), st.data())
@settings(max_examples=200)
def test_a_book_that_grows_is_the_book_made_at_once(events: list[Happened], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(events)))
    assert extend(replay(events[:cut]), events[cut:]) == replay(events)


@given(eventful(), st.data())
def test_the_order_and_repetition_of_news_changes_nothing(events: list[Happened], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(events)))
    once = replay(events)
    assert replay(data.draw(st.permutations(events + again))) == once
    assert extend(once, again) == once


@given(days())
def test_lots_add_up_to_what_was_bought_and_sold(executions: list[Execution]) -> None:
    net: defaultdict[Key, int] = defaultdict(int)
    for one in executions:
        net[key_of(one)._replace(strategy="")] += one.quantity * one.side.sign
    assert by_account(replay(executions)) == {key: units for key, units in net.items() if units}


@given(days())
def test_a_strategy_s_own_executions_never_take_from_another(executions: list[Execution]) -> None:
    alone = [one for one in executions if one.strategy == "breakout"]
    nobody_s = [one for one in executions if one.strategy]
    key = Key(1, "breakout", "NSE:INFY", Product.NRML)
    assert replay(nobody_s).chains.get(key) == replay(alone).chains.get(key)


@given(days())
def test_where_a_person_leaves_an_account_flat_no_strategy_holds_anything(executions: list[Execution]) -> None:
    last = max(one.filled_at for one in executions) + timedelta(minutes=1)
    ends = [
        fill(
            1000 + number,
            Side.SELL if units > 0 else Side.BUY,
            abs(units),
            100,
            listing=key.listing,
            product=key.product,
            session_date=key.session or last.date(),
            filled_at=last,
        )
        for number, (key, units) in enumerate(by_account(replay(executions)).items())
    ]
    book = replay([*executions, *ends])
    for one in ends:
        shelf = [key for key in book.chains if key._replace(strategy="") == key_of(one)]
        assert {held(book, key) for key in shelf} == {0}


@given(days(), st.integers(1, 500))
def test_realised_and_open_are_what_was_paid_and_got(executions: list[Execution], price: int) -> None:
    book = replay(executions)
    cash = sum((-one.price * one.quantity * one.side.sign for one in executions), ZERO)
    for chain in book.chains.values():
        assert chain.position.realised == sum((trip.gross for trip in chain.trips), ZERO)
        cash -= chain.position.realised + sum(((price - lot.price) * lot.quantity for lot in chain.position.lots), ZERO)
        cash += price * chain.position.quantity
    assert cash == 0


@given(eventful(), st.integers(-50, 50))
def test_with_openings_a_growing_book_is_the_same_too(events: list[Happened], quantity: int) -> None:
    openings = {TODAY: [opening(quantity, 100)], TOMORROW: [opening(5, 110, TOMORROW)]}
    late = [one for one in events if one.session_date >= TOMORROW]
    early = [one for one in events if one.session_date < TOMORROW]
    assert extend(replay(early, openings), late) == replay(events, openings) == extend(replay(late, openings), early)


@given(eventful(), st.integers(-50, 50))
def test_strategies_and_the_rest_add_up_to_the_account(events: list[Happened], quantity: int) -> None:
    openings = {TODAY: [opening(quantity, 100)], TOMORROW: [opening(7, 110, TOMORROW)]}
    blank = merged(one for one in events if isinstance(one, Execution))
    whole = [*blank, *(one for one in events if isinstance(one, Moved))]
    assert by_account(replay(events, openings)) == by_account(replay(whole, openings))


@given(days(), st.data())
def test_a_day_begun_anew_takes_late_news_as_if_it_had_been_in_time(executions: list[Execution], data: st.DataObject) -> None:
    base = begun_anew(replay(one for one in executions if one.session_date == TODAY), TOMORROW, lambda _, lot: lot.price)
    later = [one for one in executions if one.session_date > TODAY]
    cut = data.draw(st.integers(0, len(later)))
    assert extend(extend(base, later[:cut]), later[cut:]) == extend(base, later)


def test_what_a_person_sells_is_first_his_own_then_the_oldest_of_strategies() -> None:
    book = replay(
        [
            fill(1, Side.BUY, 10, 100, strategy="late", filled_at=NOW + timedelta(minutes=5)),
            fill(2, Side.BUY, 10, 110, strategy="early"),
            fill(7, Side.BUY, 5, 120),
            fill(8, Side.SELL, 18, 130),
        ]
    )
    ended = {trip.strategy: (trip.quantity, trip.gross) for trip in book.trips()}
    assert ended == {"": (5, 50), "early": (10, 200), "late": (3, 90)}
    assert {key.strategy: held(book, key) for key in book.chains} == {"": 0, "early": 0, "late": 7}


def test_a_strategy_enters_although_another_holds_the_other_direction() -> None:
    book = replay([fill(1, Side.BUY, 10, 100, strategy="a"), fill(2, Side.SELL, 4, 100, strategy="b")])
    assert {key.strategy: held(book, key) for key in book.chains} == {"a": 10, "b": -4}
    flat = extend(book, [fill(3, Side.SELL, 6, 120)])
    assert {key.strategy: held(flat, key) for key in flat.chains} == {"a": 0, "b": 0, "": 0}
    assert [(trip.strategy, trip.quantity, trip.gross) for trip in flat.trips()] == [("a", 6, 120), ("a", 4, 80), ("b", 4, -80)]


def test_a_conversion_moves_the_person_s_lots_first_then_the_oldest_of_strategies() -> None:
    book = replay(
        [
            fill(1, Side.BUY, 10, 100, strategy="breakout", product=Product.MIS),
            fill(2, Side.BUY, 5, 110, product=Product.MIS),
            moved(3, 12, Product.MIS, Product.NRML),
        ]
    )
    found = {(key.strategy, key.product): held(book, key) for key in book.chains}
    assert found == {
        ("breakout", Product.MIS): 3,
        ("", Product.MIS): 0,
        ("breakout", Product.NRML): 7,
        ("", Product.NRML): 5,
    }
    (lot,) = book.chains[Key(1, "breakout", "NSE:INFY", Product.NRML)].position.lots
    assert (lot.price, lot.opened_at, lot.order_id) == (100, NOW + timedelta(minutes=1), 101)
    assert book.trips() == []


def test_an_execution_known_after_the_conversion_that_moved_it_is_moved() -> None:
    book = extend(
        replay([moved(3, 10, Product.MIS, Product.NRML)]),
        [fill(1, Side.BUY, 10, 100, strategy="breakout", product=Product.MIS)],
    )
    assert units(book.positions(TODAY)) == {("NSE:INFY", Product.NRML): 10}
    assert held(book, Key(1, "breakout", "NSE:INFY", Product.NRML)) == 10


def test_a_list_ends_what_strategies_hold_and_the_account_does_not() -> None:
    bought = fill(1, Side.BUY, 10, 100, strategy="breakout", session_date=YESTERDAY, filled_at=NOW - timedelta(days=1))
    key = KEY._replace(strategy="breakout")
    for listed, left in ((10, 10), (4, 4), (0, 0), (-3, 0), (15, 10)):
        book = replay([bought], {TODAY: [opening(listed, 120)] if listed else []})
        assert (held(book, key), book.trips()) == (left, [])
        assert sum(by_account(book).values()) == listed


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


def test_the_highest_point_is_of_the_way_there() -> None:
    book = replay(
        [fill(1, Side.BUY, 10, 100), fill(2, Side.SELL, 10, 150), fill(3, Side.BUY, 10, 150), fill(4, Side.SELL, 10, 130)]
    )
    assert high_water(book.trips()) == (300, 500)
    assert high_water([]) == (0, 0)


def test_one_execution_alone_is_one_lot() -> None:
    (lot,) = replay([fill(1, Side.SELL, 3, "99.95")]).chains[KEY].position.lots
    assert (lot.quantity, lot.price, lot.order_id) == (-3, Decimal("99.95"), 101)
