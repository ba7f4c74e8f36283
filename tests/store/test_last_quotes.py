"""Last prices: the newest of each listing, exact, in commits that hold up nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import event

from sigma.domain.market import Level, Quote
from sigma.domain.orders import OrderRequest, Side
from sigma.domain.orders import OrderStatus as S
from sigma.store import SqlMarketStore, pieces
from tests.store.conftest import Place
from tests.store.values import LATER, NOW, OWNER, add_account, add_order, fill

INFY = Quote("NSE:INFY", Decimal("1500.05"), NOW, close=Decimal("1490.1"))
INDEX = Quote("NSE:NIFTY 50", Decimal("25910.0525"), NOW)


def test_a_last_price_comes_back_as_it_was_stored_and_the_rest_of_a_quote_is_not_kept(market: SqlMarketStore) -> None:
    market.put_quotes([replace(INFY, volume=7, bids=(Level(Decimal(1), 1),)), INDEX])
    assert market.last_quotes(["NSE:INFY", "NSE:NIFTY 50", "NSE:TCS"]) == {"NSE:INFY": INFY, "NSE:NIFTY 50": INDEX}
    assert market.last_quotes([]) == {}


def test_a_newer_price_replaces_the_stored_one_and_an_older_changes_nothing(market: SqlMarketStore) -> None:
    newer = Quote("NSE:INFY", Decimal("1501"), LATER)
    market.put_quotes([INFY])
    market.put_quotes([newer])
    market.put_quotes([INFY])
    assert market.last_quotes(["NSE:INFY"]) == {"NSE:INFY": newer}
    corrected = replace(newer, last_price=Decimal("1502"))
    market.put_quotes([corrected])
    assert market.last_quotes(["NSE:INFY"]) == {"NSE:INFY": corrected}


def test_a_price_with_more_decimals_than_are_kept_is_rounded_and_costs_no_other(market: SqlMarketStore) -> None:
    market.put_quotes([replace(INFY, last_price=Decimal("1.123456789"), close=Decimal("2.000000001")), INDEX])
    found = market.last_quotes(["NSE:INFY", INDEX.listing])
    assert (found["NSE:INFY"].last_price, found["NSE:INFY"].close) == (Decimal("1.12345679"), Decimal(2))
    assert found[INDEX.listing] == INDEX


def test_many_prices_are_stored_in_small_commits(market: SqlMarketStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "COMMIT_SECONDS", 0.0001)
    commits: list[object] = []
    event.listen(market.database.writer, "commit", commits.append)
    many = [replace(INFY, listing=f"NSE:S{number}", at=NOW + timedelta(seconds=number)) for number in range(700)]
    market.put_quotes(many)
    assert len(commits) >= 8
    assert market.last_quotes([quote.listing for quote in many]) == {quote.listing: quote for quote in many}


def test_last_prices_survive_a_restart(place: Place) -> None:
    with place.market() as market:
        market.put_quotes([INFY])
    with place.market() as again:
        assert again.last_quotes(["NSE:INFY"]) == {"NSE:INFY": INFY}


def test_the_newest_execution_of_an_account_is_known_by_its_number(place: Place) -> None:
    with place.open() as store:
        mine, other = add_account(store), add_account(store, "other", client_id="CD5678")
        order = add_order(store, mine.id)
        with store.begin() as tx:
            assert tx.orders.newest_fill(mine.id) == 0
            assert tx.orders.add_fill(fill(order.id, mine.id))
            first = tx.orders.newest_fill(mine.id)
            assert not tx.orders.add_fill(fill(order.id, mine.id))
            assert tx.orders.newest_fill(mine.id) == first > 0
            assert tx.orders.add_fill(fill(order.id, mine.id, fill_id="50000002", filled_at=NOW - timedelta(hours=1)))
            assert tx.orders.newest_fill(mine.id) > first
            assert tx.orders.newest_fill(other.id) == 0


def test_what_orders_are_about_is_told_once_each(place: Place) -> None:
    with place.open() as store:
        for text, status in (("NSE:INFY", S.WAITING), ("NSE:INFY", S.OPEN), ("BSE:TCS", S.OPEN), ("NSE:SBIN", S.FILLED)):
            add_order(store, status=status, request=OrderRequest(text, Side.BUY, 5))
        with store.read() as tx:
            assert tx.orders.listings(user_id=OWNER, statuses=(S.WAITING, S.OPEN)) == ["BSE:TCS", "NSE:INFY"]
            assert tx.orders.listings(user_id=OWNER + 1) == []
