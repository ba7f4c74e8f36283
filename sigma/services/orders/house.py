"""What the order services share: their ports, and the few steps that all of them take."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol, TypeVar

from sigma.domain.accounts import Account, BrokerSession, Capabilities
from sigma.domain.calendar import Calendar
from sigma.domain.errors import Conflict, NotFound
from sigma.domain.events import Event, Level
from sigma.domain.ids import ALPHABET, ID_LENGTH
from sigma.domain.instruments import Listing, split_listing
from sigma.domain.limits import CallKind
from sigma.domain.market import Quote
from sigma.domain.orders import Order, OrderEvent, OrderRequest
from sigma.domain.portfolio import Holding
from sigma.domain.settings import Value
from sigma.ports.broker import Broker, BrokerKit
from sigma.ports.clock import Clock
from sigma.ports.probe import Probe
from sigma.ports.storage import Store, Unit
from sigma.services.accounts import find_account
from sigma.services.orders import follow
from sigma.services.portfolio import Taken

Answer = TypeVar("Answer")


class SettingValues(Protocol):
    """Typed setting values."""

    def get(self, name: str, user_id: int | None = None) -> Value:
        """Return one setting's value."""


class Listings(Protocol):
    """The instrument table."""

    def get(self, text: str) -> Listing:
        """Return a listing or raise NotFound."""


class Connected(Protocol):
    """Accounts that are logged in."""

    def broker(self, account_id: int) -> Broker:
        """Return the account's broker for this thread or raise SessionExpired."""

    def kit(self, account: Account) -> BrokerKit:
        """Return the adapter's offer."""

    def session(self, account_id: int) -> BrokerSession | None:
        """Return the account's stored login, expired or not."""

    def read(
        self, account_id: int, kind: CallKind, fn: Callable[[Broker], Answer], *, attempts: int = 1, patience_s: float = ...
    ) -> Answer:
        """Return `fn(broker)`, having waited so many seconds for its turn; a login that the broker does not take any more is
        recorded as ended.
        """

    def end_session(self, account_id: int, refused: BrokerSession | None, why: str) -> object:
        """Record that the broker does not take this login any more; a newer one is left alone."""


class Prices(Protocol):
    """Quotes for valuing orders."""

    def last_quote(self, listing: str, account_id: int) -> Quote | None:
        """Return the newest quote from the canonical source or this account, None when there is none."""

    def last_quotes(self, listings: Sequence[str], account_id: int) -> Mapping[str, Quote]:
        """Return the newest quotes in the same way; listings without one are absent."""

    def known(self, listing: str, account_id: int) -> Quote | None:
        """Return a quote that is at hand, with price band where that is known too, None when there is none; asks nobody."""


class Holdings(Protocol):
    """What accounts hold."""

    def holdings(self, account_id: int, *, refresh: bool | None = None) -> Taken[Holding]:
        """Return the shares in demat: by the broker when what is stored is old (`refresh` left out), or as stored (False).

        Raises
        ------
        BrokerError, StaleData
            There is nothing to be had.
        """


@dataclass(frozen=True)
class OrderHouse:
    """Ports and neighbours of the order services."""

    store: Store
    clock: Clock
    calendar: Calendar
    settings: SettingValues
    listings: Listings
    connected: Connected
    prices: Prices
    probe: Probe
    holdings: Holdings

    def seconds(self, name: str) -> float:
        """Return a setting that is a duration."""
        return float(self.settings.get(name))

    def capabilities(self, account: Account) -> Capabilities:
        """Return what the account's broker can do."""
        return self.connected.kit(account).capabilities

    def session_of(self, request: OrderRequest, now: datetime) -> date:
        """Return the session in which an order sent now would trade."""
        exchange, _ = split_listing(request.listing)
        return self.calendar.session_date(exchange, now)

    def add(self, tx: Unit, order: Order, kind: str, text: str, **detail: str | int | None) -> Order:
        """Store a new order with the first line of its history."""
        stored = tx.orders.add(order)
        self.note(tx, stored, kind, text, **detail)
        return stored

    def save(self, tx: Unit, order: Order, kind: str, text: str, **detail: str | int | None) -> Order:
        """Store a changed order with a line of its history, and what follows from the change (services/orders/follow.py)."""
        stored = tx.orders.save(order)
        self.note(tx, stored, kind, text, **detail)
        follow.after(self, tx, stored)
        return stored

    def note(self, tx: Unit, order: Order, kind: str, text: str, **detail: str | int | None) -> None:
        """Append a line to an order's history."""
        event = OrderEvent(0, order.id, self.clock.now(), kind, order.status, text, detail, order.correlation_id)
        tx.orders.add_event(event)

    def alarm(self, tx: Unit, account: Account, kind: str, text: str, **detail: str | int | None) -> None:
        """Append an event that a person must see."""
        tx.journal.add_event(Event(0, self.clock.now(), Level.ALARM, kind, text, account.user_id, account.id, detail))

    def account(self, tx: Unit, account: str | int, user_id: int) -> Account:
        """Return one of the user's accounts by name or id, or raise NotFound."""
        return find_account(tx, account, user_id)

    def own(self, tx: Unit, order_id: int, user_id: int, version: int | None = None) -> Order:
        """Return one of the user's orders in the version they saw.

        Raises
        ------
        NotFound
            There is no such order of this user.
        Conflict
            It changed since the caller read it.
        """
        order = tx.orders.get(order_id)
        if order.user_id != user_id:
            raise NotFound(f"There is no order {order_id}.", hint="`sigma orders` lists them.")
        if version is not None and order.version != version:
            raise Conflict(
                f"Order {order_id} changed meanwhile (you saw version {version}, it is {order.version}: {order.status}).",
                hint="Look at it again, then decide.",
            )
        return order


def freeze(house: OrderHouse, tx: Unit, account_id: int, reason: str) -> None:
    """Stop an account's new writes until a person releases it, and say so."""
    account = tx.accounts.get(account_id)
    if account.frozen_reason:
        return
    tx.accounts.save(replace(account, frozen_reason=reason))
    house.alarm(tx, account, "ACCOUNT_FROZEN", f"{account.name} sends nothing more: {reason}.")


def random_id() -> str:
    """Return a new client_order_id: 16 characters [0-9A-Z], which a broker's tag can carry."""
    return "".join(secrets.choice(ALPHABET) for _ in range(ID_LENGTH))


def as_text(value: Decimal | int | None) -> str | None:
    """Return a number as a command's payload keeps it."""
    return None if value is None else str(value)
