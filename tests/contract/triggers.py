"""The contract where a broker keeps triggers (GTT): placed, listed, changed, removed, fired, and with a lost answer."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from sigma.domain.gtt import BrokerGtt, Gtt, GttKind, GttLeg, GttStatus
from sigma.domain.orders import OrderStatus, Outcome, Product, Side
from tests.contract.stage import FRIDAY, Stage
from tests.simulator.control import eventually

LAST = Decimal(1450)
DIP = GttLeg(Decimal(1400), Decimal("1400.5"), 5)
STOP, TARGET = GttLeg(Decimal(1400), Decimal(1398), 5), GttLeg(Decimal(1500), Decimal(1499), 3)


def wished(*legs: GttLeg, side: Side = Side.BUY, **changes: object) -> Gtt:
    """Return a trigger as our store would hold it before it is placed."""
    kind = GttKind.OCO if len(legs) == 2 else GttKind.SINGLE
    plain = Gtt(1, 1, 1, "NSE:INFY", side, Product.CNC, kind, legs, LAST, GttStatus.WANTED, FRIDAY, FRIDAY)
    return replace(plain, **changes)  # type: ignore[arg-type]


def placed(stage: Stage, gtt: Gtt) -> Gtt:
    """Place a trigger that must be accepted."""
    answer = stage.broker.place_gtt(gtt)
    assert answer.outcome is Outcome.ACCEPTED, answer
    return replace(gtt, broker_gtt_id=answer.broker_order_id)


def row(stage: Stage, gtt: Gtt) -> BrokerGtt | None:
    """Return the trigger as the broker lists it."""
    return next((one for one in stage.broker.gtts().rows if one.broker_gtt_id == gtt.broker_gtt_id), None)


class TriggerContract:
    """Triggers that rest."""

    def test_a_trigger_rests_as_it_was_wanted(self, stage: Stage) -> None:
        found = row(stage, placed(stage, wished(DIP)))
        assert found is not None
        assert (found.status, found.kind, found.side, found.product) == (GttStatus.ACTIVE, GttKind.SINGLE, Side.BUY, Product.CNC)
        assert (found.listing, found.legs, found.broker_order_ids) == ("NSE:INFY", (DIP,), ("",))
        assert found.created_at is not None
        assert found.expires_at is not None
        assert (found.expires_at - found.created_at).days == 365

    def test_two_legs_come_back_in_the_order_of_their_triggers(self, stage: Stage) -> None:
        found = row(stage, placed(stage, wished(TARGET, STOP, side=Side.SELL)))
        assert found is not None
        assert (found.kind, found.legs) == (GttKind.OCO, (STOP, TARGET))

    def test_a_change_and_a_removal_are_listed(self, stage: Stage) -> None:
        gtt = placed(stage, wished(DIP))
        lower = GttLeg(Decimal("1380.5"), Decimal(1381), 7)
        answer = stage.broker.modify_gtt(replace(gtt, legs=(lower,)))
        assert (answer.outcome, answer.broker_order_id) == (Outcome.ACCEPTED, gtt.broker_gtt_id)
        found = row(stage, gtt)
        assert found is not None
        assert found.legs == (lower,)
        assert stage.broker.cancel_gtt(gtt).outcome is Outcome.ACCEPTED
        gone = row(stage, gtt)
        assert gone is not None
        assert gone.status is GttStatus.DELETED

    def test_a_trigger_that_fires_names_the_untagged_order_that_it_placed(self, stage: Stage) -> None:
        gtt = placed(stage, wished(DIP, product=Product.MIS))
        stage.control.post("price", {"listing": "NSE:INFY", "price": 1399, "hold": True})

        def fired() -> BrokerGtt | None:
            found = row(stage, gtt)
            return found if found is not None and found.status is GttStatus.TRIGGERED else None

        (broker_order_id,) = eventually(fired).broker_order_ids
        (order,) = [one for one in stage.broker.order_book().rows if one.broker_order_id == broker_order_id]
        assert (order.tag, order.side, order.quantity, order.price) == ("", Side.BUY, 5, DIP.price)
        assert order.status is not OrderStatus.REJECTED

    def test_only_the_leg_that_fired_has_an_order(self, stage: Stage) -> None:
        gtt = placed(stage, wished(STOP, TARGET, side=Side.SELL, product=Product.MIS))
        stage.control.post("price", {"listing": "NSE:INFY", "price": 1501, "hold": True})

        def fired() -> BrokerGtt | None:
            found = row(stage, gtt)
            return found if found is not None and found.status is GttStatus.TRIGGERED else None

        below, above = eventually(fired).broker_order_ids
        assert (below, bool(above)) == ("", True)

    def test_what_the_broker_does_not_take_is_refused(self, stage: Stage) -> None:
        near = stage.broker.place_gtt(wished(GttLeg(Decimal("1449.5"), Decimal(1449), 5)))
        one_side = stage.broker.place_gtt(wished(STOP, DIP, side=Side.SELL))
        assert [near.outcome, one_side.outcome] == [Outcome.REFUSED, Outcome.REFUSED]
        assert "near" in near.text

    def test_changing_a_trigger_that_is_gone_proves_nothing(self, stage: Stage) -> None:
        gtt = wished(DIP, broker_gtt_id="999999")
        assert stage.broker.modify_gtt(gtt).outcome is Outcome.UNKNOWN
        assert stage.broker.cancel_gtt(gtt).outcome is Outcome.UNKNOWN

    def test_without_the_brokers_id_nothing_is_sent(self, stage: Stage) -> None:
        assert stage.broker.cancel_gtt(wished(DIP)).outcome is Outcome.NOT_SENT
        assert stage.broker.modify_gtt(wished(DIP)).outcome is Outcome.NOT_SENT

    @pytest.mark.parametrize("kind", ["drop_after_commit", "html_504_after_commit", "no_order_id", "garbage"])
    def test_a_lost_answer_is_unknown_and_the_trigger_is_there_once(self, stage: Stage, kind: str) -> None:
        before = {one.broker_gtt_id for one in stage.broker.gtts().rows}
        stage.control.fault(kind, broker=stage.name, endpoint="gtt")
        assert stage.broker.place_gtt(wished(DIP)).outcome is Outcome.UNKNOWN
        fresh = [one for one in stage.broker.gtts().rows if one.broker_gtt_id not in before]
        assert [one.legs for one in fresh] == [(DIP,)]
