"""One listing's lots on one account, whoever entered them: what executions, conversions and opening lists do to them.

What somebody executes leaves his own lots first, oldest first. A strategy then enters the rest in its name and never takes
another's. What no strategy executed (a person, the kill switch, a square-off) goes on to leave what strategies hold, oldest
first, before it enters anything: else a strategy would go on holding what the account does not. The round trip is that of who
entered. Where such an execution leaves nothing of a product, all that is left there (strategies against each other) ends too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import NamedTuple

from sigma.domain.ledger import Execution, LedgerPosition, Lot, Moved, Opening, RoundTrip
from sigma.domain.money import ZERO
from sigma.domain.orders import Product, Side
from sigma.domain.times import ist

_MIDNIGHT = time()
_SIGN = {side: side.sign for side in Side}


class Key(NamedTuple):
    """Whose chain: `session` is the day of an intraday product, None for what is carried."""

    account_id: int
    strategy: str
    listing: str
    product: Product
    session: date | None = None


class Shelf(NamedTuple):
    """A product of the listing; of an intraday one each session's is a shelf of its own, because the broker empties it."""

    product: Product
    session: date | None


@dataclass(frozen=True, slots=True)
class Chain:
    """What one key's events come to."""

    position: LedgerPosition
    trips: tuple[RoundTrip, ...]


Chains = Mapping[Key, Chain]


@dataclass(frozen=True, slots=True)
class Listed:
    """What a session's list says of the listing, by product: a product that it lacks was not held."""

    session: date
    lines: Mapping[Product, Opening]


Event = Execution | Moved | Listed


def shelf_of(product: Product, session: date) -> Shelf:
    """Return where units of a product are that change hands in a session."""
    return Shelf(product, session if product is Product.MIS else None)


class _Exit(NamedTuple):
    """What ends a lot."""

    price: Decimal
    at: datetime
    order_id: int | None


