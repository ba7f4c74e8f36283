"""Exits without a quantity: what is held in that product on that account when the message is taken up, less what leaves it.

What is held is known twice: read from the broker just now, and by our own openings and fills. The lower one counts. Where
they differ, or an entry is still at work while nothing is held, our books get a moment to follow. What rests to leave the
same position (stops, limits, triggers) is taken back first; for one that waits for a person, it is named.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from sigma.domain.errors import SigmaError
from sigma.domain.events import Event, Level
from sigma.domain.instruments import Listing
from sigma.domain.orders import EXPOSED, Order, OrderMode, Product, Side, Source, counts_as_exposure
from sigma.domain.show import quantity as shown
from sigma.domain.signals import ParsedSignal, Signal
from sigma.domain.strategies import ShareState, SignalShare, Strategy
from sigma.domain.times import ist_date
from sigma.engines.signal_shares import usual_of
from sigma.engines.signals import order_id_of, parse, wish
from sigma.ports.storage import Unit
from sigma.services.orders.amend import Amendment
from sigma.services.orders.approve import Approval
from sigma.services.orders.facts import stands_still
from sigma.services.orders.house import OrderHouse
from sigma.services.orders.in_the_way import InTheWay, in_the_way, take_back
from sigma.services.orders.ledger_look import Facts
from sigma.services.orders.submit import Origin, new_order, store_waiting
from sigma.services.orders.unattended import database_fails, end_share, obstacle
from sigma.services.orders.way import READ_PATIENCE_S

log = structlog.get_logger(__name__)
SETTLES_S = 10.0
"""How long our books may take to follow the broker's before the lower of both counts."""
CLEARS_S = 15.0
"""How long what is in an exit's way may take to go, from when it was wanted back."""
AGAIN_NS = 500_000_000
"""How soon a share that was left for later is looked at again."""


class Positions(Protocol):
    """The ledger, as far as exits need it."""

    def positions(self, tx: Unit, account_id: int) -> Mapping[tuple[str, Product], int]:
        """Return what an account holds by openings and fills: signed units by listing and product."""


@dataclass(frozen=True, slots=True)
class Exit:
    """An exit that is to be sized, and what was read for it outside of the transaction.

    Parameters
    ----------
    order : Order
        As it will be, but for its quantity (a lot).
    facts : Facts or None
        What the broker says; None when it could not be asked.
    why : str
        Why it does not go by itself, empty when it may.
    """

    signal: Signal
    listing: Listing
    order: Order
    facts: Facts | None = None
    why: str = ""


