"""What a person does with orders: approve, edit, place, change and take back; and what they see when something goes wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from sigma.cli.demo.stage import ACCOUNTS, Stage
from tests.e2e.app import Person, eventually

pytestmark = pytest.mark.timeout(300)
Come = Callable[..., Person]
LONG_MS = 60_000
UNKNOWN_CELL = "? Unknown  checking"  # a screen reader gets the chip without its comma


@pytest.fixture(autouse=True)
def _calm(stage: Stage) -> Iterator[None]:
    """Leave no fault to the next test."""
    yield
    stage.exchange.clear_faults()


def at_exchange(stage: Stage, account: str, **wanted: object) -> list[dict[str, Any]]:
    """Return the orders of an account that really are at its exchange."""
    _, client = ACCOUNTS[account]
    orders = stage.exchange.get("orders", client_id=client)
    return [one for one in orders if all(one[name] == value for name, value in wanted.items())]


def approve(visitor: Person, bar: Locator, account: str, what: str) -> None:
    """Press Approve for what is ticked, choose the account, and say yes to exactly that."""
    visitor.press("Approve", bar)
    visitor.choose(account, visitor.dialog())
    visitor.press(f"Approve {what} on {account}", visitor.dialog())
    visitor.dialog().wait_for(state="detached", timeout=LONG_MS)


def alert_approved(
    visitor: Person, stage: Stage, account: str, listing: str, side: str, quantity: int, **details: object
) -> None:
    """Let an alert come to the open queue, and approve it there."""
    assert stage.alert(listing, side, quantity, **details).status_code == 201
    bar = visitor.take("queue", f"{side} {quantity} {listing}", listing, str(quantity))
    approve(visitor, bar, account, f"{side} {quantity} {listing}")


def orders_of(visitor: Person, account: str, group: str) -> None:
    """Look at one group of an account's orders."""
    visitor.open(f"/orders?account={account}")
    visitor.choose(group)


def ticket(visitor: Person, account: str, quantity: int, price: str = "") -> Locator:
    """Fill in an order to buy NSE:INFY on the Orders page, and return the button that sends it."""
    visitor.press("New")
    drawer = visitor.dialog()
    drawer.get_by_label("Listing").fill("INFY")
    drawer.get_by_role("button", name="NSE:INFY ").click()
    visitor.enter("Quantity", str(quantity), drawer)
    if price:
        visitor.enter("Price ₹", price, drawer)
    visitor.choose(account, drawer)
    at = f"{float(price):,.2f}" if price else ".*"
    return drawer.get_by_role("button", name=re.compile(rf"^BUY {quantity} NSE:INFY at {at}, {account}$"))


def test_an_alert_waits_in_the_queue_and_is_filled_on_whichever_account_says_yes(person: Come, stage: Stage) -> None:
    visitor = person()
    visitor.open("/queue")
    visitor.sees("Nothing waits for your yes.")
    for number, account in enumerate(ACCOUNTS):
        alert_approved(visitor, stage, account, "NSE:INFY", "BUY", 11 + number, order_id=f"first-{number}")
        expect(visitor.key("queue-approved")).to_contain_text("● Filled", timeout=LONG_MS)
        expect(visitor.key("queue-approved")).to_contain_text(account)
    for number, account in enumerate(ACCOUNTS):
        quantity = 11 + number
        orders_of(visitor, account, "Filled")
        visitor.shows("NSE:INFY", "● Filled", "BUY", f"{quantity} / {quantity}")
        (order,) = at_exchange(stage, account, quantity=quantity)
        assert (order["listing"], order["side"], order["filled"]) == ("NSE:INFY", "BUY", quantity)
    visitor.no_exception()


def test_a_waiting_order_is_changed_another_cancelled_and_two_are_approved_together(person: Come, stage: Stage) -> None:
    visitor = person()
    visitor.open("/queue")
    for number, listing in enumerate(("NSE:SBIN", "NSE:INFY", "NSE:RELIANCE")):
        assert stage.alert(listing, "BUY", 21 + number, order_id=f"waits-{number}").status_code == 201
    bar = visitor.take("queue", "BUY 21 NSE:SBIN", "NSE:SBIN", "21")
    visitor.press("Edit", bar)
    visitor.enter("Quantity", "25", visitor.dialog())
    visitor.sees("quantity 21 → 25")
    visitor.press("Save", visitor.dialog())
    visitor.dialog().wait_for(state="detached")
    visitor.shows("NSE:SBIN", "25")
    visitor.take("queue", "BUY 25 NSE:SBIN", "NSE:SBIN", "25")

    visitor.open("/queue")
    bar = visitor.take("queue", "BUY 23 NSE:RELIANCE", "NSE:RELIANCE", "23")
    visitor.press("Cancel", bar)
    expect(visitor.dialog()).to_contain_text("was not sent")
    visitor.press("Cancel order", visitor.dialog())
    visitor.dialog().wait_for(state="detached")

    eventually(lambda: len(visitor.cells()) == 3)
    visitor.take("queue", "BUY 25 NSE:SBIN", "NSE:SBIN", "25")
    bar = visitor.take("queue", "2 orders", "NSE:INFY", "22")
    approve(visitor, bar, "angel", "2 orders")
    visitor.sees("Nothing waits for your yes.")
    eventually(lambda: all(at_exchange(stage, "angel", quantity=quantity, filled=quantity) for quantity in (25, 22)))
    everywhere = [one["quantity"] for account in ACCOUNTS for one in at_exchange(stage, account)]
    assert 21 not in everywhere
    assert 23 not in everywhere
    orders_of(visitor, "angel", "Filled")
    visitor.shows("NSE:SBIN", "● Filled", "25 / 25")
    visitor.shows("NSE:INFY", "● Filled", "22 / 22")


