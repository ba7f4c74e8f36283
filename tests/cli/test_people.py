"""`sigma user password`: the way in for whoever sits at the machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import sigma
from sigma.domain.errors import Denied
from tests.cli.conftest import invoke
from tests.cli.test_desk_commands import read_until

GOOD = "three quiet horses"


@pytest.fixture
def home(empty: Path) -> Path:
    assert invoke("db", "upgrade").code == 0
    return empty


def test_the_owner_s_password_is_set_from_standard_input_and_signs_everybody_out(home: Path) -> None:
    first = invoke("user", "password", "--stdin", typed=f"{GOOD}\n")
    assert (first.code, first.out) == (0, "The owner's password is set. Signed out: 0.\n")
    with sigma.entrance(process="") as entrance:
        token = entrance.sign_in("owner", GOOD, address="")
        # As a file written on Windows ends its lines; spaces belong to the password.
        again = invoke("user", "password", "--stdin", typed=" four loud engines \r\n")
        assert (again.code, again.out) == (0, "The owner's password is set. Signed out: 1.\n")
        with pytest.raises(Denied):
            entrance.sign_in("owner", GOOD, address="")
        assert entrance.sign_in("owner", " four loud engines ", address="")
    with sigma.entrance(process="") as entrance:
        assert entrance.visitor(token) is None
    assert GOOD not in first.out + first.err


@pytest.mark.parametrize("typed", ["", "short\n", "aaaaaaaaaaaaaaa\n"])
def test_a_weak_password_is_refused_and_the_old_one_stays(home: Path, typed: str) -> None:
    assert invoke("user", "password", "--stdin", typed=f"{GOOD}\n").code == 0
    refused = invoke("user", "password", "--stdin", typed=typed)
    assert refused.code == 1
    assert "A password" in refused.err
    with sigma.entrance(process="") as entrance:
        assert entrance.sign_in("owner", GOOD, address="")


def test_without_a_terminal_it_says_how_to_pass_the_password(home: Path) -> None:
    refused = invoke("user", "password", typed=f"{GOOD}\n")
    assert refused.code == 1
    assert "--stdin" in refused.err
    with sigma.entrance(process="") as entrance:
        assert entrance.needs_owner


@pytest.mark.parametrize(("second", "told"), [(GOOD, "The owner's password is set"), ("three quiet houses", "differ")])
def test_at_a_terminal_it_is_asked_for_twice_and_not_shown(home: Path, second: str, told: str) -> None:
    terminal, other = os.openpty()
    command = [sys.executable, "-m", "sigma.cli", "user", "password"]
    process = subprocess.Popen(command, stdin=other, stdout=other, stderr=other, start_new_session=True)
    os.close(other)
    seen = read_until(terminal, "New password (hidden): ")
    os.write(terminal, f"{GOOD}\n".encode())
    seen += read_until(terminal, "The same again (hidden): ")
    os.write(terminal, f"{second}\n".encode())
    seen += read_until(terminal, told)
    assert process.wait(timeout=60) == (0 if second == GOOD else 1)
    os.close(terminal)
    assert GOOD not in seen
    assert second not in seen
