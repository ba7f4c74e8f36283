"""Approval: facts are gathered outside, the risk decision and the intent are committed in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from sigma.domain.accounts import Account
from sigma.domain.errors import Conflict
from sigma.domain.orders import Order, OrderRequest, OrderStatus
from sigma.domain.risk import RiskDecision
from sigma.domain.signals import Signal
from sigma.engines import lifecycle, risk
from sigma.engines.lifecycle import Act
from sigma.engines.orders import lateness, suit
from sigma.ports.storage import Unit
from sigma.services.orders import before_wire, slices
from sigma.services.orders.facts import FactFinder, facts_of
from sigma.services.orders.gtt import want_gtt
from sigma.services.orders.house import OrderHouse
from sigma.services.orders.ledger_look import Facts, Ledger
from sigma.services.turns import PATIENCE_S


def signal_of(tx: Unit, order: Order) -> Signal | None:
    """Return the message that asked for an order, None when a person did."""
    return tx.signals.get(order.signal_id) if order.signal_id else None


class Approval:
    """Turns a waiting order into an intent to send, or into a stored refusal."""

    def __init__(self, house: OrderHouse, ledger: Ledger) -> None:
        self._house = house
        self._finder = FactFinder(house, ledger)

    def approve(
        self, order_id: int, account: str | int, *, user_id: int, version: int | None = None, late: bool = False
    ) -> Order:
        """Approve a waiting order on an explicitly named account.

        Parameters
        ----------
        version : int, optional
            The version the person saw; Conflict when the order changed since.
        late : bool
            The person knows that the signal is old and wants it all the same.

        Raises
        ------
        Conflict
            Not waiting any more, changed meanwhile, or late without `late`.
        SessionExpired, Unsupported
            The account is not logged in, or its broker does not take such an order.
        """
        house = self._house
        with house.store.read() as tx:
            order = self.waiting(tx, order_id, user_id, version, late)
            chosen = house.account(tx, account, user_id)
        ready, facts = self.prepare(order, chosen)
        with house.store.begin() as tx:
            tx.users.lock(user_id)
            order = self.waiting(tx, order_id, user_id, order.version, late)
            chosen = tx.accounts.get(chosen.id)
            return self.admit(tx, replace(order, request=ready.request), chosen, facts)

    def waiting(self, tx: Unit, order_id: int, user_id: int, version: int | None, late: bool) -> Order:
        """Return an order that can be approved now, or raise Conflict."""
        order = self._house.own(tx, order_id, user_id, version)
        if order.status is not OrderStatus.WAITING:
            raise Conflict(
                f"Order {order.id} is {order.status}, not waiting for approval.", hint="Nothing was sent by this call."
            )
        reason = self.lateness(order, signal_of(tx, order))
        if reason and not late:
            raise Conflict(
                f"Order {order.id} comes from a signal that is {reason}.",
                hint="Look at the price; approve it again and say that you know it is late.",
                code="LATE_SIGNAL",
            )
        return order

    def lateness(self, order: Order, signal: Signal | None) -> str:
        """Return why an approval of this order asks again, empty when it does not."""
        max_age = timedelta(seconds=self._house.seconds("signals.max_age"))
        return lateness(order, signal, self._house.clock.now(), max_age)

    def prepare(self, order: Order, account: Account, *, patience_s: float = PATIENCE_S) -> tuple[Order, Facts]:
        """Return the order as this account's broker takes it, and what the risk gate will need; nothing is stored.

        A read at the broker waits for its turn for at most `patience_s`.

        Raises
        ------
        SessionExpired, Unsupported, InvalidOrder
            The account is not logged in, or its broker does not take such an order, or the exchange would refuse it.
        """
        suited = replace(order, request=suit(order.request, self._house.capabilities(account)))
        before_wire.check(self._house, suited, account)
        found = self._finder.gather(suited.request, account, order.strategy, reduce_only=order.reduce_only, patience_s=patience_s)
        return suited, found

    def gather(self, request: OrderRequest, account: Account, strategy: str, *, reduce_only: bool = False) -> Facts:
        """Read what the risk gate will need; raises SessionExpired when the account is not logged in."""
        return self._finder.gather(request, account, strategy, reduce_only=reduce_only)

    def held(self, tx: Unit, account: Account, strategy: str) -> Sequence[str]:
        """Return the listings whose prices make the results that limits on orders of a strategy on an account ask for."""
        limits = risk.applicable(tx.risk.limits(account.user_id), account.id, strategy)
        return self._finder.held(tx, limits, account, strategy)

    def admit(self, tx: Unit, order: Order, account: Account, facts: Facts) -> Order:
        """Decide, store the decision, and commit either the refusal or the intent (order APPROVED, PLACE pending)."""
        house, now = self._house, self._house.clock.now()
        decision = self.decide(tx, order, account, facts)
        tx.orders.add_decision(replace(decision, order_id=order.id))
        placed = replace(order, account_id=account.id, risk_note=decision.text)
        if not decision.allowed:
            refused = lifecycle.move(placed, Act.RISK_REJECT, now)
            return house.save(tx, refused, "RISK_REJECTED", decision.text, code=decision.code)
        placed = replace(placed, request=_asked(order.request, decision.quantity))
        approved = lifecycle.move(placed, Act.APPROVE, now)
        approved = replace(approved, approved_at=now, stale_reason="", session_date=house.session_of(order.request, now))
        text = " · ".join(filter(None, (f"approved on {account.name}", decision.text)))
        if order.request.gtt:
            return want_gtt(house, tx, approved, text)
        return slices.approved(house, tx, approved, text, account=account.name)

    def decide(self, tx: Unit, order: Order, account: Account, facts: Facts, *, amending: bool | None = None) -> RiskDecision:
        """Run the risk gate on what the transaction sees. The decision's quantity is what may go, perhaps less than asked for.

        Parameters
        ----------
        amending : bool, optional
            `order` is what a modify wants of a working order; by default, when it works.
        """
        limits = risk.applicable(tx.risk.limits(account.user_id), account.id, order.strategy)
        amends = order.status.live if amending is None else amending
        book = self._finder.snapshot(tx, order, account, facts, limits, amending=amends)
        return risk.decide(order.request, book, limits, self._house.clock.now())

    def decide_again(self, tx: Unit, order: Order, account: Account) -> str:
        """Say why what was allowed may not go any more, empty when it may: by limits and orders as they are now.

        `order` is approved and shall be placed, or works and carries what a modify wants of it. Price, position and results
        are those that its decision saw, and as much is asked for as then. Slices are decided as one, by their whole. A
        decision that says no is stored.
        """
        amending = order.status.live
        whole = tx.orders.get(order.parent_id) if order.slice_no and order.parent_id and not amending else order
        decisions = tx.orders.decisions(whole.id)
        if not decisions:
            return "no risk decision is stored for it"
        asked, seen, _ = risk.from_inputs(decisions[-1].inputs)
        wanted = whole if amending else replace(whole, request=_asked(whole.request, asked.quantity))
        decision = self.decide(tx, wanted, account, facts_of(seen), amending=amending)
        if decision.allowed and decision.quantity >= whole.request.quantity:
            return ""
        tx.orders.add_decision(replace(decision, order_id=whole.id))
        return decision.text if not decision.allowed else f"only {decision.quantity} may go now: {decision.text}"


def _asked(request: OrderRequest, quantity: int) -> OrderRequest:
    """Return a request for another quantity."""
    return replace(request, quantity=quantity, disclosed_quantity=min(request.disclosed_quantity, quantity))
