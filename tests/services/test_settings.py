"""Settings: typed, bounded, owned, audited, and cached for a second."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma.domain.errors import ConfigError, Denied, InvalidInput
from sigma.domain.settings import SETTINGS
from sigma.services.settings import SettingsService
from tests.services.rooms import Rooms


def test_an_unset_setting_has_its_default_and_the_type_of_the_registry(rooms: Rooms) -> None:
    for name, spec in SETTINGS.items():
        assert rooms.settings.get(name) == spec.default
        assert type(rooms.settings.get(name)) is spec.kind


def test_a_changed_setting_is_read_back_typed_and_is_an_audit_event(rooms: Rooms) -> None:
    assert rooms.settings.set("signals.rate", "250", user_id=rooms.user) == 250
    assert rooms.settings.get("signals.rate") == 250
    (event,) = rooms.audit("SETTING_CHANGED")
    assert event.text == "signals.rate was 300, is 250"
    assert (event.detail["before"], event.detail["after"]) == ("300", "250")


@pytest.mark.parametrize("value", ["0", 10_001, "many", "", None, True])
def test_a_value_out_of_bounds_or_of_another_type_is_refused_and_nothing_changes(rooms: Rooms, value: object) -> None:
    with pytest.raises(InvalidInput):
        rooms.settings.set("signals.rate", value, user_id=rooms.user)
    assert rooms.settings.get("signals.rate") == 300
    assert not rooms.audit("SETTING_CHANGED")


def test_an_unknown_name_is_refused(rooms: Rooms) -> None:
    with pytest.raises(InvalidInput, match="no setting"):
        rooms.settings.get("signals.colour")


def test_a_setting_of_the_installation_belongs_to_its_owner(rooms: Rooms) -> None:
    with rooms.store.database.write() as link:
        link.connection.exec_driver_sql("update users set role = 'trader'")
    with pytest.raises(Denied):
        rooms.settings.set("signals.rate", 10, user_id=rooms.user)
    assert rooms.settings.set("instruments.default_exchange", "BSE", user_id=rooms.user) == "BSE"


def test_a_user_s_setting_is_that_user_s_and_not_the_installation_s(rooms: Rooms) -> None:
    rooms.settings.set("instruments.default_exchange", "BSE", user_id=rooms.user)
    assert rooms.settings.get("instruments.default_exchange", rooms.user) == "BSE"
    assert rooms.settings.get("instruments.default_exchange") == "NSE"


def test_another_process_s_change_is_seen_after_a_second_and_not_before(rooms: Rooms) -> None:
    other = SettingsService(rooms.store, rooms.clock, rooms.events)
    assert other.get("signals.rate") == 300
    rooms.settings.set("signals.rate", 10, user_id=rooms.user)
    rooms.clock.pass_by(0.9)
    assert other.get("signals.rate") == 300
    rooms.clock.pass_by(0.2)
    assert other.get("signals.rate") == 10


def test_a_stored_value_that_no_longer_fits_is_said_and_does_not_become_the_default(rooms: Rooms) -> None:
    with rooms.store.begin() as tx:
        tx.journal.put_setting(None, "signals.rate", "0")
    with pytest.raises(ConfigError, match=r"signals\.rate"):
        rooms.settings.get("signals.rate")
    assert rooms.settings.get("sync.active") == 5.0


def test_the_table_names_every_setting_and_what_was_changed(rooms: Rooms) -> None:
    rooms.settings.set("sync.active", 3, user_id=rooms.user)
    table = {row.spec.name: row for row in rooms.settings.table(rooms.user)}
    assert list(table) == sorted(SETTINGS)
    assert table["sync.active"].value == 3.0
    assert [name for name, row in table.items() if row.changed] == ["sync.active"]


@given(st.sampled_from(sorted(SETTINGS)), st.one_of(st.text(max_size=20), st.floats(), st.integers(), st.booleans()))
def test_whatever_the_registry_takes_it_takes_again_from_its_text(name: str, value: object) -> None:
    spec = SETTINGS[name]
    try:
        parsed = spec.parse(value)
    except InvalidInput:
        return
    assert spec.parse(str(parsed).lower() if isinstance(parsed, bool) else str(parsed)) == parsed


@pytest.mark.parametrize("name", ["orders.preferred_account", "market.source_account"])
def test_a_setting_that_names_an_account_takes_only_one_that_there_is(rooms: Rooms, name: str) -> None:
    rooms.account("ann")
    with pytest.raises(InvalidInput, match=rf"Setting {name} takes the name of an account, and there is none 'bob'") as refused:
        rooms.settings.set(name, "bob", user_id=rooms.user)
    assert refused.value.hint == "Accounts: ann."
    assert (rooms.settings.get(name, rooms.user), rooms.audit("SETTING_CHANGED")) == ("", [])
    assert rooms.settings.set(name, "ann", user_id=rooms.user) == "ann"
    assert rooms.settings.set(name, "", user_id=rooms.user) == ""
