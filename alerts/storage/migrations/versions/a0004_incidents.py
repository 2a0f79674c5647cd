"""Incidents, their alerts, and everything that people did about them."""

import sqlalchemy as sa
from alembic import op

revision = "a0004"
down_revision = "a0003"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WORST = "the worst so far"


def upgrade() -> None:
    """Add the tables. Groups that fire get their incident at the next look at them."""
    op.create_table(
        "alerts_incidents",
        sa.Column("incident_id", sa.String(length=32), nullable=False),
        sa.Column("group_key", sa.String(length=32), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False, comment="of the group"),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False, comment=WORST),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("acknowledged_at", INSTANT, nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=False),
        sa.Column("assignee", sa.Text(), nullable=False),
        sa.Column("mark", sa.String(length=16), nullable=True, comment="null: nobody has said what it was"),
        sa.Column("marked_by", sa.Text(), nullable=False),
        sa.Column("resolved_at", INSTANT, nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("alerts_incidents_pkey")),
        sa.UniqueConstraint("group_key", "generation", name=op.f("alerts_incidents_group_key_generation_key")),
    )
    op.create_index(op.f("alerts_incidents_state_idx"), "alerts_incidents", ["state"], unique=False)
    op.create_index(op.f("alerts_incidents_opened_at_idx"), "alerts_incidents", ["opened_at"], unique=False)
    op.create_table(
        "alerts_incident_alerts",
        sa.Column("incident_id", sa.String(length=32), nullable=False),
        sa.Column("fingerprint", sa.String(length=32), nullable=False),
        sa.Column("occurrence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False, comment=WORST),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("joined_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("incident_id", "fingerprint", "occurrence", name=op.f("alerts_incident_alerts_pkey")),
    )
    op.create_table(
        "alerts_incident_events",
        sa.Column("seq", SEQUENCE, sa.Identity(always=False), nullable=False),
        sa.Column("event_id", sa.String(length=32), nullable=False, comment="hash of the content"),
        sa.Column("incident_id", sa.String(length=32), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("change", sa.String(length=16), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("alerts_incident_events_pkey")),
        sa.UniqueConstraint("event_id", name=op.f("alerts_incident_events_event_id_key")),
    )
    op.create_index(
        op.f("alerts_incident_events_incident_id_seq_idx"),
        "alerts_incident_events",
        ["incident_id", "seq"],
        unique=False,
    )
    op.execute("UPDATE alerts_groups SET look_at = NULL WHERE finished_at IS NULL")


def downgrade() -> None:
    """Forget every incident."""
    op.drop_table("alerts_incident_events")
    op.drop_table("alerts_incident_alerts")
    op.drop_table("alerts_incidents")
