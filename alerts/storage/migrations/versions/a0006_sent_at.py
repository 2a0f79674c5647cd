"""When the last message to a channel went out, from which reminders count where it was late."""

import sqlalchemy as sa
from alembic import op

revision = "a0006"
down_revision = "a0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; null until the next message goes out."""
    sent_at = sa.Column("sent_at", sa.DateTime(timezone=True), comment="when the last message went out")
    op.add_column("alerts_told", sent_at)


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("alerts_told", "sent_at")
