"""Last prices: the worker asks for what people hold and order, everybody else reads what it stored."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass

import structlog

from sigma.domain.accounts import Account
from sigma.domain.calendar import Calendar
from sigma.domain.errors import BrokerError, RateLimited, StaleData
from sigma.domain.instruments import split_listing
from sigma.domain.market import Quote
from sigma.domain.money import ZERO
from sigma.domain.orders import OrderStatus
from sigma.domain.portfolio import Holding, Position
from sigma.domain.times import ist_date
from sigma.ports.clock import Clock
from sigma.ports.market_store import MarketStore
from sigma.ports.storage import Store, Unit
from sigma.services.connections import Connections
from sigma.services.live import LiveQuotes
from sigma.services.market import MarketService
from sigma.services.portfolio import HOLDINGS, POSITIONS, rows_of

log = structlog.get_logger(__name__)
FIRST_REST_S = 4.0
LONGEST_REST_S = 60.0
LIVE_KEPT_NS = 60_000_000_000
"""How often live prices are stored: what is left of them when no feed runs."""
AT_WORK = tuple(status for status in OrderStatus if not status.final)


@dataclass(frozen=True, slots=True)
class _Rest:
    """A source that failed is left alone until `until_ns` on the boot clock."""

    failures: int
    until_ns: int


class QuotesService:
    """Keeps the last prices of all that a person would look at: holdings, positions, groups, waiting and working orders.

    Each user's come from their own canonical source. A listing is asked for while its exchange is open, and once after each
    close. A source that fails is left alone for a while, longer each time.
    """

    def __init__(
        self,
        store: Store,
        market_store: MarketStore,
        clock: Clock,
        calendar: Calendar,
        connections: Connections,
        market: MarketService,
        live: LiveQuotes,
    ) -> None:
        self._store = store
        self._market_store = market_store
        self._clock = clock
        self._calendar = calendar
        self._connections = connections
        self._market = market
        self._live = live
        self._live_kept_ns: dict[int, int] = {}
        self._closed: set[str] = set()
        self._stored: dict[str, Quote] = {}
        self._rests: dict[int, _Rest] = {}

    def stored(self, listings: Sequence[str]) -> Mapping[str, Quote]:
        """Return the last prices (price, yesterday's close, time) by canonical text, live or stored; never asks a broker."""
        return self._live.last_quotes(listings)

    def look_at(self, user_id: int, listings: Sequence[str]) -> None:
        """Say that somebody looks at listings, so that the user's source feeds them, where there is one."""
        try:
            source = self._market.source(user_id)
        except StaleData:
            return  # whoever asks for a quote is told; a page that shows stored prices need not be
        self._live.look_at(source.id, listings)

    def poll(self, *, only: str | None = None, ended: Callable[[], bool] = lambda: False) -> int:
        """Ask once for all that is due, and return how many prices were stored. For one thread of the worker.

        Parameters
        ----------
        only : str or None
            Ask no other source than the account of this name.
        ended : callable
            Asked before each call; True leaves the rest out.
        """
        known: set[str] = set()
        count = 0
        for user_id, listings in self.watched().items():
            due = [text for text in listings if text not in known and self._due(text)]
            for got in self._asked(user_id, due, only, ended):
                known.update(got)
                count += self._keep(got)
        return count

    def watched(self) -> Mapping[int, Sequence[str]]:
        """Return for each user what they hold, have open, order or group, each listing once, in a stable order."""
        with self._store.read() as tx:
            users: dict[int, list[Account]] = {}
            for account in tx.accounts.list():
                users.setdefault(account.user_id, []).append(account)
            return {user_id: _looked_at(tx, user_id, accounts) for user_id, accounts in users.items()}

    def _due(self, listing: str) -> bool:
        """Say whether a price may move; of an exchange whose hours are not known it always may."""
        exchange, _ = split_listing(listing)
        now = self._clock.now()
        if not self._calendar.knows(exchange, ist_date(now)) or self._calendar.is_open(exchange, now):
            self._closed.discard(listing)
            return True
        return listing not in self._closed

    def _asked(
        self, user_id: int, due: Sequence[str], only: str | None, ended: Callable[[], bool]
    ) -> Iterator[Mapping[str, Quote]]:
        """Give what the user's source answers, call by call."""
        rest = self._rests.get(user_id)
        if not due or (rest is not None and self._clock.boot_ns() < rest.until_ns):
            return
        try:
            source = self._market.source(user_id)
            if only not in (None, source.name):
                return
            due = yield from self._without_live(source, due)
            can = self._connections.kit(source).capabilities
            for start in range(0, len(due), can.quote_batch):
                if ended():
                    return
                batch = due[start : start + can.quote_batch]
                yield self._market.of(source, batch, attempts=1)
                self._note_closed(batch)
        except (BrokerError, StaleData) as error:
            self._rest(user_id, error)
        else:
            if self._rests.pop(user_id, None) is not None:
                log.info("prices_again", source=source.name)

    def _without_live(self, source: Account, due: Sequence[str]) -> Generator[Mapping[str, Quote], None, Sequence[str]]:
        """Return what the source's feed does not keep fresh; give what it does once a minute, to be stored."""
        live = self._live.of(source.id, due)
        now = self._clock.boot_ns()
        if live and now - self._live_kept_ns.get(source.id, now - LIVE_KEPT_NS) >= LIVE_KEPT_NS:
            self._live_kept_ns[source.id] = now
            yield live
        return [text for text in due if text not in live]

    def _note_closed(self, listings: Sequence[str]) -> None:
        """Remember which were asked for after their exchange's close."""
        now = self._clock.now()
        for text in listings:
            exchange, _ = split_listing(text)
            if self._calendar.knows(exchange, ist_date(now)) and not self._calendar.is_open(exchange, now):
                self._closed.add(text)

    def _rest(self, user_id: int, error: BrokerError | StaleData) -> None:
        before = self._rests.get(user_id)
        failures = 1 if before is None else before.failures + 1
        seconds = min(FIRST_REST_S * 2.0 ** min(failures - 1, 8), LONGEST_REST_S)
        if isinstance(error, RateLimited):
            seconds = max(seconds, error.retry_after or 0.0)
        self._rests[user_id] = _Rest(failures, self._clock.boot_ns() + int(seconds * 1e9))
        tell = log.warning if before is None else log.debug
        tell("no_prices", user_id=user_id, again_in_s=seconds, error=str(error))

    def _keep(self, quotes: Mapping[str, Quote]) -> int:
        """Store the prices that this process has not stored yet; a price of 0 says that nothing traded."""
        plain = [Quote(each.listing, each.last_price, each.at, close=each.close) for each in quotes.values()]
        new = [quote for quote in plain if quote.last_price > ZERO and self._stored.get(quote.listing) != quote]
        if new:
            self._market_store.put_quotes(new)
            self._stored.update({quote.listing: quote for quote in new})
        return len(new)


def _looked_at(tx: Unit, user_id: int, accounts: Sequence[Account]) -> Sequence[str]:
    """Return what a person's pages show prices of, each once, in a stable order."""
    seen = {*tx.orders.listings(user_id=user_id, statuses=AT_WORK), *tx.groups.listings(user_id)}
    for account in accounts:
        held: Sequence[Holding] = rows_of(HOLDINGS, tx.journal.snapshot(account.id, HOLDINGS.name))
        open_now: Sequence[Position] = rows_of(POSITIONS, tx.journal.snapshot(account.id, POSITIONS.name))
        seen |= {row.listing for row in held if row.listing and row.total}
        seen |= {row.listing for row in open_now if row.listing and row.quantity}
    return sorted(seen)