def test_an_order_whose_answer_was_lost_says_so_on_home_and_orders_and_finds_itself(person: Come, stage: Stage) -> None:
    visitor = person()
    visitor.open("/queue")
    stage.exchange.post("faults", kind="drop_after_commit", broker="zerodha", endpoint="place", times=1)
    stage.exchange.post("faults", kind="html_504", broker="zerodha", endpoint="book")
    stage.exchange.post("faults", kind="news_lost", broker="zerodha", endpoint="order_feed")
    alert_approved(visitor, stage, "zerodha-main", "NSE:INFY", "BUY", 31, order_id="lost")
    expect(visitor.key("queue-approved")).to_contain_text("? Unknown, checking", timeout=LONG_MS)
    orders_of(visitor, "zerodha-main", "Working")
    visitor.shows("NSE:INFY", UNKNOWN_CELL, "BUY", "0 / 31")
    visitor.choose("Attention")
    visitor.shows("NSE:INFY", UNKNOWN_CELL, "BUY", "0 / 31")
    visitor.open("/")
    visitor.sees("? 1 outcome unknown")
    visitor.sees("do not place it again")
    stage.exchange.clear_faults()
    expect(visitor.page.get_by_text("outcome unknown")).to_have_count(0, timeout=LONG_MS)
    orders_of(visitor, "zerodha-main", "Filled")
    visitor.shows("NSE:INFY", "● Filled", "BUY", "31 / 31")
    assert len(at_exchange(stage, "zerodha-main", quantity=31)) == 1


def test_what_the_exchange_says_against_an_order_is_shown_in_its_words(person: Come, stage: Stage) -> None:
    visitor, words = person(), "17070 : The price is out of the current execution range"
    visitor.open("/queue")
    stage.exchange.post("faults", kind="reject_in_book", broker="angelone", endpoint="place", times=1, args={"message": words})
    alert_approved(visitor, stage, "angel", "NSE:INFY", "BUY", 41, order_id="refused")
    expect(visitor.key("queue-approved")).to_contain_text("✕ Rejected", timeout=LONG_MS)
    expect(visitor.key("queue-approved")).to_contain_text(words)
    orders_of(visitor, "angel", "Attention")
    visitor.shows("NSE:INFY", "✕ Rejected", "0 / 41", words)
    visitor.press("Why", visitor.take("orders", "BUY 41 NSE:INFY", "0 / 41"))
    expect(visitor.dialog()).to_contain_text(words)
    expect(visitor.dialog()).to_contain_text("Our tag")


def test_what_is_filled_of_an_order_stays_when_the_rest_is_cancelled(person: Come, stage: Stage) -> None:
    visitor = person()
    stage.exchange.post("price", listing="NSE:TCS", price=3000, hold=True, rebase=True)
    stage.exchange.post("liquidity", listing="NSE:TCS", bid_quantity=4, ask_quantity=4)
    visitor.open("/queue")
    alert_approved(visitor, stage, "angel", "NSE:TCS", "BUY", 51, order_id="part", order_type="LIMIT", price=3000)
    orders_of(visitor, "angel", "Working")
    visitor.shows("NSE:TCS", "◑ Part filled", "4 / 51")
    visitor.press("Cancel", visitor.take("orders", "BUY 51 NSE:TCS", "4 / 51"))
    expect(visitor.dialog()).to_contain_text("4 already filled stay.")
    visitor.press("Cancel order", visitor.dialog())
    visitor.dialog().wait_for(state="detached")
    visitor.sees("No working orders on")
    visitor.choose("Ended")
    visitor.shows("NSE:TCS", "– Cancelled", "4 / 51")  # noqa: RUF001
    (order,) = at_exchange(stage, "angel", quantity=51)
    assert (order["filled"], order["cancelled"]) == (4, 47)


def test_a_double_click_places_one_order_which_can_be_changed_and_taken_back(person: Come, stage: Stage) -> None:
    visitor = person()
    visitor.open("/orders?account=zerodha-main")
    ticket(visitor, "zerodha-main", 61).dblclick()
    visitor.dialog().wait_for(state="detached")
    visitor.choose("Filled")
    visitor.shows("NSE:INFY", "● Filled", "61 / 61")

    price = stage.desk.quotes(["NSE:INFY"])["last_price"].iloc[0]
    low, lower = (f"{round(price * part):.2f}" for part in (0.95, 0.94))
    visitor.choose("Working")
    ticket(visitor, "zerodha-main", 62, low).click()
    visitor.dialog().wait_for(state="detached")
    visitor.shows("NSE:INFY", "○ Open", "0 / 62")

    visitor.press("Modify", visitor.take("orders", "BUY 62 NSE:INFY", "0 / 62"))
    visitor.enter("Quantity", "63", visitor.dialog())
    visitor.enter("Price ₹", lower, visitor.dialog())
    visitor.press("Ask the broker to change it", visitor.dialog())
    visitor.dialog().wait_for(state="detached")
    visitor.shows("NSE:INFY", "○ Open", "0 / 63")
    (order,) = at_exchange(stage, "zerodha-main", quantity=63)
    assert f"{order['price']:.2f}" == lower

    visitor.press("Cancel", visitor.take("orders", "BUY 63 NSE:INFY", "0 / 63"))
    visitor.press("Cancel order", visitor.dialog())
    visitor.dialog().wait_for(state="detached")
    visitor.sees("No working orders on")
    assert [one["status"] for one in at_exchange(stage, "zerodha-main", order_id=order["order_id"])] == ["CANCELLED"]
    assert len(at_exchange(stage, "zerodha-main", quantity=61)) == 1
