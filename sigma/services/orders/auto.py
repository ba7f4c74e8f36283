"""What strategies do by themselves: a waiting order of an AUTO strategy is decided and becomes an intent, without a person.

It runs in the thread of the account's writer, right before it sends, so that each account stands alone. An order is admitted
once: its status is looked at in the transaction that decides. What cannot go by itself is a person's from then on (mode
MANUAL, with the reason), and never comes back here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import structlog

from sigma.domain.errors import SigmaError
from sigma.domain.orders import Order, OrderMode, OrderStatus
from sigma.ports.storage import Unit
from sigma.services.orders.approve import Approval
from sigma.services.orders.house import OrderHouse
from sigma.services.orders.sized import ExitSizing, Positions
from sigma.services.orders.unattended import database_fails, hand_over, obstacle
from sigma.services.orders.way import READ_PATIENCE_S

log = structlog.get_logger(__name__)
MOST_PENDING = 10
"""Admitted orders that may wait for the write budget: the rest waits undecided, so that none gets old between yes and wire."""
AGAIN_NS = 1_000_000_000
"""When a read of the broker that failed for the moment is tried again."""


class AutoAdmission:
    """Decides the waiting AUTO orders of one account, and sizes its exits of what is held. Belongs to its writer's thread."""

    def __init__(self, house: OrderHouse, approval: Approval, ledger: Positions, account_id: int) -> None:
        self._house = house
        self._approval = approval
        self._account_id = account_id
        self._exits = ExitSizing(house, approval, ledger, account_id)
        self._resting: Mapping[int, int] = {}
        self._passed = False  # the last exit was left for later: an order is next

    def run(self) -> int:
        """Look at the next that is due, exits of what is held first; return how many were looked at (0 or 1).

        One at a time, so that it is on its way, and a cancel that came meanwhile before it, while the next is decided: a
        broker that does not answer must not hold that up once for each of many.

        Raises
        ------
        SigmaError, OSError
            The database cannot be used; it is tried again.
        """
        house, now_ns = self._house, self._house.clock.boot_ns()
        with house.store.read() as tx:
            shares = tx.shares.pending(self._account_id)
            due = tx.orders.due(self._account_id, house.clock.now(), 1 + len(self._resting))
            room = MOST_PENDING - len(tx.commands.pending(self._account_id)) if due or shares else 0
        if room <= 0:
            return 0
        self._resting = {number: until for number, until in self._resting.items() if until > now_ns}
        share = self._exits.ready(shares)
        order = next((one for one in due if one.id not in self._resting), None)
        if share is not None and not (self._passed and order):
            self._passed = not self._exits.run(share)
        elif order is not None:
            self._passed = False
            self._one(order)
        return int(share is not None or order is not None)

    def _one(self, order: Order) -> bool:
        """Decide one order, or hand it to a person; False when it is left for later or somebody else had it."""
        try:
            return self._admit(order)
        except SigmaError as error:
            if database_fails(error):
                raise
            if error.retryable and self._age(order) < self._house.seconds("orders.approval_max_age"):
                self._resting = {**self._resting, order.id: self._house.clock.boot_ns() + AGAIN_NS}
                log.info("admission_waits", order_id=order.id, because=str(error))
                return False
            why = str(error)
        except OSError:
            raise
        except Exception as error:  # a bug of ours in deciding one order must not stop the account's writes
            log.exception("admission_failed", order_id=order.id)
            why = f"it could not be decided ({type(error).__name__}, see the worker's log)"
        with self._house.store.begin() as tx:
            current = self._still(tx, order)
            return current is not None and bool(hand_over(self._house, tx, current, why))

    def _age(self, order: Order) -> float:
        """Return the seconds since an order might first have gone."""
        since = max(order.created_at, order.not_before or order.created_at)
        return (self._house.clock.now() - since).total_seconds()

    def _admit(self, order: Order) -> bool:
        """Decide an order in one transaction, after reading outside of it what the gate needs."""
        house = self._house
        with house.store.read() as tx:
            account = tx.accounts.get(self._account_id)
        ready, facts = (order, None) if order.stale_reason else self._approval.prepare(order, account, patience_s=READ_PATIENCE_S)
        house.probe.reached("admitting")
        with house.store.begin() as tx:
            tx.users.lock(order.user_id)
            current = self._still(tx, order)
            if current is None:
                return False
            account = tx.accounts.get(self._account_id)
            why = obstacle(house, self._approval, tx, current, account)
            if why or facts is None:
                hand_over(house, tx, current, why)
            else:
                self._approval.admit(tx, replace(current, request=ready.request), account, facts)
        house.probe.reached("admitted")
        return True

    def _still(self, tx: Unit, order: Order) -> Order | None:
        """Return the order as it is stored, None when somebody decided or changed it meanwhile."""
        current = tx.orders.get(order.id)
        same = current.version == order.version and current.status is OrderStatus.WAITING and current.mode is OrderMode.AUTO
        return current if same else None
