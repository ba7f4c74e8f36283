"""What would be refused behind the wire is refused before it, with the numbers: prices outside the day's band, shares that
are not there to be sold. What is not known refuses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, time
from typing import TYPE_CHECKING

from sigma.domain.accounts import Account
from sigma.domain.errors import BrokerError, InvalidOrder, NotFound, StaleData
from sigma.domain.orders import EXPOSED, Order, OrderRequest, Product, Side
from sigma.domain.portfolio import Holding
from sigma.domain.times import ist, ist_date
from sigma.engines.delivery import Sellable, sellable
from sigma.engines.orders import within_band
from sigma.engines.slicing import cut
from sigma.services.portfolio import Taken

if TYPE_CHECKING:
    from sigma.services.orders.house import OrderHouse


def check(house: OrderHouse, order: Order, account: Account) -> None:
    """Refuse what the exchange would refuse, as far as it is known. An exit is not held up by what we believe is held.

    Raises
    ------
    InvalidOrder
        A price lies outside the day's band, or more shares are to be sold for delivery than there are.
    """
    request = order.request
    if not request.gtt and (request.price is not None or request.trigger_price is not None):  # a trigger is for another day
        within_band(request, house.prices.known(request.listing, account.id), ist_date(house.clock.now()))
    if order.reduce_only or not delivery_sale(request):
        return
    found = sellable_of(house, account, request.listing)
    if found is not None and request.quantity > found.quantity:
        found = sellable_of(house, account, request.listing, refresh=True) or found  # what is stored may lag by some seconds
    if found is not None and request.quantity > found.quantity:
        hint = "Sell what is there, or refresh the holdings when they changed elsewhere."
        told = f"{account.name} can sell {found.quantity} of {request.listing} for delivery ({found.words})"
        raise InvalidOrder(f"{told}, and the order is for {request.quantity}.", hint=hint, code="NOT_SELLABLE")


def delivery_sale(request: OrderRequest) -> bool:
    """Say whether an order sells shares out of the demat account."""
    return request.side is Side.SELL and request.product is Product.CNC


def warnings(house: OrderHouse, request: OrderRequest, account: Account) -> list[str]:
    """Return what a person should know before an order goes: that it is cut, that it is not known what can be sold for
    delivery, or that this is not authorised yet.
    """
    listing = house.listings.get(request.listing)
    pieces = cut(request.quantity, listing.freeze_quantity, listing.lot_size)
    told = f"It goes out as {len(pieces)} orders of at most {pieces[0]}: the exchange takes no more in one."
    return [told] * (len(pieces) > 1) + (_delivery_warnings(house, request, account) if delivery_sale(request) else [])


def _delivery_warnings(house: OrderHouse, request: OrderRequest, account: Account) -> list[str]:
    found = sellable_of(house, account, request.listing)
    if found is None:
        return [f"What {account.name} can sell of {request.listing} is not known: its holdings of today could not be read."]
    link = house.capabilities(account).edis_url
    if found.authorised >= request.quantity or not link:
        return []
    return [
        f"Of {request.listing} {found.authorised} are authorised for sale at the depository. Without a power of attorney (DDPI) "
        f"the broker refuses the rest until you authorise it: {link}"
    ]


def sellable_of(house: OrderHouse, account: Account, listing: str, *, refresh: bool | None = None) -> Sellable | None:
    """Return what an account can sell of a listing's security; None when its holdings of today are not known.

    The broker is asked when what is stored is old, or with `refresh`.
    """
    taken = _holdings(house, account, refresh=refresh)
    return None if taken is None else _all(house, account, taken, {listing: _names(house, listing, taken.rows)})[listing]


def sellable_all(house: OrderHouse, account: Account) -> Mapping[str, Sellable]:
    """Return what an account can sell of each holding with a known listing, by stored facts alone; empty when none are known."""
    taken = _holdings(house, account, refresh=False)
    if taken is None:
        return {}
    return _all(house, account, taken, {row.listing: _names(house, row.listing, taken.rows) for row in taken.rows if row.listing})


def _holdings(house: OrderHouse, account: Account, *, refresh: bool | None = None) -> Taken[Holding] | None:
    try:
        taken = house.holdings.holdings(account.id, refresh=refresh)
    except (BrokerError, StaleData):
        return None
    return taken if ist_date(taken.taken_at) == ist_date(house.clock.now()) else None


def _all(house: OrderHouse, account: Account, taken: Taken[Holding], names: Mapping[str, frozenset[str]]) -> dict[str, Sellable]:
    with house.store.read() as tx:
        today = tx.orders.fills(account_id=account.id, since=_midnight(house))
        working = tx.orders.list(account_id=account.id, statuses=tuple(EXPOSED))
    fills = [fill for fill in today if fill.product is Product.CNC]  # once, for a page asks for hundreds of holdings
    orders = [order for order in working if delivery_sale(order.request)]
    return {text: sellable(taken.rows, taken.taken_at, fills, orders, same) for text, same in names.items()}


def _midnight(house: OrderHouse) -> datetime:
    return ist(ist_date(house.clock.now()), time())


def _names(house: OrderHouse, listing: str, rows: tuple[Holding, ...]) -> frozenset[str]:
    """Return the listings of a security among an account's holdings: those of one ISIN, and the listing itself."""
    isins = {row.isin for row in rows if row.listing == listing and row.isin}
    with suppress(NotFound):  # a holding that the instrument table lacks is known by its own row
        isin = house.listings.get(listing).isin
        isins |= {isin} if isin else set()
    return frozenset({listing, *(row.listing for row in rows if row.listing and row.isin in isins)})
