"""The first tables: alerts, groups, the told-log, the outbox, attempts, decisions."""

import sqlalchemy as sa
from alembic import op

revision = "a0001"
down_revision = None
branch_labels = ("alerts",)
depends_on = None

INSTANT = sa.DateTime(timezone=True)
SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables, and the one row by which planners take turns."""
    op.create_table(
        "alerts_alerts",
        sa.Column("fingerprint", sa.String(length=32), nullable=False),
        sa.Column("occurrence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("annotations", sa.JSON(), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=True),
        sa.Column("link", sa.Text(), nullable=True),
        sa.Column("charts", sa.JSON(), nullable=False),
        sa.Column("first_seen_at", INSTANT, nullable=False),
        sa.Column("last_seen_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=True, comment="when the latest news was decided"),
        sa.Column("end_reason", sa.String(length=16), nullable=True),
        sa.Column("is_flap", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", "occurrence", name=op.f("alerts_alerts_pkey")),
    )
    op.create_index(op.f("alerts_alerts_ends_at_idx"), "alerts_alerts", ["ends_at"], unique=False)
    op.create_index(op.f("alerts_alerts_first_seen_at_idx"), "alerts_alerts", ["first_seen_at"], unique=False)
    op.create_table(
        "alerts_attempts",
        sa.Column("seq", SEQUENCE, sa.Identity(always=False), nullable=False),
        sa.Column("delivery_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False, comment="sent, retry or dead"),
        sa.Column("failure", sa.String(length=32), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("alerts_attempts_pkey")),
    )
    op.create_index(op.f("alerts_attempts_delivery_id_idx"), "alerts_attempts", ["delivery_id"], unique=False)
    op.create_table(
        "alerts_decisions",
        sa.Column("seq", SEQUENCE, sa.Identity(always=False), nullable=False),
        sa.Column("group_key", sa.String(length=32), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=200), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("is_told", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=80), nullable=False),
        sa.Column("next_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("alerts_decisions_pkey")),
    )
    op.create_index(op.f("alerts_decisions_at_idx"), "alerts_decisions", ["at"], unique=False)
    op.create_index(op.f("alerts_decisions_group_key_seq_idx"), "alerts_decisions", ["group_key", "seq"], unique=False)
    op.create_table(
        "alerts_deliveries",
        sa.Column("seq", SEQUENCE, sa.Identity(always=False), nullable=False),
        sa.Column("delivery_id", sa.String(length=32), nullable=False),
        sa.Column("group_key", sa.String(length=32), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("next_at", INSTANT, nullable=False),
        sa.Column("give_up_from", INSTANT, nullable=False, comment="start of the time after which it is dead"),
        sa.Column("lease_until", INSTANT, nullable=True),
        sa.Column("owner", sa.String(length=200), nullable=True),
        sa.Column("body", sa.Text(), nullable=False, comment="the message, so that a retry sends the same"),
        sa.Column("progress", sa.JSON(), nullable=True, comment="what a failed try had reached"),
        sa.Column("last_failure", sa.Text(), nullable=False),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("alerts_deliveries_pkey")),
        sa.UniqueConstraint("delivery_id", name=op.f("alerts_deliveries_delivery_id_key")),
    )
    op.create_index(
        op.f("alerts_deliveries_channel_group_key_seq_idx"),
        "alerts_deliveries",
        ["channel", "group_key", "seq"],
        unique=False,
    )
    op.create_index(
        op.f("alerts_deliveries_state_next_at_idx"), "alerts_deliveries", ["state", "next_at"], unique=False
    )
    op.create_table(
        "alerts_events",
        sa.Column("seq", SEQUENCE, sa.Identity(always=False), nullable=False),
        sa.Column("event_id", sa.String(length=32), nullable=False, comment="hash of the content"),
        sa.Column("fingerprint", sa.String(length=32), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("body", sa.Text(), nullable=False, comment="the posted document"),
        sa.Column("outcome", sa.String(length=32), nullable=True, comment="what folding it did; null until folded"),
        sa.PrimaryKeyConstraint("seq", name=op.f("alerts_events_pkey")),
        sa.UniqueConstraint("event_id", name=op.f("alerts_events_event_id_key")),
    )
    op.create_index(op.f("alerts_events_outcome_seq_idx"), "alerts_events", ["outcome", "seq"], unique=False)
    op.create_table(
        "alerts_groups",
        sa.Column("group_key", sa.String(length=32), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("checked_at", INSTANT, nullable=True, comment="the last update time that was used"),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("group_key", name=op.f("alerts_groups_pkey")),
    )
    op.create_index(op.f("alerts_groups_finished_at_idx"), "alerts_groups", ["finished_at"], unique=False)
    op.create_table(
        "alerts_locks",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False, comment="how often"),
        sa.PrimaryKeyConstraint("name", name=op.f("alerts_locks_pkey")),
    )
    op.create_table(
        "alerts_members",
        sa.Column("group_key", sa.String(length=32), nullable=False),
        sa.Column("fingerprint", sa.String(length=32), nullable=False),
        sa.Column("joined_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("group_key", "fingerprint", name=op.f("alerts_members_pkey")),
    )
    op.create_table(
        "alerts_told",
        sa.Column("group_key", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=200), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("firing", sa.JSON(), nullable=False, comment="fingerprint to severity, as told"),
        sa.Column("resolved", sa.JSON(), nullable=False, comment="fingerprints told to be over"),
        sa.Column("told_at", INSTANT, nullable=True, comment="null: knows nothing of this generation"),
        sa.Column("count", sa.Integer(), nullable=False, comment="messages planned in this generation"),
        sa.Column("decision", sa.String(length=80), nullable=False, comment="the last reason, of either kind"),
        sa.Column("receipt", sa.JSON(), nullable=True, comment="handle of the last message sent"),
        sa.PrimaryKeyConstraint("group_key", "channel", name=op.f("alerts_told_pkey")),
    )
    locks = sa.table("alerts_locks", sa.column("name"), sa.column("taken"))
    op.execute(sa.insert(locks).values(name="plan", taken=0))


def downgrade() -> None:
    """Drop the tables and all that they hold."""
    op.drop_table("alerts_told")
    op.drop_table("alerts_members")
    op.drop_table("alerts_locks")
    op.drop_index(op.f("alerts_groups_finished_at_idx"), table_name="alerts_groups")
    op.drop_table("alerts_groups")
    op.drop_index(op.f("alerts_events_outcome_seq_idx"), table_name="alerts_events")
    op.drop_table("alerts_events")
    op.drop_index(op.f("alerts_deliveries_state_next_at_idx"), table_name="alerts_deliveries")
    op.drop_index(op.f("alerts_deliveries_channel_group_key_seq_idx"), table_name="alerts_deliveries")
    op.drop_table("alerts_deliveries")
    op.drop_index(op.f("alerts_decisions_group_key_seq_idx"), table_name="alerts_decisions")
    op.drop_index(op.f("alerts_decisions_at_idx"), table_name="alerts_decisions")
    op.drop_table("alerts_decisions")
    op.drop_index(op.f("alerts_attempts_delivery_id_idx"), table_name="alerts_attempts")
    op.drop_table("alerts_attempts")
    op.drop_index(op.f("alerts_alerts_first_seen_at_idx"), table_name="alerts_alerts")
    op.drop_index(op.f("alerts_alerts_ends_at_idx"), table_name="alerts_alerts")
    op.drop_table("alerts_alerts")
