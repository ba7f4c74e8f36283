"""What brokers push of orders over their sockets, recorded off the feeds' own threads."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from sigma.domain.answers import BrokerOrder
from sigma.domain.errors import SigmaError

if TYPE_CHECKING:
    from sigma.bootstrap import House

log = structlog.get_logger(__name__)
MOST_WAITING = 10_000


class OrderNews(threading.Thread):
    """Records pushed rows one after another, and lets the account's book be read after each.

    Parameters
    ----------
    nudge : callable
        Given the id of an account whose book should be read soon.
    """

    def __init__(self, house: House, nudge: Callable[[int], None]) -> None:
        super().__init__(name="order-news", daemon=True)
        self._house = house
        self._nudge = nudge
        self._rows: queue.Queue[tuple[int, BrokerOrder] | None] = queue.Queue(MOST_WAITING)

    def add(self, account_id: int, row: BrokerOrder) -> None:
        """Take a row and return at once; one too many is left to the book."""
        try:
            self._rows.put_nowait((account_id, row))
        except queue.Full:
            self._nudge(account_id)

    def end(self) -> None:
        """Ask the thread to go once it has recorded what waits."""
        try:
            self._rows.put_nowait(None)
        except queue.Full:
            log.warning("order_news_dropped", waiting=self._rows.qsize())

    def run(self) -> None:
        """Record until told to end."""
        while (item := self._rows.get()) is not None:
            account_id, row = item
            try:
                self._house.push.take(account_id, row)
            except SigmaError as error:  # the database is busy, or somebody stored the same: the book tells it again
                log.warning("order_news_not_stored", account_id=account_id, error=str(error))
            except Exception:  # not even a bug in one row may keep the others from being recorded
                log.exception("order_news_broke", account_id=account_id)
            self._nudge(account_id)
