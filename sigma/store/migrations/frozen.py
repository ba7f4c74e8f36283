"""New tables are kept as SQL, one file per migration and kind of database, frozen as they were released."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from alembic import op

_FOLDER = Path(__file__).parent
_TABLE = re.compile(r"^CREATE TABLE (\w+)", re.MULTILINE)


def create(name: str) -> None:
    """Execute the statements of `<name>.<dialect>.sql`; an empty line ends each."""
    for statement in _read(name).strip().split("\n\n"):
        op.get_bind().exec_driver_sql(statement)


def rebuild(name: str, *tables: str, values: Mapping[str, str] | None = None) -> None:
    """Give tables of SQLite the form that `name` has for them, rows kept: it cannot alter a column or a CHECK.

    Foreign keys must not be enforced meanwhile. `values` are SQL expressions for columns that the old form lacks.
    """
    texts = _read(name).strip().split("\n\n")
    connection = op.get_bind()
    for table in tables:
        made = next(text for text in texts if text.startswith(f"CREATE TABLE {table} ("))
        connection.exec_driver_sql(made.replace(f"CREATE TABLE {table} (", f"CREATE TABLE {table}_new (", 1))
        there, wanted = _columns(table), _columns(f"{table}_new")
        given = {column: f'"{column}"' if column in there else (values or {}).get(column, "NULL") for column in wanted}
        named = ", ".join(f'"{column}"' for column in given)
        taken = f"INSERT INTO {table}_new ({named}) SELECT {', '.join(given.values())} FROM {table}"  # noqa: S608 - our own names
        connection.exec_driver_sql(taken)
        connection.exec_driver_sql(f"DROP TABLE {table}")
        connection.exec_driver_sql(f"ALTER TABLE {table}_new RENAME TO {table}")
        for text in texts:
            if re.match(rf"CREATE (UNIQUE )?INDEX \w+ ON {table} \(", text):
                connection.exec_driver_sql(text)


def _columns(table: str) -> list[str]:
    return [row[1] for row in op.get_bind().exec_driver_sql(f"PRAGMA table_info({table})")]


def drop(name: str) -> None:
    """Drop the tables that `create` made, those that refer to others first."""
    for table in reversed(_TABLE.findall(_read(name))):
        op.drop_table(table)


def _read(name: str) -> str:
    return (_FOLDER / f"{name}.{op.get_context().dialect.name}.sql").read_text(encoding="utf-8")
