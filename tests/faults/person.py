"""The person at the desk: approves, and does what the desk asks a person to do; each such act is told apart."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from sigma.domain.accounts import SessionState
from sigma.domain.errors import ConfigError, SessionExpired, SigmaError
from sigma.domain.orders import Command, CommandState, Order, OrderStatus
from sigma.domain.signals import Receipt
from tests.faults.judge import Intended
from tests.faults.plan import Wish
from tests.faults.world import CLIENTS, World, until

EVERY_S = 0.25
PATIENCE_S = 60.0


class Person:
    """Looks at the desk a few times each second while the campaign waits for something.

    Parameters
    ----------
    acts : Counter
        How often a person was needed, by reason.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.intended: list[Intended] = []
        self.acts: Counter[str] = Counter()
        self.told: list[str] = []
        self._next = 0.0
        self._noticed: dict[int, float] = {}
        self._signals = 0

    # -- orders

    def wants(self, wish: Wish) -> Order | None:
        """Send the signal of a wish and approve its order; None when it could not be approved yet (it is tried again)."""
        message = self.message(wish)
        receipt = until(lambda: self._received(message), PATIENCE_S, "a signal is stored")
        order = self.world.desk.orders.get(receipt.order_ids[0])
        self.intended.append(Intended(receipt.id, wish.account, order.id, order.client_order_id))
        return self.approve(order.id, wish.account)

    def message(self, wish: Wish) -> dict[str, Any]:
        """Return the signal of a wish, with an id of its own."""
        self._signals += 1
        message: dict[str, Any] = {
            "strategy": wish.strategy,
            "order_id": f"campaign-{self._signals}",
            "bar_time": self.world.house.clock.now().isoformat(),
            "symbol": wish.listing,
            "order_action": wish.side,
            "order_type": wish.order_type,
            "product": wish.product,
        }
        return message | {name: value for name in ("quantity", "price", "trigger_price") if (value := getattr(wish, name))}

    def _received(self, message: Mapping[str, Any]) -> Receipt | None:
        """Send a signal as a charting service does: again when there was no answer, with the same id."""
        try:
            return self.world.desk.signals.receive(message, self.world.secret)
        except ConfigError:  # a worker that was stopped in the middle of a transaction keeps the database locked
            self.acts["signal sent again"] += 1
            return None

    def approve(self, order_id: int, account: str) -> Order | None:
        """Approve an order; None when something is in the way just now."""
        try:
            return self.world.desk.orders.approve(order_id, account=account)
        except SessionExpired:
            self._reconnect(account)
        except SigmaError as error:
            self.acts[f"approval not taken: {error.code}"] += 1
        return None

    # -- what a person is asked for

    def look(self) -> None:
        """Do what the desk asks for, unless that was looked at just now."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + EVERY_S
        try:
            self._frozen()
            self._logins()
            self._look_alikes()
            self._returned()
        except SigmaError as error:
            self.acts[f"desk: {error.code}"] += 1

    def _frozen(self) -> None:
        for account in self.world.accounts():
            if account.frozen_reason:
                self.world.desk.risk.release(account.name, reason="looked at the broker's page")
                self._act(f"released {account.name}: {account.frozen_reason}", "frozen account released")

    def _logins(self) -> None:
        for account in CLIENTS:
            if self.world.desk.accounts.status(account, refresh=True).state is SessionState.EXPIRED:
                self._reconnect(account)

    def _reconnect(self, account: str) -> None:
        self._act(f"logged in to {account} again", "login renewed")
        self.world.login(account)

    def _look_alikes(self) -> None:
        with self.world.house.store.read() as tx:
            lost = [command for one in tx.accounts.list() for command in tx.commands.open(one.id)]
            asked = [command for command in lost if command.look_alikes and command.state is CommandState.UNKNOWN]
            orders = {command.order_id: tx.orders.get(command.order_id) for command in asked}
        for command in asked:
            self._identify(command, orders[command.order_id])

    def _identify(self, command: Command, order: Order) -> None:
        """Say which order at the broker ours is, as a person sees it there; that there is none only after a long look."""
        if order.status is not OrderStatus.UNKNOWN or order.unsettled:
            return
        waits = self.world.waits
        since = self._noticed.setdefault(command.id, time.monotonic())
        there = self.at_exchange(order)
        mine = [row["order_id"] for row in there if row["order_id"] in command.look_alikes]
        if mine:
            self.world.desk.orders.resolve(order.id, broker_order_id=mine[0], reason="it is the one on the broker's page")
            self._act(f"order {order.id} is {mine[0]}, whose tag was lost", "look-alike identified")
        elif not there and time.monotonic() - since > 2 * (waits.late + waits.hidden):
            self.world.desk.orders.resolve(order.id, reason="the one on the broker's page is another")
            self._act(f"order {order.id} was not placed: {', '.join(command.look_alikes)} is another", "look-alike denied")

    def at_exchange(self, order: Order) -> list[Mapping[str, Any]]:
        """Return what the exchange has of an order."""
        return list(self.world.exchange.orders(order.client_order_id))

    def _returned(self) -> None:
        with self.world.house.store.read() as tx:
            waiting = {order.id: order for order in tx.orders.list(statuses=[OrderStatus.WAITING])}
        for one in self.intended:
            if one.order_id in waiting:
                reason = waiting[one.order_id].stale_reason
                self._act(f"approved order {one.order_id} again: {reason or 'it was not approved yet'}", "approved again")
                self.approve(one.order_id, one.account)

    def _act(self, text: str, reason: str) -> None:
        self.acts[reason] += 1
        self.told.append(text)
