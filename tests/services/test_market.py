"""Quotes: from one named source, in batches, cached for a moment, and never from elsewhere in silence."""

from __future__ import annotations

from decimal import Decimal

import pytest

from sigma.domain.errors import BrokerUnavailable, NotFound, StaleData
from tests.services.fake_kit import A_DAY
from tests.services.rooms import Rooms
from tests.services.test_instruments import SHARES, shares


@pytest.fixture
def open_market(rooms: Rooms) -> Rooms:
    """A connected source, an instrument table, and prices for all but RELIANCE."""
    rooms.connected()
    rooms.alpha.rows = shares("alpha", *SHARES)
    rooms.instruments.refresh(rooms.user, "alpha")
    rooms.alpha.prices = {f"NSE:{symbol}": Decimal(100 + number) for number, symbol in enumerate(SHARES)}
    del rooms.alpha.prices["NSE:RELIANCE"]
    rooms.alpha.calls.clear()
    return rooms


def test_quotes_come_in_batches_that_the_broker_takes_and_unquoted_ones_are_absent(open_market: Rooms) -> None:
    quotes = open_market.market.quotes(open_market.user, ["INFY", "NSE:M_M", "NSE:RELIANCE"])
    assert {text: quote.last_price for text, quote in quotes.items()} == {"NSE:INFY": Decimal(100), "NSE:M&M": Decimal(102)}
    assert open_market.alpha.calls == ["quotes 2", "quotes 1"]


def test_a_quote_is_given_again_for_a_second(open_market: Rooms) -> None:
    open_market.market.quotes(open_market.user, ["NSE:INFY"])
    open_market.alpha.prices["NSE:INFY"] = Decimal(999)
    open_market.clock.pass_by(0.9)
    assert open_market.market.quotes(open_market.user, ["NSE:INFY"])["NSE:INFY"].last_price == Decimal(100)
    open_market.clock.pass_by(0.2)
    assert open_market.market.quotes(open_market.user, ["NSE:INFY"])["NSE:INFY"].last_price == Decimal(999)


def test_only_those_that_are_not_fresh_are_asked_for(open_market: Rooms) -> None:
    open_market.market.quotes(open_market.user, ["NSE:INFY"])
    open_market.market.quotes(open_market.user, ["NSE:INFY", "NSE:M&M"])
    assert open_market.alpha.calls == ["quotes 1", "quotes 1"]


def test_an_unknown_listing_is_not_found(open_market: Rooms) -> None:
    with pytest.raises(NotFound):
        open_market.market.quotes(open_market.user, ["NSE:INFY", "NSE:NOSUCH"])


def test_a_source_that_is_not_connected_is_said_with_since_when_and_the_cure(open_market: Rooms) -> None:
    open_market.clock.pass_by(A_DAY.total_seconds())
    with pytest.raises(StaleData, match="Market data unavailable since 21 Nov 06:00 IST: the source, ann") as told:
        open_market.market.quotes(open_market.user, ["NSE:INFY"])
    assert "sigma login ann" in told.value.hint


def test_a_source_that_does_not_answer_is_said_in_its_words(open_market: Rooms) -> None:
    open_market.alpha.failures = [BrokerUnavailable("HTTP 503")] * 3
    with pytest.raises(StaleData, match=r"ann does not answer \(HTTP 503\)"):
        open_market.market.quotes(open_market.user, ["NSE:INFY"])


def test_who_has_no_account_at_the_preferred_broker_must_choose_a_source(rooms: Rooms) -> None:
    rooms.account("ben", "beta")
    with pytest.raises(StaleData, match="no account is set as its source") as told:
        rooms.market.source(rooms.user)
    assert "ben" in told.value.hint
    rooms.settings.set("market.source_account", "ben", user_id=rooms.user)
    assert rooms.market.source(rooms.user).name == "ben"


def test_a_source_that_is_gone_is_not_replaced_in_silence(open_market: Rooms) -> None:
    gone = open_market.account("gone", "beta")
    open_market.settings.set("market.source_account", "gone", user_id=open_market.user)
    open_market.accounts.remove(open_market.user, gone.id)
    with pytest.raises(StaleData, match="account 'gone' is gone"):
        open_market.market.quotes(open_market.user, ["NSE:INFY"])


def test_an_order_is_valued_by_its_own_account_and_else_by_the_source(open_market: Rooms) -> None:
    other = open_market.account("ben", "beta")
    quote = open_market.market.last_quote("NSE:INFY", other.id)
    assert quote is not None
    assert quote.last_price == Decimal(100)
    assert open_market.market.last_quote("NSE:RELIANCE", other.id) is None
    open_market.alpha.failures = [BrokerUnavailable("away")] * 6
    assert open_market.market.last_quote("NSE:M&M", open_market.market.source(open_market.user).id) is None
