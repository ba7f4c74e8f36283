"""One account's executions as FIFO books, kept between questions and built anew only when what is stored says so."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal

from sigma.domain.charges import Charges
from sigma.domain.ledger import Execution, Lot, Opening
from sigma.domain.times import ist
from sigma.engines.fifo import Book, begun_anew, extend, merged, replay
from sigma.engines.lots import Key
from sigma.ports.storage import Unit

OVERLAP = 64
"""How many fill ids are looked at again: on PostgreSQL an id can become visible after a later one. Older ones the mark shows."""
MIDNIGHT = time()


@dataclass(frozen=True, slots=True)
class Fees:
    """Estimated charges of a session's orders, and the listings of which they are not known."""

    charges: Charges
    unknown: tuple[str, ...]


@dataclass(slots=True)
class Counted:
    """What was worked out of one state of the books, by strategy (None: the whole account)."""

    fees: dict[str | None, Fees] = field(default_factory=dict)
    curve: dict[str | None, tuple[Decimal, Decimal]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AccountBooks:
    """The books of one account at one state of its fills and openings.

    Parameters
    ----------
    mark : tuple of int
        What `LedgerRows.fill_mark` said.
    earlier : frozenset of int
        Ids of the fills before the session. Conversions are taken in when the books are built; another one has them built anew.
    executions : mapping
        The session's, by fill id.
    own, whole : Book
        Since the first opening or execution known: by strategy, and as the broker sees it.
    own_today, whole_today : Book
        Since the session began: lots carried into it count at its reference price.
    """

    session: date
    mark: tuple[int, ...]
    openings: Mapping[date, Sequence[Opening]]
    earlier: frozenset[int]
    executions: Mapping[int, Execution]
    own: Book
    whole: Book
    own_today: Book
    whole_today: Book
    counted: Counted = field(default_factory=Counted, compare=False)

    def of(self, strategy: str | None) -> Book:
        """Return the book since the beginning: the whole account's, or the one that strategies have chains of their own in."""
        return self.whole if strategy is None else self.own

    def today(self, strategy: str | None) -> Book:
        """Return the book since the session began, as `of`."""
        return self.whole_today if strategy is None else self.own_today

    def todays(self, strategy: str | None) -> Sequence[Execution]:
        """Return the session's executions, of a strategy when it is given."""
        return [one for one in self.executions.values() if strategy in (None, one.strategy)]


class LedgerCache:
    """The books of accounts. Safe to share between threads: what is kept is never changed, only replaced."""

    def __init__(self) -> None:
        self._known: dict[int, AccountBooks] = {}

    def books(self, tx: Unit, account_id: int, session: date) -> AccountBooks:
        """Return an account's books as this transaction sees its fills."""
        mark = tx.ledger.fill_mark(account_id, ist(session, MIDNIGHT))
        known = self._known.get(account_id)
        if known is not None and known.session == session:
            fresh = known.openings.keys() >= {session} or not tx.ledger.all_openings(account_id, after=_last(known.openings))
            if fresh and known.mark == mark:
                return known
            longer = _longer(tx, account_id, known, mark) if fresh else None
            if longer is not None:
                self._known[account_id] = longer
                return longer
        built = _built(tx, account_id, session, mark)
        self._known[account_id] = built
        return built


def _last(openings: Mapping[date, Sequence[Opening]]) -> date | None:
    return max(openings, default=None)


def _built(tx: Unit, account_id: int, session: date, mark: tuple[int, ...]) -> AccountBooks:
    """Return the books from all that is stored."""
    openings = {day: found for day, found in tx.ledger.all_openings(account_id).items() if day <= session}
    first = min(openings, default=None)
    every = tx.ledger.executions(account_id=account_id)
    moved = tx.ledger.conversions(account_id)
    # What was executed before the first list is in that list.
    whole = [one for one in every if first is None or one.session_date >= first]
    earlier = [one for one in every if one.session_date < session]
    todays = [one for one in every if one.session_date >= session]
    moved_before = [one for one in moved if one.session_date < session]
    moved_today = [one for one in moved if one.session_date >= session]
    own_base = replay([*earlier, *moved_before], openings)
    whole_base = replay(
        [
            *merged(one for one in whole if one.session_date < session),
            *(one for one in moved_before if first is None or one.session_date >= first),
        ],
        openings,
    )
    prices = {(one.listing, one.product): one.reference_price for one in openings.get(session, ())}
    anywhere = {one.listing: one.reference_price for one in openings.get(session, ())}

    def reference(key: Key, lot: Lot) -> Decimal:
        return prices.get((key.listing, key.product)) or anywhere.get(key.listing) or lot.price

    return AccountBooks(
        session,
        mark,
        openings,
        frozenset(one.fill_id for one in earlier),
        {one.fill_id: one for one in todays},
        extend(own_base, [*todays, *moved_today]),
        extend(whole_base, [*merged(todays), *moved_today]),
        extend(begun_anew(own_base, session, reference), [*todays, *moved_today]),
        extend(begun_anew(whole_base, session, reference), [*merged(todays), *moved_today]),
    )


def _longer(tx: Unit, account_id: int, known: AccountBooks, mark: tuple[int, ...]) -> AccountBooks | None:
    """Return the books with what was stored since; None when that does not explain the mark, and all must be read."""
    floor = max(0, known.mark[0] - OVERLAP)
    found = {one.fill_id: one for one in tx.ledger.executions(account_id=account_id, after=floor)}
    kept = {fill_id: one for fill_id, one in known.executions.items() if fill_id > floor}
    new = [one for fill_id, one in found.items() if fill_id not in kept and fill_id not in known.earlier]
    if any(found.get(fill_id) != one for fill_id, one in kept.items()) or any(one.session_date < known.session for one in new):
        return None
    executions = {**known.executions, **{one.fill_id: one for one in new}}
    if _mark(known, executions.values()) != mark:
        return None
    blank = merged(new)
    return AccountBooks(
        known.session,
        mark,
        known.openings,
        known.earlier,
        executions,
        extend(known.own, new),
        extend(known.whole, blank),
        extend(known.own_today, new),
        extend(known.whole_today, blank),
    )


def _mark(known: AccountBooks, executions: Collection[Execution]) -> tuple[int, ...]:
    """Return what the store's mark must be if these are the session's executions."""
    newest = max((one.fill_id for one in executions), default=known.mark[0])
    return (
        max(newest, known.mark[0]),
        known.mark[1],
        len(executions),
        sum(one.quantity for one in executions),
        sum(one.order_id for one in executions),
    )
