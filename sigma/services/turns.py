"""Calls to brokers in their turn: every read and every login passes here, so that no limit of a broker's is overrun."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from sigma.domain.accounts import Account, Capabilities
from sigma.domain.errors import NoTurn, RateLimited
from sigma.domain.limits import CallKind, LimitUse
from sigma.ports.clock import Clock
from sigma.ports.infra import ReadBudget

Answer = TypeVar("Answer")
PATIENCE_S = 8.0
"""How long a caller waits for its turn, or for a broker that asks for patience, unless it says otherwise."""


@dataclass(frozen=True, slots=True)
class AccountUse:
    """How one limit of an account was used."""

    account: str
    use: LimitUse


class Turns:
    """Makes calls when their turn has come."""

    def __init__(self, clock: Clock, budget: ReadBudget) -> None:
        self._clock, self._budget = clock, budget

    def until(self, patience_s: float) -> int:
        """Return the instant of the boot clock at which this patience ends."""
        return self._clock.boot_ns() + int(patience_s * 1e9)

    def call(
        self,
        account_id: int,
        capabilities: Capabilities,
        kinds: Iterable[CallKind],
        fn: Callable[[], Answer],
        until_ns: int,
    ) -> Answer:
        """Return `fn()`, made when there is a turn for each of `kinds`: a login that reads a profile is two calls.

        Raises
        ------
        NoTurn
            The turn comes after `until_ns`; nothing was asked.
        RateLimited
            The broker says that it was asked too fast; from now on all processes wait as long as it says.
        """
        turns = []
        try:
            for kind in kinds:
                patience_s = max(0.0, (until_ns - self._clock.boot_ns()) / 1e9)
                turns.append(self._budget.take(account_id, capabilities.limit(kind), patience_s))
            return fn()
        except NoTurn:
            raise
        except RateLimited as error:
            turns[0].refused(error.retry_after)
            raise
        finally:
            for turn in turns:
                turn.done()

    def uses(self, account: Account, capabilities: Capabilities) -> tuple[AccountUse, ...]:
        """Return how each limit of an account was used since midnight IST; no broker is asked."""
        return tuple(AccountUse(account.name, self._budget.use(account.id, limit)) for limit in capabilities.limits)
