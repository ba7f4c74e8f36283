"""The worker's child that downloads instrument tables."""

from __future__ import annotations

from scheduler import refresh
from scheduler.jobs import JOBS, instruments
from scheduler.worker import Worker
from tests.orders.stage import Stage


def test_tables_are_downloaded_by_a_process_of_their_own_for_all_accounts(stage: Stage) -> None:
    market = stage.house.market_store
    before = {name: market.master_version(name) for name in ("angelone", "zerodha")}
    refresh.run(stage.house, ["angelone", "zerodha"], lambda: False)
    for name, version in before.items():
        now, report = market.master_version(name), market.last_report(name)
        assert version is not None
        assert now is not None
        assert report is not None
        assert now[1] > version[1]
        assert (report.unchanged, report.kept_old) == (True, "")


def test_the_download_ends_with_the_worker(stage: Stage) -> None:
    before = stage.house.market_store.master_version()
    refresh.run(stage.house, ["zerodha"], lambda: True)
    assert stage.house.market_store.master_version() == before


def test_what_was_refreshed_today_is_not_downloaded_again(stage: Stage) -> None:
    before = stage.house.market_store.master_version()
    instruments(Worker(stage.house))
    assert stage.house.market_store.master_version() == before
    assert "instruments" in {spec.name for spec in JOBS}
