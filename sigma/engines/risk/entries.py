"""Rules on what may be entered, and until when. Orders that only reduce pass them all."""

from __future__ import annotations

from sigma.domain.orders import Product
from sigma.domain.risk import RuleResult
from sigma.domain.times import to_ist
from sigma.engines.risk.case import Case, Place, allow, reject, rule


@rule("allow", Place.ENTRY)
def allowed(case: Case, left: int) -> RuleResult:
    """Only listings that each list of allowed ones names are entered."""
    listing = case.order.listing
    for row, listings in case.set("allow"):
        if listing not in listings:
            return reject("allow", "NOT_ALLOWED", f"{listing} is not among the listings that may be entered", scope=row.scope)
    return allow("allow")


@rule("deny", Place.ENTRY)
def denied(case: Case, left: int) -> RuleResult:
    """Listings that a list denies are not entered."""
    listing = case.order.listing
    for row, listings in case.set("deny"):
        if listing in listings:
            return reject("deny", "DENIED", f"{listing} is among the listings that may not be entered", scope=row.scope)
    return allow("deny")


@rule("products", Place.ENTRY)
def products(case: Case, left: int) -> RuleResult:
    """Only products that the policy names are entered."""
    for row, named in case.set("products"):
        if case.order.product not in named:
            text = f"product {case.order.product} may not be entered, only {', '.join(sorted(named)) or 'none'}"
            return reject("products", "PRODUCT", text, scope=row.scope)
    return allow("products")


@rule("order_types", Place.ENTRY)
def order_types(case: Case, left: int) -> RuleResult:
    """Only order types that the policy names enter."""
    for row, named in case.set("order_types"):
        if case.order.order_type not in named:
            text = f"order type {case.order.order_type} may not enter, only {', '.join(sorted(named)) or 'none'}"
            return reject("order_types", "ORDER_TYPE", text, scope=row.scope)
    return allow("order_types")


@rule("entries_until", Place.ENTRY)
def entries_until(case: Case, left: int) -> RuleResult:
    """From the cut-off time (IST) until the end of the day there are no entries."""
    rows = case.set("entries_until")
    if not rows:
        return allow("entries_until")
    clock = to_ist(case.now).time()
    for row, until in rows:
        if clock >= until:
            text = f"entries end at {until:%H:%M} IST"
            return reject("entries_until", "ENTRIES_ENDED", text, scope=row.scope, now=clock.isoformat("seconds"), limit=until)
    return allow("entries_until", now=clock.isoformat("seconds"))


@rule("square_off_at", Place.ENTRY)
def square_off_at(case: Case, left: int) -> RuleResult:
    """From the square-off time (IST) until the end of the day nothing intraday is entered."""
    rows = case.set("square_off_at") if case.order.product is Product.MIS else []
    if not rows:
        return allow("square_off_at")
    clock = to_ist(case.now).time()
    for row, at in rows:
        if clock >= at:
            text = f"intraday positions are squared off at {at:%H:%M} IST"
            return reject("square_off_at", "SQUARE_OFF", text, scope=row.scope, now=clock.isoformat("seconds"), limit=at)
    return allow("square_off_at", now=clock.isoformat("seconds"))
