"""Strategies: what may trade for a person, and where. A new one waits for approval; only its owner lets it act by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Protocol

from sigma.domain.accounts import Account
from sigma.domain.errors import Conflict, InvalidInput, NotFound
from sigma.domain.events import Level
from sigma.domain.orders import EXPOSED, OrderMode, OrderType, Product
from sigma.domain.strategies import LONGEST_DESCRIPTION, LONGEST_NAME, OffHours, Strategy, StrategyShare
from sigma.ports.clock import Clock
from sigma.ports.storage import Store, Unit
from sigma.services.accounts import find_account
from sigma.services.events import EventsService
from sigma.services.roster import Roster

HIGHEST_MULTIPLIER = Decimal(1000)
USUAL_TYPES = (OrderType.MARKET, OrderType.LIMIT)
"""Order types that a strategy may have as its own: the others need a trigger price, which a message states with its type."""

Shares = Mapping[str | int, Decimal]
"""Accounts by name or id, with the multiplier of each."""


class StrategyPositions(Protocol):
    """The ledger, as far as strategies need it."""

    def strategy_positions(self, tx: Unit, user_id: int, strategy: str) -> Mapping[tuple[int, str, Product], int]:
        """Return what a strategy holds by its own fills: signed units by account, listing and product."""


@dataclass(frozen=True, slots=True)
class StrategyChange:
    """What to change in a strategy; None leaves a thing as it is.

    Parameters
    ----------
    shares : mapping or None
        All its accounts with their multipliers; one left out is taken away.
    product, order_type : Product, OrderType or None
        `no_product` and `no_order_type` take them away.
    """

    description: str | None = None
    enabled: bool | None = None
    mode: OrderMode | None = None
    shares: Shares | None = None
    product: Product | None = None
    order_type: OrderType | None = None
    off_hours: OffHours | None = None
    no_product: bool = False
    no_order_type: bool = False


class StrategiesService:
    """Keeps the user's strategies.

    Parameters
    ----------
    positions : StrategyPositions
        Says what a strategy holds.
    roster : Roster
        Of the intake in this process, which is to see a change at once.
    """

    def __init__(self, store: Store, clock: Clock, events: EventsService, positions: StrategyPositions, roster: Roster) -> None:
        self._store = store
        self._clock = clock
        self._events = events
        self._positions = positions
        self._roster = roster

    def list(self, user_id: int, *, archived: bool = False) -> Sequence[Strategy]:
        """Return the user's strategies by name."""
        with self._store.read() as tx:
            return tx.strategies.list(user_id, archived=archived)

    def get(self, user_id: int, name: str | int) -> Strategy:
        """Return one by name (whatever its case) or id, or raise NotFound."""
        with self._store.read() as tx:
            return find_strategy(tx, user_id, name)

    def add(self, user_id: int, name: str, change: StrategyChange) -> Strategy:
        """Store a new one, which waits for approval: only a change of it makes it act by itself.

        Raises
        ------
        InvalidInput
            The name or a value does not fit, or it shall be AUTO at once.
        Conflict
            The user has one of that name.
        NotFound
            There is no such account.
        """
        if change.mode is OrderMode.AUTO:
            hint = "Add it, look at its accounts and limits, then set it to AUTO."
            raise InvalidInput("A new strategy is MANUAL.", hint=hint)
        with self._store.begin() as tx:
            blank = Strategy(0, user_id, _clean_name(name), self._clock.now())
            stored = tx.strategies.add(_changed(tx, blank, change))
            told = f"Strategy {stored.name} was added: {_told(tx, stored)}."
            self._events.record("STRATEGY_ADDED", told, user_id=user_id, tx=tx)
        self._roster.forget()
        return stored

    def update(self, user_id: int, name: str | int, change: StrategyChange, *, version: int | None = None) -> Strategy:
        """Change one; what changed is an audit event, and that it acts by itself from now on one that names its accounts.

        Raises
        ------
        InvalidInput
            A value does not fit, or it would be AUTO without an account.
        Conflict
            It changed since `version` was read.
        NotFound
            There is no such strategy or account.
        """
        with self._store.begin() as tx:
            before = find_strategy(tx, user_id, name)
            if version is not None and before.version != version:
                raise Conflict(f"Strategy {before.name} changed meanwhile.", hint="Look at it again, then decide.")
            after = _changed(tx, before, change)
            if after == before:
                return before
            after = tx.strategies.save(after)
            told = f"Strategy {after.name}: {_difference(tx, before, after)}."
            self._events.record("STRATEGY_CHANGED", told, user_id=user_id, tx=tx)
            if after.acts and not before.acts:
                told = f"Strategy {after.name} executes by itself (AUTO) on {_accounts_of(tx, after)}."
                self._events.record("STRATEGY_AUTO", told, user_id=user_id, tx=tx)
        self._roster.forget()
        return after

    def archive(self, user_id: int, name: str | int) -> Strategy:
        """Take one off the lists; its orders, fills and limits stay.

        Raises
        ------
        Conflict
            Orders of it are at work, or it holds positions.
        """
        with self._store.begin() as tx:
            gone = find_strategy(tx, user_id, name)
            working = tx.orders.list(user_id=user_id, strategy=gone.name, statuses=tuple(EXPOSED))
            if working:
                hint = "Cancel them, or disable the strategy and let them end."
                raise Conflict(f"Strategy {gone.name} has {len(working)} orders at work.", hint=hint)
            held = self._held(tx, gone)
            if held:
                listings = ", ".join(sorted({listing for _, listing, _ in held}))
                hint = "Close them first, or disable the strategy: then it takes no new ones."
                raise Conflict(f"Strategy {gone.name} holds positions in {listings}.", hint=hint)
            archived = tx.strategies.save(replace(gone, archived=True, enabled=False, mode=OrderMode.MANUAL))
            self._events.record("STRATEGY_REMOVED", f"Strategy {gone.name} was removed.", user_id=user_id, tx=tx)
        self._roster.forget()
        return archived

    def testable(self, user_id: int, name: str | int, *, confirmed: bool) -> Strategy:
        """Return a strategy that a test message may be sent to.

        Raises
        ------
        Conflict
            It executes by itself, so that the test would place orders, and nobody confirmed that.
        """
        with self._store.read() as tx:
            found = find_strategy(tx, user_id, name)
            if found.acts and not confirmed:
                where = _accounts_of(tx, found)
                told = f"Strategy {found.name} executes by itself: a test message would place real orders on {where}."
                raise Conflict(told, hint="Set it to MANUAL first, or confirm that the orders are wanted.")
        return found

    def disabled(self, tx: Unit, account: Account) -> None:
        """Warn, in the unit that disables an account, of the positions which AUTO strategies hold there and cannot leave now."""
        for strategy in tx.strategies.list(account.user_id):
            if not strategy.acts or account.id not in [share.account_id for share in strategy.shares]:
                continue
            listings = sorted({listing for number, listing, _ in self._held(tx, strategy) if number == account.id})
            if listings:
                told = (
                    f"Account {account.name} is disabled for strategies, and {strategy.name} holds {', '.join(listings)} there: "
                    "its exits will not be sent."
                )
                self._events.record("STRATEGY_STRANDED", told, level=Level.WARNING, account=account, tx=tx)

    def _held(self, tx: Unit, strategy: Strategy) -> Mapping[tuple[int, str, Product], int]:
        found = self._positions.strategy_positions(tx, strategy.user_id, strategy.name)
        return {place: units for place, units in found.items() if units}


