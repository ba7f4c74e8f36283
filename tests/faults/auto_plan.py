"""What the campaign of AUTO strategies will do: the rounds of `plan`, with messages of strategies instead of wishes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from tests.faults import plan
from tests.faults.plan import ACCOUNTS, Dice, End, Fault, Round, Scene, Wish

FUTURE = "NFO:BANKNIFTY26NOVFUT"
FREEZE, LOT = 600, 30
CLOSED = "Markets are closed. Try placing an AMO order."
ADMISSION = ("admitting", "admitted", "sizing", "slicing", "standing_in")
POINTS = (*plan.POINTS, *ADMISSION, "gtt", "pushing")
REFUSED = ("standing_in", "gtt")
"""Points that an order comes to which is refused because the market is closed."""
GTT = ("html_504", "html_504_after_commit", "drop_after_commit", "drop_before_commit", "late_acceptance", "garbage", "json_429")
NEWS = ("news_lost", "news_twice", "news_late", "news_forged", "news_shuffled")
READ = ("slow", "html_504", "drop_before_commit", "json_429", "text_429", "text_403", "garbage")
SLOW = (("seconds", "slow"),)
STREAM = ("feed_close", "feed_drop", "feed_garbage", "feed_truncated")


@dataclass(frozen=True)
class Scheme:
    """A strategy of the campaign, with listings of its own so that what it holds is what is held there.

    Parameters
    ----------
    prices : mapping of str to float
        Its listings, and the rupees at which the exchange holds them.
    shares : mapping of str to float
        What its quantities are multiplied with on each account.
    limits : mapping
        Of its scope.
    off_hours : str
        What becomes of its orders when the market is closed.
    """

    prices: Mapping[str, float]
    shares: Mapping[str, float]
    limits: Mapping[str, object]
    off_hours: str = "FAIL"


ALIKE = {"kite": 1.0, "smart": 1.0}
GLOBAL = {"max_exposure": 150_000}
SCHEMES: Mapping[str, Scheme] = {
    "campaign": Scheme(plan.PRICES | {plan.THIN: plan.THIN_PRICE}, ALIKE, {}),
    "counted": Scheme(
        {"NSE:WIPRO": 245.0, "NSE:NTPC": 340.0, "NSE:ONGC": 242.0, "NSE:BPCL": 340.0}, ALIKE, {"max_open_positions": 2}
    ),
    "hurried": Scheme({"NSE:POWERGRID": 285.0}, ALIKE, {"max_orders_per_minute": 8}),
    "valued": Scheme(
        {"NSE:TATASTEEL": 170.0, "NSE:HINDALCO": 770.0},
        {"kite": 1.0, "smart": 2.0},
        {"max_order_value": 5_000, "max_exposure": 25_000, "clamp": ["max_order_value"]},
    ),
    "sliced": Scheme({FUTURE: 20.0}, ALIKE, {}),
    "evening": Scheme({"NSE:BEL": 400.0}, ALIKE, {}, "AMO"),
    "resting": Scheme({"NSE:TATACONSUM": 1_100.0}, ALIKE, {}, "GTT"),
}
OFTEN = ("campaign", "counted", "hurried", "valued")


def message(account: str, strategy: str, dice: Dice) -> Wish:
    """Draw a message of a strategy; the account is the one that the round looks at, its order goes out on both."""
    random, scheme = dice.random, SCHEMES[strategy]
    if strategy == "campaign":
        return dice.wish(account)
    listing = random.choice(list(scheme.prices))
    if strategy == "sliced":
        side = random.choice(("BUY", "SELL"))
        return Wish(account, listing, side, FREEZE * random.randint(1, 2) + LOT, "MARKET", "NRML", strategy=strategy)
    if strategy == "resting":  # no two alike, so that a trigger whose answer was lost can be told from others
        price = round(scheme.prices[listing] * 0.97 - random.randint(1, 300) * 0.1, 1)
        return Wish(account, listing, "BUY", random.randint(1, 9), "LIMIT", "CNC", price=price, strategy=strategy)
    side = random.choices(("BUY", "SELL", "EXIT"), (5, 2, 3))[0]
    if side == "EXIT":
        return exit_of(account, strategy, listing)
    return Wish(account, listing, side, random.randint(1, 12), "MARKET", strategy=strategy)


def exit_of(account: str, strategy: str, listing: str) -> Wish:
    """Return the message that leaves what is held."""
    return Wish(account, listing, "EXIT", 0, "MARKET", strategy=strategy)


def make(kills: int, seed: int) -> tuple[Round, ...]:
    """Return the rounds: half die at named points, each point in turn; half at any moment.

    Parameters
    ----------
    kills : int
        How many workers die.
    """
    dice = Dice(Random(seed))
    random = dice.random
    named = kills - kills // 2
    start = random.randrange(len(POINTS))  # so that short campaigns of several seeds come to each point
    points = [POINTS[(start + number) % len(POINTS)] for number in range(named)] + [""] * (kills - named)
    random.shuffle(points)
    return tuple(_round(number, point, dice) for number, point in enumerate(points, 1))


def _round(number: int, point: str, dice: Dice) -> Round:
    random = dice.random
    account = "kite" if point in ("pushing", "gtt") else random.choice(ACCOUNTS)
    scene = Scene(point.upper()) if point in ("modify", "cancel") else Scene.PLACE
    wishes: list[Wish] = []
    if scene is not Scene.PLACE:
        wishes = [dice.wish(account, resting=True)]
    elif point != "takeover":
        wishes = [_first(point, account, dice)]
        wishes += [message(random.choice(ACCOUNTS), random.choice(OFTEN), dice) for _ in range(random.choice((0, 1, 2, 3)))]
    if not point and random.random() < 0.3:
        wishes.append(message(account, random.choice(("sliced", "evening", "resting")), dice))
    end = End.STOP if point in plan.STOPPABLE and random.random() < 0.25 else End.KILL if point else End.RANDOM
    delay = random.choice((random.uniform(0, 0.06), random.uniform(0, 0.4), random.uniform(0, 1.5)))
    passage = random.choice((1, 1, 2)) if point in ("claimed", "answer_stored", "admitted", "bytes_left") else 1
    faults = _faults(point, scene, account, dice)
    alone = end is End.RANDOM and random.random() < 0.15
    return Round(number, end, point, passage, round(delay, 3), scene, account, tuple(wishes), faults, alone)


def _first(point: str, account: str, dice: Dice) -> Wish:
    """Draw a message that leads to the point."""
    if point == "sizing":
        strategy = dice.random.choice(("counted", "hurried", "valued"))
        return exit_of(account, strategy, dice.random.choice(list(SCHEMES[strategy].prices)))
    if point == "standing_in":
        return replace(message(account, "evening", dice), side=dice.random.choice(("BUY", "SELL")), quantity=3)
    if point == "gtt":
        return message(account, "resting", dice)
    if point == "slicing":
        return message(account, "sliced", dice)
    return dice.wish(account) if point else message(account, dice.random.choice(OFTEN), dice)


def _faults(point: str, scene: Scene, account: str, dice: Dice) -> tuple[Fault, ...]:
    faults = list(plan.draw_faults(point, scene, account, dice))
    if point in REFUSED:
        faults = [one for one in faults if (one.account, one.endpoint) != (account, "place")]
    if dice.random.random() < 0.3:
        faults.append(dice.write_fault("kite", "gtt", GTT))
    if point in REFUSED or (not point and dice.random.random() < 0.15):
        faults.append(Fault(account, "place", "reject_in_book", 1, (("message", CLOSED),)))
    if dice.random.random() < 0.4:
        where, kind = dice.random.choice(("positions", "quote", "holdings", "profile")), dice.random.choice(READ)
        faults.append(Fault(dice.random.choice(ACCOUNTS), where, kind, dice.random.randint(1, 4), SLOW if kind == "slow" else ()))
    if point != "pushing" and dice.random.random() < 0.4:
        faults.append(Fault("kite", "postback", dice.random.choice(NEWS), dice.random.randint(1, 3)))
    if point != "pushing" and dice.random.random() < 0.3:
        faults.append(Fault("kite", "feed", dice.random.choice((*NEWS, *STREAM)), dice.random.randint(1, 3)))
    return tuple(faults)
