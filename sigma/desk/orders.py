"""`desk.orders`: everything a person does with orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from sigma.desk import baskets, frames, ledger
from sigma.desk.closes import closes
from sigma.desk.words import amount, typed, whole, word
from sigma.domain.errors import InvalidOrder
from sigma.domain.orders import Order, OrderMode, OrderRequest, OrderStatus, OrderType, Product, Side, Source, Validity, Variety
from sigma.domain.preview import Preview
from sigma.domain.risk import RiskDecision
from sigma.domain.story import Story
from sigma.ports.storage import OrderFilter
from sigma.services.orders.bulk import approve_each
from sigma.services.orders.house import random_id
from sigma.services.orders.submit import Origin

if TYPE_CHECKING:
    from sigma.bootstrap import House

Number = Decimal | int | float | str


class OrdersDesk:
    """Orders of one user. Quantities are units, prices rupees; accounts are named by name or id."""

    def __init__(self, house: House, user_id: int, source: Source) -> None:
        self._house = house
        self._user_id = user_id
        self._source = source

    def submit(
        self,
        *,
        account: str | int | None,
        listing: str,
        side: str,
        quantity: int,
        order_type: str = "MARKET",
        product: str = "MIS",
        price: Number | None = None,
        trigger_price: Number | None = None,
        validity: str = "DAY",
        variety: str = "REGULAR",
        disclosed_quantity: int = 0,
        queue: bool = False,
        client_order_id: str | None = None,
        tags: Sequence[str] = (),
        reduce_only: bool = False,
    ) -> Order:
        """Place an order on an account, or put it into the queue (`queue=True`, or no account).

        With `reduce_only` it may only make a position smaller: it is lowered to what is held when it goes, and never turns it.
        Returns the stored Order; a refusal by the risk gate is a status (REJECTED_RISK), not an exception.

        Raises
        ------
        InvalidOrder, NotFound, Unsupported, SessionExpired
            Nothing was stored or sent.
        """
        words = (side, order_type, product, validity, variety)
        request = self._request(listing, quantity, words, price, trigger_price, disclosed_quantity)
        origin = Origin(self._source, tags=tuple(tags), reduce_only=reduce_only)
        submit = self._house.orders.submission.submit
        return submit(
            request, user_id=self._user_id, account=account, origin=origin, queue=queue, client_order_id=client_order_id
        )

    def preview(
        self,
        *,
        account: str | int | None,
        listing: str,
        side: str,
        quantity: int,
        order_type: str = "MARKET",
        product: str = "MIS",
        price: Number | None = None,
        trigger_price: Number | None = None,
        validity: str = "DAY",
        variety: str = "REGULAR",
    ) -> Preview:
        """Return what `submit` would come to: value, margin, charges, the risk verdict. Nothing is stored or sent.

        What `submit` would raise is in `problems`; without an account there is no verdict.
        """
        words = (side, order_type, product, validity, variety)
        make = partial(self._request, listing, quantity, words, price, trigger_price)
        return self._house.orders.previews.wish(make, user_id=self._user_id, account=account, origin=Origin(self._source))

    def preview_of(self, order_id: int, *, account: str | int | None = None, estimated: bool = True) -> Preview:
        """Return what the approval of a waiting order would come to, on its own account unless another is named.

        With `estimated` False the broker is not asked for margin and charges.
        """
        look = self._house.orders.previews.waiting
        return look(order_id, user_id=self._user_id, account=account, estimated=estimated)

    def margin(self, orders: Sequence[baskets.Row | int], *, account: str | int) -> pd.DataFrame:
        """Return what orders would hold and cost together, positions considered; one row, columns: baskets.MARGIN.

        An order is what `submit` takes, as a mapping, or the id of a stored one; all of one sort. What is not known is NaN
        with its reason.
        """
        found, owner = self._house.orders.baskets, self._house.accounts.find(self._user_id, account)
        ids = [int(one) for one in orders if not isinstance(one, Mapping)]
        if ids:
            return baskets.margins(owner.name, len(ids), found.margin_of(ids, user_id=self._user_id, account=owner.id))
        requests = self._requests(orders)
        return baskets.margins(owner.name, len(requests), found.margin(requests, user_id=self._user_id, account=owner.id))

    def basket(
        self,
        orders: Sequence[baskets.Row],
        *,
        account: str | int,
        queue: bool = False,
        dry_run: bool = False,
        ids: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Submit orders one by one, bought ones first; one row an order, columns: baskets.LEGS.

        Each is an order of its own afterwards. With `queue` they wait for approval; with `dry_run` nothing is stored or sent,
        and each row has the risk gate's verdict. `ids` are client_order_ids: the same call with the same ids places nothing
        twice.

        Raises
        ------
        InvalidOrder, NotFound, Unsupported
            One of them could never be taken: nothing was stored.
        """
        found, given = self._house.orders.baskets, (self._requests(orders), Origin(self._source))
        if dry_run:
            return baskets.legs(found.look(given[0], user_id=self._user_id, account=account, origin=given[1]))
        submit = partial(found.submit, given[0], user_id=self._user_id, account=account, origin=given[1])
        return baskets.legs(submit(queue=queue, ids=ids))

    def approve(self, order_id: int, *, account: str | int, version: int | None = None, late: bool = False) -> Order:
        """Approve a waiting order on an account; `late=True` confirms an old signal."""
        return self._house.orders.approval.approve(order_id, account, user_id=self._user_id, version=version, late=late)

    def approve_each(self, order_ids: Sequence[int], *, account: str | int, late: bool = False) -> pd.DataFrame:
        """Approve waiting orders on an account, each by itself; one row an order, columns: frames.CANCELS."""
        services, user = self._house.orders, self._user_id
        return frames.cancels(approve_each(services.approval, services.views, order_ids, account, user_id=user, late=late))

    def preset_account(self) -> str | None:
        """Return the account to suggest for an approval: the one used last, else the preferred one, else none."""
        return self._house.orders.views.preset_account(user_id=self._user_id)

    def edit(self, order_id: int, *, version: int | None = None, **changes: object) -> Order:
        """Change a waiting order: quantity, price, trigger_price, order_type, product, validity, gtt."""
        return self._house.orders.submission.edit(order_id, typed(changes), user_id=self._user_id, version=version)

    def modify(self, order_id: int, *, version: int | None = None, **changes: object) -> Order:
        """Ask the broker to change a working order: price, trigger_price, quantity, order_type, validity."""
        return self._house.orders.amendment.modify(order_id, typed(changes), user_id=self._user_id, version=version)

    def cancel(self, order_id: int, *, version: int | None = None) -> Order:
        """Take an order back, here or at the broker."""
        return self._house.orders.amendment.cancel(order_id, user_id=self._user_id, version=version)

    def cancel_all(self, account: str | int) -> pd.DataFrame:
        """Take back every order of an account that may still execute; one row an order, columns: frames.CANCELS.

        `done` says that the order is taken back or its cancel on its way; what could not be done is told in its row.
        """
        return frames.cancels(self._house.orders.amendment.cancel_all(account, user_id=self._user_id))

    def cancel_each(self, order_ids: Sequence[int]) -> pd.DataFrame:
        """Take back the orders named, each by itself; one row an order, columns: frames.CANCELS."""
        return frames.cancels(self._house.orders.amendment.cancel_each(order_ids, user_id=self._user_id))

    def close_all(self, account: str | int, *, seconds: float = 60) -> pd.DataFrame:
        """Close every open position of an account: orders on their listings are taken back, then each is offset at the market.

        Waits until the broker lists them flat, at the latest `seconds`; one row a position, columns: closes.CLOSES.
        """
        close_all = self._house.orders.closing.close_all
        return closes(close_all(account, user_id=self._user_id, source=self._source, seconds=seconds))

    def close(self, account: str | int, listing: str, product: str, *, seconds: float = 60) -> pd.DataFrame:
        """Close one position, as `close_all`; one row."""
        text = self._house.instruments.resolve(listing, self._user_id).text
        kind, close = word(Product, product, "product"), self._house.orders.closing.close
        return closes([close(account, text, kind, user_id=self._user_id, source=self._source, seconds=seconds)])

    def requeue(self, order_id: int) -> Order:
        """Put a linked copy of an ended order into the queue."""
        return self._house.orders.submission.requeue(order_id, user_id=self._user_id)

    def resolve(
        self,
        order_id: int,
        *,
        reason: str,
        broker_order_id: str | None = None,
        executed: int | None = None,
        average_price: Number | None = None,
    ) -> Order:
        """Close an order of unknown outcome: it is `broker_order_id`, or so much was `executed`, or (neither) never placed."""
        resolution, user = self._house.orders.resolution, self._user_id
        if broker_order_id is not None and executed is not None:
            raise InvalidOrder(
                "Either it is an order at the broker, or so much was executed: not both.", hint="Give one of them."
            )
        if broker_order_id is not None:
            return resolution.is_broker_order(order_id, broker_order_id, user_id=user, reason=reason)
        if executed:
            paid = amount(average_price, "average price")
            return resolution.was_executed(order_id, whole(executed, "executed quantity"), paid, user_id=user, reason=reason)
        return resolution.was_not_placed(order_id, user_id=user, reason=reason)

    def new_id(self) -> str:
        """Return a client_order_id: calls of `submit` that carry the same one place one order."""
        return random_id()

    def get(self, order_id: int) -> Order:
        """Return one order."""
        return self._house.orders.views.get(order_id, user_id=self._user_id)

    def wait(self, order_id: int, *, seconds: float = 10) -> Order:
        """Return the order once it ended, at the latest after `seconds`."""
        return self._house.orders.views.wait(order_id, seconds, user_id=self._user_id)

    def queue(self, limit: int | None = None) -> pd.DataFrame:
        """Return what waits for approval, oldest first; columns as `table`, and whose signal it is (`platform`, `late`: why).

        What waits to go by itself is not among it: `table(status="WAITING", mode="AUTO")`.
        """
        rows = self._house.orders.previews.queue(user_id=self._user_id, limit=limit)
        return frames.waiting(rows, self._names(), self._paper())

    def glance(self, order_ids: Sequence[int]) -> Mapping[int, RiskDecision]:
        """Return what the risk gate says of waiting orders by stored facts, on their own account, else on the preset one.

        No broker is asked; orders without any account are absent. `preview_of` says it with fresh facts.
        """
        account = self.preset_account()
        return self._house.orders.previews.glance(order_ids, user_id=self._user_id, account=account)

    def table(
        self,
        account: str | int | None = None,
        status: str | Sequence[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        offset: int | None = None,
        *,
        group: str | None = None,
        strategy: str | None = None,
        mode: str | None = None,
        signal_id: int | None = None,
        text: str | None = None,
    ) -> pd.DataFrame:
        """Return orders, newest first; times are UTC.

        Parameters
        ----------
        since, until : datetime
            Created at or after, and before.
        limit, offset : int
            How many rows, after how many.
        group : str
            One of `sigma.domain.orders.GROUPS`, as `counts` counts it: not ended, or ended today (IST).
        mode : str
            AUTO: made to go by itself; MANUAL: decided by a person.
        signal_id : int
            The message that asked for them.
        text : str
            Part of the listing, of our id, of the broker's id or of a tag.
        """
        filters: OrderFilter = {**self._filters(status, since, until, strategy, text, mode), "signal_id": signal_id}
        select = self._house.orders.views.select
        rows = select(user_id=self._user_id, account=account, group=group, limit=limit, offset=offset or 0, **filters)
        return frames.orders(rows, self._names(), self._paper())

    def slices(self, order_id: int) -> pd.DataFrame:
        """Return the orders that an order was cut into, in the order in which they go; columns as `table`."""
        rows = self._house.orders.views.select(user_id=self._user_id, parent_id=order_id, newest_first=False)
        return frames.orders([row for row in rows if row.slice_no], self._names(), self._paper())

    def count(
        self,
        account: str | int | None = None,
        status: str | Sequence[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        group: str | None = None,
        strategy: str | None = None,
        mode: str | None = None,
        text: str | None = None,
    ) -> int:
        """Return how many rows `table` has without a limit."""
        filters = self._filters(status, since, until, strategy, text, mode)
        return self._house.orders.views.count(user_id=self._user_id, account=account, group=group, **filters)

    def origins(self, since: datetime | None = None, until: datetime | None = None) -> pd.DataFrame:
        """Return where the orders made in a time came from; one row a way, columns: frames.ORIGINS."""
        return frames.origins(self._house.orders.views.origins(user_id=self._user_id, since=since, until=until))

    def counts(self, account: str | int | None = None) -> dict[str, int]:
        """Return how many orders each of `sigma.domain.orders.GROUPS` has: not ended, or ended today (IST)."""
        return dict(self._house.orders.views.groups(user_id=self._user_id, account=account))

    def fills(
        self, account: str | int | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> pd.DataFrame:
        """Return executions at or after `since` and before `until`, oldest first."""
        rows = self._house.orders.views.fills(user_id=self._user_id, account=account, since=since, until=until)
        return frames.fills(rows, self._names(), self._paper())

    def why(self, order_id: int) -> Story:
        """Return signal, risk decisions, writes, history and executions of an order."""
        return self._house.orders.views.story(order_id, user_id=self._user_id)

    def _request(
        self,
        listing: str,
        quantity: int,
        words: tuple[str, str, str, str, str],
        price: Number | None,
        trigger_price: Number | None,
        disclosed_quantity: int = 0,
    ) -> OrderRequest:
        """Return what a person typed as a request; `words` are side, order type, product, validity and variety."""
        side, order_type, product, validity, variety = words
        return OrderRequest(
            listing=self._house.instruments.resolve(listing, self._user_id).text,
            side=word(Side, side, "side"),
            quantity=whole(quantity, "quantity"),
            order_type=word(OrderType, order_type, "order type"),
            product=word(Product, product, "product"),
            price=None if price is None else amount(price, "price"),
            trigger_price=None if trigger_price is None else amount(trigger_price, "trigger price"),
            validity=word(Validity, validity, "validity"),
            variety=word(Variety, variety, "variety"),
            disclosed_quantity=whole(disclosed_quantity, "disclosed quantity"),
        )

    def _requests(self, rows: Sequence[baskets.Row | int]) -> list[OrderRequest]:
        return baskets.read_rows([row for row in rows if isinstance(row, Mapping)], self._wish)

    def _wish(
        self,
        listing: str,
        side: str,
        quantity: int,
        order_type: str = "MARKET",
        product: str = "MIS",
        price: Number | None = None,
        trigger_price: Number | None = None,
        validity: str = "DAY",
        variety: str = "REGULAR",
        disclosed_quantity: int = 0,
    ) -> OrderRequest:
        words = (side, order_type, product, validity, variety)
        return self._request(listing, quantity, words, price, trigger_price, disclosed_quantity)

    def _filters(
        self,
        status: str | Sequence[str] | None,
        since: datetime | None,
        until: datetime | None,
        strategy: str | None,
        text: str | None,
        mode: str | None,
    ) -> OrderFilter:
        words = [status] if isinstance(status, str) else status
        statuses = None if words is None else [word(OrderStatus, one, "status") for one in words]
        found: OrderFilter = {"since": since, "until": until, "strategy": strategy, "text": text and text.strip()}
        return {**found, "statuses": statuses, "mode": None if mode is None else word(OrderMode, mode, "mode")}

    def round_trips(
        self, account: str | int | None = None, strategy: str | None = None, since: datetime | None = None
    ) -> pd.DataFrame:
        """Return what was entered and left (FIFO, before charges), newest first; columns: sigma.desk.ledger.ROUND_TRIPS.

        Each strategy's fills are paired apart, and those of no strategy with what the account held. Times are UTC.
        """
        account_id = None if account is None else self._house.accounts.find(self._user_id, account).id
        found = self._house.results.round_trips(self._user_id, account_id=account_id, strategy=strategy, since=since)
        return ledger.round_trips(found, self._names())

    def _paper(self) -> frozenset[int]:
        return frozenset(account.id for account in self._house.accounts.list(self._user_id) if account.simulated)

    def _names(self) -> dict[int, str]:
        return {account.id: account.name for account in self._house.accounts.list(self._user_id)}
