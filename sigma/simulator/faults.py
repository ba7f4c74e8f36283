"""Faults that tests inject: which requests they strike, how often, and what they do to an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from sigma.simulator.model import PLAIN, Twist

ENDPOINTS = frozenset(
    {
        *("place", "modify", "cancel", "convert", "gtt", "gtts", "feed", "order_feed", "postback"),
        *(
            "book",
            "history",
            "fills",
            "holdings",
            "positions",
            "funds",
            "profile",
            "margin",
            "charges",
            "quote",
            "candles",
            "login",
            "instruments",
            "*",
        ),
    }
)
# The answer never comes from the handler: nothing is committed.
BEFORE = frozenset({"drop_before_commit", "html_504", "json_429", "text_429", "text_403", "expired_session"})
# The handler runs, then its answer is replaced or lost.
AFTER = frozenset({"drop_after_commit", "html_504_after_commit", "no_order_id", "garbage"})
# The handler runs late, or its answer is late.
LATE = frozenset({"late_acceptance", "slow"})
# The handler runs, bent.
BENT = frozenset(
    {
        "delayed_visibility",
        "truncated_book",
        "lost_tag",
        "twin_rows",
        "cancel_loses_to_fill",
        "reject_in_book",
        "empty_book",
    }
)
POSTBACK = "postback"
SOCKETS = frozenset({"feed", "order_feed", POSTBACK, "*"})
# What a socket does on a beat of its own, not in answer to a request.
STREAM = frozenset({"feed_silence", "feed_close", "feed_drop", "feed_error", "feed_garbage", "feed_truncated"})
# What becomes of order news on a socket.
# `news_forged` has a wrong checksum: postbacks alone carry one that anybody looks at.
NEWS = frozenset({"news_lost", "news_twice", "news_late", "news_forged", "news_shuffled"})
KINDS = BEFORE | AFTER | LATE | BENT | {"http_400_timeout"} | STREAM | NEWS
BROKERS = frozenset({"zerodha", "angelone", "*"})
_NUMBERS = {"late_acceptance": ("seconds", 20.0), "slow": ("seconds", 5.0), "delayed_visibility": ("seconds", 5.0)}


@dataclass(slots=True)
class Fault:
    """One injected fault.

    Parameters
    ----------
    times : int or None
        How many requests it still strikes; None for all.
    struck : int
        How many it has struck.
    """

    id: int
    broker: str
    endpoint: str
    kind: str
    times: int | None
    probability: float
    args: dict[str, object]
    client_id: str | None
    struck: int = 0

    def matches(self, broker: str, endpoint: str, client_id: str | None) -> bool:
        """Say whether a request is one that this fault strikes."""
        return (
            self.broker in ("*", broker)
            and self.endpoint in ("*", endpoint)
            and self.client_id in (None, client_id)
            and self.times != 0
        )

    def as_dict(self) -> dict[str, object]:
        """Return the fault as the control API shows it."""
        return {
            "id": self.id, "broker": self.broker, "endpoint": self.endpoint, "kind": self.kind, "times": self.times,
            "probability": self.probability, "args": self.args, "client_id": self.client_id, "struck": self.struck,
        }  # fmt: skip

    @property
    def seconds(self) -> float:
        """Seconds that a late fault takes."""
        name, default = _NUMBERS[self.kind]
        value = self.args.get(name, default)
        return float(value) if isinstance(value, int | float) else default


@dataclass(frozen=True, slots=True)
class Strike:
    """What strikes one request: at most one fault that decides the answer, and any number that bend the act."""

    answer: Fault | None = None
    twist: Twist = PLAIN

    @property
    def kind(self) -> str:
        """The deciding fault's kind; empty without one."""
        return self.answer.kind if self.answer else ""


