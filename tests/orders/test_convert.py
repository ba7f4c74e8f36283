"""Converting positions: asked for once, sent once, and told by the positions when the answer was lost."""

from __future__ import annotations

import pytest

from sigma.domain.errors import Conflict, InvalidInput, NotFound, Unsupported
from sigma.domain.orders import Command, CommandState, Product
from sigma.store.restored import calm
from tests.orders.stage import BROKERS, CLIENTS, KITE, SMART, Stage, eventually

INFY = "NSE:INFY"
pytestmark = pytest.mark.filterwarnings("ignore:ssl.OP_NO:DeprecationWarning")


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """A stage with short waits."""
    stage.waits()
    return stage


@pytest.fixture(params=[KITE, SMART])
def account(request: pytest.FixtureRequest, stage: Stage) -> str:
    """An account that holds ten shares, bought today for the day."""
    stage.executed(request.param, quantity=10)
    return str(request.param)


def held(stage: Stage, account: str, product: Product) -> int:
    """Return what the broker really holds."""
    found = stage.server.exchange.account(BROKERS[account], CLIENTS[account])
    assert found is not None
    rows = stage.server.exchange.positions(found)
    return sum(row.net for row in rows if (row.security.listing, row.product) == (INFY, product))


def convert(stage: Stage, account: str, quantity: int = 4, **more: str) -> Command:
    """Ask for a conversion of what is held for the day into delivery."""
    return stage.desk.convert(account, INFY, quantity, **{"old": "MIS", "new": "CNC", **more})


def settled(stage: Stage, account: str, command: Command) -> Command:
    """Read until the outcome is known."""

    def look() -> Command | None:
        stage.glance(account)
        now = stage.desk.conversion(command.id)
        return None if now.state in (CommandState.UNKNOWN, CommandState.SENDING) else now

    return eventually(look)


def events(stage: Stage) -> list[str]:
    """Return what was told of conversions, oldest first."""
    return [kind for kind in stage.desk.events()["kind"][::-1] if kind.startswith("CONVERT")]


def test_units_move_to_the_new_product_and_one_request_goes_out(stage: Stage, account: str) -> None:
    command = convert(stage, account)
    assert command.state is CommandState.PENDING
    assert stage.send(account) == 1
    assert stage.desk.conversion(command.id).state is CommandState.ANSWERED
    assert (held(stage, account, Product.MIS), held(stage, account, Product.CNC)) == (6, 4)
    assert len(stage.requests("convert")) == 1
    assert events(stage) == ["CONVERT_WANTED", "CONVERTED"]


@pytest.mark.parametrize("kind", ["drop_after_commit", "html_504_after_commit", "garbage"])
def test_a_lost_answer_is_told_by_what_is_held(stage: Stage, account: str, kind: str) -> None:
    stage.fault(kind, "convert")
    command = convert(stage, account)
    stage.send(account)
    assert stage.desk.conversion(command.id).state is CommandState.UNKNOWN
    assert settled(stage, account, command).state is CommandState.ANSWERED
    assert held(stage, account, Product.CNC) == 4
    assert len(stage.requests("convert")) == 1
    assert events(stage) == ["CONVERT_WANTED", "CONVERT_UNKNOWN", "CONVERTED"]


def test_what_never_arrived_is_believed_after_two_reads(stage: Stage, account: str) -> None:
    stage.fault("drop_before_commit", "convert")
    command = convert(stage, account)
    stage.send(account)
    assert stage.sync(account).unknown == 1
    done = settled(stage, account, command)
    assert (done.state, held(stage, account, Product.CNC)) == (CommandState.REFUSED, 0)
    assert len(stage.requests("convert")) == 1
    assert events(stage)[-1] == "CONVERT_NOT_DONE"


def test_executions_meanwhile_are_taken_out_of_the_difference(stage: Stage, account: str) -> None:
    stage.fault("drop_after_commit", "convert")
    command = convert(stage, account)
    stage.send(account)
    stage.executed(account, side="SELL", quantity=3)
    assert settled(stage, account, command).state is CommandState.ANSWERED
    assert (held(stage, account, Product.MIS), held(stage, account, Product.CNC)) == (3, 4)


def test_a_difference_that_is_neither_is_for_a_person(stage: Stage) -> None:
    stage.executed(quantity=10)
    stage.fault("drop_before_commit", "convert")
    command = convert(stage, KITE)
    stage.send()
    stage.server.exchange.account("zerodha", "AB1234").positions[INFY, Product.MIS].day_buy += 3  # type: ignore[union-attr]

    def told() -> bool:
        stage.sync()
        return "CONVERT_UNSETTLED" in events(stage)

    eventually(told)
    stage.sync()
    assert events(stage).count("CONVERT_UNSETTLED") == 1
    assert stage.desk.conversion(command.id).state is CommandState.UNKNOWN
    with pytest.raises(Conflict, match="under way"):
        convert(stage, KITE, 1)
    with pytest.raises(InvalidInput, match="reason"):
        stage.desk.resolve_conversion(command.id, happened=False, reason=" ")
    closed = stage.desk.resolve_conversion(command.id, happened=False, reason="their page shows none")
    assert closed.state is CommandState.REFUSED
    with pytest.raises(Conflict):
        stage.desk.resolve_conversion(command.id, happened=True, reason="again")


