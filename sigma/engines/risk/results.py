"""Rules on results: what is not known blocks entries, and so do losses. Orders that only reduce pass them all."""

from __future__ import annotations

from datetime import timedelta

from sigma.domain.ledger import DayResult
from sigma.domain.money import indian
from sigma.domain.risk import RiskLimits, RuleResult
from sigma.engines.risk.case import Case, Place, allow, lowered, reject, rule


@rule("unsettled", Place.RESULT)
def unsettled(case: Case, left: int) -> RuleResult:
    """While an order's outcome is only for a person to find out, positions and results are not known: nothing is entered."""
    count = case.book.unsettled
    if not count or case.reduces:
        return allow("unsettled")
    text = f"the outcome of {count} order{'s' if count > 1 else ''} is unsettled: close {'them' if count > 1 else 'it'} first"
    return reject("unsettled", "UNSETTLED", text, orders=count)


@rule("max_daily_loss", Place.RESULT)
def max_daily_loss(case: Case, left: int) -> RuleResult:
    """Nothing is entered once the day's result of a scope, after charges, has fallen by the limit (rupees)."""
    name, numbers = "max_daily_loss", dict[str, object]()
    for row, limit in case.set(name):
        day = case.book.of(row.scope).day
        if day is None or day.missing:
            return _unknown(name, day, row)
        numbers = {"result": day.total, "limit": limit}
        if day.total <= -limit:
            text = f"the day's result is ₹{indian(day.total)}, and entries stop at a loss of ₹{indian(limit)}"
            return reject(name, "MAX_DAILY_LOSS", text, scope=row.scope, **numbers)
    return allow(name, **numbers)


@rule("drawdown_stop", Place.RESULT)
def drawdown_stop(case: Case, left: int) -> RuleResult:
    """Nothing is entered while a scope's result lies this far (rupees) below its highest point."""
    name, numbers = "drawdown_stop", dict[str, object]()
    for row, limit in case.set(name):
        day = case.book.of(row.scope).day
        if day is None or day.missing or day.low_by is None:
            return _unknown(name, day, row)
        numbers = {"low_by": day.low_by, "limit": limit}
        if day.low_by >= limit:
            text = f"the result is ₹{indian(day.low_by)} below its highest point, and entries stop at ₹{indian(limit)}"
            return reject(name, "DRAWDOWN", text, scope=row.scope, **numbers)
    return allow(name, **numbers)


@rule("drawdown_caution", Place.RESULT)
def drawdown_caution(case: Case, left: int) -> RuleResult:
    """Entries are halved once, to whole lots, while a scope's result lies this far (rupees) below its highest point."""
    name, numbers = "drawdown_caution", dict[str, object]()
    words = ""
    for row, limit in case.set(name):
        day = case.book.of(row.scope).day
        if day is None or day.missing or day.low_by is None:
            return _unknown(name, day, row)
        numbers = {"low_by": day.low_by, "limit": limit}
        if day.low_by >= limit:
            words = f"the result is ₹{indian(day.low_by)} below its highest point, halving entries from ₹{indian(limit)} on"
    if not words:
        return allow(name, **numbers)
    half = case.lots(left // 2)
    if case.book.amending or half <= 0:
        return reject(name, "DRAWDOWN", f"{words}: quantity {left} cannot go", **numbers)
    return lowered(name, "DRAWDOWN", f"{words}: lowered from {left} to {half}", half, quantity=left, **numbers)


@rule("cooldown_s", Place.RESULT)
def cooldown(case: Case, left: int) -> RuleResult:
    """After a losing round trip in a listing nothing is entered there for some seconds."""
    for row, seconds in case.set("cooldown_s"):
        lost = case.book.of(row.scope).last_loss
        if lost is not None and case.now < lost + timedelta(seconds=seconds):
            rest = (lost + timedelta(seconds=seconds) - case.now).total_seconds()
            text = f"the last round trip in {case.order.listing} lost: no entry there for another {rest:.0f} s"
            return reject("cooldown_s", "COOLDOWN", text, scope=row.scope, lost_at=lost, limit=seconds)
    return allow("cooldown_s")


def _unknown(name: str, day: DayResult | None, row: RiskLimits) -> RuleResult:
    """Return the refusal of an entry because a result is not known."""
    if day is not None and day.missing:
        text = f"no price for {', '.join(day.missing)}: the day's result is not known"
        return reject(name, "NO_PRICE", text, scope=row.scope)
    return reject(name, "RESULT_UNKNOWN", "the result is not known", scope=row.scope)
