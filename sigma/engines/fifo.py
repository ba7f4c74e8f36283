"""First in, first out: positions and round trips from openings and executions alone, whatever order these became known in.

Executions count by the time at which they happened, then by our number of them. Each (account, strategy, listing, product)
is a chain of its own; an intraday product (MIS) has one for each session, because the broker closes what is left of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, time
from decimal import Decimal
from heapq import merge
from operator import attrgetter
from typing import NamedTuple

from sigma.domain.ledger import Execution, LedgerPosition, Lot, Opening, RoundTrip
from sigma.domain.money import ZERO
from sigma.domain.orders import Product, Side
from sigma.domain.times import ist

_MIDNIGHT = time()
_happened = attrgetter("filled_at", "fill_id")
_SIGN = {side: side.sign for side in Side}


class Key(NamedTuple):
    """Whose chain: `session` is the day of an intraday product, None for what is carried."""

    account_id: int
    strategy: str
    listing: str
    product: Product
    session: date | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """One key's executions, oldest first, and what they come to."""

    executions: tuple[Execution, ...]
    position: LedgerPosition
    trips: tuple[RoundTrip, ...]


Openings = Mapping[date, Sequence[Opening]]
"""Whole lists of what an account held when sessions began."""


@dataclass(frozen=True, slots=True)
class Book:
    """Positions and round trips.

    Parameters
    ----------
    chains : mapping
        By key; those that are flat too.
    openings : mapping
        What the account held when sessions began, for the chains without a strategy. Where a session's list differs from
        what such a chain comes to (a corporate action, an execution nobody told us), the list holds from that session on.
    """

    chains: Mapping[Key, Chain]
    openings: Openings = field(default_factory=dict)

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
    """Return the chain that an execution is part of."""
    session = execution.session_date if execution.product is Product.MIS else None
    return Key(execution.account_id, execution.strategy, execution.listing, execution.product, session)


def replay(executions: Iterable[Execution], openings: Openings | None = None) -> Book:
    """Return the book of executions; one given twice counts once.

    Parameters
    ----------
    openings : mapping, optional
        What the one account held when sessions began. A broker knows no strategies: give `merged` executions, or `unclaimed`
        openings.
    """
    return extend(Book({}, openings or {}), executions, keys=_opened(openings or {}))


def extend(book: Book, executions: Iterable[Execution], *, keys: Iterable[Key] = ()) -> Book:
    """Return `book` with more executions: the same as if all had been replayed at once.

    A chain goes on where it ended; an execution older than its newest one has it built anew. `keys` are built anyway.
    """
    added: dict[Key, list[Execution]] = {key: [] for key in keys}
    for execution in executions:
        added.setdefault(key_of(execution), []).append(execution)
    chains = dict(book.chains)
    marks = _Marks(book.openings)
    for key, found in added.items():
        chains[key] = _longer(key, chains.get(key), found, marks.of(key))
    return Book(chains, book.openings)


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
    return Book(
        {
            key: Chain((), replace(held, lots=tuple(replace(lot, price=price(key, lot)) for lot in held.lots), realised=ZERO), ())
            for key, held in book.positions(session).items()
        }
    )


def unclaimed(openings: Openings, executions: Iterable[Execution]) -> Openings:
    """Return what of `openings` belongs to no strategy: all of it, less what each strategy's own executions come to.

    Added up over strategies and the rest, positions are then those of the account, also where a person closed by hand what
    a strategy had opened.
    """
    found: defaultdict[tuple[int, str, Product], list[Execution]] = defaultdict(list)
    for one in executions:
        if one.strategy and one.product is not Product.MIS:
            found[one.account_id, one.listing, one.product].append(one)
    return {session: _less(session, lines, found) for session, lines in openings.items()}


def _less(
    session: date, lines: Sequence[Opening], found: Mapping[tuple[int, str, Product], Sequence[Execution]]
) -> Sequence[Opening]:
    left = {(one.account_id, one.listing, one.product): one for one in lines}
    for key, executions in found.items():
        before = [one for one in executions if one.session_date < session]
        claimed = sum(one.quantity * _SIGN[one.side] for one in before)
        if not claimed:
            continue
        line = left.get(key)
        if line is None:
            price = before[-1].price
            line = Opening(key[0], session, key[1], key[2], 0, price, price, ist(session, _MIDNIGHT))
        left[key] = replace(line, quantity=line.quantity - claimed)
    return [one for one in left.values() if one.quantity]


