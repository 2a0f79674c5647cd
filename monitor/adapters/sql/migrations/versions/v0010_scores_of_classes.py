"""Predictions of many classes keep the scores of all of them."""

import sqlalchemy as sa
from alembic import op

from monitor.adapters.sql import types

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Predictions of before have the score of one class alone."""
    op.add_column("predictions", sa.Column("scores", types.Name(), nullable=True))


def downgrade() -> None:
    """Forget them."""
    op.drop_column("predictions", "scores")
