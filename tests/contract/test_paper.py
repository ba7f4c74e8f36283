"""A paper account keeps the contract: its book in a real database, its quotes by a real account at the simulator.

What only a wire can do (lost answers, ended logins, a broker's own demat and names) is left out; tests/adapters/test_paper.py
says what a paper account does in their place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from sigma.adapters.paper import KIT, advance
from sigma.domain.accounts import BrokerSession
from sigma.domain.answers import BrokerOrder
from sigma.domain.calendar import weekdays
from sigma.domain.instruments import Listing
from sigma.domain.market import Quote
from sigma.domain.orders import Order
from sigma.infra.charge_rates import shipped_rates
from sigma.ports.broker import Broker
from sigma.ports.paper import PaperPlace
from sigma.simulator.securities import Security
from sigma.simulator.server import SimulatorServer
from sigma.store.paper import SqlPaperBooks
from sigma.store.store import SqlStore
from tests.adapters.paper_house import add_account, open_books
from tests.contract.lookup import MasterLookup
from tests.contract.reading import ReadingContract
from tests.contract.stage import Stage, buy
from tests.contract.writing import OrderContract, SafetyContract
from tests.simulator.control import eventually


class PaperContractStage(Stage):
    """A paper account whose canonical source is an account of the simulator."""

    def __init__(self, server: SimulatorServer, lookup: MasterLookup, store: SqlStore) -> None:
        super().__init__("zerodha", server, lookup)
        self.source, self._number, self._store = self.broker_of(self.connect()), 0, store
        self._listings = {each.listing: _listing(each) for each in server.exchange.universe}
        self.kit, self.name = KIT, "paper"

    def reset(self) -> None:
        """Begin a new account, and hold the price."""
        super().reset()
        self._number += 1
        account = add_account(self._store, f"Paper {self._number}")
        self.client_id = f"PAPER{account.id}"
        self.place = PaperPlace(
            account_id=account.id,
            books=SqlPaperBooks(self._store.database),
            quotes=self._quotes,
            listing=self._listings.get,
            calendar=weekdays(),
            rates=shipped_rates()["paper"],
        )
        self.context = replace(self.context, paper=self.place)

    def _quotes(self, listings: Sequence[str]) -> dict[str, Quote]:
        return dict(self.source.quotes(listings))

    def given(self, account: object = None) -> dict[str, str]:
        """Return what a person enters: nothing."""
        return {} if self.name == "paper" else super().given()

    def credentials(self, account: object = None) -> dict[str, str]:
        """Return what the account stores: nothing."""
        return {} if self.name == "paper" else super().credentials()

    def broker_of(self, session: BrokerSession, **changes: object) -> Broker:
        """Return the account."""
        return self.kit.broker(self.credentials(), session, replace(self.context, **changes))  # type: ignore[arg-type]

    def row(self, order: Order, when: Callable[[BrokerOrder], bool] = lambda _: True) -> BrokerOrder:
        """Return the order's row of the book, once the worker's looks at the market have brought `when` about."""

        def look() -> BrokerOrder | None:
            advance(self.place, self.context.clock)
            rows = [row for row in self.broker.order_book().rows if row.broker_order_id == order.broker_order_id]
            return rows[0] if rows and when(rows[0]) else None

        return eventually(look)

    def executed(self, tag: str) -> list[dict[str, object]]:
        """Return the orders with this tag that the book holds."""
        return [{"id": row.broker_order_id} for row in self.broker.order_book().rows if row.tag == tag]


def _listing(security: Security) -> Listing:
    return Listing(
        exchange=security.exchange,
        symbol=security.symbol,
        kind=security.kind,
        name=security.name,
        series=security.series,
        lot_size=security.lot,
        tick_size=security.tick,
        isin=security.isin,
        expiry=security.expiry,
        strike=security.strike,
        option_type=security.option_type,
        underlying=security.underlying,
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    home: Path = tmp_path_factory.mktemp("paper") / "home"
    with open_books(home) as opened:
        yield opened


@pytest.fixture(scope="module")
def the_stage(server: SimulatorServer, lookup: MasterLookup, store: SqlStore) -> PaperContractStage:
    return PaperContractStage(server, lookup, store)


class TestPaper(ReadingContract, OrderContract, SafetyContract):
    def test_nothing_but_the_book_is_written(self, stage: Stage) -> None:
        stage.placed(buy())
        assert stage.control.get("writes") == []
