"""Closing positions: take back what works on their listings, offset at the market, look whether it is flat."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sigma.domain.accounts import Account
from sigma.domain.errors import BrokerError, Conflict, NotFound, SigmaError
from sigma.domain.limits import CallKind
from sigma.domain.orders import EXPOSED, Order, OrderMode, OrderStatus, Product, Source, counts_as_exposure
from sigma.domain.portfolio import Position
from sigma.engines.exits import plan_exits, sold_shares
from sigma.services.orders.amend import Amendment
from sigma.services.orders.facts import stands_still
from sigma.services.orders.gtt import want_removal
from sigma.services.orders.house import OrderHouse
from sigma.services.orders.ledger_look import last_moved
from sigma.services.orders.submit import Origin, Submission

TAG = "close"
POLL_S = 0.05
LOOK_AGAIN_S = 1.0
Key = tuple[str | None, Product | None]


@dataclass(frozen=True, slots=True)
class CloseResult:
    """What became of one position.

    Parameters
    ----------
    quantity, left : int
        Units held before and at the last look, negative when short.
    order_id : int or None
        The exit, None when there was none to send.
    done : bool
        The broker lists it flat.
    """

    listing: str
    product: str
    quantity: int
    left: int
    order_id: int | None
    done: bool
    words: str


@dataclass
class _Row:
    """A position on its way."""

    was: Position
    order_id: int | None = None
    problem: str = ""


class Closing:
    """Closes positions of an account, each by itself: what cannot be closed is told in its row and holds up no other."""

    def __init__(self, house: OrderHouse, submission: Submission, amendment: Amendment) -> None:
        self._house = house
        self._submission = submission
        self._amendment = amendment

    def close_all(self, account: str | int, *, user_id: int, source: Source, seconds: float = 60) -> Sequence[CloseResult]:
        """Close every open position of an account; shares in demat are no positions and stay.

        Waits for what it started, at the latest `seconds`; what is under way then goes on, and its row says so.

        Raises
        ------
        BrokerError
            The positions could not be read: nothing was done.
        Conflict
            No exit would go out (trading is paused, stopped, or the account frozen): nothing was done.
        """
        return self._close(account, user_id, source, seconds, None)

    def close(
        self, account: str | int, listing: str, product: Product, *, user_id: int, source: Source, seconds: float = 60
    ) -> CloseResult:
        """Close one position, as `close_all`.

        Raises
        ------
        NotFound
            The account has no such position.
        BrokerError, Conflict
            As `close_all`: nothing was done.
        """
        found = self._close(account, user_id, source, seconds, (listing, product))
        if not found:
            raise NotFound(f"There is no open position of {listing} in {product}.", hint="`sigma positions` lists them.")
        return found[0]

    def _close(self, account: str | int, user_id: int, source: Source, seconds: float, only: Key | None) -> Sequence[CloseResult]:
        house = self._house
        until_ns = house.clock.boot_ns() + int(seconds * 1e9)
        with house.store.read() as tx:
            chosen = house.account(tx, account, user_id)
            if stands := stands_still(tx, chosen):
                hint = "Nothing was taken back. The kill switch closes positions all the same."
                raise Conflict(f"Positions on {chosen.name} cannot be closed now: {stands}.", hint=hint)
        rows = {_key(one): _Row(one) for one in self._held(chosen) if only in (None, _key(one))}
        if not rows:
            return []
        whole = only is None
        self._take_back(chosen, user_id, rows, whole)
        self._wait(lambda: not self._working(chosen, rows, whole), until_ns)
        self._offset(chosen, user_id, source, rows, until_ns)
        exits = [row.order_id for row in rows.values() if row.order_id is not None]
        self._wait(lambda: all(self._order(one).status.final for one in exits), until_ns)
        return self._verified(chosen, rows, until_ns)

    def _held(self, account: Account) -> list[Position]:
        """Return what is open at the broker now."""
        read = self._house.connected.read(account.id, CallKind.POSITIONS, lambda broker: broker.positions(), attempts=1)
        return [one for one in read.rows if one.quantity and not sold_shares(one)]

    def _working(self, account: Account, rows: dict[Key, _Row], whole: bool) -> list[Order]:
        """Return the orders that may still execute on what is closed; of all products where the whole account is closed."""
        listings = {listing for listing, _ in rows}
        with self._house.store.read() as tx:
            orders = tx.orders.list(account_id=account.id, statuses=tuple(EXPOSED))
        return [
            order
            for order in orders
            if counts_as_exposure(order)
            and not order.unsettled
            and (order.listing in listings if whole else (order.listing, order.request.product) in rows)
        ]

    def _take_back(self, account: Account, user_id: int, rows: dict[Key, _Row], whole: bool) -> None:
        self._amendment.cancel_each([order.id for order in self._working(account, rows, whole)], user_id=user_id)
        listings = {listing for listing, _ in rows}
        with self._house.store.begin() as tx:
            for gtt in tx.gtts.list(account_id=account.id, resting=True):
                if gtt.order_id is None and (gtt.listing in listings if whole else (gtt.listing, gtt.product) in rows):
                    want_removal(self._house, tx, tx.gtts.get(gtt.id))

    def _offset(self, account: Account, user_id: int, source: Source, rows: Mapping[Key, _Row], until_ns: int) -> None:
        """Send one exit for each position; one that has just executed waits, for a list that lags would be closed twice."""
        house, left = self._house, dict(rows)
        pause = timedelta(seconds=house.seconds("kill.retry_after"))
        while left:
            now = house.clock.now()
            with house.store.read() as tx:  # before the positions: what executes meanwhile is not closed twice
                working = tx.orders.list(account_id=account.id, statuses=tuple(EXPOSED))
                moved = last_moved(tx, account.id, now)
            ready = {key: row for key, row in left.items() if key not in moved or moved[key] + pause <= now}
            left = {key: row for key, row in left.items() if key not in ready}
            if ready:
                self._send(account, user_id, source, ready, working)
            elif house.clock.boot_ns() >= until_ns:
                for row in left.values():
                    row.problem = "it has executed just now, and the broker's list may lag: close it again in a moment"
                return
            else:
                house.clock.wait(POLL_S)

    def _send(self, account: Account, user_id: int, source: Source, rows: Mapping[Key, _Row], working: Sequence[Order]) -> None:
        """Send one exit for each position as it is now; what still works is left its part."""
        try:
            held = [one for one in self._held(account) if _key(one) in rows]
        except BrokerError as error:
            for row in rows.values():
                row.problem = f"the positions could not be read again: {error.message}"
            return
        for request in plan_exits(held, working):
            row = rows[request.listing, request.product]
            origin = Origin(source, OrderMode.MANUAL, tags=(TAG,), reduce_only=True)
            try:
                row.order_id = self._submission.submit(request, user_id=user_id, account=account.id, origin=origin).id
            except SigmaError as error:
                row.problem = str(error)

    def _verified(self, account: Account, rows: dict[Key, _Row], until_ns: int) -> Sequence[CloseResult]:
        """Look at the positions until they are flat, or the time is over: a broker's list may lag behind its book."""
        problem, left = "", {key: row.was.quantity for key, row in rows.items()}
        while True:
            try:
                now = {_key(one): one.quantity for one in self._held(account)}
                problem, left = "", {key: now.get(key, 0) for key in rows}
            except BrokerError as error:
                problem = f"whether it is flat could not be read: {error.message}"
            hopeless = all(row.order_id is None or self._failed(row.order_id) for key, row in rows.items() if left[key])
            if not any(left.values()) or hopeless or self._house.clock.boot_ns() >= until_ns:
                return [self._result(row, left[key], problem) for key, row in rows.items()]
            self._house.clock.wait(LOOK_AGAIN_S)

    def _result(self, row: _Row, left: int, problem: str) -> CloseResult:
        done = not left and not problem
        words = "flat" if done else row.problem or problem or self._why(row)
        listing = row.was.listing or f"{row.was.exchange}:{row.was.symbol}"
        return CloseResult(listing, str(row.was.product or ""), row.was.quantity, left, row.order_id, done, words)

    def _why(self, row: _Row) -> str:
        if row.was.listing is None or row.was.product is None:
            return "it has no name here: close it at the broker"
        if row.order_id is None:
            return "other orders at work would close it; they could not be taken back in time"
        order = self._order(row.order_id)
        return f"order {order.id} is {order.status}" + (f": {why}" if (why := order.broker_reason or order.risk_note) else "")

    def _failed(self, order_id: int) -> bool:
        order = self._order(order_id)
        return order.status is OrderStatus.WAITING or (order.status.final and order.status is not OrderStatus.FILLED)

    def _order(self, order_id: int) -> Order:
        with self._house.store.read() as tx:
            return tx.orders.get(order_id)

    def _wait(self, done: Callable[[], bool], until_ns: int) -> None:
        while not done() and self._house.clock.boot_ns() < until_ns:
            self._house.clock.wait(POLL_S)


def _key(position: Position) -> Key:
    return position.listing or f"{position.exchange}:{position.symbol}", position.product
