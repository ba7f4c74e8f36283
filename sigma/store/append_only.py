"""Triggers that refuse to change or delete history."""

from __future__ import annotations

from sigma.store.schema import APPEND_ONLY

_SQLITE = """CREATE TRIGGER {table}_no_{word} BEFORE {act} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""
_POSTGRES_FUNCTION = """CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only', ERRCODE = 'integrity_constraint_violation'; END $$"""
_POSTGRES = """CREATE TRIGGER {table}_no_{word} BEFORE {act} ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"""


def append_only_ddl(dialect: str) -> list[str]:
    """Return the statements that make the history tables append-only on SQLite or PostgreSQL."""
    acts = ["UPDATE", "DELETE"] if dialect == "sqlite" else ["UPDATE", "DELETE", "TRUNCATE"]
    shape = _SQLITE if dialect == "sqlite" else _POSTGRES
    triggers = [shape.format(table=table, act=act, word=act.lower()) for table in APPEND_ONLY for act in acts]
    return triggers if dialect == "sqlite" else [_POSTGRES_FUNCTION, *triggers]
