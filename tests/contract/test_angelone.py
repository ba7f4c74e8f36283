"""AngelOne keeps the contract."""

from __future__ import annotations

import pytest

from sigma.domain.errors import InvalidInput, SessionExpired, Unsupported
from sigma.domain.orders import Outcome
from tests.contract.stage import Stage, buy, new_tag
from tests.contract.suite import BrokerContract
from tests.contract.triggers import DIP, wished

BROKER = "angelone"
pytestmark = pytest.mark.filterwarnings("ignore:ssl.OP_NO:DeprecationWarning")


class TestAngelOne(BrokerContract):
    def test_the_plain_text_403_is_a_refusal_for_rate_and_a_429_proves_nothing(self, stage: Stage) -> None:
        stage.control.fault("text_403", broker=BROKER)
        answer = stage.broker.place(buy(), new_tag())
        assert (answer.outcome, answer.rate_limited) == (Outcome.REFUSED, True)
        stage.control.fault("json_429", broker=BROKER)
        answer = stage.broker.place(buy(), new_tag())
        assert (answer.outcome, answer.rate_limited) == (Outcome.UNKNOWN, False)

    def test_no_triggers_are_kept_there(self, stage: Stage) -> None:
        with pytest.raises(Unsupported):
            stage.broker.gtts()
        assert stage.broker.place_gtt(wished(DIP)).outcome is Outcome.NOT_SENT
        assert stage.broker.modify_gtt(wished(DIP)).outcome is Outcome.NOT_SENT
        assert stage.broker.cancel_gtt(wished(DIP)).outcome is Outcome.NOT_SENT

    def test_there_is_no_login_page(self, stage: Stage) -> None:
        with pytest.raises(Unsupported):
            stage.login().login_url()

    def test_the_program_logs_in_with_the_code_of_the_moment(self, stage: Stage) -> None:
        session, profile = stage.login(pin=stage.account["pin"], totp_secret=stage.account["totp_secret"]).auto_login()
        assert session.client_id == profile.client_id == stage.client_id
        assert session.tokens.keys() == {"jwt", "refresh", "feed"}
        assert not session.tokens["jwt"].startswith("Bearer")

    def test_a_login_is_renewed_by_its_refresh_token(self, stage: Stage) -> None:
        session = stage.connect()
        renewed = stage.login().renew(session)
        assert renewed.client_id == stage.client_id
        assert renewed.tokens.keys() == {"jwt", "refresh", "feed"}
        assert stage.broker_of(renewed).profile().client_id == stage.client_id

    @pytest.mark.parametrize("field", ["pin", "otp"])
    def test_a_wrong_pin_or_code_is_refused_without_being_repeated(self, stage: Stage, field: str) -> None:
        wrong = stage.given() | {field: "987654"}
        with pytest.raises(SessionExpired) as caught:
            stage.login().connect(wrong)
        assert "987654" not in str(caught.value)

    def test_the_login_of_a_client_that_the_account_is_not_is_refused(self, stage: Stage) -> None:
        session = stage.connect()
        wrong = stage.login(client_code=stage.other["client_id"])
        with pytest.raises(InvalidInput, match=stage.client_id):
            wrong.connect({"access_token": session.tokens["jwt"]})

    def test_a_secret_that_is_no_base32_text_is_said_to_be_none(self, stage: Stage) -> None:
        with pytest.raises(InvalidInput) as caught:
            stage.login(pin="1234", totp_secret="not!base32").auto_login()
        assert "not!base32" not in str(caught.value)
