"""Find the groups of an alert without looking through all members."""

from alembic import op

revision = "a0005"
down_revision = "a0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.create_index(op.f("alerts_members_fingerprint_idx"), "alerts_members", ["fingerprint"], unique=False)


def downgrade() -> None:
    """Drop the index."""
    op.drop_index(op.f("alerts_members_fingerprint_idx"), table_name="alerts_members")
