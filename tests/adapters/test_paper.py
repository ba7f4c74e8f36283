"""Paper accounts: what becomes of orders, money and shares on an exchange that a test moves by hand."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from sigma.domain.calendar import Calendar
from sigma.domain.days import DayTable, SessionDay, SessionKind, every_weekday
from sigma.domain.errors import BrokerUnavailable
from sigma.domain.instruments import Exchange
from sigma.domain.market import Level
from sigma.domain.orders import OrderStatus, OrderType, Outcome, Product, Side, Validity, Variety
from sigma.domain.paper import PaperRules
from sigma.domain.portfolio import Conversion
from sigma.store.store import SqlStore
from tests.adapters.paper_house import FUTURE, INFY, PaperStage, add_account, open_books, wish

_names = itertools.count(1)
D = Decimal


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    with open_books(tmp_path_factory.mktemp("paper") / "home") as opened:
        yield opened


@pytest.fixture
def stage(store: SqlStore) -> PaperStage:
    """A paper account of its own with ten lakh rupees, on a Friday at 10:30."""
    return PaperStage(store, add_account(store, f"Paper {next(_names)}"))


def sold(quantity: int = 10, listing: str = INFY, **more: object) -> object:
    return wish(quantity, listing, Side.SELL, **more)


class TestMatching:
    def test_a_market_order_takes_the_best_levels_first(self, stage: PaperStage) -> None:
        asks = (Level(D("1500.05"), 6), Level(D("1500.10"), 100))
        stage.quote(INFY, 1500, bids=(Level(D("1499.95"), 100),), asks=asks)
        row = stage.placed(wish(10))
        assert (row.status, row.filled_quantity, row.average_price) == (OrderStatus.FILLED, 10, D("1500.07"))
        assert [(fill.quantity, fill.price) for fill in stage.broker.fills().rows] == [(6, D("1500.05")), (4, D("1500.10"))]

    def test_an_order_waits_in_the_book_until_somebody_looks_at_the_market(self, stage: PaperStage) -> None:
        order, _ = stage.send(wish())
        assert stage.row(str(order.broker_order_id)).status is OrderStatus.SENT
        assert stage.advance()
        assert stage.row(str(order.broker_order_id)).status is OrderStatus.FILLED
        assert not stage.advance()

    def test_thin_depth_fills_a_part_and_each_new_quote_some_more(self, stage: PaperStage) -> None:
        stage.quote(INFY, 1500, 2)
        row = stage.placed(wish(25, price=D(1510)))
        assert (row.status, row.filled_quantity) == (OrderStatus.PARTIALLY_FILLED, 10)
        assert not stage.advance()
        stage.clock.move(seconds=1)
        stage.fresh()
        stage.advance()
        assert stage.row(row.broker_order_id).filled_quantity == 20

    def test_two_orders_do_not_both_take_the_same_depth(self, stage: PaperStage) -> None:
        stage.quote(INFY, 1500, 2)
        first, second = stage.placed(wish(8, price=D(1510))), stage.placed(wish(8, price=D(1510)))
        assert (first.filled_quantity, second.filled_quantity) == (8, 2)

    def test_without_depth_a_touch_of_one_tick_stands_in(self, stage: PaperStage) -> None:
        stage.quote(INFY, 1500, 0)
        row = stage.placed(wish(500, product=Product.MIS))
        assert (row.filled_quantity, row.average_price) == (333, D("1500.05"))

    @pytest.mark.parametrize(
        ("rules", "price"),
        [
            (PaperRules(slippage_ticks=2), D("1500.15")),
            (PaperRules(slippage_percent=D("0.1")), D("1501.55")),
        ],
    )
    def test_slippage_makes_every_price_worse(self, stage: PaperStage, rules: PaperRules, price: Decimal) -> None:
        stage.rules = rules
        assert stage.placed(wish(1)).average_price == price

    def test_slippage_never_goes_beyond_a_limit(self, stage: PaperStage) -> None:
        stage.rules = PaperRules(slippage_ticks=5)
        assert stage.placed(wish(1, price=D("1500.10"))).status is OrderStatus.OPEN

    def test_a_market_order_goes_no_farther_than_its_protection(self, stage: PaperStage) -> None:
        stage.quote(INFY, 1500, asks=(Level(D(1501), 5), Level(D(1600), 100)))
        row = stage.placed(wish(10, market_protection=D(1)))
        assert (row.status, row.filled_quantity) == (OrderStatus.PARTIALLY_FILLED, 5)
        assert (row.order_type, row.price) == (OrderType.MARKET, None)

    def test_a_stop_goes_off_at_its_trigger(self, stage: PaperStage) -> None:
        row = stage.placed(wish(5, order_type=OrderType.SL_M, trigger_price=D(1520)))
        assert row.status is OrderStatus.TRIGGER_PENDING
        stage.quote(INFY, 1521)
        stage.advance()
        row = stage.row(row.broker_order_id)
        assert (row.status, row.average_price) == (OrderStatus.FILLED, D("1521.05"))

    def test_a_stop_limit_rests_at_its_limit_once_it_went_off(self, stage: PaperStage) -> None:
        row = stage.placed(wish(5, order_type=OrderType.SL, trigger_price=D(1520), price=D(1522)))
        stage.quote(INFY, 1530)
        stage.advance()
        assert stage.row(row.broker_order_id).status is OrderStatus.OPEN
        stage.quote(INFY, 1519)
        stage.advance()
        assert stage.row(row.broker_order_id).status is OrderStatus.FILLED

    def test_an_ioc_order_keeps_its_part_and_gives_the_rest_back(self, stage: PaperStage) -> None:
        stage.quote(INFY, 1500, 2)
        row = stage.placed(wish(25, price=D(1510), validity=Validity.IOC))
        assert (row.status, row.filled_quantity, row.cancelled_quantity) == (OrderStatus.CANCELLED, 10, 15)


class TestPrices:
    def test_an_order_waits_rather_than_execute_at_an_old_price(self, stage: PaperStage) -> None:
        stage.clock.move(seconds=31)
        row = stage.placed(wish())
        assert (row.status, row.filled_quantity) == (OrderStatus.OPEN, 0)
        assert row.reason.startswith("Waits for a newer price")
        stage.fresh()
        stage.advance()
        row = stage.row(row.broker_order_id)
        assert (row.status, row.reason) == (OrderStatus.FILLED, "")

    def test_without_a_source_a_limit_order_stays_open_and_says_why(self, stage: PaperStage) -> None:
        stage.why = "Market data unavailable: no account is set as its source."
        row = stage.placed(wish(price=D(1500)))
        assert row.status is OrderStatus.OPEN
        assert stage.why in row.reason

    def test_without_a_source_a_market_order_cannot_be_valued(self, stage: PaperStage) -> None:
        stage.why = "Market data unavailable."
        row = stage.placed(wish())
        assert (row.status, "no price" in row.reason) == (OrderStatus.REJECTED, True)
        with pytest.raises(BrokerUnavailable, match="Market data unavailable"):
            stage.broker.quotes([INFY])

    def test_positions_without_a_source_are_valued_at_the_last_price_known(self, stage: PaperStage) -> None:
        stage.placed(wish(10))
        stage.why = "gone"
        (row,) = stage.broker.positions().rows
        assert (row.last_price, row.close_price) == (D("1500.05"), None)


class TestRejections:
    def test_what_the_account_cannot_pay_is_rejected_in_the_book(self, stage: PaperStage) -> None:
        row = stage.placed(wish(700))
        assert row.status is OrderStatus.REJECTED
        assert "margin exceeds" in row.reason
        assert stage.placed(wish(700, product=Product.MIS)).status is OrderStatus.FILLED

    def test_resting_orders_hold_their_money(self, stage: PaperStage) -> None:
        stage.placed(wish(600, price=D(1400)))
        assert stage.broker.funds().used == 600 * 1400
        assert stage.placed(wish(200, price=D(1400))).status is OrderStatus.REJECTED

    def test_a_price_outside_the_day_s_limits_is_rejected(self, stage: PaperStage) -> None:
        stage.quote(INFY, 1500, lower_circuit=D(1350), upper_circuit=D(1650))
        row = stage.placed(wish(price=D(1700)))
        assert (row.status, "1350 to 1650" in row.reason) == (OrderStatus.REJECTED, True)

    def test_delivery_shares_cannot_be_sold_twice_or_short(self, stage: PaperStage) -> None:
        assert stage.placed(sold(1)).status is OrderStatus.REJECTED
        stage.placed(wish(10))
        assert stage.placed(sold(6, price=D(1600))).status is OrderStatus.OPEN
        assert "4 shares" in stage.placed(sold(5)).reason
        assert stage.placed(sold(4)).status is OrderStatus.FILLED

    @pytest.mark.parametrize(
        ("request_", "words"),
        [
            (wish(10, listing=FUTURE), "lot size 75"),
            (wish(price=D("1500.03")), "tick size"),
            (wish(product=Product.NRML), "product NRML"),
            (wish(75, listing=FUTURE, product=Product.CNC), "product CNC"),
            (wish(1, listing="NSE:NIFTY 50"), "index"),
            (wish(variety=Variety.AMO), "AMO orders are taken while"),
        ],
    )
    def test_what_is_no_order_there_is_refused_at_the_door(self, stage: PaperStage, request_: object, words: str) -> None:
        _, answer = stage.send(request_)  # type: ignore[arg-type]
        assert (answer.outcome, words in answer.text) == (Outcome.REFUSED, True)
        assert stage.broker.order_book().rows == ()

    def test_a_closed_market_refuses_and_names_the_amo(self, stage: PaperStage) -> None:
        stage.at("16:00")
        _, answer = stage.send(wish())
        assert (answer.outcome, answer.code) == (Outcome.REFUSED, "MARKET_CLOSED")
        assert stage.broker.capabilities.says_closed(answer.text)


class TestChanges:
    def test_a_modification_that_the_money_allows_is_taken(self, stage: PaperStage) -> None:
        request = wish(10, price=D(1400))
        row = stage.placed(request)
        bigger = replace(request, quantity=20, price=D(1501))
        assert stage.broker.modify(stage.order(row, request), bigger).outcome is Outcome.ACCEPTED
        stage.advance()
        assert stage.row(row.broker_order_id).filled_quantity == 20

    def test_a_modification_that_it_does_not_allow_leaves_the_order_as_it_was(self, stage: PaperStage) -> None:
        request = wish(10, price=D(1400))
        row = stage.placed(request)
        assert stage.broker.modify(stage.order(row, request), replace(request, quantity=5000)).outcome is Outcome.ACCEPTED
        stage.advance()
        after = stage.row(row.broker_order_id)
        assert (after.status, after.quantity, after.reason.startswith("Not modified")) == (OrderStatus.OPEN, 10, True)

    def test_an_order_is_not_made_smaller_than_what_has_executed(self, stage: PaperStage) -> None:
        stage.quote(INFY, 1500, 2)
        request = wish(25, price=D(1510))
        row = stage.placed(request)
        answer = stage.broker.modify(stage.order(row, request), replace(request, quantity=10))
        assert (answer.outcome, "10 units have executed" in answer.text) == (Outcome.REFUSED, True)

    def test_a_cancelled_part_keeps_its_executions(self, stage: PaperStage) -> None:
        stage.quote(INFY, 1500, 2)
        request = wish(25, price=D(1510))
        row = stage.placed(request)
        assert stage.broker.cancel(stage.order(row, request)).outcome is Outcome.ACCEPTED
        after = stage.row(row.broker_order_id)
        assert (after.status, after.filled_quantity, after.cancelled_quantity) == (OrderStatus.CANCELLED, 10, 15)
        assert stage.broker.cancel(stage.order(row, request)).outcome is Outcome.REFUSED

    def test_intraday_units_become_delivery_when_they_can_be_paid(self, stage: PaperStage) -> None:
        stage.placed(wish(10, product=Product.MIS))
        before = stage.broker.funds()
        answer = stage.broker.convert(Conversion(INFY, Side.BUY, 10, Product.MIS, Product.CNC))
        assert answer.outcome is Outcome.ACCEPTED
        net = {row.product: row.quantity for row in stage.broker.positions().rows}
        assert net == {Product.MIS: 0, Product.CNC: 10}
        after = stage.broker.funds()
        assert before.cash is not None
        assert after.cash == before.cash - D("15000.50")
        assert stage.broker.convert(Conversion(INFY, Side.BUY, 1, Product.MIS, Product.CNC)).outcome is Outcome.REFUSED


class TestDay:
    def test_orders_of_the_day_expire_at_the_close_and_the_book_shows_it(self, stage: PaperStage) -> None:
        row = stage.placed(wish(price=D(1400)))
        stage.at("15:30")
        stage.advance()
        assert stage.row(row.broker_order_id).status is OrderStatus.EXPIRED

    def test_an_order_that_nobody_looked_at_for_days_is_shown_as_expired_when_somebody_does(self, stage: PaperStage) -> None:
        row = stage.placed(wish(price=D(1400)))
        stage.at("11:00", days=3)
        stage.advance()
        assert stage.row(row.broker_order_id).status is OrderStatus.EXPIRED
        assert stage.broker.funds().used == 0

    def test_an_amo_waits_for_the_open(self, stage: PaperStage) -> None:
        stage.at("17:00")
        row = stage.placed(wish(variety=Variety.AMO))
        assert (row.status, row.broker_status) == (OrderStatus.SENT, "AMO RECEIVED")
        stage.at("09:14", days=3)
        stage.advance()
        assert stage.row(row.broker_order_id).status is OrderStatus.SENT
        stage.at("09:15")
        stage.advance()
        assert stage.row(row.broker_order_id).status is OrderStatus.FILLED

    def test_intraday_positions_are_squared_off_and_intraday_orders_taken_back(self, stage: PaperStage) -> None:
        stage.placed(wish(10, product=Product.MIS))
        resting = stage.placed(wish(10, product=Product.MIS, price=D(1400)))
        stage.at("15:20")
        stage.advance()
        assert stage.row(resting.broker_order_id).status is OrderStatus.CANCELLED
        (position,) = stage.broker.positions().rows
        assert (position.quantity, position.buy_quantity, position.sell_quantity) == (0, 10, 10)
        own = [row for row in stage.broker.order_book().rows if not row.tag]
        assert [(row.side, row.quantity, row.status) for row in own] == [(Side.SELL, 10, OrderStatus.FILLED)]
        _, answer = stage.send(wish(product=Product.MIS))
        assert "15:20" in answer.text

    @pytest.mark.parametrize("clock", ["08:00", "11:00"])
    def test_a_square_off_that_nobody_was_there_for_ends_its_own_session(self, stage: PaperStage, clock: str) -> None:
        stage.placed(wish(10, product=Product.MIS))
        stage.at(clock, days=3)
        stage.quote(INFY, 1490)
        stage.advance()
        assert [row.quantity for row in stage.broker.positions().rows] == [0]
        (fill,) = stage.broker.fills().rows
        assert (fill.price, fill.filled_at) == (1490, datetime(2026, 11, 20, 10, tzinfo=UTC))

    def test_delivery_settles_on_the_day_after_and_counts_from_the_day_after_that(self, stage: PaperStage) -> None:
        stage.placed(wish(10))
        assert stage.broker.holdings().rows == ()
        for days, settled, on_its_way in ((1, 0, 10), (2, 0, 10), (1, 10, 0)):
            stage.at("10:00", days=days)
            stage.advance()
            assert stage.broker.positions().rows == ()
            (row,) = stage.broker.holdings().rows
            assert (row.quantity, row.t1_quantity, row.average_price) == (settled, on_its_way, D("1500.05"))

    def test_a_settlement_holiday_makes_it_a_day_later(self, stage: PaperStage) -> None:
        rests = SessionDay(date(2026, 11, 23), Exchange.NSE, SessionKind.SETTLEMENT_ONLY)
        stage.calendar = Calendar(DayTable([rests], beneath=every_weekday))
        stage.placed(wish(10))
        seen = []
        for days in (3, 1, 1):
            stage.at("10:00", days=days)
            stage.advance()
            seen.append(stage.broker.holdings().rows[0].quantity)
        assert seen == [0, 0, 10]

    def test_beyond_the_end_of_the_calendar_nothing_settles(self, stage: PaperStage) -> None:
        ends = SessionDay(date(2026, 11, 20), Exchange.NSE, SessionKind.COMPLETE)
        stage.calendar = Calendar(DayTable([ends]))
        stage.placed(wish(10))
        stage.at("10:00", days=6)
        stage.advance()
        assert (stage.broker.holdings().rows[0].quantity, stage.broker.holdings().rows[0].t1_quantity) == (0, 10)

    def test_shares_sold_from_holdings_show_as_a_position_until_the_night(self, stage: PaperStage) -> None:
        stage.placed(wish(10))
        stage.at("10:00", days=3)
        stage.advance()
        stage.quote(INFY, 1600)
        stage.placed(sold(4))
        assert stage.broker.holdings().rows[0].total == 10
        (position,) = stage.broker.positions().rows
        assert (position.quantity, position.average_price) == (-4, D("1599.95"))
        stage.at("10:00", days=1)
        stage.advance()
        assert stage.broker.holdings().rows[0].total == 6

    def test_a_future_is_carried_and_settled_when_it_expires(self, stage: PaperStage) -> None:
        stage.placed(wish(75, listing=FUTURE))
        stage.at("10:00", days=3)
        stage.advance()
        (row,) = stage.broker.positions().rows
        assert (row.quantity, row.overnight_quantity) == (75, 75)
        stage.at("15:31", days=1)
        stage.quote(FUTURE, 25100)
        stage.advance()
        (row,) = stage.broker.positions().rows
        assert (row.quantity, row.realised) == (0, 75 * (D(25100) - D("25000.1")))
