"""`desk.instruments`: names of brokers, expiries and chains, over the simulated exchange's own masters."""

from __future__ import annotations

import pytest

from sigma.desk import Desk, frames, instruments
from sigma.domain.errors import InvalidInput, InvalidOrder
from tests.orders.stage import Stage


@pytest.fixture
def desk(stage: Stage) -> Desk:
    return stage.desk


def test_a_listing_s_names_at_brokers_lead_back_to_it(desk: Desk) -> None:
    names = desk.instruments.at_brokers("NIFTY")
    assert list(names.columns) == list(instruments.AT_BROKERS)
    assert list(names["broker"]) == ["angelone", "zerodha"]
    for name in names.itertuples():
        found = desk.instruments.of_broker(name.broker, name.symbol, name.token, name.exchange_code)
        assert found.text == "NSE:NIFTY 50"


def test_a_chain_of_the_nearest_expiry_has_calls_and_puts_with_their_lots(desk: Desk) -> None:
    chain = desk.instruments.chain("NSE:NIFTY 50")
    assert list(chain.columns) == list(instruments.CHAIN)
    expiries = desk.instruments.expiries("NIFTY")
    assert chain.attrs["expiry"] == expiries.loc[expiries["options"], "expiry"].iloc[0]
    assert chain["strike"].is_monotonic_increasing
    first = chain.iloc[0]
    call = desk.instruments.get(first["call"])
    assert (float(call.strike or 0), call.lot_size) == (first["strike"], first["call_lot"])
    later = expiries.loc[expiries["options"], "expiry"].iloc[1]
    assert desk.instruments.chain("NIFTY", later).attrs["expiry"] == later


def test_strikes_around_a_price_have_the_one_at_the_money_in_their_middle(desk: Desk) -> None:
    strikes = desk.instruments.chain("NIFTY")["strike"]
    spot = strikes.iloc[len(strikes) // 2] + 1
    near = desk.instruments.chain("NIFTY", around=spot, strikes=2)
    assert len(near) == 5
    atm = desk.instruments.atm("NIFTY", spot)
    assert float(atm.strike) == near["strike"].iloc[2]
    assert abs(float(atm.strike) - spot) == (strikes - spot).abs().min()


def test_expiries_are_told_as_weekly_or_monthly_and_futures_by_nearness(desk: Desk) -> None:
    every, monthly = desk.instruments.expiries("NIFTY"), desk.instruments.expiries("NIFTY", kind="monthly")
    assert set(monthly["cycle"]) == {"MONTHLY"}
    assert set(monthly["expiry"]) < set(every["expiry"])
    futures = desk.instruments.futures("NIFTY")
    assert list(futures.columns) == list(frames.LISTINGS)
    assert futures["listing"].iloc[0] == desk.instruments.get("NSE:NIFTY1!").text
    assert list(futures["expiry"]) == sorted(futures["expiry"])


def test_what_is_no_cycle_or_no_price_is_refused(desk: Desk) -> None:
    with pytest.raises(InvalidOrder):
        desk.instruments.expiries("NIFTY", kind="daily")
    with pytest.raises(InvalidInput):
        desk.instruments.chain("NIFTY", around=-1)
