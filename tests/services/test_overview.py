"""The overview by what is stored: brokers are never asked, other people's accounts never counted."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from sigma.domain.accounts import SessionState
from sigma.domain.errors import NotFound
from sigma.domain.market import Quote
from sigma.domain.orders import OrderStatus
from tests.services.rooms import Rooms
from tests.services.test_portfolio import FLAT, INFY
from tests.store.values import add_order, fill


@pytest.fixture
def held(rooms: Rooms) -> Rooms:
    """One account whose lists were read, and one that never was."""
    rooms.alpha.held, rooms.alpha.open_positions = (INFY,), (FLAT,)
    account = rooms.connected()
    for read in (rooms.portfolio.holdings, rooms.portfolio.positions, rooms.portfolio.funds):
        read(account.id)
    rooms.account("huf", "beta")
    return rooms


def test_accounts_stand_side_by_side_and_what_is_missing_is_named(held: Rooms) -> None:
    before = list(held.alpha.calls)
    got = held.overview.overview(held.user)
    ann, huf = got.accounts
    assert (ann.name, ann.broker, ann.state) == ("ann", "alpha", SessionState.CONNECTED)
    assert (ann.holdings_value, ann.positions_pnl, ann.day_pnl) == (INFY.value, Decimal(5), Decimal("8.70") * 55 + 5)
    assert (ann.missing, ann.taken_at, ann.stale) == (("cash",), held.clock.now(), False)
    assert (huf.state, huf.day_pnl, huf.taken_at) == (SessionState.NEVER, None, None)
    assert got.totals.holdings_value == INFY.value
    assert "huf: holdings" in got.totals.missing
    assert [(share.listing, share.account, share.value) for share in got.largest] == [("NSE:INFY", "ann", INFY.value)]
    assert held.alpha.calls == before


def test_only_the_accounts_named_are_summed_in_the_order_named(held: Rooms) -> None:
    assert [row.name for row in held.overview.overview(held.user, ["huf", "ann"]).accounts] == ["huf", "ann"]
    assert held.overview.overview(held.user, ["huf"]).totals.holdings_value is None
    assert held.overview.overview(held.user, []).accounts == ()
    with pytest.raises(NotFound):
        held.overview.overview(held.user, ["nobody"])
    with pytest.raises(NotFound):
        held.overview.overview(held.another_user(), ["ann"])


def test_orders_and_executions_are_counted(held: Rooms) -> None:
    ann, huf = (held.accounts.find(held.user, name).id for name in ("ann", "huf"))
    for status in (OrderStatus.OPEN, OrderStatus.APPROVED, OrderStatus.FILLED, OrderStatus.UNKNOWN, OrderStatus.WAITING):
        add_order(held.store, ann, status=status, client_order_id=f"ANN{status}"[:16].ljust(16, "0"))
    order = add_order(held.store, huf, status=OrderStatus.OPEN, client_order_id="HUF0000000000000")
    with held.store.begin() as tx:
        for number, at in enumerate((held.clock.now(), held.clock.now() - timedelta(days=1))):
            tx.orders.add_fill(fill(order.id, huf, fill_id=str(number), filled_at=at))
    got = held.overview.overview(held.user)
    assert (got.working, got.waiting, got.unknown, got.fills_today) == (3, 1, 1, 1)
    assert [row.working for row in got.accounts] == [2, 1]
    some = held.overview.overview(held.user, ["huf"])
    assert (some.working, some.waiting, some.unknown) == (1, 1, 1), "what needs a person is not hidden with an account"
    assert held.overview.overview(held.user, ["ann"]).fills_today == 0


def test_sums_move_with_the_stored_last_prices(held: Rooms) -> None:
    held.clock.pass_by(300)
    assert held.overview.overview(held.user).accounts[0].stale
    held.clock.pass_by(1)
    held.market_store.put_quotes([Quote("NSE:INFY", Decimal(1600), held.clock.now(), close=Decimal(1490))])
    ann = held.overview.overview(held.user).accounts[0]
    assert (ann.holdings_value, ann.day_pnl) == (Decimal(1600) * 55, Decimal(110) * 55 + 5)


def test_the_day_is_the_last_sessions_until_the_next_one_opens(held: Rooms) -> None:
    held.clock.pass_by(24 * 3600)
    saturday = held.overview.overview(held.user).accounts[0]
    assert (saturday.day_pnl, saturday.stale) == (Decimal("8.70") * 55 + 5, False)
    held.clock.pass_by(48 * 3600)
    monday = held.overview.overview(held.user).accounts[0]
    assert (monday.day_pnl, monday.stale) == (None, True)
    assert "positions of the day" in monday.missing


def test_without_holdings_the_day_is_the_positions_alone(held: Rooms) -> None:
    with_shares = held.overview.overview(held.user, ["ann"])
    alone = held.overview.overview(held.user, ["ann"], holdings=False)
    assert (alone.totals.day_pnl, alone.totals.holdings_value, alone.largest) == (Decimal(5), None, ())
    assert (alone.totals.missing, with_shares.totals.missing) == (("ann: cash",), ("ann: cash",))
    assert held.overview.overview(held.user, ["ann"]) == with_shares
