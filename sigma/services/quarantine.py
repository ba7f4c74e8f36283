"""Rows that instrument masters leave unclear: what they are, and what a person says they are."""

from __future__ import annotations

from collections.abc import Sequence

from sigma.domain.errors import InvalidInput, NotFound
from sigma.domain.instruments import listing_text, split_listing
from sigma.domain.masters import Override, Quarantined, RowKey
from sigma.ports.clock import Clock
from sigma.ports.market_store import MarketStore
from sigma.ports.storage import Store
from sigma.services.events import EventsService
from sigma.services.owner import require_owner

_TABLE = "The instrument table"


class QuarantineService:
    """Shows what is set aside and takes a person's word. It counts with the next refresh of the source."""

    def __init__(self, store: Store, market: MarketStore, clock: Clock, events: EventsService) -> None:
        self._store = store
        self._market = market
        self._clock = clock
        self._events = events

    def table(self, source: str | None = None, *, present: bool = True) -> Sequence[Quarantined]:
        """Return the rows set aside, newest first; with `present` only those that the newest files still have."""
        return self._market.quarantine(source, present=present)

    def overrides(self, source: str | None = None) -> Sequence[Override]:
        """Return what people said rows are, newest first."""
        return self._market.overrides(source)

    def settle(self, user_id: int, key: RowKey, listing: str | None, note: str = "") -> Override:
        """Say which listing a row of a source is; None leaves the row out.

        Raises
        ------
        NotFound
            There is no such row, or no such listing.
        InvalidInput
            The listing is on another exchange than the row.
        Denied
            The user is not the owner: it counts for everybody.
        """
        with self._store.read() as tx:
            require_owner(tx, user_id, _TABLE)
            by = tx.users.get(user_id).name
        exchange, says = self._row(key)
        text = None if listing is None else self._listing(listing, exchange, says)
        override = Override(key, text, note.strip(), by, self._clock.now())
        self._market.put_override(override)
        what = "left out" if text is None else text
        self._events.record(
            "INSTRUMENT_SETTLED", f"{_words(key)} is {what} from the next refresh on.", user_id=user_id, source=key.source
        )
        return override

    def unsettle(self, user_id: int, key: RowKey) -> None:
        """Take back what was said of a row; NotFound when nothing was, Denied for others than the owner."""
        with self._store.read() as tx:
            require_owner(tx, user_id, _TABLE)
        if not self._market.drop_override(key):
            raise NotFound(f"Nobody said what {_words(key)} is.", hint="`sigma instruments overrides` lists what was said.")
        text = f"{_words(key)} is judged by the masters again from the next refresh on."
        self._events.record("INSTRUMENT_UNSETTLED", text, user_id=user_id, source=key.source)

    def _row(self, key: RowKey) -> tuple[str, str | None]:
        """Return the exchange of a row and the listing that its own words give."""
        for row in self._market.quarantine(key.source, present=False):
            if row.key == key:
                return row.exchange, row.says
        named = self._market.listing_by_token(key.source, key.exchange_code, key.token)
        if named is None or self._market.listing_by_symbol(key.source, key.exchange_code, key.symbol) != named:
            raise NotFound(f"There is no row {_words(key)}.", hint="`sigma instruments quarantine` lists what is set aside.")
        return split_listing(named)[0].value, named

    def _listing(self, listing: str, exchange: str, says: str | None) -> str:
        text = listing_text(*split_listing(listing))
        if not text.startswith(f"{exchange}:"):
            raise InvalidInput(f"The row is of {exchange}, {text} is not.", hint="A row is a listing of its own exchange.")
        if text != says and self._market.listing(text) is None:
            raise NotFound(f"There is no listing {text}.", hint="`sigma instruments find TEXT` searches.")
        return text


def _words(key: RowKey) -> str:
    return f"{key.source} {key.exchange_code}:{key.symbol} (token {key.token})"
