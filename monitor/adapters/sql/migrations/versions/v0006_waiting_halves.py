"""Requests and responses that wait for their other half, and what a refused message of another format is read by."""

import sqlalchemy as sa
from alembic import op

from monitor.adapters.sql import types

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, the clock of a partition's halves, and what replaying a dead letter needs."""
    with op.batch_alter_table("dead_letters") as letters:
        letters.add_column(sa.Column("headers", sa.LargeBinary(), nullable=True))
        letters.add_column(sa.Column("timestamp_ms", sa.BigInteger(), nullable=True))
        letters.add_column(sa.Column("form", types.Name(), nullable=False, server_default="message"))
    with op.batch_alter_table("progress") as progress:
        progress.add_column(sa.Column("halves_clock_ms", sa.BigInteger(), nullable=True))
    op.create_table(
        "waiting_halves",
        sa.Column("model", types.Name(), nullable=False),
        sa.Column("pair_id", types.Name(), nullable=False),
        sa.Column("side", types.Name(), nullable=False),
        sa.Column("topic", types.Name(), nullable=False),
        sa.Column("partition", sa.BigInteger(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("event_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("wait_ms", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("model", "pair_id", "side", "topic", "partition", name=op.f("pk_waiting_halves")),
    )
    op.create_index("ix_waiting_halves_partition", "waiting_halves", ["topic", "partition", "side"])


def downgrade() -> None:
    """Halves that wait are lost."""
    op.drop_index("ix_waiting_halves_partition", table_name="waiting_halves")
    op.drop_table("waiting_halves")
    with op.batch_alter_table("progress") as progress:
        progress.drop_column("halves_clock_ms")
    with op.batch_alter_table("dead_letters") as letters:
        letters.drop_column("form")
        letters.drop_column("timestamp_ms")
        letters.drop_column("headers")
