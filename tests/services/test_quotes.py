"""Last prices: of what people look at, while they can move, from their own source, and never again at once when it fails."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from sigma.domain.errors import BrokerUnavailable, RateLimited
from sigma.domain.orders import OrderRequest, OrderStatus, Product, Side
from sigma.domain.portfolio import Holding, Position
from tests.services.rooms import Rooms
from tests.services.test_instruments import SHARES, shares
from tests.store.values import order

CLOSE_S = 5 * 3600.0  # from half past ten to the close


def held(symbol: str, quantity: int = 5) -> Holding:
    return Holding(f"NSE:{symbol}", symbol, "NSE", None, quantity, 0, 0, Decimal(90), Decimal(100), Decimal(99))


def position(symbol: str, quantity: int = 5) -> Position:
    average, last, none = Decimal(90), Decimal(100), Decimal(0)
    return Position(f"NSE:{symbol}", symbol, "NSE", Product.MIS, quantity, 0, average, last, None, none, none, 5, 0)


@pytest.fixture
def watched(rooms: Rooms) -> Rooms:
    """An account that holds INFY and had M&M, with prices for all."""
    account = rooms.connected()
    rooms.alpha.rows = shares("alpha", *SHARES)
    rooms.instruments.refresh(rooms.user, "alpha")
    rooms.alpha.prices = {f"NSE:{symbol}": Decimal(100 + number) for number, symbol in enumerate(SHARES)}
    rooms.alpha.held = (held("INFY"), held("M&M", 0), replace(held("NEWCO"), listing=None))
    rooms.portfolio.holdings(account.id, refresh=True)
    rooms.clock.pass_by(2)
    rooms.alpha.calls.clear()
    return rooms


def stored(rooms: Rooms) -> dict[str, Decimal]:
    """What is stored of all shares."""
    return {text: quote.last_price for text, quote in rooms.quotes.stored([f"NSE:{one}" for one in SHARES]).items()}


def test_prices_of_holdings_open_positions_and_orders_at_work_are_stored(watched: Rooms) -> None:
    account = watched.accounts.find(watched.user, "ann")
    watched.alpha.open_positions = (position("BAJAJ-AUTO"), position("RELIANCE", 0))
    watched.portfolio.positions(account.id, refresh=True)
    with watched.store.begin() as tx:
        for symbol, status in (("A-B", OrderStatus.WAITING), ("A_B", OrderStatus.OPEN), ("X&Y", OrderStatus.FILLED)):
            tx.orders.add(order(request=OrderRequest(f"NSE:{symbol}", Side.BUY, 1), status=status))
    assert watched.quotes.poll() == 4
    assert stored(watched).keys() == {"NSE:INFY", "NSE:BAJAJ-AUTO", "NSE:A-B", "NSE:A_B"}
    assert [call for call in watched.alpha.calls if call.startswith("quotes")] == ["quotes 2", "quotes 2"]


def test_a_price_that_did_not_move_is_not_written_again(watched: Rooms) -> None:
    assert watched.quotes.poll() == 1
    assert watched.quotes.poll() == 0
    watched.clock.pass_by(2)
    watched.alpha.prices["NSE:INFY"] = Decimal(105)
    assert watched.quotes.poll() == 1
    assert stored(watched) == {"NSE:INFY": Decimal(105)}


def test_a_price_of_nothing_is_no_price(watched: Rooms) -> None:
    watched.alpha.prices["NSE:INFY"] = Decimal(0)
    assert watched.quotes.poll() == 0
    assert stored(watched) == {}


def test_after_the_close_each_listing_is_asked_for_once_more_and_again_when_it_opens(watched: Rooms) -> None:
    watched.quotes.poll()
    watched.clock.pass_by(CLOSE_S)
    for _ in range(3):
        watched.quotes.poll()
        watched.clock.pass_by(60)
    assert watched.alpha.calls == ["quotes 1", "quotes 1"]
    watched.alpha.held += (held("RELIANCE"),)
    watched.portfolio.holdings(watched.accounts.find(watched.user, "ann").id, refresh=True)
    watched.quotes.poll()
    assert watched.alpha.calls[2:] == ["holdings", "quotes 1"]
    assert "NSE:RELIANCE" in stored(watched)
    watched.clock.pass_by(67 * 3600)
    watched.sessions.connect(watched.user, "ann", {"request_token": "token-of-ann"})
    watched.alpha.calls.clear()
    watched.quotes.poll()
    watched.quotes.poll()
    assert watched.alpha.calls == ["quotes 2"]
    watched.clock.pass_by(CLOSE_S)
    watched.quotes.poll()
    assert watched.alpha.calls == ["quotes 2"] * 2, "and once more after that day's close"


def test_a_failing_source_is_left_alone_longer_each_time_and_then_asked_again(watched: Rooms) -> None:
    watched.alpha.failures = [BrokerUnavailable("HTTP 503")] * 2
    asked = []
    for _ in range(20):
        before = len(watched.alpha.calls)
        watched.quotes.poll()
        asked.append(len(watched.alpha.calls) - before)
        watched.clock.pass_by(1)
    assert asked == [1, *[0] * 3, 1, *[0] * 7, *[1] * 8], "after 4 and 8 seconds, and never twice in one go"
    assert stored(watched) == {"NSE:INFY": Decimal(100)}
    watched.alpha.failures = [BrokerUnavailable("HTTP 503")]
    watched.quotes.poll()
    watched.clock.pass_by(4)
    assert watched.quotes.poll() == 1, "what failed before it answered is forgotten"


def test_a_broker_that_asks_for_patience_gets_it(watched: Rooms) -> None:
    watched.alpha.failures = [RateLimited("slow down", retry_after=30)]
    for seconds, calls in ((0, 1), (29, 1), (2, 2)):
        watched.clock.pass_by(seconds)
        watched.quotes.poll()
        assert len(watched.alpha.calls) == calls


def test_a_source_without_a_login_keeps_what_is_stored(watched: Rooms) -> None:
    watched.quotes.poll()
    watched.sessions.disconnect(watched.user, "ann")
    watched.clock.pass_by(2)
    assert watched.quotes.poll() == 0
    assert stored(watched) == {"NSE:INFY": Decimal(100)}


def test_a_worker_of_one_account_asks_no_other_source(watched: Rooms) -> None:
    assert watched.quotes.poll(only="ben") == 0
    assert watched.quotes.poll(only="ann") == 1


def test_a_poll_that_is_told_to_end_asks_nothing_more(watched: Rooms) -> None:
    assert watched.quotes.poll(ended=lambda: True) == 0
    assert watched.alpha.calls == []


def test_stored_rows_are_valued_at_the_last_price_until_the_broker_gives_newer_ones(watched: Rooms) -> None:
    account = watched.accounts.find(watched.user, "ann")
    watched.alpha.prices["NSE:INFY"] = Decimal(120)
    before = watched.portfolio.holdings(account.id, refresh=False)
    assert (before.rows[0].last_price, before.priced_at) == (Decimal(100), None)
    watched.quotes.poll()
    after = watched.portfolio.holdings(account.id, refresh=False)
    assert (after.rows[0].last_price, after.rows[0].pnl) == (Decimal(120), Decimal(150))
    assert (after.taken_at, after.priced_at) == (before.taken_at, before.taken_at + timedelta(seconds=2))
    watched.clock.pass_by(1)
    fresh = watched.portfolio.holdings(account.id, refresh=True)
    assert (fresh.rows[0].last_price, fresh.priced_at) == (Decimal(100), None), "the broker's own word is newer"
