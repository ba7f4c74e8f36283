"""Triggers that rest: legs, and what a list says of a write without an answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sigma.domain.errors import InvalidOrder
from sigma.domain.gtt import BrokerGtt, Gtt, GttKind, GttLeg, GttStatus
from sigma.domain.orders import Command, CommandKind, CommandState, OrderRequest, OrderType, Product, Side
from sigma.engines.settlement import SECOND, Finding, SettleRules
from sigma.engines.triggers import as_request, capped, check_legs, judge_modify, judge_place, judge_removal, largest, legs_of

NOW = datetime(2026, 11, 20, 5, tzinfo=UTC)
LEG, OTHER = GttLeg(Decimal(1400), Decimal(1402), 5), GttLeg(Decimal(1600), Decimal(1598), 3)
RULES = SettleRules(call_timeout=1, visibility_delay=2, absence_gap=1)
COMMAND = Command(1, 1, 1, CommandKind.GTT, CommandState.UNKNOWN, NOW, send_by_ns=0, unknown_ns=0)
LATE = 10 * SECOND

legs = some.builds(
    GttLeg,
    some.decimals(1, 5000, places=2),
    some.decimals(1, 5000, places=2),
    some.integers(1, 10_000),
)


def gtt(*of: GttLeg, seen: tuple[str, ...] = ()) -> Gtt:
    kind = GttKind.OCO if len(of) == 2 else GttKind.SINGLE
    status, side, product = GttStatus.UNKNOWN, Side.BUY, Product.CNC
    return Gtt(1, 1, 1, "NSE:INFY", side, product, kind, of, Decimal(1500), status, NOW, NOW, seen_before=seen)


def row(number: str, *of: GttLeg, status: GttStatus | None = GttStatus.ACTIVE, **changes: object) -> BrokerGtt:
    kind = GttKind.OCO if len(of) == 2 else GttKind.SINGLE
    plain = BrokerGtt(number, status, "active", kind, "NSE", "INFY", "NSE:INFY", Side.BUY, Product.CNC, of)
    return replace(plain, **changes)  # type: ignore[arg-type]


def placed(rows: list[BrokerGtt], *, seen: tuple[str, ...] = (), command: Command = COMMAND, at: int = LATE, whole: bool = True):  # type: ignore[no-untyped-def]
    return judge_place(gtt(LEG, seen=seen), command, rows, set(), at, RULES, whole)


def test_the_one_that_was_not_there_before_is_it() -> None:
    told = placed([row("1", LEG), row("2", LEG)], seen=("1",), at=0)
    assert (told.finding, told.row.broker_gtt_id) == (Finding.FOUND, "2")


@pytest.mark.parametrize(
    "rows",
    [
        [row("2", LEG), row("3", LEG)],
        [row("2", LEG), row("3", OTHER)],
        [row("2", replace(LEG, quantity=6))],
        [row("2", LEG, product=None)],
        [row("2", LEG, listing=None)],
    ],
)
def test_what_may_be_another_one_is_for_a_person(rows: list[BrokerGtt]) -> None:
    assert placed(rows).finding is Finding.LOOK_ALIKE


def test_a_row_of_the_other_side_or_another_listing_is_nobody_s_doubt() -> None:
    told = placed([row("2", LEG, side=Side.SELL), row("3", LEG, listing="NSE:TCS")])
    assert told.finding is Finding.WAIT


def test_absence_needs_two_whole_lists_after_the_wait_and_apart() -> None:
    assert placed([], at=2 * SECOND).absent_reads == ()
    assert placed([], whole=False).finding is Finding.WAIT
    first = placed([])
    assert (first.finding, first.absent_reads) == (Finding.WAIT, (LATE,))
    once = replace(COMMAND, absent_reads=first.absent_reads)
    assert placed([], command=once, at=LATE + SECOND // 2).finding is Finding.WAIT
    assert placed([], command=once, at=LATE + SECOND).finding is Finding.ABSENT


@given(some.lists(legs, min_size=1, max_size=2))
def test_a_change_is_told_by_its_values_whatever_order_the_legs_come_in(of: list[GttLeg]) -> None:
    shown = row("1", *reversed(of))
    assert judge_modify(of, COMMAND, shown, 0, RULES).finding is Finding.APPLIED
    moved = [replace(of[0], quantity=of[0].quantity + 1), *of[1:]]
    assert judge_modify(moved, COMMAND, shown, LATE, RULES).finding is Finding.NOT_APPLIED
    assert judge_modify(moved, COMMAND, shown, 0, RULES).finding is Finding.WAIT


@pytest.mark.parametrize(
    ("shown", "finding"),
    [
        (None, Finding.APPLIED),
        (row("1", LEG), Finding.NOT_APPLIED),
        (row("1", LEG, status=GttStatus.DELETED), Finding.APPLIED),
        (row("1", LEG, status=GttStatus.TRIGGERED), Finding.APPLIED),
        (row("1", LEG, status=None), Finding.WAIT),
    ],
)
def test_a_removal_is_told_by_what_is_listed(shown: BrokerGtt | None, finding: Finding) -> None:
    assert judge_removal(COMMAND, shown, LATE, True).finding is finding
    assert judge_removal(replace(COMMAND, unknown_ns=LATE + 1), shown, LATE, True).finding is Finding.WAIT
    assert judge_removal(COMMAND, shown, LATE, False).finding is Finding.WAIT


@given(some.lists(legs, min_size=1, max_size=2), some.integers(1, 10_000))
def test_the_largest_leg_counts_and_no_leg_exceeds_what_the_gate_left(of: list[GttLeg], left: int) -> None:
    base = OrderRequest("NSE:INFY", Side.BUY, 1, OrderType.LIMIT, Product.CNC, price=Decimal(1), gtt=True)
    wish = as_request(base, of)
    assert wish.quantity == max(leg.quantity for leg in of) == largest(of).quantity
    assert all(leg.quantity == min(was.quantity, left) for leg, was in zip(capped(of, left), of, strict=True))


@given(legs)
def test_one_leg_comes_back_from_the_order_that_shows_it(leg: GttLeg) -> None:
    base = OrderRequest("NSE:INFY", Side.BUY, 1, OrderType.LIMIT, Product.CNC, price=Decimal(1), gtt=True)
    assert legs_of(as_request(base, [leg])) == (leg,)


@pytest.mark.parametrize(
    ("of", "last", "words"),
    [
        ((), None, "one leg or two"),
        ((LEG, OTHER, LEG), None, "one leg or two"),
        ((replace(LEG, price=Decimal(0)),), None, "above 0"),
        ((LEG,), Decimal(1400), "stands at the last price"),
        ((LEG, OTHER), Decimal(1700), "both sides"),
        ((LEG, OTHER), Decimal(1300), "both sides"),
    ],
)
def test_legs_that_make_no_sense_are_refused(of: tuple[GttLeg, ...], last: Decimal | None, words: str) -> None:
    with pytest.raises(InvalidOrder, match=words):
        check_legs(of, last)
