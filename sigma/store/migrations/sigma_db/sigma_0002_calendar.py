"""Days of the calendar that people changed."""

from __future__ import annotations

from sigma.store.migrations import frozen

revision = "sigma_0002"
down_revision = "sigma_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    frozen.create("sigma_db/sigma_0002")


def downgrade() -> None:
    frozen.drop("sigma_db/sigma_0002")