class FaultTable:
    """The injected faults. Not thread-safe: used under the lock of `Exchange`."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._faults: dict[int, Fault] = {}
        self._next = 1

    def add(self, body: Mapping[str, object]) -> Fault:
        """Inject the fault that a control request describes.

        Raises
        ------
        ValueError
            An unknown word or a value of the wrong kind.
        """
        fault = _read(self._next, body)
        self._faults[fault.id] = fault
        self._next += 1
        return fault

    def remove(self, fault_id: int | None = None) -> bool:
        """Withdraw one fault, or all without an id; return whether there was one."""
        if fault_id is None:
            found = bool(self._faults)
            self._faults.clear()
            return found
        return self._faults.pop(fault_id, None) is not None

    def all(self) -> list[Fault]:
        """Return every fault, spent ones included, oldest first."""
        return list(self._faults.values())

    def strike(self, broker: str, endpoint: str, client_id: str | None) -> Strike:
        """Return what strikes this request, and count it."""
        answer: Fault | None = None
        twist = PLAIN
        for fault in self._faults.values():
            decides = fault.kind not in BENT
            if fault.kind in STREAM | NEWS or (decides and answer is not None):
                continue
            if not fault.matches(broker, endpoint, client_id) or not self._counted(fault):
                continue
            if decides:
                answer = fault
            else:
                twist = _bend(twist, fault)
        return Strike(answer, twist)

    def strike_stream(self, broker: str, endpoint: str, client_id: str, kinds: frozenset[str]) -> dict[str, Fault]:
        """Return what strikes a handshake, one beat of a socket or one piece of order news, by kind, and count it."""
        return {
            fault.kind: fault
            for fault in self._faults.values()
            if fault.kind in kinds and fault.matches(broker, endpoint, client_id) and self._counted(fault)
        }

    def _counted(self, fault: Fault) -> bool:
        """Say whether chance lets a fault strike, and count it if so."""
        if fault.probability < 1 and self._random.random() >= fault.probability:
            return False
        fault.struck += 1
        fault.times = None if fault.times is None else fault.times - 1
        return True


def _bend(twist: Twist, fault: Fault) -> Twist:
    match fault.kind:
        case "delayed_visibility":
            return replace(twist, visible_after_s=fault.seconds)
        case "lost_tag":
            return replace(twist, lose_tag=True)
        case "twin_rows":
            return replace(twist, twin=True)
        case "reject_in_book":
            return replace(twist, reject_message=str(fault.args.get("message", "RMS:Rule: rejected by a fault")))
        case "cancel_loses_to_fill":
            return replace(twist, fill_instead_of_cancel=True)
        case "truncated_book":
            drop = fault.args.get("drop", 1)
            return replace(twist, drop_rows=drop if isinstance(drop, int) else 1, drop_oldest=fault.args.get("which") == "oldest")
        case _:
            return replace(twist, empty=True)


def _read(fault_id: int, body: Mapping[str, object]) -> Fault:
    unknown = body.keys() - {"broker", "endpoint", "kind", "times", "probability", "args", "client_id"}
    if unknown:
        raise ValueError(f"a fault has no {', '.join(sorted(unknown))}")
    kind = _word(body, "kind", None, KINDS)
    times, probability, args = body.get("times"), body.get("probability", 1), body.get("args") or {}
    if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
        raise ValueError(f"times must be a whole number above 0 or null, was {times!r}")
    if isinstance(probability, bool) or not isinstance(probability, int | float) or not 0 <= probability <= 1:
        raise ValueError(f"probability must lie between 0 and 1, was {probability!r}")
    if not isinstance(args, dict):
        raise ValueError(f"args must be an object, was {args!r}")
    seconds = args.get("seconds", 0)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= 86_400:
        raise ValueError(f"seconds must be a number from 0 to 86400, was {seconds!r}")
    client_id = body.get("client_id")
    if client_id is not None and not isinstance(client_id, str):
        raise ValueError(f"client_id must be a text, was {client_id!r}")
    broker, endpoint = _word(body, "broker", "*", BROKERS), _word(body, "endpoint", "*", ENDPOINTS)
    if kind in STREAM | NEWS and endpoint not in SOCKETS:
        raise ValueError(f"{kind} strikes {', '.join(sorted(SOCKETS))}, not {endpoint}")
    return Fault(fault_id, broker, endpoint, kind, times, float(probability), dict(args), client_id)


def _word(body: Mapping[str, object], name: str, default: str | None, known: frozenset[str]) -> str:
    value = body.get(name, default)
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name} must be one of {', '.join(sorted(known))}, was {value!r}")
    return value
