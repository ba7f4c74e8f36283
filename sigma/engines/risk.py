"""The risk gate: small pure rules, each with a reason code and the numbers behind it. A rule that fails rejects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal

from sigma.domain.accounts import TradingMode
from sigma.domain.money import indian
from sigma.domain.orders import OrderRequest
from sigma.domain.risk import KillState, RiskDecision, RiskLimits, RiskSnapshot, RuleResult, Scope

Rule = Callable[[OrderRequest, RiskSnapshot, Sequence[RiskLimits]], RuleResult]
RULES: dict[str, Rule] = {}


def rule(name: str) -> Callable[[Rule], Rule]:
    """Register a rule under `name`; rules run in the order of their definition."""

    def register(function: Rule) -> Rule:
        if name in RULES:
            raise ValueError(f"risk rule {name} is defined twice")
        RULES[name] = function
        return function

    return register


def allow(name: str, **numbers: object) -> RuleResult:
    """Return a rule's consent."""
    return RuleResult(name, allowed=True, numbers={key: str(value) for key, value in numbers.items()})


def reject(name: str, code: str, text: str, **numbers: object) -> RuleResult:
    """Return a rule's refusal."""
    return RuleResult(name, allowed=False, code=code, text=text, numbers={key: str(value) for key, value in numbers.items()})


@rule("kill_switch")
def kill_switch(order: OrderRequest, book: RiskSnapshot, limits: Sequence[RiskLimits]) -> RuleResult:
    """Nothing is placed while a kill switch that concerns this account is on."""
    on = [kill for kill in book.kills if kill.on]
    if not on:
        return allow("kill_switch")
    reason = "; ".join(kill.reason or "no reason given" for kill in on)
    return reject("kill_switch", "KILLED", f"the kill switch is on ({reason})")


@rule("trading_mode")
def trading_mode(order: OrderRequest, book: RiskSnapshot, limits: Sequence[RiskLimits]) -> RuleResult:
    """PAUSED places nothing; EXIT_ONLY only what reduces, up to what is held minus exits already at work."""
    if book.trading_mode is TradingMode.NORMAL:
        return allow("trading_mode")
    if book.trading_mode is TradingMode.PAUSED:
        return reject("trading_mode", "PAUSED", "trading is paused")
    if book.position is None:
        return reject("trading_mode", "POSITION_UNKNOWN", "only exits are allowed, and what is held could not be read")
    left = reducible(order, book)
    numbers = {"held": book.position, "exits_working": book.exits_working, "quantity": order.quantity}
    if order.quantity > left:
        return reject("trading_mode", "EXIT_ONLY", f"only exits are allowed, and at most {left} can be closed", **numbers)
    return allow("trading_mode", **numbers)


def reducible(order: OrderRequest, book: RiskSnapshot) -> int:
    """Return how many units of `order`'s direction would only reduce."""
    against = -(book.position or 0) * order.side.sign
    return max(0, against - book.exits_working)


@rule("max_quantity_per_order")
def max_quantity_per_order(order: OrderRequest, book: RiskSnapshot, limits: Sequence[RiskLimits]) -> RuleResult:
    """Keep the quantity of one order within the strictest limit (units)."""
    bounds = [limit.max_quantity_per_order for limit in limits if limit.max_quantity_per_order is not None]
    if not bounds:
        return allow("max_quantity_per_order")
    bound = min(bounds)
    if order.quantity > bound:
        text = f"quantity {order.quantity} exceeds the limit of {bound} per order"
        return reject("max_quantity_per_order", "MAX_QUANTITY", text, quantity=order.quantity, limit=bound)
    return allow("max_quantity_per_order", quantity=order.quantity, limit=bound)


@rule("max_order_value")
def max_order_value(order: OrderRequest, book: RiskSnapshot, limits: Sequence[RiskLimits]) -> RuleResult:
    """Keep quantity x price within the strictest limit (rupees).

    A market order is valued at the last price. A stop is valued at the higher of its prices, a SELL limit at the higher
    of its limit and the last price, since it trades there.
    """
    bounds = [limit.max_order_value for limit in limits if limit.max_order_value is not None]
    if not bounds:
        return allow("max_order_value")
    bound = min(bounds)
    prices = [price for price in (order.price, order.trigger_price) if price is not None]
    if not order.order_type.has_price and book.last_price is None:
        return reject("max_order_value", "NO_PRICE", "no price young enough to value the order against its limit", limit=bound)
    if book.last_price is not None and (order.side.sign < 0 or not prices):
        prices.append(book.last_price)
    value = max(prices) * order.quantity
    if value > bound:
        text = f"value ₹{indian(value)} exceeds the limit of ₹{indian(bound)} per order"
        return reject("max_order_value", "MAX_VALUE", text, value=value, limit=bound)
    return allow("max_order_value", value=value, limit=bound)


def decide(order: OrderRequest, book: RiskSnapshot, limits: Sequence[RiskLimits], now: datetime) -> RiskDecision:
    """Return the gate's verdict with every rule's word and the inputs that it saw."""
    results = tuple(_judged(name, function, order, book, limits) for name, function in RULES.items())
    refused = [result for result in results if not result.allowed]
    return RiskDecision(
        allowed=not refused,
        code=refused[0].code if refused else "OK",
        text="; ".join(result.text for result in refused),
        results=results,
        inputs=as_inputs(order, book, limits),
        decided_at=now,
    )


def _judged(name: str, function: Rule, order: OrderRequest, book: RiskSnapshot, limits: Sequence[RiskLimits]) -> RuleResult:
    try:
        return function(order, book, limits)
    except (ArithmeticError, ValueError, TypeError) as error:
        return reject(name, "RULE_FAILED", f"rule {name} could not be evaluated ({type(error).__name__})")


def as_inputs(order: OrderRequest, book: RiskSnapshot, limits: Sequence[RiskLimits]) -> dict[str, object]:
    """Return the inputs of a decision as JSON-able values; `from_inputs` reads them back."""
    return {"order": _plain(asdict(order)), "book": _plain(asdict(book)), "limits": [_plain(asdict(limit)) for limit in limits]}


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, datetime) else value


def book_from(inputs: dict[str, object]) -> RiskSnapshot:
    """Return the snapshot that `as_inputs` stored."""
    raw = inputs["book"]
    if not isinstance(raw, dict):
        raise TypeError("a stored decision has a mapping under 'book'")
    kills = tuple(
        KillState(kill["on"], kill["reason"], _moment(kill["at"]), kill["by"], kill["account_id"]) for kill in raw["kills"]
    )
    price = Decimal(raw["last_price"]) if raw["last_price"] is not None else None
    return RiskSnapshot(
        TradingMode(raw["trading_mode"]),
        raw["position"],
        raw["exits_working"],
        price,
        _moment(raw["price_at"]),
        kills,
        raw.get("exits_filled", 0),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def applicable(limits: Sequence[RiskLimits], account_id: int | None, strategy: str) -> tuple[RiskLimits, ...]:
    """Return the rows that concern an order: global, its strategy's, its account's."""

    def concerns(limit: RiskLimits) -> bool:
        if limit.scope is Scope.GLOBAL:
            return True
        return limit.strategy == strategy if limit.scope is Scope.STRATEGY else limit.account_id == account_id

    return tuple(limit for limit in limits if concerns(limit))
