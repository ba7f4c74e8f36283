"""What the sender asks of each kind of write: everything that claiming, calling once and storing an answer does not know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from sigma.domain.accounts import Account
from sigma.domain.answers import WriteAnswer
from sigma.domain.gtt import Gtt
from sigma.domain.orders import Command, Order
from sigma.ports.broker import Broker
from sigma.ports.storage import Unit

READ_PATIENCE_S = 2.0
"""How long a read before a claim waits for its turn: everything else that the account sends waits with it."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A write that this process alone may call, until its command's `send_by_ns` on the boot clock.

    `order` and `gtt` are what it is about, as they stood at the claim; a conversion has neither.
    """

    command: Command
    account: Account
    order: Order | None = None
    gtt: Gtt | None = None


class Way(Protocol):
    """One kind of write. Everything but `before` and `call` happens inside a unit of the store."""

    def before(self, command: Command) -> Mapping[str, str]:
        """Read what must be committed before the call, for attributing what is listed afterwards; joins the payload.

        Raises
        ------
        SigmaError
            It could not be read: nothing may be sent.
        """

    def blocked(self, tx: Unit, command: Command) -> bool:
        """Say whether another write about the same is in the way for now."""

    def obstacle(self, tx: Unit, command: Command, account: Account) -> str:
        """Say why the command may not go at all any more, empty when it may."""

    def withdrawn(self, tx: Unit, command: Command, why: str) -> None:
        """Record that the command will not go; it is marked so already."""

    def claimed(self, tx: Unit, command: Command, account: Account) -> Claimed:
        """Record that the command goes out now; it is SENDING already."""

    def found(self, tx: Unit, command: Command, account: Account) -> Claimed:
        """Return a claim whose commit had lost its answer."""

    def call(self, broker: Broker, claimed: Claimed) -> WriteAnswer:
        """Make the one call."""

    def answered(self, tx: Unit, command: Command, answer: WriteAnswer) -> None:
        """Record an answer that proves something: ACCEPTED, REFUSED or NOT_SENT."""

    def late(self, tx: Unit, command: Command, answer: WriteAnswer) -> None:
        """Record an answer that came when its command was settled already. What it proves is a fact all the same."""

    def lost(self, tx: Unit, command: Command, answer: WriteAnswer) -> None:
        """Record that nobody knows what became of it."""
