"""What a campaign will do, drawn from a seed before anything runs: who dies where, in what traffic, under which faults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

ACCOUNTS = ("kite", "smart")
PRICES = {"NSE:SBIN": 800.0, "NSE:INFY": 1500.0, "NSE:ITC": 430.0, "NSE:TATAPOWER": 360.0, "NSE:COALINDIA": 390.0}
THIN = "NSE:HDFCBANK"
THIN_PRICE = 900.0
IN_FLIGHT = ("claimed", "checked", "bytes_left", "answer_arrived", "answered")
POINTS = ("intent", *IN_FLIGHT, "answer_stored", "settling", "takeover", "modify", "cancel")
STOPPABLE = ("claimed", "checked", "bytes_left")


class End(StrEnum):
    """How a worker dies: by its own hand at a point, stopped there until its successor kills it, or at any moment."""

    KILL = "KILL"
    STOP = "STOP"
    RANDOM = "RANDOM"
    PAUSE = "PAUSE"


class Scene(StrEnum):
    """What the person does meanwhile."""

    PLACE = "PLACE"
    MODIFY = "MODIFY"
    CANCEL = "CANCEL"


@dataclass(frozen=True)
class Wish:
    """One order that a signal will ask for, on the account that the person will choose.

    Parameters
    ----------
    side : str
        The signal's action; EXIT with the quantity 0 leaves what is held.
    strategy : str
        The strategy that the signal names; one that is AUTO trades on both accounts.
    """

    account: str
    listing: str
    side: str
    quantity: int
    order_type: str
    product: str = "MIS"
    price: float | None = None
    trigger_price: float | None = None
    strategy: str = "campaign"

    def __str__(self) -> str:
        prices = "".join(f" {word} {value}" for word, value in (("at", self.price), ("from", self.trigger_price)) if value)
        return f"{self.side} {self.quantity} {self.listing} {self.order_type}{prices} {self.product} on {self.account}"


@dataclass(frozen=True)
class Fault:
    """One fault of the simulated exchange on one account; durations are named after the campaign's `Waits`."""

    account: str
    endpoint: str
    kind: str
    times: int = 1
    args: tuple[tuple[str, object], ...] = ()

    def __str__(self) -> str:
        return f"{self.kind}@{self.endpoint} of {self.account}" + (f" x{self.times}" if self.times > 1 else "")


@dataclass(frozen=True)
class Round:
    """The life of one worker as the active one.

    Parameters
    ----------
    passage : int
        At which passage of the point it dies.
    delay_s : float
        Of a random death: seconds after the approval.
    alone : bool
        No successor waits: the next worker is only started after the death, as after a restart of the machine's services.
    """

    number: int
    end: End
    point: str = ""
    passage: int = 1
    delay_s: float = 0.0
    scene: Scene = Scene.PLACE
    account: str = "kite"
    wishes: tuple[Wish, ...] = ()
    faults: tuple[Fault, ...] = ()
    alone: bool = False

    @property
    def environment(self) -> dict[str, str]:
        """What the worker is told of its death."""
        if self.end is End.RANDOM:
            return {}
        name = "SIGMA_KILL_AT" if self.end is End.KILL else "SIGMA_STOP_AT"
        return {name: f"{self.point}:{self.passage}"}

    def __str__(self) -> str:
        how = f"{self.end} {self.point}" if self.point else f"{self.end} after {self.delay_s * 1000:.0f} ms"
        told = ", ".join(map(str, self.faults)) or "no fault"
        return f"{how}{' alone' if self.alone else ''}, {self.scene} {'; '.join(map(str, self.wishes)) or 'nothing'}; {told}"


