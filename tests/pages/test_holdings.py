"""Holdings: what is owned, what of it can be sold, and what the sums are without."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from pages import holdings
from pages.holdings import as_rows, not_sellable, owned_words, unauthorised, unclosed
from sigma.desk import frames
from sigma.domain import show
from tests.orders.conftest import server, stage, template
from tests.orders.stage import KITE, Stage
from tests.pages.signed_in import opened

__all__ = ["server", "stage", "template"]


def frame(*rows: dict[str, object]) -> pd.DataFrame:
    """Return holdings as the desk gives them."""
    blank = {
        "account": KITE,
        "exchange": "NSE",
        "product": "CNC",
        "t1_quantity": 0,
        "pledged_quantity": 0,
        "authorised_quantity": 0,
    }
    full = [{name: None for name in frames.HOLDINGS} | blank | row for row in rows]
    return pd.DataFrame(full, columns=list(frames.HOLDINGS)).astype(
        {name: kind for name, kind in frames.HOLDINGS.items() if kind != frames.TEXT}
    )


def row(symbol: str, total: int, price: float, close: float | None, average: float = 100.0, **more: object) -> dict[str, object]:
    return {
        "listing": f"NSE:{symbol}",
        "symbol": symbol,
        "quantity": total,
        "total": total,
        "average_price": average,
        "last_price": price,
        "close_price": close,
        "value": price * total,
        "pnl": (price - average) * total,
        "pnl_percent": (price - average) / average * 100 if average else None,
        "day_change": None if close is None else price - close,
        **more,
    }


def test_the_most_valuable_come_first_and_weights_are_parts_of_the_whole() -> None:
    rows = as_rows(frame(row("SMALL", 1, 100, 100), row("LARGE", 3, 100, 80)))
    assert list(rows["listing"]) == ["NSE:LARGE", "NSE:SMALL"]
    assert list(rows["weight"]) == [75.0, 25.0]
    assert list(rows["day_percent"]) == [25.0, 0.0]


def test_a_gain_in_percent_is_missing_at_average_0_and_a_day_without_a_close() -> None:
    rows = as_rows(frame(row("BONUS", 10, 50, None, average=0.0)))
    assert rows["pnl_percent"].isna().all()
    assert rows["day_percent"].isna().all()
    assert show.percent(rows["pnl_percent"].iloc[0]) == "—"
    assert unclosed(rows) == "Day change without NSE:BONUS: yesterday's close is not known."
    assert unclosed(as_rows(frame(row("INFY", 1, 50, 40)))) == ""


def test_worthless_holdings_have_no_weight_and_nothing_is_divided_by_it() -> None:
    assert as_rows(frame(row("DEAD", 5, 0, 0)))["weight"].isna().all()
    assert as_rows(frame()).empty


def test_the_bar_says_what_can_be_sold_and_what_cannot() -> None:
    units = {"quantity": 100, "t1_quantity": 20, "pledged_quantity": 10}
    held = as_rows(frame(row("SBIN", 130, 900, 890, sellable=70, **units))).iloc[0]
    assert owned_words(held, "● main") == "NSE:SBIN on ● main: 70 sellable, 20 T1, 10 pledged"
    assert not_sellable(held) == ""


def test_what_can_be_sold_is_the_broker_s_list_where_no_more_is_known() -> None:
    assert as_rows(frame(row("SBIN", 130, 900, 890, quantity=100, t1_quantity=20)))["sellable"].iloc[0] == 120


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"sellable": 0}, "None can be sold now"),
        ({"listing": None}, "at the broker"),
        ({"product": None}, "at the broker"),
    ],
)
def test_what_cannot_be_sold_from_here_says_why(more: dict[str, Any], words: str) -> None:
    assert words in not_sellable(as_rows(frame(row("SBIN", 5, 900, 890, **more))).iloc[0])


def test_the_first_reading_is_offered_and_the_sums_are_of_everything(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened("holdings", stage, monkeypatch, account=KITE)
    assert not app.metric
    app.button(key="go_first:holdings:1").click().run()
    assert not app.exception
    there = stage.desk.holdings(KITE, refresh=False)
    sums = [metric.value for metric in app.metric]
    assert sums[0] == show.short_rupees(there["value"].sum())
    assert len(app.dataframe[0].value) == len(there)
    app.session_state[holdings.WHICH] = holdings.LOSERS
    app.run()
    losers = int((there["pnl"] < 0).sum())
    assert 0 < losers < len(there)
    assert len(app.dataframe[0].value) == losers
    assert any(f"{losers} of {len(there)} holdings" in text.value for text in app.caption)
    assert [metric.value for metric in app.metric] == sums


def test_without_a_login_the_old_rows_stay_and_the_way_to_it_is_there(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.desk.holdings(KITE, refresh=True)
    stage.desk.accounts.disconnect(KITE)
    app = opened("holdings", stage, monkeypatch, account=KITE)
    assert not app.dataframe[0].value.empty
    assert any("not connected" in text.value for text in app.markdown)
    assert "holdings-refresh:1" not in {button.key for button in app.button}


def test_gains_at_a_glance_have_arrow_and_sign_and_zero_has_neither() -> None:
    assert show.short_gain(412_300) == "▲ +₹4.12 L"
    assert show.short_gain("-18240.5") == "▼ −₹18,240.50"  # noqa: RUF001 - the true minus
    assert show.short_gain(0.001) == "₹0.00"
    assert show.short_gain(None) == "—"


def test_what_is_not_authorised_for_sale_is_said_with_its_units() -> None:
    rows = as_rows(frame(row("INFY", 1500, 100, 100, authorised_quantity=300), row("SBIN", 5, 100, 100, authorised_quantity=5)))
    assert unauthorised(rows.loc["NSE:INFY CNC"]).startswith("1,200 of 1,500 are not authorised for sale")
    assert unauthorised(rows.loc["NSE:SBIN CNC"]) == ""
