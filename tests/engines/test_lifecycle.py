from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma.domain.answers import BrokerOrder
from sigma.domain.errors import Conflict
from sigma.domain.orders import Order, OrderStatus, OrderType
from sigma.engines.lifecycle import TRANSITIONS, Act, executed, move, observe
from tests.engines.build import NOW, order, row

S = OrderStatus
LIVE_WORDS = [S.SENT, S.OPEN, S.TRIGGER_PENDING]


@pytest.mark.parametrize("status", list(S))
@pytest.mark.parametrize("act", list(Act))
def test_an_act_moves_along_the_table_or_is_a_conflict(status: OrderStatus, act: Act) -> None:
    before = order(status)
    if (status, act) in TRANSITIONS:
        assert move(before, act, NOW).status is TRANSITIONS[status, act]
    else:
        with pytest.raises(Conflict):
            move(before, act, NOW)


def test_sending_never_returns_to_approved_and_unknown_is_never_repeated_by_an_act() -> None:
    assert S.APPROVED not in {target for (source, _), target in TRANSITIONS.items() if source in (S.SENDING, S.UNKNOWN)}
    assert S.WAITING not in {target for (source, _), target in TRANSITIONS.items() if source is not S.APPROVED}


@pytest.mark.parametrize("status", [S.SENDING, S.UNKNOWN, S.FAILED, S.REJECTED, S.CANCELLED])
def test_a_row_with_our_tag_is_recorded_on_any_status_that_never_had_a_broker_id(status: OrderStatus) -> None:
    seen = observe(order(status), row(), NOW)
    assert (seen.status, seen.broker_order_id) == (S.OPEN, "B1")


def test_a_late_open_row_does_not_reopen_an_order_that_ended_at_the_broker() -> None:
    ended = order(S.CANCELLED, broker_order_id="B1")
    assert observe(ended, row(), NOW).status is S.CANCELLED


def test_a_fill_after_a_cancel_counts() -> None:
    ended = order(S.CANCELLED, broker_order_id="B1")
    seen = observe(ended, row(status=S.FILLED, broker_status="COMPLETE", filled_quantity=10), NOW)
    assert (seen.status, seen.filled_quantity) == (S.FILLED, 10)


def test_partial_fill_then_cancel_keeps_the_fill() -> None:
    part = observe(order(S.SENT), row(filled_quantity=4, average_price=Decimal("1499.5")), NOW)
    ended = observe(part, row(status=S.CANCELLED, broker_status="CANCELLED", filled_quantity=4), NOW)
    assert (part.status, ended.status, ended.filled_quantity) == (S.PARTIALLY_FILLED, S.CANCELLED, 4)


def test_an_unknown_word_is_kept_verbatim_and_moves_nothing_back() -> None:
    seen = observe(order(S.OPEN, broker_order_id="B1"), row(status=None, broker_status="FROBNICATING"), NOW)
    assert (seen.status, seen.broker_status) == (S.OPEN, "FROBNICATING")


def test_a_modification_shows_in_the_request_once_the_book_shows_it() -> None:
    seen = observe(order(S.OPEN, broker_order_id="B1"), row(price=Decimal(1490), quantity=8), NOW)
    assert (seen.request.price, seen.request.quantity) == (Decimal(1490), 8)


def test_a_market_order_shown_as_limit_keeps_its_own_type() -> None:
    wanted = replace(order().request, order_type=OrderType.MARKET, price=None)
    seen = observe(order(S.SENT, request=wanted), row(price=Decimal(1510)), NOW)
    assert seen.request == wanted


rows = st.builds(
    lambda status, filled: row(status=status, broker_status=str(status), filled_quantity=10 if status is S.FILLED else filled),
    st.sampled_from([*LIVE_WORDS, S.FILLED, S.CANCELLED, S.REJECTED, None]),
    st.integers(0, 10),
)


@given(st.lists(rows, max_size=8), st.sampled_from([S.SENDING, S.UNKNOWN, S.SENT, S.FAILED]))
def test_any_sequence_of_rows_keeps_the_filled_quantity_within_bounds_and_growing(
    news: list[BrokerOrder], start: OrderStatus
) -> None:
    state: Order = order(start)
    for item in news:
        after = observe(state, item, NOW)
        assert state.filled_quantity <= after.filled_quantity <= after.request.quantity
        assert observe(after, item, NOW) == after, "the same news twice changes nothing"
        if state.status is S.FILLED:
            assert after.status is S.FILLED
        state = after


@given(st.lists(st.integers(1, 10), max_size=6), st.sampled_from(list(S)))
def test_fills_are_legal_on_any_status_and_never_shrink(sums: list[int], start: OrderStatus) -> None:
    state = order(start)
    for quantity in sums:
        after = executed(state, quantity, Decimal(1500), NOW)
        assert after.filled_quantity == max(state.filled_quantity, quantity)
        assert (after.status is S.FILLED) or after.filled_quantity < 10
        state = after


def test_an_average_from_executions_is_not_replaced_by_the_rounded_one_of_the_book() -> None:
    done = executed(order(S.SENT, broker_order_id="B1"), 10, Decimal("1499.123456"), NOW)
    assert observe(
        done, row(status=S.FILLED, filled_quantity=10, average_price=Decimal("1499.12")), NOW
    ).average_price == Decimal("1499.123456")
