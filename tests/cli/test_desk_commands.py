"""Accounts, portfolio, settings, webhook, events, instruments, backup and doctor from the command line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run, World, invoke


def test_accounts_are_listed_with_their_logins(cli: Run) -> None:
    rows = {row["name"]: row for row in json.loads(cli("accounts", "--json").out)}
    assert rows["zerodha-main"]["state"] == "connected"
    assert rows["zerodha-main"]["is_default"] is True
    table = cli("accounts", "list").out
    assert "● Connected" in table
    assert "kitesecret" not in json.dumps(rows) + table
    assert "connected" in cli("accounts", "status", "angel", "--json").out


def test_an_account_is_added_changed_and_removed(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGMA_CREDENTIAL_API_SECRET", "kitesecret2")
    added = cli("accounts", "add", "zerodha", "--name", "second", "--credential", "api_key=kitekey2")
    assert added.code == 0, added.err
    assert "kitesecret2" not in added.out
    assert "EXIT_ONLY" in (cli("accounts", "update", "second", "--mode", "exit_only").out + cli("accounts").out)
    assert cli("accounts", "update", "second", "--rename", "spare", "--disable").code == 0
    assert cli("accounts", "default", "spare").code == 0
    assert cli("accounts", "default", "zerodha-main").code == 0
    assert "What shall be changed?" in cli("accounts", "update", "spare").err
    assert "Nothing was done" in cli("accounts", "remove", "spare", typed="no\n").err
    assert cli("accounts", "remove", "spare", "--yes").code == 0
    assert "spare" not in cli("accounts").out


def test_a_login_takes_the_address_that_the_browser_was_sent_to(cli: Run, world: World) -> None:
    token = world.exchange.login("AB1234")["request_token"]
    address = f"https://127.0.0.1/?action=login&type=login&status=success&request_token={token}"
    answer = cli("login", "zerodha-main", typed=f"{address}\n")
    assert answer.code == 0, answer.err
    assert "connect/login" in answer.out
    assert "● Connected  Asha Bhat (AB1234), until" in answer.out
    assert token not in answer.out + answer.err
    wrong = cli("login", "zerodha-main", typed="https://127.0.0.1/?status=cancelled\n")
    assert wrong.code == 1
    assert "holds no request_token" in wrong.err


def test_a_login_by_pin_and_otp_asks_for_both(cli: Run, world: World) -> None:
    entered = world.exchange.login("A100001")
    answer = cli("login", "angel", typed=f"{entered['pin']}\n{entered['otp']}\n")
    assert answer.code == 0, answer.err
    assert "● Connected  Anil Deshmukh (A100001)" in answer.out
    refused = cli("accounts", "connect", "angel", "-c", "pin=9999", "-c", f"otp={entered['otp']}")
    assert refused.code == 1
    assert "9999" not in refused.err


def test_what_is_typed_at_a_terminal_is_not_shown(cli: Run, world: World) -> None:
    entered = world.exchange.login("A100001")
    terminal, other = os.openpty()
    command = [sys.executable, "-m", "sigma.cli", "login", "angel"]
    process = subprocess.Popen(command, stdin=other, stdout=other, stderr=other, start_new_session=True)
    os.close(other)
    seen = read_until(terminal, "pin (hidden): ")
    os.write(terminal, f"{entered['pin']}\n".encode())
    seen += read_until(terminal, "otp (hidden): ")
    os.write(terminal, f"{world.exchange.login('A100001')['otp']}\n".encode())
    seen += read_until(terminal, "Connected")
    assert process.wait(timeout=20) == 0
    os.close(terminal)
    assert entered["pin"] not in seen
    assert entered["otp"] not in seen


def read_until(terminal: int, words: str) -> str:
    """Return what a terminal shows until `words` appear."""
    seen = b""
    while words.encode() not in seen:
        seen += os.read(terminal, 4096)
    return seen.decode()


def test_disconnecting_logs_out_and_a_login_connects_again(cli: Run, world: World) -> None:
    assert cli("accounts", "disconnect", "angel", "--yes").code == 0
    assert "○ Never" in cli("accounts").out
    assert cli("holdings", "angel", "--refresh").code == 1
    entered = world.exchange.login("A100001")
    assert cli("login", "angel", typed=f"{entered['pin']}\n{entered['otp']}\n").code == 0


@pytest.mark.parametrize(("command", "word"), [("holdings", "total ₹"), ("positions", ""), ("funds", "8,")])
def test_portfolio_of_one_account(cli: Run, command: str, word: str) -> None:
    answer = cli(command, "angel", "--refresh")
    assert answer.code == 0, answer.err
    assert word in answer.out
    assert isinstance(json.loads(cli(command, "angel", "--stored", "--json").out), list)


def test_the_day_is_told_in_words_and_as_json(cli: Run) -> None:
    told = cli("day", "angel")
    assert told.code == 0, told.err
    assert all(word in told.out for word in ("Realised", "Open", "Charges", "Total"))
    assert set(json.loads(cli("day", "--json").out)) == {"realised", "open", "charges", "total", "missing"}


def test_quotes_and_sync(cli: Run) -> None:
    assert "NSE:INFY" in cli("quotes", "INFY", "BSE:TCS").out
    assert "orders in the book" in cli("sync", "angel").out


def test_instruments_are_refreshed_found_and_shown(cli: Run) -> None:
    assert "zerodha: 1," in cli("instruments", "refresh", "zerodha").out
    assert len(json.loads(cli("instruments", "refresh", "--json").out)) == 2
    assert "NSE:INFY" in cli("instruments", "find", "infosys").out
    assert cli("instruments", "find", "nothinglikeit").out == "Nothing is called 'nothinglikeit'.\n"
    shown = json.loads(cli("instruments", "show", "INFY", "--json").out)
    assert (shown["listing"], shown["kind"]) == ("NSE:INFY", "EQUITY")
    shown_plain = cli("instruments", "show", "NSE:INFY").out
    assert "tick size" in shown_plain
    assert "INFY-EQ (token " in shown_plain


def test_an_option_chain_and_its_expiries_are_shown(cli: Run) -> None:
    rows = json.loads(cli("instruments", "chain", "NIFTY", "--json").out)
    assert rows[0]["call"].startswith("NFO:NIFTY")
    spot = str(rows[len(rows) // 2]["strike"])
    near = json.loads(cli("instruments", "chain", "NIFTY", "--around", spot, "--strikes", "1", "--json").out)
    assert [row["strike"] for row in near][1] == float(spot)
    told = cli("instruments", "chain", "NIFTY", "--around", spot, "--strikes", "1").out
    assert "NSE:NIFTY 50, expires " in told
    assert "MONTHLY" in cli("instruments", "chain", "NIFTY", "--expiries").out
    assert cli("instruments", "chain", "NSE:INDIA VIX").code != 0


def test_settings_are_listed_read_and_changed(cli: Run) -> None:
    before = cli("settings", "get", "signals.max_age").out.strip()
    assert cli("settings", "set", "signals.max_age", "600").code == 0
    assert cli("settings", "get", "signals.max_age").out == "600.0\n"
    assert "advanced ones: sigma settings --all" in cli("settings").out
    assert "orders.send_window" in cli("settings", "--all").out
    assert "must lie between" in cli("settings", "set", "signals.max_age", "0").err
    assert cli("settings", "set", "signals.max_age", before).code == 0
    assert "SETTING_CHANGED" in cli("events", "--kind", "SETTING_CHANGED", "--days", "1").out


def test_the_webhook_secret_is_never_shown_but_when_made(empty: Path) -> None:
    made = invoke("db", "upgrade").out
    secret = re.search(r"\n  (\S{30,})\n", made)
    assert secret
    assert secret[1] not in invoke("db", "upgrade").out
    assert "is set" in invoke("webhook", "secret").out
    assert "Nothing was done" in invoke("webhook", "secret", "--rotate").err
    fresh = invoke("webhook", "secret", "--rotate", "--yes").out.split()[-1]
    assert len(fresh) > 30
    assert fresh != secret[1]


def test_the_alert_text_is_ready_to_paste(cli: Run) -> None:
    message = json.loads(cli("webhook", "payload", "--strategy", "Supertrend", "-p", "CNC", "--quantity", "5").out)
    assert message["symbol"] == "{{exchange}}:{{ticker}}"
    assert message["secret"] == "YOUR-WEBHOOK-SECRET"
    assert message["trade_details"]["product"] == "CNC"
    assert message["strategy_name"] == "Supertrend"


def test_backup_and_restore_into_another_home(cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "backup.zip"
    assert cli("backup", str(file), "--with-key").code == 0
    assert "Nothing was done" in cli("backup", str(file)).err
    monkeypatch.setenv("SIGMA_HOME", str(tmp_path / "restored"))
    restored = cli("restore", str(file), "--yes")
    assert restored.code == 0, restored.err
    assert "zerodha-main" in cli("accounts").out
    assert "already" in cli("restore", str(file), "--yes").err
    assert "moved aside" in cli("restore", str(file), "--replace", typed="n\n").out
    assert cli("db", "status").code == 0


def test_credentials_whose_key_is_lost_are_erased_and_entered_anew(empty: Path) -> None:
    assert invoke("db", "upgrade").code == 0
    given = ("-c", "api_key=one-key", "-c", "api_secret=one-secret")
    assert invoke("accounts", "add", "zerodha", "--name", "main", *given).code == 0
    refused = invoke("db", "erase-credentials", "--yes")
    assert refused.code != 0
    assert "nothing is lost" in refused.err
    (empty / "key").unlink()
    assert "sigma db erase-credentials" in invoke("accounts").err
    assert "Erased: 2" in invoke("db", "erase-credentials", "--yes").out
    assert invoke("accounts", "update", "main", *given).code == 0
    assert "main" in invoke("accounts", "--json").out
    assert "CREDENTIALS_ERASED" in invoke("events", "--json").out


def test_databases_are_taken_down_and_up_again(empty: Path) -> None:
    assert invoke("db", "status").code == 1
    assert invoke("db", "upgrade").code == 0
    status = invoke("db", "status")
    assert status.code == 0
    assert status.out.count("current") == 2
    assert invoke("db", "downgrade", "market", "base", "--yes").code == 0
    assert "needs" in invoke("db", "status").out + "not made yet needs"
    assert invoke("db", "upgrade").code == 0


def test_doctor_finds_everything_well_but_what_is_not(cli: Run, world: World) -> None:
    answer = cli("doctor", "--gateway", "http://127.0.0.1:9")
    assert "● worker" in answer.out
    assert "● zerodha-main" in answer.out
    assert "our clock is" in answer.out
    assert "! webhook" in answer.out
    assert "i gateway" in answer.out
    assert "static IP" in answer.out
    assert answer.code == 0, answer.out
    findings = json.loads(cli("doctor", "--account", "angel", "--json").out)
    assert {finding["account"] for finding in findings} == {None, "angel"}
    assert {finding["what"] for finding in findings} >= {"session", "order book", "clock", "worker", "disk"}
    assert len({(finding["what"], finding["account"]) for finding in findings}) == len(findings), "nothing is said twice"
    (world.home / "key").chmod(0o644)
    try:
        bad = cli("doctor")
        assert bad.code == 1
        assert "can be read by others" in bad.out
    finally:
        (world.home / "key").chmod(0o600)
    assert "There is no account 'nobody'" in cli("doctor", "--account", "nobody").err


def test_doctor_says_that_a_session_expired(cli: Run, world: World) -> None:
    world.exchange.post("session/expire", client_id="A100001")
    answer = cli("doctor", "--account", "angel")
    assert answer.code == 1
    assert "sigma login angel" in answer.out
    entered = world.exchange.login("A100001")
    assert cli("login", "angel", typed=f"{entered['pin']}\n{entered['otp']}\n").code == 0


def test_doctor_without_an_installation_says_how_to_make_one(empty: Path) -> None:
    answer = invoke("doctor")
    assert answer.code == 1
    assert "sigma db upgrade" in answer.out
    assert "registered" in answer.out, "what can be looked at without an installation is"


def test_the_person_at_the_simulator_gets_what_a_login_needs(cli: Run, world: World) -> None:
    assert cli("sim", "code", "AB1234").out.startswith("request_token ")
    assert re.fullmatch(r"pin 1234\notp \d{6}\n", cli("sim", "code", "A100001", "--url", world.exchange.url).out)
