"""Brokers take writes only from a registered address: their refusal is told in words, and the doctor knows it."""

from __future__ import annotations

import pytest

from sigma.domain.answers import ADDRESS_REFUSED
from sigma.domain.health import Check, Mark
from sigma.domain.orders import OrderStatus
from tests.orders.stage import KITE, SMART, Stage

BOTH = pytest.mark.parametrize("account", [KITE, SMART])


def doctor(stage: Stage, account: str) -> Check:
    return next(check for check in stage.desk.ask(account) if check.what == "static IP")


@BOTH
def test_the_doctor_says_what_the_brokers_answers_say(stage: Stage, account: str) -> None:
    before = doctor(stage, account)
    assert (before.mark, before.account) == (Mark.NOTE, account)
    assert "not known" in before.words
    assert "developer page" in before.hint
    stage.executed(account)
    assert doctor(stage, account).mark is Mark.GOOD
    stage.exchange.post("config", allowed_ips=["203.0.113.7"])
    try:
        refused = stage.order(account)
        stage.send(account)
    finally:
        stage.exchange.post("config", allowed_ips=None)
    assert stage.get(refused).status is OrderStatus.REJECTED
    assert ADDRESS_REFUSED in stage.command(refused).text
    told = doctor(stage, account)
    assert (told.mark, told.since) == (Mark.BAD, stage.command(refused).answered_at)
    assert "address" in told.words
    stage.executed(account)
    assert doctor(stage, account).mark is Mark.GOOD, "it is registered now"


def test_the_doctor_writes_nothing(stage: Stage) -> None:
    doctor(stage, KITE)
    assert [entry for kind in ("place", "modify", "cancel") for entry in stage.requests(kind)] == []


def test_a_refusal_for_something_else_says_nothing_of_the_address(stage: Stage) -> None:
    stage.fault("expired_session", "place", spurious=True)
    order = stage.order()
    stage.send()
    assert ADDRESS_REFUSED not in stage.command(order).text
    stage.connect(KITE)
    assert doctor(stage, KITE).mark is Mark.NOTE
