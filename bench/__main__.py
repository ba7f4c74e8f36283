"""`make bench [ONLY=name]`: run the benchmarks, write bench/results.json, print them with the machine they ran on."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

BENCHMARKS = (
    "webhook",
    "approve",
    "auto",
    "pages",
    "chart",
    "decode",
    "bars",
    "ticks",
    "instruments",
    "resolve",
    "limits",
    "risk",
)
MODULES = {"decode": "feed_decode"}
"""Of benchmarks whose file has another name than their own."""
RESULTS = Path(__file__).with_name("results.json")


def machine() -> str:
    """Return what this machine is, in one line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    )


def merged(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the stored rows with the new ones in the place of those of the same name."""
    known = {row["name"]: row for row in json.loads(RESULTS.read_text())} if RESULTS.exists() else {}
    return list((known | {row["name"]: row for row in rows}).values())


def table(rows: list[dict[str, Any]]) -> Table:
    """Return the rows as people read them."""
    drawn = Table(title=machine())
    for column in ("name", "ours", "unit", "peer", "peer value", "ratio", "goal", "held"):
        drawn.add_column(column)
    for row in rows:
        cells = [row["name"], f"{row['ours']:.2f}", row["unit"], row["peer"], f"{row['peer_value']:.2f}", f"{row['ratio']:.2f}"]
        drawn.add_row(*cells, str(row["goal"]), "yes" if row["held"] else "NO")
    return drawn


def main() -> int:
    """Run one benchmark or all; exit 0 only if every goal was held."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--only", choices=BENCHMARKS)
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for name in [given.only] if given.only else BENCHMARKS:
        rows += [row | {"machine": machine()} for row in import_module(f"bench.{MODULES.get(name, name)}").run()]
    RESULTS.write_text(json.dumps(merged(rows), indent=2) + "\n")
    Console(width=140).print(table(rows))
    return 0 if all(row["held"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
