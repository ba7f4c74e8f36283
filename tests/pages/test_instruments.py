"""Instruments: finding a listing, what it is at each broker, its chain; settling rows; masters from files and downloads."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import instrument_masters, instrument_search, session
from pages.ui.instrument_chain import AT_THE_MONEY, as_rows, expiry_words, reference
from pages.ui.instrument_details import facts, valid
from pages.ui.instrument_masters import report_words
from pages.ui.instrument_search import found_words
from sigma.desk.entrance import Entrance
from sigma.domain.errors import Denied
from sigma.domain.instruments import Exchange, Kind, Listing, MasterReport
from tests.orders.conftest import server, stage, template
from tests.orders.stage import Stage

__all__ = ["server", "stage", "template"]
PAGE = """
from pages.instruments import render
from pages.ui.dialogs import draw_wanted
from pages.ui.navigation import menu

menu("owner", {})
draw_wanted()
render()
"""
HEADER = "SYMBOL,NAME OF COMPANY, SERIES, DATE OF LISTING, PAID UP VALUE, MARKET LOT, ISIN NUMBER, FACE VALUE"
OTHERS = ("TCS", "SBIN", "ITC", "WIPRO", "RELIANCE", "HDFCBANK", "LT", "AXISBANK", "MARUTI")
INFY = "INFY,Infosys Limited,EQ,08-FEB-1995,5,1,INE009A01021,5"
TCS = "TCS,Tata Consultancy Services Limited,EQ,25-AUG-2004,1,1,INE467B01029,1"
SHARES = (INFY, *(f"{name},{name} Limited,EQ,01-JAN-2000,1,1,INE00000000{place},1" for place, name in enumerate(OTHERS)))
OLD_INFY = "INFYOLD,Infosys Limited,EQ,08-FEB-1995,5,1,INE009A01021,5"
Open = Callable[..., AppTest]


def shares(*lines: str) -> bytes:
    return "\n".join([HEADER, *lines]).encode()


@pytest.fixture
def opened(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Open the page as the owner, in a browser session of its own."""
    entrance = Entrance(stage.house)
    monkeypatch.setattr(session, "entrance", lambda: entrance)

    def open_page(**query: Any) -> AppTest:
        app = AppTest.from_string(PAGE, default_timeout=60)
        app.session_state[session.SIGN_IN] = entrance.sign_in_owner()
        for name, value in query.items():
            app.query_params[name] = value
        return run(app)

    return open_page


