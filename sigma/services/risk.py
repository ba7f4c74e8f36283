"""Limits, trading modes and the kill switch: who may set them, and what is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sigma.domain.accounts import TradingMode
from sigma.domain.errors import InvalidInput
from sigma.domain.events import Event, Level
from sigma.domain.risk import KillState, RiskLimits, Scope
from sigma.ports.clock import Clock
from sigma.ports.storage import Store


class RiskService:
    """Settings of the gate. The gate itself is engines/risk.py."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def limits(self, user_id: int) -> Sequence[RiskLimits]:
        """Return all limit rows of a user."""
        with self._store.read() as tx:
            return tx.risk.limits(user_id)

    def set_limits(self, user_id: int, limits: RiskLimits) -> RiskLimits:
        """Store the limits of one scope; None lifts a limit.

        Raises
        ------
        InvalidInput
            A limit is not above 0, or the scope names no strategy or account where it must.
        """
        quantity, value = limits.max_quantity_per_order, limits.max_order_value
        if quantity is not None and quantity <= 0:
            raise InvalidInput(f"max_quantity_per_order must be above 0, was {quantity}.", hint="None lifts the limit.")
        if value is not None and value <= 0:
            raise InvalidInput(f"max_order_value must be above 0 rupees, was {value}.", hint="None lifts the limit.")
        named = {Scope.GLOBAL: True, Scope.STRATEGY: bool(limits.strategy), Scope.ACCOUNT: limits.account_id is not None}
        if not named[limits.scope]:
            raise InvalidInput(f"Limits of scope {limits.scope} need the {limits.scope.lower()} they hold for.")
        strange = (limits.strategy and limits.scope is not Scope.STRATEGY) or (
            limits.account_id is not None and limits.scope is not Scope.ACCOUNT
        )
        if strange:  # a second GLOBAL row would be one that no `set` of the first ever lifts
            hint = "Name the scope: STRATEGY with a strategy, ACCOUNT with an account."
            raise InvalidInput(f"Limits of scope {limits.scope} hold for more than the one strategy or account named.", hint=hint)
        with self._store.begin() as tx:
            tx.risk.put_limits(user_id, limits)
            text = f"limits {limits.scope}: quantity {quantity}, value {value}"
            tx.journal.add_event(Event(0, self._clock.now(), Level.INFO, "RISK_LIMITS", text, user_id, limits.account_id))
        return limits

    def kill(self, user_id: int, *, on: bool, reason: str, account_id: int | None = None, by: str = "") -> KillState:
        """Switch the kill flag of all accounts or one; from then on no claim of a new order succeeds.

        Raises
        ------
        InvalidInput
            Without a reason.
        """
        if not reason.strip():
            raise InvalidInput("The kill switch needs a reason, on and off.", hint="It is kept in the audit trail.")
        state = KillState(on, reason.strip(), self._clock.now(), by, account_id)
        with self._store.begin() as tx:
            tx.risk.put_kill(user_id, state)
            word = "on" if on else "off"
            tx.journal.add_event(
                Event(0, self._clock.now(), Level.ALARM, "KILL", f"kill switch {word}: {reason}", user_id, account_id)
            )
        return state

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
            tx.users.set_trading_mode(user_id, mode)
            tx.journal.add_event(
                Event(0, self._clock.now(), Level.WARNING, "TRADING_MODE", f"user-wide trading mode {mode}", user_id)
            )

    def release(self, user_id: int, account: str, reason: str) -> None:
        """Let a frozen account send again, on a person's word."""
        if not reason.strip():
            raise InvalidInput("Releasing a frozen account needs a reason.", hint="It is kept in the audit trail.")
        with self._store.begin() as tx:
            frozen = tx.accounts.by_name(user_id, account)
            tx.accounts.save(replace(frozen, frozen_reason=None))
            text = f"{account} released (was frozen: {frozen.frozen_reason}): {reason}"
            tx.journal.add_event(Event(0, self._clock.now(), Level.WARNING, "ACCOUNT_RELEASED", text, user_id, frozen.id))