def _longer(key: Key, chain: Chain | None, found: Sequence[Execution], marks: Mapping[date, Opening | None]) -> Chain:
    known = {execution.fill_id for execution in chain.executions} if chain else set()
    new = sorted({one.fill_id: one for one in found if one.fill_id not in known}.values(), key=_happened)
    if chain is not None and not new:
        return chain
    if chain is None or _late(chain, new[0], marks):
        every = sorted((*chain.executions, *new) if chain else new, key=_happened)
        return Chain(tuple(every), *_Walk(key, [], ZERO).through(_events(every, marks)))
    walk = _Walk(key, list(chain.position.lots), chain.position.realised)
    position, trips = walk.through(new)
    return Chain((*chain.executions, *new), position, chain.trips + trips)


def _late(chain: Chain, first: Execution, marks: Mapping[date, Opening | None]) -> bool:
    """Say whether an execution happened before something that the chain has taken in."""
    newest = chain.executions[-1] if chain.executions else None
    return (newest is not None and _happened(first) < _happened(newest)) or (bool(marks) and first.session_date < max(marks))


@dataclass(frozen=True, slots=True)
class _Mark:
    """A key's line of a session's list; None: it is not on the list, so nothing was held."""

    session: date
    opening: Opening | None


def _events(executions: Sequence[Execution], marks: Mapping[date, Opening | None]) -> Iterator[Execution | _Mark]:
    """Give a key's executions, each session's line before that session's first one."""
    waiting = [_Mark(session, marks[session]) for session in sorted(marks, reverse=True)]
    for execution in executions:
        while waiting and waiting[-1].session <= execution.session_date:
            yield waiting.pop()
        yield execution
    yield from reversed(waiting)


def _opened(openings: Openings) -> set[Key]:
    return {
        Key(one.account_id, "", one.listing, one.product)
        for found in openings.values()
        for one in found
        if one.product is not Product.MIS
    }


class _Marks:
    """By key the lines of all sessions' lists: a list that lacks a key says that nothing of it was held."""

    def __init__(self, openings: Openings) -> None:
        self._sessions = tuple(openings)
        self._lines: defaultdict[Key, dict[date, Opening]] = defaultdict(dict)
        for session, found in openings.items():
            for one in found:
                self._lines[Key(one.account_id, "", one.listing, one.product)][session] = one

    def of(self, key: Key) -> Mapping[date, Opening | None]:
        """Return a key's lines by session; none of a strategy's, and of an intraday product, which no session begins with."""
        if not self._sessions or key.strategy or key.session is not None:
            return {}
        lines = self._lines.get(key, {})
        return {session: lines.get(session) for session in self._sessions}


class _Walk:
    """One key's way through its events: lots that are open, oldest first, and the round trips that ended."""

    def __init__(self, key: Key, lots: list[Lot], realised: Decimal) -> None:
        self._key = key
        self._lots = lots
        self._first = 0  # lots before this one are closed: taking from the front of a list would move all others
        self._realised = realised
        self._trips: list[RoundTrip] = []

    def through(self, events: Iterable[Execution | _Mark]) -> tuple[LedgerPosition, tuple[RoundTrip, ...]]:
        """Return what is open after the events, and the round trips that ended on the way."""
        for event in events:
            if isinstance(event, _Mark):
                self._reset(event)
            else:
                self._execute(event)
        key = self._key
        lots = tuple(self._lots[self._first :])
        position = LedgerPosition(key.account_id, key.strategy, key.listing, key.product, lots, self._realised)
        return position, tuple(self._trips)

    def _reset(self, mark: _Mark) -> None:
        opening = mark.opening
        held = 0 if opening is None else opening.quantity
        if sum(lot.quantity for lot in self._lots[self._first :]) == held:
            return
        self._first = 0
        self._lots = []
        if opening is not None and held:
            self._lots.append(Lot(held, opening.reference_price, ist(mark.session, _MIDNIGHT)))

    def _execute(self, fill: Execution) -> None:
        left = fill.quantity * _SIGN[fill.side]
        lots = self._lots
        while left and self._first < len(lots) and (lots[self._first].quantity > 0) != (left > 0):
            lot = lots[self._first]
            closed = min(abs(left), abs(lot.quantity))
            self._close(lot, closed, fill)
            step = closed if left > 0 else -closed
            left -= step
            if closed == abs(lot.quantity):
                self._first += 1
            else:
                lots[self._first] = Lot(lot.quantity + step, lot.price, lot.opened_at, lot.order_id)
        if left:
            lots.append(Lot(left, fill.price, fill.filled_at, fill.order_id))

    def _close(self, lot: Lot, quantity: int, fill: Execution) -> None:
        key, long = self._key, lot.quantity > 0
        self._trips.append(
            RoundTrip(
                key.account_id,
                key.strategy,
                key.listing,
                key.product,
                Side.BUY if long else Side.SELL,
                quantity,
                lot.price,
                fill.price,
                lot.opened_at,
                fill.filled_at,
                lot.order_id,
                fill.order_id,
            )
        )
        gain = fill.price - lot.price if long else lot.price - fill.price
        self._realised += gain * quantity
