"""Adding up what is stored of several accounts. What is not known stays unknown and is named; it never becomes 0."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Generic, Protocol, TypeVar

from sigma.domain.accounts import Account, SessionState
from sigma.domain.money import ZERO
from sigma.domain.overview import AccountSum, Share, Totals
from sigma.domain.portfolio import Funds, Holding, Position
from sigma.domain.times import ist_date

Row = TypeVar("Row", covariant=True)
MOST_NAMED = 3
LARGEST = 10


class Listed(Protocol, Generic[Row]):
    """A stored list of an account."""

    @property
    def rows(self) -> tuple[Row, ...]:
        """What it lists."""

    @property
    def taken_at(self) -> datetime:
        """When the broker gave it, UTC."""

    @property
    def priced_at(self) -> datetime | None:
        """The oldest of the newer prices that its rows are valued at, UTC; None while they are at the broker's own."""


@dataclass(frozen=True, slots=True)
class Lists:
    """What is stored of one account; None: never read."""

    holdings: Listed[Holding] | None
    positions: Listed[Position] | None
    funds: Listed[Funds] | None


@dataclass(frozen=True, slots=True)
class TradingDay:
    """The day that is summed up.

    Parameters
    ----------
    date : date
        Of the session that runs, or ran last.
    prices_since : datetime or None
        While exchanges are open: older prices are stale. None while they are closed.
    """

    date: date
    prices_since: datetime | None


def account_sum(
    account: Account, state: SessionState, lists: Lists, working: int, day: TradingDay, *, holdings: bool = True
) -> AccountSum:
    """Return one account in rupees; see AccountSum for what each sum is, `holdings=False` leaves them out of it."""
    held, net, money = lists.holdings if holdings else None, lists.positions, lists.funds
    known: list[Listed[object]] = [each for each in (held, net, money) if each is not None]
    cash = money.rows[0].cash if money is not None and money.rows else None
    missing = ["holdings"] if holdings and held is None else []
    missing += ["positions"] if net is None else []
    missing += ["cash"] if cash is None else []
    pnl, gaps = (None, ()) if net is None or (holdings and held is None) else _day_pnl(held, net, day)
    return AccountSum(
        name=account.name,
        broker=account.broker,
        state=state,
        day_pnl=pnl,
        holdings_value=None if held is None else sum((row.value for row in held.rows), ZERO),
        positions_pnl=None if net is None else sum((row.pnl for row in net.rows), ZERO),
        cash=cash,
        working=working,
        taken_at=min((each.taken_at for each in known), default=None),
        stale=any(_old(each, day) for each in known),
        missing=(*missing, *gaps),
        simulated=account.simulated,
    )


def totals(sums: Sequence[AccountSum]) -> Totals:
    """Return the sums over the accounts with real money that each is known of, and what they lack."""
    sums = [each for each in sums if not each.simulated]
    return Totals(
        day_pnl=_added(each.day_pnl for each in sums),
        holdings_value=_added(each.holdings_value for each in sums),
        positions_pnl=_added(each.positions_pnl for each in sums),
        cash=_added(each.cash for each in sums),
        missing=tuple(f"{each.name}: {gap}" for each in sums for gap in each.missing),
    )


def shares(account: str, holdings: Sequence[Holding]) -> tuple[Share, ...]:
    """Return the largest holdings of one account, the largest first."""
    return largest(Share(row.listing or row.symbol, account, row.value) for row in holdings if row.total)


def largest(found: Iterable[Share]) -> tuple[Share, ...]:
    """Return the largest of holdings, the largest first; the same share in two accounts is two."""
    return tuple(sorted(found, key=lambda share: share.value, reverse=True)[:LARGEST])


def _day_pnl(held: Listed[Holding] | None, net: Listed[Position], day: TradingDay) -> tuple[Decimal | None, tuple[str, ...]]:
    """Return the day's gain and what it lacks; a holding without yesterday's close is left out and named."""
    lists = {"positions": net.taken_at} | ({} if held is None else {"holdings": held.priced_at or held.taken_at})
    old = tuple(f"{name} of the day" for name, moment in lists.items() if ist_date(moment) < day.date)
    if old:
        return None, old
    changes = [] if held is None else [(row.symbol, row.day_change, row.total) for row in held.rows if row.total]
    gained = sum((change * total for _, change, total in changes if change is not None), ZERO)
    return gained + sum((row.pnl for row in net.rows), ZERO), tuple(
        _unpriced([name for name, change, _ in changes if change is None])
    )


def _unpriced(symbols: Sequence[str]) -> Iterator[str]:
    if symbols:
        what = ", ".join(symbols) if len(symbols) <= MOST_NAMED else f"{len(symbols)} holdings"
        yield f"day change of {what}"


def _old(listed: Listed[object], day: TradingDay) -> bool:
    """Say whether a list is of an earlier day, or valued at prices older than they may be while exchanges are open."""
    newest = max(listed.taken_at, listed.priced_at or listed.taken_at)
    priced = any(isinstance(row, Holding | Position) and row.last_price for row in listed.rows)
    return ist_date(newest) < day.date or (priced and day.prices_since is not None and newest < day.prices_since)


def _added(values: Iterable[Decimal | None]) -> Decimal | None:
    known = [value for value in values if value is not None]
    return sum(known, ZERO) if known else None
