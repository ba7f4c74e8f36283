"""Advancing a paper book: quotes are fetched first, then what is due happens under the book's lock."""

from __future__ import annotations

from sigma.adapters.paper.sitting import Market, Sitting
from sigma.domain.errors import SigmaError
from sigma.domain.instruments import split_listing
from sigma.domain.market import Quote
from sigma.domain.orders import Product
from sigma.domain.paper import PaperState
from sigma.domain.times import ist_date
from sigma.ports.clock import Clock
from sigma.ports.paper import PaperPlace


def advance(place: PaperPlace, clock: Clock) -> bool:
    """Let happen in an account's book what is due now, and say whether anything did.

    Any process may: the book's lock admits one at a time. Nothing is stored, and no lock taken, when nothing is due.

    Raises
    ------
    ConfigError
        The database is locked, or the calendar does not know a day that is needed.
    """
    now = clock.now()
    day = ist_date(now)
    state = place.books.load(place.account_id, day)
    if state is None:
        return False
    quotes, why = asked(place, wanted(place, state, clock))
    market = Market(quotes, place.calendar, place.rates, place.rules, why)
    if Sitting(state, market, now).hold() == state:
        return False
    with place.books.change(place.account_id, day) as turn:
        turn.put(Sitting(turn.state, market, now).hold())
    return True


def wanted(place: PaperPlace, state: PaperState, clock: Clock) -> list[str]:
    """Return the listings whose quotes are needed: of orders that could execute, and of what they are weighed against."""
    now, calendar = clock.now(), place.calendar
    day = ist_date(now)
    names = {order.request.listing for order in state.working if calendar.is_open(split_listing(order.request.listing)[0], now)}
    if any(not order.admitted and order.request.listing in names for order in state.working):
        names |= {one.listing for one in state.book.positions if one.quantity and not one.paid}
    for one in state.book.positions:
        ends = one.product is Product.MIS or (one.terms.expiry is not None and one.terms.expiry <= day)
        over = any(lot.day < day for lot in one.lots) or not calendar.is_open(split_listing(one.listing)[0], now)
        if one.quantity and ends and over:
            names.add(one.listing)
    return sorted(names)


def asked(place: PaperPlace, listings: list[str]) -> tuple[dict[str, Quote], str]:
    """Return the quotes there are, and why there are none."""
    if not listings:
        return {}, ""
    try:
        found = place.quotes(listings)
    except SigmaError as error:
        return {}, error.message
    return {listing: quote for listing, quote in found.items() if quote.last_price > 0}, ""
