"""What executions do to money and positions of a paper book, what orders and positions hold of it, and what a night changes.

Delivery and option premium are paid and got at once. Of everything else only margin is held, and the result of what is
closed (first in, first out) is booked into the cash: at any moment

    cash = start - bought + sold - charges + cost of what is open on margin
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from sigma.adapters.paper.capabilities import FUTURE_MARGIN, MARGIN, SHORT_OPTION_MARGIN
from sigma.domain.instruments import Kind
from sigma.domain.money import ZERO
from sigma.domain.orders import OrderRequest, Product, Side
from sigma.domain.paper import PaperBook, PaperFill, PaperLot, PaperOrder, PaperPosition, PaperTerms
from sigma.domain.portfolio import Conversion, Funds

Key = tuple[str, Product]


def is_paid(product: Product, terms: PaperTerms) -> bool:
    """Say whether it is bought in full and sold for cash."""
    return product is Product.CNC or terms.kind is Kind.OPTION


def margin_of(side: Side, product: Product, terms: PaperTerms, quantity: int, price: Decimal) -> Decimal:
    """Return the rupees that opening `quantity` units at `price` takes: paid, or held as margin."""
    if terms.kind is Kind.OPTION:
        return price * quantity if side is Side.BUY else ((terms.strike or ZERO) + price) * quantity * SHORT_OPTION_MARGIN
    if terms.kind is Kind.FUTURE:
        return price * quantity * FUTURE_MARGIN
    if product is Product.CNC and side is Side.SELL:
        return ZERO
    return price * quantity * MARGIN[product]


def held_for(position: PaperPosition) -> Decimal:
    """Return the rupees of margin that an open position holds; what was paid in full holds none."""
    units = position.quantity
    if position.paid and units >= 0:
        return ZERO
    side = Side.BUY if units > 0 else Side.SELL
    price = abs(position.cost / units) if units else ZERO
    return margin_of(side, position.product, position.terms, abs(units), price)


def blocked(orders: Iterable[PaperOrder], positions: Sequence[PaperPosition]) -> Decimal:
    """Return the rupees that admitted orders hold: for what would open or enlarge a position, and only that."""
    closing = {position.key: position.quantity for position in positions}
    left: dict[tuple[Key, Side], int] = {}
    total = ZERO
    for order in orders:
        if not order.pending or order.valued_at is None:
            continue
        wish, key = order.request, (order.request.listing, order.request.product)
        against = left.setdefault((key, wish.side), max(0, -closing.get(key, 0) * wish.side.sign))
        closed = min(against, order.pending)
        left[key, wish.side] = against - closed
        total += margin_of(wish.side, wish.product, order.terms, order.pending - closed, order.valued_at)
    return total


def sellable(book: PaperBook, listing: str, orders: Iterable[PaperOrder]) -> int:
    """Return the delivery shares that may be sold: in demat, on their way and bought today, less what `orders` sell."""
    held = book.position(listing, Product.CNC)
    selling = sum(
        order.pending
        for order in orders
        if (order.request.listing, order.request.product, order.request.side) == (listing, Product.CNC, Side.SELL)
    )
    return (held.quantity if held else 0) - selling


def unrealised(position: PaperPosition, price: Decimal) -> Decimal:
    """Return what the open units have gained at `price`, rupees; of delivery, the units of the day."""
    if position.product is Product.CNC:
        return day_result(position, price) - day_realised(position)
    return price * position.quantity - position.cost


def day_net(position: PaperPosition) -> int:
    """Return the units that the list of positions shows: of delivery what the day bought and sold, else what is open."""
    return position.bought - position.sold if position.product is Product.CNC else position.quantity


def day_realised(position: PaperPosition) -> Decimal:
    """Return what the day has realised, rupees; of delivery by the day's own averages, for its shares count as holdings."""
    if position.product is not Product.CNC:
        return position.realised
    closed = min(position.bought, position.sold)
    if not closed:
        return ZERO
    return closed * (position.sold_value / position.sold - position.bought_value / position.bought)


def day_result(position: PaperPosition, price: Decimal) -> Decimal:
    """Return what the day's executions have gained at `price`, rupees."""
    return position.sold_value - position.bought_value + (position.bought - position.sold) * price


def funds(book: PaperBook, orders: Iterable[PaperOrder], prices: Mapping[str, Decimal]) -> Funds:
    """Return the account's money; a position without a price counts at its last known one.

    What open positions on margin have lost cannot be used; what they have gained cannot either.
    """
    margin = sum((held_for(position) for position in book.positions), ZERO)
    on_margin = [position for position in book.positions if not position.paid or position.quantity < 0]
    open_result = sum((unrealised(one, prices.get(one.listing, one.mark)) for one in on_margin), ZERO)
    used = margin + blocked(orders, book.positions)
    available = book.cash - used + min(open_result, ZERO)
    return Funds(
        available=available,
        used=used,
        total=available + used,
        collateral=ZERO,
        m2m_unrealized=open_result,
        m2m_realized=sum((day_realised(position) for position in book.positions), ZERO),
        utilised_debits=used,
        cash=book.cash,
    )


def needed(
    request: OrderRequest, units: int, terms: PaperTerms, price: Decimal, book: PaperBook, orders: Iterable[PaperOrder]
) -> Decimal:
    """Return the rupees that so many units of one more order take beside those there are; none for what only closes."""
    held = book.position(request.listing, request.product)
    same = [
        order.pending
        for order in orders
        if (order.request.listing, order.request.product, order.request.side) == (request.listing, request.product, request.side)
    ]
    closing = max(0, -(held.quantity if held else 0) * request.side.sign - sum(same))
    return margin_of(request.side, request.product, terms, max(0, units - closing), price)


