"""Quotes from the canonical source, or from the account that would execute; cached for a moment."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import structlog

from sigma.domain.accounts import Account
from sigma.domain.errors import BrokerError, SessionExpired, StaleData
from sigma.domain.limits import CallKind
from sigma.domain.market import Quote
from sigma.domain.times import to_ist
from sigma.ports.broker import Broker
from sigma.ports.clock import Clock
from sigma.services.accounts import AccountsService
from sigma.services.connections import ATTEMPTS, Connections
from sigma.services.instruments import InstrumentsService
from sigma.services.live import LiveQuotes
from sigma.services.settings import SettingsService

log = structlog.get_logger(__name__)
MOST_CACHED = 20_000
SLOW = ("open", "close", "lower_circuit", "upper_circuit")
SLOW_NS = 600_000_000_000
"""How long what changes seldom within a day stands beside live prices before the broker is asked again."""


@dataclass(frozen=True, slots=True)
class _Cached:
    quote: Quote
    boot_ns: int


class MarketService:
    """Answers what listings trade at.

    Parameters
    ----------
    preferred_broker : str
        Broker whose first account is the canonical source while the setting ``market.source_account`` is empty.
    """

    def __init__(
        self,
        clock: Clock,
        accounts: AccountsService,
        connections: Connections,
        instruments: InstrumentsService,
        settings: SettingsService,
        live: LiveQuotes,
        *,
        preferred_broker: str = "",
    ) -> None:
        self._clock = clock
        self._accounts = accounts
        self._connections = connections
        self._instruments = instruments
        self._settings = settings
        self._live = live
        self._preferred_broker = preferred_broker
        self._cache: dict[tuple[int, str], _Cached] = {}
        self._lock = threading.Lock()

    def source(self, user_id: int) -> Account:
        """Return the user's canonical source of market data.

        Raises
        ------
        StaleData
            None is set and there is none to prefer, or the one set is gone.
        """
        source, reason, hint = self.chosen(user_id)
        if source is None:
            raise StaleData(f"Market data unavailable: {reason}.", hint=hint, code="NO_MARKET_DATA")
        return source

    def chosen(self, user_id: int) -> tuple[Account | None, str, str]:
        """Return the user's canonical source, or None with why there is none and what to do."""
        name = str(self._settings.get("market.source_account", user_id))
        everything = self._accounts.list(user_id)
        accounts = [row for row in everything if not row.simulated]
        fitting = [row for row in accounts if row.name == name] or [
            row for row in accounts if not name and row.broker == self._preferred_broker
        ]
        if fitting:
            return fitting[0], "", ""
        reason = f"account {name!r} is gone" if name else "no account is set as its source"
        if len(accounts) < len(everything) and name in {row.name for row in everything}:
            reason = f"{name} is a paper account, which has no prices of its own"
        choices = ", ".join(row.name for row in accounts) or "connect an account first"
        return None, reason, f"Choose one: `sigma settings set market.source_account NAME` ({choices})."

    def quotes(self, user_id: int, texts: Sequence[str]) -> Mapping[str, Quote]:
        """Return quotes of listings by canonical text, from the canonical source; those it has none for are absent.

        Raises
        ------
        NotFound, InvalidInput
            A text names no listing.
        StaleData
            The source is not connected or does not answer; it says why, since when, and the cure.
        """
        listings = [self._instruments.resolve(text, user_id).text for text in texts]
        source = self.source(user_id)
        try:
            return self.of(source, listings)
        except SessionExpired as error:
            raise self._unavailable(source, error) from error
        except BrokerError as error:
            told = f"Market data unavailable: {source.name} does not answer ({error.message})"
            raise StaleData(told, hint="It is asked again at the next call.", code="NO_MARKET_DATA") from error

    def last_quote(self, listing: str, account_id: int) -> Quote | None:
        """Return what an order of this account is valued at: its own broker's quote, else the canonical source's.

        None when neither gives one; the log says why.
        """
        return self.last_quotes([listing], account_id).get(listing)

    def last_quotes(self, listings: Sequence[str], account_id: int) -> Mapping[str, Quote]:
        """Return what this account's orders and positions are valued at, in the same way; those without a quote are absent."""
        account = self._connections.account(account_id)
        found: dict[str, Quote] = {}
        for own in (True, False):
            rest = [listing for listing in listings if listing not in found]
            if not rest:
                break
            try:
                found |= self.of(account if own else self.source(account.user_id), rest)
            except (BrokerError, StaleData) as error:
                log.warning("no quotes to value orders", listings=rest, account=account.name, why=error.message)
        return found

    def known(self, listing: str, account_id: int) -> Quote | None:
        """Return a quote that is at hand, with price band where that is known too, None when there is none; asks nobody.

        The account's own, else the canonical source's: the live one with what the broker told lately, else that alone.
        """
        now, account = self._clock.boot_ns(), self._connections.account(account_id)
        for source in (account, self.chosen(account.user_id)[0]):
            if source is None:
                continue
            with self._lock:
                asked = self._cache.get((source.id, listing))
            live = self._live.of(source.id, [listing]).get(listing)
            if live is not None:
                return _completed(live, asked, now) or live
            if asked is not None:
                return asked.quote
        return None

    def of(self, account: Account, listings: Sequence[str], *, attempts: int = ATTEMPTS) -> Mapping[str, Quote]:
        """Return quotes of canonical texts from one account: live ones, cached ones, and for the rest its broker is asked.

        Raises
        ------
        BrokerError
            It does not answer, after so many attempts.
        """
        fresh_ns = self._settings.seconds("market.quote_cache") * 1e9
        now = self._clock.boot_ns()
        with self._lock:
            known = {text: self._cache.get((account.id, text)) for text in dict.fromkeys(listings)}
        quotes = {text: item.quote for text, item in known.items() if item is not None and now - item.boot_ns < fresh_ns}
        for text, quote in self._live.of(account.id, list(known)).items():
            whole = _completed(quote, known[text], now)
            if whole is not None:
                quotes[text] = whole
        wanted = [text for text in known if text not in quotes]
        size = self._connections.kit(account).capabilities.quote_batch
        for start in range(0, len(wanted), size):
            batch = wanted[start : start + size]
            ask = partial(_ask, batch)
            got = self._connections.read(account.id, CallKind.QUOTES, ask, attempts=attempts)
            self._remember(account, got)
            quotes.update(got)
        return quotes

    def _remember(self, account: Account, quotes: Mapping[str, Quote]) -> None:
        now = self._clock.boot_ns()
        with self._lock:
            if len(self._cache) > MOST_CACHED:
                self._cache.clear()
            self._cache.update({(account.id, text): _Cached(quote, now) for text, quote in quotes.items()})

    def _unavailable(self, source: Account, error: SessionExpired) -> StaleData:
        session = self._connections.session(source.id)
        since = f" since {to_ist(session.expires_at):%d %b %H:%M} IST" if session else ""
        told = f"Market data unavailable{since}: the source, {source.name}, is not connected."
        return StaleData(told, hint=error.hint, code="NO_MARKET_DATA")


def _completed(live: Quote, asked: _Cached | None, now_ns: int) -> Quote | None:
    """Return a live quote with what feeds leave out (price bands) as the broker told it lately; None when it must be asked."""
    if live.lower_circuit is not None and live.bids + live.asks:
        return live
    if asked is None or now_ns - asked.boot_ns > SLOW_NS:
        return None
    slow = asked.quote
    if not live.bids + live.asks and slow.bids + slow.asks:
        return None
    kept = {name: getattr(slow, name) for name in SLOW if getattr(live, name) is None}
    return replace(live, **kept)


def _ask(listings: Sequence[str], broker: Broker) -> Mapping[str, Quote]:
    return broker.quotes(listings)
