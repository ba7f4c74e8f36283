"""A person closes what no book can settle any more: a look-alike, or an order whose day is over."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from sigma.domain.errors import Conflict, InvalidInput
from sigma.domain.limits import CallKind
from sigma.domain.orders import CommandState, Order, OrderStatus
from sigma.domain.times import ist_date
from sigma.engines import lifecycle
from sigma.engines.lifecycle import Act
from sigma.ports.storage import Unit
from sigma.services.orders.house import OrderHouse
from sigma.services.orders.slices import refuse

HIGHEST_PRICE = Decimal(100_000_000)


class Resolution:
    """Records a person's word on an UNKNOWN order, with who said it and why."""

    def __init__(self, house: OrderHouse) -> None:
        self._house = house

    def is_broker_order(self, order_id: int, broker_order_id: str, *, user_id: int, reason: str) -> Order:
        """Say that an untagged order at the broker is this one; the next read of the book brings its state.

        Raises
        ------
        Conflict
            The id belongs to another order of ours, or is an order for something else.
        InvalidInput
            The account's book of today has no such order: a wrong id would never be settled.
        BrokerError
            The book could not be read.
        """
        with self._house.store.read() as tx:
            order = self._unknown(tx, order_id, user_id, reason)
        self._check(order, broker_order_id)
        with self._house.store.begin() as tx:
            order = self._unknown(tx, order_id, user_id, reason)
            taken = tx.orders.by_broker_ids(order.account_id or 0, [broker_order_id]).get(broker_order_id)
            if taken is not None:
                raise Conflict(f"Broker order {broker_order_id} belongs to order {taken.id} already.")
            if order.broker_order_id not in (None, broker_order_id):
                raise Conflict(f"Order {order_id} is {order.broker_order_id} at the broker, by the broker's own word.")
            self._close_commands(tx, order, CommandState.ANSWERED, reason)
            now = self._house.clock.now()
            moved = lifecycle.move(order, Act.ACCEPTED, now)
            day = order.session_date or ist_date(now)  # a wish that rested as a trigger had none
            return self._house.save(
                tx,
                replace(moved, broker_order_id=broker_order_id, session_date=day, unsettled=False),
                "RESOLVED",
                f"it is {broker_order_id}: {reason}",
            )

    def _check(self, order: Order, broker_order_id: str) -> None:
        """See in the book that there is such an order at the broker, and that it is for the same thing."""
        book = self._house.connected.read(order.account_id or 0, CallKind.BOOK, lambda broker: broker.order_book())
        row = next((row for row in book.rows if row.broker_order_id == broker_order_id), None)
        if row is None:
            hint = "Copy the id from the broker's order book of today. Of another day, say how much was executed instead."
            raise InvalidInput(f"Today's order book shows no order {broker_order_id!r}.", hint=hint)
        if (row.listing or order.listing, row.side) != (order.listing, order.request.side):
            shown = f"{row.side} {row.quantity} {row.listing}"
            raise Conflict(f"Broker order {broker_order_id} is {shown}, not {order.request.side} {order.listing}.")

    def was_not_placed(self, order_id: int, *, user_id: int, reason: str) -> Order:
        """Say that the broker never got it (seen in positions, holdings, the contract note)."""
        return self._close(order_id, Act.CLOSED_NOT_PLACED, 0, None, user_id, reason)

    def was_executed(self, order_id: int, quantity: int, average_price: Decimal, *, user_id: int, reason: str) -> Order:
        """Say how much was executed and at which average price (rupees); less than wanted closes it as CANCELLED."""
        if not average_price.is_finite() or not 0 < average_price < HIGHEST_PRICE:
            hint = "Give the average price of what was executed, as the contract note has it."
            raise InvalidInput(f"The average price of order {order_id} must lie above 0 rupees, was {average_price}.", hint=hint)
        return self._close(order_id, Act.CLOSED_FILLED, quantity, average_price, user_id, reason)

    def _close(self, order_id: int, act: Act, quantity: int, price: Decimal | None, user_id: int, reason: str) -> Order:
        house = self._house
        with house.store.begin() as tx:
            order = self._unknown(tx, order_id, user_id, reason)
            if act is Act.CLOSED_FILLED and not order.filled_quantity <= quantity <= order.request.quantity:
                bounds = f"{order.filled_quantity} and {order.request.quantity}"
                raise InvalidInput(f"Executed quantity of order {order_id} must lie between {bounds}, was {quantity}.")
            if act is Act.CLOSED_FILLED and quantity < order.request.quantity:
                act = Act.CLOSED_CANCELLED
            if act is Act.CLOSED_NOT_PLACED and order.filled_quantity:
                raise Conflict(
                    f"Order {order_id} has {order.filled_quantity} executed: it was placed.", hint="Say how much was executed."
                )
            self._close_commands(
                tx, order, CommandState.REFUSED if act is Act.CLOSED_NOT_PLACED else CommandState.ANSWERED, reason
            )
            moved = lifecycle.move(order, act, house.clock.now())
            closed = replace(
                moved,
                unsettled=False,
                filled_quantity=max(quantity, order.filled_quantity),
                average_price=price or order.average_price,
            )
            return house.save(tx, closed, "RESOLVED", f"a person closed it as {closed.status}: {reason}")

    def _unknown(self, tx: Unit, order_id: int, user_id: int, reason: str) -> Order:
        if not reason.strip():
            raise InvalidInput("A reason is needed.", hint="Say where you saw what became of the order.")
        order = self._house.own(tx, order_id, user_id)
        refuse(order, "a person closes")
        if order.status is not OrderStatus.UNKNOWN:
            raise Conflict(f"Order {order_id} is {order.status}: only an order with unknown outcome is closed by hand.")
        return order

    def _close_commands(self, tx: Unit, order: Order, state: CommandState, reason: str) -> None:
        for command in tx.commands.for_order(order.id):
            if command.state is CommandState.UNKNOWN:
                now = self._house.clock.now()
                tx.commands.save(replace(command, state=state, answered_at=now, text=f"{command.text}; a person: {reason}"))
