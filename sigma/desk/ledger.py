"""`desk.day` and `desk.orders.round_trips`: what the ledger says a day, and each entry that was left, came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from sigma.desk.cells import MAYBE_WHOLE, MOMENT, NUMBER, TEXT, WHOLE, facts, frame
from sigma.domain.ledger import DayResult, RoundTrip

if TYPE_CHECKING:
    from sigma.bootstrap import House

ROUND_TRIPS = {
    "account": TEXT,
    "strategy": TEXT,
    "listing": TEXT,
    "product": TEXT,
    "side": TEXT,
    "quantity": WHOLE,
    "entry_price": NUMBER,
    "exit_price": NUMBER,
    "gross": NUMBER,
    "opened_at": MOMENT,
    "closed_at": MOMENT,
    "entry_order_id": MAYBE_WHOLE,
    "exit_order_id": MAYBE_WHOLE,
}


class LedgerDesk:
    """Results of one user's fills."""

    def __init__(self, house: House, user_id: int) -> None:
        self._house = house
        self._user_id = user_id

    def day(self, account: str | int | None, strategy: str | None) -> DayResult:
        """Return what the session came to so far, rupees."""
        account_id = None if account is None else self._house.accounts.find(self._user_id, account).id
        return self._house.results.day(self._user_id, account_id=account_id, strategy=strategy)


def round_trips(trips: Sequence[RoundTrip], names: Mapping[int, str]) -> pd.DataFrame:
    """Return round trips as a frame; `names` are account names by id."""
    return frame(ROUND_TRIPS, [facts(ROUND_TRIPS, trip, account=names.get(trip.account_id, "")) for trip in trips])