def find_strategy(tx: Unit, user_id: int, name: str | int) -> Strategy:
    """Return the user's strategy by name (whatever its case) or id; NotFound without one, Conflict when it was removed."""
    found = tx.strategies.by_name(user_id, name) if isinstance(name, str) else tx.strategies.get(name)
    if found is None or found.user_id != user_id:
        raise NotFound(f"There is no strategy {name!r}.", hint="`sigma strategies` lists them.")
    if found.archived:
        raise Conflict(f"Strategy {found.name} was removed.", hint="Add one of that name anew.")
    return found


def _changed(tx: Unit, strategy: Strategy, change: StrategyChange) -> Strategy:
    """Return a strategy with a change made, after checking it."""
    wanted: dict[str, object] = {
        "description": None if change.description is None else _clean_description(change.description),
        "enabled": change.enabled,
        "mode": change.mode,
        "shares": None if change.shares is None else _clean_shares(tx, strategy.user_id, change.shares),
        "product": change.product,
        "order_type": change.order_type,
        "off_hours": change.off_hours,
    }
    after = replace(strategy, **{key: value for key, value in wanted.items() if value is not None})  # type: ignore[arg-type]
    if change.no_product:
        after = replace(after, product=None)
    if change.no_order_type:
        after = replace(after, order_type=None)
    if after.order_type not in (None, *USUAL_TYPES):
        hint = f"Its own order type is one of {', '.join(USUAL_TYPES)}; a message may name another."
        raise InvalidInput(f"{after.order_type} orders need a trigger price, which only a message can state.", hint=hint)
    if after.acts and not after.shares:
        hint = "Give it an account first."
        raise InvalidInput(f"Strategy {after.name} has no account, so it cannot execute by itself.", hint=hint)
    return after


