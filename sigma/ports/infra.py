"""Small services of the machine that use cases need: leases, budgets of writes and reads, waking."""

from __future__ import annotations

from typing import Protocol

from sigma.domain.limits import CallLimit, LimitUse


class Lease(Protocol):
    """An account's exclusive right to write, as long as this process lives."""

    holder: str

    def touch(self) -> None:
        """Show that its holder lives."""

    def release(self) -> None:
        """Give it back."""


class Leases(Protocol):
    """Leases by account. On one host an OS file lock: it dies with its process, and only then."""

    def acquire(self, account_id: int, *, hung_after_s: float) -> Lease | None:
        """Return the lease, or None while a living process holds it.

        A holder whose heartbeat is older than `hung_after_s` seconds is killed by its recorded pid and start time first.
        """


class WriteBudget(Protocol):
    """Token bucket of one account's writes, with tokens kept for cancels and exits."""

    def take(self, *, urgent: bool, exchange: str = "") -> float:
        """Take one token, and one of the exchange segment that the write goes to; return 0.0, or the seconds to wait.

        Parameters
        ----------
        urgent : bool
            It takes risk away (a cancel, an exit), and may use what is kept for such.
        exchange : str
            The segment whose orders it counts among; empty for a write that no exchange sees at once.
        """


class Turn(Protocol):
    """The right to make one call now. Whoever has it says how the call ended."""

    def done(self) -> None:
        """Say that the call is over."""

    def refused(self, retry_after: float | None) -> None:
        """Say that the broker refused it for rate: nobody calls for `retry_after` seconds, or for a while it did not name."""


class ReadBudget(Protocol):
    """Turns for the calls of accounts that are no writes, shared by all processes of this machine."""

    def take(self, account_id: int, limit: CallLimit, patience_s: float) -> Turn:
        """Wait for a turn, in the order of asking, and return it; raise NoTurn when it comes later than in `patience_s`."""

    def use(self, account_id: int, limit: CallLimit) -> LimitUse:
        """Return how a limit was used since midnight IST, by all processes."""


class Failures(Protocol):
    """Failures of the last minute by key: an address, a name."""

    def wait(self, key: str, most: int) -> float:
        """Return the seconds until `key` has fewer than `most` failures in the last minute; 0.0 when it has."""

    def count(self, key: str, keep: int) -> None:
        """Count one failure of `key`; of older ones as many are remembered as make `keep`."""


class Watch(Protocol):
    """Notices commits of other processes within milliseconds."""

    def wait(self, seconds: float) -> bool:
        """Return True as soon as the database changed since the last call, False after `seconds`."""

    def close(self) -> None:
        """Let go of its connection."""
