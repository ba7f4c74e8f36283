"""Home: sums name what they are of, nothing unknown counts as nothing, and what needs a person is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.home import CHOSEN, EXCLUDED, HOLDINGS, SWITCH
from pages.ui.badges import Badge
from pages.ui.home_needs import Facts, needs
from pages.ui.home_sums import REST, Tile, as_list, lacking, names_in, read_when, shares, tiles
from sigma.desk import frames
from sigma.desk.state import Overview
from sigma.domain.accounts import SessionState
from sigma.domain.orders import OrderStatus
from sigma.domain.overview import AccountSum, Share
from sigma.engines.overview import totals
from tests.orders.conftest import server, stage, template
from tests.orders.stage import KITE, SMART, Stage
from tests.pages.signed_in import opened

__all__ = ["server", "stage", "template"]

NOW = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
MAIN = Badge(1, "main", "●", "blue", "connected", "NORMAL", True, True, "zerodha")
HUF = Badge(2, "huf", "■", "violet", "expired", "NORMAL", True, False, "angelone")
KNOWN = AccountSum(
    "main",
    "zerodha",
    SessionState.CONNECTED,
    Decimal("-200"),
    Decimal("99_900"),
    Decimal("-100"),
    Decimal("100"),
    2,
    NOW - timedelta(seconds=6),
    False,
)
UNREAD = AccountSum(
    "huf", "angelone", SessionState.NEVER, None, None, None, None, 0, None, False, ("holdings", "positions", "cash")
)
LARGEST = tuple(Share(f"NSE:S{number}", "main", Decimal(1000 * (10 - number))) for number in range(10))


def overview(*sums: AccountSum, largest: tuple[Share, ...] = ()) -> Overview:
    return Overview(sums, totals(sums), 3, sum(each.working for each in sums), 0, 0, largest)


def shown(*sums: AccountSum, holdings: bool = True, attention: int = 0) -> dict[str, Tile]:
    return {tile.key: tile for tile in tiles(overview(*sums), (MAIN, HUF), holdings=holdings, attention=attention)}


def test_a_losing_tile_points_down_with_an_ascii_minus_and_says_which_account_it_is_of() -> None:
    got = shown(KNOWN)
    assert (got["day"].value, got["day"].delta) == (":red[▼ −₹200.00]", "-0.20%")  # noqa: RUF001
    assert (got["holdings"].value, got["holdings"].delta) == ("₹99,900.00", "-0.10%")
    assert got["day"].label == ":blue[●] Day P&L"
    assert got["cash"].value == "₹100.00"


def test_a_small_loss_still_points_down_and_none_is_neutral() -> None:
    small = replace(KNOWN, day_pnl=Decimal("-1.50"), positions_pnl=Decimal("-1.50"))
    assert shown(small)["day"].delta == "-1.50"
    assert shown(replace(small, day_pnl=Decimal(0)))["day"].delta == 0
    assert shown(small)["holdings"].delta == 0


def test_an_account_never_read_is_in_no_sum_and_named_and_nothing_is_put_in_its_place() -> None:
    got = shown(KNOWN, UNREAD)
    assert got["holdings"].value == "₹99,900.00"
    assert "■" not in got["holdings"].label
    assert got["holdings"].delta is None, "a percentage of a part of the accounts would mislead"
    assert got["day"].delta == "-200.00"
    assert lacking((KNOWN, UNREAD)) == "Without huf: never read."
    alone = shown(UNREAD)
    assert {alone[key].value for key in ("day", "holdings", "cash")} == {"—"}
    assert alone["day"].delta is None


def test_what_a_sum_lacks_is_said_account_by_account() -> None:
    part = replace(KNOWN, missing=("day change of NEWCO", "cash"))
    assert lacking((part,)) == "main without day change of NEWCO, cash."
    assert lacking((KNOWN,)) == ""


def test_without_holdings_there_is_no_tile_of_their_value() -> None:
    assert list(shown(KNOWN, holdings=False)) == ["day", "cash", "working"]


@pytest.mark.parametrize(("number", "words"), [(0, None), (1, "1 needs attention"), (3, "3 need attention")])
def test_working_orders_say_how_many_need_attention(number: int, words: str | None) -> None:
    assert shown(KNOWN, attention=number)["working"].delta == words


def test_ages_are_said_both_ways_and_a_stale_account_by_name() -> None:
    assert read_when((KNOWN, UNREAD), NOW) == "Oldest list read 6 s ago (10:29:54 IST)."
    assert "main is stale, read 6 s ago (10:29:54 IST)." in read_when((replace(KNOWN, stale=True),), NOW)
    assert read_when((UNREAD,), NOW) == "Never read."


def test_the_allocation_adds_up_to_the_whole_and_never_combines_rows() -> None:
    frame = shares(overview(KNOWN, largest=LARGEST), {"main": "● main"})
    assert list(frame["listing"])[-1] == REST
    assert frame["value"].sum() == pytest.approx(99_900)
    assert frame["percent"].sum() == pytest.approx(100)
    assert set(frame["account"][:-1]) == {"● main"}
    assert shares(overview(UNREAD), {}).empty


@given(st.lists(st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1), unique=True))
def test_excluded_accounts_are_read_back_as_they_were_chosen(names: list[str]) -> None:
    assert names_in(as_list(names)) == names


def orders(*rows: dict[str, object]) -> pd.DataFrame:
    """Return orders as the desk gives them."""
    plain: dict[str, object] = dict.fromkeys(frames.WAITING, "")
    plain |= {"id": 1, "side": "BUY", "quantity": 5, "listing": "NSE:INFY", "account": None, "unsettled": False}
    plain |= {"created_at": NOW - timedelta(minutes=3), "updated_at": NOW, "sent_at": NOW, "status": "WAITING"}
    frame = pd.DataFrame([plain | row for row in rows], columns=list(frames.WAITING))
    return frame.astype({"account": "str", "unsettled": "bool"})


def accounts(**more: object) -> pd.DataFrame:
    plain: dict[str, object] = {"id": 2, "name": "huf", "enabled": True, "state": "connected", "frozen_reason": None}
    plain |= {"expires_at": NOW, "error": None}
    return pd.DataFrame([plain | more]).astype({"frozen_reason": "str", "error": "str"})


def lost(*rows: dict[str, object]) -> pd.DataFrame:
    """Return messages that made no order as the desk gives them."""
    return pd.DataFrame(rows, columns=["id", "received_at", "strategy", "account", "note"])


def test_a_message_that_made_no_order_is_told_with_its_account_and_reason() -> None:
    told = {"id": 7, "received_at": NOW, "strategy": "ORB", "account": "huf", "note": "no such product"}
    (need,) = needs(facts(lost=lost(told, {**told, "account": None, "id": 6})), (MAIN, HUF), NOW)
    assert (need.chip.text, need.path, need.query) == ("✕ 2 signals made no order today", "activity", {"signal": "7"})
    assert need.words == "last ORB on :violet[■] huf at 10:30:00 IST: no such product"


def facts(**more: pd.DataFrame) -> Facts:
    given = {"unknown": orders(), "queue": orders(), "faulty": orders(), "accounts": accounts(), "lost": lost(), **more}
    return Facts(**given, waiting=len(given["queue"]))


def test_nothing_needs_a_person_when_all_is_well() -> None:
    assert needs(facts(), (MAIN, HUF), NOW) == []


def test_an_unknown_outcome_comes_first_names_the_order_and_warns_of_placing_it_again() -> None:
    lost = orders({"account": "main", "status": "UNKNOWN"})
    found = needs(facts(unknown=lost, queue=orders({}, {})), (MAIN, HUF), NOW)
    assert [need.key for need in found] == ["unknown", "queue"]
    assert found[0].chip.text == "? 1 outcome unknown"
    assert "BUY 5 NSE\\:INFY on :blue[●] main, sent 10:30:00 IST." in found[0].words
    assert "do not place it again" in found[0].words
    assert (found[0].path, found[0].query) == ("orders", {"account": "main"})


def test_an_outcome_that_only_a_person_can_settle_is_a_line_of_its_own() -> None:
    lost = orders({"status": "UNKNOWN", "unsettled": True}, {"status": "UNKNOWN"})
    assert [need.key for need in needs(facts(unknown=lost), (), NOW)] == ["unsettled", "unknown"]


def test_the_queue_says_how_many_wait_and_since_when_both_ways() -> None:
    (need,) = needs(facts(queue=orders({"source": "WEBHOOK", "platform": "TRADINGVIEW", "strategy": "ORB_1"}, {})), (), NOW)
    assert need.chip.text == "◔ 2 orders wait in the queue"
    assert need.words == "oldest from 3 min ago (10:27:00 IST), TradingView · ORB\\_1"


def test_what_the_broker_refused_and_what_risk_stopped_are_told_apart() -> None:
    found = needs(
        facts(
            faulty=orders(
                {"status": OrderStatus.REJECTED.value, "broker_reason": "RMS: margin"},
                {"status": OrderStatus.REJECTED_RISK.value, "risk_note": "too large"},
                {"status": OrderStatus.FAILED.value},
            )
        ),
        (),
        NOW,
    )
    assert [(need.chip.text, need.chip.tone.value) for need in found] == [
        ("✕ 2 orders failed today", "red"),
        ("✕ 1 order stopped by risk today", "orange"),
    ]
    assert "RMS\\: margin" in found[0].words
    assert "too large" in found[1].words


@pytest.mark.parametrize(
    ("state", "chip", "words"),
    [
        ("expired", "▲ 1 session expired", ":violet[■] huf since 10:30:00 IST"),
        ("error", "▲ 1 session in doubt", ":violet[■] huf: no answer"),
        ("never", "○ 1 not connected", ":violet[■] huf"),
    ],
)
def test_a_login_that_ended_leads_to_the_account_it_is_of(state: str, chip: str, words: str) -> None:
    told = accounts(state=state, error="no answer")
    (need,) = needs(facts(accounts=told), (HUF,), NOW)
    assert (need.chip.text, need.words, need.path, need.query) == (chip, words, "brokers", {"connect": "huf"})
    assert needs(facts(accounts=accounts(state=state, enabled=False)), (HUF,), NOW) == []


def test_a_frozen_account_says_why_it_sends_nothing() -> None:
    (need,) = needs(facts(accounts=accounts(frozen_reason="two rows *one* tag")), (HUF,), NOW)
    assert need.words == ":violet[■] huf sends nothing: two rows \\*one\\* tag"


def test_accounts_left_out_and_the_holdings_switch_are_remembered(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened("home", stage, monkeypatch)
    assert app.session_state[CHOSEN] == [KITE, SMART]
    assert any("Without kite: never read." in each.value for each in app.markdown)
    app.button_group(key=CHOSEN).set_value([SMART]).run()
    app.toggle(key=SWITCH).set_value(False).run()
    assert not app.exception
    assert not any("kite: never read" in each.value for each in app.markdown)
    assert not any("Holdings value" in metric.label for metric in app.metric)
    assert stage.desk.settings.get(EXCLUDED) == KITE
    assert stage.desk.settings.get(HOLDINGS) is False
    assert opened("home", stage, monkeypatch).session_state[CHOSEN] == [SMART]


def test_what_needs_a_person_stands_on_home(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.order(None, queue=True)
    stage.resting()
    app = opened("home", stage, monkeypatch)
    assert any("1 order waits in the queue" in each.value for each in app.markdown)
    assert next(metric for metric in app.metric if "Working" in metric.label).value == "1"
