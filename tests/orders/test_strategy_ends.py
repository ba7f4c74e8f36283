"""What a strategy holds by the ledger ends when somebody else closes it, and goes with a conversion."""

from __future__ import annotations

from sigma.domain.kill import KillVerdict
from sigma.domain.orders import CommandState, Product
from sigma.services.kill import Stop
from tests.orders.stage import KITE, Stage
from tests.orders.test_kill import QUICK, ended, of_strategy, positions, start

INFY = "NSE:INFY"


def orb(stage: Stage) -> dict[tuple[str, Product], int]:
    """Return what the ledger says that the strategy holds on the account."""
    with stage.house.store.read() as tx:
        found = stage.house.ledger.strategy_positions(tx, stage.user_id, "ORB")
    assert {number for number, _, _ in found} <= {stage.account().id}
    return {(listing, product): units for (_, listing, product), units in found.items()}


def bought(stage: Stage, quantity: int) -> None:
    stage.waits(**QUICK)
    mine = of_strategy(stage, quantity)
    stage.send()
    stage.settled(mine)
    assert orb(stage) == {(INFY, Product.MIS): quantity}


def test_a_stop_of_everything_ends_what_strategies_hold(stage: Stage) -> None:
    bought(stage, 4)
    start(stage, Stop(stage.account().id))
    (run,) = ended(stage)
    assert (run.verdict, positions(stage), orb(stage)) == (KillVerdict.FLAT, {}, {})


def test_what_a_person_sells_beyond_his_own_ends_what_a_strategy_holds(stage: Stage) -> None:
    bought(stage, 4)
    stage.executed(quantity=2)
    stage.executed(side="SELL", quantity=5)
    assert (positions(stage), orb(stage)) == ({INFY: 1}, {(INFY, Product.MIS): 1})


def test_a_stop_of_a_strategy_closes_what_a_conversion_moved(stage: Stage) -> None:
    bought(stage, 4)
    command = stage.desk.convert(KITE, INFY, 3, old="MIS", new="CNC")
    stage.send()
    assert stage.desk.conversion(command.id).state is CommandState.ANSWERED
    assert orb(stage) == {(INFY, Product.MIS): 1, (INFY, Product.CNC): 3}
    start(stage, Stop(strategy="ORB"))
    ended(stage)
    assert (positions(stage), orb(stage)) == ({}, {})
