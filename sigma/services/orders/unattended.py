"""Whether a waiting order may go without a person, and how it becomes a person's when it may not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sigma.domain.accounts import Account
from sigma.domain.calendar import CALENDAR_ENDS
from sigma.domain.errors import ConfigError, SigmaError
from sigma.domain.orders import Order, OrderMode
from sigma.domain.signals import SignalStatus
from sigma.domain.strategies import ShareState, SignalShare
from sigma.engines.signal_shares import together
from sigma.ports.storage import Unit
from sigma.services.orders.approve import Approval, signal_of
from sigma.services.orders.house import OrderHouse


def database_fails(error: SigmaError) -> bool:
    """Say whether an error is of the database (then it is tried again as it is) and not of one order."""
    return isinstance(error, ConfigError) and error.code != CALENDAR_ENDS


def hand_over(house: OrderHouse, tx: Unit, order: Order, why: str) -> Order:
    """Let an order wait for a person, and say why."""
    manual = replace(order, mode=OrderMode.MANUAL, stale_reason=why, updated_at=house.clock.now())
    return house.save(tx, manual, "HANDED_OVER", f"waits for approval: {why}")


def end_share(house: OrderHouse, tx: Unit, share: SignalShare, state: ShareState, note: str) -> None:
    """Store that no order came of one account's part of a message, and of the message where none came of it on any account."""
    tx.shares.save(replace(share, state=state, note=note, updated_at=house.clock.now()))
    shares = tx.shares.of_signal(share.signal_id)
    if together([one.state for one in shares]):
        tx.signals.judge(share.signal_id, SignalStatus.IGNORED, "; ".join(dict.fromkeys(one.note for one in shares)))


def obstacle(house: OrderHouse, approval: Approval, tx: Unit, order: Order, account: Account) -> str:
    """Return why a waiting AUTO order does not go by itself, empty when the gate may decide it."""
    if order.stale_reason:
        return order.stale_reason
    if account.frozen_reason:
        return f"account {account.name} is frozen: {account.frozen_reason}"
    signal = signal_of(tx, order)
    late = approval.lateness(order, signal) if signal else _lateness(house, order)
    return late or _strategy_obstacle(tx, order, account)


def _lateness(house: OrderHouse, order: Order) -> str:
    """Return why an order that no message asked for is late (it stands in for one that the closed market refused)."""
    since = max(order.created_at, order.not_before or order.created_at)
    max_age = timedelta(seconds=house.seconds("signals.max_age"))
    return f"late: it was due {_minutes(house.clock.now() - since)} min ago" if house.clock.now() - since > max_age else ""


def _minutes(age: timedelta) -> int:
    return int(age.total_seconds() // 60)


def _strategy_obstacle(tx: Unit, order: Order, account: Account) -> str:
    """Return why its strategy does not send an order by itself (any more); one that stands in for a person's is not asked."""
    parent = tx.orders.get(order.parent_id) if order.generation and order.parent_id is not None else None
    if not order.strategy or (parent is not None and parent.mode is OrderMode.MANUAL):
        return ""
    strategy = tx.strategies.by_name(order.user_id, order.strategy)
    if strategy is None:
        return f"strategy {order.strategy} was removed"
    if not strategy.enabled:
        return f"strategy {strategy.name} is disabled"
    if strategy.mode is OrderMode.MANUAL:
        return f"strategy {strategy.name} is MANUAL"
    if account.id not in [share.account_id for share in strategy.shares]:
        return f"strategy {strategy.name} does not use account {account.name}"
    return "" if account.enabled else f"account {account.name} is disabled for strategies"
