"""What the machine says of the place where an installation lives."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

from sigma.infra.machine import LocalMachine
from tests.services.rooms import HandClock


def test_the_place_tells_modes_room_and_where_the_key_is(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o750)
    (home / "key").touch(mode=0o600)
    place = LocalMachine(home, HandClock(), {}).place()
    assert (place.home, place.home_mode, place.key_mode, place.key_given) == (str(home), 0o750, 0o600, False)
    assert place.free_bytes is not None
    assert place.free_bytes > 0
    assert LocalMachine(home, HandClock(), {"SIGMA_KEY": "given"}).place() == replace(
        place, key_given=True, free_bytes=LocalMachine(home, HandClock(), {"SIGMA_KEY": "given"}).place().free_bytes
    )


def test_a_folder_that_is_not_there_is_said_and_not_an_error(tmp_path: Path) -> None:
    place = LocalMachine(tmp_path / "nothing", HandClock(), {}).place()
    assert (place.home_mode, place.key_mode, place.free_bytes) == (None, None, None)


def test_the_disk_is_asked_again_after_ten_seconds_and_not_before(tmp_path: Path) -> None:
    clock = HandClock()
    machine = LocalMachine(tmp_path, clock, {})
    assert machine.place().key_mode is None
    (tmp_path / "key").touch(mode=0o600)
    clock.pass_by(9)
    assert machine.place().key_mode is None
    clock.pass_by(1)
    assert machine.place().key_mode == 0o600


def test_the_way_out_is_an_address_or_none(tmp_path: Path) -> None:
    found = LocalMachine(tmp_path, HandClock(), {}).outgoing()
    assert found is None or ip_address(found).version == 4
