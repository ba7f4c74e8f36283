"""First in, first out: positions and round trips from openings, executions and conversions alone, in whatever order these
became known.

They count by the time at which they happened, then by our number of them. Each (account, strategy, listing, product) is a
chain of its own; an intraday product (MIS) has one for each session, because the broker closes what is left of it. What one
event does to several chains of its account and listing says `sigma.engines.lots`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from heapq import merge
from operator import attrgetter
from types import MappingProxyType

from sigma.domain.ledger import Execution, LedgerPosition, Lot, Moved, Opening, RoundTrip
from sigma.domain.money import ZERO
from sigma.domain.orders import Product
from sigma.engines.lots import Chain, Chains, Event, Key, Listed, Walk

Place = tuple[int, str]
"""Account and listing."""
Openings = Mapping[date, Sequence[Opening]]
"""Whole lists of what an account held when sessions began."""
Happened = Execution | Moved
_NOTHING: Chains = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Pool:
    """The chains of one account and listing: `events` oldest first, and what they came to from `base` on."""

    events: tuple[Happened, ...]
    chains: Chains
    base: Chains = field(default_factory=dict)


@dataclass(frozen=True)
class Book:
    """Positions and round trips.

    Parameters
    ----------
    pools : mapping
        By account and listing.
    openings : mapping
        What the account held when sessions began. Where a session's list differs from what a product comes to (a corporate
        action, an execution nobody told us), the list holds from that session on.
    """

    pools: Mapping[Place, Pool]
    openings: Openings = field(default_factory=dict)

    @cached_property
    def chains(self) -> Chains:
        """All chains by key; those that are flat too."""
        return {key: chain for pool in self.pools.values() for key, chain in pool.chains.items()}

    def positions(self, session: date) -> Mapping[Key, LedgerPosition]:
        """Return what is open in `session`: units of an intraday product of another one are gone."""
        return {
            key: chain.position
            for key, chain in self.chains.items()
            if chain.position.lots and (key.session is None or key.session == session)
        }

    def trips(self) -> Sequence[RoundTrip]:
        """Return the round trips, those that ended first before."""
        return list(merge(*(chain.trips for chain in self.chains.values()), key=attrgetter("closed_at")))


def key_of(execution: Execution) -> Key:
    """Return the chain in which an execution enters what it does not leave."""
    session = execution.session_date if execution.product is Product.MIS else None
    return Key(execution.account_id, execution.strategy, execution.listing, execution.product, session)


def replay(events: Iterable[Happened], openings: Openings | None = None) -> Book:
    """Return the book of executions and conversions; one given twice counts once.

    Parameters
    ----------
    openings : mapping, optional
        What the one account held when sessions began.
    """
    return extend(Book({}, openings or {}), events, places=_opened(openings or {}))


def extend(book: Book, events: Iterable[Happened], *, places: Iterable[Place] = ()) -> Book:
    """Return `book` with more events: the same as if all had been replayed at once.

    A pool goes on where it ended; an event older than its newest one, and a conversion, have it built anew. `places` are
    built anyway.
    """
    added: dict[Place, list[Happened]] = {place: [] for place in places}
    for event in events:
        added.setdefault(_place(event), []).append(event)
    pools, lists = dict(book.pools), _Lists(book.openings)
    for place, found in added.items():
        pools[place] = _longer(place, pools.get(place), found, lists.of(place))
    return Book(pools, book.openings)


def merged(executions: Iterable[Execution]) -> list[Execution]:
    """Return executions as the broker sees them: of nobody's strategy."""
    return [execution if not execution.strategy else replace(execution, strategy="") for execution in executions]


def units(positions: Mapping[Key, LedgerPosition]) -> Mapping[tuple[str, Product], int]:
    """Return signed units by listing and product."""
    held: defaultdict[tuple[str, Product], int] = defaultdict(int)
    for key, position in positions.items():
        held[key.listing, key.product] += position.quantity
    return {key: quantity for key, quantity in held.items() if quantity}


