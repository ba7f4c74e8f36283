"""How long everything waits: shortened together on both sides, or as in real life."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Waits:
    """Settings of ours and delays of the exchange that belong together, in seconds.

    A late acceptance comes after the client's time-out and before the end of the visibility delay; so does a row that the
    book shows late. Otherwise the broker breaks its word, and an order FAILED by absence reopens (tests/orders tests that).

    Parameters
    ----------
    late, hidden, slow : float
        How late an acceptance, a row in the book and an answer come.
    patience : float
        How long the campaign waits for an outcome before it calls it missing.
    """

    late: float
    hidden: float
    slow: float
    patience: float
    settings: dict[str, float] = field(default_factory=dict)

    def of(self, word: object) -> object:
        """Return what a fault's argument stands for."""
        return getattr(self, word) if word in ("late", "hidden", "slow") else word  # type: ignore[arg-type]


SHORT = Waits(
    late=1.3,
    hidden=0.7,
    slow=0.4,
    patience=40.0,
    settings={
        "orders.call_timeout": 0.8,
        "orders.send_window": 1.0,
        "orders.visibility_delay": 1.0,
        "orders.absence_gap": 0.3,
        "orders.settle_every": 0.2,
        "orders.approval_max_age": 5.0,
        "sync.active": 0.3,
        "sync.idle": 1.0,
        "sync.after_send": 0.1,
        "session.check": 1.0,
        "worker.heartbeat": 1.0,
        "worker.hung_after": 2.0,
        "signals.dedupe_window": 0.0,
    },
)
REAL = Waits(late=20.0, hidden=15.0, slow=5.0, patience=150.0, settings={"signals.dedupe_window": 0.0})
