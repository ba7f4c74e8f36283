"""Approval: facts are gathered outside, the risk decision and the intent are committed in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from sigma.domain.accounts import Account, TradingMode, stricter
from sigma.domain.errors import Conflict
from sigma.domain.limits import CallKind
from sigma.domain.orders import EXPOSED, Command, CommandKind, CommandState, Order, OrderRequest, OrderStatus, Product
from sigma.domain.risk import RiskDecision, RiskLimits, RiskSnapshot
from sigma.domain.signals import Signal
from sigma.domain.times import ist_date
from sigma.engines import lifecycle, risk
from sigma.engines.lifecycle import Act
from sigma.engines.orders import lateness, suit
from sigma.ports.storage import Unit
from sigma.services.orders.house import OrderHouse


@dataclass(frozen=True, slots=True)
class Facts:
    """What was read from the broker before the transaction; None where it was not needed or not to be had."""

    last_price: Decimal | None = None
    price_at: datetime | None = None
    position: int | None = None
    exits_filled: int = 0


def signal_of(tx: Unit, order: Order) -> Signal | None:
    """Return the message that asked for an order, None when a person did."""
    return tx.signals.get(order.signal_id) if order.signal_id else None


class Approval:
    """Turns a waiting order into an intent to send, or into a stored refusal."""

    def __init__(self, house: OrderHouse) -> None:
        self._house = house

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

    def prepare(self, order: Order, account: Account) -> tuple[Order, Facts]:
        """Return the order as this account's broker takes it, and what the risk gate will need; nothing is stored.

        Raises
        ------
        SessionExpired, Unsupported
            The account is not logged in, or its broker does not take such an order.
        """
        suited = replace(order, request=suit(order.request, self._house.capabilities(account)))
        return suited, self.gather(suited.request, account, order.strategy)

    def gather(self, request: OrderRequest, account: Account, strategy: str) -> Facts:
        """Read what the risk gate will need; raises SessionExpired when the account is not logged in."""
        house = self._house
        house.connected.broker(account.id)
        with house.store.read() as tx:
            limits = risk.applicable(tx.risk.limits(account.user_id), account.id, strategy)
            mode = stricter(account.trading_mode, TradingMode(tx.users.get(account.user_id).trading_mode))
        price, at = self._price(request, account, limits)
        if mode is not TradingMode.EXIT_ONLY:
            return Facts(price, at)
        with house.store.read() as tx:
            filled = self._executed(tx, request, account)  # before the position is read: what comes later counts as gone
        read = house.connected.read
        positions = read(account.id, CallKind.POSITIONS, lambda broker: broker.positions(), attempts=1)
        held = sum(row.quantity for row in positions.rows if (row.listing, row.product) == (request.listing, request.product))
        if request.product is Product.CNC:
            holdings = read(account.id, CallKind.HOLDINGS, lambda broker: broker.holdings(), attempts=1)
            held += sum(row.quantity + row.t1_quantity for row in holdings.rows if row.listing == request.listing)
        return Facts(price, at, held, filled)

    def _price(
        self, request: OrderRequest, account: Account, limits: Sequence[RiskLimits]
    ) -> tuple[Decimal | None, datetime | None]:
        if all(limit.max_order_value is None for limit in limits):
            return None, None
        quote = self._house.prices.last_quote(request.listing, account.id)
        oldest = self._house.seconds("orders.quote_max_age")
        if quote is None or (self._house.clock.now() - quote.at).total_seconds() > oldest:
            return None, None
        return quote.last_price, quote.at

    def admit(self, tx: Unit, order: Order, account: Account, facts: Facts) -> Order:
        """Decide, store the decision, and commit either the refusal or the intent (order APPROVED, PLACE pending)."""
        house, now = self._house, self._house.clock.now()
        decision = self.decide(tx, order, account, facts)
        tx.orders.add_decision(replace(decision, order_id=order.id))
        placed = replace(order, account_id=account.id, risk_note=decision.text)
        if not decision.allowed:
            refused = lifecycle.move(placed, Act.RISK_REJECT, now)
            return house.save(tx, refused, "RISK_REJECTED", decision.text, code=decision.code)
        approved = lifecycle.move(placed, Act.APPROVE, now)
        approved = replace(approved, approved_at=now, stale_reason="", session_date=house.session_of(order.request, now))
        stored = house.save(tx, approved, "APPROVED", f"approved on {account.name}", account=account.name)
        tx.commands.add(Command(0, order.id, account.id, CommandKind.PLACE, CommandState.PENDING, now))
        return stored

    def decide(self, tx: Unit, order: Order, account: Account, facts: Facts) -> RiskDecision:
        """Run the risk gate on what the transaction sees."""
        user = tx.users.get(account.user_id)
        mode = stricter(account.trading_mode, TradingMode(user.trading_mode))
        book = RiskSnapshot(
            trading_mode=mode,
            position=facts.position,
            exits_working=self._working(tx, order, account, facts) if mode is TradingMode.EXIT_ONLY else 0,
            exits_filled=facts.exits_filled,
            last_price=facts.last_price,
            price_at=facts.price_at,
            kills=tuple(kill for kill in tx.risk.kills(account.user_id) if kill.on and kill.account_id in (None, account.id)),
        )
        limits = risk.applicable(tx.risk.limits(account.user_id), account.id, order.strategy)
        return risk.decide(order.request, book, limits, self._house.clock.now())

    def _working(self, tx: Unit, order: Order, account: Account, facts: Facts) -> int:
        """Units that other orders of this direction, listing and product take from the position as it was read.

        That is what they still have to execute, and what was executed after the reading. An order that is to be modified
        has room for what it executed itself.
        """
        others = tx.orders.list(account_id=account.id, listing=order.listing, statuses=tuple(EXPOSED))
        same = (order.request.side, order.request.product)
        working = sum(
            other.unfilled for other in others if other.id != order.id and (other.request.side, other.request.product) == same
        )
        since = self._executed(tx, order.request, account) - facts.exits_filled
        return working + max(0, since) - order.filled_quantity

    def _executed(self, tx: Unit, request: OrderRequest, account: Account) -> int:
        """Units that today's orders of this direction, listing and product have executed, as far as we know."""
        today = ist_date(self._house.clock.now())
        same = (request.side, request.product)
        orders = tx.orders.list(account_id=account.id, listing=request.listing, session=today)
        return sum(other.filled_quantity for other in orders if (other.request.side, other.request.product) == same)
