from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma.domain.answers import BadRow, BookRead
from sigma.domain.orders import Command, CommandKind, OrderStatus, OrderType
from sigma.engines.settlement import SECOND, Finding, Judgement, Read, SettleRules, judge_cancel, judge_modify, judge_place
from tests.engines.build import NOW, TODAY, book, command, order, row

RULES = SettleRules(call_timeout=7, visibility_delay=30, absence_gap=10)
LOST = order(OrderStatus.UNKNOWN)


def judge(asked_s: float, shown: BookRead | None = None, lost: Command | None = None, known: set[str] | None = None) -> Judgement:
    read = Read(shown or book(), int(asked_s * SECOND), known or set(), known or set())
    return judge_place(LOST, lost or command(), read, RULES, TODAY)


def after(judgement: Judgement, lost: Command | None = None) -> Command:
    return replace(lost or command(), absent_reads=judgement.absent_reads)


def test_our_tag_in_the_book_settles_it_at_once() -> None:
    assert judge(100, book(row())).finding is Finding.FOUND


def test_two_rows_with_our_tag_are_twins() -> None:
    assert judge(100, book(row(), row(broker_order_id="B2"))).finding is Finding.TWINS


def test_absence_needs_two_complete_reads_after_the_wait_and_apart() -> None:
    assert judge(129).absent_reads == (), "before call time-out and visibility delay nothing counts"
    first = judge(133)
    assert (first.finding, len(first.absent_reads)) == (Finding.WAIT, 1)
    assert judge(142, lost=after(first)).finding is Finding.WAIT, "the second read came too soon"
    assert judge(143.5, lost=after(first)).finding is Finding.ABSENT


def test_the_wait_counts_from_the_moment_the_answer_was_given_up_even_after_a_long_stop() -> None:
    stopped = command(unknown_ns=200 * SECOND)
    assert judge(229, lost=stopped).absent_reads == ()
    assert len(judge(231, lost=stopped).absent_reads) == 1


def test_a_truncated_book_does_not_count() -> None:
    judgement = judge(200, book(row(broker_order_id="B5", tag="OTHER")), known={"B5", "B6"})
    assert (judgement.finding, judgement.absent_reads) == (Finding.WAIT, ())
    assert "B6" in judgement.reason


def test_an_unreadable_row_that_could_be_ours_does_not_count() -> None:
    assert judge(200, book(bad=(BadRow("order", "no quantity", "{}"),))).absent_reads == ()


def test_a_read_of_another_day_does_not_count() -> None:
    assert judge(200, book(at=NOW - timedelta(days=1))).absent_reads == ()


def test_an_untagged_look_alike_blocks_absence_for_ever() -> None:
    alike = row(tag="", broker_order_id="B9")
    assert judge(10_000, book(alike)).look_alikes == ("B9",)
    assert judge(10_000, book(alike), known={"B9"}).finding is Finding.WAIT, (
        "a row that belongs to another order of ours is no look-alike"
    )


@pytest.mark.parametrize("change", [{"quantity": 9}, {"listing": "NSE:TCS"}, {"tag": "SOMEONEELSE"}])
def test_other_rows_are_no_look_alikes(change: dict[str, object]) -> None:
    assert judge(200, book(row(**({"tag": "", "broker_order_id": "B9"} | change)))).look_alikes == ()


def test_when_the_day_is_over_only_a_person_can_close_it() -> None:
    read = Read(book(at=NOW + timedelta(days=1)), 10_000 * SECOND, set(), set())
    judgement = judge_place(LOST, command(), read, RULES, TODAY + timedelta(days=1))
    assert judgement.finding is Finding.DAY_OVER


@given(st.lists(st.floats(90, 400), min_size=1, max_size=12))
def test_absence_is_never_found_sooner_than_all_waits_together(moments: list[float]) -> None:
    lost = command()
    for moment in sorted(moments):
        judgement = judge(moment, lost=lost)
        if judgement.finding is Finding.ABSENT:
            assert moment >= 102 + 30 + 10
            return
        lost = after(judgement, lost)


def test_a_modify_is_applied_when_the_book_shows_it_and_not_when_it_still_does_not_after_the_wait() -> None:
    live = order(OrderStatus.OPEN, broker_order_id="B1")
    lost = command(CommandKind.MODIFY, payload={"price": "1490.00"})

    def found(asked_s: int, price: int) -> Finding:
        return judge_modify(
            live, lost, Read(book(row(price=Decimal(price))), asked_s * SECOND, {"B1"}, {"B1"}), RULES, TODAY
        ).finding

    assert found(101, 1490) is Finding.APPLIED
    assert found(101, 1500) is Finding.WAIT
    assert found(140, 1500) is Finding.NOT_APPLIED


def test_a_cancel_without_answer_is_judged_by_whether_the_order_still_works() -> None:
    live = order(OrderStatus.OPEN, broker_order_id="B1")
    lost = command(CommandKind.CANCEL)

    def found(asked_s: int, status: OrderStatus) -> Finding:
        return judge_cancel(live, lost, Read(book(row(status=status)), asked_s * SECOND, {"B1"}, {"B1"}), RULES, TODAY).finding

    assert found(101, OrderStatus.OPEN) is Finding.NOT_APPLIED
    assert found(99, OrderStatus.OPEN) is Finding.WAIT
    assert found(101, OrderStatus.FILLED) is Finding.APPLIED


def test_a_modify_of_the_type_is_applied_only_when_the_book_shows_the_type() -> None:
    live = order(OrderStatus.OPEN, broker_order_id="B1")
    lost = command(CommandKind.MODIFY, payload={"order_type": "SL"})

    def found(kind: OrderType) -> Finding:
        shown = row(order_type=kind, price=Decimal(1500), trigger_price=Decimal(1490))
        return judge_modify(live, lost, Read(book(shown), 101 * SECOND, {"B1"}, {"B1"}), RULES, TODAY).finding

    assert found(OrderType.SL) is Finding.APPLIED
    assert found(OrderType.LIMIT) is Finding.APPLIED  # its trigger was reached
    assert found(OrderType.MARKET) is Finding.WAIT
