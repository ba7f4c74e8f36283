"""What several accounts come to together. Rows are never combined; only rupees and counts are added."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sigma.domain.accounts import SessionState


@dataclass(frozen=True, slots=True)
class AccountSum:
    """One account in rupees, by what is stored of it. None: not known, and `missing` says what for.

    Parameters
    ----------
    day_pnl : Decimal or None
        Realised and open gain of all positions, as the broker's list of the latest trading day gives them, plus each
        holding's change since yesterday's close times all shares of it.
    holdings_value, positions_pnl, cash : Decimal or None
        Holdings at the last price; realised and open gain of the positions; the broker's cash balance.
    working : int
        Orders approved or at work.
    taken_at : datetime or None
        When the oldest of the three lists was read, UTC; None when none ever was.
    stale : bool
        One of the lists is of a day before the latest session's, or its prices are older than ``portfolio.max_age`` while
        an exchange is open.
    missing : tuple of str
        What was left out or is not known.
    simulated : bool
        Its money is imaginary (paper): it is shown, and enters no sum.
    """

    name: str
    broker: str
    state: SessionState
    day_pnl: Decimal | None
    holdings_value: Decimal | None
    positions_pnl: Decimal | None
    cash: Decimal | None
    working: int
    taken_at: datetime | None
    stale: bool
    missing: tuple[str, ...] = ()
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the accounts with real money that are known in rupees; None: of no account is it known.

    Parameters
    ----------
    missing : tuple of str
        What the sums lack, with the account's name before it. While it is not empty, a sum is no sum of all accounts.
    """

    day_pnl: Decimal | None
    holdings_value: Decimal | None
    positions_pnl: Decimal | None
    cash: Decimal | None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Share:
    """One holding's part of the whole, in rupees; `listing` is the broker's symbol where we have no name for it."""

    listing: str
    account: str
    value: Decimal


@dataclass(frozen=True, slots=True)
class Sums:
    """The accounts chosen, side by side, and those with real money together.

    Parameters
    ----------
    fills_today : int
        Executions of the accounts with real money among them since midnight IST.
    working : int
        Orders of those accounts that are approved or at work.
    waiting, unknown : int
        Orders that wait for a yes, and orders of unknown outcome: of all the user's accounts, since leaving out an account
        must not hide them.
    largest : tuple of Share
        The largest holdings of those accounts.
    """

    accounts: tuple[AccountSum, ...]
    totals: Totals
    fills_today: int
    working: int
    waiting: int
    unknown: int
    largest: tuple[Share, ...]
