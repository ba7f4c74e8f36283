"""The first schema of instruments."""

from __future__ import annotations

from sigma.store.migrations import frozen

revision = "market_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    frozen.create("market_db/market_0001")


def downgrade() -> None:
    frozen.drop("market_db/market_0001")
