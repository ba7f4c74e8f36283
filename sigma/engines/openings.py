"""What an account held when a session began, from the broker's lists as they are later that day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime

from sigma.domain.ledger import Opening
from sigma.domain.money import ZERO
from sigma.domain.orders import Product
from sigma.domain.portfolio import Holding, Position


def openings(
    holdings: Iterable[Holding],
    positions: Iterable[Position],
    *,
    account_id: int,
    session: date,
    taken_at: datetime,
    isin_of: Callable[[str], str | None],
) -> list[Opening]:
    """Return the session's openings. Rows that name no listing or product of ours are left out.

    Contracts and margin products: the units carried overnight, which stay the same all day. Delivery: all shares owned (T1
    and pledged ones too) and those sold today, which Kite and SmartAPI are taken to have left out of their holdings already
    (unverified; read before the first sale it makes no difference). Shares of one ISIN count together for that, because
    what is held by its NSE name may be sold on BSE. Intraday products begin no session.
    """
    positions = list(positions)
    sold = _sold(positions, isin_of)
    lines: list[tuple[str, Product, int, Holding | Position]] = [
        (row.listing, row.product, row.overnight_quantity, row)
        for row in positions
        if row.listing is not None and row.product not in (None, Product.CNC, Product.MIS)
    ]
    for held in holdings:
        if held.listing is not None and held.product in (None, Product.CNC):
            back = sold.pop(_security(held.listing, held.isin, isin_of), None)
            lines.append((held.listing, Product.CNC, held.total + (back.units if back else 0), held))
    # All of it was sold, and the broker shows no holding of none.
    lines += [(gone.listing, Product.CNC, gone.units, gone.row) for gone in sold.values()]
    found: dict[tuple[str, Product], Opening] = {}
    for listing, product, units, row in lines:
        known = found.get((listing, product))
        if known is not None:
            found[listing, product] = replace(known, quantity=known.quantity + units)
            continue
        paid = row.average_price if row.average_price > ZERO else None
        reference = row.close_price or paid or row.last_price
        found[listing, product] = Opening(account_id, session, listing, product, units, reference, paid or reference, taken_at)
    return [one for one in found.values() if one.quantity]


@dataclass(frozen=True, slots=True)
class _Sold:
    """What today's delivery orders took from the shares owned of one security, and the position that says so."""

    listing: str
    units: int
    row: Position


def _sold(positions: Iterable[Position], isin_of: Callable[[str], str | None]) -> dict[str, _Sold]:
    """Return by security what was sold of the shares owned."""
    net: defaultdict[str, int] = defaultdict(int)
    lowest: dict[str, tuple[str, Position]] = {}
    for row in positions:
        if row.listing is None or row.product is not Product.CNC:
            continue
        security = _security(row.listing, None, isin_of)
        net[security] += row.quantity
        if security not in lowest or row.quantity < lowest[security][1].quantity:
            lowest[security] = row.listing, row
    return {security: _Sold(lowest[security][0], -units, lowest[security][1]) for security, units in net.items() if units < 0}


def _security(listing: str, isin: str | None, isin_of: Callable[[str], str | None]) -> str:
    return isin_of(listing) or isin or listing
