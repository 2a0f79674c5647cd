"""What became of the records that were not counted, what producers served, event ids, and replayed dead letters."""

import sqlalchemy as sa
from alembic import op

from monitor.adapters.sql import types

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add three tables and a column; nothing that is stored changes."""
    op.create_table(
        "tallies",
        sa.Column("model", types.Name(), nullable=False),
        sa.Column("version", types.Name(), nullable=False),
        sa.Column("pane_start_ms", sa.BigInteger(), nullable=False),
        sa.Column("fate", types.Name(), nullable=False),
        sa.Column("topic", types.Name(), nullable=False),
        sa.Column("partition", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "model", "pane_start_ms", "version", "fate", "topic", "partition", "epoch", name="pk_tallies"
        ),
    )
    op.create_table(
        "served",
        sa.Column("model", types.Name(), nullable=False),
        sa.Column("version", types.Name(), nullable=False),
        sa.Column("pane_start_ms", sa.BigInteger(), nullable=False),
        sa.Column("producer", types.Name(), nullable=False),
        sa.Column("topic", types.Name(), nullable=False),
        sa.Column("partition", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("weight_thousandths", sa.BigInteger(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=True),
        sa.Column("last", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint(
            "model", "pane_start_ms", "version", "producer", "topic", "partition", "epoch", name="pk_served"
        ),
    )
    op.create_table(
        "seen_ids",
        sa.Column("topic", types.Name(), nullable=False),
        sa.Column("partition", sa.BigInteger(), nullable=False),
        sa.Column("model", types.Name(), nullable=False),
        sa.Column("version", types.Name(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("newest_ms", sa.BigInteger(), nullable=False),
        sa.Column("ids", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", "model", "version", "first", name="pk_seen_ids"),
    )
    op.create_index("ix_seen_ids_newest", "seen_ids", ["model", "newest_ms"], unique=False)
    op.add_column("dead_letters", sa.Column("replayed_at_ms", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Drop them; the accounts of windows are lost, their profiles stay."""
    with op.batch_alter_table("dead_letters") as batch:
        batch.drop_column("replayed_at_ms")
    op.drop_table("seen_ids")
    op.drop_table("served")
    op.drop_table("tallies")
