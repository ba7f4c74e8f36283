"""The exits of a kill run: from positions read just now, reduce-only, a bounded number of times for each position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sigma.domain.errors import Conflict, InvalidOrder, NotFound, Unsupported
from sigma.domain.instruments import Listing
from sigma.domain.kill import KillRun, KillVerdict
from sigma.domain.limits import CallKind
from sigma.domain.orders import EXPOSED, Order, OrderMode, OrderRequest, OrderStatus, Product, Source
from sigma.domain.portfolio import Position
from sigma.engines.exits import plan_exits, sold_shares
from sigma.engines.slicing import most_at_once
from sigma.ports.storage import Unit
from sigma.services.ledger import LedgerService
from sigma.services.orders.amend import Amendment
from sigma.services.orders.approve import Approval
from sigma.services.orders.house import OrderHouse
from sigma.services.orders.ledger_look import last_moved
from sigma.services.orders.slices import pieces_of
from sigma.services.orders.submit import Origin, new_order

Key = tuple[str | None, Product | None]
SQUARE_OFF = "square-off"
"""The tag of a square-off's exits."""


@dataclass(frozen=True, slots=True)
class Look:
    """What an account holds within a run's scope, read just now.

    Parameters
    ----------
    open : sequence of Position
        Positions that are not flat. Shares in demat are no positions: they stay, and so does what the day's sale of them left
        in the list of positions (delivery below zero).
    bad : sequence of str
        What the broker lists and cannot be read here.
    working : sequence of Order
        The account's orders that could still execute before the positions were read.
    moved_at : mapping by (listing, product)
        When an order of today last changed with units executed (UTC): a broker's positions may lag behind its book.
    """

    open: Sequence[Position]
    bad: Sequence[str]
    working: Sequence[Order]
    moved_at: Mapping[Key, datetime]


@dataclass(frozen=True, slots=True)
class Sent:
    """What one round of exits came to: the run as it stands, what a person should know, and whether more is to come."""

    run: KillRun
    problems: tuple[str, ...]
    more: bool


