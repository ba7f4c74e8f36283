"""Writes the SQL of the migrations from the tables, while no release has them: python -m tests.store.first_schema.

After the first release these files never change again: a change of the tables needs a migration of its own.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import MetaData
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from sigma.store import market_schema, schema
from sigma.store.append_only import append_only_ddl

FOLDER = Path(schema.__file__).parent / "migrations"
# The tables that came after the first schema, by the migration that makes them.
LATER = {
    "sigma_db/sigma_0002": ("calendar_days",),
    "sigma_db/sigma_0003": ("groups", "group_members"),
    "market_db/market_0002": ("former_isins", "former_names", "master_states", "overrides", "quarantine"),
}
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
    for name, metadata in (("sigma_db/sigma_0001", schema.metadata), ("market_db/market_0001", market_schema.metadata)):
        later = {table for migration, tables in LATER.items() if migration[:5] == name[:5] for table in tables}
        for dialect in DIALECTS:
            made = [text for text in statements(metadata, dialect) if not any(f" {table} (" in text for table in later)]
            (FOLDER / f"{name}.{dialect}.sql").write_text("\n\n".join(made) + "\n", encoding="utf-8")
    for migration, tables in LATER.items():
        metadata = schema.metadata if migration.startswith("sigma_db") else market_schema.metadata
        for dialect in DIALECTS:
            made = [tidy(text) for text in tables_of(metadata, dialect, set(tables))]
            (FOLDER / f"{migration}.{dialect}.sql").write_text("\n\n".join(made) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
