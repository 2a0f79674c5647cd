"""Requests for retraining say which person asked, and under which name."""

import sqlalchemy as sa
from alembic import op

from monitor.adapters.sql import types

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_COLUMNS = ("by", "asked_as")


def upgrade() -> None:
    """Of earlier requests only the rule is known."""
    for name in _COLUMNS:
        op.add_column("retrain_requests", sa.Column(name, types.Name(), nullable=False, server_default=""))


def downgrade() -> None:
    """Forget both."""
    for name in _COLUMNS:
        op.drop_column("retrain_requests", name)
