"""What can be set on a running simulator; delays count seconds of the exchange's clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

_DAY_S = 86_400


@dataclass(slots=True)
class SimConfig:
    """Settings of the exchange.

    Parameters
    ----------
    accept_delay_s : float
        From the answer to the first check (PUT ORDER REQ RECEIVED to VALIDATION PENDING).
    step_delay_s : float
        Each further step of an order's way, and of a modification or cancellation.
    book_visibility_s : float
        How long the order book lags an acceptance.
    latency_s : float
        Added to every answer, after the act.
    order_rate_enforced, read_rate_enforced : bool
        Whether breaches are refused; breaches of the order rate are counted in any case.
    allowed_ips : list of str or None
        Addresses that may place, modify and cancel; None allows all.
    depth_replenish_s, liquidity_replenish_s : float or None
        After how long taken depth is back: synthetic depth, and depth imposed by `/_sim/liquidity`. None: never.
    max_modifications : int
        Modifications an order can take.
    tick_interval_s : float
        How often the sockets look for changed listings, in real seconds (0.01 at least).
    """

    accept_delay_s: float = 0.05
    step_delay_s: float = 0.05
    book_visibility_s: float = 0.0
    latency_s: float = 0.0
    order_rate_enforced: bool = True
    read_rate_enforced: bool = False
    allowed_ips: list[str] | None = None
    depth_replenish_s: float | None = 1.0
    liquidity_replenish_s: float | None = None
    max_modifications: int = 25
    tick_interval_s: float = 1.0

    def update(self, changes: Mapping[str, object]) -> None:
        """Apply `changes` by name, all or none.

        Raises
        ------
        ValueError
            An unknown name, or a value of the wrong kind.
        """
        known = {field.name: str(field.type) for field in fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"{name!r} is no setting of the simulator; known: {', '.join(sorted(known))}")
            if not _fits(known[name], value):
                raise ValueError(f"{name} must be {known[name]}, was {value!r}")
        for name, value in changes.items():
            setattr(self, name, value)

    def as_dict(self) -> dict[str, object]:
        """Return all settings by name."""
        return asdict(self)


def _fits(kind: str, value: object) -> bool:
    if value is None:
        return "None" in kind
    if kind.startswith("bool"):
        return isinstance(value, bool)
    if kind.startswith("list"):
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    number = isinstance(value, int) or (kind.startswith("float") and isinstance(value, float))
    return number and not isinstance(value, bool) and isinstance(value, int | float) and 0 <= value <= _DAY_S
