"""Paper accounts: their money, and what connecting, restarting and dying do to them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from sigma.adapters.paper import KIT
from sigma.domain.errors import BrokerUnavailable, InvalidInput, Unsupported
from sigma.domain.orders import Product, Side
from sigma.domain.paper import PaperRules
from sigma.store.store import SqlStore
from tests.adapters.paper_house import CALL, FUTURE, INFY, TCS, PaperStage, add_account, open_books, wish

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


class TestMoney:
    def test_delivery_is_paid_in_full_and_charged(self, stage: PaperStage) -> None:
        stage.placed(wish(10))
        funds = stage.broker.funds()
        charged = stage.state.book.charges
        assert charged == stage.broker.charges([(wish(10), D("1500.05"))]).total > 0
        assert (funds.cash, funds.used) == (1_000_000 - D("15000.50") - charged, 0)
        assert funds.total == funds.available + funds.used

    def test_partial_executions_are_charged_as_one_order(self, stage: PaperStage) -> None:
        stage.quote(INFY, 1500, 2)
        stage.placed(wish(10, price=D("1500.25"), product=Product.MIS))
        average = stage.broker.order_book().rows[0].average_price
        assert average is not None
        assert stage.state.book.charges == stage.broker.charges([(wish(10, product=Product.MIS), average)]).total

    def test_intraday_holds_a_fifth(self, stage: PaperStage) -> None:
        stage.placed(wish(10, product=Product.MIS))
        funds = stage.broker.funds()
        assert funds.used == D("15000.50") / 5
        assert funds.cash == 1_000_000 - stage.state.book.charges

    def test_an_open_loss_cannot_be_used(self, stage: PaperStage) -> None:
        stage.placed(wish(100, product=Product.MIS))
        before = stage.broker.funds().available
        stage.quote(INFY, 1400)
        after = stage.broker.funds()
        assert after.m2m_unrealized == 100 * (1400 - D("1500.05"))
        assert after.available == before + after.m2m_unrealized + D("5.00")
        stage.quote(INFY, 1600)
        assert stage.broker.funds().available == before + D("5.00")

    def test_a_bought_option_costs_its_premium_and_a_written_one_holds_margin(self, stage: PaperStage) -> None:
        stage.placed(wish(75, listing=CALL))
        assert stage.broker.funds().cash == 1_000_000 - 75 * D("200.05") - stage.state.book.charges
        stage.placed(wish(150, listing=CALL, side=Side.SELL))
        (row,) = stage.broker.positions().rows
        assert (row.quantity, row.realised) == (-75, 75 * D("-0.10"))
        assert stage.broker.funds().used == (25000 + D("199.95")) * 75 * D("0.15")

    def test_a_preview_counts_what_is_held(self, stage: PaperStage) -> None:
        stage.placed(wish(75, listing=FUTURE))
        leaving = stage.broker.margin([wish(75, listing=FUTURE, side=Side.SELL, price=D(25100))])
        assert (leaving.total, leaving.final_total) == (25100 * 75 * D("0.15"), 0)
        with pytest.raises(Unsupported):
            stage.broker.margin([])
        with pytest.raises(BrokerUnavailable, match="lot size"):
            stage.broker.margin([wish(10, listing=FUTURE)])


class TestAccount:
    def test_connecting_asks_for_nothing_and_does_not_end(self, stage: PaperStage) -> None:
        login = KIT.authenticator({}, stage.context)
        session, profile = login.connect({})
        assert session.client_id == profile.client_id == f"PAPER{stage.account.id}"
        assert session.expires_at > datetime(2099, 1, 1, tzinfo=UTC)
        assert (profile.name, dict(session.tokens)) == ("Asha", {})
        with pytest.raises(InvalidInput):
            login.connect({"access_token": "x"})
        with pytest.raises(Unsupported):
            login.login_url()

    def test_connecting_again_keeps_the_book(self, stage: PaperStage) -> None:
        stage.placed(wish(10))
        cash = stage.broker.funds().cash
        stage.rules = PaperRules(start_cash=D(5))
        assert stage.broker.funds().cash == cash

    def test_what_died_before_the_commit_left_nothing_and_after_it_is_found_by_its_tag(self, stage: PaperStage) -> None:
        class Died(BaseException):
            """The process is gone."""

        class Dies:
            def __init__(self, point: str) -> None:
                self.point = point

            def reached(self, point: str) -> None:
                if point == self.point:
                    raise Died

        def tags() -> list[str]:
            return [row.tag for row in stage.broker.order_book().rows]

        stage.probe = Dies("bytes_left")
        with pytest.raises(Died):
            stage.broker.place(wish(), "NEVERCAME")
        assert tags() == []
        stage.probe = Dies("answer_arrived")
        with pytest.raises(Died):
            stage.broker.place(wish(), "CAME")
        assert tags() == ["CAME"]

    def test_a_book_is_nobody_else_s(self, store: SqlStore, stage: PaperStage) -> None:
        other = PaperStage(store, add_account(store, f"Paper {next(_names)}"))
        stage.placed(wish(10, listing=TCS))
        assert other.broker.order_book().rows == ()
        assert other.broker.funds().cash == 1_000_000
