"""Where sequential detectors stand, and the alarms that they raised."""

import sqlalchemy as sa
from alembic import op

from monitor.adapters.sql import types

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create both tables; detectors begin with the next records."""
    op.create_table(
        "sequential_states",
        *_key(),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", "model", "version", "name"),
    )
    op.create_table(
        "sequential_alarms",
        *_key(),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("reached_ms", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("inputs", sa.LargeBinary(), nullable=False),
        sa.Column("judged_at_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("topic", "partition", "model", "version", "name", "offset"),
    )
    op.create_index("ix_sequential_alarms_reached", "sequential_alarms", ["model", "reached_ms"])
    op.create_index("ix_sequential_alarms_judged", "sequential_alarms", ["judged_at_ms"])


def downgrade() -> None:
    """Forget them."""
    op.drop_table("sequential_alarms")
    op.drop_table("sequential_states")


def _key() -> list[sa.Column[object]]:
    return [
        sa.Column("topic", types.Name(), nullable=False),
        sa.Column("partition", sa.BigInteger(), nullable=False),
        sa.Column("model", types.Name(), nullable=False),
        sa.Column("version", types.Name(), nullable=False),
        sa.Column("name", types.Name(), nullable=False),
    ]
