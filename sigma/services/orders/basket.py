"""Baskets: several orders looked at together for their margin, and then submitted each by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sigma.domain.accounts import Account
from sigma.domain.errors import InvalidOrder, SigmaError
from sigma.domain.instruments import CASH, split_listing
from sigma.domain.orders import OrderRequest, OrderStatus, Side
from sigma.domain.preview import Funding, Leg
from sigma.engines.orders import fit, suit
from sigma.services.orders.estimate import Estimates, Priced
from sigma.services.orders.house import OrderHouse
from sigma.services.orders.preview import Previews
from sigma.services.orders.submit import Origin, Submission

MOST_LEGS = 50
HELD_BACK = "held back: a bought leg of the basket was refused, and this one would stand without it"


class Baskets:
    """Margin of several orders on one account, and their submission. Nothing joins them afterwards."""

    def __init__(self, house: OrderHouse, submission: Submission, previews: Previews, estimates: Estimates) -> None:
        self._house = house
        self._submission = submission
        self._previews = previews
        self._estimates = estimates

    def margin(self, requests: Sequence[OrderRequest], *, user_id: int, account: str | int) -> Funding:
        """Return what orders would hold and cost together on an account, the positions there are considered.

        Raises
        ------
        InvalidOrder, Unsupported, NotFound
            An order could never be taken there, or there are none or too many of them.
        """
        chosen = self._account(account, user_id)
        return self._estimates.of(chosen, self._priced(self._ready(requests, chosen), chosen))

    def margin_of(self, order_ids: Sequence[int], *, user_id: int, account: str | int) -> Funding:
        """Return what orders that are stored would hold and cost together; as `margin`."""
        with self._house.store.read() as tx:
            requests = [self._house.own(tx, order_id, user_id).request for order_id in order_ids]
        return self.margin(requests, user_id=user_id, account=account)

    def look(self, requests: Sequence[OrderRequest], *, user_id: int, account: str | int, origin: Origin) -> tuple[Leg, ...]:
        """Return the risk gate's verdict on each order by itself, in the order of `submit`; nothing is stored or sent.

        Raises
        ------
        InvalidOrder, Unsupported, NotFound
            As `margin`.
        """
        legs = []
        for request in hedges_first(self._ready(requests, self._account(account, user_id))):
            seen = self._previews.wish(_made(request), user_id=user_id, account=account, origin=origin, estimated=False)
            refused = seen.decision is not None and not seen.decision.allowed
            why = seen.problems[0] if seen.problems else seen.decision.text if refused and seen.decision else ""
            legs.append(Leg(request, None, seen.decision, why))
        return tuple(legs)

    def submit(
        self,
        requests: Sequence[OrderRequest],
        *,
        user_id: int,
        account: str | int,
        origin: Origin,
        queue: bool = False,
        ids: Sequence[str] | None = None,
    ) -> tuple[Leg, ...]:
        """Submit orders one by one, bought ones first: they hedge what is sold. What becomes of each is told in its leg.

        Bought legs go out before sold ones; nobody waits for them to execute. When one in derivatives is refused, the sold
        ones in derivatives are held back.

        Parameters
        ----------
        ids : sequence of str, optional
            A client_order_id for each request: a repeated call places nothing twice.

        Raises
        ------
        InvalidOrder, Unsupported, NotFound
            As `margin`; nothing was stored.
        """
        chosen = self._account(account, user_id)
        if ids is not None and (len(ids) != len(requests) or len(set(ids)) != len(ids)):
            raise InvalidOrder(
                "A basket needs one id for each of its orders, no id twice.", hint="Leave them out and they are made."
            )
        own: Sequence[str | None] = ids if ids is not None else [None] * len(requests)
        named = list(zip(self._ready(requests, chosen), own, strict=True))
        legs: list[Leg] = []
        uncovered = False
        for request, own_id in sorted(named, key=lambda one: one[0].side is Side.SELL):
            if uncovered and request.side is Side.SELL and _contract(request):
                legs.append(Leg(request, why=HELD_BACK))
                continue
            leg = self._submitted(request, own_id, user_id, account, origin, queue=queue)
            uncovered = uncovered or (request.side is Side.BUY and _contract(request) and not _stands(leg))
            legs.append(leg)
        return tuple(legs)

    def _submitted(
        self, request: OrderRequest, own_id: str | None, user_id: int, account: str | int, origin: Origin, *, queue: bool
    ) -> Leg:
        submit = self._submission.submit
        try:
            order = submit(request, user_id=user_id, account=account, origin=origin, queue=queue, client_order_id=own_id)
        except SigmaError as error:
            return Leg(request, why=str(error))
        return Leg(order.request, order, None, order.risk_note if order.status is OrderStatus.REJECTED_RISK else "")

    def _account(self, account: str | int, user_id: int) -> Account:
        with self._house.store.read() as tx:
            return self._house.account(tx, account, user_id)

    def _ready(self, requests: Sequence[OrderRequest], account: Account) -> list[OrderRequest]:
        """Return the orders on their listings' ticks, once each of them could be taken by the account's broker."""
        if not 0 < len(requests) <= MOST_LEGS:
            raise InvalidOrder(f"A basket has 1 to {MOST_LEGS} orders, this one {len(requests)}.", hint="Make it in parts.")
        fitted = [fit(request, self._house.listings.get(request.listing)) for request in requests]
        for request in fitted:
            suit(request, self._house.capabilities(account))
        return fitted

    def _priced(self, requests: Sequence[OrderRequest], account: Account) -> list[Priced]:
        """Return the orders as the broker takes them, with the price that values each."""
        return [
            (suit(request, self._house.capabilities(account)), self._previews.value_price(request, account))
            for request in requests
        ]


def hedges_first(requests: Sequence[OrderRequest]) -> list[OrderRequest]:
    """Return orders with the bought ones first, otherwise as they come."""
    return sorted(requests, key=lambda request: request.side is Side.SELL)


def _contract(request: OrderRequest) -> bool:
    return split_listing(request.listing)[0] not in CASH


def _stands(leg: Leg) -> bool:
    return leg.order is not None and leg.order.status not in (OrderStatus.REJECTED_RISK, OrderStatus.FAILED)


def _made(request: OrderRequest) -> Callable[[], OrderRequest]:
    return lambda: request
