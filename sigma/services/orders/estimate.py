"""What orders would hold and cost, by the broker's own word; where it has none, charges by our table of rates.

Looking must not make anybody wait for long: each question is asked once, the second is left out when the first got no
answer, and what was answered is kept for a moment, because a page asks anew at every touch.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TypeVar

from sigma.domain.accounts import Account
from sigma.domain.charges import Charges, Margin
from sigma.domain.errors import SessionExpired, SigmaError
from sigma.domain.limits import CallKind
from sigma.domain.orders import OrderRequest
from sigma.domain.portfolio import Funds
from sigma.domain.preview import Estimate, Funding
from sigma.domain.rates import Rates, no_rates, segment_of
from sigma.domain.show import rupees
from sigma.engines.costs import Executed, of_orders
from sigma.ports.broker import Broker
from sigma.services.orders.house import OrderHouse
from sigma.services.portfolio import FUNDS, rows_of

Answer = TypeVar("Answer")
Priced = tuple[OrderRequest, Decimal | None]
"""An order and the rupees per unit that value it; None when there is no price."""

PATIENCE_S = 1.5
KEPT_NS = 3_000_000_000
MOST_KEPT = 64
OWN_RATES = "our table of rates"


class Estimates:
    """Asks brokers what orders would hold and cost. Shared by threads.

    Parameters
    ----------
    rates : mapping of str to Rates
        By broker's name: what a broker charges that does not estimate it.
    """

    def __init__(self, house: OrderHouse, rates: Mapping[str, Rates]) -> None:
        self._house = house
        self._rates = rates
        self._guard = threading.Lock()
        self._kept: dict[object, tuple[int, Funding]] = {}

    def of(self, account: Account, orders: Sequence[Priced]) -> Funding:
        """Return what orders would hold and cost together on an account, beside its stored funds; never raises BrokerError.

        Parameters
        ----------
        orders : sequence of Priced
            As the account's broker takes them (`engines.orders.suit`).
        """
        key, now_ns = (account.id, tuple(orders)), self._house.clock.boot_ns()
        with self._guard:
            known = self._kept.get(key)
        if known is None or now_ns - known[0] >= KEPT_NS:
            known = self._house.clock.boot_ns(), self._asked(account, orders)
            with self._guard:
                if len(self._kept) >= MOST_KEPT:
                    self._kept.clear()
                self._kept[key] = known
        return self._beside(account, known[1])

    def _asked(self, account: Account, orders: Sequence[Priced]) -> Funding:
        requests = [request for request, _ in orders]
        held, why, answered = self._margin(account, requests)
        margin = Estimate(None, why) if held is None else Estimate(held.final_total, "", held.parts, self._title(account))
        unpriced = next((request.listing for request, price in orders if price is None), None)
        if unpriced is not None:
            charges = Estimate(None, f"there is no price of {unpriced}")
        elif not answered:
            charges = Estimate(None, why)
        else:
            charges = self._charges(account, [(request, price) for request, price in orders if price is not None])
        return Funding(margin, charges, held)

    def _margin(self, account: Account, requests: Sequence[OrderRequest]) -> tuple[Margin | None, str, bool]:
        """Return the margin, why there is none, and whether the broker is there to be asked for more."""
        if not self._house.capabilities(account).margin_preview:
            return None, f"{account.name} does not estimate margin", True
        try:
            return self._read(account, lambda broker: broker.margin(requests)), "", True
        except SigmaError as error:
            return None, _words(error), not (error.retryable or isinstance(error, SessionExpired))

    def _charges(self, account: Account, orders: Sequence[tuple[OrderRequest, Decimal]]) -> Estimate:
        try:
            if self._house.capabilities(account).charges_preview:
                source, found = self._title(account), self._read(account, lambda broker: broker.charges(orders))
            else:
                source, found = OWN_RATES, self._by_rates(account, orders)
        except SigmaError as error:
            return Estimate(None, _words(error))
        return Estimate(found.total, "", found.parts, source)

    def _by_rates(self, account: Account, orders: Sequence[tuple[OrderRequest, Decimal]]) -> Charges:
        """Return what our table says; NotFound when it has nothing of this broker."""
        if account.broker not in self._rates:
            raise no_rates(account.broker, "an order")
        now = self._house.clock.now()
        executed = []
        for request, price in orders:
            listing = self._house.listings.get(request.listing)
            segment = segment_of(listing.exchange, listing.kind, request.product)
            on = self._house.session_of(request, now)
            executed.append(Executed(request.listing, request.side, request.product, segment, request.quantity, price, on))
        return of_orders(executed, self._rates[account.broker])

    def _read(self, account: Account, fn: Callable[[Broker], Answer]) -> Answer:
        return self._house.connected.read(account.id, CallKind.MARGIN, fn, attempts=1, patience_s=PATIENCE_S)

    def _beside(self, account: Account, found: Funding) -> Funding:
        with self._house.store.read() as tx:
            stored = tx.journal.snapshot(account.id, FUNDS.name)
        funds: tuple[Funds, ...] = rows_of(FUNDS, stored)
        if stored is None or not funds:
            return found
        return replace(found, available=funds[0].available, available_at=stored.taken_at)

    def _title(self, account: Account) -> str:
        return self._house.capabilities(account).title


def unfunded(found: Funding) -> list[str]:
    """Return what a person should know before saying yes: what is not known, and whether the money would do."""
    told = [
        f"{what} not known: {one.reason}." for what, one in (("Margin", found.margin), ("Charges", found.charges)) if one.reason
    ]
    needed = found.margin.amount
    if needed is not None and found.available is not None and needed > found.available:
        told.append(f"The margin of {rupees(needed)} is more than the {rupees(found.available)} that is available.")
    return told


def _words(error: SigmaError) -> str:
    return error.message.rstrip(".")
