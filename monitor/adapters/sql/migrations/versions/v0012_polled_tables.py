"""How far tables of ground truth have been read, and which of their rows may come again."""

import sqlalchemy as sa
from alembic import op

from monitor.adapters.sql import types

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_NUMBERS = ("newest_ms", "reached_ms")
_COUNTS = ("completed_at_ms", "rows", "unlabelled", "undated", "failures")


def upgrade() -> None:
    """Create both tables; sources that are configured are read from their start."""
    op.create_table(
        "polled_tables",
        sa.Column("source", types.Name(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("newest", sa.Text(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _NUMBERS),
        sa.Column("is_complete", sa.Boolean(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _COUNTS),
        sa.Column("error", types.Name(), nullable=False),
        sa.PrimaryKeyConstraint("source"),
    )
    op.create_table(
        "polled_rows",
        sa.Column("source", types.Name(), nullable=False),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_polled_rows_at", "polled_rows", ["source", "at_ms"])


def downgrade() -> None:
    """Forget them."""
    op.drop_table("polled_rows")
    op.drop_table("polled_tables")