def _clean_name(name: str) -> str:
    clean = " ".join(name.split())
    if not clean or len(clean) > LONGEST_NAME or not clean.isprintable():
        raise InvalidInput(f"{name!r} is no name for a strategy.", hint=f"1 to {LONGEST_NAME} letters; alerts carry it.")
    return clean


def _clean_description(text: str) -> str:
    clean = text.strip()
    if len(clean) > LONGEST_DESCRIPTION:
        raise InvalidInput(f"The description has {len(clean)} letters.", hint=f"It may have {LONGEST_DESCRIPTION}.")
    return clean


def _clean_shares(tx: Unit, user_id: int, shares: Shares) -> tuple[StrategyShare, ...]:
    found: dict[int, Decimal] = {}
    for name, multiplier in shares.items():
        account = find_account(tx, name, user_id)
        if not multiplier.is_finite() or not 0 < multiplier <= HIGHEST_MULTIPLIER:
            hint = f"Above 0, at most {HIGHEST_MULTIPLIER}."
            raise InvalidInput(f"{multiplier} is no multiplier for {account.name}.", hint=hint)
        if account.id in found:
            raise InvalidInput(f"{account.name} is named twice.", hint="Name each account once.")
        found[account.id] = multiplier
    return tuple(StrategyShare(number, multiplier) for number, multiplier in found.items())


def _accounts_of(tx: Unit, strategy: Strategy) -> str:
    """Return a strategy's accounts in words."""
    return strategy.places({account.id: account.name for account in tx.accounts.list(strategy.user_id)}) or "no account"


def _told(tx: Unit, strategy: Strategy) -> str:
    return f"{strategy.mode}, {'enabled' if strategy.enabled else 'disabled'}, on {_accounts_of(tx, strategy)}"


def _difference(tx: Unit, before: Strategy, after: Strategy) -> str:
    """Return in words what was changed."""
    plain = ("enabled", "mode", "product", "order_type", "off_hours")
    told = [
        f"{name.replace('_', ' ')} {_word(getattr(before, name))} → {_word(getattr(after, name))}"
        for name in plain
        if getattr(before, name) != getattr(after, name)
    ]
    if before.shares != after.shares:
        told.append(f"accounts {_accounts_of(tx, before)} → {_accounts_of(tx, after)}")
    if before.description != after.description:
        told.append("description changed")
    return ", ".join(told)


def _word(value: object) -> str:
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
