"""TradingView's names of contracts and shares."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from sigma.domain.instruments import Exchange, OptionType
from sigma.engines.index_names import index_names
from sigma.engines.symbols import ChartContract, ContinuousFuture, MonthFuture, OneOption, chart_contract, spellings


@pytest.mark.parametrize(
    ("symbol", "meant"),
    [
        ("NIFTY1!", ContinuousFuture("NIFTY", 1)),
        ("M_M2!", ContinuousFuture("M_M", 2)),
        ("360ONE1!", ContinuousFuture("360ONE", 1)),
        ("NIFTYX2026", MonthFuture("NIFTY", 2026, 11)),
        ("BANKNIFTYF2027", MonthFuture("BANKNIFTY", 2027, 1)),
        ("NIFTY261124C25000", OneOption("NIFTY", date(2026, 11, 24), OptionType.CALL, Decimal(25000))),
        ("USDINR261127P83.5", OneOption("USDINR", date(2026, 11, 27), OptionType.PUT, Decimal("83.5"))),
        ("NIFTY261324C25000", None),
        ("NIFTY26NOV25000CE", None),
        ("INFY", None),
        ("NIFTY0!", None),
        ("1!", None),
    ],
)
def test_a_chart_s_contract_is_read_or_is_none(symbol: str, meant: ChartContract | None) -> None:
    assert chart_contract(symbol) == meant


def test_underscores_stand_for_what_charts_cannot_write() -> None:
    assert spellings("M_M") == ["M_M", "M&M", "M-M"]
    assert spellings("INFY") == ["INFY"]
    assert spellings("A_B_C_D_E_F") == ["A_B_C_D_E_F"]


def test_other_names_of_an_index_lead_to_its_canonical_one() -> None:
    assert index_names(Exchange.NSE, "nifty") == ("NIFTY 50",)
    assert index_names(Exchange.NSE, "Nifty  Financial Services") == ("NIFTY FIN SERVICE",)
    assert index_names(Exchange.NSE, "CNXIT") == ("NIFTY IT",)
    assert index_names(Exchange.BSE, "NIFTY") == ()
