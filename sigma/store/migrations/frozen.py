"""New tables are kept as SQL, one file per migration and kind of database, frozen as they were released."""

from __future__ import annotations

import re
from pathlib import Path

from alembic import op

_FOLDER = Path(__file__).parent
_TABLE = re.compile(r"^CREATE TABLE (\w+)", re.MULTILINE)


def create(name: str) -> None:
    """Execute the statements of `<name>.<dialect>.sql`; an empty line ends each."""
    for statement in _read(name).strip().split("\n\n"):
        op.get_bind().exec_driver_sql(statement)


def drop(name: str) -> None:
    """Drop the tables that `create` made, those that refer to others first."""
    for table in reversed(_TABLE.findall(_read(name))):
        op.drop_table(table)


def _read(name: str) -> str:
    return (_FOLDER / f"{name}.{op.get_context().dialect.name}.sql").read_text(encoding="utf-8")