def test_an_outcome_that_outlives_the_day_is_for_a_person(stage: Stage) -> None:
    stage.executed(quantity=10)
    stage.fault("drop_before_commit", "convert")
    command = convert(stage, KITE)
    stage.send()
    stage.overnight()
    stage.sync()
    assert events(stage)[-1] == "CONVERT_UNSETTLED"
    assert stage.desk.conversion(command.id).state is CommandState.UNKNOWN


@pytest.mark.parametrize("point", ["claimed", "convert", "answered"])
def test_the_death_of_the_sender_converts_once_at_most_and_the_positions_tell(stage: Stage, point: str) -> None:
    stage.executed(quantity=10)
    command = convert(stage, KITE)
    stage.die(point)
    assert stage.successor() == 1
    done = settled(stage, KITE, command)
    stage.send()
    happened = point == "answered"
    assert done.state is (CommandState.ANSWERED if happened else CommandState.REFUSED)
    assert held(stage, KITE, Product.CNC) == (4 if happened else 0)
    assert len(stage.requests("convert")) == happened


def test_more_than_is_held_is_refused_with_the_numbers(stage: Stage, account: str) -> None:
    with pytest.raises(Conflict, match="10 are held in MIS"):
        convert(stage, account, 11)
    with pytest.raises(Conflict, match="no open position"):
        convert(stage, account, 1, old="CNC", new="MIS")
    assert stage.send(account) == 0


def test_units_in_orders_that_close_the_position_are_not_converted(stage: Stage) -> None:
    stage.executed(quantity=10)
    stage.order(side="SELL", quantity=7, price=1600)
    stage.send()
    with pytest.raises(Conflict, match="7 of them are in orders that close it"):
        convert(stage, KITE)
    assert convert(stage, KITE, 3).state is CommandState.PENDING


@pytest.mark.parametrize("new", ["NRML", "MIS"])
def test_a_product_that_it_cannot_have_is_refused(stage: Stage, new: str) -> None:
    stage.executed(quantity=10)
    with pytest.raises(Unsupported, match="cannot become"):
        convert(stage, KITE, new=new)
    assert stage.desk.convertible(KITE, INFY, "MIS") == ("CNC", "MTF")


def test_what_the_broker_refuses_is_told_in_its_words(stage: Stage) -> None:
    stage.executed(quantity=10)
    command = convert(stage, KITE, new="MTF")
    stage.send()
    assert stage.desk.conversion(command.id).state is CommandState.REFUSED
    assert "MTF is not activated" in stage.desk.events(kind="CONVERT_REFUSED")["text"].iloc[0]


def test_what_was_sold_meanwhile_is_not_converted(stage: Stage) -> None:
    stage.executed(quantity=10)
    command = convert(stage, KITE, 8)
    stage.server.exchange.account("zerodha", "AB1234").positions[INFY, Product.MIS].day_buy -= 5  # type: ignore[union-attr]
    assert stage.send() == 0
    assert stage.desk.conversion(command.id).state is CommandState.WITHDRAWN
    assert "5 are held in MIS now" in stage.desk.events(kind="CONVERT_NOT_SENT")["text"].iloc[0]
    assert stage.requests("convert") == []


def test_a_paused_account_converts_nothing(stage: Stage) -> None:
    stage.executed(quantity=10)
    command = convert(stage, KITE)
    stage.desk.accounts.update(KITE, trading_mode="PAUSED")
    assert stage.send() == 0
    assert stage.desk.conversion(command.id).state is CommandState.WITHDRAWN
    with pytest.raises(Conflict, match="paused"):
        convert(stage, KITE)


def test_positions_that_cannot_be_read_keep_the_conversion_back(stage: Stage) -> None:
    stage.executed(quantity=10)
    command = convert(stage, KITE)
    stage.fault("html_504", "positions")
    assert stage.send() == 0
    assert stage.desk.conversion(command.id).state is CommandState.PENDING
    assert stage.send() == 1


def test_one_conversion_of_a_listing_at_a_time(stage: Stage) -> None:
    stage.executed(quantity=10)
    convert(stage, KITE)
    with pytest.raises(Conflict, match="under way"):
        convert(stage, KITE)


def test_a_restored_copy_sends_no_conversion(stage: Stage) -> None:
    stage.executed(quantity=10)
    command = convert(stage, KITE)
    calm(stage.home, stage.house.clock.now())
    assert stage.send() == 0
    assert stage.desk.conversion(command.id).state is CommandState.WITHDRAWN


def test_an_order_command_is_no_conversion(stage: Stage) -> None:
    order = stage.order()
    with pytest.raises(NotFound):
        stage.desk.conversion(stage.command(order).id)


def test_units_carried_overnight_are_converted_as_such(stage: Stage) -> None:
    future = min(
        (each for each in stage.server.exchange.universe if each.kind == "FUTURE" and each.underlying == "NSE:NIFTY 50"),
        key=lambda each: str(each.expiry),
    )
    quote = stage.desk.quotes([future.listing])["last_price"].iloc[0]
    price = round(quote * 1.01, 0)
    bought = stage.desk.orders.submit(
        account=KITE, listing=future.listing, side="BUY", quantity=future.lot, product="NRML", order_type="LIMIT", price=price
    )
    stage.send()
    stage.settled(bought)
    stage.overnight()
    stage.advance(2 * 3600)
    command = stage.desk.convert(KITE, future.listing, future.lot, old="NRML", new="MIS")
    assert command.payload["overnight"] == "yes"
    stage.send()
    assert stage.desk.conversion(command.id).state is CommandState.ANSWERED