@dataclass
class Dice:
    """Draws traffic and faults."""

    random: Random
    recent: list[str] = field(default_factory=list)

    def wish(self, account: str, *, resting: bool = False) -> Wish:
        """Draw an order: market, limit (that executes or rests) or stop, both sides, small."""
        dice = self.random
        side, product = dice.choice(("BUY", "SELL")), "MIS"
        quantity = dice.randint(1, 9)
        if not resting and dice.random() < 0.12:
            return Wish(account, THIN, side, dice.randint(12, 25), "MARKET")
        listing = dice.choice(list(PRICES))
        price, away = PRICES[listing], -1 if side == "BUY" else 1
        if not resting and side == "BUY" and dice.random() < 0.2:
            product = "CNC"
        kind = "LIMIT" if resting else dice.choices(("MARKET", "LIMIT", "FAR", "SL"), (45, 20, 20, 15))[0]
        if kind == "MARKET":
            return Wish(account, listing, side, quantity, kind, product)
        if kind == "SL":
            trigger = self._tick(price * (1 - away * 0.02))
            return Wish(account, listing, side, quantity, kind, product, self._tick(trigger * (1 - away * 0.005)), trigger)
        reach = away * 0.03 if resting or kind == "FAR" else -away * 0.005
        return Wish(account, listing, side, quantity, "LIMIT", product, self._tick(price * (1 + reach)))

    def _tick(self, price: float) -> float:
        return round(round(price / 0.05) * 0.05, 2)

    def write_fault(self, account: str, endpoint: str, kinds: Sequence[str]) -> Fault:
        """Draw what happens to one write."""
        kind = self.random.choice(kinds)
        args: dict[str, tuple[tuple[str, object], ...]] = {
            "late_acceptance": (("seconds", "late"),),
            "delayed_visibility": (("seconds", "hidden"),),
            "slow": (("seconds", self.random.choice(("slow", "late"))),),
            "http_400_timeout": (("commit", self.random.random() < 0.6),),
        }
        return Fault(account, endpoint, kind, 1, args.get(kind, ()))

    def read_fault(self, account: str) -> Fault:
        """Draw what happens to a few reads of book or executions."""
        endpoint = self.random.choice(("book", "book", "fills"))
        kinds = ["empty_book", "slow", "html_504", "drop_before_commit", "json_429", "garbage"]
        kind = self.random.choice(
            [*kinds, "truncated_book", "truncated_book", "expired_session"] if endpoint == "book" else kinds
        )
        args: dict[str, tuple[tuple[str, object], ...]] = {
            "slow": (("seconds", "slow"),),
            "truncated_book": (("drop", self.random.randint(1, 3)), ("which", self.random.choice(("newest", "oldest")))),
        }
        times = 1 if kind == "expired_session" else self.random.randint(1, 4)
        return Fault(account, endpoint, kind, times, args.get(kind, ()))


ANSWERED = ("html_504_after_commit", "http_400_timeout", "json_429", "text_429", "text_403", "no_order_id", "garbage", "slow")
UNANSWERED = ("drop_after_commit", "drop_before_commit", "late_acceptance")
BENT = ("lost_tag", "twin_rows", "delayed_visibility", "reject_in_book")
LOSING = (
    "drop_after_commit",
    "drop_before_commit",
    "html_504",
    "html_504_after_commit",
    "garbage",
    "no_order_id",
    "late_acceptance",
)
CHANGE = (*ANSWERED, *UNANSWERED)
ANY = (*ANSWERED, *UNANSWERED, *BENT, *BENT, "html_504", "expired_session")


