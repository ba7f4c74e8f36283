"""Limits, trading modes and the kill switch: who may set them, and what is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import time

from sigma.domain.accounts import TradingMode
from sigma.domain.errors import Denied, InvalidInput, NotFound, StaleData
from sigma.domain.events import Event, Level
from sigma.domain.people import Role
from sigma.domain.risk import EffectiveLimit, GateDay, KillState, Replay, RiskDecision, RiskLimits, Scope
from sigma.domain.times import ist, ist_date
from sigma.engines import risk
from sigma.engines.risk.checks import check_limits
from sigma.ports.clock import Clock
from sigma.ports.storage import Store, Unit


class RiskService:
    """Settings of the gate. The gate itself is engines/risk/."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def limits(self, user_id: int) -> Sequence[RiskLimits]:
        """Return all limit rows of a user."""
        with self._store.read() as tx:
            return tx.risk.limits(user_id)

    def set_limits(self, user_id: int, limits: RiskLimits) -> RiskLimits:
        """Store the limits of one scope; None lifts a limit. A strategy's name is stored as the strategy has it.

        Raises
        ------
        InvalidInput
            A limit makes no sense, or the scope names no strategy or account where it must.
        Denied
            The user may only look on.
        """
        check_limits(limits)
        with self._store.begin() as tx:
            _may_change(tx, user_id)
            known = tx.strategies.by_name(user_id, limits.strategy) if limits.strategy else None
            limits = replace(limits, strategy=known.name) if known is not None else limits
            tx.risk.put_limits(user_id, limits)
            text = f"limits of {_where(limits)}: {_told(limits)}"
            tx.journal.add_event(Event(0, self._clock.now(), Level.INFO, "RISK_LIMITS", text, user_id, limits.account_id))
        return limits

    def effective(self, user_id: int, strategy: str = "", account_id: int | None = None) -> Sequence[EffectiveLimit]:
        """Return every limit as it holds for orders of a strategy (empty: a person's) on an account, and where it comes from."""
        return risk.effective(risk.applicable(self.limits(user_id), account_id, strategy))

    def decisions(self, user_id: int, order_id: int) -> Sequence[RiskDecision]:
        """Return the gate's decisions on one of the user's orders, oldest first.

        Raises
        ------
        NotFound
            There is no such order of this user.
        """
        with self._store.read() as tx:
            if tx.orders.get(order_id).user_id != user_id:
                raise NotFound(f"There is no order {order_id}.", hint="`sigma orders` lists them.")
            return tx.orders.decisions(order_id)

    def today(self, user_id: int, limit: int = 50) -> GateDay:
        """Return what the gate said of the user's orders since midnight (IST), with up to `limit` refusals, newest first."""
        since = ist(ist_date(self._clock.now()), time())
        with self._store.read() as tx:
            counts = tx.orders.verdicts(user_id, since)
            refusals = tuple(tx.orders.refusals(user_id, since, limit))
        return GateDay(since, counts.get(True, 0), counts.get(False, 0), refusals)

    def replay(self, user_id: int, decision_id: int) -> Replay:
        """Take a stored decision again from its stored inputs.

        Raises
        ------
        NotFound
            There is no such decision on an order of this user.
        StaleData
            Its inputs are of a form that is not understood any more.
        """
        with self._store.read() as tx:
            stored = tx.orders.decision(decision_id)
            if tx.orders.get(stored.order_id or 0).user_id != user_id:
                raise NotFound(f"There is no risk decision {decision_id}.", hint="`sigma orders show ID` lists an order's.")
        try:
            return Replay(stored, risk.replay(stored))
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            told = f"Risk decision {decision_id} cannot be taken again: its inputs are not understood ({type(error).__name__})."
            raise StaleData(told) from error

    def kills(self, user_id: int) -> Sequence[KillState]:
        """Return the kill flags that are on."""
        with self._store.read() as tx:
            return [kill for kill in tx.risk.kills(user_id) if kill.on]

    def user_mode(self, user_id: int) -> TradingMode:
        """Return the user-wide trading mode."""
        with self._store.read() as tx:
            return TradingMode(tx.users.get(user_id).trading_mode)

    def set_user_mode(self, user_id: int, mode: TradingMode) -> None:
        """Set the user-wide trading mode; the stricter of it and an account's applies."""
        with self._store.begin() as tx:
            _may_change(tx, user_id)
            tx.users.set_trading_mode(user_id, mode)
            tx.journal.add_event(
                Event(0, self._clock.now(), Level.WARNING, "TRADING_MODE", f"user-wide trading mode {mode}", user_id)
            )

    def release(self, user_id: int, account: str, reason: str) -> None:
        """Let a frozen account send again, on a person's word."""
        if not reason.strip():
            raise InvalidInput("Releasing a frozen account needs a reason.", hint="It is kept in the audit trail.")
        with self._store.begin() as tx:
            _may_change(tx, user_id)
            frozen = tx.accounts.by_name(user_id, account)
            tx.accounts.save(replace(frozen, frozen_reason=None))
            text = f"{account} released (was frozen: {frozen.frozen_reason}): {reason}"
            tx.journal.add_event(Event(0, self._clock.now(), Level.WARNING, "ACCOUNT_RELEASED", text, user_id, frozen.id))


def _may_change(tx: Unit, user_id: int) -> None:
    if tx.users.get(user_id).role == Role.VIEWER:
        raise Denied("Limits and modes are for those who may trade.", hint="Ask the owner.")


def _where(limits: RiskLimits) -> str:
    named = {Scope.GLOBAL: "everything", Scope.STRATEGY: f"strategy {limits.strategy}", Scope.ACCOUNT: "the account"}
    return named[limits.scope]


def _told(limits: RiskLimits) -> str:
    """Return the limits that are set, as the audit trail tells them."""
    values = ((name, getattr(limits, name)) for name in risk.NAMES)
    told = [
        f"{name} {', '.join(sorted(value)) if isinstance(value, frozenset) else value}"
        + (" (lowers)" if name in limits.clamp else "")
        for name, value in values
        if value is not None
    ]
    return "; ".join(told) or "none"
