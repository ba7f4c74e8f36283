"""Signals from a notebook: what the webhook can do, `desk.signals` can."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import sigma
from sigma.bootstrap import prepare
from sigma.domain.errors import Conflict, Denied
from sigma.domain.orders import OrderMode, OrderStatus, OrderType, Product, Side
from sigma.domain.signals import PLACE_OF_SECRET
from sigma.domain.strategies import OffHours
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


def test_the_alert_text_of_each_form_is_what_a_test_sends(tmp_path: Path) -> None:
    with open_intake_house(tmp_path / "home") as house:
        house.strategy("ORB", {"main": 1}, OrderMode.MANUAL)
    with sigma.open(home=tmp_path / "home") as desk:
        for version in ("NESTED", "FLAT", "SIGNAL", "SIGNAL_6"):
            text = json.dumps(desk.strategies.payload("orb", version=version, product="cnc"))
            assert PLACE_OF_SECRET in text
            assert "{{strategy.order.action}}" in text
            sent = desk.strategies.test("orb", listing="NSE:INFY", action="SELL", quantity=3, version=version)
            assert sent.status == "accepted", sent
            order = desk.orders.get(sent.order_ids[0])
            assert (order.request.side, order.request.quantity, order.strategy) == (Side.SELL, 3, "ORB")
            assert order.status is OrderStatus.WAITING
        assert list(desk.signals.shares(sent.id)["order_id"]) == list(sent.order_ids)
        assert next(iter(desk.signals.table()["shares"])) == f"main: order {sent.order_ids[0]}"


def test_strategies_are_made_changed_and_removed(tmp_path: Path) -> None:
    with open_intake_house(tmp_path / "home") as house:
        house.strategy("ORB", {"main": 1, "huf": 2}, OrderMode.MANUAL)
    with sigma.open(home=tmp_path / "home") as desk:
        made = desk.strategies.add("Second", accounts=["main"], product="CNC", order_type="LIMIT", off_hours="AMO")
        assert (made.product, made.order_type, made.off_hours) == (Product.CNC, OrderType.LIMIT, OffHours.AMO)
        desk.strategies.update("second", mode="auto", accounts={"huf": 0.5}, product="")
        table = desk.strategies.table().set_index("name")
        assert dict(table["accounts"]) == {"ORB": "main, huf x 2", "Second": "huf x 0.5"}
        assert dict(table["mode"]) == {"ORB": "MANUAL", "Second": "AUTO"}
        with pytest.raises(Conflict, match="would place real orders on huf"):
            desk.strategies.test("Second", listing="NSE:INFY")
        assert not desk.strategies.disable("second").enabled
        assert desk.strategies.enable("second").enabled
        desk.strategies.remove("second")
        assert list(desk.strategies.table()["name"]) == ["ORB"]
        assert list(desk.strategies.table(archived=True)["archived"]) == [False, True]
