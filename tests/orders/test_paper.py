"""A paper account beside real ones: the same way for orders, and no part in anything that counts real money."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from sigma.domain.accounts import SessionState
from sigma.domain.errors import Conflict, InvalidInput, NotFound, StaleData
from sigma.domain.orders import Order, OrderStatus
from tests.orders.stage import KITE, PRICE, Stage, eventually

PAPER = "Paper"


@pytest.fixture
def paper(stage: Stage) -> Stage:
    """The stage with a connected paper account of five lakh rupees."""
    stage.desk.accounts.add("paper", name=PAPER, cash=500_000)
    stage.desk.accounts.connect(PAPER)
    return stage


def traded(stage: Stage, until: Callable[[Order], bool] = lambda now: now.status.final, **wanted: object) -> Order:
    """Return a paper order that was sent and that the worker matched."""
    order = stage.order(PAPER, **wanted)  # type: ignore[arg-type]
    stage.send(PAPER)

    def look() -> Order | None:
        stage.house.paper.advance(stage.account(PAPER).id)
        stage.sync(PAPER)
        now = stage.get(order)
        return now if until(now) else None

    return eventually(look)


def test_it_is_connected_by_one_step_and_stays_so(paper: Stage) -> None:
    status = paper.desk.accounts.status(PAPER, refresh=True)
    assert (status.state, status.client_id) == (SessionState.CONNECTED, f"PAPER{paper.account(PAPER).id}")
    paper.overnight()
    assert paper.desk.accounts.status(PAPER, refresh=True).state is SessionState.CONNECTED
    assert paper.desk.accounts.disconnect(PAPER).state is SessionState.NEVER
    paper.desk.accounts.connect(PAPER)
    assert paper.house.portfolio.funds(paper.account(PAPER).id, refresh=True).rows[0].cash == 500_000


def test_an_order_goes_the_way_of_all_orders_and_never_to_the_exchange(paper: Stage) -> None:
    order = traded(paper, product="CNC")
    assert (order.status, order.filled_quantity, order.average_price) == (OrderStatus.FILLED, 5, Decimal("1500.00"))
    assert paper.account(PAPER).tag_verified
    with paper.house.store.read() as tx:
        assert sum(fill.quantity for fill in tx.orders.fills(order_id=order.id)) == 5
    assert paper.at_exchange(order) == []
    assert list(paper.desk.orders.table(PAPER)["simulated"]) == [True]
    assert list(paper.desk.orders.fills(PAPER)["simulated"]) == [True]
    (position,) = paper.house.portfolio.positions(order.account_id or 0, refresh=True).rows
    assert (position.listing, position.quantity) == ("NSE:INFY", 5)


def test_a_resting_order_is_cancelled_and_modified_as_any(paper: Stage) -> None:
    order = traded(paper, lambda now: now.status is OrderStatus.OPEN, price=PRICE - 50)
    paper.desk.orders.modify(order.id, price=PRICE - 40)
    paper.send(PAPER)
    paper.house.paper.advance(order.account_id or 0)
    paper.sync(PAPER)
    assert paper.get(order).request.price == Decimal(1460)
    paper.desk.orders.cancel(order.id)
    paper.send(PAPER)
    assert paper.settled(order, PAPER).status is OrderStatus.CANCELLED


def test_another_process_finds_the_same_book(paper: Stage) -> None:
    order = traded(paper)
    other = paper.another_house()
    assert other.portfolio.positions(order.account_id or 0, refresh=True).rows[0].quantity == 5
    assert not other.paper.advance(order.account_id or 0)
    other.close()


def test_without_a_connected_source_an_order_waits_and_says_so(paper: Stage) -> None:
    paper.desk.accounts.disconnect(KITE)
    order = traded(paper, lambda now: bool(now.broker_reason), price=PRICE)
    assert order.status is OrderStatus.OPEN
    assert "Market data unavailable" in order.broker_reason
    paper.connect(KITE)
    assert traded_on(paper, order).status is OrderStatus.FILLED


def traded_on(stage: Stage, order: Order) -> Order:
    """Return an order that works already, once it has ended."""

    def look() -> Order | None:
        stage.house.paper.advance(order.account_id or 0)
        stage.sync(PAPER)
        now = stage.get(order)
        return now if now.status.final else None

    return eventually(look)


def test_a_paper_account_is_nobody_s_market_data_source(paper: Stage) -> None:
    paper.desk.settings.set("market.source_account", PAPER)
    with pytest.raises(StaleData, match="paper account, which has no prices"):
        paper.house.market.quotes(paper.user_id, ["NSE:INFY"])


def test_it_enters_no_live_total(paper: Stage) -> None:
    before = paper.house.overview.overview(paper.user_id)
    traded(paper)
    order = traded(paper, lambda now: now.status is OrderStatus.OPEN, price=PRICE - 50)
    paper.house.portfolio.funds(order.account_id or 0, refresh=True)
    paper.house.portfolio.positions(order.account_id or 0, refresh=True)
    after = paper.another_house().overview.overview(paper.user_id)
    (mine,) = [one for one in after.accounts if one.name == PAPER]
    assert (mine.simulated, mine.working) == (True, 1)
    assert mine.cash is not None
    assert (after.totals, after.fills_today, after.working) == (before.totals, before.fills_today, before.working)
    assert after.largest == before.largest


def test_it_begins_anew_with_the_cash_that_one_says(paper: Stage) -> None:
    order = traded(paper, lambda now: now.status is OrderStatus.OPEN, price=PRICE - 50)
    with pytest.raises(Conflict, match="at work"):
        paper.desk.accounts.reset(PAPER)
    paper.desk.orders.cancel(order.id)
    paper.send(PAPER)
    paper.desk.accounts.reset(PAPER, cash="250000.50")
    assert paper.house.portfolio.funds(order.account_id or 0, refresh=True).rows[0].cash == Decimal("250000.50")
    again = traded(paper)
    assert again.broker_order_id != order.broker_order_id


@pytest.mark.parametrize("cash", [0, -5, "much", 10**12, 0.001])
def test_it_begins_with_an_amount_of_money(stage: Stage, cash: object) -> None:
    with pytest.raises(InvalidInput):
        stage.desk.accounts.add("paper", name=PAPER, cash=cash)
    with pytest.raises(NotFound):
        stage.account(PAPER)


def test_a_real_account_takes_no_starting_cash_and_does_not_begin_anew(stage: Stage) -> None:
    with pytest.raises(InvalidInput, match="its own money"):
        stage.desk.accounts.add("zerodha", name="second", cash=5, api_key="k", api_secret="s")
    with pytest.raises(InvalidInput, match="no paper account"):
        stage.desk.accounts.reset(KITE)
    with pytest.raises(InvalidInput):
        stage.desk.accounts.connect(KITE)


def test_instrument_tables_are_those_of_real_brokers(paper: Stage) -> None:
    assert "paper" not in paper.house.instruments.sources
    assert "paper" not in paper.house.instruments.due()
    assert {report.broker for report in paper.house.instruments.refresh_all(paper.user_id)} == {"zerodha", "angelone"}
