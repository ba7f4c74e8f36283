"""The judge of limits sees what it is there to see, in the exchange's books alone."""

from __future__ import annotations

from typing import Any

from tests.faults.judge import Truth
from tests.faults.limits import SECOND, Rules, exceeded

RULES = Rules(
    strategies={"few": {"max_open_positions": 1}, "slow": {"max_orders_per_minute": 2}, "small": {"max_order_value": 1_000}},
    everywhere={"max_exposure": 10_000},
    listings={"NSE:A": "few", "NSE:B": "few", "NSE:S": "slow", "NSE:V": "small"},
    prices={"NSE:A": 100.0, "NSE:B": 100.0, "NSE:S": 100.0, "NSE:V": 100.0},
    slack_s=10.0,
)


def order(number: int, listing: str, second: int, **changes: Any) -> dict[str, Any]:
    """Return a row of the exchange: one order of ten units that works from a second on."""
    plain: dict[str, Any] = {"order_id": f"o{number}", "client_id": "AB1234", "tag": f"t{number}", "request_ns": number}
    plain |= {"listing": listing, "side": "BUY", "quantity": 10, "product": "MIS", "price": 0.0, "status": "OPEN"}
    plain |= {"placed_at": at(second), "updated_at": at(second)}
    return plain | changes


def fill(row: dict[str, Any], second: int, quantity: int = 10) -> dict[str, Any]:
    return {**row, "at": at(second), "quantity": quantity}


def write(row: dict[str, Any], second: float) -> dict[str, Any]:
    return {"endpoint": "place", "tag": row["tag"], "client_id": row["client_id"], "at_ns": int(second * SECOND)}


def at(second: int) -> str:
    return f"2026-11-20T10:00:{second:02d}+05:30"


def found(*orders: dict[str, Any], fills: tuple[dict[str, Any], ...] = (), writes: tuple[dict[str, Any], ...] = ()) -> str:
    return "; ".join(case.text.partition(": ")[0] for case in exceeded(Truth(orders, fills, writes), RULES, {}))


def test_one_position_after_another_keeps_within_the_limit() -> None:
    first = order(1, "NSE:A", 1, status="COMPLETE", updated_at=at(2))
    out = order(2, "NSE:A", 3, side="SELL", status="COMPLETE", updated_at=at(4))
    assert found(first, out, order(3, "NSE:B", 5), fills=(fill(first, 2), fill(out, 4))) == ""


def test_a_second_position_while_the_first_is_held_is_one_too_many() -> None:
    first = order(1, "NSE:A", 1, status="COMPLETE", updated_at=at(2))
    assert found(first, order(2, "NSE:B", 5), fills=(fill(first, 2),)) == "max_open_positions of few"


def test_two_entries_at_work_at_once_are_one_too_many() -> None:
    assert found(order(1, "NSE:A", 1), order(2, "NSE:B", 1)) == "max_open_positions of few"


def test_what_the_exchange_doubled_by_itself_is_nobody_s_position() -> None:
    twins = [order(number, "NSE:A", 1, tag="t", request_ns=1) for number in (1, 2)]
    assert found(*twins, order(3, "NSE:B", 2)) == ""


def test_orders_that_could_add_up_to_more_than_the_exposure_are_seen_before_they_execute() -> None:
    assert found(order(1, "NSE:A", 1, quantity=60), order(2, "NSE:A", 2, quantity=60)) == "max_exposure of all in NSE:A"
    assert found(order(1, "NSE:A", 1, quantity=60), order(2, "NSE:A", 2, quantity=60, side="SELL")) == ""


def test_exposure_is_summed_over_accounts() -> None:
    rows = [order(number, "NSE:A", 1, quantity=60, client_id=client) for number, client in ((1, "AB1234"), (2, "A100001"))]
    assert found(*rows) == "max_exposure of all in NSE:A"


def test_an_order_worth_more_than_allowed_is_seen() -> None:
    assert found(order(1, "NSE:V", 1, quantity=11)) == "max_order_value"
    assert found(order(1, "NSE:V", 1, quantity=10)) == ""


def test_a_third_order_within_the_window_is_one_too_many() -> None:
    rows = [order(number, "NSE:S", 1) for number in (1, 2, 3)]
    assert found(*rows, writes=tuple(write(row, 20 * place) for place, row in enumerate(rows))) == "max_orders_per_minute of slow"
    assert found(*rows, writes=tuple(write(row, 30 * place) for place, row in enumerate(rows))) == ""


def test_slices_of_one_order_are_one_order() -> None:
    rows = [order(number, "NSE:S", 1) for number in (1, 2, 3)]
    truth = Truth(rows, (), tuple(write(row, 0) for row in rows))
    assert exceeded(truth, RULES, {"t1": "whole", "t2": "whole"}) == []


def test_what_only_closes_passes_limits_on_entries() -> None:
    first = order(1, "NSE:V", 1, status="COMPLETE", updated_at=at(2))
    again = order(2, "NSE:V", 3, status="COMPLETE", updated_at=at(4))
    out = order(3, "NSE:V", 5, side="SELL", quantity=20)
    assert found(first, again, out, fills=(fill(first, 2), fill(again, 4))) == ""
    rows = [order(1, "NSE:S", 1, status="COMPLETE", updated_at=at(2)), order(2, "NSE:S", 3), order(3, "NSE:S", 4, side="SELL")]
    assert found(*rows, fills=(fill(rows[0], 2),), writes=tuple(write(row, place) for place, row in enumerate(rows))) == ""
