"""How every channel does: failures in a row, until when it is left alone, its pace."""

import sqlalchemy as sa
from alembic import op

revision = "a0003"
down_revision = "a0002"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the table; every channel does well until it fails."""
    op.create_table(
        "alerts_channels",
        sa.Column("channel", sa.String(length=200), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False, comment="in a row"),
        sa.Column("failing_since", INSTANT, nullable=True),
        sa.Column("open_until", INSTANT, nullable=True, comment="left alone before"),
        sa.Column("slot_at", INSTANT, nullable=True, comment="of the next message, were all evenly spread"),
        sa.Column("is_told", sa.Boolean(), nullable=False, comment="its own alert fires"),
        sa.PrimaryKeyConstraint("channel", name=op.f("alerts_channels_pkey")),
    )


def downgrade() -> None:
    """Forget how they do."""
    op.drop_table("alerts_channels")
