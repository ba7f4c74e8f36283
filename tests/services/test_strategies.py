"""Strategies: who may execute by itself, what is refused, and what is recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sigma.domain.errors import Conflict, InvalidInput, NotFound
from sigma.domain.orders import OrderMode, OrderRequest, OrderStatus, OrderType, Product, Side, Source
from sigma.domain.strategies import OffHours
from sigma.ports.storage import Unit
from sigma.services.accounts import AccountChange, AccountsService
from sigma.services.orders.submit import queue_order
from sigma.services.roster import Roster
from sigma.services.strategies import StrategiesService, StrategyChange
from tests.engines.test_signal_shares import INFY
from tests.services.rooms import Rooms

AUTO = StrategyChange(mode=OrderMode.AUTO)


class Held:
    """What strategies hold, as the test says."""

    def __init__(self) -> None:
        self.units: dict[tuple[int, str, Product], int] = {}

    def strategy_positions(self, tx: Unit, user_id: int, strategy: str) -> Mapping[tuple[int, str, Product], int]:
        return self.units


class Desk(Rooms):
    """The rooms with strategies in them."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.held = Held()
        self.roster = Roster(self.store, self.clock)
        self.strategies = StrategiesService(self.store, self.clock, self.events, self.held, self.roster)
        self.accounts = AccountsService(self.store, self.clock, self.connections, self.events, disabled=self.strategies.disabled)

    def add(self, name: str = "ORB", **change: Any) -> None:
        self.strategies.add(self.user, name, StrategyChange(**change))

    def update(self, change: StrategyChange, name: str = "ORB") -> None:
        self.strategies.update(self.user, name, change)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "home")
    yield made
    made.close()


def test_a_new_strategy_is_manual_and_enabled(desk: Desk) -> None:
    desk.account("ann")
    desk.add(shares={"ann": Decimal("0.5")}, product=Product.CNC, off_hours=OffHours.AMO)
    stored = desk.strategies.get(desk.user, "orb")
    assert (stored.name, stored.mode, stored.enabled, stored.product) == ("ORB", OrderMode.MANUAL, True, Product.CNC)
    assert [share.multiplier for share in stored.shares] == [Decimal("0.5")]
    assert desk.audit("STRATEGY_ADDED")
    with pytest.raises(InvalidInput, match="new strategy is MANUAL"):
        desk.add("B", mode=OrderMode.AUTO)


def test_a_name_is_unique_whatever_its_case(desk: Desk) -> None:
    desk.add("ORB")
    with pytest.raises(Conflict, match="'orb' already"):
        desk.add("orb")
    for wrong in ("", "  ", "x" * 61, "a\x07b"):
        with pytest.raises(InvalidInput, match="no name for a strategy"):
            desk.add(wrong)


def test_auto_needs_an_account_and_is_recorded_with_them(desk: Desk) -> None:
    desk.account("ann")
    desk.add()
    with pytest.raises(InvalidInput, match="has no account"):
        desk.update(AUTO)
    desk.update(StrategyChange(shares={"ann": Decimal(2)}))
    desk.update(AUTO)
    (event,) = desk.audit("STRATEGY_AUTO")
    assert "ann x 2" in event.text
    with pytest.raises(InvalidInput, match="has no account"):
        desk.update(StrategyChange(shares={}))
    desk.update(StrategyChange(enabled=False))
    desk.update(StrategyChange(shares={}))
    with pytest.raises(InvalidInput, match="has no account"):
        desk.update(StrategyChange(enabled=True))
    assert desk.strategies.get(desk.user, "ORB").mode is OrderMode.AUTO, "what was refused changed nothing"


@pytest.mark.parametrize("times", ["0", "-1", "1001", "NaN", "Infinity"])
def test_a_multiplier_out_of_its_range_is_refused(desk: Desk, times: str) -> None:
    desk.account("ann")
    with pytest.raises(InvalidInput, match="no multiplier for ann"):
        desk.add(shares={"ann": Decimal(times)})


def test_accounts_are_the_users_own_and_named_once(desk: Desk) -> None:
    number = desk.account("ann").id
    with pytest.raises(InvalidInput, match="named twice"):
        desk.add(shares={"ann": Decimal(1), number: Decimal(1)})
    with pytest.raises(NotFound):
        desk.add(shares={"nobody": Decimal(1)})
    other = desk.another_user()
    with pytest.raises(NotFound):
        desk.strategies.add(other, "ORB", StrategyChange(shares={number: Decimal(1)}))


