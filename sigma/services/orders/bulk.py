"""Approving several waiting orders, each by itself."""

from __future__ import annotations

from collections.abc import Sequence

from sigma.domain.errors import SigmaError
from sigma.domain.orders import OrderStatus
from sigma.services.orders.amend import BulkResult
from sigma.services.orders.approve import Approval
from sigma.services.orders.look import OrderViews


def approve_each(
    approval: Approval, views: OrderViews, order_ids: Sequence[int], account: str | int, *, user_id: int, late: bool = False
) -> Sequence[BulkResult]:
    """Approve waiting orders on one account, in the order given; what cannot be approved is told in its row.

    Raises
    ------
    NotFound
        One of them is no order of this user: nothing was approved.
    """
    orders = [views.get(order_id, user_id=user_id) for order_id in dict.fromkeys(order_ids)]
    results = []
    for order in orders:
        try:
            now = approval.approve(order.id, account, user_id=user_id, version=order.version, late=late)
        except SigmaError as error:
            results.append(BulkResult(order, False, str(error)))
            continue
        refused = now.status is OrderStatus.REJECTED_RISK
        results.append(BulkResult(now, not refused, now.risk_note or "approved"))
    return results
