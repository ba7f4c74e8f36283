"""Execution: strategies, openings, resting triggers, kill runs, paper books; more of orders, limits and kills."""

from __future__ import annotations

from alembic import op

from sigma.store.migrations import frozen

revision = "sigma_0004"
down_revision = "sigma_0003"
branch_labels = None
depends_on = None

CHANGED = ("orders", "commands", "risk_decisions", "risk_limits", "kills")
ADDED = {
    "orders": (
        "reduce_only BOOLEAN NOT NULL DEFAULT false",
        "slices INTEGER NOT NULL DEFAULT 0",
        "slice_no INTEGER NOT NULL DEFAULT 0",
        "not_before TIMESTAMP WITH TIME ZONE",
    ),
    "risk_decisions": ("quantity BIGINT NOT NULL DEFAULT 0",),
    "risk_limits": (
        "allow_short_selling BOOLEAN",
        "max_daily_loss NUMERIC(19, 8)",
        "max_open_positions BIGINT",
        "max_orders_per_minute BIGINT",
        "max_exposure NUMERIC(19, 8)",
        "allow TEXT",
        "deny TEXT",
        "products TEXT",
        "order_types TEXT",
        "entries_until TIME WITHOUT TIME ZONE",
        "square_off_at TIME WITHOUT TIME ZONE",
        "cooldown_s BIGINT",
        "drawdown_caution NUMERIC(19, 8)",
        "drawdown_stop NUMERIC(19, 8)",
        "clamp TEXT NOT NULL DEFAULT '[]'",
    ),
    "kills": ("strategy TEXT NOT NULL DEFAULT ''",),
}
"""On PostgreSQL; what is not null takes its default for the rows that are there and loses it then."""

WRITES = """CREATE UNIQUE INDEX uq_commands_claimed_write ON commands (order_id)
WHERE kind IN ({kinds}) AND state IN ('SENDING', 'UNKNOWN')"""


def upgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        known = {"reduce_only": "0", "slices": "0", "slice_no": "0", "quantity": "0", "clamp": "'[]'", "strategy": "''"}
        frozen.rebuild("sigma_db/sigma_0004_changed", *CHANGED, values=known)
    else:
        _alter()
    frozen.create("sigma_db/sigma_0004")


def downgrade() -> None:
    frozen.drop("sigma_db/sigma_0004")
    op.execute("DELETE FROM commands WHERE kind IN ('CONVERT', 'GTT')")
    op.execute("DELETE FROM kills WHERE strategy <> ''")
    if op.get_context().dialect.name == "sqlite":
        frozen.rebuild("sigma_db/sigma_0001", *CHANGED)
    else:
        _alter_back()


def _alter() -> None:
    for table, columns in ADDED.items():
        for column in columns:
            op.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
            if " DEFAULT " in column:
                op.execute(f"ALTER TABLE {table} ALTER COLUMN {column.split()[0]} DROP DEFAULT")
    op.execute("ALTER TABLE commands ALTER COLUMN order_id DROP NOT NULL")
    _kinds("'PLACE', 'MODIFY', 'CANCEL', 'CONVERT', 'GTT'", "'PLACE', 'MODIFY', 'GTT'")
    op.execute("ALTER TABLE commands ADD CONSTRAINT ck_commands_order CHECK (order_id IS NOT NULL OR kind IN ('CONVERT', 'GTT'))")
    _kill_scope("user_id, account_key, strategy")
    op.execute("CREATE INDEX ix_orders_user_approved ON orders (user_id, approved_at)")


def _alter_back() -> None:
    op.execute("DROP INDEX ix_orders_user_approved")
    op.execute("ALTER TABLE commands DROP CONSTRAINT ck_commands_order")
    op.execute("ALTER TABLE commands ALTER COLUMN order_id SET NOT NULL")
    _kinds("'PLACE', 'MODIFY', 'CANCEL'", "'PLACE', 'MODIFY'")
    _kill_scope("user_id, account_key")
    for table, columns in ADDED.items():
        for column in columns:
            op.execute(f"ALTER TABLE {table} DROP COLUMN {column.split()[0]}")


def _kinds(all_kinds: str, writes: str) -> None:
    op.execute("DROP INDEX uq_commands_claimed_write")
    op.execute("ALTER TABLE commands DROP CONSTRAINT ck_commands_kind")
    op.execute(f"ALTER TABLE commands ADD CONSTRAINT ck_commands_kind CHECK (kind IN ({all_kinds}))")
    op.execute(WRITES.format(kinds=writes))


def _kill_scope(columns: str) -> None:
    op.execute("ALTER TABLE kills DROP CONSTRAINT uq_kills_scope")
    op.execute(f"ALTER TABLE kills ADD CONSTRAINT uq_kills_scope UNIQUE ({columns})")
