"""What orders would need and cost, before anybody places them: the rules behind both doors' margin and charge previews.

Margin follows the simulator's own percentages (`ledger.margin`). Alone, each order opens something. Together, orders that
close what the account holds need nothing, and a short option that the same list covers with a bought one of its underlying,
expiry and type needs half. Charges follow the rates of wire.md H for 2026-27, unrounded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sigma.domain.instruments import Exchange, Kind
from sigma.domain.money import ZERO
from sigma.domain.orders import Product, Side
from sigma.simulator.ledger import EXPOSURE_PART, Prices, margin
from sigma.simulator.model import SimPosition
from sigma.simulator.securities import Security

_PERCENT, _CRORE = Decimal(100), Decimal(10_000_000)
_HEDGED = Decimal("0.5")
_GST = Decimal("0.18")
_SEBI = Decimal(10) / _CRORE
_MOST_BROKERAGE = Decimal(20)


@dataclass(frozen=True, slots=True)
class Wish:
    """One order that is asked about; `price` is the rupees per unit that value it."""

    security: Security
    side: Side
    quantity: int
    product: Product
    price: Decimal

    @property
    def turnover(self) -> Decimal:
        """Rupees."""
        return self.price * self.quantity


@dataclass(frozen=True, slots=True)
class Needed:
    """Rupees that are held for orders, by what they are held for."""

    cash: Decimal = ZERO
    span: Decimal = ZERO
    exposure: Decimal = ZERO
    premium: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """All together."""
        return self.cash + self.span + self.exposure + self.premium

    def __add__(self, other: Needed) -> Needed:
        return Needed(
            self.cash + other.cash, self.span + other.span, self.exposure + other.exposure, self.premium + other.premium
        )


@dataclass(frozen=True, slots=True)
class Paid:
    """Rupees that an order costs."""

    brokerage: Decimal
    tax: Decimal
    exchange: Decimal
    sebi: Decimal
    stamp: Decimal
    gst: Decimal

    @property
    def total(self) -> Decimal:
        """All together."""
        return self.brokerage + self.tax + self.exchange + self.sebi + self.stamp + self.gst

    def __add__(self, other: Paid) -> Paid:
        return Paid(
            self.brokerage + other.brokerage,
            self.tax + other.tax,
            self.exchange + other.exchange,
            self.sebi + other.sebi,
            self.stamp + other.stamp,
            self.gst + other.gst,
        )


@dataclass(frozen=True, slots=True)
class _Rates:
    """Percent of turnover; the transaction tax by side."""

    tax_buy: Decimal
    tax_sell: Decimal
    nse: Decimal
    bse: Decimal
    stamp: Decimal


def _rates(*texts: str) -> _Rates:
    return _Rates(*(Decimal(text) / _PERCENT for text in texts))


_DELIVERY = _rates("0.1", "0.1", "0.00307", "0.00375", "0.015")
_INTRADAY = _rates("0", "0.025", "0.00307", "0.00375", "0.003")
_FUTURES = _rates("0", "0.05", "0.00183", "0", "0.002")
_OPTIONS = _rates("0", "0.15", "0.03553", "0.0325", "0.003")
_BROKERAGE_PART = Decimal("0.0003")


def alone(wish: Wish, spot: Prices, quantity: int | None = None) -> Needed:
    """Return what an order needs by itself, or so many units of it."""
    units = wish.quantity if quantity is None else quantity
    total = margin(wish.side, wish.security, wish.product, units, wish.price, spot)
    if not wish.security.derivative:
        return Needed(cash=total)
    if wish.security.kind is Kind.OPTION and wish.side is Side.BUY:
        return Needed(premium=total)
    exposure = total * EXPOSURE_PART
    return Needed(span=total - exposure, exposure=exposure)


def together(wishes: Sequence[Wish], positions: Iterable[SimPosition], spot: Prices) -> Needed:
    """Return what orders need with their effect on one another and on the positions given."""
    held = {(position.security.listing, position.product): position.net for position in positions}
    covered = Counter[object]()
    for wish in wishes:
        if wish.security.kind is Kind.OPTION and wish.side is Side.BUY:
            covered[_cover(wish)] += wish.quantity
    total = Needed()
    for wish in wishes:
        key = (wish.security.listing, wish.product)
        closing = min(wish.quantity, max(0, -held.get(key, 0) * wish.side.sign))
        held[key] = held.get(key, 0) + closing * wish.side.sign
        opening = wish.quantity - closing
        hedged = min(opening, covered[_cover(wish)]) if wish.security.kind is Kind.OPTION and wish.side is Side.SELL else 0
        covered[_cover(wish)] -= hedged
        half = alone(wish, spot, hedged)
        total += alone(wish, spot, opening - hedged)
        total += Needed(span=half.span * _HEDGED, exposure=half.exposure * _HEDGED)
    return total


def _cover(wish: Wish) -> object:
    security = wish.security
    return security.underlying, security.expiry, security.option_type, wish.product


def charges(wish: Wish) -> Paid:
    """Return what an execution of the whole order costs."""
    rates, turnover, security = _of(wish), wish.turnover, wish.security
    buys = wish.side is Side.BUY
    on_bse = security.exchange in (Exchange.BSE, Exchange.BFO)
    brokerage = _brokerage(wish)
    exchange = turnover * (rates.bse if on_bse else rates.nse)
    sebi = turnover * _SEBI
    return Paid(
        brokerage=brokerage,
        tax=turnover * (rates.tax_buy if buys else rates.tax_sell),
        exchange=exchange,
        sebi=sebi,
        stamp=turnover * rates.stamp if buys else ZERO,
        gst=(brokerage + exchange + sebi) * _GST,
    )


def _of(wish: Wish) -> _Rates:
    if wish.security.kind is Kind.OPTION:
        return _OPTIONS
    if wish.security.kind is Kind.FUTURE:
        return _FUTURES
    return _DELIVERY if wish.product is Product.CNC else _INTRADAY


def _brokerage(wish: Wish) -> Decimal:
    if wish.security.kind is Kind.OPTION:
        return _MOST_BROKERAGE
    if not wish.security.derivative and wish.product is Product.CNC:
        return ZERO
    return min(_MOST_BROKERAGE, wish.turnover * _BROKERAGE_PART)