class Walk:
    """The way through the events of one account and listing, from the chains as they are."""

    def __init__(self, account_id: int, listing: str, chains: Chains) -> None:
        self._place = (account_id, listing)
        self._chains = chains
        self._lots = {key: deque(chain.position.lots) for key, chain in chains.items() if chain.position.lots}
        self._trips: dict[Key, list[RoundTrip]] = {}
        self._price: Decimal | None = None

    def through(self, events: Iterable[Event]) -> Chains:
        """Return the chains after the events."""
        for event in events:
            if isinstance(event, Execution):
                self._execute(event)
            elif isinstance(event, Moved):
                self._convert(event)
            else:
                self._list(event)
        return {**self._chains, **{key: self._chain(key, trips) for key, trips in self._trips.items()}}

    def _chain(self, key: Key, trips: list[RoundTrip]) -> Chain:
        was = self._chains.get(key)
        realised = sum((trip.gross for trip in trips), was.position.realised if was else ZERO)
        position = LedgerPosition(key.account_id, key.strategy, key.listing, key.product, tuple(self._lots[key]), realised)
        return Chain(position, (was.trips if was else ()) + tuple(trips))

    def _key(self, strategy: str, shelf: Shelf) -> Key:
        """Return a key whose lots are about to change."""
        key = Key(self._place[0], strategy, self._place[1], shelf.product, shelf.session)
        self._trips.setdefault(key, [])
        self._lots.setdefault(key, deque())
        return key

    def _open(self, shelf: Shelf, sign: int = 0) -> list[Key]:
        """Return the keys with lots on a shelf, of a direction when it is given: what no strategy entered, then the oldest."""
        found = [
            key
            for key, lots in self._lots.items()
            if lots and (key.product, key.session) == shelf and (not sign or (lots[0].quantity > 0) == (sign > 0))
        ]
        return sorted(found, key=self._age) if len(found) > 1 else found

    def _age(self, key: Key) -> tuple[bool, datetime, int, str]:
        first = self._lots[key][0]
        return bool(key.strategy), first.opened_at, first.order_id or 0, key.strategy

    def _execute(self, fill: Execution) -> None:
        shelf, self._price = shelf_of(fill.product, fill.session_date), fill.price
        lot = Lot(fill.quantity * _SIGN[fill.side], fill.price, fill.filled_at, fill.order_id)
        self._enter(fill.strategy, shelf, lot, _Exit(fill.price, fill.filled_at, fill.order_id))

    def _enter(self, strategy: str, shelf: Shelf, lot: Lot, ended: _Exit) -> None:
        """Let a lot leave what is there of the other direction, and put the rest with its own."""
        own, left = self._key(strategy, shelf), lot.quantity
        while left and self._lots[own] and (self._lots[own][0].quantity > 0) != (left > 0):
            left = self._leave(own, left, ended)
        while left and not strategy and (others := self._open(shelf, -left)):
            left = self._leave(others[0], left, ended)
        if left:
            self._put(own, Lot(left, lot.price, lot.opened_at, lot.order_id))
        if not strategy:
            self._even(shelf, ended)

    def _put(self, key: Key, lot: Lot) -> None:
        lots = self._lots[key]
        lots.append(lot)
        if len(lots) > 1 and lots[-2].opened_at > lot.opened_at:  # converted: it may be older than what is there
            self._lots[key] = deque(sorted(lots, key=lambda one: one.opened_at))

    def _leave(self, key: Key, left: int, ended: _Exit) -> int:
        """End as much of a key's oldest lot as `left` takes; return what remains of it."""
        self._key(key.strategy, Shelf(key.product, key.session))
        lot = self._lots[key][0]
        closed = min(abs(left), abs(lot.quantity))
        self._cut(key, closed)
        self._trips[key].append(_trip(key, lot, closed, ended))
        return left - closed if left > 0 else left + closed

    def _cut(self, key: Key, units: int) -> None:
        """Take units (unsigned) off a key's oldest lot."""
        self._key(key.strategy, Shelf(key.product, key.session))
        lots = self._lots[key]
        lot = lots[0]
        if units == abs(lot.quantity):
            lots.popleft()
        else:
            lots[0] = Lot(lot.quantity - (units if lot.quantity > 0 else -units), lot.price, lot.opened_at, lot.order_id)

    def _even(self, shelf: Shelf, ended: _Exit) -> None:
        """Where the account is flat, nobody holds anything."""
        found = self._open(shelf)
        if len(found) > 1 and not sum(self._units(key) for key in found):
            for key in found:
                while self._lots[key]:
                    self._leave(key, -self._lots[key][0].quantity, ended)

    def _units(self, key: Key) -> int:
        return sum(lot.quantity for lot in self._lots[key])

    def _convert(self, moved: Moved) -> None:
        """Move lots to the other product. What moved and is not known here is as much too little there as it is here."""
        what, sign = moved.conversion, _SIGN[moved.conversion.side]
        old, new = (shelf_of(product, moved.session_date) for product in (what.old, what.new))
        left = what.quantity
        while left and (found := self._open(old, sign)):
            key = found[0]
            lot = self._lots[key][0]
            units = min(left, abs(lot.quantity))
            self._cut(key, units)
            part = Lot(units * sign, lot.price, lot.opened_at, lot.order_id)
            self._enter(key.strategy, new, part, _Exit(lot.price, moved.moved_at, lot.order_id))
            left -= units
        if left and self._price is not None:
            self._put(self._key("", old), Lot(-left * sign, self._price, moved.moved_at))
            self._enter("", new, Lot(left * sign, self._price, moved.moved_at), _Exit(self._price, moved.moved_at, None))

    def _list(self, listed: Listed) -> None:
        carried = {key.product for key, lots in self._lots.items() if lots and key.session is None}
        for product in sorted(carried | listed.lines.keys()):
            line = listed.lines.get(product)
            self._price = line.reference_price if line else self._price
            self._reset(Shelf(product, None), line, ist(listed.session, _MIDNIGHT))

    def _reset(self, shelf: Shelf, line: Opening | None, at: datetime) -> None:
        """Let a list hold where it says something else: nothing is realised by that.

        Strategies keep what they hold as far as the account holds as much; the rest is nobody's.
        """
        held, found = line.quantity if line else 0, self._open(shelf)
        if sum(self._units(key) for key in found) == held:
            return
        claimed = sum(self._units(key) for key in found if key.strategy)
        kept = min(max(claimed, min(held, 0)), max(held, 0))
        own = self._key("", shelf)
        self._lots[own] = deque([Lot(held - kept, line.reference_price, at)] if line and held != kept else [])
        excess = claimed - kept
        while excess:
            key = next(one for one in self._open(shelf, excess) if one.strategy)
            units = min(abs(excess), abs(self._lots[key][0].quantity))
            self._cut(key, units)
            excess -= units if excess > 0 else -units


def _trip(key: Key, lot: Lot, quantity: int, ended: _Exit) -> RoundTrip:
    return RoundTrip(
        key.account_id,
        key.strategy,
        key.listing,
        key.product,
        Side.BUY if lot.quantity > 0 else Side.SELL,
        quantity,
        lot.price,
        ended.price,
        lot.opened_at,
        ended.at,
        lot.order_id,
        ended.order_id,
    )
