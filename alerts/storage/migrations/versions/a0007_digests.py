"""Until when each digest has told what happened."""

import sqlalchemy as sa
from alembic import op

revision = "a0007"
down_revision = "a0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; a digest begins with the first period that starts after it was configured."""
    op.create_table(
        "alerts_digests",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column(
            "told_until",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="end of the last period that was told",
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("alerts_digests_pkey")),
    )


def downgrade() -> None:
    """Forget them."""
    op.drop_table("alerts_digests")
