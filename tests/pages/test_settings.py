"""Settings: drawn from the registry, saved by the core, and nothing that is refused takes the old value's place."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from pages import settings as page
from pages.ui import password as form
from pages.ui import session
from pages.ui.settings_words import account_options, facts, grouped, label, last_changes, limits, value_words
from sigma.desk.entrance import Entrance
from sigma.domain.errors import Denied
from sigma.domain.settings import SETTINGS, SettingScope, setting
from tests.orders.conftest import FRIDAY, server, stage, template
from tests.orders.stage import KITE, Stage, eventually
from tests.pages.signed_in import opened

__all__ = ["server", "stage", "template"]
OLD, NEW = "three quiet horses", "four loud engines"


def settings(stage: Stage, patch: pytest.MonkeyPatch, part: str = "") -> AppTest:
    entrance = Entrance(stage.house)
    patch.setattr(form, "entrance", lambda: entrance)
    return opened("settings", stage, patch, **({page.PART: part} if part else {}))


def drawn(app: AppTest) -> set[str]:
    """Return the names of the settings that have a widget."""
    widgets = (*app.number_input, *app.toggle, *app.selectbox, *app.text_input)
    return {str(one.key).removeprefix("value-") for one in widgets if str(one.key).startswith("value-")}


def refused(app: AppTest) -> list[str]:
    """Return what the page says went wrong; that no worker runs here is not of this page."""
    return [error.value for error in app.error if "worker" not in error.value]


def draws_the_dialog() -> None:
    import streamlit as st

    from pages.ui.dialogs import draw_wanted
    from pages.ui.webhook import new_secret

    draw_wanted()
    if st.session_state.pop("ask", False):
        new_secret(True)


def test_every_setting_is_in_one_group_and_the_groups_for_every_day_come_first() -> None:
    groups = grouped(SETTINGS.values())
    names = [spec.name for group in groups for spec in (*group.everyday, *group.advanced)]
    assert sorted(names) == sorted(SETTINGS)
    assert [bool(group.everyday) for group in groups] == sorted((bool(group.everyday) for group in groups), reverse=True)


def test_the_search_looks_at_names_and_help() -> None:
    def found(text: str) -> list[str]:
        return [spec.name for group in grouped(SETTINGS.values(), text) for spec in (*group.everyday, *group.advanced)]

    assert found("refresh EVERY") == ["portfolio.refresh_every"]
    assert found("stays signed in") == ["sign_in.lasts_hours"]
    assert found("nothing has this") == []


def test_a_setting_says_its_default_range_scope_and_last_change(stage: Stage) -> None:
    stage.desk.settings.set("sync.idle", 30)
    stage.desk.settings.set("sync.idle", 20)
    changes = last_changes(stage.desk.events(kind="SETTING_CHANGED", limit=None), "owner")
    told = facts(setting("sync.idle"), changes["sync.idle"], stage.desk.now())
    assert told.startswith("Default 45 s · 1 to 600 s · for the whole installation · changed ")
    assert told.endswith("IST by owner, was 30.0")
    assert facts(setting("dashboard.include_holdings"), None, FRIDAY) == "Default on · yours alone"


def test_ranges_and_values_read_like_words() -> None:
    assert label(setting("orders.approval_max_age")) == "Approval max age"
    assert limits(setting("portfolio.refresh_every")) == "60 to 180 s, 0 switches it off"
    assert limits(setting("instruments.stale_policy")) == "warn or fail"
    assert value_words(setting("sign_in.failed_rate"), 10) == "10 per minute"
    assert value_words(setting("market.source_account"), "") == "empty"


def test_a_setting_that_names_an_account_offers_those_there_are_and_shows_one_that_is_gone() -> None:
    assert account_options(["main"], "") == ["", "main"]
    assert account_options(["main"], "old") == ["", "main", "old"]


def test_the_page_draws_every_setting_and_saves_each_when_it_changes(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    app = settings(stage, monkeypatch)
    assert drawn(app) == {name for name, spec in SETTINGS.items() if not spec.advanced}
    app.text_input(key=page.SEARCH).set_value(".").run()
    assert drawn(app) == set(SETTINGS), "a search unfolds the advanced ones, and each name has a point"
    app.number_input(key="value-sync.idle").set_value(90.0).run()
    app.toggle(key="value-dashboard.include_holdings").set_value(False).run()
    app.selectbox(key="value-orders.preferred_account").set_value(KITE).run()
    app.selectbox(key="value-instruments.default_exchange").set_value("BSE").run()
    assert not app.exception
    got = stage.desk.settings.get
    assert (got("sync.idle"), got("dashboard.include_holdings")) == (90.0, False)
    assert (got("orders.preferred_account"), got("instruments.default_exchange")) == (KITE, "BSE")
    app.button(key="reset-sync.idle").click().run()
    assert got("sync.idle") == setting("sync.idle").default
    assert app.number_input(key="value-sync.idle").value == setting("sync.idle").default


def test_a_value_that_the_core_refuses_leaves_the_old_one_and_its_reason(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.desk.settings.set("portfolio.refresh_every", 90)
    app = settings(stage, monkeypatch)
    app.number_input(key="value-portfolio.refresh_every").set_value(30.0).run()
    (told,) = refused(app)
    assert "must lie between 60" in told
    assert app.number_input(key="value-portfolio.refresh_every").value == 90.0
    assert stage.desk.settings.get("portfolio.refresh_every") == 90.0


def test_a_stored_value_that_does_not_fit_is_told_and_reset(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    with stage.house.store.begin() as tx:
        tx.journal.put_setting(None, "sync.idle", "soon")
    app = settings(stage, monkeypatch)
    assert eventually(lambda: any("does not fit" in told for told in refused(app.run()))), "values are cached for a second"
    app.button(key="reset-sync.idle").click().run()
    assert not refused(app)
    assert stage.desk.settings.get("sync.idle") == setting("sync.idle").default


def test_whoever_does_not_own_the_installation_sees_only_their_own_settings(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "is_owner", lambda: False)
    monkeypatch.setattr(page, "may_trade", lambda: False)
    app = settings(stage, monkeypatch)
    assert drawn(app) == {name for name, spec in SETTINGS.items() if spec.scope is SettingScope.USER}
    assert "Webhook" not in [tab.label for tab in app.tabs]


def test_a_new_webhook_secret_is_shown_once_and_works(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    entrance = Entrance(stage.house)
    monkeypatch.setattr(session, "entrance", lambda: entrance)
    app = AppTest.from_function(draws_the_dialog, default_timeout=60)
    app.session_state[session.SIGN_IN] = entrance.sign_in_owner()
    app.session_state["ask"] = True
    app.run()
    assert not app.code
    assert stage.house.signals.identify(stage.secret) == stage.user_id, "asked, and nothing is done yet"
    app.button(key="go_webhook").click().run()
    (secret,) = [code.value for code in app.code]
    assert stage.house.signals.identify(secret) == stage.user_id
    with pytest.raises(Denied):
        stage.house.signals.identify(stage.secret)
    app.run()
    assert not app.code


def test_the_webhooks_address_is_where_it_says_that_it_listens(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    app = settings(stage, monkeypatch, "Webhook")
    assert any("has not said where it listens" in text.value for text in app.markdown)
    assert not drawn(app), "only the part that the address names is drawn"
    stage.house.events.beat("gateway", {"address": "http://127.0.0.1:8765"})
    app.run()
    assert "http://127.0.0.1:8765/webhook/tradingview" in {code.value for code in app.code}


def change(app: AppTest, old: str, new: str, again: str) -> list[str]:
    """Send the form and return what was said against it."""
    for key, value in (("old", old), ("new", new), ("again", again)):
        app.text_input(key=f"password-{key}").set_value(value)
    app.button(key="go_password").click().run()
    assert not app.exception
    return refused(app)


def test_a_password_is_changed_with_the_old_one_and_the_new_one_twice(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Entrance(stage.house).claim(OLD)
    app = settings(stage, monkeypatch, "Password")
    assert "differ" in change(app, OLD, NEW, NEW + "x")[0]
    assert "old password is wrong" in change(app, "not the old one", NEW, NEW)[0]
    assert "characters" in change(app, OLD, "short", "short")[0]
    assert change(app, OLD, NEW, NEW) == []
    assert Entrance(stage.house).sign_in("owner", NEW, address="127.0.0.1")
    assert Entrance(stage.house).visitor(other) is None, "other sign-ins end"
    assert not app.run().exception, "this sign-in stays"


def test_where_nobody_has_a_password_there_is_none_to_change(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    app = settings(stage, monkeypatch, "Password")
    assert any("Nobody has chosen a password" in text.value for text in app.markdown)
    assert "go_password" not in {button.key for button in app.button}
