"""Rules on who may send anything at all: kill switch, trading mode, reduce-only orders, accounts closed to strategies."""

from __future__ import annotations

from sigma.domain.accounts import TradingMode
from sigma.domain.risk import RiskSnapshot, RuleResult
from sigma.engines.risk.case import Case, Place, allow, lowered, reject, rule


@rule("kill_switch", Place.STANDING)
def kill_switch(case: Case, left: int) -> RuleResult:
    """Nothing is placed while a kill switch that concerns the account or strategy is on, but for the switch's own exits."""
    on = [kill for kill in case.book.kills if kill.on]
    if not on or case.book.killing:
        return allow("kill_switch")
    reason = "; ".join(kill.reason or "no reason given" for kill in on)
    return reject("kill_switch", "KILLED", f"the kill switch is on ({reason})")


@rule("trading_mode", Place.STANDING)
def trading_mode(case: Case, left: int) -> RuleResult:
    """PAUSED places nothing; EXIT_ONLY only what reduces, lowered to what is held minus exits already at work."""
    mode = case.book.trading_mode
    if mode is TradingMode.NORMAL or (mode is TradingMode.PAUSED and case.book.killing):
        return allow("trading_mode")
    if mode is TradingMode.PAUSED:
        return reject("trading_mode", "PAUSED", "trading is paused")
    return _capped(case, left, "trading_mode", "EXIT_ONLY", "only exits are allowed")


@rule("reduce_only", Place.STANDING)
def reduce_only(case: Case, left: int) -> RuleResult:
    """A reduce-only order is lowered to what can be closed, and never opens or turns a position."""
    if not case.book.reduce_only:
        return allow("reduce_only")
    return _capped(case, left, "reduce_only", "REDUCE_ONLY", "the order may only reduce")


def _capped(case: Case, left: int, name: str, code: str, why: str) -> RuleResult:
    book = case.book
    if book.position is None or case.closable is None:
        return reject(name, "POSITION_UNKNOWN", f"{why}, and what is held could not be read")
    numbers: dict[str, object] = {"held": book.position, "exits_working": book.exits_working}
    if book.ledger is not None:
        numbers |= {"ledger": book.ledger, "ledger_working": book.ledger_working}
    if case.asked >= left:
        return allow(name, quantity=left, **numbers)
    text = f"{why}, and at most {case.closable + book.filled} can be closed{_views(book)}"
    if case.asked <= 0:
        return reject(name, code, text, quantity=left, **numbers)
    return lowered(name, code, f"{text}: lowered from {left} to {case.asked}", case.asked, quantity=left, **numbers)


def _views(book: RiskSnapshot) -> str:
    """Return both views of the position, and the way out where they differ."""
    if book.ledger is None or book.ledger == book.position:
        return ""
    both = f"the broker lists {book.position}, and our books hold {book.ledger}"
    return f" ({both}, and the lower counts; if the broker is right, close it there or by the kill switch, which asks it alone)"


@rule("account_enabled", Place.STANDING)
def account_enabled(case: Case, left: int) -> RuleResult:
    """Strategies send nothing on an account that is disabled; orders that a person approves still pass."""
    if case.book.enabled or not case.book.automatic:
        return allow("account_enabled")
    return reject("account_enabled", "ACCOUNT_DISABLED", "the account is disabled: strategies send nothing there")
