"""Activity: a day's messages, orders, executions and events as one list, each leading to its story."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from pages.ui import table
from pages.ui.activity_rows import Day, moment, opened, timeline
from pages.ui.badges import Badge
from sigma.desk import Desk
from sigma.domain.errors import NotFound
from tests.orders.conftest import FRIDAY, server, stage, template
from tests.orders.stage import KITE, SMART, Stage
from tests.pages.signed_in import opened as page

__all__ = ["server", "stage", "template"]

BADGES = (
    Badge(1, KITE, "●", "blue", "connected", "NORMAL", True, True, "zerodha"),
    Badge(2, SMART, "■", "violet", "connected", "NORMAL", True, False, "angelone"),
)
SINCE, UNTIL = FRIDAY - timedelta(hours=5), FRIDAY + timedelta(hours=12)


def day(desk: Desk, account: str | None = None) -> Day:
    return Day(
        desk.signals.table(SINCE, None, until=UNTIL),
        desk.orders.table(account, since=SINCE, until=UNTIL),
        desk.orders.fills(account, SINCE, UNTIL),
        desk.events(account=account, since=SINCE, until=UNTIL, limit=None),
    )


def received(stage: Stage, quantity: int = 5) -> int:
    """Send a message and return the id of the order that it made."""
    secret = stage.desk.signals.rotate_secret()
    message = {"symbol": "NSE:INFY", "order_action": "BUY", "quantity": quantity, "product": "MIS", "strategy": "ORB"}
    (order_id,) = stage.desk.signals.receive(message, secret=secret).order_ids
    return order_id


def test_a_message_and_what_came_of_it_stand_in_the_order_they_happened(stage: Stage) -> None:
    order_id = received(stage)
    stage.desk.orders.approve(order_id, account=KITE)
    stage.send()
    stage.settled(stage.desk.orders.get(order_id))
    lines = timeline(day(stage.desk), BADGES)
    kinds = [kind for kind in lines["kind"] if kind != "Event"]
    assert kinds == ["Fill", "Order", "Signal"], "newest first, the cause below what it caused"
    order = lines[lines["kind"] == "Order"].iloc[0]
    assert (order["account"], order["state"], order["source"]) == (f"● {KITE}", "● Filled", "Webhook · ORB")
    assert order["what"] == "BUY 5 NSE:INFY MARKET MIS"
    assert lines[lines["kind"] == "Signal"].iloc[0]["state"] == "● Accepted"
    assert (lines["at"].diff().dropna() <= pd.Timedelta(0)).all()


def test_each_line_opens_the_story_it_belongs_to(stage: Stage) -> None:
    filled = stage.executed()
    received(stage)
    today = day(stage.desk)
    where = {key: opened(key, today) for key in timeline(today, BADGES).index}
    assert {value for key, value in where.items() if key.startswith("Fill")} == {("order", str(filled.id))}
    assert where[f"Order:{filled.id}"] == ("order", str(filled.id))
    assert where["Signal:1"] == ("signal", "1")
    assert {value for key, value in where.items() if key.startswith("Event")} == {None}


def test_with_an_account_only_its_orders_and_the_messages_they_came_from_are_listed(stage: Stage) -> None:
    order_id = received(stage)
    received(stage, quantity=7)
    stage.desk.orders.approve(order_id, account=SMART)
    stage.order(KITE)
    lines = timeline(day(stage.desk, SMART), BADGES, account=SMART)
    assert list(lines.index[lines["kind"] == "Order"]) == [f"Order:{order_id}"]
    assert list(lines["what"][lines["kind"] == "Signal"]) == ["BUY 5 NSE:INFY ORB"]


def test_what_risk_stopped_and_what_the_broker_refused_look_different(stage: Stage) -> None:
    stage.fault("reject_in_book", message="RMS says no")
    refused = stage.order()
    stage.send()
    stage.settled(refused)
    stage.desk.risk.set(scope="GLOBAL", max_order_value=1)
    stage.order()
    lines = timeline(day(stage.desk), BADGES)
    told = lines[lines["kind"] == "Order"]
    assert list(told["state"]) == ["✕ Risk stopped", "✕ Rejected"]
    assert told["why"].iloc[0].startswith("Risk: ")
    assert "RMS says no" in told["why"].iloc[1]
    assert not told["why"].iloc[1].startswith("Risk")


def test_a_message_is_found_by_its_number_with_its_text_and_its_orders(stage: Stage) -> None:
    order_id = received(stage)
    signal = stage.desk.signals.get(1)
    assert '"quantity":5' in signal.raw.replace(" ", "")
    assert list(stage.desk.orders.table(signal_id=1)["id"]) == [order_id]
    with pytest.raises(NotFound, match="no signal 2"):
        stage.desk.signals.get(2)


def test_a_day_has_what_happened_from_its_midnight_to_the_next(stage: Stage) -> None:
    received(stage)
    stage.executed()
    desk, now = stage.desk, stage.desk.now()
    login = "SESSION_CONNECTED"
    before = (desk.signals.table(until=SINCE), desk.orders.fills(until=SINCE), desk.events(kind=login, until=SINCE))
    assert [len(frame) for frame in before] == [0, 0, 0]
    later = now + timedelta(days=1)
    after = (desk.signals.table(later), desk.orders.fills(since=later), desk.events(kind=login, since=later))
    assert [len(frame) for frame in after] == [0, 0, 0]
    today = (desk.signals.table(SINCE, until=later), desk.orders.fills(since=SINCE, until=later))
    assert all(len(frame) for frame in (*today, desk.events(kind=login, since=SINCE, until=later)))


def test_a_day_without_anything_is_a_list_without_lines() -> None:
    none = pd.DataFrame({"id": [], "signal_id": []})
    assert timeline(Day(none, none, none, none), BADGES).empty


def test_moments_are_absolute() -> None:
    assert moment(FRIDAY) == "20 Nov 2026 10:30:00 IST"


def test_the_address_opens_the_story_of_an_order_or_a_message(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id = received(stage)
    for query in ({"order": str(order_id)}, {"signal": "1"}):
        app = page("activity", stage, monkeypatch, **query)
        assert any("BUY 5 NSE\\:INFY MARKET MIS" in each.value for each in app.markdown), query
        assert app.button(key="activity-back").label == "All activity"


def test_the_story_of_a_strategys_order_tells_what_became_of_its_message_on_each_account(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.desk.strategies.add("ORB", accounts={KITE: 1, SMART: 0.1})
    order_id = received(stage)
    app = page("activity", stage, monkeypatch, order=str(order_id))
    told = " ".join(each.value for each in app.markdown)
    assert f"{KITE}: order {order_id}" in told.replace("\\", "")
    assert f"{SMART}: skipped, 5 times 0.1 is less than one lot of 1" in told.replace("\\", "")


@pytest.mark.parametrize("query", [{"order": "99"}, {"order": "x'1"}, {"signal": "99"}, {"signal": "²"}, {"order": "9" * 30}])
def test_an_address_that_names_nothing_says_so(stage: Stage, monkeypatch: pytest.MonkeyPatch, query: dict[str, str]) -> None:
    app = page("activity", stage, monkeypatch, **query)
    assert "There is no" in app.error[-1].value


def test_a_busy_day_is_read_as_far_as_it_is_shown_and_no_line_is_lost(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for quantity in range(1, 6):
        received(stage, quantity)
    app = page("activity", stage, monkeypatch)
    (whole,) = (list(shown.value["what"]) for shown in app.dataframe)
    monkeypatch.setattr(table, "PAGE_ROWS", 4)
    told, pages = [], -(-len(whole) // 4)
    for number in range(1, pages + 1):
        app.run() if number == 1 else app.pagination(key="activity-page").set_value(number).run()
        assert not app.exception
        assert app.caption[0].value.startswith(f"{len(whole)} lines of ")
        told += list(app.dataframe[0].value["what"])
    assert told == whole
    assert sum("BUY" in line for line in whole) == 10, "five messages and the order of each"


def test_a_source_of_orders_that_are_not_read_yet_can_be_chosen(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.order(None, queue=True)
    for _ in range(3):
        received(stage)
    monkeypatch.setattr(table, "PAGE_ROWS", 2)
    app = page("activity", stage, monkeypatch)
    app.selectbox(key="activity-source").set_value("You").run()
    assert not app.exception
    assert app.caption[0].value.startswith("1 line of ")
    assert list(app.dataframe[0].value["kind"]) == [["Order"]]


def test_filters_narrow_the_list_and_an_empty_one_says_what_to_do(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    received(stage)
    app = page("activity", stage, monkeypatch)
    app.button_group(key="activity-kinds").set_value(["Order"]).run()
    assert app.caption[0].value.startswith("1 line of Fri 20 Nov 2026")
    app.date_input(key="activity-day").set_value(FRIDAY.date() - timedelta(days=1)).run()
    assert any("Nothing of this kind happened on Thu 19 Nov 2026" in each.value for each in app.markdown)
    app.date_input(key="activity-day").set_value(None).run()
    assert app.caption[0].value.startswith("1 line of Fri 20 Nov 2026")
    app.selectbox(key="activity-account").set_value(SMART).run()
    assert not app.exception
    assert any("Choose another day, or fewer filters." in each.value for each in app.markdown)
