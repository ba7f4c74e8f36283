"""The risk gate: every rule speaks, the strictest word counts, and the inputs are kept. A rule that fails rejects."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sigma.domain.orders import OrderRequest
from sigma.domain.risk import RiskDecision, RiskLimits, RiskSnapshot, RuleResult, Scope
from sigma.engines.risk import entries, results, sizes, standing
from sigma.engines.risk.case import case_of, in_order, reject
from sigma.engines.risk.inputs import Inputs, from_inputs

WHERE = (standing, entries, results, sizes)
"""The modules that define rules: importing them registers those."""
RULES = in_order()
_SCOPES = tuple(Scope)


def decide(order: OrderRequest, book: RiskSnapshot, limits: Sequence[RiskLimits], now: datetime) -> RiskDecision:
    """Return the gate's verdict with every rule's word and the inputs that it saw.

    Rules run in the order of their definition, each on the units that the one before left. Limits that refuse judge what was
    asked for, so that tightening a limit, of whichever kind, never lets through what was refused.
    """
    try:
        case = case_of(order, book, limits, now)
    except Exception as error:  # whatever it is, nothing was judged
        return _verdict(order, book, limits, now, [_failed("case", error)], 0)
    words, left = list[RuleResult](), case.remaining
    for name, function in RULES:
        try:
            result = function(case, left)
        except Exception as error:  # a rule that fails must never let an order through
            result = _failed(name, error)
        words.append(result)
        if result.quantity is not None and result.quantity < left:
            left = result.quantity
    return _verdict(order, book, limits, now, words, left)


def _verdict(
    order: OrderRequest, book: RiskSnapshot, limits: Sequence[RiskLimits], now: datetime, words: list[RuleResult], left: int
) -> RiskDecision:
    refused = [result for result in words if not result.allowed]
    told = refused or [result for result in words if result.quantity is not None]
    allowed = not refused and left > 0
    return RiskDecision(
        allowed=allowed,
        code=refused[0].code if refused else "CLAMPED" if told else "OK",
        text="; ".join([result.text for result in told]),
        results=tuple(words),
        inputs=Inputs(order, book, limits),
        decided_at=now,
        quantity=book.filled + left if allowed else 0,
    )


def replay(decision: RiskDecision) -> RiskDecision:
    """Take a stored decision again from what was stored with it.

    Raises
    ------
    KeyError, TypeError, ValueError
        Its inputs are not what a decision stores.
    """
    if decision.decided_at is None:
        raise ValueError("a stored decision says when it was taken")
    order, book, limits = from_inputs(decision.inputs)
    return decide(order, book, limits, decision.decided_at)


def _failed(name: str, error: Exception) -> RuleResult:
    return reject(name, "RULE_FAILED", f"rule {name} could not be evaluated ({type(error).__name__})")


def applicable(limits: Sequence[RiskLimits], account_id: int | None, strategy: str) -> tuple[RiskLimits, ...]:
    """Return the rows that concern an order: global, then its strategy's, then its account's."""

    def concerns(limit: RiskLimits) -> bool:
        if limit.scope is Scope.STRATEGY and limit.strategy.casefold() != strategy.casefold():
            return False
        return limit.account_id in (None, account_id)

    return tuple(sorted((limit for limit in limits if concerns(limit)), key=lambda limit: _SCOPES.index(limit.scope)))
