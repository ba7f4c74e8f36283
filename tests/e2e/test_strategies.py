"""Strategies in the whole product: from the builder to a fill by a person's yes, and by itself on two accounts."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from sigma.cli.demo.stage import Stage
from tests.e2e.app import Person, eventually
from tests.e2e.test_approve import LONG_MS, approve, at_exchange

Come = Callable[..., Person]
MAIN, SMALL = "zerodha-main", "angel"
SIZES = pytest.mark.parametrize("narrow", [False, pytest.param(True, marks=pytest.mark.campaign)], ids=["wide", "narrow"])


def takes(visitor: Person, name: str, *words: str) -> Locator:
    """Open the page with a strategy ticked, and return the bar that names it."""
    visitor.open(f"/strategies?strategy={name}")
    bar = visitor.key("acts-strategies").filter(has_text=name)
    bar.wait_for()
    for word in words:
        expect(bar).to_contain_text(word)
    return bar


def sends(visitor: Person, bar: Locator, action: str, quantity: int, *, real: bool = False) -> None:
    """Send a test message for NSE:INFY, and wait for its answer."""
    visitor.press("Send test", bar)
    dialog = visitor.dialog()
    dialog.get_by_label("Listing").fill("INFY")
    dialog.get_by_role("button", name="NSE:INFY ").click()
    dialog.get_by_role("button", name="Change").wait_for()
    if action != "BUY":
        pick(visitor, "Action", action)
    visitor.enter("Quantity", str(quantity), dialog)
    if real:
        dialog.get_by_text("I know that real orders go out").click()
    dialog.get_by_role("button", name=re.compile(f"^Send {action} {quantity} NSE:INFY$")).click()
    expect(dialog).to_contain_text("✓ Accepted", timeout=LONG_MS)


def pick(visitor: Person, label: str, option: str) -> None:
    """Choose an option of a list in the dialog."""
    visitor.dialog().get_by_role("combobox", name=label).click()
    visitor.page.get_by_role("option", name=option, exact=True).click()


def more(visitor: Person, bar: Locator, act: str) -> None:
    visitor.press("More", bar)
    visitor.page.get_by_role("menuitem", name=act).or_(visitor.page.get_by_role("option", name=act)).first.click()


@SIZES
def test_from_the_builder_over_a_test_alert_and_the_queue_to_a_fill(
    person: Come, stage: Stage, tmp_path: Path, narrow: bool
) -> None:
    name, quantity = ("Dip", 71) if narrow else ("ORB", 72)
    visitor = person(narrow=narrow)
    page = visitor.open("/strategies")
    visitor.press("New")
    dialog = visitor.dialog()
    visitor.enter("Name", name, dialog)
    visitor.enter("Description", "Bought low", dialog)
    dialog.get_by_role("combobox", name="Accounts").click()
    page.get_by_role("option", name=re.compile(MAIN)).click()
    page.keyboard.press("Escape")
    expect(dialog.get_by_label(re.compile(f"Multiplier on .*{MAIN}"))).to_have_value("1")
    page.screenshot(path=tmp_path / "drawer.png")
    visitor.press("Make strategy", dialog)
    dialog.wait_for(state="detached", timeout=LONG_MS)
    bar = takes(visitor, name, "MANUAL", MAIN)
    more(visitor, bar, "Edit")
    expect(dialog.get_by_label("Description")).to_have_value("Bought low")
    page.screenshot(path=tmp_path / "edit.png")
    visitor.press("Save", dialog)
    dialog.wait_for(state="detached", timeout=LONG_MS)
    visitor.press("Payload", bar)
    expect(dialog).to_contain_text(f'"strategy_name": "{name}"')
    expect(dialog).to_contain_text("/webhook/tradingview")
    pick(visitor, "Form", "Meta, signal, hints")
    expect(dialog).to_contain_text('"meta"')
    page.screenshot(path=tmp_path / "payload.png")
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    sends(visitor, bar, "BUY", quantity)
    expect(dialog).to_contain_text("◔ Waiting")
    page.screenshot(path=tmp_path / "sent.png")
    visitor.press("Close", dialog)
    visitor.open("/queue")
    visitor.press("Approve", visitor.take("queue", f"BUY {quantity} NSE:INFY", "NSE:INFY", str(quantity)))
    expect(visitor.dialog()).to_contain_text("Margin")
    page.keyboard.press("Escape")
    visitor.dialog().wait_for(state="detached")
    waiting = visitor.take("queue", f"BUY {quantity} NSE:INFY", "NSE:INFY", str(quantity))
    approve(visitor, waiting, MAIN, f"BUY {quantity} NSE:INFY")
    expect(visitor.key("queue-approved")).to_contain_text("● Filled", timeout=LONG_MS)
    (order,) = at_exchange(stage, MAIN, quantity=quantity)
    assert order["filled"] == quantity
    takes(visitor, name, "MANUAL")
    expect(visitor.key("acts-strategies").get_by_role("button", name="Exit now")).to_be_visible(timeout=LONG_MS)
    visitor.no_exception()


@SIZES
def test_by_itself_on_two_accounts_one_of_which_may_only_leave(person: Come, stage: Stage, tmp_path: Path, narrow: bool) -> None:
    name, quantity = ("Both2", 81) if narrow else ("Both", 82)
    stage.desk.settings.set("kill.retry_after", 0.5)
    stage.desk.strategies.add(name, accounts=[MAIN, SMALL])
    stage.desk.accounts.update(SMALL, trading_mode="EXIT_ONLY")
    visitor = person(narrow=narrow)
    bar = takes(visitor, name, "MANUAL", "EXIT_ONLY")
    page, dialog = visitor.page, visitor.dialog()
    more(visitor, bar, "Set to AUTO")
    expect(dialog).to_contain_text(f"Let {name} execute by itself?")
    expect(dialog).to_contain_text("EXIT_ONLY")
    expect(dialog).to_contain_text("no limit is set")
    page.screenshot(path=tmp_path / "auto.png")
    visitor.press(f"Set {name} to AUTO", dialog)
    dialog.wait_for(state="detached", timeout=LONG_MS)
    bar = takes(visitor, name, "AUTO")
    sends(visitor, bar, "BUY", quantity, real=True)

    def told() -> bool:
        visitor.press("Look again", dialog)
        text = dialog.inner_text()
        return "● Filled" in text and "✕ Risk stopped" in text

    eventually(told)
    page.screenshot(path=tmp_path / "became.png")
    visitor.press("Close", dialog)
    (order,) = at_exchange(stage, MAIN, quantity=quantity)
    assert order["filled"] == quantity
    assert not at_exchange(stage, SMALL, quantity=quantity)
    bar = takes(visitor, name, "AUTO")
    visitor.press("Exit now", bar)
    expect(dialog).to_contain_text(f"SELL {quantity} NSE:INFY MIS, about ₹")
    page.screenshot(path=tmp_path / "exit.png")
    visitor.press("Exit 1 position", dialog)
    dialog.wait_for(state="detached", timeout=LONG_MS)
    eventually(lambda: stage.desk.strategies.positions(name).empty, 60)
    expect(visitor.key("acts-strategies").get_by_role("button", name="Resume")).to_be_visible(timeout=LONG_MS)
    visitor.sees("It holds nothing.")
    page.screenshot(path=tmp_path / "page.png")
    visitor.no_exception()
    stage.desk.accounts.update(SMALL, trading_mode="NORMAL")
