"""Looking at orders: one, many, their executions, and why each happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, time
from typing import Unpack

from sigma.domain.errors import InvalidInput
from sigma.domain.orders import GROUPS, Fill, Order, Origins, Source
from sigma.domain.story import Story
from sigma.domain.times import ist, ist_date
from sigma.ports.storage import OrderFilter, OwnOrders, Unit
from sigma.services.orders.house import OrderHouse

POLL_S = 0.02


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
        group: str | None = None,
        newest_first: bool = True,
        limit: int | None = None,
        offset: int = 0,
        **filters: Unpack[OrderFilter],
    ) -> Sequence[Order]:
        """Return orders, newest first unless told otherwise; `group` as in `groups`."""
        if offset < 0 or (limit is not None and limit < 0):
            raise InvalidInput(f"A page of orders cannot start at {offset} and have {limit} rows.", hint="Give 0 or more.")
        with self._house.store.read() as tx:
            wanted = self._wanted(tx, user_id, account, group, filters)
            return tx.orders.list(newest_first=newest_first, limit=limit, offset=offset, **wanted)

    def count(
        self, *, user_id: int, account: str | int | None = None, group: str | None = None, **filters: Unpack[OrderFilter]
    ) -> int:
        """Return how many orders `select` would give without `limit` and `offset`."""
        with self._house.store.read() as tx:
            return sum(tx.orders.tally(**self._wanted(tx, user_id, account, group, filters)).values())

    def origins(self, *, user_id: int, **filters: Unpack[OrderFilter]) -> Sequence[Origins]:
        """Return where a user's orders came from, each way once with how many did."""
        with self._house.store.read() as tx:
            return tx.orders.origins(**self._wanted(tx, user_id, None, None, filters))

    def groups(self, *, user_id: int, account: str | int | None = None) -> Mapping[str, int]:
        """Return how many orders each of GROUPS has: those not ended, and those that ended today (IST)."""
        with self._house.store.read() as tx:
            tally = tx.orders.tally(**self._wanted(tx, user_id, account, None, {"ended_since": self._midnight()}))
        return {name: sum(tally.get(status, 0) for status in statuses) for name, statuses in GROUPS.items()}

    def _wanted(self, tx: Unit, user_id: int, account: str | int | None, group: str | None, filters: OrderFilter) -> OwnOrders:
        """Return a filter with the user's account, and with what a group narrows."""
        chosen = None if account is None else self._house.account(tx, account, user_id).id
        wanted: OwnOrders = {**filters, "user_id": user_id, "account_id": chosen}
        if group is None:
            return wanted
        if group not in GROUPS:
            raise InvalidInput(f"There is no group of orders {group!r}.", hint=f"Use one of {', '.join(GROUPS)}.")
        statuses = wanted.get("statuses")
        wanted["statuses"] = [status for status in GROUPS[group] if statuses is None or status in statuses]
        wanted["ended_since"] = self._midnight()
        return wanted

    def _midnight(self) -> datetime:
        """Return the moment at which today (IST) began."""
        return ist(ist_date(self._house.clock.now()), time())

    def fills(
        self, *, user_id: int, account: str | int | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> Sequence[Fill]:
        """Return executions of one account, or of all the user ever had, at or after `since` and before `until`."""
        with self._house.store.read() as tx:
            chosen = None if account is None else self._house.account(tx, account, user_id).id
            return tx.orders.fills(user_id=user_id, account_id=chosen, since=since, until=until)

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
                tuple(tx.shares.of_signal(order.signal_id)) if order.signal_id else (),
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
