"""From a signal to its part on each account of its strategy: how much goes where, and why nothing goes there.

Nothing here looks at a position or a price of the market: what needs one (an exit of what is held) is left PENDING.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sigma.domain.accounts import Account
from sigma.domain.errors import InvalidOrder
from sigma.domain.instruments import Listing
from sigma.domain.orders import OrderRequest, Side
from sigma.domain.signals import ParsedSignal, Usual
from sigma.domain.strategies import ShareState, Strategy
from sigma.engines.orders import fit
from sigma.engines.signals import wish


@dataclass(frozen=True, slots=True)
class Part:
    """What a signal comes to on one account; `request` is there when the state is DONE."""

    account_id: int
    state: ShareState
    note: str = ""
    request: OrderRequest | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a signal comes to.

    Parameters
    ----------
    parts : tuple of Part
        One for each account of its strategy; empty where no strategy decides.
    request : OrderRequest or None
        The one order that waits in the queue for a person and an account, where no account takes it.
    marked : str
        Why it can make no order at all, empty when it makes one.
    notes : tuple of str
        What a person should know about it.
    """

    parts: tuple[Part, ...] = ()
    request: OrderRequest | None = None
    marked: str = ""
    notes: tuple[str, ...] = ()


def usual_of(strategy: Strategy | None) -> Usual:
    """Return what holds where a message of this strategy says nothing."""
    ordinary = Usual()
    if strategy is None:
        return ordinary
    return Usual(strategy.order_type or ordinary.order_type, strategy.product or ordinary.product)


def plan(signal: ParsedSignal, listing: Listing, strategy: Strategy | None, accounts: Mapping[int, Account]) -> Plan:
    """Return what a signal comes to; `accounts` are those there are, by id."""
    try:
        units = size(signal, listing)
    except InvalidOrder as error:
        return Plan(marked=str(error))
    why = undecided(signal.strategy, strategy)
    if strategy is None or why:
        return _alone(signal, listing, units, why)
    parts = tuple(
        _part(signal, listing, units, share.multiplier, share.account_id, accounts.get(share.account_id), strategy.name)
        for share in strategy.shares
    )
    if all(part.state is ShareState.FAILED for part in parts):
        return Plan(marked=parts[0].note)
    barred = [part for part in parts if _barred(accounts.get(part.account_id))]
    if barred and all(part.state is not ShareState.DONE and part.state is not ShareState.PENDING for part in parts):
        told = "; ".join(dict.fromkeys(part.note for part in barred))
        alone = _alone(signal, listing, units, f"no account takes it: {told}")
        return Plan(parts, alone.request, alone.marked, alone.notes)
    return Plan(parts)


def undecided(name: str, strategy: Strategy | None) -> str:
    """Return why no strategy decides where a signal goes, empty when one does."""
    if strategy is None:
        return f"there is no strategy {name!r}" if name else ""
    if not strategy.enabled:
        return f"strategy {strategy.name} is disabled"
    return "" if strategy.shares else f"strategy {strategy.name} has no account"


def size(signal: ParsedSignal, listing: Listing) -> int | None:
    """Return the units that a message asks for, in whole lots where it sizes by an amount; None for an exit of what is held.

    Raises
    ------
    InvalidOrder
        An amount without a price to divide it by, or one that buys less than a lot.
    """
    if signal.quantity is not None or signal.amount is None:
        return signal.quantity
    price = signal.price or signal.ref_price or signal.trigger_price
    if price is None:
        raise InvalidOrder(
            f"The amount of {signal.amount} has no price to be divided by.", hint="Send `ref_price` with it, or `qty`."
        )
    units = scaled(1, signal.amount / price, listing.lot_size)
    if not units:
        raise InvalidOrder(f"{signal.amount} rupees buy less than one lot of {listing} at {price}.")
    return units


def scaled(quantity: int, multiplier: Decimal, lot_size: int) -> int:
    """Return `quantity` times `multiplier`, floored to whole lots (0 when less than one)."""
    return int(quantity * multiplier // lot_size) * lot_size


def _alone(signal: ParsedSignal, listing: Listing, units: int | None, why: str) -> Plan:
    """Return the one order that waits for a person and an account."""
    if units is None or signal.side is None:
        because = why or "it names no strategy"
        return Plan(marked=f"An exit without a quantity needs a strategy with accounts that hold it: {because}.")
    try:
        request = fit(wish(signal, listing.text, units, signal.side), listing)
    except InvalidOrder as error:
        return Plan(marked=str(error))
    return Plan(request=request, notes=(why,) if why else ())


def _part(
    signal: ParsedSignal,
    listing: Listing,
    units: int | None,
    multiplier: Decimal,
    account_id: int,
    account: Account | None,
    strategy: str,
) -> Part:
    barred = _barred(account)
    if barred:
        return Part(account_id, ShareState.SKIPPED, barred)
    try:
        if units is None or signal.side is None:
            fit(wish(signal, listing.text, listing.lot_size, signal.side or Side.SELL), listing)
            return Part(account_id, ShareState.PENDING)
        quantity = scaled(units, multiplier, listing.lot_size)
        if not quantity:
            note = f"{units} times {multiplier.normalize():f} is less than one lot of {listing.lot_size}"
            return Part(account_id, ShareState.SKIPPED, note)
        return Part(account_id, ShareState.DONE, "", fit(wish(signal, listing.text, quantity, signal.side), listing))
    except InvalidOrder as error:
        return Part(account_id, ShareState.FAILED, str(error))


def _barred(account: Account | None) -> str:
    """Return why strategies send nothing to an account, empty when they do."""
    if account is None:
        return "the account was removed"
    return "" if account.enabled else f"account {account.name} is disabled for strategies"


def together(states: Sequence[ShareState]) -> bool:
    """Say whether a signal came to nothing on every account."""
    return bool(states) and all(state is ShareState.SKIPPED for state in states)
