"""Looking before one leaps: what would come of an order now, by the very checks that placing and approving it make."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from sigma.domain.accounts import Account
from sigma.domain.errors import SigmaError
from sigma.domain.instruments import Listing
from sigma.domain.market import Quote
from sigma.domain.orders import Order, OrderMode, OrderRequest, OrderStatus
from sigma.domain.preview import Estimate, Funding, Preview, Waiting
from sigma.domain.risk import RiskDecision
from sigma.ports.feed import LastPrices
from sigma.services.orders import before_wire
from sigma.services.orders.approve import Approval, signal_of
from sigma.services.orders.estimate import Estimates, unfunded
from sigma.services.orders.house import OrderHouse
from sigma.services.orders.ledger_look import Facts
from sigma.services.orders.submit import Origin, new_order


class Previews:
    """Judges orders without storing or sending anything.

    Parameters
    ----------
    prices : LastPrices
        Has stored quotes: a young one values an order without asking a broker.
    """

    def __init__(self, house: OrderHouse, approval: Approval, prices: LastPrices, estimates: Estimates) -> None:
        self._house = house
        self._approval = approval
        self._prices = prices
        self._estimates = estimates

    def wish(
        self,
        make: Callable[[], OrderRequest],
        *,
        user_id: int,
        account: str | int | None,
        origin: Origin,
        estimated: bool = True,
    ) -> Preview:
        """Return what a submission would come to.

        Parameters
        ----------
        make : callable
            Builds the request; what it refuses is a problem of the preview too.
        estimated : bool
            Whether the broker is asked for margin and charges.
        """
        house, chosen = self._house, None
        try:
            chosen = self._account(account, user_id)
            request = make()
            listing = house.listings.get(request.listing)
            order = new_order(house.clock.now(), user_id, request, listing, origin)
        except SigmaError as error:
            return _refused(chosen, error)
        return self._judged(order, chosen, _rounded(request, order.request, listing), estimated=estimated)

    def waiting(self, order_id: int, *, user_id: int, account: str | int | None = None, estimated: bool = True) -> Preview:
        """Return what the approval of a waiting order would come to, on the account it has unless another is named.

        Parameters
        ----------
        estimated : bool
            Whether the broker is asked for margin and charges.

        Raises
        ------
        NotFound
            There is no such order of this user.
        """
        chosen = None
        with self._house.store.read() as tx:
            order = self._house.own(tx, order_id, user_id)
        try:
            chosen = self._account(order.account_id if account is None else account, user_id)
            with self._house.store.read() as tx:
                order = self._approval.waiting(tx, order_id, user_id, None, late=True)
                late = self._approval.lateness(order, signal_of(tx, order))
        except SigmaError as error:
            return _refused(chosen, error)
        return self._judged(order, chosen, [f"The signal is {late}."] if late else [], late, estimated=estimated)

    def queue(self, *, user_id: int, limit: int | None = None) -> Sequence[Waiting]:
        """Return what waits for approval, oldest first, at most so many; what goes by itself (AUTO) waits for nobody's."""
        waiting, manual = [OrderStatus.WAITING], OrderMode.MANUAL
        with self._house.store.read() as tx:
            orders = tx.orders.list(user_id=user_id, statuses=waiting, mode=manual, newest_first=False, limit=limit)
            told = [(order, signal_of(tx, order)) for order in orders]
        return [
            Waiting(order, signal.platform if signal else "", self._approval.lateness(order, signal)) for order, signal in told
        ]

    def glance(self, order_ids: Sequence[int], *, user_id: int, account: str | None) -> Mapping[int, RiskDecision]:
        """Return what the risk gate says of waiting orders by stored facts alone: no broker is asked, so nobody waits.

        What it needs from a broker it counts as not known. `account` is for orders that have none of their own; one that has
        none then either is absent, and so is one that does not wait any more.
        """
        house = self._house
        with house.store.read() as tx:
            wanted = frozenset(order_ids)
            orders = [one for one in tx.orders.list(user_id=user_id, statuses=[OrderStatus.WAITING]) if one.id in wanted]
            accounts = {one.id: one for one in tx.accounts.list(user_id)}
            preset = next((one for one in accounts.values() if one.name == account), None)
            young = self._young([order.listing for order in orders])
            held = dict[tuple[int, str], Mapping[str, Decimal]]()
            found = {}
            for order in orders:
                chosen = accounts.get(order.account_id) if order.account_id else preset
                if chosen is not None:
                    quote = young.get(order.listing)
                    place = (chosen.id, order.strategy)
                    if place not in held:
                        held[place] = self._young_prices(self._approval.held(tx, chosen, order.strategy))
                    facts = Facts(quote.last_price, quote.at) if quote else Facts()
                    facts = replace(facts, prices=held[place])
                    found[order.id] = self._approval.decide(tx, order, chosen, facts)
        return found

    def value_price(self, request: OrderRequest, account: Account) -> Decimal | None:
        """Return the rupees per unit that value an order: its own price, else the last one; None when there is none."""
        return self._price(request, account, Facts())[0]

    def _young(self, listings: Sequence[str]) -> Mapping[str, Quote]:
        """Return the stored quotes that are young enough to judge by."""
        oldest, now = self._house.seconds("orders.quote_max_age"), self._house.clock.now()
        stored = self._prices.last_quotes(listings)
        return {text: quote for text, quote in stored.items() if (now - quote.at).total_seconds() <= oldest}

    def _young_prices(self, listings: Sequence[str]) -> Mapping[str, Decimal]:
        quotes = self._young(listings) if listings else {}
        return {text: quote.last_price for text, quote in quotes.items()}

    def _account(self, account: str | int | None, user_id: int) -> Account | None:
        if account is None:
            return None
        with self._house.store.read() as tx:
            return self._house.account(tx, account, user_id)

    def _judged(
        self, order: Order, account: Account | None, warnings: Sequence[str], late: str = "", *, estimated: bool = True
    ) -> Preview:
        decision, facts, problems = None, Facts(), list[str]()
        if account is not None:
            try:
                order, facts, decision = self._decided(order, account)
            except SigmaError as error:
                problems.append(str(error))
        price, at = self._price(order.request, account, facts)
        funding = _unestimated(account, problems)
        if account is not None and not problems and estimated:
            going = order.request if decision is None else _going(order.request, decision)
            funding = self._estimates.of(account, [(going, price)])
        unknown = [f"The value is not known: there is no quote of {order.listing}."] if price is None else []
        frozen = account.frozen_reason if account else None
        held = [f"{account.name} is frozen, so the order would come back to the queue: {frozen}."] if account and frozen else []
        if account is not None and not problems:
            held += before_wire.warnings(self._house, order.request, account)
        return Preview(
            account=account.name if account else None,
            value=None if price is None else price * order.request.quantity,
            price_used=price,
            quote_at=at,
            margin=funding.margin,
            charges=funding.charges,
            decision=decision,
            warnings=(*held, *warnings, *unknown, *(unfunded(funding) if estimated and not problems else ())),
            problems=tuple(problems),
            late=late,
            available=funding.available,
            available_at=funding.available_at,
        )

    def _decided(self, order: Order, account: Account) -> tuple[Order, Facts, RiskDecision]:
        ready, facts = self._approval.prepare(order, account)
        with self._house.store.read() as tx:
            return ready, facts, self._approval.decide(tx, ready, tx.accounts.get(account.id), facts)

    def _price(self, request: OrderRequest, account: Account | None, facts: Facts) -> tuple[Decimal | None, datetime | None]:
        """Return the price that values the order, and when it was quoted where it is a quote."""
        own = request.price or request.trigger_price
        if own is not None:
            return own, None
        if facts.last_price is not None:
            return facts.last_price, facts.price_at
        quote = self._quote(request.listing, account)
        return (quote.last_price, quote.at) if quote else (None, None)

    def _quote(self, listing: str, account: Account | None) -> Quote | None:
        """Return the stored quote while it is young, else what the brokers say, else the old one."""
        stored = self._prices.last_quotes([listing]).get(listing)
        age = (self._house.clock.now() - stored.at).total_seconds() if stored else None
        if account is None or (age is not None and age <= self._house.seconds("orders.quote_max_age")):
            return stored
        return self._house.prices.last_quote(listing, account.id) or stored


def _going(request: OrderRequest, decision: RiskDecision) -> OrderRequest:
    """Return the order as it would be sent: what the risk gate lowers holds and costs less."""
    units = decision.quantity if decision.allowed and 0 < decision.quantity < request.quantity else request.quantity
    return replace(request, quantity=units, disclosed_quantity=min(request.disclosed_quantity, units))


def _refused(account: Account | None, error: SigmaError) -> Preview:
    none = _unestimated(account, [str(error)])
    return Preview(account.name if account else None, None, None, None, none.margin, none.charges, None, problems=(str(error),))


def _unestimated(account: Account | None, problems: Sequence[str]) -> Funding:
    """Return why nothing was estimated."""
    why = "no account is chosen" if account is None else "the order would not be taken" if problems else "nobody asked"
    return Funding(Estimate(None, why), Estimate(None, why))


def _rounded(asked: OrderRequest, fitted: OrderRequest, listing: Listing) -> list[str]:
    pairs = (("limit", asked.price, fitted.price), ("trigger", asked.trigger_price, fitted.trigger_price))
    return [
        f"The {what} price {was} goes out as {now}: the tick is {listing.tick_size}." for what, was, now in pairs if was != now
    ]
