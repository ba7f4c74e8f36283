"""Triggers on a stage: set, looked at where they really are, and set elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sigma.domain.gtt import Gtt
from sigma.domain.orders import Order, Product, Side
from sigma.simulator.triggers import SimLeg, SimTrigger, TriggerWish
from tests.orders.stage import KITE, Stage, eventually

DIP = [{"trigger": 1400, "price": 1402, "quantity": 5}]
BOTH = [{"trigger": 1400, "price": 1398, "quantity": 5}, {"trigger": 1600, "price": 1598, "quantity": 3}]


def wanted(stage: Stage, legs: list[dict[str, Any]] = DIP, side: str = "BUY", **more: Any) -> tuple[Gtt, Order]:
    """Set a trigger that is not sent yet."""
    gtt = stage.desk.gtt.add(account=KITE, listing="NSE:INFY", side=side, legs=legs, product="MIS", **more)
    return gtt, stage.desk.orders.get(gtt.order_id or 0)


def resting(stage: Stage, legs: list[dict[str, Any]] = DIP, side: str = "BUY") -> tuple[Gtt, Order]:
    """Set a trigger that rests at the broker."""
    gtt, order = wanted(stage, legs, side)
    assert stage.send() == 1
    return stage.desk.gtt.get(gtt.id), stage.get(order)


def there(stage: Stage) -> list[SimTrigger]:
    """Return the triggers that the broker really has."""
    account = stage.server.exchange.account("zerodha", "AB1234")
    assert account is not None
    return list(stage.server.exchange.triggers.of(account, hidden=True))


def elsewhere(stage: Stage, trigger: int = 1400, price: int = 1402, quantity: int = 5, side: Side = Side.BUY) -> SimTrigger:
    """Let the person set a trigger on the broker's own page."""
    account = stage.server.exchange.account("zerodha", "AB1234")
    assert account is not None
    leg = SimLeg(Decimal(trigger), Decimal(price), quantity)
    wish = TriggerWish("NSE:INFY", side, Product.MIS, (leg,), Decimal(1500))
    return stage.server.exchange.triggers.place(account, wish)


def synced(stage: Stage, look: Callable[[], object]) -> None:
    """Read the triggers and the book until `look` holds."""

    def now() -> bool:
        stage.desk.gtt.sync(KITE)
        stage.sync()
        return bool(look())

    eventually(now)


def requests(stage: Stage) -> int:
    """Return how many writes of triggers arrived at the broker."""
    return len(stage.requests("gtt"))
