"""The way in: every path that wants an order ends here, and the intent is committed before anything else happens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sigma.domain.errors import Conflict, InvalidOrder
from sigma.domain.instruments import Listing
from sigma.domain.orders import Order, OrderEvent, OrderMode, OrderRequest, OrderStatus, Source
from sigma.engines.orders import copy_of, fit
from sigma.ports.storage import Unit
from sigma.services.orders.approve import Approval
from sigma.services.orders.house import OrderHouse, random_id
from sigma.services.orders.off_hours import linked
from sigma.services.orders.slices import pieces_of


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an order comes from."""

    source: Source
    mode: OrderMode = OrderMode.MANUAL
    strategy: str = ""
    signal_id: int | None = None
    external_id: str | None = None
    stale_reason: str = ""
    correlation_id: str = ""
    parent_id: int | None = None
    generation: int = 0
    tags: tuple[str, ...] = ()
    reduce_only: bool = False


def new_order(
    now: datetime, user_id: int, request: OrderRequest, listing: Listing, origin: Origin, client_order_id: str | None = None
) -> Order:
    """Return a WAITING order, not stored yet, on the listing's ticks and lots; InvalidOrder when it can never be right."""
    return Order(
        id=0,
        user_id=user_id,
        account_id=None,
        request=fit(request, listing),
        status=OrderStatus.WAITING,
        client_order_id=client_order_id or random_id(),
        mode=origin.mode,
        source=origin.source,
        created_at=now,
        updated_at=now,
        external_id=origin.external_id,
        strategy=origin.strategy,
        signal_id=origin.signal_id,
        parent_id=origin.parent_id,
        generation=origin.generation,
        tags=origin.tags,
        stale_reason=origin.stale_reason,
        lot_size=listing.lot_size,
        tick_size=listing.tick_size,
        correlation_id=origin.correlation_id,
        reduce_only=origin.reduce_only,
    )


def store_waiting(tx: Unit, order: Order) -> Order:
    """Store a WAITING order with the first line of its history."""
    stored = tx.orders.add(order)
    text = "waits for the risk gate, then goes out by itself" if order.mode is OrderMode.AUTO else "waits for approval"
    text = f"{text} ({order.stale_reason})" if order.stale_reason else text
    tx.orders.add_event(OrderEvent(0, stored.id, stored.created_at, "QUEUED", stored.status, text, {}, stored.correlation_id))
    return stored


def queue_order(
    tx: Unit,
    now: datetime,
    *,
    user_id: int,
    request: OrderRequest,
    listing: Listing,
    source: Source,
    mode: OrderMode,
    account_id: int | None = None,
    strategy: str = "",
    signal_id: int | None = None,
    external_id: str | None = None,
    stale_reason: str = "",
    correlation_id: str = "",
    client_order_id: str | None = None,
    reduce_only: bool = False,
) -> Order:
    """Store a WAITING order in the unit that consumes the event which caused it. No quote, no risk, no network."""
    origin = Origin(source, mode, strategy, signal_id, external_id, stale_reason, correlation_id, reduce_only=reduce_only)
    order = new_order(now, user_id, request, listing, origin, client_order_id)
    return store_waiting(tx, replace(order, account_id=account_id))


