"""The Risk page in the whole product: a limit is set, an order is stopped by it, the page says why; a stop is watched to flat."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from sigma.cli.demo.stage import Stage
from sigma.domain.orders import OrderStatus
from tests.e2e.app import Person, eventually

Come = Callable[..., Person]
MAIN, LISTING = "zerodha-main", "NSE:INFY"


@pytest.mark.parametrize("wide", [True, pytest.param(False, marks=pytest.mark.campaign)])
def test_a_limit_that_a_person_sets_stops_an_order_and_the_page_says_why(person: Come, stage: Stage, wide: bool) -> None:
    visitor = person(**({} if wide else {"narrow": True}))
    page = visitor.open(f"/risk?account={MAIN}")
    visitor.press("Edit limits")
    drawer = visitor.dialog()
    limit = "5,000" if wide else "4,000"
    visitor.enter("Order value ₹, at most", limit, drawer)
    expect(drawer).to_contain_text(f"₹{limit}.00, refuses")
    save = drawer.get_by_role("button", name="Save limits: Everything")
    expect(save).to_be_enabled()
    save.click()
    expect(drawer).to_have_count(0)
    if wide:
        visitor.shows("Order value ₹, at most", f"₹{limit}.00", "GLOBAL")
    assert [row.max_order_value for row in stage.desk.risk.limits()] == [int(limit.replace(",", ""))]
    order = stage.desk.orders.submit(account=MAIN, listing=LISTING, side="BUY", quantity=100, product="MIS")
    assert order.status is OrderStatus.REJECTED_RISK
    visitor.open(f"/risk?account={MAIN}")
    visitor.sees(f"Today: 0 allowed, {1 if wide else 2} stopped")
    visitor.take("risk-stopped", "MAX_VALUE", LISTING)
    visitor.press("Why")
    told = visitor.dialog()
    expect(told).to_contain_text("Stopped")
    expect(told).to_contain_text("MAX_VALUE")
    expect(told).to_contain_text("the same verdict")
    visitor.no_exception()
    page.keyboard.press("Escape")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_stop_from_the_page_is_watched_until_it_is_flat_and_verified(person: Come, stage: Stage) -> None:
    mine = stage.desk
    mine.risk.set()
    mine.settings.set("kill.retry_after", 0.5)
    order = mine.orders.submit(account=MAIN, listing=LISTING, side="BUY", quantity=3, product="MIS")
    done = eventually(lambda: (now := mine.orders.get(order.id)).status.final and now)
    assert done.status is OrderStatus.FILLED, (done.broker_reason, done.risk_note)
    for name in mine.accounts.table()["name"]:
        mine.positions(name, refresh=True)
    visitor = person()
    page = visitor.open(f"/risk?account={MAIN}")
    visitor.press("Stop trading")
    dialog = visitor.dialog()
    expect(dialog).to_contain_text("1 position about ₹")
    dialog.get_by_text("and close 1 position at the market").click()
    dialog.get_by_label("Reason").fill("enough for today")
    dialog.get_by_label("Type STOP to go on").fill("STOP")
    dialog.get_by_role("button", name="Stop trading on 2 accounts").click()
    visitor.sees("Trading is stopped")
    expect(page.get_by_text("flat, verified by two reads").first).to_be_visible(timeout=90_000)
    eventually(lambda: set(mine.kill_runs()["verdict"]) == {"FLAT"}, 90)
    assert not mine.positions(MAIN, refresh=True)["quantity"].any()
    stopped = visitor.key("risk-kills")
    expect(stopped).to_contain_text("enough for today")
    stopped.get_by_role("button", name="Re-arm").click()
    visitor.enter("Reason for allowing it again", "calm again", dialog)
    dialog.get_by_role("button", name=re.compile("^Allow trading")).click()
    visitor.sees("Kill switch: nothing is stopped.", 60)
    visitor.no_exception()
    assert not mine.risk.kills()
