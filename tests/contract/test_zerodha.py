"""Zerodha keeps the contract."""

from __future__ import annotations

import pytest

from sigma.domain.errors import Unsupported
from sigma.domain.orders import OrderType, Outcome
from tests.contract.stage import Stage, buy, new_tag
from tests.contract.suite import BrokerContract
from tests.contract.triggers import TriggerContract

BROKER = "zerodha"


class TestZerodha(BrokerContract, TriggerContract):
    def test_a_json_429_is_a_refusal_for_rate_and_a_text_proves_nothing(self, stage: Stage) -> None:
        stage.control.fault("json_429", broker=BROKER)
        answer = stage.broker.place(buy(), new_tag())
        assert (answer.outcome, answer.rate_limited) == (Outcome.REFUSED, True)
        stage.control.fault("text_403", broker=BROKER)
        answer = stage.broker.place(buy(), new_tag())
        assert (answer.outcome, answer.rate_limited) == (Outcome.UNKNOWN, False)

    def test_the_login_page_is_the_brokers_own(self, stage: Stage) -> None:
        assert stage.login().login_url() == f"{stage.server.url}/connect/login?api_key={stage.account['api_key']}&v=3"

    def test_the_program_never_logs_in_by_itself(self, stage: Stage) -> None:
        with pytest.raises(Unsupported):
            stage.login().auto_login()

    def test_a_session_without_a_refresh_token_cannot_be_renewed(self, stage: Stage) -> None:
        with pytest.raises(Unsupported):
            stage.login().renew(stage.connect())

    def test_a_market_order_without_protection_is_refused(self, stage: Stage) -> None:
        request = buy(order_type=OrderType.MARKET, price=None)
        answer = stage.broker.place(request, new_tag())
        assert answer.outcome is Outcome.REFUSED
        assert "market protection" in answer.text
