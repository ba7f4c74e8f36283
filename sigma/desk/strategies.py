"""`desk.strategies`: what may trade for a person, and the messages that drive it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

import pandas as pd

from sigma.desk.cells import FLAG, MOMENT, NUMBER, TEXT, WHOLE
from sigma.desk.cells import facts as _facts
from sigma.desk.cells import frame as _frame
from sigma.desk.kill import runs_table
from sigma.desk.words import amount, word
from sigma.domain.orders import OrderMode, OrderType, Product
from sigma.domain.signals import (
    ACTION,
    ALERT_MESSAGE,
    CONTRACTS,
    INTERVAL,
    SYMBOL,
    TIME,
    AlertForm,
    Receipt,
    alert_text,
    expanded,
)
from sigma.domain.strategies import OffHours, Strategy
from sigma.services.strategies import Shares, StrategyChange

if TYPE_CHECKING:
    from sigma.bootstrap import House

STRATEGIES = {
    "id": WHOLE,
    "name": TEXT,
    "enabled": FLAG,
    "mode": TEXT,
    "accounts": TEXT,
    "product": TEXT,
    "order_type": TEXT,
    "off_hours": TEXT,
    "description": TEXT,
    "created_at": MOMENT,
    "archived": FLAG,
    "version": WHOLE,
}
PLACES = {"strategy": TEXT, "account": TEXT, "multiplier": NUMBER}
POSITIONS = {
    "strategy": TEXT,
    "account": TEXT,
    "listing": TEXT,
    "product": TEXT,
    "quantity": WHOLE,
    "last_price": NUMBER,
    "value": NUMBER,
    "priced_at": MOMENT,
}
DAYS = {
    "strategy": TEXT,
    "simulated": FLAG,
    "total": NUMBER,
    "realised": NUMBER,
    "open": NUMBER,
    "charges": NUMBER,
    "missing": TEXT,
}
Number = Decimal | int | float | str
Wanted = Mapping[str, Number] | Iterable[str]
"""Accounts by name: with the multiplier of each, or all with 1."""


class StrategiesDesk:
    """Strategies of one user, known by name (whatever its case). A new one is MANUAL: its orders wait for approval."""

    def __init__(self, house: House, user_id: int) -> None:
        self._house = house
        self._user_id = user_id

    def add(
        self,
        name: str,
        *,
        accounts: Wanted = (),
        description: str = "",
        product: str = "",
        order_type: str = "",
        off_hours: str = "FAIL",
        enabled: bool = True,
    ) -> Strategy:
        """Make a strategy; `accounts` are names, or a mapping from name to what a signal's quantity is multiplied with there.

        `product` and `order_type` (MARKET or LIMIT) are for signals that say none; `off_hours` is FAIL, AMO, WAIT or GTT.
        """
        change = _change(None, accounts, description, product, order_type, off_hours, enabled)
        return self._house.strategies.add(self._user_id, name, change)

    def update(
        self,
        name: str,
        *,
        mode: str | None = None,
        accounts: Wanted | None = None,
        description: str | None = None,
        product: str | None = None,
        order_type: str | None = None,
        off_hours: str | None = None,
        version: int | None = None,
    ) -> Strategy:
        """Change a strategy; what is left out stays, an empty product or order type is taken away.

        With mode AUTO its orders go through the risk gate and out without anybody asked.
        """
        change = _change(mode, accounts, description, product, order_type, off_hours, None)
        return self._house.strategies.update(self._user_id, name, change, version=version)

    def enable(self, name: str) -> Strategy:
        """Let a strategy's signals act again."""
        return self._house.strategies.update(self._user_id, name, StrategyChange(enabled=True))

    def disable(self, name: str) -> Strategy:
        """Let a strategy's signals wait in the queue for a person, whatever its mode."""
        return self._house.strategies.update(self._user_id, name, StrategyChange(enabled=False))

    def remove(self, name: str) -> Strategy:
        """Take a strategy off the lists; refused while its orders work or it holds positions. Its history stays."""
        return self._house.strategies.archive(self._user_id, name)

    def get(self, name: str | int) -> Strategy:
        """Return one strategy."""
        return self._house.strategies.get(self._user_id, name)

    def table(self, *, archived: bool = False) -> pd.DataFrame:
        """Return the strategies by name; columns: STRATEGIES. `accounts` is as ``main, huf x 0.5``."""
        found, names = self._house.strategies.list(self._user_id, archived=archived), self._names()
        return _frame(STRATEGIES, [_facts(STRATEGIES, one, accounts=one.places(names)) for one in found])

    def places(self) -> pd.DataFrame:
        """Return the accounts of each strategy, a row each; columns: PLACES."""
        found, names = self._house.strategies.list(self._user_id), self._names()
        shares = [(one.name, share) for one in found for share in one.shares]
        return _frame(PLACES, [_facts(PLACES, it, strategy=name, account=names.get(it.account_id)) for name, it in shares])

    def positions(self, name: str | None = None) -> pd.DataFrame:
        """Return what a strategy (each, when None) holds by its own fills, at stored prices; columns: POSITIONS."""
        found, names = self._house.strategy_book.positions(self._user_id, name), self._names()
        return _frame(POSITIONS, [_facts(POSITIONS, one, account=names.get(one.account_id)) for one in found])

    def days(self) -> pd.DataFrame:
        """Return what the session came to for each strategy in rupees, by stored prices; columns: DAYS.

        Two rows a strategy, since what simulated accounts made is never added to money. With something in `missing` (listings
        without a price or without known charges) the total is not known.
        """
        found = [(day.strategy, paper, it) for day in self._house.strategy_book.days(self._user_id) for paper, it in day.sides]
        given = [(it, {"strategy": n, "simulated": p, "missing": ", ".join(it.missing)}) for n, p, it in found]
        return _frame(DAYS, [_facts(DAYS, it, **row, **({"total": None} if it.missing else {})) for it, row in given])

    def exit(self, name: str) -> pd.DataFrame:
        """Begin to close what a strategy holds; returns the runs, as `desk.kill_runs`. It goes on: disable it first to end it.

        The worker takes the strategy's own orders back, sends reduce-only orders at the market and verifies it.
        """
        return runs_table(self._house.strategy_book.exit(self._user_id, name), self._names())

    def payload(
        self, name: str, *, version: str = "NESTED", product: str = "", quantity: Number = CONTRACTS
    ) -> dict[str, object]:
        """Return the text to paste into a TradingView alert; put your secret in where it says so.

        `version` is one of NESTED, FLAT, SIGNAL and SIGNAL_6 (whose script says ENTRY_LONG and so on in `alert_message`).
        """
        return alert_text(self.get(name).name, product.upper(), str(quantity), word(AlertForm, version, "version"))

    def test(
        self,
        name: str,
        *,
        listing: str,
        action: str = "BUY",
        quantity: int | None = 1,
        product: str = "",
        version: str = "NESTED",
        confirm: bool = False,
    ) -> Receipt:
        """Send the message of `payload` as TradingView would, at the market; it makes real orders.

        Without a quantity (None) an exit means what is held.

        Raises
        ------
        Conflict
            The strategy executes by itself, and `confirm` does not say that its orders are wanted.
        """
        strategy = self._house.strategies.testable(self._user_id, name, confirmed=confirm)
        values = {SYMBOL: listing, ACTION: action, ALERT_MESSAGE: action, INTERVAL: "", "{{strategy.order.id}}": "test"}
        values[TIME] = self._house.clock.now().isoformat()
        units = "" if quantity is None else str(quantity)
        message = alert_text(strategy.name, product.upper(), units, word(AlertForm, version, "version"))
        return self._house.signals.receive_own(self._user_id, expanded(message, values))

    def _names(self) -> dict[int, str]:
        return {account.id: account.name for account in self._house.accounts.list(self._user_id)}


def _change(
    mode: str | None,
    accounts: Wanted | None,
    description: str | None,
    product: str | None,
    order_type: str | None,
    off_hours: str | None,
    enabled: bool | None,
) -> StrategyChange:
    return StrategyChange(
        description=description,
        enabled=enabled,
        mode=None if mode is None else word(OrderMode, mode, "mode"),
        shares=None if accounts is None else _shares(accounts),
        product=word(Product, product, "product") if product else None,
        order_type=word(OrderType, order_type, "order type") if order_type else None,
        off_hours=None if off_hours is None else word(OffHours, off_hours, "off-hours policy"),
        no_product=product == "",
        no_order_type=order_type == "",
    )


def _shares(accounts: Wanted) -> Shares:
    if isinstance(accounts, Mapping):
        return {name: amount(times, "multiplier") for name, times in accounts.items()}
    return {name: Decimal(1) for name in ([accounts] if isinstance(accounts, str) else accounts)}
