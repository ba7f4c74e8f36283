"""The first schema of people and orders."""

from __future__ import annotations

from alembic import op

from sigma.store.migrations import frozen

revision = "sigma_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    frozen.create("sigma_db/sigma_0001")


def downgrade() -> None:
    frozen.drop("sigma_db/sigma_0001")
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change")
