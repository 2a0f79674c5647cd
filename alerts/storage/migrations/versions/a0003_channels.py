"""How every channel does, and when a group is to be looked at again."""

import sqlalchemy as sa
from alembic import op

revision = "a0003"
down_revision = "a0002"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
_LOOK = "when time alone may change what is told; null: at once"


def upgrade() -> None:
    """Add the table and the column; every channel does well until it fails, every group is looked at once."""
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
    with op.batch_alter_table("alerts_groups") as table:
        table.add_column(sa.Column("look_at", INSTANT, nullable=True, comment=_LOOK))
    op.create_index(op.f("alerts_groups_look_at_idx"), "alerts_groups", ["look_at"], unique=False)


def downgrade() -> None:
    """Forget how they do; every group is looked at in every turn."""
    op.drop_index(op.f("alerts_groups_look_at_idx"), table_name="alerts_groups")
    with op.batch_alter_table("alerts_groups") as table:
        table.drop_column("look_at")
    op.drop_table("alerts_channels")