class Submission:
    """Placing, queueing, editing and repeating orders on a person's behalf."""

    def __init__(self, house: OrderHouse, approval: Approval) -> None:
        self._house = house
        self._approval = approval

    def submit(
        self,
        request: OrderRequest,
        *,
        user_id: int,
        account: str | int | None,
        origin: Origin,
        queue: bool = False,
        client_order_id: str | None = None,
    ) -> Order:
        """Store an order; send it through risk to its account unless it shall wait in the queue.

        Repeating a call with the same `client_order_id` and the same wish returns the first order.

        Raises
        ------
        InvalidOrder, Unsupported, NotFound, SessionExpired
            Nothing was stored.
        Conflict
            The `client_order_id` belongs to another order.
        """
        house = self._house
        known = self._repeated(client_order_id, request, user_id, account)
        if known is not None:
            return known
        listing = house.listings.get(request.listing)
        order = new_order(house.clock.now(), user_id, request, listing, origin, _checked_id(client_order_id))
        if queue or account is None:
            with house.store.begin() as tx:
                chosen = None if account is None else house.account(tx, account, user_id).id
                return store_waiting(tx, replace(order, account_id=chosen))
        with house.store.read() as tx:
            target = house.account(tx, account, user_id)
        order, facts = self._approval.prepare(replace(order, account_id=target.id), target)
        with house.store.begin() as tx:
            tx.users.lock(user_id)
            stored = house.add(tx, order, "SUBMITTED", f"{origin.source.lower()} wants it on {target.name}")
            return self._approval.admit(tx, stored, tx.accounts.get(target.id), facts)

    def _repeated(
        self, client_order_id: str | None, request: OrderRequest, user_id: int, account: str | int | None
    ) -> Order | None:
        """Return the order that an earlier call with this id and this wish made."""
        if client_order_id is None:
            return None
        with self._house.store.read() as tx:
            known = tx.orders.by_client_id(client_order_id)
            if known is None:
                return None
            mine = known.user_id == user_id
            target = known.account_id if account is None or not mine else self._house.account(tx, account, user_id).id
        same = _wish(known.request) == _wish(request) and known.account_id in (None, target)
        if not mine or not same:
            raise Conflict(f"client_order_id {client_order_id} belongs to another order.", hint="Use a new one for a new order.")
        return known

    def edit(self, order_id: int, changes: dict[str, object], *, user_id: int, version: int | None = None) -> Order:
        """Change a waiting order (quantity, price, trigger price, order type, product, validity, GTT wish)."""
        house = self._house
        with house.store.read() as tx:
            listing_text = house.own(tx, order_id, user_id).listing
        listing = house.listings.get(listing_text)
        with house.store.begin() as tx:
            order = house.own(tx, order_id, user_id, version)
            if order.status is not OrderStatus.WAITING:
                raise Conflict(
                    f"Order {order_id} is {order.status}: only waiting orders can be edited.", hint="Modify or cancel it."
                )
            request = fit(replace(order.request, **changes), listing)  # type: ignore[arg-type]
            if request == order.request:
                return order
            edited = replace(order, request=request, updated_at=house.clock.now())
            told = ", ".join(f"{name} {getattr(order.request, name)} → {getattr(request, name)}" for name in changes)
            return house.save(tx, edited, "EDITED", told)

    def requeue(self, order_id: int, *, user_id: int) -> Order:
        """Put a linked copy of an ended order into the queue; never of one whose outcome is unknown."""
        house = self._house
        with house.store.begin() as tx:
            ended = house.own(tx, order_id, user_id)
            if not ended.status.final:
                hint = "Wait until it is settled." if ended.status is OrderStatus.UNKNOWN else "Cancel it first."
                raise Conflict(f"Order {order_id} is {ended.status}: only an ended order can be repeated.", hint=hint)
            if ended.source is Source.BROKER and ended.risk_note:
                raise Conflict(f"Order {order_id} cannot be repeated: {ended.risk_note}.", hint="Place a new order by hand.")
            self._not_repeated(tx, ended)
            order = copy_of(
                ended,
                house.clock.now(),
                client_order_id=random_id(),
                mode=OrderMode.MANUAL,
                source=Source.PERSON if ended.source is Source.BROKER else ended.source,
            )
            house.note(tx, ended, "REQUEUED", "a copy waits in the queue")
            return store_waiting(tx, order)

    def _not_repeated(self, tx: Unit, ended: Order) -> None:
        """Refuse to repeat what is repeated already: by a second click, by the policy for closed markets, or as a slice.

        Raises
        ------
        Conflict
            Another order stands for it.
        """
        if ended.slice_no:
            told = (
                f"Order {ended.id} is slice {ended.slice_no} of order {ended.parent_id}: that one is repeated, with all it lacks."
            )
            raise Conflict(told, hint=f"Repeat order {ended.parent_id} once all its slices have ended.")
        for waiting in tx.orders.list(user_id=ended.user_id, statuses=[OrderStatus.WAITING], parent_id=ended.id):
            raise Conflict(f"Order {waiting.id} repeats order {ended.id} and waits already.", hint="Approve that one.")
        for one in (ended, *pieces_of(tx, ended)):
            other = linked(tx, one)
            if other is not None and not (other.status.final and not other.filled_quantity):
                told = f"Order {other.id} stands in for order {one.id}, which the market was closed for."
                raise Conflict(told, hint="Cancel that one first, or leave it be.")


def _wish(request: OrderRequest) -> tuple[object, ...]:
    """Return what makes two requests the same wish; prices are left out, for they were put on the listing's ticks."""
    return request.listing, request.side, request.quantity, request.order_type, request.product


def _checked_id(client_order_id: str | None) -> str | None:
    if client_order_id is None:
        return None
    if (
        len(client_order_id) != 16
        or not client_order_id.isalnum()
        or not client_order_id.isascii()
        or client_order_id != client_order_id.upper()
    ):
        raise InvalidOrder(
            f"client_order_id {client_order_id!r} must be 16 characters of 0-9 and A-Z: it goes into the broker's tag.",
            hint="Leave it out and one is made.",
        )
    return client_order_id
