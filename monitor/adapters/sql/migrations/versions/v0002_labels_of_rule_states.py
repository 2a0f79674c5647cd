"""The labels under which the alert of a rule was told, so that it can end when the rule is gone."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; rules that fire write it with their next window."""
    op.add_column("rule_states", sa.Column("labels", sa.Text(), server_default="{}", nullable=False))


def downgrade() -> None:
    """Forget the labels."""
    op.drop_column("rule_states", "labels")