def booked(book: PaperBook, fill: PaperFill, terms: PaperTerms) -> PaperBook:
    """Return the book after one execution."""
    before = book.position(fill.listing, fill.product)
    if before is None:
        before = PaperPosition(fill.listing, fill.product, is_paid(fill.product, terms), terms)
    signed = fill.quantity * fill.side.sign
    lots, gained = absorbed(before.lots, PaperLot(signed, fill.price, fill.session_date))
    value = fill.quantity * fill.price
    buying = fill.side is Side.BUY
    after = replace(
        before,
        lots=lots,
        bought=before.bought + (fill.quantity if buying else 0),
        bought_value=before.bought_value + (value if buying else ZERO),
        sold=before.sold + (0 if buying else fill.quantity),
        sold_value=before.sold_value + (ZERO if buying else value),
        realised=before.realised + gained,
        mark=fill.price,
    )
    flow = -value * fill.side.sign if before.paid else gained
    return replace(
        book,
        cash=book.cash + flow - fill.charges,
        charges=book.charges + fill.charges,
        positions=book.with_position(after),
    )


def absorbed(lots: tuple[PaperLot, ...], new: PaperLot) -> tuple[tuple[PaperLot, ...], Decimal]:
    """Return what is open after one more execution, and the rupees that it realised: the oldest units are closed first."""
    left, gained, rest = new.quantity, ZERO, list(lots)
    while left and rest and (rest[0].quantity > 0) != (left > 0):
        first = rest[0]
        units = min(abs(left), abs(first.quantity))
        sign = 1 if first.quantity > 0 else -1
        gained += (new.price - first.price) * units * sign
        left += units * sign
        if units == abs(first.quantity):
            rest.pop(0)
        else:
            rest[0] = replace(first, quantity=first.quantity - units * sign)
    return (*rest, replace(new, quantity=left)) if left else tuple(rest), gained


def converted(book: PaperBook, wish: Conversion) -> PaperBook | str:
    """Return the book after a conversion of the oldest units, else why there is none."""
    held = book.position(wish.listing, wish.old)
    if held is None or held.quantity * wish.side.sign < wish.quantity:
        return f"{held.quantity if held else 0} {wish.old} units of {wish.listing} are open, {wish.quantity} were to be converted"
    if wish.new is Product.CNC and wish.side is Side.SELL:
        return "a short position cannot become delivery"
    sign = wish.side.sign
    kept, moved = _parted(held.lots if wish.old is not Product.CNC else held.lots[::-1], wish.quantity, sign)
    if wish.old is Product.CNC:
        kept = kept[::-1]
        if any(lot.day < book.day for lot in moved):
            return "shares of an earlier day are delivered and cannot be converted"
    value = sum((lot.price * lot.quantity for lot in moved), ZERO)
    target = book.position(wish.listing, wish.new)
    if target is None:
        target = PaperPosition(wish.listing, wish.new, is_paid(wish.new, held.terms), held.terms, mark=held.mark)
    if target.quantity * sign < 0:
        return f"{wish.new} units of {wish.listing} are open on the other side"
    after = replace(book, positions=book.with_position(_counted(replace(held, lots=kept), -wish.quantity * sign, -value)))
    joined = replace(target, lots=(*target.lots, *moved))
    after = replace(after, positions=after.with_position(_counted(joined, wish.quantity * sign, value)))
    flow = (value if held.paid else ZERO) - (value if target.paid else ZERO)
    return replace(after, cash=after.cash + flow)


def _counted(position: PaperPosition, signed: int, value: Decimal) -> PaperPosition:
    """Count converted units among the day's, so that what it shows of the day stays what it holds."""
    if position.product is not Product.CNC:
        return position
    return replace(position, bought=position.bought + signed, bought_value=position.bought_value + value)


def _parted(lots: Sequence[PaperLot], units: int, sign: int) -> tuple[tuple[PaperLot, ...], tuple[PaperLot, ...]]:
    """Return what stays and the first `units` of lots."""
    kept: list[PaperLot] = []
    moved: list[PaperLot] = []
    for lot in lots:
        taken = min(units, abs(lot.quantity))
        units -= taken
        if taken:
            moved.append(replace(lot, quantity=taken * sign))
        if abs(lot.quantity) > taken:
            kept.append(replace(lot, quantity=lot.quantity - taken * sign))
    return tuple(kept), tuple(moved)


def new_day(book: PaperBook, day: date, settles: Callable[[date], date]) -> PaperBook:
    """Return the book on the morning of `day`: counters begin anew, yesterday's delivery is a holding.

    Parameters
    ----------
    settles : callable
        The day on which what was traded on a day is in demat; it counts as settled from the day after.
    """
    kept = []
    for position in book.positions:
        if not position.lots:
            continue
        old = position.lots if position.product is Product.CNC else ()
        settled = sum(lot.quantity for lot in old if settles(lot.day) < day)
        total = sum(lot.quantity for lot in old)
        kept.append(
            replace(
                position,
                opening=position.quantity,
                opening_settled=settled,
                opening_t1=total - settled,
                opening_average=position.cost / total if total else ZERO,
                bought=0,
                sold=0,
                bought_value=ZERO,
                sold_value=ZERO,
                realised=ZERO,
            )
        )
    return replace(book, day=day, positions=tuple(kept), taken={})
