"""Groups from the command line."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Run


def test_a_group_is_made_shown_changed_and_deleted(cli: Run) -> None:
    assert "No groups" in cli("groups").out
    made = cli("groups", "add", "Core", "INFY", "NSE:TCS", "--description", "long term")
    assert made.code == 0, made.err
    assert "Core made: 2 listings." in made.out
    assert cli("groups", "put", "core", "SBIN", "--weight", "12.5", "--quantity", "3", "--note", "bank").code == 0
    assert cli("groups", "move", "core", "SBIN", "1").code == 0
    assert cli("groups", "take", "core", "tcs").code == 0
    assert "Mine changed" in cli("groups", "edit", "core", "--name", "Mine").out
    rows = json.loads(cli("groups", "show", "mine", "--json").out)
    assert [(row["listing"], row["weight"], row["quantity"]) for row in rows] == [("NSE:SBIN", 12.5, 3), ("NSE:INFY", None, None)]
    assert "long term" in cli("groups").out
    assert "nobody is there to say yes" in cli("groups", "remove", "mine", typed="").err
    assert "Mine deleted" in cli("groups", "remove", "mine", "--yes").out
    assert "no group 'mine'" in cli("groups", "show", "mine").err


def test_a_file_is_imported_row_by_row_and_exported(cli: Run, tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("Ticker,Alloc\nINFY,20\nRELIANC,5\n", encoding="utf-8")
    columns = ("--symbol", "Ticker", "--weight", "Alloc")
    looked = cli("groups", "import", "Basket", str(file), *columns, "--check")
    assert "1 would be added" in looked.out
    assert "No groups" in cli("groups").out
    done = cli("groups", "import", "Basket", str(file), *columns)
    assert done.code == 1
    assert "NSE:RELIANCE" in done.out
    assert "1 of 2 rows name no listing" in done.err
    out = tmp_path / "out.csv"
    assert "written" in cli("groups", "export", "basket", str(out)).out
    assert out.read_text(encoding="utf-8") == "symbol,exchange,weight,quantity,note\nINFY,NSE,20,,\n"
    again = cli("groups", "import", "Copy", "-", typed=cli("groups", "export", "basket").out)
    assert again.code == 0, again.err
    assert json.loads(cli("groups", "export", "copy", "--json").out)["name"] == "Copy"
    cli("groups", "remove", "basket", "--yes")
    cli("groups", "remove", "copy", "--yes")
    assert "Which column holds the symbol" in cli("groups", "import", "Basket", "-", typed="a,b\n1,2\n").err
