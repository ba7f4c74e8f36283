"""Signals from a notebook: what the webhook can do, `desk.signals` can."""

from __future__ import annotations

from pathlib import Path

import pytest

import sigma
from sigma.bootstrap import prepare
from sigma.domain.errors import Denied
from tests.gateway.intake_house import open_intake_house


def test_desk_receives_a_message_and_lists_it(tmp_path: Path) -> None:
    with open_intake_house(tmp_path / "home"):
        secret = prepare(tmp_path / "home").webhook_secret
    assert secret is None, "the house has one already"
    desk = sigma.open(home=tmp_path / "home")
    try:
        secret = desk.signals.rotate_secret()
        message = {"symbol": "NSE:INFY", "order_action": "BUY", "quantity": 5, "strategy": "notebook"}
        receipt = desk.signals.receive(message, secret=secret)
        assert receipt.status == "accepted"
        assert desk.signals.receive({"secret": secret} | message).order_ids == receipt.order_ids
        with pytest.raises(Denied):
            desk.signals.receive(message, secret="wrong")
        table = desk.signals.table()
        assert list(table["status"]) == ["DEDUPED", "ACCEPTED"]
        assert set(table["strategy"]) == {"notebook"}
        assert list(desk.orders.queue()["id"]) == list(receipt.order_ids)
        assert desk.signals.has_secret()
    finally:
        desk.close()
