"""The contract: bars."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from sigma.domain.errors import BrokerError, NotFound, SessionExpired, Unsupported
from sigma.domain.instruments import Exchange
from sigma.domain.market import Timeframe
from sigma.domain.times import to_ist
from sigma.engines.bars import aggregate, clip, micros, moment, sessions_of
from tests.contract.stage import Stage

LENGTHS = [each for each in Timeframe if each not in (Timeframe.W1, Timeframe.MO1)]


class HistoryContract:
    """Bars that the broker gives. NSE:INFY is held at 1450 from the moment a test begins; earlier minutes walk."""

    def opening(self, stage: Stage) -> datetime:
        return to_ist(stage.context.clock.now()).replace(hour=9, minute=15, second=0, microsecond=0)

    def test_bars_are_stamped_with_opening_plus_length_and_the_forming_one_is_there(self, stage: Stage) -> None:
        now, opening = stage.context.clock.now(), self.opening(stage)
        bars = stage.broker.history("NSE:INFY", Timeframe.M15, opening, now)
        wanted = [micros(opening + timedelta(minutes=15 * number)) for number in range(1, 6)]
        assert bars["at"][:5].tolist() == wanted
        assert bars["at"][-1] > micros(now)
        assert bool(np.all(np.diff(bars["at"]) == 15 * 60_000_000))
        assert set(bars["open_interest"].tolist()) == {-1}

    def test_a_span_holds_what_closes_after_its_start_and_opens_before_its_end(self, stage: Stage) -> None:
        opening = self.opening(stage)
        for shift, count in ((0, 20), (30, 21)):
            start, end = opening + timedelta(minutes=10, seconds=shift), opening + timedelta(minutes=30, seconds=shift)
            bars = stage.broker.history("NSE:INFY", Timeframe.M1, start, end)
            assert len(bars) == count
            assert bars["at"][0] == micros(opening + timedelta(minutes=11))
            assert bool(np.all((bars["at"] > micros(start)) & (bars["at"] - 60_000_000 < micros(end))))

    @pytest.mark.parametrize("timeframe", LENGTHS)
    def test_every_length_that_the_capabilities_name_is_given_and_agrees_with_the_minutes(
        self, stage: Stage, timeframe: Timeframe
    ) -> None:
        assert timeframe in stage.kit.capabilities.history_days
        now = stage.context.clock.now()
        start = self.opening(stage) - timedelta(days=2)
        calendar = stage.server.exchange.calendar
        sessions = sessions_of(calendar, Exchange.NSE, start.date(), to_ist(now).date())
        longer, single = (
            clip(stage.broker.history("NSE:TCS", each, start, now), each, sessions) for each in (timeframe, Timeframe.M1)
        )
        made = aggregate(single, timeframe, sessions)
        assert longer.tolist()[:-1] == made.tolist()[:-1]
        assert longer["at"][-1] == made["at"][-1]

    def test_a_day_is_stamped_with_the_midnight_that_ends_it(self, stage: Stage) -> None:
        now = stage.context.clock.now()
        bars = stage.broker.history("NSE:NIFTY 50", Timeframe.D1, now - timedelta(days=20), now)
        assert {f"{to_ist(moment(int(each))):%H:%M}" for each in bars["at"]} == {"00:00"}
        assert bars["at"][-1] > micros(now)

    def test_the_longest_span_is_taken_and_a_longer_one_is_refused_here(self, stage: Stage) -> None:
        now = stage.context.clock.now()
        for timeframe, days in stage.kit.capabilities.history_days.items():
            if timeframe is not Timeframe.D1:
                assert len(stage.broker.history("BSE:TCS", timeframe, now - timedelta(days=days), now)) > 10
            with pytest.raises(Unsupported, match="at once"):
                stage.broker.history("BSE:TCS", timeframe, now - timedelta(days=days, seconds=1), now)

    def test_lengths_that_are_not_offered_are_refused_here(self, stage: Stage) -> None:
        now = stage.context.clock.now()
        for timeframe in (Timeframe.W1, Timeframe.MO1):
            with pytest.raises(Unsupported, match="gives no bars"):
                stage.broker.history("NSE:INFY", timeframe, now - timedelta(days=1), now)

    def test_a_time_without_trades_has_no_bars(self, stage: Stage) -> None:
        opening = self.opening(stage)
        assert len(stage.broker.history("NSE:INFY", Timeframe.M1, opening - timedelta(hours=9), opening)) == 0

    def test_a_derivatives_bars_come_by_its_own_token(self, stage: Stage) -> None:
        now = stage.context.clock.now()
        bars = stage.broker.history("NFO:NIFTY26DECFUT", Timeframe.M15, now - timedelta(hours=1), now)
        assert len(bars) > 3
        assert bool(np.all((bars["open_interest"] > 0) | (bars["open_interest"] == -1)))

    def test_a_listing_without_a_name_there_is_not_asked_for(self, stage: Stage) -> None:
        now = stage.context.clock.now()
        with pytest.raises(NotFound):
            stage.broker.history("NSE:NOSUCH", Timeframe.M1, now - timedelta(days=1), now)

    def test_bars_that_go_wrong_raise_only_errors_of_ours(self, stage: Stage) -> None:
        now = stage.context.clock.now()
        for kind in ("drop_before_commit", "html_504", "garbage", "json_429", "text_429", "text_403", "http_400_timeout"):
            stage.control.fault(kind, "candles", broker=stage.name)
            with pytest.raises(BrokerError) as caught:
                stage.broker.history("NSE:INFY", Timeframe.M1, now - timedelta(hours=1), now)
            assert caught.value.__context__ is None
        stage.control.fault("expired_session", "candles", broker=stage.name)
        with pytest.raises(SessionExpired):
            stage.broker.history("NSE:INFY", Timeframe.M1, now - timedelta(hours=1), now)
