"""The calendar from the command line."""

from __future__ import annotations

import json
from pathlib import Path

from sigma.domain.day_file import COLUMNS
from tests.cli.conftest import Run

HEAD = ",".join(COLUMNS)


def test_sessions_and_days_are_shown(cli: Run) -> None:
    shown = cli("calendar", "--exchange", "MCX", "--start", "2026-11-23", "--end", "2026-11-24")
    assert shown.code == 0, shown.err
    assert "17:00 to 23:55" in shown.out
    assert "known until 31 Dec 2026" in shown.out
    rows = json.loads(cli("calendar", "days", "-e", "NSE", "--start", "2026-11-01", "--end", "2026-11-30", "--json").out)
    assert [row["date"] for row in rows] == ["2026-11-08", "2026-11-10", "2026-11-24"]
    assert "not known" in cli("calendar", "--start", "2030-01-01", "--end", "2030-01-02").out


def test_a_file_with_a_bad_line_is_told_line_by_line_and_stores_nothing_unasked(cli: Run, tmp_path: Path) -> None:
    file = tmp_path / "days.csv"
    file.write_text(f"{HEAD}\n2027-01-26,NSE,CLOSED,,,Republic Day\n2027-02-30,NSE,CLOSED,,,\n", encoding="utf-8")
    looked = cli("calendar", "import", str(file), "--check")
    assert "1 days would be stored" in looked.out
    refused = cli("calendar", "import", str(file))
    assert refused.code == 1
    assert "no date" in refused.out
    assert "nothing was stored" in refused.err
    taken = cli("calendar", "import", str(file), "--good-only")
    assert taken.code == 0, taken.err
    assert "1 days stored" in taken.out
    assert "2027-12-31,NSE,COMPLETE" in taken.out
    assert cli("calendar", "remove", "2027-01-26", "nse").code == 0
    assert "Nobody has set" in cli("calendar", "remove", "2027-01-26", "nse").err


def test_a_day_is_set_and_what_is_exported_is_imported_from_standard_input(cli: Run, tmp_path: Path) -> None:
    set_day = cli("calendar", "set", "2026-12-20", "NSE", "special", "--opens", "10:00", "--closes", "11:00", "--notes", "a test")
    assert set_day.code == 0, set_day.err
    file = tmp_path / "out.csv"
    assert "days written" in cli("calendar", "export", str(file)).out
    assert "2026-12-20,NSE,SPECIAL,10:00,11:00,a test" in file.read_text(encoding="utf-8")
    again = cli("calendar", "import", "-", typed=cli("calendar", "export").out)
    assert "says all of it already" in again.out
    assert cli("calendar", "remove", "2026-12-20", "NSE").code == 0


def test_what_is_no_calendar_is_refused(cli: Run, tmp_path: Path) -> None:
    file = tmp_path / "days.bin"
    file.write_bytes(b"\xff\xfe\x00")
    assert "no text file" in cli("calendar", "import", str(file)).err
    assert "first line must be" in cli("calendar", "import", "-", typed="hello\n").err
    assert "no session_type" in cli("calendar", "set", "2026-12-20", "NSE", "shut").err
