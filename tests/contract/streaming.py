"""The contract, last part: live ticks and news of orders, from the simulator's sockets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from decimal import Decimal

import pytest

from sigma.domain.accounts import BrokerSession
from sigma.domain.market import FeedState
from sigma.domain.orders import Outcome
from sigma.domain.ticks import quote_of
from sigma.ports.feed import FeedRules
from tests.adapters.watcher import Running, Watcher, always_open, run_feed
from tests.contract.stage import SimulatedClock, Stage, buy, new_tag

STARTING, LIVE, SILENT, LOST, REFUSED = (FeedState[name] for name in ("STARTING", "LIVE", "SILENT", "LOST", "REFUSED"))
PRICES = {"NSE:INFY": 1450.0, "BSE:INFY": 1451.5, "NSE:NIFTY 50": 25000.0}
Begin = Callable[..., AbstractContextManager[Running]]


class BriskClock(SimulatedClock):
    """Waits a hundredth of what it is asked to."""

    def wait(self, seconds: float) -> None:
        threading.Event().wait(seconds / 100)


class FeedContract:
    """Live data."""

    @pytest.fixture
    def held(self, stage: Stage) -> Iterator[dict[str, float]]:
        """Prices that stand, by listing, and sockets that look for changes often."""
        future = next(listing for listing in sorted(stage.lookup.listings(stage.name)) if listing.startswith("NFO:NIFTY"))
        prices = PRICES | {future: 24990.0}
        for listing, price in prices.items():
            stage.control.post("price", {"listing": listing, "price": price, "hold": True, "rebase": True})
        stage.control.post("config", {"tick_interval_s": 0.05})
        yield prices
        stage.control.delete("faults")

    @pytest.fixture
    def feed(self, stage: Stage) -> Begin:
        """Begins a feed of the account that watches listings, the n-th in slot n."""

        def begin(*listings: str, session: BrokerSession | None = None, **rules: object) -> AbstractContextManager[Running]:
            watcher = Watcher()
            place = replace(
                stage.context,
                clock=BriskClock(stage.server.exchange),
                stream_url=stage.server.ws_url,
                feed_rules=FeedRules(**({"is_open": always_open} | rules)),  # type: ignore[arg-type]
            )
            made = stage.kit.feed(stage.credentials(), session or stage.connect(), place, watcher)
            made.want({listing: slot for slot, listing in enumerate(listings)})
            return run_feed(made, watcher)

        return begin

    def test_ticks_of_every_sort_of_listing_have_the_exchange_s_prices_depth_and_time(
        self, stage: Stage, held: dict[str, float], feed: Begin
    ) -> None:
        listings = list(held)
        with feed(*listings) as live:
            live.watcher.until(lambda: set(live.watcher.all["slot"]) == set(range(len(listings))))
            live.watcher.until_state(STARTING, LIVE)
            ticks = live.watcher.all
        for slot, listing in enumerate(listings):
            quote = quote_of(ticks[ticks["slot"] == slot][-1], listing)
            assert float(quote.last_price) == held[listing]
            assert abs((stage.context.clock.now() - quote.at).total_seconds()) < 30
        infy = quote_of(ticks[ticks["slot"] == 0][-1], "NSE:INFY")
        asked = stage.broker.quotes(["NSE:INFY"])["NSE:INFY"]
        assert (infy.open, infy.close) == (asked.open, asked.close)
        assert len(infy.bids) == len(infy.asks) == 5
        assert infy.bids[0].price < infy.asks[0].price
        assert infy.bids == tuple(sorted(infy.bids, key=lambda level: -level.price))

    def test_a_new_price_arrives(self, stage: Stage, held: dict[str, float], feed: Begin) -> None:
        with feed("NSE:INFY") as live:
            live.watcher.until_state(STARTING, LIVE)
            stage.control.post("price", {"listing": "NSE:INFY", "price": 1462.3, "hold": True, "rebase": True})
            live.watcher.until(lambda: live.watcher.all["last"][-1] == 1462.3)
            assert quote_of(live.watcher.all[-1], "NSE:INFY").last_price == Decimal("1462.30")

    def test_what_is_no_longer_wanted_falls_silent(self, stage: Stage, held: dict[str, float], feed: Begin) -> None:
        with feed("NSE:INFY", "BSE:INFY") as live:
            live.watcher.until(lambda: set(live.watcher.all["slot"]) == {0, 1})
            live.feed.want({"BSE:INFY": 1})
            stage.control.post("price", {"listing": "BSE:INFY", "price": 1466.0, "hold": True, "rebase": True})
            live.watcher.until(lambda: live.watcher.all["last"][-1] == 1466.0)

            def subscriptions() -> list[int]:
                return [one["subscriptions"] for one in stage.control.get("feeds") if one["endpoint"] == "feed"]

            live.watcher.until(lambda: subscriptions() == [1])

    def test_an_order_is_told_of(self, stage: Stage, held: dict[str, float], feed: Begin) -> None:
        session = stage.connect()
        broker = stage.broker_of(session)
        with feed("NSE:INFY", session=session) as live:
            live.watcher.until_state(STARTING, LIVE)
            live.watcher.until(lambda: len(stage.control.get("feeds")) == (1 if stage.name == "zerodha" else 2))
            assert live.watcher.rows == []
            tag = new_tag()
            answer = broker.place(buy(), tag)
            assert answer.outcome is Outcome.ACCEPTED
            live.watcher.until(lambda: len(live.watcher.rows) > 0)
        told = {(row.broker_order_id, row.tag, row.listing) for row in live.watcher.rows}
        assert told == {(answer.broker_order_id, tag, "NSE:INFY")}
        assert live.watcher.orders == 0, "each piece of news could be read"

    def test_a_feed_that_is_closed_or_cut_comes_back_with_all_its_listings(
        self, stage: Stage, held: dict[str, float], feed: Begin
    ) -> None:
        with feed("NSE:INFY", "BSE:INFY") as live:
            for fault, why in (("feed_close", "code 1011"), ("feed_drop", "broke off")):
                live.watcher.until(lambda: live.watcher.seen[-1:] == [LIVE])
                live.watcher.forget()
                stage.control.fault(fault, "feed", broker=stage.name)
                live.watcher.until_state(LOST, STARTING, LIVE)
                assert why in live.watcher.states[0][1]
                live.watcher.until(lambda: set(live.watcher.all["slot"]) == {0, 1})

    def test_silence_is_told_and_ends_with_the_next_tick(self, stage: Stage, held: dict[str, float], feed: Begin) -> None:
        with feed("NSE:INFY", silent_after_s=0.5) as live:
            live.watcher.until_state(STARTING, LIVE)
            fault = stage.control.fault("feed_silence", "feed", broker=stage.name, times=None)
            live.watcher.until_state(LIVE, SILENT)
            stage.control.delete(f"faults/{fault}")
            stage.control.post("price", {"listing": "NSE:INFY", "price": 1455.0, "hold": True, "rebase": True})
            live.watcher.until_state(SILENT, LIVE)

    def test_garbage_truncated_frames_and_errors_are_survived(
        self, stage: Stage, held: dict[str, float], feed: Begin, caplog: pytest.LogCaptureFixture
    ) -> None:
        with feed("NSE:INFY") as live:
            live.watcher.until_state(STARTING, LIVE)
            for fault in ("feed_garbage", "feed_error"):
                stage.control.fault(fault, "feed", broker=stage.name)
            live.watcher.until(lambda: live.feed.complaints >= 1)  # type: ignore[attr-defined]
            live.watcher.until(lambda: "the broker says" in caplog.text)
            before = live.feed.complaints  # type: ignore[attr-defined]
            stage.control.fault("feed_truncated", "feed", broker=stage.name)
            stage.control.post("price", {"listing": "NSE:INFY", "price": 1456.0, "hold": True, "rebase": True})
            live.watcher.until(lambda: live.feed.complaints > before)  # type: ignore[attr-defined]
            stage.control.post("price", {"listing": "NSE:INFY", "price": 1457.0, "hold": True, "rebase": True})
            live.watcher.until(lambda: live.watcher.all["last"][-1] == 1457.0)
            assert live.watcher.seen == [STARTING, LIVE]

    def test_a_login_that_is_over_ends_the_feed(self, stage: Stage, held: dict[str, float], feed: Begin) -> None:
        session = stage.connect()
        with feed("NSE:INFY", session=session) as live:
            live.watcher.until_state(STARTING, LIVE)
            stage.login().logout(session)
            live.watcher.until(lambda: live.watcher.seen[-1] is REFUSED)
            assert live.ended_within(2)
        with feed("NSE:INFY", session=session) as again:
            assert "does not accept the login" in again.watcher.until_state(STARTING, REFUSED)
