"""Money and shares: what executions do to positions, what orders block, and what a night does to both."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal

from sigma.domain.instruments import Kind, OptionType
from sigma.domain.money import ZERO
from sigma.domain.orders import OrderType, Product, Side
from sigma.engines.matching import MarketView, protected_price
from sigma.simulator.model import SimAccount, SimFill, SimFunds, SimHolding, SimOrder, SimPosition
from sigma.simulator.securities import Security

Prices = Callable[[Security], Decimal]
Key = tuple[str, Product]

# Margin as a part of turnover. Simple on purpose: brokers compute SPAN and exposure.
_RATES = {Product.CNC: Decimal(1), Product.MIS: Decimal("0.20")}
_FUTURE_RATE = _SHORT_OPTION_RATE = Decimal("0.12")
EXPOSURE_PART = Decimal("0.20")
_SALES_USABLE = Decimal("0.80")


def apply_fill(account: SimAccount, fill: SimFill) -> None:
    """Book one execution into the account's positions."""
    position = account.positions.get((fill.security.listing, fill.product))
    if position is None:
        position = account.positions[fill.security.listing, fill.product] = SimPosition(fill.security, fill.product)
    if fill.side is Side.BUY:
        position.day_buy += fill.quantity
        position.day_buy_value += fill.quantity * fill.price
    else:
        position.day_sell += fill.quantity
        position.day_sell_value += fill.quantity * fill.price


def sold_today(account: SimAccount, isin: str | None) -> int:
    """Return how many held shares of `isin` today's delivery sales have used (both exchanges together)."""
    net = sum(
        position.net
        for position in account.positions.values()
        if position.product is Product.CNC and position.security.isin == isin
    )
    return max(0, -net)


def sellable(account: SimAccount, security: Security, leaving_out: SimOrder | None = None) -> int:
    """Return how many shares may be sold for delivery: held (also T1) and bought today, less sales done and working."""
    holding = account.holdings.get(security.isin or "")
    held = holding.quantity + holding.t1 if holding else 0
    bought = sum(
        position.net
        for position in account.positions.values()
        if position.product is Product.CNC and position.security.isin == security.isin
    )
    working = sum(
        order.pending
        for order in account.live.values()
        if order is not leaving_out
        and order.side is Side.SELL
        and order.product is Product.CNC
        and order.security.isin == security.isin
    )
    return held + bought - working


def order_price(order: SimOrder, view: MarketView) -> Decimal:
    """Return at what price per unit an order is valued for margin."""
    if order.order_type is OrderType.MARKET or (order.order_type is OrderType.SL_M and not order.price):
        return protected_price(order.side, order.working.market_protection, view)
    return order.price


def margin(side: Side, security: Security, product: Product, quantity: int, price: Decimal, spot: Prices) -> Decimal:
    """Return rupees that opening `quantity` units needs."""
    if security.kind is Kind.OPTION:
        if side is Side.BUY:
            return price * quantity
        return _option_notional(security, spot) * quantity * _SHORT_OPTION_RATE
    if security.kind is Kind.FUTURE:
        return price * quantity * _FUTURE_RATE
    if product is Product.CNC and side is Side.SELL:
        return ZERO
    return price * quantity * _RATES[product]


def _option_notional(security: Security, spot: Prices) -> Decimal:
    strike = security.strike or ZERO
    last = spot(security)
    return strike + last if security.option_type is OptionType.CALL else max(strike - last, last)


def blocked(
    account: SimAccount, view: Callable[[Security], MarketView], spot: Prices, leaving_out: SimOrder | None = None
) -> Decimal:
    """Return rupees that the account's live orders block: only what would open or enlarge a position."""
    waiting: dict[tuple[Key, Side], list[SimOrder]] = {}
    for order in account.live.values():
        if order is not leaving_out and order.pending:
            waiting.setdefault(((order.security.listing, order.product), order.side), []).append(order)
    total = ZERO
    for (key, side), orders in waiting.items():
        position = account.positions.get(key)
        closing = max(0, -(position.net if position else 0) * side.sign)
        for order in orders:
            closed = min(closing, order.pending)
            closing -= closed
            if order.pending > closed:
                price = order_price(order, view(order.security))
                total += margin(side, order.security, order.product, order.pending - closed, price, spot)
    return total