def test_an_order_type_that_needs_a_trigger_is_no_strategys_own(desk: Desk) -> None:
    with pytest.raises(InvalidInput, match="need a trigger price"):
        desk.add(order_type=OrderType.SL)
    desk.add(order_type=OrderType.LIMIT)
    desk.update(StrategyChange(no_order_type=True))
    assert desk.strategies.get(desk.user, "ORB").order_type is None


def test_a_change_on_an_old_version_is_refused(desk: Desk) -> None:
    desk.add()
    old = desk.strategies.get(desk.user, "ORB").version
    desk.update(StrategyChange(description="first"))
    with pytest.raises(Conflict, match="changed meanwhile"):
        desk.strategies.update(desk.user, "ORB", StrategyChange(description="second"), version=old)


def test_nobody_sees_anothers_strategy(desk: Desk) -> None:
    desk.add()
    number = desk.strategies.get(desk.user, "ORB").id
    other = desk.another_user()
    for name in ("ORB", number):
        with pytest.raises(NotFound):
            desk.strategies.get(other, name)
    assert desk.strategies.list(other) == []


def queue(desk: Desk, status: OrderStatus) -> None:
    account = desk.account("ann")
    with desk.store.begin() as tx:
        order = queue_order(
            tx,
            desk.clock.now(),
            user_id=desk.user,
            request=OrderRequest("NSE:INFY", Side.BUY, 5),
            listing=INFY,
            source=Source.WEBHOOK,
            mode=OrderMode.AUTO,
            account_id=account.id,
            strategy="ORB",
        )
        tx.orders.save(replace(order, status=status))


@pytest.mark.parametrize("status", [OrderStatus.APPROVED, OrderStatus.OPEN, OrderStatus.UNKNOWN])
def test_removing_is_refused_while_orders_work(desk: Desk, status: OrderStatus) -> None:
    desk.add()
    queue(desk, status)
    with pytest.raises(Conflict, match="1 orders at work"):
        desk.strategies.archive(desk.user, "ORB")


def test_removing_is_refused_while_positions_are_open_and_keeps_the_history(desk: Desk) -> None:
    desk.add()
    queue(desk, OrderStatus.FILLED)
    desk.held.units = {(1, "NSE:INFY", Product.MIS): 5}
    with pytest.raises(Conflict, match="holds positions in NSE:INFY"):
        desk.strategies.archive(desk.user, "ORB")
    desk.held.units = {(1, "NSE:INFY", Product.MIS): 0}
    desk.strategies.archive(desk.user, "ORB")
    with pytest.raises(NotFound):
        desk.strategies.get(desk.user, "ORB")
    assert desk.strategies.list(desk.user) == []
    assert [one.archived for one in desk.strategies.list(desk.user, archived=True)] == [True]
    desk.add("ORB")


def test_disabling_an_account_warns_of_what_auto_strategies_hold_there(desk: Desk) -> None:
    account = desk.account("ann")
    desk.add(shares={"ann": Decimal(1)})
    desk.update(AUTO)
    desk.held.units = {(account.id, "NSE:INFY", Product.MIS): 5}
    desk.accounts.update(desk.user, "ann", AccountChange(enabled=False))
    (event,) = desk.audit("STRATEGY_STRANDED")
    assert "ORB holds NSE:INFY" in event.text
    desk.accounts.update(desk.user, "ann", AccountChange(enabled=True))
    desk.held.units = {}
    desk.accounts.update(desk.user, "ann", AccountChange(enabled=False))
    assert len(desk.audit("STRATEGY_STRANDED")) == 1


def test_a_test_message_to_a_strategy_that_acts_needs_a_yes(desk: Desk) -> None:
    desk.account("ann")
    desk.add(shares={"ann": Decimal(1)})
    assert desk.strategies.testable(desk.user, "ORB", confirmed=False).name == "ORB"
    desk.update(AUTO)
    with pytest.raises(Conflict, match="would place real orders on ann"):
        desk.strategies.testable(desk.user, "ORB", confirmed=False)
    assert desk.strategies.testable(desk.user, "ORB", confirmed=True).acts


def test_the_intake_sees_a_change_made_here_at_once_and_one_made_elsewhere_within_a_second(desk: Desk) -> None:
    assert desk.roster.strategy(desk.user, "orb") is None
    desk.add()
    assert desk.roster.strategy(desk.user, "orb") is not None
    elsewhere = StrategiesService(desk.store, desk.clock, desk.events, desk.held, Roster(desk.store, desk.clock))
    elsewhere.update(desk.user, "ORB", StrategyChange(enabled=False))
    desk.clock.pass_by(1.1)
    found = desk.roster.strategy(desk.user, "ORB")
    assert found is not None
    assert not found.enabled
