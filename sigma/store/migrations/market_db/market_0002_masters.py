"""Masters at the market's size: former names and ISINs, quarantine, overrides; fewer indices and checks to write."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sigma.store.migrations import frozen

revision = "market_0002"
down_revision = "market_0001"
branch_labels = None
depends_on = None

_DROPPED = {"listings": ("until", "since"), "isins": ("since",), "broker_instruments": ("until", "since")}
_CHECKED = {
    "exchange": ("NSE", "BSE", "NFO", "BFO", "CDS", "BCD", "MCX", "NCO"),
    "kind": ("EQUITY", "ETF", "INDEX", "FUTURE", "OPTION"),
    "option_type": ("CE", "PE"),
}


def upgrade() -> None:
    for table, columns in _DROPPED.items():
        for column in columns:
            op.drop_index(f"ix_{table}_{column}", table, if_exists=True)
    if op.get_context().dialect.name == "sqlite":
        _rewrite_listings()
    else:
        for column in _CHECKED:
            op.execute(sa.text(f"ALTER TABLE listings DROP CONSTRAINT IF EXISTS ck_listings_{column}"))
    op.create_index("ix_listings_underlying", "listings", ["underlying", "expiry"], if_not_exists=True)
    frozen.create("market_db/market_0002")


def _rewrite_listings() -> None:
    """SQLite drops no constraint: the table is made anew from its own words, without the checks."""
    bind = op.get_bind()
    made = str(bind.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = 'listings'").scalar_one())
    for column, words in _CHECKED.items():
        made = made.replace(f" CONSTRAINT ck_listings_{column} CHECK ({column} IN {words})", "")
    op.rename_table("listings", "listings_0001")
    bind.exec_driver_sql(made)
    bind.exec_driver_sql("INSERT INTO listings SELECT * FROM listings_0001")
    op.drop_table("listings_0001")


def downgrade() -> None:
    # The checks stay off: they guarded what only merged masters write.
    frozen.drop("market_db/market_0002")
    op.drop_index("ix_listings_underlying", "listings")
    for table, columns in _DROPPED.items():
        for column in columns:
            op.create_index(f"ix_{table}_{column}", table, [column])
