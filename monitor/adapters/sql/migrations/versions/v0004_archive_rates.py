"""The sampling rate of archived rows."""

import sqlalchemy as sa
from alembic import op

from monitor.adapters.sql import types

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Files of before hold every row."""
    op.add_column("archive_files", sa.Column("rate", types.Float, nullable=False, server_default="1"))


def downgrade() -> None:
    """Forget the rates."""
    op.drop_column("archive_files", "rate")
