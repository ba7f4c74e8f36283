"""Rules on how many and how much. Those on a quantity lower it where the limit says so; orders that only reduce pass."""

from __future__ import annotations

from sigma.domain.money import ZERO, indian
from sigma.domain.orders import Side
from sigma.domain.risk import RuleResult
from sigma.engines.risk.case import Case, Place, allow, bounded, reject, rule, unit_price

NO_PRICE = "no price young enough to value the order against its limit"


@rule("max_open_positions", Place.SIZE)
def max_open_positions(case: Case, left: int) -> RuleResult:
    """Keep the number of distinct (listing, product) that are open or being entered within the limit, this one included."""
    numbers: dict[str, object] = {}
    for row, limit in case.set("max_open_positions"):
        others = case.book.of(row.scope).positions
        if others is None:
            return reject("max_open_positions", "POSITION_UNKNOWN", "what is open is not known", scope=row.scope)
        numbers = {"open": others, "limit": limit}
        if others + 1 > limit:
            text = f"{others} positions are open or being entered, and at most {limit} may be"
            return reject("max_open_positions", "MAX_POSITIONS", text, scope=row.scope, **numbers)
    return allow("max_open_positions", **numbers)


@rule("max_orders_per_minute", Place.SIZE)
def max_orders_per_minute(case: Case, left: int) -> RuleResult:
    """Keep the orders admitted in any 60 seconds within the limit, this one included. A modify is no new order."""
    numbers: dict[str, object] = {}
    for row, limit in [] if case.book.amending else case.set("max_orders_per_minute"):
        others = case.book.of(row.scope).orders
        if others is None:
            return reject("max_orders_per_minute", "COUNT_UNKNOWN", "how many orders went out is not known", scope=row.scope)
        numbers = {"orders": others, "limit": limit}
        if others + 1 > limit:
            text = f"{others} orders were admitted within a minute, and at most {limit} may be"
            return reject("max_orders_per_minute", "MAX_ORDERS", text, scope=row.scope, **numbers)
    return allow("max_orders_per_minute", **numbers)


@rule("max_exposure", Place.SIZE)
def max_exposure(case: Case, left: int) -> RuleResult:
    """Keep the rupees at work in a security, over the user's accounts and with this order, within the limit."""
    rows = case.set("max_exposure")
    if not rows:
        return allow("max_exposure")
    price, there = unit_price(case.order, case.book.last_price), case.book.exposure
    if price is None or there is None:
        return reject("max_exposure", "NO_PRICE", "no price young enough to value what is at work in the security")
    free = case.closable or 0
    room = [(row, free + int(max(ZERO, limit - there) // price)) for row, limit in rows]
    bound = min(limit for _, limit in rows)

    def words() -> str:
        return f"with ₹{indian(there)} at work in the security exceeds ₹{indian(bound)}"

    return bounded(case, left, "max_exposure", "MAX_EXPOSURE", room, words, there=there, price=price, limit=bound)


@rule("allow_short_selling", Place.SIZE)
def allow_short_selling(case: Case, left: int) -> RuleResult:
    """Where short selling is not allowed, a SELL is at most what is held minus exits already at work."""
    rows = [row for row, allowed in case.set("allow_short_selling") if not allowed]
    if case.order.side is not Side.SELL or not rows:
        return allow("allow_short_selling")
    if case.closable is None:
        return reject("allow_short_selling", "POSITION_UNKNOWN", "short selling is disabled, and what is held is not known")
    room = [(row, case.closable) for row in rows]

    def words() -> str:
        return f"is more than the {case.closable} that can be sold: short selling is disabled"

    return bounded(case, left, "allow_short_selling", "SHORT_SELLING", room, words, closable=case.closable)


@rule("max_quantity_per_order", Place.SIZE)
def max_quantity_per_order(case: Case, left: int) -> RuleResult:
    """Keep the quantity of one order within the strictest limit (units)."""
    rows = case.set("max_quantity_per_order")
    if not rows:
        return allow("max_quantity_per_order")
    bound = min(limit for _, limit in rows)
    done = case.book.filled
    room = [(row, limit - done) for row, limit in rows]

    def words() -> str:
        return f"{f'beyond the {done} executed ' if done else ''}exceeds the limit of {bound} per order"

    return bounded(case, left, "max_quantity_per_order", "MAX_QUANTITY", room, words, limit=bound)


@rule("max_order_value", Place.SIZE)
def max_order_value(case: Case, left: int) -> RuleResult:
    """Keep quantity x price within the strictest limit (rupees)."""
    rows = case.set("max_order_value")
    if not rows:
        return allow("max_order_value")
    bound = min(limit for _, limit in rows)
    price = unit_price(case.order, case.book.last_price)
    if price is None:
        return reject("max_order_value", "NO_PRICE", NO_PRICE, limit=bound)
    value = price * (left + case.book.filled)
    room = [(row, int(limit // price) - case.book.filled) for row, limit in rows]

    def words() -> str:
        return f"makes an order worth ₹{indian(value)}, which exceeds the limit of ₹{indian(bound)} per order"

    return bounded(case, left, "max_order_value", "MAX_VALUE", room, words, value=value, price=price, limit=bound)
