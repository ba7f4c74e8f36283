"""Writes the SQL of the newest migration from the tables, until it is committed: python -m tests.store.first_schema.

Those before it never change again: a change of the tables needs a migration of its own.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import MetaData
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from sigma.store import desk_schema, market_schema, schema
from sigma.store.append_only import append_only_ddl

FOLDER = Path(desk_schema.__file__).parent / "migrations"
NEWEST = "sigma_db/sigma_0004"
MADE = {
    "strategies",
    "strategy_accounts",
    "signal_shares",
    "openings",
    "gtts",
    "kill_runs",
    "paper_books",
    "paper_orders",
    "paper_fills",
}
CHANGED = {"orders", "commands", "risk_decisions", "risk_limits", "kills"}
DIALECTS = {"sqlite": sqlite.dialect(), "postgresql": postgresql.dialect()}


def statements(metadata: MetaData, dialect: str) -> list[str]:
    """Return what makes the tables of `metadata`, in a stable order."""
    made = tables_of(metadata, dialect, set(metadata.tables))
    if metadata is schema.metadata:
        made += append_only_ddl(dialect)
    if metadata is market_schema.metadata:
        made.append("INSERT INTO publication (id, published) VALUES (1, 0)")
    return [tidy(text) for text in made]


def tables_of(metadata: MetaData, dialect: str, names: set[str]) -> list[str]:
    """Return what makes the tables named, with their indices."""
    made: list[str] = []
    for table in metadata.sorted_tables:
        if table.name in names:
            made.append(str(CreateTable(table).compile(dialect=DIALECTS[dialect])))
            for index in sorted(table.indexes, key=lambda each: str(each.name)):
                made.append(str(CreateIndex(index).compile(dialect=DIALECTS[dialect])))
    return made


def tidy(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines() if line.strip())


def main() -> None:
    for dialect in DIALECTS:
        write(f"{NEWEST}.{dialect}.sql", tables_of(schema.metadata, dialect, MADE))
    write(f"{NEWEST}_changed.sqlite.sql", tables_of(schema.metadata, "sqlite", CHANGED))


def write(name: str, made: list[str]) -> None:
    (FOLDER / name).write_text("\n\n".join(tidy(text) for text in made) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
