"""Values read as a trader in India expects, and every status says its word without colour."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from sigma.cli import texts
from sigma.domain.accounts import SessionState
from sigma.domain.orders import OrderStatus

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("read", "value", "shown"),
    [
        (texts.price, 120471.17, "1,20,471.17"),
        (texts.price, Decimal("0.05"), "0.05"),
        (texts.price, None, "—"),
        (texts.price, float("nan"), "—"),
        (texts.quantity, 10_00_000, "10,00,000"),
        (texts.gain, 754.14, "▲ +754.14"),
        (texts.gain, -35564.03, "▼ \u221235,564.03"),
        (texts.gain, 0.001, "0.00"),
        (texts.percent, 0.42, "+0.42%"),
        (texts.percent, -3.2, "-3.20%"),
        (texts.percent, None, "—"),
        (texts.plain, "[not markup]", "[not markup]"),
        (texts.plain, "", "—"),
        (texts.yes, False, ""),
        (texts.level, "ODD", "ODD"),
    ],
)
def test_a_value_reads_as_pages_show_it(read: object, value: object, shown: str) -> None:
    assert read(value).plain == shown


@pytest.mark.parametrize(
    ("rupees", "shown"), [(412_000, "₹4.12 L"), (28_500_000, "₹2.85 Cr"), (99_999, "₹99,999.00"), (None, "—")]
)
def test_large_amounts_are_said_in_lakh_and_crore(rupees: int | None, shown: str) -> None:
    assert texts.rupees(rupees) == shown


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        (datetime(2026, 11, 20, 8, 57, 36, tzinfo=UTC), "14:27:36"),
        (datetime(2026, 11, 19, 8, 57, tzinfo=UTC), "19 Nov 14:27"),
        (datetime(2026, 11, 19, 18, 31, tzinfo=UTC), "00:01:00"),
        (datetime(2025, 11, 19, 8, 57, tzinfo=UTC), "19 Nov 2025 14:27"),
        (None, "—"),
    ],
)
def test_moments_are_shown_on_the_indian_clock(at: datetime | None, shown: str) -> None:
    assert texts.when(at, NOW).plain == shown


@pytest.mark.parametrize(("seconds", "said"), [(6, "6 s"), (119, "119 s"), (660, "11 min"), (7300, "2 h"), (200_000, "2 days")])
def test_ages_are_said_in_the_unit_that_fits(seconds: float, said: str) -> None:
    assert texts.age(seconds) == said


def test_every_status_and_session_state_has_a_chip_with_a_word() -> None:
    chips = [texts.chip(status).plain for status in OrderStatus] + [texts.session(state).plain for state in SessionState]
    assert len(set(chips)) == len(chips)
    assert all(len(chip) > 3 for chip in chips)


def test_an_unsettled_order_asks_for_a_person() -> None:
    assert texts.chip("UNKNOWN", unsettled=True).plain == "? Unsettled, needs you"
    assert texts.chip("UNKNOWN").plain == "? Unknown, checking"


def test_a_status_that_is_none_of_ours_is_shown_verbatim() -> None:
    assert texts.chip("PUT ORDER REQ RECEIVED").plain == "PUT ORDER REQ RECEIVED"
