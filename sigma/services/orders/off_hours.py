"""What becomes of an order that the broker refuses because the market is closed: by its strategy's policy, else its user's.

Only a definite refusal counts (status REJECTED: the broker's answer, or its book). The new attempt is an order of its own,
linked to the refused one, with an id that follows from that one's, so that there is never a second one. It goes through the
risk gate like any other. There is one attempt: when it is refused too, that stands.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from sigma.domain.accounts import Capabilities
from sigma.domain.instruments import split_listing
from sigma.domain.kill import stopped_words
from sigma.domain.orders import Order, OrderMode, OrderRequest, Source, Variety
from sigma.domain.strategies import OffHours
from sigma.domain.times import to_ist
from sigma.engines.orders import copy_of
from sigma.engines.slicing import linked_id
from sigma.ports.storage import Unit

if TYPE_CHECKING:
    from sigma.services.orders.house import OrderHouse

POLICY = "orders.off_hours"
LINK = "off-hours"
NOT_OURS = frozenset({Source.BROKER, Source.KILL})
"""Orders from elsewhere are not repeated; the kill switch says itself what it could not close."""


def after_refusal(house: OrderHouse, tx: Unit, order: Order) -> None:
    """Make the linked order that the policy wants, once; say in the refused order's history what was done, or why nothing."""
    capabilities = house.capabilities(tx.accounts.get(order.account_id or 0))
    if order.source in NOT_OURS or not order.unfilled:
        return
    if capabilities.says_unauthorised(order.broker_reason) and capabilities.edis_url:
        house.note(tx, order, "AUTHORISE", f"authorise the sale at the depository first: {capabilities.edis_url}")
        return
    if not capabilities.says_closed(order.broker_reason) or linked(tx, order) is not None:
        return
    policy = policy_of(house, tx, order)
    if policy is OffHours.FAIL:
        return
    if order.request.variety is Variety.AMO or order.not_before is not None or order.request.gtt:
        house.note(tx, order, "OFF_HOURS", "refused because the market is closed, again: nothing more is tried")
        return
    request, not_before, why_not = _wish(house, order, policy, capabilities)
    if why_not:
        house.note(tx, order, "OFF_HOURS", f"the policy {policy} could not be followed: {why_not}")
        return
    stop = next((one for one in tx.risk.kills(order.user_id) if one.stops(order.account_id, order.strategy)), None)
    made = copy_of(
        replace(order, request=request),
        house.clock.now(),
        client_order_id=linked_id(order.client_order_id, LINK),
        mode=OrderMode.AUTO if stop is None else OrderMode.MANUAL,
        not_before=not_before,
        stale_reason="" if stop is None else stopped_words(stop.reason),
    )
    house.probe.reached("standing_in")
    until = f", and goes out when the market opens ({to_ist(not_before):%d %b %H:%M} IST)" if not_before else ""
    stored = house.add(tx, made, "QUEUED", f"stands in for order {order.id}, refused because the market is closed{until}")
    house.note(tx, order, "OFF_HOURS", f"the market is closed: order {stored.id} ({policy}) stands in for it", made=stored.id)


def linked(tx: Unit, order: Order) -> Order | None:
    """Return the order that stands in for a refused one, None when there is none."""
    return tx.orders.by_client_id(linked_id(order.client_order_id, LINK))


def policy_of(house: OrderHouse, tx: Unit, order: Order) -> OffHours:
    """Return what an order's strategy says, or its user's setting where it has none."""
    strategy = tx.strategies.by_name(order.user_id, order.strategy) if order.strategy else None
    return strategy.off_hours if strategy is not None else OffHours(str(house.settings.get(POLICY, order.user_id)))


def _wish(
    house: OrderHouse, order: Order, policy: OffHours, capabilities: Capabilities
) -> tuple[OrderRequest, datetime | None, str]:
    """Return what is wanted instead, from when on, and why it is not to be had; product and prices are kept."""
    request, title = order.request, capabilities.title
    if policy is OffHours.AMO:
        lacks = "" if Variety.AMO in capabilities.varieties else f"{title} takes no after-market orders"
        return replace(request, variety=Variety.AMO), None, lacks
    if policy is OffHours.WAIT:
        exchange, _ = split_listing(request.listing)
        opens = house.calendar.next_open(exchange, house.clock.now())
        if opens is None:
            return request, None, f"the calendar does not say when {exchange} opens"
        ahead = opens > house.clock.now()
        return request, opens, "" if ahead else f"{exchange} is open by the calendar, and the broker says it is closed"
    if not capabilities.gtt_single:
        return request, None, f"{title} has no resting triggers"
    if request.price is None:
        return request, None, "a resting trigger needs a limit price"
    return replace(request, gtt=True), None, ""