def funds(
    account: SimAccount, last: Prices, view: Callable[[Security], MarketView], leaving_out: SimOrder | None = None
) -> SimFunds:
    """Return the account's money now."""
    delivery = span = premium = sales = realised = unrealised = turnover = ZERO
    for position in account.positions.values():
        security, net = position.security, position.net
        price = last(security)
        turnover += position.day_buy_value + position.day_sell_value
        if security.kind is Kind.OPTION:
            premium += position.day_buy_value - position.day_sell_value
            span += margin(Side.SELL, security, position.product, -net, price, last) if net < 0 else ZERO
            unrealised += position.pnl(price) - position.realised
            continue
        if position.product is Product.CNC:
            delivery += position.day_buy_value
            sales += position.day_sell_value
            continue
        side = Side.BUY if net > 0 else Side.SELL
        span += margin(side, security, position.product, abs(net), position.average_price, last)
        realised += position.realised
        unrealised += position.pnl(price) - position.realised
    orders = blocked(account, view, last, leaving_out)
    exposure = (span * EXPOSURE_PART).quantize(Decimal("0.01"))
    usable = sales * _SALES_USABLE
    used = delivery + span + premium + orders
    net_money = account.cash + account.collateral + realised + usable - used
    return SimFunds(
        net=net_money, cash=account.cash, collateral=account.collateral, used=used, delivery=delivery, span=span - exposure,
        exposure=exposure, option_premium=premium, orders=orders, holding_sales=usable, realised=realised,
        unrealised=unrealised, turnover=turnover,
    )  # fmt: skip


def overnight(account: SimAccount, following: date, last: Prices) -> None:
    """Carry an account from a session into the `following` one: money flows, T1 settles, delivery buys become T1.

    Contracts that expire before it are settled in cash at their last price: on a holiday, at that of the session before.
    """
    for holding in account.holdings.values():
        holding.quantity, holding.t1, holding.authorised = holding.quantity + holding.t1, 0, 0
    carried: dict[Key, SimPosition] = {}
    for key, position in account.positions.items():
        price = last(position.security)
        account.cash += _cash_flow(position, price, _expires(position, following))
        if position.product is Product.CNC:
            _deliver(account, position)
        elif position.net and not _expires(position, following):
            fresh = SimPosition(position.security, position.product, position.net, position.average_price, price)
            carried[key] = fresh
    account.positions = carried
    account.holdings = {isin: holding for isin, holding in account.holdings.items() if holding.total > 0}


def _expires(position: SimPosition, following: date) -> bool:
    return position.security.expiry is not None and position.security.expiry < following


def _cash_flow(position: SimPosition, price: Decimal, expires: bool) -> Decimal:
    flow = position.day_sell_value - position.day_buy_value
    if position.security.kind is Kind.FUTURE:
        return flow + position.net * price - position.overnight * position.close_price
    if position.security.kind is Kind.OPTION and expires:
        return flow + position.net * price
    return flow


def _deliver(account: SimAccount, position: SimPosition) -> None:
    isin, net = position.security.isin or "", position.net
    holding = account.holdings.get(isin)
    if net > 0:
        if holding is None:
            holding = account.holdings[isin] = SimHolding(position.security, 0, ZERO)
        value = holding.average_price * holding.total + position.buy_price * net
        holding.average_price = value / (holding.total + net)
        holding.t1 += net
    elif net < 0 and holding is not None:
        settled = min(holding.quantity, -net)
        holding.quantity -= settled
        holding.t1 -= min(holding.t1, -net - settled)


def copies(positions: Iterable[SimPosition]) -> list[SimPosition]:
    """Return copies that do not change any more."""
    return [replace(position) for position in positions]
