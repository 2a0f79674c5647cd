"""The durable log of records sent by request."""

import sqlalchemy as sa
from alembic import op

from monitor.adapters.sql import types

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the log's tables."""
    op.create_table(
        "log_ends",
        sa.Column("topic", types.Name(), nullable=False),
        sa.Column("partition", sa.BigInteger(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", name="pk_log_ends"),
    )
    op.create_table(
        "log_segments",
        sa.Column("topic", types.Name(), nullable=False),
        sa.Column("partition", sa.BigInteger(), nullable=False),
        sa.Column("first_offset", sa.BigInteger(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.Column("received_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", "first_offset", name="pk_log_segments"),
    )
    op.create_table(
        "log_ids",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("received_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_log_ids"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_log_ids_received_at", "log_ids", ["received_at_ms"], unique=False)
    op.create_table(
        "log_receipts",
        sa.Column("key", types.Name(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.Column("received_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_log_receipts"),
    )
    op.create_index("ix_log_receipts_received_at", "log_receipts", ["received_at_ms"], unique=False)


def downgrade() -> None:
    """Drop them; indexes go with their tables."""
    for table in ("log_receipts", "log_ids", "log_segments", "log_ends"):
        op.drop_table(table)