class ExitSizing:
    """Makes the orders of one account's PENDING shares. Belongs to its writer's thread."""

    def __init__(self, house: OrderHouse, approval: Approval, ledger: Positions, account_id: int) -> None:
        self._house = house
        self._approval = approval
        self._amendment = Amendment(house, approval)
        self._ledger = ledger
        self._account_id = account_id
        self._resting: Mapping[int, int] = {}

    def ready(self, shares: Sequence[SignalShare]) -> SignalShare | None:
        """Return the first of them that was not left for later just now."""
        now_ns = self._house.clock.boot_ns()
        self._resting = {number: until for number, until in self._resting.items() if until > now_ns}
        return next((share for share in shares if share.id not in self._resting), None)

    def run(self, share: SignalShare) -> bool:
        """Size one; False when it is left for later or was sized already.

        Raises
        ------
        SigmaError, OSError
            The database cannot be used; it is tried again.
        """
        try:
            wanted = self._gathered(share)
            self._house.probe.reached("sizing")
            with self._house.store.begin() as tx:
                tx.users.lock(share.user_id)
                current = tx.shares.get(share.id)
                done = current.state is ShareState.PENDING and self._sized(tx, current, wanted)
        except SigmaError as error:
            if database_fails(error):
                raise
            if self._again(share, error):
                return self._later(share)
            return self._failed(share, str(error))
        except OSError:
            raise
        except Exception as error:  # a bug of ours in one exit must not stop the account's writes
            log.exception("sizing_failed", share_id=share.id)
            return self._failed(share, f"it could not be made out ({type(error).__name__}, see the worker's log)")
        return done or self._later(share)

    def _later(self, share: SignalShare) -> bool:
        self._resting = {**self._resting, share.id: self._house.clock.boot_ns() + AGAIN_NS}
        return False

    def _age(self, share: SignalShare) -> float:
        return (self._house.clock.now() - share.updated_at).total_seconds()

    def _again(self, share: SignalShare, error: SigmaError) -> bool:
        """Say whether an error of the moment is waited out."""
        return error.retryable and self._age(share) < self._house.seconds("orders.approval_max_age")

    def _gathered(self, share: SignalShare) -> Exit:
        """Return what the message wants here, with the broker's position as it is now."""
        house = self._house
        with house.store.read() as tx:
            signal, account = tx.signals.get(share.signal_id), tx.accounts.get(share.account_id)
            strategy = tx.strategies.by_name(share.user_id, signal.strategy)
        listing = house.listings.get(str(signal.listing))
        given = self._parsed(signal, listing, strategy)
        with house.store.read() as tx:
            booked = self._booked(tx, listing.text, given.product)
            wanted = self._blank(signal, listing, strategy, given, signal.side or _leaving(booked))
            why = obstacle(house, self._approval, tx, wanted, account)
        try:
            ready, facts = self._approval.prepare(wanted, account, patience_s=READ_PATIENCE_S)
            if signal.side is None and _leaving(facts.position) is not wanted.request.side:
                wanted = replace(wanted, request=replace(wanted.request, side=_leaving(facts.position)))
                ready, facts = self._approval.prepare(wanted, account, patience_s=READ_PATIENCE_S)
        except SigmaError as error:
            if database_fails(error) or self._again(share, error):
                raise
            return Exit(signal, listing, wanted, None, why or str(error))
        return Exit(signal, listing, ready, facts, why)

    def _parsed(self, signal: Signal, listing: Listing, strategy: Strategy | None) -> ParsedSignal:
        """Read a stored message once more: its row has no order type, product and prices."""
        return parse(
            json.loads(signal.raw),
            default_exchange=listing.exchange,
            now=signal.received_at,
            usual=lambda _: usual_of(strategy),
        )

    def _blank(self, signal: Signal, listing: Listing, strategy: Strategy | None, given: ParsedSignal, side: Side) -> Order:
        """Return the order of an exit with the smallest quantity there is."""
        auto = strategy is not None and strategy.acts
        origin = Origin(
            Source.WEBHOOK,
            OrderMode.AUTO if auto else OrderMode.MANUAL,
            signal.strategy,
            signal.id,
            signal.external_id or None,
            correlation_id=signal.correlation_id,
            reduce_only=True,
        )
        number = order_id_of(signal.user_id, signal.dedupe_key, signal.id, self._account_id)
        request = wish(given, listing.text, listing.lot_size, side)
        made = new_order(self._house.clock.now(), signal.user_id, request, listing, origin, number)
        return replace(made, account_id=self._account_id)

    def _booked(self, tx: Unit, listing: str, product: Product) -> int | None:
        """Return the signed units by our books, None when this session's opening was never adopted."""
        known = tx.ledger.openings(self._account_id, ist_date(self._house.clock.now())) is not None
        return self._ledger.positions(tx, self._account_id).get((listing, product), 0) if known else None

    def _sized(self, tx: Unit, share: SignalShare, wanted: Exit) -> bool:
        """Store what an exit comes to, in the transaction that says so of its share; False when it is left for later."""
        request = wanted.order.request
        views = {wanted.facts.position if wanted.facts else None, self._booked(tx, request.listing, request.product)} - {None}
        if not views:
            return self._end(tx, share, ShareState.FAILED, f"what is held is not known: {wanted.why}")
        held = min(max(0, -units * request.side.sign) for units in views if units is not None)
        resting = in_the_way(tx, wanted.order) if held else InTheWay((), ())
        stands = stands_still(tx, tx.accounts.get(self._account_id), wanted.order.strategy)
        alone = wanted.order.mode is OrderMode.AUTO and not (wanted.why or stands)
        if resting and alone:
            return self._cleared(tx, share, resting)
        leaving, entering = self._at_work(tx, wanted.order)
        leaving -= resting.units  # of one that waits for a person: he takes them back, or it is refused
        units = max(0, held - leaving) // wanted.listing.lot_size * wanted.listing.lot_size
        if (len(views) > 1 or (entering and not units)) and self._age(share) < SETTLES_S:
            return False
        if not units:
            also = ((leaving, "on their way out already"), (entering, "still to be entered"))
            told = ", ".join(["nothing held", *(f"{shown(number)} {words}" for number, words in also if number)])
            return self._end(tx, share, ShareState.SKIPPED, told)
        named = f"first take back what leaves the same position: {resting.words}" if resting else ""
        why = "; ".join(filter(None, (wanted.why, named)))
        order = replace(wanted.order, request=replace(request, quantity=units), stale_reason=why)
        return self._made(tx, share, order, wanted)

    def _cleared(self, tx: Unit, share: SignalShare, resting: InTheWay) -> bool:
        """Take back what is in the way; False while it goes. A pending share has a note from when it was first wanted back."""
        if share.note and self._age(share) >= CLEARS_S:
            told = f"the position stays open: not gone after {CLEARS_S:.0f} s: {resting.words}"
            about = {"signal": share.signal_id, "share": share.id}
            text = f"An exit was not sent, {told}."
            now = self._house.clock.now()
            tx.journal.add_event(Event(0, now, Level.WARNING, "EXIT_IN_THE_WAY", text, share.user_id, self._account_id, about))
            return self._end(tx, share, ShareState.FAILED, told)
        take_back(self._house, self._amendment, tx, resting)
        if not share.note:
            tx.shares.save(replace(share, note=f"first taken back: {resting.words}", updated_at=self._house.clock.now()))
        return False

    def _at_work(self, tx: Unit, order: Order) -> tuple[int, int]:
        """Return the units that orders at work still take from the position, and those that they still add to it."""
        found = tx.orders.list(account_id=self._account_id, listing=order.listing, statuses=tuple(EXPOSED))
        same = [one for one in found if one.request.product is order.request.product and counts_as_exposure(one)]
        leaving = sum(one.unfilled for one in same if one.request.side is order.request.side)
        return leaving, sum(one.unfilled for one in same) - leaving

    def _made(self, tx: Unit, share: SignalShare, order: Order, wanted: Exit) -> bool:
        """Store the order: decided at once where it may go by itself, else waiting for a person."""
        house = self._house
        account = tx.accounts.get(self._account_id)
        if order.mode is OrderMode.AUTO and not order.stale_reason:
            order = replace(order, stale_reason=obstacle(house, self._approval, tx, order, account))
        if order.mode is OrderMode.MANUAL or order.stale_reason or wanted.facts is None:
            stored = store_waiting(tx, replace(order, mode=OrderMode.MANUAL))
        else:
            stored = house.add(tx, order, "SIZED", f"{shown(order.request.quantity)} are held on {account.name}")
            self._approval.admit(tx, stored, account, wanted.facts)
        done = replace(share, state=ShareState.DONE, quantity=order.request.quantity, order_id=stored.id, note="")
        tx.shares.save(replace(done, updated_at=house.clock.now()))
        return True

    def _end(self, tx: Unit, share: SignalShare, state: ShareState, note: str) -> bool:
        """Store that no order came of it; it is dealt with then."""
        end_share(self._house, tx, share, state, note)
        return True

    def _failed(self, share: SignalShare, why: str) -> bool:
        with self._house.store.begin() as tx:
            tx.users.lock(share.user_id)
            current = tx.shares.get(share.id)
            if current.state is ShareState.PENDING:
                failed = replace(current, state=ShareState.FAILED, note=why, updated_at=self._house.clock.now())
                tx.shares.save(failed)
        return True


def _leaving(units: int | None) -> Side:
    """Return the direction that leaves a position of so many signed units."""
    return Side.BUY if units is not None and units < 0 else Side.SELL
