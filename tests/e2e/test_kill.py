"""The kill switch in the whole product: a real worker cancels, closes and verifies while the person looks on."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from sigma.cli.demo.stage import Stage
from sigma.domain.orders import OrderStatus
from tests.e2e.app import Person, eventually

Come = Callable[..., Person]
MAIN = "zerodha-main"


def bought(stage: Stage, listing: str, quantity: int) -> None:
    """Buy at the market for intraday and wait until it is there."""
    order = stage.desk.orders.submit(account=MAIN, listing=listing, side="BUY", quantity=quantity, product="MIS")
    eventually(lambda: stage.desk.orders.get(order.id).status is OrderStatus.FILLED)


def resting(stage: Stage, listing: str) -> int:
    """Leave an order that is too low to execute."""
    last = float(stage.desk.quotes([listing])["last_price"].iloc[0])
    price = round(last * 0.97)
    order = stage.desk.orders.submit(
        account=MAIN, listing=listing, side="BUY", quantity=1, order_type="LIMIT", price=price, product="MIS"
    )
    eventually(lambda: stage.desk.orders.get(order.id).status is OrderStatus.OPEN)
    return order.id


@pytest.mark.parametrize("wide", [True, pytest.param(False, marks=pytest.mark.campaign)])
def test_a_person_stops_everything_and_sees_it_flat_and_verified(person: Come, stage: Stage, tmp_path: Path, wide: bool) -> None:
    stage.desk.settings.set("kill.retry_after", 0.5)
    for listing in ("NSE:INFY", "NSE:SBIN", "NSE:ITC"):
        bought(stage, listing, 2)
    left = [resting(stage, listing) for listing in ("NSE:INFY", "NSE:SBIN", "NSE:TCS", "NSE:RELIANCE")]
    for name in stage.desk.accounts.table()["name"]:
        stage.desk.positions(name, refresh=True)
    visitor = person(**({} if wide else {"narrow": True}))
    page = visitor.open("/positions")
    visitor.key("kill").get_by_role("button").wait_for()
    page.keyboard.press("Shift+K")
    dialog = visitor.dialog()
    expect(dialog).to_contain_text("Stop trading on 2 accounts?")
    expect(dialog).to_contain_text("Block, cancel 4 orders, and close 3 positions at the market")
    dialog.get_by_text("Block, cancel 4 orders").click()
    dialog.get_by_label("Reason").fill("enough for today")
    dialog.get_by_label("Type STOP to go on").fill("STOP")
    dialog.get_by_label("Type STOP to go on").press("Enter")
    page.screenshot(path=tmp_path / "dialog.png")
    dialog.get_by_role("button", name="Stop trading").click()
    visitor.sees("Trading is stopped")
    page.screenshot(path=tmp_path / "going.png")
    expect(page.get_by_text("flat, verified by two reads")).to_have_count(2, timeout=90_000)
    page.screenshot(path=tmp_path / "flat.png")
    visitor.no_exception()
    assert {stage.desk.orders.get(number).status for number in left} == {OrderStatus.CANCELLED}
    held = stage.desk.positions(MAIN, refresh=True)
    assert not held["quantity"].any()
    assert set(stage.desk.kill_runs()["verdict"].head(2)) == {"FLAT"}
    visitor.press("Allow again")
    dialog.get_by_label("Reason for allowing it again").fill("calm again")
    dialog.get_by_label("Reason for allowing it again").press("Enter")
    dialog.get_by_role("button", name=re.compile("^Allow trading")).click()
    expect(page.get_by_text("is stopped")).to_have_count(0, timeout=60_000)
    assert not stage.desk.risk.kills()
