"""The desk's namespaces around orders, through the official clients to the simulated exchange and back."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal

import pandas as pd
import pytest

from sigma.desk import Desk, frames, risk_frames
from sigma.domain.accounts import SessionState, TradingMode
from sigma.domain.errors import Conflict, Denied, InvalidInput, NotFound, SessionExpired, SigmaError, StaleData
from sigma.domain.instruments import Kind, MasterReport
from tests.orders.stage import KITE, SMART, Stage, eventually


@pytest.fixture
def desk(stage: Stage) -> Desk:
    return stage.desk


def has_columns(frame: pd.DataFrame, columns: dict[str, str]) -> bool:
    """Say whether a frame has exactly these columns with these types, in order."""
    return {name: str(kind) for name, kind in frame.dtypes.items()} == columns and list(frame.columns) == list(columns)


def test_the_accounts_table_shows_logins_without_asking_a_broker(stage: Stage, desk: Desk) -> None:
    stage.fault("drop_before_commit", "profile", times=None)
    table = desk.accounts.table()
    assert has_columns(table, frames.ACCOUNTS)
    assert list(table["name"]) == [KITE, SMART]
    assert list(table["state"]) == ["connected", "connected"]
    assert list(table["client_id"]) == ["AB1234", "A100001"]
    assert list(table["is_default"]) == [True, False]
    assert str(table["expires_at"].dt.tz_convert("Asia/Kolkata").dt.strftime("%d %H:%M").tolist()) == "['21 06:00', '21 00:00']"


@pytest.mark.parametrize("account", [KITE, SMART])
def test_status_is_a_real_profile_call(stage: Stage, desk: Desk, account: str) -> None:
    status = desk.accounts.status(account, refresh=True)
    assert (status.state, status.client_id) == (SessionState.CONNECTED, {KITE: "AB1234", SMART: "A100001"}[account])
    assert status.user_name
    stage.fault("drop_before_commit", "profile", times=None)
    broken = desk.accounts.status(account, refresh=True)
    assert broken.state is SessionState.ERROR
    assert broken.error
    stage.exchange.clear_faults()
    assert desk.accounts.status(account, refresh=True).state is SessionState.CONNECTED


@pytest.mark.parametrize("account", [KITE, SMART])
def test_a_login_ended_by_the_broker_is_expired_and_a_new_one_cures_it(stage: Stage, desk: Desk, account: str) -> None:
    stage.exchange.post("session/expire", client_id={KITE: "AB1234", SMART: "A100001"}[account])
    assert desk.accounts.status(account, refresh=True).state is SessionState.EXPIRED
    with pytest.raises(SessionExpired, match=f"sigma login {account}"):
        desk.holdings(account, refresh=True)
    stage.connect(account)
    assert desk.accounts.status(account).state is SessionState.CONNECTED
    assert len(desk.holdings(account, refresh=True))


def test_another_client_s_login_is_refused_by_the_real_brokers_too(stage: Stage, desk: Desk) -> None:
    with pytest.raises(SigmaError) as refused:
        desk.accounts.connect(KITE, **stage.exchange.login("CD5678"))
    assert isinstance(refused.value, Denied | SessionExpired | InvalidInput)
    with pytest.raises(SigmaError):
        desk.accounts.connect(SMART, **stage.exchange.login("A100002"))
    assert desk.accounts.status(KITE, refresh=True).client_id == "AB1234"


def test_an_account_is_changed_disconnected_and_removed_by_name(stage: Stage, desk: Desk) -> None:
    assert desk.accounts.update(SMART, trading_mode="exit_only", name="angel").trading_mode is TradingMode.EXIT_ONLY
    with pytest.raises(InvalidInput, match="NORMAL, EXIT_ONLY, PAUSED"):
        desk.accounts.update("angel", trading_mode="ASLEEP")
    with pytest.raises(InvalidInput, match="keeps no tradingmode"):
        desk.accounts.update("angel", tradingmode="PAUSED")
    assert desk.accounts.disconnect("angel").state is SessionState.NEVER
    with pytest.raises(NotFound):
        desk.accounts.status(SMART)
    desk.accounts.remove("angel")
    assert list(desk.accounts.table()["name"]) == [KITE]


def test_auto_login_logs_in_by_itself_at_the_broker_that_allows_it(stage: Stage, desk: Desk) -> None:
    secrets = {key: stage.exchange.account("A100001")[key] for key in ("pin", "totp_secret")}
    with pytest.raises(InvalidInput, match="does not allow"):
        desk.accounts.update(KITE, auth_mode="auto", consent=True)
    desk.accounts.update(SMART, auth_mode="auto", consent=True, **secrets)
    stage.connect(SMART)
    stage.exchange.post("session/expire", client_id="A100001")
    assert desk.accounts.status(SMART, refresh=True).state is SessionState.CONNECTED


def test_a_refresh_of_both_masters_makes_one_table(desk: Desk) -> None:
    report = desk.instruments.refresh(KITE)
    assert isinstance(report, MasterReport)
    assert (report.broker, report.added, report.gone, report.changed, report.bad) == ("zerodha", 0, 0, 0, ())
    assert report.ambiguous == ()
    both = desk.instruments.refresh()
    assert isinstance(both, tuple)
    assert [(one.broker, one.changed, one.ambiguous, one.bad, one.kept_old) for one in both] == [
        ("angelone", 0, (), (), ""),
        ("zerodha", 0, (), (), ""),
    ]


def test_every_listing_of_one_broker_is_the_same_listing_at_the_other(stage: Stage) -> None:
    market = stage.house.market_store
    kite, smart = ({item.listing: item for item in market.broker_instruments(name)} for name in ("zerodha", "angelone"))
    assert kite.keys() == smart.keys()
    assert len(kite) > 1000
    differing = {text for text in kite if kite[text].exchange_token != smart[text].exchange_token}
    assert {kite[text].listing for text in differing} <= {row.text for row in market.find("", kind=Kind.INDEX, limit=50)}
    assert {"NSE:NIFTY 50", "NSE:NIFTY BANK", "BSE:SENSEX"} <= differing


def test_a_listing_is_got_and_found_with_what_it_is(desk: Desk) -> None:
    infy = desk.instruments.get("INFY")
    assert (infy.text, infy.kind, infy.lot_size) == ("NSE:INFY", Kind.EQUITY, 1)
    assert desk.instruments.get("NSE:M_M").symbol == "M&M"
    found = desk.instruments.find("nifty", exchange="nfo", kind="option")
    assert has_columns(found, frames.LISTINGS)
    assert set(found["kind"]) == {"OPTION"}
    assert set(found["underlying"]) <= {"NSE:NIFTY 50", "NSE:NIFTY BANK", "NSE:NIFTY FIN SERVICE", "NSE:NIFTY MID SELECT"}
    assert not desk.instruments.warning()


@pytest.mark.parametrize("account", [KITE, SMART])
def test_holdings_are_one_account_s_with_their_sums_and_teach_isins(desk: Desk, account: str) -> None:
    frame = desk.holdings(account)
    assert has_columns(frame, frames.HOLDINGS)
    assert set(frame["account"]) == {account}
    assert (frame.attrs["stale"], frame.attrs["bad"]) == ("", ())
    infy = frame[frame["listing"] == "NSE:INFY"].iloc[0]
    assert (infy["quantity"], infy["t1_quantity"]) == {KITE: (40, 0), SMART: (15, 5)}[account]
    assert infy["total"] == infy["quantity"] + infy["t1_quantity"] + infy["pledged_quantity"]
    assert infy["value"] == pytest.approx(infy["total"] * infy["last_price"])
    assert infy["pnl"] == pytest.approx((infy["last_price"] - infy["average_price"]) * infy["total"])
    assert desk.instruments.get("NSE:INFY").isin == infy["isin"]


@pytest.mark.parametrize("account", [KITE, SMART])
def test_positions_and_funds_come_as_tables_also_when_empty(stage: Stage, desk: Desk, account: str) -> None:
    empty = desk.positions(account)
    assert has_columns(empty, frames.POSITIONS)
    assert empty.empty
    order = stage.order(account, quantity=3)
    stage.send(account)
    stage.settled(order, account)
    position = eventually(lambda: next(iter(desk.positions(account, refresh=True).to_dict("records")), None))
    assert (position["listing"], position["quantity"], position["product"]) == ("NSE:INFY", 3, "MIS")
    funds = desk.funds(account)
    assert has_columns(funds, frames.FUNDS)
    assert len(funds) == 1
    assert funds["available"][0] > 0


def test_holdings_of_a_broker_that_is_away_are_the_stored_ones_and_marked(stage: Stage, desk: Desk) -> None:
    before = desk.holdings(SMART)
    desk.settings.set("portfolio.max_age", 1)
    stage.exchange.post("clock", advance_s=120)
    stage.house.clock.refresh()  # type: ignore[attr-defined]
    stage.fault("drop_before_commit", "holdings", times=None)
    after = desk.holdings(SMART)
    assert list(after["listing"]) == list(before["listing"])
    assert after.attrs["stale"]
    assert after.attrs["age_s"] > 100


def test_quotes_come_in_the_order_asked_and_name_what_is_missing(stage: Stage, desk: Desk) -> None:
    stage.hold(1512.5)
    frame = desk.quotes(["BSE:INFY", "INFY", "NSE:NIFTY 50"])
    assert has_columns(frame, frames.QUOTES)
    assert list(frame["listing"]) == ["BSE:INFY", "NSE:INFY", "NSE:NIFTY 50"]
    assert frame["last_price"][1] == 1512.5
    assert frame["bid"][1] < frame["ask"][1]
    assert math.isnan(frame["bid"][2])
    assert frame.attrs["missing"] == ()


def test_last_prices_are_the_stored_ones_and_ask_nobody(stage: Stage, desk: Desk) -> None:
    empty = desk.last_quotes(["NSE:INFY"])
    assert has_columns(empty, frames.LAST_QUOTES)
    assert empty.empty
    stage.hold(1512.5)
    stage.order(price=1400, quantity=1)
    assert stage.house.quotes.poll() == 1
    stage.fault("drop_before_commit", "quote", times=None)
    frame = desk.last_quotes(["NSE:TCS", "NSE:INFY", "NSE:INFY"])
    assert has_columns(frame, frames.LAST_QUOTES)
    assert frame[["listing", "last_price", "close", "change_percent"]].to_numpy().tolist() == [["NSE:INFY", 1512.5, 1512.5, 0.0]]
    assert -1 < frame["age_s"][0] < 60
    assert list(desk.last_quotes("NSE:INFY")["listing"]) == ["NSE:INFY"]


def test_quotes_need_their_source_and_a_change_of_source_is_a_choice(stage: Stage, desk: Desk) -> None:
    desk.accounts.disconnect(KITE)
    with pytest.raises(StaleData, match="Market data unavailable: the source, kite, is not connected"):
        desk.quotes(["NSE:INFY"])
    desk.settings.set("market.source_account", SMART)
    assert len(desk.quotes("NSE:INFY")) == 1
    assert "market.source_account" in desk.events(kind="SETTING_CHANGED")["text"][0]


def test_settings_are_a_table_and_change_one_by_one(desk: Desk) -> None:
    table = desk.settings.table().set_index("name")
    assert has_columns(desk.settings.table(), frames.SETTINGS)
    assert table.loc["instruments.stale_policy", "choices"] == "warn, fail"
    assert math.isnan(table.loc["instruments.stale_policy", "low"])
    assert desk.settings.set("sync.active", 2.5) == desk.settings.get("sync.active") == 2.5


def test_events_are_a_table_by_account_and_kind(desk: Desk) -> None:
    events = desk.events(account=KITE, kind="SESSION_CONNECTED")
    assert has_columns(events, frames.EVENTS)
    assert set(events["account"]) == {KITE}
    assert has_columns(desk.events(kind="NOTHING_OF_THE_KIND"), frames.EVENTS)
    assert has_columns(desk.health(), frames.HEARTBEATS)


def test_capabilities_are_told_by_account_and_by_broker(desk: Desk) -> None:
    assert desk.capabilities(SMART) == desk.capabilities("angelone")
    assert not desk.capabilities("angelone").order_history
    with pytest.raises(NotFound):
        desk.capabilities("nobody")


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (lambda desk: desk.accounts.add("zerodha", name="kite", api_key="a", api_secret="b"), Conflict),
        (lambda desk: desk.accounts.add("nobody", name="x"), NotFound),
        (lambda desk: desk.accounts.status(99), NotFound),
        (lambda desk: desk.quotes(["NSE:NOSUCH"]), NotFound),
        (lambda desk: desk.instruments.find("x", exchange="MARS"), SigmaError),
        (lambda desk: desk.settings.set("sync.active", -1), InvalidInput),
    ],
)
def test_what_cannot_be_done_is_one_of_our_errors(desk: Desk, act: Callable[[Desk], object], error: type[SigmaError]) -> None:
    with pytest.raises(error):
        act(desk)


def test_frames_of_orders_and_fills_keep_rupees_and_units(stage: Stage, desk: Desk) -> None:
    assert has_columns(desk.orders.table(), frames.ORDERS)
    assert has_columns(desk.orders.fills(), frames.FILLS)
    assert has_columns(desk.signals.table(), frames.SIGNALS)
    assert has_columns(desk.risk.table(), risk_frames.LIMITS)
    order = stage.order(KITE, quantity=5, price=Decimal("1500"))
    stage.send(KITE)
    stage.settled(order)
    assert has_columns(desk.orders.table(), frames.ORDERS)
    fills = desk.orders.fills(KITE)
    assert has_columns(fills, frames.FILLS)
    assert fills["value"].sum() == pytest.approx((fills["quantity"] * fills["price"]).sum())
    assert desk.orders.table().iloc[0]["account"] == KITE
