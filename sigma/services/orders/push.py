"""What a broker pushes of an order: over its socket, or as a postback. It goes the way of a row of the book, one row at a time.

Pushed news is an accelerator and never the only word: executions come from the broker's list of them, modifications and
orders that are not ours from its book, which is read as often as without any push.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from sigma.domain.accounts import Account
from sigma.domain.answers import BrokerOrder
from sigma.domain.errors import Denied, InvalidInput
from sigma.domain.orders import Order
from sigma.engines import lifecycle
from sigma.ports.broker import AdapterContext, BrokerKit
from sigma.ports.storage import Unit
from sigma.services.orders.amend import want_cancel
from sigma.services.orders.house import OrderHouse


class PostbackSources(Protocol):
    """Where the secrets are that prove a postback."""

    def kit(self, account: Account | str) -> BrokerKit:
        """Return a broker's adapter; NotFound when there is none of that name."""

    def credentials(self, account_id: int) -> Mapping[str, str]:
        """Return an account's stored credentials."""

    def context(self, account: Account | str) -> AdapterContext:
        """Return what an adapter needs from the house."""


class PushedNews:
    """Records pushed rows. Any process may: facts need no lease."""

    def __init__(self, house: OrderHouse, sources: PostbackSources) -> None:
        self._house = house
        self._sources = sources

    def take(self, account_id: int, row: BrokerOrder) -> bool:
        """Record what a row says of an order of ours; return whether it said anything new.

        A row of no order of ours is left to the book, and so is every row until the book has shown once that the account's
        tags are echoed.
        """
        house = self._house
        with house.store.begin() as tx:
            account = tx.accounts.get(account_id)
            order = self._ours(tx, account, row) if account.tag_verified else None
            if order is None:
                return False
            seen = lifecycle.observe(order, row, house.clock.now(), pushed=True)
            if seen == order:
                return False
            told = f"{row.broker_status or seen.status} ({seen.filled_quantity}/{seen.request.quantity})"
            text = f"{told}: {row.reason}" if row.reason else told
            house.probe.reached("pushing")
            stored = house.save(tx, seen, "PUSH", text, broker_order_id=row.broker_order_id)
            if stored.cancel_wanted:
                want_cancel(house, tx, stored)
        return True

    def _ours(self, tx: Unit, account: Account, row: BrokerOrder) -> Order | None:
        known = tx.orders.by_broker_ids(account.id, [row.broker_order_id]).get(row.broker_order_id)
        if known is not None:
            return known
        order = tx.orders.by_client_id(row.tag) if row.tag else None
        if order is None or order.user_id != account.user_id or order.account_id != account.id:
            return None
        return order if order.broker_order_id is None else None  # a second row of one tag is for the book to judge

    def postback(self, broker: str, body: bytes) -> bool:
        """Take a postback of a broker's, posted by anyone; return whether it said anything new.

        Raises
        ------
        NotFound, Unsupported
            There is no such broker, or it sends none that can be verified.
        Denied
            Its checksum is of no account here.
        InvalidInput
            It is none, or cannot be read.
        """
        kit = self._sources.kit(broker)
        with self._house.store.read() as tx:
            accounts = [account for account in tx.accounts.list() if account.broker == broker]
        verified, unreadable = 0, None
        told = False
        for account in accounts:
            try:
                row = kit.read_postback(self._sources.credentials(account.id), body, self._sources.context(account))
            except Denied:
                continue
            except InvalidInput as error:
                unreadable = error
                continue
            verified += 1
            told = self.take(account.id, row) or told  # clients of one app have one secret: the order says whose it is
        if not verified:
            raise unreadable or Denied("This postback is of no account here.", hint="Check the API secret of the account.")
        return told
