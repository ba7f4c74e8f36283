"""Conversion of positions: units move from one product to another at the price they were opened at."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from sigma.domain.orders import Product, Side
from sigma.simulator.checks import check_product
from sigma.simulator.model import Refusal, SimAccount, SimPosition

if TYPE_CHECKING:
    from sigma.simulator.exchange import Exchange


def convert(
    exchange: Exchange,
    account: SimAccount,
    listing: str,
    side: Side,
    quantity: int,
    old: Product,
    new: Product,
    *,
    overnight: bool,
) -> None:
    """Move `quantity` units of an open position (`side` BUY: long) into another product.

    Raises
    ------
    Refusal
        ``unknown_listing``, ``product``, ``quantity`` or ``funds``.
    """
    with exchange.lock:
        exchange.catch_up()
        security = exchange.security(listing)
        if security is None:
            raise Refusal("unknown_listing", f"{listing} is not in the table of securities")
        check_product(new, security)
        if old is new:
            raise Refusal("product", "old and new product are the same")
        if new is Product.CNC and side is Side.SELL:
            raise Refusal("product", "a short position cannot become delivery")
        held = account.positions.get((listing, old))
        if held is None or quantity <= 0 or quantity > _part(held, side, overnight=overnight):
            raise Refusal("quantity", f"{quantity} units of {listing} are not held in {old}")
        target = account.positions.setdefault((listing, new), SimPosition(security, new))
        _move(held, target, side, quantity, overnight=overnight)
        if exchange.funds(account).net < 0:
            _move(target, held, side, quantity, overnight=overnight)
            raise Refusal("funds", "Insufficient funds for the conversion")


def _part(held: SimPosition, side: Side, *, overnight: bool) -> int:
    """Return how many units of the part named are open on that side."""
    net, carried = held.net * side.sign, max(0, held.overnight * side.sign)
    return min(carried, net) if overnight else net - min(carried, max(net, 0))


def _move(giver: SimPosition, taker: SimPosition, side: Side, quantity: int, *, overnight: bool) -> None:
    if overnight:
        carried = taker.overnight + quantity * side.sign
        value = taker.overnight_price * abs(taker.overnight) + giver.overnight_price * quantity
        taker.overnight_price = value / abs(carried) if carried else Decimal(0)
        taker.overnight, taker.close_price = carried, giver.close_price
        giver.overnight -= quantity * side.sign
    elif side is Side.BUY:
        value = giver.day_buy_value / giver.day_buy * quantity
        giver.day_buy, giver.day_buy_value = giver.day_buy - quantity, giver.day_buy_value - value
        taker.day_buy, taker.day_buy_value = taker.day_buy + quantity, taker.day_buy_value + value
    else:
        value = giver.day_sell_value / giver.day_sell * quantity
        giver.day_sell, giver.day_sell_value = giver.day_sell - quantity, giver.day_sell_value - value
        taker.day_sell, taker.day_sell_value = taker.day_sell + quantity, taker.day_sell_value + value