def run(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception
    return app


def press(app: AppTest, begins: str) -> AppTest:
    """Press the one button whose key begins like this."""
    (found,) = [button for button in app.button if str(button.key).startswith(begins)]
    found.click()
    return run(app)


def buttons(app: AppTest, begins: str) -> list[str]:
    return [str(button.key) for button in app.button if str(button.key).startswith(begins)]


def table(app: AppTest, column: str) -> list[Any]:
    return next((list(one.value[column]) for one in app.dataframe if column in one.value), [])


def texts(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.warning, app.error, app.info, app.subheader)
    return " ".join(one.value for kind in kinds for one in kind)


def search(app: AppTest, text: str) -> AppTest:
    app.text_input(key=instrument_search.SEARCH).set_value(text)
    return run(app)


def tick(app: AppTest, key: str, place: int = 0) -> AppTest:
    """Tick a row of the table with this key, as the browser reports it."""
    generation = app.session_state[f"{key}:rows"][0]
    app.session_state[f"{key}:{generation}"] = {"selection": {"rows": [place], "columns": [], "cells": []}}
    return run(app)


def test_what_is_typed_is_found_and_narrowed_by_exchange_and_kind(opened: Open) -> None:
    app = opened()
    assert "Type part of a symbol" in texts(app)
    search(app, "infy")
    assert table(app, "listing") == ["BSE:INFY", "NSE:INFY"]
    app.button_group(key=instrument_search.EXCHANGE).set_value("NSE")
    run(app)
    assert table(app, "listing") == ["NSE:INFY"]
    assert "1 listing" in texts(app)
    app.button_group(key=instrument_search.KIND).set_value("INDEX")
    run(app)
    assert "No listing has all of that" in texts(app)
    search(app, "")
    assert set(table(app, "kind")) == {"Index"}


def test_many_are_shown_a_few_first_and_more_on_demand(opened: Open) -> None:
    app = search(opened(), "nifty ce")
    assert len(table(app, "listing")) == instrument_search.FEW
    press(app, "instruments-more")
    assert len(table(app, "listing")) == instrument_search.MANY
    search(app, "nifty pe")
    assert len(table(app, "listing")) == instrument_search.FEW


def test_a_ticked_row_is_told_in_full_and_stands_in_the_address(opened: Open) -> None:
    app = search(opened(), "infy")
    assert "Tick a listing" in texts(app)
    tick(app, instrument_search.TABLE, 1)
    assert app.query_params["listing"] == "NSE:INFY"
    assert table(app, "symbol") == ["INFY-EQ", "INFY"]
    assert table(app, "token") == ["1594", "408065"]
    said = texts(app)
    assert "Share · INFOSYS" in said
    assert ":gray[Tick ₹] **0.10**" in said
    assert "₹1,500.00" in said, "its source was asked, since no price was stored"
    assert buttons(app, "instruments-BUY:") == ["instruments-BUY:NSE:INFY"]
    press(app, "instruments-BUY:")
    assert app.session_state["ticket-listing"] == "NSE:INFY"


def test_an_index_is_told_with_its_expiries_and_its_chain_around_the_money(opened: Open) -> None:
    app = opened(listing="NIFTY")
    assert not buttons(app, "instruments-BUY:"), "an index cannot be bought"
    assert "Contracts on NSE\\:NIFTY 50" in texts(app)
    assert len(buttons(app, "instruments-future:")) == 3
    strikes, money = table(app, "strike"), table(app, "money")
    assert len(strikes) == 13
    assert money.index(AT_THE_MONEY) == 6
    assert "Strikes around" in texts(app)
    (expiry,) = [box for box in app.selectbox if str(box.key).startswith("instruments-expiry")]
    assert expiry.options[:2] == ["Tue 24 Nov 2026 · monthly", "Tue 01 Dec 2026 · weekly"]
    expiry.select_index(1)
    run(app)
    assert table(app, "call_name")[6].startswith("NIFTY26D01")


def test_the_contracts_of_a_ticked_strike_can_be_looked_at(opened: Open) -> None:
    app = opened(listing="NSE:NIFTY 50")
    name = table(app, "put_name")[6]
    tick(app, "instruments-chain:NSE:NIFTY 50:2026-11-24", 6)
    press(app, "instruments-put:")
    assert app.query_params["listing"] == f"NFO:{name}"
    said = texts(app)
    assert ":gray[Type] **Put**" in said
    assert ":gray[On] **NSE\\:NIFTY 50**" in said
    assert ":gray[Expires] **Tue 24 Nov 2026**" in said
    assert "until" not in table(app, "valid")[0]


def test_a_name_that_nothing_has_offers_near_ones(opened: Open) -> None:
    app = opened(listing="NSE:RELIANC")
    assert "There is no listing NSE\\:RELIANC" in texts(app)
    press(app, "instruments-near:NSE:RELIANCE")
    assert app.query_params["listing"] == "NSE:RELIANCE"
    assert table(app, "symbol") == ["RELIANCE-EQ", "RELIANCE"]


def load(app: AppTest, source: str, data: bytes) -> AppTest:
    app.file_uploader[0].set_value(("EQUITY_L.csv", data, "text/csv"))
    app.selectbox(key=instrument_masters.SOURCE).select(source)
    run(app)
    return press(app, "go_masters_load")


def test_a_file_is_loaded_and_teaches_its_isins(opened: Open, stage: Stage) -> None:
    app = opened(part="Masters")
    assert table(app, "said") == ["✓ taken", "never", "never", "never", "✓ taken"]
    assert pd.isna(table(app, "aside")[1])
    load(app, "nse", shares(INFY, TCS, "BAD,Bad,EQ,,,,NOISIN,"))
    assert "NSE's list of shares" in texts(app).replace("\\", "")
    assert "1 unread" in texts(app)
    assert table(app, "said")[3] == "✓ taken"
    assert stage.desk.instruments.get("NSE:INFY").isin == "INE009A01021"
    tick(app, instrument_masters.TABLE, 3)
    assert any("its ISIN is 'NOISIN'" in block.value for block in app.code)


def test_a_file_that_is_another_one_changes_nothing_and_says_so(opened: Open, stage: Stage) -> None:
    app = opened(part="Masters")
    load(app, "nse", b"price,volume\n1,2\n")
    assert ":red[✕] NSE's list of shares" in texts(app).replace("\\", "")
    load(app, "zerodha", b"price,volume\n1,2\n")
    assert "the old table of 1,699 listings stays" in texts(app).replace("\\", "")
    assert table(app, "said")[4].startswith("✕ not taken: the download failed")
    assert stage.desk.instruments.get("NSE:INFY").lot_size == 1


def test_the_brokers_lists_are_downloaded_again(opened: Open) -> None:
    app = opened(part="Masters")
    press(app, "go_masters_refresh")
    said = texts(app)
    assert said.count("1,699 listings, nothing new") == 2
    assert table(app, "said") == ["✓ nothing new", "never", "never", "never", "✓ nothing new"]


def test_a_list_is_taken_whatever_it_is_after_a_yes_only(opened: Open, stage: Stage) -> None:
    app = tick(opened(part="Masters"), instrument_masters.TABLE, 4)
    before = stage.desk.instruments.masters()["version"].tolist()[4]
    press(app, "masters-force:")
    assert stage.desk.instruments.masters()["version"].tolist()[4] == before
    press(app, "go_act:masters-force")
    assert stage.desk.instruments.masters()["version"].tolist()[4] == before + 1


def test_a_row_that_contradicts_another_is_settled_and_that_is_taken_back(opened: Open, stage: Stage) -> None:
    stage.desk.instruments.load("nse", shares(*SHARES))
    stage.desk.instruments.load("nse", shares(*SHARES, OLD_INFY))
    app = opened(part="Quarantine")
    assert sorted(table(app, "symbol")) == ["INFY", "INFYOLD"]
    place = table(app, "symbol").index("INFYOLD")
    assert "would all be NSE:INFY" in table(app, "reason")[place]
    tick(app, "quarantine-rows", place)
    press(app, "quarantine-settle:")
    press(app, "settle-out:nse")
    (said,) = stage.desk.instruments.overrides().itertuples()
    assert (said.symbol, pd.isna(said.listing)) == ("INFYOLD", True)
    assert table(app, "settled")[place] == "left out"
    assert table(app, "is") == ["left out"]
    tick(app, "quarantine-said", 0)
    press(app, "quarantine-undo:")
    assert len(stage.desk.instruments.overrides()) == 1
    press(app, "go_act:unsettle")
    assert stage.desk.instruments.overrides().empty


def test_what_a_row_is_can_be_searched_and_counts_from_the_next_refresh(opened: Open, stage: Stage) -> None:
    stage.desk.instruments.load("nse", shares(*SHARES))
    stage.desk.instruments.load("nse", shares(*SHARES, OLD_INFY))
    app = opened(part="Quarantine")
    tick(app, "quarantine-rows", table(app, "symbol").index("INFY"))
    press(app, "quarantine-settle:")
    app.text_input(key="settle-search").set_value("relian")
    run(app)
    assert "settle-found:NSE:RELIANCE" in buttons(app, "settle-found:")
    assert "settle-found:BSE:RELIANCE" not in buttons(app, "settle-found:"), "the row is of the NSE"
    press(app, "settle-take:NSE:INFY")
    press(app, "go_settle:")
    assert stage.desk.instruments.overrides()["listing"].tolist() == ["NSE:INFY"]
    stage.desk.instruments.load("nse", shares(*SHARES, OLD_INFY))
    run(app)
    assert table(app, "symbol")[:1] == ["INFYOLD"]


def test_who_is_not_the_owner_looks_and_changes_nothing(opened: Open, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pages.ui.instrument_masters", "pages.ui.instrument_quarantine"):
        monkeypatch.setattr(f"{name}.is_owner", lambda: False)
    stage.desk.instruments.load("nse", shares(*SHARES, OLD_INFY))
    app = opened(part="Masters")
    assert not app.file_uploader
    assert not buttons(app, "go_masters")
    app = opened(part="Quarantine")
    assert not buttons(app, "quarantine-")


def test_the_core_too_lets_only_the_owner_change_the_table(stage: Stage) -> None:
    stage.desk.instruments.load("nse", shares(*SHARES, OLD_INFY))
    with stage.house.store.database.write() as link:
        link.connection.exec_driver_sql("update users set role = 'viewer'")
    row = ("nse", "NSE", "INFYOLD", "INFYOLD")
    for change in (
        lambda: stage.desk.instruments.load("nse", shares(*SHARES), force=True),
        lambda: stage.desk.instruments.settle(*row, leave_out=True),
        lambda: stage.desk.instruments.unsettle(*row),
    ):
        with pytest.raises(Denied, match="The instrument table belongs to the installation"):
            change()


OPTION = Listing(Exchange.NFO, "NIFTY26NOV25000CE", Kind.OPTION, expiry=date(2026, 11, 24), underlying="NSE:NIFTY 50")
GOLD = Listing(Exchange.MCX, "GOLD26DECFUT", Kind.FUTURE, expiry=date(2026, 12, 4), underlying="GOLD")


def test_what_is_at_the_money_is_known_by_the_underlying_else_by_its_nearest_future() -> None:
    futures = pd.DataFrame({"listing": ["MCX:GOLD26DECFUT", "MCX:GOLD27FEBFUT"]})
    assert reference(OPTION, futures) == "NSE:NIFTY 50"
    assert reference(GOLD, futures) == "MCX:GOLD26DECFUT"
    assert reference(GOLD, futures.head(0)) is None
    assert reference(Listing(Exchange.NSE, "INFY", Kind.EQUITY), futures) == "NSE:INFY"


def test_of_two_strikes_equally_near_the_lower_is_at_the_money() -> None:
    chain = pd.DataFrame({"strike": [100.0, 110.0], "call": ["NFO:A", None], "put": ["NFO:B", "NFO:C"]})
    prices = pd.DataFrame({"listing": ["NFO:B"], "last_price": [4.5]})
    table = as_rows(chain, prices, 105.0)
    assert list(table["money"]) == [AT_THE_MONEY, ""]
    assert list(table["call_name"]) == ["A", "—"]
    assert table["put_price"].tolist()[0] == 4.5
    assert table["call_price"].isna().all()
    assert list(as_rows(chain, prices, None)["money"]) == ["", ""]


def test_only_what_concerns_a_kind_is_told() -> None:
    index = Listing(Exchange.NSE, "NIFTY 50", Kind.INDEX)
    assert facts(index) == []
    assert [what for what, _ in facts(OPTION)] == ["On", "Expires", "Lot", "Tick ₹", "Freeze"]
    assert dict(facts(Listing(Exchange.NSE, "INFY", Kind.EQUITY)))["ISIN"] == "—"


def test_spans_counts_and_reports_read_as_people_say_them() -> None:
    first, last = date(2026, 11, 20), date(2026, 11, 24)
    assert [valid(first, last), valid(first, None), valid(None, last), valid(None, None)] == [
        "20 Nov 2026 to 24 Nov 2026",
        "since 20 Nov 2026",
        "until 24 Nov 2026",
        "—",
    ]
    assert expiry_words(last, "MONTHLY") == "Tue 24 Nov 2026 · monthly"
    assert [found_words(1, 12), found_words(5, 12)] == ["1 listing", "5 listings"]
    assert found_words(13, 12).startswith("The 12 likeliest")
    report = MasterReport("x", 3, 150_000, 12, 0, 4, ("a",), (), 1.0)
    assert report_words(report) == "1,50,000 listings, 12 added, 4 changed, 1 set aside"