def make(kills: int, seed: int, *, simple: bool = False) -> tuple[Round, ...]:
    """Return the rounds of a campaign: half die at named points, each point as often as the others, half at random.

    Parameters
    ----------
    kills : int
        How many workers die.
    simple : bool
        Only places, no stops: for the run with the real waits, where each would take half a minute.
    """
    random = Random(seed)
    dice = Dice(random)
    named = min(kills, max(kills // 2, 4 if simple else len(POINTS)))
    ends = _named_ends(named, simple=simple)
    pauses = 0 if simple else (kills - named) // 12
    ends += [(End.PAUSE, random.choice(STOPPABLE), 1) for _ in range(pauses)]
    ends += [(End.RANDOM, "", 1)] * (kills - len(ends))
    random.shuffle(ends)
    ordered = _after_a_death_in_flight(ends, random)
    return tuple(_round(number, end, dice, simple=simple) for number, end in enumerate(ordered, 1))


Ending = tuple[End, str, int]


def _named_ends(count: int, *, simple: bool) -> list[Ending]:
    points = IN_FLIGHT if simple else POINTS
    stops = 0 if simple else max(0, min(count - len(points), max(3, count // 10)))
    ends: list[Ending] = [(End.STOP, STOPPABLE[number % len(STOPPABLE)], 1) for number in range(stops)]
    whole = max(1, (count - stops - count // 25) // len(points)) * len(points)
    whole = min(whole, count - stops)
    ends += [(End.KILL, points[number % len(points)], 1) for number in range(whole)]
    # What is left over dies in the wire of its second write: inside a modify or a cancel.
    second = ("bytes_left", "answered", "claimed", "answer_stored")
    ends += [(End.KILL, second[number % len(second)], 1 if simple else 2) for number in range(count - len(ends))]
    return ends


def _after_a_death_in_flight(ends: list[Ending], random: Random) -> list[Ending]:
    """Put every death at a take-over right behind a death that leaves something to take over."""
    takeovers = [end for end in ends if end[1] == "takeover"]
    others = [end for end in ends if end[1] != "takeover"]
    places = [place for place, end in enumerate(others) if end[0] is End.KILL and end[1] in IN_FLIGHT and end[2] == 1]
    followed = set(random.sample(places, min(len(places), len(takeovers))))
    ordered: list[Ending] = []
    for place, end in enumerate(others):
        ordered.append(end)
        if place in followed:
            ordered.append(takeovers.pop())
    return ordered + takeovers


def _round(number: int, ending: Ending, dice: Dice, *, simple: bool) -> Round:
    end, point, passage = ending
    random = dice.random
    scene = _scene(point, passage, random, simple=simple)
    account = random.choice(ACCOUNTS)
    wishes = [] if point == "takeover" else [dice.wish(account, resting=scene is not Scene.PLACE)]
    if wishes:
        others = random.choices((0, 1, 2), (4, 4, 2))[0] if scene is Scene.PLACE else random.choice((0, 1))
        wishes += [dice.wish(random.choice(ACCOUNTS)) for _ in range(others)]
    delay = random.choice((random.uniform(0, 0.06), random.uniform(0, 0.4), random.uniform(0, 1.5)))
    faults = draw_faults(point, scene, account, dice)
    alone = end is End.RANDOM and random.random() < 0.15
    return Round(number, end, point, passage, round(delay, 3), scene, account, tuple(wishes), faults, alone)


def _scene(point: str, passage: int, random: Random, *, simple: bool) -> Scene:
    if simple:
        return Scene.PLACE
    if point in ("modify", "cancel"):
        return Scene(point.upper())
    if passage == 2:
        return random.choice((Scene.MODIFY, Scene.CANCEL))
    return random.choices((Scene.PLACE, Scene.MODIFY, Scene.CANCEL), (6, 1, 1))[0] if not point else Scene.PLACE


def draw_faults(point: str, scene: Scene, account: str, dice: Dice) -> tuple[Fault, ...]:
    """Draw faults on both accounts; on the one where the worker dies at a point, such that it can come there."""
    random = dice.random
    faults = []
    for one in ACCOUNTS:
        if random.random() < 0.6:
            faults.append(dice.read_fault(one))
        if point == "settling" and one == account:
            faults.append(dice.write_fault(one, "place", LOSING))
        elif scene is not Scene.PLACE and one == account:
            kinds = CHANGE if scene is Scene.MODIFY else (*CHANGE, "cancel_loses_to_fill", "cancel_loses_to_fill")
            faults.append(dice.write_fault(one, scene.lower(), kinds))
        elif random.random() < 0.7:
            kinds = (*ANSWERED, *BENT) if point == "answer_arrived" and one == account else ANY
            faults.append(dice.write_fault(one, "place", kinds))
    return tuple(faults)
