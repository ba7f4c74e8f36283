"""Whether risk limits held, judged from the exchange's own books alone. Pure.

The house may know less than the exchange (an execution not read yet), but it counts every order from its approval until it is
known to have ended, so that at no moment may more be open at the exchange than a limit allows.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from tests.faults.judge import Case, Truth

ENDED = ("COMPLETE", "CANCELLED", "REJECTED")
SECOND = 1_000_000_000
BELOW = 0.965
"""A resting BUY counts at its limit, which the campaign sets up to three percent below the price, and so does what it adds to."""

Key = tuple[str, str, str]
"""Client, listing, product."""


@dataclass(frozen=True)
class Rules:
    """The limits of a campaign.

    Parameters
    ----------
    strategies : mapping of str to (mapping of str to value)
        Limits by strategy; each has listings of its own.
    everywhere : mapping of str to value
        Limits of all.
    listings : mapping of str to str
        Whose listing it is.
    prices : mapping of str to float
        Rupees at which the exchange holds each listing.
    slack_s : float
        The longest way from an approval to the wire.
    """

    strategies: Mapping[str, Mapping[str, Any]]
    everywhere: Mapping[str, Any]
    listings: Mapping[str, str]
    prices: Mapping[str, float]
    slack_s: float


@dataclass
class Book:
    """What is open at the exchange at a moment: signed units held, and units of working orders, by key."""

    held: Counter[Key] = field(default_factory=Counter)
    working: dict[str, tuple[Key, int, int]] = field(default_factory=dict)

    def open_keys(self) -> set[Key]:
        """Return what is open or being entered."""
        return {key for key, units in self.held.items() if units} | {key for key, _, units in self.working.values() if units}

    def worst(self, key: Key) -> int:
        """Return the units that a position could come to."""
        buys = sum(units for at, sign, units in self.working.values() if at == key and sign > 0)
        sells = sum(units for at, sign, units in self.working.values() if at == key and sign < 0)
        return max(abs(self.held[key] + buys), abs(self.held[key] - sells))


def exceeded(truth: Truth, rules: Rules, wholes: Mapping[str, str]) -> list[Case]:
    """Return each limit that was exceeded, once.

    Parameters
    ----------
    wholes : mapping of str to str
        The tag of the cut order by the tag of each of its slices: they are one order.
    """
    twins = _twins(truth.orders)
    found: dict[str, Case] = {}
    for at, book, last in _moments(truth):
        for text in (*_positions(book, rules, twins), *_exposure(book, rules, twins)):
            name = text.partition(": ")[0]
            found.setdefault(name, Case(f"{text} at {at}, order {last}"))
    entries = _entries(truth, twins)
    return [*found.values(), *_values(truth, rules, entries), *_pace(truth, rules, wholes, entries)]


def _entries(truth: Truth, twins: Collection[Key]) -> set[str]:
    """Return the tags of orders that could close nothing when they came: what only reduces passes limits on entries."""
    found: set[str] = set()
    book = Book()
    for _, _, what, row in _events(truth):
        sign = 1 if row["side"] == "BUY" else -1
        if what == "placed" and _key(row) not in twins and book.held[_key(row)] * sign >= 0:
            found.add(row["tag"])
        _apply(book, what, row)
    return found


def _twins(orders: Sequence[Mapping[str, Any]]) -> set[Key]:
    """Return where the exchange itself doubled an order: what it holds there was never asked for."""
    made = Counter((row["client_id"], row["tag"], row["request_ns"]) for row in orders)
    return {_key(row) for row in orders if made[row["client_id"], row["tag"], row["request_ns"]] > 1}


def _key(row: Mapping[str, Any]) -> Key:
    return row["client_id"], row["listing"], row["product"]


def _events(truth: Truth) -> list[tuple[datetime, int, str, Mapping[str, Any]]]:
    """Return what happened at the exchange, in order."""
    events: list[tuple[datetime, int, str, Mapping[str, Any]]] = []
    for row in truth.orders:
        events.append((datetime.fromisoformat(row["placed_at"]), 0, "placed", row))
        if row["status"] in ENDED:
            events.append((datetime.fromisoformat(row["updated_at"]), 2, "ended", row))
    events += [(datetime.fromisoformat(row["at"]), 1, "filled", row) for row in truth.fills]
    return sorted(events, key=lambda one: one[:2])


def _moments(truth: Truth) -> Iterator[tuple[datetime, Book, str]]:
    """Give what is open at the exchange after each moment at which something happened."""
    book = Book()
    for at, group in groupby(_events(truth), key=lambda one: one[0]):
        number = ""
        for _, _, what, row in group:
            number = row["order_id"]
            _apply(book, what, row)
        yield at, book, number


def _apply(book: Book, what: str, row: Mapping[str, Any]) -> None:
    number, key, sign = row["order_id"], _key(row), 1 if row["side"] == "BUY" else -1
    if what == "placed":
        book.working[number] = key, sign, row["quantity"]
    elif what == "ended":
        book.working.pop(number, None)
    else:
        book.held[key] += sign * row["quantity"]
        left = book.working.get(number, (key, sign, 0))[2] - row["quantity"]
        book.working[number] = key, sign, max(0, left)


def _positions(book: Book, rules: Rules, twins: Collection[Key]) -> Iterator[str]:
    open_now: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for key in book.open_keys():
        if key not in twins and key[1] in rules.listings:
            open_now[rules.listings[key[1]]].add(key[1:])
    for strategy, limits in rules.strategies.items():
        limit, there = limits.get("max_open_positions"), open_now[strategy]
        if limit is not None and len(there) > limit:
            yield f"max_open_positions of {strategy}: {len(there)} instead of {limit} ({sorted(there)})"


def _exposure(book: Book, rules: Rules, twins: Collection[Key]) -> Iterator[str]:
    worth: Counter[str] = Counter()
    for key in book.open_keys() - set(twins):
        worth[key[1]] += round(book.worst(key) * rules.prices.get(key[1], 0) * BELOW)
    for listing, value in worth.items():
        own = rules.strategies.get(rules.listings.get(listing, ""), {})
        for scope, limits in (("all", rules.everywhere), (rules.listings.get(listing, ""), own)):
            limit = limits.get("max_exposure")
            if limit is not None and value > limit:
                yield f"max_exposure of {scope} in {listing}: {value} rupees instead of {limit}"


def _values(truth: Truth, rules: Rules, entries: Collection[str]) -> Iterator[Case]:
    for row in (one for one in truth.orders if one["tag"] in entries):
        limit = rules.strategies.get(rules.listings.get(row["listing"], ""), {}).get("max_order_value")
        value = row["quantity"] * (row["price"] or rules.prices[row["listing"]]) if limit is not None else 0
        if limit is not None and value > limit:
            yield Case(f"max_order_value: order {row['order_id']} is worth {value} rupees instead of {limit}")


def _pace(truth: Truth, rules: Rules, wholes: Mapping[str, str], entries: Collection[str]) -> Iterator[Case]:
    """Look for an entry on the wire that has more orders before it than a minute of approvals may have."""
    listing = {row["tag"]: row["listing"] for row in truth.orders}
    sent: dict[str, list[tuple[int, bool]]] = defaultdict(list)
    seen: set[str] = set()
    for row in sorted(truth.writes, key=lambda one: one["at_ns"]):
        whole = wholes.get(row["tag"], row["tag"])
        if row["endpoint"] == "place" and row["tag"] in listing and whole not in seen:
            seen.add(whole)
            sent[rules.listings.get(listing[row["tag"]], "")].append((row["at_ns"], row["tag"] in entries))
    for strategy, limits in rules.strategies.items():
        limit = limits.get("max_orders_per_minute")
        if limit is not None:
            times = sent[strategy]
            window = (60 - rules.slack_s) * SECOND
            late = range(limit, len(times))
            if any(times[place][1] and times[place][0] - times[place - limit][0] < window for place in late):
                yield Case(f"max_orders_per_minute of {strategy}: more than {limit} within {60 - rules.slack_s:g} s on the wire")
