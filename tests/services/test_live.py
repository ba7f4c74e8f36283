"""Live prices before stored and asked ones, while their ticks are young; and how market data stands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from sigma.domain.health import FEED_KEY
from sigma.domain.market import FeedState
from sigma.domain.ticks import blank, microseconds
from sigma.infra.latest import LatestWriter
from tests.services.rooms import FRIDAY, Rooms
from tests.services.test_quotes import stored, watched

__all__ = ["watched"]
INFY = "NSE:INFY"


class Feed:
    """The feed of an account, as its test plays it."""

    def __init__(self, rooms: Rooms, name: str = "ann") -> None:
        self.rooms = rooms
        self.source = rooms.accounts.find(rooms.user, name).id
        self.table = LatestWriter(rooms.home / "feed", self.source, rooms.clock.boot_id)

    def tick(self, listing: str, last: float, **fields: float) -> None:
        """Say that a listing trades at a price, with one level of depth."""
        made = blank(1)
        made["slot"], made["mode"] = self.table.allot([listing])[listing], 3
        made["at"] = made["received"] = microseconds(self.rooms.clock.now())
        made["last"], made["close"] = last, 99
        made["bids"][0, 0] = (last - 0.05, 10, 1)
        for name, value in fields.items():
            made[name] = value
        self.table.put(made)


@pytest.fixture
def feed(watched: Rooms) -> Iterator[Feed]:
    made = Feed(watched)
    yield made
    made.table.close()


def asked(rooms: Rooms) -> int:
    """How often the broker was asked for quotes."""
    return sum(call.startswith("quotes") for call in rooms.alpha.calls)


def test_a_young_tick_stands_before_what_is_stored_and_an_old_one_does_not(watched: Rooms, feed: Feed) -> None:
    watched.quotes.poll()
    watched.clock.pass_by(1)
    feed.tick(INFY, 123.45)
    assert stored(watched)[INFY] == Decimal("123.45")
    assert watched.quotes.stored([INFY])[INFY].close == Decimal("99.00")
    watched.clock.pass_by(6)
    assert stored(watched)[INFY] == Decimal(100)


def test_rows_are_valued_at_live_prices(watched: Rooms, feed: Feed) -> None:
    account = watched.accounts.find(watched.user, "ann")
    feed.tick(INFY, 120)
    found = watched.portfolio.holdings(account.id, refresh=False)
    assert (found.rows[0].last_price, found.priced_at) == (Decimal(120), watched.clock.now())


def test_the_poll_leaves_out_what_the_feed_keeps_fresh_and_stores_it_once_a_minute(watched: Rooms, feed: Feed) -> None:
    for second in range(120):
        feed.tick(INFY, 100 + second)
        watched.quotes.poll()
        watched.clock.pass_by(1)
    assert asked(watched) == 0
    kept = watched.market_store.last_quotes([INFY])[INFY]
    assert (kept.last_price, kept.at) == (Decimal(160), FRIDAY.replace(second=2, minute=FRIDAY.minute + 1))
    watched.clock.pass_by(6)
    watched.quotes.poll()
    assert asked(watched) == 1, "a feed that says nothing more is stood in for by asking"


def test_after_the_close_the_last_price_is_stored_although_the_feed_ended(watched: Rooms, feed: Feed) -> None:
    feed.tick(INFY, 100)
    watched.quotes.poll()
    watched.clock.pass_by(5 * 3600)
    watched.alpha.prices[INFY] = Decimal(111)
    watched.quotes.poll()
    assert watched.market_store.last_quotes([INFY])[INFY].last_price == Decimal(111)


def test_a_quote_is_live_once_the_broker_told_what_feeds_leave_out(watched: Rooms, feed: Feed) -> None:
    feed.tick(INFY, 200)
    assert watched.market.quotes(watched.user, [INFY])[INFY].last_price == Decimal(100), "its price band was never told: asked"
    watched.clock.pass_by(2)
    feed.tick(INFY, 201)
    assert watched.market.quotes(watched.user, [INFY])[INFY].last_price == Decimal(201)
    assert asked(watched) == 1
    watched.clock.pass_by(601)
    feed.tick(INFY, 202)
    assert watched.market.quotes(watched.user, [INFY])[INFY].last_price == Decimal(100), "and again after ten minutes"
    feed.tick("NSE:M&M", 300, lower_circuit=270, upper_circuit=330)
    whole = watched.market.quotes(watched.user, ["NSE:M&M"])["NSE:M&M"]
    assert (whole.last_price, whole.upper_circuit, whole.bids[0].quantity) == (Decimal(300), Decimal(330), 10)
    assert asked(watched) == 2


def test_a_page_that_shows_a_listing_asks_for_it_for_half_a_minute(watched: Rooms) -> None:
    source = watched.accounts.find(watched.user, "ann").id
    watched.quotes.look_at(watched.user, [INFY])
    assert watched.live.looked_at(source) == {INFY}
    watched.clock.pass_by(20)
    watched.quotes.look_at(watched.user, ["NSE:M&M"])
    assert watched.live.looked_at(source) == {INFY, "NSE:M&M"}
    watched.clock.pass_by(11)
    assert watched.live.looked_at(source) == {"NSE:M&M"}
    watched.clock.pass_by(400)
    assert watched.live.looked_at(source) == frozenset()
    assert list((watched.home / "feed" / "wanted").iterdir()) == []
    watched.quotes.look_at(watched.another_user(), [INFY])
    assert watched.live.looked_at(source) == frozenset()


def beat(rooms: Rooms, state: FeedState | None = None, why: str = "") -> None:
    """Be the worker that lives, with the feed of ann as given."""
    source = rooms.accounts.find(rooms.user, "ann").id
    told = json.dumps({"state": state, "why": why, "since": rooms.clock.now().isoformat(), "wanted": 1, "left_out": 0})
    rooms.events.beat("worker", {} if state is None else {f"{FEED_KEY}{source}": told})


def test_without_a_source_or_a_login_or_a_worker_market_data_is_unavailable_and_says_the_cure(rooms: Rooms) -> None:
    nothing = rooms.market_health.health(rooms.user)
    assert (nothing.healthy, nothing.source, nothing.reason) == (False, "", "no account is set as its source")
    assert "market.source_account" in nothing.cure
    account = rooms.account()
    never = rooms.market_health.health(rooms.user)
    assert (never.source, never.reason, never.since) == ("ann", "ann is not connected", None)
    rooms.sessions.connect(rooms.user, account.name, {"request_token": "token-of-ann"})
    idle = rooms.market_health.health(rooms.user)
    assert (idle.healthy, idle.reason, idle.cure) == (False, "the worker does not run", "Start it: `sigma up`.")
    beat(rooms)
    assert rooms.market_health.health(rooms.user).healthy
    rooms.clock.pass_by(24 * 3600)
    ended = rooms.market_health.health(rooms.user)
    session = rooms.connections.session(account.id)
    assert session is not None
    assert (ended.healthy, ended.since) == (False, session.expires_at)
    assert "Log in again" in ended.cure


@pytest.mark.parametrize("state", [FeedState.LOST, FeedState.SILENT, FeedState.REFUSED])
def test_a_feed_that_fails_pauses_evaluation_and_is_a_check(watched: Rooms, feed: Feed, state: FeedState) -> None:
    watched.alpha.capabilities = replace(watched.alpha.capabilities, streaming=True)
    begun = watched.clock.now()
    feed.tick(INFY, 100)
    beat(watched, state, "the network is down.")
    watched.clock.pass_by(3)
    found = watched.market_health.health(watched.user)
    assert (found.healthy, found.feed, found.since, found.tick_age_s) == (False, state, begun, 3.0)
    assert "the network is down" in found.reason
    assert found.cure
    check = next(check for check in watched.health.checks(watched.user) if check.what == "market data")
    assert (check.mark.value, check.since) == ("bad", begun)
    assert "paused" in check.words
    beat(watched, FeedState.LIVE)
    assert watched.market_health.health(watched.user).healthy
    check = next(check for check in watched.health.checks(watched.user) if check.what == "market data")
    assert check.words.startswith("from ann: live, newest tick at")
