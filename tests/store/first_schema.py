"""Writes the SQL of the first schemas from the tables, while no release has them: python -m tests.store.first_schema.

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
DIALECTS = {"sqlite": sqlite.dialect(), "postgresql": postgresql.dialect()}


def statements(metadata: MetaData, dialect: str) -> list[str]:
    """Return what makes the tables of `metadata`, in a stable order."""
    made: list[str] = []
    for table in metadata.sorted_tables:
        made.append(str(CreateTable(table).compile(dialect=DIALECTS[dialect])))
        for index in sorted(table.indexes, key=lambda each: str(each.name)):
            made.append(str(CreateIndex(index).compile(dialect=DIALECTS[dialect])))
    if metadata is schema.metadata:
        made += append_only_ddl(dialect)
    if metadata is market_schema.metadata:
        made.append("INSERT INTO publication (id, published) VALUES (1, 0)")
    return ["\n".join(line.rstrip() for line in text.strip().splitlines() if line.strip()) for text in made]


def main() -> None:
    for name, metadata in (("sigma_db/sigma_0001", schema.metadata), ("market_db/market_0001", market_schema.metadata)):
        for dialect in DIALECTS:
            target = FOLDER / f"{name}.{dialect}.sql"
            target.write_text("\n\n".join(statements(metadata, dialect)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
