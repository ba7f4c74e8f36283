"""`desk.holdings`, `desk.positions`, `desk.funds`: always of one account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from sigma.desk import frames

if TYPE_CHECKING:
    from sigma.bootstrap import House


class PortfolioDesk:
    """What an account has.

    `refresh` True asks the broker now, False never does; left out, it is asked when what is stored is old. Each frame's
    `attrs` say ``taken_at`` (UTC), ``age_s`` (seconds), ``bad`` (rows of the broker's that could not be read) and ``stale``
    (why it is older than it should be, else empty) and ``priced_at`` (UTC: the oldest of the stored last prices that rows are
    valued at because they are newer than the list; None while every row is at the broker's own).
    """

    def __init__(self, house: House, user_id: int) -> None:
        self._house = house
        self._user_id = user_id

    def holdings(self, account: str | int, *, refresh: bool | None = None) -> pd.DataFrame:
        """Return the shares in demat; columns: frames.HOLDINGS."""
        owner = self._house.accounts.find(self._user_id, account)
        return frames.holdings(owner.name, self._house.portfolio.holdings(owner.id, refresh=refresh))

    def positions(self, account: str | int, *, refresh: bool | None = None) -> pd.DataFrame:
        """Return net positions, flat ones of the day included; columns: frames.POSITIONS."""
        owner = self._house.accounts.find(self._user_id, account)
        return frames.positions(owner.name, self._house.portfolio.positions(owner.id, refresh=refresh))

    def funds(self, account: str | int, *, refresh: bool | None = None) -> pd.DataFrame:
        """Return the account's money in rupees, one row; columns: frames.FUNDS."""
        owner = self._house.accounts.find(self._user_id, account)
        return frames.funds(owner.name, self._house.portfolio.funds(owner.id, refresh=refresh))
