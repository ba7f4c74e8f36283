"""`desk.holdings`, `desk.positions`, `desk.funds`: always of one account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from sigma.desk import frames
from sigma.desk.words import whole, word
from sigma.domain.orders import Command, Product
from sigma.engines.conversion import products_for
from sigma.services.orders.before_wire import sellable_all

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
        taken = self._house.portfolio.holdings(owner.id, refresh=refresh)
        found = sellable_all(self._house.orders.house, owner)
        return frames.holdings(owner.name, taken, {text: one.quantity for text, one in found.items()})

    def positions(self, account: str | int, *, refresh: bool | None = None) -> pd.DataFrame:
        """Return net positions, flat ones of the day included; columns: frames.POSITIONS."""
        owner = self._house.accounts.find(self._user_id, account)
        return frames.positions(owner.name, self._house.portfolio.positions(owner.id, refresh=refresh))

    def convert(self, account: str | int, listing: str, quantity: int, *, old: str, new: str, by: str = "") -> Command:
        """Ask the broker to move units of an open position into another product; see `Desk.convert`."""
        text = self._house.instruments.resolve(listing, self._user_id).text
        products = word(Product, old, "product"), word(Product, new, "product")
        request = self._house.orders.conversions.request
        return request(account, text, whole(quantity, "quantity"), *products, user_id=self._user_id, by=by)

    def conversion(self, command_id: int) -> Command:
        """Return a conversion as it stands now."""
        return self._house.orders.conversions.get(command_id, user_id=self._user_id)

    def resolve_conversion(self, command_id: int, *, happened: bool, reason: str) -> Command:
        """Say what became of a conversion of unknown outcome."""
        resolve = self._house.orders.conversions.resolve
        return resolve(command_id, happened=happened, reason=reason, user_id=self._user_id)

    def convertible(self, account: str | int, listing: str, product: str) -> tuple[str, ...]:
        """Return the products that a position of a listing could be converted into."""
        capabilities = self._house.accounts.capabilities_of(self._user_id, account)
        return tuple(one for one in products_for(listing, capabilities) if one != product)

    def funds(self, account: str | int, *, refresh: bool | None = None) -> pd.DataFrame:
        """Return the account's money in rupees, one row; columns: frames.FUNDS."""
        owner = self._house.accounts.find(self._user_id, account)
        return frames.funds(owner.name, self._house.portfolio.funds(owner.id, refresh=refresh))
