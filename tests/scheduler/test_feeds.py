"""Live feeds in the worker, from the simulated exchange's sockets to whoever reads: prices, order news, logins, errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from scheduler.worker import Worker
from sigma import bootstrap
from sigma.domain.accounts import BrokerSession
from sigma.domain.health import FEED_KEY
from sigma.domain.market import FeedState
from sigma.domain.orders import OrderStatus
from sigma.domain.ticks import Ticks, blank, microseconds
from sigma.infra.bus import TickSubscriber
from sigma.ports.broker import AdapterContext
from sigma.ports.feed import FeedSink
from tests.orders.stage import KITE, PRICE, SMART, Stage, eventually
from tests.scheduler.test_live_prices import working

INFY, OTHER = "NSE:INFY", "NSE:WIPRO"


@pytest.fixture
def quick(stage: Stage) -> Stage:
    stage.waits(sync_active=0.1, sync_after_send=0.05, market_poll_every=60, worker_scan=0.05, worker_heartbeat=0.2)
    stage.desk.settings.set("worker.accounts", 0.2)
    return stage


def standing(stage: Stage, account: str = KITE) -> Mapping[str, Any]:
    """Return what the worker's heartbeat tells of an account's feed; nothing while it has none."""
    beats = {beat.process: beat for beat in stage.house.events.heartbeats()}
    told = beats["worker"].detail.get(f"{FEED_KEY}{stage.account(account).id}") if "worker" in beats else None
    return json.loads(str(told)) if told else {"state": None}


def live_price(stage: Stage, account: str = KITE, listing: str = INFY) -> float | None:
    quote = stage.house.live.of(stage.account(account).id, [listing]).get(listing)
    return None if quote is None else float(quote.last_price)


@pytest.mark.parametrize("account", [KITE, SMART])
def test_what_people_hold_is_live_for_every_process_and_the_broker_is_not_asked_for_it(quick: Stage, account: str) -> None:
    quick.desk.settings.set("market.source_account", account)
    quick.desk.holdings(account)
    heard: list[tuple[int, Ticks]] = []
    subscriber = TickSubscriber(quick.house.feed_folder)
    subscriber.hand_to(lambda source, ticks: heard.append((source, ticks.copy())))
    subscriber.start()
    with working(quick):
        eventually(lambda: live_price(quick, account) == PRICE)
        quick.fault("drop_before_commit", "quote", times=None)
        quick.hold(PRICE + 7)
        eventually(lambda: live_price(quick, account) == PRICE + 7)
        eventually(lambda: quick.desk.last_quotes([INFY])["last_price"].tolist() == [PRICE + 7])
        assert quick.desk.last_quotes([INFY])["close"].notna().all()
        eventually(lambda: any(source == quick.account(account).id and PRICE + 7 in ticks["last"] for source, ticks in heard))
        assert eventually(lambda: standing(quick, account)["state"] == "LIVE" and standing(quick, account))["wanted"] > 0
    subscriber.close()
    subscriber.join(5)


def test_a_listing_that_a_page_shows_is_fed_from_then_on(quick: Stage) -> None:
    with working(quick):
        eventually(lambda: standing(quick)["state"] in ("LIVE", "OFF", "STARTING"))
        assert live_price(quick, KITE, OTHER) is None
        eventually(lambda: quick.desk.last_quotes([OTHER]) is not None and live_price(quick, KITE, OTHER))


def test_news_of_an_order_by_the_socket_is_read_at_once(quick: Stage) -> None:
    quick.desk.settings.set("sync.active", 60)
    quick.desk.settings.set("sync.idle", 600)
    with working(quick):
        order = quick.order(price=PRICE - 50)
        eventually(lambda: quick.get(order).status is OrderStatus.OPEN)
        quick.hold(PRICE - 60)
        eventually(lambda: quick.get(order).status is OrderStatus.FILLED)


def test_a_login_that_ends_stops_the_feed_until_a_person_logs_in(quick: Stage) -> None:
    quick.desk.holdings(KITE)
    with working(quick):
        eventually(lambda: standing(quick)["state"] == "LIVE")
        quick.desk.accounts.disconnect(KITE)
        eventually(lambda: standing(quick)["state"] == "REFUSED")
        lost = eventually(lambda: quick.desk.events(kind="FEED_LOST").to_dict("records"))
        assert "not connected" in lost[0]["text"]
        quick.connect(KITE)
        eventually(lambda: standing(quick)["state"] == "LIVE")
        eventually(lambda: len(quick.desk.events(kind="FEED_BACK")))
    assert len(quick.desk.events(kind="FEED_LOST")) == 1


def test_another_source_is_followed_and_the_old_feed_ends(quick: Stage) -> None:
    quick.desk.holdings(KITE)
    with working(quick):
        eventually(lambda: standing(quick)["state"] == "LIVE")
        quick.desk.settings.set("market.source_account", SMART)
        eventually(lambda: standing(quick, SMART)["state"] == "LIVE")
        eventually(lambda: standing(quick)["state"] is None)
        quick.hold(PRICE + 3)
        eventually(lambda: live_price(quick, SMART) == PRICE + 3)


def test_a_second_worker_takes_over_when_the_first_one_ends(quick: Stage) -> None:
    quick.desk.holdings(KITE)
    with working(quick):
        eventually(lambda: live_price(quick) == PRICE)
        second = Worker(quick.another_house())
        second.start()
    try:
        quick.hold(PRICE + 4)
        eventually(lambda: live_price(quick) == PRICE + 4)
    finally:
        second.end()
        second.house.close()


class Scripted:
    """A second implementation of ports.feed.Feed: it says what the script tells, or breaks where the script says so."""

    def __init__(self, kit: ScriptedKit, sink: FeedSink) -> None:
        self._kit, self._sink = kit, sink
        self._slots: Mapping[str, int] = {}
        self._ended = False

    def want(self, slots: Mapping[str, int]) -> None:
        self._slots = dict(slots)

    def run(self) -> None:
        self._kit.runs += 1
        if self._kit.runs <= self._kit.breaks:
            raise RuntimeError("nobody foresaw this")
        if self._kit.refuses:
            self._sink.state(FeedState.REFUSED, "the broker said no")
            return
        self._sink.state(FeedState.LIVE, "")
        while not self._ended:
            ticks = blank(len(self._slots))
            ticks["slot"] = list(self._slots.values())
            ticks["at"] = ticks["received"] = microseconds(self._kit.context.clock.now())
            ticks["last"], ticks["mode"] = 42, 3
            if len(ticks):
                self._sink.ticks(ticks)
            self._kit.context.clock.wait(0.02)

    def close(self) -> None:
        self._ended = True


class ScriptedKit:
    """The real adapter with a feed of its own."""

    def __init__(self, real: Any, *, breaks: int = 0, refuses: bool = False) -> None:
        self._real, self.breaks, self.refuses = real, breaks, refuses
        self.runs = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def feed(self, credentials: Mapping[str, str], session: BrokerSession, context: AdapterContext, sink: FeedSink) -> Scripted:
        self.context = context
        return Scripted(self, sink)


@pytest.fixture
def scripted(quick: Stage, monkeypatch: pytest.MonkeyPatch) -> ScriptedKit:
    kit = ScriptedKit(bootstrap.KITS["zerodha"])
    monkeypatch.setitem(bootstrap.KITS, "zerodha", kit)  # type: ignore[arg-type]
    monkeypatch.setattr("scheduler.feeds.AFTER_TROUBLE_S", 0.1)
    return kit


def test_a_feed_that_breaks_of_an_unforeseen_error_is_begun_anew(quick: Stage, scripted: ScriptedKit) -> None:
    scripted.breaks = 3
    quick.desk.holdings(KITE)
    with working(quick):
        eventually(lambda: live_price(quick) == 42)
    assert scripted.runs == 4


def test_a_login_that_holds_but_whose_feed_is_refused_is_not_shown_to_the_broker_again_at_once(
    quick: Stage, scripted: ScriptedKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler.feeds.LOGIN_S", 0.05)
    scripted.refuses = True
    with working(quick) as worker:
        eventually(lambda: len(quick.desk.events(kind="FEED_LOST")))
        assert scripted.runs == 1
        assert quick.desk.accounts.status(KITE).state.value == "connected", "the login was checked, and holds"
        monkeypatch.setattr("scheduler.feeds.REFUSED_AGAIN_S", 0.0)
        scripted.refuses = False
        eventually(lambda: standing(quick)["state"] in ("LIVE", "OFF"))
        assert worker.feeds.detail()
