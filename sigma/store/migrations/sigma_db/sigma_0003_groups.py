"""Groups of listings."""

from __future__ import annotations

from sigma.store.migrations import frozen

revision = "sigma_0003"
down_revision = "sigma_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    frozen.create("sigma_db/sigma_0003")


def downgrade() -> None:
    frozen.drop("sigma_db/sigma_0003")
