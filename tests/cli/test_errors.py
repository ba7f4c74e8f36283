"""What goes wrong is said in a sentence with a way out, never as a traceback; usage errors end with 2, others with 1."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from sigma.cli import state
from sigma.cli.processes import check_free
from sigma.domain.errors import ConfigError
from tests.cli.conftest import Run, invoke, popen


@pytest.fixture
def taken() -> int:
    """A port that somebody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["orders", "show", "twelve"], ["approve", "3"], ["orders", "place", "BUY"], ["kill", "sideways"]]
)
def test_a_usage_error_ends_with_two(empty: Path, arguments: list[str]) -> None:
    answer = invoke(*arguments)
    assert answer.code == 2
    assert "Usage" in answer.err
    assert not empty.exists()


@pytest.mark.parametrize("arguments", [["orders"], ["up"], ["holdings", "main"], ["webhook", "secret"], ["backup", "x.zip"]])
def test_without_an_installation_every_command_says_how_to_make_one(empty: Path, arguments: list[str]) -> None:
    answer = invoke(*arguments)
    assert answer.code == 1
    assert "sigma db upgrade" in answer.err
    assert "Traceback" not in answer.err + answer.out
    assert not empty.exists()


def test_an_unknown_order_account_and_listing_are_named(cli: Run) -> None:
    for arguments, word in (
        (["orders", "show", "99999"], "99999"),
        (["holdings", "nobody"], "nobody"),
        (["orders", "place", "BUY", "1", "NSE:NOSUCH", "-a", "angel", "-y"], "NSE:NOSUCH"),
        (["orders", "--status", "PENDING"], "PENDING"),
        (["settings", "get", "no.such"], "no.such"),
        (["sim", "code", "ZZ9999"], "ZZ9999"),
    ):
        answer = cli(*arguments)
        assert answer.code == 1, arguments
        assert word in answer.err
        assert answer.err.startswith("✕ ")


def test_a_taken_port_is_said_before_anything_starts(cli: Run, taken: int) -> None:
    for command in ("up", "gateway", "sim", "demo"):
        answer = cli(command, "--port", str(taken))
        assert answer.code == 1
        assert f"Port {taken} on 127.0.0.1 is in use by another program." in answer.err
        assert f"--port {taken + 1}" in answer.err


def test_an_address_of_another_machine_cannot_be_listened_on() -> None:
    with pytest.raises(ConfigError, match="cannot be listened on"):
        check_free("192.0.2.1", 8765, otherwise="")


def test_an_error_of_the_machine_is_a_sentence(empty: Path) -> None:
    answer = invoke("--home", "/dev/null/home", "db", "upgrade")
    assert answer.code == 1
    assert answer.err == "✕ /dev/null/home: Not a directory.\n"


def test_help_and_version_need_no_installation(empty: Path) -> None:
    assert "sigma 0." in invoke("--version").out
    for command in ("demo", "up", "worker", "gateway", "sim", "doctor", "db", "instruments", "accounts", "login", "orders"):
        answer = invoke(command, "--help")
        assert answer.code == 0, command
        assert "Usage" in answer.out


def test_the_home_option_beats_the_environment(empty: Path, tmp_path: Path) -> None:
    answer = invoke("--home", str(tmp_path / "other"), "orders")
    assert str(tmp_path / "other") in answer.err


def test_nobody_to_say_yes_means_no(monkeypatch: pytest.MonkeyPatch, cli: Run) -> None:
    assert "nobody is there to say yes" in cli("kill", "off", "--reason", "test").err
    assert "Nothing was done." in cli("kill", "off", "--reason", "test", typed="n\n").err
    assert state.confirm("Sure?", yes=True) is None


def test_a_reader_that_goes_away_is_no_error(cli: Run) -> None:
    with popen("settings", "--all", "--json") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
    assert process.returncode in (0, 1)
