"""`desk.signals`: the messages that came in, and a way in without the webhook."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pandas as pd

from sigma.desk import frames
from sigma.desk.cells import MAYBE_WHOLE, MOMENT, TEXT, WHOLE
from sigma.desk.cells import facts as _facts
from sigma.desk.cells import frame as _frame
from sigma.domain.signals import Receipt, Signal
from sigma.services.signals import Message

if TYPE_CHECKING:
    from sigma.bootstrap import House

SHARES = {
    "account": TEXT,
    "state": TEXT,
    "quantity": MAYBE_WHOLE,
    "order_id": MAYBE_WHOLE,
    "note": TEXT,
    "updated_at": MOMENT,
}


LOST = {"id": WHOLE, "received_at": MOMENT, "strategy": TEXT, "account": TEXT, "note": TEXT}


class SignalsDesk:
    """Signals of one user."""

    def __init__(self, house: House, user_id: int) -> None:
        self._house = house
        self._user_id = user_id

    def receive(self, payload: Message, secret: str | None = None) -> Receipt:
        """Take a message (a mapping, or the text a charting service would post) as the webhook does.

        The secret says whose message it is; it may stand in the message instead.

        Raises
        ------
        Denied, InvalidInput, InvalidOrder
            Nothing was stored.
        """
        return self._house.signals.receive(payload, secret)

    def table(self, since: datetime | None = None, limit: int | None = 200, *, until: datetime | None = None) -> pd.DataFrame:
        """Return messages received at or after `since` and before `until`, newest first; times are UTC.

        `shares` says what became of each on the accounts of its strategy: ``main: order 5; huf: skipped, nothing held``.
        """
        found = self._house.signals.table(self._user_id, since=since, until=until, limit=limit)
        shares = self._house.signals.shares([row.id for row in found])
        names = self._names()
        return frames.signals(found, {number: "; ".join(one.words(names) for one in rows) for number, rows in shares.items()})

    def shares(self, signal_id: int) -> pd.DataFrame:
        """Return what became of one message on accounts, a row each; columns: SHARES."""
        rows, names = self._house.signals.shares([self.get(signal_id).id]).get(signal_id, []), self._names()
        return _frame(SHARES, [_facts(SHARES, row, account=names.get(row.account_id, str(row.account_id))) for row in rows])

    def lost(self, since: datetime) -> pd.DataFrame:
        """Return messages received at or after `since` that made no order, or none on an account where they should have.

        Newest first; columns: LOST. Such a message has a row for each account that failed, else one without an account.
        """
        found, names = self._house.signals.lost(self._user_id, since), self._names()
        told = [(one, {"account": names.get(share.account_id), "note": share.note} if share else {}) for one, share in found]
        return _frame(LOST, [_facts(LOST, one, **{"account": None, **said}) for one, said in told])

    def get(self, signal_id: int) -> Signal:
        """Return one message with its text as it came (scrubbed of the secret)."""
        return self._house.signals.get(self._user_id, signal_id)

    def _names(self) -> dict[int, str]:
        return {account.id: account.name for account in self._house.accounts.list(self._user_id)}

    def has_secret(self) -> bool:
        """Say whether there is a webhook secret; it cannot be shown."""
        return self._house.signals.has_secret(self._user_id)

    def rotate_secret(self) -> str:
        """Make a new webhook secret and return it, the only time that it can be seen; the old one stops working."""
        return self._house.signals.rotate_secret(self._user_id)
