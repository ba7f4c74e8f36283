"""Reading candles: an unreadable one is left out and said, and never becomes a bar."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import pytest

from sigma.adapters.candles import read_candles
from sigma.domain.errors import BrokerUnavailable
from sigma.domain.market import Timeframe
from sigma.engines.bars import micros

GOOD = ["2026-11-20T09:15:00+0530", 100, 101.5, 99.5, 101, 700]
CLOSE = micros(datetime(2026, 11, 20, 3, 46, tzinfo=UTC))


@pytest.mark.parametrize("data", [None, "", []])
def test_no_list_is_no_bars(data: object) -> None:
    assert len(read_candles("Broker", data, Timeframe.M1)) == 0


def test_a_list_that_is_none_is_the_brokers_fault() -> None:
    with pytest.raises(BrokerUnavailable, match="as dict"):
        read_candles("Broker", {"candles": []}, Timeframe.M1)


def test_rows_of_six_and_of_seven_are_read_in_the_order_of_time() -> None:
    later = ["2026-11-20T09:16:00+05:30", 101, 102, 100, 100.5, 5, 40]
    bars = read_candles("Broker", [later, GOOD], Timeframe.M1)
    assert bars.tolist() == [
        (CLOSE, 100.0, 101.5, 99.5, 101.0, 700, -1),
        (CLOSE + 60_000_000, 101.0, 102.0, 100.0, 100.5, 5, 40),
    ]


@pytest.mark.parametrize(
    "bad",
    [
        "no row",
        GOOD[:5],
        ["yesterday", *GOOD[1:]],
        ["2026-11-20T09:15:00", *GOOD[1:]],
        [GOOD[0], None, *GOOD[2:]],
        [GOOD[0], 100, 99, 99.5, 101, 700],
        [GOOD[0], 100, 101.5, 100.5, 101, 700],
        [GOOD[0], float("nan"), 101.5, 99.5, 101, 700],
        [*GOOD[:5], "many"],
    ],
)
def test_an_unreadable_row_is_left_out_and_logged(bad: object, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert read_candles("Broker", [bad, GOOD], Timeframe.M1)["at"].tolist() == [CLOSE]
    assert "Broker: 1 unreadable bars" in caplog.text
