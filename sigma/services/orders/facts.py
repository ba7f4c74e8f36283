"""What the risk gate is given: read from the broker outside of the transaction, and from the store inside.

Only what the limits that concern an order ask for is read, so that an account without limits stays fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import partial

from sigma.domain.accounts import Account, TradingMode, stricter
from sigma.domain.limits import CallKind
from sigma.domain.money import ZERO
from sigma.domain.orders import Order, OrderMode, OrderRequest, OrderStatus, Product, Source
from sigma.domain.risk import RiskLimits, RiskSnapshot, Scope
from sigma.engines import risk
from sigma.ports.storage import Unit
from sigma.services.orders.house import OrderHouse
from sigma.services.orders.ledger_look import DAY_LIMITS, Facts, Ledger, LedgerLook, executed, having, part_of
from sigma.services.turns import PATIENCE_S

VALUED = ("max_order_value", "max_exposure")
LEDGER_WIDE = (*DAY_LIMITS, "max_open_positions", "max_exposure")
"""Limits that an order of unknown outcome anywhere in their scope makes impossible to judge."""


def facts_of(seen: RiskSnapshot) -> Facts:
    """Return the facts that a stored decision saw."""
    days = {facts.scope: facts.day for facts in seen.scopes if facts.day is not None}
    return Facts(seen.last_price, seen.price_at, seen.position, seen.exits_filled, days=days)


class FactFinder:
    """Reads what the gate needs."""

    def __init__(self, house: OrderHouse, ledger: Ledger) -> None:
        self._house = house
        self._ledger = ledger

    def gather(
        self,
        request: OrderRequest,
        account: Account,
        strategy: str,
        *,
        reduce_only: bool = False,
        patience_s: float = PATIENCE_S,
    ) -> Facts:
        """Read quotes, and where only exits may pass the broker's position; that waits for its turn for `patience_s`.

        Raises
        ------
        SessionExpired
            The account is not logged in.
        """
        house = self._house
        house.connected.broker(account.id)
        with house.store.read() as tx:
            limits = risk.applicable(tx.risk.limits(account.user_id), account.id, strategy)
            exits_only = reduce_only or mode_of(tx, account) is TradingMode.EXIT_ONLY
            held = self.held(tx, limits, account, strategy)
            filled = executed(tx, request, account, house.clock.now()) if exits_only else 0  # before the position is read
        price, at = self._price(request, account) if having(limits, *VALUED) else (None, None)
        prices = house.prices.last_quotes(held, account.id) if held else {}
        facts = Facts(price, at, prices={text: quote.last_price for text, quote in prices.items()})
        return replace(facts, position=self._position(request, account, patience_s), exits_filled=filled) if exits_only else facts

    def held(self, tx: Unit, limits: Sequence[RiskLimits], account: Account, strategy: str) -> Sequence[str]:
        """Return the listings whose prices make the results that limits ask for."""
        return sorted(
            {
                listing
                for row in having(limits, *DAY_LIMITS)
                for listing in self._ledger.open_listings(tx, **part_of(row, account, strategy), simulated=account.simulated)
            }
        )

    def _price(self, request: OrderRequest, account: Account) -> tuple[Decimal | None, datetime | None]:
        quote = self._house.prices.last_quote(request.listing, account.id)
        oldest = self._house.seconds("orders.quote_max_age")
        if quote is None or (self._house.clock.now() - quote.at).total_seconds() > oldest:
            return None, None
        return quote.last_price, quote.at

    def _position(self, request: OrderRequest, account: Account, patience_s: float) -> int:
        read = partial(self._house.connected.read, attempts=1, patience_s=patience_s)
        positions = read(account.id, CallKind.POSITIONS, lambda broker: broker.positions())
        held = sum(row.quantity for row in positions.rows if (row.listing, row.product) == (request.listing, request.product))
        if request.product is Product.CNC:
            holdings = read(account.id, CallKind.HOLDINGS, lambda broker: broker.holdings())
            held += sum(row.quantity + row.t1_quantity for row in holdings.rows if row.listing == request.listing)
        return held

    def snapshot(
        self, tx: Unit, order: Order, account: Account, facts: Facts, limits: Sequence[RiskLimits], *, amending: bool
    ) -> RiskSnapshot:
        """Return what the gate looks at, as the transaction sees it. `limits` are those that concern the order."""
        mode = mode_of(tx, account)
        kills = tuple(kill for kill in tx.risk.kills(account.user_id) if kill.stops(account.id, order.strategy))
        book = RiskSnapshot(
            mode,
            facts.position,
            0,
            facts.last_price,
            facts.price_at,
            kills,
            facts.exits_filled,
            lot_size=order.lot_size,
            filled=order.filled_quantity,
            reduce_only=order.reduce_only,
            killing=bool(kills) and order.reduce_only and order.source is Source.KILL,
            automatic=order.mode is OrderMode.AUTO and order.source is not Source.KILL,
            enabled=account.enabled,
            amending=amending,
            raises=not amending or raises(tx.orders.get(order.id).request, order.request),
            unsettled=_unsettled(tx, account, limits),
        )
        exits_only = mode is TradingMode.EXIT_ONLY or order.reduce_only
        set_here = [row for row in limits if row != RiskLimits(row.scope, row.strategy, row.account_id, clamp=row.clamp)]
        if not (exits_only or set_here or book.unsettled):
            return book
        wide = bool(having(limits, "max_open_positions", "max_exposure"))
        look = LedgerLook(self._house, self._ledger, tx, order, account, facts, wide=wide)
        book = look.positioned(book, exits_only=exits_only)
        exposure = look.exposure(order.request) if having(limits, "max_exposure") else None
        return replace(book, exposure=exposure, scopes=tuple(look.scope(row) for row in set_here))


def mode_of(tx: Unit, account: Account) -> TradingMode:
    """Return the stricter of the account's trading mode and its user's."""
    return stricter(account.trading_mode, TradingMode(tx.users.get(account.user_id).trading_mode))


def stands_still(tx: Unit, account: Account, strategy: str = "") -> str:
    """Return why not even an exit would go out now, empty when one would: then nothing that protects a position is taken back."""
    if account.frozen_reason:
        return f"account {account.name} is frozen: {account.frozen_reason}"
    if mode_of(tx, account) is TradingMode.PAUSED:
        return f"trading on {account.name} is paused"
    kills = [kill.reason for kill in tx.risk.kills(account.user_id) if kill.stops(account.id, strategy)]
    return f"the kill switch is on ({'; '.join(kills)})" if kills else ""


def raises(now: OrderRequest, wanted: OrderRequest) -> bool:
    """Say whether a modify raises exposure: more units, a higher price, or another order type."""
    dearer = any(
        (new or ZERO) > (old or ZERO) for old, new in ((now.price, wanted.price), (now.trigger_price, wanted.trigger_price))
    )
    return wanted.quantity > now.quantity or dearer or wanted.order_type is not now.order_type


def _unsettled(tx: Unit, account: Account, limits: Sequence[RiskLimits]) -> int:
    """Return how many orders only a person can close: the account's, and where a wider limit needs them those of all the
    user's accounts of its sort, live or simulated.
    """
    unknown = [one for one in tx.orders.list(user_id=account.user_id, statuses=(OrderStatus.UNKNOWN,)) if one.unsettled]
    if unknown and any(row.scope is not Scope.ACCOUNT for row in having(limits, *LEDGER_WIDE)):
        kin = {one.id for one in tx.accounts.list(account.user_id) if one.simulated is account.simulated}
    else:
        kin = {account.id}
    return sum(not one.slices and one.account_id in kin for one in unknown)