def high_water(trips: Iterable[RoundTrip]) -> tuple[Decimal, Decimal]:
    """Return the rupees that round trips came to, before charges, and the most they ever came to (0 at the beginning)."""
    total = high = ZERO
    for trip in trips:
        total += trip.gross
        high = max(high, total)
    return total, high


def begun_anew(book: Book, session: date, price: Callable[[Key, Lot], Decimal]) -> Book:
    """Return what `book` comes to when `session` begins: units still held, each lot at `price` (rupees), nothing realised."""
    found: defaultdict[Place, dict[Key, Chain]] = defaultdict(dict)
    for key, held in book.positions(session).items():
        lots = tuple(replace(lot, price=price(key, lot)) for lot in held.lots)
        found[key.account_id, key.listing][key] = Chain(replace(held, lots=lots, realised=ZERO), ())
    return Book({place: Pool((), chains, chains) for place, chains in found.items()})


def _place(event: Happened) -> Place:
    return event.account_id, event.listing if isinstance(event, Execution) else event.conversion.listing


def _happened(event: Happened) -> tuple[datetime, int, int]:
    """Return when an event counts; it names it too."""
    return (event.filled_at, 0, event.fill_id) if isinstance(event, Execution) else (event.moved_at, 1, event.command_id)


def _longer(place: Place, pool: Pool | None, found: Sequence[Happened], lists: Mapping[date, Listed]) -> Pool:
    new = sorted({_happened(one)[1:]: one for one in found}.values(), key=_happened)
    if pool is not None and pool.events and new and _happened(new[0]) <= _happened(pool.events[-1]):
        known = {_happened(event)[1:] for event in pool.events}
        new = [one for one in new if _happened(one)[1:] not in known]
    if pool is not None and not new:
        return pool
    if pool is None or _late(pool, new[0], lists) or any(isinstance(one, Moved) for one in new):
        every = sorted((*pool.events, *new) if pool else new, key=_happened)
        base = pool.base if pool else _NOTHING
        return Pool(tuple(every), Walk(*place, base).through(_in_turn(every, lists)), base)
    return Pool((*pool.events, *new), Walk(*place, pool.chains).through(new), pool.base)


def _late(pool: Pool, first: Happened, lists: Mapping[date, Listed]) -> bool:
    """Say whether an event happened before something that the pool has taken in."""
    newest = pool.events[-1] if pool.events else None
    return (newest is not None and _happened(first) < _happened(newest)) or (bool(lists) and first.session_date < max(lists))


def _in_turn(events: Sequence[Happened], lists: Mapping[date, Listed]) -> Iterator[Event]:
    """Give the events, each session's list before that session's first one."""
    waiting = [lists[session] for session in sorted(lists, reverse=True)]
    for event in events:
        while waiting and waiting[-1].session <= event.session_date:
            yield waiting.pop()
        yield event
    yield from reversed(waiting)


def _opened(openings: Openings) -> set[Place]:
    return {(one.account_id, one.listing) for found in openings.values() for one in found if one.product is not Product.MIS}


class _Lists:
    """What all sessions' lists say of a place: one that lacks it says that nothing of it was held."""

    def __init__(self, openings: Openings) -> None:
        self._sessions = tuple(openings)
        self._lines: defaultdict[Place, defaultdict[date, dict[Product, Opening]]] = defaultdict(lambda: defaultdict(dict))
        for session, found in openings.items():
            for one in found:
                if one.product is not Product.MIS:  # no session begins with one
                    self._lines[one.account_id, one.listing][session][one.product] = one

    def of(self, place: Place) -> Mapping[date, Listed]:
        """Return a place's lists by session."""
        lines: Mapping[date, Mapping[Product, Opening]] = self._lines.get(place, {})
        return {session: Listed(session, lines.get(session, {})) for session in self._sessions}