class Exits:
    """Sends the exits of runs through the gate, as every other order goes."""

    def __init__(self, house: OrderHouse, approval: Approval, amendment: Amendment, ledger: LedgerService) -> None:
        self._house = house
        self._approval = approval
        self._amendment = amendment
        self._ledger = ledger

    def look(self, run: KillRun) -> Look:
        """Read what is held; the orders at work are taken before it, so that what executes meanwhile is not closed twice.

        Raises
        ------
        BrokerError
            The positions could not be read.
        """
        house = self._house
        with house.store.read() as tx:
            working = tx.orders.list(account_id=run.account_id, statuses=sorted(EXPOSED))
            moved = last_moved(tx, run.account_id, house.clock.now())
        read = house.connected.read(run.account_id, CallKind.POSITIONS, lambda broker: broker.positions(), attempts=1)
        open_now = [one for one in self._scoped(run, read.rows) if one.quantity]
        unnamed = [f"{one.exchange} {one.symbol}" for one in open_now if one.listing is None or one.product is None]
        bad = [
            *(f"a row of the positions cannot be read: {row}" for row in read.bad),
            *(f"{one} has no name here" for one in unnamed),
        ]
        return Look(open_now, bad, working, moved)

    def _scoped(self, run: KillRun, rows: Sequence[Position]) -> list[Position]:
        """Return what a run is about: of a strategy what its own fills hold, never more than there is."""
        rows = [row for row in rows if run.product in (None, row.product) and not sold_shares(row)]
        if not run.strategy:
            return rows
        with self._house.store.read() as tx:
            held = self._ledger.strategy_positions(tx, run.user_id, run.strategy)
        mine: dict[Key, int] = {(key[1], key[2]): units for key, units in held.items() if key[0] == run.account_id}
        return [replace(row, quantity=_shared(row.quantity, mine.get((row.listing, row.product), 0))) for row in rows]

    def send(self, run: KillRun, look: Look) -> Sent:
        """Send what may be sent now.

        Raises
        ------
        BrokerError
            The broker could not be asked what the gate must know.
        Conflict
            Somebody else advanced or ended the run.
        """
        with self._house.store.read() as tx:
            frozen = tx.accounts.get(run.account_id).frozen_reason
            mine = self._mine(tx, run)
        if frozen:
            return Sent(run, (f"the account is frozen ({frozen}): no exit can be sent",), False)
        self._clear(mine)
        problems: list[str] = []
        more = any(order.status.exposed for order in mine)  # of a cut one this is the whole, which stands for its slices
        for request in plan_exits(look.open, look.working):
            failed = [order for order in mine if _key(order) == (request.listing, request.product) and _failed(order)]
            if len(failed) >= self._attempts():
                problems.append(f"{_words(request)} was refused {len(failed)} times: {_why(failed[-1])}")
            elif not self._may_go(request, failed, look):
                more = True
            else:
                run, problem = self._submit(run, request)
                more = more or not problem.startswith(_impossible(request.listing, request.product))
                problems += [problem] if problem else []
        return Sent(run, tuple(problems), more)

    def given_up(self, tx: Unit, run: KillRun, position: Position) -> bool:
        """Say whether nothing more can be sent for a position."""
        failed = [one for one in self._mine(tx, run) if _key(one) == (position.listing, position.product) and _failed(one)]
        hopeless = position.listing is None or position.product is None or bool(tx.accounts.get(run.account_id).frozen_reason)
        impossible = any(note.startswith(_impossible(position.listing, position.product)) for note in run.notes)
        return hopeless or impossible or len(failed) >= self._attempts()

    def _mine(self, tx: Unit, run: KillRun) -> list[Order]:
        """Return the run's exits, oldest first; of one that was cut the whole."""
        orders = tx.orders.list(account_id=run.account_id, since=run.started_at, text=run.tag, newest_first=False)
        return [order for order in orders if run.tag in order.tags and order.source is Source.KILL and not order.slice_no]

    def _clear(self, mine: Sequence[Order]) -> None:
        """Take exits that came back to the queue out of it, slices too: the next ones are for what is held by then."""
        with self._house.store.read() as tx:
            parts = [piece for order in mine for piece in (pieces_of(tx, order) if order.slices else (order,))]
        back = [order for order in parts if order.status is OrderStatus.WAITING]
        if not back:
            return
        with self._house.store.begin() as tx:
            for order in back:
                self._amendment.withdraw(tx, tx.orders.get(order.id))

    def _may_go(self, request: OrderRequest, failed: Sequence[Order], look: Look) -> bool:
        """Say whether the last exit, and the last execution, of a position lie far enough back."""
        pause = self._house.seconds("kill.retry_after")
        ended = [order.final_at or order.updated_at for order in failed]
        waits = [max(ended) + timedelta(seconds=pause * 2.0 ** (len(failed) - 1))] if ended else []
        moved = look.moved_at.get((request.listing, request.product))
        waits += [moved + timedelta(seconds=pause)] if moved else []
        return all(self._house.clock.now() >= wait for wait in waits)

    def _submit(self, run: KillRun, request: OrderRequest) -> tuple[KillRun, str]:
        """Store one exit and send it through the gate; return the run, and what went wrong (empty when nothing did)."""
        house = self._house
        tags = (run.tag,) if run.product is None else (run.tag, SQUARE_OFF)
        origin = Origin(Source.KILL, OrderMode.AUTO, run.strategy, tags=tags, reduce_only=True)
        with house.store.read() as tx:
            account = tx.accounts.get(run.account_id)
        try:
            listing = house.listings.get(request.listing)
            request = _in_one_go(request, listing)
            order = new_order(house.clock.now(), run.user_id, request, listing, origin)
            order, facts = self._approval.prepare(replace(order, account_id=account.id), account)
        except (InvalidOrder, NotFound, Unsupported) as error:
            return run, f"{_impossible(request.listing, request.product)}: {error.message}"
        with house.store.begin() as tx:
            tx.users.lock(run.user_id)
            run = tx.kill_runs.save(replace(current(tx, run), updated_at=house.clock.now()))
            stored = house.add(tx, order, "SUBMITTED", f"exit of kill run {run.id} on {account.name}")
            sent = self._approval.admit(tx, stored, tx.accounts.get(account.id), facts)
        return run, f"{_words(request)} was refused here: {sent.risk_note}" if sent.status is OrderStatus.REJECTED_RISK else ""

    def _attempts(self) -> int:
        return int(self._house.seconds("kill.exit_attempts"))


def current(tx: Unit, run: KillRun) -> KillRun:
    """Return a run that nobody advanced or ended since it was read; Conflict when somebody did."""
    now = tx.kill_runs.get(run.id)
    if now.verdict is not KillVerdict.RUNNING or now.version != run.version:
        raise Conflict(f"Kill run {run.id} went on meanwhile (it is {now.step}).")
    return now


def _key(order: Order) -> Key:
    return order.listing, order.request.product


def _failed(order: Order) -> bool:
    return order.status.final and not order.filled_quantity


def _why(order: Order) -> str:
    return order.broker_reason or order.risk_note or order.stale_reason or order.status.value


def _words(request: OrderRequest) -> str:
    return f"{request.side} {request.quantity} {request.listing} {request.product}"


def _in_one_go(request: OrderRequest, listing: Listing) -> OrderRequest:
    """Return an exit of as much as one order may be cut into; the next round sends the rest."""
    most = most_at_once(listing.freeze_quantity, listing.lot_size)
    return request if most is None else replace(request, quantity=min(request.quantity, most))


def _impossible(listing: str | None, product: str | None) -> str:
    return f"{listing} {product} cannot be closed from here"


def _shared(position: int, held: int) -> int:
    """Return what of a position a strategy holds by the ledger, never more than there is."""
    if position * held <= 0:
        return 0
    return min(position, held) if position > 0 else max(position, held)
