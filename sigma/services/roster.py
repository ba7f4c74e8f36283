"""Strategies and accounts as the intake sees them: read together, for a short time, so that no message costs a query more.

What an order may do is decided again where it is admitted, by what is stored then: a roster may be a second old.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sigma.domain.accounts import Account
from sigma.domain.groups import name_key
from sigma.domain.strategies import Strategy
from sigma.ports.clock import Clock
from sigma.ports.storage import Store

LASTS_NS = 1_000_000_000


@dataclass(frozen=True)
class _Read:
    at_ns: int
    strategies: Mapping[tuple[int, str], Strategy]
    accounts: Mapping[int, Account]


class Roster:
    """All users' strategies and accounts, read anew when older than a second."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._read: _Read | None = None

    def strategy(self, user_id: int, name: str) -> Strategy | None:
        """Return the user's strategy of that name (whatever its case), None when there is none."""
        return self._fresh().strategies.get((user_id, name_key(name))) if name else None

    def accounts(self) -> Mapping[int, Account]:
        """Return the accounts there are, by id."""
        return self._fresh().accounts

    def forget(self) -> None:
        """Read anew the next time, because something was changed here."""
        self._read = None

    def _fresh(self) -> _Read:
        now = self._clock.boot_ns()
        read = self._read
        if read is None or now - read.at_ns > LASTS_NS:
            with self._store.read() as tx:
                strategies = {(one.user_id, name_key(one.name)): one for one in tx.strategies.list()}
                accounts = {one.id: one for one in tx.accounts.list()}
            read = self._read = _Read(now, strategies, accounts)
        return read
