"""The gate on the way from a person to the exchange: what it lowers, refuses, lets pass, and looks at again at the claim."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from sigma.domain.orders import Order, OrderRequest, OrderStatus, Side, Source
from sigma.domain.risk import RiskDecision
from sigma.services.orders.submit import Origin
from tests.orders.stage import KITE, PRICE, SMART, Stage

LOSS = 5


def decision(stage: Stage, order: Order) -> RiskDecision:
    """Return the last decision on an order."""
    return stage.desk.orders.why(order.id).decisions[-1]


def losing(stage: Stage) -> None:
    """Leave the person with a round trip that lost, and nothing held."""
    stage.executed(quantity=10)
    stage.hold(PRICE - LOSS)
    stage.executed(side="SELL", quantity=10)


def test_an_order_above_a_limit_that_clamps_goes_out_smaller_and_says_so(stage: Stage) -> None:
    stage.desk.risk.set(max_quantity_per_order=7, clamp_mode="CLAMP")
    order = stage.order(quantity=10, disclosed_quantity=9)
    assert (order.status, order.request.quantity, order.request.disclosed_quantity) == (OrderStatus.APPROVED, 7, 7)
    assert "quantity 10 exceeds the limit of 7 per order: lowered to 7" in order.risk_note
    assert (decision(stage, order).code, decision(stage, order).quantity) == ("CLAMPED", 7)
    stage.send()
    assert stage.settled(order).filled_quantity == 7
    assert [sent["quantity"] for sent in stage.at_exchange(order)] == [7]


def test_every_stored_decision_replays_to_the_same_verdict(stage: Stage) -> None:
    limits = {"max_quantity_per_order": 7, "max_daily_loss": 1e6, "cooldown_s": 60, "max_exposure": 1e6, "max_open_positions": 9}
    stage.desk.risk.set(**limits, allow_short_selling=False, entries_until="23:59", deny=["NSE:TCS"])
    for side, quantity in (("BUY", 5), ("BUY", 8), ("SELL", 6)):
        order = stage.order(side=side, quantity=quantity)
        stored = decision(stage, order)
        replay = stage.desk.risk.replay(stored.id)
        assert replay.same
        assert (replay.again.text, replay.again.results) == (stored.text, stored.results)


def test_losses_of_the_day_stop_entries_and_let_exits_pass(stage: Stage) -> None:
    losing(stage)
    stage.executed(quantity=3)
    stage.desk.risk.set(max_daily_loss=LOSS * 10)
    refused = stage.order(quantity=1)
    assert (refused.status, decision(stage, refused).code) == (OrderStatus.REJECTED_RISK, "MAX_DAILY_LOSS")
    assert stage.order(side="SELL", quantity=3).status is OrderStatus.APPROVED


def test_an_open_loss_counts_at_the_price_of_now(stage: Stage) -> None:
    stage.desk.risk.set("ACCOUNT", account=KITE, max_daily_loss=200)
    stage.executed(quantity=10)
    stage.desk.settings.set("market.quote_cache", 0)
    assert stage.order(quantity=1, price=PRICE - 100).status is OrderStatus.APPROVED
    stage.hold(PRICE - 25)
    assert stage.order(quantity=1, price=PRICE - 100).status is OrderStatus.REJECTED_RISK
    assert stage.order(SMART, quantity=1, price=PRICE - 100).status is OrderStatus.APPROVED


def test_after_a_round_trip_that_lost_its_listing_rests(stage: Stage) -> None:
    losing(stage)
    stage.desk.risk.set(cooldown_s=300)
    refused = stage.order(quantity=1)
    assert decision(stage, refused).code == "COOLDOWN"
    tcs = stage.desk.orders.submit(account=KITE, listing="NSE:TCS", side="BUY", quantity=1)
    assert tcs.status is OrderStatus.APPROVED
    stage.advance(301)
    assert stage.order(quantity=1).status is OrderStatus.APPROVED


def test_what_is_not_held_cannot_be_sold_where_short_selling_is_disabled(stage: Stage) -> None:
    stage.desk.risk.set(allow_short_selling=False)
    refused = stage.order(side="SELL", quantity=10)
    assert "short selling is disabled" in refused.risk_note
    stage.executed(quantity=10)
    first = stage.order(side="SELL", quantity=6)
    second = stage.order(side="SELL", quantity=6)
    assert (first.status, second.status) == (OrderStatus.APPROVED, OrderStatus.REJECTED_RISK)
    stage.desk.risk.set(allow_short_selling=False, clamp_mode="CLAMP")
    assert stage.order(side="SELL", quantity=6).request.quantity == 4


def test_what_executed_counts_before_its_fills_are_known(stage: Stage) -> None:
    stage.executed(quantity=10)
    stage.desk.risk.set(allow_short_selling=False)
    sold = stage.order(side="SELL", quantity=10)
    with stage.house.store.begin() as tx:  # as a push tells it
        tx.orders.save(replace(tx.orders.get(sold.id), status=OrderStatus.FILLED, filled_quantity=10))
    assert stage.order(side="SELL", quantity=1).status is OrderStatus.REJECTED_RISK


def test_orders_that_work_and_positions_of_all_accounts_count_towards_exposure(stage: Stage) -> None:
    stage.executed(SMART, quantity=10)
    stage.resting(quantity=10)
    stage.desk.risk.set(max_exposure=PRICE * 25, clamp_mode="CLAMP")
    assert stage.order(quantity=10).request.quantity == 5
    refused = stage.order(quantity=1)
    assert decision(stage, refused).code == "MAX_EXPOSURE"


def test_orders_of_a_minute_and_open_positions_are_counted(stage: Stage) -> None:
    stage.desk.risk.set(max_orders_per_minute=2, max_open_positions=1)
    assert stage.order(quantity=1).status is OrderStatus.APPROVED
    other = stage.desk.orders.submit(account=KITE, listing="NSE:TCS", side="BUY", quantity=1)
    assert decision(stage, other).code == "MAX_POSITIONS"
    assert stage.order(quantity=1).status is OrderStatus.APPROVED
    third = stage.order(quantity=1)
    assert decision(stage, third).code == "MAX_ORDERS"
    assert stage.send() == 2  # the claims look again, and count themselves once


def test_a_halved_entry_is_not_halved_again_at_its_claim(stage: Stage) -> None:
    losing(stage)
    stage.desk.risk.set(drawdown_caution=1)
    order = stage.order(quantity=10)
    assert (order.status, order.request.quantity) == (OrderStatus.APPROVED, 5)
    assert stage.send() == 1
    assert stage.settled(order).filled_quantity == 5


def test_a_clamp_that_became_tighter_before_the_claim_returns_the_order(stage: Stage) -> None:
    stage.desk.risk.set(max_quantity_per_order=7, clamp_mode="CLAMP")
    order = stage.order(quantity=10)
    stage.desk.risk.set(max_quantity_per_order=6, clamp_mode="CLAMP")
    assert stage.send() == 0
    assert "only 6 may go now" in stage.get(order).stale_reason


def test_an_unsettled_order_blocks_entries_of_its_account_and_no_other(stage: Stage) -> None:
    stage.executed(quantity=3)
    lost = stage.order(quantity=1)
    with stage.house.store.begin() as tx:
        tx.orders.save(replace(tx.orders.get(lost.id), status=OrderStatus.UNKNOWN, unsettled=True))
    refused = stage.order(quantity=1)
    assert decision(stage, refused).code == "UNSETTLED"
    assert stage.order(side="SELL", quantity=3).status is OrderStatus.APPROVED
    assert stage.order(SMART, quantity=1).status is OrderStatus.APPROVED
    stage.desk.risk.set(max_daily_loss=1_000_000)
    assert stage.order(SMART, quantity=1).status is OrderStatus.REJECTED_RISK


def test_a_modify_that_asks_for_less_passes_where_one_for_more_is_refused(stage: Stage) -> None:
    order = stage.resting(quantity=10)
    stage.desk.risk.set(deny=["NSE:INFY"])
    more = stage.desk.orders.modify(order.id, quantity=11)
    assert "may not be entered" in more.risk_note
    fewer = stage.desk.orders.modify(order.id, quantity=9)
    assert fewer.risk_note == ""
    stage.send()
    assert stage.settled(order, until=lambda now: now.request.quantity == 9).status is OrderStatus.OPEN


def test_a_modify_beyond_a_limit_that_clamps_is_refused_as_it_stands(stage: Stage) -> None:
    order = stage.resting(quantity=5)
    stage.desk.risk.set(max_quantity_per_order=6, clamp_mode="CLAMP")
    assert "exceeds the limit of 6" in stage.desk.orders.modify(order.id, quantity=7).risk_note


def test_a_disabled_account_takes_orders_of_people(stage: Stage) -> None:
    stage.desk.accounts.update(KITE, enabled=False)
    assert stage.order(quantity=1).status is OrderStatus.APPROVED


def test_a_kill_switch_of_one_strategy_stops_that_strategy_alone(stage: Stage) -> None:
    def of(strategy: str) -> OrderStatus:
        origin = Origin(Source.WEBHOOK, strategy=strategy)
        wanted = OrderRequest("NSE:INFY", Side.BUY, 1)
        return stage.house.orders.submission.submit(wanted, user_id=stage.user_id, account=KITE, origin=origin).status

    assert of("Breakout") is OrderStatus.APPROVED
    stage.desk.kill(strategy="Breakout", reason="too fast", cancel=False, flatten=False)
    stopped = [of(name) is OrderStatus.REJECTED_RISK for name in ("Breakout", "breakout", "Reversal", "")]
    assert stopped == [True, True, False, False]


def test_the_effective_limits_of_a_strategy_on_an_account_name_where_they_come_from(stage: Stage) -> None:
    stage.desk.risk.set(max_quantity_per_order=10, allow=["NSE:INFY", "NSE:TCS"], clamp_mode="CLAMP")
    stage.desk.risk.set("STRATEGY", strategy="Breakout", max_quantity_per_order=5, cooldown_s=60)
    stage.desk.risk.set("ACCOUNT", account=KITE, allow=["NSE:TCS"], cooldown_s=90, max_order_value=Decimal("100000.50"))
    table = stage.desk.risk.effective("breakout", KITE).set_index("limit")
    told = {name: tuple(table.loc[name, ["value", "scopes", "mode"]]) for name in table.index if table.loc[name, "mode"]}
    assert told == {
        "max_quantity_per_order": ("5", "STRATEGY", "REJECT"),
        "max_order_value": ("₹1,00,000.50", "ACCOUNT", "REJECT"),
        "allow": ("NSE:TCS", "GLOBAL, ACCOUNT", "REJECT"),
        "cooldown_s": ("90", "ACCOUNT", "REJECT"),
    }
    mine = stage.desk.risk.effective(account=SMART).set_index("limit")
    assert tuple(mine.loc["max_quantity_per_order", ["value", "scopes", "mode"]]) == ("10", "GLOBAL", "CLAMP")
    assert mine.loc["cooldown_s", "value"] == "not limited"


@pytest.mark.parametrize(("broker", "code"), [("zerodha", "OK"), ("*", "NO_PRICE")])
def test_a_result_that_nobody_gives_a_price_for_stops_entries(stage: Stage, broker: str, code: str) -> None:
    stage.executed(quantity=5)
    stage.desk.risk.set(max_daily_loss=1_000_000)
    stage.desk.settings.set("market.source_account", SMART)
    stage.exchange.post("faults", kind="html_504", endpoint="quote", times=None, args={}, broker=broker)
    order = stage.order(quantity=1, price=PRICE)
    assert decision(stage, order).code == code
