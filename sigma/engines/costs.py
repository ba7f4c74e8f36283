"""What an order costs beside its price, estimated by dated rates (domain/rates.py, sigma/data/charges).

Levels of rounding are our choice, because no source at hand says them: the securities transaction tax to the nearest rupee
for each order (the brokers' support pages say "the nearest rupee", not of what), everything else to the nearest paisa. A
contract note, which rounds once for a day, may differ by some rupees. Margin-funded delivery (MTF) counts as delivery: the
interest is not in it. Funds traded at an exchange count as shares, which is more than their own tax.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from sigma.domain.charges import Charges
from sigma.domain.errors import InvalidInput
from sigma.domain.money import ZERO
from sigma.domain.orders import Product, Side
from sigma.domain.rates import Rate, Rates, Segment, Trading

_SHARES = frozenset({Trading.DELIVERY, Trading.INTRADAY})
_PAISA, _RUPEE, _PERCENT = Decimal("0.01"), Decimal(1), Decimal(100)


def charges(side: Side, product: Product, segment: Segment, quantity: int, price: Decimal, rates: Rates, on: date) -> Charges:
    """Return what an order costs when it executes whole.

    Parameters
    ----------
    quantity : int
        Units.
    price : Decimal
        Rupees a unit; the premium of an option.
    on : date
        The session.

    Returns
    -------
    Charges
        Rupees, none below 0. `other` is the depository's fee of a delivery sale, which is asked once a day and listing.

    Raises
    ------
    InvalidInput
        Nothing is bought or sold, the price is not above 0, or shares of that product do not count in that segment.
    NotFound
        The table has no rates of that segment and day (code NO_RATES).
    """
    if segment.trading in _SHARES and (product is Product.MIS) is not (segment.trading is Trading.INTRADAY):
        raise InvalidInput(f"{product} orders of shares are no {segment} orders.")
    if quantity <= 0 or not price.is_finite() or price <= 0:
        raise InvalidInput(f"{quantity} units at {price} rupees are no order, so that there is nothing to charge.")
    rate, value = rates.at(segment, on), price * quantity
    buys = side is Side.BUY
    brokerage = _paise(_brokerage(rate, value))
    transaction = _paise(_part(value, rate.transaction))
    sebi = _paise(_part(value, rate.sebi))
    return Charges(
        brokerage=brokerage,
        stt=_part(value, rate.stt_buy if buys else rate.stt_sell).quantize(_RUPEE, ROUND_HALF_UP),
        transaction=transaction,
        sebi=sebi,
        stamp=_paise(_part(value, rate.stamp_buy)) if buys else ZERO,
        gst=_paise(_part(brokerage + sebi + transaction, rate.gst)),
        other=rate.depository if not buys else ZERO,
    )


@dataclass(frozen=True, slots=True)
class Executed:
    """What an order executed in one session, for its charges; `listing` names what the depository counts once."""

    listing: str
    side: Side
    product: Product
    segment: Segment
    quantity: int
    price: Decimal
    on: date


def of_orders(orders: Iterable[Executed], rates: Rates) -> Charges:
    """Return what several orders of one account cost together: the depository's fee once a day and listing.

    Raises
    ------
    InvalidInput, NotFound
        As `charges`.
    """
    total, delivered = Charges(), set[tuple[str, date]]()
    for order in orders:
        one = charges(order.side, order.product, order.segment, order.quantity, order.price, rates, order.on)
        if one.other and (order.listing, order.on) in delivered:
            one = replace(one, other=ZERO)
        if one.other:
            delivered.add((order.listing, order.on))
        total += one
    return total


def _brokerage(rate: Rate, value: Decimal) -> Decimal:
    if rate.brokerage_percent is None:
        return rate.brokerage_rupees
    return min(_part(value, rate.brokerage_percent), rate.brokerage_rupees)


def _part(value: Decimal, percent: Decimal) -> Decimal:
    return value * percent / _PERCENT


def _paise(value: Decimal) -> Decimal:
    return value.quantize(_PAISA, ROUND_HALF_UP)
