"""What an order would come to, told before it is placed: the same verdict, and nothing stored or sent."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, cast

import pytest

from sigma import bootstrap
from sigma.domain.accounts import Account, Capabilities
from sigma.domain.errors import NotFound, SigmaError
from sigma.domain.market import Quote
from sigma.domain.orders import Order
from sigma.domain.preview import Preview
from sigma.domain.risk import RiskLimits
from sigma.services.orders.estimate import Estimates
from sigma.services.orders.house import Connected
from tests.orders.stage import KITE, PRICE, SMART, Stage

BOTH = pytest.mark.parametrize("account", [KITE, SMART])
TITLES = {KITE: "Zerodha", SMART: "AngelOne"}
PAISA = Decimal("0.01")


def wish(account: str | None = KITE, **more: Any) -> dict[str, Any]:
    """Return an order of 5 INFY; at the market unless a price is given."""
    kind = {"order_type": "LIMIT"} if "price" in more else {}
    return {"account": account, "listing": "NSE:INFY", "side": "BUY", "quantity": 5, **kind, **more}


def preview(stage: Stage, account: str | None = KITE, **more: Any) -> Preview:
    return stage.desk.orders.preview(**wish(account, **more))


def queued(stage: Stage, account: str | None = None, **more: Any) -> Order:
    return stage.order(account, queue=True, **more)


def everything(stage: Stage) -> list[str]:
    """Return all that is stored of people and orders."""
    with closing(sqlite3.connect(stage.home / "sigma.db")) as database:
        return list(database.iterdump())


@BOTH
def test_a_limit_order_is_worth_its_price_and_leaves_no_trace(stage: Stage, account: str) -> None:
    waiting = queued(stage)
    before = everything(stage)
    seen = preview(stage, account, price=1450)
    assert (seen.account, seen.value, seen.price_used, seen.quote_at) == (account, Decimal(7250), Decimal(1450), None)
    assert seen.decision is not None
    assert (seen.decision.allowed, seen.problems) == (True, ())
    assert stage.desk.orders.preview_of(waiting.id, account=account).decision is not None
    assert everything(stage) == before
    assert stage.send(account) == 0
    assert stage.requests("place") == []


@BOTH
def test_a_market_order_is_worth_the_last_price_with_its_time(stage: Stage, account: str) -> None:
    seen = preview(stage, account)
    assert seen.quote_at is not None
    assert (seen.price_used, seen.value) == (Decimal(int(PRICE)), Decimal(int(PRICE) * 5))
    assert abs((stage.house.clock.now() - seen.quote_at).total_seconds()) < 60


def test_a_young_stored_quote_is_taken_before_a_broker_is_asked_and_an_old_one_after(stage: Stage) -> None:
    now = stage.house.clock.now()
    stage.desk.settings.set("orders.quote_max_age", 60)
    stage.desk.settings.set("market.quote_cache", 0)
    stage.house.market_store.put_quotes([Quote("NSE:INFY", Decimal(1234), now)])
    assert preview(stage).price_used == preview(stage, None).price_used == Decimal(1234)
    stage.advance(61)
    assert preview(stage).price_used == Decimal(int(PRICE))
    stage.fault("drop_before_commit", "quote", times=None)
    stage.advance(61)
    old = preview(stage)
    assert (old.price_used, old.quote_at) == (Decimal(1234), now)


def test_a_value_that_nobody_knows_is_none_with_a_warning_and_not_nothing(stage: Stage) -> None:
    seen = preview(stage, None)
    assert (seen.account, seen.value, seen.price_used, seen.decision) == (None, None, None, None)
    assert "The value is not known: there is no quote of NSE:INFY." in seen.warnings
    assert (seen.margin.amount, seen.margin.reason) == (None, "no account is chosen")


@BOTH
def test_margin_and_charges_are_the_brokers_word_with_their_parts(stage: Stage, account: str) -> None:
    seen = preview(stage, account, price=1450, product="CNC")
    assert (seen.margin.amount, seen.margin.source, seen.charges.source) == (7250, TITLES[account], TITLES[account])
    assert seen.charges.amount is not None
    assert abs(seen.charges.amount - sum(seen.charges.parts.values())) < PAISA
    assert {"STT", "stamp duty"} <= seen.charges.parts.keys()
    assert seen.warnings == ()
    waiting = queued(stage, price=1450, product="CNC")
    assert stage.desk.orders.preview_of(waiting.id, account=account).margin == seen.margin
    unasked = stage.desk.orders.preview_of(waiting.id, account=account, estimated=False)
    assert (unasked.margin.amount, unasked.warnings) == (None, ())


@BOTH
def test_a_market_order_is_estimated_at_the_last_price(stage: Stage, account: str) -> None:
    seen = preview(stage, account, product="CNC")
    assert seen.margin.amount == Decimal(int(PRICE) * 5)
    assert abs(seen.charges.parts["STT"] - Decimal(int(PRICE) * 5) / 1000) < PAISA


def test_margin_above_the_stored_funds_is_a_warning_and_the_order_can_go_all_the_same(stage: Stage) -> None:
    assert preview(stage, price=1450).available is None
    free = stage.desk.funds(KITE, refresh=True).loc[0, "available"]
    affordable = preview(stage, price=1450)
    assert affordable.available is not None
    assert (float(affordable.available), affordable.available_at is not None, affordable.warnings) == (free, True, ())
    large = preview(stage, price=1450, product="CNC", quantity=20_000)
    assert "is more than the" in large.warnings[-1]
    assert (large.problems, large.decision and large.decision.allowed) == ((), True)


@BOTH
@pytest.mark.parametrize("kind", ["drop_before_commit", "html_504", "garbage"])
def test_a_broker_that_gives_no_estimate_is_asked_once_and_told_with_its_reason(stage: Stage, account: str, kind: str) -> None:
    stage.fault(kind, "margin", times=None)
    stage.fault(kind, "charges", times=None)
    seen = preview(stage, account, price=1450)
    assert (seen.margin.amount, seen.charges.amount) == (None, None)
    assert TITLES[account] in seen.margin.reason
    assert [words.partition(" not known: ")[0] for words in seen.warnings] == ["Margin", "Charges"]
    assert (seen.problems, seen.decision and seen.decision.allowed) == ((), True), "it can be placed all the same"
    struck = {fault["endpoint"]: fault["struck"] for fault in stage.exchange.get("faults")}
    assert struck == {"margin": 1, "charges": 0}, "once, and not again where nobody answered"
    assert preview(stage, account, price=1450).margin == seen.margin
    assert {fault["endpoint"]: fault["struck"] for fault in stage.exchange.get("faults")} == struck, "kept for a moment"


def test_charges_that_cannot_be_read_leave_the_margin(stage: Stage) -> None:
    stage.fault("garbage", "charges")
    seen = preview(stage, price=1450)
    assert seen.margin.amount == Decimal(1450)
    assert seen.charges.amount is None
    assert seen.warnings == (f"Charges not known: {seen.charges.reason}.",)


def test_an_exit_that_needs_nothing_is_not_told_to_need_zero(stage: Stage) -> None:
    stage.executed(quantity=5)
    seen = preview(stage, side="SELL", price=1600)
    assert seen.margin.amount is None
    assert "for an exit that needs nothing" in seen.margin.reason


def test_what_the_risk_gate_lowers_is_estimated_as_it_would_go(stage: Stage) -> None:
    with stage.house.store.begin() as tx:
        tx.risk.put_limits(stage.user_id, RiskLimits(max_quantity_per_order=2, clamp=frozenset({"max_quantity_per_order"})))
    seen = preview(stage, price=1450, product="CNC")
    assert seen.decision is not None
    assert (seen.decision.allowed, seen.decision.quantity, seen.margin.amount) == (True, 2, 2900)


@dataclass(frozen=True)
class Unwilling:
    """A kit whose broker estimates nothing."""

    capabilities: Capabilities


class Plain:
    """Connections of accounts whose brokers estimate nothing."""

    def kit(self, account: Account) -> Unwilling:
        whole = bootstrap.KITS[account.broker].capabilities
        return Unwilling(replace(whole, margin_preview=False, charges_preview=False))


def test_a_broker_that_estimates_no_charges_is_estimated_by_our_table(stage: Stage) -> None:
    house = replace(stage.house.orders.house, connected=cast(Connected, Plain()))
    order = stage.order(queue=True, price=1450, product="CNC").request
    account = stage.account()
    found = Estimates(house, stage.house.rates).of(account, [(order, Decimal(1450))])
    assert (found.margin.amount, found.margin.reason) == (None, "kite does not estimate margin")
    assert found.charges.source == "our table of rates"
    theirs = preview(stage, price=1450, product="CNC").charges
    assert found.charges.amount is not None
    assert theirs.amount is not None
    assert abs(found.charges.amount - theirs.amount) < 1, "both know what the law wants; ours rounds the tax to rupees"
    untold = Estimates(house, {})
    assert untold.of(account, [(order, Decimal(1450))]).charges.reason == "What an order costs at zerodha is not known"
    assert "no price" in untold.of(account, [(order, None)]).charges.reason


@BOTH
@pytest.mark.parametrize(
    "wanted",
    [
        {"quantity": 0},
        {"quantity": 2.5},
        {"listing": "NSE:NOBODY"},
        {"listing": "NSE:NIFTY 50"},
        {"order_type": "LIMIT"},
        {"price": -1},
        {"side": "SELL", "price": 0.01},
        {"trigger_price": 5},
        {"side": "HOLD"},
        {"product": "CASH"},
        {"account": "nobody"},
    ],
)
def test_a_problem_is_what_placing_it_would_raise_word_for_word(stage: Stage, account: str, wanted: dict[str, Any]) -> None:
    given = wish(account, **wanted) if "account" not in wanted else wish(**wanted)
    with pytest.raises(SigmaError) as refused:
        stage.desk.orders.submit(**given)
    seen = stage.desk.orders.preview(**given)
    assert seen.problems == (str(refused.value),)
    assert seen.decision is None
    assert stage.orders(KITE) == stage.orders(SMART) == []


def test_an_account_that_is_not_logged_in_is_a_problem_and_the_value_is_told_all_the_same(stage: Stage) -> None:
    stage.desk.accounts.disconnect(KITE)
    seen = preview(stage, price=1450)
    assert len(seen.problems) == 1
    assert "sigma login kite" in seen.problems[0]
    assert (seen.decision, seen.value) == (None, Decimal(7250))


def test_a_price_off_the_tick_is_shown_as_it_goes_out(stage: Stage) -> None:
    seen = preview(stage, price="1450.03")
    assert seen.price_used == stage.order(price="1450.03").request.price == Decimal("1450.10")
    assert seen.warnings[0].startswith("The limit price 1450.03 goes out as 1450.10: the tick is 0.1")


def test_a_frozen_account_is_a_warning(stage: Stage) -> None:
    stage.fault("lost_tag")
    first = stage.order()
    stage.send()
    stage.settled(first)
    seen = preview(stage, price=1450)
    assert seen.warnings[0].startswith("kite is frozen, so the order would come back to the queue: ")
    assert (seen.problems, seen.decision and seen.decision.allowed) == ((), True)


def free(stage: Stage) -> None:
    """Nothing stands in the way."""


def limited(stage: Stage) -> None:
    stage.desk.risk.set(max_order_value=1000)


def killed(stage: Stage) -> None:
    stage.desk.kill(reason="a test")


def paused(stage: Stage) -> None:
    stage.desk.accounts.update(KITE, trading_mode="PAUSED")


def exits_only(stage: Stage) -> None:
    """Eight are held, of which a working order sells four."""
    stage.executed(quantity=8)
    stage.order(side="SELL", quantity=4, price=PRICE + 50)
    stage.send()
    stage.desk.accounts.update(KITE, trading_mode="EXIT_ONLY")


@pytest.mark.parametrize("queue", [False, True], ids=["placed", "approved"])
@pytest.mark.parametrize(
    ("lay", "wanted", "code"),
    [
        (free, {}, "OK"),
        (limited, {}, "MAX_VALUE"),
        (limited, {"price": 1450}, "MAX_VALUE"),
        (killed, {"side": "SELL"}, "KILLED"),
        (paused, {}, "PAUSED"),
        (exits_only, {}, "EXIT_ONLY"),
        (exits_only, {"side": "SELL", "quantity": 5}, "CLAMPED"),
        (exits_only, {"side": "SELL", "quantity": 4}, "OK"),
    ],
)
def test_the_verdict_told_is_the_verdict_that_comes(
    stage: Stage, queue: bool, lay: Callable[[Stage], None], wanted: dict[str, Any], code: str
) -> None:
    lay(stage)
    if queue:
        order = queued(stage, KITE, **wanted)
        told = stage.desk.orders.preview_of(order.id)
        stage.desk.orders.approve(order.id, account=KITE)
    else:
        told = preview(stage, **wanted)
        order = stage.order(**wanted)
    (came,) = stage.desk.orders.why(order.id).decisions
    assert told.decision is not None
    assert (told.decision.allowed, told.decision.code) == (code in ("OK", "CLAMPED"), code)
    assert (told.decision.code, told.decision.text) == (came.code, came.text)
    assert told.decision.results == came.results
    assert told.problems == ()


def test_the_preview_of_a_waiting_order_is_of_its_own_account_unless_another_is_named(stage: Stage) -> None:
    order = queued(stage, SMART, price=1450)
    assert stage.desk.orders.preview_of(order.id).account == SMART
    assert stage.desk.orders.preview_of(order.id, account=KITE).account == KITE
    nowhere = stage.desk.orders.preview_of(queued(stage, price=1450).id)
    assert (nowhere.account, nowhere.decision, nowhere.value, nowhere.problems) == (None, None, Decimal(7250), ())
    with pytest.raises(NotFound, match="There is no order 99"):
        stage.desk.orders.preview_of(99)


def test_an_order_that_waits_no_more_is_a_problem_and_a_late_signal_a_warning(stage: Stage) -> None:
    message = {"secret": stage.secret, "symbol": "NSE:INFY", "order_action": "BUY", "quantity": 5, "order_id": "alert"}
    order = stage.desk.orders.get(stage.desk.signals.receive(message).order_ids[0])
    assert not any("late" in text for text in stage.desk.orders.preview_of(order.id, account=KITE).warnings)
    stage.advance(16 * 60)
    late = stage.desk.orders.preview_of(order.id, account=KITE)
    assert late.warnings[0] == "The signal is late: its receipt was 16 min ago (allowed: 15 min)."
    assert late.decision is not None
    assert late.decision.allowed
    stage.desk.orders.cancel(order.id)
    ended = stage.desk.orders.preview_of(order.id, account=KITE)
    assert ended.problems == (f"Order {order.id} is CANCELLED, not waiting for approval. Nothing was sent by this call.",)
