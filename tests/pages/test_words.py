"""Small helpers of the pages: rows as things, and times of day in Markdown."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.ui.clocks import clocks
from pages.ui.rows import rows
from sigma.desk import frames
from sigma.desk.cells import frame
from tests.orders.conftest import FRIDAY

EMOJI = re.compile(r":(?!material/|streamlit:)[\w+-]+:")
"""What makes Streamlit's browser side fetch the emojis."""


def test_rows_have_what_pandas_gives_them() -> None:
    plain: dict[str, object] = dict.fromkeys(frames.ORDERS)
    kinds = {"str": "x", "int64": 7, "bool": True}
    plain |= {name: kinds[kind] for name, kind in frames.ORDERS.items() if kind in kinds}
    table = frame(frames.ORDERS, [plain, plain | {"price": 1.5, "created_at": FRIDAY, "account": None}])
    for mine, theirs in zip(rows(table), table.itertuples(), strict=True):
        assert mine._fields == theirs._fields
        for one, other in zip(mine, theirs, strict=True):
            assert type(one) is type(other)
            assert (pd.isna(one) and pd.isna(other)) or one == other


def test_a_frame_without_rows_gives_none() -> None:
    assert list(rows(frame(frames.ORDERS, []))) == []


@given(st.times(), st.text())
def test_no_time_of_day_is_taken_for_an_emoji_and_every_word_stays(at: object, words: str) -> None:
    told = clocks(f"read ({at:%H:%M:%S} IST)")
    assert not EMOJI.search(told)
    assert told.replace("\\", "") == f"read ({at:%H:%M:%S} IST)"
    assert clocks(clocks(words)) == clocks(words)


@pytest.mark.parametrize("words", ["", "14:27", "NSE:INFY", ":blue[x]"])
def test_what_is_no_full_time_of_day_stays_as_it_is(words: str) -> None:
    assert clocks(words) == words
