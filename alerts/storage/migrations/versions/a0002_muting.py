"""Muting: silences, what the told-log keeps of muted alerts, flaps counted, the time of the last turn."""

import sqlalchemy as sa
from alembic import op

revision = "a0002"
down_revision = "a0001"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the table and the columns; what is there already was never muted."""
    op.create_table(
        "alerts_silences",
        sa.Column("silence_id", sa.String(length=32), nullable=False),
        sa.Column("matchers", sa.JSON(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("silence_id", name=op.f("alerts_silences_pkey")),
    )
    op.create_index(op.f("alerts_silences_ends_at_idx"), "alerts_silences", ["ends_at"], unique=False)
    _add("alerts_told", sa.Column("owed", sa.JSON(), nullable=False, server_default="[]", comment=_OWED))
    _add("alerts_told", sa.Column("muted", sa.JSON(), nullable=False, server_default="{}", comment=_MUTED))
    _add("alerts_decisions", sa.Column("muted", sa.JSON(), nullable=False, server_default="[]", comment=_LEFT_OUT))
    _add("alerts_locks", sa.Column("taken_at", INSTANT, nullable=True, comment=_TAKEN))
    _add("alerts_locks", sa.Column("held_until", INSTANT, nullable=True, comment=_HELD))
    _add("alerts_alerts", sa.Column("flaps", sa.Integer(), nullable=False, server_default="0", comment=_FLAPS))
    op.execute("UPDATE alerts_alerts SET flaps = 1 WHERE is_flap")
    with op.batch_alter_table("alerts_alerts") as table:
        table.drop_column("is_flap")


def downgrade() -> None:
    """Take it all back; who was muted, and by what, is lost."""
    _add("alerts_alerts", sa.Column("is_flap", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute("UPDATE alerts_alerts SET is_flap = (flaps > 0)")
    for table, column in (
        ("alerts_alerts", "flaps"),
        ("alerts_locks", "held_until"),
        ("alerts_locks", "taken_at"),
        ("alerts_decisions", "muted"),
        ("alerts_told", "muted"),
        ("alerts_told", "owed"),
    ):
        with op.batch_alter_table(table) as changed:
            changed.drop_column(column)
    op.drop_table("alerts_silences")


def _add(table: str, column: sa.Column[object]) -> None:
    with op.batch_alter_table(table) as changed:
        changed.add_column(column)


_OWED = "fingerprints told before, left out since, end not told"
_MUTED = "fingerprint to reason, at the last look"
_LEFT_OUT = "labels and reason of the alerts left out"
_TAKEN = "when last, by the clock of who took it"
_HELD = "nothing is told before, so that every source is heard first"
_FLAPS = "fired again before its end was told"
