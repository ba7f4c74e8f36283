"""The contract: what orders would hold and cost, asked before anybody places them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from sigma.domain.errors import BrokerUnavailable, NotFound, RateLimited, SessionExpired, Unsupported
from sigma.domain.instruments import Kind
from sigma.domain.orders import OrderRequest, OrderStatus, OrderType, Product, Side
from sigma.simulator.securities import Security
from tests.contract.stage import Stage, buy

PAISA = Decimal("0.01")


class PreviewContract:
    """Margin and charges."""

    def test_the_capabilities_say_that_both_are_estimated(self, stage: Stage) -> None:
        assert stage.kit.capabilities.margin_preview
        assert stage.kit.capabilities.charges_preview

    def test_margin_of_one_order_is_what_the_broker_would_hold(self, stage: Stage) -> None:
        intraday = stage.broker.margin([buy(5)])
        assert (intraday.total, intraday.final_total, intraday.benefit) == (Decimal(1200), Decimal(1200), Decimal(0))
        assert stage.broker.margin([buy(5, product=Product.CNC)]).final_total == Decimal(6000)
        assert (intraday.span, intraday.exposure, intraday.option_premium) == (None, None, None)

    def test_a_market_order_is_held_at_the_last_price(self, stage: Stage) -> None:
        request = buy(5, order_type=OrderType.MARKET, price=None, product=Product.CNC, market_protection=Decimal(-1))
        assert stage.broker.margin([request]).final_total == Decimal(7250)

    def test_a_basket_is_told_with_its_benefit(self, stage: Stage) -> None:
        sold, bought = (self._option(stage, sold, Side.SELL if sold else Side.BUY) for sold in (True, False))
        together = stage.broker.margin([bought, sold])
        alone = stage.broker.margin([bought]).final_total + stage.broker.margin([sold]).final_total
        assert together.total - alone < PAISA
        assert together.benefit > 0
        assert together.final_total == together.total - together.benefit
        assert together.span is not None
        assert together.option_premium is not None

    def test_an_exit_that_needs_nothing_is_not_told_to_need_zero(self, stage: Stage) -> None:
        order, _ = stage.placed(buy(3, "NSE:TCS", order_type=OrderType.MARKET, price=None, market_protection=Decimal(-1)))
        stage.row(order, lambda row: row.status is OrderStatus.FILLED)
        leaving = OrderRequest("NSE:TCS", Side.SELL, 3, OrderType.LIMIT, Product.MIS, price=Decimal(5000))
        with pytest.raises(BrokerUnavailable, match="names no margin that can be used") as caught:
            stage.broker.margin([leaving])
        assert not caught.value.retryable

    def test_charges_are_told_in_parts_that_add_up(self, stage: Stage) -> None:
        bought = stage.broker.charges([(buy(10, product=Product.CNC), Decimal(1450))])
        assert abs(bought.stt - Decimal("14.50")) < PAISA
        assert abs(bought.stamp - Decimal("2.175")) < PAISA
        assert abs(bought.transaction - Decimal("0.44515")) < PAISA
        assert bought.brokerage == 0
        assert abs(bought.gst - (bought.sebi + bought.transaction) * Decimal("0.18")) < PAISA
        sold = stage.broker.charges([(buy(10, side=Side.SELL), Decimal(1450))])
        assert (sold.stamp, abs(sold.stt - Decimal("3.625")) < PAISA) == (0, True)
        both = stage.broker.charges([(buy(10, product=Product.CNC), Decimal(1450)), (buy(10, side=Side.SELL), Decimal(1450))])
        assert abs(both.total - bought.total - sold.total) < PAISA

    @pytest.mark.parametrize("what", ["margin", "charges"])
    def test_what_is_asked_of_nothing_of_too_much_or_of_a_stranger_is_refused_here(self, stage: Stage, what: str) -> None:
        most = stage.kit.capabilities.preview_batch
        for requests in ([], [buy()] * (most + 1), [buy(listing="MCX:GOLD26DECFUT")]):
            with pytest.raises(Unsupported):
                self._ask(stage, what, requests)
        with pytest.raises(NotFound):
            self._ask(stage, what, [buy(listing="NSE:NOSUCH")])

    @pytest.mark.parametrize("what", ["margin", "charges"])
    @pytest.mark.parametrize("kind", ["drop_before_commit", "html_504", "garbage", "http_400_timeout"])
    def test_no_answer_and_garbage_are_no_amount(self, stage: Stage, what: str, kind: str) -> None:
        stage.control.fault(kind, broker=stage.name, endpoint=what)
        with pytest.raises(BrokerUnavailable):
            self._ask(stage, what, [buy()])
        assert self._ask(stage, what, [buy()]) is not None

    @pytest.mark.parametrize("what", ["margin", "charges"])
    def test_a_refusal_for_rate_and_an_ended_login_say_so(self, stage: Stage, what: str) -> None:
        stage.control.fault("json_429" if stage.name == "zerodha" else "text_403", broker=stage.name, endpoint=what)
        with pytest.raises(RateLimited):
            self._ask(stage, what, [buy()])
        stage.control.fault("expired_session", broker=stage.name, endpoint=what)
        with pytest.raises(SessionExpired):
            self._ask(stage, what, [buy()])

    def test_no_preview_is_a_write(self, stage: Stage) -> None:
        writes = len(stage.control.get("writes"))
        for what in ("margin", "charges"):
            self._ask(stage, what, [buy(), replace(buy(), listing="NSE:TCS")])
        assert len(stage.control.get("writes")) == writes

    def _ask(self, stage: Stage, what: str, requests: list[OrderRequest]) -> object:
        if what == "margin":
            return stage.broker.margin(requests)
        return stage.broker.charges([(request, Decimal(1450)) for request in requests])

    def _option(self, stage: Stage, nearer: bool, side: Side) -> OrderRequest:
        """Return an order for one of two calls of the same expiry."""
        calls: dict[object, list[Security]] = {}
        for security in stage.server.exchange.universe:
            if security.kind is Kind.OPTION and security.option_type == "CE":
                calls.setdefault((security.underlying, security.expiry), []).append(security)
        pair = next(iter(calls.values()))[:2]
        chosen = pair[0] if nearer else pair[1]
        return OrderRequest(chosen.listing, side, chosen.lot, OrderType.LIMIT, Product.NRML, price=Decimal("900"))
