"""Looking at orders: one, many, their executions, and why each happened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sigma.domain.orders import Command, Fill, Order, OrderEvent, OrderStatus, Source
from sigma.domain.risk import RiskDecision
from sigma.domain.signals import Signal
from sigma.services.orders.house import OrderHouse

POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Story:
    """Why an order happened: signal, decisions, writes, history, executions; oldest first."""

    order: Order
    signal: Signal | None
    decisions: tuple[RiskDecision, ...]
    commands: tuple[Command, ...]
    events: tuple[OrderEvent, ...]
    fills: tuple[Fill, ...]


class OrderViews:
    """Reads of a user's own orders."""

    def __init__(self, house: OrderHouse) -> None:
        self._house = house

    def get(self, order_id: int, *, user_id: int) -> Order:
        """Return one order or raise NotFound."""
        with self._house.store.read() as tx:
            return self._house.own(tx, order_id, user_id)

    def select(
        self,
        *,
        user_id: int,
        account: str | int | None = None,
        statuses: Sequence[OrderStatus] | None = None,
        since: datetime | None = None,
        signal_id: int | None = None,
        newest_first: bool = True,
        limit: int | None = None,
    ) -> Sequence[Order]:
        """Return orders, newest first unless told otherwise."""
        with self._house.store.read() as tx:
            chosen = None if account is None else self._house.account(tx, account, user_id).id
            return tx.orders.list(
                user_id=user_id,
                account_id=chosen,
                statuses=statuses,
                since=since,
                signal_id=signal_id,
                newest_first=newest_first,
                limit=limit,
            )

    def fills(self, *, user_id: int, account: str | int | None = None) -> Sequence[Fill]:
        """Return executions of one account, or of all the user ever had."""
        with self._house.store.read() as tx:
            chosen = None if account is None else self._house.account(tx, account, user_id).id
            return tx.orders.fills(user_id=user_id, account_id=chosen)

    def story(self, order_id: int, *, user_id: int) -> Story:
        """Return everything that is known about why an order happened and what came of it."""
        with self._house.store.read() as tx:
            order = self._house.own(tx, order_id, user_id)
            return Story(
                order,
                tx.signals.get(order.signal_id) if order.signal_id else None,
                tuple(tx.orders.decisions(order_id)),
                tuple(tx.commands.for_order(order_id)),
                tuple(tx.orders.events(order_id)),
                tuple(tx.orders.fills(order_id=order_id)),
            )

    def preset_account(self, *, user_id: int) -> str | None:
        """Return the account to suggest for an approval: the one last used, else the preferred one, else none.

        Never the default account: that one says what is looked at, not where orders go.
        """
        with self._house.store.read() as tx:
            names = {account.id: account.name for account in tx.accounts.list(user_id)}
            for order in tx.orders.list(user_id=user_id, limit=100):
                if order.approved_at is not None and order.source is not Source.BROKER and order.account_id in names:
                    return names[order.account_id]
        preferred = str(self._house.settings.get("orders.preferred_account", user_id))
        return preferred if preferred in names.values() else None

    def wait(self, order_id: int, seconds: float, *, user_id: int, until: Callable[[Order], bool] | None = None) -> Order:
        """Return the order as soon as it ended (or `until` holds), at the latest after `seconds`."""
        done = until or (lambda order: order.status.final)
        deadline = self._house.clock.boot_ns() + int(seconds * 1e9)
        while True:
            order = self.get(order_id, user_id=user_id)
            if done(order) or self._house.clock.boot_ns() >= deadline:
                return order
            self._house.clock.wait(POLL_S)
