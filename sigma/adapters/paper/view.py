"""What a paper order meets: a quote's depth made a little worse, less what ours took of it already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from sigma.adapters.paper.capabilities import TOUCH_VALUE
from sigma.domain.instruments import Kind
from sigma.domain.market import Level, Quote
from sigma.domain.money import RoundTo, round_to_tick
from sigma.domain.orders import Side
from sigma.domain.paper import PaperRules, PaperTaken, PaperTerms
from sigma.engines.matching import MarketView

_HUNDRED = Decimal(100)


def view_of(quote: Quote, terms: PaperTerms, rules: PaperRules, taken: PaperTaken | None) -> MarketView:
    """Return what an order meets. Without any depth, one level a tick from the last price stands in on each side."""
    bids, asks = quote.bids, quote.asks
    if not bids and not asks:
        bids, asks = _touch(quote, terms, Side.SELL), _touch(quote, terms, Side.BUY)
    used = taken if taken is not None and taken.at == quote.at else PaperTaken(quote.at)
    return MarketView(
        last_price=quote.last_price,
        bids=_slipped(_left(bids, used.bids), Side.SELL, quote, terms, rules),
        asks=_slipped(_left(asks, used.asks), Side.BUY, quote, terms, rules),
        tick_size=terms.tick,
        lower_limit=quote.lower_circuit,
        upper_limit=quote.upper_circuit,
        option=terms.kind is Kind.OPTION,
    )


def after(taken: PaperTaken | None, quote: Quote, before: MarketView, left: MarketView, rules: PaperRules) -> PaperTaken:
    """Return what ours took of a quote's depth once `before` has become `left`."""
    used = taken if taken is not None and taken.at == quote.at else PaperTaken(quote.at)
    return replace(
        used,
        bids=_more(used.bids, before.bids, left.bids, -_slip(quote, before.tick_size, rules)),
        asks=_more(used.asks, before.asks, left.asks, _slip(quote, before.tick_size, rules)),
    )


def _touch(quote: Quote, terms: PaperTerms, side: Side) -> tuple[Level, ...]:
    price = quote.last_price + side.sign * terms.tick
    if price <= 0:
        return ()
    lots = max(1, int(TOUCH_VALUE / (price * terms.lot)))
    return (Level(price, lots * terms.lot, 1),)


def _slip(quote: Quote, tick: Decimal, rules: PaperRules) -> Decimal:
    """Return by how many rupees every price is worse for us, on the tick grid."""
    part = round_to_tick(quote.last_price * rules.slippage_percent / _HUNDRED, tick, RoundTo.UP)
    return part + rules.slippage_ticks * tick


def _slipped(levels: tuple[Level, ...], side: Side, quote: Quote, terms: PaperTerms, rules: PaperRules) -> tuple[Level, ...]:
    """Return the levels at the worse prices, none beyond the circuit."""
    slip = _slip(quote, terms.tick, rules) * side.sign
    worse = (replace(level, price=level.price + slip) for level in levels)
    return tuple(level for level in worse if level.price > 0 and _inside(level.price, quote))


def _inside(price: Decimal, quote: Quote) -> bool:
    low, high = quote.lower_circuit, quote.upper_circuit
    return (low is None or price >= low) and (high is None or price <= high)


def _left(levels: tuple[Level, ...], used: Mapping[str, int]) -> tuple[Level, ...]:
    found = (replace(level, quantity=level.quantity - used.get(_name(level.price), 0)) for level in levels)
    return tuple(level for level in found if level.quantity > 0)


def _more(used: Mapping[str, int], before: tuple[Level, ...], left: tuple[Level, ...], slip: Decimal) -> dict[str, int]:
    rest = {level.price: level.quantity for level in left}
    found = dict(used)
    for level in before:
        gone = level.quantity - rest.get(level.price, 0)
        if gone:
            name = _name(level.price - slip)
            found[name] = found.get(name, 0) + gone
    return found


def _name(price: Decimal) -> str:
    return str(price.normalize())
